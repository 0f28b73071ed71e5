"""What an unfinished tabulation has on the disk: nothing computed is lost.

::

    FILE.partial/
      ledger.jsonl            the first line says which table this is, each further one lists a part
      00000000-00008192.parquet   rows of the canonical designs number 0 (included) to 8192 (excluded)
      lock                    held by the writer

A part is written under a temporary name, forced to the disk, renamed, and then entered in the ledger, which is forced
to the disk, too. Whatever instant a crash hits, a part is listed and whole, or it is computed again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from experiments.store import StoreError, lock_directory
from simulators import InvalidInputError
from simulators.tabular import BLOCK, Rows
from simulators.tabular.files import DESIGN, REASON, VALID

LEDGER = "ledger.jsonl"
_TEMPORARY = ".tmp"


class TabulationParts:
    """The working directory of one tabulation, open for writing; use as a context manager.

    Args:
        directory: made where it does not exist.
        identity: of the table to be.
        designs: how many designs it will have.
        resume: whether to go on with what is there.

    Attributes:
        scratch: where the table may be written before it takes its place.

    Raises:
        StoreError: it cannot be written, another process is writing it, something is there although ``resume`` is
            False, or what is there belongs to another table.
    """

    def __init__(self, directory: Path, identity: str, designs: int, resume: bool) -> None:
        self.directory, self.designs = directory, designs
        self.scratch = directory / f"table.parquet{_TEMPORARY}"
        ledger = directory / LEDGER
        if ledger.exists() and not resume:
            raise StoreError(
                f"{directory} holds an unfinished tabulation; go on with it by --resume, or delete it to start anew"
            )
        self._lock = lock_directory(directory)
        head = {"table": identity, "designs": designs}
        try:
            self._parts = _listed(ledger, head)
            self._tidy()
            self._ledger = self._begin_ledger(ledger, [head, *self._parts.values()])
        except BaseException:
            os.close(self._lock)
            raise

    def __enter__(self) -> TabulationParts:
        """Return the directory itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the directory."""
        os.close(self._ledger)
        os.close(self._lock)

    @property
    def done(self) -> int:
        """How many designs are in parts."""
        return sum(part["stop"] - part["first"] for part in self._parts.values())

    def gaps(self) -> list[tuple[int, int]]:
        """Return the ranges of designs that no part holds, in order."""
        found, reached = [], 0
        for part in [self._parts[first] for first in sorted(self._parts)] + [{"first": self.designs, "stop": 0}]:
            if part["first"] > reached:
                found.append((reached, part["first"]))
            reached = part["stop"]
        return found

    def add(self, first: int, rows: Rows) -> None:
        """Store the rows of the designs from number ``first`` on.

        Raises:
            StoreError: they cannot be written: the disk is full, say.
        """
        try:
            self._add(first, rows)
        except OSError as error:
            reason = error.strerror or error
            raise StoreError(f"cannot write to {self.directory}: {reason}; mend it, then go on by --resume") from None

    def _add(self, first: int, rows: Rows) -> None:
        stop = first + len(rows)
        name = f"{first:08d}-{stop:08d}.parquet"
        path = self.directory / name
        temporary = path.with_name(name + _TEMPORARY)
        pq.write_table(_to_table(rows), temporary, compression="zstd", use_dictionary=[REASON], row_group_size=BLOCK)
        digest = force_to_disk(temporary)
        temporary.rename(path)
        sync_directory(self.directory)
        part = {"part": name, "first": first, "stop": stop, "sha256": digest}
        _append(self._ledger, part)
        self._parts[first] = part

    def blocks(self) -> Iterator[Rows]:
        """Return the rows of all parts in order, ``BLOCK`` at a time.

        Raises:
            InvalidInputError: a part cannot be read.
        """
        waiting: list[Rows] = []
        for first in sorted(self._parts):
            waiting.append(_to_rows(self.directory / self._parts[first]["part"]))
            while sum(map(len, waiting)) >= BLOCK:
                joined = _join(waiting)
                yield _slice(joined, 0, BLOCK)
                waiting = [_slice(joined, BLOCK, len(joined))]
        if sum(map(len, waiting)):
            yield _join(waiting)

    def remove(self) -> None:
        """Delete the directory: the table has been written."""
        discard(self.directory)

    def _begin_ledger(self, ledger: Path, lines: list[dict[str, Any]]) -> int:
        """Put a ledger of these lines in the place of the old one, at once; return its handle."""
        temporary = ledger.with_name(LEDGER + _TEMPORARY)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        _append(handle, *lines)
        temporary.rename(ledger)
        sync_directory(self.directory)
        return handle

    def _tidy(self) -> None:
        """Remove files that no line lists, and lines whose file is not what it was."""
        for first, part in list(self._parts.items()):
            path = self.directory / part["part"]
            if not path.is_file() or _sha256(path) != part["sha256"]:
                del self._parts[first]
        listed = {part["part"] for part in self._parts.values()}
        for path in self.directory.iterdir():
            if path.name.endswith((".parquet", _TEMPORARY)) and path.name not in listed:
                path.unlink()


def _append(handle: int, *lines: dict[str, Any]) -> None:
    data = "".join(json.dumps(line, sort_keys=True) + "\n" for line in lines).encode()
    while data:
        data = data[os.write(handle, data) :]
    os.fsync(handle)


def discard(directory: Path) -> None:
    """Delete what a crash left of a tabulation whose table was complete."""
    shutil.rmtree(directory, ignore_errors=True)


def force_to_disk(path: Path) -> str:
    """Force a file's content to the disk; return its SHA-256."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_directory(directory: Path) -> None:
    """Force to the disk which files a directory holds."""
    handle = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _listed(ledger: Path, head: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Return the parts a ledger lists, by first design; a line that a crash cut short lists nothing."""
    lines = []
    for text in ledger.read_text(encoding="utf-8", errors="replace").splitlines() if ledger.exists() else ():
        try:
            lines.append(json.loads(text))
        except ValueError:
            break
    if not lines:
        return {}
    if lines[0] != head:
        raise StoreError(
            f"{ledger.parent} holds an unfinished tabulation of something else: environment, workload, arguments or "
            "simulator were others; delete it, or choose another --output"
        )
    return {part["first"]: part for part in lines[1:]}


def _to_table(rows: Rows) -> pa.Table:
    columns = {DESIGN: pa.array(rows.flat)}
    columns |= {str(j): pa.array(np.ascontiguousarray(rows.values[:, j])) for j in range(rows.values.shape[1])}
    return pa.table(columns | {VALID: pa.array(rows.valid), REASON: pa.array(rows.reason, pa.string())})


def _to_rows(path: Path) -> Rows:
    try:
        table = pq.read_table(path, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise InvalidInputError(
            f"{path}: cannot read this part ({error}); run the command again with --resume"
        ) from None
    values = np.stack([table.column(str(j)).to_numpy() for j in range(table.num_columns - 3)], axis=1)
    valid = table.column(VALID).to_numpy()
    reason = ("",) * len(valid) if valid.all() else tuple(table.column(REASON).to_pylist())
    return Rows(table.column(DESIGN).to_numpy(), values, valid, reason)


def _join(parts: list[Rows]) -> Rows:
    if len(parts) == 1:
        return parts[0]
    reason = tuple(text for part in parts for text in part.reason)
    flat, values, valid = (np.concatenate([getattr(p, name) for p in parts]) for name in ("flat", "values", "valid"))
    return Rows(flat, values, valid, reason)


def _slice(rows: Rows, first: int, stop: int) -> Rows:
    return Rows(rows.flat[first:stop], rows.values[first:stop], rows.valid[first:stop], rows.reason[first:stop])
