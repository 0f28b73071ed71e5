"""Exact order statistics of latencies by counting, without sorting."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.memory.kernel_state import Int, compiled, u64

Words = NDArray[np.int64]

BIN_BITS = 12
BINS = 1 << BIN_BITS


@compiled
def order_statistics(latency: Words, counts: Words) -> tuple[Int, Int, Int]:
    """Return elements floor(n / 2) and floor(0.95 n), counted from 0, and the largest of ``n`` latencies.

    ``counts`` is scratch of BINS words. One counting pass gives both where all latencies are below BINS.
    """
    n, largest = len(latency), np.int64(0)
    for value in latency:
        largest = max(largest, value)
    if largest >= BINS:
        return _ranked(latency, counts, n // 2, largest), _ranked(latency, counts, n * 95 // 100, largest), largest
    _count(latency, counts, np.int64(0), np.int64(0))
    median, below = _slot_of_rank(counts, np.int64(0), np.int64(0), n // 2)
    p95, _ = _slot_of_rank(counts, median, below, n * 95 // 100)
    return median, p95, largest


@compiled
def _ranked(latency: Words, counts: Words, rank: Int, largest: Int) -> Int:
    """Return the element of ``rank`` by narrowing it to one of BINS equal ranges until a range is one value."""
    shift, low = np.int64(0), np.int64(0)
    while largest >> shift >= BINS:
        shift += BIN_BITS
    while True:
        _count(latency, counts, low, shift)
        slot, below = _slot_of_rank(counts, np.int64(0), np.int64(0), rank)
        low += slot << shift
        if shift == 0:
            return low
        rank -= below
        shift -= BIN_BITS


@compiled
def _count(latency: Words, counts: Words, low: Int, shift: Int) -> None:
    """Count the values from ``low`` on in BINS ranges of ``2**shift`` values."""
    counts[:] = 0
    for value in latency:
        slot = (value - low) >> shift
        if value >= low and slot < BINS:
            counts[u64(slot)] += 1


@compiled
def _slot_of_rank(counts: Words, slot: Int, below: Int, rank: Int) -> tuple[Int, Int]:
    """Go on from ``slot``, with ``below`` elements before it, to the slot that holds ``rank``."""
    while below + counts[u64(slot)] <= rank:
        below += counts[u64(slot)]
        slot += 1
    return slot, below
