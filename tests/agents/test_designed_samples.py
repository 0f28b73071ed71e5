"""Searchers that ignore rewards: the grid and the quasi-random sequence."""

from __future__ import annotations

import numpy as np

from agents import make_agent
from agents.grid import Grid
from agents.quasi_random import QuasiRandom
from simulators import Constraint, DesignSpace, InactiveRule, Parameter

SPACE = DesignSpace([Parameter("a", range(9)), Parameter("b", range(9)), Parameter("word", ("x", "y", "z"))], name="s")


def proposals(agent, count: int) -> np.ndarray:
    """Ask and tell until there are ``count`` proposals."""
    found = np.empty((0, agent.space.dimensions), dtype=np.int64)
    while len(found) < count:
        designs = agent.ask(count - len(found))
        agent.tell(designs, np.zeros(len(designs)))
        found = np.concatenate([found, designs])
    return found


def test_a_grid_is_every_combination_of_its_levels_once():
    """27 points: three levels each, whatever the order in which parameters gain them; 0, 4 and 8 of nine."""
    for seed in range(4):
        agent = Grid(SPACE, seed, {"points": 27})
        found = proposals(agent, 27)
        assert [levels.tolist() for levels in agent.levels()] == [[0, 4, 8], [0, 4, 8], [0, 1, 2]]
        assert len(np.unique(found, axis=0)) == 27
        assert all(set(column) <= {0, 4, 8} for column in found[:, :2].T.tolist())
        assert found.tolist() != sorted(found.tolist()), "in random order"


def test_the_budget_decides_how_fine_a_grid_is_and_a_finer_one_follows():
    agent = make_agent("grid", SPACE, 0)
    found = proposals(agent, SPACE.size)
    assert len(np.unique(found, axis=0)) == SPACE.size
    assert [len(levels) for levels in agent.levels()] == [9, 9, 3]


def test_a_grid_skips_what_is_infeasible():
    rule = Constraint("sum", lambda c: c["a"] + c["b"] <= 8)
    space = DesignSpace(SPACE.parameters, [rule], name="constrained")
    found = proposals(Grid(space, 1, {"points": 27}), 18)
    assert space.feasible(found).all()
    assert len(np.unique(found, axis=0)) == 18


def test_quasi_random_designs_are_more_even_than_random_ones():
    """Of 64 designs over 8 x 8 values every pair has its share far more often than chance gives it."""
    space = DesignSpace([Parameter("a", range(8)), Parameter("b", range(8)), Parameter("c", range(64))], name="even")

    def unevenness(name: str) -> float:
        found = [proposals(make_agent(name, space, seed), 64) for seed in range(10)]
        counts = [np.bincount(8 * designs[:, 0] + designs[:, 1], minlength=64) for designs in found]
        return float(np.mean([((count - 1) ** 2).mean() for count in counts]))

    assert unevenness("quasi_random") < 0.5 * unevenness("random_search")


def test_an_unordered_parameter_has_all_its_values_in_a_grid_or_its_default_alone():
    space = DesignSpace([Parameter(f"w{j}", tuple("abcde"), default="c") for j in range(4)], name="words")
    for seed in range(5):
        agent = Grid(space, seed, {"points": 20})
        proposals(agent, 20)
        assert sorted(levels.tolist() for levels in agent.levels()) == [[0, 1, 2, 3, 4]] * 2 + [[2]] * 2


def test_a_grid_cut_off_is_a_sample_of_the_whole():
    """The first 50 of 1000 points: each level has its share of them, over the seeds, of every parameter."""
    space = DesignSpace([Parameter(f"p{j}", range(10)) for j in range(3)], name="cube")
    found = np.concatenate([proposals(Grid(space, seed, {"points": 1000}), 50) for seed in range(40)])
    counts = np.stack([np.bincount(column, minlength=10) for column in found.T])
    assert (np.abs(counts - 200) < 60).all()  # 4.5 standard deviations of a binomial count


def test_spaces_of_many_parameters_have_a_grid():
    space = DesignSpace([Parameter(f"p{j}", range(3)) for j in range(100)], name="wide")
    found = proposals(Grid(space, 0), 64)
    assert len(np.unique(found, axis=0)) == 64
    assert (found != space.default_indices).any(axis=0).sum() == 6


def test_quasi_random_gives_every_value_its_share():
    """Blocks of 256 points: 8 values have 32 each, exactly."""
    agent = QuasiRandom(DesignSpace([Parameter("a", range(8)), Parameter("b", range(1000))], name="shares"), 0)
    assert np.bincount(agent._block()[:, 0]).tolist() == [32] * 8


def test_quasi_random_skips_what_is_known_infeasible_or_differs_without_effect():
    off = InactiveRule("b", {"word": ("x", "y")})
    space = DesignSpace(SPACE.parameters, [Constraint("low", lambda c: c["a"] < 5)], [off], name="rules")
    agent = QuasiRandom(space, 2)
    found = proposals(agent, space.count())
    assert space.feasible(found).all()
    assert len(np.unique(space.canonical(found), axis=0)) == space.count() == 5 * 2 + 5 * 9


def test_beyond_the_dimensions_of_sobol_designs_are_latin_hypercubes():
    space = DesignSpace([Parameter(f"p{j}", range(2)) for j in range(21202)], name="wider than Sobol'")
    designs = QuasiRandom(space, 0)._block()
    assert (designs.sum(axis=0) == 128).all()  # of 256 points, half have each value
    assert len(np.unique(designs[:, :64], axis=0)) == 256
