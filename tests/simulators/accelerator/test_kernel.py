"""The hierarchical kernel: a point worked out by hand, refusals, and what holds for every mapping."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.accelerator.architecture import stack
from simulators.accelerator.kernel import evaluate_networks, evaluate_points
from simulators.accelerator.kernel_layout import (
    CAPACITY,
    COLUMNS_EXCEEDED,
    DRAIN_READS,
    LEVELS,
    NOT_COVERING,
    NOT_DIVIDING,
    O_COMPUTE_CYCLES,
    O_CYCLES,
    O_DRAM_WORDS,
    O_ENERGY,
    O_LEVEL_ENERGY,
    O_LIMIT,
    O_MAC_ENERGY,
    O_PES,
    OK,
    ROWS_EXCEEDED,
)
from simulators.accelerator.layers import Layer
from simulators.accelerator.mapping import Mapping, refusal
from tests.simulators.accelerator.kernel_cases import (
    ALL,
    DRAM,
    GLB,
    HIERARCHIES,
    MAC_PJ,
    RF,
    Answer,
    Case,
    answer,
    architecture_of,
    ask,
    perfect_cases,
    ragged_cases,
)

TINY = Case(
    Layer.gemm("tiny", rows=2, inner=2, columns=2),
    Mapping.of({"dram": {"C": 2}, "glb": {"P": 2}, "columns": {"M": 2}}),
    architecture_of(ALL, (ALL,), columns=2, rows=1),
)
"""A matrix product of 2 x 2 by 2 x 2 on two PEs, one column m of the result each: for c, for p, both m at once.

Four steps: (c, p) = (0, 0), (0, 1), (1, 0), (1, 1). The register file of PE m holds one word of each tensor.

Weights (c, m): RF: a new one at steps 1 and 3, 2 fills; 4 reads, one per operation. GLB: each fill of the two RFs is
    another word, 4 reads; its tile is a row c of two weights, twice filled: 4 fills, 4 reads of the DRAM.
Inputs (p, c): RF: a new one at each step, 4 fills, 4 reads. GLB: both PEs want the same word, 4 reads; tile: a column
    c of two inputs, 4 fills, 4 reads of the DRAM.
Outputs (p, m): RF: 4 updates, one per operation. Tiles p = 0, 1, 0, 1: each leaves once, and comes back at steps 3
    and 4: 2 fills. The first operation on a word that is new needs no read: 4 - 2 = 2 reads, and 4 more where a word's
    leaving is a read. GLB: 2 PEs send 4 words each, 8 updates, of which the first on each of 4 words needs no read: 4
    reads. Its tile are all four outputs: no fills; they leave once: 4 updates of the DRAM and no reads there; and 4
    reads of the GLB where leaving is a read.

Energy in pJ, in blocks of 4 words at DRAM and GLB:
    MACs 8 x 3 = 24
    RF   weights 4 x 1 + 2 x 2 = 8, inputs 4 x 1 + 4 x 2 = 12, outputs 2 x 1 + (2 + 4) x 2 = 14; two PEs: 68
    GLB  weights 10 + 20, inputs 10 + 20, outputs 10 + 2 x 20: 110
    DRAM weights 100, inputs 100, outputs 200: 400
    in all 602; where leaving is a read, 2 x 4 x 1 more at the RFs and 1 x 10 at the GLB (8 words are 2 blocks): 620
"""
WEIGHTS_BY_HAND = {0: (4, 0, 0), 1: (4, 4, 0), 4: (4, 2, 0)}
INPUTS_BY_HAND = {0: (4, 0, 0), 1: (4, 4, 0), 4: (4, 4, 0)}
OUTPUTS_BY_HAND = {0: (0, 0, 4), 1: (4, 0, 8), 4: (2, 2, 4)}
LEAVING_READS = {1: 4, 4: 4}


@pytest.mark.parametrize("repairs", [0, 15])
def test_a_point_worked_out_by_hand(repairs: int) -> None:
    found, drained = answer(TINY, repairs), bool(repairs & DRAIN_READS)
    expected = np.zeros((LEVELS, 3, 3))
    for tensor, by_level in enumerate((WEIGHTS_BY_HAND, INPUTS_BY_HAND, OUTPUTS_BY_HAND)):
        for level, counts in by_level.items():
            expected[level, tensor] = counts
    for level, reads in LEAVING_READS.items():
        expected[level, 2, 0] += reads * drained
    np.testing.assert_array_equal(found.counts, expected)
    result = found.result
    assert result[O_LEVEL_ENERGY : O_LEVEL_ENERGY + LEVELS].tolist() == (
        [400, 120, 0, 0, 76] if drained else [400, 110, 0, 0, 68]
    )
    assert (result[O_MAC_ENERGY], result[O_ENERGY]) == (24, 620 if drained else 602)
    assert (result[O_CYCLES], result[O_COMPUTE_CYCLES], result[O_LIMIT]) == (4, 4, -1)
    assert (result[O_DRAM_WORDS], result[O_PES]) == (12, 2)


@pytest.mark.parametrize(
    ("level", "read", "write", "cycles"),
    [
        (0, 1.0, math.inf, 8),  # 8 words in 4 steps
        (0, math.inf, 0.75, 6),  # 4 words at 0.75 a cycle: 5.33
        (1, 3.0, math.inf, 4),  # 12 words in 4 steps
        (1, 2.0, 1.0, 16),  # 12 words at 2, 16 at 1
        (4, math.inf, 2.0, 6),  # 2 + 4 + 2 + 4 words of each PE at 2
    ],
)
def test_bandwidths_stretch_the_cycles(level: int, read: float, write: float, cycles: int) -> None:
    built = TINY.architecture
    limited = {"read_bandwidth": read, "write_bandwidth": write}
    changed = {
        0: lambda: replace(built, dram=replace(built.dram, **limited)),
        1: lambda: replace(built, glb=replace(built.glb, **limited)),
        4: lambda: replace(built, pe_levels=(replace(built.pe_levels[0], **limited),)),
    }[level]()
    found = answer(replace(TINY, architecture=changed), 0).result
    assert (found[O_CYCLES], found[O_COMPUTE_CYCLES]) == (cycles, 4)
    assert found[O_LIMIT] == (level if cycles > 4 else -1)


# ---- refusals ----


def shrunk(case: Case, level: int, words: int) -> Case:
    built = case.architecture
    if level == 1:
        return replace(case, architecture=replace(built, glb=replace(built.glb, capacity_words=words)))
    spads = list(built.pe_levels)
    spads[level - LEVELS] = replace(spads[level - LEVELS], capacity_words=words)
    return replace(case, architecture=replace(built, pe_levels=tuple(spads)))


@pytest.mark.parametrize(("level", "words"), [(1, 8), (4, 3)])
def test_tiles_must_fit(level: int, words: int) -> None:
    """The GLB holds 2 weights, 2 inputs and 4 outputs; each register file one of each."""
    assert ask(shrunk(TINY, level, words)).status == OK
    found = ask(shrunk(TINY, level, words - 1)).status
    assert found == CAPACITY + level
    assert "do not fit" in refusal(found)


@pytest.mark.parametrize(("level", "words"), [(2, 8), (3, 3), (4, 4)])
def test_each_of_split_spads_must_hold_its_tensor(level: int, words: int) -> None:
    """Loops in the PE, outer to inner: C = 2, M = 3, N = 4. Tiles: N x C inputs; M weights, C is outside; N outputs."""
    mapping = Mapping.of({"pe_outer": {"C": 2}, "pe_middle": {"M": 3}, "pe": {"N": 4}})
    case = Case(Layer("split", n=4, m=3, c=2), mapping, architecture_of(*HIERARCHIES["split spads"]))
    assert ask(shrunk(case, level, words)).status == OK
    assert ask(shrunk(case, level, words - 1)).status == CAPACITY + level


@pytest.mark.parametrize(
    ("factors", "repairs", "status"),
    [
        ({"columns": {"M": 2, "C": 2}, "glb": {"P": 2}}, 15, COLUMNS_EXCEEDED),
        ({"columns": {"M": 2}, "rows": {"C": 2}, "glb": {"P": 2}}, 15, ROWS_EXCEEDED),
        ({"columns": {"M": 2}, "glb": {"P": 2}}, 15, NOT_COVERING),
        ({"columns": {"M": 2}, "glb": {"P": 2}}, 0, NOT_COVERING),
        ({"columns": {"M": 2}, "glb": {"P": 2, "C": 3}}, 15, OK),
        ({"columns": {"M": 2}, "glb": {"P": 2, "C": 3}}, 0, NOT_DIVIDING),
    ],
)
def test_impossible_mappings_are_refused(factors: dict, repairs: int, status: int) -> None:
    found = ask(replace(TINY, mapping=Mapping.of(factors)), repairs).status
    assert found == status
    assert bool(refusal(found)) == (status != OK)


# ---- what holds for every mapping ----


def check_laws(case: Case, found: Answer) -> None:
    layer, result, counts = case.layer, found.result, found.counts
    assert counts.min() >= -1e-9
    dram = counts[0]
    assert dram[0, 0] >= layer.weights * (1 - 1e-12)
    assert dram[1, 0] >= layer.inputs * (1 - 1e-12)
    assert dram[2, 2] >= layer.outputs * (1 - 1e-12)
    assert result[O_DRAM_WORDS] == pytest.approx(dram[:, 0].sum() + dram[:, 2].sum())
    levels = result[O_LEVEL_ENERGY : O_LEVEL_ENERGY + LEVELS]
    assert result[O_ENERGY] == pytest.approx(levels.sum() + result[O_MAC_ENERGY])
    assert result[O_MAC_ENERGY] == pytest.approx(layer.macs * MAC_PJ)
    for level, storage in enumerate((DRAM, GLB, RF, RF, RF)):
        words = -(-counts[level].round(9) // storage.block_words)
        pes = result[O_PES] if level >= 2 else 1
        expected = pes * (words[:, 0].sum() * storage.read_pj + words[:, 1:].sum() * storage.write_pj)
        assert levels[level] == pytest.approx(expected)
    assert result[O_CYCLES] >= result[O_COMPUTE_CYCLES] >= layer.macs / result[O_PES] * (1 - 1e-12)


@settings(max_examples=200, deadline=None)
@given(st.one_of(perfect_cases(most=20_000), ragged_cases(most=20_000)))
def test_laws_of_the_repaired_model(case: Case) -> None:
    check_laws(case, answer(case))


@pytest.mark.parametrize("other", ["S", "P"])
def test_rounding_of_fractions_makes_no_access(other: str) -> None:
    """Steps such as 7/4 of 7/12 of 48: the counts are whole numbers and a rounding error, not one word more."""
    mapping = Mapping.of({"dram": {"N": 4, other: 8}, "glb": {"N": 3}}, {"dram": "NMCRSPQG"})
    case = Case(Layer("rest", n=7, **{other.lower(): 7}), mapping, architecture_of(ALL, (ALL,)))
    found = answer(case)
    words = found.counts.round()
    assert found.counts == pytest.approx(words, abs=1e-9)
    blocks = -(-words[0] // 4)
    assert found.result[O_LEVEL_ENERGY] == blocks[:, 0].sum() * DRAM.read_pj + blocks[:, 2].sum() * DRAM.write_pj
    assert found.result[O_LEVEL_ENERGY + 4] == words[4, :, 0].sum() * RF.read_pj + words[4, :, 1:].sum() * RF.write_pj


@settings(max_examples=60, deadline=None)
@given(st.one_of(perfect_cases(most=20_000), ragged_cases(most=20_000)), st.integers(0, 15))
def test_a_perfect_mapping_needs_no_edge_tiles(case: Case, repairs: int) -> None:
    with_edges, without = ask(case, repairs | 1), ask(case, repairs & ~1)
    assert with_edges.status == OK
    if without.status == OK:
        np.testing.assert_array_equal(with_edges.counts, without.counts)
        np.testing.assert_array_equal(with_edges.result, without.result)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.one_of(perfect_cases(), ragged_cases()), min_size=2, max_size=6), st.integers(0, 15))
def test_rows_of_a_batch_do_not_depend_on_each_other(cases: list[Case], repairs: int) -> None:
    arguments = (
        np.stack([case.layer.words for case in cases]),
        np.stack([case.mapping.factors for case in cases]),
        np.stack([case.mapping.orders for case in cases]),
        stack([case.architecture for case in cases]),
    )
    status, counts, results = evaluate_points(*arguments, repairs)
    for position, case in enumerate(cases):
        alone = ask(case, repairs)
        assert status[position] == alone.status
        if alone.status == OK:
            np.testing.assert_array_equal(counts[position], alone.counts)
            np.testing.assert_array_equal(results[position], alone.result)


def network_of(cases: tuple[Case, ...], times: tuple[float, ...]):
    return evaluate_networks(
        np.stack([case.layer.words for case in cases]),
        np.array(times),
        np.stack([case.mapping.factors for case in cases])[None],
        np.stack([case.mapping.orders for case in cases])[None],
        cases[0].architecture.words[None],
        15,
    )


def test_a_network_is_the_sum_of_its_layers_executions() -> None:
    other = replace(
        TINY,
        layer=Layer("conv", m=4, c=3, r=3, p=4),
        mapping=Mapping.of({"dram": {"M": 2, "C": 3}, "columns": {"M": 2}, "glb": {"P": 4}, "pe": {"R": 3}}),
    )
    status, results = network_of((TINY, other), (2.0, 5.0))
    assert status.tolist() == [OK]
    summed = [*range(O_LIMIT)]
    expected = 2 * answer(TINY).result + 5 * answer(other).result
    assert results[0, summed] == pytest.approx(expected[summed])
    uncovered = replace(other, mapping=TINY.mapping)
    assert network_of((TINY, uncovered), (1.0, 1.0))[0].tolist() == [100 + NOT_COVERING]
