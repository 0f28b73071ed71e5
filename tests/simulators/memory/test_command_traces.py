"""Every command trace against the independent checker: four memories, one and two ranks, both modes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from simulators.memory import Trace
from simulators.memory.workloads import load_workload
from tests.simulators.memory.cases import (
    CONTROLLERS,
    MEMORIES,
    MODES,
    NAMES,
    address,
    commands_of,
    designs,
    record,
    requests_of,
    traces,
)
from tests.simulators.memory.command_checker import Command, CommandChecker, Request, Violation

QUICK = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
EVERY = pytest.mark.parametrize(("name", "mode"), [(name, mode) for name in MEMORIES for mode in MODES])

REFERENCE_DEFECTS = {
    # The reference's power-down manager takes banks that closed by auto-precharge for open (PowerDownManagerStaggered
    # counts ACT, PRE and PREA only); repair "device-power-state".
    "PDEA with all banks closed",
    # A consequence: its checkers expect a PREA between PDXA and a refresh, so that they have no rule for this pair ...
    "PDXA -> REFA: XP",
    # ... and none for active power-down right after a refresh.
    "REFA -> PDEA: REFPDEN",
    "REFA -> PDEA: CMDCKE",
    # HBM2 only: after self-refresh the manager starts a new round of bank refreshes, CheckerHBM2 goes on counting the
    # old one; repair "device-power-state".
    "RFCSB after a round",
}
TWO_RANKS_OF_LPDDR4 = {
    # CheckerLPDDR4 leaves DQSCK out of the distance from a read to a write of another rank (RL + BL/2 + RTRS - WL), so
    # that the write's data start before the read's end. No specification that ships has two ranks of LPDDR4.
    "bursts overlap on the data bus",
}


def violations(name: str, mode: str, design: dict[str, object], trace: Trace) -> list[Violation]:
    controller = CONTROLLERS[name, mode]
    recording = record(controller, design, trace)
    requests = requests_of(recording, trace, controller.memory, str(design["address_mapping"]))
    checker = CommandChecker(controller.memory, controller.ticks_per_cycle)
    excused = (REFERENCE_DEFECTS if mode == "dramsys" else set()) | (
        TWO_RANKS_OF_LPDDR4 if name == "lpddr4-3200-x2" else set()
    )
    return [found for found in checker.check(commands_of(recording), requests) if found.rule not in excused]


@EVERY
def test_no_command_breaks_a_rule(name, mode):
    @settings(max_examples=80, **QUICK)
    @given(designs(MEMORIES[name]), traces(MEMORIES[name]))
    def check(design, trace):
        assert not violations(name, mode, design, trace)

    check()


@pytest.mark.slow
@EVERY
def test_no_command_breaks_a_rule_deeper(name, mode):
    @settings(max_examples=1000, **QUICK)
    @given(designs(MEMORIES[name]), traces(MEMORIES[name], most=150))
    def check(design, trace):
        assert not violations(name, mode, design, trace)

    check()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", NAMES)
def test_saturated_memories_break_no_rule_either(name, mode):
    """Two thousand requests at once, with much and with little locality."""
    memory = MEMORIES[name]
    controller = CONTROLLERS[name, mode]
    for workload, arbiter in (("synthetic/streaming", "Simple"), ("synthetic/uniform-random", "Fifo")):
        trace = load_workload(f"{workload}?requests=2000", clock_mhz=memory.clock_mhz)
        for refresh in ("AllBank", "PerBank") if memory.bank_refresh is not None else ("AllBank",):
            design = {"arbiter": arbiter, "refresh_policy": refresh, "address_mapping": "RowColumnBank"}
            recording = record(controller, design, trace)
            requests = requests_of(recording, trace, memory, "RowColumnBank")
            assert not CommandChecker(memory, controller.ticks_per_cycle).check(commands_of(recording), requests)


def test_a_rank_may_want_to_wake_one_cycle_before_another_may_sleep():
    """Both commands would end in the same cycle, LPDDR4's SREX taking two; then the one of the first rank goes first.

    Rank 1 is woken for its first refresh at REFI / 2 and goes into self-refresh. Rank 0 wakes at 4000 (XP 12), reads
    (RCD 29) and may sleep 3 + RL 28 + DQSCK 6 + burst 8 later, at 4086; the request to rank 1 comes at 4085.
    """
    name, memory = "lpddr4-3200-x2", MEMORIES["lpddr4-3200-x2"]
    bank = np.array([0, memory.organisation.banks_per_rank])
    where = address(memory, bank, np.zeros(2, np.int64), np.zeros(2, np.int64))
    trace = Trace("two", np.array([4000, 4085]), np.zeros(2, bool), where, memory.clock_mhz)
    design = {"power_down_policy": "Staggered", "address_mapping": "Specification"}
    found = [(c.time, c.name, c.bank) for c in commands_of(record(CONTROLLERS[name, "default"], design, trace))]
    assert found[found.index((4000, "PDXP", 0)) :][:6] == [
        *((4000, "PDXP", 0), (4012, "ACT", 0), (4041, "RD", 0), (4086, "PDEA", 0)),
        *((4087, "SREX", 8), (4087 + 460, "REFA", 8)),
    ]


# ---- the checker itself --------------------------------------------------------------------------------------------

# Requests 0 and 1 of bank 0 read and write row 0, 2 reads row 1; 3 and 4 read banks 1 and 4.
REQUESTS = [Request(0, 0, False), Request(0, 0, True), Request(0, 1, False), Request(1, 0, False), Request(4, 0, False)]
ACT, RD, WR = (0, "ACT", 0, 0), (50, "RD", 0, 0), (50, "WR", 0, 1)


def broken_delays(name: str, *commands: tuple[int, str, int, int]) -> list[str]:
    """The delays that a trace breaks; it need not serve anything."""
    found = CommandChecker(MEMORIES[name]).check([Command(*command) for command in commands], REQUESTS)
    return [violation.rule for violation in found if "served" not in violation.rule]


@pytest.mark.parametrize(
    ("name", "rule", "distance", "before", "after"),
    [
        # RCD 10, CCD 4, WL 8 + 4 + WTR 6, RL 10 + 4 + 2 - WL 8, WL 8 + 4 + WR 12 (less RTP 6), RTP 6 + RP 10
        ("ddr3-1600", "ACT -> RD: RCD", 10, [ACT], ("RD", 0, 0)),
        ("ddr3-1600", "RD -> RD: CCD", 4, [ACT, RD], ("RD", 0, 0)),
        ("ddr3-1600", "WR -> RD: WTR", 18, [ACT, WR], ("RD", 0, 0)),
        ("ddr3-1600", "RD -> WR: bus turnaround", 8, [ACT, RD], ("WR", 0, 1)),
        ("ddr3-1600", "WR -> AP: WR", 18, [ACT, WR], ("RDA", 0, 0)),
        ("ddr3-1600", "WR -> PRE: WR", 24, [ACT, WR], ("PRE", 0, -1)),
        ("ddr3-1600", "AP -> REFA: RP", 16, [ACT, (50, "RDA", 0, 0)], ("REFA", 0, -1)),
        ("ddr3-1600", "REFA -> ACT: RFC", 88, [(0, "REFA", 0, -1)], ("ACT", 0, 0)),
        ("ddr3-1600", "PDXP -> ACT: XP", 6, [(0, "PDEP", 0, -1), (9, "PDXP", 0, -1)], ("ACT", 0, 0)),
        ("ddr3-1600", "PDEP -> PDXP: CKE low", 3, [(0, "PDEP", 0, -1)], ("PDXP", 0, -1)),
        ("ddr3-1600", "SREX -> REFA: XS", 96, [(0, "SREN", 0, -1), (9, "SREX", 0, -1)], ("REFA", 0, -1)),
        ("ddr3-1600-x2", "RD -> RD: RTRS", 5, [ACT, RD], ("RD", 8, 0)),
        # bank groups of four banks: CCD_L 6 and RRD_L 6 inside one, RRD_S 4 to another
        ("ddr4-2400", "ACT -> ACT: RRD_L", 6, [ACT], ("ACT", 1, 3)),
        ("ddr4-2400", "ACT -> ACT: RRD_S", 4, [ACT], ("ACT", 4, 4)),
        ("ddr4-2400", "RD -> RD: CCD_L", 6, [ACT, RD], ("RD", 0, 0)),
        # first cycle to first: RAS 68 + 2, RPpb 29 - 2, RFCpb 224 - 2, RTP 12 + 8 - 8 + 2; an ACT takes four cycles
        ("lpddr4-3200", "ACT -> PRE: RAS", 70, [ACT], ("PRE", 0, -1)),
        ("lpddr4-3200", "PRE -> ACT: RP", 27, [ACT, (99, "PRE", 0, -1)], ("ACT", 0, 2)),
        ("lpddr4-3200", "REFB -> ACT: RFC of one bank", 222, [(0, "REFB", 0, -1)], ("ACT", 0, 0)),
        ("lpddr4-3200", "RD -> PRE: RTP", 14, [(-99, "ACT", 0, 0), RD], ("PRE", 0, -1)),
        ("lpddr4-3200", "command bus", 4, [(-99, "ACT", 0, 0), (50, "ACT", 1, 3)], ("RD", 0, 0)),
        # an ACT counts from its second cycle: RCDRD 12 + 1, RAS 28 + 1, RP 14 - 1; commands of rows have their own bus
        ("hbm2", "ACT -> RD: RCD", 13, [ACT], ("RD", 0, 0)),
        ("hbm2", "ACT -> PRE: RAS", 29, [ACT], ("PRE", 0, -1)),
        ("hbm2", "PRE -> ACT: RP", 13, [ACT, (99, "PRE", 0, -1)], ("ACT", 0, 2)),
        ("hbm2", "REFB -> REFB: RREFD", 8, [(0, "REFB", 0, -1)], ("REFB", 1, -1)),
        ("hbm2", "command bus", 2, [ACT, (90, "ACT", 1, 3)], ("PRE", 0, -1)),
        ("hbm2", "command bus", 0, [ACT, (90, "ACT", 1, 3)], ("RD", 0, 0)),
    ],
)
def test_the_checker_knows_the_distances(name, rule, distance, before, after):
    """Worked out by hand: ``after`` may follow the last of ``before`` by ``distance`` cycles, not by one less."""
    at, (command, bank, request) = before[-1][0], after
    assert not [
        r for r in broken_delays(name, *before, (at + distance, command, bank, request)) if " -> " in r or r == rule
    ]
    if distance:
        assert rule in broken_delays(name, *before, (at + distance - 1, command, bank, request))


@pytest.mark.parametrize(
    ("name", "distances", "window"),
    [
        ("ddr3-1600", (5, 5, 5), 24),
        ("ddr4-2400", (6, 6, 6), 26),
        ("lpddr4-3200", (16, 16, 16), 64),
        ("hbm2", (4, 4, 4), 16),
    ],
)
def test_the_checker_counts_four_activates(name, distances, window):
    """The fifth activate is due FAW after the first; RRD alone would let it come when the window's sum is less."""
    requests = [Request(i, 0, False) for i in range(5)]
    earlier = [Command(time, "ACT", i, i) for i, time in enumerate(np.cumsum([0, *distances]).tolist())]
    for early in (0, 1):
        fifth = Command(window - early, "ACT", 4, 4)
        found = [v.rule for v in CommandChecker(MEMORIES[name]).check([*earlier, fifth], requests) if v.rule == "FAW"]
        assert found == ["FAW"] * early


@pytest.mark.parametrize(
    ("rule", "commands"),
    [
        ("ACT to an open bank", [ACT, (90, "ACT", 0, 2)]),
        ("CAS to a closed bank or a wrong row", [(90, "RD", 0, 0)]),
        ("CAS to a closed bank or a wrong row", [ACT, (90, "RD", 0, 2)]),
        ("the wrong direction for its request", [ACT, (90, "RD", 0, 1)]),
        ("the wrong bank for its request", [ACT, (90, "RD", 1, 0)]),
        ("PRE of a closed bank", [(90, "PRE", 0, -1)]),
        ("REFA with a bank open", [ACT, (90, "REFA", 0, -1)]),
        ("PDEP with a bank open", [ACT, (90, "PDEP", 0, -1)]),
        ("PDEA with all banks closed", [(90, "PDEA", 0, -1)]),
        ("ACT to a rank in PDEP", [(0, "PDEP", 0, -1), (90, "ACT", 0, 0)]),
        ("REFA to a rank in SREN", [(0, "SREN", 0, -1), (900, "REFA", 0, -1)]),
        ("PDXP to a rank that is awake", [(0, "PDXP", 0, -1)]),
        ("self-refresh again without a refresh", [(0, "SREN", 0, -1), (90, "SREX", 0, -1), (900, "SREN", 0, -1)]),
    ],
)
def test_the_checker_knows_the_states(rule, commands):
    assert rule in broken_delays("ddr3-1600", *commands)


def test_the_checker_wants_every_request_served_once():
    served = [Command(*ACT), Command(*RD)]
    assert not CommandChecker(MEMORIES["ddr3-1600"]).check(served, REQUESTS[:1])
    for commands, rule in (
        (served[:1], "request 0 was not served"),
        ([*served, Command(99, "RD", 0, 0)], "a request was served twice"),
    ):
        assert [v.rule for v in CommandChecker(MEMORIES["ddr3-1600"]).check(commands, REQUESTS[:1])] == [rule]
