"""The tiles and loops of a mapping, for people and pictures, by the rules of the kernel, which has its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.kernel_layout import RELEVANT, STRIDE_HOLES, TENSORS
from simulators.accelerator.layers import DIMENSIONS, Layer, distinct_positions
from simulators.accelerator.mapping import PLACES, TEMPORAL, Mapping

ARRAY_ROW: Final = 2
TILE_ROW: Final = {"dram": 0, "glb": 1, "pe_outer": 3, "pe_middle": 4, "pe": 5}
"""Row of a place's tiles in :func:`tile_extents`."""
_INNER_ROW: Final = {"dram": 1, "glb": 2, "pe_outer": 4, "pe_middle": 5, "pe": 6}


@dataclass(frozen=True)
class Loop:
    """One loop with more than one step.

    Attributes:
        dimension: a letter of DIMENSIONS.
        steps: how many, in the first of its tiles; of a spatial loop, PEs.
        even: whether all its steps are whole, in all tiles, so that no PE is idle in some.
        moves: tensors of which the loop goes to other words.
    """

    dimension: str
    steps: int
    even: bool
    moves: tuple[str, ...]


def tile_extents(layer: Layer, mapping: Mapping) -> NDArray[np.int64]:
    """Return the extents of each dimension, ``int64[7, 8]``: of the layer, of the tiles of GLB, array and the three
    levels inside a PE, and 1; no tile is larger than the layer."""
    factors = {place: mapping.factors[row].astype(np.int64) for row, place in enumerate(PLACES)}
    inner = np.ones(len(DIMENSIONS), dtype=np.int64)
    rows = [inner]
    for places in (("pe",), ("pe_middle",), ("pe_outer",), ("columns", "rows"), ("glb",)):
        for place in places:
            inner = inner * factors[place]
        rows.append(np.minimum(inner, layer.bounds))
    return np.stack([np.array(layer.bounds, dtype=np.int64), *rows[::-1]])


def tile_words(layer: Layer, extents: NDArray[np.int64], tensor: int, repairs: int) -> int:
    """Return the words of a tensor in a tile of these extents, ``[8]``."""
    e = dict(zip(DIMENSIONS, extents.tolist(), strict=True))
    if tensor != TENSORS.index("Inputs"):
        return math.prod(e[DIMENSIONS[d]] for d in RELEVANT[tensor])
    axes = (
        (e["P"], layer.stride_h, e["R"], layer.dilation_h),
        (e["Q"], layer.stride_w, e["S"], layer.dilation_w),
    )
    if repairs & STRIDE_HOLES:
        touched = math.prod(distinct_positions(*axis) for axis in axes)
    else:
        touched = math.prod(stride * (n - 1) + pitch * (k - 1) + 1 for n, stride, k, pitch in axes)
    return int(e["N"] * e["C"] * e["G"] * touched)


def loops_at(layer: Layer, mapping: Mapping, place: str) -> tuple[Loop, ...]:
    """Return a place's loops of more than one step, outermost first; dimensions over columns or rows in their order."""
    extents, spatial = tile_extents(layer, mapping), place not in TEMPORAL
    outer, inner = (ARRAY_ROW, ARRAY_ROW + 1) if spatial else (TILE_ROW[place], _INNER_ROW[place])
    found = []
    for dimension in DIMENSIONS if spatial else mapping.order(place)[::-1]:
        d = DIMENSIONS.index(dimension)
        whole, part, bound = int(extents[outer, d]), int(extents[inner, d]), layer.bounds[d]
        steps = mapping.factor(place, dimension) if spatial else -(-whole // part)
        even = bound % part == 0 == bound % whole
        if spatial:
            even = even and whole == part * mapping.factor("columns", dimension) * mapping.factor("rows", dimension)
        if steps > 1:
            moves = tuple(tensor for tensor, moving in zip(TENSORS, RELEVANT, strict=True) if d in moving)
            found.append(Loop(dimension, steps, even, moves))
    return tuple(found)
