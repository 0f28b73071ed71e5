"""The tables of a report."""

from __future__ import annotations

import math
from collections.abc import Mapping

from experiments.comparison_records import Comparison, DrawSpread, ProblemComparison
from experiments.comparison_view import Scale, evaluations_text
from experiments.figures import Style
from experiments.html import Markup, Row, element, join, table
from experiments.verdicts import p_text


def _named(agent: str, styles: Mapping[str, Style]) -> Markup:
    return join([Markup(f'<span class="dot" style="background:{styles[agent].colour}"></span>'), agent])


def score_table(problem: ProblemComparison, percent: str, styles: Mapping[str, Style]) -> Markup:
    """Return the agents' scores at the final budget, and medians at earlier checkpoints."""
    scale = Scale.of([summary.median for summary in problem.final])
    rows = [
        Row(
            [
                _named(summary.agent, styles),
                f"{summary.runs} of {summary.runs + summary.left_out}" if summary.left_out else str(summary.runs),
                scale.text(summary.median),
                f"{scale.text(summary.lower_quartile)} to {scale.text(summary.upper_quartile)}",
                scale.text(summary.iqm),
                f"{scale.text(summary.iqm_low)} to {scale.text(summary.iqm_high)}",
                scale.text(summary.best),
                *(scale.text(_median_at(problem, at, summary.agent)) for at in _earlier(problem)),
            ],
            css="winner" if summary.agent == problem.winner else "",
        )
        for summary in problem.final
    ]
    rows.append(Row(["reference design", "", scale.text(problem.reference)], css="reference"))
    header = ["agent", "runs", "median", "quartiles", "IQM", f"{percent} interval", "best"]
    header += [f"median at {at}" for at in _earlier(problem)]
    caption = f"{problem.measure} after {problem.budget} evaluations, {scale.unit(problem.unit)}."
    return join([table(header, rows), element("p", caption, css="small")])


def _earlier(problem: ProblemComparison) -> list[int]:
    return [at for at in problem.summaries if at != problem.budget]


def _median_at(problem: ProblemComparison, at: int, agent: str) -> float:
    return next((summary.median for summary in problem.summaries[at] if summary.agent == agent), math.nan)


def target_table(problem: ProblemComparison, percent: str, styles: Mapping[str, Style]) -> Markup:
    """Return how often and how soon agents met the specification."""
    rows = [
        Row(
            [
                _named(summary.agent, styles),
                f"{target.reached} of {summary.runs}",
                f"{target.success_rate:.0%}",
                f"{target.low:.0%} to {target.high:.0%}",
                evaluations_text(target.median, problem.budget),
                f"{target.restricted_mean:.0f}",
                evaluations_text(target.expected),
            ],
            css="winner" if summary.agent == problem.winner else "",
        )
        for summary in problem.final
        if (target := summary.target) is not None
    ]
    rows.append(Row(["reference design", "met" if problem.reference_met else "not met"], css="reference"))
    header = ["agent", "runs that met it", "share", f"{percent} interval", "median evaluations", "mean", "per success"]
    caption = (
        f"Evaluations until every limit was met. In the mean, runs that did not get there count as {problem.budget}; "
        "“per success” divides all evaluations spent by the runs that succeeded."
    )
    return join([table(header, rows), element("p", caption, css="small")])


def test_table(problem: ProblemComparison) -> Markup:
    """Return the tests against the baseline, largest effect first."""
    rows = []
    for test in sorted(problem.baseline_tests, key=lambda test: -test.superiority):
        css = {5: test.conclusion} if test.conclusion in ("better", "worse") else {}
        cells = [test.agent, f"{test.superiority:.2f}", test.effect]
        cells += [p_text(test.adjusted_better), p_text(test.adjusted_worse), test.conclusion]
        rows.append(Row(cells, cell_css=css))
    return table(["agent", "A12", "effect", "better", "worse", "conclusion"], rows)


def pair_table(problem: ProblemComparison) -> Markup:
    """Return the tests of all pairs, folded away."""
    rows = [
        Row(
            [test.first, test.second, f"{test.superiority:.2f}", test.effect, p_text(test.adjusted), test.conclusion],
            cell_css={5: test.conclusion} if test.conclusion in ("better", "worse") else {},
        )
        for test in problem.pair_tests
    ]
    shown = table(["agent", "compared with", "A12", "effect", "p", "conclusion"], rows)
    return element("details", element("summary", f"{len(rows)} tests"), shown)


def cost_table(problem: ProblemComparison) -> Markup:
    """Return what a run of each agent costs on average."""
    order = {summary.agent: position for position, summary in enumerate(problem.final)}
    rows = [
        Row(
            [
                cost.agent,
                *(f"{value:.0f}" if math.isfinite(value) else "-" for value in (cost.evaluations, cost.proposals)),
                *(
                    f"{value:.3g} s" if math.isfinite(value) else "-"
                    for value in (cost.simulator_seconds, cost.agent_seconds)
                ),
                str(cost.failed),
                str(cost.unfinished),
            ]
        )
        for cost in sorted(problem.costs, key=lambda cost: order[cost.agent])
    ]
    return table(["agent", "evaluations", "proposals", "simulator", "agent", "failed", "unfinished"], rows)


def draw_table(spread: DrawSpread, problem: ProblemComparison) -> Markup:
    """Return an agent's hyperparameter draws, best median first, with the settings that differ between them."""
    scale = Scale.of([draw.median for draw in spread.draws])
    varied = [
        name
        for name in spread.draws[0].hyperparameters
        if len({repr(draw.hyperparameters.get(name)) for draw in spread.draws}) > 1
    ]
    rows = [
        Row(
            [
                f"#{draw.draw}" + (" (defaults)" if draw.draw == 0 else ""),
                str(draw.runs),
                scale.text(draw.median),
                f"{scale.text(draw.lower_quartile)} to {scale.text(draw.upper_quartile)}",
                *(setting_text(draw.hyperparameters.get(name)) for name in varied),
            ]
        )
        for draw in spread.draws
    ]
    caption = (
        f"Interquartile range over the draws' medians {scale.text(spread.over_draws)}, over seeds within a draw "
        f"{scale.text(spread.over_seeds)} ({scale.unit(problem.unit)}). The best draw was picked after the fact: "
        "run it again with fresh seeds before believing it."
    )
    shown = table(["draw", "runs", "median", "quartiles", *varied], rows)
    return join([shown, element("p", caption, css="small")])


def setting_text(value: object) -> str:
    """Return a hyperparameter's or parameter's value in short."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def overall_table(comparison: Comparison, styles: Mapping[str, Style]) -> Markup:
    """Return the agents over all problems."""
    rows = [
        Row(
            [
                _named(summary.agent, styles),
                str(summary.runs),
                f"{summary.iqm:.1%}",
                f"{summary.iqm_low:.1%} to {summary.iqm_high:.1%}",
            ]
        )
        for summary in comparison.overall
    ]
    return table(["agent", "runs", "IQM", f"{comparison.confidence:.0%} interval"], rows)
