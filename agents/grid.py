"""Grid search: a factorial design as fine as the budget allows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel

from agents.base import Agent, Hyperparameters, hyperparameter
from agents.memory import Memory
from agents.streams import DesignStream
from simulators import DesignSpace, Evaluation, Parameter

_BLOCK = 256
"""Points of the grid looked at in one go."""
_SHUFFLED = 2**20
"""Up to this size a grid is visited in a random order; of a larger one points are drawn, as repeats are rare."""


class GridHyperparameters(Hyperparameters):
    """Hyperparameters of :class:`Grid`."""

    points: int = hyperparameter(
        0,
        "Points the first grid must hold; 0 for as many as it is first asked for, which is the budget. Trap: far above "
        "the budget only a random part of the grid is seen.",
        ge=0,
    )
    batch: int = hyperparameter(
        32, "Designs proposed per ask. Trap: none, rewards are ignored; larger only saves calls.", ge=1
    )


class Grid(Agent[GridHyperparameters]):
    """Every combination of some levels of every parameter, in random order.

    All parameters begin with one level, their default, and gain levels in turn, in an order drawn by the seed, until
    the grid holds the budget. An ordered parameter gains one level at a time; two or more are spaced evenly from its
    first value to its last. An unordered one has nothing between its values, so it gains all of them at once. A
    small budget leaves parameters at their default: the price of a grid (Bergstra and Bengio, JMLR 13, 2012).

    Points are visited in random order, so that a grid cut off by the budget is a sample of the whole. After the last
    point comes a grid of at least twice the size; known and infeasible points are skipped. When no grid has a new
    design, designs are drawn uniformly.
    """

    name = "grid"
    version = "1"
    citation = "Montgomery, Design and Analysis of Experiments (2017), factorial designs"
    Hyperparameters = GridHyperparameters

    def __init__(
        self, space: DesignSpace, seed: int, hyperparameters: BaseModel | Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(space, seed, hyperparameters)
        self._memory = Memory(space)
        self._order = self.rng.permutation(np.flatnonzero(space.cardinalities > 1)).tolist()
        self._counts = [1] * space.dimensions
        self._size = self._turn = 0
        self._visits: np.ndarray | None = None
        self._next = 0
        self._stream = DesignStream(self._memory, self._block)

    def ask(self, n: int) -> np.ndarray:
        """Propose the next ``min(n, batch)`` points of the grid."""
        if not self._size:
            self._refine(self.hyperparameters.points or n)
        return self._stream.take(min(n, self.hyperparameters.batch), self.rng)

    def tell(self, designs: np.ndarray, rewards: np.ndarray, evaluation: Evaluation | None = None) -> None:
        """Remember the designs, so as not to propose them again."""
        self._memory.add(designs)

    def levels(self) -> list[np.ndarray]:
        """Return each parameter's levels in the present grid, as positions in its values."""
        return [_levels(p, count) for p, count in zip(self.space.parameters, self._counts, strict=True)]

    def _block(self) -> np.ndarray | None:
        """Return the designs ``[k, d]`` at the next points, of a finer grid after the last; None after the finest."""
        if self._next >= self._size:
            before = self._size
            self._refine(2 * before)
            if self._size == before:
                return None
        count = min(_BLOCK, self._size - self._next)
        if self._visits is None:
            places = self.rng.integers(0, self._counts, size=(count, self.space.dimensions))
        else:
            flat = self._visits[self._next : self._next + count]
            weights = np.cumprod([1, *self._counts[:-1]])
            places = flat[:, None] // weights % self._counts
        self._next += count
        return np.stack([levels[places[:, j]] for j, levels in enumerate(self.levels())], axis=1)

    def _refine(self, points: int) -> None:
        """Give parameters more levels, in turn, until the grid holds so many points or has all levels."""
        self._size = math.prod(self._counts)
        while self._size < points and not np.array_equal(self._counts, self.space.cardinalities):
            column = self._order[self._turn % len(self._order)]
            self._turn += 1
            count = len(self.space.parameters[column])
            ordered = self.space.parameters[column].ordered
            self._counts[column] = min(self._counts[column] + 1, count) if ordered else count
            self._size = math.prod(self._counts)
        self._visits = self.rng.permutation(self._size) if self._size <= _SHUFFLED else None
        self._next = 0


def _levels(parameter: Parameter, count: int) -> np.ndarray:
    """Return ``count`` positions in a parameter's values: its default, or evenly spaced from first to last."""
    if count == 1:
        return np.array([parameter.default_index])
    return np.rint(np.linspace(0, len(parameter) - 1, count)).astype(np.int64)
