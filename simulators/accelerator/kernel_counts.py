"""Words that each storage level reads, is filled with and is sent, for each tensor.

:mod:`simulators.accelerator.kernel` says what reads, fills and updates are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.kernel_input_fills import input_fills
from simulators.accelerator.kernel_layout import (
    A_KEEPS,
    DRAIN_READS,
    DRAM,
    FILLS,
    GLB,
    INNER,
    INPUTS,
    LEVELS,
    MIDDLE,
    OUTER,
    OUTPUTS,
    READS,
    UPDATES,
    WEIGHTS,
    M,
    inlined,
)
from simulators.accelerator.kernel_ragged import asked_by_macs, busy_share
from simulators.accelerator.kernel_traffic import (
    ANY,
    TILE_ROW,
    Work,
    inputs_tile,
    outputs_tile,
    weights_tile,
)

Reals = NDArray[np.float64]
Layers = NDArray[np.int64]
NOISE = 1e-12
"""Relative error of counts that are products of fractions, in double precision."""


@inlined
def keeps(arch: Reals, level: int, tensor: int) -> bool:
    """Return whether a level keeps a tensor."""
    return (int(arch[A_KEEPS + level]) >> tensor) & 1 == 1


@inlined
def keeps_in_pe(arch: Reals, tensor: int) -> bool:
    """Return whether some level inside a PE keeps a tensor."""
    return keeps(arch, OUTER, tensor) or keeps(arch, MIDDLE, tensor) or keeps(arch, INNER, tensor)


@inlined
def count_operand(
    layer: Layers, tensor: int, arch: Reals, repairs: int, computes: float, copies: float, w: Work, counts: Reals
) -> None:
    """Count reads and fills of weights or inputs; ``copies``: different tiles among the PEs."""
    own, child = computes, LEVELS
    flow = computes
    if w.ragged[ANY] and not keeps_in_pe(arch, tensor):
        flow *= asked_by_macs(tensor, w)
    least = inputs_tile(layer, w.tile[0], repairs) if w.ragged[ANY] and tensor == INPUTS else 0.0
    for level in range(LEVELS - 1, -1, -1):
        if not keeps(arch, level, tensor):
            continue
        counts[level, tensor, READS] = max(least, flow * copies) if level <= GLB and child >= OUTER else own
        if level == DRAM:
            break
        if tensor == WEIGHTS:
            tile = weights_tile(w.tile[TILE_ROW[level]])
            flow = own = tile * w.product[level, 0]
            if w.ragged[ANY] and level >= OUTER:
                own = tile * w.product[level, 2]
        else:
            flow = own = input_fills(layer, level, repairs, w)
            if w.ragged[M] and level >= OUTER:
                own *= busy_share(level, w)
            elif w.ragged[ANY] and level == GLB:
                flow = own = max(least, flow)  # averages over parts of tiles can lie a little below what there is
        counts[level, tensor, FILLS] = own
        child = level


@inlined
def less(count: float, part: float, w: Work) -> float:
    """Return ``count - part``, and 0 for what is the rounding of fractions."""
    rest = count - part
    return 0.0 if w.ragged[ANY] and rest < NOISE * count else rest


@inlined
def count_outputs(arch: Reals, repairs: int, computes: float, copies: float, w: Work, counts: Reals) -> None:
    """Count reads, fills and updates of outputs; ``copies``: different tiles among the PEs."""
    own, child = computes, LEVELS
    flow = computes
    if w.ragged[ANY] and not keeps_in_pe(arch, OUTPUTS):
        flow *= asked_by_macs(OUTPUTS, w)
    everything = outputs_tile(w.tile[0])
    for level in range(LEVELS - 1, -1, -1):
        if not keeps(arch, level, OUTPUTS):
            continue
        updates = flow * copies if level <= GLB and child >= OUTER else own
        held = everything / copies if level >= OUTER else everything  # what one instance ever holds
        counts[level, OUTPUTS, UPDATES] = updates
        counts[level, OUTPUTS, READS] = less(updates, held, w)
        if child < LEVELS and repairs & DRAIN_READS:
            counts[child, OUTPUTS, READS] += own
        if level == DRAM:
            break
        tile = outputs_tile(w.tile[TILE_ROW[level]])
        flow = own = tile * w.product[level, 1]
        if w.ragged[ANY] and level >= OUTER:
            own = tile * w.product[level, 3]
        counts[level, OUTPUTS, FILLS] = less(own, held, w)
        child = level
