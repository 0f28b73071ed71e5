"""Agreement of the memory controller with results of DRAMSys 4.0 in a reference directory.

Each table has the bar of its memory's standard, or that of power-down, see ``simulators/memory/_bars.py``; command
traces of golden runs must be equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from simulators._agreement import Detail, Number, Validation, read_number, unreadable_text
from simulators.audits import run_audits
from simulators.errors import InvalidInputError
from simulators.memory._bars import BARS, POWER_DOWN, Bar
from simulators.memory._reference import PARAMETERS, ReferenceDirectory, Row
from simulators.memory._reference_values import agree, reference_columns
from simulators.memory.kernel import Recording
from simulators.memory.kernel_codes import COMMANDS
from simulators.memory.kernel_state import ROW
from simulators.memory.kernel_trace import DecodedTrace
from simulators.memory.simulator import MemoryController
from simulators.spaces import Columns


@dataclass(frozen=True)
class TableSummary:
    """Agreement on one table, or on the golden runs.

    Attributes:
        table: file stem.
        rows: rows of the table.
        compared: rows that were simulated.
        exact: rows with the reference's makespan, to the cycle.
        identical: rows with every compared value equal.
        worst_makespan_error, worst_energy_error, worst_latency_error: largest relative errors, 0..; NaN if
            nothing was compared.
        makespan_within_1_percent, energy_within_1_percent, latency_within_2_percent: shares of the compared rows.
        kind: which bar holds: the memory's standard, or ``power-down``.
        met: whether the bar is met by the compared rows, and every row can be read; None where there are none.
        not_supported: why rows were not compared -> how many.
    """

    table: str
    rows: int
    compared: int
    exact: int
    identical: int
    worst_makespan_error: float
    worst_energy_error: float
    worst_latency_error: float
    makespan_within_1_percent: float
    energy_within_1_percent: float
    latency_within_2_percent: float
    kind: str
    met: bool | None
    not_supported: Mapping[str, int]

    @property
    def bar(self) -> str:
        """What is asked of the table, in words; empty where nothing is."""
        return BARS.get(self.kind, Bar()).text()


class MemoryValidation(Validation[TableSummary]):
    """The report of :func:`validate_memory`."""

    @property
    def bar(self) -> str:
        """The bars of the tables, in words: those of their kinds."""
        kinds = {table.kind for table in self.tables}
        return "; ".join(f"{kind}: {bar.text()}" for kind, bar in BARS.items() if kind in kinds)


def validate_memory(reference_dir: str | Path, progress: Callable[[str], None] | None = None) -> MemoryValidation:
    """Simulate every row of a reference directory that this version can simulate and compare.

    Args:
        reference_dir: the directory; see ``simulators/memory/_reference.py`` for its layout. Missing files and
            rows of memories or policies that are not supported are reported, not compared.
        progress: called with the name of each table before it is simulated.

    Raises:
        InvalidInputError: no such directory, or nothing in it to compare, or a file that cannot be read.
    """
    directory = ReferenceDirectory(Path(reference_dir))
    names = directory.tables()
    runs = [run for run in directory.golden() if {"name", "trace", "config"} <= run.keys()]
    if not names and not runs:
        raise InvalidInputError(
            f"{reference_dir}: holds no dramsys_*.csv and no golden/index.json. Expected a directory laid out as "
            "described in simulators/memory/_reference.py."
        )
    tables: list[TableSummary] = []
    details: list[Detail] = []
    for name in names:
        if progress is not None:
            progress(name)
        tables.append(_validate_rows(directory, name, directory.rows(name), details))
    if runs:
        if progress is not None:
            progress("golden")
        rows = [{**run["config"], **run.get("result", {}), "trace": run["trace"]} for run in runs]
        tables.append(_validate_rows(directory, "index", rows, details, "golden"))
        tables.append(_validate_golden(directory, runs, details))
    return MemoryValidation(str(reference_dir), tuple(tables), tuple(details))


# ---- tables of results ------------------------------------------------------------------------------------------


def _validate_rows(
    directory: ReferenceDirectory, table: str, rows: Sequence[Row], details: list[Detail], inputs: str = ""
) -> TableSummary:
    """Compare one table; ``inputs`` is its name in ``tables.json`` where that differs."""
    reasons: dict[str, int] = {}
    try:
        controller = directory.controller(inputs or table)
    except InvalidInputError as error:
        return _summary(table, len(rows), [], {str(error): len(rows)}, "")
    usable: dict[str, list[int]] = {}
    damaged: dict[int, str] = {}
    numbers = {declared.name for declared in controller.inputs if type(declared.default) in (int, float)}
    for position, row in enumerate(rows):
        damage = _damage(row, [theirs for theirs, ours in PARAMETERS.items() if ours in numbers])
        reason = "" if damage else _why_not(row, controller)
        if damage:
            damaged[position] = damage
        elif reason:
            reasons[reason] = reasons.get(reason, 0) + 1
        else:
            usable.setdefault(str(row["trace"]), []).append(position)
    found: dict[int, list[Detail]] = {}
    for name, positions in usable.items():
        trace = directory.trace(name, controller, inputs or table)
        if trace is None:
            reasons[f"trace {name} is not in the directory"] = len(positions)
            continue
        columns = controller.check_columns(_columns([rows[p] for p in positions], controller))
        for position, ours in zip(positions, _results(controller, columns, trace), strict=True):
            damage = _damage(rows[position], ours or ())
            if damage:
                damaged[position] = damage
            else:
                found[position] = list(_compare(table, position, rows[position], ours))
    reasons.update({unreadable_text(row, why): 1 for row, why in sorted(damaged.items())})
    compared = [found[position] for position in sorted(found)]
    details.extend(detail for row_details in compared for detail in row_details)
    sleeps = any(row.get("PowerDownPolicy", "NoPowerDown") != "NoPowerDown" for row in rows)
    summary = _summary(table, len(rows), compared, reasons, POWER_DOWN if sleeps else controller.memory.standard)
    return replace(summary, met=False) if damaged else summary


def _results(
    controller: MemoryController, columns: Columns, trace: DecodedTrace
) -> Iterator[Mapping[str, Number] | None]:
    """Return our results of checked designs under the reference's names; None where we hold a design impossible."""
    possible = np.array([not reason for reason in controller.refusals(columns)])
    some = {name: column[possible] for name, column in columns.items()}
    outputs = controller.kernel_outputs(some, trace)
    evaluation = controller.evaluation_of(outputs, some, trace)
    run_audits(controller.audits, evaluation, controller.name)
    index = 0
    for row, is_possible in enumerate(possible.tolist()):
        if not is_possible:
            yield None
            continue
        # DRAMSys prints its bandwidth before the Simple arbiter has released the last answer.
        uncounted = int(columns["arbiter"][row] == "Simple")
        metrics = evaluation.row(index)
        valid = bool(evaluation.valid[index])
        yield reference_columns(metrics, outputs[index], controller, uncounted) if valid else None
        index += 1


def _damage(row: Row, columns: Iterable[str]) -> str:
    """Return which of these columns, that hold numbers, holds none in this row, or nothing; blanks are allowed."""
    bad = [column for column in columns if isinstance(read_number(row.get(column)), str)]
    return f"{bad[0]} is {row[bad[0]]!r}, expected a number" if bad else ""


def _why_not(row: Row, controller: MemoryController) -> str:
    """Return why a row cannot be simulated, or nothing."""
    if not row.get("trace"):
        return "there is no column trace, or it is blank"
    try:
        controller.check_columns(_columns([row], controller))
    except InvalidInputError as error:
        return str(error).removeprefix("row 0: ")
    return ""


def _columns(rows: Sequence[Row], controller: MemoryController) -> dict[str, list[Any]]:
    """Return the designs of rows as columns; a parameter that a row lacks or leaves blank takes its default."""
    defaults = {declared.name: declared.default for declared in controller.inputs}
    return {ours: [row.get(theirs) or defaults[ours] for row in rows] for theirs, ours in PARAMETERS.items()}


def _compare(table: str, position: int, row: Row, ours: Mapping[str, Number] | None) -> Iterator[Detail]:
    """Compare one row; ``ours`` is None where we hold it impossible, and then every value of the row is NaN."""
    if ours is None:
        for metric in row:
            if metric not in PARAMETERS and metric not in ("config_id", "trace"):
                yield Detail(table, position, metric, read_number(row[metric] or "nan"), math.nan)
        return
    counted = any(name.startswith("n_BEGIN_") for name in row)  # then a command without a column never happened
    for metric, got in ours.items():
        if metric in row or (counted and metric.startswith(("n_BEGIN_", "n_END_"))):
            if isinstance(got, float) and math.isnan(got) and not row.get(metric):
                continue  # neither side has the value
            yield Detail(table, position, metric, read_number(row.get(metric)), got)


def _summary(
    table: str, rows: int, compared: Sequence[list[Detail]], reasons: Mapping[str, int], kind: str
) -> TableSummary:
    makespan = _errors(compared, "total_time_ps")
    energy = _errors(compared, "total_energy_pJ")
    latency = _errors(compared, "avg_lat_ns")
    exact = sum(error == 0 for error in makespan)
    bar = BARS.get(kind, Bar())
    return TableSummary(
        table=table,
        rows=rows,
        compared=len(compared),
        exact=exact,
        identical=sum(all(_agrees(detail) for detail in row) for row in compared),
        worst_makespan_error=max(makespan, default=math.nan),
        worst_energy_error=max(energy, default=math.nan),
        worst_latency_error=max(latency, default=math.nan),
        makespan_within_1_percent=_share(makespan, 0.01),
        energy_within_1_percent=_share(energy, 0.01),
        latency_within_2_percent=_share(latency, 0.02),
        kind=kind,
        met=bar.is_met(len(compared), exact, makespan, energy, latency) if compared else None,
        not_supported=dict(reasons),
    )


def _share(errors: Sequence[float], limit: float) -> float:
    return sum(error <= limit for error in errors) / len(errors) if errors else math.nan


def _agrees(detail: Detail) -> bool:
    return agree(detail.metric, detail.expected, detail.got)


def _errors(compared: Iterable[list[Detail]], metric: str) -> list[float]:
    """Return the relative errors of one metric; infinite where we have none."""
    errors = []
    for row in compared:
        for detail in row:
            if detail.metric == metric and isinstance(detail.expected, int | float) and detail.expected:
                both_invalid = math.isnan(detail.expected) and math.isnan(float(detail.got))
                error = 0.0 if both_invalid else abs(float(detail.got) / detail.expected - 1)
                errors.append(math.inf if math.isnan(error) else error)
    return errors


# ---- golden runs ------------------------------------------------------------------------------------------------


def _validate_golden(directory: ReferenceDirectory, runs: Sequence[Row], details: list[Detail]) -> TableSummary:
    """Compare command traces and request times; ``exact`` counts runs whose commands are all equal."""
    controller = directory.controller("golden")
    reasons: dict[str, int] = {}
    compared = exact = identical = 0
    for run in runs:
        stem = f"{run['name']}.{run['trace']}"
        trace = directory.trace(run["trace"], controller, "golden")
        commands = directory.rows(f"golden/{stem}.cmd")
        times = directory.rows(f"golden/{stem}.req")
        reason = _why_not({**run["config"], "trace": run["trace"]}, controller) or (
            "" if trace is not None and commands else "trace or commands are not there"
        )
        if trace is None or reason:
            reasons[reason] = reasons.get(reason, 0) + 1
            continue
        recording = controller.record(controller.check_columns(_columns([run["config"]], controller)), trace)
        of_commands = list(_compare_lines(f"{stem}.cmd", commands, _command_lines(recording, trace)))
        of_times = list(_compare_lines(f"{stem}.req", times, _time_lines(recording))) if times else []
        details.extend((*of_commands, *of_times))
        compared, same = compared + 1, all(_agrees(detail) for detail in of_commands)
        exact += same
        identical += same and all(_agrees(detail) for detail in of_times)
    nan = math.nan
    met = exact == compared if compared else None
    shares = (nan, nan, nan)
    return TableSummary("golden", len(runs), compared, exact, identical, nan, nan, nan, *shares, "golden", met, reasons)


def _compare_lines(table: str, expected: Sequence[Row], got: Sequence[Mapping[str, Number]]) -> Iterator[Detail]:
    """Compare line by line; a line that only one side has is compared with NaN."""
    metrics = tuple(got[0]) if got else ()
    for position in range(max(len(expected), len(got))):
        theirs = expected[position] if position < len(expected) else {}
        ours = got[position] if position < len(got) else {}
        for metric in metrics:
            yield Detail(table, position, metric, read_number(theirs.get(metric, "nan")), ours.get(metric, math.nan))


def _command_lines(recording: Recording, trace: DecodedTrace) -> list[dict[str, Number]]:
    """Return the command trace as the golden files write it; commands to all banks have bank and row 0."""
    lines: list[dict[str, Number]] = []
    rows = trace.word(ROW)
    for cycle, command, bank, request in recording.commands.tolist():
        row = int(rows[request]) if request >= 0 else 0
        lines.append({"cycle": cycle, "command": COMMANDS[command], "bank": bank, "row": row})
    return lines


def _time_lines(recording: Recording) -> list[dict[str, Number]]:
    names = ("sent_cycle", "endreq_cycle", "resp_cycle")
    return [dict(zip(names, times, strict=True)) for times in recording.requests.tolist()]
