"""archgym/Tabular-v0: a design space that was evaluated once and stored.

Version history
    v0: tables of format version 1, CSV and Parquet tables of the user's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from simulators.errors import InvalidInputError, UnknownNameError
from simulators.metrics import Direction
from simulators.tabular import TabularProblem, TabularSimulator, read_foreign_table

_SHIPPED = Path(__file__).parent / "data"
_SUFFIX = ".parquet"
_DIRECTIONS = ("minimize", "maximize", "report")


def tabular(
    table: str = "memory-controller-small",
    workload: str | None = None,
    metrics: Mapping[str, Direction] | Sequence[str] | None = None,
) -> TabularProblem:
    """Build the problem of a stored table: the space, reference design, numbers and objective of its source.

    Args:
        table: a file that ``archgym tabulate`` wrote, the name of a table that ships
            (``memory-controller-small``), or a CSV or Parquet file of the user's own.
        workload: the table's own, for checking; None: whatever it is.
        metrics: for a table of the user's own: which columns are metrics and which way each is better, as in
            ``{energy_pj: minimize}``; all other columns are parameters. An objective must be given then.

    Raises:
        UnknownNameError: no such table, metric, direction or workload.
        InvalidInputError: a file that cannot be used.
    """
    path = _path_of(table)
    if metrics is None:
        simulator = _load(path, path.stat().st_mtime_ns) if path.is_file() else TabularSimulator(path)
    else:
        simulator = TabularSimulator(read_foreign_table(path, _checked(metrics)))
    if workload is not None:
        simulator.load_workload(workload)
    return TabularProblem.of(simulator)


def shipped_tables() -> tuple[str, ...]:
    """Return the names of the tables that ship."""
    return tuple(sorted(path.name.removesuffix(_SUFFIX) for path in _SHIPPED.glob(f"*{_SUFFIX}")))


@lru_cache(maxsize=4)
def _load(path: Path, changed: int) -> TabularSimulator:
    """Load a file once per process; ``changed``, its time of change, makes a new file a new entry."""
    return TabularSimulator(path)


def _path_of(table: str) -> Path:
    if not isinstance(table, str) or not table:
        raise InvalidInputError(f"'table' must be a file or the name of a table, got {table!r}")
    if table in shipped_tables():
        return _SHIPPED / f"{table}{_SUFFIX}"
    if not Path(table).exists():
        raise UnknownNameError("table", table, shipped_tables(), "There is no file of that name either.")
    return Path(table)


def _checked(metrics: Mapping[str, Direction] | Sequence[str]) -> Mapping[str, Direction] | Sequence[str]:
    if isinstance(metrics, str) or not isinstance(metrics, Mapping | Sequence) or not metrics:
        raise InvalidInputError(f"'metrics' must name columns, as in {{energy_pj: minimize}}, got {metrics!r}")
    for direction in metrics.values() if isinstance(metrics, Mapping) else ():
        if direction not in _DIRECTIONS:
            raise UnknownNameError("direction of a metric", direction, _DIRECTIONS)
    return metrics
