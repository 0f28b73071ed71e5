"""Studies of many runs in step: one agent, one problem, many seeds, one call of the problem for the designs of all.

    study = run_batched_study("genetic", problem, objective, seeds=range(256), budget=1000)
    study.scores             # [256, 1000], what each unique evaluation scored
    study.best[:, -1]        # the best of each run

Every run gives exactly what it gives alone, by :func:`agents.search.run_search` with a
:class:`archgym_envs.BudgetedEvaluator`: the same designs, counts and scores. Nothing is journalled: for studies that
must survive an interruption there is ``archgym run``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from agents.batched import BatchedAgent, make_batched
from agents.design_sets import DesignSets
from archgym_envs.evaluators import PROPOSALS_PER_EVALUATION, StopReason, countable
from archgym_envs.objectives import Objective
from archgym_envs.scoring import Scorer
from simulators import ArchgymError, InvalidInputError, Problem

_REASONS: tuple[StopReason | None, ...] = (None, "budget", "exhausted", "max_proposals")
"""By the numbers of ``kernel_designs``."""


@dataclass(frozen=True)
class BatchedStudy:
    """What the runs of a study found, run r from the r-th seed.

    Attributes:
        direction: which scores are better.
        scores: float64 ``[runs, budget]``, of each run's unique evaluations in their order, in the objective's units;
            NaN where a design is invalid and after the end of the run.
        evaluations, proposals: int64 ``[runs]``.
        stopped: why each run ended.
    """

    direction: Literal["minimize", "maximize"]
    scores: np.ndarray
    evaluations: np.ndarray
    proposals: np.ndarray
    stopped: tuple[StopReason | None, ...]

    @property
    def best(self) -> np.ndarray:
        """Best score so far, ``[runs, budget]``; the worst infinity before the first valid design.

        A run that ended early keeps its best to the end of the row.
        """
        if self.direction == "minimize":
            return np.minimum.accumulate(np.where(np.isnan(self.scores), np.inf, self.scores), axis=1)
        return np.maximum.accumulate(np.where(np.isnan(self.scores), -np.inf, self.scores), axis=1)


class BatchedEvaluator:
    """Count the unique designs of many runs as :class:`BudgetedEvaluator` does those of one, and remember rewards.

    Args:
        problem: what is evaluated.
        scorer: the objective bound to it.
        runs: how many.
        budget: unique designs that each run may have simulated.
        max_proposals: designs that each may propose; default 10 x budget.

    Attributes:
        scores: ``[runs, budget]`` so far, see :class:`BatchedStudy`.

    Raises:
        InvalidInputError: a budget below 1.
    """

    def __init__(
        self, problem: Problem, scorer: Scorer, runs: int, budget: int, max_proposals: int | None = None
    ) -> None:
        from agents.kernels.kernel_designs import Tally

        if isinstance(budget, bool) or not isinstance(budget, int | np.integer) or budget < 1:
            raise InvalidInputError(f"the budget must be an integer of at least 1 evaluation, got {budget!r}")
        available = countable(problem.space, budget)
        self._problem, self._scorer, self._budget = problem, scorer, int(budget)
        most = max_proposals or PROPOSALS_PER_EVALUATION * budget
        self._limits = (int(budget), -1 if available is None else available, int(most))
        self._tally = Tally(*(np.zeros(runs, dtype=np.int64) for _ in Tally._fields))
        self._seen = DesignSets(problem.space, runs)
        self._rewards = np.empty(0)
        self.scores = np.full((runs, budget), np.nan)

    @property
    def remaining(self) -> np.ndarray:
        """Unique designs that each run may still evaluate, int64 ``[runs]``; 0 once it has stopped."""
        return np.where(self._tally.stopped == 0, self._budget - self._tally.evaluations, 0)

    def evaluate(self, designs: np.ndarray, runs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Evaluate designs ``[k, d]`` of the ``runs`` ``[k]``, each run's in order until its budget ends.

        Returns:
            A boolean array ``[k]``, True for the rows that were evaluated, and the rewards of those.
        """
        from agents.kernels.kernel_designs import count_rows

        canonical = self._problem.space.canonical(designs)
        positions, numbers = np.empty_like(runs), np.empty_like(runs)
        self._seen.reserve(len(runs))
        feasible = np.ones(len(runs), dtype=bool) if self._limits[1] < 0 else self._seen.feasible(canonical)
        count_rows(self._seen.stored, self._tally, self._limits, canonical, runs, feasible, positions, numbers)
        new = np.flatnonzero(numbers >= 0)
        self._simulate(canonical[new], runs[new], numbers[new], positions[new])
        taken = positions >= 0
        return taken, self._rewards[positions[taken]]

    def result(self) -> BatchedStudy:
        """Return what has been found so far."""
        stopped = tuple(_REASONS[reason] for reason in self._tally.stopped.tolist())
        evaluations, proposals = self._tally.evaluations.copy(), self._tally.proposals.copy()
        return BatchedStudy(self._scorer.objective.direction, self.scores, evaluations, proposals, stopped)

    def _simulate(self, designs: np.ndarray, runs: np.ndarray, numbers: np.ndarray, positions: np.ndarray) -> None:
        if not len(designs):
            return
        scores = self._scorer.score(self._problem.evaluate(designs))
        self.scores[runs, numbers] = scores
        if len(self._rewards) <= positions[-1]:
            self._rewards = np.concatenate([self._rewards, np.empty(len(self._rewards) + positions[-1] + 1)])
        self._rewards[positions] = self._scorer.reward(scores)


def run_batched_study(
    agent: str,
    problem: Problem,
    objective: Objective | Mapping[str, Any],
    seeds: Sequence[int],
    budget: int,
    *,
    hyperparameters: Mapping[str, Any] | None = None,
    max_proposals: int | None = None,
) -> BatchedStudy:
    """Search ``problem`` once per seed, all runs in step.

    Args:
        agent: the name of one with a batched form.
        problem: what is searched.
        objective: as an object or as data, ``{"minimize": "energy_pj"}``; not ``pareto``, whose score is a run's.
        seeds: one run each.
        budget: unique evaluations of each run.
        hyperparameters: of all runs.
        max_proposals: of each run; default 10 x budget.

    Raises:
        InvalidInputError: see :func:`agents.batched.make_batched`; a bad objective or budget.
        UnknownNameError: no such agent, hyperparameter or metric.
        ArchgymError: an agent that proposes nothing for a run, or more than it may.
    """
    wanted = objective if isinstance(objective, Objective) else Objective.parse(objective)
    if wanted.kind == "pareto":
        raise InvalidInputError("a batched study compares single scores; search a Pareto front with: archgym run")
    searcher = make_batched(agent, problem.space, seeds, hyperparameters)
    evaluator = BatchedEvaluator(problem, Scorer(wanted, problem), len(seeds), budget, max_proposals)
    while (remaining := evaluator.remaining).any():
        _advance(searcher, evaluator, remaining)
    return evaluator.result()


def _advance(searcher: BatchedAgent[Any], evaluator: BatchedEvaluator, remaining: np.ndarray) -> None:
    """One round of ask, evaluate and tell."""
    designs, runs = searcher.ask(remaining)
    asked = np.bincount(runs, minlength=len(remaining))
    wrong = np.flatnonzero((asked > remaining) | ((asked == 0) & (remaining > 0)))
    if wrong.size:
        run = int(wrong[0])
        raise ArchgymError(
            f"agent {searcher.name!r} proposed {asked[run]} designs for run {run} when asked for 1..{remaining[run]}"
        )
    taken, rewards = evaluator.evaluate(designs, runs)
    searcher.tell(designs[taken], runs[taken], rewards)
