"""Comparing agents: which one found what, at which budget, and which differences are more than luck.

Two kinds of tests are made at the final budget, corrected for their number with Holm's method:

* against the baseline: every other agent on every problem, one-sided, "better" and "worse" each a family of
  (agents x problems) tests;
* all pairs of agents, two-sided, one family per problem: they decide whether a problem has a winner.

All tests are Mann-Whitney U tests over runs. See docs/statistics.md for what each number means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.comparison_records import (
    AgentCost,
    AgentSummary,
    BaselineTest,
    Comparison,
    DrawSpread,
    DrawSummary,
    OverallSummary,
    PairTest,
    ProblemComparison,
    TargetSummary,
)
from experiments.pairwise import against_baseline, all_pairs, families
from experiments.run_groups import ProblemRuns, group_runs
from experiments.summaries import draw_spread, is_swept, mean_cost, ranked, summarise_overall
from experiments.verdicts import find_winner, notes, verdict
from simulators import InvalidInputError, UnknownNameError

if TYPE_CHECKING:
    from experiments.results import Results

__all__ = [
    "AgentCost",
    "AgentSummary",
    "BaselineTest",
    "Comparison",
    "DrawSpread",
    "DrawSummary",
    "OverallSummary",
    "PairTest",
    "ProblemComparison",
    "TargetSummary",
    "compare",
]


def compare(
    results: Results,
    at: Sequence[int] | None = None,
    baseline: str | None = None,
    confidence: float | None = None,
    resamples: int | None = None,
) -> Comparison:
    """Compare the agents of ``results`` on each of their problems.

    Args:
        results: what ``load_results`` returned.
        at: evaluations to compare at; the budget always is one. None: as the experiment's config says.
        baseline: agent to test the others against. None: the config's, else its first agent.
        confidence: of intervals and verdicts (tests at level ``1 - confidence``). None: the config's, else 0.95.
        resamples: of the bootstrap. None: the config's, else 2000.

    Raises:
        UnknownNameError: a baseline that no problem knows.
        InvalidInputError: no runs, a checkpoint below 1, or a confidence outside (0, 1).
    """
    groups = group_runs(results)
    if not groups:
        raise InvalidInputError("there are no runs to compare; give a directory that `archgym run` has written")
    configured = results.config.get("compare") or {}
    settings = _Settings(
        at=tuple(at if at is not None else configured.get("at") or ()),
        baseline=_baseline(groups, baseline, configured.get("baseline")),
        confidence=confidence if confidence is not None else configured.get("confidence", 0.95),
        resamples=resamples if resamples is not None else configured.get("resamples", 2000),
    )
    missing = configured.get("baseline") if baseline is None else None
    replaced = () if missing in (None, settings.baseline) else (_replaced_baseline(missing, settings.baseline),)
    against = against_baseline(groups, settings.baseline, settings.alpha)
    problems = tuple(_compare_problem(runs, settings, against[label]) for label, runs in groups.items())
    return Comparison(
        baseline=settings.baseline,
        confidence=settings.confidence,
        resamples=settings.resamples,
        families=families(against, [problem.pair_tests for problem in problems], settings.baseline),
        problems=problems,
        overall=summarise_overall(groups, settings.confidence, settings.resamples),
        notes=(*replaced, *(f"{problem.problem}: {note}" for problem in problems for note in problem.notes)),
    )


@dataclass(frozen=True)
class _Settings:
    at: tuple[int, ...]
    baseline: str | None
    confidence: float
    resamples: int

    def __post_init__(self) -> None:
        if any(checkpoint < 1 for checkpoint in self.at):
            raise InvalidInputError(f"agents can be compared after 1 evaluation or more, got at = {list(self.at)}")
        if not 0 < self.confidence < 1:
            raise InvalidInputError(f"confidence must lie between 0 and 1 (0.95, say), got {self.confidence}")
        if self.resamples < 1:
            raise InvalidInputError(f"resamples must be at least 1, got {self.resamples}")

    @property
    def alpha(self) -> float:
        return round(1 - self.confidence, 12)


def _baseline(groups: Mapping[str, ProblemRuns], asked: str | None, configured: str | None) -> str | None:
    agents = list(dict.fromkeys(agent for runs in groups.values() for agent in runs.agents))
    if asked is not None and asked not in agents:
        raise UnknownNameError("baseline agent", asked, agents)
    if asked is not None or configured in agents:
        return asked or configured
    return agents[0] if len(agents) > 1 else None


def _replaced_baseline(missing: str, used: str | None) -> str:
    """Say that the config's baseline is not among the agents compared, and what is used in its place."""
    instead = f"tested against {used} instead" if used else "no tests against a baseline are made"
    return f"the config's baseline {missing!r} has no runs in these results: {instead}; choose one with --baseline"


def _compare_problem(runs: ProblemRuns, settings: _Settings, tests: tuple[BaselineTest, ...]) -> ProblemComparison:
    checkpoints = sorted({at for at in settings.at if at < runs.budget} | {runs.budget})
    summaries = {at: ranked(runs, at, settings.confidence, settings.resamples) for at in checkpoints}
    pairs = all_pairs(runs, summaries[runs.budget], settings.alpha)
    record = runs.problem
    winner = find_winner(summaries[runs.budget], pairs)
    return ProblemComparison(
        problem=record.label,
        environment=record.environment,
        workload=record.workload,
        objective=record.objective_label,
        direction=record.direction,
        unit=record.unit,
        targets=dict(record.targets),
        reference=record.reference_score,
        reference_met=bool(record.reference_score <= 0) if runs.has_target else None,
        budget=runs.budget,
        summaries=summaries,
        costs=tuple(mean_cost(agent, runs.curves[agent]) for agent in runs.agents),
        baseline_tests=tests,
        pair_tests=pairs,
        winner=winner,
        draws=tuple(draw_spread(runs, agent) for agent in runs.agents if is_swept(runs.curves[agent])),
        verdict=verdict(summaries[runs.budget], pairs, tests, winner, record.reference_score, runs.has_target),
        notes=notes(runs, summaries[runs.budget], settings.at, settings.alpha),
        optimum=record.optimum,
    )
