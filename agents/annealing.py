"""Simulated annealing: a local search that climbs out of local optima while it is hot."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel

from agents.base import Agent, Hyperparameters, hyperparameter
from agents.memory import Memory
from agents.operators import Mutation, woken
from agents.sweeps import Integer, LogUniform, Uniform
from archgym_envs.scoring import INVALID_REWARD
from simulators import DesignSpace, Evaluation


class AnnealingHyperparameters(Hyperparameters):
    """Hyperparameters of :class:`SimulatedAnnealing`."""

    warmup: int = hyperparameter(
        16,
        "Random designs told before the walk begins, at its best; their rewards' spread sets the temperature's unit. "
        "Trap: it is spent from the budget.",
        sweep=Integer(4, 64, log=True),
        ge=2,
    )
    hot: float = hyperparameter(
        0.3,
        "Temperature at the start, in units of that spread. Trap: above 1 the first part is a blind walk (Kirkpatrick "
        "et al. start where nearly every move is accepted; small budgets cannot afford it).",
        sweep=LogUniform(0.03, 2.0),
        gt=0.0,
    )
    cold: float = hyperparameter(
        0.003,
        "Temperature at the end, in the same unit; the cooling between is geometric. Trap: too high and the search "
        "never settles.",
        sweep=LogUniform(0.0003, 0.03),
        gt=0.0,
    )
    steps: int = hyperparameter(
        0,
        "Designs after which it is cold; 0 for as many as it is first asked for, which is the budget. Trap: far above "
        "the budget the walk ends hot.",
        ge=0,
    )
    moves: float = hyperparameter(
        1.0,
        "Expected number of parameters that a move changes; one is forced. Trap: many make every move a jump.",
        sweep=LogUniform(0.3, 4.0),
        gt=0.0,
    )
    reach: float = hyperparameter(
        0.15,
        "Mean step of an ordered parameter as a share of its range; never below one value.",
        sweep=LogUniform(0.03, 0.5),
        gt=0.0,
        le=1.0,
    )
    patience: float = hyperparameter(
        0.1,
        "Share of the steps without a new best after which the walk goes on from the best. Trap: a small one digs "
        "where it is.",
        sweep=Uniform(0.02, 0.5),
        gt=0.0,
        le=1.0,
    )


@dataclass(frozen=True)
class Place:
    """Where a walk may stand.

    Attributes:
        design: indices ``[d]``.
        reward: what it earned.
        hint: what its evaluation says limits it, or nothing.
    """

    design: np.ndarray
    reward: float
    hint: str = ""


class SimulatedAnnealing(Agent[AnnealingHyperparameters]):
    """One walk: a neighbour that is better is taken, a worse one with probability exp(-loss / temperature).

    The temperature falls geometrically from ``hot`` to ``cold`` times the spread (standard deviation) of the first
    random rewards. Neighbours already known are passed over.
    """

    name = "simulated_annealing"
    version = "1"
    citation = "Kirkpatrick, Gelatt, Vecchi, Optimization by Simulated Annealing, Science 220 (1983)"
    Hyperparameters = AnnealingHyperparameters

    def __init__(
        self, space: DesignSpace, seed: int, hyperparameters: BaseModel | Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(space, seed, hyperparameters)
        self._memory = Memory(space)
        self._mutate = Mutation(space, self.hyperparameters.reach, resample=0.2)
        self._first: list[float] = []
        self._current = self._best = Place(np.empty(0, dtype=np.int64), -math.inf)
        self._told = self._idle = 0
        self._steps = 0

    def ask(self, n: int) -> np.ndarray:
        """Propose the random start, then one neighbour at a time."""
        self._steps = self._steps or self.hyperparameters.steps or self._told + n
        missing = self._warmup - self._told
        if missing > 0 or not len(self._current.design):
            return self._memory.sample_new(min(n, max(missing, 1)), self.rng)
        return self._memory.renew(self._neighbours(1), lambda rows: self._neighbours(len(rows)), self.rng)

    def tell(self, designs: np.ndarray, rewards: np.ndarray, evaluation: Evaluation | None = None) -> None:
        """Move or stay, once per design in the order given."""
        self._memory.add(designs)
        for row, reward in enumerate(np.asarray(rewards, dtype=np.float64).tolist()):
            self._consider(Place(designs[row].copy(), reward, self._hint(evaluation, row)))

    @property
    def temperature(self) -> float:
        """The temperature now, in units of the reward; designs that failed take no part in the spread."""
        done = min(1.0, self._told / max(self._steps, 1))
        sound = [reward for reward in self._first if reward > INVALID_REWARD]
        spread = float(np.std(sound)) if sound else 0.0
        hot, cold = self.hyperparameters.hot, self.hyperparameters.cold
        return (spread or 1.0) * hot * float((cold / hot) ** done)

    @property
    def _warmup(self) -> int:
        """Designs before the walk: at most a quarter of a short search."""
        most = max(2, self._steps // 4) if self._steps else self.hyperparameters.warmup
        return min(self.hyperparameters.warmup, most)

    def _neighbours(self, count: int) -> np.ndarray:
        """Return ``count`` neighbours of the current design."""
        here = np.repeat(self._current.design[None, :], count, axis=0)
        return woken(self.space, here, self._mutate(here, self.hyperparameters.moves, self.rng), self.rng)

    def _hint(self, evaluation: Evaluation | None, row: int) -> str:
        """Return what to remember of a design's evaluation; here nothing."""
        return ""

    def _consider(self, place: Place) -> None:
        """Move to a design, or not; after a long time without a new best move back to the best."""
        self._told += 1
        self._idle += 1
        if len(self._first) < self._warmup:
            self._first.append(place.reward)
        if self._accepts(place.reward):
            self._current = place
        if place.reward > self._best.reward:
            self._best, self._idle = place, 0
        if self._idle > max(8, self.hyperparameters.patience * self._steps):
            self._current, self._idle = self._best, 0

    def _accepts(self, reward: float) -> bool:
        """Metropolis' rule (J. Chem. Phys. 21, 1953); the random start only climbs."""
        loss = self._current.reward - reward
        if loss <= 0.0:
            return True
        if not self._steps or self._told <= self._warmup:
            return False
        return bool(self.rng.random() < math.exp(-loss / self.temperature))
