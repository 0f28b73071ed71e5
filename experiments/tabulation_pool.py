"""Evaluating many designs of one problem: alone while that is quick, else in several workers.

Workers are threads where the simulator evaluates outside Python's lock (it says so), else processes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from experiments.backends import SINGLE_THREADED, ExecutionError
from experiments.identity import digest_of
from experiments.run_one import import_entry
from experiments.worker import die_with_parent
from simulators import InvalidInputError, Problem, Value
from simulators.tabular import Rows

Only = Mapping[str, Sequence[Value]]
"""Parameters that are restricted, each with the values that it may take."""
_Submit = Callable[[np.ndarray], "Future[tuple[Rows, float]]"]
PART_SECONDS = 4.0
"""What a part should take to compute: what a crash costs at most, per worker."""
_SMALLEST, _LARGEST = 32, 16384
_ALONE_SECONDS = 2.0
"""Time after which workers are started."""


@dataclass(frozen=True)
class ProblemRecipe:
    """What another process needs to build a problem.

    Attributes:
        entry_point: ``module:callable``.
        arguments: of the callable, JSON-serialisable.
        only: the restriction of its space.
        digest: hash of the identity of what comes out.
    """

    entry_point: str
    arguments: dict[str, Any]
    only: dict[str, Sequence[Value]]
    digest: str

    def build(self) -> Problem:
        """Build the problem.

        Raises:
            InvalidInputError: it is not the same in this process: a file has changed, say.
        """
        problem = restrict(import_entry(self.entry_point)(**self.arguments), self.only)
        if digest_of(problem.identity()) != self.digest:
            raise InvalidInputError(
                "the problem has changed since the tabulation began: its workload (a trace file, say), space or "
                "simulator is another one in a worker process; start again"
            )
        return problem


def restrict(problem: Problem, only: Only) -> Problem:
    """Return ``problem`` with some parameters restricted to some values."""
    return replace(problem, space=problem.space.restricted(only)) if only else problem


def evaluate_rows(problem: Problem, flat: np.ndarray) -> Rows:
    """Evaluate the designs with these flat indices."""
    evaluation = problem.evaluate(problem.space.unflatten(flat))
    values = np.where(evaluation.valid[:, None], evaluation.values, np.nan)
    return Rows(flat, values, evaluation.valid, evaluation.reason)


def evaluate_all(
    problem: Problem, recipe: ProblemRecipe, flat: np.ndarray, gaps: Sequence[tuple[int, int]], workers: int
) -> Iterator[tuple[int, Rows]]:
    """Evaluate the designs ``flat[first:stop]`` of all ``gaps``; give (first, rows) of parts, in any order.

    Raises:
        ExecutionError: a worker process ended by itself.
        ArchgymError: whatever the simulator finds wrong.
    """
    pace = _Pace()
    ranges = _Ranges(gaps, pace, workers)
    start = time.perf_counter()
    while (part := ranges.take()) is not None:
        first, stop = part
        began = time.perf_counter()
        rows = evaluate_rows(problem, flat[first:stop])
        pace.note(len(rows), time.perf_counter() - began)
        yield first, rows
        alone = 0.0 if problem.simulator.threaded else _ALONE_SECONDS
        if workers > 1 and time.perf_counter() - start > alone and pace.lasts(ranges.left):
            pool = _threads(problem, workers) if problem.simulator.threaded else _processes(recipe, workers)
            yield from _in_workers(pool, flat, ranges, pace, workers)


class _Pace:
    """How many designs make a part, from how long the last ones took."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._count = 0

    def note(self, count: int, seconds: float) -> None:
        self._count, self._seconds = count, seconds

    def size(self) -> int:
        if not self._count:
            return _SMALLEST
        fit = PART_SECONDS / max(self._seconds / self._count, 1e-9)
        return int(min(max(1, fit), _LARGEST, 8 * max(self._count, _SMALLEST)))  # the first call may have compiled

    def lasts(self, designs: int) -> bool:
        """Whether so many designs take longer than starting workers."""
        return designs * self._seconds / max(1, self._count) > _ALONE_SECONDS


class _Ranges:
    """Hands out the gaps piece by piece, towards the end in smaller pieces, so that all workers end together."""

    def __init__(self, gaps: Sequence[tuple[int, int]], pace: _Pace, workers: int) -> None:
        self._gaps, self._pace, self._workers = list(gaps)[::-1], pace, workers
        self.left = sum(stop - first for first, stop in gaps)

    def take(self) -> tuple[int, int] | None:
        if not self._gaps:
            return None
        first, stop = self._gaps.pop()
        fair = max(_SMALLEST, self.left // (4 * self._workers)) if self._workers > 1 else self.left
        middle = min(stop, first + min(self._pace.size(), fair))
        if middle < stop:
            self._gaps.append((middle, stop))
        self.left -= middle - first
        return first, middle


def _in_workers(
    pool: AbstractContextManager[_Submit], flat: np.ndarray, ranges: _Ranges, pace: _Pace, workers: int
) -> Iterator[tuple[int, Rows]]:
    waiting: dict[Future[tuple[Rows, float]], int] = {}
    with pool as submit:
        try:
            while True:
                while len(waiting) < 2 * workers and (part := ranges.take()) is not None:
                    first, stop = part
                    waiting[submit(flat[first:stop])] = first
                if not waiting:
                    return
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    rows, seconds = future.result()
                    pace.note(len(rows), seconds)
                    yield waiting.pop(future), rows
        except BrokenProcessPool:
            raise ExecutionError(
                "a worker process ended by itself (killed, or out of memory?); what is done is kept: go on by --resume"
            ) from None


@contextmanager
def _threads(problem: Problem, workers: int) -> Iterator[_Submit]:
    """Start threads; when something goes wrong, they end with the part they are at."""
    pool = ThreadPoolExecutor(workers)
    try:
        yield lambda flat: pool.submit(_timed, problem, flat)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _processes(recipe: ProblemRecipe, workers: int) -> Iterator[_Submit]:
    """Start processes of one thread each; end them at once when something goes wrong."""
    before = {name: os.environ.get(name) for name in SINGLE_THREADED}
    os.environ.update(SINGLE_THREADED)
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_start, initargs=(os.getpid(), recipe)
    )
    try:
        yield lambda flat: pool.submit(_evaluate, flat)
    except BaseException:
        for process in list((pool._processes or {}).values()):
            process.kill()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _start(parent: int, recipe: ProblemRecipe) -> None:
    """Prepare a worker process; its problem is built at the first task, where an error finds its way back."""
    die_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    global _recipe
    _recipe = recipe


_recipe: ProblemRecipe | None = None


@cache
def _problem() -> Problem:
    if _recipe is None:
        raise ExecutionError("a worker process was not told what to evaluate; this is a defect of archgym")
    return _recipe.build()


def _evaluate(flat: np.ndarray) -> tuple[Rows, float]:
    return _timed(_problem(), flat)


def _timed(problem: Problem, flat: np.ndarray) -> tuple[Rows, float]:
    began = time.perf_counter()
    rows = evaluate_rows(problem, flat)
    return rows, time.perf_counter() - began
