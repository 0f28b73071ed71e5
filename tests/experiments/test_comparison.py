"""Comparisons of hand-made results whose outcome is known."""

from __future__ import annotations

import io
import json
import math

import numpy as np
import pytest
from rich.console import Console

from experiments.comparison import compare
from experiments.run_groups import group_runs
from experiments.summaries import gap_closed_of
from experiments.verdicts import p_text
from simulators import InvalidInputError, UnknownNameError
from tests.experiments.fake_results import FakeResults, fake_results, meet_record, problem_record, searches

NAN = math.nan


def three_agents(runs: int = 12) -> FakeResults:
    rng = np.random.default_rng(3)
    curves = {
        "random_search": searches(rng, runs, 30, 60.0),
        "good": searches(rng, runs, 30, 20.0),
        "twin": searches(rng, runs, 30, 60.0),
        "bad": searches(rng, runs, 30, 90.0),
    }
    return fake_results([(problem_record(), curves)], config={"compare": {"at": [10]}})


def test_the_clear_winner_is_named_and_ordered_first() -> None:
    (problem,) = compare(three_agents()).problems
    assert (problem.final[0].agent, problem.final[-1].agent) == ("good", "bad")
    assert problem.winner == "good"
    assert problem.verdict[0] == "good is best: better than every other agent (all p < 0.001)."


def test_against_the_baseline_better_worse_and_not_distinguishable() -> None:
    comparison = compare(three_agents())
    assert comparison.baseline == "random_search"
    (problem,) = comparison.problems
    conclusions = {test.agent: test.conclusion for test in problem.baseline_tests}
    assert conclusions == {"good": "better", "twin": "not distinguishable", "bad": "worse"}
    assert problem.verdict[1].startswith("Against random_search: better: good (p < 0.001); worse: bad (p < 0.001); not")


def test_holm_family_is_agents_times_problems_for_each_side() -> None:
    rng = np.random.default_rng(8)
    pairs = [
        (problem_record(f"p{number}"), {"base": searches(rng, 4, 5, 50.0), "one": searches(rng, 4, 5, 10.0)})
        for number in range(3)
    ]
    comparison = compare(fake_results(pairs))
    tests = [test for problem in comparison.problems for test in problem.baseline_tests]
    # Fully separated samples of 4 and 4: p = 1 / C(8, 4) = 1/70 in each of the three tests, times three.
    assert [test.p_better for test in tests] == pytest.approx([1 / 70] * 3)
    assert [test.adjusted_better for test in tests] == pytest.approx([3 / 70] * 3)
    assert [test.adjusted_worse for test in tests] == [1.0] * 3
    assert "family of 3 tests (1 agent x 3 problems) for 'better'" in comparison.families[0]


def test_no_winner_is_said_honestly() -> None:
    rng = np.random.default_rng(1)
    curves = {name: searches(rng, 10, 20, 50.0) for name in ("alpha", "beta", "gamma")}
    (problem,) = compare(fake_results([(problem_record(), curves)])).problems
    assert problem.winner is None
    leader = problem.final[0].agent
    assert problem.verdict[0].startswith(f"No winner: {leader} leads but cannot be distinguished from")


def test_summary_numbers_by_hand() -> None:
    curves = {"a": [[9.0, 5.0], [NAN, 7.0], [3.0, 4.0], [NAN, NAN]], "b": [[1.0, 1.0]] * 4}
    comparison = compare(fake_results([(problem_record(reference_score=6.0), curves)]), at=[1])
    (problem,) = comparison.problems
    row = next(row for row in problem.final if row.agent == "a")
    # Final bests 5, 7, 3 and nothing valid (infinite): the middle two average to 6.
    assert (row.runs, row.median, row.iqm, row.best, row.worst) == (4, 6.0, 6.0, 3.0, math.inf)
    assert row.beats_reference == 2
    first = next(row for row in problem.summaries[1] if row.agent == "a")
    assert first.median == math.inf  # 9, inf, 3, inf
    assert first.best == 3.0


def test_maximised_scores_are_compared_upwards() -> None:
    record = problem_record(direction="maximize", reference_score=1.0)
    curves = {"low": [[1.0, 2.0], [1.0, 3.0]] * 4, "high": [[5.0, 4.0], [6.0, NAN]] * 4}
    (problem,) = compare(fake_results([(record, curves)])).problems
    assert [row.agent for row in problem.final] == ["high", "low"]
    assert (problem.final[0].best, problem.final[0].median) == (6.0, 5.5)
    assert problem.winner == "high"
    assert problem.baseline_tests[0].superiority == 1.0


def specification() -> FakeResults:
    fast = [[0.5, 0.0, 0.0, 0.0, 0.0]] * 8
    slow = [[0.5, 0.4, 0.3, 0.2, 0.0]] * 6 + [[0.5, 0.4, 0.3, 0.2, 0.1]] * 2
    return fake_results([(meet_record(), {"slow": slow, "fast": fast})])


def test_meeting_a_specification_is_counted_with_censoring() -> None:
    (problem,) = compare(specification()).problems
    fast, slow = (row.target for row in problem.final)
    assert fast is not None and slow is not None
    assert (fast.reached, fast.success_rate, fast.median) == (8, 1.0, 2.0)
    assert (slow.reached, slow.success_rate, slow.median, slow.restricted_mean) == (6, 0.75, 5.0, 5.0)
    assert slow.expected == pytest.approx(40 / 6)
    assert "Runs that met the specification: fast 8/8, slow 6/8." in problem.verdict


def test_of_runs_that_all_meet_it_the_faster_agent_wins_without_a_tie_break() -> None:
    late = [[0.5, 0.5, 0.0]] * 8
    early = [[0.5, 0.0, 0.0]] * 8
    (problem,) = compare(fake_results([(meet_record(), {"late": late, "early": early})])).problems
    assert problem.winner == "early"
    assert any("ranked by the evaluations they needed" in note for note in problem.notes)


def test_with_a_tie_break_the_score_alone_decides() -> None:
    record = meet_record(objective={"meet": {"makespan_ns": 40.0}, "tie_break": "energy_pj", "version": 1})
    late = [[0.5, 0.5, -0.7]] * 8
    early = [[0.5, -0.2, -0.2]] * 8
    (problem,) = compare(fake_results([(record, {"late": late, "early": early})])).problems
    assert problem.winner == "late"
    assert problem.final[0].target is not None and problem.final[0].target.median == 3


def test_failed_and_unfinished_runs_are_reported_and_left_out() -> None:
    changes = {
        "p0_good_0": {"state": "failed", "error": "ValueError: boom\ntraceback"},
        "p0_good_1": {"state": "unfinished"},
    }
    results = three_agents()
    results.runs = tuple(
        run if run.run_id not in changes else type(run)(**{**vars(run), **changes[run.run_id]}) for run in results.runs
    )
    for run_id in changes:
        results.curves[run_id] = results.curves[run_id][:15]
    comparison = compare(results)
    (problem,) = comparison.problems
    good = next(row for row in problem.final if row.agent == "good")
    assert (good.runs, good.left_out) == (10, 2)
    early = next(row for row in problem.summaries[10] if row.agent == "good")
    assert (early.runs, early.left_out) == (12, 0)  # They are known to have got this far.
    assert any("good: 1 failed and 1 not finished of 12 runs" in note and "boom" in note for note in comparison.notes)
    assert any("different numbers of runs" in note for note in comparison.notes)
    cost = next(cost for cost in problem.costs if cost.agent == "good")
    assert (cost.failed, cost.unfinished) == (1, 1)


def test_an_agent_without_any_finished_run_neither_wins_nor_crashes() -> None:
    results = three_agents()
    results.runs = tuple(
        run if run.agent != "good" else type(run)(**{**vars(run), "state": "failed"}) for run in results.runs
    )
    results.curves = {run_id: c[:0] if "good" in run_id else c for run_id, c in results.curves.items()}
    comparison = compare(results)
    (problem,) = comparison.problems
    assert problem.final[-1].agent == "good" and problem.final[-1].runs == 0
    assert problem.winner is None
    json.dumps(comparison.to_dict(), allow_nan=False)
    printed(comparison)


def test_a_search_that_exhausted_its_space_keeps_its_best_score() -> None:
    curves = {"short": [[4.0, 2.0]], "long": [[9.0, 9.0, 9.0, 1.0]]}
    results = fake_results([(problem_record(), curves)], budget=4)
    (problem,) = compare(results).problems
    assert {row.agent: (row.runs, row.median) for row in problem.final} == {"short": (1, 2.0), "long": (1, 1.0)}
    (runs,) = group_runs(results).values()
    assert runs.curve_matrix("short").tolist() == [[4.0, 2.0, 2.0, 2.0]]


def test_too_few_seeds_is_a_note() -> None:
    (problem,) = compare(fake_results([(problem_record(), {"a": [[1.0]] * 3, "b": [[2.0]] * 3})])).problems
    assert any("too few runs" in note and "0.1" in note for note in problem.notes)


def test_hyperparameter_spread_is_kept_apart_from_seed_spread() -> None:
    draws = {f"swept#{d}": [[10.0 * d + s] for s in (0.0, 1.0, 2.0, 3.0, 4.0)] for d in range(5)}
    (problem,) = compare(fake_results([(problem_record(), {"base": [[99.0]] * 5, **draws})])).problems
    (spread,) = problem.draws
    assert spread.agent == "swept"
    assert (spread.over_draws, spread.over_seeds) == (20.0, 2.0)
    assert [draw.draw for draw in spread.draws] == [0, 1, 2, 3, 4]
    assert spread.draws[3].hyperparameters == {"rate": 0.3}
    pooled = next(row for row in problem.final if row.agent == "swept")
    assert pooled.runs == 25


def test_pooled_draws_are_strata_of_the_bootstrap() -> None:
    # All seeds of a draw agree, so redrawing within draws changes nothing: the interval is a point.
    draws = {f"swept#{d}": [[10.0 * d]] * 5 for d in range(4)}
    (problem,) = compare(fake_results([(problem_record(), draws)])).problems
    row = problem.final[0]
    assert row.iqm_low == row.iqm == row.iqm_high == 15.0


def test_overall_summary_weighs_problems_by_the_gap_closed() -> None:
    pairs = [
        (problem_record("small", reference_score=10.0), {"a": [[10.0]] * 4, "b": [[0.0]] * 4}),
        (problem_record("huge", reference_score=1e12), {"a": [[5e11]] * 4, "b": [[0.0]] * 4}),
    ]
    overall = {row.agent: row.iqm for row in compare(fake_results(pairs)).overall}
    assert overall == {"a": 0.25, "b": 1.0}


def test_baseline_and_checkpoints_come_from_the_config_unless_given() -> None:
    results = three_agents()
    results.config = {"compare": {"baseline": "twin", "at": [5, 10, 500]}}
    comparison = compare(results)
    assert comparison.baseline == "twin"
    assert list(comparison.problems[0].summaries) == [5, 10, 30]
    assert any("not compared at 500" in note for note in comparison.notes)
    assert compare(results, at=[], baseline="bad").baseline == "bad"


def test_mistakes_say_what_to_do() -> None:
    results = three_agents()
    with pytest.raises(UnknownNameError, match="did you mean 'random_search'"):
        compare(results, baseline="random_serch")
    with pytest.raises(InvalidInputError, match="confidence"):
        compare(results, confidence=95.0)
    with pytest.raises(InvalidInputError, match="1 evaluation"):
        compare(results, at=[0])
    with pytest.raises(InvalidInputError, match="no runs"):
        compare(fake_results([]))


def test_json_is_strict_and_complete() -> None:
    results = fake_results([(problem_record(), {"a": [[NAN, NAN]] * 3, "b": [[1.0, 2.0]] * 3})])
    data = json.loads(json.dumps(compare(results).to_dict(), allow_nan=False))
    rows = {row["agent"]: row for row in data["problems"][0]["summaries"]["2"]}
    assert rows["a"]["median"] is None
    assert rows["b"]["median"] == 1.0
    assert data["problems"][0]["pair_tests"][0]["first"] == "b"


def printed(comparison: object, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(comparison.render())  # type: ignore[attr-defined]
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("results", [three_agents(), specification()], ids=["minimize", "meet"])
def test_tables_fit_80_columns_and_hold_the_verdict(results: FakeResults) -> None:
    comparison = compare(results)
    text = printed(comparison)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert "reference" in text
    assert " ".join(comparison.problems[0].verdict[0].split()) in " ".join(text.split())


def test_large_scores_share_one_power_of_ten() -> None:
    curves = {"a": [[1.2345e13], [1.5e13]], "b": [[2.5e14], [2.6e14]]}
    text = printed(compare(fake_results([(problem_record(unit="pJ * ns", reference_score=9e14), curves)])))
    assert "1e12 pJ * ns" in text
    assert "900.0" in text


def test_p_values_as_text() -> None:
    assert p_text(0.0004) == "p < 0.001"
    assert p_text(0.0314) == "p = 0.031"
    assert p_text(0.31) == "p = 0.31"
    assert p_text(0.02, "all p") == "all p <= 0.020"


@pytest.mark.parametrize(
    ("direction", "reference", "good", "bad"), [("minimize", 1.0, 5.0, 9.0), ("maximize", 9.0, 5.0, 1.0)]
)
def test_no_gap_is_closed_where_nobody_beats_the_reference(direction, reference, good, bad) -> None:
    curves = {"good": [[good]] * 4, "bad": [[bad]] * 4}
    lost = problem_record("lost", direction=direction, reference_score=reference)
    won = problem_record("won", reference_score=10.0)
    results = fake_results([(lost, curves), (won, {"good": [[2.0]] * 4, "bad": [[6.0]] * 4})])
    groups = group_runs(results)
    assert groups["lost"].best_known() == reference
    assert (
        np.isnan(gap_closed_of(groups["lost"], "bad")).all() and np.isnan(gap_closed_of(groups["lost"], "good")).all()
    )
    assert gap_closed_of(groups["won"], "bad").tolist() == [0.5] * 4
    assert compare(results).overall == ()


def test_an_agent_without_finished_runs_does_not_keep_another_from_winning() -> None:
    rng = np.random.default_rng(3)
    curves = {"good": searches(rng, 12, 20, 20.0), "bad": searches(rng, 12, 20, 90.0), "gone": [[1.0]] * 2}
    lost = {f"p0_gone_{seed}": {"state": "failed"} for seed in range(2)}
    results = fake_results([(problem_record(), curves)], budget=20, **lost)
    (problem,) = compare(results).problems
    assert problem.winner == "good"
    assert problem.verdict[0].startswith("good is best: better than every other agent (all p < 0.001).")
    assert problem.verdict[0].endswith("Left out: gone, which has no finished runs.")


def test_pooled_draws_are_noted_where_p_values_are_given() -> None:
    draws = {f"swept#{d}": [[10.0 * d + s] for s in range(5)] for d in range(3)}
    (problem,) = compare(fake_results([(problem_record(), {"base": [[99.0]] * 5, **draws})])).problems
    noted = [note for note in problem.notes if "hyperparameter draws are pooled" in note]
    assert len(noted) == 1 and noted[0].startswith("swept: 15 runs of 3 hyperparameter draws are pooled; the p-values")


def test_a_configured_baseline_without_runs_is_not_replaced_silently() -> None:
    results = three_agents()
    results.config = {"compare": {"baseline": "vanished"}}
    comparison = compare(results)
    assert comparison.baseline == "random_search"
    assert "baseline 'vanished' has no runs" in comparison.notes[0] and "random_search instead" in comparison.notes[0]
    assert "baseline 'vanished' has no runs" in " ".join(printed(comparison).split())
    assert not any("has no runs" in note for note in compare(results, baseline="twin").notes)


def test_an_agent_absent_from_the_first_problem_takes_no_part_in_the_overall_summary() -> None:
    one, both = [[50.0, 40.0]] * 4, [[60.0, 30.0]] * 4
    pairs = [(problem_record("a"), {"both": both}), (problem_record("b"), {"late": one, "both": both})]
    comparison = compare(fake_results(pairs))
    assert [summary.agent for summary in comparison.overall] == ["both"]


def test_when_every_run_has_the_same_score_nobody_leads() -> None:
    curves = {agent: [[50.0, 40.0]] * 8 for agent in ("a", "b", "c")}
    (problem,) = compare(fake_results([(problem_record(), curves)])).problems
    assert problem.winner is None
    assert problem.verdict[0] == "No winner: all agents are tied: every run ended with the same score."


def test_effects_have_a_word_only_where_a_test_could_have_found_them() -> None:
    def effects(runs: int) -> set[str]:
        rng = np.random.default_rng(1)
        curves = {"a": searches(rng, runs, 5, 50.0), "b": searches(rng, runs, 5, 10.0)}
        (problem,) = compare(fake_results([(problem_record(), curves)])).problems
        return {test.effect for test in (*problem.baseline_tests, *problem.pair_tests)}

    # Two runs each: 1 / C(4, 2) = 0.17 is the smallest one-sided p; four each: 1 / C(8, 4) = 0.014.
    assert effects(2) == {""}
    assert effects(4) == {"large"}
