"""DRAM traffic and stalls of the systolic array: worked by hand, against sets of words, and the laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.accelerator import Layer, Network
from simulators.accelerator.systolic import SystolicArray
from simulators.accelerator.systolic.kernel import simulate_designs
from simulators.accelerator.systolic.kernel_codes import DATAFLOWS, OUTPUT_COLUMNS
from simulators.accelerator.systolic.layer_words import layer_words
from tests.simulators.accelerator.systolic_oracles import Halves, dram_traffic

ALL_REPAIRED = np.ones(4, dtype=bool)


def outputs(layer: Layer, dataflow: str, rows: int, columns: int, halves: Halves, bandwidth: float) -> dict[str, float]:
    """Return the kernel's outputs; halves of SRAMs in words, finer than the simulator's inputs."""
    design = [rows, columns, DATAFLOWS.index(dataflow), halves.ifmap, halves.filter, halves.ofmap, bandwidth]
    words = layer_words([layer], real_outputs=True)
    (found,) = simulate_designs(np.array([design], dtype=float), words, np.ones(1), ALL_REPAIRED)
    return dict(zip(OUTPUT_COLUMNS, found.tolist(), strict=True))


@st.composite
def layers(draw, images: int = 1) -> Layer:
    def bound(most: int) -> int:
        return draw(st.integers(1, most))

    return Layer(
        "drawn",
        n=bound(images),
        m=bound(9),
        c=bound(5),
        r=bound(3),
        s=bound(3),
        p=bound(7),
        q=bound(7),
        g=bound(3),
        stride_h=bound(3),
        stride_w=bound(3),
        dilation_h=bound(2),
        dilation_w=bound(2),
    )


def halves() -> st.SearchStrategy[Halves]:
    sizes = st.integers(1, 400)
    return st.builds(Halves, sizes, sizes, sizes)


dataflows, sides, bandwidths = (
    st.sampled_from(DATAFLOWS),
    st.integers(1, 8),
    st.sampled_from([0.25, 0.7, 1.0, 2.0, 3.0, 16.0]),
)


@settings(max_examples=400, deadline=None)
@given(layers(), dataflows, sides, sides, halves(), bandwidths)
def test_traffic_and_stalls_are_those_of_a_walk_over_every_fold(layer, dataflow, rows, columns, half, bandwidth):
    found = outputs(layer, dataflow, rows, columns, half, bandwidth)
    moved = dram_traffic(layer, dataflow, rows, columns, half, bandwidth)
    assert found["ifmap_dram_reads"] == moved.ifmap
    assert found["filter_dram_reads"] == moved.filter
    assert found["ofmap_dram_writes"] == moved.outputs
    assert found["partial_sum_dram_reads"] == moved.reread
    if bandwidth != 0.7:  # which is no binary fraction: quotients may round up to the next cycle
        assert found["stall_cycles"] == moved.stall
        assert found["fill_drain_cycles"] == moved.fill_drain


@settings(max_examples=400, deadline=None)
@given(layers(images=3), dataflows, sides, sides, halves(), bandwidths)
def test_the_compulsory_words_move_and_no_pe_does_two_macs_a_cycle(layer, dataflow, rows, columns, half, bandwidth):
    found = outputs(layer, dataflow, rows, columns, half, bandwidth)
    assert found["ifmap_dram_reads"] >= layer.inputs
    assert found["filter_dram_reads"] >= layer.weights
    assert found["ofmap_dram_writes"] - found["partial_sum_dram_reads"] == layer.outputs
    assert found["compulsory_dram_words"] == layer.inputs + layer.weights + layer.outputs
    assert found["cycles"] * rows * columns >= found["macs"] == layer.macs
    moved = sum(found[f"{name}"] for name in ("ifmap_dram_reads", "filter_dram_reads", "ofmap_dram_writes"))
    assert found["cycles"] * bandwidth >= (moved + found["partial_sum_dram_reads"]) * (1 - 1e-12)
    assert found["cycles"] == found["compute_cycles"] + found["stall_cycles"] + found["fill_drain_cycles"]


@settings(max_examples=400, deadline=None)
@given(layers(images=3), dataflows, sides, sides, halves(), halves(), st.tuples(bandwidths, bandwidths))
def test_more_sram_never_moves_more_and_more_of_anything_never_takes_longer(
    layer, dataflow, rows, columns, one, other, bandwidth
):
    small = Halves(min(one.ifmap, other.ifmap), min(one.filter, other.filter), min(one.ofmap, other.ofmap))
    slow, fast = min(bandwidth), max(bandwidth)
    least = outputs(layer, dataflow, rows, columns, small, slow)
    for half, words in ((one, slow), (small, fast)):
        more = outputs(layer, dataflow, rows, columns, half, words)
        assert more["cycles"] <= least["cycles"]
        for name in ("ifmap_dram_reads", "filter_dram_reads", "ofmap_dram_writes", "partial_sum_dram_reads"):
            assert more[name] <= least[name]


def test_a_convolution_is_fetched_without_its_copies_while_the_sram_holds_its_lines():
    """4 x 4 outputs of a 3 x 3 kernel, 2 channels: 6 x 6 x 2 = 72 words, 16 x 18 = 288 copies; two passes (m = 8).

    With 4 rows of PEs a fold is one row of outputs, which touches 3 lines of 6 words and 2 channels: 36 words.
    """
    layer = Layer("conv", m=8, c=2, r=3, s=3, p=4, q=4)
    for half, expected in ((72, 72), (71, 144), (36, 144), (35, 576)):
        assert outputs(layer, "os", 4, 4, Halves(half, 9999, 9999), 1.0)["ifmap_dram_reads"] == expected


def test_input_stationary_refetches_the_halo_of_lines_between_folds():
    """The same layer on 9 x 4 PEs: a fold is one channel, one output row of which touches 3 lines of 6 words.

    Half an SRAM of 36 words keeps the lines of both channels. One of 18 keeps those of the fold alone: each of 4 output
    rows fetches its 3 lines of 2 channels, 4 x 3 x 6 x 2 = 144 words, not 72.
    """
    layer = Layer("conv", m=8, c=2, r=3, s=3, p=4, q=4)
    for half, expected in ((36, 72), (35, 144), (18, 144), (17, 288)):
        assert outputs(layer, "is", 9, 4, Halves(half, 9999, 9999), 1.0)["ifmap_dram_reads"] == expected


def test_weight_stationary_refetches_a_channel_that_two_folds_share():
    """The same layer on 6 x 8 PEs: 18 rows of K are folds 0-5, 6-11, 12-17; the second has both channels.

    Channels are fetched 4 times, 36 words each. The 3 lines of 6 words that one row of outputs touches are 36 words of
    two channels: half an SRAM of 36 words holds them, one of 35 does not.
    """
    layer = Layer("conv", m=8, c=2, r=3, s=3, p=4, q=4)
    for half, expected in ((72, 72), (71, 144), (36, 144), (35, 288)):
        assert outputs(layer, "ws", 6, 8, Halves(half, 9999, 9999), 1.0)["ifmap_dram_reads"] == expected


def test_partial_sums_spill_where_half_the_ofmap_sram_is_too_small():
    """(6 x 8) * (8 x 5) on 4 x 4 PEs: two row folds; column folds of 4 and 1 columns keep 24 and 6 partial sums."""
    for half, spilled in ((24, 0), (23, 24), (5, 30)):
        found = outputs(Layer.gemm("sums", 6, 8, 5), "ws", 4, 4, Halves(9999, 9999, half), 1.0)
        assert found["ofmap_dram_writes"] == 30 + spilled
        assert found["partial_sum_dram_reads"] == spilled


def test_stalls_worked_by_hand():
    """(4 x 2) * (2 x 2) output stationary on 2 x 2 PEs at 1 word a cycle: two folds of 2 + 2 + 2 - 2 = 4 cycles.

    Fold 1 needs 2 x 2 inputs and 2 x 2 weights: 8 cycles exposed. While it computes, fold 2's 4 inputs come: no stall.
    While fold 2 computes, 4 outputs of fold 1 go: none. The last 4 outputs: 4 cycles exposed. At half a word a
    cycle each transfer takes twice as long: 16 and 8 exposed, and 8 - 4 stalled in each fold.
    """
    layer, half = Layer.gemm("stalls", 4, 2, 2), Halves(999, 999, 999)
    found = outputs(layer, "os", 2, 2, half, 1.0)
    assert (found["compute_cycles"], found["stall_cycles"], found["fill_drain_cycles"]) == (8, 0, 12)
    found = outputs(layer, "os", 2, 2, half, 0.5)
    assert (found["compute_cycles"], found["stall_cycles"], found["fill_drain_cycles"]) == (8, 8, 24)


def test_half_an_sram_holds_its_kibibytes_in_words():
    """1 KiB: half is 256 words of 16 bits, 512 of 8; a (16 x 32) ifmap of 512 words fits into the latter only."""
    design = {"dataflow": ["os"] * 2, "ifmap_sram_kib": [1] * 2, "word_bits": [16, 8], "array_columns": [4] * 2}
    found = SystolicArray().simulate(design, Layer.gemm("half", 16, 32, 8))
    assert found.column("ifmap_dram_reads").tolist() == [1024, 512]


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_layers_of_a_network_wait_one_after_another(dataflow):
    layer = Layer("conv", m=8, c=2, r=3, s=3, p=4, q=4)
    simulator, design = SystolicArray(), {"dataflow": [dataflow], "dram_bandwidth": [0.5]}
    once, twice = (simulator.simulate(design, Network("n", (layer,), (count,))).row() for count in (1, 2))
    assert twice["fill_drain_cycles"] == 2 * once["fill_drain_cycles"] > 0
    assert twice["stall_cycles"] == 2 * once["stall_cycles"]
