"""Mode default against a walk through the loop nest that keeps the set of words in every buffer (kernel_walk.py)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from simulators.accelerator.kernel_layout import GLB, INPUTS, O_COMPUTE_CYCLES, O_ENERGY, OUTPUTS, WEIGHTS
from simulators.accelerator.layers import Layer
from simulators.accelerator.mapping import Mapping
from tests.simulators.accelerator.kernel_cases import (
    ALL,
    DRAM,
    MAC_PJ,
    Case,
    answer,
    architecture_of,
    perfect_cases,
    ragged_cases,
)
from tests.simulators.accelerator.kernel_cases import GLB as GLB_LEVEL
from tests.simulators.accelerator.kernel_walk import Walk

READ_PJ = (DRAM.read_pj, GLB_LEVEL.read_pj, 1.0, 1.0, 1.0)
WRITE_PJ = (DRAM.write_pj, GLB_LEVEL.write_pj, 2.0, 2.0, 2.0)
BLOCKS = (4, 4, 1, 1, 1)


def walk(case: Case) -> Walk:
    return Walk(case.layer, case.mapping.factors, case.mapping.orders, case.keeps)


def steps_divide(layer: Layer) -> bool:
    """Whether on both axes stride or dilation divides the other, which is where overlaps of inputs are exact."""
    pairs = ((layer.stride_h, layer.dilation_h), (layer.stride_w, layer.dilation_w))
    return all(max(pair) % min(pair) == 0 for pair in pairs)


def check_perfect(case: Case) -> None:
    found, expected = answer(case), walk(case)
    counts = expected.counts()
    exact = [WEIGHTS, OUTPUTS, *([INPUTS] if steps_divide(case.layer) else [])]
    np.testing.assert_allclose(found.totals[:, exact], counts[:, exact], rtol=1e-12)
    assert (found.totals[:, INPUTS] >= counts[:, INPUTS] * (1 - 1e-12)).all()
    assert found.result[O_COMPUTE_CYCLES] == expected.busiest()
    if steps_divide(case.layer):
        energy = expected.energy(counts, READ_PJ, WRITE_PJ, BLOCKS, MAC_PJ)
        assert found.result[O_ENERGY] == pytest.approx(energy, rel=1e-12)


@settings(max_examples=300, deadline=None)
@given(perfect_cases())
def test_every_count_of_a_perfect_mapping_is_that_of_the_walk(case: Case) -> None:
    check_perfect(case)


@settings(max_examples=150, deadline=None)
@given(perfect_cases(dimensions="RSPQRPM", places=("dram", "dram", "glb", "glb", "columns", "pe")))
def test_sliding_windows_of_perfect_mappings(case: Case) -> None:
    """Loops over output and kernel positions outside each other: the tile comes back with a part of what it had."""
    check_perfect(case)


# ---- tiles that do not divide ----


def excess(case: Case, tensor: int) -> np.ndarray:
    """Return our traffic of a tensor at DRAM and GLB over that of the walk, 1 where both are 0."""
    found, expected = answer(case).totals[: GLB + 1, tensor], walk(case).counts()[: GLB + 1, tensor]
    assert found[expected == 0] == pytest.approx(0, abs=1e-9)
    return np.divide(found, expected, out=np.ones_like(found), where=expected > 0)


@settings(max_examples=150, deadline=None)
@given(ragged_cases(most=120))
def test_ragged_mappings_take_the_walks_cycles_and_no_less_traffic_of_weights_and_outputs(case: Case) -> None:
    """More only where the last tile of one loop leaves another, that moves the tensor, a single step, so that what is
    held stays: at most one load more for each load."""
    assert answer(case).result[O_COMPUTE_CYCLES] == walk(case).busiest()
    for tensor in (WEIGHTS, OUTPUTS):
        ratios = excess(case, tensor)
        assert ratios.min() > 1 - 1e-12
        assert ratios.max() <= 2 + 1e-12


@settings(max_examples=150, deadline=None)
@given(ragged_cases(only_at_the_ends=True))
def test_tiles_that_do_not_divide_at_the_dram_alone_have_the_walks_weights_and_outputs(case: Case) -> None:
    found, expected = answer(case).totals, walk(case).counts()
    np.testing.assert_allclose(found[:, [WEIGHTS, OUTPUTS]], expected[:, [WEIGHTS, OUTPUTS]], rtol=1e-12, atol=1e-9)


@settings(max_examples=150, deadline=None)
@given(ragged_cases(ragged="NMCG", only_at_the_ends=True))
def test_they_also_have_the_walks_inputs_where_windows_are_whole(case: Case) -> None:
    found, expected = answer(case).totals, walk(case).counts()
    if steps_divide(case.layer):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-9)


def test_a_small_rest_brings_the_whole_of_what_it_does_not_move() -> None:
    """57 rows of outputs in tiles of 56: two passes over the weights, which do not fit, not 57/56 of one."""
    layer = Layer("conv", m=4, c=4, p=57)
    mapping = Mapping.of({"dram": {"P": 2, "M": 4}, "pe": {"P": 56, "C": 4}}, {"dram": "MP"})
    case = Case(layer, mapping, architecture_of(ALL, (ALL,)))
    assert answer(case).counts[0, WEIGHTS, 0] == 2 * 16
    assert walk(case).counts()[0, WEIGHTS, 0] == 2 * 16


def test_idle_pes_do_not_ask_but_the_others_do() -> None:
    """5 rows over 4 PEs take two steps; the weight that no PE keeps is sent to all at once, and so twice."""
    case = Case(
        Layer("rows", p=5),
        Mapping.of({"glb": {"P": 2}, "columns": {"P": 4}}),
        architecture_of(ALL, (("Outputs",),)),
    )
    found = answer(case)
    assert found.result[O_COMPUTE_CYCLES] == 2
    assert (found.counts[1, WEIGHTS, 0], found.counts[1, INPUTS, 0]) == (2, 5)
    assert walk(case).counts()[1, WEIGHTS, 0] == 2
