"""Where a flat index stands in an ascending list of flat indices: the inverse of enumerating a design space."""

from __future__ import annotations

import numpy as np

_WORD = 64
_SPARSE = 64
"""From this many points of the space per listed one, a bit per point costs more than the list itself."""


class RankIndex:
    """Positions of flat indices in an ascending list without repeats.

    Where the list fills a fair part of its range, a bit per point with the count of all bits before each
    64-bit word answers in constant time, from a table small enough for the processor's caches; elsewhere
    binary search answers in O(log n).

    Args:
        flat: int64 ``[n]``, ascending, without repeats, each in ``[0, size)``.
        size: of the space.
    """

    def __init__(self, flat: np.ndarray, size: int) -> None:
        self._flat, self._size = flat, size
        self._dense = size <= _SPARSE * len(flat)
        self._words = self._before = np.empty(0, dtype=np.int64)
        if self._dense:
            bits = np.zeros(-(-size // _WORD) * _WORD, dtype=bool)
            bits[flat] = True
            self._words = np.packbits(bits, bitorder="little").view("<u8").astype(np.uint64, copy=False)
            counts = np.bitwise_count(self._words).astype(np.int64)
            self._before = np.cumsum(counts) - counts

    def __len__(self) -> int:
        """Return ``n``."""
        return len(self._flat)

    def find(self, flat: np.ndarray) -> np.ndarray:
        """Return the positions, int64 ``[k]``, of flat indices ``[k]``; -1 where one is not listed."""
        if not self._dense:
            position = np.searchsorted(self._flat, flat)
            inside = np.minimum(position, max(0, len(self._flat) - 1))
            found = self._flat[inside] == flat if len(self._flat) else np.zeros(len(flat), dtype=bool)
            return np.where(found, position, -1)
        if len(flat) == 1:
            return np.array([self._find_one(int(flat[0]))])
        word, bit = flat >> 6, (flat & 63).astype(np.uint64)
        bits = self._words[word] >> bit
        after = np.bitwise_count(bits)  # set bits from this one on, so that those before it are the others
        position = self._before[word] + np.bitwise_count(self._words[word]) - after
        return np.where(bits & np.uint64(1), position, -1)

    def _find_one(self, flat: int) -> int:
        """Return what :meth:`find` gives for one, without array operations."""
        word = int(self._words[flat >> 6])
        bit = flat & 63
        return int(self._before[flat >> 6]) + (word & ((1 << bit) - 1)).bit_count() if word >> bit & 1 else -1
