"""The figures of a report, each as one SVG text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from experiments import statistics
from experiments.comparison_view import Scale
from experiments.figures import LOGARITHMIC_FROM, SIZE, Style, is_logarithmic, new_figure, plain_ticks, to_svg
from experiments.run_groups import ProblemRuns
from experiments.summaries import gap_closed_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POINTS = 60
_RESAMPLES = 400
_REFERENCE_COLOUR = "#374151"


def best_so_far_figure(runs: ProblemRuns, styles: Mapping[str, Style], confidence: float) -> str:
    """Return the best score against evaluations: interquartile mean and its bootstrap interval per agent."""
    grid = _evaluations_grid(runs.budget)
    bands = {agent: _iqm_band(runs, agent, grid, confidence) for agent in runs.agents}
    bands = {agent: band for agent, band in bands.items() if np.isfinite(band[0]).any()}
    scale = Scale.of([float(band[0][-1]) for band in bands.values()])
    factor = 10.0**-scale.exponent
    figure, axes = new_figure("Best score so far")
    for agent, (middle, low, high) in bands.items():
        style = styles[agent]
        axes.fill_between(grid, low * factor, high * factor, color=style.colour, alpha=0.16, linewidth=0)
        axes.plot(grid, middle * factor, color=style.colour, linestyle=style.line, linewidth=1.9)
    curves = [middle * factor for middle, _, _ in bands.values()]
    _fit_scores(axes, curves, grid, runs.direction == "minimize")
    _reference_line(axes, runs.problem.reference_score * factor, scale)
    if runs.has_target and axes.get_ylim()[0] <= 0:
        axes.axhline(0, color="#16A34A", linewidth=1.2)
    axes.set_xlabel("evaluations")
    axes.set_ylabel(_score_label(runs, scale))
    axes.set_xlim(0, runs.budget)
    return to_svg(figure, f"Best score against evaluations on {runs.problem.label}")


def distribution_figure(runs: ProblemRuns, ranked: Sequence[str], styles: Mapping[str, Style]) -> str:
    """Return every run's result as a dot over its agent's box, best agent on top; see :func:`shows_evaluations`."""
    if shows_evaluations(runs):
        values = {agent: runs.target_at(agent, runs.budget) for agent in ranked}
        scale, label, missing = Scale(), "evaluations until the specification was met", "did not meet it"
    else:
        values = {agent: runs.scores(agent, runs.budget) for agent in ranked}
        scale = Scale.of([float(statistics.median(scores)) for scores in values.values() if scores.size])
        label, missing = _score_label(runs, scale), "without a valid design"
    figure, axes = new_figure("All runs", height=max(SIZE[1], 1.2 + 0.36 * len(ranked)))
    rng = np.random.default_rng(0)
    for row, agent in enumerate(ranked):
        shown = values[agent][np.isfinite(values[agent])] / 10.0**scale.exponent
        if shown.size:
            _box(axes, row, shown, styles[agent].colour)
            spread = rng.uniform(-0.22, 0.22, shown.size)
            axes.scatter(shown, row + spread, s=13, color=styles[agent].colour, alpha=0.75, linewidths=0, zorder=3)
        lost = values[agent].size - shown.size
        if lost:
            where, note = (1, row - 0.42), f"{lost} of {values[agent].size} {missing}"
            axes.annotate(note, where, xycoords=("axes fraction", "data"), ha="right", va="center", fontsize=8.5)
    everything = np.concatenate([scores / 10.0**scale.exponent for scores in values.values()])
    if not shows_evaluations(runs) and is_logarithmic([everything]):
        axes.set_xscale("log")
        plain_ticks(axes.xaxis)
    axes.use_sticky_edges = False
    axes.margins(x=0.04)
    axes.set_yticks(range(len(ranked)), ranked)
    axes.set_ylim(len(ranked) - 0.4, -0.7)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(label)
    return to_svg(figure, f"All runs on {runs.problem.label}")


def shows_evaluations(runs: ProblemRuns) -> bool:
    """Whether the distribution is of evaluations-to-target: most runs met a specification and so score the same."""
    if not runs.has_target or runs.orders_met_designs:
        return False
    times = np.concatenate([runs.target_at(agent, runs.budget) for agent in runs.agents])
    return bool(times.size and np.isfinite(times).mean() > 0.5)


def _box(axes: Axes, row: int, values: np.ndarray, colour: str) -> None:
    low, middle, high = (float(statistics.quantile(values, q)) for q in (0.25, 0.5, 0.75))
    axes.barh(row, high - low, left=low, height=0.62, color=colour, alpha=0.14, edgecolor="none")
    axes.plot([middle, middle], [row - 0.31, row + 0.31], color=colour, linewidth=2.2, solid_capstyle="butt")


def target_figure(runs: ProblemRuns, styles: Mapping[str, Style]) -> str:
    """Return the share of runs that had met the specification against evaluations."""
    figure, axes = new_figure("Runs that met the specification")
    grid = np.arange(0, runs.budget + 1)
    for agent in runs.agents:
        times = runs.target_at(agent, runs.budget)
        if times.size:
            share = 100 * statistics.reached_fraction(times, grid)
            style = styles[agent]
            axes.step(grid, share, where="post", color=style.colour, linestyle=style.line, linewidth=1.9)
    axes.set_xlabel("evaluations")
    axes.set_ylabel("runs that met it, %")
    axes.set_xlim(0, runs.budget)
    axes.set_ylim(-2, 102)
    return to_svg(figure, f"Share of runs that met the specification on {runs.problem.label}")


def profile_figure(groups: Mapping[str, ProblemRuns], styles: Mapping[str, Style]) -> str | None:
    """Return the performance profile over all problems, or None where no problem has a gap to close."""
    gaps = {agent: _gaps(groups, agent) for agent in styles}
    gaps = {agent: gap for agent, gap in gaps.items() if gap[0].size}
    if not gaps:
        return None
    finite = np.concatenate([values[np.isfinite(values)] for values, _ in gaps.values()])
    lowest = float(np.quantile(finite, 0.02)) if finite.size else 0.0
    left = max(-1.0, min(lowest, 0.9))
    thresholds = np.linspace(left - 0.02 * (1 - left), 1.0, 400)
    figure, axes = new_figure("Performance profile")
    for agent, (values, strata) in gaps.items():
        share = 100 * statistics.performance_profile(values, thresholds, strata)
        style = styles[agent]
        axes.plot(100 * thresholds, share, color=style.colour, linestyle=style.line, linewidth=1.9)
    axes.set_xlabel("gap closed from reference to best known design, % (at least)")
    axes.set_ylabel("runs, %")
    axes.set_xlim(100 * thresholds[0], 100)
    axes.set_ylim(-2, 102)
    return to_svg(figure, "Performance profile over all problems")


def _gaps(groups: Mapping[str, ProblemRuns], agent: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the gap closed by the agent's runs on all problems that have one, and the problems' numbers."""
    values, strata = [np.empty(0)], [np.empty(0, dtype=np.int64)]
    for number, runs in enumerate(groups.values()):
        gap = gap_closed_of(runs, agent) if agent in runs.agents else np.empty(0)
        if gap.size and not np.isnan(gap).any():
            values.append(gap)
            strata.append(np.full(gap.size, number))
    return np.concatenate(values), np.concatenate(strata)


def _iqm_band(
    runs: ProblemRuns, agent: str, grid: np.ndarray, confidence: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the interquartile mean and its interval at each number of evaluations; NaN where infinite."""
    matrix = runs.curve_matrix(agent)
    if not matrix.size:
        nothing = np.full(grid.size, math.nan)
        return nothing, nothing, nothing
    strata = runs.strata(agent, runs.budget)
    middle = statistics.iqm(matrix[:, grid - 1].T)
    ends = np.array(
        [
            statistics.stratified_bootstrap(matrix[:, at - 1], strata, resamples=_RESAMPLES, confidence=confidence)
            for at in grid
        ]
    )
    return tuple(np.where(np.isfinite(column), column, math.nan) for column in (middle, *ends.T))  # type: ignore[return-value]


def _evaluations_grid(budget: int) -> np.ndarray:
    """Return up to 60 numbers of evaluations from 1 to the budget, denser at the beginning."""
    even = np.linspace(1, budget, _POINTS // 2)
    return np.unique(np.concatenate([even, np.geomspace(1, budget, _POINTS // 2)]).round().astype(np.int64))


def _score_label(runs: ProblemRuns, scale: Scale) -> str:
    unit = scale.unit(runs.problem.unit)
    name = "distance to the specification" if runs.has_target else "score"
    return name if unit == "no unit" else f"{name}, {unit}"


def _fit_scores(axes: Axes, curves: Sequence[np.ndarray], grid: np.ndarray, minimized: bool) -> None:
    """Fit the y axis to the curves, without the worst twentieth: first guesses would flatten the rest."""
    even = np.linspace(grid[0], grid[-1], 200)
    pooled = np.concatenate([np.interp(even, grid, values) for values in curves]) if curves else np.empty(0)
    shown = pooled[np.isfinite(pooled)]
    if not shown.size:
        return
    tail = (0.0, 0.95) if minimized else (0.05, 1.0)
    low, high = (float(np.quantile(shown, share)) for share in tail)
    if low > 0 and high / low > LOGARITHMIC_FROM:
        axes.set_yscale("log")
        axes.set_ylim(low / 1.1, high * 1.25)
        plain_ticks(axes.yaxis)
        return
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 0.05
    axes.set_ylim(low - margin, high + margin)


def _reference_line(axes: Axes, reference: float, scale: Scale) -> None:
    """Draw the reference design's score, or say where it is when that is far outside the figure."""
    if not math.isfinite(reference):
        return
    low, high = axes.get_ylim()
    linear = axes.get_yscale() == "linear"
    reach = 0.35 * (high - low) if linear else 0.0
    if low - reach <= reference <= high + reach:
        margin = 0.04 * (high - low) if linear else 0.0
        axes.set_ylim(min(low, reference - margin), max(high, reference + margin))
        axes.axhline(reference, color=_REFERENCE_COLOUR, linewidth=1.1, linestyle=(0, (1, 1.6)))
        where = (0.99, reference)
        axes.annotate(
            "reference design", where, xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=9
        )
        return
    side = "above" if reference > high else "below"
    text = f"reference design: {scale.text(reference * 10.0**scale.exponent)} ({side} this figure)"
    axes.annotate(
        text,
        (0.99, 0.98 if side == "above" else 0.02),
        xycoords="axes fraction",
        ha="right",
        va="top" if side == "above" else "bottom",
        fontsize=9,
        color=_REFERENCE_COLOUR,
    )
