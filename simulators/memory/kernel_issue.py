"""Issuing commands: what a command changes in its bank, and what others must wait for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.memory.kernel_account import account_activate, account_auto_precharge, account_close
from simulators.memory.kernel_bank import leave_queue, open_row
from simulators.memory.kernel_codes import ACT, PRE
from simulators.memory.kernel_front import answer_request
from simulators.memory.kernel_registers import (
    R_ADMITTED,
    R_LAST_COMMAND,
    R_LAST_CYCLE,
    R_LAST_WRITE,
    R_RECORDED,
    R_SERVED,
    R_WRITES_QUEUED,
)
from simulators.memory.kernel_state import (
    B_IS_FRESH,
    B_IS_OPEN,
    B_LAST,
    BANK_SHIFT,
    C_CHANNEL_LAST,
    C_CONFLICTS,
    C_ISSUED,
    C_MISSES,
    C_SHARED,
    ID_BITS,
    IS_WRITE,
    K_FIRST_BANK,
    K_LAST,
    K_WINDOW,
    LINK_SHIFT,
    T_FOUR_ACTIVATES,
    T_FOUR_ACTIVATES_ACT,
    T_GROUP_OF_BANK,
    T_GROUPS,
    T_RANK_OF_BANK,
    T_RANK_OF_GROUP,
    T_READ_DATA,
    T_SHARED_DELAY,
    T_WINDOW,
    T_WRITE_DATA,
    Controller,
    Index,
    Int,
    Requests,
    compiled,
    inlined,
    u64,
)

Words = NDArray[np.int64]


@inlined
def issue_for_bank(
    command: Int,
    b: Index,
    request: Index,
    now: Int,
    r: Words,
    design: Words,
    requests: Requests,
    memory: Words,
    state: Controller,
    times: Words | None,
) -> bool:
    """Issue a bank's command at cycle ``now``; return whether it turned the data bus around."""
    w, base, k = state.words, b << u64(BANK_SHIFT), u64(memory[u64(T_RANK_OF_BANK) + b])
    forbid_near_and_far(command, b, now << ID_BITS, w, memory)
    if command == ACT:
        w[base + u64(B_IS_OPEN)] = w[base + u64(B_IS_FRESH)] = 1
        count_activate(command, now, k, w, memory)
        open_row(base, request, r[R_ADMITTED], design, requests, state)
        account_activate(now, k, w)
        return False
    if command == PRE:
        w[base + u64(B_IS_OPEN)] = 0
        w[C_CONFLICTS] += 1
        account_close(now, k, w)
        return False
    return _serve(command, base, k, request, now, r, design, requests, memory, state, times)


@inlined
def _serve(
    command: Int,
    base: Index,
    k: Index,
    request: Index,
    now: Int,
    r: Words,
    design: Words,
    requests: Requests,
    memory: Words,
    state: Controller,
    times: Words | None,
) -> bool:
    """Serve ``request`` by a CAS: it leaves the buffer at once and is answered when its data end."""
    w, is_write = state.words, np.int64(requests.link[(request << u64(LINK_SHIFT)) + u64(IS_WRITE)])
    state.served[request] = 1
    r[R_SERVED] += 1
    r[R_WRITES_QUEUED] -= is_write
    w[C_MISSES] += w[base + u64(B_IS_FRESH)]
    w[base + u64(B_IS_FRESH)] = 0
    if command & 1:
        w[base + u64(B_IS_OPEN)] = 0
        account_auto_precharge(now, is_write, base, k, w, memory)
    leave_queue(base, request, r[R_ADMITTED], design, requests, state)
    done = now + (memory[T_WRITE_DATA] if is_write else memory[T_READ_DATA])
    answer_request(request, done, r, design, memory, state, times)
    turned = is_write != r[R_LAST_WRITE]
    r[R_LAST_WRITE] = is_write
    return turned


@inlined
def forbid_near_and_far(command: Int, b: Index, at: Int, w: Words, memory: Words) -> None:
    """Book a bank's ``command`` at shifted cycle ``at``: what its bank, its group and the others must wait for."""
    w[u64(B_LAST) + (b << u64(BANK_SHIFT)) + u64(command)] = at
    w[u64(memory[u64(T_RANK_OF_BANK) + b]) + u64(K_LAST) + u64(command)] = at
    w[u64(C_CHANNEL_LAST) + u64(command)] = at
    if memory[T_GROUPS] == 1:
        delay = u64(T_SHARED_DELAY) + (u64(command) << u64(2))
        for c in range(4):
            i = u64(c)
            w[u64(C_SHARED) + i] = max(w[u64(C_SHARED) + i], at + memory[delay + i])
        return
    forbid(command, memory[u64(T_GROUP_OF_BANK) + b], at, w, memory)


@compiled
def forbid_in_rank(command: Int, k: Int, at: Int, w: Words, memory: Words) -> None:
    """Book a ``command`` to the whole rank ``k`` at shifted cycle ``at``."""
    w[k + K_LAST + command] = w[C_CHANNEL_LAST + command] = at
    forbid(command, memory[T_GROUP_OF_BANK + w[k + K_FIRST_BANK]], at, w, memory)


@inlined
def forbid(command: Int, group: Int, at: Int, w: Words, memory: Words) -> None:
    """Raise all of C_SHARED to what ``command`` at shifted cycle ``at`` in ``group`` allows."""
    groups = memory[T_GROUPS]
    delays = memory[T_SHARED_DELAY + 4 * groups * (groups * command + group) :]
    lanes = w[C_SHARED:]
    for i in range(4 * groups):
        lanes[i] = max(lanes[i], at + delays[i])


@inlined
def count_activate(command: Int, cycle: Int, k: Index, w: Words, memory: Words) -> None:
    """Book an ACT or REFB for the four-activate window: a fifth one must wait FAW from the first of four."""
    at = k + u64(K_WINDOW)
    first = w[at + u64(1)]
    w[at], w[at + u64(1)], w[at + u64(2)] = first, w[at + u64(2)], w[at + u64(3)]
    w[at + u64(3)] = cycle + memory[u64(T_WINDOW) + u64(command)]
    window = (first + memory[T_FOUR_ACTIVATES] - memory[T_FOUR_ACTIVATES_ACT]) << ID_BITS
    for g in range(memory[T_GROUPS]):
        if u64(memory[u64(T_RANK_OF_GROUP) + u64(g)]) == k:
            lane = u64(C_SHARED) + (u64(g) << u64(2))
            w[lane] = max(w[lane], window)


@inlined
def note_command(command: Int, b: Int, request: Int, now: Int, r: Words, w: Words, commands: Words | None) -> None:
    """Count a command; write it into the command trace if there is one, with room left."""
    w[u64(C_ISSUED) + u64(command)] += 1
    r[R_LAST_COMMAND], r[R_LAST_CYCLE] = command, now
    if commands is not None:
        if r[R_RECORDED] < len(commands):
            line = commands[u64(r[R_RECORDED])]
            line[0], line[1], line[2], line[3] = now, command, b, request
        r[R_RECORDED] += 1
