"""Partitions: every parameter has one agent, and interacting parameters are found."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import archgym_envs
from archgym_envs.interactions import measure_interactions
from archgym_envs.partitions import (
    PARTITIONS,
    Partition,
    at_random,
    by_group,
    by_interaction,
    by_parameter,
    make_partition,
    single,
)
from simulators import DesignSpace, InvalidInputError, Parameter, UnknownNameError
from tests.archgym_envs.toys import chip_space

SPACE = DesignSpace([Parameter(name, range(6), ordered=name != "c") for name in "abcdef"])


def spread(n: int, seed: int = 0, space: DesignSpace = SPACE) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """Random designs, the same as fractions, and the generator."""
    rng = np.random.default_rng(seed)
    designs = space.sample(n, rng)
    return designs, designs / (space.cardinalities - 1), rng


def two_blocks(x: np.ndarray) -> np.ndarray:
    """a, c, e interact, and b, d, f; over and above unequal main effects."""
    return np.abs(x[:, 0] - x[:, 2]) + 2 * x[:, 2] * x[:, 4] + 4 * x[:, 1] * x[:, 3] * x[:, 5] + 3 * x[:, 0] + x[:, 1]


def test_the_simple_kinds():
    space = chip_space()
    assert by_parameter(space).members == (("lanes",), ("buffer",), ("depth",))
    assert by_parameter(space).names == ("lanes", "buffer", "depth")
    assert by_group(space) == Partition(("core", "memory"), (("lanes",), ("buffer", "depth")))
    assert single(space) == Partition(("all",), (("lanes", "buffer", "depth"),))


def test_parameters_without_a_group_have_agents_of_their_own():
    space = DesignSpace(
        [
            Parameter("x", (1, 2)),
            Parameter("y", (1, 2), group="x"),
            Parameter("z", (1, 2)),
            Parameter("w", (1,), group="x"),
        ]
    )
    assert by_group(space) == Partition(("parameter_x", "x", "z"), (("x",), ("y", "w"), ("z",)))


@pytest.mark.parametrize("count", [1, 2, 4, 6])
def test_random_partitions_are_balanced_and_seeded(count):
    partition = at_random(SPACE, count, seed=3)
    assert sorted(name for own in partition.members for name in own) == list("abcdef")
    sizes = [len(own) for own in partition.members]
    assert len(sizes) == count and max(sizes) - min(sizes) <= 1
    assert all(list(own) == sorted(own) for own in partition.members)
    assert partition == at_random(SPACE, count, seed=3)


def test_random_partitions_differ_between_seeds():
    assert len({at_random(SPACE, 2, seed).members for seed in range(20)}) > 5


def test_columns_follow_the_order_of_the_space():
    found = Partition(("p", "q"), (("depth", "lanes"), ("buffer",))).columns(chip_space())
    assert [columns.tolist() for columns in found] == [[2, 0], [1]]
    assert all(columns.dtype == np.int64 for columns in found)


@pytest.mark.parametrize(
    ("names", "members", "message"),
    [
        ((), (), "at least one agent"),
        (("p",), (("a",), ("b",)), "1 agents and 2 lists"),
        (("p", "p"), (("a",), ("b",)), "unique names; repeated: p"),
        (("p", "q"), (("a",), ()), "without one: q"),
        (("p", "q"), (("a", "b"), ("b",)), "in several: b"),
    ],
)
def test_impossible_partitions_are_refused(names, members, message):
    with pytest.raises(InvalidInputError, match=message):
        Partition(names, members)


def test_a_partition_of_another_space_is_refused():
    with pytest.raises(InvalidInputError, match="without one: depth"):
        Partition(("p",), (("lanes", "buffer"),)).columns(chip_space())
    with pytest.raises(UnknownNameError, match="did you mean 'depth'"):
        Partition(("p",), (("lanes", "buffer", "depths"),)).columns(chip_space())


@pytest.mark.parametrize("count", [2, None])
@pytest.mark.parametrize("seed", range(3))
def test_two_interacting_blocks_are_found(count, seed):
    designs, x, rng = spread(1500, seed)
    scores = two_blocks(x) + rng.normal(scale=0.1, size=len(x))
    found = by_interaction(SPACE, designs, scores, count)
    assert found == Partition(("cluster_0", "cluster_1"), (("a", "c", "e"), ("b", "d", "f")))


def test_interactions_without_any_main_effect_are_found():
    space = DesignSpace([Parameter(name, (False, True)) for name in "abcd"])
    designs, x, _ = spread(200, space=space)
    scores = (x[:, 0] != x[:, 3]).astype(float)
    assert by_interaction(space, designs, scores).members == (("a", "d"), ("b",), ("c",))
    assert measure_interactions(space, designs, scores).strength[0, 3] == pytest.approx(1.0, abs=0.02)


def test_a_sum_of_single_effects_gives_every_parameter_an_agent():
    designs, x, _ = spread(300)
    scores = (x**2) @ np.arange(1.0, 7.0)
    assert by_interaction(SPACE, designs, scores).members == by_parameter(SPACE).members
    assert not measure_interactions(SPACE, designs, scores).strength.any()


def test_noise_is_seldom_taken_for_an_interaction():
    alarms = 0
    for seed in range(20):
        designs, x, rng = spread(200, seed)
        alarms += len(by_interaction(SPACE, designs, x.sum(axis=1) + rng.normal(size=200))) < 6
    assert alarms <= 4  # 5 % each: more than 4 of 20 would happen once in 400 times


def test_designs_of_a_converged_search_do_not_make_interactions():
    """Parameters that go together in the log, but not in the score."""
    designs, _, rng = spread(400)
    designs[:, 1] = np.where(rng.random(400) < 0.8, designs[:, 0], designs[:, 1])
    scores = designs.sum(axis=1) + rng.normal(size=400)
    assert by_interaction(SPACE, designs, scores).members == by_parameter(SPACE).members


def test_many_values_are_binned():
    space = DesignSpace(
        [Parameter("a", range(500)), Parameter("b", [f"v{i}" for i in range(40)]), Parameter("c", range(9))]
    )
    designs, x, _ = spread(600, space=space)
    worth = np.random.default_rng(5).random(40)
    scores = (0.2 + x[:, 0]) * worth[designs[:, 1]] + x[:, 2]
    assert by_interaction(space, designs, scores).members == (("a", "b"), ("c",))


def test_a_parameter_that_never_varies_is_alone():
    designs, x, _ = spread(500)
    designs[:, 3] = 2
    found = by_interaction(SPACE, designs, x[:, 0] * x[:, 1])
    assert found.members == (("a", "b"), ("c",), ("d",), ("e",), ("f",))


@pytest.mark.parametrize("count", range(1, 7))
def test_any_count_can_be_had(count):
    designs, x, _ = spread(100)
    assert len(by_interaction(SPACE, designs, x.sum(axis=1), count)) == count
    assert len(by_interaction(SPACE, designs, two_blocks(x), count)) == count


def test_invalid_designs_are_left_out_and_the_result_repeats():
    designs, x, _ = spread(1500)
    scores = two_blocks(x)
    more = np.concatenate([designs, designs[:700, ::-1]])
    holes = np.concatenate([scores, np.full(700, np.nan)])
    assert by_interaction(SPACE, more, holes) == by_interaction(SPACE, designs, scores)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s[:19], "scores must have shape"),
        (lambda s: np.where(np.arange(100) < 19, s, np.nan), "at least 20 designs with a score, got 19"),
        (lambda s: np.full(100, 2.5), "all 100 scores are 2.5"),
        (lambda s: np.where(s > 3, np.inf, s), "infinite"),
    ],
)
def test_data_that_tell_nothing_are_refused(change, message):
    designs, x, _ = spread(100)
    with pytest.raises(InvalidInputError, match=message):
        by_interaction(SPACE, designs, change(x.sum(axis=1)))


def test_one_parameter_is_one_cluster():
    space = DesignSpace([Parameter("a", range(10))])
    designs, x, _ = spread(30, space=space)
    assert by_interaction(space, designs, x[:, 0]).members == (("a",),)


def test_partitions_by_name():
    designs, x, _ = spread(100)
    made = {kind: make_partition(SPACE, kind, designs=designs, scores=two_blocks(x)) for kind in PARTITIONS}
    assert made["parameter"] == by_parameter(SPACE)
    assert made["single"] == single(SPACE)
    assert made["interaction"] == by_interaction(SPACE, designs, two_blocks(x))
    assert make_partition(chip_space(), "random", seed=4) == at_random(chip_space(), 2, 4)
    assert make_partition(SPACE, "random", count=3, seed=1) == at_random(SPACE, 3, 1)


def test_what_cannot_be_made_is_said():
    with pytest.raises(UnknownNameError, match="unknown partition 'groups'; did you mean 'group'"):
        make_partition(SPACE, "groups")
    with pytest.raises(InvalidInputError, match="give designs and scores"):
        make_partition(SPACE, "interaction")
    for count in (0, 7, 1.5, True):
        with pytest.raises(InvalidInputError, match="from 1 to 6"):
            make_partition(SPACE, "random", count=count)


PAGE = (Path(__file__).parents[2] / "docs" / "environments.md").read_text()
SECTION = PAGE[PAGE.index("## Several agents, one design") : PAGE.index("## Objectives")]


@pytest.mark.parametrize("name", ["MemoryController", "Accelerator", "SystolicArray", "Mapping"])
def test_the_page_has_the_groups_of_the_environments(name):
    (line,) = re.findall(rf"\| `{name}-v0` \| (.*?) \|", SECTION)
    groups = archgym_envs.make_problem(f"archgym/{name}-v0").space.groups()
    assert line == ", ".join(f"{group} {len(names)}" for group, names in groups.items())


@pytest.mark.parametrize("id", [id for id in archgym_envs.registered() if id.startswith("archgym/")])
def test_every_environment_that_ships_has_several_groups_and_no_parameter_without(id):
    space = archgym_envs.make_problem(id).space
    assert len(space.groups()) > 1
    assert [parameter.name for parameter in space.parameters if not parameter.group] == []


def test_the_pages_interactions_are_found(capsys):
    code = next(code for code in re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL) if "by_interaction(" in code)
    names: dict[str, object] = {}
    exec(code, names)
    assert [own for own in names["partition"].members if len(own) > 1] == [
        ("page_policy", "address_mapping"),
        ("scheduler_buffer", "request_buffer_size"),
        ("arbiter", "max_active_transactions"),
    ]
