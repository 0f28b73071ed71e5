"""Moves of the mapper: changes of one mapping that a local search tries, each kept if it makes the mapping better.

A *place* is a row of a mapping's factors. One step of the search

* splits one dimension's factor anew between two places (:func:`split_anew`),
* takes another order of loops at one level, or at DRAM and GLB together (:func:`reorder`), or
* moves a factor of one dimension to a place and in exchange a factor of another one from there (:func:`exchange`),
  which is what a full buffer needs.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.kernel import evaluate_point, keeps
from simulators.accelerator.kernel_layout import (
    A_BLOCK,
    A_COLUMNS,
    A_KEEPS,
    A_MAC_PJ,
    A_READ_PJ,
    A_ROWS,
    A_WRITE_PJ,
    COUNTS,
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
    GLB,
    INNER,
    LEVELS,
    MIDDLE,
    O_CYCLES,
    O_ENERGY,
    OK,
    OUTER,
    OUTPUTS,
    RESULTS,
    C,
    G,
    M,
    N,
    P,
    Q,
    R,
    S,
    allocating,
    compiled,
    inlined,
)
from simulators.accelerator.kernel_traffic import Reals, Work, work

EDP, ENERGY, LATENCY = range(3)
ORDERS: Final = np.array(
    [
        [M, Q, P, S, R, C, N, G],
        [M, P, Q, R, S, C, N, G],
        [M, S, R, Q, P, C, N, G],
        [M, R, S, P, Q, C, N, G],
        [Q, P, N, S, R, C, M, G],
        [P, Q, N, R, S, C, M, G],
        [S, R, C, Q, P, N, M, G],
        [R, S, C, P, Q, N, M, G],
        [C, S, R, Q, P, N, M, G],
        [C, R, S, P, Q, N, M, G],
    ],
    dtype=np.int8,
)
"""Orders worth trying, innermost first. The innermost loops decide which tensor stays: inputs (M innermost), weights
(P, Q, N) or outputs (C, R, S); among those that move the inputs, the innermost decides along which axis windows
slide."""
STEPS: Final = np.array([2, 3, 4, 5, 7, 8, 11, 13, 16], dtype=np.int64)
"""Factors that an exchange moves, beside the whole."""
CANDIDATES: Final = 96
"""Most candidates for one dimension's factor."""
_TIE: Final = 1e-10
"""Weight of the second criterion among mappings equal in the first; too small to outweigh a single cycle of 10^9."""


class Search(NamedTuple):
    """A mapping being improved, and what it is judged by."""

    layer: NDArray[np.int64]
    arch: Reals
    orders: NDArray[np.int8]  # [LEVELS, DIMS]
    choices: NDArray[np.int64]  # [LEVELS]: which of ORDERS each level has
    factors: NDArray[np.int32]  # [FACTOR_ROWS, DIMS]
    dims: NDArray[np.int64]  # [DIMS + 1]: dimensions with a bound above 1, then their number in the last word
    places: NDArray[np.int64]  # [FACTOR_ROWS + 1]: places that may hold factors, DRAM first, then their number
    candidates: NDArray[np.int64]  # [DIMS, CANDIDATES]: factors worth trying, rising; 0 after the last
    candidate_counts: NDArray[np.int64]  # [DIMS]
    numbers: Reals  # [3]: best score, energy floor, MACs
    counts: Reals
    result: Reals
    scratch: Work


BEST, FLOOR, MACS = range(3)


@allocating
def new_search(layer: NDArray[np.int64], arch: Reals, repairs: int) -> Search:
    """Return a search for mappings of ``layer``; its mapping is not one yet."""
    dims, places = np.zeros(DIMS + 1, np.int64), np.zeros(FACTOR_ROWS + 1, np.int64)
    s = Search(
        layer,
        arch,
        np.zeros((LEVELS, DIMS), np.int8),
        np.zeros(LEVELS, np.int64),
        np.ones((FACTOR_ROWS, DIMS), np.int32),
        dims,
        places,
        np.zeros((DIMS, CANDIDATES), np.int64),
        np.zeros(DIMS, np.int64),
        np.zeros(3),
        np.zeros(COUNTS),
        np.zeros(RESULTS),
        work(),
    )
    for level in range(LEVELS):
        set_order(s, level, 0)
    for d in range(DIMS):
        if layer[d] > 1:
            dims[dims[DIMS]] = d
            dims[DIMS] += 1
            s.candidate_counts[d] = list_candidates(layer[d], repairs, s.candidates, d)
    for place in (F_DRAM, F_GLB, F_COLUMNS, F_ROWS, F_OUTER, F_MIDDLE, F_INNER):
        if usable(arch, place):
            places[places[FACTOR_ROWS]] = place
            places[FACTOR_ROWS] += 1
    s.numbers[BEST] = np.inf
    s.numbers[MACS] = 1.0
    for d in range(DIMS):
        s.numbers[MACS] *= layer[d]
    s.numbers[FLOOR] = energy_floor(layer, arch, s.numbers[MACS])
    return s


@inlined
def usable(arch: Reals, place: int) -> bool:
    """Return whether an architecture has this place."""
    if place == F_COLUMNS:
        return arch[A_COLUMNS] > 1
    if place == F_ROWS:
        return arch[A_ROWS] > 1
    if place == F_GLB:
        return arch[A_KEEPS + GLB] != 0
    if place == F_OUTER:
        return arch[A_KEEPS + OUTER] != 0
    if place == F_MIDDLE:
        return arch[A_KEEPS + MIDDLE] != 0
    return True


@compiled
def list_candidates(bound: int, repairs: int, candidates: NDArray[np.int64], d: int) -> int:
    """List the divisors of ``bound``; where tiles need not divide also its quotients, rounded up, at most a tenth
    apart; return their number."""
    count, last = 0, 0
    for value in range(1, bound + 1):
        divides = bound % value == 0
        pieces = (bound + value - 1) // value
        quotient = repairs & EDGE_TILES and value == (bound + pieces - 1) // pieces and value * 10 >= last * 11
        if (divides or quotient) and count < CANDIDATES:
            candidates[d, count] = value
            count, last = count + 1, value
    if candidates[d, count - 1] != bound:
        candidates[d, count - 1] = bound
    return count


@compiled
def energy_floor(layer: NDArray[np.int64], arch: Reals, macs: float) -> float:
    """Return an energy no mapping can go below: MACs, operand reads and updates inside PEs, each word once to DRAM."""
    floor = macs * arch[A_MAC_PJ]
    for tensor in range(3):
        for level in range(INNER, GLB, -1):
            if keeps(arch, level, tensor):
                access = arch[A_WRITE_PJ + level] if tensor == OUTPUTS else arch[A_READ_PJ + level]
                floor += macs / arch[A_BLOCK + level] * access
                break
    weights = float(layer[M] * layer[C] * layer[R]) * layer[S] * layer[G]
    outputs = float(layer[N] * layer[M] * layer[P]) * layer[Q] * layer[G]
    words = weights * arch[A_READ_PJ + DRAM] + outputs * arch[A_WRITE_PJ + DRAM]
    return floor + words / arch[A_BLOCK + DRAM]


@inlined
def score_of(objective: int, result: Reals) -> float:
    """Return what is minimised."""
    energy, cycles = result[O_ENERGY], result[O_CYCLES]
    if objective == EDP:
        return energy * cycles
    if objective == ENERGY:
        return energy * (1.0 + _TIE * math.log(cycles))
    return cycles * (1.0 + _TIE * math.log(1.0 + energy))


@inlined
def hopeless(s: Search, objective: int) -> bool:
    """Return whether the array has too few PEs, or the PEs in use, always busy and at the energy floor, would not beat
    the best."""
    columns = rows = 1.0
    for i in range(s.dims[DIMS]):
        d = s.dims[i]
        columns *= s.factors[F_COLUMNS, d]
        rows *= s.factors[F_ROWS, d]
    if columns > s.arch[A_COLUMNS] or rows > s.arch[A_ROWS]:
        return True
    cycles = s.numbers[MACS] / (columns * rows)
    if objective == EDP:
        return cycles * s.numbers[FLOOR] > s.numbers[BEST]
    return (cycles if objective == LATENCY else s.numbers[FLOOR]) > s.numbers[BEST]


@inlined
def score(s: Search, objective: int, repairs: int) -> float:
    """Return the score of the mapping as it stands, infinite if it is impossible or hopeless."""
    if hopeless(s, objective):
        return np.inf
    status = evaluate_point(s.layer, s.factors, s.orders, s.arch, repairs, s.scratch, s.counts, s.result)
    return score_of(objective, s.result) if status == OK else np.inf


@inlined
def better(s: Search, objective: int, repairs: int) -> bool:
    """Return whether the mapping as it stands beats the best, which it then is."""
    found = score(s, objective, repairs)
    if found < s.numbers[BEST]:
        s.numbers[BEST] = found
        return True
    return False


@compiled
def write_mapping(s: Search, factors: NDArray[np.int32], orders: NDArray[np.int8]) -> None:
    """Copy the mapping as it stands to ``factors`` and ``orders``."""
    for place in range(FACTOR_ROWS):
        for d in range(DIMS):
            factors[place, d] = s.factors[place, d]
    for level in range(LEVELS):
        for k in range(DIMS):
            orders[level, k] = s.orders[level, k]


@compiled
def read_mapping(s: Search, factors: NDArray[np.int32], orders: NDArray[np.int8]) -> None:
    """Go to the mapping of these factors and orders."""
    for place in range(FACTOR_ROWS):
        for d in range(DIMS):
            s.factors[place, d] = factors[place, d]
    for level in range(LEVELS):
        for k in range(DIMS):
            s.orders[level, k] = orders[level, k]


@inlined
def needed(s: Search, d: int, first: int, second: int, repairs: int) -> int:
    """Return what the factors of ``d`` at two places must multiply to."""
    if not repairs & EDGE_TILES:
        return int(s.factors[first, d]) * int(s.factors[second, d])
    others = 1
    for i in range(s.places[FACTOR_ROWS]):
        place = s.places[i]
        if place not in (first, second):
            others *= int(s.factors[place, d])
    return (s.layer[d] + others - 1) // others


@compiled
def split_anew(s: Search, objective: int, repairs: int) -> bool:
    """Try all splits of each dimension between each two places; return whether any was better."""
    improved = False
    for i in range(s.dims[DIMS]):
        d = s.dims[i]
        for j in range(s.places[FACTOR_ROWS]):
            for k in range(j):
                improved = _split(s, d, s.places[k], s.places[j], objective, repairs) or improved
    return improved


@compiled
def _split(s: Search, d: int, first: int, second: int, objective: int, repairs: int) -> bool:
    total = needed(s, d, first, second, repairs)
    if total == 1:
        return False
    best_first, best_second = s.factors[first, d], s.factors[second, d]
    improved = False
    for k in range(CANDIDATES):
        value = s.candidates[d, k]
        if value == 0 or value > total:
            break
        rest = (total + value - 1) // value
        if rest * value != total:
            if not repairs & EDGE_TILES:
                continue
            value = (total + rest - 1) // rest
        s.factors[first, d], s.factors[second, d] = rest, value
        if better(s, objective, repairs):
            best_first, best_second, improved = np.int32(rest), np.int32(value), True
    s.factors[first, d], s.factors[second, d] = best_first, best_second
    return improved


@inlined
def set_order(s: Search, level: int, choice: int) -> None:
    """Give a level the order ``ORDERS[choice]``."""
    s.choices[level] = choice
    for k in range(DIMS):
        s.orders[level, k] = ORDERS[choice, k]


@compiled
def reorder(s: Search, objective: int, repairs: int) -> bool:
    """Try the orders of DRAM and GLB together, then those of each level that has another inside its PE."""
    improved = _reorder_pair(s, DRAM, GLB, objective, repairs)
    for level in (OUTER, MIDDLE):
        if s.arch[A_KEEPS + level] != 0:
            improved = _reorder_pair(s, level, level, objective, repairs) or improved
    return improved


@compiled
def _reorder_pair(s: Search, first: int, second: int, objective: int, repairs: int) -> bool:
    best_first, best_second = s.choices[first], s.choices[second]
    improved = False
    for i in range(len(ORDERS)):
        set_order(s, first, i)
        for j in range(len(ORDERS)) if second != first else range(i, i + 1):
            set_order(s, second, j)
            if better(s, objective, repairs):
                best_first, best_second, improved = np.int64(i), np.int64(j), True
    set_order(s, first, best_first)
    set_order(s, second, best_second)
    return improved


@compiled
def exchange(s: Search, objective: int, repairs: int) -> bool:
    """Try to move a factor of one dimension to a place and one of another dimension away from there.

    Takes the first exchange that is better, for each pair of dimensions and place.
    """
    improved = False
    for i in range(s.dims[DIMS]):
        for j in range(s.dims[DIMS]):
            if i != j:
                for k in range(s.places[FACTOR_ROWS]):
                    found = _exchange_at(s, s.dims[i], s.dims[j], s.places[k], objective, repairs)
                    improved = improved or found
    return improved


@compiled
def _exchange_at(s: Search, comes: int, goes: int, place: int, objective: int, repairs: int) -> bool:
    """Try to move a factor of dimension ``comes`` to ``place`` and one of ``goes`` away from it."""
    if s.factors[place, goes] == 1:
        return False
    for i in range(s.places[FACTOR_ROWS]):
        source = s.places[i]
        if source == place or s.factors[source, comes] == 1:
            continue
        whole = s.factors[source, comes]
        for k in range(len(STEPS) + 1):
            step = STEPS[k] if k < len(STEPS) else np.int64(whole)
            if whole % step != 0 or (k == len(STEPS) and _is_step(whole)):
                continue
            s.factors[source, comes] //= step
            s.factors[place, comes] *= step
            if _send_away(s, goes, place, objective, repairs):
                return True
            s.factors[source, comes] *= step
            s.factors[place, comes] //= step
    return False


@compiled
def _send_away(s: Search, goes: int, place: int, objective: int, repairs: int) -> bool:
    """Try to move a factor of dimension ``goes`` from ``place`` to each other place; keep the first that is better."""
    whole = s.factors[place, goes]
    for k in range(len(STEPS) + 1):
        step = STEPS[k] if k < len(STEPS) else np.int64(whole)
        if whole % step != 0 or (k == len(STEPS) and _is_step(whole)):
            continue
        s.factors[place, goes] //= step
        for i in range(s.places[FACTOR_ROWS]):
            target = s.places[i]
            if target != place:
                s.factors[target, goes] *= step
                if better(s, objective, repairs):
                    return True
                s.factors[target, goes] //= step
        s.factors[place, goes] *= step
    return False


@inlined
def _is_step(value: int) -> bool:
    """Return whether STEPS has this value."""
    found = False
    for k in range(len(STEPS)):
        found = found or STEPS[k] == value
    return found
