"""Statistics of repeated searches, as pure functions of arrays.

Words: a *run* is one search; ``scores[..., k]`` are the scores of its k evaluations in order, NaN where the design
was invalid. ``direction`` says which way a score is better. The worst possible value (``inf`` when minimizing,
``-inf`` when maximizing) stands for "nothing valid found yet", so every function here works with infinities:
quantiles never interpolate towards one, and rank tests need only order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from simulators import InvalidInputError

ScoreDirection = Literal["minimize", "maximize"]
Statistic = Callable[[np.ndarray], np.ndarray]
"""Maps ``[..., n]`` to ``[...]``: one number per row."""

_EXACT_CELLS = 2500
"""Sample sizes with ``n * m`` up to this get an exact rank-sum test (a 50 x 50 one takes about 0.1 s)."""


def worst_score(direction: ScoreDirection) -> float:
    """Return what "nothing valid found" counts as: ``inf`` when minimizing, ``-inf`` when maximizing."""
    return math.inf if direction == "minimize" else -math.inf


def best_so_far(scores: np.ndarray, direction: ScoreDirection) -> np.ndarray:
    """Return the running best of ``scores``, shape ``[..., k]`` in and out; NaN (invalid) never counts."""
    known = np.where(np.isnan(scores), worst_score(direction), scores)
    accumulate = np.minimum.accumulate if direction == "minimize" else np.maximum.accumulate
    return accumulate(known, axis=-1)


def simple_regret(best: np.ndarray, optimum: float, direction: ScoreDirection) -> np.ndarray:
    """Return how far ``best`` (any shape) is from the known optimum, in the score's units; 0 is perfect.

    Simple regret as in Bubeck, Munos, Stoltz: Pure exploration in multi-armed bandits problems (ALT 2009).
    """
    gap = np.asarray(best, dtype=np.float64) - optimum
    return gap if direction == "minimize" else -gap


def evaluations_to_target(scores: np.ndarray, target: float, direction: ScoreDirection) -> float:
    """Return the number (from 1) of the first evaluation of a run, ``[k]``, that is at least as good as ``target``.

    ``inf`` where the run never got there: its true value is only known to be larger than k (censored).
    """
    with np.errstate(invalid="ignore"):
        reached = scores <= target if direction == "minimize" else scores >= target
    return float(np.argmax(reached) + 1) if reached.any() else math.inf


@dataclass(frozen=True)
class TargetTimes:
    """Evaluations-to-target of several runs that were all watched for ``horizon`` evaluations.

    Attributes:
        runs, reached: how many runs there are, and how many of them reached the target.
        median: the median run's evaluations; ``inf`` when half of the runs or more did not get there.
        restricted_mean: mean of ``min(evaluations, horizon)``, the restricted mean survival time: what a run
            costs when it is stopped at its target or at the horizon. Comparable only at equal horizons.
        expected: evaluations spent per success, ``sum(min(evaluations, horizon)) / reached`` (the ERT of
            Auger and Hansen, CEC 2005): the mean cost of restarting until one run succeeds; ``inf`` without success.
    """

    runs: int
    reached: int
    median: float
    restricted_mean: float
    expected: float


def target_times(evaluations: np.ndarray, horizon: int) -> TargetTimes:
    """Summarise the evaluations-to-target ``[n]`` of runs watched for ``horizon``; later than that is "not reached".

    The restricted mean follows Royston and Parmar (BMC Medical Research Methodology 13:152, 2013); with one
    horizon for all runs the Kaplan-Meier curve is the plain fraction reached, so no estimator is needed.
    """
    times = np.where(evaluations <= horizon, evaluations, math.inf)
    if times.size == 0:
        return TargetTimes(0, 0, math.nan, math.nan, math.nan)
    reached = int(np.isfinite(times).sum())
    spent = np.minimum(times, horizon)
    return TargetTimes(
        runs=times.size,
        reached=reached,
        median=float(quantile(times, 0.5)),
        restricted_mean=float(spent.mean()),
        expected=float(spent.sum() / reached) if reached else math.inf,
    )


def reached_fraction(evaluations: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Return the fraction of runs ``[n]`` that had reached their target after each number of ``grid``, ``[g]``."""
    return np.searchsorted(np.sort(evaluations), grid, side="right") / max(1, evaluations.size)


def wilson_interval(successes: int, runs: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the score interval of a success rate (Wilson, JASA 22:209, 1927); ``(0, 1)`` without runs.

    Raises:
        InvalidInputError: more successes than runs, or a negative number.
    """
    if not 0 <= successes <= runs:
        raise InvalidInputError(f"successes must lie between 0 and the number of runs, got {successes} of {runs}")
    if runs == 0:
        return 0.0, 1.0
    from scipy.special import ndtri

    z = float(ndtri(0.5 + confidence / 2))
    rate = successes / runs
    centre = (rate + z * z / (2 * runs)) / (1 + z * z / runs)
    half = z / (1 + z * z / runs) * math.sqrt(rate * (1 - rate) / runs + z * z / (4 * runs * runs))
    # At 0 and n successes the bound is exactly 0 and 1; rounding must not say otherwise.
    return (0.0 if successes == 0 else centre - half), (1.0 if successes == runs else centre + half)


def quantile(values: np.ndarray, q: float) -> np.ndarray:
    """Return the q-quantile over the last axis, ``[..., n]`` to ``[...]`` (linear, Hyndman-Fan type 7).

    Between a finite number and an infinite one the infinite one is returned, and between equal infinities that
    infinity (plain linear interpolation would give NaN there).
    """
    ordered = np.sort(values, axis=-1)
    position = q * (ordered.shape[-1] - 1)
    below = ordered[..., math.floor(position)]
    above = ordered[..., math.ceil(position)]
    share = position - math.floor(position)
    if share == 0:
        return below
    with np.errstate(invalid="ignore"):
        between = below + share * (above - below)
    return np.where(below == above, below, between)


def median(values: np.ndarray) -> np.ndarray:
    """Return the median over the last axis, ``[..., n]`` to ``[...]``; see :func:`quantile`."""
    return quantile(values, 0.5)


def iqm(values: np.ndarray) -> np.ndarray:
    """Return the interquartile mean over the last axis, ``[..., n]`` to ``[...]``.

    The mean of what is left when the ``floor(n / 4)`` smallest and largest values are dropped: the 25 % trimmed
    mean that Agarwal et al. recommend (Deep RL at the edge of the statistical precipice, NeurIPS 2021).
    """
    count = values.shape[-1]
    cut = count // 4
    return np.mean(np.partition(values, (cut, count - cut - 1), axis=-1)[..., cut : count - cut], axis=-1)


def stratified_bootstrap(
    values: np.ndarray,
    strata: np.ndarray | None = None,
    statistic: Statistic = iqm,
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of ``statistic`` over runs.

    Args:
        values: one number per run, ``[n]``.
        strata: a label per run, ``[n]`` (problem, hyperparameter draw); runs are redrawn within their stratum, so
            that every resample has the composition of the data (Agarwal et al., NeurIPS 2021). None: one stratum.
        statistic: from ``[..., n]`` to ``[...]``.
        resamples: bootstrap samples.
        confidence: coverage aimed at, in (0, 1).
        seed: of the resampling; the same data and seed give the same interval.

    Returns:
        Its two ends, the outer neighbours among the resampled statistics (which may be infinite).

    Raises:
        InvalidInputError: no values, or a confidence outside (0, 1).
    """
    if not values.size or not 0 < confidence < 1:
        raise InvalidInputError(
            f"a bootstrap interval needs values and a confidence in (0, 1), got {values.size} and {confidence}"
        )
    resampled = statistic(values[_resample(strata, values.size, resamples, seed)])
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled, tail, method="lower"), np.quantile(resampled, 1 - tail, method="higher")
    return float(low), float(high)


def _resample(strata: np.ndarray | None, count: int, resamples: int, seed: int) -> np.ndarray:
    """Return positions ``[resamples, count]``, drawn with replacement within each stratum."""
    rng = np.random.default_rng(seed)
    if strata is None:
        return rng.integers(0, count, size=(resamples, count))
    chosen = np.empty((resamples, count), dtype=np.int64)
    for label in np.unique(strata):
        members = np.flatnonzero(strata == label)
        chosen[:, members] = members[rng.integers(0, members.size, size=(resamples, members.size))]
    return chosen


@dataclass(frozen=True)
class RankTest:
    """A Mann-Whitney U test of samples x and y.

    Attributes:
        u: the U statistic of x: pairs with x > y, ties counting half.
        p_less: one-sided p-value of "x tends to be smaller than y".
        p_greater: one-sided p-value of "x tends to be larger than y".
        p_two_sided: ``min(1, 2 min(p_less, p_greater))``.
        exact: whether the p-values come from the exact permutation distribution.
    """

    u: float
    p_less: float
    p_greater: float
    exact: bool

    @property
    def p_two_sided(self) -> float:
        """Twice the smaller one-sided p-value, at most 1."""
        return min(1.0, 2 * min(self.p_less, self.p_greater))


def mann_whitney(x: np.ndarray, y: np.ndarray) -> RankTest:
    """Test whether x ``[n]`` tends to be smaller or larger than y ``[m]``; infinities and ties are fine.

    Mann and Whitney (Annals of Mathematical Statistics 18:50, 1947). With ``n * m <= 2500`` the p-values are exact
    given the ties: the permutation distribution of the midrank sum by the shift algorithm of Streitberg and Roehmel
    (Statistical Software Newsletter 12:10, 1986). Above, the normal approximation with tie and continuity correction.

    Raises:
        InvalidInputError: an empty sample or a NaN.
    """
    if not x.size or not y.size or np.isnan(x).any() or np.isnan(y).any():
        raise InvalidInputError(f"a rank test needs two samples without NaN, got sizes {x.size} and {y.size}")
    u = _wins_twice(x, y) / 2
    if x.size * y.size > _EXACT_CELLS:
        from scipy.stats import mannwhitneyu

        less, greater = (
            float(mannwhitneyu(x, y, alternative=side, method="asymptotic").pvalue) for side in ("less", "greater")
        )
        return RankTest(u, less, greater, exact=False)
    less, greater = _exact_tails(x, y)
    return RankTest(u, less, greater, exact=True)


def _exact_tails(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return P(rank sum <= seen) and P(rank sum >= seen) over all splits of the pooled sample.

    ``ways[k, s]`` = number of k-subsets of the pooled observations whose doubled midranks sum to s, built by
    adding one observation at a time. Doubling makes midranks integers. Counts are float64: they are sums of
    positive terms, so their relative error stays near 1e-15 however large they grow.
    """
    doubled = _doubled_midranks(np.concatenate([x, y]))
    observed = int(doubled[: x.size].sum())
    if x.size > y.size:  # The complement's sum is fixed by ours: walk the smaller sample, mirror the tails.
        greater, less = _subset_tails(doubled, y.size, int(doubled.sum()) - observed)
        return less, greater
    return _subset_tails(doubled, x.size, observed)


def _subset_tails(doubled: np.ndarray, size: int, observed: int) -> tuple[float, float]:
    ways = np.zeros((size + 1, int(np.sort(doubled)[-size:].sum()) + 1))
    ways[0, 0] = 1.0
    for rank in doubled.tolist():
        ways[1:, rank:] += ways[:-1, : ways.shape[1] - rank]
    counts = ways[size]
    total = counts.sum()
    return float(counts[: observed + 1].sum() / total), float(counts[observed:].sum() / total)


def _doubled_midranks(values: np.ndarray) -> np.ndarray:
    """Return twice the average ranks (from 1), as integers: first + last position of each tie group."""
    ordered = np.sort(values)
    first = np.searchsorted(ordered, values, side="left")
    last = np.searchsorted(ordered, values, side="right")
    return first + 1 + last


def superiority(x: np.ndarray, y: np.ndarray, direction: ScoreDirection) -> float:
    """Return the probability that a run of x beats a run of y, ties counting half: 0.5 means no difference.

    The A12 effect size of Vargha and Delaney (J. Educational and Behavioral Statistics 25:101, 2000), who call
    0.56 / 0.64 / 0.71 a small / medium / large effect.
    """
    pairs = 2 * x.size * y.size
    twice = _wins_twice(x, y)
    return (twice if direction == "maximize" else pairs - twice) / pairs


def superiority_interval(
    x: np.ndarray,
    y: np.ndarray,
    direction: ScoreDirection,
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of :func:`superiority`, runs of x ``[n]`` and y ``[m]`` redrawn apart.

    It has no width where every run of one beats every run of the other: then the sample says nothing of its own error.

    Raises:
        InvalidInputError: an empty sample, or a confidence outside (0, 1).
    """
    if not x.size or not y.size or not 0 < confidence < 1:
        raise InvalidInputError(
            f"an interval needs two samples and a confidence in (0, 1), got sizes {x.size}, {y.size} and {confidence}"
        )
    wins = (x[:, None] > y).astype(np.float64) + 0.5 * (x[:, None] == y)
    if direction == "minimize":
        wins = 1.0 - wins
    rng = np.random.default_rng(seed)
    drawn = np.array(
        [wins[rng.integers(x.size, size=x.size)][:, rng.integers(y.size, size=y.size)].mean() for _ in range(resamples)]
    )
    tail = (1 - confidence) / 2
    return float(np.quantile(drawn, tail, method="lower")), float(np.quantile(drawn, 1 - tail, method="higher"))


def _wins_twice(x: np.ndarray, y: np.ndarray) -> int:
    """Return twice the number of pairs with x > y, ties counting half (so an integer)."""
    ordered = np.sort(y)
    return int((np.searchsorted(ordered, x, side="left") + np.searchsorted(ordered, x, side="right")).sum())


def effect_size_word(a12: float) -> str:
    """Return "negligible", "small", "medium" or "large" for an A12 (thresholds of Vargha and Delaney, 2000)."""
    distance = round(abs(a12 - 0.5), 12)
    for threshold, word in ((0.21, "large"), (0.14, "medium"), (0.06, "small")):
        if distance >= threshold:
            return word
    return "negligible"


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for having made all these tests, in the order given (Holm, Scand. J. Stat. 6:65, 1979).

    Rejecting where the adjusted value is below alpha keeps the chance of any false rejection in the family below alpha.
    """
    raw = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(raw, kind="stable")
    stepped = np.maximum.accumulate((raw.size - np.arange(raw.size)) * raw[order])
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(1.0, stepped)
    return adjusted.tolist()


def gap_closed(values: np.ndarray, reference: float, best: float) -> np.ndarray:
    """Return how much of the way from the reference design to the best known design is covered, same shape.

    0 = no better than the reference design, 1 = the best known score, negative = worse than the reference. The same
    for both directions, provided that ``best`` is not worse than ``reference`` (the reference is a known design, too).
    NaN throughout when the best known score equals the reference (nobody beat it: there is no gap to close) or
    either is not finite.
    """
    span = best - reference
    if not math.isfinite(span) or span == 0:
        return np.full(np.shape(values), math.nan)
    return (np.asarray(values, dtype=np.float64) - reference) / span


def performance_profile(values: np.ndarray, thresholds: np.ndarray, strata: np.ndarray | None = None) -> np.ndarray:
    """Return, for each threshold ``[t]``, the fraction of runs ``[n]`` whose value is at least that.

    With strata (problems) the fraction is taken in each and then averaged, so that every problem weighs the same:
    the run-score distribution of Agarwal et al. (NeurIPS 2021), after Dolan and More (Math. Programming 91:201, 2002).
    """
    labels = np.zeros(values.size, dtype=np.int64) if strata is None else strata
    parts = [
        1 - np.searchsorted(np.sort(values[labels == label]), thresholds, side="left") / (labels == label).sum()
        for label in np.unique(labels)
    ]
    return np.mean(parts, axis=0) if parts else np.full(len(thresholds), math.nan)
