"""Agreement of the memory controller with results of DRAMSys 4.0 in a reference directory.

The bar, on DDR3 without power-down: at least 99 % of rows cycle-exact, makespan and energy within 0.5 % on every
row, average latency within 2 % on 99 % of rows; command traces of golden runs equal.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from simulators.errors import InvalidInputError
from simulators.evaluation import Evaluation
from simulators.memory._reference import PARAMETERS, ReferenceDirectory, Row
from simulators.memory.kernel import Recording
from simulators.memory.kernel_codes import COMMANDS
from simulators.memory.kernel_state import ROW
from simulators.memory.kernel_trace import DecodedTrace
from simulators.memory.simulator import MemoryController

Number = int | float | str

BAR: Final = (
    "99 % of rows cycle-exact, makespan and energy within 0.5 % on every row, latency within 2 % on 99 % of rows"
)


@dataclass(frozen=True)
class Detail:
    """One compared value: ``row`` of ``table`` counts from 0; ``metric`` is the reference's column name."""

    table: str
    row: int
    metric: str
    expected: Number
    got: Number


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
        latency_within_2_percent: share of the compared rows.
        met: whether the bar is met by the compared rows; None where there are none.
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
    latency_within_2_percent: float
    met: bool | None
    not_supported: Mapping[str, int]


@dataclass(frozen=True)
class MemoryValidation:
    """The report of :func:`validate_memory`."""

    reference: str
    bar: str
    tables: tuple[TableSummary, ...]
    details: tuple[Detail, ...]

    @property
    def passed(self) -> bool:
        """Whether something was compared and every compared table meets the bar."""
        verdicts = [table.met for table in self.tables if table.met is not None]
        return bool(verdicts) and all(verdicts)

    def to_json(self) -> dict[str, Any]:
        """Return the summary (without details) as JSON-serialisable data; NaN as None."""
        tables = [
            {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(table).items()}
            for table in self.tables
        ]
        return {"reference": self.reference, "bar": self.bar, "passed": self.passed, "tables": tables}

    def write_details(self, path: str | Path) -> None:
        """Write ``table,row,metric,expected,got``, one line per compared value, numbers in full precision."""
        with open(path, "w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file, lineterminator="\n")
            lines.writerow(("table", "row", "metric", "expected", "got"))
            for d in self.details:
                lines.writerow((d.table, d.row, d.metric, _exact_text(d.expected), _exact_text(d.got)))


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
    names, runs = directory.tables(), directory.golden()
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
        rows = [{**run["config"], **run["result"], "trace": run["trace"]} for run in runs]
        tables.append(_validate_rows(directory, "index", rows, details, "golden"))
        tables.append(_validate_golden(directory, runs, details))
    return MemoryValidation(str(reference_dir), BAR, tuple(tables), tuple(details))


# ---- tables of results ------------------------------------------------------------------------------------------


def _validate_rows(
    directory: ReferenceDirectory, table: str, rows: Sequence[Row], details: list[Detail], inputs: str = ""
) -> TableSummary:
    """Compare one table; ``inputs`` is its name in ``tables.json`` where that differs."""
    reasons: dict[str, int] = {}
    try:
        controller = directory.controller(inputs or table)
    except InvalidInputError as error:
        return _summary(table, len(rows), [], {str(error): len(rows)})
    usable: dict[str, list[int]] = {}
    for position, row in enumerate(rows):
        reason = _why_not(row)
        if reason:
            reasons[reason] = reasons.get(reason, 0) + 1
        else:
            usable.setdefault(str(row["trace"]), []).append(position)
    found: dict[int, list[Detail]] = {}
    for name, positions in usable.items():
        trace = directory.trace(name, controller, inputs or table)
        if trace is None:
            reasons[f"trace {name} is not in the directory"] = len(positions)
            continue
        evaluation = controller.simulate(_columns([rows[p] for p in positions]), trace)
        for index, position in enumerate(positions):
            found[position] = list(_compare(table, position, rows[position], evaluation, index, controller))
    compared = [found[position] for position in sorted(found)]
    details.extend(detail for row_details in compared for detail in row_details)
    return _summary(table, len(rows), compared, reasons)


def _why_not(row: Row) -> str:
    """Return why a row cannot be simulated, or nothing."""
    if row.get("PowerDownPolicy", "NoPowerDown") != "NoPowerDown":
        return f"PowerDownPolicy {row['PowerDownPolicy']} is not supported"
    try:
        MemoryController().check_columns(_columns([row]))
    except InvalidInputError as error:
        return str(error)
    return ""


def _columns(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """Return the designs of rows as columns; a parameter that the table lacks takes its default."""
    present = [theirs for theirs in PARAMETERS if theirs in rows[0]]
    return {PARAMETERS[theirs]: [row[theirs] for row in rows] for theirs in present}


def _compare(
    table: str, position: int, row: Row, evaluation: Evaluation, index: int, controller: MemoryController
) -> Iterator[Detail]:
    # DRAMSys prints its bandwidth before the Simple arbiter has released the last answer.
    uncounted = int(row.get("Arbiter", "Simple") == "Simple")
    ours = _reference_columns(evaluation.row(index), controller, uncounted)
    for metric, got in ours.items():
        if metric in row or metric.startswith("n_BEGIN_"):
            yield Detail(table, position, metric, _number(row.get(metric)), got)


def _reference_columns(metrics: Mapping[str, float], controller: MemoryController, uncounted: int) -> dict[str, Number]:
    """Return our metrics under the reference's column names and in its units."""
    memory, requests = controller.memory, metrics["requests"]
    makespan_ps = _whole(metrics["makespan_ns"] * 1000)
    served = (requests - uncounted) * memory.burst_cycles * memory.cycle_ns
    cycles = {name: metrics[f"{name}_time_ns"] / memory.cycle_ns for name in ("active", "precharged")}
    reads, writes = metrics["read_auto_precharge_commands"], metrics["write_auto_precharge_commands"]
    counts = {
        "ACT": metrics["activate_commands"],
        "PRE": metrics["precharge_commands"],
        "RD": metrics["read_commands"] - reads,
        "RDA": reads,
        "WR": metrics["write_commands"] - writes,
        "WRA": writes,
        "PREA": metrics["precharge_all_commands"],
        "REFA": metrics["refresh_commands"],
    }
    return {
        "total_energy_pJ": metrics["energy_pj"],
        "avg_power_mW": metrics["average_power_mw"],
        "total_time_ps": makespan_ps,
        "avg_bw_Gbps": served / metrics["makespan_ns"] * memory.peak_bandwidth_gbit_per_s,
        "n_req": _whole(requests),
        "avg_lat_ns": metrics["average_latency_ns"],
        "avg_lat_from_accept_ns": metrics["average_latency_from_accept_ns"],
        "p50_lat_ns": metrics["median_latency_ns"],
        "p95_lat_ns": metrics["p95_latency_ns"],
        "max_lat_ns": metrics["max_latency_ns"],
        "e_act_pJ": metrics["activate_energy_pj"],
        "e_pre_pJ": metrics["precharge_energy_pj"],
        "e_rd_pJ": metrics["read_energy_pj"],
        "e_wr_pJ": metrics["write_energy_pj"],
        "e_ref_pJ": metrics["refresh_energy_pj"],
        "e_actstdby_pJ": metrics["active_background_energy_pj"],
        "e_prestdby_pJ": metrics["precharged_background_energy_pj"],
        "act_cycles": _whole(cycles["active"]),
        "pre_cycles": _whole(cycles["precharged"]),
        **{f"n_BEGIN_{command}": _whole(count) for command, count in counts.items()},
    }


def _summary(table: str, rows: int, compared: Sequence[list[Detail]], reasons: Mapping[str, int]) -> TableSummary:
    makespan = _errors(compared, "total_time_ps")
    energy = _errors(compared, "total_energy_pJ")
    latency = _errors(compared, "avg_lat_ns")
    exact, close = sum(error == 0 for error in makespan), sum(error <= 0.02 for error in latency)
    within = close / len(latency) if latency else math.nan
    met = None
    if compared:
        small = all(error <= 0.005 for error in (*makespan, *energy))
        met = exact >= 0.99 * len(compared) and small and not within < 0.99
    return TableSummary(
        table=table,
        rows=rows,
        compared=len(compared),
        exact=exact,
        identical=sum(all(_agrees(detail) for detail in row) for row in compared),
        worst_makespan_error=max(makespan, default=math.nan),
        worst_energy_error=max(energy, default=math.nan),
        worst_latency_error=max(latency, default=math.nan),
        latency_within_2_percent=within,
        met=met,
        not_supported=dict(reasons),
    )


def _errors(compared: Iterable[list[Detail]], metric: str) -> list[float]:
    """Return the relative errors of one metric; infinite where we have none."""
    errors = []
    for row in compared:
        for detail in row:
            if detail.metric == metric and isinstance(detail.expected, int | float) and detail.expected:
                error = abs(float(detail.got) / detail.expected - 1)
                errors.append(math.inf if math.isnan(error) else error)
    return errors


_ROUNDED: Final = {"avg_power_mW": 0.00501, "avg_bw_Gbps": 0.00501}
"""Columns the reference prints with two decimals, and half a unit of the last one."""


def _agrees(detail: Detail) -> bool:
    if isinstance(detail.expected, str) or isinstance(detail.got, str):
        return detail.expected == detail.got
    slack = _ROUNDED.get(detail.metric, 1e-6 * abs(detail.expected) if isinstance(detail.expected, float) else 0.0)
    return abs(detail.got - detail.expected) <= slack


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
        reason = _why_not(run["config"]) or (
            "" if trace is not None and commands else "trace or commands are not there"
        )
        if trace is None or reason:
            reasons[f"{stem}: {reason}"] = 1
            continue
        recording = controller.record(controller.check_columns(_columns([run["config"]])), trace)
        of_commands = list(_compare_lines(f"{stem}.cmd", commands, _command_lines(recording, trace)))
        of_times = list(_compare_lines(f"{stem}.req", times, _time_lines(recording)))
        details.extend((*of_commands, *of_times))
        compared, same = compared + 1, all(_agrees(detail) for detail in of_commands)
        exact += same
        identical += same and all(_agrees(detail) for detail in of_times)
    nan = math.nan
    met = exact == compared if compared else None
    return TableSummary("golden", len(runs), compared, exact, identical, nan, nan, nan, nan, met, reasons)


def _compare_lines(table: str, expected: Sequence[Row], got: Sequence[Mapping[str, Number]]) -> Iterator[Detail]:
    """Compare line by line; a line that only one side has is compared with NaN."""
    metrics = tuple(got[0]) if got else ()
    for position in range(max(len(expected), len(got))):
        theirs = expected[position] if position < len(expected) else {}
        ours = got[position] if position < len(got) else {}
        for metric in metrics:
            yield Detail(table, position, metric, _number(theirs.get(metric, "nan")), ours.get(metric, math.nan))


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


# ---- numbers ----------------------------------------------------------------------------------------------------


def _number(value: Any) -> Number:
    """Return a reference value: blank means 0; text that is no number stays text."""
    if value is None or value == "":
        return 0
    text = str(value)
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _whole(value: float) -> Number:
    """Return a count that was kept as a float as an integer; NaN stays."""
    return value if math.isnan(value) else int(np.rint(value))


def _exact_text(value: Number) -> str:
    return "nan" if isinstance(value, float) and math.isnan(value) else repr(value).strip("'")
