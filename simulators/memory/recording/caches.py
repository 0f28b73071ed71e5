"""The cache filter: which of a program's accesses reach memory.

One to four levels, all set-associative, least recently used, write-back and write-allocate, with 64-byte lines: a
first level for instructions, one of the same size for data, and the further levels behind both. The levels are
neither inclusive nor exclusive: a line written back from one level is placed in the next without a read from memory
(it is whole), and a line that a level gives up may live on in those before it. Sets are chosen by virtual address
bits. There is no prefetcher.
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

Geometry = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
"""First place, number of sets and number of ways of each cache: instructions, data, then the further levels."""

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


MOST_LEVELS = 4
"""Levels that a filter may have."""


class CacheFilter:
    """The caches of one core, with their contents.

    Args:
        levels: the size of each level, nearest to the core first; the first one exists twice, for instructions and
            for data.
        instruction_fetches: whether instruction fetches go through the caches too (they are counted in any case).

    Raises:
        InvalidInputError: no level, or more than :data:`MOST_LEVELS`.
    """

    def __init__(self, *levels: CacheLevel, instruction_fetches: bool = True) -> None:
        if not 1 <= len(levels) <= MOST_LEVELS:
            raise InvalidInputError(f"expected 1 to {MOST_LEVELS} cache levels, got {len(levels)}")
        caches = (levels[0], *levels)
        self._sets = np.array([cache.sets for cache in caches], np.int64)
        self._ways = np.array([cache.ways for cache in caches], np.int64)
        self._start = np.concatenate([[0], np.cumsum(self._sets * self._ways)])
        self._tags = np.full(self._start[-1], _EMPTY, np.int64)
        self._dirty = np.zeros(self._start[-1], np.bool_)
        self._instruction_fetches = instruction_fetches
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
        geometry = (self._start, self._sets, self._ways)
        return _filter(kind, address, size, self._instruction_fetches, geometry, self._tags, self._dirty, self.counts)


@njit(cache=True, nogil=True)
def _touch(
    geometry: Geometry, tags: NDArray[np.int64], dirty: NDArray[np.bool_], cache: int, line: int, is_write: bool
) -> tuple[bool, int | np.int64]:
    """Look ``line`` up and make it the most recent of its set (way 0); return (hit, line to write back or -1)."""
    start, sets, ways = geometry
    first = start[cache] + (line & (sets[cache] - 1)) * ways[cache]
    last = first + ways[cache] - 1
    way = first
    while way < last and tags[way] != line:
        way += 1
    hit = tags[way] == line
    victim = tags[way] if not hit and dirty[way] else np.int64(_EMPTY)
    was_dirty = hit and dirty[way]
    for other in range(way, first, -1):
        tags[other] = tags[other - 1]
        dirty[other] = dirty[other - 1]
    tags[first] = line
    dirty[first] = is_write or was_dirty
    return hit, victim


@njit(cache=True, nogil=True)
def _miss(
    geometry: Geometry,
    tags: NDArray[np.int64],
    dirty: NDArray[np.bool_],
    line: int,
    victim: int | np.int64,
    todo: NDArray[np.int64],
    out: NDArray[np.int64],
) -> int:
    """Fetch ``line`` and write ``victim`` back through the levels behind the first; return the number of requests.

    ``todo`` is a stack of (cache, line, 1 for a write-back): what is pushed last happens first. The requests come out
    as pairs (line, is_write).
    """
    depth = n = 0
    if victim != _EMPTY:
        todo[0, 0], todo[0, 1], todo[0, 2] = 2, victim, 1
        depth = 1
    todo[depth, 0], todo[depth, 1], todo[depth, 2] = 2, line, 0
    depth += 1
    while depth:
        depth -= 1
        cache, wanted, is_write = todo[depth, 0], todo[depth, 1], todo[depth, 2]
        if cache == geometry[1].size:
            out[n, 0], out[n, 1] = wanted, is_write
            n += 1
            continue
        hit, evicted = _touch(geometry, tags, dirty, cache, wanted, is_write == 1)
        if evicted != _EMPTY:
            todo[depth, 0], todo[depth, 1], todo[depth, 2] = cache + 1, evicted, 1
            depth += 1
        if not hit and not is_write:
            todo[depth, 0], todo[depth, 1], todo[depth, 2] = cache + 1, wanted, 0
            depth += 1
    return n


@njit(cache=True, nogil=True)
def _filter(
    kind: NDArray[np.uint8],
    address: NDArray[np.uint64],
    size: NDArray[np.int64],
    instruction_fetches: bool,
    geometry: Geometry,
    tags: NDArray[np.int64],
    dirty: NDArray[np.bool_],
    counts: NDArray[np.int64],
) -> Requests:
    # With L levels, a line access reaches memory at most L + 1 times: its own fill and one write-back per level.
    most = geometry[1].size
    lines = 0
    for i in range(kind.size):
        lines += (address[i] % 64 + size[i] - 1) // 64 + 1
    instruction = np.empty(most * lines, np.int64)
    line_out = np.empty(most * lines, np.int64)
    is_write = np.empty(most * lines, np.bool_)
    todo, out = np.empty((2 * most + 2, 3), np.int64), np.empty((most, 2), np.int64)
    n = 0
    for i in range(kind.size):
        is_fetch = kind[i] == INSTRUCTION
        counts[0] += is_fetch
        if is_fetch and not instruction_fetches:
            continue
        store = kind[i] == STORE or kind[i] == MODIFY
        start = np.int64(address[i] >> np.uint64(6))
        end = np.int64((address[i] + np.uint64(size[i] - 1)) >> np.uint64(6))
        for line in range(start, end + 1):
            counts[1] += 1
            hit, victim = _touch(geometry, tags, dirty, 0 if is_fetch else 1, line, store)
            if hit:
                continue
            counts[2] += 1
            for j in range(_miss(geometry, tags, dirty, line, victim, todo, out)):
                instruction[n], line_out[n], is_write[n] = counts[0], out[j, 0], out[j, 1] == 1
                counts[3] += out[j, 1] == 0
                n += 1
    return instruction[:n].copy(), line_out[:n].copy(), is_write[:n].copy()
