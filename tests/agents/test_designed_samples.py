"""Searchers that ignore rewards: the grid and the quasi-random sequence."""

from __future__ import annotations

import numpy as np

from agents import make_agent
from agents.grid import Grid
from simulators import Constraint, DesignSpace, Parameter

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
