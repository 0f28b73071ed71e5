"""Validation against a small reference directory made here, of our own results and known deviations from them."""

from __future__ import annotations

import csv
import gzip
import json
import math

import numpy as np
import pytest

from simulators.errors import InvalidInputError
from simulators.memory import MemoryController, Trace, validate_memory, write_stl
from simulators.memory._reference import PARAMETERS
from simulators.memory.kernel_codes import COMMANDS

SIMULATOR = MemoryController(mode="dramsys")
DESIGN = {
    theirs: str(next(i.default for i in SIMULATOR.inputs if i.name == ours)) for theirs, ours in PARAMETERS.items()
}
TRACE = Trace("tiny", np.array([0, 1, 2]), np.array([False, True, False]), np.array([0, 1 << 16, 64], np.uint64))


def result_row(**changes: object) -> dict[str, object]:
    m = SIMULATOR.simulate({PARAMETERS[k]: [v] for k, v in DESIGN.items()}, TRACE).row()
    row = {
        "trace": "tiny",
        **DESIGN,
        "PowerDownPolicy": "NoPowerDown",
        "total_energy_pJ": m["energy_pj"],
        "total_time_ps": round(m["makespan_ns"] * 1000),
        "avg_lat_ns": m["average_latency_ns"],
        "n_BEGIN_RD": 2,
        "n_BEGIN_WR": 1,
        "n_BEGIN_ACT": 2,
        "n_BEGIN_PRE": 1,
        "n_BEGIN_RDA": "",
    }
    return row | changes


def write_table(folder, name, rows, pack=False):
    text = ",".join(rows[0]) + "\n" + "".join(",".join(str(v) for v in row.values()) + "\n" for row in rows)
    if pack:
        (folder / f"{name}.csv.gz").write_bytes(gzip.compress(text.encode()))
    else:
        (folder / f"{name}.csv").write_text(text)


@pytest.fixture
def reference(tmp_path):
    (tmp_path / "traces").mkdir()
    write_stl(TRACE, tmp_path / "traces" / "tiny.stl.gz")
    return tmp_path


def test_agreement(reference):
    write_table(reference, "dramsys_mine", [result_row(), result_row()])
    report = validate_memory(reference)
    (table,) = report.tables
    assert report.passed and table.met
    assert (table.rows, table.compared, table.exact, table.identical) == (2, 2, 2, 2)
    assert (table.worst_makespan_error, table.worst_energy_error, table.latency_within_2_percent) == (0, 0, 1)
    json.dumps(report.to_json(), allow_nan=False)


def test_packed_tables_and_details(reference, tmp_path):
    write_table(reference, "dramsys_mine", [result_row()], pack=True)
    validate_memory(reference).write_details(tmp_path / "details.csv")
    lines = list(csv.DictReader((tmp_path / "details.csv").open()))
    found = {line["metric"]: (line["expected"], line["got"]) for line in lines}
    assert {(line["table"], line["row"]) for line in lines} == {("dramsys_mine", "0")}
    assert found["n_BEGIN_RDA"] == ("0", "0")  # blank in the table, zero in the details
    assert found["n_BEGIN_REFA"] == ("0", "0")  # a column the table lacks: it never happened
    assert found["total_time_ps"] == ("75000", "75000")


@pytest.mark.parametrize(
    ("change", "met"),
    [
        ({"total_time_ps": 75_001}, False),  # every row must be exact where there is one row only
        ({"total_energy_pJ": 1.0}, False),
        ({"avg_lat_ns": 1.0}, False),
        ({"n_BEGIN_ACT": 3}, True),  # reported, not part of the bar
    ],
)
def test_deviations_are_found(reference, change, met):
    write_table(reference, "dramsys_mine", [result_row(**change)])
    (table,) = validate_memory(reference).tables
    assert table.identical == 0
    assert table.met is met


def test_what_cannot_be_compared_is_listed(reference):
    rows = [
        result_row(),
        result_row(Scheduler="Magic"),
        result_row(PowerDownPolicy="Asleep"),
        result_row(trace="absent"),
    ]
    write_table(reference, "dramsys_mine", rows)
    (table,) = validate_memory(reference).tables
    assert (table.compared, table.exact) == (1, 1)
    assert sum(table.not_supported.values()) == 3
    assert any("power_down_policy" in reason and "Asleep" in reason for reason in table.not_supported)
    assert any("scheduler" in reason and "Magic" in reason for reason in table.not_supported)
    assert "trace absent is not in the directory" in table.not_supported


@pytest.mark.parametrize("change", [{"total_energy_pJ": "12;5"}, {"n_BEGIN_ACT": "?"}, {"RequestBufferSize": "many"}])
def test_a_row_that_cannot_be_read_misses_the_bar(reference, change):
    write_table(reference, "dramsys_mine", [result_row(), result_row(**change)])
    report = validate_memory(reference)
    (table,) = report.tables
    assert (table.compared, table.exact, table.met, report.passed) == (1, 1, False, False)
    ((column, cell),) = change.items()
    assert table.not_supported == {f"row 1 (from 0) cannot be read: {column} is {cell!r}, expected a number": 1}


def test_a_result_that_we_hold_impossible_is_a_deviation(reference):
    write_table(reference, "dramsys_mine", [result_row(), result_row(RefreshPolicy="PerBank")])
    (table,) = validate_memory(reference).tables
    assert (table.compared, table.exact, table.met) == (2, 1, False)
    assert table.worst_makespan_error == math.inf


def test_rows_with_power_down_have_a_bar_of_their_own(reference):
    """Four rows of five must be exact; the reference sleeps before it sees the request of cycle 0."""
    metrics = SIMULATOR.simulate({"power_down_policy": ["Staggered"]}, TRACE).row()
    asleep = {
        "PowerDownPolicy": "Staggered",
        "total_energy_pJ": metrics["energy_pj"],
        "total_time_ps": round(metrics["makespan_ns"] * 1000),
        "avg_lat_ns": metrics["average_latency_ns"],
    }
    assert asleep["total_time_ps"] > 75_000
    late = asleep | {"total_time_ps": asleep["total_time_ps"] + 1}
    for wrong, met in ((1, True), (2, False)):
        write_table(reference, "dramsys_sleepy", [result_row(**(late if i < wrong else asleep)) for i in range(5)])
        (table,) = validate_memory(reference).tables
        assert (table.kind, table.compared, table.exact, table.met) == ("power-down", 5, 5 - wrong, met)


def test_other_memories_are_not_supported(reference):
    (reference / "tables.json").write_text(
        json.dumps({"dramsys_other": {"memory": "spec/other.json", "address_mapping": "spec/map.json"}})
    )
    write_table(reference, "dramsys_other", [result_row()])
    report = validate_memory(reference)
    assert report.tables[0].met is None and not report.passed
    assert math.isnan(report.tables[0].worst_makespan_error)
    assert "spec/other.json" in next(iter(report.tables[0].not_supported))


def test_golden_runs(reference):
    golden = reference / "golden"
    golden.mkdir()
    (golden / "index.json").write_text(
        json.dumps([{"name": "base", "trace": "tiny", "config": DESIGN, "result": {"total_time_ps": 75000}}])
    )
    recording = SIMULATOR.record(SIMULATOR.check_columns({}), TRACE)
    requests = [int(r) for r in recording.commands[:, 3]]
    lines = [
        {"cycle": c, "command": COMMANDS[k], "bank": b, "row": int(r == 1)}
        for (c, k, b, _), r in zip(recording.commands.tolist(), requests, strict=True)
    ]
    write_table(golden, "base.tiny.cmd", lines)
    times = [
        dict(zip(("sent_cycle", "endreq_cycle", "resp_cycle"), t, strict=True)) for t in recording.requests.tolist()
    ]
    write_table(golden, "base.tiny.req", times)
    report = validate_memory(reference)
    assert [(t.table, t.exact, t.identical, t.met) for t in report.tables] == [
        ("index", 1, 1, True),
        ("golden", 1, 1, True),
    ]
    lines[2]["cycle"] += 1
    write_table(golden, "base.tiny.cmd", lines)
    assert validate_memory(reference).tables[1].met is False


def test_nothing_to_compare_is_an_error(tmp_path):
    with pytest.raises(InvalidInputError, match="does not exist"):
        validate_memory(tmp_path / "nowhere")
    with pytest.raises(InvalidInputError, match="holds no"):
        validate_memory(tmp_path)


def test_unusual_rows_are_compared_or_listed(reference):
    long = Trace("long", np.arange(300), np.zeros(300, bool), np.arange(300, dtype=np.uint64) << 13)
    write_stl(long, reference / "traces" / "long.stl")
    rows = [
        result_row(RefreshMaxPostponed=""),  # blank: the default
        result_row(trace="long", RefreshPolicy="PerBank", total_time_ps="nan"),  # impossible on DDR3, and said to be
        result_row(trace=""),
    ]
    write_table(reference, "dramsys_mine", rows)
    (table,) = validate_memory(reference).tables
    assert (table.compared, table.exact) == (2, 2)
    assert table.not_supported == {"there is no column trace, or it is blank": 1}


def test_request_times_that_are_not_there_are_not_compared(reference):
    (reference / "golden").mkdir()
    run = {"name": "base", "trace": "tiny", "config": {}}
    (reference / "golden" / "index.json").write_text(json.dumps([run, {"name": "broken"}]))
    recording = SIMULATOR.record(SIMULATOR.check_columns({}), TRACE)
    lines = [
        {"cycle": c, "command": COMMANDS[k], "bank": b, "row": int(r == 1)}
        for c, k, b, r in recording.commands.tolist()
    ]
    write_table(reference / "golden", "base.tiny.cmd", lines)
    golden = validate_memory(reference).tables[-1]
    assert (golden.rows, golden.exact, golden.identical, golden.met) == (1, 1, 1, True)
