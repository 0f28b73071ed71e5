"""The journal of one unfinished run: an append-only file of JSON lines.

Every evaluation is written and handed to the operating system *before* the agent is told its
result, so that a ``kill -9`` at any instant costs at most the evaluation in flight. Lines::

    {"journal": 1, "run_id": ..., "metrics": [...], "run": {...}}             the header, once
    {"attempt": 1, "host": ..., "pid": ..., "started": ...}                   each time the run begins
    {"evaluation": 1, "proposal": 1, "design": [...], "valid": true, "values": [...], ...}
    {"restart": 1, "reason": ...}      what follows is the run again from its first evaluation
    {"end": {...}}                     the run is complete

Floats are written by ``repr`` (shortest text that reads back to the same 64 bits). A last line cut
short by a crash is dropped when the journal is opened again. A journal is locked while it is
written: two processes never write one.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from simulators import ArchgymError

FORMAT = 1
_LOCK_PATIENCE = 20.0
"""Seconds to wait for a lock: the process of a killed experiment may need a moment to die."""


class JournalError(ArchgymError):
    """A journal that another process writes, or that belongs to another run."""


@dataclass(frozen=True)
class Entry:
    """One evaluated design.

    Attributes:
        number: 1 for the first unique design of the run, and so on.
        proposal: how many designs had been proposed by then, this one included.
        design: canonical indices, length ``d``.
        valid, reason, values: the evaluation's row (``values`` is None where invalid).
        score: in the objective's units; NaN where invalid.
        seconds: wall time in the simulator.
    """

    number: int
    proposal: int
    design: tuple[int, ...]
    valid: bool
    reason: str
    values: tuple[float, ...] | None
    score: float
    seconds: float

    def to_line(self) -> dict[str, Any]:
        """Return the entry as it is journalled."""
        return {
            "evaluation": self.number,
            "proposal": self.proposal,
            "design": self.design,
            "valid": self.valid,
            "reason": self.reason,
            "values": self.values,
            "score": self.score,
            "seconds": self.seconds,
        }

    @classmethod
    def from_line(cls, line: dict[str, Any]) -> Entry:
        """Read what :meth:`to_line` wrote; raises KeyError or TypeError where it did not."""
        values = line["values"]
        return cls(
            number=int(line["evaluation"]),
            proposal=int(line["proposal"]),
            design=tuple(line["design"]),
            valid=bool(line["valid"]),
            reason=str(line["reason"]),
            values=None if values is None else tuple(values),
            score=float(line["score"]),
            seconds=float(line["seconds"]),
        )


@dataclass
class JournalContent:
    """What a journal says.

    Attributes:
        header: its first line, or None where not even that is complete.
        entries: the evaluations of the run since its last restart, numbered 1, 2, ...
        earlier: evaluations from before restarts (still true, no longer part of the run).
        attempts: how often the run was begun.
        restarts: how often it had to be run again from the start.
        end: what the last line says of a complete run, else None.
        length: bytes that are sound; anything beyond them was cut short by a crash.
    """

    header: dict[str, Any] | None = None
    entries: list[Entry] = field(default_factory=list)
    earlier: list[Entry] = field(default_factory=list)
    attempts: int = 0
    restarts: int = 0
    end: dict[str, Any] | None = None
    length: int = 0

    def add(self, line: dict[str, Any]) -> None:
        """Take in one line; raises KeyError, TypeError or ValueError where it makes no sense."""
        if "evaluation" in line:
            entry = Entry.from_line(line)
            if entry.number != len(self.entries) + 1 or self.end is not None:
                raise ValueError(f"evaluation {entry.number} follows {len(self.entries)}")
            self.entries.append(entry)
        elif "attempt" in line:
            self.attempts = int(line["attempt"])
        elif "restart" in line:
            self.restarts = int(line["restart"])
            self.earlier += self.entries
            self.entries = []
        elif "end" in line:
            self.end = dict(line["end"])
        elif self.header is None and line["journal"] == FORMAT:
            self.header = line
        else:
            raise ValueError("a line of no known kind")


def parse_journal(data: bytes) -> JournalContent:
    """Return what is sound in a journal's bytes: every line up to the first damaged or torn one."""
    content = JournalContent()
    for line in data.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        try:
            content.add(json.loads(line))
        except (KeyError, TypeError, ValueError):
            break
        if content.header is None:
            break
        content.length += len(line)
    return content


def read_journal(path: Path) -> JournalContent:
    """Return the content of the journal at ``path``; it may be in use. Missing file: no content."""
    try:
        return parse_journal(path.read_bytes())
    except FileNotFoundError:
        return JournalContent()


class Journal:
    """A journal open for writing; use as a context manager.

    Args:
        path: the file; made where it does not exist.
        run_id: the run it belongs to.
        header: what else to write in the first line of a new journal.
        patience: seconds to wait for another process to let go of it.

    Attributes:
        content: what it said when it was opened.

    Raises:
        JournalError: another process writes it, or it belongs to another run.
    """

    def __init__(
        self, path: Path, run_id: str, header: dict[str, Any] | None = None, patience: float = _LOCK_PATIENCE
    ) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            _lock(self._file, path, patience)
            self.content = self._recover(run_id)
            if self.content.header is None:
                self._write({"journal": FORMAT, "run_id": run_id, **(header or {})})
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> Journal:
        """Return the journal itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file, which releases its lock."""
        os.close(self._file)

    def begin(self, host: str, started: str) -> int:
        """Record that the run begins (again); return which attempt this is, counted from 1."""
        attempt = self.content.attempts + 1
        self._write({"attempt": attempt, "host": host, "pid": os.getpid(), "started": started})
        return attempt

    def append(self, entry: Entry) -> None:
        """Record an evaluation; when this returns, the operating system has it."""
        self._write(entry.to_line())

    def restart(self, reason: str) -> None:
        """Record that the run begins again from its first evaluation."""
        self._write({"restart": self.content.restarts + 1, "reason": reason})

    def finish(self, end: dict[str, Any]) -> None:
        """Record that the run is complete; unlike evaluations this is forced to the disk."""
        self._write({"end": end})
        os.fsync(self._file)

    def _write(self, line: dict[str, Any]) -> None:
        data = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        written = os.write(self._file, data)
        while written < len(data):
            written += os.write(self._file, data[written:])

    def _recover(self, run_id: str) -> JournalContent:
        content = parse_journal(_read_all(self._file))
        if content.header is not None and content.header.get("run_id") != run_id:
            raise JournalError(
                f"journal {self.path} belongs to run {content.header.get('run_id')!r}, expected {run_id!r}; "
                "move it out of the way"
            )
        os.ftruncate(self._file, content.length)
        return content


def _read_all(file: int) -> bytes:
    size = os.fstat(file).st_size
    return os.pread(file, size, 0)


def _lock(file: int, path: Path, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise JournalError(f"another process is writing the journal {path}; wait for it to end") from None
            time.sleep(0.05)
