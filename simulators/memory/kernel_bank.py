"""Bank machines and schedulers: which command each bank wants next, and what an issued command changes.

Semantics: DRAMSys 4.0, controller/BankMachine.cpp, controller/scheduler/Scheduler*.cpp, cmdmux/CmdMux*.cpp.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulators.memory.kernel_codes import (
    ACT,
    CLASS_PRE,
    CLOSED,
    D_CMD_MUX,
    D_PAGE_POLICY,
    D_SCHEDULER,
    FIFO,
    FR_FCFS,
    FR_FCFS_GRP,
    OPEN_ADAPTIVE,
    PRE,
    RD,
    STRICT,
)
from simulators.memory.kernel_state import (
    B_HEAD,
    B_HIT,
    B_HIT_WRITE,
    B_IS_OPEN,
    B_LAST,
    B_QUEUED,
    BANK,
    BANK_SHIFT,
    C_ACTIVE,
    C_CANDIDATE,
    C_COLUMN_EXTRA,
    C_COMMAND,
    C_LANE,
    C_ROW_EXTRA,
    C_SHARED,
    ID_MASK,
    IS_WRITE,
    K_FIRST_BANK,
    LINK_SHIFT,
    NEVER,
    NEXT_IN_BANK,
    NEXT_IN_ROW,
    NEXT_OTHER,
    NEXT_SAME,
    PREVIOUS_TWIN,
    T_BANK_DELAY,
    T_BANKS,
    T_BANKS_PER_RANK,
    T_GROUP_OF_BANK,
    T_IS_GENERAL,
    T_IS_SPLIT,
    T_LENGTH,
    Controller,
    Index,
    Int,
    Requests,
    compiled,
    inlined,
    u64,
)

Words = NDArray[np.int64]


class View(NamedTuple):
    """What banks look at besides their own state when they choose a command.

    ``now``: shifted cycle; ``admitted``: requests that have entered the buffer; ``served``: requests served, which
    is also the only request whose CAS the Strict multiplexer lets pass; ``last_write``: direction of the last CAS.
    """

    now: Int
    admitted: Int
    served: Int
    last_write: Int


@inlined
def earliest(w: Words, memory: Words) -> Int:
    """Return the smallest packed key over the banks: earliest legal cycle, then oldest request.

    Written out for eight banks at a time (unused ones never have a candidate): as a plain loop it would be
    compiled to vector loads, which wait for the scalar stores before them.
    """
    best: Int = np.int64(NEVER)
    for first in range(0, memory[T_BANKS], 8):
        b = u64(first)
        k0, k1, k2, k3 = bank_key(b, w), bank_key(b + u64(1), w), bank_key(b + u64(2), w), bank_key(b + u64(3), w)
        b += u64(4)
        k4, k5, k6, k7 = bank_key(b, w), bank_key(b + u64(1), w), bank_key(b + u64(2), w), bank_key(b + u64(3), w)
        best = min(best, min(min(min(k0, k1), min(k2, k3)), min(min(k4, k5), min(k6, k7))))
    return best


@inlined
def bank_key(b: Index, w: Words) -> Int:
    """Return the packed key of bank ``b``'s next command, NEVER if it has none."""
    key = w[u64(C_CANDIDATE) + b]
    return max(key, w[u64(w[u64(C_LANE) + b])] + (key & np.int64(ID_MASK)))


@inlined
def plan_bank(b: Index, view: View, design: Words, requests: Requests, memory: Words, state: Controller) -> None:
    """Decide the next command of bank ``b``."""
    w, link = state.words, requests.link
    base = b << u64(BANK_SHIFT)
    queued, admitted = w[base + u64(B_QUEUED)], view.admitted
    if queued == 0:
        w[u64(C_CANDIDATE) + b] = NEVER
        w[C_ACTIVE] &= ~(np.int64(1) << np.int64(b))
        return
    w[C_ACTIVE] |= np.int64(1) << np.int64(b)
    scheduler = design[D_SCHEDULER]
    request, command, command_class = w[base + u64(B_HEAD)], np.int64(ACT), np.int64(0)
    if w[base + u64(B_IS_OPEN)]:
        command, command_class = np.int64(PRE), np.int64(CLASS_PRE)
        hit = w[base + u64(B_HIT)]
        if scheduler == FR_FCFS_GRP:
            hit = min(hit, w[base + u64(B_HIT_WRITE)])
        is_hit = hit == request if scheduler == FIFO else hit < admitted
        if is_hit:
            request = hit
            if scheduler == FR_FCFS_GRP:
                request = _preferred_hit(base, view, link, state)
            if design[D_CMD_MUX] == STRICT and request != view.served:
                w[u64(C_CANDIDATE) + b] = NEVER
                return
            is_write = np.int64(link[(u64(request) << u64(LINK_SHIFT)) + u64(IS_WRITE)])
            command_class = 1 + is_write
            command = RD + 2 * is_write + _closes(base, request, queued, admitted, design, link, state)
    w[u64(C_CANDIDATE) + b] = max(_ready(base, command, w, memory), view.now) + request
    w[u64(C_COMMAND) + b] = command
    if memory[T_IS_GENERAL]:
        length, is_column = memory[u64(T_LENGTH) + u64(command)], memory[T_IS_SPLIT] and command >= RD
        w[u64(C_ROW_EXTRA) + b] = NEVER if is_column else length
        w[u64(C_COLUMN_EXTRA) + b] = length if is_column else NEVER
    w[u64(C_LANE) + b] = C_SHARED + (memory[u64(T_GROUP_OF_BANK) + b] << 2) + command_class


@inlined
def _ready(base: Index, command: Int, w: Words, memory: Words) -> Int:
    """Return the earliest shifted cycle for ``command`` by what its bank did before."""
    last, delay = base + u64(B_LAST), u64(T_BANK_DELAY) + (u64(command) << u64(3))
    r0, r1 = w[last] + memory[delay], w[last + u64(1)] + memory[delay + u64(1)]
    r2, r3 = w[last + u64(2)] + memory[delay + u64(2)], w[last + u64(3)] + memory[delay + u64(3)]
    r4, r5 = w[last + u64(4)] + memory[delay + u64(4)], w[last + u64(5)] + memory[delay + u64(5)]
    return max(max(max(r0, r1), max(r2, r3)), max(r4, r5))


@inlined
def _preferred_hit(base: Index, view: View, link: NDArray[np.uint32], state: Controller) -> Int:
    """Return FrFcfsGrp's row hit: oldest of the last CAS's direction without an older twin, else the oldest.

    Requests of one address are served in order, so looking at the latest older twin is enough.
    """
    w = state.words
    reading, writing = w[base + u64(B_HIT)], w[base + u64(B_HIT_WRITE)]
    request, admitted = writing if view.last_write else reading, view.admitted
    while request < admitted:
        at = u64(request) << u64(LINK_SHIFT)
        if not state.served[u64(request)]:
            twin = u64(link[at + u64(PREVIOUS_TWIN)])
            if twin == u64(len(state.served)) or state.served[twin]:
                return request
        request = np.int64(link[at + u64(NEXT_SAME)])
    return min(reading, writing)


@inlined
def _closes(
    base: Index, request: Int, queued: Int, admitted: Int, design: Words, link: NDArray[np.uint32], state: Controller
) -> Int:
    """Return 1 if the page policy wants an auto-precharge with this CAS, else 0."""
    page, scheduler = design[D_PAGE_POLICY], design[D_SCHEDULER]
    if not page & 1:  # adaptive policies have odd codes
        return np.int64(page == CLOSED)
    if page == OPEN_ADAPTIVE and queued < 2:
        return np.int64(0)
    at = u64(request) << u64(LINK_SHIFT)
    next_in_row = np.int64(link[at + u64(NEXT_IN_ROW)])
    if scheduler == FR_FCFS:
        return np.int64(next_in_row >= admitted)
    if scheduler == FIFO:
        return np.int64(queued < 2 or np.int64(link[at + u64(NEXT_IN_BANK)]) != next_in_row)
    return np.int64(not _has_two_hits(base, admitted, link, state))


@inlined
def _has_two_hits(base: Index, admitted: Int, link: NDArray[np.uint32], state: Controller) -> bool | np.bool_:
    """Return whether at least two admitted requests of the open row wait (FrFcfsGrp's book-keeping)."""
    reading, writing = state.words[base + u64(B_HIT)], state.words[base + u64(B_HIT_WRITE)]
    if reading < admitted and writing < admitted:
        return True
    second = np.int64(link[(u64(min(reading, writing)) << u64(LINK_SHIFT)) + u64(NEXT_SAME)])
    return next_unserved(second, NEXT_SAME, admitted, link, state) < admitted


@inlined
def next_unserved(request: Int, kind: Int, admitted: Int, link: NDArray[np.uint32], state: Controller) -> Int:
    """Follow links of one ``kind`` from ``request`` to the first that is not served; ones not admitted never are."""
    while request < admitted and state.served[u64(request)]:
        request = np.int64(link[(u64(request) << u64(LINK_SHIFT)) + u64(kind)])
    return request


@inlined
def needs_plan(b: Index, request: Int, design: Words, w: Words) -> bool:
    """Return whether admitting ``request`` (already counted in the queue) can change bank ``b``'s next command."""
    base = b << u64(BANK_SHIFT)
    if w[base + u64(B_QUEUED)] == 1:
        return True
    if not w[base + u64(B_IS_OPEN)]:
        return False
    page, scheduler = design[D_PAGE_POLICY], design[D_SCHEDULER]
    if page & 1 or scheduler == FR_FCFS_GRP:  # adaptive policies have odd codes
        return True
    return scheduler == FR_FCFS and request == w[base + u64(B_HIT)]


@compiled
def plan_out_of_line(b: Index, view: View, design: Words, requests: Requests, memory: Words, state: Controller) -> None:
    """Plan bank ``b`` by a call: for rare occasions, to keep the machine code small."""
    plan_bank(b, view, design, requests, memory, state)


@compiled
def plan_rank(k: Int, view: View, design: Words, requests: Requests, memory: Words, state: Controller) -> None:
    """Plan every bank of the rank ``k``."""
    first = state.words[k + K_FIRST_BANK]
    for b in range(first, first + memory[T_BANKS_PER_RANK]):
        plan_out_of_line(u64(b), view, design, requests, memory, state)


@compiled
def plan_after_turn(view: View, design: Words, requests: Requests, memory: Words, state: Controller) -> None:
    """Plan the banks whose choice depends on the direction of the last CAS: those with hits of both directions."""
    w = state.words
    for b in range(memory[T_BANKS]):
        base = u64(b) << u64(BANK_SHIFT)
        if w[base + u64(B_IS_OPEN)] and max(w[base + u64(B_HIT)], w[base + u64(B_HIT_WRITE)]) < view.admitted:
            plan_out_of_line(u64(b), view, design, requests, memory, state)


@compiled
def plan_expected(view: View, design: Words, requests: Requests, memory: Words, state: Controller) -> None:
    """Plan the bank of the one request whose CAS the Strict multiplexer lets pass now."""
    if view.served < view.admitted:
        b = u64(requests.link[(u64(view.served) << u64(LINK_SHIFT)) + u64(BANK)])
        plan_out_of_line(b, view, design, requests, memory, state)


@inlined
def open_row(base: Index, request: Index, admitted: Int, design: Words, requests: Requests, state: Controller) -> None:
    """Point the bank's hit cursors at the row of ``request``, the oldest of its bank, which was just activated."""
    w, link = state.words, requests.link
    if design[D_SCHEDULER] != FR_FCFS_GRP:
        w[base + u64(B_HIT)] = np.int64(request)
        return
    at = request << u64(LINK_SHIFT)
    other = next_unserved(np.int64(link[at + u64(NEXT_OTHER)]), NEXT_SAME, admitted, link, state)
    write = u64(link[at + u64(IS_WRITE)])
    w[base + u64(B_HIT) + write] = np.int64(request)
    w[base + u64(B_HIT_WRITE) - write] = other


@inlined
def leave_queue(
    base: Index, request: Index, admitted: Int, design: Words, requests: Requests, state: Controller
) -> None:
    """Take a served request out of its bank's queue: move the head and the hit cursors on."""
    w, link = state.words, requests.link
    at = request << u64(LINK_SHIFT)
    w[base + u64(B_QUEUED)] -= 1
    if design[D_SCHEDULER] == FIFO:
        w[base + u64(B_HEAD)] = np.int64(link[at + u64(NEXT_IN_BANK)])
        w[base + u64(B_HIT)] = np.int64(link[at + u64(NEXT_IN_ROW)])
        return
    head = w[base + u64(B_HEAD)]
    w[base + u64(B_HEAD)] = next_unserved(head, NEXT_IN_BANK, admitted, link, state)
    if design[D_SCHEDULER] == FR_FCFS:
        w[base + u64(B_HIT)] = np.int64(link[at + u64(NEXT_IN_ROW)])
        return
    cursor = base + u64(B_HIT) + u64(link[at + u64(IS_WRITE)])
    w[cursor] = next_unserved(w[cursor], NEXT_SAME, admitted, link, state)
