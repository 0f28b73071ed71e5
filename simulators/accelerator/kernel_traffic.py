"""The loops of a mapping: tiles at each level and their words, temporal loops, how far dimensions are spread over PEs.

Rows of ``tile``, the extents of each dimension: 0 the layer, 1 the GLB's tile, 2 that of the whole array at one time,
3, 4, 5 those of the levels inside a PE, 6 one multiply-accumulate.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.kernel_geometry import bounding, distinct
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
