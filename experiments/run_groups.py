"""The runs of one problem, grouped by agent and reduced to curves: what comparisons and reports start from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from archgym_envs.scoring import gains_of
from experiments.pareto import hypervolume_curve
from experiments.statistics import ScoreDirection, best_so_far, evaluations_to_target, worst_score

if TYPE_CHECKING:
    from experiments.records import ProblemRecord, RunRecord
    from experiments.results import Results


@dataclass(frozen=True)
class RunCurve:
    """One run and how its best score went.

    Attributes:
        run: its record.
        best: best score after each evaluation, ``[k]``; the worst possible score before the first valid design. Of a
            ``pareto`` objective the hypervolume of all designs until then; 0 before the first valid one.
        target_at: ``meet`` objectives: the evaluation (from 1) that first met all budgets; else ``inf``.
    """

    run: RunRecord
    best: np.ndarray
    target_at: float

    @property
    def finished(self) -> bool:
        """Whether the search ended by itself: its best score no longer changes."""
        return self.run.state == "done"

    def counts_at(self, evaluations: int) -> bool:
        """Whether the run's best score after ``evaluations`` is known."""
        return self.finished or self.best.size >= evaluations

    def at(self, evaluations: int, direction: ScoreDirection) -> float:
        """Return the best score after ``evaluations``; a search that ended earlier keeps its last one."""
        known = self.best[: max(0, evaluations)]
        return float(known[-1]) if known.size else worst_score(direction)


@dataclass(frozen=True)
class ProblemRuns:
    """All runs on one problem.

    Attributes:
        problem: its record.
        curves: agent -> its runs, in order of draw and seed, failed and unfinished ones included.
    """

    problem: ProblemRecord
    curves: dict[str, tuple[RunCurve, ...]]

    @property
    def agents(self) -> tuple[str, ...]:
        """The agents, in the order in which they were first seen."""
        return tuple(self.curves)

    @property
    def direction(self) -> ScoreDirection:
        """Which way a score is better."""
        return "maximize" if self.problem.direction == "maximize" else "minimize"

    @property
    def has_target(self) -> bool:
        """Whether the objective is a specification to meet."""
        return "meet" in self.problem.objective

    @property
    def orders_met_designs(self) -> bool:
        """Whether the objective itself says which of two designs that meet the specification is better."""
        return "tie_break" in self.problem.objective

    @cached_property
    def budget(self) -> int:
        """The budget that all runs share: the smallest where they differ."""
        return min((curve.run.budget for curve in self.all_curves), default=0)

    @property
    def all_curves(self) -> Iterable[RunCurve]:
        """Every run's curve."""
        return (curve for curves in self.curves.values() for curve in curves)

    def counted(self, agent: str, at: int) -> tuple[RunCurve, ...]:
        """Return the agent's runs whose best score after ``at`` evaluations is known."""
        return tuple(curve for curve in self.curves[agent] if curve.counts_at(at))

    def scores(self, agent: str, at: int) -> np.ndarray:
        """Return the best score after ``at`` evaluations of each counted run, ``[n]``."""
        return np.array([curve.at(at, self.direction) for curve in self.counted(agent, at)], dtype=np.float64)

    def target_at(self, agent: str, at: int) -> np.ndarray:
        """Return evaluations-to-target of each counted run, ``[n]``; ``inf`` when later than ``at`` or never."""
        times = np.array([curve.target_at for curve in self.counted(agent, at)], dtype=np.float64)
        return np.where(times <= at, times, np.inf)

    def ranking_values(self, agent: str, at: int) -> np.ndarray:
        """Return what runs are ranked by, ``[n]``, in the score's direction.

        The score itself; but where a specification says nothing about designs that meet it, those all score 0, and
        the run that got there in fewer evaluations is the better one: it gets ``-1 + t / (at + 1)`` in (-1, 0). This
        is the trial-based dominance of Price, Kumar and Suganthan (Swarm and Evolutionary Computation 78, 2023).
        """
        scores = self.scores(agent, at)
        if not self.has_target or self.orders_met_designs:
            return scores
        times = self.target_at(agent, at)
        return np.where(np.isfinite(times), -1.0 + times / (at + 1.0), scores)

    def strata(self, agent: str, at: int) -> np.ndarray:
        """Return the hyperparameter draw of each counted run, ``[n]``: the strata of the agent's bootstrap."""
        return np.array([curve.run.draw for curve in self.counted(agent, at)], dtype=np.int64)

    def curve_matrix(self, agent: str) -> np.ndarray:
        """Return best scores ``[n, budget]`` of the runs that count at the budget, one row per run."""
        counted = self.counted(agent, self.budget)
        matrix = np.full((len(counted), self.budget), worst_score(self.direction))
        for row, curve in enumerate(counted):
            known = min(self.budget, curve.best.size)
            if known:
                matrix[row, :known] = curve.best[:known]
                matrix[row, known:] = curve.best[known - 1]
        return matrix

    def best_known(self) -> float:
        """Return the best score known: the proven optimum, or that of any run and of the reference design.

        With the reference among them it is never worse than the reference, so the gap between the two has one sign.
        """
        finals = [curve.at(curve.best.size, self.direction) for curve in self.all_curves]
        if np.isfinite(self.problem.reference_score):
            finals.append(self.problem.reference_score)
        if self.problem.optimum is not None:
            finals.append(self.problem.optimum)
        pick = min if self.direction == "minimize" else max
        return pick(finals, default=worst_score(self.direction))


def group_runs(results: Results) -> dict[str, ProblemRuns]:
    """Return the runs of ``results`` by problem label; a run that was loaded twice counts once."""
    unique = {run.run_id: run for run in results.runs}
    grouped: dict[str, dict[str, list[RunCurve]]] = {label: {} for label in results.problems}
    for run in sorted(unique.values(), key=lambda run: (run.draw, run.seed)):
        curve = _curve(results, run, results.problems[run.problem])
        grouped[run.problem].setdefault(run.agent_group, []).append(curve)
    order = list(dict.fromkeys(run.agent_group for run in results.runs))
    return {
        label: ProblemRuns(results.problems[label], {agent: tuple(curves[agent]) for agent in order if agent in curves})
        for label, curves in grouped.items()
        if curves
    }


def _curve(results: Results, run: RunRecord, problem: ProblemRecord) -> RunCurve:
    direction: ScoreDirection = "maximize" if problem.direction == "maximize" else "minimize"
    if "pareto" in problem.objective:
        return RunCurve(run, hypervolume_curve(_gains(results, run, problem)), np.inf)
    scores = np.asarray(results.scores(run.run_id), dtype=np.float64)
    # A specification is met exactly where its score, the distance to it, is 0 (below 0 with a tie-break).
    target_at = evaluations_to_target(scores, 0.0, direction) if "meet" in problem.objective else np.inf
    return RunCurve(run, best_so_far(scores, direction), target_at)


def _gains(results: Results, run: RunRecord, problem: ProblemRecord) -> np.ndarray:
    """Return the gains ``[k, f]`` of a run's designs; NaN where invalid."""
    names: list[str] = problem.objective["pareto"]
    metrics = results.evaluations(run.run_id).column("metrics").to_pylist()
    columns = [problem.metric_names.index(name) for name in names]
    missing = [np.nan] * len(columns)
    values = np.array([[row[c] for c in columns] if row else missing for row in metrics], dtype=np.float64)
    less_is_better = np.array([problem.metric_directions[c] != "maximize" for c in columns])
    scales = np.array([problem.reference_metrics[name] for name in names])
    return gains_of(values.reshape(-1, len(columns)), scales, less_is_better)
