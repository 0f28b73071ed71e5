"""A planted problem as a simulator, and as a problem whose optimum is known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from simulators.coupled.instance import CoupledInstance, plant
from simulators.errors import UnknownNameError
from simulators.evaluation import Evaluation
from simulators.metrics import Metric
from simulators.parameters import Parameter
from simulators.problem import Problem
from simulators.simulator import Input, Simulator
from simulators.spaces import Columns, DesignSpace


class CoupledSimulator(Simulator):
    """Evaluate designs of a planted problem; its inputs are the problem's parameters.

    Args:
        parameters, levels, coupling, seed, topology, block: as of :func:`~simulators.coupled.instance.plant`.

    Attributes:
        instance: the problem's tables; its only workload.
        space: all its designs.

    Raises:
        InvalidInputError, UnknownNameError: as of :func:`~simulators.coupled.instance.plant`.

    Version history: 1.
    """

    name: ClassVar[str] = "coupled"
    version: ClassVar[str] = "1"
    metrics = (Metric("cost", "1", "minimize", "1 of the best design; the worst of a problem of one part costs 100"),)

    def __init__(
        self,
        parameters: int = 10,
        levels: int = 8,
        coupling: float = 0.5,
        seed: int = 0,
        topology: str = "blocks",
        block: int = 5,
    ) -> None:
        self.instance = plant(parameters, levels, coupling, seed, topology, block)
        self.space = _space(self.instance)
        self.inputs = tuple(Input(p.name, p.default, p.values, doc=p.doc) for p in self.space.parameters)
        self._order = [np.argsort(p.array) for p in self.space.parameters]

    def settings(self) -> dict[str, Any]:
        """Return the arguments."""
        return dict(self.instance.settings)

    def load_workload(self, name_or_path: str) -> CoupledInstance:
        """Return the instance.

        Raises:
            UnknownNameError: any name but the instance's.
        """
        if name_or_path != self.instance.name:
            hint = "An instance has no other workload: choose it by coupling, seed and topology."
            raise UnknownNameError("workload of the instance", name_or_path, (self.instance.name,), hint)
        return self.instance

    def evaluate_columns(self, columns: Columns, workload: CoupledInstance) -> Evaluation:
        """Evaluate checked designs."""
        levels = [
            order[np.searchsorted(parameter.array, columns[parameter.name], sorter=order)]
            for parameter, order in zip(self.space.parameters, self._order, strict=True)
        ]
        return self.evaluate_levels(np.stack(levels, axis=1), workload)

    def evaluate_levels(self, levels: np.ndarray, workload: CoupledInstance) -> Evaluation:
        """Evaluate designs given as levels ``[n, d]``, each 0..k-1."""
        return Evaluation.of_valid(self.metrics, workload.cost(levels)[:, None])


@dataclass(frozen=True)
class CoupledProblem(Problem):
    """The problem of all designs of an instance."""

    simulator: CoupledSimulator

    @classmethod
    def of(cls, simulator: CoupledSimulator) -> CoupledProblem:
        """Return the problem of a simulator's instance."""
        return cls(simulator, simulator.space, simulator.instance)

    @cached_property
    def best_outcomes(self) -> Evaluation:
        """The evaluation of the planted design: the best of every objective by which a lower cost is better."""
        return self.evaluate(self.simulator.instance.best[None, :])

    def _simulate(self, array: np.ndarray) -> Evaluation:
        return self.simulator.evaluate_levels(array, self.workload)

    def _simulate_row(self, row: list[int]) -> Evaluation:
        return self._simulate(np.array([row]))


def _space(instance: CoupledInstance) -> DesignSpace:
    group = {j: f"block_{number}" for number, block in enumerate(instance.blocks) for j in block}
    return DesignSpace([_parameter(instance, j, group[j]) for j in range(instance.parameters)], name="coupled")


def _parameter(instance: CoupledInstance, j: int, group: str) -> Parameter:
    """Return parameter j: ``size_j`` of the numbers 1..k, or ``kind_j`` of the names v0, v1 ..."""
    partners = sorted({other for pair in instance.pairs if j in pair for other in pair} - {j})
    doc = f"interacts with {', '.join(str(other) for other in partners)}"
    if instance.ordered[j]:
        values, default = tuple(range(1, instance.levels + 1)), int(instance.reference[j]) + 1
        return Parameter(f"size_{j}", values, default, ordered=True, group=group, doc=f"a number; {doc}")
    names = tuple(f"v{level}" for level in range(instance.levels))
    return Parameter(f"kind_{j}", names, names[instance.reference[j]], ordered=False, group=group, doc=f"a name; {doc}")
