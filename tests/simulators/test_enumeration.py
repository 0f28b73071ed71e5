"""Walking through a whole space: every distinct feasible design once, and finding it again."""

from __future__ import annotations

import numpy as np
import pytest

from simulators import DesignSpace, InvalidInputError, Parameter, UnknownNameError
from simulators.memory import memory_space
from simulators.rank import RankIndex
from tests.archgym_envs.toys import chip_space


def test_canonical_flat_is_what_checking_every_design_gives():
    space = chip_space()
    every = space.unflatten(range(space.size))
    own = (space.canonical(every) == every).all(axis=1) & space.feasible(every)
    assert space.canonical_flat().tolist() == np.flatnonzero(own).tolist()
    assert space.canonical_flat(batch=5).tolist() == space.canonical_flat().tolist()
    assert len(space.canonical_flat()) == space.count() == 33  # 5 lanes without a buffer, 7 x 4 depths with one


def test_the_rl_space_of_the_memory_controller_has_166464_designs():
    assert len(memory_space("rl").canonical_flat()) == 166_464


def test_spaces_too_large_to_walk_through_are_refused():
    space = DesignSpace([Parameter(f"p{i}", range(100)) for i in range(6)])
    with pytest.raises(InvalidInputError, match="too many to walk through"):
        space.canonical_flat()


@pytest.mark.parametrize("size", [64, 65, 1000, 10**7])
def test_ranks_are_positions(size):
    rng = np.random.default_rng(size)
    flat = np.unique(rng.integers(0, size, 300))
    rank = RankIndex(flat, size)
    assert rank.find(flat).tolist() == list(range(len(flat)))
    asked = np.concatenate([rng.integers(0, size, 500), [0, size - 1]])
    expected = [flat.tolist().index(x) if x in flat else -1 for x in asked.tolist()]
    assert rank.find(asked).tolist() == expected
    assert [int(rank.find(asked[i : i + 1])[0]) for i in range(50)] == expected[:50]
    assert rank.find(np.empty(0, dtype=np.int64)).tolist() == []


def test_an_empty_list_has_no_ranks():
    assert RankIndex(np.empty(0, dtype=np.int64), 10).find(np.array([0, 9])).tolist() == [-1, -1]


def test_a_restricted_space():
    space = chip_space().restricted({"lanes": [8, "2", 64], "buffer": ["fifo"]})
    assert [p.values for p in space.parameters] == [(2, 8, 64), ("fifo",), (1, 2, 4, 8)]
    assert [p.default for p in space.parameters] == [2, "fifo", 8]
    assert not space.inactive  # its condition, no buffer, has gone
    assert space.count() == 12
    assert chip_space().restricted({"depth": [1]}).count() == 5 + 7  # inactive at its new default
    with pytest.raises(InvalidInputError, match="'lanes' cannot be 3"):
        chip_space().restricted({"lanes": [3]})
    with pytest.raises(UnknownNameError, match="did you mean 'lanes'"):
        chip_space().restricted({"lane": [1]})
