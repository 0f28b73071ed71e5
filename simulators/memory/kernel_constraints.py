"""Timing constraints as a table of rules, and as the arrays that the kernel reads.

A rule says: after command ``before``, command ``after`` must wait ``cycles`` (from issue to issue) on the same
bank, in the same bank group, or anywhere in the rank. The four-activate window is not a rule; the kernel keeps it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simulators.memory.kernel_codes import (
    COMMANDS,
    LANES,
    T_COMPLETION,
    T_FOUR_ACTIVATES,
    T_GROUPS,
    T_RDA_CLOSE,
    T_READ_DATA,
    T_REFRESH_ACTIVE,
    T_REFRESH_INTERVAL,
    T_ROW_ACTIVE,
    T_WRA_CLOSE,
    T_WRITE_DATA,
    TIMINGS,
)
from simulators.memory.kernel_state import ID_BITS
from simulators.memory.specification import MemorySpecification

Scope = Literal["bank", "bank_group", "rank"]


@dataclass(frozen=True)
class Constraint:
    """After ``before``, ``after`` waits at least ``cycles``, within ``scope``; ``formula`` in JEDEC's names."""

    before: str
    after: str
    scope: Scope
    cycles: int
    formula: str


@dataclass(frozen=True)
class KernelTables:
    """A memory as the kernel sees it.

    Attributes:
        bank_group: int64[banks], constraint group of each bank.
        timing: int64[TIMINGS], plain cycles, see ``kernel_codes``.
        bank_delay, near_delay, far_delay: int64[commands * LANES], shifted by ``ID_BITS``: what a command
            (row) makes each command (column) wait on its own bank, in its group, in the other groups.
    """

    bank_group: NDArray[np.int64]
    timing: NDArray[np.int64]
    bank_delay: NDArray[np.int64]
    near_delay: NDArray[np.int64]
    far_delay: NDArray[np.int64]


def constraints(specification: MemorySpecification) -> tuple[Constraint, ...]:
    """Return the rules for a memory, longest first where several apply to one pair of commands.

    Source: DRAMSys 4.0, library/src/controller/checker/CheckerDDR3.cpp (JESD79-3).
    """
    return _ddr3(specification)


def _ddr3(specification: MemorySpecification) -> tuple[Constraint, ...]:
    t, burst = specification.timings, specification.burst_cycles
    read_to_write = t["RL"] + burst + 2 - t["WL"]
    write_to_read = t["WL"] + burst + t["WTR"] - t["AL"]
    write_to_pre = t["WL"] + burst + t["WR"]
    read_to_pre = t["AL"] + t["RTP"]
    reads, writes, cas = ("RD", "RDA"), ("WR", "WRA"), ("RD", "RDA", "WR", "WRA")
    table: tuple[tuple[tuple[str, ...], tuple[str, ...], Scope, int, str], ...] = (
        (("ACT",), cas, "bank", t["RCD"] - t["AL"], "RCD - AL"),
        (("ACT",), ("ACT",), "bank", t["RC"], "RC"),
        (("ACT",), ("PRE",), "bank", t["RAS"], "RAS"),
        (("RD",), ("PRE",), "bank", read_to_pre, "AL + RTP"),
        (("WR",), ("PRE",), "bank", write_to_pre, "WL + BL/2 + WR"),
        (("WR",), ("RDA",), "bank", write_to_pre - t["RTP"] - t["AL"], "WL + BL/2 + WR - RTP - AL"),
        (("RDA",), ("ACT",), "bank", read_to_pre + t["RP"], "AL + RTP + RP"),
        (("WRA",), ("ACT",), "bank", write_to_pre + t["RP"], "WL + BL/2 + WR + RP"),
        (("PRE",), ("ACT",), "bank", t["RP"], "RP"),
        (reads, reads, "rank", t["CCD"], "CCD"),
        (writes, writes, "rank", t["CCD"], "CCD"),
        (reads, writes, "rank", read_to_write, "RL + BL/2 + 2 - WL"),
        (writes, reads, "rank", write_to_read, "WL + BL/2 + WTR - AL"),
        (("ACT",), ("ACT",), "rank", t["RRD"], "RRD"),
        (("ACT",), ("PREA",), "rank", t["RAS"], "RAS"),
        (reads, ("PREA",), "rank", read_to_pre, "AL + RTP"),
        (writes, ("PREA",), "rank", write_to_pre, "WL + BL/2 + WR"),
        (("PREA",), ("ACT", "REFA"), "rank", t["RP"], "RP"),
        (("ACT",), ("REFA",), "rank", t["RC"], "RC"),
        (("RDA",), ("REFA",), "rank", read_to_pre + t["RP"], "AL + RTP + RP"),
        (("WRA",), ("REFA",), "rank", write_to_pre + t["RP"], "WL + BL/2 + WR + RP"),
        (("PRE",), ("REFA",), "rank", t["RP"], "RP"),
        (("REFA",), ("ACT", "REFA"), "rank", t["RFC"], "RFC"),
        (COMMANDS, COMMANDS, "rank", 1, "one command per cycle"),
    )
    return tuple(
        Constraint(before, after, scope, cycles, formula)
        for befores, afters, scope, cycles, formula in table
        for before in befores
        for after in afters
    )


def kernel_tables(specification: MemorySpecification) -> KernelTables:
    """Return the arrays the kernel needs for a memory."""
    o = specification.organisation
    if o.ranks != 1:
        raise NotImplementedError  # checked by the caller
    delays = {scope: np.zeros((len(COMMANDS), LANES), dtype=np.int64) for scope in ("bank", "bank_group", "rank")}
    for rule in constraints(specification):
        table = delays[rule.scope]
        cell = COMMANDS.index(rule.before), COMMANDS.index(rule.after)
        table[cell] = max(table[cell], rule.cycles)
    near = np.maximum(delays["bank_group"], delays["rank"])
    return KernelTables(
        bank_group=np.arange(o.banks) // (o.banks_per_rank // o.bank_groups_per_rank),
        timing=_plain_timings(specification),
        bank_delay=_shifted(delays["bank"]),
        near_delay=_shifted(near),
        far_delay=_shifted(delays["rank"]),
    )


def _shifted(table: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.ascontiguousarray(table << ID_BITS).ravel()


def _plain_timings(specification: MemorySpecification) -> NDArray[np.int64]:
    """Return the timings the kernel uses outside the rules; closing times as DRAMPower counts them (CmdHandlers.cc)."""
    t, burst = specification.timings, specification.burst_cycles
    timing = np.zeros(TIMINGS, dtype=np.int64)
    timing[T_READ_DATA] = t["RL"] + burst
    timing[T_WRITE_DATA] = t["WL"] + burst
    timing[T_FOUR_ACTIVATES] = t["FAW"]
    timing[T_REFRESH_INTERVAL] = t["REFI"]
    timing[T_REFRESH_ACTIVE] = t["RFC"] - t["RP"]
    timing[T_ROW_ACTIVE] = t["RAS"]
    timing[T_RDA_CLOSE] = t["AL"] + max(t["RTP"], burst)
    timing[T_WRA_CLOSE] = t["WL"] + burst + t["WR"]
    timing[T_GROUPS] = specification.organisation.bank_groups
    read, write = t["RL"] + t["DQSCK"] + 1 + burst, t["WL"] + burst + t["WR"]
    completion = {"ACT": t["RCD"], "PRE": t["RP"], "PREA": t["RP"], "RD": read, "RDA": read, "WR": write, "WRA": write}
    for command, cycles in completion.items():
        timing[T_COMPLETION + COMMANDS.index(command)] = cycles
    return timing
