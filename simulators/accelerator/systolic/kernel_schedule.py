"""Fold by fold: what each fold moves over DRAM and how long the array waits for it."""

from __future__ import annotations

import math
from typing import NamedTuple

from simulators.accelerator.systolic.kernel_codes import IS, OS, WS, compiled


class Folds(NamedTuple):
    """One matrix product on the array: array, extents and folds along its rows and columns, what is fetched.

    ``cycles``: of one fold. ``ifmap_first``, ``ifmap_later``: words of the first and of later passes over the ifmap
    operand. ``filter_half``, ``ofmap_half``: words in half of these SRAMs.
    """

    dataflow: int
    rows: int
    columns: int
    down: int
    across: int
    stream: int
    row_folds: int
    column_folds: int
    cycles: float
    ifmap_first: float
    ifmap_later: float
    filter_half: float
    ofmap_half: float


@compiled
def fold_sizes(folds: Folds, i: int, j: int) -> tuple[int, int]:
    """Return the rows and columns of the array that row fold i of column fold j uses."""
    height = min(folds.rows, folds.down - i * folds.rows)
    return height, min(folds.columns, folds.across - j * folds.columns)


@compiled
def loaded_words(folds: Folds, i: int, j: int) -> float:
    """Return the operands' words that fold (i, j) needs from DRAM."""
    height, width = fold_sizes(folds, i, j)
    if folds.dataflow == IS:
        filter_kept = float(folds.down) * folds.stream <= folds.filter_half
        filter = 0.0 if filter_kept and j > 0 else float(height) * folds.stream
        return folds.ifmap_first * height * width / (float(folds.down) * folds.across) + filter
    ifmap = (folds.ifmap_first if j == 0 else folds.ifmap_later) * height / folds.down
    if folds.dataflow == WS:
        return ifmap + float(height) * width
    filter = float(folds.stream) * width
    return ifmap + (0.0 if filter <= folds.filter_half and i > 0 else filter)


@compiled
def stored_words(folds: Folds, i: int, j: int) -> float:
    """Return the outputs or partial sums that fold (i, j) leaves to be written to DRAM."""
    height, width = fold_sizes(folds, i, j)
    if folds.dataflow == OS:
        return float(height) * width
    sums = float(folds.stream) * width
    return sums if i == folds.row_folds - 1 or sums > folds.ofmap_half else 0.0


@compiled
def reread_words(folds: Folds, i: int, j: int) -> float:
    """Return the partial sums that fold (i, j) reads back from DRAM."""
    if folds.dataflow == OS or i == 0:
        return 0.0
    sums = float(folds.stream) * fold_sizes(folds, i, j)[1]
    return sums if sums > folds.ofmap_half else 0.0


@compiled
def moved_words(folds: Folds, groups: int, g: int, i: int, j: int) -> float:
    """Return what DRAM moves while fold (i, j) of group g computes: the next one's, the one before's, its own."""
    words = reread_words(folds, i, j)
    if i + 1 < folds.row_folds:
        words += loaded_words(folds, i + 1, j)
    elif j + 1 < folds.column_folds:
        words += loaded_words(folds, 0, j + 1)
    elif g + 1 < groups:
        words += loaded_words(folds, 0, 0)
    if i > 0:
        words += stored_words(folds, i - 1, j)
    elif j > 0:
        words += stored_words(folds, folds.row_folds - 1, j - 1)
    elif g > 0:
        words += stored_words(folds, folds.row_folds - 1, folds.column_folds - 1)
    return words


@compiled
def representative(kind: int, count: int) -> tuple[int, int]:
    """Return the ``kind``-th of at most five kinds of positions in a loop: one position, how many are like it.

    The first two and the last two stand for themselves; all between behave alike, and so do their neighbours.
    """
    if count <= 5:
        return kind, 1
    if kind == 2:
        return 2, count - 4
    return (kind, 1) if kind < 2 else (count - 5 + kind, 1)


@compiled
def wait_cycles(folds: Folds, groups: int, bandwidth: float) -> tuple[float, float]:
    """Return the cycles in which the array stalls between folds, and those of the exposed first fetch and last write.

    Args:
        folds: one group's matrix product.
        groups: how many follow one another.
        bandwidth: words per cycle of DRAM.
    """
    stall, last = 0.0, (folds.row_folds - 1, folds.column_folds - 1)
    for group_kind in range(min(groups, 5)):
        g, alike_g = representative(group_kind, groups)
        for column_kind in range(min(folds.column_folds, 5)):
            j, alike_j = representative(column_kind, folds.column_folds)
            for row_kind in range(min(folds.row_folds, 5)):
                i, alike_i = representative(row_kind, folds.row_folds)
                transfer = math.ceil(moved_words(folds, groups, g, i, j) / bandwidth)
                if transfer > folds.cycles:
                    stall += float(alike_g) * alike_j * alike_i * (transfer - folds.cycles)
    fill = math.ceil(loaded_words(folds, 0, 0) / bandwidth)
    drain = math.ceil(stored_words(folds, *last) / bandwidth)
    return stall, float(fill + drain)
