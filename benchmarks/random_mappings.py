"""Random mappings for ``benchmarks.mapper``, drawn without any knowledge of which are good.

Each bound is split over the places of the architecture, every factorisation with the same probability (where tiles need
not divide: half of the time that of a number up to a fifth above the bound); each level's loops are in a random order.
Mappings that do not fit are drawn again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.architecture import Architecture
from simulators.accelerator.kernel import evaluate_points
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
    FACTOR_ROWS,
    LEVELS,
    OK,
    RELEVANT,
    TENSORS,
)
from simulators.accelerator.layers import Layer

CHUNK = 1 << 17
TARGETS = 5
"""Numbers above a bound whose factorisations are drawn."""


@dataclass(frozen=True, eq=False)
class Mappings:
    """Mappings of one layer: ``int32[n, 7, 8]`` and ``int8[n, 5, 8]``."""

    factors: NDArray[np.int32]
    orders: NDArray[np.int8]


def places_of(arch: Architecture) -> tuple[int, ...]:
    """Return the places that may hold factors, outermost first."""
    _, glb, outer, middle, _ = arch.levels
    has = {
        F_GLB: glb is not None and bool(glb.keeps),
        F_COLUMNS: arch.columns > 1,
        F_ROWS: arch.rows > 1,
        F_OUTER: outer is not None and bool(outer.keeps),
        F_MIDDLE: middle is not None and bool(middle.keeps),
    }
    return (F_DRAM, *(place for place, exists in has.items() if exists), F_INNER)


@cache
def factorisations(number: int, places: tuple[int, ...]) -> NDArray[np.int32]:
    """Return every way to write a number as a product over the places, ``int32[n, FACTOR_ROWS]``."""
    rows = np.ones((1, FACTOR_ROWS), np.int32)
    rows[0, places[0]] = number
    for place in places[1:]:
        parts = []
        for divisor in range(1, number + 1):
            chosen = rows[rows[:, places[0]] % divisor == 0].copy() if number % divisor == 0 else rows[:0]
            if len(chosen):
                chosen[:, place] = divisor
                chosen[:, places[0]] //= divisor
                parts.append(chosen)
        rows = np.concatenate(parts)
    return rows


def random_mappings(
    layer: Layer, arch: Architecture, repairs: int, wanted: int, generator: np.random.Generator, most_draws: int
) -> Mappings:
    """Return up to ``wanted`` mappings that fit; fewer if ``most_draws`` draws do not have as many."""
    factors, orders = [np.ones((0, FACTOR_ROWS, DIMS), np.int32)], [np.zeros((0, LEVELS, DIMS), np.int8)]
    tables = [_tables(bound, places_of(arch), repairs, generator) for bound in layer.bounds]
    found = drawn = 0
    while found < wanted and drawn < most_draws:
        some = _draw(tables, arch, generator)
        permuted = generator.permuted(np.tile(np.arange(DIMS, dtype=np.int8), (len(some), LEVELS, 1)), axis=2)
        status, _, _ = evaluate_points(layer.words[None], some, permuted, arch.words[None], repairs)
        factors.append(some[status == OK])
        orders.append(permuted[status == OK])
        found, drawn = found + int(np.count_nonzero(status == OK)), drawn + CHUNK
    return Mappings(np.concatenate(factors)[:wanted], np.concatenate(orders)[:wanted])


_Tables = list[NDArray[np.int32]]


def _tables(bound: int, places: tuple[int, ...], repairs: int, generator: np.random.Generator) -> _Tables:
    """Return the factorisations of a bound; where tiles need not divide, also those of a few numbers above it."""
    tables = [factorisations(bound, places)]
    if repairs & EDGE_TILES and bound >= 5:
        above = generator.integers(bound + 1, bound + bound // 5 + 1, size=TARGETS)
        tables += [factorisations(int(number), places) for number in above]
    return tables


def _draw(tables: list[_Tables], arch: Architecture, generator: np.random.Generator) -> NDArray[np.int32]:
    """Return those of ``CHUNK`` random choices of factors that the array has PEs for."""
    columns, rows = np.ones(CHUNK, np.int64), np.ones(CHUNK, np.int64)
    chosen: list[tuple[NDArray[np.int32], NDArray[np.int64]]] = []
    for of_bound in tables:
        table, first = np.concatenate(of_bound), len(of_bound[0])
        picks = generator.integers(first, size=CHUNK)
        if len(of_bound) > 1:
            ragged = generator.random(CHUNK) < 0.5
            picks[ragged] = generator.integers(first, len(table), size=int(np.count_nonzero(ragged)))
        chosen.append((table, picks))
        columns *= table[picks, F_COLUMNS]
        rows *= table[picks, F_ROWS]
    alive = np.flatnonzero((columns <= arch.columns) & (rows <= arch.rows))
    factors = np.stack([table[picks[alive]] for table, picks in chosen], axis=2)
    return factors[_may_fit(factors, arch)]


def _may_fit(factors: NDArray[np.int32], arch: Architecture) -> NDArray[np.bool_]:
    """Return where weights and outputs alone fit the storages of a PE: the kernel need not see the others."""
    fits = np.ones(len(factors), np.bool_)
    extents = np.ones((len(factors), DIMS), np.float64)
    for place, level in zip((F_INNER, F_MIDDLE, F_OUTER), arch.levels[:1:-1], strict=True):
        extents *= factors[:, place]
        if level is not None:
            words = np.zeros(len(factors))
            for tensor in ("Weights", "Outputs"):
                if tensor in level.keeps:
                    words += extents[:, list(RELEVANT[TENSORS.index(tensor)])].prod(axis=1)
            fits &= words <= level.capacity_words
    return fits
