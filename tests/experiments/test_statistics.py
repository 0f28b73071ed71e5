"""Known answers for experiments.statistics: by hand, by brute force and with scipy as oracle."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments import statistics as s
from simulators import InvalidInputError

NAN, INF = math.nan, math.inf


def test_best_so_far_skips_invalid_designs() -> None:
    scores = np.array([NAN, 5.0, 7.0, NAN, 3.0])
    assert s.best_so_far(scores, "minimize").tolist() == [INF, 5, 5, 5, 3]
    assert s.best_so_far(scores, "maximize").tolist() == [-INF, 5, 7, 7, 7]
    assert s.best_so_far(np.stack([scores, -scores]), "minimize")[1].tolist() == [INF, -5, -7, -7, -7]


def test_simple_regret_is_zero_at_the_optimum_and_positive_elsewhere() -> None:
    assert s.simple_regret(np.array([5.0, 2.0]), 2.0, "minimize").tolist() == [3, 0]
    assert s.simple_regret(np.array([5.0, 2.0]), 5.0, "maximize").tolist() == [0, 3]


def test_evaluations_to_target_counts_from_one_and_includes_equality() -> None:
    scores = np.array([NAN, 5.0, 2.0, 1.0])
    assert s.evaluations_to_target(scores, 2.0, "minimize") == 3
    assert s.evaluations_to_target(scores, 0.5, "minimize") == INF
    assert s.evaluations_to_target(scores, 5.0, "maximize") == 2
    assert s.evaluations_to_target(np.array([]), 1.0, "minimize") == INF


def test_target_times_with_censored_runs() -> None:
    # Five runs watched for 100 evaluations; 150 is past the horizon and counts as not reached.
    times = s.target_times(np.array([10.0, 30.0, INF, 50.0, 150.0]), 100)
    assert (times.runs, times.reached) == (5, 3)
    assert times.median == 50
    assert times.restricted_mean == pytest.approx((10 + 30 + 100 + 50 + 100) / 5)
    assert times.expected == pytest.approx(290 / 3)


def test_target_times_say_not_reached_instead_of_averaging_the_lucky_ones() -> None:
    times = s.target_times(np.array([10.0, INF, INF]), 100)
    assert times.median == INF
    assert times.restricted_mean == pytest.approx(70)
    assert times.expected == pytest.approx(210)
    nobody = s.target_times(np.array([INF, INF]), 100)
    assert (nobody.reached, nobody.median, nobody.restricted_mean, nobody.expected) == (0, INF, 100, INF)


def test_an_even_number_of_runs_with_half_reached_has_no_median() -> None:
    assert s.target_times(np.array([10.0, 20.0, INF, INF]), 100).median == INF


def test_reached_fraction() -> None:
    fractions = s.reached_fraction(np.array([10.0, 30.0, INF, 30.0]), np.array([9, 10, 29, 30, 1000]))
    assert fractions.tolist() == [0, 0.25, 0.25, 0.75, 0.75]


@pytest.mark.parametrize(("successes", "runs"), [(0, 20), (1, 20), (7, 20), (20, 20), (3, 4)])
def test_wilson_interval_against_scipy(successes: int, runs: int) -> None:
    oracle = scipy.stats.binomtest(successes, runs).proportion_ci(0.95, method="wilson")
    assert s.wilson_interval(successes, runs, 0.95) == pytest.approx((oracle.low, oracle.high), abs=1e-12)


def test_wilson_interval_ends_and_mistakes() -> None:
    assert s.wilson_interval(0, 7)[0] == 0.0
    assert s.wilson_interval(7, 7)[1] == 1.0
    assert s.wilson_interval(0, 0) == (0.0, 1.0)
    with pytest.raises(InvalidInputError, match="successes"):
        s.wilson_interval(3, 2)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.floats(0, 1))
def test_quantile_equals_numpy_on_finite_values(values: list[float], q: float) -> None:
    array = np.array(values)
    assert float(s.quantile(array, q)) == pytest.approx(float(np.quantile(array, q)), rel=1e-9, abs=1e-6)


def test_quantile_with_infinities_has_no_nan() -> None:
    assert s.quantile(np.array([1.0, 2.0, INF, INF]), 0.5) == INF
    assert s.quantile(np.array([1.0, INF, INF, INF]), 0.75) == INF
    assert s.quantile(np.array([-INF, -INF, 1.0, 2.0]), 0.25) == -INF
    assert s.median(np.array([[1.0, 2.0, INF], [INF, INF, 1.0]])).tolist() == [2, INF]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 19, 20, 21])
def test_iqm_is_the_25_percent_trimmed_mean(count: int) -> None:
    values = np.random.default_rng(count).lognormal(size=(3, count))
    assert s.iqm(values) == pytest.approx(scipy.stats.trim_mean(values, 0.25, axis=1))


def test_iqm_by_hand_and_with_a_quarter_of_failures() -> None:
    assert s.iqm(np.array([100.0, 1.0, 2.0, 4.0])) == 3.0
    assert s.iqm(np.array([INF, 1.0, 2.0, 4.0])) == 3.0
    assert s.iqm(np.array([INF, INF, 2.0, 4.0])) == INF


def test_bootstrap_interval_agrees_with_scipy() -> None:
    values = np.random.default_rng(5).normal(10, 2, size=40)
    oracle = scipy.stats.bootstrap(
        (values,), s.iqm, n_resamples=20000, method="percentile", rng=np.random.default_rng(1), axis=-1
    ).confidence_interval
    low, high = s.stratified_bootstrap(values, resamples=20000, seed=2)
    assert low == pytest.approx(oracle.low, abs=0.05)
    assert high == pytest.approx(oracle.high, abs=0.05)


def test_bootstrap_is_repeatable_and_keeps_the_strata() -> None:
    values = np.array([1.0, 1.0, 1.0, 9.0, 9.0, 9.0])
    strata = np.array([0, 0, 0, 1, 1, 1])
    # Within each stratum all values are equal, so every stratified resample is the data itself.
    assert s.stratified_bootstrap(values, strata, _mean) == (5.0, 5.0)
    low, high = s.stratified_bootstrap(values, None, _mean, seed=3)
    assert low < 5.0 < high
    assert s.stratified_bootstrap(values, None, _mean, seed=3) == (low, high)


def _mean(values: np.ndarray) -> np.ndarray:
    return values.mean(axis=-1)


def test_bootstrap_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    covered = 0
    for trial in range(200):
        low, high = s.stratified_bootstrap(rng.normal(size=30), statistic=_mean, resamples=400, seed=trial)
        covered += low <= 0.0 <= high
    assert 178 <= covered <= 198  # 95 % asked for; a percentile interval of 30 values gives about 93 %.


def test_bootstrap_with_infinite_runs_has_an_infinite_end_and_no_nan() -> None:
    values = np.array([1.0, 2.0, 3.0, INF, INF, 4.0, 5.0, 6.0])
    low, high = s.stratified_bootstrap(values)
    assert math.isfinite(low)
    assert high == INF


def test_bootstrap_refuses_nothing() -> None:
    with pytest.raises(InvalidInputError, match="bootstrap"):
        s.stratified_bootstrap(np.array([]))
    with pytest.raises(InvalidInputError, match="confidence"):
        s.stratified_bootstrap(np.array([1.0]), confidence=95)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 5), (5, 3), (8, 8), (20, 20), (1, 30)])
def test_mann_whitney_without_ties_against_scipy_exact(n: int, m: int) -> None:
    rng = np.random.default_rng(n * 100 + m)
    x, y = rng.normal(size=n), rng.normal(0.5, size=m)
    test = s.mann_whitney(x, y)
    assert test.exact
    for side, ours in (("less", test.p_less), ("greater", test.p_greater)):
        oracle = scipy.stats.mannwhitneyu(x, y, alternative=side, method="exact")
        assert ours == pytest.approx(oracle.pvalue, rel=1e-9)
        assert test.u == oracle.statistic


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=5), st.lists(st.integers(0, 3), min_size=1, max_size=4))
def test_mann_whitney_with_ties_equals_all_permutations(x: list[int], y: list[int]) -> None:
    pooled = x + y
    ranks = scipy.stats.rankdata(pooled)
    seen = ranks[: len(x)].sum()
    sums = np.array([ranks[list(subset)].sum() for subset in itertools.combinations(range(len(pooled)), len(x))])
    test = s.mann_whitney(np.array(x, float), np.array(y, float))
    assert test.p_less == pytest.approx((sums <= seen + 1e-9).mean())
    assert test.p_greater == pytest.approx((sums >= seen - 1e-9).mean())


def test_mann_whitney_by_hand() -> None:
    # 3 against 3, fully separated: 1 of C(6, 3) = 20 splits is as extreme.
    test = s.mann_whitney(np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, INF]))
    assert (test.u, test.p_less, test.p_greater) == (0, pytest.approx(1 / 20), 1.0)
    assert test.p_two_sided == pytest.approx(0.1)


def test_mann_whitney_of_identical_samples_says_nothing() -> None:
    test = s.mann_whitney(np.zeros(20), np.zeros(20))
    assert (test.p_less, test.p_greater, test.p_two_sided) == (1.0, 1.0, 1.0)


def test_mann_whitney_large_samples_use_the_tie_corrected_normal_approximation() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 5, 60).astype(float), rng.integers(0, 5, 60).astype(float)
    test = s.mann_whitney(x, y)
    assert not test.exact
    assert test.p_less == scipy.stats.mannwhitneyu(x, y, alternative="less", method="asymptotic").pvalue
    exact_less, _ = s._exact_tails(x, y)
    assert test.p_less == pytest.approx(exact_less, rel=0.01)


def test_mann_whitney_false_positive_rate_under_the_null() -> None:
    rng = np.random.default_rng(17)
    hits = sum(s.mann_whitney(*rng.integers(0, 6, (2, 12)).astype(float)).p_less < 0.05 for _ in range(400))
    assert hits <= 400 * 0.05 + 3 * math.sqrt(400 * 0.05 * 0.95)


def test_mann_whitney_refuses_nan_and_empty() -> None:
    with pytest.raises(InvalidInputError, match="rank test"):
        s.mann_whitney(np.array([NAN]), np.array([1.0]))
    with pytest.raises(InvalidInputError, match="rank test"):
        s.mann_whitney(np.array([]), np.array([1.0]))


def test_superiority_by_hand() -> None:
    x, y = np.array([1.0, 2.0]), np.array([2.0, 3.0])
    # Pairs (1,2) (1,3) (2,2) (2,3): x is larger in none, equal in one of four.
    assert s.superiority(x, y, "maximize") == 0.125
    assert s.superiority(x, y, "minimize") == 0.875
    assert s.superiority(x, x, "minimize") == 0.5


def test_superiority_is_u_over_nm() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.integers(0, 9, 20).astype(float), rng.integers(0, 9, 15).astype(float)
    assert s.superiority(x, y, "maximize") == pytest.approx(scipy.stats.mannwhitneyu(x, y).statistic / 300)


def test_effect_size_words_at_the_published_thresholds() -> None:
    words = [s.effect_size_word(a) for a in (0.5, 0.559, 0.56, 0.64, 0.71, 0.29, 0.36, 0.44)]
    assert words == ["negligible", "negligible", "small", "medium", "large", "large", "medium", "small"]


def test_holm_by_hand() -> None:
    # Sorted 0.01 0.02 0.03 0.04 -> 4x, 3x, 2x, 1x = 0.04 0.06 0.06 0.04 -> running maximum.
    assert s.holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert s.holm([0.6, 0.7]) == [1.0, 1.0]
    assert s.holm([0.2]) == [0.2]
    assert s.holm([]) == []


def test_gap_closed_has_one_meaning_for_both_directions() -> None:
    assert s.gap_closed(np.array([10.0, 6.0, 2.0, 14.0]), 10.0, 2.0).tolist() == [0, 0.5, 1, -0.5]
    assert s.gap_closed(np.array([10.0, 20.0]), 10.0, 20.0).tolist() == [0, 1]
    assert np.isnan(s.gap_closed(np.array([1.0]), 2.0, 2.0)).all()
    assert np.isnan(s.gap_closed(np.array([1.0]), INF, 2.0)).all()


def test_performance_profile_weighs_problems_equally() -> None:
    values = np.array([1.0, 1.0, 1.0, 1.0, 0.0, 0.5])
    strata = np.array([0, 0, 0, 0, 1, 1])
    thresholds = np.array([0.0, 0.5, 0.6, 1.1])
    assert s.performance_profile(values, thresholds, strata).tolist() == [1.0, 0.75, 0.5, 0.0]
    assert s.performance_profile(values, thresholds).tolist() == pytest.approx([1.0, 5 / 6, 4 / 6, 0.0])


def test_the_interval_of_an_effect_size_covers_it_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    truth = 0.7602499  # P(X > Y) of normal X and Y one standard deviation apart: Phi(1 / sqrt 2)
    covered = 0
    for repetition in range(200):
        x, y = rng.normal(1.0, size=30), rng.normal(0.0, size=30)
        low, high = s.superiority_interval(x, y, "maximize", resamples=300, seed=repetition)
        assert low <= s.superiority(x, y, "maximize") <= high
        covered += low <= truth <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_the_interval_of_an_effect_size_follows_the_direction() -> None:
    x, y = np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, np.inf])
    low, high = s.superiority_interval(x, y, "minimize")
    mirrored = s.superiority_interval(x, y, "maximize")
    assert (low, high) == pytest.approx((1 - mirrored[1], 1 - mirrored[0]))
    assert s.superiority_interval(x, x + 10, "minimize") == (1.0, 1.0)
    with pytest.raises(InvalidInputError, match="two samples"):
        s.superiority_interval(x, np.empty(0), "minimize")
