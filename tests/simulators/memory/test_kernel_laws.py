"""Laws over random designs and traces, checked from command traces by code that shares nothing with the kernel."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulators.memory import MemoryController, Trace, constraints, load_memory_specification, memory_space
from simulators.memory.kernel_codes import COMMANDS, O_MAX, O_MEDIAN, O_P95
from simulators.memory.kernel_state import NEXT_IN_BANK, NEXT_IN_ROW, NEXT_OTHER, NEXT_SAME, PREVIOUS_TWIN, ROW

SIMULATOR = MemoryController()
MEMORY = load_memory_specification("ddr3-1600")
RULES = constraints(MEMORY)
CAS = ("RD", "RDA", "WR", "WRA")
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Up to 80 requests to few banks and rows, bunched or sparse, so that everything collides."""
    n = draw(st.integers(1, 80))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    banks, rows = draw(st.integers(1, 8)), draw(st.integers(1, 3))
    pause = draw(st.sampled_from([0, 1, 3, 10, 60, 400]))
    cycle = np.cumsum(rng.integers(0, pause + 1, n)) + draw(st.sampled_from([0, 6000, 50_000]))
    column = rng.integers(0, 4, n) * 64
    address = rng.integers(0, banks, n) * 2**13 + rng.integers(0, rows, n) * 2**16 + column
    return Trace("random", cycle, rng.random(n) < draw(st.sampled_from([0.0, 0.4, 1.0])), address.astype(np.uint64))


@st.composite
def designs(draw: st.DrawFn) -> dict[str, list[object]]:
    space = memory_space("ga")
    design = {p.name: [draw(st.sampled_from(p.values))] for p in space.parameters}
    design["cmd_mux"] = ["Strict" if design["scheduler"] == ["Fifo"] and draw(st.booleans()) else "Oldest"]
    return design


def recorded(design, trace):
    return SIMULATOR.record(SIMULATOR.check_columns(design), trace)


@FEW
@given(designs(), traces())
def test_no_command_breaks_a_timing_constraint(design, trace):
    issued = [(cycle, COMMANDS[c], bank) for cycle, c, bank, _ in recorded(design, trace).commands.tolist()]
    for rule in RULES:
        latest: dict[int, int] = {}
        for cycle, command, bank in issued:
            if rule.scope == "other_rank":
                break  # there is one rank only
            where = bank if rule.scope == "bank" else 0
            if command == rule.after and where in latest:
                assert cycle >= latest[where] + rule.cycles, (rule, cycle)
            if command == rule.before:
                latest[where] = cycle
    activations = [cycle for cycle, command, _ in issued if command == "ACT"]
    assert all(last - first >= 24 for first, last in zip(activations, activations[4:], strict=False))
    assert all(later > earlier for (earlier, *_), (later, *_) in pairwise(issued))


@FEW
@given(designs(), traces())
def test_commands_fit_the_state_of_their_bank_and_serve_every_request_once(design, trace):
    recording, decoded = recorded(design, trace), SIMULATOR.prepare(trace)
    open_row: dict[int, int] = {}
    served: list[int] = []
    for cycle, code, bank, request in recording.commands.tolist():
        command = COMMANDS[code]
        row = int(decoded.word(ROW)[request]) if request >= 0 else -1
        if command == "ACT":
            assert bank not in open_row
            open_row[bank] = row
        elif command == "PRE":
            assert open_row.pop(bank) != row
        elif command in CAS:
            assert open_row[bank] == row
            assert command.startswith("W") == bool(trace.is_write[request])
            assert cycle >= recording.requests[request, 1]
            served.append(request)
            if command.endswith("A"):
                del open_row[bank]
        elif command == "PREA":
            open_row.clear()
        else:
            assert not open_row
    assert sorted(served) == list(range(len(trace)))


@FEW
@given(designs(), traces())
def test_requests_are_sent_accepted_and_answered_in_this_order(design, trace):
    recording = recorded(design, trace)
    sent, accepted, answered = recording.requests.T
    assert (sent >= trace.cycle).all()
    assert (sent <= accepted).all()
    assert (np.diff(sent) >= 1).all()
    assert (sent[1:] > accepted[:-1]).all()
    assert (answered >= sent + np.where(trace.is_write, 12, 14)).all()
    assert len(set(answered.tolist())) == len(trace)  # one answer per cycle
    if "Reorder" in (design["response_queue"][0], design["arbiter"][0]):
        assert (np.diff(answered) > 0).all()
    if design["arbiter"][0] != "Simple":
        active = np.searchsorted(np.sort(accepted), answered, "right") - np.searchsorted(np.sort(answered), answered)
        assert active.max() <= design["max_active_transactions"][0] + 1  # a credit passes on at the answer


@FEW
@given(designs(), traces())
def test_metrics_agree_with_the_request_times(design, trace):
    recording, metrics = recorded(design, trace), SIMULATOR.simulate(design, trace).row()
    sent, accepted, answered = recording.requests.T
    latency = np.sort(answered - sent)
    assert metrics["makespan_ns"] == answered.max() * 1.25
    assert metrics["average_latency_ns"] == pytest.approx(latency.mean() * 1.25)
    assert metrics["average_latency_from_accept_ns"] == pytest.approx((answered - accepted).mean() * 1.25)
    assert metrics["average_latency_from_arrival_ns"] == pytest.approx((answered - trace.cycle).mean() * 1.25)
    found = recording.outputs[[O_MEDIAN, O_P95, O_MAX]].tolist()
    assert found == [latency[len(trace) // 2], latency[len(trace) * 95 // 100], latency[-1]]


@FEW
@given(designs(), traces())
def test_parameters_declared_inactive_make_no_difference(design, trace):
    changed = dict(design)
    if design["arbiter"] == ["Simple"]:
        changed["max_active_transactions"] = [1]
    if design["refresh_policy"] == ["NoRefresh"]:
        changed["refresh_max_postponed"], changed["refresh_max_pulled_in"] = [1], [2]
    ours, theirs = SIMULATOR.simulate(design, trace), SIMULATOR.simulate(changed, trace)
    assert np.array_equal(ours.values, theirs.values)


def test_the_rules_are_those_of_the_standard():
    """The constraint table, worked out by hand for the shipped DDR3-1600 (CheckerDDR3.cpp)."""
    longest = {}
    for rule in RULES:
        key = (rule.before, rule.after, rule.scope)
        longest[key] = max(longest.get(key, 0), rule.cycles)
    hand = {
        ("ACT", "RD", "bank"): 10,
        ("ACT", "WRA", "bank"): 10,
        ("ACT", "ACT", "bank"): 38,
        ("ACT", "PRE", "bank"): 28,
        ("RD", "PRE", "bank"): 6,
        ("WR", "PRE", "bank"): 24,
        ("WR", "RDA", "bank"): 18,
        ("RDA", "ACT", "bank"): 16,
        ("WRA", "ACT", "bank"): 34,
        ("PRE", "ACT", "bank"): 10,
        ("RD", "RDA", "rank"): 4,
        ("WRA", "WR", "rank"): 4,
        ("RD", "WR", "rank"): 8,
        ("WR", "RD", "rank"): 18,
        ("ACT", "ACT", "rank"): 5,
        ("ACT", "PREA", "rank"): 28,
        ("WRA", "PREA", "rank"): 24,
        ("PREA", "ACT", "rank"): 10,
        ("ACT", "REFA", "rank"): 38,
        ("RDA", "REFA", "rank"): 16,
        ("WRA", "REFA", "rank"): 34,
        ("REFA", "REFA", "rank"): 88,
        ("REFA", "ACT", "rank"): 88,
        ("PRE", "RD", "channel"): 1,
    }
    assert {key: longest[key] for key in hand} == hand
    assert len([rule for rule in RULES if rule.scope == "bank"]) == 12


@pytest.mark.parametrize("spread", [100, 5_000, 10_000_000])
def test_order_statistics_are_exact_for_any_range(spread):
    """Latencies beyond the counting bins: a few requests wait for many in a single bank."""
    rng = np.random.default_rng(spread)
    n = 3000
    trace = Trace(
        "wide",
        np.sort(rng.integers(0, spread, n)),
        rng.random(n) < 0.5,
        (rng.integers(0, 50, n) * 2**16).astype(np.uint64),
    )
    design = {"scheduler": ["FrFcfs"], "request_buffer_size": [4096], "response_queue": ["Reorder"]}
    recording = recorded(design, trace)
    latency = np.sort(recording.requests[:, 2] - recording.requests[:, 0])
    expected = [latency[n // 2], latency[n * 95 // 100], latency[-1]]
    assert recording.outputs[[O_MEDIAN, O_P95, O_MAX]].tolist() == expected


def test_results_depend_neither_on_threads_nor_on_company():
    space = memory_space("rl")
    batch = space.decode(space.sample(48, np.random.default_rng(0)))
    trace = SIMULATOR.load_workload("synthetic/cloud-mixture")
    one = SIMULATOR.simulate(batch, trace).values
    assert np.array_equal(one, MemoryController(threads=2).simulate(batch, trace).values)
    alone = [SIMULATOR.simulate({k: v[i : i + 1] for k, v in batch.items()}, trace).values[0] for i in range(0, 48, 12)]
    assert np.array_equal(one[::12], np.array(alone))


@FEW
@given(traces())
def test_links_find_what_a_search_finds(trace):
    decoded, n = SIMULATOR.prepare(trace), len(trace)
    bank, row = MEMORY.decode(trace.address)
    write, burst = trace.is_write, trace.address // 64

    def first(candidates):
        return next(iter(candidates), n)

    for i in range(n):
        later = [j for j in range(i + 1, n) if bank[j] == bank[i]]
        hits = [j for j in later if row[j] == row[i]]
        assert decoded.word(NEXT_IN_BANK)[i] == first(later)
        assert decoded.word(NEXT_IN_ROW)[i] == first(hits)
        assert decoded.word(NEXT_SAME)[i] == first(j for j in hits if write[j] == write[i])
        assert decoded.word(NEXT_OTHER)[i] == first(j for j in hits if write[j] != write[i])
        assert decoded.word(PREVIOUS_TWIN)[i] == first(j for j in range(i - 1, -1, -1) if burst[j] == burst[i])
    assert decoded.first_in_bank.tolist() == [first(np.flatnonzero(bank == b)) for b in range(8)]
