"""An additive model of rewards: the mean and one effect per value of each factor, by ridge regression."""

from __future__ import annotations

import numpy as np


class AdditiveModel:
    """Predict ``mean + sum_f active[i, f] effect[f, choices[i, f]]``.

    The least-squares fit with the penalty ``ridge x sum effect^2`` is approached by backfitting: one factor after the
    other takes what the others leave over, which is block coordinate descent and hence converges to the ridge solution
    (Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, algorithm 9.1). Fits continue from the last
    one, so that a sweep per batch suffices where the data changes slowly.

    Args:
        counts: values of each factor ``[f]``.
        ridge: penalty, in observations: a value seen ``ridge`` times keeps half of its mean effect.

    Attributes:
        mean: of the targets.
        effects: ``[f, kmax]``, 0 for values never seen.
    """

    def __init__(self, counts: np.ndarray, ridge: float = 1.0) -> None:
        self.mean = 0.0
        self.effects = np.zeros((len(counts), int(max(counts))))
        self._ridge = ridge
        self._rows = np.arange(len(counts))

    def fit(self, choices: np.ndarray, active: np.ndarray, targets: np.ndarray, sweeps: int = 1) -> None:
        """Move towards the fit to choices ``[n, f]`` with targets ``[n]``; ``active`` ``[n, f]`` is 1 or 0."""
        size = self.effects.shape[1]
        counted = np.bincount((choices + self._rows * size).ravel(), active.ravel(), self.effects.size)
        seen = counted.reshape(self.effects.shape) + self._ridge
        parts = self.contributions(choices, active)
        self.mean = float(targets.mean())
        residual = targets - self.mean - parts.sum(axis=1)
        for _ in range(sweeps):
            for factor in range(len(self._rows)):
                residual += parts[:, factor]
                column, weight = choices[:, factor], active[:, factor]
                self.effects[factor] = np.bincount(column, weight * residual, size) / seen[factor]
                parts[:, factor] = self.effects[factor, column] * weight
                residual -= parts[:, factor]

    def contributions(self, choices: np.ndarray, active: np.ndarray) -> np.ndarray:
        """Return what each factor adds to the prediction, ``[n, f]``."""
        return self.effects[self._rows, choices] * active
