"""Front end: trace player, arbiter, admission to the request buffer, and answers on their way back.

Semantics: DRAMSys 4.0, simulator/StlPlayer.cpp, simulation/Arbiter.cpp, controller/scheduler/BufferCounter*.cpp,
controller/respqueue/RespQueue*.cpp. All delays are zero, so an answer is known as soon as its CAS is issued.
"""

from __future__ import annotations

import numpy as np
from numba import njit
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
from simulators.memory.kernel_state import (
    B_QUEUED,
    BANK,
    BANK_SHIFT,
    C_ACCEPTED,
    C_ACCEPTED_BEFORE,
    C_ADMITTED,
    C_AFTER_COMMAND,
    C_ANSWERED,
    C_ARRIVE,
    C_BY_PLAYER,
    C_ENTERED,
    C_HAS_CREDIT,
    C_LAST_ANSWER,
    C_LAST_BANK,
    C_SENT,
    C_SERVED,
    C_SUM_ACCEPTED,
    C_SUM_ANSWERED,
    C_SUM_SENT,
    C_WAKE,
    C_WAKE_SET,
    C_WRITES_QUEUED,
    IS_WRITE,
    LINK_SHIFT,
    NEVER_CYCLE,
    Controller,
    Index,
    Int,
    Requests,
    u64,
)

Words = NDArray[np.int64]


@njit(forceinline=True, nogil=True, _nrt=False)
def admit_request(now: Int, design: Words, requests: Requests, state: Controller, times: Words | None) -> Index:
    """Put the next request into the buffer at cycle ``now`` and return its bank; the player turns to the one after.

    A player sends one request per cycle, not before its time in the trace and after the previous was accepted.
    """
    w = state.words
    i = u64(w[C_ADMITTED])
    at = i << u64(LINK_SHIFT)
    b = u64(requests.link[at + u64(BANK)])
    w[C_ADMITTED] += 1
    w[C_WRITES_QUEUED] += np.int64(requests.link[at + u64(IS_WRITE)])
    w[(b << u64(BANK_SHIFT)) + u64(B_QUEUED)] += 1
    w[C_LAST_BANK] = np.int64(b)
    accepted = now if design[D_ARBITER] == SIMPLE else w[C_ACCEPTED]
    state.latency[i] = w[C_SENT]
    w[C_SUM_SENT] += w[C_SENT]
    w[C_SUM_ACCEPTED] += accepted
    if times is not None:
        times[i, 0], times[i, 1] = w[C_SENT], accepted
    w[C_ACCEPTED_BEFORE], w[C_ENTERED], w[C_ARRIVE] = accepted, now, NEVER_CYCLE
    if w[C_ADMITTED] < len(requests.cycle):
        w[C_SENT] = max(requests.cycle[i + u64(1)], accepted + 1)
        has_credit = np.int64(design[D_ARBITER] == SIMPLE or w[C_ADMITTED] < design[D_MAX_ACTIVE])
        w[C_HAS_CREDIT] = w[C_BY_PLAYER] = has_credit
        w[C_ACCEPTED] = w[C_SENT]
    return b


@njit(forceinline=True, nogil=True, _nrt=False)
def schedule_arrival(now: Int, design: Words, requests: Requests, state: Controller) -> None:
    """Find out when the next request reaches the controller and finds space, if that is known already."""
    w = state.words
    if w[C_ARRIVE] != NEVER_CYCLE or w[C_ADMITTED] == len(requests.cycle):
        return
    if not w[C_HAS_CREDIT]:
        credit = w[C_ADMITTED] - design[D_MAX_ACTIVE]  # the answer that gives its credit to this request
        if w[C_ANSWERED] <= credit:
            return
        w[C_HAS_CREDIT] = 1
        w[C_BY_PLAYER] = np.int64(state.delivered[u64(credit)] < w[C_SENT])
        w[C_ACCEPTED] = max(w[C_SENT], state.delivered[u64(credit)])
    if not _has_space(design, w):
        return
    if design[D_ARBITER] == SIMPLE:
        w[C_ARRIVE] = max(w[C_SENT], now)
    else:
        w[C_ARRIVE] = max(max(w[C_ACCEPTED], w[C_ENTERED] + 1), now)
        # A request that waited in the arbiter's queue is offered by a timed event, seen before commands are chosen.
        w[C_AFTER_COMMAND] = np.int64(w[C_ACCEPTED] > w[C_ENTERED])


@njit(forceinline=True, nogil=True, _nrt=False)
def _has_space(design: Words, w: Words) -> bool:
    """Return whether the request buffer takes another request.

    Bankwise looks at the bank of the *previously* admitted request, whatever bank the next one needs.
    """
    size, queued = design[D_BUFFER_SIZE], w[C_ADMITTED] - w[C_SERVED]
    if design[D_BUFFER] == BANKWISE:
        return w[(u64(w[C_LAST_BANK]) << u64(BANK_SHIFT)) + u64(B_QUEUED)] < size
    if design[D_BUFFER] == READ_WRITE:
        return max(queued - w[C_WRITES_QUEUED], w[C_WRITES_QUEUED]) < size
    return queued < size


@njit(forceinline=True, nogil=True, _nrt=False)
def answer_request(request: Index, done: Int, design: Words, state: Controller, times: Words | None) -> None:
    """Answer a request whose data end at ``done``, in order of issue, or as soon as all older ones are answered."""
    w = state.words
    if design[D_RESPONSE_QUEUE] != REORDER and design[D_ARBITER] != ARBITER_REORDER:
        _deliver(request, done, state, times)
        return
    state.finish[request] = done
    while w[C_ANSWERED] < w[C_ADMITTED] and state.served[u64(w[C_ANSWERED])]:
        oldest = u64(w[C_ANSWERED])
        _deliver(oldest, state.finish[oldest], state, times)


@njit(forceinline=True, nogil=True, _nrt=False)
def _deliver(request: Index, done: Int, state: Controller, times: Words | None) -> None:
    """Answer ``request``: one answer per cycle."""
    w = state.words
    cycle = max(done, w[C_LAST_ANSWER] + 1)
    if times is not None:
        times[request, 2] = cycle
    state.latency[request] = cycle - state.latency[request]
    state.delivered[u64(w[C_ANSWERED])] = cycle
    w[C_SUM_ANSWERED] += cycle
    w[C_LAST_ANSWER] = cycle
    w[C_ANSWERED] += 1


@njit(nogil=True, _nrt=False)
def arrives_first(cycle: Int, w: Words, delivered: Words) -> bool:
    """Return whether the player's request of ``cycle`` is seen before a command due in the same cycle is chosen.

    Both are timed events of one instant, which SystemC runs roughly in the order in which they were notified. The
    controller's was notified when it last ran and found this command to be its earliest; the arbiter's when the
    previous request was accepted, and again whenever an answer passed through it. Requests that no player's event
    triggers, or that had to wait for space, come after the command.
    """
    if not w[C_AFTER_COMMAND] or not w[C_BY_PLAYER] or w[C_SENT] != cycle:
        return False
    chosen = w[C_WAKE_SET] if w[C_WAKE] == cycle else w[C_WAKE]
    if w[C_ACCEPTED_BEFORE] >= chosen:
        return False
    position = w[C_ANSWERED] - 1
    while position >= 0 and delivered[u64(position)] >= cycle:
        position -= 1
    return position < 0 or delivered[u64(position)] <= chosen
