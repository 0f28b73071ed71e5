"""Which parameters interact, by evaluated designs, and the clusters they form.

The score is split as in an analysis of variance (Montgomery, Design and Analysis of Experiments, on two-way
interactions). First every parameter's main effect is taken off by least squares. The *strength* of a pair is the
share of what is left that the pair's two-way table of cell means explains, less the mean share it explains of permuted
leftovers, as a correlation: its square root. Leftovers are permuted and again freed from main effects (Freedman and
Lane, Journal of Business and Economic Statistics 1(4), 1983), so that chance is judged on the very designs that were
evaluated, however unevenly they lie. Parameters are then joined by average linkage at distance 1 - strength.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulators import DesignSpace, InvalidInputError

PERMUTATIONS = 100
"""How often the leftovers are permuted to learn what chance does."""
CONFIDENCE = 0.95
"""Without a count, clusters are joined where the strength beats the strongest pair of this share of permutations."""
MOST_CELLS = 8
"""Values per parameter in a two-way table, at most."""
MOST_LEVELS = 64
"""Values per parameter in main effects, at most."""
DESIGNS_PER_CELL = 5
"""Two-way tables are made so coarse that they hold at least so many designs per cell on average."""


@dataclass(frozen=True)
class Interactions:
    """How strongly parameters interact.

    Attributes:
        strength: ``[d, d]``, symmetric, in [0, 1], the diagonal 0; 0 where a pair explains no more than chance.
        by_chance: the strength that only 5 % of permutations reach anywhere.
    """

    strength: np.ndarray
    by_chance: float


def measure_interactions(space: DesignSpace, designs: np.ndarray, scores: np.ndarray) -> Interactions:
    """Measure all pairs; args and errors as of :func:`archgym_envs.partitions.by_interaction`."""
    designs, scores = _usable(space, designs, scores)
    d = space.dimensions
    levels, additive = _leftovers(space, designs, scores)
    residual = additive.residual(scores - scores.mean())
    if np.abs(residual).max() <= 1e-9 * np.ptp(scores):  # a sum of main effects to the last digit
        return Interactions(np.zeros((d, d)), 0.0)
    tables, rng = _PairTables(levels), np.random.default_rng(0)
    shuffled = (additive.residual(rng.permutation(residual)) for _ in range(PERMUTATIONS))
    chance = np.array([tables.explained(r) for r in shuffled])
    expected = chance.mean(axis=0)
    largest = np.sqrt((chance - expected).max(axis=(1, 2)).clip(min=0.0))
    strength = np.sqrt((tables.explained(residual) - expected).clip(0.0, 1.0))
    return Interactions(strength, float(np.quantile(largest, CONFIDENCE)))


def interaction_clusters(
    space: DesignSpace, designs: np.ndarray, scores: np.ndarray, count: int | None = None
) -> np.ndarray:
    """Return the cluster of each parameter, int64 ``[d]``; args and errors as of ``by_interaction``."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    found = measure_interactions(space, designs, scores)
    if space.dimensions == 1:
        return np.zeros(1, dtype=np.int64)
    tree = linkage(squareform(1.0 - found.strength - np.eye(space.dimensions), checks=False), method="average")
    if count is None:
        return fcluster(tree, np.nextafter(1.0 - found.by_chance, 0.0), "distance").astype(np.int64)
    return _cut(tree, count)


def _cut(tree: np.ndarray, count: int) -> np.ndarray:
    """Undo the last merges so that exactly ``count`` clusters are left, ties or not."""
    d = len(tree) + 1
    labels = np.arange(d, dtype=np.int64)
    for step, (left, right) in enumerate(tree[: d - count, :2].astype(np.int64).tolist()):
        labels[(labels == left) | (labels == right)] = d + step
    return labels


def _usable(space: DesignSpace, designs: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    designs, scores = space.check(designs), np.asarray(scores, dtype=np.float64)
    if scores.shape != (len(designs),):
        raise InvalidInputError(f"scores must have shape [{len(designs)}], one per design, got {list(scores.shape)}")
    known = ~np.isnan(scores)
    designs, scores = designs[known], scores[known]
    needed = max(20, 2 * (space.dimensions + 1))
    if len(scores) < needed:
        raise InvalidInputError(
            f"interactions of {space.dimensions} parameters need at least {needed} designs with a score, "
            f"got {len(scores)}; some hundreds tell more"
        )
    if not np.isfinite(scores).all():
        raise InvalidInputError("scores must be finite or NaN (an invalid design); some are infinite")
    if np.ptp(scores) == 0.0:
        raise InvalidInputError(f"all {len(scores)} scores are {scores[0]:g}: nothing can be learned from them")
    return designs, scores


def _leftovers(space: DesignSpace, designs: np.ndarray, scores: np.ndarray) -> tuple[list[np.ndarray], _Additive]:
    """Return each parameter's levels of the two-way tables, and the main effects' least squares."""
    ordered = [parameter.ordered for parameter in space.parameters]
    for most in (MOST_LEVELS, 32, 16, 8, 4, 2):
        levels = [_levels(x, scores, most, is_ordered) for x, is_ordered in zip(designs.T, ordered, strict=True)]
        if 2 * (1 + sum(int(x.max()) for x in levels)) <= len(scores):
            break
    cells = min(max(int(np.sqrt(len(scores) / DESIGNS_PER_CELL)), 2), MOST_CELLS)
    coarse = [_levels(x, scores, cells, is_ordered) for x, is_ordered in zip(levels, ordered, strict=True)]
    return coarse, _Additive(levels)


def _levels(x: np.ndarray, scores: np.ndarray, most: int, ordered: bool) -> np.ndarray:
    """Return levels 0, 1 ... of one parameter's values, ``[n]``: at most ``most``, about equally frequent.

    Neighbours share a level: of an ordered parameter by value, of another by mean score.
    """
    values, codes, counts = np.unique(x, return_inverse=True, return_counts=True)
    if len(values) <= most:
        return codes
    order = np.arange(len(values)) if ordered else np.argsort(np.bincount(codes, scores) / counts, kind="stable")
    middle = np.cumsum(counts[order]) - counts[order] / 2
    level = np.empty(len(values), dtype=np.int64)
    level[order] = np.unique((middle * most / len(x)).astype(np.int64), return_inverse=True)[1]
    return level[codes]


def _one_hot(levels: np.ndarray) -> np.ndarray:
    return np.eye(int(levels.max()) + 1)[levels]


class _Additive:
    """The least-squares fit of a sum of main effects; ``residual(y)`` is what it leaves of ``y``, shape ``[n]``."""

    def __init__(self, levels: Sequence[np.ndarray]) -> None:
        effects = np.hstack([np.ones((len(levels[0]), 1)), *(_one_hot(x)[:, 1:] for x in levels)])
        left, sizes, _ = np.linalg.svd(effects, full_matrices=False)
        self._basis = left[:, sizes > 1e-10 * sizes[0]]

    def residual(self, y: np.ndarray) -> np.ndarray:
        return y - self._basis @ (self._basis.T @ y)


class _PairTables:
    """Two-way tables of all pairs at once: ``explained(r)`` is the share of r's squares between their cells."""

    def __init__(self, levels: Sequence[np.ndarray]) -> None:
        self._hot = np.hstack([_one_hot(x) for x in levels])
        self._starts = np.cumsum([0, *(int(x.max()) + 1 for x in levels[:-1])])
        self._counts = np.maximum(self._hot.T @ self._hot, 1.0)

    def explained(self, r: np.ndarray) -> np.ndarray:
        """Return the shares ``[d, d]`` of residuals ``[n]``; 0 on the diagonal."""
        squares = (self._hot.T @ (r[:, None] * self._hot)) ** 2 / self._counts
        shares = np.add.reduceat(np.add.reduceat(squares, self._starts, axis=0), self._starts, axis=1) / (r @ r)
        np.fill_diagonal(shares, 0.0)
        return (shares + shares.T) / 2.0
