"""All mappings of a layer, where they are few enough: every way to split each bound, every order of the loops there
are."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.kernel import check_fit
from simulators.accelerator.kernel_layout import (
    A_KEEPS,
    DIMS,
    DRAM,
    EDGE_TILES,
    F_DRAM,
    FACTOR_ROWS,
    GLB,
    LEVELS,
    MIDDLE,
    OK,
    allocating,
    compiled,
    pasted,
)
from simulators.accelerator.kernel_mapper_moves import ORDERS, Search, better, hopeless, set_order, write_mapping
from simulators.accelerator.kernel_traffic import FACTOR_ROW, find_tiles

MOST_SPLITS: Final = 4096
"""Most splits of one bound that are listed."""

Splits = NDArray[np.int32]


@compiled
def list_splits(s: Search, d: int, repairs: int, splits: Splits) -> int:
    """List the ways to split the bound of ``d`` over the places, ``int32[MOST_SPLITS, FACTOR_ROWS]``.

    Each place but DRAM takes a divisor of what is left (or, where tiles need not divide, any number up to it), DRAM the
    rest. Returns how many there are, or -1 if they are more than MOST_SPLITS.
    """
    places = s.places[FACTOR_ROWS]
    for k in range(FACTOR_ROWS):
        splits[0, k] = 1
    splits[0, F_DRAM] = s.layer[d]
    count = 1
    for i in range(places - 1, 0, -1):
        place, listed = s.places[i], count
        for j in range(listed):
            left = splits[j, F_DRAM]
            for value in range(2, left + 1):
                if left % value == 0 or repairs & EDGE_TILES:
                    if count == MOST_SPLITS:
                        return -1
                    for k in range(FACTOR_ROWS):
                        splits[count, k] = splits[j, k]
                    splits[count, place], splits[count, F_DRAM] = value, (left + value - 1) // value
                    count += 1
    return count


@compiled
def next_permutation(order: NDArray[np.int8], length: int) -> bool:
    """Turn the first ``length`` entries into their next permutation; False (and sorted) after the last."""
    i = length - 2
    while i >= 0 and order[i] >= order[i + 1]:
        i -= 1
    if i >= 0:
        j = length - 1
        while order[j] <= order[i]:
            j -= 1
        order[i], order[j] = order[j], order[i]
    low, high = i + 1, length - 1
    while low < high:
        order[low], order[high] = order[high], order[low]
        low, high = low + 1, high - 1
    return i >= 0


@compiled
def set_active_first(s: Search, level: int) -> int:
    """Sort a level's order: dimensions with more than one step first, ascending; return their number."""
    length, rest = 0, 0
    for d in range(DIMS):
        if s.factors[FACTOR_ROW[level], d] > 1:
            s.orders[level, length] = d
            length += 1
    for d in range(DIMS):
        if s.factors[FACTOR_ROW[level], d] == 1:
            s.orders[level, length + rest] = d
            rest += 1
    return length


@pasted
def try_orders(
    s: Search, objective: int, repairs: int, limit: int, tried: int, factors: Splits, orders: NDArray[np.int8]
) -> int:
    """Try every order at the levels whose order matters; keep the best; return how many mappings were tried in all."""
    lengths = np.zeros(LEVELS, np.int64)
    for level in range(LEVELS):
        lengths[level] = set_active_first(s, level)
    while tried <= limit:
        tried += 1
        if better(s, objective, repairs):
            write_mapping(s, factors, orders)
        level = MIDDLE
        while level >= DRAM:
            matters = level in (DRAM, GLB) or s.arch[A_KEEPS + level] != 0
            if matters and next_permutation(s.orders[level], lengths[level]):
                break
            level -= 1
        if level < DRAM:
            break
    return tried


@compiled
def sequence(s: Search, level: int, choice: int) -> int:
    """Return the order in which ``ORDERS[choice]`` runs the dimensions with more than one step at a level, as a
    number."""
    found = 0
    for k in range(DIMS):
        d = ORDERS[choice, k]
        if s.factors[FACTOR_ROW[level], d] > 1:
            found = 16 * found + d + 1
    return found


@allocating
def distinct_orders(s: Search, level: int, choices: NDArray[np.int64]) -> int:
    """List those of ORDERS that differ at a level; return their number."""
    seen, count = np.zeros(len(ORDERS), np.int64), 0
    for choice in range(len(ORDERS)):
        found, known = sequence(s, level, choice), False
        for k in range(count):
            known = known or seen[k] == found
        if not known:
            seen[count], choices[count] = found, choice
            count += 1
    return count


@pasted
def try_usual_orders(
    s: Search, objective: int, repairs: int, tried: int, factors: Splits, orders: NDArray[np.int8]
) -> int:
    """Try the orders of ORDERS at the levels whose order matters; keep the best; return the number tried in all."""
    choices, counts = np.zeros((LEVELS, len(ORDERS)), np.int64), np.ones(LEVELS, np.int64)
    position = np.zeros(LEVELS, np.int64)
    for level in range(MIDDLE + 1):
        if level in (DRAM, GLB) or s.arch[A_KEEPS + level] != 0:
            counts[level] = distinct_orders(s, level, choices[level])
    for level in range(LEVELS):
        set_order(s, level, choices[level, 0])
    while True:
        tried += 1
        if better(s, objective, repairs):
            write_mapping(s, factors, orders)
        level = MIDDLE
        while level >= DRAM:
            position[level] = (position[level] + 1) % counts[level]
            set_order(s, level, choices[level, position[level]])
            if position[level] > 0:
                break
            level -= 1
        if level < DRAM:
            return tried


@compiled
def possible(s: Search, objective: int, repairs: int) -> bool:
    """Return whether the factors as they stand fit and are not hopeless."""
    if hopeless(s, objective) or find_tiles(s.layer, s.factors, repairs, s.scratch) != OK:
        return False
    return check_fit(s.layer, s.factors, s.arch, repairs, s.scratch) == OK


@pasted
def enumerate_mappings(
    s: Search,
    objective: int,
    repairs: int,
    limits: NDArray[np.int64],
    factors: Splits,
    orders: NDArray[np.int8],
) -> bool:
    """Try all splits of all bounds, in every order or in those of ORDERS; write the best if it beats the search's best.

    Returns:
        Whether all were tried: not if there are more than ``limits[0]`` splits, or ``limits[1]`` mappings among them
        that fit and are not hopeless.
    """
    count, limit = s.dims[DIMS], limits[1]
    splits = np.ones((max(count, 1), MOST_SPLITS, FACTOR_ROWS), np.int32)
    sizes, position, product = np.ones(DIMS, np.int64), np.zeros(DIMS, np.int64), 1.0
    for i in range(count):
        sizes[i] = list_splits(s, s.dims[i], repairs, splits[i])
        if sizes[i] < 0:
            return False
        product *= sizes[i]
        if product > limits[0]:
            return False
    for k in range(FACTOR_ROWS):
        for d in range(DIMS):
            s.factors[k, d] = 1
    tried = int(np.int64(0))  # a plain 0 would be a type of its own to the compiler
    while tried <= limit:
        for i in range(count):
            for k in range(FACTOR_ROWS):
                s.factors[k, s.dims[i]] = splits[i, position[i], k]
        if possible(s, objective, repairs):
            if limits[2] == 1:
                tried = try_orders(s, objective, repairs, limit, tried, factors, orders)
            else:
                tried = try_usual_orders(s, objective, repairs, tried, factors, orders)
        i = 0
        while i < count:
            position[i] += 1
            if position[i] < sizes[i]:
                break
            position[i] = 0
            i += 1
        if i == count:
            return tried <= limit
    return False
