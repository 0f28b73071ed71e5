"""Scores and rewards: an objective bound to a problem.

``score`` is in the objective's own units and is what comparisons use. ``reward`` is what learners
see: finite, higher is better, relative to the problem's reference design, within ``[-10, 10]``.

Words: ``n`` designs in a batch, ``x`` a metric, ``T`` its target, ``r`` its value (or the score's) on
the reference design.

=========  ===================================================  ================================
kind       score                                                reward before clipping
=========  ===================================================  ================================
minimize   product of the metrics                               log(r / score)
maximize   product of the metrics                               log(score / r)
meet       sum of max(0, x - T) / T (``T - x`` where more is    -log1p(score); with a tie-break,
           better); 0 when all are met, then the tie-break      -score where all are met
pareto     product of the gains u of the metrics               log(score / r)
paper      product of T / \\|x - T\\|                             log(score)
=========  ===================================================  ================================

The gain of a metric is u = r / (r + x) where less is better and x / (r + x) where more is: in (0, 1), 1/2 for the
reference design, whatever the unit. So the score of one design is the volume of the unit cube that it dominates, and
what a run is compared by is its hypervolume: the volume that all its designs dominate together (Zitzler and Thiele,
IEEE Trans. Evolutionary Computation 3, 1999; rescaling an axis by a monotone function keeps every dominance).

A declared tie-break with value t makes the score of a design that meets all budgets
-r / (r + t) where less is better and -t / (r + t) where more is: in (-1, 0), better is lower.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from archgym_envs.objectives import Objective
from simulators import Evaluation, InvalidInputError, Metric, Problem, UnknownNameError

INVALID_REWARD = -10.0
"""The reward of a design without metrics: as bad as the worst valid design can be."""
REWARD_LIMIT = 10.0
"""Rewards are clipped to ``[-REWARD_LIMIT, REWARD_LIMIT]``: e^10 is a factor of 22 000."""
_TINY = float(np.finfo(np.float64).epsneg)
"""Keeps tie-breaks strictly inside (-1, 0): 1 - _TINY is the largest number below 1."""
PAPER_LIMIT = 1e6
"""Each factor T / |x - T| of the paper's objective is capped here; it is infinite at x = T."""


class Scorer:
    """An objective on a problem: scores and rewards of evaluations.

    Args:
        objective: what is searched for.
        problem: gives the metrics and, by its reference design, the scale of the rewards.

    Attributes:
        objective: as given.
        reference_score: the score of the problem's reference design.
        unit: the score's unit, ``"1"`` for distances and ratios.
        worst: what every score is better than: ``inf`` or ``-inf`` by the score's direction.

    Raises:
        UnknownNameError: the objective names a metric the problem does not have.
        InvalidInputError: a tie-break of mixed direction, or a reference design without metrics.
    """

    def __init__(self, objective: Objective, problem: Problem) -> None:
        self.objective = objective
        self._metrics = problem.simulator.metrics
        self._columns = [self._position(name) for name in objective.metrics]
        self._tie_columns = [self._position(name) for name in objective.tie_break]
        self._less_is_better = [self._metrics[c].direction != "maximize" for c in self._columns]
        self._tie_minimised = self._tie_direction()
        pure = bool(objective.targets) or objective.kind == "pareto"
        self.unit = "1" if pure else _unit([self._metrics[c] for c in self._columns])
        self._is_meet = objective.kind == "meet"
        self._minimised = objective.direction == "minimize"
        self.worst = np.inf if self._minimised else -np.inf
        reference = problem.reference
        if not reference.valid[0]:
            raise InvalidInputError(
                f"the reference design of space {problem.space.name!r} is invalid ({reference.reason[0]}); "
                "choose defaults that the simulator can evaluate: rewards are relative to them"
            )
        self._tie_scale = self._tie_reference(reference)
        self._gain_scales = self._scales_of_gains(reference) if objective.kind == "pareto" else []
        self.reference_score = float(self.score(reference)[0])
        if not np.isfinite(self.reference_score):
            raise InvalidInputError(
                f"the reference design of space {problem.space.name!r} scores {self.reference_score} on "
                f"{objective.label()!r}; rewards are relative to it, so choose metrics it has finite values for"
            )
        absolute = objective.kind == "paper"  # its reward is the log of the score itself, relative to nothing
        self._shift = 0.0 if absolute else float(zero_shift(self.reference_score))
        self._scale = 1.0 if absolute else self.reference_score + self._shift

    def score(self, evaluation: Evaluation) -> np.ndarray:
        """Return the scores ``[n]`` (float64) in the objective's own units; NaN where invalid."""
        if evaluation.metrics is not self._metrics and evaluation.metrics != self._metrics:
            raise InvalidInputError(
                f"this evaluation has the metrics {', '.join(evaluation.names)}; the scorer's problem has "
                f"{', '.join(metric.name for metric in self._metrics)}"
            )
        values = evaluation.values
        if self._is_meet:
            scores = self._distances(values)
        elif self.objective.kind == "paper":
            scores = self._paper(values)
        elif self.objective.kind == "pareto":
            scores = self.gains(values).prod(axis=1)
        else:
            scores = _product(values, self._columns)
        return scores if evaluation.valid.all() else np.where(evaluation.valid, scores, np.nan)

    def reward(self, scores: np.ndarray) -> np.ndarray:
        """Return the rewards ``[n]`` of scores ``[n]``: finite, higher is better, see the module's table."""
        return np.array([self.reward_of(score) for score in np.asarray(scores, dtype=np.float64).tolist()])

    def reward_of(self, score: float) -> float:
        """Return the reward of one score."""
        if score != score:
            return INVALID_REWARD
        if self._is_meet:
            raw = -score if score < 0.0 else 0.0 - math.log1p(score)
        else:
            ratio = (score + self._shift) / self._scale
            log = math.log(ratio) if ratio > 0.0 else -math.inf
            raw = 0.0 - log if self._minimised else log
        return min(max(raw, -REWARD_LIMIT), REWARD_LIMIT)

    def score_of(self, values: Sequence[float]) -> float:
        """Return the score of one valid design with the metrics ``values``: exactly what :meth:`score` gives it.

        Plain Python on floats, for environments that step design by design.
        """
        if self._is_meet:
            return self._distance_of(values)
        score = 1.0
        if self.objective.kind == "paper":
            for column, target in zip(self._columns, self.objective.targets, strict=True):
                score *= target / max(abs(values[column] - target), target / PAPER_LIMIT)
            return score
        if self.objective.kind == "pareto":
            return float(self.gains(np.array([values])).prod(axis=1)[0])
        for column in self._columns:
            score *= values[column]
        return score

    def gains(self, values: np.ndarray) -> np.ndarray:
        """Return the gains ``[n, f]`` of metrics ``[n, m]`` of a ``pareto`` objective, see the module."""
        return gains_of(values[:, self._columns], np.array(self._gain_scales), np.array(self._less_is_better))

    def met(self, evaluation: Evaluation) -> np.ndarray:
        """Return a boolean array ``[n]``: True where a ``meet`` objective's budgets are all met."""
        return self.met_by(self.score(evaluation))

    def met_by(self, scores: np.ndarray) -> np.ndarray:
        """Return the same from scores ``[n]``: a distance is exactly 0, or below, when all budgets are met."""
        if not self._is_meet:
            return np.zeros(np.shape(scores), dtype=bool)
        return np.asarray(scores) <= 0.0

    def optimum(self, problem: Problem) -> float | None:
        """Return the best score of any design of ``problem`` where that is known.

        It is where the problem has all ``outcomes``, and where it has ``best_outcomes``, among which is the best of
        every objective by which metrics are the better the further they go in their own direction.
        """
        outcomes: Evaluation | None = getattr(problem, "outcomes", None)
        if outcomes is None and self._follows_directions():
            outcomes = getattr(problem, "best_outcomes", None)
        if outcomes is None:
            return None
        if self.objective.kind == "pareto":
            return hypervolume(self.gains(outcomes.values[outcomes.valid]))
        scores = self.score(outcomes)
        known = scores[~np.isnan(scores)]
        return float(known.min() if self._minimised else known.max()) if known.size else None

    def _follows_directions(self) -> bool:
        """Return whether the objective never prefers the worse of two values of any of its metrics."""
        if self.objective.kind == "paper":
            return False
        directions = {self._metrics[column].direction for column in (*self._columns, *self._tie_columns)}
        if self.objective.kind in ("minimize", "maximize"):
            return directions == {self.objective.kind}
        return "report" not in directions

    def better(self, a: float, b: float) -> bool:
        """Return whether score ``a`` is strictly better than ``b``; NaN (invalid) is worse than any score."""
        if np.isnan(a) or np.isnan(b):
            return bool(np.isnan(b) and not np.isnan(a))
        return a < b if self._minimised else a > b

    def _distances(self, values: np.ndarray) -> np.ndarray:
        total = np.zeros(len(values))
        for column, target, upper in zip(self._columns, self.objective.targets, self._less_is_better, strict=True):
            excess = values[:, column] - target if upper else target - values[:, column]
            total += np.maximum(excess, 0.0) / target
        if not self._tie_columns:
            return total
        return np.where(total == 0.0, self._tie_scores(values), total)

    def _distance_of(self, values: Sequence[float]) -> float:
        total = 0.0
        for column, target, upper in zip(self._columns, self.objective.targets, self._less_is_better, strict=True):
            excess = values[column] - target if upper else target - values[column]
            if not excess <= 0.0:  # NaN counts, as it does in an array
                total += excess / target
        if total != 0.0 or not self._tie_columns:
            return total
        return float(self._tie_scores(np.array([values]))[0])

    def _tie_scores(self, values: np.ndarray) -> np.ndarray:
        """Return values in the open interval (-1, 0), lower for the better tie-break."""
        tie = np.maximum(_product(values, self._tie_columns), 0.0)
        share = self._tie_scale / (self._tie_scale + tie)
        return -np.clip(share if self._tie_minimised else 1.0 - share, _TINY, 1.0 - _TINY)

    def _paper(self, values: np.ndarray) -> np.ndarray:
        score = np.ones(len(values))
        for column, target in zip(self._columns, self.objective.targets, strict=True):
            score *= target / np.maximum(np.abs(values[:, column] - target), target / PAPER_LIMIT)
        return score

    def _position(self, name: str) -> int:
        names = [metric.name for metric in self._metrics]
        if name not in names:
            raise UnknownNameError("metric", name, names, f"The objective {self.objective.label()!r} asks for it.")
        return names.index(name)

    def _tie_reference(self, reference: Evaluation) -> float:
        """Return the tie-break of the reference design, or 1 where that is no scale."""
        value = float(_product(reference.values, self._tie_columns)[0]) if self._tie_columns else 1.0
        return value if np.isfinite(value) and value > 0.0 else 1.0

    def _scales_of_gains(self, reference: Evaluation) -> list[float]:
        scales = [float(reference.values[0, column]) for column in self._columns]
        for column, scale in zip(self._columns, scales, strict=True):
            if not (np.isfinite(scale) and scale > 0.0):
                raise InvalidInputError(
                    f"objective.pareto: the reference design's {self._metrics[column].name} is {scale}; gains are "
                    "relative to it, so choose metrics for which it is positive"
                )
        return scales

    def _tie_direction(self) -> bool:
        """Return whether the tie-break is minimised; metrics that are neither count as minimised."""
        maximised = {self._metrics[column].direction == "maximize" for column in self._tie_columns}
        if len(maximised) > 1:
            raise InvalidInputError(
                f"objective.tie_break {' * '.join(self.objective.tie_break)!r} multiplies metrics that are minimised "
                "with metrics that are maximised; use metrics of one direction"
            )
        return maximised != {True}


def gains_of(values: np.ndarray, scales: np.ndarray, less_is_better: np.ndarray) -> np.ndarray:
    """Return the gains in [0, 1], more is better: r / (r + x), or x / (r + x); ``x`` below 0 counts as 0.

    Args:
        values: ``[n, f]`` metrics, no NaN.
        scales: ``[f]``, positive: the reference design's.
        less_is_better: ``[f]`` booleans.
    """
    sound = np.maximum(values, 0.0)
    share = scales / (scales + sound)
    return np.where(less_is_better, share, 1.0 - share)


def hypervolume(gains: np.ndarray) -> float:
    """Return the volume of the unit cube that points ``[n, f]`` of gains dominate; 0 of no points."""
    import moocore

    return float(moocore.hypervolume(gains, ref=np.zeros(gains.shape[1]), maximise=True)) if len(gains) else 0.0


def zero_shift(reference: float | np.ndarray) -> np.ndarray:
    """Return what makes log((x + s) / (r + s)) safe: 0 where r > 0, else 1 - r (so that r = 0 gives log1p(x)).

    ``reference`` may hold any shape; NaN (a metric the reference design lacks) gives shift NaN.
    """
    r = np.asarray(reference, dtype=np.float64)
    return np.where(r > 0.0, 0.0, 1.0 - r)


def _product(values: np.ndarray, columns: list[int]) -> np.ndarray:
    product = values[:, columns[0]]
    for column in columns[1:]:
        product = product * values[:, column]
    return product


def _unit(metrics: list[Metric]) -> str:
    return " * ".join(metric.unit for metric in metrics if metric.unit != "1") or "1"
