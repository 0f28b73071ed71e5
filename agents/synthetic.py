"""Small synthetic problems with a known optimum, for checking agents without any real simulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from simulators import (
    Constraint,
    DesignSpace,
    Evaluation,
    InactiveRule,
    Input,
    Metric,
    Parameter,
    Problem,
    Simulator,
)


@dataclass(frozen=True)
class _Workload:
    name: str = "none"
    digest: str = "0"


class SyntheticSimulator(Simulator):
    """A separable bowl over positions: ``cost = 1 + sum_j ((position_j - best_j) / count_j)^2``.

    Args:
        space: gives inputs and positions; the best position of each parameter is its last but one.
        invalid: share of designs that fail, by a hash of the design (1.0: all but the reference design).
    """

    name: ClassVar[str] = "synthetic"
    version: ClassVar[str] = "1"
    metrics = (Metric("cost", "1", "minimize", "distance from the best design"),)

    def __init__(self, space: DesignSpace, invalid: float = 0.0) -> None:
        self._space, self._invalid = space, invalid
        self.inputs = tuple(Input(p.name, p.default, choices=p.values) for p in space.parameters)

    def load_workload(self, name_or_path: str) -> _Workload:
        """Return the only workload."""
        return _Workload()

    def best(self) -> np.ndarray:
        """Return the best design, shape ``[1, d]``."""
        return np.maximum(self._space.cardinalities - 2, 0)[None, :]

    def cost(self, indices: np.ndarray) -> np.ndarray:
        """Return the cost ``[n]`` of designs ``[n, d]``."""
        return 1.0 + (((indices - self.best()) / self._space.cardinalities) ** 2).sum(axis=1)

    def evaluate_columns(self, columns: Mapping[str, np.ndarray], workload: Any) -> Evaluation:
        """Evaluate decoded designs."""
        indices = np.stack(
            [_positions(parameter, columns[parameter.name]) for parameter in self._space.parameters], axis=1
        )
        keys = indices @ (np.arange(1, indices.shape[1] + 1) * 40503) + 1
        hashed = keys * 2654435761 % 2**32 / 2**32  # Knuth's multiplicative hash
        reference = (indices == [p.default_index for p in self._space.parameters]).all(axis=1)
        valid = (hashed >= self._invalid) | reference
        values = np.where(valid, self.cost(indices), np.nan)[:, None]
        return Evaluation(self.metrics, values, valid, tuple("" if ok else "fails by design" for ok in valid.tolist()))


def conformance_problems() -> tuple[Problem, ...]:
    """Return the small problems that :func:`check_agent` searches; each one's space names what is special."""
    mixed = [
        Parameter("policy", ("open", "closed", "adaptive")),
        Parameter("depth", (1, 2, 4, 8, 16, 32), unit="entries"),
        Parameter("prefetch", (False, True)),
        Parameter("degree", (1, 2, 3, 4)),
    ]
    off = InactiveRule("degree", {"prefetch": (False,)})
    shallow = Constraint("closed_is_shallow", lambda c: ~((c["policy"] == "closed") & (c["depth"] > 8)))
    tight = Constraint("few", lambda c: (c["depth"] == 4) | ((c["policy"] == "open") & (c["depth"] == 1)))
    huge = [Parameter(f"ordered_{i}", range(1000)) for i in range(5)]
    huge += [Parameter(f"named_{i}", [f"v{k}" for k in range(1000)]) for i in range(5)]
    spaces = (
        DesignSpace(mixed, name="mixed"),
        DesignSpace(mixed, [shallow], [off], name="constrained with an inactive rule"),
        DesignSpace(mixed, [tight], name="tightly constrained"),
        DesignSpace([Parameter("only", range(200))], name="one parameter"),
        DesignSpace([Parameter("a", (1,)), Parameter("b", ("x",))], name="one design"),
        DesignSpace([Parameter("fixed", (7,)), *mixed], name="a parameter of one value"),
        DesignSpace(huge, name="10^30 designs"),
    )
    problems = [_problem(space) for space in spaces]
    problems.append(_problem(DesignSpace(mixed, name="half of the designs invalid"), invalid=0.5))
    problems.append(_problem(DesignSpace(mixed, name="all designs but the reference invalid"), invalid=1.0))
    return tuple(problems)


def trivial_problem() -> Problem:
    """Return a separable problem of 15 625 designs that any searcher must solve better than chance."""
    return _problem(DesignSpace([Parameter(f"p{i}", range(5)) for i in range(6)], name="trivial"))


def _problem(space: DesignSpace, invalid: float = 0.0) -> Problem:
    return Problem(SyntheticSimulator(space, invalid), space, _Workload())


def _positions(parameter: Parameter, column: np.ndarray) -> np.ndarray:
    order = np.argsort(parameter.array)
    return order[np.searchsorted(parameter.array, column, sorter=order)]
