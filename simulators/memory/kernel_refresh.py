"""The all-bank refresh manager (DRAMSys 4.0, controller/refresh/RefreshManagerAllBank.cpp), for one rank.

It is evaluated at every controller run from its trigger time on; cycles are plain.
"""

from __future__ import annotations

from numba import njit

from simulators.memory.kernel_account import account_refresh
from simulators.memory.kernel_codes import (
    D_POSTPONED,
    D_PULLED_IN,
    LANES,
    PREA,
    REFA,
    T_GROUPS,
    T_REFRESH_INTERVAL,
)
from simulators.memory.kernel_state import (
    BLOCKING,
    CLOSED_AT,
    CLOSED_BY_PREA,
    FLEXIBILITY,
    ID_BITS,
    IS_OPEN,
    LANE_SHIFT,
    NEVER,
    NO_COMMAND,
    OPEN_BANKS,
    PENDING,
    PENDING_AT,
    PULLED_IN,
    TRIGGER,
    u64,
)


@njit(nogil=True, _nrt=False)
def evaluate_refresh(now, is_idle, design, memory, state):  # type: ignore[no-untyped-def]
    """Run the manager at cycle ``now``: it postpones, pulls in, or waits to issue PREA or REFA."""
    refresh, interval = state.refresh, memory.timing[T_REFRESH_INTERVAL]
    refresh[PENDING] = NO_COMMAND
    if now < refresh[TRIGGER]:
        return
    if now >= refresh[TRIGGER] + interval:
        refresh[TRIGGER] += interval
        refresh[PULLED_IN] = 0
    if refresh[PULLED_IN] == 0 and refresh[FLEXIBILITY] == design[D_POSTPONED]:
        refresh[BLOCKING] = 1
    elif not is_idle:
        refresh[FLEXIBILITY] += 1 - refresh[PULLED_IN]
        refresh[PULLED_IN] = 0
        refresh[TRIGGER] += interval
        return
    command = PREA if state.account[OPEN_BANKS] > 0 else REFA
    refresh[PENDING] = command
    refresh[PENDING_AT] = max(now, state.shared[command] >> ID_BITS)


@njit(nogil=True, _nrt=False)
def withdraw_blocked(state):  # type: ignore[no-untyped-def]
    """Take back the banks' candidates while a forced refresh blocks them."""
    if state.refresh[BLOCKING]:
        state.candidate[:] = NEVER


@njit(nogil=True, _nrt=False)
def issue_refresh(now, design, memory, state):  # type: ignore[no-untyped-def]
    """Issue the manager's pending command at cycle ``now`` and return it."""
    command = state.refresh[PENDING]
    row = u64(command) << u64(LANE_SHIFT)
    for g in range(memory.timing[T_GROUPS]):
        first = u64(g) << u64(LANE_SHIFT)
        for c in range(LANES):
            k = u64(c)
            state.shared[first + k] = max(state.shared[first + k], (now << ID_BITS) + memory.near_delay[row + k])
    if command == PREA:
        for b in range(len(state.candidate)):
            state.account[CLOSED_BY_PREA] += state.bank[b * LANES + IS_OPEN]
            state.bank[b * LANES + IS_OPEN] = 0
        state.account[OPEN_BANKS] = 0
        state.account[CLOSED_AT] = max(state.account[CLOSED_AT], now)
    else:
        account_refresh(now, memory.timing, state.account)
        _count_refresh(design, memory.timing, state.refresh)
    return command


@njit(forceinline=True, nogil=True, _nrt=False)
def _count_refresh(design, timing, refresh):  # type: ignore[no-untyped-def]
    """Book a REFA: unblock the banks; the first of a series switches to pulling in, later ones count."""
    refresh[BLOCKING] = 0
    if refresh[PULLED_IN]:
        refresh[FLEXIBILITY] -= 1
    else:
        refresh[PULLED_IN] = 1
    if refresh[FLEXIBILITY] == -design[D_PULLED_IN]:
        refresh[PULLED_IN] = 0
        refresh[TRIGGER] += timing[T_REFRESH_INTERVAL]
