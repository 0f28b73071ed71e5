from __future__ import annotations

import random

import numpy as np
import pytest

from agents import make_agent
from agents.sb3.ppo import PPO
from agents.synthetic import trivial_problem
from agents.testing import trajectory
from archgym_envs import DesignEnv
from simulators import InvalidInputError

torch = pytest.importorskip("torch")
pytest.importorskip("stable_baselines3")


@pytest.mark.parametrize(("budget", "n_steps"), [(40, 4), (128, 8), (300, 18), (500, 31), (1024, 64), (100_000, 64)])
def test_steps_per_update_follow_the_budget(budget, n_steps):
    space = trivial_problem().space
    assert make_agent("ppo", space, 0).resolved_n_steps(budget) == n_steps
    assert budget < 32 or budget / n_steps >= 8
    assert make_agent("ppo", space, 0, {"n_steps": 5}).resolved_n_steps(budget) == 5


def test_the_policy_is_updated_at_least_eight_times_within_the_budget(monkeypatch):
    import stable_baselines3

    updates = []
    train = stable_baselines3.PPO.train
    monkeypatch.setattr(stable_baselines3.PPO, "train", lambda self: (updates.append(1), train(self)))
    problem = trivial_problem()
    _, evaluator = trajectory(PPO(problem.space, 0), problem, 100)
    assert evaluator.evaluations == 100
    assert len(updates) >= 8


def test_an_environment_without_a_budget_is_refused():
    problem = trivial_problem()
    with pytest.raises(InvalidInputError, match="budget"):
        PPO(problem.space, 0).learn(DesignEnv(problem, {"minimize": "cost"}))


def test_the_processs_generators_and_threads_are_left_as_they_were(capfd):
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    expected = random.random(), np.random.random(), torch.rand(1).item()
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    threads = torch.get_num_threads()
    problem = trivial_problem()
    trajectory(PPO(problem.space, 0), problem, 12)
    assert (random.random(), np.random.random(), torch.rand(1).item()) == expected
    assert torch.get_num_threads() == threads
    assert capfd.readouterr() == ("", "")


def test_same_seed_same_search_whatever_the_global_generators():
    problem = trivial_problem()
    torch.manual_seed(1)
    first, _ = trajectory(PPO(problem.space, 5), problem, 40)
    torch.manual_seed(2)
    again, _ = trajectory(PPO(problem.space, 5), problem, 40)
    assert np.array_equal(first, again)


@pytest.mark.slow
def test_the_policy_improves():
    problem = trivial_problem()
    late, early = [], []
    for seed in range(4):
        designs, _ = trajectory(PPO(problem.space, seed), problem, 300)
        costs = problem.simulator.cost(designs)
        early.append(costs[:50].mean() - 1.0)
        late.append(costs[-50:].mean() - 1.0)
    assert np.mean(late) < 0.5 * np.mean(early)
