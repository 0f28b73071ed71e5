"""The staggered power-down manager, one per rank.

Semantics: DRAMSys 4.0, controller/powerdown/PowerDownManagerStaggered.cpp. A rank whose last request left the buffer
powers down as soon as it may, with a bank open or all precharged. A refresh wakes it; if it was precharged and is
still idle, it goes into self-refresh, which it leaves with an extra refresh. A request wakes it, too. ``k`` is the
position of the rank's words.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.memory.kernel_account import (
    ACTIVE_DOWN,
    AWAKE,
    PRECHARGED_DOWN,
    SELF_REFRESH,
    WAKING,
    account_sleep,
    account_wake,
)
from simulators.memory.kernel_codes import PDEA, PDEP, PDXA, PDXP, REFA, REFB, SREN, SREX
from simulators.memory.kernel_ledger import enter_sleep, enter_wake
from simulators.memory.kernel_refresh import rank_ready
from simulators.memory.kernel_state import (
    C_ATTEND,
    C_HELD,
    ID_BITS,
    K_DOWN,
    K_ENTERS,
    K_ENTERS_SELF_REFRESH,
    K_EXITS,
    K_IS_IDLE,
    K_IS_SLEEPING,
    K_LEDGER,
    K_MASK,
    K_OPEN_BANKS,
    K_POWER,
    K_POWER_AT,
    K_SELF_CLOSED,
    K_TRIGGER,
    NEVER_CYCLE,
    NO_COMMAND,
    T_DEVICE_STATE,
    Int,
    compiled,
)

Words = NDArray[np.int64]


@compiled
def trigger_entry(k: Int, w: Words) -> None:
    """Note that no request is left for rank ``k``."""
    w[k + K_IS_IDLE] = 1
    if w[k + K_DOWN] == AWAKE:
        w[k + K_ENTERS] = 1
    w[C_ATTEND] = 0


@compiled
def trigger_exit(k: Int, w: Words) -> None:
    """Note that a request came for the idle rank ``k``."""
    w[k + K_IS_IDLE] = w[k + K_ENTERS_SELF_REFRESH] = w[k + K_ENTERS] = 0
    if w[k + K_DOWN] != AWAKE:
        w[k + K_EXITS] = 1
        w[C_ATTEND] = 0


@compiled
def start_power_down(k: Int, now: Int, w: Words, memory: Words) -> None:
    """Run the manager of rank ``k`` at cycle ``now``."""
    command = np.int64(NO_COMMAND)
    if w[k + K_EXITS]:
        state = w[k + K_DOWN]
        command = np.int64(
            PDXA
            if state == ACTIVE_DOWN
            else PDXP
            if state == PRECHARGED_DOWN
            else SREX
            if state == SELF_REFRESH
            else REFA
        )
    elif w[k + K_ENTERS]:
        # The reference's manager takes banks that closed by auto-precharge for open until the next PREA.
        taken = w[k + K_OPEN_BANKS] + (0 if memory[T_DEVICE_STATE] else w[k + K_SELF_CLOSED])
        command = np.int64(PDEA if taken > 0 else PDEP)
    elif w[k + K_ENTERS_SELF_REFRESH]:
        command = np.int64(SREN)
    w[k + K_POWER] = command
    if command != NO_COMMAND:
        w[k + K_POWER_AT] = max(now, rank_ready(k, command, w, memory) >> ID_BITS)


@compiled
def count_power_command(command: Int, k: Int, now: Int, w: Words, memory: Words) -> None:
    """Book any command that a manager had issued to rank ``k`` at cycle ``now``."""
    if command in (PDEA, PDEP, SREN):
        _fall_asleep(command, k, now, w, memory)
    elif command in (PDXA, PDXP):
        _wake_up(now, k, w, memory)
        w[C_HELD] &= ~w[k + K_MASK]
        w[k + K_DOWN] = AWAKE
        w[k + K_IS_SLEEPING] = w[k + K_EXITS] = 0
        if command == PDXP and w[k + K_IS_IDLE]:
            w[k + K_ENTERS_SELF_REFRESH] = 1
    elif command == SREX:
        _wake_up(now, k, w, memory)
        w[k + K_DOWN] = WAKING
    elif command == REFA and w[k + K_DOWN] == WAKING:
        w[k + K_DOWN] = AWAKE
        w[k + K_EXITS] = 0
    elif command in (REFA, REFB) and w[k + K_IS_IDLE]:
        w[k + K_ENTERS] = 1


@compiled
def _fall_asleep(command: Int, k: Int, now: Int, w: Words, memory: Words) -> None:
    w[k + K_DOWN] = ACTIVE_DOWN if command == PDEA else PRECHARGED_DOWN if command == PDEP else SELF_REFRESH
    w[k + K_ENTERS] = 0
    w[k + K_IS_SLEEPING] = 1
    w[C_HELD] |= w[k + K_MASK]
    if command == SREN:
        w[k + K_ENTERS_SELF_REFRESH] = 0
        w[k + K_TRIGGER] = NEVER_CYCLE
    if memory[T_DEVICE_STATE]:
        account_sleep(now, k, w, memory)
    else:
        enter_sleep(w[k + K_DOWN], now, k + K_LEDGER, w, memory)


@compiled
def _wake_up(now: Int, k: Int, w: Words, memory: Words) -> None:
    if memory[T_DEVICE_STATE]:
        account_wake(now, k, w, memory)
    else:
        enter_wake(now, k + K_LEDGER, w, memory)
