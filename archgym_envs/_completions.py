"""Which values leave a feasible design: for the masks of ``DesignEnv`` and ``SequentialDesign``."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from simulators import DesignSpace

WHOLE = 65536
"""Spaces up to this size are looked at as a whole, once."""
TAIL = 1024
"""In larger ones all completions of a design are looked at once there are no more than this."""


class Completions:
    """Look ahead: of the ways to complete a design, is one feasible?

    Args:
        space: parameters are chosen in its order.

    Attributes:
        first: the first turn (position of a parameter, from 0) for which :meth:`values` can tell; the number of
            parameters where there are no constraints. 0 for spaces of up to :data:`WHOLE` designs; otherwise the first
            turn with no more than :data:`TAIL` completions, and the last turn in any case.
    """

    def __init__(self, space: DesignSpace) -> None:
        self._space = space
        counts: list[int] = space.cardinalities.tolist()
        self._counts = counts
        self._rest = [math.prod(counts[turn:]) for turn in range(len(counts) + 1)]
        self.first = self._first_turn()
        self._prefix: list[int] | None = None
        self._feasible = np.ones(0, dtype=bool)

    def values(self, chosen: Sequence[int]) -> np.ndarray:
        """Return for each value of the next parameter whether a feasible design can still follow, bool ``[k]``.

        Args:
            chosen: indices of the parameters before, at least ``first`` of them and not all.
        """
        prefix, turn = list(chosen[: self.first]), len(chosen)
        if prefix != self._prefix:
            self._prefix, self._feasible = prefix, self._completed(prefix)
        position = 0
        for earlier in range(self.first, turn):
            position = position * self._counts[earlier] + chosen[earlier]
        completions = self._feasible.reshape(-1, self._counts[turn], self._rest[turn + 1])[position]
        found: np.ndarray = completions.any(axis=1)
        return found

    def _first_turn(self) -> int:
        last = len(self._counts) - 1
        if not self._space.constraints:
            return last + 1
        if self._rest[0] <= WHOLE:
            return 0
        return next((turn for turn in range(last) if self._rest[turn] <= TAIL), last)

    def _completed(self, prefix: list[int]) -> np.ndarray:
        """Return which completions of a prefix are feasible, bool, the last parameter fastest."""
        flat, columns = np.arange(self._rest[self.first]), []
        for turn in range(self.first, len(self._counts)):
            columns.append(flat // self._rest[turn + 1] % self._counts[turn])
        designs = np.empty((len(flat), len(self._counts)), dtype=np.int64)
        designs[:, : self.first] = prefix
        designs[:, self.first :] = np.stack(columns, axis=1)
        return self._space.feasible(designs)


def possible_values(space: DesignSpace) -> np.ndarray:
    """Return which values some feasible design has, bool, those of the first parameter first, then of the second.

    Known in spaces of up to :data:`WHOLE` designs; all of them in larger ones, and where no design is feasible.
    """
    counts = space.cardinalities
    if not space.constraints or space.size > WHOLE:
        return np.ones(counts.sum(), dtype=bool)
    designs = space.unflatten(np.arange(space.size))
    designs = designs[space.feasible(designs)]
    possible = [np.isin(np.arange(count), column) for count, column in zip(counts, designs.T, strict=True)]
    return np.concatenate(possible) if len(designs) else np.ones(counts.sum(), dtype=bool)
