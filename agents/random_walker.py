"""A local random walk with restarts: the simplest searcher that uses its rewards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel

from agents.base import Agent, Hyperparameters, hyperparameter
from agents.memory import Memory
from agents.operators import Mutation
from agents.sweeps import Integer, Uniform
from simulators import DesignSpace, Evaluation


class RandomWalkerHyperparameters(Hyperparameters):
    """Hyperparameters of :class:`RandomWalker`."""

    accept_worse: float = hyperparameter(
        0.1,
        "Probability of moving to a worse design. Trap: at 0 this is a hill climber, at 1 a blind walk.",
        sweep=Uniform(0.0, 0.5),
        ge=0.0,
        le=1.0,
    )
    patience: int = hyperparameter(
        30,
        "Designs told without an improvement of the walk before it restarts elsewhere. Trap: below the number of "
        "neighbours of a design, walks are cut before they end.",
        sweep=Integer(10, 100, log=True),
        ge=1,
    )
    steps: int = hyperparameter(
        1,
        "Neighbour steps taken at once. Trap: above 1 the walk no longer sees its direct neighbours.",
        sweep=Integer(1, 3),
        ge=1,
    )


class RandomWalker(Agent[RandomWalkerHyperparameters]):
    """From the current design to a random neighbour, again and again.

    A neighbour changes one parameter: an ordered one to an adjacent value, an
    unordered one to any other. The walk moves there when the reward is not lower, otherwise with probability
    ``accept_worse``; after ``patience`` designs without improvement it restarts at a random design. Neighbours already
    known are passed over; where all seem known, the next proposal is a random design.
    """

    name = "random_walker"
    version = "1"
    citation = "Hoos and Stuetzle, Stochastic Local Search (2004), randomised iterative improvement with restarts"
    Hyperparameters = RandomWalkerHyperparameters

    def __init__(
        self, space: DesignSpace, seed: int, hyperparameters: BaseModel | Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(space, seed, hyperparameters)
        self._memory = Memory(space)
        self._neighbour = Mutation(space, reach=0.0, resample=0.0)
        self._current: np.ndarray | None = None
        self._reward = self._best = -np.inf
        self._idle = 0

    def ask(self, n: int) -> np.ndarray:
        """Propose one design: a neighbour of the current one, or a random one at the start of a walk."""
        if self._current is None:
            return self._memory.sample_new(1, self.rng)
        return self._memory.renew(self._step(), lambda rows: self._step(), self.rng)

    def tell(self, designs: np.ndarray, rewards: np.ndarray, evaluation: Evaluation | None = None) -> None:
        """Move or stay, once per design in the order given."""
        self._memory.add(designs)
        for design, reward in zip(designs, np.asarray(rewards, dtype=np.float64).tolist(), strict=True):
            self._consider(design, reward)

    def _step(self) -> np.ndarray:
        assert self._current is not None
        design = self._current[None, :]
        for _ in range(self.hyperparameters.steps):
            design = self._neighbour(design, 0.0, self.rng)  # at rate 0 exactly one parameter changes
        return design

    def _consider(self, design: np.ndarray, reward: float) -> None:
        if self._current is None or reward >= self._reward or self.rng.random() < self.hyperparameters.accept_worse:
            self._current, self._reward = design.copy(), reward
        self._idle = 0 if reward > self._best else self._idle + 1
        self._best = max(self._best, reward)
        if self._idle >= self.hyperparameters.patience:
            self._current, self._reward, self._best, self._idle = None, -np.inf, -np.inf, 0
