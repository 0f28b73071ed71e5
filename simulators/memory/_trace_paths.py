"""Trace files with reading options behind the path: ``mine.trace?format=ramulator-dram&interval=4``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.errors import InvalidInputError, UnknownNameError

OPTIONS = ("format", "interval", "instructions_per_ns")


@dataclass(frozen=True)
class TracePath:
    """A trace file and how to read it.

    Attributes:
        path: the file, which may be missing.
        options: keyword arguments of :func:`simulators.memory.trace.read_trace`.
    """

    path: Path
    options: dict[str, Any]


def trace_path(text: str) -> TracePath:
    """Split options off a path; a file whose own name has a ``?`` is taken as it is.

    Raises:
        UnknownNameError: an unknown option; names the nearest.
        InvalidInputError: an option without a value, or a value that is no number.
    """
    name, mark, tail = text.rpartition("?")
    if not mark or not text or Path(text).exists():
        return TracePath(Path(text), {})
    options: dict[str, Any] = {}
    for item in tail.replace("&", ",").split(","):
        key, equals, value = (part.strip() for part in item.partition("="))
        if key not in OPTIONS:
            raise UnknownNameError(f"option of the trace file {name!r}", key, OPTIONS)
        if not equals or not value:
            raise InvalidInputError(f"{text}: expected {key}=value, got {item!r}")
        options[key] = _value(text, key, value)
    return TracePath(Path(name), options)


def _value(text: str, key: str, value: str) -> str | int | float:
    if key == "format":
        return value
    try:
        return int(value) if key == "interval" else float(value)
    except ValueError:
        wanted = "a whole number of cycles" if key == "interval" else "a number"
        raise InvalidInputError(f"{text}: {key} must be {wanted}, got {value!r}") from None
