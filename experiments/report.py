"""The report: one HTML page that needs no other file, no network and no script."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from experiments import plots
from experiments.comparison_records import Comparison, ProblemComparison
from experiments.figures import Style, agent_styles
from experiments.html import Content, Markup, element, escape, join
from experiments.report_designs import best_designs
from experiments.report_provenance import times_sentence, what_was_run
from experiments.report_tables import (
    cost_table,
    draw_table,
    overall_table,
    pair_table,
    score_table,
    target_table,
    test_table,
)
from experiments.run_groups import ProblemRuns, group_runs
from experiments.tables import check_writable, replaced_file

if TYPE_CHECKING:
    from experiments.results import Results


def write_report(results: Results, comparison: Comparison, output: Path) -> None:
    """Write the page for ``results`` and their comparison to ``output``.

    Raises:
        InvalidInputError: the file cannot be written.
    """
    check_writable(output)
    content = render_report(results, comparison)
    with replaced_file(output) as temporary:
        temporary.write_text(content, encoding="utf-8")


def render_report(results: Results, comparison: Comparison) -> str:
    """Return the page as text."""
    groups = group_runs(results)
    agents = list(dict.fromkeys(agent for runs in groups.values() for agent in runs.agents))
    styles = agent_styles(agents, comparison.baseline)
    title = str(results.config.get("name") or "experiment")
    sections: list[Markup | None] = [_verdicts(comparison)]
    for problem in comparison.problems:
        sections.append(_problem(problem, groups[problem.problem], results, comparison, styles))
    sections += [_overall(comparison, groups, styles), what_was_run(results), _how_to_read(comparison)]
    template = Template(_resource("report.html"))
    return template.substitute(
        title=escape(title),
        style=_resource("report.css"),
        lead=escape(times_sentence(results)),
        body=join(section for section in sections if section is not None).text,
        footer="Made by archgym. Everything on this page can be had as numbers with "
        "<code>archgym compare RUN_DIR --json</code>.",
    )


def _resource(name: str) -> str:
    return resources.files("experiments").joinpath("templates", name).read_text(encoding="utf-8")


def _verdicts(comparison: Comparison) -> Markup:
    cards = []
    for problem in comparison.problems:
        first, *others = problem.verdict
        cards.append(
            element(
                "div",
                element("h3", f"{problem.title}, {problem.budget} evaluations"),
                element("p", _unbroken(first), css="first"),
                *(element("p", _unbroken(sentence)) for sentence in others),
                css="verdict winner" if problem.winner else "verdict",
            )
        )
    notes = [element("p", note) for note in comparison.notes]
    return element("section", element("h2", "What came out"), *cards, *_boxed(notes))


def _unbroken(sentence: str) -> str:
    """Return the sentence with no line break inside ``p = 0.03``."""
    return re.sub(r"\bp ([=<]=?) ", "p\u00a0\\1\u00a0", sentence)


def _boxed(notes: Sequence[Content]) -> list[Content]:
    return [element("div", *notes, css="notes")] if notes else []


def _problem(
    problem: ProblemComparison,
    runs: ProblemRuns,
    results: Results,
    comparison: Comparison,
    styles: Mapping[str, Style],
) -> Markup:
    ranked = [summary.agent for summary in problem.final]
    percent = f"{comparison.confidence:.0%}"
    figures = [
        _figure(
            plots.best_so_far_figure(runs, styles, comparison.confidence),
            f"Interquartile mean over runs with its {percent} bootstrap interval.",
        ),
        _figure(
            plots.distribution_figure(runs, ranked, styles),
            "One dot per run that met the specification, at the evaluation that did;"
            if plots.shows_evaluations(runs)
            else f"One dot per run after {problem.budget} evaluations;",
            "box from lower to upper quartile of the dots, bar at their median.",
        ),
    ]
    if runs.has_target:
        figures.append(
            _figure(plots.target_figure(runs, styles), "Share of runs whose best design met every limit by then.")
        )
    parts: list[Content] = [
        element("h2", problem.problem),
        element("p", _objective_line(problem), css="objective"),
        _legend([agent for agent in styles if agent in runs.agents], styles),
        element("div", *figures, css="figures"),
        element("h3", "Scores"),
        score_table(problem, percent, styles),
    ]
    if runs.has_target:
        parts += [element("h3", "Meeting the specification"), target_table(problem, percent, styles)]
    if problem.baseline_tests:
        parts += [element("h3", f"Against {problem.baseline_tests[0].baseline}"), test_table(problem)]
    parts += [element("h3", "All pairs of agents"), pair_table(problem)] if len(problem.pair_tests) > 1 else []
    parts += [element("h3", "Cost of a run, mean"), cost_table(problem)]
    for spread in problem.draws:
        parts += [element("h3", f"Hyperparameter draws of {spread.agent}"), draw_table(spread, problem)]
    parts += [element("h3", "Best designs found"), best_designs(results, problem.problem)]
    return element("section", *parts)


def _objective_line(problem: ProblemComparison) -> str:
    better = "lower" if problem.direction == "minimize" else "higher"
    workload = f" on {problem.workload}" if problem.workload else ""
    return f"{problem.objective}{workload} ({problem.environment}); {better} scores are better"


def _figure(svg: str, *caption: str) -> Markup:
    return element("figure", Markup(svg), element("figcaption", " ".join(caption)))


def _legend(agents: Sequence[str], styles: Mapping[str, Style]) -> Markup:
    items = []
    for agent in agents:
        style = styles[agent]
        dashes = "" if style.line == "-" else ' stroke-dasharray="' + " ".join(f"{d:g}" for d in style.line[1]) + '"'
        line = f'<line x1="0" y1="5" x2="30" y2="5" stroke="{style.colour}" stroke-width="3"{dashes}/>'
        items.append(element("li", Markup(f'<svg viewBox="0 0 30 10" aria-hidden="true">{line}</svg>'), agent))
    return element("ul", *items, css="legend")


def _overall(comparison: Comparison, groups: Mapping[str, ProblemRuns], styles: Mapping[str, Style]) -> Markup | None:
    profile = plots.profile_figure(groups, styles)
    if profile is None:
        return None
    caption = (
        "Share of runs (averaged over problems) that closed at least so much of the gap between the reference design's "
        "score, 0 %, and the best score that any run found, 100 %. Higher curves are better."
    )
    parts: list[Content] = [
        element("h2", "Over all problems" if len(groups) > 1 else "Performance profile"),
        _legend(list(styles), styles),
        element("div", _figure(profile, caption), css="figures"),
    ]
    if comparison.overall:
        parts += [element("h3", "Gap closed, interquartile mean over all runs"), overall_table(comparison, styles)]
    return element("section", *parts)


def _how_to_read(comparison: Comparison) -> Markup:
    entries = {
        "Median, quartiles": "of the runs' best scores; a run without any valid design counts as worst.",
        "IQM": "interquartile mean: the mean of the middle half of the runs, less noisy than the median and hardly "
        "moved by outliers (Agarwal et al., NeurIPS 2021).",
        "Interval": f"{comparison.confidence:.0%} percentile bootstrap over runs ({comparison.resamples} resamples), "
        "redrawn within hyperparameter draws.",
        "A12": "chance that a run of the agent beats one of the other, ties counting half: 0.5 is no difference, "
        "0.56 / 0.64 / 0.71 a small / medium / large effect (Vargha and Delaney, 2000). No word stands where there are "
        "too few runs for any p-value to be small enough.",
        "p": "of Mann-Whitney U tests, exact for the usual numbers of runs, corrected by Holm's method: "
        f"below {1 - comparison.confidence:.2g} is taken as more than luck. " + " ".join(comparison.families),
        "Reference design": "the problem's datasheet-like default; a search that cannot beat it was not worth running.",
    }
    items = [part for name, text in entries.items() for part in (element("dt", name), element("dd", text))]
    return element("section", element("h2", "How to read the numbers"), element("dl", *items))
