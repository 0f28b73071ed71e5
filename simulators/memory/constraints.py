"""Timing constraints of DDR3, DDR4, LPDDR4 and HBM2 as tables of rules, in JEDEC's names.

A rule says: after command ``before``, command ``after`` must wait ``cycles``, from issue to issue, within a scope. The
four-activate window is kept apart (:func:`activate_window`). Sources: DRAMSys 4.0,
library/src/controller/checker/Checker{DDR3,DDR4,LPDDR4,HBM2}.cpp, which follow JESD79-3, JESD79-4, JESD209-4 and
JESD235.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from simulators.memory.kernel_codes import COMMANDS
from simulators.memory.specification import MemorySpecification

Scope = Literal["bank", "bank_group", "rank", "other_rank", "channel"]

READS: Final = ("RD", "RDA")
WRITES: Final = ("WR", "WRA")
CAS: Final = (*READS, *WRITES)
ROW_COMMANDS: Final = tuple(command for command in COMMANDS if command not in CAS)


@dataclass(frozen=True)
class Constraint:
    """After ``before``, ``after`` waits at least ``cycles``, within ``scope``; ``formula`` in JEDEC's names.

    ``scope``: the same ``bank``, ``bank_group`` or ``rank``, another rank (``other_rank``), or all of the ``channel``.
    """

    before: str
    after: str
    scope: Scope
    cycles: int
    formula: str


@dataclass(frozen=True)
class ActivateWindow:
    """At most four activates start within ``cycles``.

    ``counted``: command -> cycles from its issue until it counts as an activate of the window; ``early``: command ->
    cycles by which its issue may precede the window's end.
    """

    cycles: int
    counted: Mapping[str, int]
    early: Mapping[str, int]


Row = tuple[str | Iterable[str], str | Iterable[str], Scope, int, str]


def constraints(specification: MemorySpecification) -> tuple[Constraint, ...]:
    """Return the rules for a memory; where several apply to one pair of commands, the longest counts."""
    rows = _RULES[specification.standard](specification)
    return tuple(
        Constraint(before, after, scope, cycles, formula)
        for befores, afters, scope, cycles, formula in rows
        for before in _names(befores)
        for after in _names(afters)
    )


def activate_window(specification: MemorySpecification) -> ActivateWindow:
    """Return the four-activate window (FAW); refreshes of one bank count as activates."""
    cycles = specification.timings["FAW"]
    if specification.standard == "LPDDR4":  # a command counts from its last cycle
        return ActivateWindow(cycles, {"ACT": 3, "REFB": 1}, {"ACT": 3, "REFB": 1})
    if specification.standard == "HBM2":
        return ActivateWindow(cycles, {"ACT": 1, "REFB": 0}, {"ACT": 1, "REFB": 0})
    return ActivateWindow(cycles, {"ACT": 0}, {"ACT": 0})


def command_lengths(specification: MemorySpecification) -> dict[str, int]:
    """Return how many cycles each command occupies its command bus."""
    if specification.standard == "LPDDR4":
        short = ("PDEA", "PDXA", "PDEP", "PDXP")
        return {name: 1 if name in short else 4 if name in ("ACT", *CAS) else 2 for name in COMMANDS}
    return {name: 2 if specification.standard == "HBM2" and name == "ACT" else 1 for name in COMMANDS}


def _names(one_or_more: str | Iterable[str]) -> tuple[str, ...]:
    return (one_or_more,) if isinstance(one_or_more, str) else tuple(one_or_more)


def _command_bus(specification: MemorySpecification) -> Iterator[Row]:
    """One command at a time on the command bus; HBM2 has one for rows and one for columns."""
    buses = (ROW_COMMANDS, CAS) if specification.standard == "HBM2" else (COMMANDS,)
    for bus in buses:
        for before in bus:
            yield before, bus, "channel", command_lengths(specification)[before], "command length"


def _ddr(specification: MemorySpecification) -> Iterator[Row]:
    """DDR3 and DDR4; DDR4's bank groups make some delays longer inside the group (_L) than outside (_S)."""
    t, burst, ddr4 = specification.timings, specification.burst_cycles, specification.standard == "DDR4"
    to_write = t["RL"] + burst + 1 - t["WL"] + t["WPRE"] if ddr4 else t["RL"] + burst + 2 - t["WL"]
    preamble = t["WPRE"] if ddr4 else 0
    after_write = t["RPRE"] if ddr4 else 0
    pre = (" + WPRE", " + RPRE") if ddr4 else ("", "")
    across = "BL/2 + RTRS"
    write_end, read_pre = t["WL"] + burst, t["AL"] + t["RTP"]
    write_pre = write_end + t["WR"]
    yield from _ddr_columns(t, write_end, ddr4)
    yield from (
        ("ACT", CAS, "bank", t["RCD"] - t["AL"], "RCD - AL"),
        (READS, WRITES, "rank", to_write, "RL + BL/2 + 1 - WL + WPRE" if ddr4 else "RL + BL/2 + 2 - WL"),
        ("WR", "RDA", "bank", write_pre - t["RTP"] - t["AL"], "WL + BL/2 + WR - RTP - AL"),
        ("ACT", "ACT", "bank", t["RC"], "RC"),
        ("ACT", "PRE", "bank", t["RAS"], "RAS"),
        ("RD", "PRE", "bank", read_pre, "AL + RTP"),
        ("WR", "PRE", "bank", write_pre, "WL + BL/2 + WR"),
        ("RDA", "ACT", "bank", read_pre + t["RP"], "AL + RTP + RP"),
        ("WRA", "ACT", "bank", write_pre + t["RP"], "WL + BL/2 + WR + RP"),
        ("PRE", "ACT", "bank", t["RP"], "RP"),
        ("ACT", "PREA", "rank", t["RAS"], "RAS"),
        (READS, "PREA", "rank", read_pre, "AL + RTP"),
        (WRITES, "PREA", "rank", write_pre, "WL + BL/2 + WR"),
        ("PREA", ("ACT", "REFA", "SREN"), "rank", t["RP"], "RP"),
        ("PRE", ("REFA", "SREN"), "rank", t["RP"], "RP"),
        ("ACT", ("REFA", "SREN"), "rank", t["RC"], "RC"),
        ("RDA", ("REFA", "SREN"), "rank", read_pre + t["RP"], "AL + RTP + RP"),
        ("WRA", ("REFA", "SREN"), "rank", write_pre + t["RP"], "WL + BL/2 + WR + RP"),
        ("REFA", ("ACT", "REFA", "SREN"), "rank", t["RFC"], "RFC"),
        (READS, READS, "other_rank", burst + t["RTRS"], "BL/2 + RTRS"),
        (WRITES, WRITES, "other_rank", burst + t["RTRS"], "BL/2 + RTRS"),
        (READS, WRITES, "other_rank", t["RL"] + burst + t["RTRS"] - t["WL"] + preamble, f"RL + {across} - WL{pre[0]}"),
        (WRITES, READS, "other_rank", write_end + t["RTRS"] - t["RL"] + after_write, f"WL + {across} - RL{pre[1]}"),
    )
    if specification.can_power_down:
        yield from _ddr_power_down(t, t["RL"] + burst + 1, write_pre)
    yield from _command_bus(specification)


def _ddr_columns(t: Mapping[str, int], write_end: int, ddr4: bool) -> Iterator[Row]:
    """Delays that depend on the bank group in DDR4."""
    groups: tuple[tuple[Scope, str], ...] = (("bank_group", "_L"), ("rank", "_S")) if ddr4 else (("rank", ""),)
    for scope, suffix in groups:
        ccd, rrd, wtr = t["CCD" + suffix], t["RRD" + suffix], t["WTR" + suffix]
        yield READS, READS, scope, ccd, "CCD" + suffix
        yield WRITES, WRITES, scope, ccd, "CCD" + suffix
        yield WRITES, READS, scope, write_end + wtr - t["AL"], f"WL + BL/2 + WTR{suffix} - AL"
        yield "ACT", "ACT", scope, rrd, "RRD" + suffix


def _ddr_power_down(t: Mapping[str, int], read_entry: int, write_pre: int) -> Iterator[Row]:
    yield from (
        ("PDXA", (*CAS, "ACT", "PRE", "PREA"), "rank", t["XP"], "XP"),
        ("PDXP", ("ACT", "REFA", "SREN"), "rank", t["XP"], "XP"),
        ("SREX", CAS, "rank", t["XSDLL"], "XSDLL"),
        ("SREX", ("ACT", "REFA", "SREN", "PDEP"), "rank", t["XS"], "XS"),
        ("ACT", "PDEA", "rank", t["ACTPDEN"], "ACTPDEN"),
        (READS, ("PDEA", "PDEP"), "rank", read_entry, "RL + BL/2 + 1"),
        ("WR", "PDEA", "rank", write_pre, "WL + BL/2 + WR"),
        ("WRA", ("PDEA", "PDEP"), "rank", write_pre + 1, "WL + BL/2 + WR + 1"),
        ("PRE", ("PDEA", "PDEP"), "rank", t["PRPDEN"], "PRPDEN"),
        ("PREA", "PDEP", "rank", t["PRPDEN"], "PRPDEN"),
        ("REFA", "PDEP", "rank", t["REFPDEN"], "REFPDEN"),
        ("PDXA", "PDEA", "rank", t["CKE"], "CKE"),
        ("PDXP", "PDEP", "rank", t["CKE"], "CKE"),
        ("PDEA", "PDXA", "rank", t["CKE"], "PD = CKE"),
        ("PDEP", "PDXP", "rank", t["CKE"], "PD = CKE"),
        ("RDA", "SREN", "rank", read_entry, "RL + BL/2 + 1"),
        ("WRA", "SREN", "rank", write_pre + 1, "WL + BL/2 + WR + 1"),
        ("SREN", "SREX", "rank", t["CKESR"], "CKESR"),
    )


def _lpddr4(specification: MemorySpecification) -> Iterator[Row]:
    """LPDDR4: commands take two or four cycles; delays count from their first."""
    t, burst = specification.timings, specification.burst_cycles
    to_write = t["RL"] + t["DQSCK"] + burst - t["WL"] + t["WPRE"] + t["RPST"]
    read_pre, write_pre = t["RTP"] + burst - 6, t["WL"] + burst + 1 + t["WR"] + 2
    cycle_row = t["RCPB"] + 2
    yield from (
        ("ACT", CAS, "bank", t["RCD"], "RCD"),
        (READS, READS, "rank", t["CCD"], "CCD"),
        (WRITES, WRITES, "rank", t["CCD"], "CCD"),
        (READS, WRITES, "rank", to_write, "RL + DQSCK + BL/2 - WL + WPRE + RPST"),
        (WRITES, READS, "rank", t["WL"] + 1 + burst + t["WTR"], "WL + 1 + BL/2 + WTR"),
        ("WR", "RDA", "bank", write_pre - read_pre, "WL + WR - RTP + 9"),
        ("ACT", "ACT", "bank", t["RCPB"], "RCpb"),
        ("ACT", "ACT", "rank", t["RRD"], "RRD"),
        ("RDA", "ACT", "bank", t["RTP"] + burst - 8 + t["RPPB"], "RTP + BL/2 - 8 + RPpb"),
        ("WRA", "ACT", "bank", t["WL"] + burst + 1 + t["WR"] + t["RPPB"], "WL + BL/2 + 1 + WR + RPpb"),
        ("PRE", "ACT", "bank", t["RPPB"] - 2, "RPpb - 2"),
        ("PREA", "ACT", "rank", t["RPAB"] - 2, "RPab - 2"),
        ("REFA", "ACT", "rank", t["RFCAB"] - 2, "RFCab - 2"),
        ("REFB", "ACT", "bank", t["RFCPB"] - 2, "RFCpb - 2"),
        ("REFB", "ACT", "rank", t["RRD"] - 2, "RRD - 2"),
        ("ACT", "PRE", "bank", t["RAS"] + 2, "RAS + 2"),
        ("RD", "PRE", "bank", read_pre, "RTP + BL/2 - 6"),
        ("WR", "PRE", "bank", write_pre, "WL + BL/2 + 1 + WR + 2"),
        ("PRE", "PRE", "rank", t["PPD"], "PPD"),
        ("ACT", "PREA", "rank", t["RAS"] + 2, "RAS + 2"),
        (READS, "PREA", "rank", read_pre, "RTP + BL/2 - 6"),
        (WRITES, "PREA", "rank", write_pre, "WL + BL/2 + 1 + WR + 2"),
        ("PRE", "PREA", "rank", t["PPD"], "PPD"),
        ("REFB", "PREA", "rank", t["RFCPB"], "RFCpb"),
        ("ACT", ("REFA", "SREN"), "rank", cycle_row, "RCpb + 2"),
        ("RDA", ("REFA", "SREN"), "rank", read_pre + t["RPPB"], "RTP + BL/2 - 6 + RPpb"),
        ("WRA", ("REFA", "SREN"), "rank", write_pre + t["RPPB"], "WL + BL/2 + 1 + WR + 2 + RPpb"),
        ("PRE", ("REFA", "SREN"), "rank", t["RPPB"], "RPpb"),
        ("PREA", ("REFA", "REFB", "SREN"), "rank", t["RPAB"], "RPab"),
        ("REFA", ("REFA", "REFB", "SREN"), "rank", t["RFCAB"], "RFCab"),
        ("REFB", ("REFA", "REFB", "SREN"), "rank", t["RFCPB"], "RFCpb"),
        ("ACT", "REFB", "bank", cycle_row, "RCpb + 2"),
        ("ACT", "REFB", "rank", t["RRD"] + 2, "RRD + 2"),
        ("RDA", "REFB", "bank", read_pre + t["RPPB"], "RTP + BL/2 - 6 + RPpb"),
        ("WRA", "REFB", "bank", write_pre + t["RPPB"], "WL + BL/2 + 1 + WR + 2 + RPpb"),
        ("PRE", "REFB", "bank", t["RPPB"], "RPpb"),
        (READS, READS, "other_rank", burst + t["RTRS"], "BL/2 + RTRS"),
        (WRITES, WRITES, "other_rank", burst + t["RTRS"], "BL/2 + RTRS"),
        (READS, WRITES, "other_rank", t["RL"] + burst + t["RTRS"] - t["WL"], "RL + BL/2 + RTRS - WL"),
        (WRITES, READS, "other_rank", t["WL"] + burst + t["RTRS"] - t["RL"], "WL + BL/2 + RTRS - RL"),
    )
    if specification.can_power_down:
        yield from _lpddr4_power_down(t, burst, read_pre, write_pre)
    yield from _command_bus(specification)


def _lpddr4_power_down(t: Mapping[str, int], burst: int, read_pre: int, write_pre: int) -> Iterator[Row]:
    read_entry = 3 + t["RL"] + t["DQSCK"] + burst + t["RPST"]
    write_entry = 3 + t["WL"] + t["DQSS"] + t["DQS2DQ"] + burst + t["WR"]
    after_row = 1 + t["CMDCKE"]
    yield from (
        ("PDXA", (*CAS, "ACT", "PRE", "PREA", "REFB"), "rank", t["XP"], "XP"),
        ("PDXP", ("ACT", "REFA", "REFB", "SREN"), "rank", t["XP"], "XP"),
        ("SREX", "ACT", "rank", t["XSR"] - 2, "XSR - 2"),
        ("SREX", ("REFA", "REFB", "SREN", "PDEP"), "rank", t["XSR"], "XSR"),
        ("ACT", "PDEA", "rank", 3 + t["CMDCKE"], "3 + CMDCKE"),
        (READS, ("PDEA", "PDEP"), "rank", read_entry, "3 + RL + DQSCK + BL/2 + RPST"),
        ("WR", "PDEA", "rank", write_entry, "3 + WL + DQSS + DQS2DQ + BL/2 + WR"),
        ("WRA", ("PDEA", "PDEP"), "rank", write_entry + 2, "5 + WL + DQSS + DQS2DQ + BL/2 + WR"),
        ("PRE", ("PDEA", "PDEP"), "rank", after_row, "1 + CMDCKE"),
        ("PREA", "PDEP", "rank", after_row, "1 + CMDCKE"),
        ("REFA", "PDEP", "rank", after_row, "1 + CMDCKE"),
        ("REFB", ("PDEA", "PDEP"), "rank", after_row, "1 + CMDCKE"),
        ("PDXA", "PDEA", "rank", t["CKE"], "CKE"),
        ("PDXP", "PDEP", "rank", t["CKE"], "CKE"),
        ("PDEA", "PDXA", "rank", t["CKE"], "CKE"),
        ("PDEP", "PDXP", "rank", t["CKE"], "CKE"),
        ("RDA", "SREN", "rank", max(read_entry, read_pre + t["RPPB"]), "power-down entry, or RTP + BL/2 - 6 + RPpb"),
        ("WRA", "SREN", "rank", max(write_entry + 2, write_pre + t["RPPB"]), "power-down entry, or WR + RPpb"),
        ("SREN", "SREX", "rank", t["SR"], "SR"),
    )


def _hbm2(specification: MemorySpecification) -> Iterator[Row]:
    """HBM2: row and column commands on buses of their own, an ACT takes two cycles; ranks are pseudo-channels."""
    t, burst = specification.timings, specification.burst_cycles
    write_end = t["WL"] + burst
    write_pre, cycle_row = write_end + t["WR"], t["RC"] + 1
    for scope, suffix in (("bank_group", "L"), ("rank", "S")):
        where: Scope = "bank_group" if scope == "bank_group" else "rank"
        yield READS, READS, where, t["CCD" + suffix], "CCD" + suffix
        yield WRITES, WRITES, where, t["CCD" + suffix], "CCD" + suffix
        yield WRITES, READS, where, write_end + t["WTR" + suffix], f"WL + BL/2 + WTR{suffix}"
        yield "ACT", "ACT", where, t["RRD" + suffix], "RRD" + suffix
        yield "ACT", "REFB", where, t["RRD" + suffix] + 1, f"RRD{suffix} + 1"
    yield from (
        ("ACT", READS, "bank", t["RCDRD"] + 1, "RCDRD + 1"),
        ("ACT", WRITES, "bank", t["RCDWR"] + 1, "RCDWR + 1"),
        (READS, WRITES, "rank", t["RTW"], "RTW"),
        ("WR", "RDA", "bank", write_pre - t["RTP"], "WL + BL/2 + WR - RTP"),
        ("ACT", "ACT", "bank", t["RC"], "RC"),
        ("RDA", "ACT", "bank", t["RTP"] + t["RP"] - 1, "RTP + RP - 1"),
        ("WRA", "ACT", "bank", write_pre + t["RP"] - 1, "WL + BL/2 + WR + RP - 1"),
        ("PRE", "ACT", "bank", t["RP"] - 1, "RP - 1"),
        ("PREA", "ACT", "rank", t["RP"] - 1, "RP - 1"),
        ("REFA", "ACT", "rank", t["RFC"] - 1, "RFC - 1"),
        ("REFB", "ACT", "bank", t["RFCSB"] - 1, "RFCSB - 1"),
        ("REFB", "ACT", "rank", t["RREFD"] - 1, "RREFD - 1"),
        ("ACT", "PRE", "bank", t["RAS"] + 1, "RAS + 1"),
        ("RD", "PRE", "bank", t["RTP"], "RTP"),
        ("WR", "PRE", "bank", write_pre, "WL + BL/2 + WR"),
        ("ACT", "PREA", "rank", t["RAS"] + 1, "RAS + 1"),
        (READS, "PREA", "rank", t["RTP"], "RTP"),
        (WRITES, "PREA", "rank", write_pre, "WL + BL/2 + WR"),
        ("REFB", "PREA", "rank", t["RFCSB"], "RFCSB"),
        ("ACT", "REFA", "rank", cycle_row, "RC + 1"),
        ("RDA", "REFA", "rank", t["RTP"] + t["RP"], "RTP + RP"),
        ("WRA", "REFA", "rank", write_pre + t["RP"], "WL + BL/2 + WR + RP"),
        (("PRE", "PREA"), "REFA", "rank", t["RP"], "RP"),
        ("REFA", ("REFA", "REFB"), "rank", t["RFC"], "RFC"),
        ("REFB", "REFA", "rank", t["RFCSB"], "RFCSB"),
        ("ACT", "REFB", "bank", cycle_row, "RC + 1"),
        ("RDA", "REFB", "bank", t["RTP"] + t["RP"], "RTP + RP"),
        ("WRA", "REFB", "bank", write_pre + t["RP"], "WL + BL/2 + WR + RP"),
        ("PRE", "REFB", "bank", t["RP"], "RP"),
        ("PREA", "REFB", "rank", t["RP"], "RP"),
        ("REFB", "REFB", "bank", t["RFCSB"], "RFCSB"),
        ("REFB", "REFB", "rank", t["RREFD"], "RREFD; RFCSB after the last bank of a round"),
    )
    if specification.can_power_down:
        yield from _hbm2_power_down(t, t["RL"] + t["PL"] + burst + 1, write_pre)
    yield from _command_bus(specification)


def _hbm2_power_down(t: Mapping[str, int], read_entry: int, write_pre: int) -> Iterator[Row]:
    write_entry = write_pre + t["PL"] + 1
    row_cycle, closed = t["RC"] + 1, ("PRE", "PREA")
    yield from (
        ("PDXA", (*CAS, "PRE", "PREA", "REFB"), "channel", t["XP"], "XP"),
        (("PDXA", "PDXP"), "ACT", "channel", t["XP"] - 1, "XP - 1"),
        ("PDXP", ("REFA", "REFB", "SREN"), "channel", t["XP"], "XP"),
        ("SREX", "ACT", "channel", t["XS"] - 1, "XS - 1"),
        ("SREX", ("REFA", "REFB", "SREN", "PDEP"), "channel", t["XS"], "XS"),
        (READS, ("PDEA", "PDEP"), "channel", read_entry, "RL + PL + BL/2 + 1"),
        ("WR", "PDEA", "channel", write_entry, "WL + PL + BL/2 + 1 + WR"),
        ("WRA", ("PDEA", "PDEP"), "channel", write_entry, "WL + PL + BL/2 + 1 + WR"),
        ("PDXA", "PDEA", "channel", t["CKE"], "CKE"),
        ("PDXP", "PDEP", "channel", t["CKE"], "CKE"),
        ("PDEA", "PDXA", "channel", t["CKE"], "PD = CKE"),
        ("PDEP", "PDXP", "channel", t["CKE"], "PD = CKE"),
        ("ACT", "SREN", "channel", row_cycle, "RC + 1"),
        ("RDA", "SREN", "channel", max(t["RTP"] + t["RP"], read_entry), "RTP + RP, or RL + PL + BL/2 + 1"),
        ("WRA", "SREN", "channel", write_pre + t["RP"], "WL + BL/2 + WR + RP"),
        (closed, "SREN", "channel", t["RP"], "RP"),
        ("REFA", "SREN", "channel", t["RFC"], "RFC"),
        ("REFB", "SREN", "channel", t["RFCSB"], "RFCSB"),
        ("SREN", "SREX", "channel", t["CKE"] + 1, "CKESR = CKE + 1"),
    )


_RULES: Final = {"DDR3": _ddr, "DDR4": _ddr, "LPDDR4": _lpddr4, "HBM2": _hbm2}
