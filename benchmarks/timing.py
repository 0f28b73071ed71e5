"""How benchmarks take the time."""

from __future__ import annotations

import time
from collections.abc import Callable


def best_seconds(run: Callable[[], object], repetitions: int) -> float:
    """Return the least CPU seconds of several runs, after one that compiles or loads from the cache.

    The process's own CPU time, and the least of several, so that other programs on the machine disturb it little.
    """
    run()
    best = float("inf")
    for _ in range(repetitions):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return best
