"""Hill climbing, differential evolution, CMA-ES and the random forest: what makes each of them what it is."""

from __future__ import annotations

import numpy as np
import pytest

from agents import make_agent
from agents.differential_evolution import DifferentialEvolution
from agents.random_forest import RandomForest
from agents.testing import trajectory
from simulators import DesignSpace, Parameter
from tests.agents.test_better_than_random import coupled_problem


def test_hill_climbing_moves_along_a_slope_and_begins_anew_at_its_end():
    """One parameter of 40 values, best at the end: from its start it goes up step by step, then elsewhere."""
    space = DesignSpace([Parameter("x", range(40))], name="slope")
    agent = make_agent("hill_climbing", space, 3)
    best, seen = -1, []
    for _ in range(40):
        design = int(agent.ask(10)[0, 0])
        agent.tell(np.array([[design]]), np.array([float(design)]))
        seen.append(design)
        best = max(best, design)
    assert best == 39
    top = seen.index(39)
    climb = [design for design in seen[1 : top + 1] if design > seen[0]]
    assert climb == list(range(seen[0] + 1, 40))
    assert len(set(seen)) == 40


def test_differential_evolution_keeps_to_the_line_of_differences():
    """Without crossover with the target and without greed a mutant of ordered parameters is a + F (b - c)."""
    space = DesignSpace([Parameter("x", range(101)), Parameter("y", range(101))], name="plane")
    agent = DifferentialEvolution(space, 0, {"population": 4, "greed": 0.0, "crossover": 1.0})
    diagonal = np.array([[10, 10], [20, 20], [50, 50], [60, 60]])
    agent.tell(diagonal, np.zeros(4))
    trials = agent.ask(4)
    assert (np.abs(trials[:, 0] - trials[:, 1]) <= 1).all()
    assert (trials != diagonal).any(axis=1).all()


def test_differential_evolution_takes_words_from_designs_that_have_them():
    space = DesignSpace([Parameter(f"w{j}", [f"v{k}" for k in range(50)]) for j in range(4)], name="words")
    agent = DifferentialEvolution(space, 1, {"population": 6, "novelty": 0.0})
    parents = np.arange(24).reshape(6, 4)
    agent.tell(parents, np.arange(6.0))
    trials = agent.ask(6)
    for column in range(4):
        own = set(parents[:, column].tolist())
        assert np.mean([value in own for value in trials[:, column].tolist()]) > 0.8


@pytest.mark.parametrize("name", ["cma_es", "differential_evolution", "hill_climbing", "random_forest"])
def test_they_beat_random_search_on_coupled_parameters(name):
    """The median of five runs of 250 evaluations is better than the best of five runs of random search."""
    problem = coupled_problem()

    def costs(agent: str) -> list[float]:
        runs = [trajectory(make_agent(agent, problem.space, seed), problem, 250)[0] for seed in range(5)]
        return [float(problem.simulator.cost(designs).min()) for designs in runs]

    assert np.median(costs(name)) < min(costs("random_search"))


def test_the_forest_learns_an_unordered_parameter():
    """Of 30 words in random order one is good: after 60 evaluations most proposals have it."""
    space = DesignSpace([Parameter("word", [f"v{k}" for k in range(30)]), Parameter("x", range(50))], name="words")
    agent = RandomForest(space, 0)
    rng = np.random.default_rng(0)
    merit = rng.permutation(30)
    told = 0
    while told < 60:
        designs = agent.ask(60 - told)
        agent.tell(designs, merit[designs[:, 0]] / 10.0 + designs[:, 1] / 500.0)
        told += len(designs)
    late = np.concatenate([agent.ask(8) for _ in range(4)])
    assert (merit[late[:, 0]] >= 25).mean() > 0.5
