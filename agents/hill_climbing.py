"""Hill climbing: the plainest local search, from random places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel

from agents.base import Agent, Hyperparameters, hyperparameter
from agents.memory import Memory
from agents.sweeps import Choice, Integer
from archgym_envs.evaluators import design_key
from archgym_envs.scoring import INVALID_REWARD
from simulators import DesignSpace, Evaluation


class HillClimbingHyperparameters(Hyperparameters):
    """Hyperparameters of :class:`HillClimbing`."""

    batch: int = hyperparameter(
        1,
        "Neighbours told before a move, to the best of them if it is better: 1 is first improvement, as many as a "
        "design has is steepest ascent. Trap: steepest ascent pays for a whole neighbourhood per move (Hoos and "
        "Stuetzle, Stochastic Local Search, 2004, ch. 2).",
        sweep=Choice(1, 2, 4, 16, 10_000),
        ge=1,
    )
    sideways: int = hyperparameter(
        8,
        "Moves in a row to neighbours that are equally good. Trap: at 0 a parameter without effect makes a local "
        "optimum of every design, at many a plateau takes the budget (Selman, Levesque and Mitchell, AAAI 1992).",
        sweep=Integer(0, 32),
        ge=0,
    )


class HillClimbing(Agent[HillClimbingHyperparameters]):
    """From a random design to better and better neighbours; from a local optimum to another random design.

    A neighbour changes one parameter that has effect: an ordered one to an adjacent value, an unordered one to any
    other. Neighbours come in random order. Known ones are not proposed again, but count: where one is better, the climb
    goes on from the best of them at no cost. A start that failed is not climbed from. A better design that was never
    asked (a warm start) is moved to as if it were a neighbour.
    """

    name = "hill_climbing"
    version = "1"
    citation = "Russell and Norvig, Artificial Intelligence: A Modern Approach (2020), random-restart hill climbing"
    Hyperparameters = HillClimbingHyperparameters

    def __init__(
        self, space: DesignSpace, seed: int, hyperparameters: BaseModel | Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(space, seed, hyperparameters)
        self._memory = Memory(space)
        self._rewards: dict[bytes, float] = {}
        self._current: np.ndarray | None = None
        self._reward = -np.inf
        self._level = 0
        self._queue: list[np.ndarray] = []

    def ask(self, n: int) -> np.ndarray:
        """Propose ``min(n, batch)`` new neighbours of the current design, or the random start of a climb."""
        if not self._queue:
            self._look_around()
        if self._current is None:
            return self._memory.sample_new(1, self.rng)
        count = min(n, self.hyperparameters.batch)
        designs, self._queue = self._queue[:count], self._queue[count:]
        return np.stack(designs)

    def tell(self, designs: np.ndarray, rewards: np.ndarray, evaluation: Evaluation | None = None) -> None:
        """Move to the best of these designs if it is better, or as good and new."""
        values = np.asarray(rewards, dtype=np.float64)
        canonical, new = self.space.canonical(designs), ~self._memory.known(designs)
        self._memory.add(designs)
        self._rewards.update(zip(map(design_key, canonical), values.tolist(), strict=True))
        best = int(np.argmax(values + np.where(new, 0.0, -np.inf))) if new.any() else -1
        if best >= 0 and values[best] > INVALID_REWARD and self._accepts(values[best]):
            self._move(canonical[best], float(values[best]))

    def _accepts(self, reward: float) -> bool:
        return reward > self._reward or (reward == self._reward and self._level < self.hyperparameters.sideways)

    def _move(self, design: np.ndarray, reward: float) -> None:
        self._level = self._level + 1 if reward == self._reward else 0
        self._current, self._reward, self._queue = design.copy(), reward, []

    def _look_around(self) -> None:
        """Queue the unknown neighbours of the current design, or of a better known one; end the climb at an optimum."""
        while self._current is not None:
            around = self.space.neighbours(self._current)
            known = [self._rewards.get(design_key(design), -np.inf) for design in around]
            if len(known) and max(known) > self._reward:
                self._move(around[int(np.argmax(known))], max(known))
                continue
            fresh = around[np.isneginf(known)] if len(known) else around
            self._queue = list(self.rng.permutation(fresh))
            if self._queue:
                return
            self._current, self._reward, self._level = None, -np.inf, 0
