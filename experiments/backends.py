"""Where runs are executed: in this process, in local worker processes, or as Ray tasks.

Whatever the backend, a run is the same function of its specification, writes the same journal, and
gives the same result. A backend is fed up to ``capacity`` runs and polled for what happened.
"""

from __future__ import annotations

import json
import logging
import os
import selectors
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

from experiments.compiling import NOTE
from experiments.journal import read_journal
from experiments.run_one import Outcome, execute, journal_path
from experiments.runs import RunSpec
from simulators import ArchgymError

SINGLE_THREADED = {
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
}
"""Environment of every worker: one thread each, and sets and dicts of strings in a fixed order."""
MAX_CRASHES = 3
"""How often a run may take its worker down without having got any further than before."""
_MAX_FAILED_STARTS = 3
_PATIENCE = 5.0
_LOG = logging.getLogger(__name__)


class ExecutionError(ArchgymError):
    """Workers cannot be started or kept alive."""


@dataclass(frozen=True)
class Beat:
    """A run has this many evaluations now."""

    run_id: str
    evaluations: int


Event = Beat | Outcome


class Backend(Protocol):
    """Executes runs; a context manager that ends its workers on exit."""

    capacity: int

    def __enter__(self) -> Backend:
        """Start."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; after an error at once, leaving runs to their journals."""

    def submit(self, run: RunSpec) -> None:
        """Take on a run; at most ``capacity`` may be outstanding."""

    def poll(self, timeout: float) -> list[Event]:
        """Return what happened, waiting up to ``timeout`` seconds for something."""


class InProcessBackend:
    """Executes each run when it is submitted, in this very process: for debugging."""

    capacity = 1

    def __init__(self, journals: Path) -> None:
        self._journals = journals
        self._events: list[Event] = []

    def __enter__(self) -> InProcessBackend:
        """Return the backend itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: there is nothing to end."""

    def submit(self, run: RunSpec) -> None:
        """Execute ``run`` now."""
        self._events.append(execute(run, self._journals))

    def poll(self, timeout: float) -> list[Event]:
        """Return the outcomes since the last call."""
        events, self._events = self._events, []
        return events


@dataclass
class _Worker:
    """One worker process and the run it has."""

    process: subprocess.Popen[bytes]
    run: RunSpec | None = None
    ready: bool = False
    buffer: bytes = b""

    def give(self, run: RunSpec) -> None:
        self.run = run
        try:
            assert self.process.stdin is not None
            self.process.stdin.write(json.dumps(run.to_dict()).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has died; poll() sees the end of its output and tries the run again


@dataclass
class _Crashes:
    """How often a run took its worker down since its journal last grew."""

    count: int = 0
    evaluations: int = -1


class LocalBackend:
    """Long-lived worker processes on this machine.

    Args:
        workers: how many, at least 1.
        journals: directory of the journals.
        log: file that takes what workers print.

    Workers start when there is work for them. One that dies (killed, out of memory) is replaced and
    its run goes on from its journal; after ``MAX_CRASHES`` deaths without progress the run has failed.
    Twice as many runs are taken on as there are workers, so that none waits for its next run.
    """

    def __init__(self, workers: int, journals: Path, log: Path) -> None:
        self.capacity = 2 * workers
        self._limit = workers
        self._journals, self._log_path = journals, log
        self._workers: list[_Worker] = []
        self._queue: deque[RunSpec] = deque()
        self._crashes: dict[str, _Crashes] = {}
        self._failed_starts = 0
        self._compiling_noted = False
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> LocalBackend:
        """Open the log."""
        self._log = self._log_path.open("ab")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let idle workers end, and end the others; remove an empty log."""
        for worker in self._workers:
            if worker.process.stdin is not None:
                _close_quietly(worker)
            if error is not None or worker.run is not None:
                worker.process.kill()
        deadline = time.monotonic() + _PATIENCE
        for worker in self._workers:
            _reap(worker.process, deadline)
        self._selector.close()
        self._log.close()
        if self._log_path.stat().st_size == 0:
            self._log_path.unlink()

    def submit(self, run: RunSpec) -> None:
        """Give ``run`` to an idle or new worker, or hold it until there is one."""
        self._queue.append(run)
        self._dispatch()

    def poll(self, timeout: float) -> list[Event]:
        """Return what happened; raises ExecutionError when no worker can be started."""
        events: list[Event] = []
        for key, _ in self._selector.select(timeout):
            worker: _Worker = key.data
            data = os.read(key.fd, 65536)
            if data:
                events += self._read(worker, data)
            else:
                events += self._bury(worker)
        self._dispatch()
        return events

    def _start(self) -> _Worker:
        command = [sys.executable, "-P", "-m", "experiments.worker", str(os.getpid()), str(self._journals)]
        path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, **SINGLE_THREADED, "PYTHONPATH": path},
        )
        worker = _Worker(process)
        self._workers.append(worker)
        assert process.stdout is not None
        self._selector.register(process.stdout, selectors.EVENT_READ, worker)
        return worker

    def _dispatch(self) -> None:
        idle = [worker for worker in self._workers if worker.run is None]
        while self._queue and (idle or len(self._workers) < self._limit):
            worker = idle.pop() if idle else self._start()
            worker.give(self._queue.popleft())

    def _read(self, worker: _Worker, data: bytes) -> list[Event]:
        *lines, worker.buffer = (worker.buffer + data).split(b"\n")
        events: list[Event] = []
        for message in map(json.loads, lines):
            if "ready" in message:
                worker.ready, self._failed_starts = True, 0
            elif "compiling" in message:
                self._note_compiling()
            elif "done" in message:
                worker.run = None
                events.append(Outcome(message["run_id"], message["error"]))
            else:
                events.append(Beat(message["run_id"], message["evaluations"]))
        return events

    def _note_compiling(self) -> None:
        """Say so for the first worker that does; the others compile the same."""
        if not self._compiling_noted:
            self._compiling_noted = True
            _LOG.warning(NOTE)

    def _bury(self, worker: _Worker) -> list[Event]:
        """Replace a dead worker; its run is tried again unless it keeps killing its workers."""
        assert worker.process.stdout is not None
        self._selector.unregister(worker.process.stdout)
        worker.process.stdout.close()
        _close_quietly(worker)
        status = worker.process.wait()
        self._workers.remove(worker)
        events: list[Event] = []
        if not worker.ready:
            self._count_failed_start(status)
        if worker.run is not None:
            if worker.ready and self._gave_up_on(worker.run):
                events.append(Outcome(worker.run.run_id, _died(status)))
            else:
                self._queue.appendleft(worker.run)
        return events

    def _gave_up_on(self, run: RunSpec) -> bool:
        content = read_journal(journal_path(self._journals, run.run_id))
        evaluations = len(content.entries) + len(content.earlier)
        crashes = self._crashes.setdefault(run.run_id, _Crashes())
        crashes.count = 1 if evaluations > crashes.evaluations else crashes.count + 1
        crashes.evaluations = evaluations
        return crashes.count >= MAX_CRASHES

    def _count_failed_start(self, status: int) -> None:
        self._failed_starts += 1
        if self._failed_starts >= _MAX_FAILED_STARTS * self._limit:
            tail = self._log_path.read_text(encoding="utf-8", errors="replace")[-1500:].strip()
            raise ExecutionError(
                f"worker processes cannot start ({_status(status)}). The last lines of {self._log_path}:\n{tail}"
            )


def _died(status: int) -> str:
    return f"its worker process died {MAX_CRASHES} times without getting any further (last: {_status(status)})"


def _status(status: int) -> str:
    return f"killed by signal {-status}" if status < 0 else f"exit status {status}"


def _close_quietly(worker: _Worker) -> None:
    try:
        assert worker.process.stdin is not None
        worker.process.stdin.close()
    except BrokenPipeError:
        pass


def _reap(process: subprocess.Popen[bytes], deadline: float) -> None:
    try:
        process.wait(max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
