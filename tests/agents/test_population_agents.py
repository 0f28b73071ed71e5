from __future__ import annotations

import numpy as np

from agents.genetic import Genetic, GeneticHyperparameters, GeneticRuns
from agents.memory import Memory
from agents.random_search import RandomSearch
from agents.random_walker import RandomWalker
from simulators import Constraint, DesignSpace, InactiveRule, Parameter

SPACE = DesignSpace([Parameter("depth", tuple(range(10)), ordered=True), Parameter("policy", tuple("abcdef"))])


def test_random_search_exhausts_a_small_space_without_repeats():
    agent, seen = RandomSearch(SPACE, 0), set()
    while len(seen) < 50:
        designs = agent.ask(10)
        agent.tell(designs, np.zeros(len(designs)))
        assert not seen & set(SPACE.flatten(designs))
        seen |= set(SPACE.flatten(designs))


def test_memory_treats_designs_that_differ_in_inactive_parameters_as_one():
    space = DesignSpace(SPACE.parameters, inactive=[InactiveRule("depth", {"policy": ("a",)})])
    memory = Memory(space)
    memory.add(np.array([[3, 0]]))
    assert memory.known(np.array([[8, 0], [3, 1]])).tolist() == [True, False]
    assert len(memory) == 1


def test_renewal_is_bounded_and_ends_feasible():
    space = DesignSpace(SPACE.parameters, [Constraint("shallow", lambda c: c["depth"] < 2)])
    memory = Memory(space)
    calls = []

    def redraw(rows: np.ndarray) -> np.ndarray:
        calls.append(len(rows))
        return np.full((len(rows), 2), 5)  # never feasible

    renewed = memory.renew(np.array([[9, 0], [1, 1]]), redraw, np.random.default_rng(0), attempts=3)
    assert space.feasible(renewed).all()
    assert renewed[1].tolist() == [1, 1]
    assert calls == [1, 1, 1]
    memory.add(space.sample(500, np.random.default_rng(0)))  # everything known: it must still return
    assert space.feasible(memory.sample_new(3, np.random.default_rng(1))).all()


def test_the_population_is_the_best_distinct_designs_and_the_newer_wins_a_tie():
    agent = GeneticRuns(SPACE, [0], GeneticHyperparameters(population=2))

    def tell(designs, rewards):
        agent.tell(np.array(designs), np.zeros(len(designs), dtype=np.int64), np.array(rewards))

    tell([[0, 0], [1, 0], [2, 0], [1, 0]], [1.0, 3.0, 2.0, 3.0])
    assert agent.parents().tolist() == [[1, 0], [2, 0]]
    tell([[3, 0]], [2.0])
    assert agent.parents().tolist() == [[1, 0], [3, 0]]
    tell([[4, 0]], [-10.0])
    assert agent.parents().tolist() == [[1, 0], [3, 0]]
    tell([[5, 0], [6, 0]], [2.0, 2.0])  # of one batch the first is before the second
    assert agent.parents().tolist() == [[1, 0], [5, 0]]


def test_the_first_population_is_random_then_children_come():
    agent = Genetic(SPACE, 0, {"population": 6, "offspring": 3})
    first = agent.ask(100)
    assert len(first) == 6
    agent.tell(first[:4], np.arange(4.0))
    assert len(agent.ask(100)) == 2
    agent.tell(first[4:], np.zeros(2))
    assert len(agent.ask(100)) == 3
    assert len(agent.ask(2)) == 2


def test_children_resemble_their_parents():
    space = DesignSpace([Parameter(f"p{i}", tuple(range(50)), ordered=True) for i in range(8)])
    agent = Genetic(space, 0, {"population": 2, "mutation": 0.1, "resample": 0.0, "crossover": 1.0})
    parents = space.sample(2, np.random.default_rng(0))
    agent.tell(parents, np.array([1.0, 1.0]))
    children = np.concatenate([agent.ask(8) for _ in range(20)])
    inherited = (children[:, None, :] == parents[None]).any(axis=1)
    assert inherited.mean() > 0.8  # one of eight parameters is mutated, rarely more


def test_a_converged_genetic_search_goes_on_finding_new_designs():
    agent, seen = Genetic(SPACE, 1, {"population": 2, "offspring": 1}), set()
    for _ in range(55):
        design = agent.ask(1)
        agent.tell(design, np.array([0.0]))
        seen |= set(SPACE.flatten(design))
    assert len(seen) >= 50


def test_the_walker_moves_to_better_and_stays_before_worse():
    agent = RandomWalker(SPACE, 0, {"accept_worse": 0.0})
    agent.tell(np.array([[4, 2]]), np.array([1.0]))
    agent.tell(np.array([[5, 2]]), np.array([0.5]))
    assert agent._current.tolist() == [4, 2]
    agent.tell(np.array([[3, 2]]), np.array([1.0]))
    assert agent._current.tolist() == [3, 2]
    neighbours = {tuple(row) for row in SPACE.neighbours(np.array([3, 2])).tolist()}
    assert {tuple(agent.ask(1)[0].tolist()) for _ in range(40)} <= neighbours - {(4, 2)}


def test_the_walker_restarts_after_its_patience():
    agent = RandomWalker(SPACE, 0, {"accept_worse": 0.0, "patience": 3})
    agent.tell(np.array([[4, 2]]), np.array([1.0]))
    for depth in (5, 6, 7):
        assert agent._current is not None
        agent.tell(np.array([[depth, 2]]), np.array([0.0]))
    assert agent._current is None
    agent.tell(np.array([[9, 5]]), np.array([-10.0]))
    assert agent._current.tolist() == [9, 5]


def test_accepting_everything_is_a_blind_walk():
    agent = RandomWalker(SPACE, 0, {"accept_worse": 1.0})
    agent.tell(np.array([[4, 2], [5, 2]]), np.array([1.0, -5.0]))
    assert agent._current.tolist() == [5, 2]
