"""Agreement with Timeloop, SCALE-Sim and CACTI on measured rows in ARCHGYM_REFERENCE (default ../shared/reference)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from simulators.accelerator.validation import AcceleratorValidation, validate_accelerator

ROOT = Path(__file__).parents[2]
REFERENCE = Path(os.environ.get("ARCHGYM_REFERENCE", ROOT.parent / "shared" / "reference")) / "accelerator"
COUNTS = ("reads", "fills", "updates", "instances", "util_capacity")

pytestmark = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason=f"no reference results at {REFERENCE} (set ARCHGYM_REFERENCE)"
)


@pytest.fixture(scope="module")
def report() -> AcceleratorValidation:
    return validate_accelerator(REFERENCE)


@pytest.mark.parametrize("name", ["timeloop_points", "scalesim_points", "cacti_sram_energy"])
def test_every_row_is_compared_and_meets_the_bar(report: AcceleratorValidation, name: str) -> None:
    found = {table.table: table for table in report.tables}
    if name not in found:
        pytest.skip(f"{name} is not in {REFERENCE}")
    assert found[name].met, found[name]
    assert found[name].compared == found[name].agreeing == found[name].rows
    assert found[name].worst_error == 0
    assert report.passed


def test_every_count_and_cycle_of_timeloop_is_compared_and_equal(report: AcceleratorValidation) -> None:
    counted = [
        d
        for d in report.details
        if d.table == "timeloop_points" and (d.metric.endswith("cycles") or d.metric.split(".")[-1] in COUNTS)
    ]
    rows = {detail.row for detail in counted}
    if not rows:
        pytest.skip(f"timeloop_points is not in {REFERENCE}")
    assert len(counted) > 20 * len(rows)
    assert [detail for detail in counted if detail.expected != detail.got] == []


def test_maestro_is_listed_with_the_reason(report: AcceleratorValidation) -> None:
    table = next((table for table in report.tables if table.table == "maestro_points"), None)
    if table is None:
        pytest.skip(f"maestro_points is not in {REFERENCE}")
    assert (table.compared, table.met) == (0, None)
    assert list(table.not_supported.values()) == [table.rows]
