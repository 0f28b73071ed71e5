"""Every agent that ships runs on every environment that ships; every action is valid or refused with a reason."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

import archgym_envs
from agents import agent_class, agent_names
from agents.search import run_search
from archgym_envs import BudgetedEvaluator, Scorer
from tests.archgym_envs.test_registered_environments import IDS, SMALL

SHORT = SMALL | {"archgym/CoDesign-v0": {"workload": "keyword-spotting"}}
"""Arguments that make an environment quick to search."""
BUDGET = {"gp": 7, "ppo": 12, **{name: 12 for name in agent_names() if name.startswith("rllib")}}
HYPERPARAMETERS = {"gp": {"startup": 4}, "tpe": {"startup": 5}}


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize("name", agent_names())
def test_every_agent_runs_on_every_environment(name, id):
    problem = archgym_envs.make_problem(id, **SHORT.get(id, {}))
    objective = archgym_envs.spec(id).objective_of(problem)
    evaluator = BudgetedEvaluator(problem, BUDGET.get(name, 20))
    scorer = Scorer(objective, problem)
    run_search(agent_class(name)(problem.space, 3, HYPERPARAMETERS.get(name)), evaluator, scorer)
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
