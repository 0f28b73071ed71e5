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
from archgym_envs.partitions import by_parameter
from simulators import DesignSpace, InvalidInputError, Parameter, Problem
from tests.agents.separable import gap_closed

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
    """The first step of every episode changes the reference design, (0, ..., 0), by at most one value of each."""
    found = searched(name, 30, {"formulation": "edit", "episode_length": 4})
    assert len(found) == 30
    assert found[0].max() <= 1
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
        make_agent("rllib_ippo", space, 0, {"agents": 5, "partition": "random"})
    with pytest.raises(InvalidInputError, match="partition 'group' says how many agents there are"):
        make_agent("rllib_mappo", space, 0, {"agents": 2, "partition": "group"})
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


@pytest.mark.parametrize("minibatches", [1, 2])
@pytest.mark.parametrize("name", ["rllib_ippo", "rllib_shared_ppo"])
def test_every_policy_takes_a_step_for_each_epoch_and_minibatch(name, minibatches, monkeypatch):
    """40 designs, 8 per update: the fifth update is not reached, as the budget ends while its designs are sampled."""
    from ray.rllib.core.learner.torch.torch_learner import TorchLearner

    steps: list[int] = []
    apply = TorchLearner.apply_gradients
    monkeypatch.setattr(TorchLearner, "apply_gradients", lambda self, g: (steps.append(1), apply(self, g))[1])
    searched(name, 40, {"epochs": 3, "minibatches": minibatches, "train_batch": 8, "restart": 0.0})
    assert len(steps) % (3 * minibatches) == 0
    assert 4 * 3 * minibatches <= len(steps) <= 8 * 3 * minibatches


def test_a_shared_policy_gives_no_probability_to_actions_that_padding_added():
    """Agents of two and of five actions; the last two entries of what they see say which they are."""
    from agents.rllib.training import _mask

    torch = pytest.importorskip("torch")
    space = DesignSpace([Parameter("small", range(2)), Parameter("large", range(5))], name="uneven")
    simulator = SyntheticSimulator(space)
    problem = Problem(simulator, space, simulator.load_workload(""))
    environment = DesignEnv(problem, {"minimize": "cost"}, evaluator=BudgetedEvaluator(problem, 10))
    from agents.rllib.game import NumberedGame, Rules

    game = NumberedGame(environment, Rules(by_parameter(space), "one-shot", 1, shared=True, central=False))
    mask = torch.as_tensor(_mask(game))
    assert mask.shape == (2, 5)
    assert (mask.softmax(dim=-1) > 0).tolist() == [[True, True, False, False, False], [True] * 5]
    observations, _ = game.reset(seed=0)
    assert [observations[agent][-2:].tolist() for agent in (0, 1)] == [[1.0, 0.0], [0.0, 1.0]]


def test_advantages_are_standardised_over_real_steps_only():
    from agents.rllib.training import CountedAdvantages

    torch = pytest.importorskip("torch")
    batch = {
        "policy": {
            "advantages": torch.tensor([1.0, 77.0, 3.0, 77.0]),
            "loss_mask": torch.tensor([True, False, True, False]),
        }
    }
    found = CountedAdvantages()(batch=batch)["policy"]["advantages"]
    assert found[[0, 2]].tolist() == [-1.0, 1.0]


def test_rewards_of_replay_stay_apart_however_many_designs_fail():
    """Four rewards of five are those of failed designs: quartiles and median say nothing of the others."""
    from agents.rllib.soft_actor_critic import standardised

    assert standardised(np.zeros(5)).tolist() == [0.0] * 5
    some = standardised(np.array([-10.0] * 80 + [1.0, 1.25, 1.5, 2.0] * 5))
    assert np.unique(some).tolist() == pytest.approx([0.0, 2.75, 2.8125, 2.875, 3.0])
    plain = standardised(np.arange(9.0))  # quartiles 2 and 6: a spread of 4 / 1.35
    assert plain.tolist() == pytest.approx(((np.arange(9) - 4) * 1.35 / 4).tolist())


def test_actions_are_drawn_as_often_as_the_logits_say():
    from agents.rllib.modules import drawn

    torch = pytest.importorskip("torch")
    logits = torch.log(torch.tensor([0.7, 0.3, 0.1, 0.2, 0.7])).expand(20_000, 5)
    actions, logp = drawn(logits, [2, 3], torch.Generator().manual_seed(0))
    assert actions.shape == (20_000, 2)
    assert (actions[:, 0] == 0).float().mean().item() == pytest.approx(0.7, abs=0.02)
    assert (actions[:, 1] == 2).float().mean().item() == pytest.approx(0.7, abs=0.02)
    both = (actions[:, 0] == 0) & (actions[:, 1] == 2)
    assert logp[both][0].item() == pytest.approx(np.log(0.49), abs=1e-5)


@pytest.mark.parametrize(("restart", "anew"), [(0.0, False), (0.1, True)])
def test_policies_that_have_settled_begin_anew(restart, anew, monkeypatch):
    """Nine designs: long before the last is found, an update's designs are all known."""
    from agents.rllib import training

    calls: list[int] = []
    begin = training.begin_anew
    monkeypatch.setattr(training, "begin_anew", lambda learner: (calls.append(1), begin(learner)))
    space = DesignSpace([Parameter(f"p{j}", range(3)) for j in range(2)], name="nine")
    simulator = SyntheticSimulator(space)
    problem = Problem(simulator, space, simulator.load_workload(""))
    agent = make_agent("rllib_ippo", space, 0, {"train_batch": 4, "learning_rate": 0.02, "restart": restart})
    trajectory(agent, problem, 9)
    assert bool(calls) is anew


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ALL if name != "rllib_isac"])
def test_they_close_the_gap_on_the_separable_problem(name):
    """95 % of the gap between random search and the optimum in the median of three seeds, 2 000 evaluations.

    Not rllib_isac, which closes 74 to 94 %: its critics, each told the reward of all choices, learn the differences
    between neighbouring values too late (docs/agents.md says so).
    """
    assert np.median(gap_closed(name, 5, range(3))) >= 0.95
