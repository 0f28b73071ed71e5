"""Agreement with SCALE-Sim 3.0 on measured rows: a directory named by ARCHGYM_REFERENCE, and how tables are read."""

from __future__ import annotations

import csv
import gzip
import os
from pathlib import Path

import pytest

from simulators import InvalidInputError
from simulators.accelerator.systolic import compare_scalesim
from simulators.accelerator.systolic.validation import COUNTS, PERCENTAGES, agrees

ROOT = Path(__file__).parents[3]
REFERENCE = Path(os.environ.get("ARCHGYM_REFERENCE", ROOT.parent / "shared" / "reference")) / "accelerator"
POINTS = [path for path in (REFERENCE / f"scalesim_points.csv{suffix}" for suffix in ("", ".gz")) if path.exists()]

HAND = {
    "dataflow": "os", "array_rows": "2", "array_cols": "2", "ifmap_sram_kB": "64", "filter_sram_kB": "64",
    "ofmap_sram_kB": "64", "word_bytes": "1", "bw_mode": "CALC", "layer": "hand", "ifmap_h": "3", "ifmap_w": "4",
    "filt_h": "1", "filt_w": "4", "channels": "1", "num_filters": "5", "stride": "1",
    "compute_cycles_reported": "35", "stall_cycles": "0", "overall_util_pct": "42.857143",
    "mapping_eff_pct": "62.5", "compute_util_pct": "41.666667", "ifmap_sram_reads": "36",
    "filter_sram_reads": "40", "ofmap_sram_writes": "39",
}  # fmt: skip
"""(3 x 4) * (4 x 5) on 2 x 2 PEs by the closed forms: 6 folds of 6 cycles, minus one; 60 MACs; 15 + 6 x 4 writes."""


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    with open(path, "w", encoding="utf-8", newline="") as file:
        lines = csv.DictWriter(file, list(rows[0]))
        lines.writeheader()
        lines.writerows(rows)
    return path


@pytest.mark.skipif(not POINTS, reason=f"no scalesim_points.csv in {REFERENCE} (set ARCHGYM_REFERENCE)")
def test_every_measured_value_that_has_a_closed_form_is_equal():
    compared = list(compare_scalesim(POINTS[0]))
    rows = {one.row for one in compared}
    assert rows == set(range(len(rows))) and len(rows) >= 80
    assert len(compared) == len(rows) * (len(COUNTS) + len(PERCENTAGES))
    assert [one for one in compared if not agrees(one.metric, one.expected, one.got)] == []


def test_a_table_is_compared_column_by_column(tmp_path):
    path = write(tmp_path / "points.csv", [HAND, HAND | {"ofmap_sram_writes": "40", "mapping_eff_pct": "62.6"}])
    compared = list(compare_scalesim(path))
    assert {one.table for one in compared} == {"points"}
    wrong = [(one.row, one.metric, one.expected) for one in compared if not agrees(one.metric, one.expected, one.got)]
    assert sorted(wrong) == [(1, "mapping_eff_pct", 62.6), (1, "ofmap_sram_writes", 40)]
    packed = tmp_path / "points.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert list(compare_scalesim(packed)) == compared


def test_columns_that_are_missing_or_not_covered_are_left_out(tmp_path):
    fewer = {name: value for name, value in HAND.items() if name != "stall_cycles"} | {"ifmap_dram_reads": "12"}
    user = HAND | {"bw_mode": "USER", "stall_cycles": "77"}
    assert "ifmap_dram_reads" not in {one.metric for one in compare_scalesim(write(tmp_path / "a.csv", [fewer]))}
    assert "stall_cycles" not in {one.metric for one in compare_scalesim(write(tmp_path / "b.csv", [user]))}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dataflow": "rs"}, "row 1.*'rs'"),
        ({"array_rows": "two"}, "row 1.*two"),
        ({"stride": "0"}, "row 1"),
        ({"filt_h": "9"}, "row 1.*'layer 7'|row 1.*hand"),
        ({"ifmap_sram_reads": "many"}, "row 1.*many"),
    ],
)
def test_rows_that_cannot_be_read_are_named(tmp_path, change, words):
    path = write(tmp_path / "points.csv", [HAND, HAND | change])
    with pytest.raises(InvalidInputError, match=words):
        list(compare_scalesim(path))


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(InvalidInputError, match=r"nothing\.csv"):
        list(compare_scalesim(tmp_path / "nothing.csv"))
    (tmp_path / "broken.csv.gz").write_bytes(b"no gzip")
    with pytest.raises(InvalidInputError, match=r"broken\.csv\.gz"):
        list(compare_scalesim(tmp_path / "broken.csv.gz"))
    short = {name: value for name, value in HAND.items() if name != "filt_w"}
    with pytest.raises(InvalidInputError, match="'filt_w' is missing"):
        list(compare_scalesim(write(tmp_path / "short.csv", [short])))
