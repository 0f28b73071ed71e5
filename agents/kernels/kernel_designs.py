"""Sets of designs, one per run, in one open-addressing hash table: a slot holds the position of a stored row."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.kernels.kernel_options import SOURCE, compiled, entry_point

RUNNING, BUDGET, EXHAUSTED, MAX_PROPOSALS = range(4)
"""Why a run has ended."""


class Stored(NamedTuple):
    """The arrays of the sets. Rows up to ``used[0]`` are in use; at most half of the slots are."""

    slots: np.ndarray
    """int64 ``[2^b]``: position of a row + 1, 0 where empty."""
    rows: np.ndarray
    """int32 ``[capacity, d]``."""
    owners: np.ndarray
    """int32 ``[capacity]``: the run whose set a row is in."""
    hashes: np.ndarray
    """uint64 ``[capacity]``."""
    used: np.ndarray
    """int64 ``[1]``: rows in use."""
    sizes: np.ndarray
    """int64 ``[runs]``: rows of each set."""


class Tally(NamedTuple):
    """What is counted of each run, int64 ``[runs]`` each."""

    proposals: np.ndarray
    evaluations: np.ndarray
    feasible: np.ndarray
    """Distinct feasible designs evaluated."""
    stopped: np.ndarray
    """:data:`RUNNING` or the reason of its end."""


@compiled
def hash_row(designs: np.ndarray, i: int, run: int) -> np.uint64:
    """Return 64 bits that depend on a run and on every entry of a row (multiply and fold, after Fowler-Noll-Vo)."""
    h = np.uint64(run + 1) * np.uint64(0x9E3779B97F4A7C15)
    for j in range(designs.shape[1]):
        h = (h ^ np.uint64(designs[i, j])) * np.uint64(0xBF58476D1CE4E5B9)
        h ^= h >> np.uint64(29)
    return h


@compiled
def same_row(a: np.ndarray, i: int, b: np.ndarray, k: int) -> bool:
    """Return whether row i of ``a`` equals row k of ``b``."""
    for j in range(a.shape[1]):  # noqa: SIM110 - numba compiles no generator here
        if a[i, j] != b[k, j]:
            return False
    return True


@compiled
def find(stored: Stored, designs: np.ndarray, i: int, run: int, h: np.uint64) -> int:
    """Return the position of row i in the set of ``run``, or -1 - s with the free slot s where it belongs."""
    mask = np.uint64(len(stored.slots) - 1)
    slot = int(h & mask)
    while stored.slots[slot] != 0:
        p = stored.slots[slot] - 1
        if stored.hashes[p] == h and stored.owners[p] == run and same_row(stored.rows, p, designs, i):
            return p
        slot = int(np.uint64(slot + 1) & mask)
    return -1 - slot


@compiled
def insert(stored: Stored, designs: np.ndarray, i: int, run: int, h: np.uint64, found: int) -> int:
    """Store row i in the free slot that :func:`find` gave as ``found``; return its position."""
    p = stored.used[0]
    stored.used[0] = p + 1
    stored.slots[-1 - found] = p + 1
    stored.rows[p] = designs[i]
    stored.owners[p] = run
    stored.hashes[p] = h
    stored.sizes[run] += 1
    return p


@compiled
def repeated(seen: np.ndarray, hashes: np.ndarray, designs: np.ndarray, runs: np.ndarray, i: int) -> bool:
    """Return whether an earlier row of the batch is the same design of the same run; ``seen`` are the batch's slots."""
    mask = np.uint64(len(seen) - 1)
    slot = int(hashes[i] & mask)
    while seen[slot] != 0:
        k = seen[slot] - 1
        if hashes[k] == hashes[i] and runs[k] == runs[i] and same_row(designs, k, designs, i):
            return True
        slot = int(np.uint64(slot + 1) & mask)
    seen[slot] = i + 1
    return False


@compiled
def stop_reason(tally: Tally, run: int, budget: int, available: int, most: int) -> int:
    """Return why a run ends now, or :data:`RUNNING`; ``available`` is -1 where the space is not counted."""
    if tally.evaluations[run] >= budget:
        return BUDGET
    if 0 <= available <= tally.feasible[run]:
        return EXHAUSTED
    return MAX_PROPOSALS if tally.proposals[run] >= most else RUNNING


def _entry_points(source: int):  # type: ignore[no-untyped-def]  # noqa: ANN202
    @entry_point
    def refill(stored: Stored) -> int:
        """Fill empty slots with the positions of all rows, after the slots have grown."""
        mask = np.uint64(len(stored.slots) - 1)
        for p in range(stored.used[0]):
            slot = int(stored.hashes[p] & mask)
            while stored.slots[slot] != 0:
                slot = int(np.uint64(slot + 1) & mask)
            stored.slots[slot] = p + 1
        return 0 * source

    @entry_point
    def add_rows(stored: Stored, designs: np.ndarray, runs: np.ndarray, new: np.ndarray) -> int:
        """Add rows to the sets of their runs; ``new[i]``: it was not there."""
        for i in range(len(runs)):
            h = hash_row(designs, i, runs[i])
            found = find(stored, designs, i, runs[i], h)
            new[i] = found < 0
            if found < 0:
                insert(stored, designs, i, runs[i], h, found)
        return 0 * source

    @entry_point
    def mark_stale(stored: Stored, designs: np.ndarray, runs: np.ndarray, unsure: np.ndarray, stale: np.ndarray) -> int:
        """Set ``stale[i]`` where a row is in its run's set (if ``unsure``) or equals an earlier one of its run."""
        size = 4
        while size < 2 * len(runs):
            size *= 2
        seen = np.zeros(size, dtype=np.int64)
        hashes = np.empty(len(runs), dtype=np.uint64)
        for i in range(len(runs)):
            hashes[i] = hash_row(designs, i, runs[i])
            known = unsure[i] and find(stored, designs, i, runs[i], hashes[i]) >= 0
            stale[i] |= known or repeated(seen, hashes, designs, runs, i)
        return 0 * source

    @entry_point
    def count_rows(
        stored: Stored,
        tally: Tally,
        limits: tuple[int, int, int],
        designs: np.ndarray,
        runs: np.ndarray,
        feasible: np.ndarray,
        positions: np.ndarray,
        numbers: np.ndarray,
    ) -> int:
        """Count proposals one by one, as a budgeted evaluator does, until their runs stop.

        ``limits``: budget, designs available (-1: not counted), most proposals. ``positions[i]`` becomes where
        the row is stored, -1 beyond the end of its run; ``numbers[i]`` the evaluation's number from 0 where it is
        new, else -1.
        """
        budget, available, most = limits
        for i in range(len(runs)):
            run = runs[i]
            positions[i] = numbers[i] = -1
            if tally.stopped[run] != RUNNING:
                continue
            tally.proposals[run] += 1
            h = hash_row(designs, i, run)
            positions[i] = find(stored, designs, i, run, h)
            if positions[i] < 0:
                positions[i] = insert(stored, designs, i, run, h, positions[i])
                numbers[i] = tally.evaluations[run]
                tally.evaluations[run] += 1
                tally.feasible[run] += feasible[i]
            tally.stopped[run] = stop_reason(tally, run, budget, available, most)
        return 0 * source

    return refill, add_rows, mark_stale, count_rows


refill, add_rows, mark_stale, count_rows = _entry_points(SOURCE)
