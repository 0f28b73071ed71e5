"""Accounting of active, precharged and powered-down time, as DRAMPower 4 counts it.

Source: CommandAnalysis.cc, CmdHandlers.cc.

Each rank has its own account. It is active while at least one bank is open. An auto-precharge closes its bank when it
happens inside the device, not when the CAS is issued, so a span may end after the last bank was closed logically:
``K_CLOSED_AT`` is the latest closing so far, and the span is closed when the next one opens. ``k`` is the position of
the rank's words.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.memory.kernel_codes import (
    ACT,
    O_ACTIVE_CYCLES,
    O_ACTIVE_DOWN_CYCLES,
    O_PRECHARGED_CYCLES,
    O_PRECHARGED_DOWN_CYCLES,
    O_SELF_REFRESH_ACTIVE_CYCLES,
    O_SELF_REFRESH_CYCLES,
    O_SELF_REFRESH_PRECHARGED_CYCLES,
    O_WAKING_ACTIVE_CYCLES,
    O_WAKING_PRECHARGED_CYCLES,
    PRE,
)
from simulators.memory.kernel_state import (
    B_LAST,
    C_RANK,
    ID_BITS,
    K_ACTIVE,
    K_ACTIVE_DOWN,
    K_ACTIVE_SINCE,
    K_CLOSED_AT,
    K_DOWN,
    K_DOWN_SINCE,
    K_LAST_AUTO,
    K_OPEN_BANKS,
    K_PRECHARGED,
    K_PRECHARGED_DOWN,
    K_SELF_CLOSED,
    K_SELF_REFRESH,
    K_SELF_REFRESH_ACTIVE,
    K_SELF_REFRESH_PRECHARGED,
    K_WAKING_ACTIVE,
    K_WAKING_PRECHARGED,
    RANK_SHIFT,
    T_COMPLETION,
    T_RANKS,
    T_RDA_CLOSE,
    T_REFRESH,
    T_REFRESH_ACTIVE,
    T_ROW_ACTIVE,
    T_WHOLE_RUN,
    T_WRA_CLOSE,
    Index,
    Int,
    compiled,
    inlined,
    u64,
)

Words = NDArray[np.int64]

# States of a rank's power, see kernel_power_down.
AWAKE, ACTIVE_DOWN, PRECHARGED_DOWN, SELF_REFRESH, WAKING = range(5)


@inlined
def account_activate(cycle: Int, k: Index, w: Words) -> None:
    """Book an ACT: it opens an active span unless one is running or a precharge inside the device still is."""
    if w[k + u64(K_OPEN_BANKS)] == 0 and cycle > w[k + u64(K_CLOSED_AT)]:
        closed = w[k + u64(K_CLOSED_AT)]
        w[k + u64(K_ACTIVE)] += closed - w[k + u64(K_ACTIVE_SINCE)]
        w[k + u64(K_PRECHARGED)] += cycle - closed
        w[k + u64(K_ACTIVE_SINCE)] = cycle
    w[k + u64(K_OPEN_BANKS)] += 1


@inlined
def account_close(cycle: Int, k: Index, w: Words) -> None:
    """Book that a bank closes at ``cycle``."""
    w[k + u64(K_OPEN_BANKS)] -= 1
    w[k + u64(K_CLOSED_AT)] = max(w[k + u64(K_CLOSED_AT)], cycle)


@inlined
def account_auto_precharge(cycle: Int, is_write: Int, base: Index, k: Index, w: Words, memory: Words) -> None:
    """Book the precharge inside the device that follows an RDA or WRA issued at ``cycle``."""
    if is_write:
        close = cycle + memory[T_WRA_CLOSE]
    else:
        row_active = (w[base + u64(B_LAST) + u64(ACT)] >> ID_BITS) + memory[T_ROW_ACTIVE]
        close = max(cycle + memory[T_RDA_CLOSE], row_active)
    account_close(close, k, w)
    w[k + u64(K_LAST_AUTO)] = max(w[k + u64(K_LAST_AUTO)], close)
    w[k + u64(K_SELF_CLOSED)] += 1


@compiled
def account_refresh(cycle: Int, k: Int, w: Words, memory: Words) -> None:
    """Book a REFA: it ends the active span and counts as RFC - RP active cycles of its own."""
    w[k + K_ACTIVE] += w[k + K_CLOSED_AT] - w[k + K_ACTIVE_SINCE] + memory[T_REFRESH_ACTIVE]
    w[k + K_PRECHARGED] += max(0, cycle - w[k + K_CLOSED_AT])
    w[k + K_CLOSED_AT] = cycle + memory[T_REFRESH_ACTIVE]
    w[k + K_ACTIVE_SINCE] = w[k + K_CLOSED_AT]


@compiled
def account_sleep(cycle: Int, k: Int, w: Words, memory: Words) -> None:
    """Book entry into power-down or self-refresh (``K_DOWN`` is the new state).

    A precharged power-down may begin while an auto-precharge or a refresh is still running inside the device; it
    counts from its end.
    """
    w[k + K_DOWN_SINCE] = cycle
    if w[k + K_DOWN] == ACTIVE_DOWN:
        w[k + K_ACTIVE] += cycle - w[k + K_ACTIVE_SINCE]
        return
    closed = w[k + K_CLOSED_AT]
    w[k + K_ACTIVE] += closed - w[k + K_ACTIVE_SINCE]
    w[k + K_PRECHARGED] += max(0, cycle - closed)
    w[k + K_ACTIVE_SINCE] = closed
    w[k + K_DOWN_SINCE] = max(cycle, closed)


@compiled
def account_wake(cycle: Int, k: Int, w: Words, memory: Words) -> None:
    """Book the exit at ``cycle`` from the state ``K_DOWN``."""
    slept = max(0, cycle - w[k + K_DOWN_SINCE])
    if w[k + K_DOWN] == ACTIVE_DOWN:
        w[k + K_ACTIVE_DOWN] += slept
        w[k + K_ACTIVE_SINCE] = cycle
        return
    if w[k + K_DOWN] == PRECHARGED_DOWN:
        w[k + K_PRECHARGED_DOWN] += slept
    else:
        cycle += _account_self_refresh(slept, k, w, memory)
    w[k + K_CLOSED_AT] = max(cycle, w[k + K_DOWN_SINCE])
    w[k + K_ACTIVE_SINCE] = w[k + K_CLOSED_AT]


@compiled
def _account_self_refresh(slept: Int, k: Int, w: Words, memory: Words) -> Int:
    """Book ``slept`` cycles of self-refresh, which starts with a refresh; return what of that is left at the exit.

    Three cases (CmdHandlers.cc, handleSREx): the refresh is over, is in its precharge, or is still active.
    """
    active, whole = memory[T_REFRESH_ACTIVE], memory[T_REFRESH]
    w[k + K_SELF_REFRESH] += max(0, slept - whole)
    w[k + K_SELF_REFRESH_ACTIVE] += min(slept, active)
    w[k + K_SELF_REFRESH_PRECHARGED] += max(0, min(slept, whole) - active)
    if slept >= whole:
        return np.int64(0)
    w[k + K_WAKING_ACTIVE] += max(0, active - slept)
    w[k + K_WAKING_PRECHARGED] += whole - max(slept, active)
    return whole - slept


@compiled
def accounting_end(last_command: Int, last_cycle: Int, makespan: Int, w: Words, memory: Words) -> Int:
    """Return the cycle up to which energy is accounted for.

    The reference's accounting ends one cycle before the last command completes; the precharge that an auto-precharge
    stands for is a command too, and sorts before others of its cycle. The repair "whole-run-energy" accounts up to
    the last answer.
    """
    if memory[T_WHOLE_RUN]:
        return makespan
    last = np.int64(-1)
    for rank in range(memory[T_RANKS]):
        last = max(last, w[C_RANK + (rank << RANK_SHIFT) + K_LAST_AUTO])
    if last > last_cycle:
        return last + memory[T_COMPLETION + PRE] - 1
    return last_cycle + memory[T_COMPLETION + last_command] - 1


@compiled
def _cut_waking(beyond: Int, k: Int, w: Words, memory: Words) -> None:
    """Take back what was booked ``beyond`` the end for the refresh that self-refresh starts with; RP comes last."""
    if beyond > 0:
        precharged = min(beyond, memory[T_REFRESH] - memory[T_REFRESH_ACTIVE])
        w[k + K_WAKING_PRECHARGED] -= precharged
        w[k + K_WAKING_ACTIVE] -= beyond - precharged
        w[k + K_CLOSED_AT] -= beyond
        w[k + K_ACTIVE_SINCE] = w[k + K_CLOSED_AT]


@compiled
def finish_rank(end: Int, k: Int, w: Words, memory: Words) -> None:
    """Close the account of rank ``k`` at cycle ``end``."""
    if w[k + K_DOWN] not in (AWAKE, WAKING):
        account_wake(max(end, w[k + K_DOWN_SINCE]), k, w, memory)
    if memory[T_WHOLE_RUN] and w[k + K_DOWN] in (SELF_REFRESH, WAKING):
        _cut_waking(w[k + K_CLOSED_AT] - end, k, w, memory)
    since = w[k + K_ACTIVE_SINCE]
    if w[k + K_OPEN_BANKS] > 0:
        w[k + K_ACTIVE] += max(0, end - since)
        return
    closed = min(w[k + K_CLOSED_AT], end) if memory[T_WHOLE_RUN] else w[k + K_CLOSED_AT]
    w[k + K_ACTIVE] += closed - since
    w[k + K_PRECHARGED] += max(0, end - closed)


@compiled
def write_account(k: Int, w: Words, out: Words) -> None:
    """Add the account whose words begin at ``k`` to the results."""
    out[O_ACTIVE_CYCLES] += w[k + K_ACTIVE]
    out[O_PRECHARGED_CYCLES] += w[k + K_PRECHARGED]
    out[O_ACTIVE_DOWN_CYCLES] += w[k + K_ACTIVE_DOWN]
    out[O_PRECHARGED_DOWN_CYCLES] += w[k + K_PRECHARGED_DOWN]
    out[O_SELF_REFRESH_CYCLES] += w[k + K_SELF_REFRESH]
    out[O_SELF_REFRESH_ACTIVE_CYCLES] += w[k + K_SELF_REFRESH_ACTIVE]
    out[O_SELF_REFRESH_PRECHARGED_CYCLES] += w[k + K_SELF_REFRESH_PRECHARGED]
    out[O_WAKING_ACTIVE_CYCLES] += w[k + K_WAKING_ACTIVE]
    out[O_WAKING_PRECHARGED_CYCLES] += w[k + K_WAKING_PRECHARGED]
