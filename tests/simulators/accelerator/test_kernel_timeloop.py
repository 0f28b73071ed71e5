"""Mode timeloop against Timeloop's counting rules taken literally: a walk over the corners of the loop nest.

Above a level every temporal loop is at its first step or at its second, which stands for all later ones. The corners
are visited with the innermost loop fastest. A tile costs all of its words, or, if it moved by what it moved before and
along one axis, what it does not share with the tile before.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.accelerator.kernel import evaluate_points
from simulators.accelerator.kernel_layout import (
    A_READ_BANDWIDTH,
    A_WRITE_BANDWIDTH,
    LEVELS,
    NOT_DIVIDING,
    O_CYCLES,
    O_ENERGY,
    OK,
)
from simulators.accelerator.layers import DIMENSIONS, Layer
from simulators.accelerator.mapping import Mapping
from tests.simulators.accelerator.kernel_cases import (
    DRAM,
    GLB,
    MAC_PJ,
    Answer,
    Case,
    answer,
    architecture_of,
    ask,
    perfect_cases,
    ragged_cases,
)
from tests.simulators.accelerator.kernel_walk import INPUTS, MAC, OUTER, OUTPUTS, WEIGHTS, Walk

ALL = ("Weights", "Inputs", "Outputs")
Vector = tuple[int, ...]


def axes(layer: Layer, tensor: int) -> list[dict[str, int]]:
    """Return each axis of a tensor as dimension -> coefficient."""
    if tensor == WEIGHTS:
        return [{d: 1} for d in "MCRSG"]
    if tensor == OUTPUTS:
        return [{d: 1} for d in "NMPQG"]
    windows = [{"P": layer.stride_h, "R": layer.dilation_h}, {"Q": layer.stride_w, "S": layer.dilation_w}]
    return [{"N": 1}, {"C": 1}, {"G": 1}, *windows]


def position(layer: Layer, tensor: int, at: Vector) -> Vector:
    return tuple(sum(c * at[DIMENSIONS.index(d)] for d, c in axis.items()) for axis in axes(layer, tensor))


def extents(layer: Layer, tensor: int, tile: Vector) -> Vector:
    return tuple(sum(c * (tile[DIMENSIONS.index(d)] - 1) for d, c in axis.items()) + 1 for axis in axes(layer, tensor))


def fills(walk: Walk, level: int, tensor: int) -> int:
    """Return the words that flow into one instance of a level."""
    tile = extents(walk.layer, tensor, walk.extent(level))
    words, total, before, translation = math.prod(tile), 0, None, None
    for at, weight in corners(walk, level):
        here = position(walk.layer, tensor, at)
        delta = words
        if before is not None:
            moved = tuple(a - b for a, b in zip(here, before, strict=True))
            if not any(moved):
                delta = 0
            elif translation is None or translation == moved:
                translation = moved
                if sum(map(bool, moved)) == 1:
                    delta -= math.prod(max(0, size - abs(t)) for size, t in zip(tile, moved, strict=True))
            else:
                translation = None
        before = here
        total += weight * delta
    return total


def corners(walk: Walk, level: int):
    """Yield where a tile of the array begins at each corner, and how many steps that stands for."""
    loops = []
    for outer in range(level):
        inside = walk.extent(outer + 1) if outer + 1 != OUTER else array_extent(walk)
        for d in walk.orders[outer][::-1].tolist():
            bound = int(walk.factors[(0, 1, 4, 5, 6)[outer], d])
            if bound > 1:
                loops.append([(d, 0, 1), (d, inside[d] if outer + 1 < MAC else 1, bound - 1)])
    for corner in itertools.product(*loops):
        at = [0] * 8
        for d, offset, _ in corner:
            at[d] += offset
        yield tuple(at), math.prod(weight for _, _, weight in corner)


def array_extent(walk: Walk) -> Vector:
    return tuple(size * int(walk.factors[2, d] * walk.factors[3, d]) for d, size in enumerate(walk.extent(OUTER)))


def expected_counts(walk: Walk) -> np.ndarray:
    """Return reads, fills and updates per instance by the rules."""
    counts = np.zeros((LEVELS, 3, 3))
    steps = math.prod(walk.factors[[0, 1, 4, 5, 6]].ravel().tolist())
    for tensor in range(3):
        copies = len({position(walk.layer, tensor, offset) for offset in walk.pe_offsets})
        kept = [level for level in range(LEVELS) if walk.keeps[level][tensor]]
        for parent, child in zip(kept, [*kept[1:], MAC], strict=True):
            flow = steps if child == MAC else fills(walk, child, tensor)
            asked = flow * (copies if parent < OUTER <= child else 1)
            if tensor != OUTPUTS:
                counts[parent, tensor, 0] = asked
                if child < MAC:
                    counts[child, tensor, 1] = flow
                continue
            counts[parent, OUTPUTS, 2] = asked
            counts[parent, OUTPUTS, 0] = asked - walk.layer.outputs // (copies if parent >= OUTER else 1)
            if child < MAC:
                counts[child, OUTPUTS, 1] = flow - walk.layer.outputs // (copies if child >= OUTER else 1)
    return counts


def expected_cycles(counts: np.ndarray, steps: int, read_words: np.ndarray, write_words: np.ndarray) -> int:
    cycles = steps
    for level in range(LEVELS):
        reads = writes = 0.0
        for tensor in range(3):
            reads += counts[level, tensor, 0] / steps
            writes += (counts[level, tensor, 1] + counts[level, tensor, 2]) / steps
        slowdown = 1.0
        for words, asked in ((read_words[level], reads), (write_words[level], writes)):
            if asked > 0:
                slowdown = min(slowdown, words / asked)
        cycles = max(cycles, math.ceil(steps / slowdown))
    return cycles


def check(case: Case) -> Answer:
    walk = Walk(case.layer, case.mapping.factors, case.mapping.orders, case.keeps)
    found, counts = answer(case, repairs=0), expected_counts(walk)
    np.testing.assert_array_equal(found.counts, counts)
    instances = np.array([1, 1, *[len(walk.pe_offsets)] * 3])[:, None, None]
    read, write = (DRAM.read_pj, GLB.read_pj, 1, 1, 1), (DRAM.write_pj, GLB.write_pj, 2, 2, 2)
    energy = walk.energy(counts * instances, read, write, (4, 4, 1, 1, 1), MAC_PJ)
    assert found.result[O_ENERGY] == pytest.approx(energy, rel=1e-12)
    return found


@settings(max_examples=300, deadline=None)
@given(perfect_cases(most=100_000))
def test_every_count_is_that_of_the_corner_walk(case: Case) -> None:
    check(case)


@settings(max_examples=200, deadline=None)
@given(perfect_cases(most=100_000, dimensions="RSPQRPM", places=("dram", "dram", "glb", "glb", "columns", "pe")))
def test_sliding_windows_by_the_corner_walk(case: Case) -> None:
    check(case)


BANDWIDTH = st.sampled_from([math.inf, 0.25, 0.5, 1.0, 3.0, 7.0])


@settings(max_examples=150, deadline=None)
@given(perfect_cases(), st.lists(BANDWIDTH, min_size=5, max_size=5), st.lists(BANDWIDTH, min_size=5, max_size=5))
def test_the_slowest_level_stretches_the_cycles(case: Case, read: list[float], write: list[float]) -> None:
    walk = Walk(case.layer, case.mapping.factors, case.mapping.orders, case.keeps)
    steps = math.prod(walk.factors[[0, 1, 4, 5, 6]].ravel().tolist())
    words = case.architecture.words
    words[A_READ_BANDWIDTH : A_READ_BANDWIDTH + LEVELS] = read
    words[A_WRITE_BANDWIDTH : A_WRITE_BANDWIDTH + LEVELS] = write
    arguments = (case.layer.words, case.mapping.factors, case.mapping.orders, words)
    status, counts, results = evaluate_points(*(argument[None] for argument in arguments), 0)
    assert status[0] == OK
    assert results[0, O_CYCLES] == expected_cycles(counts[0], steps, np.array(read), np.array(write))


def test_where_timeloop_and_the_true_reuse_part() -> None:
    """Tiles of two output rows, a kernel row at a time: rows 01 23 | 12 34 | 23 45.

    What each tile has that the one before had not: 2 2 | 1 2 | 1 2, together 10. The corner walk sees 01 23 12 34 only:
    2 for the first, 2 for the second; the third moves by -1, not by 2 as the second did, and costs 2, the fourth 2, all
    times 2 for the kernel's other rows: 4 + 8 = 12.
    """
    mapping = Mapping.of({"dram": {"R": 3, "P": 2}, "pe": {"P": 2}}, {"dram": "PR"})
    case = Case(Layer("rows", p=4, r=3), mapping, architecture_of(ALL, (ALL,)))
    assert check(case).counts[4, INPUTS, 1] == 12
    assert answer(case).counts[4, INPUTS, 1] == 10


def test_where_a_stride_leaves_holes() -> None:
    """Every third of seven rows is touched: Timeloop stores and moves seven, the repaired model three."""
    case = Case(Layer("holes", p=3, stride_h=3), Mapping.of({"pe": {"P": 3}}), architecture_of(ALL, (ALL,)))
    assert check(case).counts[0, INPUTS, 0] == 7
    assert answer(case).counts[0, INPUTS, 0] == 3


@settings(max_examples=50, deadline=None)
@given(ragged_cases())
def test_tiles_must_divide(case: Case) -> None:
    divides = tuple(case.mapping.factors.prod(axis=0).tolist()) == case.layer.bounds
    assert ask(case, repairs=0).status == (OK if divides else NOT_DIVIDING)
