"""Accounting of active and precharged time, as DRAMPower 4 counts it (CommandAnalysis.cc, CmdHandlers.cc).

A rank is active while at least one bank is open. An auto-precharge closes its bank when it happens inside the
device, not when the CAS is issued, so a span may end after the last bank was closed logically: ``CLOSED_AT`` is
the latest closing so far, and the span is closed when the next one opens.
"""

from __future__ import annotations

from numba import njit

from simulators.memory.kernel_codes import (
    O_ACTIVE_CYCLES,
    O_CLOSED_BY_PREA,
    O_PRECHARGED_CYCLES,
    O_ROW_MISSES,
    PRE,
    T_COMPLETION,
    T_RDA_CLOSE,
    T_REFRESH_ACTIVE,
    T_ROW_ACTIVE,
    T_WRA_CLOSE,
)
from simulators.memory.kernel_state import (
    ACTIVATED_AT,
    ACTIVE,
    ACTIVE_SINCE,
    CLOSED_AT,
    CLOSED_BY_PREA,
    LAST_AUTO,
    MISSES,
    OPEN_BANKS,
    PRECHARGED,
    u64,
)


@njit(forceinline=True, nogil=True, _nrt=False)
def account_activate(cycle, account):  # type: ignore[no-untyped-def]
    """Book an ACT: it opens an active span unless one is running or a precharge inside the device still is."""
    if account[OPEN_BANKS] == 0 and cycle > account[CLOSED_AT]:
        account[ACTIVE] += account[CLOSED_AT] - account[ACTIVE_SINCE]
        account[PRECHARGED] += cycle - account[CLOSED_AT]
        account[ACTIVE_SINCE] = cycle
    account[OPEN_BANKS] += 1


@njit(forceinline=True, nogil=True, _nrt=False)
def account_close(cycle, account):  # type: ignore[no-untyped-def]
    """Book that a bank closes at ``cycle``."""
    account[OPEN_BANKS] -= 1
    account[CLOSED_AT] = max(account[CLOSED_AT], cycle)


@njit(forceinline=True, nogil=True, _nrt=False)
def account_auto_precharge(cycle, is_write, base, memory, state):  # type: ignore[no-untyped-def]
    """Book the precharge inside the device that follows an RDA or WRA issued at ``cycle``."""
    if is_write:
        close = cycle + memory.timing[T_WRA_CLOSE]
    else:
        row_active = state.bank[base + u64(ACTIVATED_AT)] + memory.timing[T_ROW_ACTIVE]
        close = max(cycle + memory.timing[T_RDA_CLOSE], row_active)
    account_close(close, state.account)
    state.account[LAST_AUTO] = max(state.account[LAST_AUTO], close)


@njit(forceinline=True, nogil=True, _nrt=False)
def account_refresh(cycle, timing, account):  # type: ignore[no-untyped-def]
    """Book a REFA: it ends the active span and counts as RFC - RP active cycles of its own."""
    account[ACTIVE] += account[CLOSED_AT] - account[ACTIVE_SINCE] + timing[T_REFRESH_ACTIVE]
    account[PRECHARGED] += cycle - account[CLOSED_AT]
    account[CLOSED_AT] = cycle + timing[T_REFRESH_ACTIVE]
    account[ACTIVE_SINCE] = account[CLOSED_AT]


@njit(forceinline=True, nogil=True, _nrt=False)
def finish_accounting(last_command, last_cycle, timing, account, out):  # type: ignore[no-untyped-def]
    """Write the accounting's results.

    Accounting ends one cycle before the last command completes; the precharge that an auto-precharge stands for
    is a command too, and sorts before others of its cycle.
    """
    if account[LAST_AUTO] > last_cycle:
        end = account[LAST_AUTO] + timing[T_COMPLETION + PRE] - 1
    else:
        end = last_cycle + timing[T_COMPLETION + last_command] - 1
    if account[OPEN_BANKS] > 0:
        account[ACTIVE] += end - account[ACTIVE_SINCE]
    else:
        account[ACTIVE] += account[CLOSED_AT] - account[ACTIVE_SINCE]
        account[PRECHARGED] += end - account[CLOSED_AT]
    out[O_ACTIVE_CYCLES] = account[ACTIVE]
    out[O_PRECHARGED_CYCLES] = account[PRECHARGED]
    out[O_CLOSED_BY_PREA] = account[CLOSED_BY_PREA]
    out[O_ROW_MISSES] = account[MISSES]
