"""From counts to costs: cycles at the levels' bandwidths, energy of the levels' vector accesses and of the MACs."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.kernel_layout import (
    A_BLOCK,
    A_MAC_PJ,
    A_READ_BANDWIDTH,
    A_READ_PJ,
    A_WRITE_BANDWIDTH,
    A_WRITE_PJ,
    FILLS,
    LEVELS,
    O_CYCLES,
    O_ENERGY,
    O_LEVEL_ENERGY,
    O_LIMIT,
    O_MAC_ENERGY,
    OUTER,
    READS,
    UPDATES,
    inlined,
)

Reals = NDArray[np.float64]


@inlined
def stretch(arch: Reals, cycles: float, counts: Reals, result: Reals) -> None:
    """Write the cycles at the levels' bandwidths, and which level limits."""
    result[O_CYCLES], result[O_LIMIT] = cycles, -1.0
    for level in range(LEVELS):
        slowdown = 1.0
        reads = writes = 0.0
        for tensor in range(3):
            reads += counts[level, tensor, READS] / cycles
            writes += (counts[level, tensor, FILLS] + counts[level, tensor, UPDATES]) / cycles
        if reads > arch[A_READ_BANDWIDTH + level]:
            slowdown = arch[A_READ_BANDWIDTH + level] / reads
        if writes > arch[A_WRITE_BANDWIDTH + level]:
            slowdown = min(slowdown, arch[A_WRITE_BANDWIDTH + level] / writes)
        if slowdown < 1.0 and math.ceil(cycles / slowdown) > result[O_CYCLES]:
            result[O_CYCLES], result[O_LIMIT] = math.ceil(cycles / slowdown), float(level)


@inlined
def add_energy(arch: Reals, pes: float, macs: float, noise: float, counts: Reals, result: Reals) -> None:
    """Write the energies of all levels and of the MACs, in pJ, and their sum.

    Args:
        noise: relative error of the counts, which must not make one more vector access.
    """
    result[O_MAC_ENERGY] = macs * arch[A_MAC_PJ]
    total, counted = result[O_MAC_ENERGY], 1.0 - noise
    for level in range(LEVELS):
        block, reads, writes = arch[A_BLOCK + level], 0.0, 0.0
        for tensor in range(3):
            reads += math.ceil(counts[level, tensor, READS] * counted / block)
            writes += math.ceil(counts[level, tensor, FILLS] * counted / block)
            writes += math.ceil(counts[level, tensor, UPDATES] * counted / block)
        energy = reads * arch[A_READ_PJ + level] + writes * arch[A_WRITE_PJ + level]
        result[O_LEVEL_ENERGY + level] = energy * pes if level >= OUTER else energy
        total += result[O_LEVEL_ENERGY + level]
    result[O_ENERGY] = total
