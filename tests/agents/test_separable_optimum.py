"""A separable problem of ten parameters with eight levels each: the optimum within 2000 evaluations."""

from __future__ import annotations

import pytest

from agents import make_agent
from agents.synthetic import SyntheticSimulator
from archgym_envs import BudgetedEvaluator, Objective, Scorer
from simulators import DesignSpace, Parameter, Problem

FIND_IT = (
    "genetic",
    "ant_colony",
    "cma_es",
    "differential_evolution",
    "simulated_annealing",
    "hill_climbing",
    "nsga2",
)


def separable_problem(unordered_too: bool) -> Problem:
    """Return the bowl over 8^10 designs; with ``unordered_too`` every other parameter is unordered."""
    words = [f"v{k}" for k in range(8)]
    values = [words if unordered_too and j % 2 else range(8) for j in range(10)]
    space = DesignSpace([Parameter(f"p{j}", tuple(v)) for j, v in enumerate(values)], name="separable")
    simulator = SyntheticSimulator(space)
    return Problem(simulator, space, simulator.load_workload(""))


def finds_it(name: str, problem: Problem, seed: int) -> bool:
    """Search until the optimum, cost 1, is found; return False if 2000 evaluations do not find it."""
    agent, evaluator = make_agent(name, problem.space, seed), BudgetedEvaluator(problem, 2000)
    scorer = Scorer(Objective.parse({"minimize": "cost"}), problem)
    while not evaluator.stopped:
        designs = agent.ask(evaluator.remaining)
        evaluation = evaluator.evaluate(designs)
        if evaluation.column("cost").min() == 1.0:
            return True
        agent.tell(designs[: len(evaluation)], scorer.reward(scorer.score(evaluation)), evaluation)
    return False


def found_by(name: str, unordered_too: bool) -> int:
    """Return in how many of ten seeds the optimum is found."""
    problem = separable_problem(unordered_too)
    return sum(finds_it(name, problem, seed) for seed in range(10))


@pytest.mark.parametrize("unordered_too", [False, True], ids=["ordered", "mixed"])
@pytest.mark.parametrize("name", FIND_IT)
def test_the_optimum_is_found_in_at_least_eight_of_ten_seeds(name, unordered_too):
    assert found_by(name, unordered_too) >= 8


@pytest.mark.slow
@pytest.mark.parametrize("unordered_too", [False, True], ids=["ordered", "mixed"])
@pytest.mark.parametrize("name", ["tpe", "random_forest"])
def test_costly_agents_find_the_optimum_in_at_least_eight_of_ten_seeds(name, unordered_too):
    assert found_by(name, unordered_too) >= 8


def test_random_search_does_not_find_it():
    assert found_by("random_search", False) == 0
