"""Live progress: bars on a terminal, plain lines elsewhere (80 columns are enough)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from experiments.runs import RunSpec

_MAX_GROUPS = 14
_LINE_SECONDS = 10.0


class ProgressView(Protocol):
    """Is told how an experiment goes; a context manager around the whole of it."""

    def __enter__(self) -> ProgressView:
        """Begin to show."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop showing."""

    def start(self, runs: Sequence[RunSpec], done: Sequence[RunSpec]) -> None:
        """There are ``runs``, of which ``done`` need nothing more."""

    def beat(self, run_id: str, evaluations: int) -> None:
        """A run has this many evaluations now."""

    def finished(self, run: RunSpec, evaluations: int, error: str) -> None:
        """A run has ended; ``error`` is "" unless it failed."""


class SilentView:
    """Shows nothing."""

    def __enter__(self) -> SilentView:
        """Return the view itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing."""

    def start(self, runs: Sequence[RunSpec], done: Sequence[RunSpec]) -> None:
        """Do nothing."""

    def beat(self, run_id: str, evaluations: int) -> None:
        """Do nothing."""

    def finished(self, run: RunSpec, evaluations: int, error: str) -> None:
        """Do nothing."""


class Rate:
    """Evaluations so far and per second, counting runs in flight."""

    def __init__(self) -> None:
        self._finished = 0
        self._flying: dict[str, int] = {}
        self._first: dict[str, int] = {}
        self._start = time.monotonic()

    def beat(self, run_id: str, evaluations: int) -> None:
        """Note the count of a run in flight; what it replayed before its first beat still counts."""
        self._flying[run_id] = evaluations

    def finish(self, run_id: str, evaluations: int) -> None:
        """Note the final count of a run."""
        self._flying.pop(run_id, None)
        self._finished += evaluations

    @property
    def total(self) -> int:
        """Evaluations so far."""
        return self._finished + sum(self._flying.values())

    def __str__(self) -> str:
        """Return ``1234 evaluations, 56/s``."""
        elapsed = max(time.monotonic() - self._start, 1e-9)
        return f"{self.total} evaluations, {self.total / elapsed:.0f}/s"


class PlainView(SilentView):
    """Prints a line now and then: for logs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rate = Rate()
        self._total = self._done = self._failed = 0
        self._last = time.monotonic()

    def start(self, runs: Sequence[RunSpec], done: Sequence[RunSpec]) -> None:
        """Print what there is to do."""
        self._total, self._done = len(runs), len(done)
        already = f" ({len(done)} done before)" if done else ""
        self._print(f"{len(runs)} runs{already}")

    def beat(self, run_id: str, evaluations: int) -> None:
        """Count, and print when the last line is old."""
        self._rate.beat(run_id, evaluations)
        self._maybe_print()

    def finished(self, run: RunSpec, evaluations: int, error: str) -> None:
        """Count; print failures at once."""
        self._rate.finish(run.run_id, evaluations)
        self._done += 1
        if error:
            self._failed += 1
            self._print(f"failed: {describe_run(run)}: {error}")
        if self._done == self._total:
            self._last = 0.0
        self._maybe_print()

    def _maybe_print(self) -> None:
        if time.monotonic() - self._last >= _LINE_SECONDS:
            failed = f", {self._failed} failed" if self._failed else ""
            self._print(f"{self._done}/{self._total} runs{failed}, {self._rate}")

    def _print(self, text: str) -> None:
        self._last = time.monotonic()
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class LiveView(SilentView):
    """Bars: one for everything and one per agent and problem, as long as there are not too many."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
        )
        self._note = Text()
        self._live = Live(Group(self._progress, self._note), console=console, refresh_per_second=5)
        self._console = console
        self._rate = Rate()
        self._groups: dict[tuple[str, str], TaskID] = {}
        self._failed = 0

    def __enter__(self) -> LiveView:
        """Begin to draw."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last state on the screen."""
        self._live.stop()

    def start(self, runs: Sequence[RunSpec], done: Sequence[RunSpec]) -> None:
        """Make the bars."""
        self._all = self._progress.add_task("all runs", total=len(runs), completed=len(done))
        groups = list(dict.fromkeys((run.problem, run.agent_group) for run in runs))
        if len(groups) > _MAX_GROUPS:
            return
        several = len({problem for problem, _ in groups}) > 1
        for problem, agent in groups:
            total, before = (sum((r.problem, r.agent_group) == (problem, agent) for r in rs) for rs in (runs, done))
            name = f"{agent} / {problem}" if several else agent
            name = name if len(name) <= 32 else name[:31] + "…"
            self._groups[problem, agent] = self._progress.add_task(name, total=total, completed=before)

    def beat(self, run_id: str, evaluations: int) -> None:
        """Show the rate."""
        self._rate.beat(run_id, evaluations)
        self._show_rate()

    def finished(self, run: RunSpec, evaluations: int, error: str) -> None:
        """Advance the bars; print failures above them."""
        self._rate.finish(run.run_id, evaluations)
        self._progress.advance(self._all)
        group = self._groups.get((run.problem, run.agent_group))
        if group is not None:
            self._progress.advance(group)
        if error:
            self._failed += 1
            self._console.print(f"failed: {describe_run(run)}: {error}", markup=False, highlight=False)
        self._show_rate()

    def _show_rate(self) -> None:
        failed = f", {self._failed} failed" if self._failed else ""
        self._note.plain = f"  {self._rate}{failed}"


def describe_run(run: RunSpec) -> str:
    """Return ``genetic on MemoryController, seed 3``."""
    return f"{run.agent} on {run.problem}, seed {run.seed}"


def make_view(console: Console | None = None) -> ProgressView:
    """Return bars where ``console`` (default: standard error) is a terminal, lines otherwise."""
    console = console or Console(stderr=True)
    return LiveView(console) if console.is_terminal else PlainView(console)
