"""Printing results: tables for people, strict JSON for programs; notes and progress go to stderr."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console, RenderableType

_LINE_SECONDS = 30.0


def print_json(data: Any) -> None:
    """Print ``data`` as strict JSON on stdout: an infinite or undefined number is ``null``."""
    from experiments.comparison_records import plain_json

    typer.echo(json.dumps(plain_json(data), indent=2, ensure_ascii=False, allow_nan=False))


def print_table(renderable: RenderableType) -> None:
    """Print a rich table or text on stdout."""
    from rich.console import Console

    Console(highlight=False, soft_wrap=False).print(renderable)


def folded(text: str, width: int) -> str:
    """Return ``text`` with its words of more than ``width`` characters broken behind underscores, where they have any.

    Rich breaks long words anywhere; what is broken here stands on lines of its own.
    """
    return " ".join("\n".join(_pieces(word, width)) for word in text.split(" "))


def _pieces(word: str, width: int) -> list[str]:
    lines = [""]
    for piece in re.findall("[^_]*_+|[^_]+", word):
        if lines[-1] and len(lines[-1]) + len(piece) > width:
            lines.append("")
        lines[-1] += piece
    return lines


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr where that is a terminal; gives a function of (done, total)."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = _stderr_console()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(description, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def rate_bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar with rate and time left on a terminal's stderr, and elsewhere a line every half minute.

    Gives a function of (done, total); what is done at its first call was done before and counts for no rate.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = _stderr_console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    pace = _Pace()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(description, total=None)

        def tell(done: int, total: int) -> None:
            text = f"{description}, {pace.text(done, total)}"
            progress.update(task, completed=done, total=total, description=text)
            if not console.is_terminal and pace.is_time_for_a_line():
                typer.echo(f"{done:,} of {total:,} {text}", err=True)

        yield tell


class _Pace:
    """Rate and time left of something that counts up."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._before = 0
        self._last_line = 0.0

    def text(self, done: int, total: int) -> str:
        now = time.monotonic()
        if self._began is None:
            self._began = self._last_line = now
            self._before = done
        if done >= total:
            return "all evaluated, summing up"
        rate = (done - self._before) / max(now - self._began, 1e-9)
        if not rate:
            return "starting"
        left = round((total - done) / rate)
        return f"{rate:,.0f} per second, {left // 3600}:{left // 60 % 60:02d}:{left % 60:02d} left"

    def is_time_for_a_line(self) -> bool:
        if time.monotonic() - self._last_line < _LINE_SECONDS:
            return False
        self._last_line = time.monotonic()
        return True


def _stderr_console() -> Console:
    from rich.console import Console

    return Console(stderr=True)
