"""Where the compiled kernel keeps what it works on: a few flat arrays with named offsets.

Flat arrays, because every further array is a pointer that the loop would have to fetch back from the stack; and
helpers are compiled without Numba's reference counting (``_nrt=False``), which would cost four times the
simulation: all arrays live as long as the call that owns them.

Wherever commands compete, time is kept shifted left by ``ID_BITS``: the word ``time << ID_BITS | request``
orders candidates by earliest legal cycle, then by age, with one comparison.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

ID_BITS: Final = 24
ID_MASK: Final = (1 << ID_BITS) - 1
NEVER_CYCLE: Final = 1 << 38
NEVER: Final = NEVER_CYCLE << ID_BITS
LONG_AGO: Final = -(1 << 20)
MAX_BANKS: Final = 64
MAX_GROUPS: Final = 16

_Function = TypeVar("_Function", bound=Callable[..., Any])
_OPTIONS: Final = {"nogil": True, "_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def compiled(function: _Function) -> _Function:
    """Compile a helper that only compiled code calls."""
    return cast(_Function, njit(**_OPTIONS)(function))


def inlined(function: _Function) -> _Function:
    """Compile a helper into each of its callers."""
    return cast(_Function, njit(forceinline=True, **_OPTIONS)(function))


u64 = np.uint64
Int = int | np.int64
"""An integer inside compiled code."""
Index = np.uint64
"""Positions are unsigned: Numba would otherwise test every index for being negative."""

# ---- a request: LINKS words of uint32; in the links, n means "none" ------------------------------------------------
LINK_SHIFT: Final = 3
LINKS: Final = 1 << LINK_SHIFT
(
    BANK,  # flat bank number
    IS_WRITE,  # 1 for a write, 0 for a read
    NEXT_IN_BANK,  # next later request of the same bank
    NEXT_IN_ROW,  # ... of the same bank and row
    NEXT_SAME,  # ... of the same bank, row and direction
    NEXT_OTHER,  # ... of the same bank and row, other direction
    PREVIOUS_TWIN,  # latest earlier request of the same burst
    ROW,  # row number, for command traces
) = range(LINKS)

# ---- a memory: int64 words ---------------------------------------------------------------------------------------
(
    T_BANKS,  # number of banks, and of constraint groups (bank groups over all ranks)
    T_GROUPS,
    T_READ_DATA,  # RL + burst: CAS to the end of the data
    T_WRITE_DATA,  # WL + burst
    T_FOUR_ACTIVATES,  # FAW
    T_REFRESH_INTERVAL,  # REFI
    T_REFRESH_ACTIVE,  # RFC - RP: active cycles that the power model charges per refresh
    T_ROW_ACTIVE,  # RAS
    T_RDA_CLOSE,  # AL + max(RTP, burst): RDA to its auto-precharge, not before ACT + RAS
    T_WRA_CLOSE,  # WL + burst + WR: WRA to its auto-precharge
) = range(10)
T_COMPLETION: Final = 16  # + command: cycles until it completes, as the power model counts them
T_BANK_DELAY: Final = 32  # + 8 * later + earlier command: shifted delay on one bank
T_RANK_DELAY: Final = 96  # + 8 * later + earlier command: shifted delay of PREA and REFA after any command
T_NEAR_DELAY: Final = 160  # + 4 * command + class: shifted delay in the command's own group
T_FAR_DELAY: Final = 192  # + 4 * command + class: in the other groups
T_GROUP_OF_BANK: Final = 256  # + bank
MEMORY_WORDS: Final = T_GROUP_OF_BANK + MAX_BANKS

# ---- a controller: int64 words -----------------------------------------------------------------------------------
C_CANDIDATE: Final = 0  # + bank: packed key of its next command by the bank's own history, NEVER if none
C_LANE: Final = 64  # + bank: the word of C_SHARED that limits the candidate too
C_COMMAND: Final = 128  # + bank: the candidate's command
C_SHARED: Final = 192  # + 4 * group + class: earliest shifted cycle that group, rank and bus decide
C_RANK_LAST: Final = 256  # + command: shifted cycle of its last issue in the rank
C_ISSUED: Final = 264  # + command: how many were issued
C_ACTIVATES: Final = 272  # the last four ACTs, plain cycles
# Accounting of energy, time and row hits, see kernel_account.
C_OPEN_BANKS, C_ACTIVE_SINCE, C_CLOSED_AT, C_ACTIVE, C_PRECHARGED, C_LAST_AUTO, C_CLOSED_BY_PREA, C_MISSES = range(
    280, 288
)
# The refresh manager; it waits to issue C_PENDING (NO_COMMAND if nothing) at cycle C_PENDING_AT.
C_TRIGGER, C_FLEXIBILITY, C_PULLED_IN, C_PENDING, C_PENDING_AT, C_BLOCKING = range(288, 294)
NO_COMMAND: Final = -1
C_BANK: Final = 320  # + (bank << BANK_SHIFT): words of one bank
BANK_SHIFT: Final = 4
(
    B_HEAD,  # oldest waiting request
    B_HIT,  # next request of the open row; FrFcfsGrp: next read of it
    B_HIT_WRITE,  # FrFcfsGrp: next write of it
    B_QUEUED,  # length of the queue
    B_IS_OPEN,  # 1 if a row is open
    B_IS_FRESH,  # 1 from an ACT to the first CAS after it
) = range(C_BANK, C_BANK + 6)
B_LAST: Final = C_BANK + 8  # + command: shifted cycle of its last issue on this bank
CONTROLLER_WORDS: Final = C_BANK + (MAX_BANKS << BANK_SHIFT)


class Requests(NamedTuple):
    """A decoded trace of ``n`` requests: ``cycle[n]``, ``link[n * LINKS]``, ``first_in_bank[banks]``."""

    cycle: NDArray[np.int64]
    link: NDArray[np.uint32]
    first_in_bank: NDArray[np.int64]


class Controller(NamedTuple):
    """State of one simulated controller.

    ``words``: see above. Per request: ``latency`` (time sent until answered, then the latency), ``served`` flags,
    ``finish`` (end of data, where answers are reordered), ``delivered`` (times of answers in order of delivery).
    ``counts``: scratch of the order statistics.
    """

    words: NDArray[np.int64]
    latency: NDArray[np.int64]
    served: NDArray[np.uint8]
    finish: NDArray[np.int64]
    delivered: NDArray[np.int64]
    counts: NDArray[np.int64]


@compiled
def reset(state: Controller, requests: Requests, memory: NDArray[np.int64], is_refreshing: bool) -> None:
    """Put the controller into its state at cycle 0."""
    w, n = state.words, len(requests.cycle)
    w[:C_BANK] = 0
    w[C_CANDIDATE:C_LANE] = NEVER
    w[C_LANE:C_COMMAND] = C_SHARED
    w[C_RANK_LAST:C_ISSUED] = LONG_AGO << ID_BITS
    w[C_ACTIVATES : C_ACTIVATES + 4] = LONG_AGO
    w[C_LAST_AUTO] = -1
    w[C_PENDING] = NO_COMMAND
    w[C_TRIGGER] = memory[T_REFRESH_INTERVAL] if is_refreshing else NEVER_CYCLE
    for b in range(memory[T_BANKS]):
        base = b << BANK_SHIFT
        w[base + B_HEAD] = requests.first_in_bank[b]
        w[base + B_HIT] = w[base + B_HIT_WRITE] = n
        w[base + B_QUEUED] = w[base + B_IS_OPEN] = w[base + B_IS_FRESH] = 0
        for command in range(8):
            w[base + B_LAST + command] = LONG_AGO << ID_BITS
    state.served[:] = 0
