"""The refresh and power-down managers together: what they want next, and what it changes when they get it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.memory.kernel_account import account_close, account_refresh
from simulators.memory.kernel_bank import View, plan_out_of_line, plan_rank
from simulators.memory.kernel_codes import D_POWER_DOWN, PDXA, PDXP, PRE, PREA, REFA, REFB, STAGGERED
from simulators.memory.kernel_issue import count_activate, forbid_in_rank, forbid_near_and_far
from simulators.memory.kernel_ledger import enter_command, keeps_ledger
from simulators.memory.kernel_power_down import count_power_command, start_power_down, trigger_entry
from simulators.memory.kernel_refresh import (
    count_bank_refresh,
    count_refresh,
    is_rank_idle,
    refresh_interval,
    start_refresh,
)
from simulators.memory.kernel_state import (
    B_IS_OPEN,
    B_LAST,
    BANK_SHIFT,
    C_ATTEND,
    C_CANDIDATE,
    C_CLOSED_BY_PREA,
    C_HELD,
    C_MANAGER_AT,
    C_PENDING,
    C_PENDING_AT,
    C_PENDING_BANK,
    C_PENDING_RANK,
    C_RANK,
    C_STALE_AT,
    ID_BITS,
    ID_MASK,
    K_CLOSED_AT,
    K_ENTERS,
    K_ENTERS_SELF_REFRESH,
    K_EXITS,
    K_FIRST_BANK,
    K_LEDGER,
    K_OPEN_BANKS,
    K_POWER,
    K_POWER_AT,
    K_REFRESH,
    K_REFRESH_AT,
    K_SELECTED,
    K_SELF_CLOSED,
    K_TRIGGER,
    NEVER,
    NEVER_CYCLE,
    NO_COMMAND,
    RANK_SHIFT,
    T_BANK_REFRESH_PRECHARGE,
    T_BANKS_PER_RANK,
    T_LENGTH,
    T_RANKS,
    Controller,
    Int,
    Requests,
    compiled,
    lowest_bit,
    u64,
)

Words = NDArray[np.int64]


@compiled
def evaluate_managers(now: Int, waiting: Int, design: Words, w: Words, memory: Words) -> None:
    """Run all managers at cycle ``now`` and find out which command they want first.

    ``waiting``: requests in the buffer. A rank's power-down manager goes before its refresh manager.
    """
    for rank in range(memory[T_RANKS]):
        start_refresh(C_RANK + (rank << RANK_SHIFT), now, waiting, design, w, memory)
    w[C_PENDING] = NO_COMMAND
    w[C_ATTEND] = w[C_MANAGER_AT] = w[C_STALE_AT] = NEVER_CYCLE
    best: Int = np.int64(NEVER)
    for rank in range(memory[T_RANKS]):
        k = C_RANK + (rank << RANK_SHIFT)
        if design[D_POWER_DOWN] == STAGGERED:
            start_power_down(k, now, w, memory)
        best = min(best, _propose(k, now, best, design, w, memory))


@compiled
def _propose(k: Int, now: Int, best: Int, design: Words, w: Words, memory: Words) -> Int:
    """Take the command that rank ``k`` wants as the pending one if its key is below ``best``; return the key."""
    trigger = w[k + K_TRIGGER]
    w[C_ATTEND] = min(w[C_ATTEND], trigger)
    change = trigger if trigger > now else max(trigger + refresh_interval(design, memory), now + 1)
    w[C_STALE_AT] = min(w[C_STALE_AT], change)
    if w[k + K_ENTERS] or w[k + K_EXITS] or w[k + K_ENTERS_SELF_REFRESH]:
        w[C_ATTEND] = 0
    command, at, tie = w[k + K_REFRESH], w[k + K_REFRESH_AT], np.int64(0)
    if w[k + K_POWER] != NO_COMMAND:
        command, at, tie = w[k + K_POWER], w[k + K_POWER_AT], np.int64(ID_MASK)
    if command == NO_COMMAND:
        if w[k + K_TRIGGER] > now:
            w[C_MANAGER_AT] = min(w[C_MANAGER_AT], w[k + K_TRIGGER])
        return np.int64(NEVER)
    w[C_MANAGER_AT] = min(w[C_MANAGER_AT], at)
    key: Int = (at << ID_BITS) + memory[T_LENGTH + command] + tie
    if key < best:
        w[C_PENDING], w[C_PENDING_AT], w[C_PENDING_RANK] = command, at, k
        w[C_PENDING_BANK] = w[k + (K_SELECTED if command in (PRE, REFB) else K_FIRST_BANK)]
    return key


@compiled
def withdraw_held(w: Words) -> None:
    """Take back the candidates of the banks that a manager holds."""
    held = u64(w[C_HELD])
    while held:
        w[u64(C_CANDIDATE) + lowest_bit(held)] = NEVER
        held &= held - u64(1)


@compiled
def issue_managed(view: View, design: Words, requests: Requests, memory: Words, state: Controller) -> Int:
    """Issue the managers' pending command, evaluate them again, and return the command."""
    w, now = state.words, view.now >> ID_BITS
    command, k, b = w[C_PENDING], w[C_PENDING_RANK], w[C_PENDING_BANK]
    waiting = view.admitted - view.served
    if command in (PRE, REFB):
        forbid_near_and_far(command, u64(b), view.now, w, memory)
    else:
        forbid_in_rank(command, k, view.now, w, memory)
    if command == PRE:
        w[(b << BANK_SHIFT) + B_IS_OPEN] = 0
        account_close(now, u64(k), w)
    elif command == REFB:
        count_activate(command, now, u64(k), w, memory)
        w[(b << BANK_SHIFT) + B_LAST + PRE] = view.now + memory[T_BANK_REFRESH_PRECHARGE]
        count_bank_refresh(k, b, design, w, memory)
    elif command == PREA:
        _close_rank(k, now, w, memory)
    elif command == REFA:
        account_refresh(now, k, w, memory)
        count_refresh(k, now, design, w, memory)
    if keeps_ledger(design, memory):
        enter_command(command, b, now, k + K_LEDGER, w, memory)
    count_power_command(command, k, now, w, memory)
    if design[D_POWER_DOWN] == STAGGERED and is_rank_idle(k, waiting, w, memory):
        trigger_entry(k, w)
    if command in (PRE, REFB):
        plan_out_of_line(u64(b), view, design, requests, memory, state)
    elif command in (REFA, PDXA, PDXP):
        plan_rank(k, view, design, requests, memory, state)
    evaluate_managers(now, waiting, design, w, memory)
    withdraw_held(w)
    return command


@compiled
def _close_rank(k: Int, now: Int, w: Words, memory: Words) -> None:
    first = w[k + K_FIRST_BANK]
    for b in range(first, first + memory[T_BANKS_PER_RANK]):
        w[C_CLOSED_BY_PREA] += w[(b << BANK_SHIFT) + B_IS_OPEN]
        w[(b << BANK_SHIFT) + B_IS_OPEN] = 0
    w[k + K_OPEN_BANKS] = w[k + K_SELF_CLOSED] = 0
    w[k + K_CLOSED_AT] = max(w[k + K_CLOSED_AT], now)
