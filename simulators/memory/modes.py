"""Modes of the memory controller: the reference as it is, or with its defects repaired.

``mode="dramsys"`` reproduces DRAMSys 4.0 to the cycle, its defects included. ``mode="default"`` is the same machine
with every defect of this table repaired; ``repairs=`` chooses some of them:

==================== ============================================== ==================================================
repair               the reference                                  repaired
==================== ============================================== ==================================================
own-bank             ``scheduler_buffer=Bankwise`` tests the space  tests the bank of the request that wants to enter
                     of the bank of the request before
own-direction        ``scheduler_buffer=ReadWrite`` refuses a read  tests the side that the request belongs to
                     while the write side is full, and vice versa
arrivals-first       whether a request that arrives in the cycle    always seen before
                     of a command is seen before that command is
                     chosen depends on the order of an event heap
whole-run-energy     energy is accounted up to the completion of    accounted from cycle 0 to the last answer, so that
                     the last command less a cycle, average power   power x makespan = energy
                     refers to that span
owed-refreshes       a run may end before the refreshes it          each is charged with the energy of a refresh
                     postponed, which then cost nothing
device-power-state   power-down takes banks that closed by auto-    entry by the state of the banks, each span counted
                     precharge for open, never self-refreshes then  once
                     and counts spans twice; after self-refresh     and the round starts anew
                     per-bank refresh keeps an old round's count
exact-clock          the clock period is rounded to whole ps        it is what the specification says
                     (DDR4-2400: 833 ps)
first-command        HBM2: an overflow lets the first command       commands start at clock edges
                     start 1 ps before a clock edge
address-range        addresses beyond the memory wrap silently      an error that names the first such request
time-order           times that go backwards are played as if       an error that names the line
                     they did not
==================== ============================================== ==================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from simulators._repairs import repairs_in_force

MODES: Final = ("default", "dramsys")
REPAIRS: Final = (
    "own-bank",
    "own-direction",
    "arrivals-first",
    "whole-run-energy",
    "owed-refreshes",
    "device-power-state",
    "exact-clock",
    "first-command",
    "address-range",
    "time-order",
)


def chosen_repairs(mode: str, repairs: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the repairs in force, in the order of the table.

    Args:
        mode: one of MODES.
        repairs: names, a comma-separated text of names, or the word ``all`` or ``none``; None for all in mode
            ``default`` and none in mode ``dramsys``.

    Raises:
        UnknownNameError: a mode or repair that does not exist.
        InvalidInputError: repairs in mode ``dramsys``, which has none.
    """
    return repairs_in_force("memory controller", "dramsys", REPAIRS, mode, repairs)
