"""Distinct outcomes: very many designs share one row of metrics, so a table in memory keeps each row once.

Rows are told apart by 128 bits of hash: among 10^9 different rows the chance that any two agree is below 10^-20.
"""

from __future__ import annotations

import numpy as np

_LANES = ((0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9), (0xC2B2AE3D27D4EB4F, 0x94D049BB133111EB))
"""Per 64-bit lane: the seed and the odd multiplier (those of the splitmix64 and xxHash64 mixers)."""


def hash_rows(values: np.ndarray, extra: np.ndarray) -> np.ndarray:
    """Return the hashes, uint64 ``[n, 2]``, of rows of float64 ``[n, m]`` with an integer ``[n]`` each.

    -0 is told apart from 0; every NaN is alike.
    """
    bits = np.where(np.isnan(values), np.nan, values).view(np.uint64)
    lanes = []
    for seed, multiplier in _LANES:
        lane = _mix(np.asarray(extra, dtype=np.uint64) + np.uint64(seed), np.uint64(multiplier))
        for column in range(bits.shape[1]):
            lane = _mix(lane ^ bits[:, column], np.uint64(multiplier))
        lanes.append(lane)
    return np.stack(lanes, axis=1)


def _mix(lane: np.ndarray, multiplier: np.uint64) -> np.ndarray:
    lane = (lane ^ (lane >> np.uint64(31))) * multiplier
    return lane ^ (lane >> np.uint64(29))


def number_outcomes(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the outcome of each row, int32 ``[n]``, and where each outcome first occurs, int64 ``[k]``, ascending.

    Outcomes are numbered in the order of their first occurrence.
    """
    count = len(hashes)
    if not count:
        return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int64)
    order = np.lexsort((hashes[:, 1], hashes[:, 0]))  # stable: equal rows stay in the order of the table
    ordered = hashes[order]
    new = np.concatenate([[True], (ordered[1:] != ordered[:-1]).any(axis=1)])
    first = order[new]
    number = np.empty(len(first), dtype=np.int32)
    number[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    outcome = np.empty(count, dtype=np.int32)
    outcome[order] = number[np.cumsum(new) - 1]
    return outcome, np.sort(first)
