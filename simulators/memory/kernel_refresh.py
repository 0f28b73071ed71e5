"""The all-bank refresh manager (DRAMSys 4.0, controller/refresh/RefreshManagerAllBank.cpp), for one rank.

It is evaluated at every controller run from its trigger time on; cycles are plain.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.memory.kernel_account import account_refresh
from simulators.memory.kernel_bank import View, plan_all_banks
from simulators.memory.kernel_codes import D_POSTPONED, D_PULLED_IN, PREA, REFA
from simulators.memory.kernel_issue import forbid
from simulators.memory.kernel_state import (
    B_IS_OPEN,
    BANK_SHIFT,
    C_BLOCKING,
    C_CANDIDATE,
    C_CLOSED_AT,
    C_CLOSED_BY_PREA,
    C_FLEXIBILITY,
    C_LANE,
    C_OPEN_BANKS,
    C_PENDING,
    C_PENDING_AT,
    C_PULLED_IN,
    C_RANK_LAST,
    C_SHARED,
    C_TRIGGER,
    ID_BITS,
    NEVER,
    NO_COMMAND,
    T_BANKS,
    T_GROUPS,
    T_NEAR_DELAY,
    T_RANK_DELAY,
    T_REFRESH_INTERVAL,
    Controller,
    Int,
    Requests,
    compiled,
    inlined,
    u64,
)

Words = NDArray[np.int64]


@compiled
def evaluate_refresh(now: Int, is_idle: bool, design: Words, w: Words, memory: Words) -> None:
    """Run the manager at cycle ``now``: it postpones, pulls in, or waits to issue PREA or REFA."""
    w[C_PENDING] = NO_COMMAND
    if now < w[C_TRIGGER]:
        return
    if now >= w[C_TRIGGER] + memory[T_REFRESH_INTERVAL]:
        w[C_TRIGGER] += memory[T_REFRESH_INTERVAL]
        w[C_PULLED_IN] = 0
    if w[C_PULLED_IN] == 0 and w[C_FLEXIBILITY] == design[D_POSTPONED]:
        w[C_BLOCKING] = 1
    elif not is_idle:
        w[C_FLEXIBILITY] += 1 - w[C_PULLED_IN]
        w[C_PULLED_IN] = 0
        w[C_TRIGGER] += memory[T_REFRESH_INTERVAL]
        return
    w[C_PENDING] = PREA if w[C_OPEN_BANKS] > 0 else REFA
    w[C_PENDING_AT] = max(now, _rank_ready(w[C_PENDING], w, memory) >> ID_BITS)


@compiled
def _rank_ready(command: Int, w: Words, memory: Words) -> Int:
    """Return the earliest shifted cycle for a command to the whole rank, by all that was issued before."""
    ready = np.int64(0)
    for earlier in range(8):
        ready = max(ready, w[C_RANK_LAST + earlier] + memory[T_RANK_DELAY + 8 * command + earlier])
    return ready


@compiled
def withdraw_blocked(w: Words) -> None:
    """Take back the banks' candidates while a forced refresh blocks them."""
    if w[C_BLOCKING]:
        w[C_CANDIDATE:C_LANE] = NEVER


@compiled
def issue_refresh(view: View, design: Words, requests: Requests, memory: Words, state: Controller) -> Int:
    """Issue the manager's pending command, evaluate the manager again, and return the command."""
    w, now = state.words, view.now >> ID_BITS
    command = w[C_PENDING]
    w[C_RANK_LAST + command] = view.now
    for g in range(memory[T_GROUPS]):
        forbid(u64(C_SHARED) + (u64(g) << u64(2)), T_NEAR_DELAY, command, view.now, w, memory)
    if command == PREA:
        for b in range(memory[T_BANKS]):
            w[C_CLOSED_BY_PREA] += w[(b << BANK_SHIFT) + B_IS_OPEN]
            w[(b << BANK_SHIFT) + B_IS_OPEN] = 0
        w[C_OPEN_BANKS] = 0
        w[C_CLOSED_AT] = max(w[C_CLOSED_AT], now)
    else:
        account_refresh(now, w, memory)
        _count_refresh(design, w, memory)
        plan_all_banks(view, design, requests, memory, state)
    evaluate_refresh(now, view.admitted == view.served, design, w, memory)
    withdraw_blocked(w)
    return command


@inlined
def _count_refresh(design: Words, w: Words, memory: Words) -> None:
    """Book a REFA: unblock the banks; the first of a series switches to pulling in, later ones count."""
    w[C_BLOCKING] = 0
    if w[C_PULLED_IN]:
        w[C_FLEXIBILITY] -= 1
    else:
        w[C_PULLED_IN] = 1
    if w[C_FLEXIBILITY] == -design[D_PULLED_IN]:
        w[C_PULLED_IN] = 0
        w[C_TRIGGER] += memory[T_REFRESH_INTERVAL]
