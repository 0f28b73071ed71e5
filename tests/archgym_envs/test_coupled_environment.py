"""archgym/Coupled-v0: registration, the known optimum, groups and interactions, and its page."""

from __future__ import annotations

import numpy as np
import pytest

import archgym_envs
from agents import make_agent, run_search
from archgym_envs import BudgetedEvaluator, Objective, Scorer
from archgym_envs.partitions import by_group, by_interaction
from archgym_envs.testing import check_env, check_simulator
from docs.tables import coupled as page
from docs.tables.memory_controller import with_tables

ID = "archgym/Coupled-v0"
COST = Objective.parse({"minimize": "cost"})


@pytest.mark.parametrize("arguments", [{"coupling": 0.0}, {"coupling": 1.0, "topology": "random", "parameters": 12}])
def test_it_conforms_at_both_ends_of_the_dial(arguments):
    check_env(ID, **arguments)
    problem = archgym_envs.make_problem(ID, **arguments)
    check_simulator(problem.simulator, problem.workload.name)


@pytest.mark.parametrize(
    ("objective", "optimum"),
    [
        ({"minimize": "cost"}, 1.0),
        ({"minimize": "cost * cost"}, 1.0),
        ({"meet": {"cost": 2.0}}, 0.0),
        ({"meet": {"cost": 0.5}}, 1.0),
        ({"maximize": "cost"}, "unknown"),
        ({"paper": {"cost": 2.0}}, "unknown"),
    ],
)
def test_the_optimum_is_known_of_objectives_that_want_less_cost(objective, optimum):
    problem = archgym_envs.make_problem(ID)
    scorer = Scorer(Objective.parse(objective), problem)
    assert scorer.optimum(problem) == (None if optimum == "unknown" else pytest.approx(optimum, rel=1e-12))


def test_the_optimum_is_that_of_all_designs():
    problem = archgym_envs.make_problem(ID, parameters=4, levels=5, block=4, coupling=0.8)
    scorer = Scorer(COST, problem)
    assert scorer.optimum(problem) == min(problem.evaluate(batch).values.min() for batch in problem.space.batches())


def test_groups_are_what_an_analysis_of_interactions_finds():
    problem = archgym_envs.make_problem(ID, coupling=0.75, seed=2)
    designs = problem.space.sample(3000, np.random.default_rng(0))
    found = by_interaction(problem.space, designs, np.log(problem.evaluate(designs).column("cost")), count=2)
    assert found.members == by_group(problem.space).members


def test_interactions_make_a_local_search_harder():
    assert np.median([_climb(0.0, seed) for seed in range(5)]) == 1.0
    assert np.median([_climb(1.0, seed) for seed in range(5)]) > 1.0


def _climb(coupling: float, seed: int) -> float:
    """Return the best cost that 300 evaluations of hill climbing find."""
    problem = archgym_envs.make_problem(ID, coupling=coupling)
    found: list[float] = []
    evaluator = BudgetedEvaluator(problem, 300, on_fresh=lambda fresh: found.append(fresh.evaluation.values[0, 0]))
    run_search(make_agent("hill_climbing", problem.space, seed), evaluator, Scorer(COST, problem))
    return min(found)


def test_the_page_is_as_the_code_says():
    text = page.PAGE.read_text(encoding="utf-8")
    assert with_tables(text, page.TABLES) == text
    for topology in ("blocks", "chain", "random"):
        assert f"`{topology}`" in text
