"""Agreement of the accelerator simulators with measured results of Timeloop, SCALE-Sim and CACTI in a directory.

``timeloop_points.json``
    ``{"points": [...]}``: a layer, an architecture, a mapping and what ``timeloop-model`` measured; see
    ``simulators/accelerator/_timeloop_points.py``
``scalesim_points.csv``
    one array, layer and dataflow per row; see ``simulators/accelerator/systolic/validation.py``
``cacti_sram_energy.csv``
    one SRAM macro per row: ``tech_nm, kB, width_bits, read_pJ, write_pJ, area_mm2, leak_mW, cycle_ns``
``maestro_points.csv``
    listed, not compared

Any file may be missing or gzip-compressed, with ``.gz`` added to its name. Beside the directory's tables the report
says how well SRAM sizes left out of our own table are interpolated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from simulators._agreement import Compared, Validation, all_details, compare_tables, find_packed, plain_numbers
from simulators.accelerator._reference_tables import (
    ENERGY_BAR,
    compare_cacti,
    compare_systolic,
    compare_timeloop,
    refuse_all,
)
from simulators.accelerator.technology import (
    INTERPOLATION_BAR,
    NODES_NM,
    SRAM_METRICS,
    HeldOutPoint,
    leave_one_out,
)

BARS: Final = {
    "timeloop_points": f"every count and cycle equal, every energy within {ENERGY_BAR:.1%}",
    "scalesim_points": "every compared column equal",
    "cacti_sram_energy": f"tabulated macros equal, energies of others within {INTERPOLATION_BAR:.0%}",
}
"""Table -> the bar that holds for it."""
_NO_MAESTRO: Final = (
    "MAESTRO's model is not implemented; the energy it prints leaves out MACs, DRAM and sometimes the L1 buffer"
)
_HELD_OUT_METRICS: Final = SRAM_METRICS[:3]


@dataclass(frozen=True)
class TableSummary:
    """Agreement on one table.

    Attributes:
        table: file stem.
        rows: rows of the table.
        compared: rows that were simulated.
        agreeing: rows with every compared value within the bar.
        values: compared values.
        worst_error: largest relative error, 0.., of values that must be equal; NaN if there are none.
        worst_energy_error: largest relative error of values that have a tolerance; NaN if there are none.
        bar: what is asked of the table.
        met: whether the compared rows meet the bar and every row can be read; None where there are none of either.
        not_supported: why rows were not compared -> how many.
    """

    table: str
    rows: int
    compared: int
    agreeing: int
    values: int
    worst_error: float
    worst_energy_error: float
    bar: str
    met: bool | None
    not_supported: Mapping[str, int]


@dataclass(frozen=True)
class HeldOutSummary:
    """How well SRAM sizes left out of our table, one at a time, are interpolated from their neighbours.

    The ends, 8 kB and 2 MB, are not left out.

    Attributes:
        node_nm: technology node.
        metric: ``read_pj``, ``write_pj`` or ``area_mm2``.
        sizes: how many were left out.
        within_bar: how many of them are within 12 %.
        worst_error: largest relative error by magnitude, with its sign.
        worst_size_bytes: the size where it occurs.
    """

    node_nm: int
    metric: str
    sizes: int
    within_bar: int
    worst_error: float
    worst_size_bytes: int


@dataclass(frozen=True)
class AcceleratorValidation(Validation[TableSummary]):
    """The report of :func:`validate_accelerator`."""

    held_out: tuple[HeldOutSummary, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the summary (without details) as JSON-serialisable data; NaN and infinity as None."""
        return {**super().to_json(), "held_out": [plain_numbers(asdict(summary)) for summary in self.held_out]}


def validate_accelerator(
    reference_dir: str | Path, progress: Callable[[str], None] | None = None
) -> AcceleratorValidation:
    """Compare every row of a reference directory that this version can simulate.

    Args:
        reference_dir: the directory, laid out as this module's docstring says. Rows that the models cannot express are
            reported with the reason, not compared; with rows that cannot be read the table's bar is missed.
        progress: called with the name of each table before it is compared.

    Raises:
        InvalidInputError: no such directory, or nothing in it to compare, or a file that cannot be read.
    """
    expected = "timeloop_points.json, scalesim_points.csv or cacti_sram_energy.csv"
    found = compare_tables(reference_dir, _COMPARISONS, expected, progress)
    tables = tuple(_summary(table, compared) for table, compared in found.items())
    return AcceleratorValidation(str(reference_dir), tables, all_details(found), held_out_summaries())


def held_out_summaries() -> tuple[HeldOutSummary, ...]:
    """Return the errors of sizes left out of our SRAM table, by node and metric; no reference is needed."""
    return tuple(
        _held_out(node, metric, [p for p in leave_one_out(node) if p.metric == metric and p.interior])
        for node in NODES_NM
        for metric in _HELD_OUT_METRICS
    )


def _held_out(node_nm: int, metric: str, points: list[HeldOutPoint]) -> HeldOutSummary:
    worst = max(points, key=lambda point: abs(point.relative_error))
    within = sum(abs(point.relative_error) <= INTERPOLATION_BAR for point in points)
    return HeldOutSummary(node_nm, metric, len(points), within, worst.relative_error, worst.size_bytes)


def _summary(table: str, found: Compared) -> TableSummary:
    rows = {detail.row for detail in found.details}
    return TableSummary(
        table=table,
        rows=found.rows,
        compared=len(rows),
        agreeing=len(rows - found.disagreeing),
        values=len(found.details),
        worst_error=max(found.errors.values(), default=math.nan),
        worst_energy_error=max(found.tolerated.values(), default=math.nan),
        bar=BARS.get(table, ""),
        met=found.met,
        not_supported=dict(found.refused),
    )


def _systolic(directory: Path, table: str) -> Compared | None:
    file = find_packed(directory / f"{table}.csv")
    return None if file is None else compare_systolic(file, table)


def _maestro(directory: Path, table: str) -> Compared | None:
    return refuse_all(directory, table, _NO_MAESTRO)


_COMPARISONS: Final[Mapping[str, Callable[[Path, str], Compared | None]]] = {
    "timeloop_points": compare_timeloop,
    "scalesim_points": _systolic,
    "cacti_sram_energy": compare_cacti,
    "maestro_points": _maestro,
}
