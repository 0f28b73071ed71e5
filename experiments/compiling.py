"""A note while simulators compile, which takes a while at their first use and says nothing itself.

Numba announces each function that it compiles; functions that come from its cache are not announced.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE_SECONDS = 3.0
"""Compiling for longer than this is worth a note."""
NOTE = "compiling the simulator (once, about a minute) ..."


@contextmanager
def noted_compiling(note: Callable[[], None]) -> Iterator[None]:
    """Call ``note`` once within this block if Numba compiles for longer than PATIENCE_SECONDS in all, while it does.

    The call comes from a thread of its own.
    """
    from numba.core import event

    watch = CompilingWatch(note)

    class Listener(event.Listener):
        def on_start(self, event: event.Event) -> None:
            watch.start()

        def on_end(self, event: event.Event) -> None:
            watch.stop()

    try:
        with event.install_listener("numba:compile", Listener()):
            yield
    finally:
        watch.close()


class CompilingWatch:
    """Adds up the time between outermost starts and stops, and calls ``note`` once it reaches PATIENCE_SECONDS."""

    def __init__(self, note: Callable[[], None]) -> None:
        self._note = note
        self._lock = threading.Lock()
        self._depth = 0
        self._began = self._before = 0.0
        self._timer: threading.Timer | None = None
        self._told = False

    def start(self) -> None:
        """A function begins to compile; functions it calls may begin before it ends."""
        with self._lock:
            self._depth += 1
            if self._depth == 1 and not self._told:
                self._began = time.monotonic()
                self._timer = threading.Timer(max(0.0, PATIENCE_SECONDS - self._before), self._tell)
                self._timer.daemon = True
                self._timer.start()

    def stop(self) -> None:
        """A function is compiled."""
        with self._lock:
            self._depth -= 1
            if self._depth == 0 and self._timer is not None:
                self._before += time.monotonic() - self._began
                self._cancel()

    def close(self) -> None:
        """Call nothing from now on."""
        with self._lock:
            self._told = True
            self._cancel()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell(self) -> None:
        with self._lock:
            if not self._told and self._depth:
                self._told = True
                self._note()
