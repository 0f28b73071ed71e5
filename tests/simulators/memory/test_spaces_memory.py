"""The search spaces: sizes as published, canonical designs, groups."""

from __future__ import annotations

import pytest

from simulators.errors import UnknownNameError
from simulators.memory import MemoryController, memory_space, memory_space_names


@pytest.mark.parametrize(("name", "size"), [("ga", 28_311_552), ("rl", 442_368), ("default", 442_368)])
def test_sizes(name, size):
    assert memory_space(name).size == size


def test_canonical_designs_of_rl():
    assert memory_space("rl").count() == 166_464  # 576 x (1 + 2 x 8 front ends) x (1 + 16 refreshes)


def test_every_space_fits_the_simulator_and_starts_at_the_same_design():
    simulator = MemoryController()
    starts = []
    for name in memory_space_names():
        space = memory_space(name)
        for parameter in space.parameters:
            simulator.check_columns({parameter.name: parameter.array})
        starts.append(space.describe(space.default_indices[0]))
        assert set(space.groups()) == {"scheduling", "front_end", "refresh"}
        assert all(parameter.doc for parameter in space.parameters)
    assert starts[0] == starts[1] == starts[2]
    assert starts[0]["page_policy"] == "Open" and starts[0]["max_active_transactions"] == 128


def test_unknown_spaces_name_the_nearest():
    with pytest.raises(UnknownNameError, match="Known: default, ga, rl"):
        memory_space("vizier")
