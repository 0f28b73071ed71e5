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
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from simulators.memory.kernel_codes import ALL_BANK, COMMANDS, D_POWER_DOWN, D_REFRESH, PDEA, PER_BANK, STAGGERED

ID_BITS: Final = 24
ID_MASK: Final = (1 << ID_BITS) - 1
NEVER_CYCLE: Final = 1 << 37
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


@intrinsic
def lowest_bit(typing_context: Any, word: Any) -> Any:
    """Return the position of the lowest bit that is set in a word that is not zero."""
    if word != types.uint64:
        return None

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], context.get_constant(types.boolean, True))

    return types.uint64(types.uint64), codegen


u64 = np.uint64
Int = int | np.int64
"""An integer inside compiled code."""
Index = np.uint64
"""Positions are unsigned: Numba would otherwise test every index for being negative."""
Flag = bool | np.bool_

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
# Tables are indexed by command (position in COMMANDS) and class (position in CLASSES).
(
    T_BANKS,  # number of banks, of constraint groups (bank groups) and of ranks, over the channel
    T_GROUPS,
    T_RANKS,
    T_BANKS_PER_RANK,
    T_TICK,  # length of a clock cycle in the unit of all times below, 1 unless commands may start between edges
    T_BUS_START,  # shifted: earliest start of the first command
    T_READ_DATA,  # CAS to the end of the data
    T_WRITE_DATA,
    T_FOUR_ACTIVATES,  # FAW
    T_FOUR_ACTIVATES_ACT,  # what an ACT may start before the window's end
    T_FOUR_ACTIVATES_REFB,  # ... a REFB
    T_REFRESH_INTERVAL,  # REFI
    T_BANK_REFRESH_INTERVAL,  # REFI of per-bank refresh, 0 if the memory has none
    T_BANK_REFRESH_PRECHARGE,  # shifted: a REFB leaves its bank as a precharge issued this much later would
    T_BANK_REFRESH_ROUND,  # shifted: REFB to the next one once all banks of a rank had theirs
    T_IS_SPLIT,  # 1 if row and column commands have buses of their own
    T_IS_GENERAL,  # 1 if the choice of commands needs more than "smallest legal cycle, then oldest", see kernel_choice
    # The power model's own times.
    T_REFRESH_ACTIVE,  # RFC - RP: active cycles charged per refresh
    T_REFRESH,  # RFC
    T_ROW_ACTIVE,  # RAS
    T_RDA_CLOSE,  # AL + max(RTP, burst): RDA to its auto-precharge, not before ACT + RAS
    T_WRA_CLOSE,  # WL + burst + WR: WRA to its auto-precharge
) = range(22)
# Switches of the mode: 1 where a defect of the reference is repaired.
T_OWN_BANK, T_OWN_DIRECTION, T_ARRIVALS_FIRST, T_WHOLE_RUN, T_DEVICE_STATE = range(24, 29)
T_COMPLETION: Final = 32  # + command: cycles until it completes, as the power model counts them
T_LENGTH: Final = 48  # + command: shifted cycles by which it is longer than the shortest command
T_WINDOW: Final = 64  # + command: when a command counts for the four-activate window, from its issue; -1: never
T_BANK_DELAY: Final = 80  # + 8 * later + earlier command: shifted delay on one bank, first seven commands
T_RANK_DELAY: Final = 144  # + 16 * later + earlier command: shifted delay of a manager's command, same rank
T_CHANNEL_DELAY: Final = 400  # + 16 * later + earlier command: ... anywhere
T_GROUP_DELAY: Final = 656  # + earlier command: ... of REFB, same bank group
T_GROUP_OF_BANK: Final = 672  # + bank
T_RANK_OF_BANK: Final = 736  # + bank: position of the rank's words (C_RANK + ...)
T_RANK_OF_GROUP: Final = 800  # + group: likewise
T_FIRST_TRIGGER: Final = 816  # + rank: cycle of the first refresh; + 4 + rank: of the first per-bank refresh
# + 4 * (groups * (groups * command + group) + other) + class: shifted delay that a command in one group puts on the
# banks' commands of each class in every group
T_SHARED_DELAY: Final = 824

# ---- a controller: int64 words -----------------------------------------------------------------------------------
C_CANDIDATE: Final = 0  # + bank: packed key of its next command by the bank's own history, NEVER if none
C_LANE: Final = 64  # + bank: the word of C_SHARED that limits the candidate too
C_COMMAND: Final = 128  # + bank: the candidate's command
C_SHARED: Final = 192  # + 4 * group + class: earliest shifted cycle that group, rank and bus decide
C_ISSUED: Final = 256  # + command: how many were issued
C_CHANNEL_LAST: Final = 272  # + command: shifted cycle of its last issue anywhere
# Requests that found their bank closed or another row open; the latter alone (PRE of banks); banks that a PREA closed.
C_MISSES, C_CONFLICTS, C_CLOSED_BY_PREA = range(288, 291)
# The managers together: the cycle from which they must be looked at; the mask of banks they hold back; the command
# they want next (NO_COMMAND if none), when, for which rank (position of its words) and bank; when to look again.
C_ATTEND, C_HELD, C_PENDING, C_PENDING_AT, C_PENDING_RANK, C_PENDING_BANK, C_MANAGER_AT = range(292, 299)
C_COMMANDS: Final = 303  # how many of the commands, from the first, a design can issue
C_STALE_AT: Final = 302  # the cycle from which what they want must be found out anew even if nothing happened
# The banks with requests, a bit each; where the choice is general, the first ends on both buses.
C_ACTIVE, C_ROW_END, C_COLUMN_END = range(299, 302)
NO_COMMAND: Final = -1
C_RANK: Final = 320  # + (rank << RANK_SHIFT): words of one rank
RANK_SHIFT: Final = 7
(
    K_LAST,  # + command: shifted cycle of its last issue in the rank
    K_WINDOW,  # the last four activates, plain cycles
) = (0, 16)
(
    K_FIRST_BANK,
    K_MASK,  # the rank's banks, a bit each
    K_IS_SLEEPING,  # powered down or in self-refresh
    # The refresh manager: cycle of its trigger, postponed (> 0) or pulled-in (< 0) refreshes, 1 while pulling in.
    K_TRIGGER,
    K_FLEXIBILITY,
    K_PULLED_IN,
    # Per-bank refresh: banks still to be refreshed in this round (a bit each), the selected one, 1 if it is settled,
    # refreshes in the rank modulo its banks.
    K_REMAINING,
    K_SELECTED,
    K_IS_SETTLED,
    K_ROUND,
    # What the refresh manager wants, and when.
    K_REFRESH,
    K_REFRESH_AT,
    # The power-down manager: state, triggers, 1 if no request is waiting, what it wants, and when.
    K_DOWN,
    K_ENTERS,
    K_EXITS,
    K_ENTERS_SELF_REFRESH,
    K_IS_IDLE,
    K_POWER,
    K_POWER_AT,
) = range(20, 39)
# Accounting of energy and time, see kernel_account.
(
    K_OPEN_BANKS,
    K_ACTIVE_SINCE,
    K_CLOSED_AT,
    K_LAST_AUTO,
    K_DOWN_SINCE,
    K_ACTIVE,
    K_PRECHARGED,
    K_ACTIVE_DOWN,
    K_PRECHARGED_DOWN,
    K_SELF_REFRESH,
    K_SELF_REFRESH_ACTIVE,
    K_SELF_REFRESH_PRECHARGED,
    K_WAKING_ACTIVE,
    K_WAKING_PRECHARGED,
    K_ACTIVATES,
    K_PRECHARGES,
    # What the reference's managers and its power model believe: banks that closed by themselves since the last PREA,
    # banks taken for open (a bit each), the same at the last power-down, banks about to close, and when the first does.
    K_SELF_CLOSED,
    K_TAKEN_OPEN,
    K_TAKEN_BEFORE,
    K_CLOSING,
    K_CLOSES_NEXT,
) = range(40, 61)
K_LEDGER: Final = 64  # the reference's account of the rank, see kernel_ledger: the same words once more
MAX_RANKS: Final = 4
C_BANK: Final = C_RANK + (MAX_RANKS << RANK_SHIFT)  # + (bank << BANK_SHIFT): words of one bank
BANK_SHIFT: Final = 4
(
    B_HEAD,  # oldest waiting request
    B_HIT,  # next request of the open row; FrFcfsGrp: next read of it
    B_HIT_WRITE,  # FrFcfsGrp: next write of it
    B_QUEUED,  # length of the queue
    B_IS_OPEN,  # 1 if a row is open
    B_IS_FRESH,  # 1 from an ACT to the first CAS after it
    B_CLOSES_AT,  # cycle of the auto-precharge that K_CLOSING announces
) = range(C_BANK, C_BANK + 7)
B_LAST: Final = C_BANK + 8  # + command: shifted cycle of its last issue on this bank
# + bank: shifted length of the candidate, NEVER if it does not compete for that bus; kept if T_IS_GENERAL
C_ROW_EXTRA: Final = C_BANK + (MAX_BANKS << BANK_SHIFT)
C_COLUMN_EXTRA: Final = C_ROW_EXTRA + MAX_BANKS
CONTROLLER_WORDS: Final = C_COLUMN_EXTRA + MAX_BANKS


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
def reset(state: Controller, requests: Requests, memory: NDArray[np.int64], design: NDArray[np.int64]) -> None:
    """Put the controller into its state at cycle 0."""
    w, n = state.words, len(requests.cycle)
    w[:C_BANK] = 0
    w[C_CANDIDATE:C_LANE] = w[C_ROW_EXTRA:CONTROLLER_WORDS] = NEVER
    w[C_LANE:C_COMMAND] = C_SHARED
    w[C_SHARED:C_ISSUED] = memory[T_BUS_START]
    w[C_CHANNEL_LAST : C_CHANNEL_LAST + 16] = LONG_AGO << ID_BITS
    w[C_PENDING] = NO_COMMAND
    w[C_COMMANDS] = len(COMMANDS) if design[D_POWER_DOWN] == STAGGERED else PDEA
    w[C_ATTEND] = w[C_MANAGER_AT] = NEVER_CYCLE
    for rank in range(memory[T_RANKS]):
        _reset_rank(rank, w, memory, design)
    for b in range(memory[T_BANKS]):
        base = b << BANK_SHIFT
        w[base + B_HEAD] = requests.first_in_bank[b]
        w[base + B_HIT] = w[base + B_HIT_WRITE] = n
        w[base + B_QUEUED] = w[base + B_IS_OPEN] = w[base + B_IS_FRESH] = 0
        for command in range(8):
            w[base + B_LAST + command] = LONG_AGO << ID_BITS
    state.served[:] = 0


@compiled
def _reset_rank(rank: Int, w: NDArray[np.int64], memory: NDArray[np.int64], design: NDArray[np.int64]) -> None:
    k = C_RANK + (rank << RANK_SHIFT)
    w[k + K_LAST : k + K_LAST + 16] = LONG_AGO << ID_BITS
    w[k + K_WINDOW : k + K_WINDOW + 4] = LONG_AGO
    w[k + K_LAST_AUTO] = -1
    w[k + K_FIRST_BANK] = rank * memory[T_BANKS_PER_RANK]
    w[k + K_MASK] = ((1 << memory[T_BANKS_PER_RANK]) - 1) << w[k + K_FIRST_BANK]
    w[k + K_LEDGER + K_FIRST_BANK] = w[k + K_FIRST_BANK]
    w[k + K_LEDGER + K_LAST_AUTO] = -1
    w[k + K_LEDGER + K_CLOSES_NEXT] = NEVER_CYCLE
    w[k + K_REMAINING] = w[k + K_MASK]
    w[k + K_SELECTED] = w[k + K_FIRST_BANK]
    w[k + K_REFRESH] = w[k + K_POWER] = NO_COMMAND
    w[k + K_TRIGGER] = NEVER_CYCLE
    if design[D_REFRESH] == ALL_BANK:
        w[k + K_TRIGGER] = memory[T_FIRST_TRIGGER + rank]
    elif design[D_REFRESH] == PER_BANK:
        w[k + K_TRIGGER] = memory[T_FIRST_TRIGGER + MAX_RANKS + rank]
    w[C_ATTEND] = w[C_MANAGER_AT] = min(w[C_ATTEND], w[k + K_TRIGGER])
    if design[D_POWER_DOWN] == STAGGERED:  # an idle rank powers down at once
        w[k + K_IS_IDLE] = w[k + K_ENTERS] = 1
        w[C_ATTEND] = w[C_MANAGER_AT] = 0
