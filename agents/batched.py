"""Many runs of one agent, advanced at once.

Array operations and compiled kernels cost the same for one design as for a hundred, so a study of many seeds is
cheaper when its runs go in step. A batched form holds the state of every run in arrays; rows of designs carry the
number of their run::

    agent = make_batched("genetic", space, seeds=range(256))
    designs, runs = agent.ask(remaining)             # remaining[256]; 1..remaining[r] rows of each run, 0 of ended ones
    agent.tell(designs, runs, rewards)

Every run has its own random stream, so that it makes the same proposals in any company. The single-run agent is a
batch of one (:class:`BatchOfOne`): there is one implementation.
"""

from __future__ import annotations

import importlib
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Generic

import numpy as np
from pydantic import BaseModel

from agents.base import Agent, H_co, Searcher, validated
from agents.design_sets import DesignSets
from agents.memory import ATTEMPTS, RANDOM_ATTEMPTS
from agents.registry import agent_class, agent_names
from simulators import DesignSpace, Evaluation, InvalidInputError, SamplingError

_WIDEST = 256
"""Candidates drawn at once for one design where constraints are tight."""
_ACCEPTANCE = 1e-4
"""Share of random designs that must be feasible, as in :meth:`DesignSpace.sample`."""


class BatchedAgent(ABC, Generic[H_co]):
    """Base of batched forms.

    Words: ``runs`` the number of a design's run, int64 ``[k]`` in ``[0, number of seeds)``, ascending in what is asked;
    ``designs`` int64 ``[k, d]``; ``rewards`` float64 ``[k]``, finite, higher is better.

    Args:
        space: the designs to search.
        seeds: of the runs, non-negative; a run's proposals follow from its seed and what it is told.
        hyperparameters: of all runs.
    """

    name: ClassVar[str]

    def __init__(self, space: DesignSpace, seeds: Sequence[int], hyperparameters: H_co) -> None:
        self.space = space
        self.hyperparameters = hyperparameters
        self.streams = run_streams(self.name, seeds)
        self.known = DesignSets(space, len(seeds))

    @abstractmethod
    def ask(self, most: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Propose ``1..most[r]`` designs for each run r, none where ``most[r]`` is 0: designs and their runs.

        ``most`` is int64 ``[number of seeds]``.
        """

    @abstractmethod
    def tell(self, designs: np.ndarray, runs: np.ndarray, rewards: np.ndarray) -> None:
        """Report the rewards of designs; each run's in any order, any subset, and ones that were never asked."""

    def sample(self, runs: np.ndarray) -> np.ndarray:
        """Return a feasible design ``[k, d]`` for each entry of ``runs``, uniformly drawn from its own stream.

        Raises:
            SamplingError: hardly any design is feasible.
        """
        if not self.space.constraints:
            return self._draw(runs)
        found = np.empty((len(runs), self.space.dimensions), dtype=np.int64)
        pending, width, proposed, accepted = np.arange(len(runs)), 1, 0, 0
        while len(pending):
            drawn = self._draw(np.repeat(runs[pending], width))
            holds = self.space.feasible(drawn).reshape(-1, width)
            proposed, accepted = proposed + len(drawn), accepted + int(holds.sum())
            hit = holds.any(axis=1)
            found[pending[hit]] = drawn.reshape(len(pending), width, -1)[hit, holds[hit].argmax(axis=1)]
            pending, width = pending[~hit], min(4 * width, _WIDEST)
            if proposed * _ACCEPTANCE >= 16 and accepted < proposed * _ACCEPTANCE:
                raise SamplingError(
                    f"only {accepted} of {proposed} random designs of space {self.space.name!r} satisfy its "
                    f"constraints; below the stated acceptance {_ACCEPTANCE}. "
                    "Reformulate the parameters so that most designs are feasible."
                )
        return found

    def renew(self, designs: np.ndarray, runs: np.ndarray, redraw: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Draw stale rows of ``designs`` again, in place and bounded, as :meth:`agents.memory.Memory.renew` does.

        ``redraw(rows)`` gives replacements for the rows at these positions, each from the stream of its run.
        """
        looked_at, unsure = np.arange(len(runs)), np.ones(len(runs), dtype=bool)
        for attempt in range(ATTEMPTS + RANDOM_ATTEMPTS):
            rows = looked_at[self.known.stale(designs[looked_at], runs[looked_at], unsure)]
            if not len(rows):
                break
            designs[rows] = redraw(rows) if attempt < ATTEMPTS else self.sample(runs[rows])
            touched, drawn = np.zeros(len(self.streams), dtype=bool), np.zeros(len(runs), dtype=bool)
            touched[runs[rows]] = drawn[rows] = True
            looked_at = np.flatnonzero(touched[runs])
            unsure = drawn[looked_at]
        return designs

    def _draw(self, runs: np.ndarray) -> np.ndarray:
        from agents.kernels.kernel_random import draw_designs

        drawn = np.empty((len(runs), self.space.dimensions), dtype=np.int64)
        draw_designs(self.streams, runs, self.space.cardinalities, drawn)
        return drawn


class BatchOfOne(Agent[H_co]):
    """A single-run agent that is its own batched form with one run."""

    def __init__(
        self, space: DesignSpace, seed: int, hyperparameters: BaseModel | Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(space, seed, hyperparameters)
        self._batch: Any = batched_form(type(self))(space, [self.seed], self.hyperparameters)

    def ask(self, n: int) -> np.ndarray:
        """Propose ``1..n`` designs."""
        designs: np.ndarray = self._batch.ask(np.array([n]))[0]
        return designs

    def tell(self, designs: np.ndarray, rewards: np.ndarray, evaluation: Evaluation | None = None) -> None:
        """Report the rewards of designs."""
        checked = self.space.check(designs)
        self._batch.tell(checked, np.zeros(len(checked), dtype=np.int64), np.asarray(rewards, dtype=np.float64))


def run_streams(name: str, seeds: Sequence[int]) -> np.ndarray:
    """Return the first states of the streams of agent ``name``, uint64 ``[runs, 4]``, see ``kernel_random``."""
    mark = zlib.crc32(name.encode())
    states = [np.random.SeedSequence([int(seed), mark]).generate_state(4, np.uint64) for seed in seeds]
    return np.array(states, dtype=np.uint64).reshape(-1, 4)


def batched_form(found: type[Searcher[Any]]) -> type[BatchedAgent[Any]]:
    """Import and return the batched form that an agent's class names.

    Raises:
        InvalidInputError: it has none; the message names those that have.
    """
    if not found.batched:
        having = [name for name in agent_names() if _names_one(name)]
        raise InvalidInputError(f"agent {found.name!r} has no batched form; those that have: {', '.join(having)}")
    module, _, attribute = found.batched.partition(":")
    form: type[BatchedAgent[Any]] = getattr(importlib.import_module(module), attribute)
    return form


def make_batched(
    name: str, space: DesignSpace, seeds: Sequence[int], hyperparameters: Mapping[str, Any] | None = None
) -> BatchedAgent[Any]:
    """Build the batched form of the agent called ``name``, one run per seed.

    Raises:
        InvalidInputError: no seeds, a negative one, an agent without a batched form, or what its constructor refuses.
        UnknownNameError: no such agent or hyperparameter.
    """
    found = agent_class(name)
    form, model = batched_form(found), validated(found, hyperparameters)
    if not len(seeds) or min(seeds) < 0:
        raise InvalidInputError(f"seeds must be non-negative integers, one at least, got {list(seeds)[:5]}")
    if reason := found.refusal(space, model):
        raise InvalidInputError(f"agent {name!r} cannot search space {space.name!r}: {reason}")
    return form(space, seeds, model)


def _names_one(name: str) -> bool:
    try:
        return bool(agent_class(name).batched)
    except (ImportError, InvalidInputError):
        return False
