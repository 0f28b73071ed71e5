"""What one choice per parameter makes of a design, for the formulations of :mod:`archgym_envs.parallel`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Protocol

import numpy as np

from simulators import DesignSpace


class Choices(Protocol):
    """A set of actions per parameter.

    Attributes:
        sizes: how many actions each parameter has, int64 ``[d]``.
    """

    sizes: np.ndarray

    def apply(self, design: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Return the design ``[d]`` that actions ``[d]``, each below its size, make of ``design``."""

    def masks(self, design: np.ndarray) -> list[np.ndarray]:
        """Return for each parameter which actions are worth taking, int8 ``[size]``."""


class OneShotChoices:
    """Actions are values: the design before does not matter."""

    def __init__(self, space: DesignSpace) -> None:
        self.sizes = space.cardinalities
        self._masks = [np.ones(size, dtype=np.int8) for size in self.sizes]

    def apply(self, design: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Return the actions."""
        return actions

    def masks(self, design: np.ndarray) -> list[np.ndarray]:
        """Return that every value may be chosen."""
        return self._masks


class EditChoices:
    """Ordered parameters: 0 keeps, 1 goes one value down, 2 one up. Others: 0 keeps, 1 + i sets value i.

    A step beyond the first or last value keeps, and is masked; so is setting the value that is set.
    """

    def __init__(self, space: DesignSpace) -> None:
        self._counts = space.cardinalities
        self._ordered = np.array([parameter.ordered for parameter in space.parameters])
        self.sizes = np.where(self._ordered, 3, self._counts + 1)

    def apply(self, design: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Return the edited design."""
        steps = np.array([0, -1, 1])[np.where(self._ordered, actions, 0)]
        moved = np.clip(design + steps, 0, self._counts - 1)
        return np.where(self._ordered | (actions == 0), moved, actions - 1)

    def masks(self, design: np.ndarray) -> list[np.ndarray]:
        """Return which actions change the design, or keep it on purpose."""
        return [
            np.array([1, position > 0, position < count - 1], dtype=np.int8) if ordered else _all_but(count, position)
            for position, count, ordered in zip(
                design.tolist(), self._counts.tolist(), self._ordered.tolist(), strict=True
            )
        ]


def _all_but(count: int, position: int) -> np.ndarray:
    mask = np.ones(count + 1, dtype=np.int8)
    mask[1 + position] = 0
    return mask


def sizes_of_agents(own: Sequence[np.ndarray], padded: bool) -> list[np.ndarray]:
    """Return for each agent how many actions each position has: its parameters' own, or padded to the most of any."""
    if not padded:
        return list(own)
    most = np.array([max(sizes) for sizes in zip_longest(*(sizes.tolist() for sizes in own), fillvalue=1)])
    return [most] * len(own)


def flat_mask(own: Sequence[np.ndarray], sizes: np.ndarray) -> np.ndarray:
    """Return an agent's mask, int8 ``[sum of sizes]``, from its parameters' masks; see ``ParallelDesignEnv``."""
    mask = np.zeros(int(sizes.sum()), dtype=np.int8)
    starts = np.cumsum(sizes) - sizes
    for start, of_parameter in zip(starts, own, strict=False):
        mask[start : start + len(of_parameter)] = of_parameter
    mask[starts[len(own) :]] = 1
    return mask
