"""A problem: a simulator, a design space and a workload. It is what gets searched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from simulators._one_design import is_shared
from simulators.errors import InvalidInputError
from simulators.evaluation import Evaluation
from simulators.simulator import Simulator
from simulators.spaces import DesignSpace


@dataclass(frozen=True)
class Problem:
    """``evaluate(indices) = simulator.simulate(space.decode(indices), workload)``.

    Attributes:
        simulator: the cost model.
        space: the designs to search; its defaults are the problem's reference design.
        workload: what the simulator's ``load_workload`` returned (has ``name`` and ``digest``).
        objective: what is searched for by default, as data, where the problem knows better than its environment;
            empty otherwise.

    Raises:
        InvalidInputError: a parameter the simulator does not know, or a value it cannot express.
    """

    simulator: Simulator
    space: DesignSpace
    workload: Any
    objective: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        plain = type(self.simulator).check_columns is Simulator.check_columns
        known = {declared.name: declared for declared in self.simulator.inputs if plain}
        for parameter in self.space.parameters:
            try:
                if parameter.name in known:  # The same check, without the columns of all other inputs.
                    known[parameter.name].check(parameter.array)
                else:
                    self.simulator.check_columns({parameter.name: parameter.array})
            except InvalidInputError as error:
                raise InvalidInputError(f"space {self.space.name!r} does not fit its simulator: {error}") from error

    @cached_property
    def _fixed(self) -> tuple[tuple[str, np.ndarray, bool], ...]:
        """Inputs that the space leaves at the simulator's default: name, column of one row, whether to share it."""
        searched = set(self.space.names)
        free = [declared for declared in self.simulator.inputs if declared.name not in searched]
        columns = [np.full(1, declared.default) for declared in free]
        for column in columns:
            column.setflags(write=False)
        return tuple((i.name, column, is_shared(column)) for i, column in zip(free, columns, strict=True))

    def evaluate(self, indices: np.ndarray) -> Evaluation:
        """Evaluate designs ``[n, d]``; a design that breaks a constraint is invalid and not simulated.

        Raises:
            InvalidInputError: indices outside the space.
            AuditError: the simulator broke a law it declares.
        """
        row = self.space._one.row(np.asarray(indices))
        if row is not None and not self.space.constraints:
            return self._simulate_row(row)
        array = self.space.check(indices)
        if not self.space.constraints:
            return self._simulate(array)
        broken = self.space.violations(array)
        feasible = np.logical_not(broken.any(axis=1))
        if feasible.all():
            return self._simulate(array)
        return self._around_refused(array, broken)

    def _simulate(self, array: np.ndarray) -> Evaluation:
        columns = self.space._decode(array)
        for name, column, _ in self._fixed:
            columns[name] = np.repeat(column, len(array))
        return self.simulator.evaluate_checked(columns, self.workload)

    def _simulate_row(self, row: list[int]) -> Evaluation:
        columns = self.space._one.columns(row)
        for name, column, shared in self._fixed:
            columns[name] = column if shared else column.copy()
        return self.simulator.evaluate_checked(columns, self.workload)

    def _around_refused(self, array: np.ndarray, broken: np.ndarray) -> Evaluation:
        names = [constraint.name for constraint in self.space.constraints]
        reasons = [
            "violates " + ", ".join(name for name, bad in zip(names, row, strict=True) if bad) if any(row) else ""
            for row in broken.tolist()
        ]
        return Evaluation.around_refused(self.simulator.metrics, reasons, lambda rows: self._simulate(array[rows]))

    @cached_property
    def reference_indices(self) -> np.ndarray:
        """The reference design, shape ``[1, d]``: every parameter at its default, canonical."""
        return self.space.default_indices

    @cached_property
    def reference(self) -> Evaluation:
        """The reference design's evaluation (one row), computed once."""
        return self.evaluate(self.reference_indices)

    def identity(self) -> dict[str, Any]:
        """Return what decides this problem's numbers, as JSON-serialisable data for hashing.

        Constraints are code, so only their names take part: rename one when it changes.
        """
        return {
            "simulator": self.simulator.name,
            "version": self.simulator.version,
            "settings": self.simulator.settings(),
            "space": self.space.name,
            "parameters": [[p.name, list(p.values), p.default, p.ordered] for p in self.space.parameters],
            "inactive": [[r.parameter, {n: list(v) for n, v in r.when.items()}] for r in self.space.inactive],
            "constraints": [constraint.name for constraint in self.space.constraints],
            "workload": str(self.workload.digest),
        }
