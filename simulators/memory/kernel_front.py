"""Front end: trace player, arbiter, admission to the request buffer, and answers on their way back.

Semantics: DRAMSys 4.0, simulator/StlPlayer.cpp, simulation/Arbiter.cpp, controller/scheduler/BufferCounter*.cpp,
controller/respqueue/RespQueue*.cpp. All delays are zero, so an answer is known as soon as its CAS is issued.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.memory.kernel_codes import (
    ARBITER_REORDER,
    BANKWISE,
    D_ARBITER,
    D_BUFFER,
    D_BUFFER_SIZE,
    D_MAX_ACTIVE,
    D_RESPONSE_QUEUE,
    READ_WRITE,
    REORDER,
    SIMPLE,
)
from simulators.memory.kernel_registers import (
    R_ACCEPTED,
    R_ACCEPTED_BEFORE,
    R_ADMITTED,
    R_AFTER_COMMAND,
    R_ANSWERED,
    R_ARRIVE,
    R_BY_PLAYER,
    R_ENTERED,
    R_HAS_CREDIT,
    R_LAST_ANSWER,
    R_LAST_BANK,
    R_SENT,
    R_SERVED,
    R_SUM_ACCEPTED,
    R_SUM_ANSWERED,
    R_SUM_SENT,
    R_WAKE,
    R_WAKE_SET,
    R_WRITES_QUEUED,
)
from simulators.memory.kernel_state import (
    B_QUEUED,
    BANK,
    BANK_SHIFT,
    IS_WRITE,
    LINK_SHIFT,
    NEVER_CYCLE,
    T_ARRIVALS_FIRST,
    T_OWN_BANK,
    T_OWN_DIRECTION,
    T_TICK,
    Controller,
    Index,
    Int,
    Requests,
    inlined,
    u64,
)

Words = NDArray[np.int64]


@inlined
def admit_request(
    now: Int, r: Words, design: Words, requests: Requests, memory: Words, state: Controller, times: Words | None
) -> Index:
    """Put the next request into the buffer at cycle ``now`` and return its bank; the player turns to the one after.

    A player sends one request per cycle, not before its time in the trace and after the previous was accepted.
    """
    w = state.words
    i = u64(r[R_ADMITTED])
    at = i << u64(LINK_SHIFT)
    b = u64(requests.link[at + u64(BANK)])
    r[R_ADMITTED] += 1
    r[R_WRITES_QUEUED] += np.int64(requests.link[at + u64(IS_WRITE)])
    w[(b << u64(BANK_SHIFT)) + u64(B_QUEUED)] += 1
    r[R_LAST_BANK] = np.int64(b)
    accepted = now if design[D_ARBITER] == SIMPLE else r[R_ACCEPTED]
    state.latency[i] = r[R_SENT]
    r[R_SUM_SENT] += r[R_SENT]
    r[R_SUM_ACCEPTED] += accepted
    if times is not None:
        times[i, 0], times[i, 1] = r[R_SENT], accepted
    r[R_ACCEPTED_BEFORE], r[R_ENTERED], r[R_ARRIVE] = accepted, now, NEVER_CYCLE
    if r[R_ADMITTED] < len(requests.cycle):
        r[R_SENT] = max(requests.cycle[i + u64(1)], accepted + memory[T_TICK])
        has_credit = np.int64(design[D_ARBITER] == SIMPLE or r[R_ADMITTED] < design[D_MAX_ACTIVE])
        r[R_HAS_CREDIT] = r[R_BY_PLAYER] = has_credit
        r[R_ACCEPTED] = r[R_SENT]
    return b


@inlined
def schedule_arrival(now: Int, r: Words, design: Words, requests: Requests, memory: Words, state: Controller) -> None:
    """Find out when the next request reaches the controller and finds space, if that is known already."""
    if r[R_ARRIVE] != NEVER_CYCLE or r[R_ADMITTED] == len(requests.cycle):
        return
    if not r[R_HAS_CREDIT]:
        credit = r[R_ADMITTED] - design[D_MAX_ACTIVE]  # the answer that gives its credit to this request
        if r[R_ANSWERED] <= credit:
            return
        r[R_HAS_CREDIT] = 1
        r[R_BY_PLAYER] = np.int64(state.delivered[u64(credit)] < r[R_SENT])
        r[R_ACCEPTED] = max(r[R_SENT], state.delivered[u64(credit)])
    if not _has_space(r, design, requests, memory, state.words):
        return
    if design[D_ARBITER] == SIMPLE:
        r[R_ARRIVE] = max(r[R_SENT], now)
    else:
        r[R_ARRIVE] = max(max(r[R_ACCEPTED], r[R_ENTERED] + memory[T_TICK]), now)
        # A request that waited in the arbiter's queue is offered by a timed event, seen before commands are chosen.
        r[R_AFTER_COMMAND] = np.int64(r[R_ACCEPTED] > r[R_ENTERED]) & (1 - memory[T_ARRIVALS_FIRST])


@inlined
def _has_space(r: Words, design: Words, requests: Requests, memory: Words, w: Words) -> bool:
    """Return whether the request buffer takes the next request.

    Bankwise looks at the bank of the *previously* admitted request, whatever bank the next one needs, and ReadWrite at
    both sides, unless these defects are repaired.
    """
    size, queued = design[D_BUFFER_SIZE], r[R_ADMITTED] - r[R_SERVED]
    if design[D_BUFFER] == BANKWISE:
        b = u64(r[R_LAST_BANK])
        if memory[T_OWN_BANK]:
            b = u64(requests.link[(u64(r[R_ADMITTED]) << u64(LINK_SHIFT)) + u64(BANK)])
        return w[(b << u64(BANK_SHIFT)) + u64(B_QUEUED)] < size
    if design[D_BUFFER] == READ_WRITE:
        writes = r[R_WRITES_QUEUED]
        if memory[T_OWN_DIRECTION]:
            is_write = requests.link[(u64(r[R_ADMITTED]) << u64(LINK_SHIFT)) + u64(IS_WRITE)]
            return (writes if is_write else queued - writes) < size
        return max(queued - writes, writes) < size
    return queued < size


@inlined
def answer_request(
    request: Index, done: Int, r: Words, design: Words, memory: Words, state: Controller, times: Words | None
) -> None:
    """Answer a request whose data end at ``done``, in order of issue, or as soon as all older ones are answered."""
    if design[D_RESPONSE_QUEUE] != REORDER and design[D_ARBITER] != ARBITER_REORDER:
        _deliver(request, done, r, memory, state, times)
        return
    state.finish[request] = done
    while r[R_ANSWERED] < r[R_ADMITTED] and state.served[u64(r[R_ANSWERED])]:
        oldest = u64(r[R_ANSWERED])
        _deliver(oldest, state.finish[oldest], r, memory, state, times)


@inlined
def _deliver(request: Index, done: Int, r: Words, memory: Words, state: Controller, times: Words | None) -> None:
    """Answer ``request``: one answer per cycle."""
    cycle = max(done, r[R_LAST_ANSWER] + memory[T_TICK])
    if times is not None:
        times[request, 2] = cycle
    state.latency[request] = cycle - state.latency[request]
    state.delivered[u64(r[R_ANSWERED])] = cycle
    r[R_SUM_ANSWERED] += cycle
    r[R_LAST_ANSWER] = cycle
    r[R_ANSWERED] += 1


@inlined
def arrives_first(cycle: Int, r: Words, delivered: Words) -> bool:
    """Return whether the player's request of ``cycle`` is seen before a command due in the same cycle is chosen.

    Both are timed events of one instant, which SystemC runs roughly in the order in which they were notified. The
    controller's was notified when it last ran and found this command to be its earliest; the arbiter's when the
    previous request was accepted, and again whenever an answer passed through it. Requests that no player's event
    triggers, or that had to wait for space, come after the command.
    """
    if not r[R_AFTER_COMMAND] or not r[R_BY_PLAYER] or r[R_SENT] != cycle:
        return False
    chosen = r[R_WAKE_SET] if r[R_WAKE] == cycle else r[R_WAKE]
    if r[R_ACCEPTED_BEFORE] >= chosen:
        return False
    position = r[R_ANSWERED] - 1
    while position >= 0 and delivered[u64(position)] >= cycle:
        position -= 1
    return position < 0 or delivered[u64(position)] <= chosen
