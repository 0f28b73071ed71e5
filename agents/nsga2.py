"""NSGA-II: a genetic algorithm that searches for a whole Pareto front."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel

from agents.base import Agent, Hyperparameters, hyperparameter
from agents.memory import Memory
from agents.operators import Mutation, tournament, uniform_crossover
from agents.sweeps import Integer, LogUniform, Uniform
from archgym_envs.scoring import INVALID_REWARD
from simulators import DesignSpace, Evaluation, InvalidInputError

REWARD = "reward"
"""The objective that is the reward itself."""


class NSGA2Hyperparameters(Hyperparameters):
    """Hyperparameters of :class:`NSGA2`."""

    objectives: tuple[str, ...] = hyperparameter(
        (),
        "Names of the metrics to trade off, each in its own direction; `reward` may be one of them, and is the only "
        "one where none is named. Trap: with more than three most designs are incomparable and nothing is selected "
        "(Ishibuchi, Tsukamoto and Nojima, CEC 2008).",
    )
    population: int = hyperparameter(
        24,
        "Designs kept as parents; the first ones are random. Trap: it bounds how many points of the front are kept, "
        "and the random start costs this many evaluations.",
        sweep=Integer(8, 64, log=True),
        ge=4,
    )
    offspring: int = hyperparameter(
        12,
        "Children bred per ask. Trap: more children per generation learn less from each other.",
        sweep=Integer(2, 32, log=True),
        ge=1,
    )
    crossover: float = hyperparameter(
        0.9,
        "Probability that a child mixes two parents; else it is a mutated copy of one (0.9: Deb et al., 2002).",
        sweep=Uniform(0.3, 1.0),
        ge=0.0,
        le=1.0,
    )
    mutation: float = hyperparameter(
        1.0,
        "Expected number of parameters mutated per child; one is forced where there is none. Trap: with many, children "
        "lose what their parents had in common.",
        sweep=LogUniform(0.3, 4.0),
        gt=0.0,
    )
    reach: float = hyperparameter(
        0.15,
        "Mean step of an ordered parameter as a share of its range; never below one value.",
        sweep=LogUniform(0.03, 0.5),
        gt=0.0,
        le=1.0,
    )


class NSGA2(Agent[NSGA2Hyperparameters]):
    """Elitist genetic algorithm whose order is Pareto rank, then crowding distance.

    Parents win binary tournaments; uniform crossover, mixed-discrete mutation. What was told and the parents compete
    for the next population: valid designs before failed ones, then by non-dominated fronts, the front that does not
    fit by its least crowded designs.

    Metrics come with the evaluation. Designs told without one (a warm start, say) have nothing but their reward: they
    come after those with metrics, before those that failed, in the order of their rewards. Known and infeasible
    children are mutated further, a bounded number of times, and then replaced by random designs.

    Raises (from ``tell``):
        UnknownNameError: an objective that is not a metric of the problem, with the nearest one.
        InvalidInputError: a metric without a direction.
    """

    name = "nsga2"
    version = "1"
    citation = "Deb, Pratap, Agarwal and Meyarivan, NSGA-II, IEEE Transactions on Evolutionary Computation 6 (2002)"
    Hyperparameters = NSGA2Hyperparameters

    def __init__(
        self, space: DesignSpace, seed: int, hyperparameters: BaseModel | Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(space, seed, hyperparameters)
        self._memory = Memory(space)
        self._mutate = Mutation(space, self.hyperparameters.reach, resample=0.3)
        self._objectives = self.hyperparameters.objectives or (REWARD,)
        self._parents = np.empty((0, space.dimensions), dtype=np.int64)
        self._grades = np.empty(0, dtype=np.int64)
        self._vectors = np.empty((0, len(self._objectives)))
        self._merit = np.empty(0)

    def ask(self, n: int) -> np.ndarray:
        """Propose random designs until a population has been told, then ``min(n, offspring)`` children."""
        missing = self.hyperparameters.population - len(self._memory)
        if missing > 0 or not len(self._parents):
            return self._memory.sample_new(min(n, max(missing, 1)), self.rng)
        return self._breed(min(n, self.hyperparameters.offspring))

    def tell(self, designs: np.ndarray, rewards: np.ndarray, evaluation: Evaluation | None = None) -> None:
        """Let designs compete for a place in the population."""
        new = ~self._memory.stale(designs)
        self._memory.add(designs)
        grades, vectors = self._judge(np.asarray(rewards, dtype=np.float64), evaluation)
        pool = np.concatenate([designs[new], self._parents])
        grades = np.concatenate([grades[new], self._grades])
        vectors = np.concatenate([vectors[new], self._vectors])
        best = selection_order(grades, vectors)[: self.hyperparameters.population]
        self._parents, self._grades, self._vectors = pool[best], grades[best], vectors[best]
        self._merit = -np.arange(len(best), dtype=np.float64)

    def front(self) -> np.ndarray:
        """Return the designs ``[k, d]`` of the population that none of it dominates; empty while none is valid."""
        if not len(self._grades) or self._grades.min() == 2:
            return self._parents[:0]
        rows = np.flatnonzero(self._grades == self._grades.min())
        return self._parents[rows[pareto_ranks(self._vectors[rows]) == 0]]

    def _judge(self, rewards: np.ndarray, evaluation: Evaluation | None) -> tuple[np.ndarray, np.ndarray]:
        """Return grades ``[n]`` (0: all objectives, 1: only the reward, 2: failed) and vectors, more is better."""
        failed = np.asarray(rewards <= INVALID_REWARD if evaluation is None else ~evaluation.valid)
        if evaluation is None and any(name != REWARD for name in self._objectives):
            columns = [rewards for _ in self._objectives]
            return np.where(failed, 2, 1), np.stack(columns, axis=1)
        columns = [rewards if name == REWARD else _signed(evaluation, name) for name in self._objectives]
        vectors = np.where(failed[:, None], rewards[:, None], np.stack(columns, axis=1))
        return np.where(failed, 2, 0), vectors

    def _breed(self, count: int) -> np.ndarray:
        winners = tournament(self._merit, 2 * count, 2, self.rng)
        mothers, fathers = self._parents[winners[:count]], self._parents[winners[count:]]
        mixed = uniform_crossover(mothers, fathers, self.hyperparameters.crossover, self.rng)
        children = self._mutate(mixed, self.hyperparameters.mutation, self.rng)
        rate = 2.0 * self.hyperparameters.mutation
        return self._memory.renew(children, lambda rows: self._mutate(mothers[rows], rate, self.rng), self.rng)


def _signed(evaluation: Evaluation | None, name: str) -> np.ndarray:
    """Return one metric ``[n]``, more being better."""
    assert evaluation is not None
    column = evaluation.column(name)
    direction = evaluation.metrics[evaluation.names.index(name)].direction
    if direction == "report":
        raise InvalidInputError(f"agent 'nsga2': metric {name!r} has no better direction, so it cannot be an objective")
    return column if direction == "maximize" else -column


def selection_order(grades: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Return the positions ``[n]``, best first: by grade, then Pareto rank, then crowding distance, widest first.

    Args:
        grades: ``[n]``, lower is better.
        vectors: ``[n, m]``, more is better.
    """
    order: list[np.ndarray] = []
    for grade in np.unique(grades):
        rows = np.flatnonzero(grades == grade)
        ranks = pareto_ranks(vectors[rows])
        for rank in range(int(ranks.max()) + 1):
            front = rows[ranks == rank]
            order.append(front[np.argsort(-crowding_distances(vectors[front]), kind="stable")])
    return np.concatenate(order) if order else np.empty(0, dtype=np.int64)


def pareto_ranks(vectors: np.ndarray) -> np.ndarray:
    """Return each vector's front ``[n]``, 0 for those that no other dominates (more is better)."""
    no_worse = np.all(vectors[:, None, :] >= vectors[None, :, :], axis=2)
    dominates = no_worse & ~no_worse.T
    ranks = np.full(len(vectors), -1)
    rank, left = 0, np.ones(len(vectors), dtype=bool)
    while left.any():
        front = left & ~dominates[left].any(axis=0)
        ranks[front], left = rank, left & ~front
        rank += 1
    return ranks


def crowding_distances(vectors: np.ndarray) -> np.ndarray:
    """Return the crowding distance ``[n]`` of a front's vectors ``[n, m]`` (Deb et al., 2002): inf at the ends.

    The sum over objectives of the distance between both neighbours as a share of the objective's range.
    """
    distances = np.zeros(len(vectors))
    for column in vectors.T:
        order = np.argsort(column, kind="stable")
        span = column[order[-1]] - column[order[0]]
        distances[order[[0, -1]]] = np.inf
        if span > 0.0:
            distances[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / span
    return distances
