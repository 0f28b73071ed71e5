"""A worker process: executes runs that arrive as JSON lines on standard input until it is closed.

Started by :class:`experiments.backends.LocalBackend`, one long-lived process per worker, so that
libraries are imported and problems built once. Messages to the parent, one JSON line each::

    {"ready": pid}    {"run_id": ..., "evaluations": 17}    {"run_id": ..., "done": true, "error": ""}
    {"compiling": pid}, once, if that takes a while

It dies with its parent: by the kernel's parent-death signal where there is one, and by the closed
pipes anyway.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""
_BEAT_SECONDS = 0.2


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent ends (Linux); exit if it has ended already."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


class _Channel:
    """The way back to the parent: what was standard output before anything could print on it."""

    def __init__(self) -> None:
        self._file = os.dup(1)
        os.dup2(2, 1)
        self._last_beat = 0.0
        self._lock = threading.Lock()

    def send(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode() + b"\n"
        try:
            with self._lock:
                while data:
                    data = data[os.write(self._file, data) :]
        except BrokenPipeError:
            os._exit(0)

    def beat(self, run_id: str, evaluations: int) -> None:
        now = time.monotonic()
        if now - self._last_beat >= _BEAT_SECONDS:
            self._last_beat = now
            self.send({"run_id": run_id, "evaluations": evaluations})


def main() -> None:
    """Serve runs. Arguments: the parent's process id and the directory of the journals."""
    die_with_parent(int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    journals = Path(sys.argv[2])
    channel = _Channel()
    from experiments.compiling import noted_compiling
    from experiments.run_one import execute
    from experiments.runs import RunSpec

    channel.send({"ready": os.getpid()})
    with noted_compiling(lambda: channel.send({"compiling": os.getpid()})):
        for line in sys.stdin.buffer:
            run = RunSpec(**json.loads(line))
            outcome = execute(run, journals, channel.beat)
            channel.send({"run_id": outcome.run_id, "done": True, "error": outcome.error})


if __name__ == "__main__":
    main()
