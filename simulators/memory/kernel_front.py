"""Front end: trace player, arbiter, admission to the request buffer, and answers on their way back.

Semantics: DRAMSys 4.0, simulator/StlPlayer.cpp, simulation/Arbiter.cpp, controller/scheduler/BufferCounter*.cpp,
controller/respqueue/RespQueue*.cpp. All delays are zero, so an answer is known as soon as its CAS is issued.
"""

from __future__ import annotations

from numba import njit

from simulators.memory.kernel_codes import BANKWISE, D_BUFFER, D_BUFFER_SIZE, READ_WRITE
from simulators.memory.kernel_state import LANE_SHIFT, QUEUED, u64


@njit(forceinline=True, nogil=True, _nrt=False)
def has_space(last_bank, queued, writes_queued, design, state):  # type: ignore[no-untyped-def]
    """Return whether the request buffer takes another request.

    Bankwise looks at the bank of the *previously* admitted request, whatever bank the next one needs.
    """
    size = design[D_BUFFER_SIZE]
    if design[D_BUFFER] == BANKWISE:
        return state.bank[(last_bank << u64(LANE_SHIFT)) + u64(QUEUED)] < size
    if design[D_BUFFER] == READ_WRITE:
        return queued - writes_queued < size and writes_queued < size
    return queued < size


@njit(forceinline=True, nogil=True, _nrt=False)
def deliver_next(request, done, last_delivery, count, state, recorded):  # type: ignore[no-untyped-def]
    """Answer ``request``, whose data end at ``done``: one answer per cycle. Return the cycle."""
    cycle = max(done, last_delivery + 1)
    if recorded is not None:
        recorded[request, 2] = cycle
    state.latency[request] = cycle - state.latency[request]
    state.delivered[u64(count)] = cycle
    return cycle


@njit(forceinline=True, nogil=True, _nrt=False)
def last_answer_before(cycle, count, state):  # type: ignore[no-untyped-def]
    """Return the time of the latest answer before ``cycle`` (-1 if none)."""
    position = count - 1
    while position >= 0 and state.delivered[u64(position)] >= cycle:
        position -= 1
    return state.delivered[u64(position)] if position >= 0 else -1
