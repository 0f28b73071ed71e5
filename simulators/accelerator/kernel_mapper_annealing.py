"""Simulated annealing of one mapping (Kirkpatrick, Gelatt, Vecchi, Science 1983): the mapper's way out of local
optima."""

from __future__ import annotations

import math

from simulators.accelerator.kernel_layout import (
    A_KEEPS,
    DIMS,
    DRAM,
    EDGE_TILES,
    FACTOR_ROWS,
    MIDDLE,
    OUTER,
    compiled,
    inlined,
)
from simulators.accelerator.kernel_mapper_moves import BEST, CANDIDATES, ORDERS, Search, needed, score, set_order
from simulators.accelerator.kernel_mapper_starts import State, Words, random_below, store

HOT, COLD = 0.3, 0.003
"""Temperatures, in units of the score's natural logarithm."""


@compiled
def random_split(s: Search, d: int, first: int, second: int, random: Words, repairs: int) -> bool:
    """Split the factor of ``d`` anew between two places, at random; return whether anything changed."""
    total = needed(s, d, first, second, repairs)
    if total == 1:
        return False
    count = 0
    while count < CANDIDATES and 0 < s.candidates[d, count] <= total:
        count += 1
    for _ in range(4):
        value = s.candidates[d, random_below(random, count)]
        rest = (total + value - 1) // value
        if rest * value != total:
            if not repairs & EDGE_TILES:
                continue
            value = (total + rest - 1) // rest
        if value != s.factors[second, d]:
            s.factors[first, d], s.factors[second, d] = rest, value
            return True
    return False


@inlined
def random_dimension(s: Search, random: Words) -> int:
    """Return a dimension with a bound above 1."""
    return s.dims[random_below(random, s.dims[DIMS])]


@inlined
def random_place(s: Search, random: Words) -> int:
    """Return a place that the architecture has."""
    return s.places[random_below(random, s.places[FACTOR_ROWS])]


@compiled
def random_order(s: Search, random: Words) -> int:
    """Give a level whose order matters a random one; return 64 x level + its old one."""
    level = DRAM + random_below(random, 2)
    if s.arch[A_KEEPS + MIDDLE] != 0 and random_below(random, 2) == 0:
        level = OUTER + random_below(random, 2) if s.arch[A_KEEPS + OUTER] != 0 else MIDDLE
    old = s.choices[level]
    set_order(s, level, random_below(random, len(ORDERS)))
    return 64 * level + old


@compiled
def anneal(s: Search, objective: int, repairs: int, steps: int, random: Words, best: State) -> None:
    """Walk ``steps`` steps from where the search is; remember the best mapping in ``best``."""
    current = math.log(s.numbers[BEST])
    temperature, cooling = HOT, (COLD / HOT) ** (1.0 / steps)
    for _ in range(steps):
        temperature *= cooling
        kind = random_below(random, 8)
        d = random_dimension(s, random)
        e = random_dimension(s, random) if kind < 3 else d
        a, b = random_place(s, random), random_place(s, random)
        c = a if kind < 2 else random_place(s, random)
        if a == b or (kind < 3 and (d == e or c == b)):
            continue
        a_d, b_d, b_e, c_e = s.factors[a, d], s.factors[b, d], s.factors[b, e], s.factors[c, e]
        undo = -1
        if kind == 7:
            undo = random_order(s, random)
        else:
            changed = random_split(s, d, a, b, random, repairs)
            if kind < 3:
                changed = random_split(s, e, c, b, random, repairs) or changed
            if not changed:
                continue
        s.numbers[BEST] = math.inf
        found = score(s, objective, repairs)
        accepted = False
        if found < math.inf:
            change = math.log(found) - current
            accepted = change <= 0 or random_below(random, 1 << 30) < math.exp(-change / temperature) * (1 << 30)
        if accepted:
            current = math.log(found)
            if found < best.score[0]:
                s.numbers[BEST] = found
                store(s, best)
        elif undo >= 0:
            set_order(s, undo // 64, undo % 64)
        else:
            s.factors[b, e], s.factors[c, e] = b_e, c_e
            s.factors[a, d], s.factors[b, d] = a_d, b_d
