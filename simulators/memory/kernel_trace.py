"""Decoded traces: banks and rows of a trace's requests and the links between them, once per trace and memory.

Because requests enter the controller in trace order, a bank's queue is always "the requests of this bank that
are admitted and not served". With the links below the head of a queue, the oldest row hit and "is there a
further hit" are single look-ups instead of searches.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numba import njit
from numpy.typing import NDArray

from simulators.errors import InvalidInputError
from simulators.memory.kernel_state import (
    BANK,
    ID_BITS,
    IS_WRITE,
    LINKS,
    NEXT_IN_BANK,
    NEXT_IN_ROW,
    NEXT_OTHER,
    NEXT_SAME,
    PREVIOUS_TWIN,
    ROW,
)
from simulators.memory.specification import MemorySpecification
from simulators.memory.trace import Trace

Indices = NDArray[np.uint32]


MAX_REQUESTS = 1 << ID_BITS
MAX_CYCLE = 1 << 36


@dataclass(frozen=True, eq=False)
class DecodedTrace:
    """A trace as one memory sees it: what :meth:`MemoryController.load_workload` returns. Immutable.

    Arrays of shape ``[n]``; in the links ``n`` itself means "none".

    Attributes:
        name: the trace's name.
        digest: changes with the trace, the memory's clock and its address mapping.
        memory: digest of the memory specification it was decoded for.
        cycle: earliest cycle of each request, in the memory's clock.
        address: byte addresses.
        link: uint32[n * LINKS], the words of each request that ``kernel_state`` names: bank, direction, row and
            the links to related requests.
        first_in_bank: int64[banks], first request of each bank (``n`` if none).
    """

    name: str
    digest: str
    memory: str
    cycle: NDArray[np.int64]
    address: NDArray[np.uint64]
    link: NDArray[np.uint32]
    first_in_bank: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.cycle)

    def word(self, name: int) -> NDArray[np.uint32]:
        """Return one word of every request, e.g. ``word(ROW)``."""
        return self.link[name::LINKS]


def decode_trace(trace: Trace, specification: MemorySpecification) -> DecodedTrace:
    """Decode ``trace`` for a memory; its cycles are converted to the memory's clock, rounded up to whole cycles.

    Raises:
        InvalidInputError: more than 2^24 requests, or a time beyond 2^36 cycles.
    """
    cycle = _in_clock(trace, specification.clock_mhz)
    if len(trace) > MAX_REQUESTS or int(cycle.max()) > MAX_CYCLE:
        raise InvalidInputError(
            f"trace {trace.name!r} has {len(trace)} requests up to cycle {int(cycle.max())}; expected at most "
            f"{MAX_REQUESTS} requests and cycle {MAX_CYCLE}. Cut it into parts."
        )
    bank, row = specification.decode(trace.address)
    in_row = bank.astype(np.uint64) << np.uint64(40) | row.astype(np.uint64)
    write = trace.is_write
    next_read, next_write = _next_of(in_row, ~write), _next_of(in_row, write)
    burst = trace.address // np.uint64(specification.burst_bytes)
    first = np.full(specification.organisation.banks, len(trace), dtype=np.int64)
    used, where = np.unique(bank, return_index=True)
    first[used] = where
    words = np.empty((len(trace), LINKS), dtype=np.uint32)
    words[:, BANK], words[:, ROW], words[:, IS_WRITE] = bank, row, write
    words[:, NEXT_IN_BANK] = _next_equal(bank.astype(np.uint64))
    words[:, NEXT_IN_ROW] = _next_equal(in_row)
    words[:, NEXT_SAME] = np.where(write, next_write, next_read)
    words[:, NEXT_OTHER] = np.where(write, next_read, next_write)
    words[:, PREVIOUS_TWIN] = _previous_equal(burst)
    link = words.ravel()
    for array in (cycle, link, first):
        array.setflags(write=False)
    digest = hashlib.sha256(f"{trace.digest}/{specification.digest}".encode()).hexdigest()[:32]
    return DecodedTrace(trace.name, digest, specification.digest, cycle, trace.address, link, first)


def _in_clock(trace: Trace, clock_mhz: float) -> NDArray[np.int64]:
    """Return the cycles in another clock: the first edge not before each request's time (exact arithmetic)."""
    if trace.clock_mhz == clock_mhz:
        return trace.cycle
    ratio = Fraction(clock_mhz) / Fraction(trace.clock_mhz)
    return np.array(
        [-(-cycle * ratio.numerator // ratio.denominator) for cycle in trace.cycle.tolist()], dtype=np.int64
    )


def _next_equal(key: NDArray[np.uint64]) -> Indices:
    """Return for each position the next later one with an equal key (``n`` if none)."""
    count = len(key)
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    same = ordered[1:] == ordered[:-1]
    found = np.full(count, count, dtype=np.uint32)
    found[order[:-1][same]] = order[1:][same]
    return found


def _previous_equal(key: NDArray[np.uint64]) -> Indices:
    count = len(key)
    following = _next_equal(key)
    found = np.full(count, count, dtype=np.uint32)
    linked = np.flatnonzero(following < count)
    found[following[linked]] = linked
    return found


def _next_of(key: NDArray[np.uint64], chosen: NDArray[np.bool_]) -> Indices:
    """Return for each position the next later chosen one with an equal key (``n`` if none)."""
    order = np.argsort(key, kind="stable")
    return _next_chosen(key, chosen, order)


@njit(cache=True, nogil=True)
def _next_chosen(key: NDArray[np.uint64], chosen: NDArray[np.bool_], order: NDArray[np.int64]) -> Indices:
    """Walk each group of equal keys backwards, remembering the nearest chosen position."""
    count = len(key)
    found = np.full(count, count, dtype=np.uint32)
    latest = count
    for step in range(count - 1, -1, -1):
        position = order[step]
        if step + 1 < count and key[order[step + 1]] != key[position]:
            latest = count
        found[position] = latest
        if chosen[position]:
            latest = position
    return found
