"""Summaries of runs: per agent, per hyperparameter draw, over problems, and what they cost."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from experiments import statistics
from experiments.comparison_records import (
    AgentCost,
    AgentSummary,
    DrawSpread,
    DrawSummary,
    OverallSummary,
    TargetSummary,
)
from experiments.run_groups import ProblemRuns, RunCurve

_DRAWS_PER_PROBLEM = 1_000_000
"""Offset that keeps the strata (problem, draw) of pooled runs apart."""


def ranked(runs: ProblemRuns, at: int, confidence: float, resamples: int) -> tuple[AgentSummary, ...]:
    """Return the agents' summaries, best first: by median of the ranking values, then IQM, quartiles, worst run."""
    sign = 1.0 if runs.direction == "minimize" else -1.0
    keyed = []
    for agent in runs.agents:
        summary = summarise(runs, agent, at, confidence, resamples)
        middle = sign * float(statistics.median(runs.ranking_values(agent, at))) if summary.runs else math.nan
        spread = sorted((sign * summary.lower_quartile, sign * summary.upper_quartile), reverse=True)
        key = (summary.runs == 0, middle, sign * summary.iqm, *spread, sign * summary.worst, agent)
        keyed.append((key, summary))
    return tuple(summary for _, summary in sorted(keyed, key=lambda pair: pair[0]))


def summarise(runs: ProblemRuns, agent: str, at: int, confidence: float, resamples: int) -> AgentSummary:
    """Summarise one agent's best scores after ``at`` evaluations."""
    scores = runs.scores(agent, at)
    left_out = len(runs.curves[agent]) - scores.size
    if not scores.size:
        nan = math.nan
        return AgentSummary(agent, at, 0, left_out, nan, nan, nan, nan, nan, nan, nan, nan, 0, None)
    low, high = statistics.stratified_bootstrap(
        scores, runs.strata(agent, at), resamples=resamples, confidence=confidence
    )
    minimized = runs.direction == "minimize"
    optimum = runs.problem.optimum
    regret = None if optimum is None else statistics.simple_regret(scores, optimum, runs.direction)
    reference = runs.problem.reference_score
    return AgentSummary(
        agent=agent,
        at=at,
        runs=scores.size,
        left_out=left_out,
        median=float(statistics.median(scores)),
        lower_quartile=float(statistics.quantile(scores, 0.25)),
        upper_quartile=float(statistics.quantile(scores, 0.75)),
        iqm=float(statistics.iqm(scores)),
        iqm_low=low,
        iqm_high=high,
        best=float(scores.min() if minimized else scores.max()),
        worst=float(scores.max() if minimized else scores.min()),
        beats_reference=int((scores < reference if minimized else scores > reference).sum()),
        target=_target_summary(runs, agent, at, confidence) if runs.has_target else None,
        regret=None if regret is None else float(statistics.median(regret)),
        found_optimum=None if regret is None else int((regret <= 0).sum()),
    )


def _target_summary(runs: ProblemRuns, agent: str, at: int, confidence: float) -> TargetSummary:
    times = statistics.target_times(runs.target_at(agent, at), at)
    low, high = statistics.wilson_interval(times.reached, times.runs, confidence)
    return TargetSummary(
        times.reached, times.reached / times.runs, low, high, times.median, times.restricted_mean, times.expected
    )


def mean_cost(agent: str, curves: Sequence[RunCurve]) -> AgentCost:
    """Return what the agent's runs cost on average."""
    done = [curve.run for curve in curves if curve.finished]

    def mean(values: Iterable[float]) -> float:
        listed = list(values)
        return float(np.mean(listed)) if listed else math.nan

    return AgentCost(
        agent=agent,
        runs=len(curves),
        failed=sum(curve.run.state == "failed" for curve in curves),
        unfinished=sum(curve.run.state == "unfinished" for curve in curves),
        simulator_seconds=mean(run.simulator_seconds for run in done),
        agent_seconds=mean(run.agent_seconds for run in done),
        wall_seconds=mean(run.wall_seconds for run in done),
        evaluations=mean(run.evaluations for run in done),
        proposals=mean(run.proposals for run in done),
    )


def is_swept(curves: Sequence[RunCurve]) -> bool:
    """Whether the runs have several sets of hyperparameters."""
    return len({curve.run.draw for curve in curves}) > 1


def draw_spread(runs: ProblemRuns, agent: str) -> DrawSpread:
    """Return an agent's hyperparameter spread and its seed spread."""
    counted = runs.counted(agent, runs.budget)
    summaries = []
    for draw in sorted({curve.run.draw for curve in counted}):
        members = [curve for curve in counted if curve.run.draw == draw]
        finals = np.array([curve.at(runs.budget, runs.direction) for curve in members])
        quartiles = [float(statistics.quantile(finals, q)) for q in (0.5, 0.25, 0.75)]
        summaries.append(DrawSummary(draw, dict(members[0].run.hyperparameters), len(members), *quartiles))
    medians = np.array([summary.median for summary in summaries])
    ranges = np.array([_difference(summary.upper_quartile, summary.lower_quartile) for summary in summaries])
    sign = 1.0 if runs.direction == "minimize" else -1.0
    return DrawSpread(
        agent=agent,
        over_draws=_difference(float(statistics.quantile(medians, 0.75)), float(statistics.quantile(medians, 0.25))),
        over_seeds=float(statistics.median(ranges)),
        draws=tuple(sorted(summaries, key=lambda summary: (sign * summary.median, summary.draw))),
    )


def _difference(upper: float, lower: float) -> float:
    """Return ``upper - lower``, and 0 for equal infinities."""
    return 0.0 if upper == lower else upper - lower


def summarise_overall(
    groups: Mapping[str, ProblemRuns], confidence: float, resamples: int
) -> tuple[OverallSummary, ...]:
    """Summarise agents that ran on every problem; strata of the bootstrap are the problems (and draws)."""
    if len(groups) < 2:
        return ()
    summaries = []
    for agent in dict.fromkeys(agent for runs in groups.values() for agent in runs.agents):
        gaps, strata = [], []
        for number, runs in enumerate(groups.values()):
            if agent not in runs.agents:
                break
            values = gap_closed_of(runs, agent)
            gaps.append(values)
            strata.append(number * _DRAWS_PER_PROBLEM + runs.strata(agent, runs.budget))
        if len(gaps) < len(groups):
            continue
        pooled = np.concatenate(gaps)
        if not pooled.size or np.isnan(pooled).any():
            continue
        low, high = statistics.stratified_bootstrap(
            pooled, np.concatenate(strata), resamples=resamples, confidence=confidence
        )
        summaries.append(OverallSummary(agent, pooled.size, float(statistics.iqm(pooled)), low, high))
    return tuple(sorted(summaries, key=lambda summary: -summary.iqm))


def gap_closed_of(runs: ProblemRuns, agent: str) -> np.ndarray:
    """Return the share of the way from the reference design to the best known one, per counted run, ``[n]``."""
    finals = runs.scores(agent, runs.budget)
    return statistics.gap_closed(finals, runs.problem.reference_score, runs.best_known())
