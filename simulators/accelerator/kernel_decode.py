"""From a mapping code to a mapping, compiled: what :mod:`simulators.accelerator.mapping_code` explains, for one layer.

A code is ``int32[CODE_WORDS]``, see the offsets below. Decoding goes from the array outwards: PEs first, then the tiles
inside a PE from the innermost level, then the global buffer's; DRAM takes what is left, rounded up.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.kernel_layout import (
    A_CAPACITY,
    A_COLUMNS,
    A_KEEPS,
    DIMS,
    EDGE_TILES,
    F_COLUMNS,
    F_DRAM,
    F_OUTER,
    F_ROWS,
    FACTOR_ROWS,
    GLB,
    INNER,
    INPUTS,
    LEVELS,
    OUTPUTS,
    WEIGHTS,
    C,
    G,
    M,
    N,
    P,
    Q,
    R,
    S,
    allocating,
    compiled,
    inlined,
)
from simulators.accelerator.kernel_traffic import FACTOR_ROW, inputs_tile, outputs_tile, weights_tile

# A code: for columns, then for rows of the array two slots (dimension or -1, most PEs) and one factor for each
# dimension; for GLB and the levels inside a PE the tile's extent in each dimension; one order for each level, three
# bits for each position.
SLOTS: Final = 2
K_AXIS: Final = 0
K_SPREAD, AXIS_WORDS = 2 * SLOTS, 2 * SLOTS + DIMS
K_TILES: Final = K_AXIS + 2 * AXIS_WORDS
K_ORDERS: Final = K_TILES + (LEVELS - 1) * DIMS
CODE_WORDS: Final = K_ORDERS + LEVELS

CUT_ORDER: Final = (N, G, P, M, C, Q, S, R)
"""In which order dimensions are cut where tiles do not fit."""
REFUSE, SHRINK = 0, 1

Reals = NDArray[np.float64]
Layers = NDArray[np.int64]
Integers = NDArray[np.int32]
Orders = NDArray[np.int8]


class Scratch(NamedTuple):
    """What decoding one mapping works on; all ``[DIMS]``."""

    code: Integers  # [CODE_WORDS]
    extent: NDArray[np.int64]  # product of all factors so far
    given: NDArray[np.int64]  # product of the factors over columns and rows that are given, not filled
    inside: NDArray[np.int64]  # product of those inside a PE
    tile: Reals  # the level's tile: one of the two, no more than the layer's bounds
    factors: Integers  # [FACTOR_ROWS, DIMS]
    orders: Orders  # [LEVELS, DIMS]


@allocating
def scratch() -> Scratch:
    """Return working space of one thread."""
    return Scratch(
        np.zeros(CODE_WORDS, np.int32),
        np.ones(DIMS, np.int64),
        np.ones(DIMS, np.int64),
        np.ones(DIMS, np.int64),
        np.ones(DIMS),
        np.ones((FACTOR_ROWS, DIMS), np.int32),
        np.zeros((LEVELS, DIMS), np.int8),
    )


@inlined
def largest_divisor(number: int, most: int) -> int:
    """Return the largest divisor of ``number`` that is at most ``most``; both at least 1."""
    if most >= number:
        return number
    divisor = most
    while number % divisor != 0:
        divisor -= 1
    return divisor


@inlined
def left_of(layer: Layers, s: Scratch, d: int) -> int:
    """Return how many steps dimension ``d`` needs outside what is decoded so far."""
    return (layer[d] + s.extent[d] - 1) // s.extent[d]


@inlined
def left_inside(layer: Layers, s: Scratch, d: int) -> int:
    """Return how many steps a PE's part of dimension ``d`` needs, where what is not filled but given counts as one PE.

    Given factors may share a dimension unevenly: tiles of 3 over 2 PEs make 4 as well.
    """
    inner = s.extent[d] // s.given[d]
    return (layer[d] + inner - 1) // inner


@inlined
def limited(asked: int, left: int, divide: bool, shrink: bool) -> int:
    """Return the factor for what is asked: no more than is left, as more steps than that change nothing.

    Where tiles must divide and may shrink, a divisor of what is left. Where they must divide and may not shrink, what
    is beyond stays beyond, to be refused.
    """
    if divide:
        return largest_divisor(left, max(1, asked)) if shrink else min(asked, left + 1)
    return min(asked, left)


@inlined
def steps_to(tile: int, inner: int, left: int, divide: bool, shrink: bool) -> int:
    """Return the factor that makes a tile of at least ``tile`` out of ``inner``; 1 where that is as large already."""
    if tile <= inner:
        return 1
    if divide and shrink:
        return limited(tile // inner, left, divide, shrink)
    if divide and tile % inner != 0:
        return left + 1
    return limited((tile + inner - 1) // inner, left, divide, shrink)


@inlined
def set_factor(row: int, d: int, factor: int, s: Scratch) -> None:
    """Replace a factor."""
    before = s.factors[row, d]
    s.factors[row, d] = factor
    s.extent[d] = s.extent[d] // before * factor
    if row >= F_OUTER:
        s.inside[d] = s.inside[d] // before * factor


@inlined
def spread(layer: Layers, arch: Reals, divide: bool, shrink: bool, s: Scratch) -> None:
    """Decode what goes over columns and rows: the factors that are asked for, then each slot as far as PEs reach."""
    for axis in range(2):
        row, at = F_COLUMNS + axis, K_AXIS + axis * AXIS_WORDS
        lanes = int(arch[A_COLUMNS + axis])
        for d in range(DIMS):
            asked = int(s.code[at + K_SPREAD + d])
            if asked > 1:
                asked = min(asked, lanes) if shrink else asked
                factor = limited(asked, left_of(layer, s, d), divide, shrink)
                set_factor(row, d, factor, s)
                s.given[d] *= factor
                lanes = lanes // factor
        for slot in range(SLOTS):
            d, most = int(s.code[at + 2 * slot]), min(lanes, int(s.code[at + 2 * slot + 1]))
            if d >= 0 and most > 1:
                left = left_of(layer, s, d)
                factor = largest_divisor(left, most) if divide else min(left, most)
                set_factor(row, d, s.factors[row, d] * factor, s)
                lanes = lanes // factor


@compiled
def fits(layer: Layers, arch: Reals, level: int, repairs: int, s: Scratch) -> bool:
    """Return whether the tiles that a level keeps fit it; ``tile`` is that level's."""
    mask, words = int(arch[A_KEEPS + level]), 0.0
    if (mask >> WEIGHTS) & 1:
        words += weights_tile(s.tile)
    if (mask >> INPUTS) & 1:
        words += inputs_tile(layer, s.tile, repairs)
    if (mask >> OUTPUTS) & 1:
        words += outputs_tile(s.tile)
    return words <= arch[A_CAPACITY + level]


@inlined
def fits_with(layer: Layers, arch: Reals, level: int, row: int, d: int, factor: int, repairs: int, s: Scratch) -> bool:
    """Set a factor; return whether the level's tiles fit then."""
    set_factor(row, d, factor, s)
    s.tile[d] = float(min(layer[d], s.extent[d] if level == GLB else s.inside[d]))
    return fits(layer, arch, level, repairs, s)


@compiled
def cut(layer: Layers, arch: Reals, level: int, row: int, repairs: int, s: Scratch) -> bool:
    """Lower factors of ``row`` one dimension after another until the tiles fit ``level``, each as little as that takes.

    Where even 1 does not make them fit, the factor is 1 and the next dimension's turn comes. Returns whether they fit.
    """
    for position in range(DIMS):
        d = CUT_ORDER[position]
        before = int(s.factors[row, d])
        if before == 1 or not fits_with(layer, arch, level, row, d, 1, repairs, s):
            continue
        good, bad = 1, before
        if repairs & EDGE_TILES:
            while bad - good > 1:
                middle = (good + bad) // 2
                if fits_with(layer, arch, level, row, d, middle, repairs, s):
                    good = middle
                else:
                    bad = middle
        else:
            good = before // 2
            while before % good != 0 or not fits_with(layer, arch, level, row, d, good, repairs, s):
                good -= 1
        fits_with(layer, arch, level, row, d, good, repairs, s)
        return True
    return False


@inlined
def shrink_to_fit(layer: Layers, arch: Reals, level: int, repairs: int, s: Scratch) -> None:
    """Cut tiles until they fit ``level``: its own factors, then those of the levels inside, at last the PEs used."""
    if fits(layer, arch, level, repairs, s):
        return
    for inside in range(level, LEVELS):
        if cut(layer, arch, level, FACTOR_ROW[inside], repairs, s):
            return
    if level == GLB and not cut(layer, arch, level, F_ROWS, repairs, s):
        cut(layer, arch, level, F_COLUMNS, repairs, s)


@inlined
def decode(layer: Layers, arch: Reals, repairs: int, fit: int, s: Scratch) -> None:
    """Decode ``code`` into ``factors`` and ``orders``."""
    divide, shrink = repairs & EDGE_TILES == 0, fit == SHRINK
    s.factors[:, :] = 1
    s.extent[:] = 1
    s.given[:] = 1
    s.inside[:] = 1
    spread(layer, arch, divide, shrink, s)
    for level in range(INNER, 0, -1):
        row, at = FACTOR_ROW[level], K_TILES + (level - 1) * DIMS
        for d in range(DIMS):
            asked = int(s.code[at + d])
            if asked > 1:
                whole = level == GLB or (divide and shrink)
                left = left_of(layer, s, d) if whole else left_inside(layer, s, d)
                inner = s.extent[d] if level == GLB else s.inside[d]
                set_factor(row, d, steps_to(asked, inner, left, divide, shrink), s)
            s.tile[d] = float(min(layer[d], s.extent[d] if level == GLB else s.inside[d]))
        if shrink and arch[A_KEEPS + level] != 0:
            shrink_to_fit(layer, arch, level, repairs, s)
    for d in range(DIMS):
        s.factors[F_DRAM, d] = left_of(layer, s, d)
    for level in range(LEVELS):
        packed = int(s.code[K_ORDERS + level])
        for k in range(DIMS):
            s.orders[level, k] = (packed >> (3 * k)) & 7
