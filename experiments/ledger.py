"""The ledger: which runs an experiment has, how each went, and which part holds its trajectory.

A SQLite file. What it says is true: a part is complete on disk before the ledger names it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from experiments.records import ProblemRecord, RunRecord
from simulators import InvalidInputError

FILE_NAME = "ledger.sqlite"
FORMAT = 2
_RUN_COLUMNS = tuple(field.name for field in fields(RunRecord))
_LABEL_COLUMNS = ("problem", "agent", "agent_group", "draw")
"""Columns that take no part in a run's identity, so a resumed experiment may have changed them."""
_MEND = "restore it from a copy, or run the experiment again in a new directory"
_SQL_TYPES = {"int": "INTEGER", "float": "REAL"}


@dataclass(frozen=True)
class Place:
    """Where a run's trajectory is: rows ``first .. first + count - 1`` of the part called ``part``."""

    part: str
    first: int
    count: int


class Ledger:
    """An open ledger.

    Args:
        directory: of the results; the ledger is the file ``ledger.sqlite`` in it.
        create: make it where it does not exist.

    Raises:
        InvalidInputError: no ledger there, not a ledger, or one of another format.
    """

    def __init__(self, directory: Path, create: bool = False) -> None:
        self.path = directory / FILE_NAME
        if not create and not self.path.is_file():
            raise InvalidInputError(
                f"{directory} is not a result directory: it has no {FILE_NAME}; "
                "give a directory that 'archgym run' wrote"
            )
        try:
            self._connection = _connect(self.path, create)
            self._check_format(create)
        except sqlite3.DatabaseError as error:
            raise InvalidInputError(f"cannot read the ledger {self.path}: {error}; {_MEND}") from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is committed together, or not at all."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    # ---- writing --------------------------------------------------------------------------------

    def add(self, problems: Iterable[ProblemRecord], runs: Iterable[RunRecord]) -> None:
        """Enter problems and runs, in a transaction of its own.

        Of those already there only the labels (and what else takes no part in their identity) are brought up to date.
        """
        entered = list(problems)
        with self.transaction():
            # All old rows go before any new one comes: two problems may have swapped their labels.
            keys = [(problem.label, problem.identity) for problem in entered]
            self._connection.executemany("DELETE FROM problems WHERE label = ? OR identity = ?", keys)
            rows = [(problem.label, problem.identity, json.dumps(asdict(problem))) for problem in entered]
            self._connection.executemany("INSERT INTO problems VALUES (?, ?, ?)", rows)
            marks = ", ".join("?" * len(_RUN_COLUMNS))
            labels = ", ".join(f"{column} = excluded.{column}" for column in _LABEL_COLUMNS)
            command = (
                f"INSERT INTO runs ({', '.join(_RUN_COLUMNS)}) VALUES ({marks}) "
                f"ON CONFLICT (run_id) DO UPDATE SET {labels}"
            )
            self._connection.executemany(command, (_row(run) for run in runs))

    def put(self, run: RunRecord, place: Place | None = None) -> None:
        """Overwrite what is known about a run; call inside :meth:`transaction`."""
        assignments = ", ".join(f"{column} = ?" for column in _RUN_COLUMNS)
        where = (place.part, place.first, place.count) if place else (None, None, None)
        self._connection.execute(
            f"UPDATE runs SET {assignments}, part = ?, first_row = ?, rows = ? WHERE run_id = ?",
            (*_row(run), *where, run.run_id),
        )

    def put_part(self, name: str, rows: int) -> None:
        """Enter a part; call inside :meth:`transaction`."""
        self._connection.execute("INSERT INTO parts VALUES (?, ?)", (name, rows))

    # ---- reading --------------------------------------------------------------------------------

    def runs(self) -> list[RunRecord]:
        """Return all runs, in the order they were entered."""
        rows = self._select(f"SELECT {', '.join(_RUN_COLUMNS)} FROM runs ORDER BY number")
        return [_record(row) for row in rows]

    def places(self) -> dict[str, Place]:
        """Return run id -> where its trajectory is, for the runs that have one."""
        rows = self._select("SELECT run_id, part, first_row, rows FROM runs WHERE part IS NOT NULL")
        return {run_id: Place(part, first, count) for run_id, part, first, count in rows}

    def problems(self) -> list[ProblemRecord]:
        """Return all problems."""
        return [_problem(json.loads(text)) for (text,) in self._select("SELECT record FROM problems ORDER BY rowid")]

    def parts(self) -> list[str]:
        """Return the names of all parts, oldest first."""
        return [name for (name,) in self._select("SELECT name FROM parts ORDER BY name")]

    def _select(self, command: str) -> list[tuple[Any, ...]]:
        try:
            with closing(self._connection.execute(command)) as cursor:
                return cursor.fetchall()
        except sqlite3.DatabaseError as error:
            raise InvalidInputError(f"cannot read the ledger {self.path}: {error}; {_MEND}") from error

    def _check_format(self, create: bool) -> None:
        (found,) = self._select("PRAGMA user_version")[0]
        if found == 0 and create and not any((self.path.parent / "parts").glob("*.parquet")):
            self._connection.executescript(_schema())
        elif found == 0:
            raise InvalidInputError(f"the ledger {self.path} is damaged: it is empty or was never completed; {_MEND}")
        elif found != FORMAT:
            raise InvalidInputError(
                f"{self.path} has format {found}, this archgym reads format {FORMAT}; use the archgym that wrote it"
            )


def _connect(path: Path, create: bool) -> sqlite3.Connection:
    """Open for writing where allowed: a reader, too, may have to roll back what a crash left behind."""
    modes = ["rwc"] if create else ["rw", "ro"]
    for mode in modes:
        uri = f"{path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, timeout=60.0, isolation_level=None)
        try:
            connection.execute("SELECT count(*) FROM sqlite_master")
            return connection
        except sqlite3.OperationalError:
            connection.close()
            if mode == modes[-1]:
                raise
    raise AssertionError("unreachable")


def _schema() -> str:
    types = [(field.name, _SQL_TYPES.get(str(field.type), "TEXT")) for field in fields(RunRecord)]
    columns = ",\n".join(f"{name} {kind}{' UNIQUE' if name == 'run_id' else ''} NOT NULL" for name, kind in types)
    return f"""
        BEGIN;
        CREATE TABLE runs (number INTEGER PRIMARY KEY, {columns}, part TEXT, first_row INTEGER, rows INTEGER);
        CREATE TABLE problems (label TEXT PRIMARY KEY, identity TEXT NOT NULL, record TEXT NOT NULL);
        CREATE TABLE parts (name TEXT PRIMARY KEY, rows INTEGER NOT NULL);
        PRAGMA user_version = {FORMAT};
        COMMIT;
    """


def _row(run: RunRecord) -> tuple[Any, ...]:
    values: Sequence[Any] = [getattr(run, column) for column in _RUN_COLUMNS]
    return tuple(json.dumps(value) if isinstance(value, dict) else value for value in values)


def _record(row: tuple[Any, ...]) -> RunRecord:
    data = dict(zip(_RUN_COLUMNS, row, strict=True))
    return RunRecord(**{**data, **{name: json.loads(data[name]) for name in ("hyperparameters", "settings")}})


def _problem(data: dict[str, Any]) -> ProblemRecord:
    lists = {name: tuple(value) for name, value in data.items() if isinstance(value, list)}
    return ProblemRecord(**{**data, **lists})
