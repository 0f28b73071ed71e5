from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

import agents.registry as registry
from agents import (
    Choice,
    Integer,
    LogUniform,
    Uniform,
    agent_class,
    agent_names,
    agent_spec,
    draw_hyperparameters,
    make_agent,
    register_agent,
    run_search,
    sweep_ranges,
)
from agents.random_search import RandomSearch
from agents.sweeps import sweep_from_dict
from agents.synthetic import trivial_problem
from archgym_envs import BudgetedEvaluator, Objective, Scorer
from experiments.listing import list_agents
from simulators import ArchgymError, DesignSpace, InvalidInputError, MissingExtraError, Parameter, UnknownNameError

SPACE = DesignSpace([Parameter("depth", (1, 2, 4)), Parameter("policy", ("a", "b"))])


def test_the_agents_promised_are_registered():
    promised = {"random_search", "random_walker", "genetic", "ant_colony", "tpe", "gp", "ppo"}
    assert promised <= set(agent_names())


def test_an_unknown_agent_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'genetic'"):
        make_agent("genetics", SPACE, 0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"populaton": 3}, "did you mean 'population'"),
        ({"population": "many"}, "'population'.*got 'many'"),
        ({"population": 1}, "'population'.*greater than or equal to 2.*got 1"),
        ([3], "must be a mapping"),
    ],
)
def test_wrong_hyperparameters_are_refused_with_the_field(given, message):
    with pytest.raises(InvalidInputError, match=message):
        make_agent("genetic", SPACE, 0, given)


def test_a_negative_seed_is_refused():
    with pytest.raises(InvalidInputError, match="non-negative"):
        make_agent("genetic", SPACE, -1)


def test_agents_of_one_seed_have_streams_of_their_own():
    streams = {name: make_agent(name, SPACE, 7).rng.integers(2**60) for name in ("random_search", "genetic")}
    assert streams["random_search"] != streams["genetic"]


def test_a_missing_extra_is_named_with_the_command(monkeypatch):
    real = registry.importlib.util.find_spec
    absent = {"torch", "stable_baselines3"}
    monkeypatch.setattr(registry.importlib.util, "find_spec", lambda name: None if name in absent else real(name))
    with pytest.raises(MissingExtraError, match=r"agent 'ppo' needs .*pip install 'archgym\[rl\]'"):
        agent_class("ppo")
    with pytest.raises(MissingExtraError, match=r"pip install 'archgym\[gp\]'"):
        agent_class("gp")
    assert agent_class("tpe").name == "tpe"


def test_without_ray_its_agents_are_missing_and_others_are_not(monkeypatch):
    real = registry.importlib.util.find_spec
    monkeypatch.setattr(registry.importlib.util, "find_spec", lambda name: None if name == "ray" else real(name))
    with pytest.raises(MissingExtraError, match=r"agent 'rllib_ippo' needs .*pip install 'archgym\[marl\]'"):
        agent_class("rllib_ippo")
    assert "rllib_ppo" not in registry.agents_for("edit")
    assert {"dqn", "a2c"} <= set(registry.agents_for("edit"))
    assert next(entry for entry in list_agents() if entry["name"] == "rllib_isac")["missing"]


def test_registering(monkeypatch):
    monkeypatch.setattr(registry, "_registry", dict(registry._registry))
    register_agent("mine", "agents.random_search:RandomSearch")
    register_agent("mine", "agents.random_search:RandomSearch")
    assert agent_class("mine") is RandomSearch
    with pytest.raises(InvalidInputError, match="already registered"):
        register_agent("mine", "agents.genetic:Genetic")
    with pytest.raises(InvalidInputError, match="module:Class"):
        register_agent("other", "agents.genetic")
    register_agent("not_there", "agents.genetic:Genetics")
    with pytest.raises(InvalidInputError, match="cannot import"):
        agent_class("not_there")
    register_agent("no_agent", "agents.memory:Memory")
    with pytest.raises(InvalidInputError, match="is not an Agent"):
        agent_class("no_agent")


def test_listing_agents_imports_no_learning_library():
    code = (
        "import sys, agents; agents.agent_names(); [agents.agent_class(n) for n in agents.agent_names()];"
        "print({'torch', 'stable_baselines3', 'sb3_contrib', 'ray', 'pettingzoo', 'optuna'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


@pytest.mark.parametrize(
    "sweep", [Choice(1, 2, 5), Uniform(-1.0, 2.0), LogUniform(0.01, 10.0), Integer(2, 9, log=True)]
)
def test_sweeps_read_back_and_stay_in_range(sweep):
    assert sweep_from_dict(sweep.to_dict()) == sweep
    rng = np.random.default_rng(0)
    drawn = [sweep.draw(rng) for _ in range(500)]
    if isinstance(sweep, Choice):
        assert set(drawn) == {1, 2, 5}
    else:
        assert sweep.low <= min(drawn) and max(drawn) <= sweep.high
    if isinstance(sweep, Integer):
        assert set(drawn) == set(range(2, 10))


def test_log_uniform_has_its_median_at_the_geometric_mean():
    rng = np.random.default_rng(1)
    drawn = [LogUniform(0.01, 1.0).draw(rng) for _ in range(4000)]
    assert math.log10(float(np.median(drawn))) == pytest.approx(-1.0, abs=0.06)


@pytest.mark.parametrize("arguments", [(2.0, 1.0), (0.0, 1.0)])
def test_impossible_ranges_are_refused(arguments):
    with pytest.raises(InvalidInputError, match="low"):
        LogUniform(*arguments)


@pytest.mark.parametrize("name", agent_names())
def test_every_agents_draws_are_valid_complete_and_stable(name):
    found = agent_class(name)
    draws = draw_hyperparameters(found, 8, seed=3)
    assert draws[0] == found.Hyperparameters().model_dump()
    assert draws[:4] == draw_hyperparameters(found, 4, seed=3)
    assert all(found.Hyperparameters(**draw).model_dump() == draw for draw in draws)
    if sweep_ranges(found):
        assert len({str(draw) for draw in draws}) >= 6  # few values may repeat
        assert draw_hyperparameters(found, 3, seed=4)[1:] != draws[1:3]
    with pytest.raises(InvalidInputError, match="at least 1"):
        draw_hyperparameters(found, 0)


@pytest.mark.parametrize("name", agent_names())
def test_defaults_lie_within_their_sweep_ranges(name):
    found = agent_class(name)
    defaults = found.Hyperparameters()
    for field, sweep in sweep_ranges(found).items():
        value = getattr(defaults, field)
        inside = value in sweep.values if isinstance(sweep, Choice) else sweep.low <= value <= sweep.high
        assert inside, (field, value, sweep)


class Stubborn(RandomSearch):
    """Proposes one design for ever."""

    def ask(self, n):
        return np.zeros((1, self.space.dimensions), dtype=np.int64)


def search(agent, budget):
    problem = trivial_problem()
    evaluator = BudgetedEvaluator(problem, budget)
    run_search(agent(problem.space, 0), evaluator, Scorer(Objective.parse({"minimize": "cost"}), problem))
    return evaluator


def test_a_search_ends_at_its_budget_to_the_design():
    evaluator = search(RandomSearch, 33)  # one more than a batch
    assert (evaluator.evaluations, evaluator.stopped) == (33, "budget")


def test_a_searcher_that_repeats_itself_ends_at_max_proposals():
    evaluator = search(Stubborn, 4)
    assert (evaluator.evaluations, evaluator.proposals, evaluator.stopped) == (1, 40, "max_proposals")


def test_proposing_nothing_is_the_agents_error():
    class Mute(RandomSearch):
        def ask(self, n):
            return np.empty((0, self.space.dimensions), dtype=np.int64)

    with pytest.raises(ArchgymError, match="'random_search' proposed 0 designs"):
        search(Mute, 4)


def test_the_registry_tells_extras_without_importing():
    assert agent_spec("ppo").extra == "rl"
    assert agent_spec("genetic").extra is None
