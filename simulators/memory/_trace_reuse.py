"""How soon a trace comes back to a line: LRU stack distances."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


def reuse_distances(line: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return int64[n]: how many *other* lines were asked for since each request's line was asked for last.

    -1 for a line's first request. A fully associative, least recently used cache of C lines hits exactly the requests
    with a distance of 0 to C - 1 (Mattson et al., IBM Systems Journal 9(2), 1970). O(n log n) time, O(n) memory.

    Args:
        line: uint64[n], line numbers in order of time.
    """
    if len(line) == 0:
        return np.empty(0, np.int64)
    order = np.argsort(line, kind="stable")
    before = np.full(len(line), -1, np.int64)
    again = line[order][1:] == line[order][:-1]
    before[order[1:][again]] = order[:-1][again]
    return _stack_distances(before)


@njit(cache=True, nogil=True)
def _stack_distances(before: NDArray[np.int64]) -> NDArray[np.int64]:
    """Distances from each request's previous one to the same line.

    A binary indexed tree marks the last request of each line so far: the distance is the number of marks between.
    """
    n = before.size
    tree = np.zeros(n + 1, np.int64)
    distance = np.full(n, -1, np.int64)
    lines = 0
    for i in range(n):
        if before[i] < 0:
            lines += 1
        else:
            marks, at = 0, before[i] + 1  # marks at or before the line's previous request
            while at > 0:
                marks += tree[at]
                at -= at & -at
            distance[i] = lines - marks
            at = before[i] + 1
            while at <= n:
                tree[at] -= 1
                at += at & -at
        at = i + 1
        while at <= n:
            tree[at] += 1
            at += at & -at
    return distance
