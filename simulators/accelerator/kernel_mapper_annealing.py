"""Simulated annealing of one mapping (Kirkpatrick, Gelatt, Vecchi, Science 1983): the mapper's way through the space.

A step exchanges factors between two places: one dimension's factor is split anew between them, and mostly another one's
too, as a full buffer or array needs. Some steps take another order of loops at a level, too.
"""

from __future__ import annotations

import math
from typing import Final

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
from simulators.accelerator.kernel_mapper_moves import BEST, ORDERS, Search, needed, score, set_order
from simulators.accelerator.kernel_mapper_starts import States, Words, random_below, store

COLD: Final = 0.001
"""Last temperature, in units of the score's natural logarithm."""
_UNIFORM: Final = 1 << 31


@compiled
def random_split(s: Search, d: int, first: int, second: int, random: Words, repairs: int) -> bool:
    """Split the factor of ``d`` anew between two places, at random; return whether anything changed."""
    total = needed(s, d, first, second, repairs)
    if total == 1:
        return False
    for _ in range(4):
        value = min(total, s.candidates[d, random_below(random, s.candidate_counts[d])])
        if random_below(random, 4) == 0:
            value = 1
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
def random_places(s: Search, random: Words) -> tuple[int, int]:
    """Return two different places that the architecture has."""
    count = s.places[FACTOR_ROWS]
    i, ahead = random_below(random, count), 1 + random_below(random, count - 1)
    return s.places[i], s.places[(i + ahead) % count]


@compiled
def random_order(s: Search, random: Words) -> int:
    """Give a level whose order matters a random one; return 64 x level + its old one."""
    level = DRAM + random_below(random, 2)
    if s.arch[A_KEEPS + MIDDLE] != 0 and random_below(random, 2) == 0:
        level = OUTER + random_below(random, 2) if s.arch[A_KEEPS + OUTER] != 0 else MIDDLE
    old = s.choices[level]
    set_order(s, level, random_below(random, len(ORDERS)))
    return 64 * level + old


@inlined
def threshold(current: float, temperature: float, random: Words) -> float:
    """Return the largest score a step may lead to (Metropolis' rule, the random number drawn first)."""
    uniform = (1.0 + random_below(random, _UNIFORM)) / _UNIFORM
    return math.exp(current - temperature * math.log(uniform))


@compiled
def anneal(
    s: Search, objective: int, repairs: int, steps: int, hot: float, random: Words, states: States, k: int
) -> float:
    """Walk ``steps`` steps from where the search is; remember what beats state ``k`` there.

    Args:
        hot: first temperature, in units of the score's natural logarithm.

    Returns:
        The least score of this walk.
    """
    current, lowest = math.log(s.numbers[BEST]), math.inf
    temperature, cooling = hot, (COLD / hot) ** (1.0 / steps)
    for _ in range(steps):
        temperature *= cooling
        kind = random_below(random, 16)
        a, b = random_places(s, random)
        d, e = random_dimension(s, random), random_dimension(s, random)
        a_d, b_d, a_e, b_e = s.factors[a, d], s.factors[b, d], s.factors[a, e], s.factors[b, e]
        changed, undo = False, -1
        if kind > 0:
            changed = random_split(s, d, a, b, random, repairs)
            if kind > 1 and d != e:
                changed = random_split(s, e, a, b, random, repairs) or changed
        if kind < 4:
            changed, undo = True, random_order(s, random)
        if not changed:
            continue
        s.numbers[BEST] = threshold(current, temperature, random)
        found = score(s, objective, repairs)
        if found <= s.numbers[BEST]:
            current, lowest = math.log(found), min(lowest, found)
            if found < states.score[k]:
                s.numbers[BEST] = found
                store(s, states, k)
        else:
            if undo >= 0:
                set_order(s, undo // 64, undo % 64)
            s.factors[a, d], s.factors[b, d], s.factors[a, e], s.factors[b, e] = a_d, b_d, a_e, b_e
    return lowest
