"""Single designs in plain Python.

The batch is the primitive of every space, but searchers that go design by design would spend tens of
microseconds on array operations over one row. These tables give the same answers in a few.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence

import numpy as np

from simulators.parameters import Parameter, Value

Rule = tuple[int, Sequence[tuple[int, np.ndarray]]]
"""A compiled inactive rule: column, and the (column, boolean array over its values) that must all hold."""

_INT64 = np.dtype(np.int64)


class OneDesign:
    """Look-up tables for rows of a design space.

    Args:
        parameters: of the space.
        rules: its compiled inactive rules, in the order in which they apply.
    """

    def __init__(self, parameters: Sequence[Parameter], rules: Sequence[Rule]) -> None:
        self._names = tuple(p.name for p in parameters)
        self._counts = [len(p) for p in parameters]
        self._shape = (1, len(self._counts))
        self._values = [p.values for p in parameters]
        self._columns = [(p.name, [p.array[i : i + 1] for i in range(len(p))], is_shared(p.array)) for p in parameters]
        # A condition's values as the bits of an integer: one object to look at instead of a set of them.
        self._rules = [
            (column, parameters[column].default_index, [(other, _bits(holds)) for other, holds in conditions])
            for column, conditions in rules
        ]

    def row(self, array: np.ndarray) -> list[int] | None:
        """Return the indices of an int64 array ``[1, d]`` within the space; None where that is not what it is."""
        if array.dtype is not _INT64 or array.shape != self._shape:
            return None
        row: list[int] = array.tolist()[0]
        return row if min(row) >= 0 and all(map(operator.lt, row, self._counts)) else None

    def canonical(self, row: list[int]) -> np.ndarray:
        """Return the canonical design, a new array ``[1, d]``."""
        for column, default, conditions in self._rules:
            for other, bits in conditions:
                if not bits >> row[other] & 1:
                    break
            else:
                row[column] = default
        return np.array([row])

    def active(self, row: list[int]) -> np.ndarray:
        """Return which parameters have an effect, a boolean array ``[1, d]``."""
        active = [True] * len(row)
        for column, default, conditions in self._rules:
            for other, bits in conditions:
                if not bits >> row[other] & 1:
                    break
            else:
                row[column] = default
                active[column] = False
        return np.array([active])

    def columns(self, row: list[int]) -> dict[str, np.ndarray]:
        """Return the columns ``[1]``; those of text are shared and read-only."""
        return {
            name: arrays[index] if shared else arrays[index].copy()
            for (name, arrays, shared), index in zip(self._columns, row, strict=True)
        }

    def describe(self, row: Sequence[int]) -> dict[str, Value]:
        """Return parameter name -> plain Python value."""
        return {name: values[index] for name, values, index in zip(self._names, self._values, row, strict=True)}


def is_shared(array: np.ndarray) -> bool:
    """Return whether single rows of a column are handed out without a copy: text, which no kernel writes to."""
    return array.dtype.kind == "U"


def _bits(holds: np.ndarray) -> int:
    return sum(1 << int(index) for index in np.flatnonzero(holds))
