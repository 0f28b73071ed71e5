"""What the compiled kernel works on: a trace, a memory, and the state of one controller, as arrays.

Named tuples of arrays cost nothing inside compiled code and keep its signatures readable. Compiled helpers are
built without Numba's reference counting (``_nrt=False``): all arrays live as long as the call that owns them,
and counting references in the loop would cost four times the simulation.

Time is kept shifted left by ``ID_BITS`` wherever commands compete: the word ``time << ID_BITS | request`` orders
candidates by earliest legal cycle, then by age, with one comparison.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from simulators.memory.kernel_codes import LANES, T_REFRESH_INTERVAL

ID_BITS = 24
ID_MASK = (1 << ID_BITS) - 1
NEVER_CYCLE = 1 << 38
NEVER = NEVER_CYCLE << ID_BITS
LANE_SHIFT = 3
LONG_AGO = -(1 << 20)

# Words of a bank's state: oldest waiting request; next request of the open row (FrFcfsGrp: next read and next
# write of it); length of the queue; 1 if a row is open; cycle of its ACT; 1 until the first CAS after an ACT.
HEAD, HIT, HIT_WRITE, QUEUED, IS_OPEN, ACTIVATED_AT, IS_FRESH = range(7)
# Words of the refresh manager. It waits to issue PENDING (or NO_COMMAND) at cycle PENDING_AT.
TRIGGER, FLEXIBILITY, PULLED_IN, PENDING, PENDING_AT, BLOCKING = range(6)
REFRESH_WORDS = 6
NO_COMMAND = -1
# Words of the accounting of energy, time and row hits.
OPEN_BANKS, ACTIVE_SINCE, CLOSED_AT, ACTIVE, PRECHARGED, LAST_AUTO, CLOSED_BY_PREA, MISSES = range(8)
ACCOUNT_WORDS = 8

u64 = np.uint64


class Requests(NamedTuple):
    """A decoded trace; see :class:`~simulators.memory.kernel_trace.DecodedTrace`."""

    cycle: NDArray[np.int64]
    bank: NDArray[np.uint8]
    is_write: NDArray[np.uint8]
    next_in_bank: NDArray[np.uint32]
    next_in_row: NDArray[np.uint32]
    next_same: NDArray[np.uint32]
    next_other: NDArray[np.uint32]
    previous_address: NDArray[np.uint32]
    first_in_bank: NDArray[np.int64]


class Memory(NamedTuple):
    """A memory; see :class:`~simulators.memory.kernel_constraints.KernelTables`."""

    bank_group: NDArray[np.int64]
    timing: NDArray[np.int64]
    bank_delay: NDArray[np.int64]
    near_delay: NDArray[np.int64]
    far_delay: NDArray[np.int64]


class Controller(NamedTuple):
    """State of one simulated controller.

    Per bank: ``bank`` (LANES words each, see above); ``ready`` (LANES words each): earliest shifted cycle of each
    command as far as the bank's own history decides; ``candidate``: packed key of its next command by that
    history, NEVER if it has none; ``lane``: the word of ``shared`` that limits the candidate too;
    ``group_lane``: first word of its group in ``shared``. ``shared``: earliest shifted cycles that the bank
    group, rank and command bus decide, LANES words per constraint group.

    Per request: ``latency`` (time sent until answered, then the latency), ``served`` flags, ``finish`` (end of
    data), ``delivered`` (times of answers in order of delivery).
    """

    bank: NDArray[np.int64]
    ready: NDArray[np.int64]
    candidate: NDArray[np.int64]
    lane: NDArray[np.uint64]
    group_lane: NDArray[np.uint64]
    shared: NDArray[np.int64]
    activates: NDArray[np.int64]
    issued: NDArray[np.int64]
    account: NDArray[np.int64]
    refresh: NDArray[np.int64]
    latency: NDArray[np.int64]
    served: NDArray[np.uint8]
    finish: NDArray[np.int64]
    delivered: NDArray[np.int64]
    counts: NDArray[np.int64]


@njit(nogil=True, _nrt=False)
def reset(state, requests, memory, refreshing):  # type: ignore[no-untyped-def]
    """Put the controller into its state at cycle 0."""
    n = len(requests.cycle)
    for words in (state.bank, state.ready, state.shared, state.issued, state.account, state.refresh):
        words[:] = 0
    state.candidate[:] = NEVER
    state.lane[:] = 0
    state.activates[:] = LONG_AGO
    state.served[:] = 0
    for b in range(len(memory.bank_group)):
        state.bank[b * LANES + HEAD] = requests.first_in_bank[b]
        state.bank[b * LANES + HIT] = n
        state.bank[b * LANES + HIT_WRITE] = n
        state.group_lane[b] = u64(memory.bank_group[b]) << u64(LANE_SHIFT)
    state.account[LAST_AUTO] = -1
    state.refresh[PENDING] = NO_COMMAND
    state.refresh[TRIGGER] = memory.timing[T_REFRESH_INTERVAL] if refreshing else NEVER_CYCLE
