"""The mapper's search: all mappings where they are few, else random starts, improved, annealed and improved again.

Everything is deterministic: the same layer, architecture, objective and seed give the same mapping.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.kernel import Factors, Layers, Orders, Reals, source_digest
from simulators.accelerator.kernel_enumeration import enumerate_mappings
from simulators.accelerator.kernel_layout import DIMS, EDGE_TILES, OK, allocating, compiled, entry_point
from simulators.accelerator.kernel_mapper_annealing import anneal
from simulators.accelerator.kernel_mapper_moves import (
    BEST,
    MACS,
    Search,
    exchange,
    new_search,
    reorder,
    score,
    split_anew,
)
from simulators.accelerator.kernel_mapper_starts import (
    State,
    Words,
    draw_starts,
    load,
    new_state,
    ranked,
    store,
)

NO_MAPPING: Final = -1
SMALL_MACS: Final = 200_000
"""Layers of up to so many multiply-accumulates are small."""
FEW_FACTORS: Final = 14
"""Where tiles must divide the layer, bounds that have up to so many prime factors together are coarse."""
SMALL_FACTOR, COARSE_FACTOR, FLAT_FACTOR = 4, 20, 2
"""How much harder small layers, coarse ones and those of two dimensions are searched: their mappings are few and far
between, and a step from one to the next is a large one."""

Limits = NDArray[np.int64]
"""``[k, 3]``: enumerations to attempt: most splits, most mappings, 1 for every order of loops, 0 for the usual."""
Effort = NDArray[np.int64]
"""Random draws, starts improved, starts annealed, steps of each."""


@compiled
def improve(s: Search, objective: int, repairs: int) -> None:
    """Split factors anew and change orders until neither makes the mapping better."""
    while split_anew(s, objective, repairs) or reorder(s, objective, repairs):
        pass


@compiled
def polish(s: Search, objective: int, repairs: int) -> None:
    """Improve the mapping until no exchange of factors makes it better either."""
    improve(s, objective, repairs)
    while exchange(s, objective, repairs):
        improve(s, objective, repairs)


@compiled
def harder(s: Search, repairs: int) -> int:
    """Return how many times as hard as others a layer is to be searched."""
    if s.numbers[MACS] <= SMALL_MACS:
        return SMALL_FACTOR
    factors = 0
    for i in range(s.dims[DIMS]):
        left, divisor = s.layer[s.dims[i]], 2
        while left > 1:
            while left % divisor == 0:
                left //= divisor
                factors += 1
            divisor += 1
    if factors <= FEW_FACTORS and not repairs & EDGE_TILES:
        return COARSE_FACTOR
    return FLAT_FACTOR if s.dims[DIMS] <= 2 else 1


@allocating
def search(s: Search, objective: int, repairs: int, effort: Effort, random: Words) -> State:
    """Return the best mapping found."""
    more = harder(s, repairs)
    starts = draw_starts(s, objective, repairs, more * effort[0], random)[: more * effort[1]]
    for state in starts:
        load(s, state)
        improve(s, objective, repairs)
        store(s, state)
    best = new_state()
    for state in ranked(starts)[: more * effort[2]]:
        if effort[3] > 0:
            load(s, state)
            anneal(s, objective, repairs, effort[3], random, state)
        load(s, state)
        polish(s, objective, repairs)
        if s.numbers[BEST] < best.score[0]:
            store(s, best)
    return best


@allocating
def map_layer(
    s: Search,
    objective: int,
    repairs: int,
    effort: Effort,
    limits: Limits,
    random: Words,
    factors: Factors,
    orders: Orders,
) -> bool:
    """Find a mapping; write it; return whether it is certain that none is better."""
    best = search(s, objective, repairs, effort, random)
    load(s, best)
    factors[:, :], orders[:, :] = s.factors, s.orders
    certain = False
    for i in range(len(limits)):
        if not certain:
            certain = enumerate_mappings(s, objective, repairs, limits[i], factors, orders) and limits[i, 2] == 1
    return certain


def _entry_point(source: int) -> Callable[..., int]:
    @entry_point
    def run(
        layers: Layers,
        archs: Reals,
        objective: int,
        repairs: int,
        effort: Effort,
        limits: Limits,
        seed: int,
        factors: Factors,
        orders: Orders,
        results: Reals,
        status: NDArray[np.int64],
        certified: NDArray[np.bool_],
    ) -> int:
        random = np.zeros(1, np.uint64)
        for i in range(len(layers)):
            s = new_search(layers[i], archs[i], repairs)
            random[0] = np.uint64(seed)
            certified[i] = map_layer(s, objective, repairs, effort, limits, random, factors[i], orders[i])
            status[i] = NO_MAPPING
            if s.numbers[BEST] < np.inf:
                status[i] = OK
                s.factors[:, :], s.orders[:, :] = factors[i], orders[i]
                s.numbers[BEST] = np.inf
                score(s, objective, repairs)
                results[i] = s.result
        return source

    return run


map_all = _entry_point(source_digest())
