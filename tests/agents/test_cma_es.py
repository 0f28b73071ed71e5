"""CMA-ES: every kind of space, and its bookkeeping of generations."""

from __future__ import annotations

import numpy as np
import pytest

from agents.cma_es import CMAES
from agents.synthetic import SyntheticSimulator
from agents.testing import trajectory
from simulators import Constraint, DesignSpace, Parameter, Problem

ORDERED = [Parameter(f"x{j}", range(12)) for j in range(5)]
WORDS = [Parameter(f"w{j}", tuple("abcdef")) for j in range(5)]
FLAGS = [Parameter(f"on{j}", (False, True)) for j in range(2)]
FIXED = [Parameter("fixed", (7,))]


def bowl(parameters) -> Problem:
    space = DesignSpace(parameters, name="bowl")
    simulator = SyntheticSimulator(space)
    return Problem(simulator, space, simulator.load_workload(""))


def state(agent: CMAES) -> list[np.ndarray]:
    """Return what defines the distribution: the Gaussian's mean and deviations, and the categories' probabilities."""
    return [agent._optimizer._mean.copy(), agent._optimizer._C.copy(), agent._optimizer._q.copy()]


def begun(population: int = 6) -> tuple[CMAES, np.ndarray]:
    agent = CMAES(DesignSpace(ORDERED + WORDS, name="mixed"), 0, {"population": population})
    return agent, agent.ask(1000)


@pytest.mark.parametrize(
    "parameters",
    [ORDERED, WORDS, FLAGS + ORDERED[:3], FIXED + ORDERED[:2] + WORDS[:2], ORDERED[:1], WORDS[:1]],
    ids=["ordered", "unordered", "flags", "fixed", "one ordered", "one unordered"],
)
def test_the_optimum_is_found_whatever_the_kinds_of_parameters(parameters):
    problem = bowl(parameters)
    for seed in range(3):
        designs, _ = trajectory(CMAES(problem.space, seed), problem, 600)
        assert problem.simulator.cost(designs).min() == 1.0


def test_two_values_are_categories_and_one_value_is_left_out():
    agent = CMAES(DesignSpace(FIXED + FLAGS + ORDERED[:2] + WORDS[:1], name="kinds"), 0)
    assert agent._integers.tolist() == [3, 4]
    assert agent._categories.tolist() == [1, 2, 5]
    assert (agent.ask(5)[:, 0] == 0).all()


def test_only_a_complete_generation_moves_the_distribution_in_whatever_order_it_is_told():
    agent, asked = begun()
    assert len(asked) == 6
    before = state(agent)
    agent.tell(asked[[4, 1, 5]], np.array([0.4, 0.1, 0.5]))
    agent.tell(asked[[0, 3]], np.array([0.0, 0.3]))
    assert all(map(np.array_equal, state(agent), before))
    agent.tell(asked[[2]], np.array([0.2]))
    assert not any(map(np.array_equal, state(agent), before))

    other, same = begun()
    assert np.array_equal(same, asked)
    other.tell(same, np.arange(6) / 10)
    assert all(map(np.allclose, state(agent), state(other)))


def test_the_mean_moves_to_the_better_half():
    agent, asked = begun(population=20)
    before = state(agent)
    agent.tell(asked, asked[:, 0] + (asked[:, 5] == 3) * 1.0)
    mean, _, probabilities = state(agent)
    assert mean[0] > before[0][0]
    assert probabilities[0, 3] > before[2][0, 3] == pytest.approx(1 / 6)


def test_designs_never_asked_move_nothing():
    agent, asked = begun()
    before = state(agent)
    unasked = agent.space.sample(50, np.random.default_rng(9))
    agent.tell(unasked, np.linspace(0.0, 1.0, 50))
    assert all(map(np.array_equal, state(agent), before))
    agent.tell(asked[:2], np.array([0.5, 0.6]))
    assert all(map(np.array_equal, state(agent), before))


def test_a_warm_start_is_where_it_begins():
    agent = CMAES(DesignSpace(ORDERED, name="ordered"), 0, {"spread": 0.05})
    agent.tell(np.array([[1, 2, 3, 4, 5], [11, 10, 9, 8, 7]]), np.array([0.0, 1.0]))
    asked = np.concatenate([agent.ask(100) for _ in range(3)])
    assert np.abs(asked - [11, 10, 9, 8, 7]).mean() < 1.0


def test_a_converged_search_begins_anew_and_goes_on_to_new_designs():
    problem = bowl(ORDERED[:2] + FLAGS[:1])  # 288 designs
    designs, evaluator = trajectory(CMAES(problem.space, 0), problem, 288)
    assert len(np.unique(designs, axis=0)) == 288
    assert evaluator.proposals < 3 * 288


def test_infeasible_designs_count_as_failed_and_are_never_proposed():
    low = Constraint("low", lambda c: c["x0"] + c["x1"] <= 8)
    space = DesignSpace(ORDERED, [low], name="constrained")
    simulator = SyntheticSimulator(space)
    problem = Problem(simulator, space, simulator.load_workload(""))
    designs, _ = trajectory(CMAES(space, 0), problem, 300)
    assert space.feasible(designs).all()
    best = simulator.cost(space.unflatten(range(space.size))[space.feasible(space.unflatten(range(space.size)))]).min()
    assert simulator.cost(designs).min() == pytest.approx(best)
