"""Random mappings that fill an array and its buffers: where the mapper starts from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.kernel import Reals, check_fit
from simulators.accelerator.kernel_layout import (
    A_COLUMNS,
    A_ROWS,
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
    allocating,
    compiled,
    inlined,
)
from simulators.accelerator.kernel_mapper_moves import BEST, CANDIDATES, ORDERS, STEPS, Search, score, set_order
from simulators.accelerator.kernel_traffic import find_tiles

Words = NDArray[np.uint64]


class States(NamedTuple):
    """Mappings that the search found; the score of those that are none is infinite."""

    factors: NDArray[np.int32]  # [n, FACTOR_ROWS, DIMS]
    choices: NDArray[np.int64]  # [n, LEVELS]
    score: Reals  # [n]


@inlined
def random_below(state: Words, limit: int) -> int:
    """Return a random integer in 0..limit-1, limit at most 2^32 (splitmix64: Steele, Lea, Flood, OOPSLA 2014)."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return int(((z >> np.uint64(32)) * np.uint64(limit)) >> np.uint64(32))


@compiled
def clear(s: Search) -> None:
    """Put every bound at DRAM."""
    for place in range(FACTOR_ROWS):
        for d in range(DIMS):
            s.factors[place, d] = s.layer[d] if place == F_DRAM else 1


@compiled
def fits(s: Search, repairs: int) -> bool:
    """Return whether the factors as they stand are possible."""
    if find_tiles(s.layer, s.factors, repairs, s.scratch) != OK:
        return False
    return check_fit(s.layer, s.factors, s.arch, repairs, s.scratch) == OK


@compiled
def move_in(s: Search, place: int, d: int, value: int, repairs: int) -> bool:
    """Give ``place`` the factor ``value`` of ``d``, taken from DRAM, if that divides (or need not) and fits."""
    held, rest = s.factors[place, d], s.factors[F_DRAM, d]
    total = int(held) * int(rest)
    if value > total:
        return False
    left = (total + value - 1) // value
    if left * value != total and not repairs & EDGE_TILES:
        return False
    s.factors[place, d], s.factors[F_DRAM, d] = value, left
    if fits(s, repairs):
        return True
    s.factors[place, d], s.factors[F_DRAM, d] = held, rest
    return False


@compiled
def fill_axis(s: Search, place: int, lanes: int, random: Words, repairs: int) -> None:
    """Spread up to four random dimensions over an axis of the array, most as far as they go, some not so far."""
    for _ in range(4):
        d = s.dims[random_below(random, s.dims[DIMS])]
        if s.factors[place, d] > 1 or lanes < 2:
            continue
        passed = random_below(random, 3) if random_below(random, 4) == 0 else 0
        for k in range(CANDIDATES - 1, -1, -1):
            value = s.candidates[d, k]
            if 1 < value <= lanes:
                if passed > 0:
                    passed -= 1
                elif move_in(s, place, d, value, repairs):
                    lanes //= value
                    break


@compiled
def fill_storage(s: Search, place: int, random: Words, repairs: int) -> None:
    """Enlarge a place's factors at random until little more fits."""
    failures, limit = 0, 1 + random_below(random, 10)
    while failures < limit:
        d = s.dims[random_below(random, s.dims[DIMS])]
        step = STEPS[random_below(random, 4)]
        if not move_in(s, place, d, s.factors[place, d] * step, repairs):
            failures += 1


@compiled
def random_mapping(s: Search, random: Words, repairs: int) -> None:
    """Make a random mapping that fills the array and the buffers."""
    clear(s)
    if random_below(random, 2) == 0:
        fill_axis(s, F_COLUMNS, int(s.arch[A_COLUMNS]), random, repairs)
        fill_axis(s, F_ROWS, int(s.arch[A_ROWS]), random, repairs)
    else:
        fill_axis(s, F_ROWS, int(s.arch[A_ROWS]), random, repairs)
        fill_axis(s, F_COLUMNS, int(s.arch[A_COLUMNS]), random, repairs)
    for i in range(s.places[FACTOR_ROWS] - 1, 0, -1):
        place = s.places[i]
        if place in (F_INNER, F_MIDDLE, F_OUTER, F_GLB):
            fill_storage(s, place, random, repairs)
    for level in range(LEVELS):
        set_order(s, level, random_below(random, len(ORDERS)))


@allocating
def new_states() -> States:
    """Return room for the best mapping of each pair of dimensions that the array is mainly used for."""
    count = DIMS * DIMS
    factors, choices = np.ones((count, FACTOR_ROWS, DIMS), np.int32), np.zeros((count, LEVELS), np.int64)
    return States(factors, choices, np.full(count, np.inf))


@compiled
def load(s: Search, states: States, k: int) -> None:
    """Go to a mapping."""
    for place in range(FACTOR_ROWS):
        for d in range(DIMS):
            s.factors[place, d] = states.factors[k, place, d]
    for level in range(LEVELS):
        set_order(s, level, states.choices[k, level])
    s.numbers[BEST] = states.score[k]


@compiled
def store(s: Search, states: States, k: int) -> None:
    """Remember where the search is."""
    for place in range(FACTOR_ROWS):
        for d in range(DIMS):
            states.factors[k, place, d] = s.factors[place, d]
    for level in range(LEVELS):
        states.choices[k, level] = s.choices[level]
    states.score[k] = s.numbers[BEST]


@compiled
def widest(s: Search, place: int) -> int:
    """Return the dimension with the largest factor at a place."""
    best = 0
    for d in range(DIMS):
        if s.factors[place, d] > s.factors[place, best]:
            best = d
    return best


@compiled
def draw_starts(s: Search, objective: int, repairs: int, draws: int, random: Words, states: States) -> None:
    """Keep the best of random mappings for each pair of dimensions that the array is mainly used for."""
    for _ in range(draws):
        random_mapping(s, random, repairs)
        s.numbers[BEST] = np.inf
        s.numbers[BEST] = score(s, objective, repairs)
        k = DIMS * widest(s, F_COLUMNS) + widest(s, F_ROWS)
        if s.numbers[BEST] < states.score[k]:
            store(s, states, k)


@compiled
def rank(states: States, order: NDArray[np.int64]) -> int:
    """List the states that are mappings in ``order``, best first; return their number."""
    count = 0
    for k in range(len(states.score)):
        if states.score[k] < np.inf:
            i = count
            while i > 0 and states.score[order[i - 1]] > states.score[k]:
                order[i] = order[i - 1]
                i -= 1
            order[i] = k
            count += 1
    return count
