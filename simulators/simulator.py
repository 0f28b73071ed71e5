"""The simulator contract: a pure function from designs and a workload to metrics.

A simulator knows its inputs, its metrics, its modes and its version; it holds no state that changes,
needs no working directory and may be called from many processes and threads at once. The batch is
the primitive: one design is a batch of one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from simulators.audits import Audit, run_audits
from simulators.errors import InvalidInputError, UnknownNameError, nearest
from simulators.evaluation import Evaluation
from simulators.metrics import Metric
from simulators.parameters import Value
from simulators.spaces import Columns


@dataclass(frozen=True)
class Input:
    """One input of a simulator and everything the model can express for it.

    Either ``choices`` (a finite list) or a range ``minimum..maximum`` of integers
    (``integer=True``) or reals. Search spaces restrict inputs; they never widen them.
    """

    name: str
    default: Value
    choices: tuple[Value, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    integer: bool = True
    unit: str | None = None
    doc: str = ""

    def check(self, column: Sequence[object] | np.ndarray) -> np.ndarray:
        """Return ``column`` as a typed array ``[n]`` (str, bool, int64 or float64).

        Text that spells a number is read as one, so that tables from CSV files work.

        Raises:
            InvalidInputError: naming row, input, what was expected and the nearest valid word.
        """
        array = np.asarray(column)
        if array.ndim != 1:
            raise InvalidInputError(f"column {self.name!r} must be one-dimensional, got shape {list(array.shape)}")
        return self._check_choices(array) if self.choices is not None else self._check_range(array)

    def _check_choices(self, array: np.ndarray) -> np.ndarray:
        choices = self.choices or ()
        textual = isinstance(self.default, str)
        if not textual and array.dtype.kind in "OU":
            table = {str(choice).lower(): choice for choice in choices}
            array = np.array([table.get(str(value).strip().lower(), str(value)) for value in array.tolist()])
        bad = ~np.isin(array.astype(str) if textual else array, np.asarray(choices))
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            close = nearest(str(array[row]), choices)
            hint = f"; did you mean {close!r}?" if close is not None else "."
            raise InvalidInputError(
                f"row {row}: {self.name!r} cannot be {array.tolist()[row]!r}{hint} "
                f"Expected one of {', '.join(map(repr, choices))}."
            )
        return array.astype(str) if textual else array

    def _check_range(self, array: np.ndarray) -> np.ndarray:
        try:
            numbers = array if array.dtype.kind in "iu" else array.astype(np.float64)
        except (TypeError, ValueError):
            row = next(i for i, value in enumerate(array.tolist()) if not _is_number(value))
            raise self._refusal(array, row) from None
        low = -np.inf if self.minimum is None else self.minimum
        high = np.inf if self.maximum is None else self.maximum
        bad = ~((numbers >= low) & (numbers <= high) & np.isfinite(numbers)) | (array.dtype.kind == "b")
        if self.integer:
            bad |= numbers != np.floor(numbers)
        if bad.any():
            raise self._refusal(array, int(np.flatnonzero(bad)[0]))
        return numbers.astype(np.int64 if self.integer else np.float64)

    def _refusal(self, array: np.ndarray, row: int) -> InvalidInputError:
        return InvalidInputError(f"row {row}: {self.name!r} cannot be {array.tolist()[row]!r}. {self._expected()}")

    def _expected(self) -> str:
        kind = "an integer" if self.integer else "a number"
        low = "" if self.minimum is None else f" from {self.minimum:g}"
        high = "" if self.maximum is None else f" up to {self.maximum:,.12g}"
        return f"Expected {kind}{low}{high}."


class Simulator(ABC):
    """A cost model.

    Class attributes a subclass sets: ``name`` and ``version`` (part of every run's identity: change
    it whenever numbers change), ``inputs`` and ``metrics``; ``audits`` where laws exist.
    Instances are immutable; settings such as the mode are constructor arguments and are returned by
    :meth:`settings`, so that they take part in the identity too.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    inputs: tuple[Input, ...]
    metrics: tuple[Metric, ...]
    audits: tuple[Audit, ...] = ()
    threaded: ClassVar[bool] = False
    """Whether evaluating happens outside Python's lock, so that threads of one process evaluate at the same time."""

    def settings(self) -> dict[str, Any]:
        """Return the constructor arguments that decide the numbers, as JSON-serialisable data."""
        return {}

    @abstractmethod
    def load_workload(self, name_or_path: str) -> Any:
        """Return the workload of that name or in that file.

        The object has a ``name`` and a ``digest`` (a string that changes with its content).

        Raises:
            InvalidInputError: no such workload (with the nearest name), or an unreadable file.
        """

    def workload_names(self) -> tuple[str, ...]:
        """Return the names of the workloads that ship with the simulator."""
        return ()

    def workload_facts(self, name: str) -> dict[str, Any]:
        """Return what lists say of a workload that ships: ``doc``, a line, and figures; plain data, may be empty."""
        return {}

    @abstractmethod
    def evaluate_columns(self, columns: Columns, workload: Any) -> Evaluation:
        """Evaluate checked designs: every input present, typed, of one length ``n``.

        Subclasses implement this; callers with unchecked data use :meth:`simulate`. Rows must not
        influence one another: row i of a batch equals the batch of row i alone.
        """

    def simulate(self, columns: Mapping[str, Sequence[object] | np.ndarray], workload: Any) -> Evaluation:
        """Evaluate designs given as columns of one length ``n``; missing inputs take their default.

        Returns:
            An evaluation of ``n`` rows, in order.

        Raises:
            UnknownNameError: a column that is not an input.
            InvalidInputError: columns of unequal length, or a value the model cannot express.
            AuditError: the results break a law the simulator declares.
        """
        return self.evaluate_checked(self.check_columns(columns), workload)

    def evaluate_checked(self, columns: Columns, workload: Any) -> Evaluation:
        """Evaluate columns known to be complete and valid, and audit the results."""
        evaluation = self.evaluate_columns(columns, workload)
        run_audits(self.audits, evaluation, self.name)
        return evaluation

    def check_columns(self, columns: Mapping[str, Sequence[object] | np.ndarray]) -> dict[str, np.ndarray]:
        """Return complete, typed columns; see :meth:`simulate` for what is refused."""
        known = {declared.name: declared for declared in self.inputs}
        for name in columns:
            if name not in known:
                raise UnknownNameError(f"parameter of simulator {self.name!r}", name, known)
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            raise InvalidInputError(f"columns must have one length, got {lengths}")
        count = next(iter(lengths.values()), 1)
        return {
            name: declared.check(columns[name]) if name in columns else np.full(count, declared.default)
            for name, declared in known.items()
        }


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True
