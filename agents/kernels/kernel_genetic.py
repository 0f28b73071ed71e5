"""Breeding and selection of the genetic algorithm, for many runs at once.

Words: ``k`` rows, each of one run; a run's parents are best first in the order ``order[run]`` of ``parents[run]``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.kernels.kernel_options import SOURCE, compiled, entry_point
from agents.kernels.kernel_random import below, next_bits, uniform


class Population(NamedTuple):
    """The parents of every run."""

    parents: np.ndarray
    """int64 ``[runs, population, d]``, in no order."""
    fitness: np.ndarray
    """float64 ``[runs, population]``."""
    order: np.ndarray
    """int64 ``[runs, population]``: the places of the parents, best first."""
    filled: np.ndarray
    """int64 ``[runs]``: how many there are."""


class Genome(NamedTuple):
    """What is mutated how."""

    counts: np.ndarray
    """int64 ``[d]``: values of each parameter."""
    ordered: np.ndarray
    """bool ``[d]``."""
    log_go_on: np.ndarray
    """float64 ``[d]``: log of the probability that a step goes one value further."""
    mutable: np.ndarray
    """int64 ``[m]``: the parameters with a choice."""


@compiled
def winner(population: Population, streams: np.ndarray, run: int, size: int) -> int:
    """Return the place of the best of ``size`` contestants, the first drawn where several are."""
    best = population.order[run, below(streams, run, population.filled[run])]
    for _ in range(size - 1):
        other = population.order[run, below(streams, run, population.filled[run])]
        if population.fitness[run, other] > population.fitness[run, best]:
            best = other
    return best


@compiled
def cross(mother: np.ndarray, father: np.ndarray, child: np.ndarray, streams: np.ndarray, run: int) -> None:
    """Take each parameter of ``child`` from either parent with equal chance."""
    coins = np.uint64(0)
    for j in range(len(child)):
        if j % 64 == 0:
            coins = next_bits(streams, run)
        child[j] = father[j] if coins & np.uint64(1) else mother[j]
        coins >>= np.uint64(1)


@compiled
def other_value(genome: Genome, now: int, column: int, resample: float, streams: np.ndarray, run: int) -> int:
    """Return a mutated value: any other one, or a step of geometric length, reflected at an end where that fits."""
    last = genome.counts[column] - 1
    if not genome.ordered[column] or uniform(streams, run) < resample:
        return (now + 1 + below(streams, run, last)) % (last + 1)
    length = 1
    if genome.log_go_on[column] > -np.inf:
        drawn = np.log(1.0 - uniform(streams, run)) / genome.log_go_on[column]
        length = last if drawn >= last else 1 + int(drawn)
    step = min(length, last)
    if uniform(streams, run) >= 0.5:
        step = -step
    moved = now + step if 0 <= now + step <= last else now - step
    return min(max(moved, 0), last)


@compiled
def mutate(genome: Genome, child: np.ndarray, rate: float, resample: float, streams: np.ndarray, run: int) -> None:
    """Mutate each parameter with a choice with probability ``rate / m``, and one at least."""
    choices = len(genome.mutable)
    idle = True
    for m in range(choices):
        if uniform(streams, run) * choices < rate:
            column = genome.mutable[m]
            child[column] = other_value(genome, child[column], column, resample, streams, run)
            idle = False
    if idle and choices:
        column = genome.mutable[below(streams, run, choices)]
        child[column] = other_value(genome, child[column], column, resample, streams, run)


@compiled
def enter(population: Population, design: np.ndarray, fitness: float, run: int) -> None:
    """Let a design take its place among the parents, before those that are as good; the last one leaves."""
    order, most = population.order[run], population.order.shape[1]
    filled = population.filled[run]
    if filled == most and fitness < population.fitness[run, order[most - 1]]:
        return
    place = order[most - 1] if filled == most else filled
    at = min(filled, most - 1)
    while at > 0 and population.fitness[run, order[at - 1]] <= fitness:
        order[at] = order[at - 1]
        at -= 1
    order[at] = place
    population.parents[run, place] = design
    population.fitness[run, place] = fitness
    population.filled[run] = min(filled + 1, most)


def _entry_points(source: int):  # type: ignore[no-untyped-def]  # noqa: ANN202
    @entry_point
    def breed(
        population: Population,
        genome: Genome,
        streams: np.ndarray,
        settings: tuple[int, float, float, float],
        runs: np.ndarray,
        bred: np.ndarray,
        designs: np.ndarray,
        mothers: np.ndarray,
    ) -> int:
        """Write children and the places of their mothers, where ``bred``.

        ``settings``: contestants per tournament, probability of crossover, mutations, share of resampling.
        """
        size, crossover, rate, resample = settings
        for i in range(len(runs)):
            if bred[i]:
                run, child = runs[i], designs[i]
                mothers[i] = winner(population, streams, run, size)
                father = winner(population, streams, run, size)
                child[:] = population.parents[run, mothers[i]]
                if uniform(streams, run) < crossover:
                    cross(population.parents[run, mothers[i]], population.parents[run, father], child, streams, run)
                mutate(genome, child, rate, resample, streams, run)
        return 0 * source

    @entry_point
    def mutate_mothers(
        population: Population,
        genome: Genome,
        streams: np.ndarray,
        rates: tuple[float, float],
        runs: np.ndarray,
        bred: np.ndarray,
        mothers: np.ndarray,
        designs: np.ndarray,
    ) -> int:
        """Write mutants of the mothers, where ``bred``; ``rates``: mutations, share of resampling."""
        rate, resample = rates
        for i in range(len(runs)):
            if bred[i]:
                designs[i] = population.parents[runs[i], mothers[i]]
                mutate(genome, designs[i], rate, resample, streams, runs[i])
        return 0 * source

    @entry_point
    def compete(
        population: Population, designs: np.ndarray, runs: np.ndarray, fitness: np.ndarray, new: np.ndarray
    ) -> int:
        """Let the ``new`` rows enter; the first of a batch is before those that are as good, and all before the old."""
        for back in range(len(runs)):
            i = len(runs) - 1 - back
            if new[i]:
                enter(population, designs[i], fitness[i], runs[i])
        return 0 * source

    return breed, mutate_mothers, compete


breed, mutate_mothers, compete = _entry_points(SOURCE)
