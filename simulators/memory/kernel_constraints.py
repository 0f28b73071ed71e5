"""Timing constraints as a table of rules, and as the arrays that the kernel reads.

A rule says: after command ``before``, command ``after`` must wait ``cycles`` (from issue to issue) on the same
bank, in the same bank group, or anywhere in the rank. The four-activate window is not a rule; the kernel keeps it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simulators.errors import InvalidInputError
from simulators.memory.kernel_codes import CLASSES, COMMANDS
from simulators.memory.kernel_state import (
    ID_BITS,
    MAX_BANKS,
    MAX_GROUPS,
    MEMORY_WORDS,
    T_BANK_DELAY,
    T_BANKS,
    T_COMPLETION,
    T_FAR_DELAY,
    T_FOUR_ACTIVATES,
    T_GROUP_OF_BANK,
    T_GROUPS,
    T_NEAR_DELAY,
    T_RANK_DELAY,
    T_RDA_CLOSE,
    T_READ_DATA,
    T_REFRESH_ACTIVE,
    T_REFRESH_INTERVAL,
    T_ROW_ACTIVE,
    T_WRA_CLOSE,
    T_WRITE_DATA,
)
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


def kernel_words(specification: MemorySpecification) -> NDArray[np.int64]:
    """Return a memory as the kernel reads it: int64[MEMORY_WORDS], laid out as ``kernel_state`` says.

    Raises:
        InvalidInputError: an organisation that the kernel cannot simulate.
    """
    o = specification.organisation
    if o.ranks != 1 or o.banks > MAX_BANKS or o.bank_groups > MAX_GROUPS:
        raise InvalidInputError(
            f"memory {specification.name!r} has {o.ranks} ranks, {o.bank_groups} bank groups and {o.banks} banks; "
            f"expected 1 rank, at most {MAX_GROUPS} bank groups and {MAX_BANKS} banks"
        )
    words = np.zeros(MEMORY_WORDS, dtype=np.int64)
    words[T_GROUP_OF_BANK : T_GROUP_OF_BANK + o.banks] = np.arange(o.banks) // (o.banks // o.bank_groups)
    rules = constraints(specification)
    for rule in rules:
        _enter(rule, words)
    _enter_timings(specification, words)
    words.setflags(write=False)
    return words


def _enter(rule: Constraint, words: NDArray[np.int64]) -> None:
    """Enter a rule where the kernel looks for it; of several rules for one pair of commands the longest counts."""
    before, after = COMMANDS.index(rule.before), COMMANDS.index(rule.after)
    if rule.scope == "bank":
        cells = [T_BANK_DELAY + 8 * after + before]
    elif rule.after in ("PREA", "REFA"):
        cells = [T_RANK_DELAY + 8 * after + before]
    else:
        command_class = next(position for position, names in enumerate(CLASSES) if rule.after in names)
        cells = [T_NEAR_DELAY + 4 * before + command_class]
        if rule.scope == "rank":
            cells.append(T_FAR_DELAY + 4 * before + command_class)
    for cell in cells:
        words[cell] = max(words[cell], rule.cycles << ID_BITS)


def _enter_timings(specification: MemorySpecification, words: NDArray[np.int64]) -> None:
    """Enter the timings the kernel uses outside the rules; closing times as DRAMPower counts them (CmdHandlers.cc)."""
    t, burst = specification.timings, specification.burst_cycles
    read, write = t["RL"] + t["DQSCK"] + 1 + burst, t["WL"] + burst + t["WR"]
    words[T_BANKS] = specification.organisation.banks
    words[T_GROUPS] = specification.organisation.bank_groups
    words[T_READ_DATA] = t["RL"] + burst
    words[T_WRITE_DATA] = t["WL"] + burst
    words[T_FOUR_ACTIVATES] = t["FAW"]
    words[T_REFRESH_INTERVAL] = t["REFI"]
    words[T_REFRESH_ACTIVE] = t["RFC"] - t["RP"]
    words[T_ROW_ACTIVE] = t["RAS"]
    words[T_RDA_CLOSE] = t["AL"] + max(t["RTP"], burst)
    words[T_WRA_CLOSE] = write
    completion = {"ACT": t["RCD"], "PRE": t["RP"], "PREA": t["RP"], "RD": read, "RDA": read, "WR": write, "WRA": write}
    for command, cycles in completion.items():
        words[T_COMPLETION + COMMANDS.index(command)] = cycles
