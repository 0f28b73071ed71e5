"""What the conformance suites share: their error and how they state a broken promise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from simulators import ArchgymError, Evaluation


class ConformanceError(ArchgymError, AssertionError):
    """Something that plugs into archgym does not keep the contract; the message says which part."""


def require(condition: bool | np.bool_, promise: str, got: object = "") -> None:
    """Raise ConformanceError saying which promise is broken and what was seen."""
    if not condition:
        raise ConformanceError(f"{promise}; got {got}" if got != "" else promise)


def require_refusal(call: Callable[[], object], expected: type[Exception], promise: str) -> None:
    """Require that ``call`` raises ``expected``."""
    try:
        result = call()
    except expected:
        return
    except Exception as error:
        raise ConformanceError(f"{promise} with {expected.__name__}; got {type(error).__name__}: {error}") from error
    raise ConformanceError(f"{promise} with {expected.__name__}; it was accepted and gave {type(result).__name__}")


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Turn whatever a library's own checks raise into ConformanceError, naming the stage."""
    try:
        yield
    except ConformanceError:
        raise
    except Exception as error:
        raise ConformanceError(f"{name}: {type(error).__name__}: {error}") from error


def same(a: Evaluation, b: Evaluation) -> bool:
    """Return whether two evaluations are equal bit for bit, reasons included."""
    return (
        np.array_equal(a.values, b.values, equal_nan=True)
        and np.array_equal(a.valid, b.valid)
        and tuple(a.reason) == tuple(b.reason)
    )


def require_sound(evaluation: Evaluation, count: int, names: tuple[str, ...], who: str) -> None:
    """Require the shape, types and NaN rules that every evaluation keeps."""
    require(evaluation.names == names, f"{who}: an evaluation has exactly the declared metrics", evaluation.names)
    require(len(evaluation) == count, f"{who}: {count} designs give {count} rows", len(evaluation))
    require(evaluation.values.dtype == np.float64, f"{who}: metrics are float64", evaluation.values.dtype)
    require(evaluation.valid.dtype == np.bool_, f"{who}: valid is boolean", evaluation.valid.dtype)
    for row, (valid, reason) in enumerate(zip(evaluation.valid.tolist(), evaluation.reason, strict=True)):
        numbers = evaluation.values[row]
        if valid:
            require(np.isfinite(numbers).all(), f"{who}: a valid design has finite metrics", evaluation.row(row))
            require(reason == "", f"{who}: a valid design has no reason", repr(reason))
        else:
            require(np.isnan(numbers).all(), f"{who}: an invalid design has only NaN metrics", evaluation.row(row))
            require(bool(reason), f"{who}: an invalid design says why (reason)")
