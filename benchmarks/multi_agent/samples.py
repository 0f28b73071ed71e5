"""What a searcher reached in a stratum, run by run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.multi_agent.gaps import scale_of
from benchmarks.multi_agent.study import Amounts, Stratum
from experiments import Results, RunRecord
from experiments.statistics import evaluations_to_target, iqm, stratified_bootstrap, target_times

SOLVED = 0.99
"""Share of the gap from which a search has as good as found the optimum."""


@dataclass(frozen=True)
class Sample:
    """What one contender reached in one stratum, an array entry per run.

    Attributes:
        budget: evaluations of each run.
        closed: share of the gap closed at the budget; ``early``: at the early point.
        solved_at: evaluations after which :data:`SOLVED` of the gap was closed; ``inf`` where it never was.
        cpu_seconds: of the whole run.
    """

    budget: int
    closed: np.ndarray
    early: np.ndarray
    solved_at: np.ndarray
    cpu_seconds: np.ndarray

    @property
    def ranking(self) -> np.ndarray:
        """What runs are compared by, more is better: the share closed; from :data:`SOLVED` on, how soon.

        As experiments rank runs that meet a specification, see docs/statistics.md.
        """
        return np.where(np.isfinite(self.solved_at), 2.0 - self.solved_at / (self.budget + 1.0), self.closed)

    def to_dict(self) -> dict[str, Any]:
        """Return figures for tables."""
        times = target_times(self.solved_at, self.budget)
        return {
            "runs": times.runs,
            "iqm": float(iqm(self.closed)),
            "interval": list(stratified_bootstrap(self.closed)),
            "early_iqm": float(iqm(self.early)),
            "early_interval": list(stratified_bootstrap(self.early)),
            "solved": times.reached,
            "evaluations": times.restricted_mean,
            "cpu_seconds": float(np.mean(self.cpu_seconds)),
        }


def sample_of(results: Results, runs: Iterable[RunRecord], part: Stratum, amounts: Amounts) -> Sample:
    """Return what these runs of ``results`` reached in a stratum, in the order of instance and seed."""
    here = sorted((run for run in runs if run.problem in part.problems), key=lambda run: (run.problem, run.seed))
    scales = {label: scale_of(problem) for label, problem in part.problems.items()}
    curves = [scales[run.problem].closed(results.scores(run.run_id)) for run in here]
    return Sample(
        amounts.budget,
        np.array([curve[-1] for curve in curves]),
        np.array([curve[: amounts.early][-1] for curve in curves]),
        np.array([evaluations_to_target(curve, SOLVED, "maximize") for curve in curves]),
        np.array([run.cpu_seconds for run in here]),
    )
