"""A comparison as tables for a terminal of 80 columns or more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.comparison_records import Comparison, DrawSpread, ProblemComparison
from experiments.verdicts import p_text

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_REFERENCE = "reference"
_NAME_WIDTH = 13
_MOST_CHECKPOINTS = 6


def render(comparison: Comparison) -> RenderableType:
    """Return everything worth printing of ``comparison``, the verdict of each problem last."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = []
    for problem in comparison.problems:
        parts += _problem_parts(problem, comparison)
    if comparison.overall:
        parts += [*_overall_table(comparison), Text()]
    parts += [Text(sentence, style="dim") for sentence in comparison.families]
    of_all = len(comparison.notes) - sum(len(problem.notes) for problem in comparison.problems)
    parts += [Text.assemble(("Note: ", "yellow"), note) for note in comparison.notes[:of_all]]
    return Group(*parts)


def _problem_parts(problem: ProblemComparison, comparison: Comparison) -> list[RenderableType]:
    from rich.rule import Rule
    from rich.text import Text

    parts: list[RenderableType] = [
        Rule(style="dim"),
        Text.assemble((problem.title, "bold"), f", after {problem.budget} evaluations"),
        *_score_table(problem, comparison.confidence),
    ]
    if problem.optimum is not None:
        parts += _regret_table(problem, problem.optimum)
    if any(summary.target for summary in problem.final):
        parts += _target_table(problem, comparison.confidence)
    if len(problem.summaries) > 1:
        parts += _checkpoint_table(problem)
    if problem.baseline_tests:
        parts += _test_table(problem, comparison.confidence)
    parts += _cost_table(problem)
    for spread in problem.draws:
        parts += _draw_table(spread, problem)
    parts.append(Text())
    parts += [Text.assemble(("Note: ", "yellow"), note) for note in problem.notes]
    parts += [Text(sentence, style="" if position else "bold") for position, sentence in enumerate(problem.verdict)]
    return [*parts, Text()]


def _titled(title: str, table: Table) -> list[RenderableType]:
    """Return a table below its title; rich's own titles wrap at the width of the table."""
    from rich.text import Text

    return [Text(f"\n{title}", style="italic"), table]


def _table(columns: Sequence[str]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True, padding=(0, 1))
    for position, column in enumerate(columns):
        if position:
            table.add_column(column, justify="right", no_wrap=True)
        else:
            table.add_column(column, min_width=_NAME_WIDTH, overflow="fold")
    return table


def _score_table(problem: ProblemComparison, confidence: float) -> list[RenderableType]:
    medians = [summary.median for summary in problem.final]
    scale = Scale.of(medians, digits=3 if any(value < 0 for value in medians) else 4)
    better = "lower" if problem.direction == "minimize" else "higher"
    table = _table(["agent", "runs", "median [quartiles]", f"IQM [{confidence:.0%} interval]", "best"])
    for summary in problem.final:
        table.add_row(
            summary.agent,
            f"{summary.runs}/{summary.runs + summary.left_out}" if summary.left_out else str(summary.runs),
            scale.interval(summary.median, summary.lower_quartile, summary.upper_quartile),
            scale.interval(summary.iqm, summary.iqm_low, summary.iqm_high),
            scale.text(summary.best),
            style="bold" if summary.agent == problem.winner else "",
        )
    table.add_row(_REFERENCE, "", scale.text(problem.reference), "", "", style="dim")
    return _titled(f"{problem.measure} found, {scale.unit(problem.unit)} ({better} is better)", table)


def _regret_table(problem: ProblemComparison, optimum: float) -> list[RenderableType]:
    """Return how far the runs stayed from the proven optimum."""
    regrets = [summary.regret for summary in problem.final if summary.regret is not None]
    scale = Scale.of([*regrets, 0.0 if problem.reference_met is not None else abs(problem.reference - optimum)])
    table = _table(["agent", "median regret", "of the optimum", "runs at the optimum"])
    for summary in problem.final:
        if summary.regret is not None:
            share = f"{summary.regret / abs(optimum):.2%}" if optimum and math.isfinite(summary.regret) else "-"
            table.add_row(summary.agent, scale.text(summary.regret), share, f"{summary.found_optimum}/{summary.runs}")
    gap = abs(problem.reference - optimum)
    table.add_row(_REFERENCE, scale.text(gap), f"{gap / abs(optimum):.2%}" if optimum else "-", "", style="dim")
    title = f"Distance from the proven optimum {optimum:.6g}, {scale.unit(problem.unit)}"
    return _titled(title, table)


def _target_table(problem: ProblemComparison, confidence: float) -> list[RenderableType]:
    table = _table(["agent", "runs", f"share [{confidence:.0%} interval]", "median", "mean", "per success"])
    for summary in problem.final:
        target = summary.target
        if target is None:
            continue
        table.add_row(
            summary.agent,
            f"{target.reached}/{summary.runs}",
            f"{target.success_rate:.0%} [{target.low:.0%}, {target.high:.0%}]",
            evaluations_text(target.median, problem.budget),
            f"{target.restricted_mean:.0f}",
            evaluations_text(target.expected),
        )
    table.add_row(_REFERENCE, "", "met" if problem.reference_met else "not met", "", "", "", style="dim")
    title = f"Met the specification, and evaluations to it (in the mean, others count {problem.budget})"
    return _titled(title, table)


def _checkpoint_table(problem: ProblemComparison) -> list[RenderableType]:
    scale = Scale.of([s.median for summaries in problem.summaries.values() for s in summaries])
    shown = list(problem.summaries)[-_MOST_CHECKPOINTS:]
    table = _table(["agent", *map(str, shown)])
    for summary in problem.final:
        cells = [scale.text(s.median) for at in shown for s in problem.summaries[at] if s.agent == summary.agent]
        table.add_row(summary.agent, *cells)
    return _titled(f"Median best score after so many evaluations, {scale.unit(problem.unit)}", table)


def _test_table(problem: ProblemComparison, confidence: float) -> list[RenderableType]:
    table = _table(["agent", "A12", "effect", "p better", "p worse", f"at {1 - confidence:.2g}"])
    colours = {"better": "green", "worse": "red", "not distinguishable": ""}
    order = {summary.agent: position for position, summary in enumerate(problem.final)}
    for test in sorted(problem.baseline_tests, key=lambda test: order[test.agent]):
        table.add_row(
            test.agent,
            f"{test.superiority:.2f}",
            test.effect,
            *(
                p_text(p).removeprefix("p").removeprefix(" =").strip()
                for p in (test.adjusted_better, test.adjusted_worse)
            ),
            test.conclusion,
            style=colours[test.conclusion],
        )
    baseline = problem.baseline_tests[0].baseline
    return _titled(f"Against {baseline}: chance A12 of the better run, corrected one-sided p", table)


def _cost_table(problem: ProblemComparison) -> list[RenderableType]:
    missing = any(cost.failed or cost.unfinished for cost in problem.costs)
    columns = ["agent", "evaluations", "proposals", "simulator s", "agent s"]
    table = _table([*columns, "failed", "unfinished"] if missing else columns)
    order = {summary.agent: position for position, summary in enumerate(problem.final)}
    for cost in sorted(problem.costs, key=lambda cost: order[cost.agent]):
        counts = [_number(value, ".0f") for value in (cost.evaluations, cost.proposals)]
        seconds = [_number(value, ".3g") for value in (cost.simulator_seconds, cost.agent_seconds)]
        states = [str(cost.failed), str(cost.unfinished)] if missing else []
        table.add_row(cost.agent, *counts, *seconds, *states)
    return _titled("Mean cost of a run", table)


def _number(value: float, form: str) -> str:
    return format(value, form) if math.isfinite(value) else "-"


def _draw_table(spread: DrawSpread, problem: ProblemComparison) -> list[RenderableType]:
    scale = Scale.of([draw.median for draw in spread.draws])
    table = _table(["draw", "runs", "median [quartiles]"])
    for draw in spread.draws:
        name = f"#{draw.draw}" + (" (defaults)" if draw.draw == 0 else "")
        table.add_row(name, str(draw.runs), scale.interval(draw.median, draw.lower_quartile, draw.upper_quartile))
    title = (
        f"{spread.agent}: hyperparameter draws apart, {scale.unit(problem.unit)}; spread over draws "
        f"{scale.text(spread.over_draws)}, over seeds {scale.text(spread.over_seeds)} (interquartile ranges)"
    )
    return _titled(title, table)


def _overall_table(comparison: Comparison) -> list[RenderableType]:
    table = _table(["agent", "runs", f"IQM [{comparison.confidence:.0%} interval]"])
    for summary in comparison.overall:
        interval = f"{summary.iqm:.3f} [{summary.iqm_low:.3f}, {summary.iqm_high:.3f}]"
        table.add_row(summary.agent, str(summary.runs), interval)
    return _titled("Over all problems: share of the way from the reference to the best known design", table)


class Scale:
    """One power of ten for a whole table, so that its numbers are short and can be compared by eye."""

    def __init__(self, exponent: int = 0, digits: int = 4) -> None:
        self.exponent, self.digits = exponent, digits

    @classmethod
    def of(cls, values: Sequence[float], digits: int = 4) -> Scale:
        """Choose for ``values``: a power of 1000 where the largest is from 100 000 or below 0.01; else none."""
        sizes = [abs(value) for value in values if math.isfinite(value) and value != 0]
        if not sizes or 0.01 <= max(sizes) < 1e5:
            return cls(0, digits)
        return cls(3 * math.floor(math.log10(max(sizes)) / 3), digits)

    def unit(self, unit: str) -> str:
        """Return the unit with the scale: ``1e9 pJ``."""
        name = "" if unit in ("", "1") else unit
        factor = f"1e{self.exponent}" if self.exponent else ""
        return " ".join(part for part in (factor, name) if part) or "no unit"

    def text(self, value: float) -> str:
        """Return ``value`` in this scale to ``digits`` significant digits; "none" where no design was valid."""
        if math.isnan(value):
            return "-"
        if math.isinf(value):
            return "none"
        scaled = value / 10.0**self.exponent
        digits = max(0, self.digits - 1 - math.floor(math.log10(abs(scaled)))) if scaled else 0
        return f"{scaled:.{min(digits, self.digits + 1)}f}"

    def interval(self, value: float, low: float, high: float) -> str:
        """Return ``value [low, high]``."""
        return f"{self.text(value)} [{self.text(low)}, {self.text(high)}]" if not math.isnan(value) else "-"


def evaluations_text(value: float, horizon: int | None = None) -> str:
    """Return a number of evaluations; an infinite one as ``> horizon``, or "never"."""
    if math.isfinite(value):
        return f"{value:.0f}"
    return f"> {horizon}" if horizon is not None else "never"
