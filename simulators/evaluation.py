"""What a simulator returns: one row of metrics per design, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from simulators.errors import InvalidInputError, UnknownNameError
from simulators.metrics import Metric


@dataclass(frozen=True)
class Evaluation:
    """Results of ``n`` designs on ``m`` metrics.

    Attributes:
        metrics: the ``m`` metrics, in the order of the columns of ``values``.
        values: float64 ``[n, m]``; a row of an invalid design is all NaN.
        valid: bool ``[n]``.
        reason: ``n`` strings; empty where valid, else why the design has no metrics.
        diagnostics: optional hints, name -> array of length ``n`` (the bottleneck, say).

    Raises:
        InvalidInputError: shapes that disagree.
    """

    metrics: tuple[Metric, ...]
    values: np.ndarray
    valid: np.ndarray
    reason: tuple[str, ...]
    diagnostics: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows, columns = self.values.shape
        if columns != len(self.metrics) or self.valid.shape != (rows,) or len(self.reason) != rows:
            raise InvalidInputError(
                f"evaluation of {rows} designs and {len(self.metrics)} metrics has values {self.values.shape}, "
                f"valid {self.valid.shape} and {len(self.reason)} reasons"
            )

    def __len__(self) -> int:
        """Return the number of designs ``n``."""
        return len(self.valid)

    @classmethod
    def of_valid(
        cls, metrics: tuple[Metric, ...], values: np.ndarray, diagnostics: Mapping[str, np.ndarray] | None = None
    ) -> Evaluation:
        """Build the result of designs that are all valid from ``values`` of shape ``[n, m]``."""
        count = len(values)
        return cls(metrics, values, np.ones(count, dtype=bool), ("",) * count, diagnostics or {})

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics' names, in column order."""
        return tuple(metric.name for metric in self.metrics)

    def column(self, name: str) -> np.ndarray:
        """Return one metric, shape ``[n]``; raises UnknownNameError with the nearest name."""
        for position, metric in enumerate(self.metrics):
            if metric.name == name:
                return self.values[:, position]
        raise UnknownNameError("metric", name, self.names)

    def row(self, index: int = 0) -> dict[str, float]:
        """Return one design's metrics as name -> plain float."""
        return dict(zip(self.names, self.values[index].tolist(), strict=True))

    def take(self, rows: np.ndarray) -> Evaluation:
        """Return the evaluation of the designs at ``rows`` (integer positions or a boolean mask)."""
        positions = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows, dtype=np.int64)
        return Evaluation(
            self.metrics,
            self.values[positions],
            self.valid[positions],
            tuple(self.reason[i] for i in positions.tolist()),
            {name: np.asarray(array)[positions] for name, array in self.diagnostics.items()},
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Evaluation]) -> Evaluation:
        """Join evaluations of one simulator, at least one.

        Diagnostics that all of them have are kept; texts that some lack, too, empty there.
        """
        if not parts:
            raise InvalidInputError("there is nothing to concatenate: give at least one evaluation")
        return cls(
            parts[0].metrics,
            np.concatenate([part.values for part in parts]),
            np.concatenate([part.valid for part in parts]),
            tuple(reason for part in parts for reason in part.reason),
            _joined_diagnostics(parts),
        )

    @classmethod
    def around_refused(
        cls, metrics: tuple[Metric, ...], reasons: Sequence[str], evaluate: Callable[[np.ndarray], Evaluation]
    ) -> Evaluation:
        """Evaluate the designs that are not refused and put the refused ones back in their places, invalid.

        Args:
            metrics: what the simulator measures.
            reasons: for each design why it is refused, an empty text if it is not.
            evaluate: takes the bool mask ``[n]`` of the designs to evaluate and evaluates those, in order; not called
                if there are none.
        """
        wanted = np.array([not reason for reason in reasons])
        refused = cls.invalid(metrics, [reason for reason in reasons if reason])
        if not wanted.any():
            return refused
        order = np.argsort(np.concatenate([np.flatnonzero(wanted), np.flatnonzero(~wanted)]))
        return cls.concatenate([evaluate(wanted), refused]).take(order)

    @classmethod
    def invalid(cls, metrics: tuple[Metric, ...], reasons: Sequence[str]) -> Evaluation:
        """Build the result of designs that all failed, one non-empty reason each."""
        values = np.full((len(reasons), len(metrics)), np.nan)
        return cls(metrics, values, np.zeros(len(reasons), dtype=bool), tuple(reasons))


def _joined_diagnostics(parts: Sequence[Evaluation]) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for name in sorted({name for part in parts for name in part.diagnostics}):
        arrays = [part.diagnostics.get(name) for part in parts]
        given = [np.asarray(array) for array in arrays if array is not None]
        if len(given) == len(parts):
            found[name] = np.concatenate(given)
        elif all(array.dtype.kind == "U" for array in given):
            texts = [np.full(len(part), "") if a is None else a for part, a in zip(parts, arrays, strict=True)]
            found[name] = np.concatenate(texts)
    return found
