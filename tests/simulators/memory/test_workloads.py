"""Workloads by name or path, what is said about them, and the recorded ones that ship."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from simulators.errors import InvalidInputError, TraceFormatError, UnknownNameError
from simulators.memory.recording.programs import PROGRAMS
from simulators.memory.trace import Trace, write_stl
from simulators.memory.workloads import (
    describe,
    load_workload,
    recipe,
    row_reuse,
    workload_names,
    workload_summary,
)

RECORDED = [name for name in workload_names() if name.startswith("recorded/")]


def trace_of(address: list[int], cycle: list[int] | None = None) -> Trace:
    n = len(address)
    return Trace("t", np.array(cycle or range(n)), np.arange(n) % 4 == 0, np.array(address, np.uint64))


# ---------------------------------------------------------------- names and paths


@pytest.mark.parametrize("name", workload_names())
def test_every_listed_workload_loads_and_has_a_summary(name: str) -> None:
    trace = load_workload(name)
    assert trace.name == name and trace.clock_mhz == 800.0 and len(trace) >= 10_000 and trace.is_ordered
    assert int(trace.address.max()) < 1 << 30 and not np.any(trace.address % 64)
    assert workload_summary(name) and "\n" not in workload_summary(name)
    assert load_workload(name) is trace  # kept in memory; its arrays are read-only


def test_a_synthetic_specification_is_a_name() -> None:
    trace = load_workload("synthetic/bursty?requests=77,seed=5", clock_mhz=1200.0)
    assert (len(trace), trace.clock_mhz) == (77, 1200.0)
    assert trace.name == "synthetic/bursty?requests=77&seed=5"


def test_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    path = tmp_path / "mine.stl"
    path.write_text("0: read 0x0\n9: read 0x40\n")
    assert load_workload(str(path), clock_mhz=1600.0).clock_mhz == 1600.0
    assert len(load_workload(str(path))) == 2
    path.write_text("0: read 0x0\n9: read 0x40\n8: read 0x80\n")
    with pytest.raises(TraceFormatError, match="line 3: time goes backwards"):
        load_workload(str(path))
    assert len(load_workload(str(path), allow_backwards=True)) == 3


def test_a_file_named_like_a_recorded_workload_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recorded").mkdir()
    write_stl(trace_of([0, 64]), tmp_path / "recorded" / "mine.stl.gz")
    assert len(load_workload("recorded/mine.stl.gz")) == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("recorded/sqlite-qery", r"did you mean 'recorded/sqlite-query'\?.*no trace file of that name"),
        ("synthetic/streeming", r"did you mean 'synthetic/streaming'\?"),
        ("streaming", r"did you mean 'synthetic/streaming'\?.*no trace file"),
        ("no/such.stl", "unknown workload 'no/such.stl'.*no trace file of that name"),
        ("", "unknown workload ''.*no trace file"),
    ],
)
def test_unknown_workloads_name_the_nearest(name: str, message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        load_workload(name)


def test_facts_are_only_told_of_what_exists() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'synthetic/bursty'"):
        workload_summary("synthetic/burst")
    with pytest.raises(UnknownNameError, match="recorded workload"):
        recipe("synthetic/bursty")


# ---------------------------------------------------------------- descriptions


def test_describe_counts_by_hand() -> None:
    summary = describe(trace_of([0, 64, 8, 1 << 20, 64], cycle=[0, 1, 1, 7, 400]))
    assert summary.requests == 5 and summary.write_fraction == 0.4  # requests 0 and 4
    assert summary.footprint_bytes == 3 * 64  # 0 and 8 share a line
    assert summary.duration_ns == 500.0
    assert summary.offered_gbit_per_s == 5 * 512 / 500
    assert describe(trace_of([0], cycle=[0])).offered_gbit_per_s == 0.0


def test_row_reuse_follows_each_bank_by_itself() -> None:
    row, bank = 1 << 16, 1 << 13
    address = [0, 64, bank, 128, row, bank + 8191, 0, row + 2 * bank, row + 2 * bank]
    #          -  hit  -    hit  miss    hit     miss     -               hit
    assert row_reuse(trace_of(address)) == 4 / 9
    assert row_reuse(trace_of(address), row_bytes=1 << 40, banks=1) == 8 / 9
    assert row_reuse(trace_of([0])) == 0.0
    with pytest.raises(InvalidInputError, match="at least 1"):
        row_reuse(trace_of([0]), banks=0)


def test_row_reuse_of_streaming_is_all_but_one_in_each_row() -> None:
    # A row of 8 KiB holds 128 lines: the first request to each of the 79 rows touched is no reuse.
    assert row_reuse(load_workload("synthetic/streaming")) == (10_000 - 79) / 10_000


# ---------------------------------------------------------------- recorded workloads


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_workload_is_what_its_recipe_says(name: str) -> None:
    described = recipe(name)
    trace = load_workload(name, clock_mhz=described["clock_mhz"])
    assert trace.digest == described["digest"] and len(trace) == described["requests"]
    folder = Path(describe.__code__.co_filename).parent / "data" / "traces"
    bare = name.removeprefix("recorded/")
    assert (folder / f"{bare}.stl.gz").stat().st_size < 100_000
    assert described["valgrind"].startswith("valgrind-") and described["command"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_shipped_description_is_the_recipe_in_the_code(name: str) -> None:
    program = PROGRAMS[name]
    described = recipe(f"recorded/{name}")
    code = json.loads(json.dumps(asdict(program.recipe)))
    assert {key: described[key] for key in code} == code
    assert described["input_made_by"] == list(program.input_made_by)
    assert set(program.tools) <= set(described) and name in described["record_again"]


def test_every_recorded_workload_has_a_program() -> None:
    assert sorted(f"recorded/{name}" for name in PROGRAMS) == sorted(RECORDED)
    assert len(RECORDED) >= 4


def test_a_recorded_workload_keeps_its_time_at_another_clock() -> None:
    slow, fast = (load_workload("recorded/sqlite-query", clock_mhz=clock) for clock in (800.0, 1600.0))
    assert np.array_equal(fast.cycle, 2 * slow.cycle) and fast.duration_ns == slow.duration_ns


def test_the_database_workload_is_neither_idle_nor_only_saturating() -> None:
    trace = load_workload("recorded/sqlite-query")
    summary = describe(trace)
    assert 0.1 < summary.write_fraction < 0.5 and 0.2 < summary.row_reuse < 0.8
    # Against a server that takes 4 cycles a request, as the data bus of DDR3 does: many wait, and queues drain.
    free, waits, empty = 0, 0, 0
    for cycle in trace.cycle.tolist():
        waits, empty = waits + (cycle < free), empty + (cycle >= free)
        free = max(cycle, free) + 4
    assert waits > 0.3 * len(trace) and empty > 0.1 * len(trace)
