"""The loops of a mapping whose tiles do not divide the layer's bounds, and how often they make tensors move.

The last step of a loop may be a part of one. A tensor that the loop moves flows in proportion to the words there are,
so that parts add up. One that it does not move flows whole at each step, however small.

Weights and outputs between DRAM, GLB and array come out exact, or too high where the last tile of one loop leaves
another, which moves the tensor, a single step: then what is held stays, which is not seen. Inputs whose windows slide
are averages, too, but never below what there is to bring in once. Figures of one PE are averages over those that work.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.kernel_layout import (
    DIMS,
    LEVELS,
    OUTER,
    OUTPUTS,
    WEIGHTS,
    M,
    compiled,
    inlined,
)
from simulators.accelerator.kernel_traffic import (
    FACTOR_ROW,
    INNER_ROW,
    TILE_ROW,
    Work,
    moves_outputs,
    moves_weights,
    spatial_factor,
)


@inlined
def all_tiles(w: Work, row: int, d: int) -> float:
    """Return into how many tiles of row ``row`` a dimension is cut."""
    return math.ceil(w.tile[0, d] / w.tile[row, d])


@inlined
def array_steps(w: Work, row: int, d: int) -> float:
    """Return the same for tiles inside a PE as far as PEs do not take them at the same time: those of the busiest."""
    if row < TILE_ROW[OUTER]:
        return all_tiles(w, row, d)
    whole = w.tile[0, d] // w.tile[2, d]
    rest = min(w.tile[0, d] - whole * w.tile[2, d], w.tile[3, d])
    return whole * math.ceil(w.tile[3, d] / w.tile[row, d]) + math.ceil(rest / w.tile[row, d])


@compiled
def list_ragged_loops(factors: NDArray[np.int32], orders: NDArray[np.int8], w: Work) -> float:
    """List the temporal loops, outermost first; return how many operations a PE does, on average.

    ``bound``: the sum of a loop's parts, for tensors it moves; ``steps``: their number, for those that it does not.
    Of the PEs that such a dimension is spread over some may be idle in the last step; those that work add up to
    ``bound`` again. So ``product`` holds, for weights and outputs, the steps outside a level up to the last that moves
    the tensor: as the array asks for it (columns 0, 1), and as each PE, on average, takes it (2, 3).

    ``cycles`` is filled with the steps of the busiest PE in each dimension.
    """
    count, computes, inputs = 0, 1.0, 1.0
    running, last = (1.0, 1.0, 1.0, 1.0), (1.0, 1.0, 1.0, 1.0)
    w.cycles[:] = 1.0
    for level in range(LEVELS):
        for i in range(4):
            w.product[level, i] = last[i]
        row, outer, inner = FACTOR_ROW[level], TILE_ROW[level], INNER_ROW[level]
        for k in range(DIMS - 1, -1, -1):
            d = orders[level, k]
            if factors[row, d] > 1 and w.tile[outer, d] > w.tile[inner, d]:
                bound = w.tile[outer, d] / w.tile[inner, d]
                steps = own = bound
                if w.ragged[d]:
                    before = w.cycles[d]
                    w.cycles[d] = array_steps(w, inner, d)
                    steps = own = w.cycles[d] / before
                    if w.tile[2, d] > w.tile[3, d]:
                        own = bound if level < OUTER else all_tiles(w, inner, d) / all_tiles(w, outer, d)
                else:
                    w.cycles[d] *= bound
                w.dim[count], w.step[count], w.before[count] = d, w.tile[inner, d], inputs
                w.bound[count] = steps if d == M else bound
                w.busy[count] = own / steps if d == M else 1.0
                inputs *= w.bound[count]
                computes *= bound
                count += 1
                weights, outputs = moves_weights(d), moves_outputs(d)
                running = (
                    running[0] * (bound if weights else steps),
                    running[1] * (bound if outputs else steps),
                    running[2] * (bound if weights else own),
                    running[3] * (bound if outputs else own),
                )
                if weights:
                    last = (running[0], last[1], running[2], last[3])
                if outputs:
                    last = (last[0], running[1], last[2], running[3])
        w.end[level] = count
    for i in range(4):
        w.product[LEVELS, i] = last[i]
    return computes


@compiled
def asked_by_macs(tensor: int, w: Work) -> float:
    """Return by how much more than the average PE's operations the steps of the array are, for a tensor's idle dims.

    A word that several PEs ask for at a step is one, also when fewer of them work.
    """
    factor = 1.0
    for d in range(DIMS):
        idle = d == M
        if tensor == WEIGHTS:
            idle = not moves_weights(d)
        elif tensor == OUTPUTS:
            idle = not moves_outputs(d)
        if idle and w.ragged[d]:
            factor *= w.cycles[d] * spatial_factor(w, d) / w.tile[0, d]
    return factor


@inlined
def busiest_steps(w: Work) -> float:
    """Return the steps of the busiest PE."""
    cycles = 1.0
    for d in range(DIMS):
        cycles *= w.cycles[d]
    return cycles


@compiled
def busy_share(level: int, w: Work) -> float:
    """Return the share of PEs that take part in a fill of inputs, on average: loops over M may leave some idle."""
    share, moved = 1.0, False
    for j in range(w.end[level - 1] - 1, -1, -1):
        if moved:
            share *= w.busy[j]
        moved = moved or w.dim[j] != M
    return share
