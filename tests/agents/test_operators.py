from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, chisquare

from agents.operators import Mutation, tournament, uniform_crossover, woken
from simulators import DesignSpace, InactiveRule, Parameter

SPACE = DesignSpace(
    [
        Parameter("depth", tuple(range(9)), ordered=True),
        Parameter("policy", ("a", "b", "c", "d")),
        Parameter("fixed", (7,)),
        Parameter("flag", (False, True)),
    ]
)


def test_a_tournament_of_one_is_uniform_and_a_large_one_finds_the_best():
    rng = np.random.default_rng(0)
    fitness = np.array([0.0, 3.0, 1.0, 2.0])
    counts = np.bincount(tournament(fitness, 8000, 1, rng), minlength=4)
    assert (np.abs(counts - 2000) < 200).all()  # 5 standard deviations of 39
    assert (tournament(fitness, 50, 60, rng) == 1).all()  # missing it: (3/4)^60 each


def test_a_tournament_of_two_wins_with_the_known_probabilities():
    # rank r of n (from the worst, 1..n) wins with (r^2 - (r-1)^2) / n^2: 1/9, 3/9, 5/9.
    winners = tournament(np.array([1.0, 2.0, 3.0]), 90_000, 2, np.random.default_rng(1))
    np.testing.assert_allclose(np.bincount(winners) / 90_000, [1 / 9, 3 / 9, 5 / 9], atol=0.008)


def test_tournaments_of_stacked_populations_stay_apart():
    fitness = np.array([[0.0, 1.0, 5.0], [9.0, 1.0, 5.0]])
    winners = tournament(fitness, 20, 40, np.random.default_rng(2))
    assert winners.shape == (2, 20)
    assert (winners[0] == 2).all() and (winners[1] == 0).all()


def test_crossover_takes_every_value_from_a_parent_half_from_each():
    mothers, fathers = np.zeros((4000, 6), dtype=np.int64), np.ones((4000, 6), dtype=np.int64)
    children = uniform_crossover(mothers, fathers, 1.0, np.random.default_rng(3))
    assert set(np.unique(children)) == {0, 1}
    np.testing.assert_allclose(children.mean(axis=0), 0.5, atol=0.04)
    assert (uniform_crossover(mothers, fathers, 0.0, np.random.default_rng(3)) == mothers).all()


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 5.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_mutants_stay_in_the_space_and_fixed_parameters_stay_fixed(seed, rate, reach, resample):
    rng = np.random.default_rng(seed)
    designs = SPACE.sample(40, rng)
    mutants = Mutation(SPACE, reach, resample)(designs, rate, rng)
    SPACE.check(mutants)
    assert mutants.dtype == np.int64
    assert (mutants[:, 2] == 0).all()
    assert (mutants != designs).any(axis=1).all()


def test_without_reach_one_parameter_moves_by_one_step():
    rng = np.random.default_rng(4)
    designs = SPACE.sample(3000, rng)
    mutants = Mutation(SPACE, reach=0.0, resample=0.0)(designs, 0.0, rng)
    changed = mutants != designs
    assert (changed.sum(axis=1) == 1).all()
    assert set(np.abs(mutants - designs)[changed[:, 0], 0]) == {1}
    np.testing.assert_allclose(changed.mean(axis=0), [1 / 3, 1 / 3, 0, 1 / 3], atol=0.05)


def test_steps_at_an_end_turn_inwards():
    at_end = np.zeros((200, 4), dtype=np.int64)
    mutants = Mutation(SPACE, reach=0.0, resample=0.0)(at_end, 0.0, np.random.default_rng(5))
    assert set(mutants[:, 0]) == {0, 1}


def test_unordered_parameters_draw_any_other_value_alike():
    only = DesignSpace([Parameter("policy", ("a", "b", "c", "d"))])
    mutants = Mutation(only, 0.1, 0.0)(np.full((9000, 1), 2), 1.0, np.random.default_rng(6))
    np.testing.assert_allclose(np.bincount(mutants[:, 0], minlength=4) / 9000, [1 / 3, 1 / 3, 0, 1 / 3], atol=0.03)


def test_the_mean_step_is_the_stated_share_of_the_range():
    wide = DesignSpace([Parameter("depth", tuple(range(1001)), ordered=True)])
    middle = np.full((20_000, 1), 500)
    steps = np.abs(Mutation(wide, 0.02, 0.0)(middle, 0.0, np.random.default_rng(7)) - 500)
    np.testing.assert_allclose(steps.mean(), 20.0, rtol=0.05)


def test_another_value_of_one_parameter_is_drawn_as_mutations_draw_it():
    """Chi-square of two samples: single values against mutations that are forced into the same parameter."""
    space = DesignSpace([Parameter("depth", range(9))])
    mutate, rng = Mutation(space, reach=0.3, resample=0.25), np.random.default_rng(4)
    for start in (0, 4, 8):
        design = np.array([start])
        alone = np.bincount([mutate.value(design, 0, rng) for _ in range(4000)], minlength=9)
        batch = np.bincount(mutate(np.full((4000, 1), start), 1.0, rng)[:, 0], minlength=9)
        seen = (alone + batch) > 0
        assert chi2_contingency(np.stack([alone[seen], batch[seen]])).pvalue > 0.001
        assert alone[start] == 0


def test_another_value_of_an_unordered_parameter_is_any_other():
    rng = np.random.default_rng(5)
    values = [Mutation(SPACE, 0.1, 0.0).value(np.array([0, 2, 0, 1]), 1, rng) for _ in range(200)]
    assert set(values) == {0, 1, 3}
    assert Mutation(SPACE, 0.1, 0.0).value(np.array([0, 2, 0, 1]), 3, rng) == 0


def test_a_parameter_that_gains_effect_wakes_at_its_default_or_anywhere():
    """One of two switches goes on: what it silenced is drawn anew, half the time its default; nothing else is."""
    space = DesignSpace(
        [
            Parameter("a", ("off", "on")),
            Parameter("size_a", range(10), default=7),
            Parameter("b", ("off", "on")),
            Parameter("size_b", range(10), default=7),
            Parameter("free", range(10)),
        ],
        inactive=[InactiveRule("size_a", {"a": ("off",)}), InactiveRule("size_b", {"b": ("off",)})],
    )
    before = np.tile([0, 2, 1, 3, 4], (4000, 1))
    after = np.tile([1, 2, 1, 5, 6], (4000, 1))
    new = woken(space, before, after, np.random.default_rng(6))
    assert (new[:, [0, 2, 3, 4]] == [1, 1, 5, 6]).all()
    counts = np.bincount(new[:, 1], minlength=10)
    assert chisquare(counts, 4000 * np.where(np.arange(10) == 7, 0.55, 0.05)).pvalue > 0.001
    assert (woken(space, after, before, np.random.default_rng(6)) == before).all(), "nothing gains effect"
