"""The journal of one unfinished run: an append-only file of JSON lines.

Every evaluation is written and handed to the operating system *before* the agent is told its
result, so that a ``kill -9`` at any instant costs at most the evaluation in flight. Lines::

    {"journal": 1, "run_id": ..., "metrics": [...], "run": {...}}             the header, once
    {"attempt": 1, "host": ..., "pid": ..., "started": ...}                   each time the run begins
    {"evaluation": 1, "proposal": 1, "design": [...], "valid": true, "values": [...], ...}
    {"restart": 1, "reason": ...}      what follows is the run again from its first evaluation
    {"end": {...}}                     the run is complete

Floats are written by ``repr`` (shortest text that reads back to the same 64 bits). A last line cut
short by a crash (one without its newline) is dropped when the journal is opened again. Nothing else
ever is: a journal with a damaged line is copied to ``*.damaged`` and its run begun again with the
lines before it at hand, and one whose header cannot be read is refused. A journal is locked while
it is written: two processes never write one.
"""

from __future__ import annotations

import fcntl
import io
import json
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from simulators import ArchgymError

FORMAT = 1
_LOG = logging.getLogger(__name__)
_LOCK_PATIENCE = 20.0
"""Seconds to wait for a lock: the process of a killed experiment may need a moment to die."""


class JournalError(ArchgymError):
    """A journal that another process writes, that belongs to another run, or whose header cannot be read."""


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
        hints: the evaluation's diagnostics that are text: an agent may have been led by them.
    """

    number: int
    proposal: int
    design: tuple[int, ...]
    valid: bool
    reason: str
    values: tuple[float, ...] | None
    score: float
    seconds: float
    hints: Mapping[str, str] = field(default_factory=dict)

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
            **({"hints": dict(self.hints)} if self.hints else {}),
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
            hints={str(name): str(text) for name, text in line.get("hints", {}).items()},
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
        length: bytes that are sound.
        damaged: number of the first complete line (from 1) that makes no sense, or 0; where it is 0,
            anything beyond ``length`` is a last line cut short by a crash.
    """

    header: dict[str, Any] | None = None
    entries: list[Entry] = field(default_factory=list)
    earlier: list[Entry] = field(default_factory=list)
    attempts: int = 0
    restarts: int = 0
    end: dict[str, Any] | None = None
    length: int = 0
    damaged: int = 0

    def add(self, line: dict[str, Any]) -> None:
        """Take in one line; raises KeyError, TypeError or ValueError where it makes no sense."""
        if self.header is None:
            if line["journal"] != FORMAT:
                raise ValueError("another format")
            self.header = line
        elif "evaluation" in line:
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
        else:
            raise ValueError("a line of no known kind")


def _mapping(line: bytes) -> dict[str, Any]:
    """Return the JSON object of a line; raises ValueError where it is none."""
    data = json.loads(line)
    if not isinstance(data, dict):
        raise ValueError("not an object")
    return data


def parse_journal(data: bytes) -> JournalContent:
    """Return what is sound in a journal's bytes: every line up to the first damaged or torn one."""
    content = JournalContent()
    for number, line in enumerate(io.BytesIO(data), 1):
        if not line.endswith(b"\n"):
            break
        try:
            content.add(_mapping(line))
        except (KeyError, TypeError, ValueError):
            content.damaged = number
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
        data = _read_all(self._file)
        content = parse_journal(data)
        if content.header is None and content.damaged:
            raise JournalError(
                f"cannot read the header of the journal {self.path}: expected format {FORMAT}, got "
                f"{data.splitlines()[0][:60]!r}; resume with the archgym that wrote it, or move the file out of the "
                "way to begin this run again"
            )
        if content.header is not None and content.header.get("run_id") != run_id:
            raise JournalError(
                f"journal {self.path} belongs to run {content.header.get('run_id')!r}, expected {run_id!r}; "
                "move it out of the way"
            )
        if not content.damaged:
            os.ftruncate(self._file, content.length)
            return content
        return self._begin_again(data, content)

    def _begin_again(self, data: bytes, content: JournalContent) -> JournalContent:
        """Keep the damaged journal aside, then begin the run again on its sound lines.

        The copy is on the disk before a byte of the journal goes; the file itself (and its lock) stays.
        """
        aside = _keep_aside(self.path, data)
        reason = f"line {content.damaged} of the journal is damaged; the whole journal is kept as {aside.name}"
        _LOG.warning("%s: %s; the run begins again", self.path, reason)
        os.ftruncate(self._file, content.length)
        if content.end is not None:
            return content
        self._write({"restart": content.restarts + 1, "reason": reason})
        return parse_journal(_read_all(self._file))


def _keep_aside(path: Path, data: bytes) -> Path:
    """Write ``data`` durably to ``path.damaged`` (``path.damaged-2`` ... where there is one) and return where."""
    number = 1
    while (aside := path.with_name(path.name + (".damaged" if number == 1 else f".damaged-{number}"))).exists():
        number += 1
    temporary = aside.with_name(aside.name + ".tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(aside)
    return aside


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
