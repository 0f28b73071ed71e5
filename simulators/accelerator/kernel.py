"""The compiled kernel of the hierarchical model: one layer, one mapping, one architecture -> counts, cycles, energy.

Timeloop's tile analysis (Parashar et al., ISPASS 2019) for a dense layer, one array of PEs and bounds that tiles
divide, and beyond that our own: tiles that do not divide, exact reuse, see :mod:`simulators.accelerator.modes`.

* A level's *fills* of a tensor: what each of its tiles has that the tile before had not, over all loops outside.
* A level's *reads*: the fills of the next level inside that keeps the tensor, times the number of different tiles among
  its instances (multicast serves equal ones with one read). What no level keeps goes to the MAC, one word per
operation.
* Outputs travel the other way: *updates* are the partial sums that come up, added up on their way (spatial reduction),
  and each output's first update needs no read.
* Cycles: the busiest PE's steps, stretched by the level that is slowest at its bandwidth. No latency of filling.
* Energy: vector accesses times their energies, plus the MACs'.

Tiles that do not divide are counted for what is there, see :mod:`simulators.accelerator.kernel_ragged`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulators._kernel_source import source_digest as digest_of_folder
from simulators.accelerator.kernel_costs import add_energy, stretch
from simulators.accelerator.kernel_counts import NOISE, count_operand, count_outputs, keeps
from simulators.accelerator.kernel_layout import (
    A_CAPACITY,
    A_COLUMNS,
    A_KEEPS,
    A_ROWS,
    CAPACITY,
    COLUMNS_EXCEEDED,
    COUNTS,
    DIMS,
    DRAM,
    F_COLUMNS,
    F_ROWS,
    INPUTS,
    LEVELS,
    O_COMPUTE_CYCLES,
    O_DRAM_WORDS,
    O_PES,
    OK,
    OUTPUTS,
    READS,
    RESULTS,
    ROWS_EXCEEDED,
    UPDATES,
    WEIGHTS,
    C,
    G,
    M,
    N,
    P,
    Q,
    R,
    S,
    compiled,
    entry_point,
    inlined,
)
from simulators.accelerator.kernel_ragged import busiest_steps, list_ragged_loops
from simulators.accelerator.kernel_traffic import (
    ANY,
    TILE_ROW,
    Work,
    find_tiles,
    inputs_tile,
    list_loops,
    outputs_tile,
    spatial_columns,
    spatial_factor,
    spatial_rows,
    weights_tile,
    work,
)

Reals = NDArray[np.float64]
Layers = NDArray[np.int64]
Factors = NDArray[np.int32]
Orders = NDArray[np.int8]


@inlined
def check_fit(layer: Layers, factors: Factors, arch: Reals, repairs: int, w: Work) -> int:
    """Return OK or why the mapping does not fit the architecture."""
    columns = rows = 1
    for d in range(DIMS):
        columns *= factors[F_COLUMNS, d]
        rows *= factors[F_ROWS, d]
    if columns > arch[A_COLUMNS]:
        return COLUMNS_EXCEEDED
    if rows > arch[A_ROWS]:
        return ROWS_EXCEEDED
    for level in range(1, LEVELS):
        if arch[A_KEEPS + level] == 0:
            continue
        tile, words = w.tile[TILE_ROW[level]], 0.0
        if keeps(arch, level, WEIGHTS):
            words += weights_tile(tile)
        if keeps(arch, level, INPUTS):
            words += inputs_tile(layer, tile, repairs)
        if keeps(arch, level, OUTPUTS):
            words += outputs_tile(tile)
        if words > arch[A_CAPACITY + level]:
            return CAPACITY + level
    return OK


@compiled
def evaluate_point(
    layer: Layers, factors: Factors, orders: Orders, arch: Reals, repairs: int, w: Work, counts: Reals, result: Reals
) -> int:
    """Evaluate one layer; fill ``counts`` and ``result`` and return OK, or return why the mapping is impossible."""
    status = find_tiles(layer, factors, repairs, w)
    if status != OK:
        return status
    status = check_fit(layer, factors, arch, repairs, w)
    if status != OK:
        return status
    cycles = computes = 0.0
    if w.ragged[ANY]:
        computes = list_ragged_loops(factors, orders, w)
        cycles = busiest_steps(w)
    else:
        cycles = computes = list_loops(factors, orders, w)
    weights = spatial_factor(w, M) * spatial_factor(w, C) * spatial_factor(w, R) * spatial_factor(w, S)
    weights *= spatial_factor(w, G)
    outputs = spatial_factor(w, N) * spatial_factor(w, M) * spatial_factor(w, P) * spatial_factor(w, Q)
    outputs *= spatial_factor(w, G)
    inputs = spatial_factor(w, N) * spatial_factor(w, C) * spatial_factor(w, G)
    inputs *= spatial_rows(layer, w) * spatial_columns(layer, w)
    pes = weights * spatial_factor(w, N) * spatial_factor(w, P) * spatial_factor(w, Q)
    counts[:, :, :] = 0.0
    count_operand(layer, WEIGHTS, arch, repairs, computes, weights, w, counts)
    count_operand(layer, INPUTS, arch, repairs, computes, inputs, w, counts)
    count_outputs(arch, repairs, computes, outputs, w, counts)
    stretch(arch, cycles, counts, result)
    add_energy(arch, pes, computes * pes, NOISE if w.ragged[ANY] else 0.0, counts, result)
    result[O_COMPUTE_CYCLES] = cycles
    result[O_DRAM_WORDS] = 0.0
    for tensor in range(3):
        result[O_DRAM_WORDS] += counts[DRAM, tensor, READS] + counts[DRAM, tensor, UPDATES]
    result[O_PES] = pes
    return OK


def source_digest() -> int:
    """Return a number that changes with any line of the kernel: entry points carry it as a constant."""
    return digest_of_folder(Path(__file__).parent)


def _entry_points(source: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    @entry_point
    def points(
        layers: Layers,
        factors: Factors,
        orders: Orders,
        archs: Reals,
        repairs: int,
        counts: Reals,
        results: Reals,
        status: NDArray[np.int64],
    ) -> int:
        w = work()
        for i in range(len(status)):
            status[i] = evaluate_point(
                layers[i % len(layers)],
                factors[i],
                orders[i],
                archs[i % len(archs)],
                repairs,
                w,
                counts[i],
                results[i],
            )
        return source

    @entry_point
    def networks(
        layers: Layers,
        times: Reals,
        factors: Factors,
        orders: Orders,
        archs: Reals,
        repairs: int,
        results: Reals,
        status: NDArray[np.int64],
    ) -> int:
        w, counts, result = work(), np.zeros(COUNTS), np.zeros(RESULTS)
        for i in range(len(results)):
            results[i] = 0.0
            status[i] = OK
            for j in range(len(layers)):
                found = evaluate_point(layers[j], factors[i, j], orders[i, j], archs[i], repairs, w, counts, result)
                if found != OK:
                    status[i] = found + 100 * j
                    break
                for k in range(RESULTS):
                    results[i, k] += times[j] * result[k]
        return source

    return points, networks


_points, _networks = _entry_points(source_digest())


def evaluate_points(
    layers: Layers, factors: Factors, orders: Orders, archs: Reals, repairs: int
) -> tuple[NDArray[np.int64], Reals, Reals]:
    """Evaluate ``n`` mappings of layers.

    Args:
        layers: ``int64[n or 1, LAYER_WORDS]``.
        factors: ``int32[n, FACTOR_ROWS, 8]``.
        orders: ``int8[n, LEVELS, 8]``, permutations.
        archs: ``float64[n or 1, ARCHITECTURE_WORDS]``.
        repairs: bits, 0 for Timeloop's semantics.

    Returns:
        Statuses ``int64[n]``, counts ``float64[n, level, tensor, (reads, fills, updates)]`` in words per instance, and
        results ``float64[n, RESULTS]``; the latter two are meaningless where the status is not OK.
    """
    count = len(factors)
    status, results = np.empty(count, np.int64), np.zeros((count, RESULTS))
    counts = np.zeros((count, *COUNTS))
    _points(layers, factors, orders, archs, repairs, counts, results, status)
    return status, counts, results


def evaluate_networks(
    layers: Layers, times: Reals, factors: Factors, orders: Orders, archs: Reals, repairs: int
) -> tuple[NDArray[np.int64], Reals]:
    """Evaluate ``n`` designs on a network of ``l`` layers, each executed ``times[l]`` times.

    Args:
        layers: ``int64[l, LAYER_WORDS]``; times: ``float64[l]``.
        factors: ``int32[n, l, FACTOR_ROWS, 8]``; orders: ``int8[n, l, LEVELS, 8]``.
        archs: ``float64[n, ARCHITECTURE_WORDS]``.
        repairs: bits.

    Returns:
        Statuses ``int64[n]`` (status + 100 x layer), and results ``float64[n, RESULTS]`` summed over executions.
    """
    count = len(factors)
    status, results = np.empty(count, np.int64), np.zeros((count, RESULTS))
    _networks(layers, times, factors, orders, archs, repairs, results, status)
    return status, results


__all__ = [
    "NOISE",
    "Factors",
    "Layers",
    "Orders",
    "Reals",
    "check_fit",
    "evaluate_networks",
    "evaluate_point",
    "evaluate_points",
    "keeps",
    "source_digest",
]
