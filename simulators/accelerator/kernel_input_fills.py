"""Words of inputs that flow into a level: what each tile has that the one before had not, or Timeloop's count of it.

Inputs slide: a tile shares rows and columns with the one before, which weights and outputs never do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.kernel_geometry import interval_overlap, touched_overlap
from simulators.accelerator.kernel_layout import (
    L_DILATION_H,
    L_DILATION_W,
    L_STRIDE_H,
    L_STRIDE_W,
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
    inlined,
)
from simulators.accelerator.kernel_traffic import TILE_ROW, Work, column_extent, row_extent

Reals = NDArray[np.float64]


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
