"""Each repair of a reference defect alone, on a trace whose answers with and without it are worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from simulators.errors import InvalidInputError
from simulators.memory import MemoryController, Recording, Trace
from simulators.memory.modes import REPAIRS, chosen_repairs
from tests.simulators.memory.cases import CONTROLLERS, MEMORIES, columns, commands_of, designs, small_trace, traces

BANK, ROW = 1 << 13, 1 << 16  # address steps of the shipped DDR3's row:bank:column mapping
PJ_PER_CYCLE = 675  # 8 devices x 1.5 V x 1.25 ns x 45 mA, with rows open or not
ACT, WR, REF = 10_500, 6_000, 165_000  # pJ, see test_energy_memory


def runs(repair: str, *requests: tuple[int, str, int], memory: str = "ddr3-1600", **design: object):
    """Yield recording and metrics without and with one repair."""
    for repairs in ((), (repair,)):
        controller = MemoryController(memory, repairs=repairs)
        trace = small_trace(requests, controller.memory.clock_mhz)
        batch = columns({"refresh_policy": "NoRefresh", **design})
        yield controller.record(controller.check_columns(batch), trace), controller.simulate(batch, trace).row()


def lines(recording: Recording) -> list[tuple[int, str]]:
    return [(command.time, command.name) for command in commands_of(recording)]


def test_own_bank():
    """A full bank 0 does not keep a request out of bank 1, which activates RRD 5 later, not after the first RD."""
    (old, was), (new, now) = runs("own-bank", (0, "read", 0), (1, "read", BANK), request_buffer_size=1)
    assert (old.requests[:, 1].tolist(), new.requests[:, 1].tolist()) == ([0, 10], [0, 1])
    assert lines(old) == [(0, "ACT"), (10, "RD"), (11, "ACT"), (21, "RD")]
    assert lines(new) == [(0, "ACT"), (5, "ACT"), (10, "RD"), (15, "RD")]
    assert (was["makespan_ns"], now["makespan_ns"]) == (35 * 1.25, 29 * 1.25)


def test_own_bank_never_lets_a_bank_exceed_its_size():
    """The third request needs bank 0, which is full, and finds bank 1 half empty."""
    requests = (0, "read", 0), (1, "read", ROW), (2, "read", BANK), (3, "read", 2 * ROW)
    old, new = (recording for recording, _ in runs("own-bank", *requests, request_buffer_size=2))
    assert (old.requests[:, 1].tolist(), new.requests[:, 1].tolist()) == ([0, 1, 10, 11], [0, 1, 2, 10])


def test_own_direction():
    """A full read side does not keep a write out: it waits for RD + 8 only."""
    design = {"request_buffer_size": 1, "scheduler_buffer": "ReadWrite"}
    (old, was), (new, now) = runs("own-direction", (0, "read", 0), (1, "write", BANK), **design)
    assert (old.requests[:, 1].tolist(), new.requests[:, 1].tolist()) == ([0, 10], [0, 1])
    assert lines(old)[2:] == [(11, "ACT"), (21, "WR")]
    assert lines(new)[1:] == [(5, "ACT"), (10, "RD"), (18, "WR")]
    assert (was["makespan_ns"], now["makespan_ns"]) == (33 * 1.25, 30 * 1.25)


def test_arrivals_first():
    """A row hit that comes in the very cycle in which the row would be closed is served before."""
    (old, was), (new, now) = runs("arrivals-first", (0, "read", 0), (1, "read", ROW), (28, "read", 64))
    assert lines(old)[2:] == [(28, "PRE"), (38, "ACT"), (48, "RD"), (66, "PRE"), (76, "ACT"), (86, "RD")]
    assert lines(new)[2:] == [(28, "RD"), (34, "PRE"), (44, "ACT"), (54, "RD")]
    assert (was["row_conflicts"], now["row_conflicts"]) == (2, 1)
    assert (was["makespan_ns"], now["makespan_ns"]) == (100 * 1.25, 68 * 1.25)


def test_whole_run_energy():
    """A write is answered after RCD 10 + WL 8 + burst 4; the reference accounts up to its recovery, WR 12 - 1 later."""
    (old, was), (new, now) = runs("whole-run-energy", (0, "write", 0))
    assert lines(old) == lines(new) == [(0, "ACT"), (10, "WR")]
    assert was["makespan_ns"] == now["makespan_ns"] == 22 * 1.25
    assert (was["accounted_time_ns"], now["accounted_time_ns"]) == (33 * 1.25, 22 * 1.25)
    assert was["energy_pj"] == pytest.approx(ACT + WR + 33 * PJ_PER_CYCLE)
    assert now["energy_pj"] == pytest.approx(ACT + WR + 22 * PJ_PER_CYCLE)
    assert now["average_power_mw"] * now["makespan_ns"] == pytest.approx(now["energy_pj"])


def test_whole_run_energy_charges_the_time_after_the_last_command_too():
    """Reordered answers: the second read's data are there at 28, its answer waits for the first's, 62 cycles away."""
    requests = (0, "read", 0), (1, "read", ROW), *((i, "read", 64) for i in range(2, 40))
    (_, was), (_, now) = runs("whole-run-energy", *requests, response_queue="Reorder")
    assert was["makespan_ns"] == now["makespan_ns"] > was["accounted_time_ns"]
    assert now["accounted_time_ns"] == now["makespan_ns"]


def test_owed_refreshes():
    """1700 row hits take 6820 cycles, one refresh interval of 6240: the refresh is postponed beyond the end."""
    stream = [(i, "read", 64 * (i % 16)) for i in range(1700)]
    (old, was), (new, now) = runs("owed-refreshes", *stream, refresh_policy="AllBank")
    assert lines(old) == lines(new)
    assert was["owed_refreshes"] == now["owed_refreshes"] == 1
    assert was["refresh_commands"] == now["refresh_commands"] == 0
    assert (was["refresh_energy_pj"], now["refresh_energy_pj"]) == (0, REF)
    assert now["energy_pj"] - was["energy_pj"] == pytest.approx(REF)
    assert was["makespan_ns"] == now["makespan_ns"]


def test_device_power_state():
    """A rank whose rows closed by auto-precharge is precharged, not active; the second ACT costs energy, too.

    ACT at 9 (after PDXP at 3 + XP 6), RDA at 19, down at 19 + RL 10 + burst 4 + 1; up at 100, ACT XP 6 later.
    """
    design = {"page_policy": "Closed", "power_down_policy": "Staggered"}
    (old, was), (new, now) = runs("device-power-state", (0, "read", 0), (100, "read", 0), **design)
    shared = [(0, "PDEP"), (3, "PDXP"), (9, "ACT"), (19, "RDA")]
    assert lines(old) == [*shared, (34, "PDEA"), (100, "PDXA"), (106, "ACT"), (116, "RDA")]
    assert lines(new) == [*shared, (34, "PDEP"), (100, "PDXP"), (106, "ACT"), (116, "RDA")]
    assert (was["activate_energy_pj"], now["activate_energy_pj"]) == (ACT, 2 * ACT)
    # 9 .. 37 and 106 .. 134 with the row open (RAS 28); asleep 0 .. 3 and, once the precharge began, 37 .. 100
    assert now["active_time_ns"] == 56 * 1.25
    assert now["power_down_time_ns"] == (3 + 63) * 1.25


def test_device_power_state_lets_the_rank_refresh_itself():
    """Only a rank that was in precharged power-down goes into self-refresh after the refresh that woke it."""
    design = {"page_policy": "Closed", "power_down_policy": "Staggered", "refresh_policy": "AllBank"}
    (old, was), (new, now) = runs("device-power-state", (0, "read", 0), (9000, "read", 0), **design)
    assert [name for _, name in lines(old)[4:8]] == ["PDEA", "PDXA", "REFA", "REFA"]
    assert lines(new)[4:7] == [(34, "PDEP"), (6240, "PDXP"), (6246, "SREN")]
    assert lines(new)[7:] == [(9000, "SREX"), (9096, "REFA"), (9184, "ACT"), (9512, "RDA")]  # XS 96, RFC 88; XSDLL 512
    assert (was["self_refresh_entries"], now["self_refresh_entries"]) == (0, 1)


def test_exact_clock():
    """A read of DDR4-2400 takes RCD 16 + RL 16 + burst 4 cycles of 1/1.2 ns; rounded to ps they are 833 ps."""
    (old, was), (new, now) = runs("exact-clock", (0, "read", 0), memory="ddr4-2400")
    assert lines(old) == lines(new) == [(0, "ACT"), (16, "RD")]
    assert was["makespan_ns"] == pytest.approx(36 * 0.833, rel=1e-12)
    assert now["makespan_ns"] == pytest.approx(30.0, rel=1e-12)


def test_first_command():
    """HBM2: ACT, RCDRD 12 + 1 later RD, CCDL 3 later RD, whose data end RL 17 + DQSCK 1 + burst 2 later."""
    (old, was), (new, now) = runs("first-command", (0, "read", 0), (1, "read", 64), memory="hbm2")
    assert lines(new) == [(0, "ACT"), (13, "RD"), (16, "RD")]
    assert lines(old) == [(1000 * time + 999, name) for time, name in lines(new)]  # in ps
    assert (was["makespan_ns"], now["makespan_ns"]) == (36.999, 36.0)


@pytest.mark.parametrize("name", MEMORIES)
def test_no_repair_is_the_reference(name):
    none, reference = MemoryController(MEMORIES[name], repairs=()), CONTROLLERS[name, "dramsys"]

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(designs(MEMORIES[name]), traces(MEMORIES[name]))
    def check(design, trace):
        batch = columns(design)
        assert np.array_equal(none.simulate(batch, trace).values, reference.simulate(batch, trace).values)

    check()


@pytest.mark.parametrize("name", MEMORIES)
def test_all_repairs_by_name_are_the_default(name):
    named, default = MemoryController(MEMORIES[name], repairs=",".join(REPAIRS)), CONTROLLERS[name, "default"]
    assert named.settings() == default.settings()


def test_repairs_are_put_in_the_tables_order():
    assert chosen_repairs("default", "exact-clock, own-bank,") == ("own-bank", "exact-clock")
    assert chosen_repairs("default", None) == REPAIRS
    assert chosen_repairs("default", "") == chosen_repairs("dramsys", None) == ()
    assert chosen_repairs("default", "all") == REPAIRS
    assert chosen_repairs("default", " none") == chosen_repairs("dramsys", "none") == ()


def test_address_range_refuses_what_wraps_in_the_reference(tmp_path):
    beyond = Trace("far", np.array([0, 5]), np.array([False, False]), np.array([64, (1 << 30) + 64], np.uint64))
    with pytest.raises(
        InvalidInputError, match=r"request 1 goes to address 0x40000040, beyond the memory's 1073741824"
    ):
        MemoryController().prepare(beyond)
    file = tmp_path / "far.stl"
    file.write_text("# two requests\n0:\tread\t0x40\n5:\tread\t0x40000040\n")
    with pytest.raises(InvalidInputError, match="far.stl, line 3: request 1"):
        MemoryController().load_workload(str(file))
    wrapping = MemoryController(repairs=[repair for repair in REPAIRS if repair != "address-range"])
    for simulator in (wrapping, MemoryController(mode="dramsys")):
        decoded = simulator.load_workload(str(file))
        assert simulator.simulate({}, decoded).row()["row_hits"] == 1  # both requests go to the same row


def test_time_order_refuses_times_that_go_backwards(tmp_path):
    file = tmp_path / "back.stl"
    file.write_text("10:\tread\t0x40\n3:\tread\t0x80\n")
    with pytest.raises(InvalidInputError, match="back.stl, line 2"):
        MemoryController().load_workload(str(file))
    for simulator in (
        MemoryController(repairs=[repair for repair in REPAIRS if repair != "time-order"]),
        MemoryController(mode="dramsys"),
    ):
        trace = simulator.load_workload(str(file))
        sent = simulator.record(simulator.check_columns({}), trace).requests[:, 0]
        assert sent.tolist() == [10, 11]
