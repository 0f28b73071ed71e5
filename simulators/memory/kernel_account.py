"""Accounting of active and precharged time, as DRAMPower 4 counts it (CommandAnalysis.cc, CmdHandlers.cc).

A rank is active while at least one bank is open. An auto-precharge closes its bank when it happens inside the
device, not when the CAS is issued, so a span may end after the last bank was closed logically: ``C_CLOSED_AT`` is
the latest closing so far, and the span is closed when the next one opens.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.memory.kernel_codes import (
    ACT,
    O_ACTIVE_CYCLES,
    O_CLOSED_BY_PREA,
    O_PRECHARGED_CYCLES,
    O_ROW_MISSES,
    PRE,
)
from simulators.memory.kernel_state import (
    B_LAST,
    C_ACTIVE,
    C_ACTIVE_SINCE,
    C_CLOSED_AT,
    C_CLOSED_BY_PREA,
    C_LAST_AUTO,
    C_MISSES,
    C_OPEN_BANKS,
    C_PRECHARGED,
    ID_BITS,
    T_COMPLETION,
    T_RDA_CLOSE,
    T_REFRESH_ACTIVE,
    T_ROW_ACTIVE,
    T_WRA_CLOSE,
    Index,
    Int,
    inlined,
    u64,
)

Words = NDArray[np.int64]


@inlined
def account_activate(cycle: Int, w: Words) -> None:
    """Book an ACT: it opens an active span unless one is running or a precharge inside the device still is."""
    if w[C_OPEN_BANKS] == 0 and cycle > w[C_CLOSED_AT]:
        w[C_ACTIVE] += w[C_CLOSED_AT] - w[C_ACTIVE_SINCE]
        w[C_PRECHARGED] += cycle - w[C_CLOSED_AT]
        w[C_ACTIVE_SINCE] = cycle
    w[C_OPEN_BANKS] += 1


@inlined
def account_close(cycle: Int, w: Words) -> None:
    """Book that a bank closes at ``cycle``."""
    w[C_OPEN_BANKS] -= 1
    w[C_CLOSED_AT] = max(w[C_CLOSED_AT], cycle)


@inlined
def account_auto_precharge(cycle: Int, is_write: Int, base: Index, w: Words, memory: Words) -> None:
    """Book the precharge inside the device that follows an RDA or WRA issued at ``cycle``."""
    if is_write:
        close = cycle + memory[T_WRA_CLOSE]
    else:
        row_active = (w[base + u64(B_LAST) + u64(ACT)] >> ID_BITS) + memory[T_ROW_ACTIVE]
        close = max(cycle + memory[T_RDA_CLOSE], row_active)
    account_close(close, w)
    w[C_LAST_AUTO] = max(w[C_LAST_AUTO], close)


@inlined
def account_refresh(cycle: Int, w: Words, memory: Words) -> None:
    """Book a REFA: it ends the active span and counts as RFC - RP active cycles of its own."""
    w[C_ACTIVE] += w[C_CLOSED_AT] - w[C_ACTIVE_SINCE] + memory[T_REFRESH_ACTIVE]
    w[C_PRECHARGED] += cycle - w[C_CLOSED_AT]
    w[C_CLOSED_AT] = cycle + memory[T_REFRESH_ACTIVE]
    w[C_ACTIVE_SINCE] = w[C_CLOSED_AT]


@inlined
def finish_accounting(last_command: Int, last_cycle: Int, w: Words, memory: Words, out: Words) -> None:
    """Write the accounting's results.

    Accounting ends one cycle before the last command completes; the precharge that an auto-precharge stands for
    is a command too, and sorts before others of its cycle.
    """
    if w[C_LAST_AUTO] > last_cycle:
        end = w[C_LAST_AUTO] + memory[T_COMPLETION + PRE] - 1
    else:
        end = last_cycle + memory[T_COMPLETION + last_command] - 1
    if w[C_OPEN_BANKS] > 0:
        w[C_ACTIVE] += end - w[C_ACTIVE_SINCE]
    else:
        w[C_ACTIVE] += w[C_CLOSED_AT] - w[C_ACTIVE_SINCE]
        w[C_PRECHARGED] += end - w[C_CLOSED_AT]
    out[O_ACTIVE_CYCLES] = w[C_ACTIVE]
    out[O_PRECHARGED_CYCLES] = w[C_PRECHARGED]
    out[O_CLOSED_BY_PREA] = w[C_CLOSED_BY_PREA]
    out[O_ROW_MISSES] = w[C_MISSES]
