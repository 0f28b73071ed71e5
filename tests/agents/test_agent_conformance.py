"""The conformance suite over the whole registry, and over agents that break the contract one clause at a time."""

from __future__ import annotations

import numpy as np
import pytest

from agents import Agent, LearningAgent, agent_class, agent_names
from agents.random_search import RandomSearch
from agents.synthetic import conformance_problems, trivial_problem
from agents.testing import ConformanceError, check_agent, trajectory

HEAVY = tuple(name for name in agent_names() if name.startswith("rllib"))
SB3 = ("ppo", "maskable_ppo", "a2c", "dqn", "sac")
COSTLY = {"tpe": {"startup": 5}, "gp": {"startup": 5}, **{name: {} for name in (*SB3, *HEAVY)}}
"""Agents whose own cost is high: short searches always, the whole suite where slow tests are run."""


@pytest.mark.parametrize("name", agent_names())
def test_every_agent_conforms(name):
    if name in COSTLY:
        some = conformance_problems()[1::6] if name in ("gp", *HEAVY) else None
        check_agent(name, COSTLY[name], budget=10, learns=False, problems=some)
    else:
        check_agent(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in COSTLY if name in agent_names()])
def test_costly_agents_conform_to_the_whole_suite(name):
    check_agent(name, budget=40 if name != "gp" else 25)


@pytest.mark.parametrize("name", agent_names())
def test_every_agent_says_what_it_is(name):
    found = agent_class(name)
    assert found.name == name
    assert issubclass(found, Agent | LearningAgent)
    documented = [field.description for field in found.Hyperparameters.model_fields.values()]
    assert all(len(text) > 20 for text in documented)


class Outside(RandomSearch):
    def ask(self, n):
        return super().ask(n) + 1


class Infeasible(RandomSearch):
    def ask(self, n):
        return self.rng.integers(0, self.space.cardinalities, size=(n if n < 30 else 30, self.space.dimensions))


class Unseeded(RandomSearch):
    def ask(self, n):
        return self.space.sample(1, np.random.default_rng())


class DeafToItsSeed(RandomSearch):
    def __init__(self, space, seed, hyperparameters=None):
        super().__init__(space, 0, hyperparameters)


class TooMany(RandomSearch):
    def ask(self, n):
        return self.space.sample(n + 1, self.rng)


class Fractional(RandomSearch):
    def ask(self, n):
        return super().ask(n).astype(float)


class Greedy(RandomSearch):
    """Believes the search is over when it has not begun."""

    def ask(self, n):
        return np.empty((0, self.space.dimensions), dtype=np.int64)


class Undocumented(RandomSearch):
    citation = ""


class Fragile(RandomSearch):
    def tell(self, designs, rewards, evaluation=None):
        if (np.asarray(rewards) <= -10.0).any():
            raise ValueError("a failed design")


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (Outside, "outside"),
        (Infeasible, "infeasible"),
        (Unseeded, "same seed gave two different"),
        (DeafToItsSeed, "two seeds gave the same"),
        (TooMany, "proposed"),
        (Fractional, "integers"),
        (Greedy, "proposed 0 designs"),
        (Undocumented, "citation"),
        (Fragile, "a failed design"),
    ],
)
def test_the_suite_catches(broken, complaint):
    with pytest.raises(Exception, match=complaint):
        check_agent(broken, learns=False)


def test_an_agent_that_ignores_rewards_does_not_pass_for_a_learner():
    with pytest.raises(ConformanceError, match="not solved better than by chance"):
        check_agent(RandomSearch, {"batch": 1}, learns=True, budget=5)


def test_the_trivial_problem_has_the_optimum_it_states():
    problem = trivial_problem()
    simulator = problem.simulator
    costs = simulator.cost(problem.space.unflatten(range(problem.space.size)))
    assert costs.min() == simulator.cost(simulator.best())[0] == 1.0
    assert (costs == 1.0).sum() == 1


def test_the_conformance_problems_are_what_they_say():
    by_name = {problem.space.name: problem for problem in conformance_problems()}
    assert by_name["10^30 designs"].space.size == 10**30
    assert by_name["one design"].space.size == 1
    everything = by_name["all designs but the reference invalid"]
    designs = np.concatenate(list(everything.space.batches()))
    assert everything.evaluate(designs).valid.sum() == 1
    half = by_name["half of the designs invalid"]
    assert 0.3 < half.evaluate(designs).valid.mean() < 0.7


@pytest.mark.parametrize("name", ["genetic", "ant_colony"])
def test_the_optimum_of_the_trivial_problem_is_found(name):
    problem = trivial_problem()
    best = []
    for seed in range(5):
        designs, evaluator = trajectory(agent_class(name)(problem.space, seed), problem, 500)
        assert evaluator.evaluations == 500
        best.append(problem.simulator.cost(designs).min())
    assert sorted(best)[3] == 1.0  # at least four of five seeds
