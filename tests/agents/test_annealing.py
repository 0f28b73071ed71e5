from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest, mannwhitneyu

from agents.annealing import SimulatedAnnealing
from agents.memory import Memory
from agents.operators import Mutation
from agents.synthetic import SyntheticSimulator, conformance_problems, trivial_problem
from agents.testing import trajectory
from simulators import Constraint, DesignSpace, InactiveRule, Parameter, Problem
from tests.agents.test_better_than_random import coupled_problem, final_costs

SPACE = DesignSpace([Parameter(f"p{i}", range(20)) for i in range(4)] + [Parameter("policy", tuple("abcdef"))])
LINE = DesignSpace([Parameter("x", range(1000))])


def told(agent: SimulatedAnnealing, design: int, reward: float) -> None:
    agent.tell(np.array([[design]]), np.array([reward]))


def begun(**hyperparameters: float) -> SimulatedAnnealing:
    """Return a walk on LINE that stands at design 1 of reward 2, the unit of its temperature being 1."""
    agent = SimulatedAnnealing(LINE, 5, {"warmup": 2, **hyperparameters})
    agent.ask(10_000)
    told(agent, 0, 0.0)
    told(agent, 1, 2.0)
    return agent


@pytest.mark.parametrize("temperature", [0.1, 0.5, 1.0, 4.0])
@pytest.mark.parametrize("loss", [0.25, 1.0])
def test_worse_designs_are_accepted_with_metropolis_probability(temperature, loss):
    agent = begun(hot=temperature, cold=temperature, steps=10**9)
    trials = accepted = 3000
    for _ in range(trials):
        told(agent, 2, 2.0 - loss)
        accepted -= int(agent._current.design[0] == 1)
        told(agent, 1, 2.0)
    assert binomtest(accepted, trials, math.exp(-loss / temperature)).pvalue > 0.001


def test_better_and_equal_designs_are_always_accepted():
    agent = begun(hot=1e-9, cold=1e-9)
    told(agent, 7, 2.0)
    assert agent._current.design.tolist() == [7]
    told(agent, 8, 2.1)
    assert agent._current.design.tolist() == [8]
    told(agent, 9, 2.0)
    assert agent._current.design.tolist() == [8], "next to no temperature, no loss"


def test_the_temperature_falls_geometrically_from_hot_to_cold():
    agent = SimulatedAnnealing(LINE, 0, {"warmup": 2, "hot": 4.0, "cold": 0.25, "steps": 100})
    agent.ask(1000)
    told(agent, 0, 1.0)
    told(agent, 1, 7.0)  # a spread of 3
    ratios = []
    for number in range(3, 131):
        before = agent.temperature
        told(agent, number, 0.0)
        ratios.append(agent.temperature / before)
        if number == 50:
            assert agent.temperature == pytest.approx(3.0 * 1.0)  # the geometric mean of 4 and 1/4
    assert ratios[:98] == pytest.approx([(0.25 / 4.0) ** (1 / 100)] * 98)
    assert ratios[98:] == [1.0] * 30
    assert agent.temperature == pytest.approx(3.0 * 0.25)


def test_the_budget_is_the_schedule_unless_it_is_given():
    agent = begun(hot=1.0, cold=0.01)
    for number in range(2, 5000):
        told(agent, number % 1000, 2.0)
    assert agent.temperature == pytest.approx(0.1, rel=0.01)


def test_designs_that_failed_do_not_set_the_temperature():
    agent = SimulatedAnnealing(LINE, 0, {"warmup": 4, "hot": 1.0, "cold": 1.0})
    agent.ask(100)
    for number, reward in enumerate([1.0, -10.0, 3.0, -10.0]):
        told(agent, number, reward)
    assert agent.temperature == 1.0  # of 1 and 3; with the failures it would be 6
    nothing = SimulatedAnnealing(LINE, 0, {"warmup": 2, "hot": 0.5, "cold": 0.5})
    nothing.ask(100)
    told(nothing, 0, -10.0)
    told(nothing, 1, -10.0)
    assert nothing.temperature == 0.5, "no spread: the reward's own unit"


def test_the_walk_begins_at_the_best_of_the_random_start():
    agent = SimulatedAnnealing(LINE, 0, {"warmup": 6, "hot": 100.0})
    assert len(agent.ask(500)) == 6
    for number, reward in enumerate([1.0, 5.0, 2.0, 4.9]):
        told(agent, number, reward)
    assert len(agent.ask(500)) == 2, "what is missing of the start"
    told(agent, 4, 0.0)
    told(agent, 5, 4.99)
    assert agent._current.design.tolist() == [1]
    assert len(agent.ask(500)) == 1


@pytest.mark.parametrize(("budget", "random"), [(8, 2), (40, 10), (4000, 16)])
def test_a_short_search_begins_with_fewer_random_designs(budget, random):
    assert len(SimulatedAnnealing(SPACE, 0).ask(budget)) == random


def test_the_walk_goes_back_to_the_best_after_its_patience():
    agent = begun(hot=1e6, cold=1e6, steps=200, patience=0.1)  # a blind walk, for 20 designs
    places = []
    for number in range(2, 23):
        told(agent, number, 1.0)
        places.append(int(agent._current.design[0]))
    assert places == [*range(2, 22), 1]
    told(agent, 50, 1.5)
    assert agent._current.design.tolist() == [50], "and walks on from there"
    told(agent, 60, 3.0)  # a new best: patience begins anew
    for number in range(100, 120):
        told(agent, number, 0.0)
        assert agent._current.design.tolist() == [number]
    told(agent, 120, 0.0)
    assert agent._current.design.tolist() == [60]


def test_a_move_changes_few_parameters_of_the_current_design_and_is_new():
    agent = SimulatedAnnealing(SPACE, 2, {"warmup": 2})
    agent.ask(1000)
    agent.tell(np.array([[10, 10, 10, 10, 3], [0, 0, 0, 0, 0]]), np.array([1.0, 0.0]))
    changes = []
    for _ in range(400):
        (design,) = agent.ask(1000)
        changes.append(int((design != [10, 10, 10, 10, 3]).sum()))
    assert min(changes) == 1
    # One of five mutates with probability 1/5 each, and one is forced where none does: 1 + (4/5)^5 = 1.33 in the mean.
    assert np.mean(changes) == pytest.approx(1.33, abs=0.12)


def test_proposals_keep_to_the_constraints_and_repeat_nothing_that_has_an_effect():
    deep = Constraint("deep", lambda c: c["p0"] + c["p1"] >= 25)
    off = InactiveRule("p2", {"policy": ("a", "b", "c")})
    space = DesignSpace(SPACE.parameters, [deep], [off])
    agent, memory = SimulatedAnnealing(space, 1), Memory(space)
    proposed = 0
    while proposed < 400:
        designs = agent.ask(400 - proposed)
        assert space.feasible(designs).all()
        assert not memory.known(designs).any()
        memory.add(designs)
        agent.tell(designs, -space.to_unit(designs)[:, :2].sum(axis=1))
        proposed += len(designs)
    assert len(memory) == 400


@pytest.mark.parametrize("problem", conformance_problems()[:4], ids=lambda p: p.space.name)
def test_the_same_seed_gives_the_same_search(problem):
    searches = [trajectory(SimulatedAnnealing(problem.space, seed), problem, 30)[0] for seed in (8, 8, 9)]
    assert np.array_equal(searches[0], searches[1])
    assert len(searches[0]) == 30
    assert not np.array_equal(searches[0], searches[2])


class Trap(SyntheticSimulator):
    """Two valleys: one that ends at cost 2 at x = 25, and behind a ridge of 2.6 one that ends at 1 at x = 34."""

    name = "trap"

    def cost(self, indices):
        x = indices[:, 0].astype(float)
        return 1 + np.minimum(1 + abs(x - 25) / 4, abs(x - 34) / 4)


def trap_ends(hot: float) -> list[float]:
    idle = [Parameter(f"idle{i}", range(50)) for i in range(3)]
    space = DesignSpace([Parameter("x", range(100), default=25), *idle])
    simulator = Trap(space)
    problem = Problem(simulator, space, simulator.load_workload(""))
    ends = []
    for seed in range(12):
        agent = SimulatedAnnealing(space, seed, {"warmup": 2, "hot": hot, "cold": hot / 100, "patience": 1.0})
        agent._mutate = Mutation(space, 0.001, resample=0.0)  # steps of one: the ridge has to be climbed
        agent.tell(np.array([[25, 9, 9, 9], [26, 9, 9, 9]]), np.array([0.0, -0.12]))
        ends.append(float(simulator.cost(trajectory(agent, problem, 300)[0]).min()))
    return ends


def test_heat_leads_over_the_ridge():
    """Stuck in the first valley without heat, over the ridge with it: what annealing is for."""
    cold, hot = trap_ends(1e-6), trap_ends(10.0)  # the unit is 0.06
    assert mannwhitneyu(hot, cold, alternative="less").pvalue < 0.01, (hot, cold)
    assert cold == [2.0] * 12


def test_the_optimum_of_the_trivial_problem_is_found():
    problem = trivial_problem()
    best = []
    for seed in range(5):
        designs, evaluator = trajectory(SimulatedAnnealing(problem.space, seed), problem, 300)
        assert evaluator.evaluations == 300
        best.append(problem.simulator.cost(designs).min())
    assert sorted(best)[3] == 1.0  # at least four of five seeds


def test_it_beats_random_search():
    assert coupled_problem().space.size > 10**6
    annealed, random = final_costs("simulated_annealing", 100), final_costs("random_search", 100)
    assert mannwhitneyu(annealed, random, alternative="less").pvalue < 0.001
