"""Every agent that ships runs on every environment that ships; every action is valid or refused with a reason."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import gymnasium
import numpy as np
import pytest

import archgym_envs
from agents import LearningAgent, agent_class, agent_names
from agents.testing import check_agent, trajectory
from tests.archgym_envs.test_registered_environments import IDS, SMALL

EXAMPLE = Path(__file__).parents[2] / "examples" / "cache_hierarchy" / "cache_hierarchy.py"
THIRD_PARTY = "example/CacheHierarchy-v0"
CONFORMANCE = (
    THIRD_PARTY,
    "archgym/MemoryController-v0",
    "archgym/Accelerator-v0",
    "archgym/SoC-v0",
)
SHORT = SMALL | {"archgym/CoDesign-v0": {"workload": "keyword-spotting"}}
"""Arguments that make an environment quick to search."""
BUDGET = {"gp": 7, **{name: 12 for name in agent_names() if issubclass(agent_class(name), LearningAgent)}}
HYPERPARAMETERS = {"gp": {"startup": 4}, "tpe": {"startup": 5}}


def problem_and_objective(id: str):
    """Return a small problem of an environment, registered or of the example package."""
    if id != THIRD_PARTY:
        problem = archgym_envs.make_problem(id, **SHORT.get(id, {}))
        return problem, archgym_envs.spec(id).objective_of(problem)
    location = importlib.util.spec_from_file_location("cache_hierarchy", EXAMPLE)
    module = importlib.util.module_from_spec(location)
    location.loader.exec_module(module)
    return module.cache_hierarchy(), module.SPEC.objective


@pytest.mark.parametrize("id", CONFORMANCE)
@pytest.mark.parametrize("name", agent_names())
def test_every_agent_conforms_on_the_simulators_and_a_third_partys(name, id):
    problem, objective = problem_and_objective(id)
    budget = BUDGET.get(name, 20)
    check_agent(name, HYPERPARAMETERS.get(name), budget=budget, learns=False, problems=[problem], objective=objective)


@pytest.mark.parametrize("id", [id for id in IDS if id not in CONFORMANCE])
@pytest.mark.parametrize("name", agent_names())
def test_every_agent_runs_on_every_other_environment(name, id):
    problem, objective = problem_and_objective(id)
    _, evaluator = trajectory(
        agent_class(name)(problem.space, 3, HYPERPARAMETERS.get(name)), problem, BUDGET.get(name, 20), objective
    )
    assert evaluator.evaluations == BUDGET.get(name, 20)


@pytest.mark.parametrize("id", IDS)
def test_random_actions_are_valid_or_refused_with_a_reason(id):
    env = gymnasium.make(id, **SHORT.get(id, {}))
    env.reset(seed=5)
    env.action_space.seed(5)
    actions = [env.action_space.sample() for _ in range(150)]
    seen = [env.step(action) for action in actions]
    batch = env.unwrapped.problem.evaluate(np.array(actions))
    assert batch.valid.any()
    for row, (_, reward, _, _, info) in enumerate(seen):
        assert np.isfinite(reward)
        assert info["valid"] == batch.valid[row]
        assert info["reason"] == batch.reason[row]
        assert bool(info["reason"]) != info["valid"]
        if info["valid"]:  # The batch in another order gives each design the same numbers: its own.
            assert info["metrics"] == batch.row(row)


QUICK = ("archgym/MemoryController-v0", "archgym/Coupled-v0")
OTHERS = [
    (name, formulation)
    for name in agent_names()
    for formulation in agent_class(name).formulations
    if "formulation" in agent_class(name).Hyperparameters.model_fields
    and formulation != agent_class(name).Hyperparameters.model_fields["formulation"].default
]
"""Learners in formulations that are not their default."""


@pytest.mark.parametrize(
    "id", [id if id in QUICK else pytest.param(id, marks=pytest.mark.slow) for id in (*IDS, THIRD_PARTY)]
)
@pytest.mark.parametrize(("name", "formulation"), OTHERS)
def test_learners_run_on_every_environment_in_all_their_formulations(name, formulation, id):
    problem, objective = problem_and_objective(id)
    agent = agent_class(name)(problem.space, 3, {"formulation": formulation})
    _, evaluator = trajectory(agent, problem, 8, objective)
    assert evaluator.evaluations == 8
