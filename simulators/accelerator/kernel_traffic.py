"""The loops of a mapping and what they make move: tiles, temporal loops, fills of each tensor into each level.

Rows of ``tile``, the extents of each dimension: 0 the layer, 1 the GLB's tile, 2 that of the whole array at one time,
3, 4, 5 those of the levels inside a PE, 6 one multiply-accumulate.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.kernel_geometry import bounding, distinct, interval_overlap, touched_overlap
from simulators.accelerator.kernel_layout import (
    DIMS,
    EDGE_TILES,
    F_COLUMNS,
    F_DRAM,
    F_GLB,
    F_INNER,
    F_MIDDLE,
    F_OUTER,
    F_ROWS,
    L_DILATION_H,
    L_DILATION_W,
    L_STRIDE_H,
    L_STRIDE_W,
    LEVELS,
    NOT_COVERING,
    NOT_DIVIDING,
    OK,
    STRIDE_HOLES,
    TRUE_REUSE,
    C,
    G,
    M,
    N,
    P,
    Q,
    R,
    S,
    allocating,
    inlined,
)

TILES, LOOPS = 7, LEVELS * DIMS
ANY: Final = DIMS
"""Entry of ``ragged`` for all dimensions together."""
TILE_ROW: Final = (0, 1, 3, 4, 5)
"""Row of ``tile`` of each storage level."""
INNER_ROW: Final = (1, 2, 4, 5, 6)
"""Row of ``tile`` that a level's temporal loops step over."""
FACTOR_ROW: Final = (F_DRAM, F_GLB, F_OUTER, F_MIDDLE, F_INNER)

Reals = NDArray[np.float64]


class Work(NamedTuple):
    """Scratch space of one thread."""

    tile: Reals  # [TILES, DIMS]
    ragged: NDArray[np.int64]  # [DIMS + 1]: whether tiles do not divide a dimension's bound; last: any dimension's
    cycles: Reals  # [DIMS]: steps of the busiest PE in each dimension
    dim: NDArray[np.int64]  # [LOOPS]: dimension of each temporal loop with more than one step, outermost first
    bound: Reals  # [LOOPS]: its steps as they count for inputs
    busy: Reals  # [LOOPS]: share of the PEs that take part in a step, on average
    step: Reals  # [LOOPS]: how far one step goes, in its dimension
    before: Reals  # [LOOPS]: product of the bounds of the loops outside
    end: NDArray[np.int64]  # [LEVELS]: number of loops at and outside each level
    product: Reals  # [LEVELS + 1, 4]: product of the steps outside each level, see ``kernel_ragged``


@allocating
def work() -> Work:
    """Return scratch space."""
    tile, loops = np.ones((TILES, DIMS)), np.empty((4, LOOPS))
    dim, end, ragged = np.zeros(LOOPS, np.int64), np.zeros(LEVELS, np.int64), np.zeros(DIMS + 1, np.int64)
    product = np.ones((LEVELS + 1, 4))
    return Work(tile, ragged, np.ones(DIMS), dim, loops[0], loops[1], loops[2], loops[3], end, product)


@inlined
def find_tiles(layer: NDArray[np.int64], factors: NDArray[np.int32], repairs: int, w: Work) -> int:
    """Fill ``tile`` and ``ragged``; return OK, NOT_DIVIDING or NOT_COVERING."""
    w.ragged[ANY] = 0
    for d in range(DIMS):
        bound = float(layer[d])
        extent = float(factors[F_INNER, d])
        w.tile[5, d] = min(bound, extent)
        extent *= factors[F_MIDDLE, d]
        w.tile[4, d] = min(bound, extent)
        extent *= factors[F_OUTER, d]
        w.tile[3, d] = min(bound, extent)
        extent *= factors[F_COLUMNS, d] * factors[F_ROWS, d]
        w.tile[2, d] = min(bound, extent)
        extent *= factors[F_GLB, d]
        w.tile[1, d] = min(bound, extent)
        w.tile[0, d] = bound
        extent *= factors[F_DRAM, d]
        if extent < bound:
            return NOT_COVERING
        w.ragged[d] = 0
        if extent != bound:
            w.ragged[d] = w.ragged[ANY] = 1
            if not repairs & EDGE_TILES:
                return NOT_DIVIDING
    return OK


@inlined
def moves_weights(d: int) -> bool:
    """Return whether a loop over dimension ``d`` goes to other weights."""
    return d not in (N, P, Q)


@inlined
def moves_outputs(d: int) -> bool:
    """Return whether a loop over dimension ``d`` goes to other outputs."""
    return d not in (C, R, S)


@inlined
def list_loops(factors: NDArray[np.int32], orders: NDArray[np.int8], w: Work) -> float:
    """List the temporal loops, outermost first, where all tiles divide; return the product of their bounds."""
    count, running = 0, 1.0
    weights, outputs = 1.0, 1.0
    for level in range(LEVELS):
        w.product[level, 0], w.product[level, 1] = weights, outputs
        row, outer, inner = FACTOR_ROW[level], TILE_ROW[level], INNER_ROW[level]
        for k in range(DIMS - 1, -1, -1):
            d = orders[level, k]
            if factors[row, d] > 1:
                bound = w.tile[outer, d] / w.tile[inner, d]
                w.dim[count], w.bound[count], w.step[count] = d, bound, w.tile[inner, d]
                w.before[count] = running
                running *= bound
                count += 1
                if moves_weights(d):
                    weights = running
                if moves_outputs(d):
                    outputs = running
        w.end[level] = count
    w.product[LEVELS, 0], w.product[LEVELS, 1] = weights, outputs
    return running


@inlined
def row_extent(layer: NDArray[np.int64], tile: Reals, repairs: int) -> float:
    """Return the input rows that a tile needs."""
    if repairs & STRIDE_HOLES:
        return distinct(tile[P], layer[L_STRIDE_H], tile[R], layer[L_DILATION_H])
    return bounding(tile[P], layer[L_STRIDE_H], tile[R], layer[L_DILATION_H])


@inlined
def column_extent(layer: NDArray[np.int64], tile: Reals, repairs: int) -> float:
    """Return the input columns that a tile needs."""
    if repairs & STRIDE_HOLES:
        return distinct(tile[Q], layer[L_STRIDE_W], tile[S], layer[L_DILATION_W])
    return bounding(tile[Q], layer[L_STRIDE_W], tile[S], layer[L_DILATION_W])


@inlined
def weights_tile(tile: Reals) -> float:
    """Return the words of weights of a tile."""
    return tile[M] * tile[C] * tile[R] * tile[S] * tile[G]


@inlined
def outputs_tile(tile: Reals) -> float:
    """Return the words of outputs of a tile."""
    return tile[N] * tile[M] * tile[P] * tile[Q] * tile[G]


@inlined
def inputs_tile(layer: NDArray[np.int64], tile: Reals, repairs: int) -> float:
    """Return the words of inputs of a tile."""
    extents = row_extent(layer, tile, repairs) * column_extent(layer, tile, repairs)
    return tile[N] * tile[C] * tile[G] * extents


@inlined
def input_fills(layer: NDArray[np.int64], level: int, repairs: int, w: Work) -> float:
    """Return the words of inputs that flow into one instance of ``level``, whenever the array asks for a tile."""
    if repairs & TRUE_REUSE:
        return _true_input_fills(layer, level, repairs, w)
    return _extrapolated_input_fills(layer, level, repairs, w)


@inlined
def _true_input_fills(layer: NDArray[np.int64], level: int, repairs: int, w: Work) -> float:
    """What each tile has that the tile before it had not.

    When loop j advances, all loops inside it return to their first step: the tile moves by step_j less (bound - 1) step
    of each of those. That happens (product of the bounds outside j) x (bound_j - 1) times.
    """
    tile = w.tile[TILE_ROW[level]]
    rows, columns = row_extent(layer, tile, repairs), column_extent(layer, tile, repairs)
    back_h = back_w = 0.0
    back_other = False  # some loop inside moves along N, C or G, so that its return shares nothing
    tile_area = rows * columns
    area = tile_area
    for j in range(w.end[level - 1] - 1, -1, -1):
        d, often = w.dim[j], w.before[j] * (w.bound[j] - 1)
        move_h, move_w, other = 0.0, 0.0, False
        if d == P:
            move_h = w.step[j] * layer[L_STRIDE_H]
        elif d == R:
            move_h = w.step[j] * layer[L_DILATION_H]
        elif d == Q:
            move_w = w.step[j] * layer[L_STRIDE_W]
        elif d == S:
            move_w = w.step[j] * layer[L_DILATION_W]
        elif d != M:
            other = True
        shift_h, shift_w = move_h - back_h, move_w - back_w
        if other or back_other:
            area += often * tile_area
        elif shift_h != 0.0 or shift_w != 0.0:
            area += often * (tile_area - _shared(layer, tile, rows, columns, shift_h, shift_w, repairs))
        back_h += move_h * (w.bound[j] - 1)
        back_w += move_w * (w.bound[j] - 1)
        back_other = back_other or other
    return area * tile[N] * tile[C] * tile[G]


@inlined
def _shared(
    layer: NDArray[np.int64], tile: Reals, rows: float, columns: float, shift_h: float, shift_w: float, repairs: int
) -> float:
    """Return the positions that a tile has in common with itself shifted by so many rows and columns."""
    if repairs & STRIDE_HOLES:
        h = touched_overlap(tile[P], layer[L_STRIDE_H], tile[R], layer[L_DILATION_H], round(shift_h))
        v = touched_overlap(tile[Q], layer[L_STRIDE_W], tile[S], layer[L_DILATION_W], round(shift_w))
    else:
        h, v = interval_overlap(rows, shift_h), interval_overlap(columns, shift_w)
    return h * v


@inlined
def _extrapolated_input_fills(layer: NDArray[np.int64], level: int, repairs: int, w: Work) -> float:
    """Timeloop's count, which walks the first two steps of each loop only and takes the second for all later ones.

    In that walk one loop at a time advances, and those inside it return by one step. No move costs nothing. A move
    equal to the first one there was (the innermost loop's) along one axis costs what is new; any other, the whole tile.
    """
    tile = w.tile[TILE_ROW[level]]
    rows, columns = row_extent(layer, tile, repairs), column_extent(layer, tile, repairs)
    back_h = back_w = back_n = back_c = back_g = 0.0
    first_h = first_w = 0.0
    moved, first_other, tile_area = False, False, rows * columns
    area = tile_area
    for j in range(w.end[level - 1] - 1, -1, -1):
        d, often = w.dim[j], w.before[j] * (w.bound[j] - 1)
        h, v, n, c, g = 0.0, 0.0, 0.0, 0.0, 0.0
        if d == P:
            h = w.step[j] * layer[L_STRIDE_H]
        elif d == R:
            h = w.step[j] * layer[L_DILATION_H]
        elif d == Q:
            v = w.step[j] * layer[L_STRIDE_W]
        elif d == S:
            v = w.step[j] * layer[L_DILATION_W]
        elif d == N:
            n = w.step[j]
        elif d == C:
            c = w.step[j]
        elif d == G:
            g = w.step[j]
        shift_h, shift_w, shift_n, shift_c, shift_g = h - back_h, v - back_w, n - back_n, c - back_c, g - back_g
        other = shift_n != 0.0 or shift_c != 0.0 or shift_g != 0.0
        axes = int(shift_h != 0.0) + int(shift_w != 0.0)
        if other or axes > 0:
            if not moved:
                moved, first_h, first_w, first_other = True, shift_h, shift_w, other
            same = not first_other and not other and shift_h == first_h and shift_w == first_w and axes == 1
            shared = 0.0
            if same and shift_h != 0.0:
                shared = interval_overlap(rows, shift_h) * columns
            elif same:
                shared = interval_overlap(columns, shift_w) * rows
            area += often * (tile_area - shared)
        back_h, back_w, back_n, back_c, back_g = back_h + h, back_w + v, back_n + n, back_c + c, back_g + g
    return area * tile[N] * tile[C] * tile[G]


@inlined
def spatial_factor(w: Work, d: int) -> float:
    """Return over how many PEs dimension ``d`` is spread."""
    return w.tile[2, d] / w.tile[3, d]


@inlined
def spatial_rows(layer: NDArray[np.int64], w: Work) -> float:
    """Return how many different row positions the PEs' input tiles have."""
    step, pitch = int(layer[L_STRIDE_H] * w.tile[3, P]), int(layer[L_DILATION_H] * w.tile[3, R])
    return distinct(spatial_factor(w, P), step, spatial_factor(w, R), pitch)


@inlined
def spatial_columns(layer: NDArray[np.int64], w: Work) -> float:
    """Return how many different column positions the PEs' input tiles have."""
    step, pitch = int(layer[L_STRIDE_W] * w.tile[3, Q]), int(layer[L_DILATION_W] * w.tile[3, S])
    return distinct(spatial_factor(w, Q), step, spatial_factor(w, S), pitch)
