"""Tables of the user's own: CSV or Parquet, one row per design, columns of parameters and of metrics.

Nothing but the rows is known of them, so the caller says which columns are metrics; all others are parameters. A
parameter's values are those that occur: numbers ascending, words in the order of their first occurrence.
The first valid row is the reference design. Columns ``valid`` and ``reason`` mean what they mean in our own tables,
as ``archgym evaluate`` writes them; without them a row is invalid where one of its metrics is missing or NaN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from simulators.errors import InvalidInputError, UnknownNameError
from simulators.metrics import Direction, Metric
from simulators.parameters import Parameter
from simulators.spaces import DesignSpace
from simulators.tabular.files import DESIGN, REASON, VALID, Rows, open_parquet
from simulators.tabular.header import Source, TableHeader
from simulators.tabular.table import StoredTable, blocks_of, collect

Metrics = Mapping[str, Direction] | Sequence[str]
"""Names of metric columns, with the direction that is better (a plain list: all are minimized)."""
_UNITS = {
    "gbit_per_s": "Gbit/s",
    "pj": "pJ",
    "nj": "nJ",
    "ns": "ns",
    "us": "us",
    "ms": "ms",
    "mw": "mW",
    "w": "W",
    "mm2": "mm2",
    "mhz": "MHz",
    "cycles": "cycles",
    "bytes": "bytes",
}
_NO_METRICS = "its metrics are missing"


def read_foreign_table(path: str | Path, metrics: Metrics) -> StoredTable:
    """Read a CSV (``.csv``, ``.csv.gz``) or Parquet file as a table.

    Args:
        path: the file.
        metrics: which columns are metrics, and which way each is better.

    Raises:
        InvalidInputError: an unreadable file, no parameters, an empty cell, no valid design, two rows of one
            design, or more designs than 64 bits can number.
        UnknownNameError: a metric that is no column, with the nearest name.
    """
    place = str(path)
    table = _read(Path(path))
    directions: dict[str, Direction] = (
        dict(metrics) if isinstance(metrics, Mapping) else dict.fromkeys(metrics, "minimize")
    )
    for name in directions:
        if name not in table.column_names:
            raise UnknownNameError(
                f"metric of {place}", name, [n for n in table.column_names if n not in (VALID, REASON)]
            )
    declared = tuple(Metric(name, unit_of(name), direction) for name, direction in directions.items())
    names = [name for name in table.column_names if name not in (*directions, VALID, REASON, DESIGN)]
    if not names or not declared or not table.num_rows:
        raise InvalidInputError(f"{place}: a table needs a parameter, a metric and a row at least")
    values, valid, reason = _results(table, declared, place)
    if not valid.any():
        raise InvalidInputError(f"{place}: every row is invalid; a table needs one valid design to refer to")
    space, indices = _space(table, names, int(np.argmax(valid)), place)
    if space.size > np.iinfo(np.int64).max:
        raise InvalidInputError(
            f"{place}: taken as parameters, {', '.join(names)} span {float(space.size):.3g} designs, more than can be "
            "numbered; name the columns that are results in metrics, or take them out of the file"
        )
    source = Source(citation=f"imported from {Path(path).name}")
    header = TableHeader(source, space, (), declared, {}, complete=table.num_rows == space.size)
    flat = np.array(space.flatten(indices), dtype=np.int64)
    order = np.argsort(flat, kind="stable")
    _refuse_repeats(flat, order, space, place)
    rows = Rows(flat[order], values[order], valid[order], tuple(reason[row] for row in order.tolist()))
    return collect(header, blocks_of(rows), None, place)


def unit_of(name: str) -> str:
    """Return the unit that a metric's name ends in, ``"1"`` where it ends in none."""
    return next((unit for suffix, unit in _UNITS.items() if name.endswith(f"_{suffix}")), "1")


def _read(path: Path) -> pa.Table:
    if path.name.lower().endswith(".parquet"):
        return open_parquet(path).read()
    try:
        return pa.csv.read_csv(path)
    except OSError as error:
        raise InvalidInputError(f"{path}: cannot read this table: {error.strerror or error}") from None
    except pa.ArrowException as error:
        raise InvalidInputError(f"{path}: this is neither a CSV nor a .parquet table: {error}") from None


def _results(table: pa.Table, metrics: Sequence[Metric], place: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return values ``[n, m]``, valid ``[n]`` and the reasons."""
    columns = []
    for metric in metrics:
        try:
            columns.append(pc.cast(table.column(metric.name), pa.float64()).to_numpy())
        except pa.ArrowException:
            kind = table.column(metric.name).type
            raise InvalidInputError(f"{place}: metric {metric.name!r} must be numbers, got {kind}") from None
    values = np.stack(columns, axis=1)
    valid = np.isfinite(values).all(axis=1)
    if VALID in table.column_names:
        said = np.array([str(cell).lower() == "true" for cell in table.column(VALID).to_pylist()])
        valid &= said
    values[~valid] = np.nan
    told = table.column(REASON).to_pylist() if REASON in table.column_names else [None] * len(valid)
    reason = ["" if good else str(text or _NO_METRICS) for good, text in zip(valid.tolist(), told, strict=True)]
    return values, valid, reason


def _space(table: pa.Table, names: Sequence[str], reference: int, place: str) -> tuple[DesignSpace, np.ndarray]:
    """Return the space of the values that occur, and the rows as indices ``[n, d]``."""
    parameters, columns = [], []
    for name in names:
        cells = table.column(name).to_pylist()
        if None in cells:
            raise InvalidInputError(f"{place}: row {cells.index(None)} has no value for parameter {name!r}")
        values = list(dict.fromkeys(cells))
        if not all(isinstance(value, bool | str) for value in values):
            values.sort()
        parameters.append(Parameter(name, values, cells[reference], unit=None))
        position = {value: index for index, value in enumerate(values)}
        columns.append([position[cell] for cell in cells])
    return DesignSpace(parameters, name=Path(place).name), np.array(columns, dtype=np.int64).T


def _refuse_repeats(flat: np.ndarray, order: np.ndarray, space: DesignSpace, place: str) -> None:
    """Name the first two rows that are one design."""
    same = np.flatnonzero(flat[order][1:] == flat[order][:-1])
    if same.size:
        first, second = int(order[same[0]]), int(order[same[0] + 1])
        design = space.describe(space.unflatten([int(flat[first])])[0])
        raise InvalidInputError(
            f"{place}: rows {first} and {second} (from 0) are the same design, {design}; remove one"
        )
