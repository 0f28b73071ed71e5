"""The mapper's search: random mappings, improved, annealed, improved again; all mappings where they are few.

Everything is deterministic: the same layer, architecture, objective and seed give the same mapping.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.kernel import Factors, Layers, Orders, Reals, source_digest
from simulators.accelerator.kernel_enumeration import enumerate_mappings
from simulators.accelerator.kernel_layout import (
    DIMS,
    EDGE_TILES,
    OK,
    RESULTS,
    compiled,
    entry_point,
    pasted,
)
from simulators.accelerator.kernel_mapper_annealing import anneal
from simulators.accelerator.kernel_mapper_moves import (
    BEST,
    MACS,
    Search,
    exchange,
    new_search,
    read_mapping,
    reorder,
    score,
    split_anew,
    write_mapping,
)
from simulators.accelerator.kernel_mapper_starts import (
    States,
    Words,
    draw_starts,
    load,
    new_states,
    rank,
    store,
)

NO_MAPPING: Final = -1

Limits = NDArray[np.int64]
"""``[k, 3]``: enumerations to attempt: most splits, most mappings, 1 for every order of loops, 0 for the usual."""
Effort = NDArray[np.int64]
"""Random draws and mappings improved; most walks and steps of each; walks that must agree; most MACs of a small layer,
and its walks and steps."""
DRAWS, POLISHED, WALKS, STEPS, AGREED, SMALL_MACS, SMALL_WALKS, SMALL_STEPS = range(8)
WARM, HOT = 0.3, 1.0
"""First temperatures of walks in turn. From HOT a walk forgets where it started, which is best for small layers."""
FEW_FACTORS: Final = 14
"""Where tiles must divide the layer, it counts as small if its bounds have at most so many prime factors together."""
EQUAL: Final = 1e-9
"""Relative difference of scores that count as equal."""


@compiled
def improve(s: Search, objective: int, repairs: int, polish: bool) -> None:
    """Improve the mapping until no split or order, and to ``polish`` it no exchange of factors, makes it better."""
    while (
        split_anew(s, objective, repairs)
        or reorder(s, objective, repairs)
        or (polish and exchange(s, objective, repairs))
    ):
        pass


@compiled
def few_mappings(s: Search) -> bool:
    """Return whether a layer has few mappings whose tiles divide it: two loops, or few prime factors."""
    factors = 0
    for i in range(s.dims[DIMS]):
        left, divisor = s.layer[s.dims[i]], 2
        while left > 1:
            if left % divisor == 0:
                left //= divisor
                factors += 1
            else:
                divisor = divisor + 1 if divisor * divisor <= left else left
    return factors <= FEW_FACTORS or s.dims[DIMS] <= 2


@compiled
def walk(
    s: Search, objective: int, repairs: int, effort: Effort, random: Words, states: States, order: NDArray[np.int64]
) -> None:
    """Improve and anneal the starts in turn until enough walks have ended at the least score so far."""
    small = s.numbers[MACS] <= effort[SMALL_MACS] or (not repairs & EDGE_TILES and few_mappings(s))
    walks, steps = (effort[SMALL_WALKS], effort[SMALL_STEPS]) if small else (effort[WALKS], effort[STEPS])
    count = rank(states, order)
    lowest, agreed, done = np.inf, 0, 0
    while count > 0 and steps > 0 and done < walks and agreed < effort[AGREED]:
        k, hot = order[done % count], HOT if small or done % 2 == 1 else WARM
        load(s, states, k)
        if done < count:
            improve(s, objective, repairs, False)
            store(s, states, k)
        found = anneal(s, objective, repairs, steps, hot, random, states, k)
        if found < lowest * (1.0 - EQUAL):
            lowest, agreed = found, 0
        agreed += 1 if found <= lowest * (1.0 + EQUAL) else 0
        done += 1


@pasted
def search(s: Search, objective: int, repairs: int, effort: Effort, random: Words, states: States) -> int:
    """Fill ``states``; return the best, or one whose score is infinite if no mapping was found."""
    order, best = np.zeros(len(states.score), np.int64), 0
    draw_starts(s, objective, repairs, effort[DRAWS], random, states)
    walk(s, objective, repairs, effort, random, states, order)
    for i in range(min(rank(states, order), effort[POLISHED])):
        load(s, states, order[i])
        improve(s, objective, repairs, True)
        store(s, states, order[i])
        if s.numbers[BEST] < states.score[best]:
            best = order[i]
    return best


@pasted
def map_layer(
    s: Search,
    objective: int,
    repairs: int,
    effort: Effort,
    limits: Limits,
    random: Words,
    states: States,
    factors: Factors,
    orders: Orders,
) -> bool:
    """Find a mapping; write it; return whether it is certain that none is better."""
    load(s, states, search(s, objective, repairs, effort, random, states))
    write_mapping(s, factors, orders)
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
            states, random[0] = new_states(), np.uint64(seed)
            certified[i] = map_layer(s, objective, repairs, effort, limits, random, states, factors[i], orders[i])
            status[i] = NO_MAPPING
            if s.numbers[BEST] < np.inf:
                status[i] = OK
                read_mapping(s, factors[i], orders[i])
                s.numbers[BEST] = np.inf
                score(s, objective, repairs)
                for k in range(RESULTS):
                    results[i, k] = s.result[k]
        return source

    return run


map_all = _entry_point(source_digest())
