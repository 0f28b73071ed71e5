"""The refresh managers, one per rank: all banks at once, or bank by bank.

Semantics: DRAMSys 4.0, controller/refresh/RefreshManagerAllBank.cpp and RefreshManagerPerBank.cpp. A manager is
evaluated at every controller run from its trigger time on; ``k`` is the position of its rank's words, cycles are
plain.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.memory.kernel_codes import ACT, D_POSTPONED, D_PULLED_IN, D_REFRESH, PER_BANK, PRE, PREA, REFA, REFB
from simulators.memory.kernel_state import (
    B_IS_OPEN,
    B_LAST,
    B_QUEUED,
    BANK_SHIFT,
    C_ACTIVE,
    C_CHANNEL_LAST,
    C_COMMANDS,
    C_HELD,
    C_SHARED,
    ID_BITS,
    K_DOWN,
    K_ENTERS,
    K_EXITS,
    K_FIRST_BANK,
    K_FLEXIBILITY,
    K_IS_SETTLED,
    K_IS_SLEEPING,
    K_LAST,
    K_MASK,
    K_OPEN_BANKS,
    K_PULLED_IN,
    K_REFRESH,
    K_REFRESH_AT,
    K_REMAINING,
    K_ROUND,
    K_SELECTED,
    K_TRIGGER,
    K_WINDOW,
    NEVER_CYCLE,
    NO_COMMAND,
    T_BANK_DELAY,
    T_BANK_REFRESH_INTERVAL,
    T_BANK_REFRESH_ROUND,
    T_BANKS,
    T_BANKS_PER_RANK,
    T_BUS_START,
    T_CHANNEL_DELAY,
    T_DEVICE_STATE,
    T_FOUR_ACTIVATES,
    T_FOUR_ACTIVATES_REFB,
    T_GROUP_DELAY,
    T_GROUP_OF_BANK,
    T_GROUPS,
    T_RANK_DELAY,
    T_RANKS,
    T_REFRESH_INTERVAL,
    Int,
    compiled,
    inlined,
    lowest_bit,
    u64,
)

Words = NDArray[np.int64]


@inlined
def refresh_interval(design: Words, memory: Words) -> Int:
    """Return the cycles between two triggers of a rank's manager."""
    return memory[T_BANK_REFRESH_INTERVAL] if design[D_REFRESH] == PER_BANK else memory[T_REFRESH_INTERVAL]


@compiled
def start_refresh(k: Int, now: Int, waiting: Int, design: Words, w: Words, memory: Words) -> None:
    """Run the manager of rank ``k`` at cycle ``now``: it postpones, pulls in, or wants a command.

    ``waiting``: requests in the whole buffer.
    """
    w[k + K_REFRESH] = NO_COMMAND
    if now < w[k + K_TRIGGER]:
        return
    w[k + K_ENTERS] = 0  # interrupt power-down
    if w[k + K_DOWN] != 0:
        w[k + K_EXITS] = 1
    if w[k + K_IS_SLEEPING]:
        return
    if design[D_REFRESH] == PER_BANK:
        _start_per_bank(k, now, design, w, memory)
    else:
        _start_all_banks(k, now, waiting, design, w, memory)


@compiled
def _start_all_banks(k: Int, now: Int, waiting: Int, design: Words, w: Words, memory: Words) -> None:
    interval = memory[T_REFRESH_INTERVAL]
    if now >= w[k + K_TRIGGER] + interval:
        w[k + K_TRIGGER] += interval
        w[k + K_PULLED_IN] = 0
    if w[k + K_PULLED_IN] == 0 and w[k + K_FLEXIBILITY] == design[D_POSTPONED]:
        w[C_HELD] |= w[k + K_MASK]
    elif not is_rank_idle(k, waiting, w, memory):
        _postpone(k, interval, w)
        return
    w[k + K_REFRESH] = PREA if w[k + K_OPEN_BANKS] > 0 else REFA
    w[k + K_REFRESH_AT] = max(now, rank_ready(k, w[k + K_REFRESH], w, memory) >> ID_BITS)


@compiled
def _postpone(k: Int, interval: Int, w: Words) -> None:
    """Put a refresh off, or stop pulling in."""
    w[k + K_FLEXIBILITY] += 1 - w[k + K_PULLED_IN]
    w[k + K_PULLED_IN] = 0
    w[k + K_TRIGGER] += interval


@compiled
def _start_per_bank(k: Int, now: Int, design: Words, w: Words, memory: Words) -> None:
    interval, banks = memory[T_BANK_REFRESH_INTERVAL], memory[T_BANKS_PER_RANK]
    if now >= w[k + K_TRIGGER] + interval:
        w[k + K_TRIGGER] += interval
        w[k + K_PULLED_IN] = 0
    is_regular = w[k + K_PULLED_IN] == 0
    is_forced = is_regular and w[k + K_FLEXIBILITY] == design[D_POSTPONED] * banks
    found = False
    if not (is_regular and w[k + K_IS_SETTLED]):
        found = _select_bank(k, w)
    if not found and not is_forced:
        _postpone(k, interval, w)
        return
    b = w[k + K_SELECTED]
    if w[(b << BANK_SHIFT) + B_IS_OPEN]:
        w[k + K_REFRESH] = PRE
        ready = bank_precharge_ready(b, w, memory)
    else:
        w[k + K_REFRESH] = REFB
        ready = _bank_refresh_ready(k, b, w, memory)
        if is_forced:
            w[C_HELD] |= 1 << b
            w[k + K_IS_SETTLED] = 1
    w[k + K_REFRESH_AT] = max(now, ready >> ID_BITS)


@compiled
def _select_bank(k: Int, w: Words) -> bool:
    """Select the first idle bank left in this round and return True, or the first of all and return False."""
    idle = w[k + K_REMAINING] & ~w[C_ACTIVE]
    if idle:
        w[k + K_SELECTED] = np.int64(lowest_bit(u64(idle)))
        return True
    if w[k + K_PULLED_IN] == 0:
        w[k + K_SELECTED] = np.int64(lowest_bit(u64(w[k + K_REMAINING])))
    return False


@compiled
def is_rank_idle(k: Int, waiting: Int, w: Words, memory: Words) -> bool:
    """Return whether no request waits for rank ``k``; ``waiting``: requests in the whole buffer."""
    if memory[T_RANKS] == 1 or waiting == 0:
        return waiting == 0
    first = w[k + K_FIRST_BANK]
    for b in range(first, first + memory[T_BANKS_PER_RANK]):  # noqa: SIM110 (compiled code has no generators)
        if w[(b << BANK_SHIFT) + B_QUEUED] > 0:
            return False
    return True


@compiled
def rank_ready(k: Int, command: Int, w: Words, memory: Words) -> Int:
    """Return the earliest shifted cycle for a command to rank ``k``, by all that was issued before."""
    ready, at = memory[T_BUS_START], 16 * command
    for earlier in range(w[C_COMMANDS]):
        ready = max(ready, w[k + K_LAST + earlier] + memory[T_RANK_DELAY + at + earlier])
    if memory[T_RANKS] > 1:
        for earlier in range(w[C_COMMANDS]):
            ready = max(ready, w[C_CHANNEL_LAST + earlier] + memory[T_CHANNEL_DELAY + at + earlier])
    return ready


@compiled
def bank_precharge_ready(b: Int, w: Words, memory: Words) -> Int:
    """Return the earliest shifted cycle for a PRE of bank ``b``."""
    ready = w[C_SHARED + 4 * memory[T_GROUP_OF_BANK + b] + 3]
    for earlier in range(7):
        delay = memory[T_BANK_DELAY + 8 * PRE + earlier]
        ready = max(ready, w[(b << BANK_SHIFT) + B_LAST + earlier] + delay)
    return ready


@compiled
def _bank_refresh_ready(k: Int, b: Int, w: Words, memory: Words) -> Int:
    """Return the earliest shifted cycle for a REFB of bank ``b``."""
    ready = rank_ready(k, REFB, w, memory)
    for earlier in range(7):
        delay = memory[T_BANK_DELAY + 8 * REFB + earlier]
        ready = max(ready, w[(b << BANK_SHIFT) + B_LAST + earlier] + delay)
    if memory[T_GROUP_DELAY + ACT]:
        banks = memory[T_BANKS] // memory[T_GROUPS]
        first = memory[T_GROUP_OF_BANK + b] * banks
        for other in range(first, first + banks):
            ready = max(ready, w[(other << BANK_SHIFT) + B_LAST + ACT] + memory[T_GROUP_DELAY + ACT])
    if w[k + K_ROUND] == 0:
        ready = max(ready, w[k + K_LAST + REFB] + memory[T_BANK_REFRESH_ROUND])
    window = w[k + K_WINDOW] + memory[T_FOUR_ACTIVATES] - memory[T_FOUR_ACTIVATES_REFB]
    return max(ready, window << ID_BITS)


@compiled
def count_refresh(k: Int, now: Int, design: Words, w: Words, memory: Words) -> None:
    """Book a REFA of rank ``k``: it frees the banks; the first of a series switches to pulling in, later ones count.

    After self-refresh the manager starts anew.
    """
    per_bank = design[D_REFRESH] == PER_BANK
    interval = refresh_interval(design, memory)
    w[C_HELD] &= ~w[k + K_MASK]
    if w[k + K_IS_SLEEPING] or per_bank:
        w[k + K_IS_SLEEPING] = w[k + K_PULLED_IN] = w[k + K_IS_SETTLED] = 0
        w[k + K_TRIGGER] = now + interval if w[k + K_TRIGGER] == NEVER_CYCLE else w[k + K_TRIGGER]
        w[k + K_REMAINING] = w[k + K_MASK]
        if memory[T_DEVICE_STATE]:  # the reference's checker goes on counting the round that the REFA broke off
            w[k + K_ROUND] = 0
        return
    _count(k, design[D_PULLED_IN], interval, w)


@compiled
def count_bank_refresh(k: Int, b: Int, design: Words, w: Words, memory: Words) -> None:
    """Book a REFB of bank ``b``."""
    banks = memory[T_BANKS_PER_RANK]
    w[C_HELD] &= ~(1 << b)
    w[k + K_IS_SETTLED] = 0
    w[k + K_ROUND] = (w[k + K_ROUND] + 1) % banks
    w[k + K_REMAINING] &= ~(1 << b)
    if w[k + K_REMAINING] == 0:
        w[k + K_REMAINING] = w[k + K_MASK]
    _count(k, design[D_PULLED_IN] * banks, memory[T_BANK_REFRESH_INTERVAL], w)


@compiled
def _count(k: Int, pulled_in: Int, interval: Int, w: Words) -> None:
    if w[k + K_PULLED_IN]:
        w[k + K_FLEXIBILITY] -= 1
    else:
        w[k + K_PULLED_IN] = 1
    if w[k + K_FLEXIBILITY] == -pulled_in:
        w[k + K_PULLED_IN] = 0
        w[k + K_TRIGGER] += interval
