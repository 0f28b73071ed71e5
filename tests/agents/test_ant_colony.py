from __future__ import annotations

import numpy as np
import pytest

from agents.ant_colony import AntColonies, AntColonyHyperparameters, _lower_bounds
from simulators import DesignSpace, InactiveRule, Parameter

SPACE = DesignSpace([Parameter("depth", (1, 2, 4), ordered=True), Parameter("policy", ("a", "b"))])


def colony_of(space, **hyperparameters):
    return AntColonies(space, [0], AntColonyHyperparameters(**hyperparameters))


def tell(colony, designs, rewards):
    colony.tell(np.array(designs), np.zeros(len(designs), dtype=np.int64), np.array(rewards))


def deposits(designs, values, spread):
    """Return what one update lays on a parameter of ``values`` values by elites at ``designs``, best first."""
    space = DesignSpace([Parameter("depth", tuple(range(values))), Parameter("policy", tuple("abcd"))])
    settings = {"ants": len(designs), "elites": 2, "evaporation": 0.5, "best_probability": 0.999999}
    colony = colony_of(space, spread=spread, **settings)
    tell(colony, [[d, row] for row, d in enumerate(designs)], [-float(row) for row in range(len(designs))])
    return (colony.trails()[0] - 0.5) / 0.5


def test_the_lower_bound_makes_a_converged_colony_repeat_its_best_with_the_stated_probability():
    floors = _lower_bounds(SPACE, best_probability=0.25, alpha=2.0)
    best = [1.0 / (1.0 + (count - 1) * floor**2.0) for count, floor in zip((3, 2), floors, strict=True)]
    assert best == pytest.approx([0.5, 0.5])  # 0.5 x 0.5 = 0.25
    assert floors == pytest.approx([0.5**0.5, 1.0])


def test_deposits_spread_to_adjacent_values_and_keep_their_sum():
    assert deposits([1], 4, 0.0) == pytest.approx([0, 1, 0, 0])
    assert deposits([1], 4, 0.4) == pytest.approx([0.2, 0.6, 0.2, 0])
    assert deposits([0, 3], 4, 0.4) == pytest.approx([0.8 * 2 / 3, 0.2 * 2 / 3, 0.2 / 3, 0.8 / 3])


def test_one_update_by_hand():
    colony = colony_of(SPACE, ants=2, elites=2, evaporation=0.5, spread=0.0, best_probability=0.99)
    tell(colony, [[0, 1], [2, 1]], [-3.0, -7.0])
    # ranks 1 and 2 of two weigh 2/3 and 1/3: depth 0 gets 0.5 + 0.5 * 2/3, depth 1 only evaporates.
    assert colony.trails()[0] == pytest.approx([5 / 6, 0.5, 2 / 3])
    assert colony.trails()[1] == pytest.approx([0.5, 1.0])


def test_trails_stay_within_their_bounds_whatever_the_rewards():
    colony = colony_of(SPACE, ants=1, evaporation=0.9)
    for reward in (-10.0, 10.0, -1e300, 1e300, 0.0) * 20:
        tell(colony, colony.ask(np.array([1]))[0], [reward])
        for trail, floor in zip(colony.trails(), colony._choices.floors, strict=True):
            assert (trail >= floor).all() and (trail <= 1.0).all()


def test_inactive_parameters_of_an_elite_get_no_pheromone():
    rule = InactiveRule("depth", {"policy": ("b",)})
    space = DesignSpace(SPACE.parameters, inactive=[rule])
    colony = colony_of(space, ants=1, elites=1, evaporation=0.5, spread=0.0, best_probability=0.99)
    tell(colony, [[2, 1]], [1.0])
    assert colony.trails()[0] == pytest.approx([0.5, 0.5, 0.5])
    assert colony.trails()[1] == pytest.approx([0.5, 1.0])


@pytest.mark.parametrize("values", [3, 100])
def test_ants_choose_by_the_pheromone_to_the_power_of_alpha(values):
    space = DesignSpace([Parameter("policy", [f"v{k}" for k in range(values)])])
    colony = colony_of(space, ants=1, elites=1, evaporation=0.5, best_probability=0.9, alpha=2.0)
    tell(colony, [[1]], [0.0])
    trails = colony.trails()[0]
    assert trails[1] > 1.5 * trails[0]
    drawn = colony._build(np.zeros(40_000, dtype=np.int64))[:, 0]
    expected = trails**2 / (trails**2).sum()
    np.testing.assert_allclose(np.bincount(drawn, minlength=values) / 40_000, expected, atol=0.01)


def test_elites_are_the_best_told_and_the_newer_wins_a_tie():
    colony = colony_of(SPACE, elites=2)
    tell(colony, [[0, 0], [1, 0], [2, 0], [0, 1]], [1.0, 5.0, 2.0, 2.0])
    assert colony.elites().tolist() == [[1, 0], [0, 1]]
