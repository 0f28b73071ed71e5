from __future__ import annotations

import logging

import numpy as np
import optuna
import pytest

from agents import make_agent
from agents.optuna_codec import VALUE_LIMIT, Codec
from simulators import Constraint, DesignSpace, Parameter

SPACE = DesignSpace(
    [
        Parameter("depth", (1, 2, 4, 8), ordered=True),
        Parameter("policy", ("a", "b", "c")),
        Parameter("address", tuple(range(VALUE_LIMIT + 44)), ordered=True),
        Parameter("name", tuple(f"v{i}" for i in range(1000))),
    ]
)


def complete(agent) -> list[optuna.trial.FrozenTrial]:
    return agent._study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))


def test_ordered_parameters_are_integers_unordered_categories_and_long_lists_reals():
    kinds = {name: type(d).__name__ for name, d in Codec(SPACE).distributions.items()}
    assert kinds == {
        "depth": "IntDistribution",
        "policy": "CategoricalDistribution",
        "address": "FloatDistribution",
        "name": "FloatDistribution",
    }


def test_the_codec_is_a_bijection_and_takes_the_ends_of_the_unit_interval():
    codec = Codec(SPACE)
    for design in SPACE.sample(300, np.random.default_rng(0)):
        assert codec.design(codec.params(design)).tolist() == [design.tolist()]
    assert codec.design({"depth": 3, "policy": 2, "address": 1.0, "name": 0.0}).tolist() == [[3, 2, 299, 0]]


@pytest.mark.parametrize("name", ["tpe", "gp"])
def test_told_designs_become_finished_trials_once(name):
    agent = make_agent(name, SPACE, 0)
    asked = np.concatenate([agent.ask(5) for _ in range(3)])
    agent.tell(asked[1:2], np.array([0.25]), None)
    unasked = np.array([[0, 0, 0, 0]])
    agent.tell(unasked, np.array([-1.5]), None)
    agent.tell(unasked, np.array([-1.5]), None)
    assert sorted(trial.value for trial in complete(agent)) == [-1.5, 0.25]
    running = agent._study.get_trials(states=(optuna.trial.TrialState.RUNNING,))
    assert len(running) == 2


def test_known_designs_are_not_proposed_while_there_are_new_ones():
    space = DesignSpace(SPACE.parameters[:2])
    agent, seen = make_agent("tpe", space, 0, {"startup": 3}), set()
    for _ in range(11):
        design = agent.ask(1)
        agent.tell(design, np.array([-float(design.sum())]), None)
        seen |= set(space.flatten(design))
    assert len(seen) == 11  # of 12


def test_infeasible_proposals_are_replaced():
    space = DesignSpace(SPACE.parameters, [Constraint("low", lambda c: (c["address"] < 40) & (c["depth"] == 2))])
    agent = make_agent("tpe", space, 0, {"startup": 2})
    for _ in range(8):
        design = agent.ask(1)
        assert space.feasible(design).all()
        agent.tell(design, np.array([float(design[0, 3])]), None)
    assert len(complete(agent)) == 8


def test_a_warm_start_steers_the_model():
    space = DesignSpace([Parameter(f"p{i}", tuple(range(16)), ordered=True) for i in range(4)])
    rng = np.random.default_rng(0)
    designs = space.sample(60, rng)
    cold, warm = make_agent("tpe", space, 5), make_agent("tpe", space, 5)
    warm.tell(designs, -np.abs(designs - 3).sum(axis=1) / 10.0, None)
    distances = [
        np.abs(np.concatenate([agent.ask(1) for _ in range(15)]) - 3).sum(axis=1).mean() for agent in (cold, warm)
    ]
    assert distances[1] < 0.6 * distances[0]


def test_optunas_log_and_its_level_are_left_alone(capfd):
    level = logging.getLogger("optuna").level
    agent = make_agent("gp", SPACE, 0, {"startup": 1})
    for _ in range(3):
        agent.tell(agent.ask(1), np.array([0.0]), None)
    assert logging.getLogger("optuna").level == level
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("multivariate", [False, True])
def test_the_resolved_settings_are_recorded(multivariate):
    settings = make_agent("tpe", SPACE, 0, {"startup": 7, "multivariate": multivariate}).settings()
    assert settings["startup"] == 7
    assert settings["optuna"] == optuna.__version__
    assert settings["sampler"]["n_startup_trials"] == 7
    assert settings["sampler"]["constant_liar"] is True
    assert settings["sampler"]["multivariate"] is multivariate
