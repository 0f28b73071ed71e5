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


def test_hill_climbing_looks_at_a_batch_before_it_moves():
    """Steepest ascent from (4, 4): all four neighbours are told, then it stands at the best of them."""
    space = DesignSpace([Parameter("x", range(9)), Parameter("y", range(9))], name="plane")
    agent = make_agent("hill_climbing", space, 0, {"batch": 100})
    agent.tell(np.array([[4, 4]]), np.array([0.0]))
    around = agent.ask(100)
    assert sorted(around.tolist()) == [[3, 4], [4, 3], [4, 5], [5, 4]]
    agent.tell(around, around @ np.array([1.0, 3.0]) - 15.0)
    assert sorted(agent.ask(100).tolist()) == [[3, 5], [4, 6], [5, 5]], "around (4, 5), without what is known"


def test_hill_climbing_leaves_a_plateau_after_its_sideways_moves():
    space = DesignSpace([Parameter("x", range(1000))], name="flat")
    agent = make_agent("hill_climbing", space, 0, {"sideways": 3})
    agent.tell(np.array([[500]]), np.array([1.0]))
    near = []
    for _ in range(12):
        design = agent.ask(1)
        near.append(abs(int(design[0, 0]) - 500) <= 5)
        agent.tell(design, np.array([1.0]))
    assert near[:3] == [True] * 3
    assert not all(near)


def test_hill_climbing_does_not_begin_where_designs_fail():
    space = DesignSpace([Parameter("x", range(1000))], name="line")
    agent = make_agent("hill_climbing", space, 0)
    agent.tell(np.array([[500]]), np.array([-10.0]))
    assert len({int(agent.ask(1)[0, 0]) for _ in range(5)} - {499, 501}) == 5


def test_trials_compete_with_their_targets_and_designs_never_asked_with_the_worst():
    space = DesignSpace([Parameter(f"x{j}", range(100)) for j in range(3)], name="cube")
    agent = DifferentialEvolution(space, 0, {"population": 5})
    agent.tell(np.arange(15).reshape(5, 3), np.array([5.0, 4.0, 3.0, 2.0, 1.0]))
    trials = agent.ask(5)
    agent.tell(trials[[3, 1]], np.array([2.0, 3.9]))
    assert agent._fitness.tolist() == [5.0, 4.0, 3.0, 2.0, 1.0]
    assert agent._population[3].tolist() == trials[3].tolist(), "as good as its target"
    agent.tell(np.array([[99, 99, 99], [98, 98, 98]]), np.array([1.5, 0.0]))
    assert agent._fitness.tolist() == [5.0, 4.0, 3.0, 2.0, 1.5]


def test_differential_evolution_puts_no_order_on_words():
    """Values renamed by a permutation: the trials are those renamed, given the same random numbers."""
    space = DesignSpace([Parameter(f"w{j}", [f"v{k}" for k in range(9)]) for j in range(5)], name="words")
    rename = np.random.default_rng(4).permutation(9)
    parents = space.sample(8, np.random.default_rng(5))
    plain, renamed = (DifferentialEvolution(space, 1, {"population": 8, "novelty": 0.0}) for _ in range(2))
    plain.tell(parents, np.arange(8.0))
    renamed.tell(rename[parents], np.arange(8.0))
    targets = np.arange(8)
    assert np.array_equal(rename[plain._trials(targets)], renamed._trials(targets))


def test_the_forest_puts_no_order_on_words():
    """The code of a value is the mean reward of its designs, drawn towards the mean of all by one design's weight."""
    space = DesignSpace([Parameter("w", tuple("abcd")), Parameter("x", range(9))], name="words")
    agent = RandomForest(space, 0, {"startup": 2})
    agent.tell(np.array([[0, 1], [0, 2], [2, 3], [2, 4]]), np.array([1.0, 3.0, 6.0, -10.0]))
    agent.ask(1)  # the failed design counts as 1, the worst that did not fail: the mean of all is 11 / 4
    expected = [(4.0 + 2.75) / 3, 2.75, (7.0 + 2.75) / 3, 2.75]
    assert agent._codes[0] == pytest.approx(expected)


def test_the_forest_proposes_small_batches_of_distinct_new_designs():
    problem = coupled_problem()
    agent = RandomForest(problem.space, 0, {"batch": 6})
    first = agent.ask(1000)
    assert len(first) == 20
    agent.tell(first, -problem.simulator.cost(first))
    batch = agent.ask(1000)
    assert len(batch) == len(np.unique(batch, axis=0)) == 6
    assert len(agent.ask(2)) == 2
