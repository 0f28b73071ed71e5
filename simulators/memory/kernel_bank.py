"""Bank machines and schedulers: which command each bank wants next, and what an issued command changes.

Semantics: DRAMSys 4.0, controller/BankMachine.cpp, controller/scheduler/Scheduler*.cpp, cmdmux/CmdMux*.cpp.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from simulators.memory.kernel_codes import (
    ACT,
    CLOSED,
    CLOSED_ADAPTIVE,
    D_CMD_MUX,
    D_PAGE_POLICY,
    D_SCHEDULER,
    FIFO,
    FR_FCFS,
    FR_FCFS_GRP,
    LANES,
    OPEN_ADAPTIVE,
    PRE,
    RD,
    STRICT,
    T_FOUR_ACTIVATES,
    T_GROUPS,
)
from simulators.memory.kernel_state import (
    HEAD,
    HIT,
    HIT_WRITE,
    ID_BITS,
    IS_OPEN,
    LANE_SHIFT,
    NEVER,
    QUEUED,
    u64,
)


@njit(forceinline=True, nogil=True, _nrt=False)
def earliest(state):  # type: ignore[no-untyped-def]
    """Return the smallest packed key over the banks: earliest legal cycle, then oldest request.

    Written out for eight banks at a time: a compiler's vector loads would wait for the scalar stores before them.
    """
    best = np.int64(NEVER)
    for first in range(0, len(state.candidate), 8):
        b = u64(first)
        k0, k1 = bank_key(b, state), bank_key(b + u64(1), state)
        k2, k3 = bank_key(b + u64(2), state), bank_key(b + u64(3), state)
        k4, k5 = bank_key(b + u64(4), state), bank_key(b + u64(5), state)
        k6, k7 = bank_key(b + u64(6), state), bank_key(b + u64(7), state)
        best = min(best, min(min(min(k0, k1), min(k2, k3)), min(min(k4, k5), min(k6, k7))))
    return best


@njit(forceinline=True, nogil=True, _nrt=False)
def bank_key(b, state):  # type: ignore[no-untyped-def]
    """Return the packed key of bank ``b``'s next command, NEVER if it has none."""
    key = state.candidate[b]
    return max(key, state.shared[state.lane[b]] + (key & np.int64((1 << ID_BITS) - 1)))


@njit(forceinline=True, nogil=True, _nrt=False)
def plan_bank(b, now, admitted, last_write, expected, design, requests, state):  # type: ignore[no-untyped-def]
    """Decide the next command of bank ``b`` as of shifted cycle ``now``.

    ``admitted`` requests have entered the buffer; ``last_write`` is the direction of the last CAS; ``expected``
    the only request whose CAS the Strict multiplexer lets pass.
    """
    base = b << u64(LANE_SHIFT)
    queued = state.bank[base + u64(QUEUED)]
    if queued == 0:
        state.candidate[b] = NEVER
        return
    request = state.bank[base + u64(HEAD)]
    command = np.int64(ACT)
    if state.bank[base + u64(IS_OPEN)]:
        command = np.int64(PRE)
        hit = _oldest_hit(base, design, state)
        is_hit = hit == request if design[D_SCHEDULER] == FIFO else hit < admitted
        if is_hit:
            request = hit
            if design[D_SCHEDULER] == FR_FCFS_GRP:
                request = _preferred_hit(base, admitted, last_write, requests, state)
            close = _closes(base, request, queued, admitted, design, requests, state)
            command = np.int64(RD) + (np.int64(requests.is_write[u64(request)]) << 1) + close
            if design[D_CMD_MUX] == STRICT and request != expected:
                state.candidate[b] = NEVER
                return
    state.candidate[b] = max(state.ready[base + u64(command)], now) + request
    state.lane[b] = state.group_lane[b] + u64(command)


@njit(forceinline=True, nogil=True, _nrt=False)
def _oldest_hit(base, design, state):  # type: ignore[no-untyped-def]
    """Return the oldest unserved request of the open row; it may not be admitted yet."""
    hit = state.bank[base + u64(HIT)]
    if design[D_SCHEDULER] == FR_FCFS_GRP:
        hit = min(hit, state.bank[base + u64(HIT_WRITE)])
    return hit


@njit(forceinline=True, nogil=True, _nrt=False)
def _preferred_hit(base, admitted, last_write, requests, state):  # type: ignore[no-untyped-def]
    """Return FrFcfsGrp's row hit: oldest of the last CAS's direction without an older twin, else the oldest.

    Requests of one address are served in order, so looking at the latest older twin is enough.
    """
    reading, writing = state.bank[base + u64(HIT)], state.bank[base + u64(HIT_WRITE)]
    request = writing if last_write else reading
    while request < admitted:
        if not state.served[u64(request)]:
            twin = requests.previous_address[u64(request)]
            if twin == len(requests.cycle) or state.served[u64(twin)]:
                return request
        request = np.int64(requests.next_same[u64(request)])
    return min(reading, writing)


@njit(forceinline=True, nogil=True, _nrt=False)
def _closes(base, request, queued, admitted, design, requests, state):  # type: ignore[no-untyped-def]
    """Return 1 if the page policy wants an auto-precharge with this CAS, else 0."""
    page = design[D_PAGE_POLICY]
    if page != OPEN_ADAPTIVE and page != CLOSED_ADAPTIVE:
        return np.int64(page == CLOSED)
    if page == OPEN_ADAPTIVE and queued < 2:
        return np.int64(0)
    if design[D_SCHEDULER] == FR_FCFS:
        return np.int64(np.int64(requests.next_in_row[u64(request)]) >= admitted)
    if design[D_SCHEDULER] == FIFO:
        same = requests.next_in_bank[u64(request)] == requests.next_in_row[u64(request)]
        return np.int64(not (queued >= 2 and same))
    return np.int64(not _has_two_hits(base, admitted, requests, state))


@njit(forceinline=True, nogil=True, _nrt=False)
def _has_two_hits(base, admitted, requests, state):  # type: ignore[no-untyped-def]
    """Return whether at least two admitted requests of the open row wait (FrFcfsGrp's book-keeping)."""
    reading, writing = state.bank[base + u64(HIT)], state.bank[base + u64(HIT_WRITE)]
    if reading < admitted and writing < admitted:
        return True
    return next_unserved(np.int64(requests.next_same[u64(min(reading, writing))]), admitted, requests.next_same, state) < admitted


@njit(forceinline=True, nogil=True, _nrt=False)
def next_unserved(request, admitted, link, state):  # type: ignore[no-untyped-def]
    """Follow ``link`` from ``request`` to the first that is not served; those not admitted never are."""
    while request < admitted and state.served[u64(request)]:
        request = np.int64(link[u64(request)])
    return request


@njit(forceinline=True, nogil=True, _nrt=False)
def needs_plan(b, request, design, state):  # type: ignore[no-untyped-def]
    """Return whether admitting ``request`` (already counted in the queue) can change bank ``b``'s next command."""
    base = b << u64(LANE_SHIFT)
    if state.bank[base + u64(QUEUED)] == 1:
        return True
    if not state.bank[base + u64(IS_OPEN)]:
        return False
    page = design[D_PAGE_POLICY]
    simple = (page != OPEN_ADAPTIVE and page != CLOSED_ADAPTIVE) and design[D_SCHEDULER] != FR_FCFS_GRP
    return not simple or (request == state.bank[base + u64(HIT)] and design[D_SCHEDULER] == FR_FCFS)


@njit(forceinline=True, nogil=True, _nrt=False)
def open_row(base, request, admitted, design, requests, state):  # type: ignore[no-untyped-def]
    """Point the bank's hit cursors at the row of ``request``, the oldest of its bank, which was just activated."""
    if design[D_SCHEDULER] != FR_FCFS_GRP:
        state.bank[base + u64(HIT)] = np.int64(request)
        return
    other = next_unserved(np.int64(requests.next_other[request]), admitted, requests.next_same, state)
    write = u64(requests.is_write[request])
    state.bank[base + u64(HIT) + write] = np.int64(request)
    state.bank[base + u64(HIT_WRITE) - write] = other


@njit(forceinline=True, nogil=True, _nrt=False)
def leave_queue(base, request, admitted, design, requests, state):  # type: ignore[no-untyped-def]
    """Take a served request out of its bank's queue: move the head and the hit cursors on."""
    state.bank[base + u64(QUEUED)] -= 1
    if design[D_SCHEDULER] == FIFO:
        state.bank[base + u64(HEAD)] = np.int64(requests.next_in_bank[request])
        state.bank[base + u64(HIT)] = np.int64(requests.next_in_row[request])
        return
    head = state.bank[base + u64(HEAD)]
    state.bank[base + u64(HEAD)] = next_unserved(head, admitted, requests.next_in_bank, state)
    if design[D_SCHEDULER] == FR_FCFS:
        state.bank[base + u64(HIT)] = np.int64(requests.next_in_row[request])
        return
    cursor = base + u64(HIT) + u64(requests.is_write[request])
    state.bank[cursor] = next_unserved(state.bank[cursor], admitted, requests.next_same, state)


@njit(forceinline=True, nogil=True, _nrt=False)
def forbid(command, b, at, memory, state):  # type: ignore[no-untyped-def]
    """Book what bank ``b``'s ``command`` at shifted cycle ``at`` forbids to its bank, its group and the others."""
    row, base, own = u64(command) << u64(LANE_SHIFT), b << u64(LANE_SHIFT), state.group_lane[b]
    for c in range(LANES):
        k = u64(c)
        state.ready[base + k] = max(state.ready[base + k], at + memory.bank_delay[row + k])
    for g in range(memory.timing[T_GROUPS]):
        first = u64(g) << u64(LANE_SHIFT)
        delay = memory.near_delay if first == own else memory.far_delay
        for c in range(LANES):
            k = u64(c)
            state.shared[first + k] = max(state.shared[first + k], at + delay[row + k])


@njit(forceinline=True, nogil=True, _nrt=False)
def forbid_activates(cycle, memory, state):  # type: ignore[no-untyped-def]
    """Book an ACT for the four-activate window: a fifth one must wait FAW from the first of four."""
    last = state.activates
    last[0], last[1], last[2], last[3] = last[1], last[2], last[3], cycle
    window = (last[0] + memory.timing[T_FOUR_ACTIVATES]) << ID_BITS
    for g in range(memory.timing[T_GROUPS]):
        k = (u64(g) << u64(LANE_SHIFT)) + u64(ACT)
        state.shared[k] = max(state.shared[k], window)
