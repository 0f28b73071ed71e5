"""Printing results: tables for people, strict JSON for programs; notes and progress go to stderr."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console, RenderableType


def print_json(data: Any) -> None:
    """Print ``data`` as strict JSON on stdout: an infinite or undefined number is ``null``."""
    from experiments.comparison_records import plain_json

    typer.echo(json.dumps(plain_json(data), indent=2, ensure_ascii=False, allow_nan=False))


def print_table(renderable: RenderableType) -> None:
    """Print a rich table or text on stdout."""
    from rich.console import Console

    Console(highlight=False, soft_wrap=False).print(renderable)


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr where that is a terminal; gives a function of (done, total)."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = _stderr_console()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(description, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _stderr_console() -> Console:
    from rich.console import Console

    return Console(stderr=True)
