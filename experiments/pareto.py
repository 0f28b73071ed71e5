"""Pareto fronts of many points: what no other point is at least as good as in everything."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archgym_envs.scoring import hypervolume


def nondominated(points: np.ndarray) -> np.ndarray:
    """Return which rows of ``points``, ``[n, f]`` (all to be minimized, no NaN, no repeats), no other row dominates.

    Taking the lexicographically least of what is left, nothing left dominates it, so that it is on the front; then all
    that it dominates goes. O(n x front), a boolean ``[n]`` comes out.
    """
    left = np.lexsort(points.T[::-1])
    keep = np.zeros(len(points), dtype=bool)
    while left.size:
        best = left[0]
        keep[best] = True
        left = left[(points[left] < points[best]).any(axis=1)]
    return keep


@dataclass(frozen=True)
class Front:
    """The front of the points seen so far.

    Attributes:
        points: ``[k, f]``, to be minimized, without repeats, in lexicographic order.
        first: the number of the first design at each point, int64 ``[k]``.
        designs: how many designs are at each point, int64 ``[k]``.
    """

    points: np.ndarray
    first: np.ndarray
    designs: np.ndarray

    @classmethod
    def empty(cls, metrics: int) -> Front:
        """Return the front of no points."""
        return cls(np.empty((0, metrics)), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))

    def add(self, points: np.ndarray, first: np.ndarray, designs: np.ndarray) -> Front:
        """Return the front with more points, ``[n, f]``, which may repeat.

        Args:
            points: to be minimized, no NaN.
            first: the number of the first design at each, later than those before.
            designs: how many designs are at each.
        """
        both = np.concatenate([self.points, points])
        numbers = np.concatenate([self.first, first])
        counts = np.concatenate([self.designs, designs])
        merged, where, inverse = np.unique(both, axis=0, return_index=True, return_inverse=True)
        total = np.bincount(inverse.reshape(-1), weights=counts, minlength=len(merged)).astype(np.int64)
        keep = nondominated(merged)
        return Front(merged[keep], numbers[where[keep]], total[keep])


def hypervolume_curve(gains: np.ndarray) -> np.ndarray:
    """Return the hypervolume ``[k]`` of the first 1, 2, ... k designs, see :func:`archgym_envs.scoring.hypervolume`.

    Args:
        gains: ``[k, f]``, in [0, 1], more is better; a row with a NaN is an invalid design.
    """
    front = np.empty((0, gains.shape[1]))
    curve = np.zeros(len(gains))
    volume = 0.0
    for row, point in enumerate(gains):
        if not (np.isnan(point).any() or (front >= point).all(axis=1).any()):
            front = np.concatenate([front[~(front <= point).all(axis=1)], point[None, :]])
            volume = hypervolume(front)
        curve[row] = volume
    return curve
