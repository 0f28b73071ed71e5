"""The store: one directory per experiment, one writer, nothing lost.

::

    RUN_DIR/
      config.yaml          the resolved config
      provenance.json      versions, git hash, host, command of every session that wrote here
      ledger.sqlite        runs and problems (experiments.ledger)
      parts/*.parquet      trajectories of many runs each (experiments.trajectories)
      journals/*.jsonl     one per unfinished run (experiments.journal)
      lock                 held by the writer

A run moves from its journal to a part in this order: write the part under a temporary name, force
it to the disk, rename it, commit the ledger, delete the journals. Whatever instant a crash hits,
the run is in a committed part, or in its journal, or in both (then the part counts).
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from archgym_envs.scoring import Scorer
from experiments.journal import JournalContent, read_journal
from experiments.ledger import Ledger, Place
from experiments.records import ProblemRecord, RunRecord
from experiments.trajectories import (
    experiment_digest,
    flat_indices,
    join_tables,
    trajectory_digest,
    trajectory_table,
)
from simulators import InvalidInputError

CONFIG_FILE, PROVENANCE_FILE = "config.yaml", "provenance.json"
_RUNS_PER_PART = 512
_ROWS_PER_PART = 250_000
_SECONDS_PER_PART = 60.0
_TEMPORARY = ".tmp"
_MEND_CONFIG = "restore it from a copy, or delete it: results are read without it, too"
_LOG = logging.getLogger(__name__)


class StoreError(InvalidInputError):
    """A result directory that cannot be written: not allowed, in use, or not one of ours."""


@dataclass
class _Pending:
    """Finished runs that wait to be written as one part."""

    tables: list[pa.Table]
    runs: list[RunRecord]
    rows: int = 0
    since: float = 0.0


class Store:
    """A result directory open for writing; use as a context manager.

    Args:
        directory: made where it does not exist.

    Raises:
        StoreError: it cannot be written, or another process is writing it.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.parts, self.journals = directory / "parts", directory / "journals"
        self._lock = _open_and_lock(directory)
        try:
            self.ledger = Ledger(directory, create=True)
            self._runs = {run.run_id: run for run in self.ledger.runs()}
            self._problems = {problem.label: problem for problem in self.ledger.problems()}
            self._pending = _Pending([], [])
            self._next_part = 1 + max(map(_part_number, self.ledger.parts()), default=0)
            self._tidy()
        except BaseException:
            os.close(self._lock)
            raise

    def __enter__(self) -> Store:
        """Return the store itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is pending, also after an error, and release the directory."""
        try:
            self.flush()
        finally:
            self.ledger.close()
            os.close(self._lock)

    @property
    def runs(self) -> dict[str, RunRecord]:
        """Run id -> what is known about the run, those that wait to be written included."""
        return self._runs

    def register(self, problems: Iterable[ProblemRecord], runs: Iterable[RunRecord]) -> None:
        """Enter what the experiment consists of; of what is there already only labels change."""
        self.ledger.add(problems, runs)
        self._runs = {run.run_id: run for run in self.ledger.runs()}
        self._problems = {problem.label: problem for problem in self.ledger.problems()}

    def collect(self, run_id: str, scorer: Scorer) -> bool:
        """Take a complete run from its journal; return False where the journal is not complete.

        It is written with others as one part when enough have come together; until then the journal
        stays.
        """
        content = read_journal(self.journals / f"{run_id}.jsonl")
        if content.end is None:
            return False
        record = _finished(self._runs[run_id], content)
        self._add_pending(record, _table(record, content, scorer, self._problems[record.problem]))
        pending = self._pending
        old = time.monotonic() - pending.since > _SECONDS_PER_PART
        if old or len(pending.runs) >= _RUNS_PER_PART or pending.rows >= _ROWS_PER_PART:
            self.flush()
        return True

    def fail(self, run_id: str, error: str) -> None:
        """Enter that a run failed; its journal stays, and resuming tries it again."""
        content = read_journal(self.journals / f"{run_id}.jsonl")
        record = replace(
            self._runs[run_id],
            state="failed",
            error=error,
            evaluations=len(content.entries),
            proposals=content.entries[-1].proposal if content.entries else 0,
            attempts=content.attempts,
        )
        with self.ledger.transaction():
            self.ledger.put(record)
        self._runs[run_id] = record

    def flush(self) -> None:
        """Write the pending runs as one part, enter it in the ledger, delete their journals."""
        pending, self._pending = self._pending, _Pending([], [])
        if not pending.runs:
            return
        name = f"part-{self._next_part:08d}.parquet"
        self._next_part += 1
        _write_durably(self.parts, name, join_tables(pending.tables))
        first = 0
        with self.ledger.transaction():
            self.ledger.put_part(name, pending.rows)
            for run, table in zip(pending.runs, pending.tables, strict=True):
                self.ledger.put(run, Place(name, first, len(table)))
                first += len(table)
        for run in pending.runs:
            (self.journals / f"{run.run_id}.jsonl").unlink(missing_ok=True)

    def digest(self) -> str:
        """Return the digest of the experiment so far: equal for equal results, times and hosts apart."""
        return experiment_digest((run.run_id, run.state, run.digest) for run in self._runs.values())

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Write the resolved config."""
        text = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)
        _replace_file(self.directory / CONFIG_FILE, text)

    def add_provenance(self, session: Mapping[str, Any]) -> None:
        """Add what is known about this session to the provenance; a damaged one is kept as ``*.damaged``."""
        path = self.directory / PROVENANCE_FILE
        known = read_provenance(self.directory)
        if not known and path.is_file():
            path.replace(path.with_name(f"{PROVENANCE_FILE}.damaged"))
        sessions = known.get("sessions", [])
        text = json.dumps({"sessions": [*sessions, dict(session)]}, indent=2)
        _replace_file(path, text + "\n")

    def _add_pending(self, record: RunRecord, table: pa.Table) -> None:
        pending = self._pending
        if not pending.runs:
            pending.since = time.monotonic()
        pending.tables.append(table)
        pending.runs.append(record)
        pending.rows += len(table)
        self._runs[record.run_id] = record

    def _tidy(self) -> None:
        """Remove what a crash left behind: unfinished parts, unlisted parts, journals of stored runs."""
        listed = set(self.ledger.parts())
        for path in self.parts.iterdir():
            if path.name.endswith(_TEMPORARY) or (path.suffix == ".parquet" and path.name not in listed):
                path.unlink()
        stored = self.ledger.places()
        for path in self.journals.glob("*.jsonl"):
            if path.stem in stored:
                path.unlink()


def read_config(directory: Path) -> dict[str, Any]:
    """Return the resolved config of a result directory ({} where there is none).

    Raises:
        InvalidInputError: a file that cannot be read.
    """
    path = directory / CONFIG_FILE
    if not path.is_file():
        return {}
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise InvalidInputError(f"{path} is damaged: {reason}; {_MEND_CONFIG}") from None
    if not isinstance(found, dict):
        raise InvalidInputError(f"{path} is damaged: it holds no config; {_MEND_CONFIG}")
    return found


def read_provenance(directory: Path) -> dict[str, Any]:
    """Return ``{"sessions": [...]}`` of a result directory ({} where there is none).

    No result depends on it, so that a damaged file is left out with a warning.
    """
    path = directory / PROVENANCE_FILE
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not all(isinstance(session, dict) for session in found["sessions"]):
            raise TypeError("a session is not a mapping")
    except (OSError, ValueError, KeyError, TypeError) as error:
        _LOG.warning("%s is damaged and left out (%s); the results do not depend on it", path, error)
        return {}
    return dict(found)


def _part_number(name: str) -> int:
    return int(name.removeprefix("part-").removesuffix(".parquet"))


def _finished(run: RunRecord, content: JournalContent) -> RunRecord:
    end = dict(content.end or {})
    return replace(
        run,
        **end,
        state="done",
        error="",
        simulator_seconds=sum(entry.seconds for entry in content.entries),
        digest=trajectory_digest(run.run_id, content.entries, end),
    )


def _table(run: RunRecord, content: JournalContent, scorer: Scorer, problem: ProblemRecord) -> pa.Table:
    entries = content.entries
    scores = pa.array([entry.score for entry in entries], pa.float64()).to_numpy()
    cardinalities = [len(parameter["values"]) for parameter in problem.parameters]
    flat = flat_indices(entries, cardinalities)
    return trajectory_table(run.run_id, entries, flat, scorer.reward(scores), scorer.met_by(scores))


def lock_directory(directory: Path) -> int:
    """Make ``directory`` and take its lock, which the kernel releases whenever this process ends; return its handle.

    Raises:
        StoreError: it cannot be written, or another process holds the lock.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreError(
            f"cannot write results to {directory}: {error.strerror}; choose another output directory"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise StoreError(
            f"another process is writing {directory}; wait for it to end, or choose another output directory"
        ) from None
    return lock


def _open_and_lock(directory: Path) -> int:
    """Make a result directory with its folders and take its lock."""
    try:
        for path in (directory / "parts", directory / "journals"):
            path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"cannot write results to {directory}: {error.strerror}; choose another output directory"
        ) from error
    return lock_directory(directory)


def _write_durably(directory: Path, name: str, table: pa.Table) -> None:
    """Write a Parquet file so that it is either whole under its name or not there."""
    temporary = directory / (name + _TEMPORARY)
    with temporary.open("wb") as file:
        pq.write_table(table, file, compression="zstd", row_group_size=65536)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(directory / name)
    handle = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _replace_file(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + _TEMPORARY)
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
