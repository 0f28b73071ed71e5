"""Uniform random search, the baseline that every other agent must beat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel

from agents.base import Agent, Hyperparameters, hyperparameter
from agents.memory import Memory
from simulators import DesignSpace, Evaluation


class RandomSearchHyperparameters(Hyperparameters):
    """Random search has nothing to tune; the batch only decides how often it is asked."""

    batch: int = hyperparameter(
        32, "Designs proposed per ask. Trap: none, rewards are ignored; larger only saves calls.", ge=1
    )


class RandomSearch(Agent[RandomSearchHyperparameters]):
    """Designs drawn uniformly from the feasible ones, without repeats where that is cheap.

    A design that has been told is drawn again, up to a bounded number of times, so that small spaces
    are exhausted instead of stalling on repeats. The distribution over new designs stays uniform.
    """

    name = "random_search"
    version = "1"
    citation = "Bergstra and Bengio, Random Search for Hyper-Parameter Optimization, JMLR 13 (2012)"
    Hyperparameters = RandomSearchHyperparameters

    def __init__(
        self, space: DesignSpace, seed: int, hyperparameters: BaseModel | Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(space, seed, hyperparameters)
        self._memory = Memory(space)

    def ask(self, n: int) -> np.ndarray:
        """Propose ``min(n, batch)`` designs."""
        return self._memory.sample_new(min(n, self.hyperparameters.batch), self.rng)

    def tell(self, designs: np.ndarray, rewards: np.ndarray, evaluation: Evaluation | None = None) -> None:
        """Remember the designs, so as not to propose them again."""
        self._memory.add(designs)
