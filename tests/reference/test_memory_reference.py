"""Agreement with DRAMSys 4.0 on measured rows: a directory named by ARCHGYM_REFERENCE (default ../shared/reference)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from simulators.memory import MemoryValidation, validate_memory

ROOT = Path(__file__).parents[2]
REFERENCE = Path(os.environ.get("ARCHGYM_REFERENCE", ROOT.parent / "shared" / "reference")) / "memory"

pytestmark = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason=f"no reference results at {REFERENCE} (set ARCHGYM_REFERENCE)"
)

KINDS = {
    "dramsys_240x16": "DDR3",
    "dramsys_ofat_x16": "DDR3",
    "dramsys_largebuf_60x7": "DDR3",
    "dramsys_ddr3_1600_brc_30x7": "DDR3",
    "dramsys_powerdown_30x8": "power-down",
    "dramsys_ddr4_2400_30x7": "DDR4",
    "dramsys_lpddr4_3200_30x7": "LPDDR4",
    "dramsys_hbm2_30x7": "HBM2",
    "index": "DDR3",
    "golden": "golden",
}
"""Table -> the bar that holds for it."""


@pytest.fixture(scope="module")
def report() -> MemoryValidation:
    return validate_memory(REFERENCE)


def test_the_bar_is_met_on_every_table_that_can_be_simulated(report):
    compared = {table.table: table for table in report.tables if table.compared}
    assert compared
    for table in compared.values():
        assert table.met, table
    assert report.passed


@pytest.mark.parametrize("name", KINDS)
def test_every_row_with_a_trace_is_compared_by_the_right_bar(report, name):
    """Rows may be left out only because their trace is not in the directory."""
    found = {table.table: table for table in report.tables}
    if name not in found:
        pytest.skip(f"{name} is not in {REFERENCE}")
    table = found[name]
    assert table.kind == KINDS[name]
    assert table.met is not False, table
    assert sum(table.not_supported.values()) == table.rows - table.compared
    assert all("not there" in reason or "not in the directory" in reason for reason in table.not_supported)


@pytest.mark.parametrize("name", [name for name in KINDS if name != "dramsys_hbm2_30x7"])
def test_makespans_are_exact(report, name):
    """More than the bar asks for; rows of HBM2 differ where two events of SystemC fall into one instant."""
    for table in report.tables:
        if table.table == name:
            assert table.exact == table.compared, table
