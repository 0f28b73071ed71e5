"""Profiles: numbers counted by hand, laws over random traces, and plain models of the clever parts."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.errors import InvalidInputError
from simulators.memory import _trace_rows
from simulators.memory._trace_reuse import reuse_distances
from simulators.memory._trace_rows import in_order_hits, row_numbers, run_lengths
from simulators.memory.specification import load_memory_specification
from simulators.memory.trace import Trace
from simulators.memory.trace_profile import arrivals, burstiness, profile_trace
from simulators.memory.workloads import describe, load_workload, workload_names


def most_hits(bank: np.ndarray, row: np.ndarray, window: int) -> int:
    return _trace_rows.most_hits(bank, row_numbers(bank, row), window)


DDR3 = load_memory_specification("ddr3-1600")
PLACES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=60)


def columns(places: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([bank for bank, _ in places]), np.array([row for _, row in places])


def trace_of(address: list[int], cycle: list[int] | None = None, writes: list[int] | None = None) -> Trace:
    n = len(address)
    is_write = np.isin(np.arange(n), writes or [])
    return Trace("t", np.array(cycle or [0] * n), is_write, np.array(address, np.uint64))


# ---------------------------------------------------------------- rows


def test_hits_and_runs_follow_each_bank() -> None:
    bank, row = columns([(0, 1), (1, 1), (0, 1), (1, 2), (0, 1), (1, 2), (0, 2)])
    hits = in_order_hits(bank, row)
    assert hits.tolist() == [False, False, True, False, True, True, False]
    assert run_lengths(bank, hits).tolist() == [3, 1, 1, 2]


def test_reordering_within_a_window_adds_hits() -> None:
    bank, row = columns([(0, 1), (0, 2), (0, 1), (0, 2), (0, 1), (0, 2), (0, 1), (0, 2)])
    assert most_hits(bank, row, 1) == 0
    # Batches 1212 1212: two rows each, and the second begins with the row that the first ends with.
    assert most_hits(bank, row, 4) == 8 - 4 + 1
    assert most_hits(bank, row, 8) == most_hits(bank, row, 100) == 6


@settings(deadline=None)
@given(places=PLACES)
def test_the_bound_starts_at_the_hits_in_order_and_ends_at_the_rows(places: list[tuple[int, int]]) -> None:
    bank, row = columns(places)
    in_order = int(in_order_hits(bank, row).sum())
    assert most_hits(bank, row, 1) == in_order
    assert most_hits(bank, row, len(places)) == len(places) - len(set(places))
    assert all(in_order <= most_hits(bank, row, w) <= len(places) - len(set(places)) for w in (2, 3, 7))
    assert run_lengths(bank, in_order_hits(bank, row)).sum() == len(places)


@settings(deadline=None, max_examples=40)
@given(places=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2)), min_size=1, max_size=8))
def test_no_order_within_batches_of_four_beats_the_bound(places: list[tuple[int, int]]) -> None:
    bank, row = columns(places)
    best = 0
    for first in set(permutations(places[:4])):
        for second in set(permutations(places[4:])):
            best = max(best, int(in_order_hits(*columns([*first, *second])).sum()))
    assert best <= most_hits(bank, row, 4)


# ---------------------------------------------------------------- reuse


@settings(deadline=None)
@given(line=st.lists(st.integers(0, 12), max_size=80))
def test_reuse_distances_are_those_of_a_plain_stack(line: list[int]) -> None:
    stack: list[int] = []
    expected = []
    for wanted in line:
        expected.append(stack.index(wanted) if wanted in stack else -1)
        stack = [wanted, *(other for other in stack if other != wanted)]
    assert reuse_distances(np.array(line, np.uint64)).tolist() == expected


# ---------------------------------------------------------------- arrivals


def test_arrivals_are_counted_in_time_not_in_cycles() -> None:
    trace = trace_of([0] * 5, [0, 1, 7, 8, 80])
    assert arrivals(trace, 10.0).tolist() == [3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1]  # 8 cycles of 1.25 ns are 10 ns
    assert arrivals(trace.at_clock(1600.0), 10.0).tolist() == arrivals(trace, 10.0).tolist()
    with pytest.raises(InvalidInputError, match="longer than 0"):
        arrivals(trace, 0.0)


def test_a_steady_stream_has_no_dispersion_and_bursts_have_much() -> None:
    steady = burstiness(trace_of([0] * 800, list(range(0, 6400, 8))), 100.0)
    assert (steady.windows, steady.mean, steady.peak, steady.dispersion) == (79, 10.0, 10, 0.0)
    assert steady.peak_to_mean == 1.0 and steady.idle_fraction == 0.0
    # 100 requests at once in every tenth window: mean 10, variance 0.1 * 90^2 + 0.9 * 10^2 = 900.
    cycle = np.repeat(np.arange(0, 8001, 800), 100).tolist()
    bursts = burstiness(trace_of([0] * len(cycle), cycle), 100.0)
    assert (bursts.windows, bursts.mean, bursts.peak) == (100, 10.0, 100)
    assert bursts.dispersion == pytest.approx(90.0) and bursts.idle_fraction == 0.9


def test_random_arrivals_are_like_poisson() -> None:
    cycle = np.sort(np.random.default_rng(1).integers(0, 400_000, 50_000)).tolist()
    assert burstiness(trace_of([0] * len(cycle), cycle), 100.0).dispersion == pytest.approx(1.0, abs=0.1)


# ---------------------------------------------------------------- the whole


def test_a_profile_by_hand() -> None:
    row, bank = 1 << 16, 1 << 13
    p = profile_trace(trace_of([0, 64, bank, 8, row, 64], [0, 0, 1, 7, 400, 800], writes=[1, 2]), DDR3)
    assert (p.requests, p.write_fraction, p.direction_switches) == (6, 2 / 6, 2 / 6)
    assert (p.footprint_bytes, p.pages, p.rows) == (4 * 64, 3, 3)
    assert (p.lowest_address, p.highest_address) == (0, row)
    assert p.duration_ns == 1000.0 and p.offered_gbit_per_s == 6 * 512 / 1000
    assert p.offered_load == pytest.approx(3.072 / 102.4)
    assert p.gap_cycles[0] == 6.0 and p.gap_cycles[3] == 400.0
    assert p.late_fraction == 2 / 6  # requests 1 and 2 leave a cycle late, at 1 and 2
    assert p.row_hits_in_order == 2 / 6 and p.row_hits_limit == 3 / 6
    assert p.bank_share == (5 / 6, 1 / 6, 0, 0, 0, 0, 0, 0) and p.bank_largest_share == 5 / 6
    entropy = -(5 / 6 * math.log2(5 / 6) + 1 / 6 * math.log2(1 / 6))
    assert p.bank_entropy == pytest.approx(entropy / 3)
    assert p.reused_fraction == 2 / 6 and p.reuse_distance_median == 2.5  # after 2 and 3 others
    assert [b.window_ns for b in p.burstiness] == [100.0]


def test_windows_of_a_sparse_trace_are_left_out() -> None:
    cycle = [0, 8 * 10**8]  # a second at 800 MHz: 10^7, 10^6 and 10^5 windows
    profile = profile_trace(trace_of([0, 64], cycle), load_memory_specification("ddr3-1600"))
    assert [burst.window_ns for burst in profile.burstiness] == [1000.0, 10000.0]


def test_a_single_request_has_a_profile() -> None:
    p = profile_trace(trace_of([64]), DDR3)
    assert p.offered_gbit_per_s is None and p.offered_load is None and p.burstiness == ()
    assert p.reuse_distance_median is None and p.bank_entropy == 0.0 and p.row_hits_limit == 0.0


@pytest.mark.parametrize("name", workload_names())
def test_profiles_agree_with_the_summary_and_with_themselves(name: str) -> None:
    trace = load_workload(name)
    p, summary = profile_trace(trace, DDR3), describe(trace)
    assert p.row_hits_in_order == pytest.approx(summary.row_reuse)
    assert (p.footprint_bytes, p.write_fraction) == (summary.footprint_bytes, summary.write_fraction)
    bounds = [p.row_hits_in_order, *p.row_hits_at_most.values(), p.row_hits_limit]
    assert bounds == sorted(bounds)
    assert sum(p.bank_share) == pytest.approx(1.0) and 0 <= p.bank_entropy <= 1 + 1e-12


def test_recorded_workloads_differ_in_character() -> None:
    profiles = {n: profile_trace(load_workload(n), DDR3) for n in workload_names() if n.startswith("recorded/")}
    network, sort, xz = (profiles[f"recorded/{n}"] for n in ("neural-network", "record-sort", "xz-compress"))
    assert network.row_hits_in_order > 0.8 and 0.15 < sort.row_hits_in_order < 0.4 and xz.row_hits_in_order < 0.1
    assert sort.offered_load is not None and sort.offered_load > 0.7
    assert xz.offered_load is not None and xz.offered_load < 0.4
    assert network.burstiness[1].dispersion > 10 > xz.burstiness[1].dispersion
    assert all(0.1 < p.write_fraction < 0.4 for p in profiles.values())
