"""How the agents' kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from numba import njit

from simulators._kernel_source import source_digest

SOURCE: Final = source_digest(Path(__file__).parent)
"""Changes with any line of the kernels; entry points carry it, so that no edit leaves old machine code in use."""
_Function = TypeVar("_Function", bound=Callable[..., Any])
_OPTIONS: Final = {"nogil": True, "error_model": "numpy"}


def compiled(function: _Function) -> _Function:
    """Compile a helper that only compiled code calls."""
    return cast(_Function, njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **_OPTIONS)(function))


def entry_point(function: _Function) -> _Function:
    """Compile a function that Python calls, and keep it on disk."""
    return cast(_Function, njit(cache=True, **_OPTIONS)(function))
