"""Evaluating a table of designs: one row of metrics per design, in order, without a search.

Any design the simulator can express is evaluated, whether or not a search space contains it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from archgym_envs import make_problem
from experiments.tables import Table, check_writable, read_table, table_format, write_table
from simulators import Evaluation, InvalidInputError, Problem, Simulator

BATCH = 1024
"""Most designs per call of the simulator: enough that calling it costs nothing."""
FIRST_BATCH = 8
"""Designs of the first call; how long it takes decides the next, see :func:`next_batch`."""
BATCH_SECONDS = 1.0
"""What a call should take, so that progress moves."""
VALID, REASON = "valid", "reason"
_ROW = re.compile(r"\brow \d+")


def evaluate_file(
    environment: str,
    designs: Path,
    output: Path,
    workload: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[int, int]:
    """Evaluate the table in ``designs`` and write the table ``output``.

    The output has the input's columns, then the simulator's metrics, ``valid`` and ``reason``. From and to CSV the
    input's cells come back as they were; Parquet and JSON Lines get typed values.

    Args:
        environment: id whose simulator evaluates.
        designs, output: CSV, Parquet or JSON Lines by suffix; missing columns take the simulator's defaults.
        workload: a name or a file; None: the environment's default.
        arguments: further arguments of the environment (mode, memory, space ...).
        progress: called with (designs done, designs in all) after each batch, about every second.

    Returns:
        How many designs were evaluated and how many of them are invalid.

    Raises:
        UnknownNameError: environment, argument, workload or column, with the nearest.
        InvalidInputError: a value that cannot be used (row and column), or a file that cannot be read or written;
            ``output`` and ``designs`` are one file; ``workload`` and ``arguments`` say different workloads.
    """
    table_format(output)
    if _same_file(designs, output):
        raise InvalidInputError(f"{output}: the output would overwrite the designs; choose another --output")
    table = read_table(designs)
    chosen = chosen_arguments(workload, arguments)
    problem = make_problem(environment, **chosen)
    checked = check_designs(problem.simulator, table, str(designs))
    check_writable(output)
    evaluation = simulate_in_batches(problem, checked, table.rows, progress)
    echo = table.columns if table_format(output) == "csv" else {name: checked[name].tolist() for name in table.columns}
    write_table(output, result_table(echo, evaluation))
    return table.rows, int((~evaluation.valid).sum())


def chosen_arguments(workload: str | None, arguments: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return an environment's arguments, its workload among them unless it is None.

    Raises:
        InvalidInputError: the arguments say another workload.
    """
    chosen = dict(arguments or {})
    if workload is not None and str(chosen.setdefault("workload", workload)) != workload:
        raise InvalidInputError(
            f"two workloads: --workload {workload} and --set workload={chosen['workload']}; leave one of them out"
        )
    return chosen


def check_designs(simulator: Simulator, table: Table, source: str) -> dict[str, np.ndarray]:
    """Return the complete, typed columns of a table, one array ``[rows]`` per input of the simulator.

    Raises:
        InvalidInputError: an unknown column (with the nearest name), a missing or impossible value (row and column).
    """
    known = {declared.name: declared for declared in simulator.inputs}
    try:
        for name, values in table.columns.items():
            _check_cells(name, values)
        if table.columns:
            checked = simulator.check_columns({name: _as_array(values) for name, values in table.columns.items()})
        else:
            checked = {name: np.full(table.rows, declared.default) for name, declared in known.items()}
    except InvalidInputError as error:
        counted = " (rows count from 0)" if _ROW.search(str(error)) else ""
        raise InvalidInputError(f"{source}: {error}{counted}") from None
    return checked


def _same_file(first: Path, second: Path) -> bool:
    """Whether both paths lead to one file, through links as well."""
    try:
        return first.resolve() == second.resolve() or first.samefile(second)
    except (OSError, RuntimeError):  # One of them does not exist, or is a loop of links.
        return False


def _check_cells(name: str, values: Sequence[Any]) -> None:
    for row, value in enumerate(values):
        if value is None or value == "":
            raise InvalidInputError(f"row {row}: {name!r} has no value; leave the whole column out to use its default")
        if not isinstance(value, bool | int | float | str):
            raise InvalidInputError(f"row {row}: {name!r} must be text, a number or a boolean, got {value!r}")


def _as_array(values: Sequence[Any]) -> np.ndarray:
    """Return the cells as an array; cells of mixed kinds become text, which simulators read."""
    kinds = {type(value) for value in values}
    if len(kinds) == 1 or kinds == {int, float}:
        array = np.array(values)
        if array.dtype != object:  # An integer beyond 64 bits is an object to numpy.
            return array
    return np.array([_spelled(value) for value in values], dtype=str)


def _spelled(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def simulate_in_batches(
    problem: Problem,
    checked: Mapping[str, np.ndarray],
    rows: int,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Evaluate checked columns of ``rows`` designs; an empty table gives an empty evaluation.

    Batches take about BATCH_SECONDS each; rows do not influence one another, so their sizes change no result.
    """
    metrics = problem.simulator.metrics
    parts = [Evaluation.of_valid(metrics, np.empty((0, len(metrics))))] if not rows else []
    done, size = 0, FIRST_BATCH
    while done < rows:
        batch = {name: values[done : done + size] for name, values in checked.items()}
        began = time.perf_counter()
        parts.append(problem.simulator.evaluate_checked(batch, problem.workload))
        done = min(done + size, rows)
        size = next_batch(size, time.perf_counter() - began)
        if progress is not None:
            progress(done, rows)
    return Evaluation.concatenate(parts)


def next_batch(size: int, seconds: float) -> int:
    """Return how many designs to evaluate after ``size`` of them took ``seconds``: 1 to BATCH, at most 8 times as many.

    The first call may take longer than others (compiling, preparing), and some designs are faster than others.
    """
    fitting = size * BATCH_SECONDS / max(seconds, 1e-9)
    return int(max(1, min(fitting, 8 * size, BATCH)))


def result_table(designs: Mapping[str, Sequence[Any]], evaluation: Evaluation) -> Table:
    """Return the columns of ``designs``, then the metrics, ``valid`` and ``reason``."""
    columns: dict[str, Sequence[Any]] = dict(designs)
    for position, name in enumerate(evaluation.names):
        columns[name] = evaluation.values[:, position].tolist()
    columns[VALID] = evaluation.valid.tolist()
    columns[REASON] = list(evaluation.reason)
    return Table(columns, len(evaluation))
