"""Small random design problems with inactive rules, constraints and invalid designs, for property tests."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import strategies as st

from simulators import Constraint, DesignSpace, Evaluation, InactiveRule, Input, Metric, Parameter, Problem, Simulator
from tests.archgym_envs.toys import Load


class Tally(Simulator):
    """cost = 1 + the design read as a number, parameter j worth 4^j; designs whose values add up to ``hole`` fail."""

    name = "tally"
    version = "1"
    metrics = (Metric("cost", "1"),)

    def __init__(self, space: DesignSpace, hole: int) -> None:
        self.inputs = tuple(Input(p.name, p.default, choices=p.values) for p in space.parameters)
        self.hole = hole

    def load_workload(self, name_or_path):
        return Load(name_or_path, 1.0)

    def evaluate_columns(self, columns, workload):
        values = np.stack([columns[declared.name] for declared in self.inputs], axis=1)
        cost = 1.0 + values @ 4.0 ** np.arange(values.shape[1])
        valid = values.sum(axis=1) != self.hole
        reasons = tuple("" if good else "in the hole" for good in valid)
        return Evaluation(self.metrics, np.where(valid, cost, np.nan)[:, None], valid, reasons)


@st.composite
def spaces(draw, constrained: bool = True) -> DesignSpace:
    """One to four parameters of one to four values, acyclic rules, and constraints that the default design meets."""
    counts = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    defaults = [draw(st.integers(0, count - 1)) for count in counts]
    parameters = tuple(
        Parameter(f"p{j}", tuple(range(count)), default)
        for j, (count, default) in enumerate(zip(counts, defaults, strict=True))
    )
    order = draw(st.sampled_from(list(permutations(range(len(counts))))))
    rules = []
    for position in range(1, len(counts)):
        if draw(st.booleans()):
            parents = draw(st.lists(st.sampled_from(order[:position]), min_size=1, max_size=2, unique=True))
            values = {f"p{j}": tuple(draw(st.sets(st.integers(0, counts[j] - 1), min_size=1))) for j in parents}
            rules.append(InactiveRule(f"p{order[position]}", values))
    free = DesignSpace(parameters, inactive=rules, name="free")
    if not constrained or not draw(st.booleans()):
        return free
    chance = draw(st.sampled_from((0.2, 0.5, 0.8)))
    allowed = np.random.default_rng(draw(st.integers(0, 99))).random(counts) >= chance
    allowed[tuple(free.default_indices[0])] = True
    table = Constraint("table", lambda c: allowed[tuple(np.asarray(c[p.name], dtype=np.int64) for p in parameters)])
    return DesignSpace(parameters, (table,), rules, name="tabled")


def problem_of(space: DesignSpace, hole: int = -1) -> Problem:
    """Return a problem on a space; designs whose values add up to ``hole`` are invalid, but for the reference."""
    simulator = Tally(space, -1 if hole == space.default_indices.sum() else hole)
    return Problem(simulator, space, simulator.load_workload("any"))


def every_design(space: DesignSpace) -> np.ndarray:
    """Return all designs ``[size, d]``, whether canonical and feasible or not."""
    return space.unflatten(range(space.size))


def feasible_designs(space: DesignSpace) -> list[tuple[int, ...]]:
    """Return the distinct feasible designs in canonical form."""
    return [tuple(design) for batch in space.batches() for design in batch.tolist()]
