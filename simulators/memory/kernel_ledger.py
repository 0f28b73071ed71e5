"""The reference's own account of a rank that powers down, its errors included.

Without power-down DRAMSys 4.0 accounts for time and energy as ``kernel_account`` does. With it, three defects show:

* its power-down manager does not count auto-precharges, so after one it enters *active* power-down with all banks
  closed, and never self-refresh (controller/powerdown/PowerDownManagerStaggered.cpp);
* its power model then charges the time since the last ACT once more;
* a bank that closes by auto-precharge after the entry is open again for the model after the exit, and an ACT to an
  open bank costs nothing (DRAMPower 4, CmdHandlers.cc: handlePdnSAct, handlePupAct, handleAct).

This module follows the model command by command. The repair "device-power-state" does without it. ``at`` is the
position of the ledger's words (the rank's plus K_LEDGER).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.memory.kernel_account import ACTIVE_DOWN, AWAKE, account_wake
from simulators.memory.kernel_codes import (
    ACT,
    D_POWER_DOWN,
    PRE,
    PREA,
    RDA,
    REFA,
    STAGGERED,
    WRA,
)
from simulators.memory.kernel_state import (
    B_CLOSES_AT,
    B_LAST,
    BANK_SHIFT,
    ID_BITS,
    K_ACTIVATES,
    K_ACTIVE,
    K_ACTIVE_SINCE,
    K_CLOSED_AT,
    K_CLOSES_NEXT,
    K_CLOSING,
    K_DOWN,
    K_DOWN_SINCE,
    K_FIRST_BANK,
    K_LAST_AUTO,
    K_PRECHARGED,
    K_PRECHARGES,
    K_TAKEN_BEFORE,
    K_TAKEN_OPEN,
    NEVER_CYCLE,
    T_BANKS_PER_RANK,
    T_DEVICE_STATE,
    T_RDA_CLOSE,
    T_REFRESH_ACTIVE,
    T_ROW_ACTIVE,
    T_WRA_CLOSE,
    Int,
    compiled,
    inlined,
)

Words = NDArray[np.int64]


@inlined
def keeps_ledger(design: Words, memory: Words) -> bool:
    """Return whether this module accounts for a design."""
    return design[D_POWER_DOWN] == STAGGERED and memory[T_DEVICE_STATE] == 0


@compiled
def enter_command(command: Int, b: Int, now: Int, at: Int, w: Words, memory: Words) -> None:
    """Enter a command to bank ``b`` of a rank, or to all of it, issued at cycle ``now``."""
    if w[at + K_CLOSES_NEXT] <= now:
        enter_closings(now, at, w, memory)
    if command == ACT:
        _enter_activate(b, now, at, w)
    elif command == PRE:
        _enter_precharge(b, now, at, w)
    elif command in (RDA, WRA):
        w[at + K_CLOSING] |= 1 << b
        closes = _closing(command, b, now, w, memory)
        w[(b << BANK_SHIFT) + B_CLOSES_AT] = closes
        w[at + K_CLOSES_NEXT] = min(w[at + K_CLOSES_NEXT], closes)
        w[at + K_LAST_AUTO] = max(w[at + K_LAST_AUTO], closes)
    elif command == PREA:
        _enter_precharge_all(now, at, w, memory)
    elif command == REFA:
        w[at + K_ACTIVE_SINCE] = now
        w[at + K_PRECHARGED] += max(0, now - w[at + K_CLOSED_AT])
        w[at + K_CLOSED_AT] = now + memory[T_REFRESH_ACTIVE]
        w[at + K_ACTIVE] += memory[T_REFRESH_ACTIVE]
        w[at + K_TAKEN_OPEN] = 0


@compiled
def enter_sleep(state: Int, now: Int, at: Int, w: Words, memory: Words) -> None:
    """Enter a power-down or self-refresh entry into ``state``."""
    enter_closings(now, at, w, memory)
    w[at + K_DOWN] = state
    w[at + K_DOWN_SINCE] = now
    w[at + K_TAKEN_BEFORE] = w[at + K_TAKEN_OPEN]
    if w[at + K_DOWN] == ACTIVE_DOWN:
        w[at + K_ACTIVE] += max(0, now - w[at + K_ACTIVE_SINCE])
    else:
        w[at + K_PRECHARGED] += max(0, now - w[at + K_CLOSED_AT])


@compiled
def enter_wake(now: Int, at: Int, w: Words, memory: Words) -> None:
    """Enter the exit from power-down or self-refresh."""
    enter_closings(now, at, w, memory)
    since, closed = w[at + K_ACTIVE_SINCE], w[at + K_CLOSED_AT]
    account_wake(now, at, w, memory)
    if w[at + K_DOWN] == ACTIVE_DOWN:
        w[at + K_TAKEN_OPEN] = w[at + K_TAKEN_BEFORE]
        w[at + K_CLOSED_AT] = closed
    else:
        w[at + K_ACTIVE_SINCE] = since
    w[at + K_DOWN] = AWAKE


@compiled
def enter_closings(now: Int, at: Int, w: Words, memory: Words) -> None:
    """Enter the auto-precharges that happen up to cycle ``now``.

    Nothing opens in between, so only the last of them can close the last open bank.
    """
    first, latest = w[at + K_FIRST_BANK], np.int64(-1)
    w[at + K_CLOSES_NEXT] = NEVER_CYCLE
    for b in range(first, first + memory[T_BANKS_PER_RANK]):
        if not w[at + K_CLOSING] >> b & 1:
            continue
        closes = w[(b << BANK_SHIFT) + B_CLOSES_AT]
        if closes > now:
            w[at + K_CLOSES_NEXT] = min(w[at + K_CLOSES_NEXT], closes)
            continue
        w[at + K_CLOSING] &= ~(1 << b)
        if w[at + K_TAKEN_OPEN] >> b & 1:
            w[at + K_PRECHARGES] += 1
            w[at + K_TAKEN_OPEN] &= ~(1 << b)
            latest = max(latest, closes)
    if latest >= 0 and w[at + K_TAKEN_OPEN] == 0:
        _enter_closed(latest, at, w)


@inlined
def _enter_closed(now: Int, at: Int, w: Words) -> None:
    """Enter that the last open bank closes at cycle ``now``."""
    w[at + K_ACTIVE] += max(0, now - w[at + K_ACTIVE_SINCE])
    w[at + K_CLOSED_AT] = now


@compiled
def _closing(command: Int, b: Int, now: Int, w: Words, memory: Words) -> Int:
    """Return the cycle of the auto-precharge of a CAS."""
    row_active = (w[(b << BANK_SHIFT) + B_LAST + ACT] >> ID_BITS) + memory[T_ROW_ACTIVE]
    return max(now + (memory[T_RDA_CLOSE] if command == RDA else memory[T_WRA_CLOSE]), row_active)


@compiled
def _enter_activate(b: Int, now: Int, at: Int, w: Words) -> None:
    if w[at + K_TAKEN_OPEN] >> b & 1:
        return
    w[at + K_ACTIVATES] += 1
    if w[at + K_TAKEN_OPEN] == 0:
        w[at + K_ACTIVE_SINCE] = now
        w[at + K_PRECHARGED] += max(0, now - w[at + K_CLOSED_AT])
    w[at + K_TAKEN_OPEN] |= 1 << b


@compiled
def _enter_precharge(b: Int, now: Int, at: Int, w: Words) -> None:
    if not w[at + K_TAKEN_OPEN] >> b & 1:
        return
    w[at + K_PRECHARGES] += 1
    w[at + K_TAKEN_OPEN] &= ~(1 << b)
    if w[at + K_TAKEN_OPEN] == 0:
        _enter_closed(now, at, w)


@compiled
def _enter_precharge_all(now: Int, at: Int, w: Words, memory: Words) -> None:
    if w[at + K_TAKEN_OPEN] == 0:
        return
    first = w[at + K_FIRST_BANK]
    for b in range(first, first + memory[T_BANKS_PER_RANK]):
        w[at + K_PRECHARGES] += w[at + K_TAKEN_OPEN] >> b & 1
    _enter_closed(now, at, w)
    w[at + K_TAKEN_OPEN] = 0


@compiled
def finish_ledger(end: Int, at: Int, w: Words, memory: Words) -> None:
    """Close the account at cycle ``end``."""
    enter_closings(np.int64(NEVER_CYCLE), at, w, memory)
    if w[at + K_DOWN] != AWAKE:
        account_wake(max(end, w[at + K_DOWN_SINCE]), at, w, memory)
    elif w[at + K_TAKEN_OPEN]:
        w[at + K_ACTIVE] += max(0, end - w[at + K_ACTIVE_SINCE])
    else:
        w[at + K_PRECHARGED] += max(0, end - w[at + K_CLOSED_AT])
