"""Which bank's command goes next, where that is more than "smallest legal cycle, then oldest request".

Commands of different length compete by the cycle in which they end; with separate buses for row and column commands
the winners of both compete by the cycle in which they start; and a manager's command competes with those of the banks
of other ranks. Semantics: DRAMSys 4.0, controller/cmdmux/CmdMuxOldest.cpp.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.memory.kernel_bank import bank_key, earliest
from simulators.memory.kernel_codes import PDEA
from simulators.memory.kernel_state import (
    BANK,
    C_ACTIVE,
    C_CANDIDATE,
    C_COLUMN_END,
    C_COLUMN_EXTRA,
    C_LANE,
    C_PENDING,
    C_PENDING_AT,
    C_ROW_END,
    C_ROW_EXTRA,
    ID_BITS,
    ID_MASK,
    LINK_SHIFT,
    NEVER,
    NO_COMMAND,
    T_IS_GENERAL,
    T_LENGTH,
    Flag,
    Index,
    Int,
    Requests,
    compiled,
    inlined,
    lowest_bit,
    u64,
)

Words = NDArray[np.int64]


@inlined
def choose(now: Int, requests: Requests, w: Words, memory: Words) -> Int:
    """Return the packed key (cycle of issue, request) of the banks' next command, seen from cycle ``now``."""
    return _choose_generally(now, requests, w, memory) if memory[T_IS_GENERAL] else earliest(w, memory)


@compiled
def _choose_generally(now: Int, requests: Requests, w: Words, memory: Words) -> Int:
    """Return the key as above; NEVER if the managers' pending command goes before all of them."""
    row: Int = np.int64(NEVER)
    column: Int = np.int64(NEVER)
    floor, active = now << ID_BITS, u64(w[C_ACTIVE])
    while active:
        row_end, column_end = _ends(lowest_bit(active), floor, w)
        row, column = min(row, row_end), min(column, column_end)
        active &= active - u64(1)
    w[C_ROW_END], w[C_COLUMN_END] = row, column
    return _choose_bus(row, column, requests, w, memory)


@inlined
def choose_after_arrival(
    b: Index, held_best: Flag, best: Int, now: Int, requests: Requests, w: Words, memory: Words
) -> Int:
    """Return what :func:`choose` would after bank ``b`` alone was planned anew; ``best`` is what it returned before.

    ``held_best``: whether the bank's candidate was the best one. Others that were ready and not chosen then still are
    not: waiting makes their ends later.
    """
    if held_best:
        return choose(now, requests, w, memory)
    if memory[T_IS_GENERAL]:
        return _choose_among(b, now, requests, w, memory)
    return min(best, bank_key(b, w))


@compiled
def _choose_among(b: Index, now: Int, requests: Requests, w: Words, memory: Words) -> Int:
    """Choose between bank ``b`` and the winners of the last choice; all anew if it was one of them."""
    row, column = w[C_ROW_END], w[C_COLUMN_END]
    if _holds(row, b, requests) or _holds(column, b, requests):
        return _choose_generally(now, requests, w, memory)
    row_end, column_end = _ends(b, now << ID_BITS, w)
    w[C_ROW_END], w[C_COLUMN_END] = min(row, row_end), min(column, column_end)
    return _choose_bus(w[C_ROW_END], w[C_COLUMN_END], requests, w, memory)


@inlined
def _holds(end: Int, b: Index, requests: Requests) -> Flag:
    return end < NEVER and u64(requests.link[(u64(end & ID_MASK) << u64(LINK_SHIFT)) + u64(BANK)]) == b


@inlined
def _choose_bus(row: Int, column: Int, requests: Requests, w: Words, memory: Words) -> Int:
    """Return the packed start of the one of both winners, or NEVER if the managers' command goes first."""
    pending, row_start = w[C_PENDING], _start(row, C_ROW_EXTRA, requests, w)
    column_start = _start(column, C_COLUMN_EXTRA, requests, w)
    if pending != NO_COMMAND:
        start = (w[C_PENDING_AT] << ID_BITS) + (ID_MASK if pending >= PDEA else 0)
        if start + memory[T_LENGTH + pending] <= row:
            return column_start if column_start < start else np.int64(NEVER)
    return min(row_start, column_start)


@inlined
def _ends(b: Index, floor: Int, w: Words) -> tuple[Int, Int]:
    """Return when bank ``b``'s candidate would end on the row and on the column bus, packed; NEVER or later if not."""
    key = w[u64(C_CANDIDATE) + b]
    key = max(key, max(w[u64(w[u64(C_LANE) + b])], floor) + (key & np.int64(ID_MASK)))
    return key + w[u64(C_ROW_EXTRA) + b], key + w[u64(C_COLUMN_EXTRA) + b]


@inlined
def _start(end: Int, extra: Int, requests: Requests, w: Words) -> Int:
    """Return the packed start of the candidate with this packed end, NEVER if there is none."""
    if end >= NEVER:
        return np.int64(NEVER)
    b = u64(requests.link[(u64(end & ID_MASK) << u64(LINK_SHIFT)) + u64(BANK)])
    return end - w[u64(extra) + b]
