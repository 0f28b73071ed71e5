"""What a trace asks of banks and rows: hits that an order of service can have, and runs of one row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]


def in_order_hits(bank: NDArray[np.int64], row: NDArray[np.int64]) -> Flags:
    """Return bool[n]: whether each request finds its row open if every bank keeps order and rows stay open.

    A bank's first request is a miss.
    """
    order = np.argsort(bank, kind="stable")
    hits = np.zeros(len(bank), np.bool_)
    hits[order[1:]] = (bank[order][1:] == bank[order][:-1]) & (row[order][1:] == row[order][:-1])
    return hits


def most_hits(bank: NDArray[np.int64], row: NDArray[np.int64], window: int) -> int:
    """Return an upper bound of the row hits when each batch of ``window`` requests may be served in any order.

    Batches are served one after the other, rows stay open in between. Within a batch, a bank misses at least once
    for each row it is asked for, except that the first of them may be the last of the bank's batch before (possible
    only if both batches ask for a common row). With ``window`` 1 this is the number of in-order hits; with
    ``window >= n`` it is the number of requests less the number of distinct rows, which no controller can exceed.

    Args:
        bank: int64[n].
        row: int64[n], below 2^40.
        window: requests in a batch, at least 1.
    """
    n = len(bank)
    batch = np.arange(n) // window
    page, which = np.unique(bank << 40 | row, return_inverse=True)
    visits = np.unique(batch * len(page) + which)  # one for each batch, bank and row; n < 2^24 pages and batches
    visit_batch, visit_page = visits // len(page), visits % len(page)
    turn = _turns(page[visit_page] >> 40, visit_batch)
    order = np.lexsort((turn, visit_page))
    same_page = visit_page[order][1:] == visit_page[order][:-1]
    carried = same_page & (turn[order][1:] == turn[order][:-1] + 1)
    at = order[1:][carried]
    carries = np.unique((page[visit_page[at]] >> 40) * (n + 1) + turn[at]).size  # one for each batch and bank
    return n - len(visits) + carries


def _turns(bank: NDArray[np.int64], batch: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each visit the how-manieth batch with this bank it belongs to, from 0."""
    key = bank * (int(batch.max()) + 1) + batch
    turns, which = np.unique(key, return_inverse=True)
    turn_bank = turns // (int(batch.max()) + 1)
    first = np.searchsorted(turn_bank, turn_bank)
    number: NDArray[np.int64] = (np.arange(len(turns)) - first)[which]
    return number


def run_lengths(bank: NDArray[np.int64], hits: Flags) -> NDArray[np.int64]:
    """Return the lengths of the runs of requests of one bank to one row: int64, their sum is n.

    Args:
        bank: int64[n].
        hits: bool[n], of :func:`in_order_hits`.
    """
    begins = np.flatnonzero(~hits[np.argsort(bank, kind="stable")])
    lengths: NDArray[np.int64] = np.diff(begins, append=len(bank))
    return lengths
