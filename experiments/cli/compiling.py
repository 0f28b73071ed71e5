"""Commands that say on stderr that they compile, when that takes a while."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec

from experiments.cli.failures import say
from experiments.compiling import NOTE, noted_compiling

P = ParamSpec("P")


def notes_compiling(command: Callable[P, None]) -> Callable[P, None]:
    """Wrap a command so that it says, once, that it is compiling, if that takes longer than a moment."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        with noted_compiling(lambda: say(NOTE)):
            command(*args, **kwargs)

    return wrapped
