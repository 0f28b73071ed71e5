"""Comparison with reference tables: what is read, compared, refused and judged, on tables worked out by hand."""

from __future__ import annotations

import copy
import csv
import gzip
import json
import math
from pathlib import Path
from typing import Any

import pytest

from simulators.accelerator._timeloop_points import read_point
from simulators.accelerator.technology import technology
from simulators.accelerator.validation import AcceleratorValidation, TableSummary, validate_accelerator
from simulators.errors import InvalidInputError

# Two PEs share a matrix product of 2 x 2 by 2 x 2: C at the DRAM, P at the GLB, M over the columns. Four steps; all the
# numbers below are derived one by one in test_kernel.py, with the same energies. The DRAM delivers one word per cycle
# where eight words are wanted in four cycles, so that it takes eight.
POINT: dict[str, Any] = {
    "layer": "tiny",
    "dims": {"C": 2, "M": 2, "R": 1, "S": 1, "P": 2, "Q": 1, "stride": 1, "N": 1},
    "arch_kind": "simple_all",
    "arch": {"kind": "simple", "npe_x": 2, "npe_y": 1, "glb_words": 8, "rf_words": 3, "dram_bw": 1, "glb_bw": None},
    "bypass": {},
    "factors": {"DRAM": {"C": 2}, "GLB": {"P": 2}, "SPX": {"M": 2}, "SPY": {}, "RF": {}},
    "perm_inner_to_outer": {"DRAM": "RCPSMNQ", "GLB": "MNQSRCP", "SPX": "SRCPNMQ", "RF": "PRCMSNQ"},
    "energy_pJ_per_vector_action": {"DRAM": [100.0, 200.0], "GLB": [10.0, 20.0], "RF": [1.0, 2.0], "MAC": 3.0},
}


def level(cycles: int, throttle: float, instances: float, **tensors: tuple[float, ...]) -> dict[str, Any]:
    names = ("util_capacity", "reads", "fills", "updates", "energy_total_pJ")
    found: dict[str, Any] = {"cycles": cycles, "throttle": throttle}
    for tensor, values in tensors.items():
        found[tensor] = {**dict(zip(names, values, strict=True)), "instances": instances}
    return found


RESULT: dict[str, Any] = {
    "levels": {
        "RF": level(4, 1.0, 2.0, Weights=(1, 4, 2, 0, 16.0), Inputs=(1, 4, 4, 0, 24.0), Outputs=(1, 2, 2, 4, 28.0)),
        "GLB": level(4, 1.0, 1.0, Weights=(2, 4, 4, 0, 30.0), Inputs=(2, 4, 4, 0, 30.0), Outputs=(4, 4, 0, 8, 50.0)),
        "DRAM": level(
            8, 0.5, 1.0, Weights=(4, 4, 0, 0, 100.0), Inputs=(4, 4, 0, 0, 100.0), Outputs=(4, 0, 0, 4, 200.0)
        ),
    },
    "computes": 8,
    "mac_energy_pJ": 24.0,
    "mac_cycles": 4,
    "utilized_macs": 2.0,
    "cycles": 8,
    "utilization": 50.0,
    "energy_uJ": 602e-6,
    "edp": "4.8e-03",
}
SCALESIM = ("dataflow,array_rows,array_cols,layer,ifmap_h,ifmap_w,filt_h,filt_w,channels,num_filters,stride,"
            "compute_cycles_reported")  # fmt: skip


def points(*changes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**copy.deepcopy(POINT), "result": copy.deepcopy(RESULT), **change} for change in changes]


def write_points(folder: Path, rows: list[dict[str, Any]]) -> None:
    (folder / "timeloop_points.json").write_text(json.dumps({"points": rows}))


def timeloop(folder: Path, rows: list[dict[str, Any]]) -> tuple[AcceleratorValidation, TableSummary]:
    write_points(folder, rows)
    report = validate_accelerator(folder)
    return report, next(table for table in report.tables if table.table == "timeloop_points")


# ---- Timeloop ----


def test_a_point_worked_out_by_hand_agrees_in_every_value(tmp_path: Path) -> None:
    report, table = timeloop(tmp_path, points({}))
    assert report.passed
    assert (table.rows, table.compared, table.agreeing, table.values) == (1, 1, 1, 3 * (2 + 3 * 6) + 7)
    assert (table.worst_error, table.worst_energy_error) == (0, pytest.approx(0, abs=1e-12))
    got = {detail.metric: detail.got for detail in report.details}
    assert (got["cycles"], got["levels.GLB.Outputs.updates"], got["levels.DRAM.Outputs.reads"]) == (8, 8, 0)
    assert (got["levels.DRAM.throttle"], got["energy_uJ"]) == (0.5, pytest.approx(602e-6))
    assert "edp" not in got


@pytest.mark.parametrize(
    ("path", "value", "agrees"),
    [
        (("levels", "RF", "Weights", "reads"), 5, False),
        (("levels", "DRAM", "Outputs", "reads"), 1, False),
        (("cycles",), 9, False),
        (("levels", "DRAM", "Outputs", "energy_total_pJ"), 200.1, True),
        (("levels", "DRAM", "Outputs", "energy_total_pJ"), 200.3, False),
        (("levels", "DRAM", "throttle"), 0.504, True),
        (("utilization",), 50.02, False),
    ],
)
def test_one_wrong_value_misses_the_bar(path: tuple[str, ...], value: float, agrees: bool, tmp_path: Path) -> None:
    rows = points({}, {})
    place = rows[1]["result"]
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    report, table = timeloop(tmp_path, rows)
    assert table.met is report.passed is agrees
    assert table.agreeing == (2 if agrees else 1)
    assert any(d.row == 1 and d.metric == ".".join(path) and d.expected == value for d in report.details)


def test_the_sum_of_energies_counts_even_if_each_is_within_its_rounding(tmp_path: Path) -> None:
    rows = points({})
    rows[0]["result"] = {"mac_energy_pJ": 24.0049}
    assert timeloop(tmp_path, rows)[1].met
    rows[0] |= {"energy_pJ_per_vector_action": {**POINT["energy_pJ_per_vector_action"], "MAC": 1e-4}}
    rows[0]["result"] = {"mac_energy_pJ": 0.001}  # expected 0.0008: 0.0002 less than the last printed digit, 20 %
    assert timeloop(tmp_path, rows)[1].met is False


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"factors": {**POINT["factors"], "SPX2": {"M": 2}}}, "factors at unknown places: SPX2"),
        ({"dims": {**POINT["dims"], "H": 3}}, "unknown dimensions: h"),
        ({"factors": {"DRAM": {"C": 2}, "RF": {"M": 2}}}, "2 storage levels"),
        ({"factors": {**POINT["factors"], "RF": {"X": 2}}}, "dimension of a layer 'X'"),
        ({"mapping": [{"target": t, "type": "temporal"} for t in ("GLB", "DRAM", "RF")]}, "not DRAM and others"),
        (
            {
                "mapping": [{"target": t, "type": "temporal"} for t in ("DRAM", "GLB", "RF")]
                + [{"target": "DRAM", "type": "spatial"}]
            },
            "array of PEs does not lie below the second level",
        ),
    ],
)
def test_what_cannot_be_expressed_is_listed_with_its_reason(change: dict, reason: str, tmp_path: Path) -> None:
    report, table = timeloop(tmp_path, points({}, change, {}))
    assert (table.rows, table.compared, table.met) == (3, 2, True)
    (found,) = table.not_supported
    assert reason in found
    assert {detail.row for detail in report.details} == {0, 2}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"arch": {"npe_x": 2}}, "no 'npe_y'"),
        ({"dims": {**POINT["dims"], "P": "two"}}, "'two'"),
        ({"factors": {**POINT["factors"], "RF": {"M": 10**12}}}, "1000000000000"),
        ({"energy_pJ_per_vector_action": {"DRAM": [1, 1]}}, "no 'GLB'"),
        ({"result": None}, "no 'result'"),
        ({"result": {"cycles": "12x"}}, "cycles is '12x', expected a number"),
        ({"result": {"levels": {"RF": {"Weights": {"reads": ""}}}}}, "levels.RF.Weights.reads is ''"),
    ],
)
def test_a_point_that_cannot_be_read_misses_the_bar(change: dict, reason: str, tmp_path: Path) -> None:
    report, table = timeloop(tmp_path, points({}, change, {}))
    assert (table.rows, table.compared, table.agreeing, table.met, report.passed) == (3, 2, 2, False, False)
    (found,) = table.not_supported
    assert found.startswith("row 1 (from 0) cannot be read: ") and reason in found
    assert {detail.row for detail in report.details} == {0, 2}


def test_a_mapping_that_we_hold_impossible_is_compared_with_nan(tmp_path: Path) -> None:
    report, table = timeloop(tmp_path, points({"arch": {**POINT["arch"], "rf_words": 2}}))
    assert (table.compared, table.agreeing, table.met) == (1, 0, False)
    assert table.worst_error == math.inf
    assert report.to_json()["tables"][0]["worst_error"] is None
    assert all(math.isnan(float(detail.got)) for detail in report.details)
    assert "cycles" in {detail.metric for detail in report.details}


def test_levels_of_other_names_are_read_from_the_mapping(tmp_path: Path) -> None:
    (row,) = points({})
    text = json.dumps(row).replace('"RF"', '"Registers"').replace('"GLB"', '"L2"')
    row = json.loads(text) | {"mapping": [{"target": t, "type": "temporal"} for t in ("DRAM", "L2", "Registers")]}
    row["result"]["levels"].pop("L2")  # whose blocks are not known to be of four words
    report, table = timeloop(tmp_path, [row])
    assert {d.metric for d in report.details if d.expected != pytest.approx(d.got)} == {"energy_uJ"}
    assert any(detail.metric == "levels.Registers.Outputs.fills" for detail in report.details)
    assert table.met


def test_names_of_strides_dilations_and_bandwidths() -> None:
    (row,) = points({})
    row["dims"] |= {"hstride": 2, "wstride": 3, "hdilation": 4, "G": 5}
    row["arch"] |= {"rf_read_bw": 2, "GLB_write_bw": 7}
    point = read_point(row)
    assert (point.layer.stride_h, point.layer.stride_w, point.layer.dilation_h, point.layer.dilation_w) == (3, 2, 1, 4)
    assert point.layer.g == 5
    glb, rf = point.architecture.glb, point.architecture.pe_levels[0]
    assert (glb.read_bandwidth, glb.write_bandwidth) == (math.inf, 7)
    assert (rf.read_bandwidth, rf.write_bandwidth) == (2, math.inf)
    assert (point.architecture.dram.block_words, glb.block_words, rf.block_words) == (4, 4, 1)


# ---- the other tables ----


def write_cacti(folder: Path, rows: list[tuple[Any, ...]]) -> None:
    header = "tech_nm,kB,width_bits,read_pJ,write_pJ,area_mm2,leak_mW,cycle_ns"
    (folder / "cacti_sram_energy.csv").write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]))


def cacti_row(node: int, size_kb: int, port: int, factor: float = 1.0) -> tuple[Any, ...]:
    figures = technology(node).sram(1024 * size_kb, port)
    values = (figures.read_pj, figures.write_pj, figures.area_mm2, figures.leakage_mw, figures.cycle_ns)
    return (float(node), size_kb, port, *(float(value) * factor for value in values))


@pytest.mark.parametrize(
    ("row", "met"),
    [
        (cacti_row(45, 64, 64), True),
        (cacti_row(45, 64, 64, 1.0001), False),
        (cacti_row(45, 128, 128), True),
        (cacti_row(65, 1024, 64, 1.1), True),
        (cacti_row(65, 1024, 64, 1.2), False),
        ((*cacti_row(65, 1024, 64)[:5], 99, 99, 99), True),
        ((7.0, 64, 64, 1, 1, 1, 1, 1), None),
        ((45.0, 4, 64, 1, 1, 1, 1, 1), None),
        ((45.0, 4096, 64, 1, 1, 1, 1, 1), None),
        ((45.0, 64, 256, 1, 1, 1, 1, 1), None),
    ],
)
def test_macros_are_equal_where_tabulated_and_close_between(row: tuple, met: bool | None, tmp_path: Path) -> None:
    write_cacti(tmp_path, [row])
    write_points(tmp_path, points({}))
    report = validate_accelerator(tmp_path)
    table = next(table for table in report.tables if table.table == "cacti_sram_energy")
    assert table.met is met
    assert table.values == (0 if met is None else 5)
    assert sum(table.not_supported.values()) == (met is None)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("new", 64, 64, 1, 1, 1, 1, 1), "'new'"),
        ((*cacti_row(45, 64, 64)[:3], "6.1.2", 1, 1, 1, 1), "'6.1.2'"),
        ((45.0,), "NoneType"),
    ],
)
def test_a_macro_that_cannot_be_read_misses_the_bar(row: tuple, reason: str, tmp_path: Path) -> None:
    write_cacti(tmp_path, [cacti_row(45, 64, 64), row])
    report = validate_accelerator(tmp_path)
    (table,) = report.tables
    assert (table.met, report.passed) == (False, False)
    (found,) = table.not_supported
    assert found.startswith("row 1 (from 0) cannot be read: ") and reason in found


@pytest.mark.parametrize(("cell", "reason"), [("8x", "'8x'"), ("eight", "'eight'")])
def test_a_systolic_row_that_cannot_be_read_misses_the_bar(cell: str, reason: str, tmp_path: Path) -> None:
    row = "os,4,4,tiny,4,3,1,3,1,4,1,"
    (tmp_path / "scalesim_points.csv").write_text(f"{SCALESIM}\n{row}8\n{row}{cell}\n")
    (table,) = validate_accelerator(tmp_path).tables
    assert (table.compared, table.agreeing, table.met) == (1, 1, False)
    (found,) = table.not_supported
    assert found.startswith("row 1 (from 0) cannot be read: ") and reason in found


def test_systolic_rows_are_compared(tmp_path: Path) -> None:
    # OS, 4 x 4 array, M x K x N = 4 x 3 x 4 in one fold: 3 + 4 + 4 - 2 cycles, of which the last's index is reported.
    row = "os,4,4,tiny,4,3,1,3,1,4,1,"
    (tmp_path / "scalesim_points.csv").write_text(f"{SCALESIM}\n{row}8\nrs{row[2:]}8\n{row}9\n")
    report = validate_accelerator(tmp_path)
    (table,) = report.tables
    assert (table.table, table.rows, table.agreeing, table.met) == ("scalesim_points", 3, 1, False)
    assert [(d.row, d.expected, d.got) for d in report.details] == [(0, 8, 8), (2, 9, 8)]
    (reason,) = table.not_supported
    assert "'rs'" in reason


def test_maestro_is_listed_and_packed_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "maestro_points.csv.gz").write_bytes(gzip.compress(b"tool,layer\nmaestro,a\nmaestro,b\n"))
    (tmp_path / "timeloop_points.json.gz").write_bytes(gzip.compress(json.dumps({"points": points({})}).encode()))
    names: list[str] = []
    report = validate_accelerator(tmp_path, progress=names.append)
    assert names == ["timeloop_points", "maestro_points"] == [table.table for table in report.tables]
    assert report.passed
    (reason,) = report.tables[1].not_supported
    assert "not implemented" in reason
    report.write_details(tmp_path / "details.csv")
    with (tmp_path / "details.csv").open() as file:
        rows = {row["metric"]: row for row in csv.DictReader(file)}
    assert rows["levels.DRAM.Outputs.reads"] == {
        "table": "timeloop_points",
        "row": "0",
        "metric": "levels.DRAM.Outputs.reads",
        "expected": "0",
        "got": "0",
    }


def test_the_report_says_how_well_sizes_left_out_are_interpolated(tmp_path: Path) -> None:
    write_points(tmp_path, points({}))
    held_out = validate_accelerator(tmp_path).to_json()["held_out"]
    assert [(entry["node_nm"], entry["metric"]) for entry in held_out] == [
        (node, metric) for node in (22, 45, 65) for metric in ("read_pj", "write_pj", "area_mm2")
    ]
    assert [entry["sizes"] for entry in held_out] == [6] * 3 + [7] * 3 + [5] * 3
    assert [entry["within_bar"] for entry in held_out] == [6, 6, 4, 7, 7, 7, 2, 5, 5]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "holds nothing to compare"),
        ({"maestro_points.csv": "a\n1\n"}, "holds nothing to compare.*MAESTRO"),
        ({"timeloop_points.json": '{"points": [{}]}'}, "nothing to compare.*no 'factors'"),
        ({"timeloop_points.json": "{"}, "not JSON"),
        ({"timeloop_points.json": '{"points": 3}'}, "expected an object with a list 'points'"),
        ({"timeloop_points.json.gz": "no gzip"}, "cannot be read"),
    ],
)
def test_nothing_to_compare_is_an_error(files: dict[str, str], message: str, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(InvalidInputError, match=message):
        validate_accelerator(tmp_path)


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="does not exist"):
        validate_accelerator(tmp_path / "nowhere")
