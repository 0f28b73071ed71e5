"""Mapping codes against mappings built by hand, and what decoding promises for any code."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators import InvalidInputError, UnknownNameError
from simulators.accelerator.kernel import evaluate_points
from simulators.accelerator.kernel_layout import OK, RESULTS
from simulators.accelerator.layers import DIMENSIONS, Layer
from simulators.accelerator.mapping import PLACES, TEMPORAL, Mapping
from simulators.accelerator.mapping_code import OrderInput, fit_named, group_orders, inputs_of
from simulators.accelerator.mapping_simulator import LayerMapping
from simulators.accelerator.mapping_space import LayerSpace, active_dimensions, all_extents, ladder

CONV = Layer("conv", m=64, c=16, r=3, s=3, p=14, q=14)
UNIFIED = LayerMapping("edge")
SPLIT = LayerMapping("eyeriss")


def decoded(simulator, layer, **inputs):
    columns = simulator.check_columns({name: [value] for name, value in inputs.items()})
    return simulator.mappings(columns, layer)[0]


def factors(mapping, place):
    return {d: mapping.factor(place, d) for d in DIMENSIONS if mapping.factor(place, d) > 1}


def test_nothing_said_leaves_everything_to_dram():
    mapping = decoded(UNIFIED, CONV)
    assert factors(mapping, "dram") == {"M": 64, "C": 16, "R": 3, "S": 3, "P": 14, "Q": 14}
    assert all(factors(mapping, place) == {} for place in PLACES if place != "dram")


def test_slots_fill_the_array_and_share_what_is_left():
    mapping = decoded(UNIFIED, CONV, columns_first="R", columns_second="M", rows_first="Q", rows_second="M")
    assert factors(mapping, "columns") == {"R": 3, "M": 2}  # floor(8 / 3) = 2 columns are left
    assert factors(mapping, "rows") == {"Q": 8}  # none is left
    assert factors(mapping, "dram") == {"M": 32, "C": 16, "S": 3, "P": 14, "Q": 2}


def test_slots_can_be_limited():
    mapping = decoded(UNIFIED, CONV, columns_first="M", columns_first_most=4, columns_second="C", columns_second_most=1)
    assert factors(mapping, "columns") == {"M": 4}


def test_one_dimension_over_both_axes():
    mapping = decoded(UNIFIED, CONV, columns_first="M", rows_first="M")
    assert (mapping.factor("columns", "M"), mapping.factor("rows", "M"), mapping.factor("dram", "M")) == (8, 8, 1)


def test_tiles_are_extents_made_of_whole_inner_tiles():
    mapping = decoded(UNIFIED, CONV, columns_first="M", pe_M=3, pe_S=3, glb_M=40, glb_C=5, glb_S=2)
    assert factors(mapping, "pe") == {"M": 3, "S": 3}
    assert factors(mapping, "glb") == {"M": 2, "C": 5}  # 8 columns x 3 = 24, so 40 takes two; S is there already
    assert factors(mapping, "dram") == {"M": 2, "C": 4, "R": 3, "P": 14, "Q": 14}  # 64 / 48, 16 / 5, rounded up


def test_tiles_go_no_further_than_the_layer_and_a_pe_no_further_than_its_share():
    mapping = decoded(UNIFIED, CONV, columns_first="M", pe_M=1000, glb_C=1000)
    assert (mapping.factor("pe", "M"), mapping.factor("glb", "C"), mapping.factor("dram", "M")) == (8, 16, 1)


def test_levels_of_split_scratchpads():
    mapping = decoded(SPLIT, CONV, pe_M=2, pe_middle_M=4, pe_middle_C=2, pe_outer_C=8, pe_outer_M=3)
    assert factors(mapping, "pe") == {"M": 2}
    assert factors(mapping, "pe_middle") == {"M": 2, "C": 2}
    assert factors(mapping, "pe_outer") == {"C": 4}


def test_given_spreads_come_before_slots():
    mapping = decoded(SPLIT, CONV, columns_C=2, columns_Q=3, columns_first="M", rows_S=3, rows_P=4)
    assert factors(mapping, "columns") == {"C": 2, "Q": 3, "M": 2}
    assert factors(mapping, "rows") == {"S": 3, "P": 4}


def test_orders_are_innermost_first_and_complete_themselves():
    mapping = decoded(UNIFIED, CONV, glb_order="qsc", dram_order="MCRSPQNG")
    assert mapping.order("glb") == "QSC" + "GPRMN"
    assert mapping.order("dram") == "MCRSPQNG"


def test_tiles_must_divide_in_mode_timeloop():
    timeloop = LayerMapping("edge", mode="timeloop")
    assert timeloop.simulate({"pe_M": [3]}, CONV).reason[0].startswith("not-dividing")
    assert timeloop.simulate({"glb_M": [65]}, CONV).reason[0].startswith("not-dividing")
    assert timeloop.simulate({"pe_M": [4], "glb_M": [32]}, CONV).valid[0]
    slots = decoded(timeloop, CONV, columns_first="Q", rows_first="S", rows_second="M")
    assert (factors(slots, "columns"), factors(slots, "rows")) == ({"Q": 7}, {"S": 3, "M": 2})


def test_what_does_not_fit_is_refused_by_name_or_cut_in_order():
    inputs = {"pe_M": 8, "pe_C": 16, "pe_P": 2, "glb_M": 64}  # weights 128 words, inputs 32, outputs 16, into 64
    assert UNIFIED.simulate({n: [v] for n, v in inputs.items()}, CONV).reason == (
        "capacity: the tiles kept in RF do not fit",
    )
    mapping = decoded(LayerMapping("edge", fit="shrink"), CONV, **inputs)
    # P to 1 is not enough (128 + 16 + 8), then the largest M with 16 M + 16 + M <= 64
    assert factors(mapping, "pe") == {"M": 2, "C": 16}
    assert mapping.factor("glb", "M") == 32


def test_shrinking_reaches_the_tiles_inside_and_the_array(tmp_path):
    path = tmp_path / "tiny.json"
    path.write_text(json.dumps({"array_columns": 64, "array_rows": 64, "hierarchy": "unified", "glb_kib": 1}))
    layer = Layer("outer product", m=64, p=64)
    inputs = {"columns_first": ["M"], "rows_first": ["P"]}  # 64 + 4096 words of inputs and outputs into 512
    assert LayerMapping(str(path)).simulate(inputs, layer).reason == ("capacity: the tiles kept in GLB do not fit",)
    shrinking = LayerMapping(str(path), fit="shrink")
    assert shrinking.simulate(inputs, layer).valid[0]
    mapping = shrinking.mappings(shrinking.check_columns(inputs), layer)[0]
    assert (factors(mapping, "columns"), factors(mapping, "rows")) == ({"M": 64}, {"P": 7})  # 7 + 7 * 64 <= 512


def test_unusable_orders_are_refused_with_the_nearest():
    declared = OrderInput("glb_order", "SRQPCM", ("SRQPCM", "QPSRCM"))
    assert declared.check(["sr", "M"]).tolist() == ["SR", "M"]
    with pytest.raises(InvalidInputError, match="row 1: 'glb_order' cannot be 'SRQPCMM'; did you mean 'SRQPCM'"):
        declared.check(["SR", "SRQPCMM"])
    for bad in ([""], ["X"], [["M"]], [3]):
        with pytest.raises(InvalidInputError):
            declared.check(bad)


def test_group_orders():
    assert len(group_orders("MCRSPQ")) == 24
    assert group_orders("MPG") == ("MPG", "PMG")
    assert all(order.endswith("G") and len(set(order)) == 8 for order in group_orders("".join(DIMENSIONS)))


def test_unknown_fit():
    with pytest.raises(UnknownNameError, match="did you mean 'shrink'"):
        fit_named("shrinks")


def test_ladders():
    assert ladder(14, divide=False) == [1, 2, 4, 7, 14]
    assert ladder(7, divide=True) == [1, 7]
    assert all_extents(100, divide=False) == [*range(1, 65), 100]
    assert all_extents(12, divide=True) == [1, 2, 3, 4, 6, 12]


bounds = st.integers(1, 9)
layers = st.builds(
    Layer, st.just("any"), n=st.integers(1, 3), m=bounds, c=bounds, r=st.integers(1, 3), s=st.integers(1, 3), p=bounds,
    q=bounds, g=st.integers(1, 2), stride_h=st.integers(1, 2), stride_w=st.integers(1, 2),
)  # fmt: skip


@st.composite
def mappings(draw, divide=False):
    """A layer and a mapping of it: factors from inside out, each up to what is left (or a divisor of it)."""
    layer, chosen = draw(layers), {place: {} for place in PLACES}
    for d, bound in zip(DIMENSIONS, layer.bounds, strict=True):
        extent = 1
        for place in ("pe", "pe_middle", "pe_outer", "columns", "rows", "glb"):
            left = -(-bound // extent)
            options = [f for f in range(1, left + 1) if not divide or left % f == 0]
            chosen[place][d] = draw(st.sampled_from(options))
            extent *= chosen[place][d]
        chosen["dram"][d] = -(-bound // extent)
    orders = {place: "".join(draw(st.permutations(DIMENSIONS))) for place in TEMPORAL}
    return layer, Mapping.of(chosen, orders)


def check_expressible(simulator, layer, mapping):
    status, _, results = evaluate_points(
        layer.words[None],
        mapping.factors[None],
        mapping.orders[None],
        simulator.hardware.archs,
        simulator.repair_bits,
    )
    found = simulator.simulate({name: [value] for name, value in inputs_of(mapping).items()}, layer)
    assert found.valid[0] == (status[0] == OK)
    if found.valid[0]:
        assert results.shape == (1, RESULTS)
        assert (found.column("cycles")[0], found.column("energy_pj")[0]) == (results[0, 0], results[0, 1])


@settings(max_examples=150, deadline=None)
@given(mappings(), st.sampled_from(["eyeriss", "edge", "cloud"]))
def test_any_mapping_can_be_expressed(layer_and_mapping, hardware):
    check_expressible(LayerMapping(hardware), *layer_and_mapping)


@settings(max_examples=100, deadline=None)
@given(mappings(divide=True), st.sampled_from(["eyeriss", "cloud"]))
def test_any_mapping_of_timeloop_can_be_expressed(layer_and_mapping, hardware):
    check_expressible(LayerMapping(hardware, mode="timeloop"), *layer_and_mapping)


@settings(max_examples=80, deadline=None)
@given(
    layers, st.integers(0, 2**32 - 1), st.sampled_from(["default", "timeloop"]), st.sampled_from(["eyeriss", "edge"])
)
def test_what_decodes_covers_the_layer_and_shrinking_changes_nothing_that_fits(layer, seed, mode, hardware):
    refusing, shrinking = (LayerMapping(hardware, mode=mode, fit=fit) for fit in ("refuse", "shrink"))
    space = LayerSpace(layer, refusing.hardware.archs[0], refusing.repair_bits, "full")
    rng = np.random.default_rng(seed)
    columns = {p.name: rng.choice(p.array, 32) for p in space.parameters()}
    a, b = refusing.simulate(columns, layer), shrinking.simulate(columns, layer)
    assert b.valid.all()
    assert all(reason.split(":")[0] in ("", "capacity", "not-dividing") for reason in a.reason)
    np.testing.assert_array_equal(a.values[a.valid], b.values[a.valid])
    for mapping in shrinking.mappings(shrinking.check_columns(columns), layer):
        product = mapping.factors.astype(np.int64).prod(axis=0)
        assert (product >= layer.bounds).all()
        assert mode == "default" or (product == layer.bounds).all()
        assert mapping.factors[2].prod() <= refusing.architecture.columns
        assert mapping.factors[3].prod() <= refusing.architecture.rows
        assert all(sorted(order) == list(range(8)) for order in mapping.orders.tolist())


def test_layers_without_loops_have_a_space():
    assert active_dimensions(Layer("scalar")) == "P"
    assert LayerSpace(Layer("scalar"), UNIFIED.hardware.archs[0], UNIFIED.repair_bits).parameters()
