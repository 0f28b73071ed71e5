"""Agreement of the system-on-chip model with FARSI's measured results in a directory.

``farsi_rows.jsonl``
    one design per line (see ``simulators/soc/_farsi_rows.py``) and what FARSI measured: ``result`` (latency of each
    workload, power, energy, area, by kind of block too, distance to the budgets and whether they are met), and where
    there are, ``tasks`` (start, end, energy), ``mem`` (most bytes held) and the number of ``phases``. Compared twice:
    with the blocks, links and order of tasks that FARSI made of the design, and, filed under ``farsi_rows/own``, from
    the design as it was given, with our own pruning of buses and order of tasks.
``hw_library.json``
    workload -> block -> figures
``cacti_merged.json``
    a list of memories: ``type``, ``size_bytes``, ``read_J_per_byte``, ``write_J_per_byte``, ``area_m2``

Any file may be missing or gzip-compressed, with ``.gz`` added to its name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simulators._agreement import Compared, Validation, all_details, compare_tables
from simulators.soc._reference_tables import (
    CLOSE,
    CLOSE_SHARE,
    EXACT,
    TASK_ENERGY,
    Designs,
    compare_cacti,
    compare_library,
)

ROWS: Final = "farsi_rows"
OWN: Final = "farsi_rows/own"
BARS: Final = {
    ROWS: f"every figure within {EXACT:g} (a task's energy, or within {TASK_ENERGY:g} of the design's), flags equal",
    OWN: f"{CLOSE_SHARE:.0%} of the rows have every latency within {CLOSE:g}",
    "hw_library": f"every figure within {EXACT:g}",
    "cacti_merged": f"every figure within {EXACT:g}",
}
"""Table -> the bar that holds for it."""


@dataclass(frozen=True)
class TableSummary:
    """Agreement on one table.

    Attributes:
        table: file stem; ``farsi_rows/own``: the designs of ``farsi_rows`` with our own pruning and order.
        rows: rows of the table.
        compared: rows that were simulated.
        agreeing: rows with every compared value as close as the bar says.
        values: compared values.
        worst_error: largest relative error; NaN if nothing was compared.
        worst_row: where it occurs; -1 if nothing was compared.
        bar: what is asked of the table.
        met: whether the compared rows meet the bar; None where there are none.
        not_supported: why rows were not compared -> how many.
    """

    table: str
    rows: int
    compared: int
    agreeing: int
    values: int
    worst_error: float
    worst_row: int
    bar: str
    met: bool | None
    not_supported: Mapping[str, int]


class SocValidation(Validation[TableSummary]):
    """The report of :func:`validate_soc`."""


def validate_soc(reference_dir: str | Path, progress: Callable[[str], None] | None = None) -> SocValidation:
    """Compare every row of a reference directory that this version can simulate with mode ``farsi``.

    Args:
        reference_dir: the directory, laid out as this module's docstring says. Rows that cannot be read, or whose
            workload does not ship, are reported with the reason, not compared.
        progress: called with the name of each table before it is compared.

    Raises:
        InvalidInputError: no such directory, or nothing in it to compare, or a file that cannot be read.
    """
    expected = "farsi_rows.jsonl, hw_library.json or cacti_merged.json"
    found = compare_tables(reference_dir, _comparisons(), expected, progress)
    tables = tuple(_summary(table, compared) for table, compared in found.items())
    return SocValidation(str(reference_dir), tables, all_details(found))


def _comparisons() -> dict[str, Callable[[Path, str], Compared | None]]:
    designs = Designs()
    return {
        ROWS: designs.compare,
        OWN: lambda directory, table: designs.compare(directory, table, own=True),
        "hw_library": compare_library,
        "cacti_merged": compare_cacti,
    }


def _summary(table: str, found: Compared) -> TableSummary:
    rows = {detail.row for detail in found.details}
    agreeing = len(rows - found.disagreeing)
    worst = max(found.tolerated, key=lambda row: found.tolerated[row], default=-1)
    share = CLOSE_SHARE if table == OWN else 1.0
    return TableSummary(
        table=table,
        rows=found.rows,
        compared=len(rows),
        agreeing=agreeing,
        values=len(found.details),
        worst_error=found.tolerated.get(worst, math.nan),
        worst_row=worst,
        bar=BARS[table],
        met=False if found.unreadable else agreeing >= share * len(rows) if rows else None,
        not_supported=dict(found.refused),
    )
