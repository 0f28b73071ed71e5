"""A stored table as a simulator, and as a problem whose optimum is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from simulators.errors import InvalidInputError, UnknownNameError
from simulators.evaluation import Evaluation
from simulators.problem import Problem
from simulators.simulator import Input, Simulator
from simulators.spaces import Columns, Constraint, DesignSpace
from simulators.tabular.header import Source
from simulators.tabular.table import StoredTable, load_table


@dataclass(frozen=True)
class TableWorkload:
    """The one workload of a table: that of the simulator that computed it."""

    name: str
    digest: str


class TabularSimulator(Simulator):
    """Look designs up in a table: the numbers, validity and reasons of the simulator that filled it, bit for bit.

    Its inputs are the table's parameters, its metrics those of the table, its only workload the table's.
    Designs that differ only in inactive parameters are found as the one design they are.

    Args:
        table: the file of ``archgym tabulate``, or a table in memory.

    Attributes:
        table: in memory.
        source: what computed it: simulator, version, settings, workload, citation.
        space: the table's designs: its constraint holds for exactly those that the table has.

    Raises:
        InvalidInputError: a file that cannot be used.

    Version history: 1.
    """

    name: ClassVar[str] = "tabular"
    version: ClassVar[str] = "1"

    def __init__(self, table: str | Path | StoredTable) -> None:
        self.table = table if isinstance(table, StoredTable) else load_table(table)
        header = self.table.header
        self.source: Source = header.source
        self.metrics = header.metrics
        self.inputs = tuple(Input(p.name, p.default, p.values, unit=p.unit, doc=p.doc) for p in header.space.parameters)
        self._workload = TableWorkload(header.source.workload, header.source.workload_digest or self.table.checksum)
        self._codes = {p.name: np.argsort(p.array, kind="stable") for p in header.space.parameters}
        self._sorted = {p.name: np.sort(p.array, kind="stable") for p in header.space.parameters}
        self.space = self._listed_space(header.space)

    def settings(self) -> dict[str, Any]:
        """Return the table's checksum and the identity of the simulator that computed it."""
        source = self.source
        return {
            "checksum": self.table.checksum,
            "simulator": source.simulator,
            "version": source.version,
            "settings": dict(source.settings),
        }

    @property
    def outcomes(self) -> Evaluation:
        """Every distinct outcome of the table: what the best of any objective is found in."""
        return self.table.outcomes

    @cached_property
    def optima(self) -> Mapping[str, float]:
        """The best value of each metric that has a direction, over all designs of the table."""
        best = {"minimize": np.nanmin, "maximize": np.nanmax}
        outcomes = self.outcomes.take(self.outcomes.valid)
        directed = [metric for metric in self.metrics if metric.direction in best and len(outcomes)]
        return {metric.name: float(best[metric.direction](outcomes.column(metric.name))) for metric in directed}

    def workload_names(self) -> tuple[str, ...]:
        """Return the name of the table's workload."""
        return (self._workload.name,)

    def load_workload(self, name_or_path: str) -> TableWorkload:
        """Return the table's workload.

        Raises:
            UnknownNameError: any other name.
        """
        if name_or_path != self._workload.name:
            hint = "A table holds the numbers of one workload."
            raise UnknownNameError("workload of the table", name_or_path, self.workload_names(), hint)
        return self._workload

    def evaluate_columns(self, columns: Columns, workload: TableWorkload) -> Evaluation:
        """Look up checked designs.

        Raises:
            InvalidInputError: a design that the table does not have, with its values.
        """
        rows = self.rows_of(self._indices(columns))
        missing = np.flatnonzero(rows < 0)
        if missing.size:
            row = int(missing[0])
            design = {name: column[row].item() for name, column in columns.items()}
            raise InvalidInputError(
                f"row {row}: the table {self.table.place} has no design {design}; "
                f"it has {len(self.table):,} of the {self.table.header.space.size:,} combinations of its values"
            )
        return self.lookup(rows)

    def rows_of(self, indices: np.ndarray) -> np.ndarray:
        """Return the table's rows, int64 ``[n]``, of designs ``[n, d]`` of its space; -1 where there is none."""
        space = self.table.header.space
        return self.table.rank.find(space.flat_array(space.canonical(indices)))

    def lookup(self, rows: np.ndarray) -> Evaluation:
        """Return the evaluation of rows of the table, integers ``[n]``."""
        outcomes = self.table.outcomes
        outcome = self.table.outcome[rows]
        values, valid = outcomes.values.take(outcome, axis=0), outcomes.valid.take(outcome)
        reason = ("",) * len(rows) if valid.all() else tuple(outcomes.reason[number] for number in outcome.tolist())
        return Evaluation(self.metrics, values, valid, reason)

    def _indices(self, columns: Columns) -> np.ndarray:
        parts = []
        for declared in self.inputs:
            position = np.searchsorted(self._sorted[declared.name], columns[declared.name])
            parts.append(self._codes[declared.name][position])
        return np.stack(parts, axis=1)

    def _listed_space(self, space: DesignSpace) -> DesignSpace:
        """Return the space of the table's designs; what is not listed breaks its one constraint."""
        if self.table.header.complete and not self.table.header.constraints:
            return space
        name = " or ".join(self.table.header.constraints) or "not-in-the-table"
        constraint = Constraint(name, self._lists, "the table has the design")
        return DesignSpace(space.parameters, [constraint], space.inactive, space.name)

    def _lists(self, columns: Columns) -> np.ndarray:
        return self.rows_of(self._indices(columns)) >= 0


@dataclass(frozen=True)
class TabularProblem(Problem):
    """The problem of a table: the same designs, numbers and default objective as its source, and quick look-ups."""

    simulator: TabularSimulator

    @classmethod
    def of(cls, simulator: TabularSimulator) -> TabularProblem:
        """Return the problem of all designs of the table of ``simulator``."""
        workload = simulator.load_workload(simulator.workload_names()[0])
        return cls(simulator, simulator.space, workload, simulator.table.header.objective)

    @property
    def outcomes(self) -> Evaluation:
        """Every distinct outcome of the problem's designs, so that the best score of any objective is known."""
        return self.simulator.outcomes

    def _simulate(self, array: np.ndarray) -> Evaluation:
        return self.simulator.lookup(self.simulator.rows_of(array))

    def _simulate_row(self, row: list[int]) -> Evaluation:
        return self._simulate(np.array([row]))
