"""A genetic algorithm for mixed ordered and unordered parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel

from agents.base import Agent, Hyperparameters, hyperparameter
from agents.memory import Memory
from agents.operators import Mutation, tournament, uniform_crossover
from agents.sweeps import Integer, LogUniform, Uniform
from simulators import DesignSpace, Evaluation


class GeneticHyperparameters(Hyperparameters):
    """Hyperparameters of :class:`Genetic`."""

    population: int = hyperparameter(
        16,
        "Designs kept as parents; the first ones are random. Trap: the random start costs this many evaluations, "
        "so keep it below a tenth of the budget (sizing: Eiben and Smith, Introduction to Evolutionary Computing).",
        sweep=Integer(8, 64, log=True),
        ge=2,
    )
    offspring: int = hyperparameter(
        8,
        "Children bred per ask. Trap: more children per generation learn less from each other.",
        sweep=Integer(2, 32, log=True),
        ge=1,
    )
    tournament: int = hyperparameter(
        3,
        "Contestants per parent. Trap: with many a small population loses its diversity within a few generations "
        "(takeover times: Goldberg and Deb, A Comparative Analysis of Selection Schemes, FOGA 1991).",
        sweep=Integer(2, 6),
        ge=1,
    )
    crossover: float = hyperparameter(
        0.8,
        "Probability that a child mixes two parents; else it is a mutated copy of one.",
        sweep=Uniform(0.3, 1.0),
        ge=0.0,
        le=1.0,
    )
    mutation: float = hyperparameter(
        1.0,
        "Expected number of parameters mutated per child; one is forced where there is none. Trap: with many, children "
        "lose what their parents had in common (the 1/d rule: Muehlenbein, PPSN 1992).",
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
    resample: float = hyperparameter(
        0.3,
        "Share of mutations of ordered parameters that jump to any value. Trap: at 0 a plateau is never left.",
        sweep=Uniform(0.0, 0.6),
        ge=0.0,
        le=1.0,
    )


class Genetic(Agent[GeneticHyperparameters]):
    """(mu + lambda) genetic algorithm: tournaments, uniform crossover, mixed-discrete mutation.

    The population is the best ``population`` distinct designs told so far (truncation, hence elitism; the newer one
    wins a tie, so that plateaus are crossed). Children that are infeasible or known are replaced by
    other mutants of their mother, a bounded number of times, and then by random designs: a converged population goes on
    searching instead of repeating itself.
    """

    name = "genetic"
    version = "1"
    citation = "Holland, Adaptation in Natural and Artificial Systems (1975); Syswerda, ICGA (1989)"
    Hyperparameters = GeneticHyperparameters

    def __init__(
        self, space: DesignSpace, seed: int, hyperparameters: BaseModel | Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(space, seed, hyperparameters)
        self._memory = Memory(space)
        self._mutate = Mutation(space, self.hyperparameters.reach, self.hyperparameters.resample)
        self._parents = np.empty((0, space.dimensions), dtype=np.int64)
        self._fitness = np.empty(0)

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
        pool = np.concatenate([designs[new], self._parents])
        fitness = np.concatenate([np.asarray(rewards, dtype=np.float64)[new], self._fitness])
        best = np.argsort(-fitness, kind="stable")[: self.hyperparameters.population]
        self._parents, self._fitness = pool[best], fitness[best]

    def _breed(self, count: int) -> np.ndarray:
        winners = tournament(self._fitness, 2 * count, self.hyperparameters.tournament, self.rng)
        mothers, fathers = winners[:count], winners[count:]
        children = uniform_crossover(
            self._parents[mothers], self._parents[fathers], self.hyperparameters.crossover, self.rng
        )
        children = self._mutate(children, self.hyperparameters.mutation, self.rng)
        return self._memory.renew(children, lambda rows: self._mutate_again(self._parents[mothers[rows]]), self.rng)

    def _mutate_again(self, parents: np.ndarray) -> np.ndarray:
        return self._mutate(parents, 2.0 * self.hyperparameters.mutation, self.rng)
