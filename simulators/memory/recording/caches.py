"""The cache filter: which of a program's accesses reach memory.

Two levels, both set-associative, least recently used, write-back and write-allocate, with 64-byte lines: a first
level for instructions, one for data, and a last level behind both. The levels are neither inclusive nor exclusive:
a line written back from the first level is placed in the last level without a read from memory (it is whole), and
a line that the last level gives up may live on in the first. Sets are chosen by virtual address bits. There is no
prefetcher.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from simulators.errors import InvalidInputError
from simulators.memory.trace import REQUEST_BYTES

INSTRUCTION, LOAD, STORE, MODIFY = 0, 1, 2, 3
"""Kinds of access; MODIFY is a load and a store of the same bytes."""

Requests = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]
"""int64[m] instructions begun before, int64[m] virtual line number, bool[m] whether it is a write-back."""

_EMPTY = -1


@dataclass(frozen=True)
class CacheLevel:
    """Size of one cache.

    Attributes:
        size_bytes: capacity; ``size_bytes / (64 * ways)`` must be a power of two (the number of sets).
        ways: lines per set.
    """

    size_bytes: int
    ways: int

    def __post_init__(self) -> None:
        sets = self.size_bytes // (REQUEST_BYTES * self.ways) if self.ways > 0 else 0
        if sets < 1 or sets & (sets - 1) or sets * self.ways * REQUEST_BYTES != self.size_bytes:
            raise InvalidInputError(
                f"a cache of {self.size_bytes} bytes with {self.ways} ways of {REQUEST_BYTES}-byte lines must have a "
                f"power of two of sets: try 32768 bytes with 8 ways"
            )

    @property
    def sets(self) -> int:
        """Number of sets."""
        return self.size_bytes // (REQUEST_BYTES * self.ways)


class CacheFilter:
    """The caches of one core, with their contents.

    Args:
        first: size of each first-level cache (instructions and data have one each).
        last: size of the last-level cache.
    """

    def __init__(self, first: CacheLevel, last: CacheLevel) -> None:
        self._levels = tuple(np.full((level.sets, level.ways), _EMPTY, np.int64) for level in (first, first, last))
        self._dirty = tuple(np.zeros(tags.shape, np.bool_) for tags in self._levels)
        self.counts = np.zeros(4, np.int64)
        """int64[4]: instructions, line accesses, first-level misses, last-level misses so far."""

    def access(self, kind: NDArray[np.uint8], address: NDArray[np.uint64], size: NDArray[np.int64]) -> Requests:
        """Run accesses through the caches.

        Args:
            kind: uint8[n], INSTRUCTION, LOAD, STORE or MODIFY.
            address: uint64[n], virtual byte addresses.
            size: int64[n], bytes, at least 1; accesses may straddle lines.

        Returns:
            ``(instruction, line, is_write)``: int64[m], int64[m], bool[m]: the requests to memory, in order: number
            of instructions begun before each, virtual line number, whether it is a write-back.
        """
        return _filter(kind, address, size, *self._levels, *self._dirty, self.counts)


@njit(cache=True, nogil=True)
def _touch(tags: NDArray[np.int64], dirty: NDArray[np.bool_], line: int, is_write: bool) -> tuple[bool, int | np.int64]:
    """Look ``line`` up and make it the most recent of its set (way 0); return (hit, line to write back or -1)."""
    row = line & (tags.shape[0] - 1)
    last = tags.shape[1] - 1
    way = 0
    while way < last and tags[row, way] != line:
        way += 1
    hit = tags[row, way] == line
    victim = tags[row, way] if not hit and dirty[row, way] else np.int64(_EMPTY)
    was_dirty = hit and dirty[row, way]
    for other in range(way, 0, -1):
        tags[row, other] = tags[row, other - 1]
        dirty[row, other] = dirty[row, other - 1]
    tags[row, 0] = line
    dirty[row, 0] = is_write or was_dirty
    return hit, victim


@njit(cache=True, nogil=True)
def _filter(
    kind: NDArray[np.uint8],
    address: NDArray[np.uint64],
    size: NDArray[np.int64],
    code: NDArray[np.int64],
    data: NDArray[np.int64],
    last: NDArray[np.int64],
    code_dirty: NDArray[np.bool_],
    data_dirty: NDArray[np.bool_],
    last_dirty: NDArray[np.bool_],
    counts: NDArray[np.int64],
) -> Requests:
    # A line access reaches memory at most three times: its own fill and two write-backs from the last level.
    lines = 0
    for i in range(kind.size):
        lines += (address[i] % 64 + size[i] - 1) // 64 + 1
    instruction = np.empty(3 * lines, np.int64)
    line_out = np.empty(3 * lines, np.int64)
    is_write = np.empty(3 * lines, np.bool_)
    n = 0
    for i in range(kind.size):
        if kind[i] == INSTRUCTION:
            counts[0] += 1
        store = kind[i] == STORE or kind[i] == MODIFY
        start = np.int64(address[i] >> np.uint64(6))
        end = np.int64((address[i] + np.uint64(size[i] - 1)) >> np.uint64(6))
        for line in range(start, end + 1):
            counts[1] += 1
            if kind[i] == INSTRUCTION:
                hit, victim = _touch(code, code_dirty, line, False)
            else:
                hit, victim = _touch(data, data_dirty, line, store)
            if hit:
                continue
            counts[2] += 1
            hit, evicted = _touch(last, last_dirty, line, False)
            if not hit:
                instruction[n], line_out[n], is_write[n] = counts[0], line, False
                n += 1
            if evicted != _EMPTY:
                instruction[n], line_out[n], is_write[n] = counts[0], evicted, True
                n += 1
            counts[3] += not hit
            if victim != _EMPTY:
                _, evicted = _touch(last, last_dirty, victim, True)
                if evicted != _EMPTY:
                    instruction[n], line_out[n], is_write[n] = counts[0], evicted, True
                    n += 1
    return instruction[:n].copy(), line_out[:n].copy(), is_write[:n].copy()
