"""RLlib's learners: exact budgets, the same search in every process, nothing left behind, and that they learn."""

from __future__ import annotations

import logging
import os
import random
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from agents import make_agent, run_search
from agents.synthetic import SyntheticSimulator
from agents.testing import trajectory
from archgym_envs import BudgetedEvaluator, DesignEnv, Objective, Scorer
from simulators import DesignSpace, InvalidInputError, Parameter, Problem
from tests.agents.separable import separable_problem

pytest.importorskip("ray.rllib", reason="needs the extra archgym[marl]")

ALL = ("rllib_ppo", "rllib_ippo", "rllib_shared_ppo", "rllib_mappo", "rllib_isac")
ROOT = Path(__file__).parents[2]


def small_problem() -> Problem:
    """Return a bowl over 4 096 designs in two groups."""
    space = DesignSpace([Parameter(f"p{j}", range(8), group=f"g{j // 2}") for j in range(4)], name="small")
    simulator = SyntheticSimulator(space)
    return Problem(simulator, space, simulator.load_workload(""))


def searched(name: str, budget: int, hyperparameters=None, seed: int = 0) -> np.ndarray:
    problem = small_problem()
    return trajectory(make_agent(name, problem.space, seed, hyperparameters), problem, budget)[0]


@pytest.mark.parametrize("name", ALL)
def test_the_budget_is_exact_and_the_search_repeats(name):
    first = searched(name, 37)
    assert len(first) == 37
    assert np.array_equal(first, searched(name, 37))
    assert not np.array_equal(first, searched(name, 37, seed=1))


@pytest.mark.parametrize("name", ALL)
def test_agents_edit_a_design(name):
    """The first step of every episode changes the reference design, (0, ..., 0), by one value of each parameter."""
    found = searched(name, 30, {"formulation": "edit", "episode_length": 4})
    assert len(found) == 30
    assert found[:4].max() <= 4


@pytest.mark.parametrize("partition", ["group", "random", "single", "interaction"])
def test_every_partition_searches(partition):
    extra = {"warmup": 20} if partition == "interaction" else {}
    assert len(searched("rllib_ippo", 40, {"partition": partition, **extra})) == 40
    assert len(searched("rllib_shared_ppo", 40, {"partition": partition, **extra})) == 40


def test_the_partition_by_interaction_is_learned_within_the_budget():
    """At most a third of the budget, of random designs as the agent's own stream draws them."""
    problem = small_problem()
    hyperparameters = {"partition": "interaction", "warmup": 20}
    twin = make_agent("rllib_ippo", problem.space, 0, hyperparameters)
    twin.rng.integers(2**31)
    drawn = problem.space.sample(10, twin.rng)
    assert len(np.unique(drawn, axis=0)) == 10
    assert np.array_equal(searched("rllib_ippo", 30, hyperparameters)[:10], drawn)


def test_nothing_is_left_behind(tmp_path, monkeypatch, capfd):
    """Global random streams, threads, log levels, warnings' filters and files are as they were; nothing is printed."""
    import ray
    import torch

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    searched("rllib_ippo", 20)  # what RLlib prints on its first import is not looked at
    capfd.readouterr()
    torch.manual_seed(5)
    before = (torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate())
    level, filters = logging.getLogger("ray.rllib").level, list(warnings.filters)
    searched("rllib_ippo", 20)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1].tolist(), random.getstate()) == before[1:]
    assert (logging.getLogger("ray.rllib").level, list(warnings.filters)) == (level, filters)
    assert not ray.is_initialized()
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


SCRIPT = """
from tests.agents.test_rllib import searched
print([searched(name, 24).tolist() for name in ("rllib_mappo", "rllib_isac")])
"""


def test_the_order_of_sets_of_strings_does_not_matter():
    def designs(seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=environment, cwd=ROOT, check=True
        )
        return done.stdout.splitlines()[-1]

    assert designs("1") == designs("77")


def test_what_cannot_be_divided_so_is_refused():
    space = small_problem().space
    with pytest.raises(InvalidInputError, match="5 agents cannot share 4 parameters"):
        make_agent("rllib_ippo", space, 0, {"agents": 5})
    with pytest.raises(InvalidInputError, match="use partition 'parameter', or rllib_ippo"):
        make_agent("rllib_isac", space, 0, {"partition": "group"})
    with pytest.raises(InvalidInputError, match="needs an environment with a budget"):
        make_agent("rllib_ppo", space, 0).learn(DesignEnv(small_problem(), {"minimize": "cost"}))


def test_what_the_simulator_raises_is_not_swallowed():
    problem = small_problem()

    def fail(fresh) -> None:
        if fresh.number == 11:
            raise KeyboardInterrupt

    evaluator = BudgetedEvaluator(problem, 40, on_fresh=fail)
    with pytest.raises(KeyboardInterrupt):
        run_search(
            make_agent("rllib_ippo", problem.space, 0),
            evaluator,
            Scorer(Objective.parse({"minimize": "cost"}), problem),
        )
    assert evaluator.evaluations == 11


@pytest.mark.parametrize(
    "name", ["rllib_ppo", "rllib_ippo", *(pytest.param(n, marks=pytest.mark.slow) for n in ALL[2:])]
)
def test_they_learn(name):
    """On 4 096 designs 150 evaluations come closer to the optimum, cost 1, than the median of random searches."""
    simulator = small_problem().simulator
    best = [simulator.cost(searched(name, 150, seed=seed)).min() for seed in range(2)]
    chance = [simulator.cost(searched("random_search", 150, seed=seed)).min() for seed in range(40)]
    assert np.mean(best) < np.median(chance)


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_they_close_the_gap_on_the_separable_problem(name):
    """95 % of the gap between random search and the optimum in the median of three seeds, 2 000 evaluations."""
    problem = separable_problem(named=5)

    def costs(agent: str, seeds: range) -> np.ndarray:
        runs = [trajectory(make_agent(agent, problem.space, seed), problem, 2000)[0] for seed in seeds]
        return np.array([problem.simulator.cost(designs).min() for designs in runs])

    chance = np.median(costs("random_search", range(10)))
    closed = (chance - costs(name, range(3))) / (chance - 1.0)
    assert np.median(closed) >= 0.95
