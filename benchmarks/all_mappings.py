"""The best of all mappings of a layer, for ``benchmarks.mapper``: every split of every bound, every order of loops.

Written apart from the mapper, with no part of it. Splits that do not fit are left out as soon as the bounds split so
far show it. A split is also left out if it cannot beat a mapping that is known: weights and outputs move least if the
loops that do not move them are innermost at each level, and inputs are at least brought in once. All others are tried
in every order of the loops with more than one step, at each level but the innermost, whose order moves nothing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.random_mappings import places_of
from simulators.accelerator.architecture import Architecture
from simulators.accelerator.kernel import evaluate_points
from simulators.accelerator.kernel_layout import (
    A_BLOCK,
    A_KEEPS,
    A_READ_BANDWIDTH,
    A_READ_PJ,
    A_WRITE_BANDWIDTH,
    A_WRITE_PJ,
    DIMS,
    DRAM,
    EDGE_TILES,
    F_COLUMNS,
    F_DRAM,
    F_GLB,
    F_INNER,
    F_MIDDLE,
    F_OUTER,
    F_ROWS,
    FACTOR_ROWS,
    FILLS,
    GLB,
    INNER,
    INPUTS,
    LEVELS,
    MIDDLE,
    O_COMPUTE_CYCLES,
    O_CYCLES,
    O_ENERGY,
    O_MAC_ENERGY,
    O_PES,
    OK,
    OUTER,
    OUTPUTS,
    READS,
    RELEVANT,
    TENSORS,
    TRUE_REUSE,
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
)
from simulators.accelerator.layers import Layer
from simulators.accelerator.mapping import Mapping

Reals = NDArray[np.float64]
Factors = NDArray[np.int32]
CHUNK = 1 << 16
TEMPORAL = {DRAM: F_DRAM, GLB: F_GLB, OUTER: F_OUTER, MIDDLE: F_MIDDLE}
"""Row of the factors of each level whose order is tried."""
ROUNDING = 1 - 1e-9
_ORDERS = {WEIGHTS: (N, P, Q, M, C, R, S, G), OUTPUTS: (C, R, S, N, M, P, Q, G)}
"""Orders in which a tensor moves least."""


@dataclass(frozen=True)
class Best:
    """The least score of all mappings; numbers of splits that fit, and of mappings tried one by one.

    ``complete`` is False if the limit of mappings was met before all were tried; ``mapping`` is None if none of those
    beats the known score.
    """

    score: float
    mapping: Mapping | None
    splits: int
    tried: int
    complete: bool


def scores(results: Reals, objective: str) -> Reals:
    """Return what is minimised, of results ``[n, RESULTS]``."""
    cycles, energy = results[:, O_CYCLES], results[:, O_ENERGY]
    return {"edp": cycles * energy, "energy": energy, "latency": cycles}[objective]


def best_of_all(
    layer: Layer, arch: Architecture, repairs: int, objective: str, known: float = math.inf, limit: int = 50_000_000
) -> Best:
    """Return the least score of all mappings, or ``known`` if none is below that."""
    possible: list[tuple[Factors, Reals]] = []
    fitting = 0
    for factors in splits(layer, arch, repairs):
        fit, bounds = _bounds(layer, arch, repairs, objective, factors)
        fitting += len(fit)
        keep = bounds < known
        possible.append((fit[keep], bounds[keep]))
    factors = np.concatenate([some for some, _ in possible] or [np.ones((0, FACTOR_ROWS, DIMS), np.int32)])
    bounds = np.concatenate([some for _, some in possible] or [np.zeros(0)])
    tried, mapping = 0, None
    for some, order in _batches(factors, bounds, arch):
        promising = some[bounds[some] < known]
        for points in _points(factors[promising], order):
            words = (layer.words[None], *points, arch.words[None])
            status, _, results = evaluate_points(*words, repairs)
            if (status != OK).any():
                raise RuntimeError("a split that fits does not in another order of its loops")
            found, tried = scores(results, objective), tried + len(status)
            first = int(found.argmin())
            if found[first] < known:
                known, mapping = float(found[first]), Mapping(points[0][first], points[1][first])
            if tried > limit:
                return Best(known, mapping, fitting, tried, False)
    return Best(known, mapping, fitting, tried, True)


# ---- splits ------------------------------------------------------------------------------------------------------


@cache
def chains(bound: int, places: tuple[int, ...], ragged: bool) -> Factors:
    """Return the ways to split a bound, ``int32[n, FACTOR_ROWS]``; no place has more steps than it needs."""
    found: list[list[int]] = []

    def extend(chain: list[int], left: int) -> None:
        place = places[len(places) - 1 - len(chain)]
        if place == places[0]:
            found.append([*chain, left])
            return
        for value in range(1, left + 1):
            if ragged or left % value == 0:
                extend([*chain, value], -(-left // value))

    extend([], bound)
    rows = np.ones((len(found), FACTOR_ROWS), np.int32)
    rows[:, list(places[::-1])] = found
    return rows


def splits(layer: Layer, arch: Architecture, repairs: int) -> Iterator[Factors]:
    """Yield all splits of all bounds, but for some that do not fit, ``int32[n, FACTOR_ROWS, DIMS]``."""
    places, ragged = places_of(arch), bool(repairs & EDGE_TILES)
    tables = {d: chains(bound, places, ragged) for d, bound in enumerate(layer.bounds) if bound > 1}
    order = sorted(tables, key=lambda d: len(tables[d]))

    def extend(partial: Factors, position: int) -> Iterator[Factors]:
        if position == len(order):
            yield partial
            return
        d, table = order[position], tables[order[position]]
        size = max(1, CHUNK // len(table))
        for first in range(0, len(partial), size):
            more = np.repeat(partial[first : first + size], len(table), axis=0)
            more[:, :, d] = np.tile(table, (len(more) // len(table), 1))
            more = more[_may_fit(more, arch)]
            if len(more):
                yield from extend(more, position + 1)

    yield from extend(np.ones((1, FACTOR_ROWS, DIMS), np.int32), 0)


def _may_fit(factors: Factors, arch: Architecture) -> NDArray[np.bool_]:
    """Return where PEs and storages suffice as far as bounds are split; inputs: as if windows overlapped wholly."""
    fits = factors[:, F_COLUMNS].prod(axis=1) <= arch.columns
    fits &= factors[:, F_ROWS].prod(axis=1) <= arch.rows
    extents = np.ones((len(factors), DIMS), np.int64)
    for rows, level in zip(
        ((F_INNER,), (F_MIDDLE,), (F_OUTER,), (F_COLUMNS, F_ROWS, F_GLB)), (INNER, MIDDLE, OUTER, GLB), strict=True
    ):
        for row in rows:
            extents = extents * factors[:, row]
        storage = arch.levels[level]
        if storage is not None and storage.keeps:
            words = sum((_least_words(extents, tensor) for tensor in storage.keeps), np.zeros(len(factors)))
            fits &= words <= storage.capacity_words
    return fits


def _least_words(extents: NDArray[np.int64], tensor: str) -> Reals:
    if tensor != "Inputs":
        return extents[:, list(RELEVANT[TENSORS.index(tensor)])].prod(axis=1).astype(float)
    windows = np.maximum(extents[:, P], extents[:, R]) * np.maximum(extents[:, Q], extents[:, S])
    return (extents[:, [N, C, G]].prod(axis=1) * windows).astype(float)


# ---- bounds ------------------------------------------------------------------------------------------------------


def _bounds(layer: Layer, arch: Architecture, repairs: int, objective: str, factors: Factors) -> tuple[Factors, Reals]:
    """Return the splits that fit, and scores that none of their orders goes below."""
    counts = {}
    for tensor, order in _ORDERS.items():
        orders = np.tile(np.array(order, np.int8), (len(factors), LEVELS, 1))
        words = (layer.words[None], factors, orders, arch.words[None])
        status, of_all, results = evaluate_points(*words, repairs)
        fit = status == OK
        counts[tensor] = of_all[fit, :, tensor]
    results = results[fit]
    least = np.zeros((len(results), LEVELS, len(TENSORS), 3))
    least[:, :, WEIGHTS], least[:, :, OUTPUTS] = counts[WEIGHTS], counts[OUTPUTS]
    innermost = max(level for level in range(LEVELS) if (int(arch.words[A_KEEPS + level]) >> INPUTS) & 1)
    if innermost >= OUTER:
        least[:, innermost, INPUTS, READS] = of_all[fit, innermost, INPUTS, READS]
    if repairs & TRUE_REUSE:
        least[:, DRAM, INPUTS, READS] = layer.inputs
    return factors[fit], ROUNDING * _score_of_counts(least, results, arch.words, objective)


def _score_of_counts(counts: Reals, results: Reals, arch: Reals, objective: str) -> Reals:
    """Return the score at these counts; without rounding up to whole accesses, which only adds."""
    reads, writes = counts[..., READS].sum(axis=2), counts[..., FILLS].sum(axis=2) + counts[..., UPDATES].sum(axis=2)
    levels = np.arange(LEVELS)
    cycles = results[:, O_COMPUTE_CYCLES]
    limits = reads / arch[A_READ_BANDWIDTH + levels], writes / arch[A_WRITE_BANDWIDTH + levels]
    cycles = np.maximum(cycles, np.ceil(np.maximum(*limits).max(axis=1) * ROUNDING))
    access = (reads * arch[A_READ_PJ + levels] + writes * arch[A_WRITE_PJ + levels]) / arch[A_BLOCK + levels]
    access[:, OUTER:] *= results[:, O_PES, None]
    energy = access.sum(axis=1) + results[:, O_MAC_ENERGY]
    return {"edp": cycles * energy, "energy": energy, "latency": cycles}[objective]


# ---- orders ------------------------------------------------------------------------------------------------------

Order = NDArray[np.int8]


def _batches(factors: Factors, bounds: Reals, arch: Architecture) -> Iterator[tuple[NDArray[np.int64], Order]]:
    """Yield splits with the same loops, the most promising first, and all orders of those loops, ``int8[k, 5, 8]``."""
    levels = [level for level in TEMPORAL if arch.words[A_KEEPS + level] != 0 and level < INNER]
    active = np.stack([factors[:, TEMPORAL[level]] > 1 for level in levels], axis=1).reshape(len(factors), -1)
    ranked = np.argsort(bounds)
    for first in range(0, len(ranked), CHUNK):
        some = ranked[first : first + CHUNK]
        kinds, kind_of = np.unique(active[some], axis=0, return_inverse=True)
        firsts = [int(np.flatnonzero(kind_of == kind)[0]) for kind in range(len(kinds))]
        for kind in np.argsort(firsts):
            loops = kinds[kind].reshape(len(levels), DIMS)
            yield some[kind_of == kind], _all_orders(levels, loops)


def _all_orders(levels: list[int], loops: NDArray[np.bool_]) -> Order:
    choices = []
    for active in loops:
        rest = tuple(np.flatnonzero(~active))
        choices.append([order + rest for order in itertools.permutations(np.flatnonzero(active).tolist())])
    orders = np.tile(np.arange(DIMS, dtype=np.int8), (math.prod(map(len, choices)), LEVELS, 1))
    for position, chosen in enumerate(itertools.product(*choices)):
        orders[position, levels] = chosen
    return orders


def _points(factors: Factors, orders: Order) -> Iterator[tuple[Factors, Order]]:
    """Yield all pairs of splits and orders."""
    for part in range(0, len(orders), CHUNK):
        of_part = orders[part : part + CHUNK]
        size = max(1, CHUNK // len(of_part))
        for first in range(0, len(factors), size):
            some = factors[first : first + size]
            yield np.repeat(some, len(of_part), axis=0), np.tile(of_part, (len(some), 1, 1))
