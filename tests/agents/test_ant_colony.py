from __future__ import annotations

import numpy as np
import pytest

from agents.ant_colony import AntColony, _deposit, _lower_bounds, _roulette
from simulators import DesignSpace, InactiveRule, Parameter

SPACE = DesignSpace([Parameter("depth", (1, 2, 4), ordered=True), Parameter("policy", ("a", "b"))])


def test_the_lower_bound_makes_a_converged_colony_repeat_its_best_with_the_stated_probability():
    floors = _lower_bounds(SPACE, best_probability=0.25, alpha=2.0)
    best = [1.0 / (1.0 + (count - 1) * floor**2.0) for count, floor in zip((3, 2), floors, strict=True)]
    assert best == pytest.approx([0.5, 0.5])  # 0.5 x 0.5 = 0.25
    assert floors == pytest.approx([0.5**0.5, 1.0])


def test_deposits_spread_to_adjacent_values_and_keep_their_sum():
    assert _deposit(np.array([1]), np.array([1.0]), 4, 0.0).tolist() == [0, 1, 0, 0]
    assert _deposit(np.array([1]), np.array([1.0]), 4, 0.4) == pytest.approx([0.2, 0.6, 0.2, 0])
    assert _deposit(np.array([0, 3]), np.array([0.75, 0.25]), 4, 0.4) == pytest.approx([0.6, 0.15, 0.05, 0.2])


def test_one_update_by_hand():
    colony = AntColony(SPACE, 0, {"ants": 2, "elites": 2, "evaporation": 0.5, "spread": 0.0, "best_probability": 0.99})
    colony.tell(np.array([[0, 1], [2, 1]]), np.array([-3.0, -7.0]))
    # ranks 1 and 2 of two weigh 2/3 and 1/3: depth 0 gets 0.5 + 0.5 * 2/3, depth 1 only evaporates.
    assert colony._trails[0] == pytest.approx([5 / 6, 0.5, 2 / 3])
    assert colony._trails[1] == pytest.approx([0.5, 1.0])


def test_trails_stay_within_their_bounds_whatever_the_rewards():
    colony = AntColony(SPACE, 0, {"ants": 1, "evaporation": 0.9})
    for reward in (-10.0, 10.0, -1e300, 1e300, 0.0) * 20:
        colony.tell(colony.ask(1), np.array([reward]))
        for trail, floor in zip(colony._trails, colony._floors, strict=True):
            assert (trail >= floor).all() and (trail <= 1.0).all()


def test_inactive_parameters_of_an_elite_get_no_pheromone():
    rule = InactiveRule("depth", {"policy": ("b",)})
    space = DesignSpace(SPACE.parameters, inactive=[rule])
    colony = AntColony(space, 0, {"ants": 1, "elites": 1, "evaporation": 0.5, "spread": 0.0, "best_probability": 0.99})
    colony.tell(np.array([[2, 1]]), np.array([1.0]))
    assert colony._trails[0] == pytest.approx([0.5, 0.5, 0.5])
    assert colony._trails[1] == pytest.approx([0.5, 1.0])


def test_the_roulette_follows_the_weights():
    drawn = _roulette(np.array([1.0, 0.0, 3.0]), 40_000, np.random.default_rng(0))
    np.testing.assert_allclose(np.bincount(drawn, minlength=3) / 40_000, [0.25, 0.0, 0.75], atol=0.01)


def test_elites_are_the_best_told_and_the_newer_wins_a_tie():
    colony = AntColony(SPACE, 0, {"elites": 2})
    colony.tell(np.array([[0, 0], [1, 0], [2, 0], [0, 1]]), np.array([1.0, 5.0, 2.0, 2.0]))
    assert colony._elites.tolist() == [[1, 0], [0, 1]]
