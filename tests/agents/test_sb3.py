"""The learners of stable-baselines3: exact budgets, every formulation, masks, and that they learn."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from agents import agent_class, agent_names, make_agent
from agents.synthetic import SyntheticSimulator
from agents.testing import trajectory
from archgym_envs import DesignEnv, SequentialDesign
from experiments import ConfigError, ExperimentConfig
from experiments.prepare import prepare
from simulators import Constraint, DesignSpace, InvalidInputError, Parameter, Problem
from tests.agents.separable import gap_closed

pytest.importorskip("stable_baselines3", reason="needs the extra archgym[rl]")
pytest.importorskip("sb3_contrib", reason="needs the extra archgym[rl]")

ALL = ("ppo", "maskable_ppo", "a2c", "dqn", "sac")
PAIRS = [(name, formulation) for name in ALL for formulation in agent_class(name).formulations]


def small_problem(constraints=()) -> Problem:
    """Return a bowl over 4 096 designs."""
    space = DesignSpace([Parameter(f"p{j}", range(8)) for j in range(4)], constraints=constraints, name="small")
    simulator = SyntheticSimulator(space)
    return Problem(simulator, space, simulator.load_workload(""))


def searched(name: str, budget: int, hyperparameters=None, seed: int = 0) -> np.ndarray:
    problem = small_problem()
    return trajectory(make_agent(name, problem.space, seed, hyperparameters), problem, budget)[0]


@pytest.mark.parametrize(("name", "formulation"), PAIRS)
def test_the_budget_is_exact_and_the_search_repeats_in_every_formulation(name, formulation):
    first = searched(name, 41, {"formulation": formulation})
    assert len(first) == 41
    assert np.array_equal(first, searched(name, 41, {"formulation": formulation}))
    assert not np.array_equal(first, searched(name, 41, {"formulation": formulation}, seed=1))


@pytest.mark.parametrize("name", ["ppo", "a2c", "dqn", "maskable_ppo"])
def test_edits_begin_at_the_reference_design_and_change_one_parameter(name):
    """The reference design is (0, ..., 0): the first new design is one edit away, and none more than four."""
    found = searched(name, 30, {"formulation": "edit", "episode_length": 4})
    found = found[found.any(axis=1)]  # an edit may propose the reference design itself
    assert np.count_nonzero(found[0]) == 1
    assert 2 <= np.count_nonzero(found, axis=1).max() <= 4


@pytest.mark.parametrize("name", ["ppo", "a2c"])
@pytest.mark.parametrize("formulation", ["one-shot", "sequential"])
def test_updates_follow_designs_not_steps(name, formulation):
    space = small_problem().space
    agent = make_agent(name, space, 0, {"n_steps": 6, "formulation": formulation})
    assert agent.resolved_n_steps(1000) == (24 if formulation == "sequential" else 6)


def test_masked_choices_are_never_infeasible():
    """p0 + p1 + p2 + p3 <= 6 leaves 210 of 4 096 designs; the sequential masks leave no other."""
    problem = small_problem([Constraint("sum", lambda c: c["p0"] + c["p1"] + c["p2"] + c["p3"] <= 6)])
    assert problem.space.feasible(problem.space.unflatten(np.arange(4096))).sum() == 210
    agent = make_agent("maskable_ppo", problem.space, 0, {"formulation": "sequential"})
    designs, _ = trajectory(agent, problem, 60)
    assert problem.space.feasible(designs).all()
    alone, _ = trajectory(make_agent("ppo", problem.space, 0, {"formulation": "sequential"}), problem, 60)
    assert not problem.space.feasible(alone).all()


def test_one_shot_masks_are_the_values_that_no_feasible_design_has():
    space = small_problem([Constraint("product", lambda c: c["p0"] * (c["p1"] + 1) <= 5)]).space
    env = DesignEnv(
        Problem(SyntheticSimulator(space), space, SyntheticSimulator(space).load_workload("")), {"minimize": "cost"}
    )
    masks = env.action_masks()
    assert masks.tolist() == [True] * 6 + [False] * 2 + [True] * 24
    masks[:] = False
    assert env.action_masks().sum() == 30
    designs, _ = trajectory(make_agent("maskable_ppo", space, 0, {"formulation": "one-shot"}), env.problem, 60)
    assert designs[:, 0].max() <= 5
    assert SequentialDesign(env).action_masks().tolist() == [True] * 6 + [False] * 2


def test_masks_of_large_spaces_and_of_spaces_without_constraints_are_all_true():
    assert DesignEnv(small_problem(), {"minimize": "cost"}).action_masks().tolist() == [True] * 32
    space = DesignSpace(
        [Parameter(f"p{j}", range(8)) for j in range(6)],
        constraints=[Constraint("cap", lambda c: c["p0"] <= 5)],
        name="large",
    )
    simulator = SyntheticSimulator(space)
    env = DesignEnv(Problem(simulator, space, simulator.load_workload("")), {"minimize": "cost"})
    assert env.action_masks().all()


def test_other_formulations_are_refused_with_the_nearest():
    space = small_problem().space
    with pytest.raises(
        InvalidInputError,
        match=r"'dqn' cannot search formulation 'one-shot'.*sequential, edit only.* ppo, maskable_ppo",
    ):
        make_agent("dqn", space, 0, {"formulation": "one-shot"})
    with pytest.raises(InvalidInputError, match=r"'sac' cannot search formulation 'edit'.*relaxed only.* dqn"):
        make_agent("sac", space, 0, {"formulation": "edit"})
    with pytest.raises(InvalidInputError, match=r"'genetic' cannot search formulation 'sequential'.*that can: ppo"):
        make_agent("genetic", space, 0, {"formulation": "sequential"})
    with pytest.raises(InvalidInputError, match="Input should be"):
        make_agent("ppo", space, 0, {"formulation": "episodic"})


@pytest.mark.parametrize("name", ALL)
def test_an_environment_without_a_budget_is_refused(name):
    problem = small_problem()
    with pytest.raises(InvalidInputError, match=f"{name} needs an environment with a budget"):
        make_agent(name, problem.space, 0).learn(DesignEnv(problem, {"minimize": "cost"}))


QUICK = [("ppo", "one-shot"), ("dqn", "sequential"), ("sac", "relaxed")]


@pytest.mark.parametrize(
    ("name", "formulation"),
    [pair if pair in QUICK else pytest.param(*pair, marks=pytest.mark.slow) for pair in PAIRS if pair[1] != "edit"],
)
def test_they_learn(name, formulation):
    """The last fifty different designs are much closer to the optimum, cost 1, than random designs are."""
    problem, budget = small_problem(), 500 if name == "sac" else 200
    chance = problem.simulator.cost(problem.space.unflatten(np.arange(4096))).mean() - 1.0
    late = [searched(name, budget, {"formulation": formulation}, seed)[-50:] for seed in range(2)]
    assert problem.simulator.cost(np.concatenate(late)).mean() - 1.0 < 0.7 * chance


@pytest.mark.parametrize(
    "name", ["dqn", *(pytest.param(n, marks=pytest.mark.slow) for n in ("ppo", "maskable_ppo", "a2c"))]
)
def test_walks_of_edits_become_better(name):
    """On 4 096 designs, the different designs of the last walks beside those of the first."""
    problem = small_problem()
    costs = problem.simulator.cost(searched(name, 400, {"formulation": "edit", "episode_length": 32}))
    assert costs[-100:].mean() < costs[:100].mean()


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_they_close_the_gap_on_the_separable_problem(name):
    """95 % of the gap between random search and the optimum in the median of three seeds, 2 000 evaluations."""
    assert np.median(gap_closed(name, 5, range(3))) >= 0.95


@pytest.mark.parametrize(
    "name", [n for n in agent_names() if "formulation" in agent_class(n).Hyperparameters.model_fields]
)
def test_what_an_agent_declares_is_what_its_hyperparameter_takes(name):
    found = agent_class(name)
    assert get_args(found.Hyperparameters.model_fields["formulation"].annotation) == found.formulations


def test_half_batches_give_no_warning(recwarn):
    searched("ppo", 20, {"n_steps": 5, "minibatches": 2})
    assert not [w for w in recwarn if "mini-batch" in str(w.message)]


def test_every_formulation_has_an_agent():
    found = {formulation for name in agent_names() for formulation in agent_class(name).formulations}
    assert found == {"one-shot", "sequential", "edit", "relaxed"}


def test_an_update_that_never_comes_is_refused():
    with pytest.raises(InvalidInputError, match=r"ppo would not learn from a budget of 20 designs: n_steps.* is 2048"):
        searched("ppo", 20, {"n_steps": 2048})


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("value", [float("inf"), float("nan"), 1e9, -1.0, "fast"])
def test_impossible_learning_rates_are_refused(name, value):
    with pytest.raises(InvalidInputError, match="hyperparameter 'learning_rate'"):
        make_agent(name, small_problem().space, 0, {"learning_rate": value})


def test_what_is_no_space_and_what_is_no_seed_is_refused():
    with pytest.raises(InvalidInputError, match="'ppo' searches a DesignSpace, such as problem.space, got Problem"):
        make_agent("ppo", small_problem(), 0)
    for seed in (None, "a", 1.5, True, float("nan"), -1):
        with pytest.raises(InvalidInputError, match="a seed must be a non-negative integer"):
            make_agent("ppo", small_problem().space, seed)


def test_the_only_formulation_of_an_agent_need_not_be_said():
    with pytest.raises(InvalidInputError, match="'genetic' searches one-shot only, .* leave it out"):
        make_agent("genetic", small_problem().space, 0, {"formulation": "one-shot"})


def test_a_config_is_refused_before_it_runs_with_reason_and_alternative():
    config = {"name": "t", "problems": [{"environment": "archgym/Coupled-v0"}], "budget": 20, "seeds": 1}
    with pytest.raises(ConfigError, match=r"agents.0.genetic.formulation: .* one-shot only; .* ppo, "):
        prepare(ExperimentConfig.model_validate({**config, "agents": [{"genetic": {"formulation": "edit"}}]}))
