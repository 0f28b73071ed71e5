"""What a trace asks of banks and rows: hits that an order of service can have, and runs of one row."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]


def row_numbers(bank: Numbers, row: Numbers) -> Numbers:
    """Return int64[n]: a number for each pair of bank and row (row below 2^40), from 0 without gaps."""
    _, number = np.unique(bank << 40 | row, return_inverse=True)
    return number.astype(np.int64)


def in_order_hits(bank: Numbers, row: Numbers) -> Flags:
    """Return bool[n]: whether each request finds its row open if every bank keeps order and rows stay open.

    A bank's first request is a miss. Numbers of :func:`row_numbers` do for ``row``.
    """
    order = np.argsort(bank, kind="stable")
    hits = np.zeros(len(bank), np.bool_)
    hits[order[1:]] = (bank[order][1:] == bank[order][:-1]) & (row[order][1:] == row[order][:-1])
    return hits


def run_lengths(bank: Numbers, hits: Flags) -> Numbers:
    """Return the lengths of the runs of requests of one bank to one row: int64, their sum is n.

    Args:
        bank: int64[n].
        hits: bool[n], of :func:`in_order_hits`.
    """
    begins = np.flatnonzero(~hits[np.argsort(bank, kind="stable")])
    lengths: Numbers = np.diff(begins, append=len(bank))
    return lengths


def most_hits(bank: Numbers, number: Numbers, window: int) -> int:
    """Return an upper bound of the row hits when each batch of ``window`` requests may be served in any order.

    Batches are served one after the other, rows stay open in between. Within a batch, a bank misses at least once
    for each row it is asked for, except that the first of them may be the last of the bank's batch before (possible
    only if both batches ask for a common row). With ``window`` 1 this is the number of in-order hits; with
    ``window >= n`` it is the number of requests less the number of distinct rows, which no controller can exceed.

    Args:
        bank: int64[n].
        number: int64[n], of :func:`row_numbers`.
        window: requests in a batch, at least 1.
    """
    return int(_most_hits(bank, number, window, int(bank.max()) + 1, int(number.max()) + 1))


@njit(cache=True, nogil=True)
def _most_hits(bank: Numbers, number: Numbers, window: int, banks: int, rows: int) -> int:
    """Count in one pass; a *turn* of a bank is a batch that asks for it, counted from 0."""
    turn = np.full(banks, -1, np.int64)
    batch_of_turn = np.full(banks, -1, np.int64)
    is_carried = np.zeros(banks, np.bool_)  # whether this turn of the bank shares a row with its turn before
    last_turn = np.full(rows, -2, np.int64)
    misses = 0
    for i in range(bank.size):
        b, row, batch = bank[i], number[i], i // window
        if batch_of_turn[b] != batch:
            turn[b] += 1
            batch_of_turn[b] = batch
            is_carried[b] = False
        if last_turn[row] == turn[b]:
            continue
        misses += 1
        if last_turn[row] == turn[b] - 1 and not is_carried[b]:
            is_carried[b] = True
            misses -= 1
        last_turn[row] = turn[b]
    return bank.size - misses
