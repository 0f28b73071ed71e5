"""The search spaces: sizes as published, canonical designs, groups."""

from __future__ import annotations

import dataclasses

import pytest

from simulators.errors import UnknownNameError
from simulators.memory import MemoryController, memory_space, memory_space_names


@pytest.mark.parametrize(("name", "size"), [("ga", 28_311_552), ("rl", 442_368), ("default", 1_769_472)])
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
        groups = {"scheduling", "front_end", "refresh"} | ({"power"} if name == "default" else set())
        assert set(space.groups()) == groups
        assert all(parameter.doc for parameter in space.parameters)
    default, ga, rl = starts
    assert ga == rl
    assert default["page_policy"] == "Open" and default["max_active_transactions"] == 128
    own = {"power_down_policy": "NoPowerDown", "address_mapping": "Specification"}
    assert default == {name: value for name, value in ga.items() if name != "refresh_policy"} | own


@pytest.mark.parametrize(
    ("memory", "size"),
    [("ddr3-1600", 1_769_472), ("ddr4-2400", 1_769_472), ("lpddr4-3200", 3_538_944), ("hbm2", 4_423_680)],
)
def test_the_default_space_follows_the_memory(memory, size):
    """4 x 3 x 3 x 8 x 2 x 4 x 4 x 3 x 8 x 2 x 4; twice that where single banks can be refreshed.

    HBM2's own address mapping is none of the named ones, so that there are five.
    """
    simulator = MemoryController(memory)
    space = memory_space("default", simulator.memory)
    assert space.size == size
    for parameter in space.parameters:
        simulator.check_columns({parameter.name: parameter.array})
    sleepless = {name: cycles for name, cycles in simulator.memory.timings.items() if name not in ("CKE", "XP")}
    without = memory_space("default", dataclasses.replace(simulator.memory, timings=sleepless))
    assert "power_down_policy" in [parameter.name for parameter in space.parameters]
    assert "power_down_policy" not in [parameter.name for parameter in without.parameters]
    assert 2 * without.size == size


def test_unknown_spaces_name_the_nearest():
    with pytest.raises(UnknownNameError, match="Known: default, ga, rl"):
        memory_space("vizier")
