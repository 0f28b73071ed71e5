"""Results by content: what a program of one version made of one input is computed once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Result = Mapping[str, Any]


class ResultCache:
    """JSON results addressed by the hash of program, version and inputs.

    Kept in memory and, with a directory, on disk: one file per result, written beside and renamed, so that a reader
    sees a whole file or none. Any number of processes and threads may share a directory. A file that cannot be read
    counts as absent. Failures are never kept.

    Args:
        directory: where results are kept, made if need be; None for memory only.
    """

    def __init__(self, directory: str | Path | None = None) -> None:
        self.directory = None if directory is None else Path(directory).expanduser().absolute()
        self._memory: dict[str, dict[str, Any]] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs: the directory. Its memory starts empty."""
        return {"directory": self.directory}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["directory"])  # type: ignore[misc]

    @staticmethod
    def key(program: str, version: str, inputs: Any) -> str:
        """Return the address of a result: a SHA-256, in hexadecimal digits, of all that decides it.

        Args:
            program: its name.
            version: changes whenever the program's results may.
            inputs: JSON-serialisable: files, command, whatever the program reads.
        """
        text = json.dumps([program, version, inputs], sort_keys=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def get(self, key: str) -> dict[str, Any] | None:
        """Return a kept result, or None."""
        found = self._memory.get(key)
        if found is None and self.directory is not None:
            found = _read(self._path(key))
            if found is not None:
                self._memory[key] = found
        return None if found is None else dict(found)

    def put(self, key: str, result: Result) -> None:
        """Keep a JSON-serialisable result. A full or unwritable disk raises OSError; what was kept stays whole."""
        plain = json.loads(json.dumps(dict(result), allow_nan=False))
        if self.directory is not None:
            _write(self._path(key), plain)
        self._memory[key] = plain

    def get_or_compute(self, key: str, compute: Callable[[], Result]) -> dict[str, Any]:
        """Return a kept result, or compute and keep it; threads that want the same one wait for the first.

        Whatever ``compute`` raises is passed on and nothing is kept.
        """
        found = self.get(key)
        if found is not None:
            return found
        with self._lock:
            lock = self._locks[key]
        with lock:
            found = self.get(key)
            if found is None:
                self.put(key, compute())
                found = self.get(key)
        with self._lock:
            self._locks.pop(key, None)
        return dict(found or {})

    def _path(self, key: str) -> Path:
        return Path(self.directory or ".") / key[:2] / f"{key}.json"


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _write(path: Path, result: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(result, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
