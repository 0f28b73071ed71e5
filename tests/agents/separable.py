"""Ten parameters of eight values, a sum of single effects: what a policy gradient must solve."""

from __future__ import annotations

import numpy as np

from agents import LearningAgent, make_agent
from agents.synthetic import SyntheticSimulator
from agents.testing import trajectory
from simulators import DesignSpace, Parameter, Problem


def separable_problem(named: int) -> Problem:
    """Return the problem, the first ``named`` of its ten parameters unordered."""
    values = [tuple(f"v{k}" for k in range(8)) if j < named else tuple(range(8)) for j in range(10)]
    space = DesignSpace([Parameter(f"p{j}", v) for j, v in enumerate(values)], name="separable")
    simulator = SyntheticSimulator(space)
    return Problem(simulator, space, simulator.load_workload(""))


def best_costs(name, problem, budget, seeds, hyperparameters=None) -> np.ndarray:
    """Return the best cost each seed found."""
    found = []
    for seed in seeds:
        agent = make_agent(name, problem.space, seed, hyperparameters)
        designs, evaluator = trajectory(agent, problem, budget)
        assert evaluator.stopped == "budget" or isinstance(agent, LearningAgent)  # learners repeat themselves
        found.append(problem.simulator.cost(designs).min())
    return np.array(found)


def gap_closed(name, named, seeds, hyperparameters=None) -> np.ndarray:
    """Return the share of the gap between random search's median best and the optimum that each seed closed."""
    problem = separable_problem(named)
    random = np.median(best_costs("random_search", problem, 2000, range(10)))
    return (random - best_costs(name, problem, 2000, seeds, hyperparameters)) / (random - 1.0)
