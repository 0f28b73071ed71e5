"""Vectorised variation and selection operators on designs, shared by the evolutionary agents.

All of them work on a batch of rows at once and know nothing of runs, so that one call can serve a
single search (``[n, d]``) or the stacked rows of many.
"""

from __future__ import annotations

import numpy as np

from simulators import DesignSpace

_DEFAULT_SHARE = 0.5
"""Share of woken parameters that take their default."""


def tournament(fitness: np.ndarray, count: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return the positions ``[..., count]`` of the winners of ``count`` tournaments.

    Args:
        fitness: ``[..., n]``, higher is better; leading axes are independent populations.
        count: tournaments per population.
        size: contestants of each, drawn with replacement; 1 selects at random.
    """
    shape = (*fitness.shape[:-1], count, size)
    contestants = rng.integers(0, fitness.shape[-1], size=shape)
    strength = np.take_along_axis(fitness[..., None, :], contestants, axis=-1)
    winners = strength.argmax(axis=-1)
    return np.take_along_axis(contestants, winners[..., None], axis=-1)[..., 0]


def uniform_crossover(
    mothers: np.ndarray, fathers: np.ndarray, probability: float, rng: np.random.Generator
) -> np.ndarray:
    """Return children ``[..., d]``: with ``probability`` a mix of both parents, else the mother.

    A mix takes each parameter from either parent with equal chance (Syswerda, Uniform Crossover in
    Genetic Algorithms, ICGA 1989): no parameter order is privileged, as none has a meaning here.
    """
    mixed = rng.random((*mothers.shape[:-1], 1)) < probability
    from_father = rng.random(mothers.shape) < 0.5
    return np.where(mixed & from_father, fathers, mothers)


def woken(space: DesignSpace, before: np.ndarray, after: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return designs ``after`` ``[n, d]`` with new values where the change from ``before`` gave a parameter effect.

    What an inactive parameter was left at has proved nothing; it wakes at its default or, as often, at any value.
    """
    if not space.inactive:
        return after
    wake = space.active(after) & ~space.active(before)
    if not wake.any():
        return after
    drawn = rng.integers(0, space.cardinalities, size=after.shape)
    anew = np.where(rng.random(after.shape) < _DEFAULT_SHARE, space.default_indices, drawn)
    return np.where(wake, anew, after)


class Mutation:
    """Mutation of designs in one space: ordered parameters step, unordered ones are drawn anew.

    A step's length is geometric with mean ``max(1, reach x (cardinality - 1))``, its sign is fair; a
    step over an end is reflected to the other side where that fits, else it stops at the end.

    Args:
        space: gives each parameter's cardinality and whether it is ordered.
        reach: mean step as a share of an ordered parameter's range.
        resample: share of mutations of ordered parameters that draw any other value instead.
    """

    def __init__(self, space: DesignSpace, reach: float, resample: float) -> None:
        self._cardinalities = space.cardinalities
        self._ordered = np.array([p.ordered for p in space.parameters])
        self._stop = 1.0 / np.maximum(1.0, reach * (space.cardinalities - 1))
        self._resample = resample
        self._mutable = np.flatnonzero(space.cardinalities > 1)

    def __call__(self, designs: np.ndarray, rate: float, rng: np.random.Generator) -> np.ndarray:
        """Return mutated copies of designs ``[n, d]``.

        Each parameter mutates with probability ``rate / m`` (``m`` parameters with a choice), and
        every design mutates in at least one of them.
        """
        chosen = self._choose(len(designs), rate, rng)
        drawn = self._draw_other(designs, rng)
        stepped = self._step(designs, rng)
        anew = ~self._ordered | (rng.random(designs.shape) < self._resample)
        return np.where(chosen, np.where(anew, drawn, stepped), designs)

    def value(self, design: np.ndarray, column: int, rng: np.random.Generator) -> int:
        """Return another value of one parameter of a design ``[d]``, as a mutation of it alone would give."""
        last = int(self._cardinalities[column]) - 1
        now = int(design[column])
        if not self._ordered[column] or rng.random() < self._resample:
            return (now + 1 + int(rng.integers(max(last, 1)))) % (last + 1)
        length = min(int(rng.geometric(self._stop[column])), max(last, 1))
        signed = length if rng.random() < 0.5 else -length
        moved = now + signed if 0 <= now + signed <= last else now - signed
        return min(max(moved, 0), last)

    def _choose(self, count: int, rate: float, rng: np.random.Generator) -> np.ndarray:
        """Return ``[count, d]`` booleans: which parameters mutate, at least one per row."""
        chosen = np.zeros((count, len(self._cardinalities)), dtype=bool)
        if not len(self._mutable):
            return chosen
        marks = rng.random((count, len(self._mutable))) < rate / len(self._mutable)
        forced = rng.integers(0, len(self._mutable), size=count)
        idle = np.flatnonzero(~marks.any(axis=1))
        marks[idle, forced[idle]] = True
        chosen[:, self._mutable] = marks
        return chosen

    def _draw_other(self, designs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return a uniformly drawn *different* value for each entry (the same where there is one value)."""
        others = np.maximum(self._cardinalities - 1, 1)
        offset = 1 + rng.integers(0, others, size=designs.shape)
        return (designs + offset) % self._cardinalities

    def _step(self, designs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        last = self._cardinalities - 1
        length = np.minimum(rng.geometric(np.broadcast_to(self._stop, designs.shape)), np.maximum(last, 1))
        signed = np.where(rng.random(designs.shape) < 0.5, length, -length)
        moved = designs + signed
        outside = (moved < 0) | (moved > last)
        return np.clip(np.where(outside, designs - signed, moved), 0, last)
