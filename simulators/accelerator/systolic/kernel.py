"""The systolic-array kernel: a batch of designs against the distinct layers of a network.

A layer is ``g`` independent matrix products (M x K) * (K x N), one after the other: M = output positions of all images,
K = channels x kernel, N = output channels, all of one group. The dataflow lays two of the three out over the array's
rows and columns and streams the third (closed forms: SCALE-Sim, Samajdar et al., ISPASS 2020, as measured for 3.0):

======== ==== ======= ====== ==============================
dataflow rows columns stream cycles of a fold
======== ==== ======= ====== ==============================
os       M    N       K      stream + rows + columns - 2
ws       K    N       M      stream + 2 rows + columns - 2
is       K    M       N      stream + 2 rows + columns - 2
======== ==== ======= ====== ==============================

A fold is one tile of the array's size; column folds are the outer loop, row folds the inner one, groups outermost.
What crosses the DRAM interface:

* ifmap: see ``kernel_geometry``. The words of a pass arrive evenly: a fold's share is that of its tile.
* filter: os keeps a column fold's K x columns over its row folds if half of the filter SRAM holds them, else
  fetches them for each; ws needs each word once; is keeps all K x N over its column folds if half holds them, else
  fetches them for each.
* ofmap: os writes finished outputs fold by fold. ws and is add partial sums over the row folds, in the ofmap SRAM
  if half of it holds those of a column fold (M x columns, N x columns); else each row fold writes its partial sums to
  DRAM and each but the first reads them back.

DRAM moves ``bandwidth`` words a cycle in all. While a fold computes, the next one's operands are fetched, the one
before's results are written and its own partial sums are read back; where that takes longer than computing, the array
stalls. The first fold's operands and the last one's results are exposed. Layers do not overlap, groups of one layer do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from simulators._kernel_source import source_digest
from simulators.accelerator.systolic.kernel_codes import (
    D_BANDWIDTH,
    D_COLUMNS,
    D_DATAFLOW,
    D_FILTER,
    D_IFMAP,
    D_OFMAP,
    D_ROWS,
    IS,
    L_C,
    L_COLUMNS,
    L_G,
    L_M,
    L_N,
    L_R,
    L_ROWS,
    L_S,
    LAST_CYCLE,
    O_BUSY,
    O_COMPULSORY,
    O_COMPUTE,
    O_CYCLES,
    O_FILL_DRAIN,
    O_FILTER_DRAM,
    O_FILTER_READS,
    O_IFMAP_DRAM,
    O_IFMAP_READS,
    O_MACS,
    O_MAPPED,
    O_OFFERED,
    O_OFMAP_DRAM,
    O_OFMAP_READS,
    O_OFMAP_WRITES,
    O_PARTIAL_DRAM,
    O_REGISTER_WRITES,
    O_STALL,
    OFMAP_WRITES,
    OS,
    OUTPUTS,
    PARTIAL_SUM_READS,
    STALLS,
    WS,
    compiled,
)
from simulators.accelerator.systolic.kernel_geometry import ifmap_fetches, input_words
from simulators.accelerator.systolic.kernel_schedule import Folds, fold_sizes, wait_cycles

Words = NDArray[np.int64]
Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]


@compiled
def evaluate_layer(design: Reals, layer: Words, repaired: Flags, out: Reals) -> None:
    """Write the results of one execution of a layer on one design to ``out``, float64[OUTPUTS]."""
    folds = _folds(design, layer)
    count, groups = folds.row_folds * folds.column_folds, float(layer[L_G])
    _count_compute(folds, count, repaired, out)
    _count_sram(folds, count, repaired, out)
    _count_dram(folds, layer, out)
    out *= groups
    if repaired[STALLS]:
        stall, exposed = wait_cycles(folds, layer[L_G], design[D_BANDWIDTH])
        out[O_STALL], out[O_FILL_DRAIN] = stall, exposed
        out[O_CYCLES] += stall + exposed


@compiled
def _folds(design: Reals, layer: Words) -> Folds:
    """Return how one matrix product is laid out in folds, and what each fetches."""
    dataflow, rows, columns = int(design[D_DATAFLOW]), int(design[D_ROWS]), int(design[D_COLUMNS])
    m = layer[L_N] * layer[L_ROWS] * layer[L_COLUMNS]
    k, n = layer[L_C] * layer[L_R] * layer[L_S], layer[L_M]
    if dataflow == OS:
        down, across, stream = m, n, k
    elif dataflow == WS:
        down, across, stream = k, n, m
    else:
        down, across, stream = k, m, n
    row_folds, column_folds = (down + rows - 1) // rows, (across + columns - 1) // columns
    first, later = ifmap_fetches(dataflow, rows, columns, row_folds, column_folds, layer, design[D_IFMAP])
    return Folds(
        dataflow,
        rows,
        columns,
        down,
        across,
        stream,
        row_folds,
        column_folds,
        float(stream) + (rows if dataflow == OS else 2 * rows) + columns - 2,
        first,
        later,
        design[D_FILTER],
        design[D_OFMAP],
    )


@compiled
def busy_cycles_of_fold(folds: Folds) -> float:
    """Return a fold's cycles as SCALE-Sim's "compute utilisation" has them: ws and is with columns - 1 more."""
    return folds.cycles if folds.dataflow == OS else folds.cycles + folds.columns - 1


@compiled
def _count_compute(folds: Folds, count: int, repaired: Flags, out: Reals) -> None:
    down, across, stream = float(folds.down), float(folds.across), float(folds.stream)
    cycles = count * folds.cycles - (0 if repaired[LAST_CYCLE] else 1)
    out[O_CYCLES], out[O_COMPUTE], out[O_STALL], out[O_FILL_DRAIN] = cycles, cycles, 0.0, 0.0
    out[O_MACS] = down * across * stream
    out[O_MAPPED] = down * across
    out[O_OFFERED] = float(count) * folds.rows * folds.columns
    out[O_BUSY] = count * busy_cycles_of_fold(folds)
    # A stationary word, or (os) an output on its way out, passes as many registers as it is rows away from the edge.
    full, last = folds.rows, folds.down - (folds.row_folds - 1) * folds.rows
    shifts = (folds.row_folds - 1) * (full * (full + 1.0) / 2.0) + last * (last + 1.0) / 2.0
    per_mac = 3 if folds.dataflow == OS else 2
    out[O_REGISTER_WRITES] = per_mac * out[O_MACS] + across * shifts


@compiled
def _count_sram(folds: Folds, count: int, repaired: Flags, out: Reals) -> None:
    """Count SRAM accesses: operands enter once for each fold of the other two; partial sums leave each row fold."""
    down, across, stream = float(folds.down), float(folds.across), float(folds.stream)
    rows, columns = float(folds.row_folds), float(folds.column_folds)
    entering_left, entering_top = down * stream * columns, across * stream * rows
    stationary, leaving = down * across, across * stream * rows
    out[O_OFMAP_READS] = 0.0
    if folds.dataflow == OS:
        out[O_IFMAP_READS], out[O_FILTER_READS] = entering_left, entering_top
        out[O_OFMAP_WRITES] = stationary
        if not repaired[OFMAP_WRITES]:
            out[O_OFMAP_WRITES] += float(count) * (folds.rows + folds.columns)
        return
    ifmap, filter = (entering_left, stationary) if folds.dataflow == WS else (stationary, entering_left)
    out[O_IFMAP_READS], out[O_FILTER_READS], out[O_OFMAP_WRITES] = ifmap, filter, leaving
    if repaired[PARTIAL_SUM_READS]:
        out[O_OFMAP_READS] = leaving - across * stream


@compiled
def _count_dram(folds: Folds, layer: Words, out: Reals) -> None:
    """Count the words of one matrix product that go over DRAM, and the least that must."""
    down, across, stream = float(folds.down), float(folds.across), float(folds.stream)
    outputs = down * across if folds.dataflow == OS else across * stream
    weights = float(layer[L_C] * layer[L_R] * layer[L_S]) * float(layer[L_M])
    later = 0 if folds.dataflow == IS else folds.column_folds - 1
    out[O_IFMAP_DRAM] = folds.ifmap_first + later * folds.ifmap_later
    out[O_FILTER_DRAM] = weights
    out[O_OFMAP_DRAM], out[O_PARTIAL_DRAM] = outputs, 0.0
    out[O_COMPULSORY] = float(input_words(layer)) + weights + outputs
    if folds.dataflow == IS and weights > folds.filter_half:
        out[O_FILTER_DRAM] *= folds.column_folds
    for kind in range(2):  # all column folds but the last, and the last
        times = 1 if kind == 1 else folds.column_folds - 1
        width = fold_sizes(folds, 0, folds.column_folds - 1 if kind == 1 else 0)[1]
        tile = float(folds.stream) * width
        if folds.dataflow == OS:
            if tile > folds.filter_half:
                out[O_FILTER_DRAM] += times * tile * (folds.row_folds - 1)
        elif tile > folds.ofmap_half:
            out[O_OFMAP_DRAM] += times * tile * (folds.row_folds - 1)
            out[O_PARTIAL_DRAM] += times * tile * (folds.row_folds - 1)


def simulate_designs(designs: Reals, layers: Words, counts: Reals, repaired: Flags, threads: int = 1) -> Reals:
    """Evaluate designs on a network.

    Args:
        designs: float64[n, DESIGN_WORDS].
        layers: int64[l, LAYER_WORDS], distinct layers.
        counts: float64[l], how often each is executed.
        repaired: bool[REPAIR_WORDS].
        threads: threads the designs are spread over; rows do not influence one another.

    Returns:
        float64[n, OUTPUTS], sums over all executions.
    """
    outputs = np.zeros((len(designs), OUTPUTS))
    if threads <= 1 or len(designs) < 2:
        _run(designs, layers, counts, repaired, outputs)
        return outputs
    size = max(1, math.ceil(len(designs) / (4 * threads)))
    parts = [slice(first, first + size) for first in range(0, len(designs), size)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda part: _run(designs[part], layers, counts, repaired, outputs[part]), parts))
    return outputs


def _entry_point(source: int) -> Callable[..., Any]:
    @njit(nogil=True, cache=True)
    def run(designs: Reals, layers: Words, counts: Reals, repaired: Flags, outputs: Reals) -> int:
        one = np.zeros(OUTPUTS)
        for i in range(len(designs)):
            for j in range(len(layers)):
                evaluate_layer(designs[i], layers[j], repaired, one)
                for k in range(OUTPUTS):
                    outputs[i, k] += counts[j] * one[k]
        return source

    return run


_run = _entry_point(source_digest(Path(__file__).parent))
