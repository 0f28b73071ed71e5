"""A genetic algorithm for mixed ordered and unordered parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from agents.base import Hyperparameters, hyperparameter
from agents.batched import BatchedAgent, BatchOfOne
from agents.sweeps import Integer, LogUniform, Uniform
from simulators import DesignSpace

if TYPE_CHECKING:
    from agents.kernels.kernel_genetic import Genome


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


class Genetic(BatchOfOne[GeneticHyperparameters]):
    """(mu + lambda) genetic algorithm: tournaments, uniform crossover, mixed-discrete mutation.

    The population is the best ``population`` distinct designs told so far (truncation, hence elitism; the newer one
    wins a tie, so that plateaus are crossed). Children that are infeasible or known are replaced by
    other mutants of their mother, a bounded number of times, and then by random designs: a converged population goes on
    searching instead of repeating itself.
    """

    name = "genetic"
    version = "2"
    citation = "Holland, Adaptation in Natural and Artificial Systems (1975); Syswerda, ICGA (1989)"
    Hyperparameters = GeneticHyperparameters
    batched = "agents.genetic:GeneticRuns"


class GeneticRuns(BatchedAgent[GeneticHyperparameters]):
    """The algorithm, for any number of runs; a run asks for random designs until a population has been told."""

    name = Genetic.name

    def __init__(self, space: DesignSpace, seeds: Sequence[int], hyperparameters: GeneticHyperparameters) -> None:
        from agents.kernels.kernel_genetic import Population

        super().__init__(space, seeds, hyperparameters)
        shape = (len(seeds), hyperparameters.population)
        self._genome = _genome(space, hyperparameters.reach)
        self._population = Population(
            parents=np.zeros((*shape, space.dimensions), dtype=np.int64),
            fitness=np.zeros(shape),
            order=np.zeros(shape, dtype=np.int64),
            filled=np.zeros(len(seeds), dtype=np.int64),
        )

    def parents(self, run: int = 0) -> np.ndarray:
        """Return the population of a run, ``[p, d]``, best first."""
        kept = self._population
        return kept.parents[run, kept.order[run, : kept.filled[run]]]

    def ask(self, most: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Propose random designs where a population is missing, else ``min(most, offspring)`` children."""
        missing = self.hyperparameters.population - self.known.sizes
        starting = (missing > 0) | (self._population.filled == 0)
        wanted = np.where(starting, np.maximum(missing, 1), self.hyperparameters.offspring)
        runs = np.repeat(np.arange(len(wanted)), np.minimum(most, wanted))
        bred = ~starting[runs]
        children, mothers = self._breed(runs, bred)
        children[~bred] = self.sample(runs[~bred])

        def redraw(rows: np.ndarray) -> np.ndarray:
            mutants = self._mutate(runs[rows], mothers[rows], bred[rows])
            mutants[~bred[rows]] = self.sample(runs[rows[~bred[rows]]])
            return mutants

        return self.renew(children, runs, redraw), runs

    def tell(self, designs: np.ndarray, runs: np.ndarray, rewards: np.ndarray) -> None:
        """Let designs compete for a place in the populations of their runs."""
        from agents.kernels.kernel_genetic import compete

        compete(self._population, designs, runs, rewards, self.known.add(designs, runs))

    def _breed(self, runs: np.ndarray, bred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return designs ``[k, d]`` that are children where ``bred``, and the places of their mothers."""
        from agents.kernels.kernel_genetic import breed

        designs, mothers = np.empty((len(runs), self.space.dimensions), dtype=np.int64), np.zeros_like(runs)
        h = self.hyperparameters
        settings = (h.tournament, h.crossover, h.mutation, h.resample)
        breed(self._population, self._genome, self.streams, settings, runs, bred, designs, mothers)
        return designs, mothers

    def _mutate(self, runs: np.ndarray, mothers: np.ndarray, bred: np.ndarray) -> np.ndarray:
        """Return designs ``[k, d]`` that are mutants of their mothers where ``bred``."""
        from agents.kernels.kernel_genetic import mutate_mothers

        designs = np.empty((len(runs), self.space.dimensions), dtype=np.int64)
        rates = (2.0 * self.hyperparameters.mutation, self.hyperparameters.resample)
        mutate_mothers(self._population, self._genome, self.streams, rates, runs, bred, mothers, designs)
        return designs


def _genome(space: DesignSpace, reach: float) -> Genome:
    """Return what the kernels know of a space; steps have the mean ``max(1, reach x (cardinality - 1))``."""
    from agents.kernels.kernel_genetic import Genome

    stop = 1.0 / np.maximum(1.0, reach * (space.cardinalities - 1))
    with np.errstate(divide="ignore"):
        log_go_on = np.log1p(-stop)
    ordered = np.array([parameter.ordered for parameter in space.parameters])
    return Genome(space.cardinalities, ordered, log_go_on, np.flatnonzero(space.cardinalities > 1))
