"""The controller on traces small enough to work out by hand (DDR3-1600, cycles)."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.memory import MemoryController, Recording, Trace
from simulators.memory.kernel_codes import COMMANDS, O_STATUS

SIMULATOR = MemoryController()
REFERENCE = MemoryController(mode="dramsys")
BANK, ROW = 1 << 13, 1 << 16  # address steps of the shipped row:bank:column mapping
REFRESH_INTERVAL = 6240


def trace_of(*requests: tuple[int, str, int]) -> Trace:
    """A trace of (cycle, "read" or "write", address)."""
    cycles, kinds, addresses = zip(*requests, strict=True)
    return Trace("small", np.array(cycles), np.array(kinds) == "write", np.array(addresses, dtype=np.uint64))


def run(*requests: tuple[int, str, int], simulator: MemoryController = SIMULATOR, **design: object) -> Recording:
    design.setdefault("refresh_policy", "NoRefresh")
    return simulator.record(simulator.check_columns({k: [v] for k, v in design.items()}), trace_of(*requests))


def reference(*requests: tuple[int, str, int], **design: object) -> Recording:
    """Run as DRAMSys 4.0 does, its defects included."""
    return run(*requests, simulator=REFERENCE, **design)


def commands(recording: Recording) -> list[tuple[int, str, int]]:
    return [(cycle, COMMANDS[command], bank) for cycle, command, bank, _ in recording.commands.tolist()]


def answers(recording: Recording) -> list[int]:
    return recording.requests[:, 2].tolist()


def test_a_read_opens_its_row_and_takes_24_cycles():
    recording = run((0, "read", 0))
    assert commands(recording) == [(0, "ACT", 0), (10, "RD", 0)]
    assert answers(recording) == [24]  # RCD 10 + RL 10 + burst 4


def test_a_write_is_answered_when_its_data_have_been_sent():
    assert answers(run((0, "write", 0))) == [22]  # RCD 10 + WL 8 + burst 4


def test_row_hits_follow_each_other_every_burst():
    assert answers(run((0, "read", 0), (1, "read", 64), (2, "read", 128))) == [24, 28, 32]


def test_a_conflict_waits_for_the_row_to_close():
    recording = run((0, "read", 0), (1, "read", ROW))
    assert commands(recording) == [(0, "ACT", 0), (10, "RD", 0), (28, "PRE", 0), (38, "ACT", 0), (48, "RD", 0)]
    assert answers(recording) == [24, 62]


def test_a_closed_page_saves_the_precharge_command_but_not_its_time():
    recording = run((0, "read", 0), (1, "read", ROW), page_policy="Closed")
    assert commands(recording) == [(0, "ACT", 0), (10, "RDA", 0), (38, "ACT", 0), (48, "RDA", 0)]


def test_the_data_bus_turns_around():
    assert commands(run((0, "write", 0), (1, "read", 64)))[-1] == (28, "RD", 0)  # WL 8 + burst 4 + WTR 6 after 10
    assert commands(run((0, "read", 0), (1, "write", 64)))[-1] == (18, "WR", 0)  # RL 10 + burst 4 + 2 - WL 8


def test_the_fifth_activation_waits_for_the_window():
    recording = run(*[(i, "read", i * BANK) for i in range(5)])
    cycles = [cycle for cycle, command, _ in commands(recording) if command == "ACT"]
    assert cycles == [0, 5, 11, 16, 24]  # RRD 5; at 10 the older RD has the bus; FAW 24 from the first


@pytest.mark.parametrize(
    ("scheduler", "order"),
    [("Fifo", [0, 1, 2, 3]), ("FrFcfs", [0, 2, 3, 1]), ("FrFcfsGrp", [0, 3, 2, 1])],
)
def test_schedulers_pick_from_the_queue(scheduler, order):
    """A row conflict, then a write and a read to the open row, all waiting when the first read is served."""
    recording = run((0, "read", 0), (1, "read", ROW), (2, "write", 64), (3, "read", 128), scheduler=scheduler)
    served = [request for _, command, _, request in recording.commands.tolist() if COMMANDS[command] in ("RD", "WR")]
    assert served == order


def test_grouping_never_lets_a_request_pass_an_older_one_of_its_address():
    recording = run((0, "read", 0), (1, "write", 64), (2, "read", 64), (3, "read", 128), scheduler="FrFcfsGrp")
    served = [request for _, command, _, request in recording.commands.tolist() if COMMANDS[command] in ("RD", "WR")]
    assert served == [0, 3, 1, 2]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("Open", ["ACT", "RD", "RD", "PRE", "ACT", "RD"]),
        ("OpenAdaptive", ["ACT", "RD", "RDA", "ACT", "RD"]),
        ("Closed", ["ACT", "RDA", "ACT", "RDA", "ACT", "RDA"]),
        ("ClosedAdaptive", ["ACT", "RD", "RDA", "ACT", "RDA"]),
    ],
)
def test_page_policies_close_rows(policy, expected):
    recording = run((0, "read", 0), (1, "read", 64), (2, "read", ROW), page_policy=policy)
    assert [command for _, command, _ in commands(recording)] == expected


@pytest.mark.parametrize("buffer", ["Bankwise", "ReadWrite", "Shared"])
def test_a_full_buffer_holds_back_requests_that_need_other_space(buffer):
    """Bankwise looks at the previous request's bank; ReadWrite needs space for both directions."""
    recording = reference((0, "read", 0), (1, "write", BANK), scheduler_buffer=buffer, request_buffer_size=1)
    assert recording.requests[:, 1].tolist() == [0, 10]  # accepted when the first CAS frees its space


def test_bankwise_space_lets_a_bank_exceed_its_size_by_one():
    """The third request finds bank 1, the previous request's, not full, and enters bank 0, which is."""
    recording = reference((0, "read", 0), (1, "read", BANK), (2, "read", ROW), request_buffer_size=2)
    assert recording.requests[:, 1].tolist() == [0, 1, 2]
    requests = (0, "read", 0), (1, "read", ROW), (2, "read", BANK), (3, "read", 2 * ROW)
    recording = reference(*requests, request_buffer_size=2)
    assert recording.requests[:, 1].tolist() == [0, 1, 10, 11]


def test_credits_limit_the_requests_on_their_way():
    recording = run((0, "read", 0), (1, "read", 64), arbiter="Fifo", max_active_transactions=1)
    assert recording.requests.tolist() == [[0, 0, 24], [1, 24, 38]]  # a row hit, accepted when the first answer is back


@pytest.mark.parametrize("reordering", [{"response_queue": "Reorder"}, {"arbiter": "Reorder"}])
def test_reordered_answers_wait_for_older_ones(reordering):
    requests = (0, "read", 0), (1, "read", ROW), (2, "read", 64)
    assert answers(run(*requests)) == [24, 62, 28]
    assert answers(run(*requests, **reordering)) == [24, 62, 63]  # one answer per cycle


def test_strict_multiplexing_serves_in_order():
    recording = run((0, "read", 0), (1, "read", ROW), (2, "read", BANK), scheduler="Fifo", cmd_mux="Strict")
    served = [request for _, command, _, request in recording.commands.tolist() if COMMANDS[command] == "RD"]
    assert served == [0, 1, 2]


def test_strict_multiplexing_and_reordering_schedulers_deadlock():
    requests = (0, "read", 0), (1, "read", ROW), (2, "read", 64)
    assert run(*requests, cmd_mux="Strict").outputs[O_STATUS] == 1
    evaluation = SIMULATOR.simulate({"cmd_mux": ["Strict"], "refresh_policy": ["NoRefresh"]}, trace_of(*requests))
    assert not evaluation.valid[0]
    assert "deadlock" in evaluation.reason[0]
    assert np.isnan(evaluation.values).all()


@pytest.mark.parametrize("pulled_in", [0, 1, 3, 8])
def test_an_idle_memory_pulls_refreshes_in(pulled_in):
    recording = run(
        (0, "read", 0),
        (REFRESH_INTERVAL * 2 - 10, "read", 0),
        refresh_policy="AllBank",
        refresh_max_pulled_in=pulled_in,
    )
    refreshes = [cycle for cycle, command, _ in commands(recording) if command == "REFA"]
    assert commands(recording)[2] == (REFRESH_INTERVAL, "PREA", 0)
    assert refreshes == [REFRESH_INTERVAL + 10 + 88 * i for i in range(pulled_in + 1)]


@pytest.mark.parametrize(("postponed", "refreshes"), [(0, 12), (1, 11), (5, 7), (8, 4), (100, 0)])
def test_a_busy_memory_postpones_refreshes(postponed, refreshes):
    """19 800 row hits keep the bus busy for 79 200 cycles: 12 intervals, refreshes included."""
    stream = [(i, "read", 64 * (i % 128)) for i in range(19_800)]
    recording = run(*stream, refresh_policy="AllBank", refresh_max_postponed=postponed)
    cycles = [cycle for cycle, command, _ in commands(recording) if command == "REFA"]
    assert len(cycles) == refreshes
    assert all(cycle % REFRESH_INTERVAL < 200 for cycle in cycles)


def test_requests_are_sent_once_per_cycle_not_before_their_time_and_in_order():
    recording = reference((5, "read", 0), (5, "read", 64), (2, "read", 128), (40, "read", 192))
    assert recording.requests[:, 0].tolist() == [5, 6, 7, 40]


def test_the_command_trace_grows_beyond_its_first_room():
    """Ten simulated seconds without requests hold more refreshes than the first guess."""
    recording = run((0, "read", 0), (800_000_000, "read", 0), refresh_policy="AllBank")
    assert len(recording.commands) > 100_000
    assert (np.diff(recording.commands[:, 0]) > 0).all()
