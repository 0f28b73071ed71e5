"""Agreement with FARSI on measured rows in ARCHGYM_REFERENCE (default ../shared/reference)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from simulators._agreement import relative_error
from simulators.soc.validation import OWN, ROWS, SocValidation, validate_soc

ROOT = Path(__file__).parents[2]
REFERENCE = Path(os.environ.get("ARCHGYM_REFERENCE", ROOT.parent / "shared" / "reference")) / "soc"

pytestmark = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason=f"no reference results at {REFERENCE} (set ARCHGYM_REFERENCE)"
)


@pytest.fixture(scope="module")
def report() -> SocValidation:
    return validate_soc(REFERENCE)


@pytest.mark.parametrize("name", [ROWS, "hw_library", "cacti_merged"])
def test_every_row_is_compared_and_within_a_billionth(report: SocValidation, name: str) -> None:
    found = {table.table: table for table in report.tables}
    if name not in found:
        pytest.skip(f"{name} is not in {REFERENCE}")
    assert found[name].met, found[name]
    assert found[name].compared == found[name].agreeing == found[name].rows
    whole = [d for d in report.details if d.table == name and not d.metric.startswith("tasks.")]
    assert all(relative_error(d) < 1e-9 for d in whole)
    assert report.passed


def test_flags_counts_and_latencies_are_equal(report: SocValidation) -> None:
    flags = [d for d in report.details if d.table == ROWS and d.metric in ("fits_budget", "phases")]
    latencies = [d for d in report.details if d.table == ROWS and d.metric.startswith("latency_s.")]
    if not latencies:
        pytest.skip(f"{ROWS} is not in {REFERENCE}")
    rows = {d.row for d in latencies}
    assert len(flags) == 2 * len(rows)
    assert [d for d in flags if d.expected != d.got] == []
    assert all(abs(float(d.got) / float(d.expected) - 1) < 1e-14 for d in latencies)


def test_our_own_pruning_and_order_give_farsis_latencies_but_for_a_design_of_its_own_search(
    report: SocValidation,
) -> None:
    found = {table.table: table for table in report.tables}
    if OWN not in found:
        pytest.skip(f"{ROWS} is not in {REFERENCE}")
    assert found[OWN].compared == found[OWN].rows
    apart = {d.row: abs(relative_error(d)) for d in report.details if d.table == OWN and abs(relative_error(d)) > 1e-6}
    assert len(apart) == found[OWN].rows - found[OWN].agreeing <= 1
    assert max(apart.values(), default=0.0) < 0.018
