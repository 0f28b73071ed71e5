from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archgym_envs import INVALID_REWARD, Objective, Scorer
from archgym_envs.scoring import PAPER_LIMIT, hypervolume
from simulators import Evaluation, InvalidInputError, Metric, Problem, UnknownNameError
from tests.archgym_envs.toys import chip, chip_space, design

PROBLEM = chip()  # reference: lanes 4, energy 16 pJ, time 16 ns, throughput 1/16, stalls 0
OBJECTIVES = [
    {"minimize": "energy_pj * time_ns"},
    {"minimize": "stalls"},
    {"maximize": "throughput_per_ns"},
    {"meet": {"energy_pj": 20, "time_ns": 10}},
    {"meet": {"throughput_per_ns": 0.1, "energy_pj": 100}, "tie_break": "energy_pj * energy_pj"},
    {"meet": {"energy_pj": 100}, "tie_break": "throughput_per_ns"},
    {"pareto": ["energy_pj", "throughput_per_ns", "time_ns"]},
    {"paper": {"energy_pj": 20, "time_ns": 10}},
]


def scorer(spec) -> Scorer:
    return Scorer(Objective.parse(spec), PROBLEM)


def rows(*numbers: tuple[float, float, float, float]) -> Evaluation:
    return Evaluation.of_valid(PROBLEM.simulator.metrics, np.array(numbers, dtype=np.float64))


def lanes(*values: int) -> Evaluation:
    """Evaluations of chips with these lanes: energy lanes^2, time 64/lanes, throughput lanes/64."""
    return PROBLEM.evaluate(np.stack([design(lanes=value, buffer="fifo") for value in values]))


def test_minimize_a_product():
    edp = scorer({"minimize": "energy_pj * time_ns"})
    scores = edp.score(lanes(1, 2, 4, 8))
    assert scores.tolist() == [64.0, 128.0, 256.0, 512.0]
    assert edp.reference_score == 256.0
    assert edp.unit == "pJ * ns"
    assert edp.reward(scores) == pytest.approx([math.log(4), math.log(2), 0.0, -math.log(2)])
    assert not edp.met(lanes(1)).any()
    assert edp.worst == math.inf
    assert edp.better(1.0, 2.0)
    assert not edp.better(2.0, 2.0)


def test_pareto_scores_what_one_design_dominates_and_the_optimum_is_what_all_do():
    """Reference: 16 pJ, 16 ns. Gains 16 / (16 + x): of 1, 2, 4, 8 lanes in energy 16/17, 4/5, 1/2, 1/5, in time
    1/5, 1/3, 1/2, 2/3."""
    trade = scorer({"pareto": ["time_ns", "energy_pj"]})
    scores = trade.score(lanes(1, 2, 4, 8))
    assert scores == pytest.approx([16 / 17 / 5, 4 / 15, 1 / 4, 2 / 15])
    assert trade.gains(lanes(8).values) == pytest.approx(np.array([[1 / 5, 2 / 3]]))
    assert trade.reference_score == 0.25
    assert trade.unit == "1"
    assert trade.worst == -math.inf
    assert trade.reward(scores)[1] == pytest.approx(math.log(16 / 15))
    steps = [16 / 17 / 5, (1 / 3 - 1 / 5) * 4 / 5, (1 / 2 - 1 / 3) / 2, (2 / 3 - 1 / 2) / 5]
    assert hypervolume(trade.gains(lanes(4, 1, 8, 2).values)) == pytest.approx(sum(steps))
    both = scorer({"pareto": ["throughput_per_ns", "energy_pj"]})
    assert both.gains(lanes(4, 8).values) == pytest.approx(np.array([[1 / 2, 1 / 2], [1 / 5, 2 / 3]]))


def test_pareto_gains_are_relative_to_a_positive_reference():
    with pytest.raises(InvalidInputError, match=r"objective\.pareto: the reference design's stalls is 0"):
        scorer({"pareto": ["stalls", "energy_pj"]})


def test_the_hypervolume_of_nothing_is_nothing():
    assert hypervolume(np.empty((0, 2))) == 0.0


def test_maximize():
    fast = scorer({"maximize": "throughput_per_ns"})
    scores = fast.score(lanes(4, 8, 1))
    assert scores.tolist() == [1 / 16, 1 / 8, 1 / 64]
    assert fast.reward(scores) == pytest.approx([0.0, math.log(2), -math.log(4)])
    assert fast.worst == -math.inf
    assert fast.better(2.0, 1.0)
    assert fast.unit == "1/ns"


def test_meet_is_the_sum_of_relative_excesses_and_exactly_zero_when_met():
    meet = scorer({"meet": {"energy_pj": 64, "time_ns": 8}})
    scores = meet.score(lanes(8, 16, 4, 1))
    assert scores.tolist() == [0.0, 3.0, 1.0, 7.0]  # 256/64 - 1, 16/8 - 1, 64/8 - 1
    assert meet.met(lanes(8, 16)).tolist() == [True, False]
    assert meet.reward(scores) == pytest.approx([0.0, -math.log(4), -math.log(2), -math.log(8)])
    assert meet.unit == "1"


def test_meet_takes_a_maximised_metric_as_a_lower_budget():
    meet = scorer({"meet": {"throughput_per_ns": 0.125}})
    assert meet.score(lanes(4, 8, 16)).tolist() == [0.5, 0.0, 0.0]


def test_tie_break_orders_the_designs_that_meet_all_budgets():
    meet = scorer({"meet": {"time_ns": 16}, "tie_break": "energy_pj"})  # the reference's energy is 16
    scores = meet.score(lanes(2, 4, 8, 16))
    assert scores.tolist() == [1.0, -16 / 32, -16 / 80, -16 / 272]
    assert meet.met(lanes(2, 4, 8)).tolist() == [False, True, True]
    rewards = meet.reward(scores)
    assert rewards.tolist() == [-np.log1p(1.0), 0.5, 0.2, 16 / 272]
    assert meet.better(scores[1], scores[2])


def test_tie_break_of_a_maximised_metric_prefers_more():
    meet = scorer({"meet": {"energy_pj": 300}, "tie_break": "throughput_per_ns"})
    scores = meet.score(lanes(4, 8, 16))
    assert (np.diff(scores) < 0).all()
    assert ((scores > -1) & (scores < 0)).all()


@given(st.floats(0, 1e300), st.booleans())
def test_tie_break_stays_strictly_between_minus_one_and_zero(value, more):
    meet = scorer({"meet": {"stalls": 5}, "tie_break": "throughput_per_ns" if more else "energy_pj"})
    score = meet.score(rows((value, 1.0, value, 0.0)))[0]
    assert -1.0 < score < 0.0


def test_paper_is_the_capped_product_of_target_over_distance():
    paper = scorer({"paper": {"energy_pj": 20, "time_ns": 10}})
    scores = paper.score(rows((10, 5, 1, 0), (20, 5, 1, 0), (40, 30, 1, 0)))
    assert scores.tolist() == pytest.approx([4.0, PAPER_LIMIT * 2.0, 0.5], rel=1e-15)
    assert paper.reward(scores) == pytest.approx([math.log(4), 10.0, math.log(0.5)])
    assert paper.objective.direction == "maximize"


def test_invalid_designs_score_nan_and_get_the_declared_penalty():
    evaluation = PROBLEM.evaluate(np.stack([design(lanes=64, buffer="fifo"), design(lanes=4)]))
    for spec in OBJECTIVES:
        bound = scorer(spec)
        scores = bound.score(evaluation)
        assert np.isnan(scores[0])
        assert not np.isnan(scores[1])
        assert bound.reward(scores)[0] == INVALID_REWARD
        assert not bound.met(evaluation)[0]
        assert bound.better(scores[1], scores[0])
        assert not bound.better(scores[0], scores[1])
        assert not bound.better(math.nan, math.nan)


def test_a_reference_of_zero_is_a_scale_of_one():
    stalls = scorer({"minimize": "stalls"})  # 0 on the reference design
    scores = stalls.score(rows((1, 1, 1, 0), (1, 1, 1, 7)))
    assert stalls.reward(scores) == pytest.approx([0.0, -math.log(8)])


@pytest.mark.parametrize("spec", OBJECTIVES)
@given(values=st.lists(st.floats(0, 1e12) | st.sampled_from([0.0, 16.0, 20.0, 1e150]), min_size=4, max_size=4))
def test_one_design_is_scored_exactly_as_in_a_batch(spec, values):
    bound = scorer(spec)
    scores = bound.score(rows(tuple(values), (1.0, 2.0, 3.0, 4.0)))
    assert bound.score_of(values) == scores[0]
    assert bound.reward_of(float(scores[0])) == bound.reward(scores)[0]
    assert -10.0 <= bound.reward(scores)[0] <= 10.0


@pytest.mark.parametrize("spec", OBJECTIVES)
@given(pair=st.tuples(st.floats(1e-3, 1e6), st.floats(1e-3, 1e6)))
def test_a_better_score_never_has_a_lower_reward(spec, pair):
    bound = scorer(spec)
    low, high = min(pair), max(pair)
    rewards = bound.reward(np.array([low, high]))
    assert rewards[0] >= rewards[1] if bound.objective.direction == "minimize" else rewards[0] <= rewards[1]


def test_nan_rewards_are_finite_and_scalars_agree():
    for spec in OBJECTIVES:
        assert scorer(spec).reward_of(math.nan) == INVALID_REWARD
        assert scorer(spec).reward(np.array([math.nan, math.inf, -math.inf, 0.0])).tolist() == [
            INVALID_REWARD,
            *(scorer(spec).reward_of(x) for x in (math.inf, -math.inf, 0.0)),
        ]


def test_unknown_metric_names_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'energy_pj'"):
        scorer({"minimize": "enrgy_pj"})
    with pytest.raises(UnknownNameError, match="did you mean 'time_ns'"):
        scorer({"meet": {"energy_pj": 1}, "tie_break": "time_n"})


def test_tie_break_of_mixed_direction_is_refused():
    with pytest.raises(InvalidInputError, match="one direction"):
        scorer({"meet": {"energy_pj": 1}, "tie_break": "energy_pj * throughput_per_ns"})


def test_an_evaluation_of_another_simulator_is_refused():
    other = Evaluation.of_valid((Metric("speed", "m/s"),), np.ones((1, 1)))
    with pytest.raises(InvalidInputError, match="speed"):
        scorer({"minimize": "energy_pj"}).score(other)


def test_an_invalid_reference_design_is_refused():
    from simulators import DesignSpace, Parameter

    problem = chip()
    hot = DesignSpace([Parameter("lanes", (64, 4)), *chip_space().parameters[1:]], name="hot")
    with pytest.raises(InvalidInputError, match=r"reference design of space 'hot' is invalid \(too hot\)"):
        Scorer(Objective.parse({"minimize": "energy_pj"}), Problem(problem.simulator, hot, problem.workload))
