"""Covariance matrix adaptation with integers and categories, on the library cmaes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel

from agents.base import Agent, Hyperparameters, hyperparameter
from agents.memory import Memory
from agents.sweeps import LogUniform, Uniform
from archgym_envs.evaluators import design_key
from archgym_envs.scoring import INVALID_REWARD
from simulators import DesignSpace, Evaluation

if TYPE_CHECKING:
    from cmaes import CatCMAwM

_BARREN = 100
"""Draws in a row without a new design, two generations at least, after which the search begins anew."""
_LARGEST = 16
"""The population grows to this many times its first size at most."""


class CMAESHyperparameters(Hyperparameters):
    """Hyperparameters of :class:`CMAES`."""

    population: int = hyperparameter(
        0,
        "Designs per generation; 0 for 4 + 3 ln(d), d the parameters with a choice. Trap: the distribution is updated "
        "once per generation, so many leave few updates (Hansen, arXiv 1604.00772).",
        ge=0,
    )
    spread: float = hyperparameter(
        0.25,
        "Standard deviation of the first generation as a share of an ordered parameter's range. Trap: far below 0.1 "
        "the search is local from the start.",
        sweep=Uniform(0.1, 0.5),
        gt=0.0,
        le=1.0,
    )
    growth: float = hyperparameter(
        2.0,
        "Factor on the population at each new beginning (IPOP: Auger and Hansen, CEC 2005). Trap: above 3 few "
        "beginnings fit into the budget.",
        sweep=LogUniform(1.0, 3.0),
        ge=1.0,
    )


class CMAES(Agent[CMAESHyperparameters]):
    """CatCMA with margin: a Gaussian over ordered parameters and a categorical distribution per unordered one.

    Both are moved towards the better half of each generation; margins keep every value's probability from vanishing.
    Ordered parameters are integers (positions); those of two values are categories, as the authors advise; those of one
    value are left out.

    A generation is complete when as many of its designs as the population have rewards, in whatever order they came.
    A drawn design that is known already has its reward and is not proposed; an infeasible one counts as failed. What
    comes after its generation's update is remembered, as are designs never asked, but moves nothing. The first
    generation lies around the best design told before it (a warm start), else in the middle. When the distribution has
    converged, or draws nothing new for long, the search begins anew around a random design, once per ask at most;
    then a random design is proposed.
    """

    name = "cma_es"
    version = "1"
    citation = (
        "Hamano et al., CatCMA with Margin: Stochastic Optimization for Continuous, Integer, and Categorical "
        "Variables, GECCO 2025"
    )
    Hyperparameters = CMAESHyperparameters

    def __init__(
        self, space: DesignSpace, seed: int, hyperparameters: BaseModel | Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(space, seed, hyperparameters)
        ordered = np.array([p.ordered for p in space.parameters]) & (space.cardinalities > 2)
        self._integers = np.flatnonzero(ordered)
        self._categories = np.flatnonzero(~ordered & (space.cardinalities > 1))
        self._memory = Memory(space)
        self._rewards: dict[bytes, float] = {}
        self._best: tuple[float, np.ndarray] | None = None
        self._generation: list[tuple[CatCMAwM.Solution, bytes]] = []
        self._optimizer: CatCMAwM | None = None
        self._beginnings = self._barren = 0

    def ask(self, n: int) -> np.ndarray:
        """Propose the designs of a generation that are new, at most ``n``."""
        found: list[np.ndarray] = []
        limit = self._beginnings + 1
        while self._has_choice and len(found) < n and self._beginnings <= limit:
            if self._optimizer is None:
                self._begin()
            if found and len(self._generation) >= self._size:
                break
            design = self._draw()
            if design is not None:
                found.append(design)
        return np.stack(found) if found else self._memory.sample_new(1, self.rng)

    def tell(self, designs: np.ndarray, rewards: np.ndarray, evaluation: Evaluation | None = None) -> None:
        """Remember the rewards; update the distribution when they complete a generation."""
        self._memory.add(designs)
        for design, reward in zip(self.space.canonical(designs), np.asarray(rewards).tolist(), strict=True):
            self._rewards[design_key(design)] = reward
            if self._best is None or reward > self._best[0]:
                self._best = (reward, design.copy())
        self._update()

    @property
    def _has_choice(self) -> bool:
        return len(self._integers) + len(self._categories) > 0

    @property
    def _size(self) -> int:
        """Designs per generation."""
        assert self._optimizer is not None
        return int(self._optimizer.population_size)

    def _draw(self) -> np.ndarray | None:
        """Draw a design; return it if it is to be proposed, None if it is known, pending or infeasible."""
        assert self._optimizer is not None
        solution = self._optimizer.ask()
        design = self._design(solution)
        key = design_key(design)
        fresh = key not in self._rewards and all(key != pending for _, pending in self._generation)
        if fresh and not self.space.feasible(design[None, :])[0]:
            self._rewards[key], fresh = INVALID_REWARD, False
        self._generation.append((solution, key))
        self._barren = 0 if fresh else self._barren + 1
        if not fresh:
            self._update()
            if self._optimizer is not None and self._barren > max(_BARREN, 2 * self._size):
                self._optimizer = None
        return design if fresh else None

    def _update(self) -> None:
        """Move the distribution if a generation is complete; end it where it has converged."""
        if self._optimizer is None:
            return
        done = [(s, -self._rewards[key]) for s, key in self._generation if key in self._rewards]
        if len(done) < self._size:
            return
        with np.errstate(all="ignore"):
            self._optimizer.tell(done[: self._size])
        self._generation = []
        if _has_broken(self._optimizer) or (len(self._integers) and self._optimizer.should_stop()):
            self._optimizer = None

    def _begin(self) -> None:
        """Begin around the best design told so far, if that is the first beginning, or a random one."""
        from cmaes import CatCMAwM

        counts = self.space.cardinalities
        base = self.hyperparameters.population or 4 + int(3 * np.log(len(self._integers) + len(self._categories)))
        growth = min(self.hyperparameters.growth ** min(self._beginnings, 64), _LARGEST)
        widths = self.hyperparameters.spread * (counts[self._integers] - 1.0)
        self._optimizer = CatCMAwM(
            z_space=[list(range(count)) for count in counts[self._integers]] or None,
            c_space=counts[self._categories].tolist() or None,
            population_size=max(4, round(base * growth)),
            mean=self._centre() if len(self._integers) else None,
            cov=np.diag(widths**2) if len(self._integers) else None,
            seed=int(self.rng.integers(2**31)),
        )
        self._generation = []
        self._beginnings, self._barren = self._beginnings + 1, 0

    def _centre(self) -> np.ndarray:
        if self._beginnings:
            return self.space.sample(1, self.rng)[0, self._integers].astype(np.float64)
        if self._best is not None:
            return self._best[1][self._integers].astype(np.float64)
        return (self.space.cardinalities[self._integers] - 1) / 2

    def _design(self, solution: CatCMAwM.Solution) -> np.ndarray:
        """Return the canonical design ``[d]`` of a solution."""
        design = np.zeros((1, self.space.dimensions), dtype=np.int64)
        if solution.z is not None:
            design[0, self._integers] = np.rint(solution.z)
        if solution.c is not None:
            design[0, self._categories] = solution.c.argmax(axis=1)
        return self.space.canonical(design)[0]


def _has_broken(optimizer: CatCMAwM) -> bool:
    """Return whether an update has left the numbers (a generation without any difference can)."""
    parts = [getattr(optimizer, name, None) for name in ("_mean", "_q")]
    return any(part is not None and not np.isfinite(part).all() for part in parts)
