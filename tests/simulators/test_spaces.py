from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators import (
    Constraint,
    DesignSpace,
    InactiveRule,
    InvalidInputError,
    Parameter,
    SamplingError,
    UnknownNameError,
)

cardinality_lists = st.lists(st.integers(1, 1000), min_size=1, max_size=10)  # up to 10^30 points


def product_space(cardinalities: list[int]) -> DesignSpace:
    return DesignSpace([Parameter(f"p{i}", range(count)) for i, count in enumerate(cardinalities)])


def arbiter_space() -> DesignSpace:
    """credits matters only with a Queue; depth only with a Queue of more than one credit."""
    return DesignSpace(
        [
            Parameter("arbiter", ["Simple", "Queue"]),
            Parameter("credits", [1, 2, 4], default=4),
            Parameter("depth", [1, 2], default=2),
            Parameter("policy", ["Open", "Closed", "Adaptive"]),
        ],
        constraints=[
            Constraint("no-adaptive-queue", lambda c: ~((c["policy"] == "Adaptive") & (c["arbiter"] == "Queue")))
        ],
        inactive=[
            InactiveRule("depth", {"credits": (1, 4)}),
            InactiveRule("credits", {"arbiter": ("Simple",)}),
        ],
    )


def every_design(space: DesignSpace) -> np.ndarray:
    return np.array(list(itertools.product(*(range(len(p)) for p in space.parameters))))


@settings(max_examples=200, deadline=None)
@given(cardinality_lists, st.data())
def test_flat_index_is_a_bijection_at_any_size(cardinalities: list[int], data: st.DataObject) -> None:
    space = product_space(cardinalities)
    flat = [*data.draw(st.lists(st.integers(0, space.size - 1), min_size=1, max_size=5)), 0, space.size - 1]
    designs = space.unflatten(flat)
    assert space.flatten(designs) == flat
    assert (designs >= 0).all() and (designs < np.array(cardinalities)).all()


def test_flat_index_of_a_space_of_ten_to_the_thirty_by_hand() -> None:
    space = product_space([1000] * 10)
    assert space.size == 10**30
    design = np.array([[1, 0, 0, 0, 0, 0, 0, 0, 2, 3]])
    assert space.flatten(design) == [10**27 + 2 * 1000 + 3]


def test_flat_order_has_the_last_parameter_fastest() -> None:
    space = arbiter_space()
    assert space.flatten(every_design(space)) == list(range(space.size))


@pytest.mark.parametrize("flat", [-1, 36])
def test_flat_index_outside_is_refused(flat: int) -> None:
    with pytest.raises(InvalidInputError, match=r"outside this space's 0\.\.35"):
        arbiter_space().unflatten([flat])


def test_decode_and_encode_are_inverse() -> None:
    space = arbiter_space()
    designs = every_design(space)
    columns = space.decode(designs)
    assert columns["credits"].dtype == np.int64 and columns["arbiter"].dtype.kind == "U"
    assert (space.encode(columns) == designs).all()
    assert space.describe(designs[-1]) == {"arbiter": "Queue", "credits": 4, "depth": 2, "policy": "Adaptive"}


def test_encode_fills_in_defaults_and_reads_text() -> None:
    assert arbiter_space().encode({"credits": ["2", 1]}).tolist() == [[0, 1, 1, 0], [0, 0, 1, 0]]


def test_encode_refuses_unknown_columns_values_and_ragged_lengths() -> None:
    space = arbiter_space()
    with pytest.raises(UnknownNameError, match="did you mean 'credits'"):
        space.encode({"credit": [1]})
    with pytest.raises(InvalidInputError, match="'credits' cannot be 3"):
        space.encode({"credits": [3]})
    with pytest.raises(InvalidInputError, match="one length"):
        space.encode({"credits": [1], "depth": [1, 2]})


def test_rules_that_feed_one_another_reach_a_fixed_point() -> None:
    """With Simple, credits becomes 4, which in turn makes depth inactive."""
    space = arbiter_space()
    design = space.encode({"arbiter": ["Simple"], "credits": [2], "depth": [1]})
    assert space.describe(space.canonical(design)[0]) == {
        "arbiter": "Simple", "credits": 4, "depth": 2, "policy": "Open",
    }  # fmt: skip
    assert space.active(design).tolist() == [[True, False, False, True]]


def test_canonical_is_idempotent_and_changes_only_inactive_parameters() -> None:
    space = arbiter_space()
    designs = every_design(space)
    canonical = space.canonical(designs)
    assert (space.canonical(canonical) == canonical).all()
    assert (canonical == designs)[space.active(designs)].all()


def test_what_is_active_is_the_same_alone_and_in_a_batch() -> None:
    space = arbiter_space()
    designs = every_design(space)
    alone = np.concatenate([space.active(design[None, :]) for design in designs])
    assert alone.dtype == bool and (alone == space.active(designs)).all()
    assert not alone.all() and designs.tolist() == every_design(space).tolist(), "and designs are left as they were"


def test_count_is_the_number_of_distinct_feasible_canonical_designs() -> None:
    space = arbiter_space()
    designs = every_design(space)
    distinct = {tuple(row) for row in space.canonical(designs[space.feasible(designs)]).tolist()}
    assert space.count() == len(distinct) == 3 + 2 * (1 + 2 + 1)


def test_enumeration_is_each_design_once_and_can_start_anywhere() -> None:
    space = arbiter_space()
    whole = np.concatenate(list(space.batches(7)))
    assert space.flatten(whole) == sorted(set(space.flatten(whole)))
    assert len(whole) == space.count()
    late = np.concatenate(list(space.batches(7, start=18)))
    assert space.flatten(late) == [flat for flat in space.flatten(whole) if flat >= 18]


def test_violations_name_the_constraint() -> None:
    space = arbiter_space()
    designs = space.encode({"arbiter": ["Queue", "Simple"], "policy": ["Adaptive", "Adaptive"]})
    assert space.violations(designs).tolist() == [[True], [False]]


def test_samples_are_feasible_and_uniform() -> None:
    space = arbiter_space()
    samples = space.sample(30000, np.random.default_rng(0))
    assert space.feasible(samples).all()
    counts = np.bincount(space.flatten(samples), minlength=space.size)
    feasible = space.feasible(every_design(space))
    expected = 30000 / feasible.sum()
    assert (counts[~feasible] == 0).all()
    chi_square = ((counts[feasible] - expected) ** 2 / expected).sum()
    assert chi_square < 60  # 29 degrees of freedom: exceeded by chance once in 1 500 seeds


def test_sampling_an_almost_empty_space_says_so() -> None:
    space = DesignSpace(
        [Parameter("a", range(1000)), Parameter("b", range(1000))],
        constraints=[Constraint("needle", lambda c: (c["a"] == 7) & (c["b"] == 7))],
    )
    with pytest.raises(SamplingError, match="needle"):
        space.sample(1, np.random.default_rng(0))


def test_neighbours_step_ordered_parameters_and_replace_others() -> None:
    space = arbiter_space()
    origin = space.encode({"arbiter": ["Queue"], "credits": [2], "depth": [1], "policy": ["Open"]})[0]
    found = {tuple(space.describe(row).values()) for row in space.neighbours(origin)}
    assert found == {
        ("Simple", 4, 2, "Open"),  # canonical: credits and depth no longer matter
        ("Queue", 1, 2, "Open"),
        ("Queue", 4, 2, "Open"),
        ("Queue", 2, 2, "Open"),
        ("Queue", 2, 1, "Closed"),
    }


@settings(max_examples=100, deadline=None)
@given(cardinality_lists)
def test_every_value_owns_an_equal_share_of_the_unit_interval(cardinalities: list[int]) -> None:
    space = product_space(cardinalities)
    edge = np.array(cardinalities) - 1
    corners = np.stack([np.zeros_like(edge), edge, edge // 2])
    assert (space.from_unit(space.to_unit(corners)) == corners).all()
    assert (space.from_unit(np.array([[0.0] * len(edge), [1.0] * len(edge)])) == np.stack([edge * 0, edge])).all()
    fractions = (np.arange(4 * cardinalities[0]) + 0.5) / (4 * cardinalities[0])
    designs = np.full((len(fractions), len(edge)), 0.5)
    designs[:, 0] = fractions
    assert (np.bincount(space.from_unit(designs)[:, 0]) == 4).all()


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        (np.zeros((1, 3), dtype=int), r"shape \[n, 4\]"),
        (np.zeros(4, dtype=int), r"shape \[n, 4\]"),
        (np.zeros((1, 4)), "dtype float64"),
        (np.array([[0, 3, 0, 0]]), "design 0: index 3 of parameter 'credits'"),
        (np.array([[0, 0, 0, 0], [0, -1, 0, 0]]), "design 1: index -1"),
    ],
)
def test_malformed_designs_are_refused_with_their_place(indices: np.ndarray, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        arbiter_space().canonical(indices)


def test_groups_partition_the_parameters() -> None:
    space = DesignSpace([Parameter("a", [1], group="x"), Parameter("b", [1]), Parameter("c", [1], group="x")])
    assert space.groups() == {"x": ("a", "c"), "other": ("b",)}


def test_rules_must_name_parameters_and_not_themselves() -> None:
    parameters = [Parameter("a", [1, 2]), Parameter("b", [1, 2])]
    with pytest.raises(UnknownNameError, match="'c'"):
        DesignSpace(parameters, inactive=[InactiveRule("c", {"a": (1,)})])
    with pytest.raises(InvalidInputError, match="depend on other"):
        DesignSpace(parameters, inactive=[InactiveRule("a", {"a": (1,)})])
    with pytest.raises(InvalidInputError, match="circle: a, b"):
        DesignSpace(parameters, inactive=[InactiveRule("a", {"b": (1,)}), InactiveRule("b", {"a": (2,)})])
    with pytest.raises(InvalidInputError, match="unique"):
        DesignSpace([parameters[0], parameters[0]])


def test_a_rule_sees_the_canonical_value_of_what_it_depends_on() -> None:
    """With mode=off, kind has no effect, so neither has its value on whether size does."""
    space = DesignSpace(
        [Parameter("mode", ["on", "off"]), Parameter("kind", ["a", "b"]), Parameter("size", [1, 2])],
        inactive=[InactiveRule("size", {"kind": ("b",)}), InactiveRule("kind", {"mode": ("off",)})],
    )
    same = space.encode({"mode": ["off", "off"], "kind": ["a", "b"], "size": [2, 2]})
    assert len({tuple(row) for row in space.canonical(same).tolist()}) == 1
    assert (space.active(same) == space.active(space.canonical(same))).all()
    assert [space.canonical(row[None, :]).tolist() for row in same] == [space.canonical(same[:1]).tolist()] * 2


def test_a_parameter_without_effect_cannot_break_a_constraint() -> None:
    space = DesignSpace(
        [Parameter("cache", [True, False]), Parameter("ways", [1, 2, 4], default=4)],
        constraints=[Constraint("direct-mapped-only", lambda c: c["ways"] == 1)],
        inactive=[InactiveRule("ways", {"cache": (False,)})],
    )
    rng = np.random.default_rng(0)
    assert space.feasible(space.canonical(space.sample(100, rng))).all()
    assert space.count() == 1  # without a cache, ways stands at 4: infeasible, whatever was asked for
