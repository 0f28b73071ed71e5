"""Comparison with the tables of the accelerator's reference results: compared values, rows that are not compared."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from simulators._agreement import Compared, Detail, Number, UnreadableRowError, read_number, read_packed
from simulators.accelerator._sram import (
    INTERPOLATED_FROM_BYTES,
    INTERPOLATION_BAR,
    SRAM_METRICS,
    SRAM_PORT_BITS,
    sram_curve,
    sram_nodes,
    sram_points,
)
from simulators.accelerator._timeloop_points import TimeloopPoint, point_metrics, read_point
from simulators.accelerator.architecture import stack
from simulators.accelerator.kernel import evaluate_points
from simulators.accelerator.kernel_layout import OK
from simulators.accelerator.technology import technology
from simulators.errors import InvalidInputError

ENERGY_BAR: Final = 1e-3
"""Relative error of energies against Timeloop's that is accepted."""
_PRINTED: Final = 0.00501
"""Half a unit of the second decimal, the last that Timeloop prints."""
_CACTI_COLUMNS: Final = ("read_pJ", "write_pJ", "area_mm2", "leak_mW", "cycle_ns")


# ---- Timeloop ---------------------------------------------------------------------------------------------------


def compare_timeloop(directory: Path, table: str) -> Compared | None:
    """Compare ``timeloop_points.json``; None if it is not there.

    Raises:
        InvalidInputError: a file that cannot be read.
    """
    text = read_packed(directory / f"{table}.json")
    if text is None:
        return None
    rows = _points(text, directory / table)
    found, readable = Compared(rows=len(rows)), {}
    for position, row in enumerate(rows):
        try:
            point = read_point(row)
            _check_result(row.get("result"))
            readable[position] = point
        except UnreadableRowError as error:
            found.cannot_read(position, error)
        except InvalidInputError as error:
            found.refuse(str(error))
    for position, ours in zip(readable, _evaluated(list(readable.values())), strict=True):
        _compare_point(found, Detail(table, position, "", 0, 0), rows[position]["result"], ours)
    return found


def _check_result(result: Any, path: str = "") -> None:
    """Raise UnreadableRowError if a point's result is none, or one of what is compared is text."""
    if not path and not isinstance(result, Mapping):
        raise UnreadableRowError("the point has no 'result'")
    for name, value in result.items():
        if isinstance(value, Mapping):
            _check_result(value, f"{path}{name}.")
        elif isinstance(value, str) and (_is_ours(f"{path}{name}") or _is_energy(f"{path}{name}")):
            raise UnreadableRowError(f"{path}{name} is {value!r}, expected a number")


def _points(text: str, file: Path) -> Sequence[Any]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise InvalidInputError(f"{file}: not JSON: {error}") from error
    points = content.get("points") if isinstance(content, dict) else content
    if not isinstance(points, list):
        raise InvalidInputError(f"{file}: expected an object with a list 'points'")
    return [point if isinstance(point, dict) else {} for point in points]


def _evaluated(points: Sequence[TimeloopPoint]) -> Iterator[dict[str, Number] | None]:
    """Return our results of points under the reference's names; None where we hold a mapping impossible."""
    if not points:
        return
    status, counts, results = evaluate_points(
        np.stack([point.layer.words for point in points]),
        np.stack([point.mapping.factors for point in points]),
        np.stack([point.mapping.orders for point in points]),
        stack([point.architecture for point in points]),
        repairs=0,
    )
    for point, code, count, result in zip(points, status.tolist(), counts, results, strict=True):
        yield point_metrics(point, count, result) if code == OK else None


def _compare_point(found: Compared, row: Detail, result: Mapping[str, Any], ours: Mapping[str, Number] | None) -> None:
    """Compare one point; ``ours`` is None where we hold it impossible, and then all its counts are NaN."""
    energies = mine = 0.0
    for path, expected in _leaves(result):
        got = math.nan if ours is None and _is_ours(path) else None if ours is None else ours.get(path)
        if got is None:
            continue
        if path.endswith(("energy_total_pJ", "mac_energy_pJ")):
            energies, mine = energies + expected, mine + float(got)
        detail = Detail(row.table, row.row, path, expected, got)
        found.add(detail, timeloop_agrees(detail), tolerated=_is_energy(path))
    if energies and abs(mine / energies - 1) > ENERGY_BAR:
        found.disagreeing.add(row.row)
        found.tolerated[row.row] = max(found.tolerated.get(row.row, 0.0), abs(mine / energies - 1))


def _leaves(result: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, int | float]]:
    for name, value in result.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{path}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{path}{name}", value


def _is_ours(path: str) -> bool:
    return path in ("cycles", "energy_uJ") or path.endswith((".reads", ".fills", ".updates"))


def _is_energy(path: str) -> bool:
    return path.endswith(("energy_total_pJ", "mac_energy_pJ", "energy_uJ"))


def timeloop_agrees(detail: Detail) -> bool:
    """Return whether a value is equal, or as close as the bar or Timeloop's two decimals allow."""
    difference = abs(float(detail.got) - float(detail.expected))
    if _is_energy(detail.metric):
        return difference <= max(ENERGY_BAR * abs(float(detail.expected)), _PRINTED)
    if detail.metric.endswith(("utilization", "throttle")):
        return difference <= _PRINTED
    return difference == 0


# ---- SCALE-Sim, CACTI, MAESTRO ----------------------------------------------------------------------------------


def compare_systolic(file: Path, table: str) -> Compared:
    """Compare a table of SCALE-Sim results, see ``simulators/accelerator/systolic/validation.py``.

    Raises:
        InvalidInputError: a file that cannot be read.
    """
    from simulators.accelerator.systolic.validation import agrees, compare_scalesim

    found = Compared(rows=len(_csv_rows(file.parent, table)))

    def refuse(row: int, error: InvalidInputError) -> None:
        if isinstance(error, UnreadableRowError):
            found.cannot_read(row, error)
        else:
            found.refuse(str(error))

    for item in compare_scalesim(file, refuse):
        found.add(replace(item, table=table), agrees(item.metric, item.expected, item.got))
    return found


def compare_cacti(directory: Path, table: str) -> Compared | None:
    """Compare a table of CACTI's SRAM macros; None if it is not there.

    Sizes and ports that our own table holds must be equal. Others are compared where the model interpolates: 64-bit
    ports between 8 kB and the largest size of a known node; there energies have a tolerance.
    """
    rows = _csv_rows(directory, table)
    if not rows and read_packed(directory / f"{table}.csv") is None:
        return None
    found = Compared(rows=len(rows))
    for position, row in enumerate(rows):
        try:
            node, size, port = (float(row[name]) for name in ("tech_nm", "kB", "width_bits"))
            _compare_macro(found, table, position, row, (int(node), 1024.0 * size, int(port)))
        except KeyError as error:
            found.cannot_read(position, f"column {error} is missing")
        except (TypeError, ValueError) as error:
            found.cannot_read(position, error)
    return found


def _compare_macro(
    found: Compared, table: str, position: int, row: Mapping[str, str], macro: tuple[int, float, int]
) -> None:
    node, size, port = macro
    reason = why_not_compared(node, size, port)
    if reason:
        found.refuse(reason)
        return
    own = any(p.complete and (p.size_bytes, p.port_bits) == (size, port) for p in sram_points(node))
    figures = technology(node).sram(size, port)
    for column, metric in zip(_CACTI_COLUMNS, SRAM_METRICS, strict=True):
        if not row.get(column):
            continue
        expected, got = read_number(row[column]), float(getattr(figures, metric))
        detail = Detail(table, position, column, expected, got)
        tolerated = not own and metric in ("read_pj", "write_pj")
        close = abs(got - float(expected)) <= INTERPOLATION_BAR * abs(float(expected))
        if own or tolerated:
            found.add(detail, got == expected if own else close, tolerated)
        else:
            found.details.append(detail)  # area, leakage and cycle time between the points have no bar


def why_not_compared(node_nm: int, size_bytes: float, port_bits: int) -> str:
    """Return why a macro is not compared, or nothing."""
    if node_nm not in sram_nodes():
        return f"{node_nm} nm is not tabulated"
    if any(point.size_bytes == size_bytes and point.port_bits == port_bits for point in sram_points(node_nm)):
        return ""
    if port_bits != SRAM_PORT_BITS:
        return f"ports of {port_bits} bits are known at tabulated sizes only"
    if not INTERPOLATED_FROM_BYTES <= size_bytes <= sram_curve(node_nm).sizes[-1]:
        return "64-bit ports are interpolated from 8 kB to 2 MB only"
    return ""


def refuse_all(directory: Path, table: str, reason: str) -> Compared | None:
    """Return a table of which nothing is compared; None if it is not there."""
    rows = _csv_rows(directory, table)
    return Compared(rows=len(rows), refused={reason: len(rows)}) if rows else None


def _csv_rows(directory: Path, table: str) -> list[dict[str, str]]:
    text = read_packed(directory / f"{table}.csv")
    return [] if text is None else list(csv.DictReader(text.splitlines()))
