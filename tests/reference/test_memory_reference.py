"""Agreement with DRAMSys 4.0 on measured rows: a directory named by ARCHGYM_REFERENCE (default ../shared/reference)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from simulators.memory import validate_memory

ROOT = Path(__file__).parents[2]
REFERENCE = Path(os.environ.get("ARCHGYM_REFERENCE", ROOT.parent / "shared" / "reference")) / "memory"


@pytest.mark.skipif(not REFERENCE.is_dir(), reason=f"no reference results at {REFERENCE} (set ARCHGYM_REFERENCE)")
def test_the_bar_is_met_on_every_table_that_can_be_simulated():
    report = validate_memory(REFERENCE)
    compared = {table.table: table for table in report.tables if table.compared}
    assert compared
    for table in compared.values():
        assert table.met, table
    assert report.passed
