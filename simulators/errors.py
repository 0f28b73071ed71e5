"""The exception tree of archgym: one root, one class per kind of thing that can be wrong.

Every message says what was wrong, what was expected, what was got and what to do. Command-line
tools turn :class:`InvalidInputError` into exit status 2 and other :class:`ArchgymError` into 1.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ArchgymError(Exception):
    """Root of all errors that archgym raises on purpose."""


class InvalidInputError(ArchgymError, ValueError):
    """The caller gave something that cannot be used (a wrong value, shape, type or file)."""


class UnknownNameError(InvalidInputError):
    """A name (of a parameter, metric, workload, agent ...) that nothing answers to."""

    def __init__(self, kind: str, name: object, known: Iterable[object], hint: str = "") -> None:
        options = [str(option) for option in known]
        close = nearest(str(name), options)
        guess = "." if close is None else f"; did you mean {close!r}?"
        message = f"unknown {kind} {str(name)!r}{guess} Known: {_listing(options)}."
        super().__init__(f"{message} {hint}".rstrip())
        self.kind, self.name, self.known, self.nearest = kind, str(name), tuple(options), close


class TraceFormatError(InvalidInputError):
    """A memory trace that cannot be read; the message names file, line and what was expected."""


class MissingExtraError(ArchgymError, ImportError):
    """A feature needs an optional dependency that is not installed."""

    def __init__(self, feature: str, extra: str, module: str) -> None:
        super().__init__(
            f"{feature} needs the Python package {module!r}, which is not installed. "
            f"Install it with: pip install 'archgym[{extra}]'"
        )
        self.feature, self.extra, self.module = feature, extra, module


class SamplingError(ArchgymError):
    """A design space so constrained that rejection sampling found too few feasible designs."""


class AuditError(ArchgymError):
    """A simulator broke a law of physics it declares: a defect of the simulator, never a reward."""


def nearest(word: str, options: Iterable[object]) -> str | None:
    """Return the option most like ``word`` (case ignored), or None when nothing is close."""
    by_lower = {str(option).lower(): str(option) for option in options}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.5)
    return by_lower[close[0]] if close else None


def _listing(options: list[str], most: int = 20) -> str:
    shown = ", ".join(options[:most]) if options else "none"
    return f"{shown} and {len(options) - most} more" if len(options) > most else shown
