"""Exit statuses and messages: what a command says when it cannot do what was asked.

0: done. 1: it fell short or failed. 2: it was used wrongly (a name, value, file or a missing extra). 130: Ctrl-C.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import ParamSpec

import typer

P = ParamSpec("P")

OK, FELL_SHORT, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
DEBUG_VARIABLE = "ARCHGYM_DEBUG"


class Interrupted(KeyboardInterrupt):
    """Ctrl-C with something to tell the user: ``str(error)`` says how to go on."""


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """Wrap a command so that every error becomes a message on stderr and an exit status, never a traceback."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
            sys.stdout.flush()
        except BrokenPipeError:
            _silence_stdout()
            raise typer.Exit(FELL_SHORT) from None
        except KeyboardInterrupt as interrupt:
            say(f"interrupted{': ' if str(interrupt) else ''}{interrupt}")
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            if _is_control_flow(error) or os.environ.get(DEBUG_VARIABLE):
                raise
            raise typer.Exit(_explain(error)) from None

    return wrapped


def say(message: str) -> None:
    """Print a note on stderr."""
    typer.echo(message, err=True)


def _is_control_flow(error: Exception) -> bool:
    """Whether ``error`` is typer's own: an exit, an abort or a usage error, which it handles itself."""
    return type(error).__module__.split(".")[0] in ("typer", "click")


def _explain(error: Exception) -> int:
    """Print what went wrong and return the exit status."""
    from simulators.errors import ArchgymError, InvalidInputError, MissingExtraError

    if isinstance(error, ArchgymError):
        say(f"archgym: error: {error}")
        return WRONG_USAGE if isinstance(error, InvalidInputError | MissingExtraError) else FELL_SHORT
    say(
        f"archgym: unexpected error: {type(error).__name__}: {error}\n"
        f"This is a defect of archgym or of a plug-in. Set {DEBUG_VARIABLE}=1 and run the command again to see where."
    )
    return FELL_SHORT


def _silence_stdout() -> None:
    """Point stdout at nothing: the reader has gone, and the interpreter flushes once more when it ends."""
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - lives until the process ends
