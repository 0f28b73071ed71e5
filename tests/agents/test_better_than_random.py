"""The claim "better than random search" as a test: 20 seeds, one-sided Mann-Whitney, Holm-corrected."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from agents import make_agent
from agents.synthetic import SyntheticSimulator
from agents.testing import trajectory
from simulators import DesignSpace, Parameter, Problem

SEEDS = range(20)
QUICK = ["random_walker", "genetic", "ant_colony", "simulated_annealing", "bottleneck_search"]
QUICK += ["reinforce", "native_ppo", "multi_agent_ppo"]
QUICK += ["hill_climbing", "differential_evolution", "cma_es", "nsga2", "random_forest"]
COUNTS = (8, 8, 6, 6, 5, 5, 4, 4, 3, 2)
"""Ten parameters, 5 529 600 designs; the even ones ordered, the odd ones not."""


class Coupled(SyntheticSimulator):
    """Unordered values in random order, and random couplings between five pairs of parameters."""

    name = "coupled"

    def __init__(self, space):
        super().__init__(space)
        rng = np.random.default_rng(2026)
        counts = space.cardinalities
        ordered = np.array([p.ordered for p in space.parameters])
        self._mains = [
            ((np.arange(c) - rng.integers(c)) / c) ** 2 if o else 0.3 * rng.random(c)
            for c, o in zip(counts, ordered, strict=True)
        ]
        pairs = rng.permutation(len(counts)).reshape(-1, 2)
        self._pairs = [(i, j, 0.4 * rng.random((counts[i], counts[j]))) for i, j in pairs]

    def cost(self, indices):
        mains = sum(table[indices[:, j]] for j, table in enumerate(self._mains))
        return 1.0 + mains + sum(table[indices[:, i], indices[:, j]] for i, j, table in self._pairs)


def coupled_problem() -> Problem:
    parameters = [
        Parameter(f"p{j}", tuple(range(c)) if j % 2 == 0 else tuple(f"v{k}" for k in range(c)))
        for j, c in enumerate(COUNTS)
    ]
    space = DesignSpace(parameters, name="coupled")
    simulator = Coupled(space)
    return Problem(simulator, space, simulator.load_workload(""))


def final_costs(name: str, budget: int) -> np.ndarray:
    problem = coupled_problem()
    runs = [trajectory(make_agent(name, problem.space, seed), problem, budget)[0] for seed in SEEDS]
    return np.array([problem.simulator.cost(designs).min() for designs in runs])


def holm(p_values: dict[str, float]) -> dict[str, float]:
    """Holm's step-down correction: the i-th smallest of m times (m - i), made monotone."""
    corrected, largest = {}, 0.0
    for rank, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        largest = max(largest, p_values[name] * (len(p_values) - rank))
        corrected[name] = largest
    return corrected


def corrected_p_values(names: list[str], budget: int) -> dict[str, float]:
    random = final_costs("random_search", budget)
    return holm({n: mannwhitneyu(final_costs(n, budget), random, alternative="less").pvalue for n in names})


def test_holm_by_hand():
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})


def test_genetic_and_ant_colony_beat_random_search():
    p_values = corrected_p_values(["genetic", "ant_colony"], 100)
    assert max(p_values.values()) < 0.001, p_values


@pytest.mark.slow
def test_all_learners_beat_random_search():
    p_values = corrected_p_values([*QUICK, "tpe", "ppo"], 300)
    assert max(p_values.values()) < 0.01, p_values
