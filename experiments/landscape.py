"""What a whole design space looks like: proven optima, the Pareto front, how scores are spread.

Everything is read from a table's file column by column, so that memory stays bounded: some 40 bytes per design.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from archgym_envs.objectives import Objective
from archgym_envs.scoring import Scorer
from experiments.pareto import Front
from simulators import ArchgymError, DesignSpace, Evaluation, InvalidInputError, Metric, Problem, UnknownNameError
from simulators.rank import RankIndex
from simulators.tabular import TableReader, hash_rows, number_outcomes

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
WITHIN = (0.01, 0.05, 0.1)
_NATURAL_FRONT = ("makespan_ns", "average_power_mw", "average_latency_ns")
_ENERGY = "energy_pj"
_TIMES = ("makespan_ns", "latency_ns", "delay_ns", "time_ns", "runtime_ns", "access_time_ns", "cycles")


@dataclass(frozen=True)
class ObjectiveLandscape:
    """One objective over all designs.

    Attributes:
        objective, label, direction, unit: what is searched for.
        optimum: the best score of any design: proven, since all were evaluated.
        optimal_designs: how many designs have it; ``design`` is the first of them, ``metrics`` its metrics.
        reference: the reference design's score; ``reference_rank`` how many designs are strictly better.
        quantiles: share of the valid designs, best first -> score (linear interpolation).
        within: relative distance from the optimum -> share of all designs that are as near.
        local_optima: designs no neighbour of which (one parameter changed by one step) is strictly better; None: not
            counted.
    """

    objective: dict[str, Any]
    label: str
    direction: str
    unit: str
    optimum: float
    optimal_designs: int
    design: dict[str, Any]
    metrics: dict[str, float]
    reference: float
    reference_rank: int
    quantiles: dict[str, float]
    within: dict[str, float]
    local_optima: int | None


@dataclass(frozen=True)
class FrontPoint:
    """One point of the Pareto front: metrics, how many designs have them, and the first of these."""

    metrics: dict[str, float]
    designs: int
    design: dict[str, Any]


@dataclass(frozen=True)
class Landscape:
    """A whole design space.

    Attributes:
        points: combinations of parameter values; ``designs`` are the distinct feasible ones, which the table has.
        invalid: designs without metrics, by reason; outcomes: distinct rows of results.
        objectives: the environment's own first, then those asked for, products, and single metrics.
        skipped: objectives that have no score, with the reason.
        front_metrics, front: the Pareto front over these metrics.
    """

    points: int
    designs: int
    invalid: dict[str, int]
    outcomes: int
    objectives: tuple[ObjectiveLandscape, ...]
    skipped: dict[str, str]
    front_metrics: tuple[str, ...]
    front: tuple[FrontPoint, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-serialisable data."""
        return asdict(self)


@dataclass(frozen=True)
class Questions:
    """What is asked of a table, checked before anything is computed.

    Attributes:
        headline: the environment's objective and those asked for: local optima are counted for these.
        others: products and single metrics.
        skipped: label -> why an objective cannot be had.
        front: metrics of the Pareto front.
    """

    headline: tuple[Scorer, ...]
    others: tuple[Scorer, ...]
    skipped: dict[str, str]
    front: tuple[str, ...]

    @classmethod
    def of(
        cls, problem: Problem, default: Objective, asked: Sequence[Mapping[str, Any]], front: Sequence[str] | None
    ) -> Questions:
        """Check what is asked; simulates the reference design.

        Raises:
            InvalidInputError: an objective that cannot be used on this problem, or metrics that make no front.
            UnknownNameError: a metric that is unknown, with the nearest one.
        """
        metrics = problem.simulator.metrics
        explicit = [Scorer(Objective.parse(spec), problem) for spec in asked]
        skipped: dict[str, str] = {}
        implied = {objective: _bind(objective, problem, skipped) for objective in (default, *_implied(metrics))}
        own = [implied[default]] if implied[default] else []
        headline = {scorer.objective: scorer for scorer in (*own, *explicit) if scorer}
        others = [scorer for objective, scorer in implied.items() if scorer and objective not in headline]
        return cls(tuple(headline.values()), tuple(others), skipped, _front_metrics(metrics, default, front))


def survey(reader: TableReader, problem: Problem, questions: Questions) -> Landscape:
    """Return the landscape of the table of ``problem``.

    Raises:
        InvalidInputError: the table is damaged.
    """
    flat, invalid, outcomes, front = _read_all(reader, questions.front)
    neighbours = _LocalOptima(problem.space, flat, [_scores(reader, scorer) for scorer in questions.headline])
    local = neighbours.count([scorer.objective.direction for scorer in questions.headline])
    asked = [*zip(questions.headline, local, strict=True), *((scorer, None) for scorer in questions.others)]
    objectives, skipped = [], dict(questions.skipped)
    for scorer, count in asked:
        scores = _scores(reader, scorer)
        if np.isnan(scores).all():
            skipped[scorer.objective.label()] = "no design has a score"
            continue
        objectives.append(_objective(problem, scorer, flat, scores, count))
    points = _front_points(problem, flat, front, questions.front)
    names = dict(sorted(invalid.items()))
    return Landscape(
        problem.space.size, len(flat), names, outcomes, tuple(objectives), skipped, questions.front, points
    )


def _bind(objective: Objective, problem: Problem, skipped: dict[str, str]) -> Scorer | None:
    try:
        return Scorer(objective, problem)
    except ArchgymError as error:
        skipped[objective.label()] = str(error)
        return None


def _implied(metrics: Sequence[Metric]) -> list[Objective]:
    """Return energy-delay products and every metric that has a direction."""
    names = [metric.name for metric in metrics]
    time = next((name for name in _TIMES if name in names), None)
    products: list[Mapping[str, Any]] = []
    if _ENERGY in names and time is not None:
        products = [{"minimize": f"{_ENERGY} * {time}"}, {"minimize": f"{_ENERGY} * {time} * {time}"}]
    single: list[Mapping[str, Any]] = [{m.direction: m.name} for m in metrics if m.direction != "report"]
    return [Objective.parse(spec) for spec in (*products, *single)]


def _front_metrics(metrics: Sequence[Metric], default: Objective, asked: Sequence[str] | None) -> tuple[str, ...]:
    """Return the metrics of the front: those asked for, else the environment's natural few."""
    directed = {metric.name for metric in metrics if metric.direction != "report"}
    if asked is None:
        natural = [name for name in _NATURAL_FRONT if name in directed]
        of_objective = [name for name in dict.fromkeys(default.metrics) if name in directed]
        first = [metric.name for metric in metrics if metric.name in directed][:3]
        return tuple(next((found for found in (natural, of_objective, first) if len(found) > 1), first))
    for name in asked:
        if name not in directed:
            raise UnknownNameError("metric with a direction", name, sorted(directed), "The front is made of these.")
    if len(set(asked)) < 2 or len(set(asked)) < len(asked):
        raise InvalidInputError(f"a Pareto front needs two or more different metrics, got {', '.join(asked)}")
    return tuple(asked)


def _read_all(reader: TableReader, metrics: Sequence[str]) -> tuple[np.ndarray, dict[str, int], int, Front]:
    """Return flat indices, invalid designs by reason, the number of distinct outcomes, and the front: one pass."""
    declared = {metric.name: metric for metric in reader.header.metrics}
    columns = [list(declared).index(name) for name in metrics]
    signs = np.array([-1.0 if declared[name].direction == "maximize" else 1.0 for name in metrics])
    invalid: dict[str, int] = {}
    codes: dict[str, int] = {"": 0}
    flat, hashes, front, seen = list[np.ndarray](), list[np.ndarray](), Front.empty(len(metrics)), 0
    for rows in reader.blocks():
        extra = np.zeros(len(rows), dtype=np.int64)
        for row in np.flatnonzero(~rows.valid).tolist():
            invalid[rows.reason[row]] = invalid.get(rows.reason[row], 0) + 1
            extra[row] = codes.setdefault(rows.reason[row], len(codes))
        hashes.append(hash_rows(rows.values, extra))
        outcome, first = number_outcomes(hashes[-1])
        points = rows.values[first][:, columns] * signs
        known = np.isfinite(points).all(axis=1)
        if len(columns) > 1:
            front = front.add(points[known], seen + first[known], np.bincount(outcome)[known])
        flat.append(rows.flat)
        seen += len(rows)
    outcomes = len(number_outcomes(np.concatenate(hashes))[1])
    return np.concatenate(flat), invalid, outcomes, Front(front.points * signs, front.first, front.designs)


def _scores(reader: TableReader, scorer: Scorer) -> np.ndarray:
    """Return the scores of all designs, float64 ``[n]``, from the columns the objective needs."""
    metrics = reader.header.metrics
    needed = list(dict.fromkeys((*scorer.objective.metrics, *scorer.objective.tie_break)))
    position = {metric.name: column for column, metric in enumerate(metrics)}
    parts = []
    for block in reader.columns([*needed, "valid"]):
        values = np.full((len(block["valid"]), len(metrics)), np.nan)
        for name in needed:
            values[:, position[name]] = block[name]
        valid = block["valid"]
        scores = scorer.score(Evaluation(metrics, values, valid, ("",) * len(valid)))
        parts.append(scores.copy())  # a single metric is a view that would keep all of ``values``
    return np.concatenate(parts)


def _objective(
    problem: Problem, scorer: Scorer, flat: np.ndarray, scores: np.ndarray, local: int | None
) -> ObjectiveLandscape:
    objective = scorer.objective
    minimized = objective.direction == "minimize"
    valid = scores[~np.isnan(scores)]
    optimum = float(valid.min() if minimized else valid.max())
    best = int(np.flatnonzero(scores == optimum)[0])
    design = problem.space.unflatten(flat[best : best + 1])
    reference = scorer.reference_score
    shares = QUANTILES if minimized else tuple(1.0 - share for share in QUANTILES)
    quantiles = np.quantile(valid, shares)
    gap = np.abs(valid - optimum)
    return ObjectiveLandscape(
        objective=objective.to_dict(),
        label=objective.label(),
        direction=objective.direction,
        unit=scorer.unit,
        optimum=optimum,
        optimal_designs=int((valid == optimum).sum()),
        design=problem.space.describe(design[0]),
        metrics=problem.evaluate(design).row(),
        reference=reference,
        reference_rank=int((valid < reference if minimized else valid > reference).sum()),
        quantiles={f"{share:g}": float(value) for share, value in zip(QUANTILES, quantiles, strict=True)},
        within={f"{share:g}": float((gap <= share * abs(optimum)).sum() / len(scores)) for share in WITHIN},
        local_optima=local,
    )


def _front_points(problem: Problem, flat: np.ndarray, front: Front, metrics: Sequence[str]) -> tuple[FrontPoint, ...]:
    designs = problem.space.unflatten(flat[front.first])
    return tuple(
        FrontPoint(dict(zip(metrics, point, strict=True)), int(count), problem.space.describe(design))
        for point, count, design in zip(front.points.tolist(), front.designs, designs, strict=True)
    )


class _LocalOptima:
    """Counts designs without a better neighbour, for several objectives at once.

    Args:
        space: the designs' space.
        flat: flat indices of the ``n`` designs, ascending.
        scores: per objective ``[n]``.
    """

    def __init__(self, space: DesignSpace, flat: np.ndarray, scores: Sequence[np.ndarray]) -> None:
        self._space, self._flat, self._scores = space, flat, scores
        self._rank = RankIndex(flat, space.size)

    def count(self, directions: Sequence[str], batch: int = 65536) -> list[int]:
        """Return the number of local optima per objective, whose directions are given."""
        costs = [s if way == "minimize" else -s for s, way in zip(self._scores, directions, strict=True)]
        costs = [np.where(np.isnan(cost), np.inf, cost) for cost in costs]
        found = [0] * len(costs)
        for start in range(0, len(self._flat) if costs else 0, batch):
            rows = slice(start, start + batch)
            designs = self._space.unflatten(self._flat[rows])
            beaten = [np.isinf(cost[rows]) for cost in costs]
            for moved in self._moves(designs):
                inside = (moved >= 0) & (moved < self._space.cardinalities)
                target = self._target(moved, inside)
                for worse, cost in zip(beaten, costs, strict=True):
                    worse |= (target >= 0) & (cost[target] < cost[rows])
            for position, worse in enumerate(beaten):
                found[position] += int((~worse).sum())
        return found

    def _moves(self, designs: np.ndarray) -> Any:
        """Give for each step of each parameter the designs after it; entries outside the parameter are no designs."""
        for column, parameter in enumerate(self._space.parameters):
            count = len(parameter)
            steps = (-1, 1) if parameter.ordered else range(1, count)
            for step in steps:
                moved = designs.copy()
                moved[:, column] = designs[:, column] + step
                if not parameter.ordered:
                    moved[:, column] %= count
                yield moved

    def _target(self, moved: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """Return the row of each moved design; -1 where it is none."""
        possible = inside.all(axis=1)
        target = np.full(len(moved), -1, dtype=np.int64)
        target[possible] = self._rank.find(self._space.flat_array(self._space.canonical(moved[possible])))
        return target
