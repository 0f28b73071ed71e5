"""Decoded traces: banks and rows of a trace's requests and the links between them, once per trace and memory.

Because requests enter the controller in trace order, a bank's queue is always "the requests of this bank that
are admitted and not served". With the links below the head of a queue, the oldest row hit and "is there a
further hit" are single look-ups instead of searches.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
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
        variants: the same trace decoded with other address mappings, by name; filled as they are needed.
    """

    name: str
    digest: str
    memory: str
    cycle: NDArray[np.int64]
    address: NDArray[np.uint64]
    link: NDArray[np.uint32]
    first_in_bank: NDArray[np.int64]
    variants: dict[str, DecodedTrace] = field(default_factory=dict, repr=False)

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
    cycle.setflags(write=False)
    digest = hashlib.sha256(f"{trace.digest}/{specification.digest}".encode()).hexdigest()[:32]
    first, link = _linked(trace.address, trace.is_write, specification)
    return DecodedTrace(trace.name, digest, specification.digest, cycle, trace.address, link, first)


def remap_trace(trace: DecodedTrace, specification: MemorySpecification) -> DecodedTrace:
    """Return the same requests decoded with ``specification``'s address mapping, another one for the same memory."""
    first, link = _linked(trace.address, trace.word(IS_WRITE).astype(bool), specification)
    return replace(trace, link=link, first_in_bank=first, variants={})


def _linked(
    address: NDArray[np.uint64], is_write: NDArray[np.bool_], specification: MemorySpecification
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Return the first request of each bank and the words of all requests, read-only."""
    bank, row = specification.decode(address)
    words = np.empty((len(address), LINKS), dtype=np.uint32)
    words[:, BANK], words[:, ROW], words[:, IS_WRITE] = bank, row, is_write
    first = _link_banks(words, specification.organisation.banks)
    in_row = bank << 40 | row
    _link_rows(words, np.argsort(in_row, kind="stable"), in_row)
    burst = address // np.uint64(specification.burst_bytes)
    _link_twins(words, np.argsort(burst, kind="stable"), burst)
    link = words.ravel()
    for array in (link, first):
        array.setflags(write=False)
    return first, link


def _in_clock(trace: Trace, clock_mhz: float) -> NDArray[np.int64]:
    """Return the cycles in another clock: the first edge not before each request's time (exact arithmetic)."""
    if trace.clock_mhz == clock_mhz:
        return trace.cycle
    ratio = Fraction(clock_mhz) / Fraction(trace.clock_mhz)
    return np.array(
        [-(-cycle * ratio.numerator // ratio.denominator) for cycle in trace.cycle.tolist()], dtype=np.int64
    )


@njit(cache=True, nogil=True)
def _link_banks(words: NDArray[np.uint32], banks: int) -> NDArray[np.int64]:
    """Fill NEXT_IN_BANK, walking backwards; return the first request of each bank."""
    n = len(words)
    following = np.full(banks, n, dtype=np.int64)
    for i in range(n - 1, -1, -1):
        bank = words[i, BANK]
        words[i, NEXT_IN_BANK] = following[bank]
        following[bank] = i
    return following


@njit(cache=True, nogil=True)
def _link_rows(words: NDArray[np.uint32], order: NDArray[np.int64], key: NDArray[np.int64]) -> None:
    """Fill NEXT_IN_ROW, NEXT_SAME and NEXT_OTHER, walking each group of equal ``key`` of ``order`` backwards."""
    n = len(order)
    following = np.full(2, n, dtype=np.int64)  # the next read, the next write
    for step in range(n - 1, -1, -1):
        i = order[step]
        if step + 1 < n and key[order[step + 1]] != key[i]:
            following[:] = n
        direction = words[i, IS_WRITE]
        words[i, NEXT_IN_ROW] = min(following[0], following[1])
        words[i, NEXT_SAME], words[i, NEXT_OTHER] = following[direction], following[1 - direction]
        following[direction] = i


@njit(cache=True, nogil=True)
def _link_twins(words: NDArray[np.uint32], order: NDArray[np.int64], key: NDArray[np.uint64]) -> None:
    """Fill PREVIOUS_TWIN from an ``order`` that puts requests of equal ``key`` side by side, oldest first."""
    n = len(order)
    for step in range(n):
        has_twin = step > 0 and key[order[step - 1]] == key[order[step]]
        words[order[step], PREVIOUS_TWIN] = order[step - 1] if has_twin else n
