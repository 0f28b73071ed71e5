"""Cycles and SRAM counts of the systolic array against an array whose registers move cycle by cycle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.accelerator import Layer, Network
from simulators.accelerator.systolic import SystolicArray
from tests.simulators.accelerator.systolic_oracles import Counted, im2col, operand_stationary, output_stationary

BIG = {"ifmap_sram_kib": [4096], "filter_sram_kib": [4096], "ofmap_sram_kib": [4096]}


def evaluate(layer: Layer, dataflow: str, rows: int, columns: int, simulator: SystolicArray | None = None, **more):
    design = {"array_rows": [rows], "array_columns": [columns], "dataflow": [dataflow]} | BIG | more
    return (simulator or SystolicArray()).simulate(design, layer).row()


def stepped(
    ifmap: np.ndarray, filter: np.ndarray, dataflow: str, rows: int, columns: int
) -> tuple[np.ndarray, Counted]:
    if dataflow == "os":
        return output_stationary(ifmap, filter, rows, columns)
    if dataflow == "ws":
        return operand_stationary(ifmap, filter, rows, columns)
    product, c = operand_stationary(filter.T, ifmap.T, rows, columns)
    return product.T, Counted(c.cycles, c.filter_reads, c.ifmap_reads, c.ofmap_writes, c.ofmap_reads)


def expect_equal(layer: Layer, dataflow: str, rows: int, columns: int) -> None:
    rng = np.random.default_rng(layer.macs)
    inputs = rng.integers(-4, 5, (layer.n, layer.c, layer.input_h, layer.input_w)).astype(float)
    ifmap, filter = im2col(layer, inputs), rng.integers(-4, 5, (layer.c * layer.r * layer.s, layer.m)).astype(float)
    product, counted = stepped(ifmap, filter, dataflow, rows, columns)
    np.testing.assert_array_equal(product, ifmap @ filter)  # the oracle computes what it should
    found = evaluate(layer, dataflow, rows, columns)
    assert found["compute_cycles"] == layer.g * counted.cycles
    assert found["ifmap_sram_reads"] == layer.g * counted.ifmap_reads
    assert found["filter_sram_reads"] == layer.g * counted.filter_reads
    assert found["ofmap_sram_writes"] == layer.g * counted.ofmap_writes
    assert found["ofmap_sram_reads"] == layer.g * counted.ofmap_reads


@pytest.mark.parametrize("dataflow", ["os", "ws", "is"])
def test_convolutions_take_the_cycles_and_words_of_an_array_of_registers(dataflow):
    plain = Layer("plain", m=5, c=3, r=2, s=2, p=3, q=4)
    strided = Layer("strided", n=2, m=3, c=2, r=3, s=1, p=2, q=3, stride_h=2, stride_w=3, dilation_h=2)
    grouped = Layer("grouped", m=2, c=1, r=2, s=2, p=3, q=3, g=3)
    for layer in (plain, strided, grouped):
        for rows, columns in ((1, 1), (3, 2), (4, 4), (16, 8)):
            expect_equal(layer, dataflow, rows, columns)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["os", "ws", "is"]),
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)),
    st.integers(1, 5),
    st.integers(1, 5),
)
def test_matrix_products_take_the_cycles_and_words_of_an_array_of_registers(dataflow, sizes, rows, columns):
    expect_equal(Layer.gemm("product", *sizes), dataflow, rows, columns)


def test_an_output_stationary_product_worked_by_hand():
    """(3 x 4) * (4 x 5) on 2 x 2 PEs: 2 row folds, 3 column folds.

    A fold streams 4 words; the last PE starts 2 cycles late: 6 cycles, 36 in all. Each of 12 inputs enters for each of
    3 column folds, each of 20 weights for each of 2 row folds; each of 15 outputs leaves once.
    """
    found = evaluate(Layer.gemm("hand", 3, 4, 5), "os", 2, 2)
    assert (found["macs"], found["compute_cycles"]) == (60, 36)
    assert (found["ifmap_sram_reads"], found["filter_sram_reads"]) == (36, 40)
    assert (found["ofmap_sram_writes"], found["ofmap_sram_reads"]) == (15, 0)
    assert found["mapping_efficiency"] == 15 / 24
    # Fetched: all 12 inputs and 4 x 2 weights with column fold 1; at 16 words a cycle nothing waits but the first
    # fetch (2 of 3 rows of the inputs and 8 weights, 16 words: 1 cycle) and the last write (1 word: 1 cycle).
    assert (found["stall_cycles"], found["fill_drain_cycles"], found["cycles"]) == (0, 2, 38)
    assert found["utilisation"] == 60 / (38 * 4)
    assert (found["dram_words"], found["compulsory_dram_words"]) == (12 + 20 + 15, 47)


def test_a_weight_stationary_product_worked_by_hand():
    """The same on 2 x 2 PEs: K = 4 over rows, N = 5 over columns, M = 3 streams; 2 x 3 folds.

    A fold loads 2 rows of weights, then streams 3 words with 2 cycles of delay: 2 + 3 + 2 = 7 cycles, 42 in all.
    Each output is written for each of 2 row folds and read back for one.
    """
    found = evaluate(Layer.gemm("hand", 3, 4, 5), "ws", 2, 2)
    assert found["compute_cycles"] == 42
    assert (found["ifmap_sram_reads"], found["filter_sram_reads"]) == (12 * 3, 20)
    assert (found["ofmap_sram_writes"], found["ofmap_sram_reads"]) == (30, 15)


def test_an_input_stationary_product_worked_by_hand():
    """The same: K = 4 over rows, M = 3 over columns, N = 5 streams; 2 x 2 folds of 2 + 5 + 2 = 9 cycles."""
    found = evaluate(Layer.gemm("hand", 3, 4, 5), "is", 2, 2)
    assert found["compute_cycles"] == 36
    assert (found["ifmap_sram_reads"], found["filter_sram_reads"]) == (12, 20 * 2)
    assert (found["ofmap_sram_writes"], found["ofmap_sram_reads"]) == (30, 15)


def test_groups_are_products_one_after_another():
    one, many = Layer("one", m=4, c=6, r=3, s=3, p=8, q=8), Layer("many", m=4, c=6, r=3, s=3, p=8, q=8, g=7)
    for dataflow in ("os", "ws", "is"):
        single, grouped = evaluate(one, dataflow, 4, 4), evaluate(many, dataflow, 4, 4)
        for name in ("macs", "compute_cycles", "dram_words", "ofmap_sram_writes", "register_energy_pj"):
            assert grouped[name] == pytest.approx(7 * single[name], rel=1e-12), name
        assert (
            grouped["fill_drain_cycles"] == single["fill_drain_cycles"]
        )  # the next group's fetch hides behind this one


def test_a_network_is_the_sum_of_its_executions():
    layers = (
        Layer("a", m=8, c=3, r=3, s=3, p=6, q=6),
        Layer.gemm("b", 10, 20, 30),
        Layer("c", m=8, c=3, r=3, s=3, p=6, q=6),
    )
    network = Network("three", layers, (2, 3, 1))
    simulator = SystolicArray()
    found = simulator.simulate({"dataflow": ["os", "ws", "is"]}, network)
    single = [simulator.simulate({"dataflow": ["os", "ws", "is"]}, layer) for layer in layers]
    for name in ("cycles", "macs", "dram_words", "energy_pj", "stall_cycles", "ifmap_sram_reads"):
        expected = sum(count * one.column(name) for one, count in zip(single, network.counts, strict=True))
        np.testing.assert_allclose(found.column(name), expected, rtol=1e-12)


def test_register_writes_of_a_tile_worked_by_hand():
    """2 x 2 PEs, a (2 x 3) * (3 x 2) product: 12 MACs; stationary words are 1 or 2 rows from the edge."""
    writes = {"os": 3 * 12 + 2 * (1 + 2), "ws": 2 * 12 + 2 * (1 + 2 + 1), "is": 2 * 12 + 2 * (1 + 2 + 1)}
    for dataflow, expected in writes.items():
        found = evaluate(Layer.gemm("small", 2, 3, 2), dataflow, 2, 2)
        assert found["register_energy_pj"] == pytest.approx(expected * 0.166, rel=1e-3)
