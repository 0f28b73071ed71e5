"""Differential evolution for mixed ordered and unordered parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel

from agents.base import Agent, Hyperparameters, hyperparameter
from agents.memory import Memory
from agents.operators import Mutation, woken
from agents.sweeps import Integer, Uniform
from archgym_envs.evaluators import design_key
from simulators import DesignSpace, Evaluation


class DifferentialEvolutionHyperparameters(Hyperparameters):
    """Hyperparameters of :class:`DifferentialEvolution`."""

    population: int = hyperparameter(
        20,
        "Designs that evolve; the first ones are random. Trap: a generation costs this many evaluations; the usual ten "
        "per parameter (Storn and Price, 1997) leave small budgets no generations.",
        sweep=Integer(8, 64, log=True),
        ge=4,
    )
    weight: float = hyperparameter(
        0.5,
        "F: share of a difference between two designs that is added to a third; each trial draws its own within half "
        "of it to one and a half (dither). Trap: small ones stop the population short (Das and Suganthan, IEEE TEVC "
        "15, 2011).",
        sweep=Uniform(0.3, 0.9),
        gt=0.0,
        le=2.0,
    )
    crossover: float = hyperparameter(
        0.5,
        "CR: probability that a trial takes a parameter from the mutant; one it takes always. Trap: low suits "
        "separable problems, high coupled ones.",
        sweep=Uniform(0.1, 0.95),
        ge=0.0,
        le=1.0,
    )
    greed: float = hyperparameter(
        0.5,
        "Share of the way from the base design to one of the best that the mutant goes (current-to-pbest: Zhang and "
        "Sanderson, JADE, IEEE TEVC 13, 2009); 0 is DE/rand/1/bin. Trap: at 1 the population is soon copies of the "
        "best.",
        sweep=Uniform(0.0, 0.8),
        ge=0.0,
        le=1.0,
    )
    novelty: float = hyperparameter(
        0.2,
        "Where two designs differ in an unordered parameter, the share of its changes that take any value instead of "
        "one of theirs. Trap: at 0 a value that died out never comes back.",
        sweep=Uniform(0.0, 0.5),
        ge=0.0,
        le=1.0,
    )


class DifferentialEvolution(Agent[DifferentialEvolutionHyperparameters]):
    """Each design of a population is challenged by a trial made of the differences between others.

    For the design x_i (the target) and other designs a, b, c of the population, p one of its best fifth::

        mutant v = a + greed (p - a) + F (b - c)
        trial  u = v where a parameter crosses over (probability CR, one always), else x_i

    Ordered parameters are computed with in the unit box, in which every value owns an equal share; what leaves the box
    is reflected. For unordered ones differences have no size, so no order is put on them: v takes p's value with
    probability ``greed``, else a's; and where b and c differ, with probability F, b's value, or any. So their
    mutation too fades as the population agrees. The trial replaces the target if it is no worse, whenever it is told.
    Designs that were never asked replace the worst of the population if they are better.
    Trials that are known or infeasible are made again with one more parameter changed, a bounded number of times, and
    then drawn at random: a population that agrees has no differences left and would stop.
    """

    name = "differential_evolution"
    version = "1"
    citation = "Storn and Price, Differential Evolution, Journal of Global Optimization 11 (1997)"
    Hyperparameters = DifferentialEvolutionHyperparameters

    def __init__(
        self, space: DesignSpace, seed: int, hyperparameters: BaseModel | Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(space, seed, hyperparameters)
        self._memory = Memory(space)
        self._mutate = Mutation(space, reach=0.1, resample=0.2)
        self._ordered = np.array([p.ordered for p in space.parameters])
        self._free = np.flatnonzero(space.cardinalities > 1)
        self._population = np.empty((0, space.dimensions), dtype=np.int64)
        self._fitness = np.empty(0)
        self._targets: dict[bytes, int] = {}
        self._turn = 0

    def ask(self, n: int) -> np.ndarray:
        """Propose random designs until a population has been told, then trials for up to ``n`` of its designs."""
        missing = self.hyperparameters.population - len(self._population)
        if missing > 0:
            return self._memory.sample_new(min(n, missing), self.rng)
        size = len(self._population)
        targets = (self._turn + np.arange(min(n, size))) % size
        self._turn = (self._turn + len(targets)) % size
        trials = self._memory.renew(self._trials(targets), lambda rows: self._perturbed(targets[rows]), self.rng)
        keys = map(design_key, self.space.canonical(trials))
        self._targets.update(zip(keys, targets.tolist(), strict=True))
        return trials

    def tell(self, designs: np.ndarray, rewards: np.ndarray, evaluation: Evaluation | None = None) -> None:
        """Let trials compete with their targets, and other designs with the worst of the population."""
        canonical, new = self.space.canonical(designs), ~self._memory.stale(designs)
        self._memory.add(designs)
        for row in np.flatnonzero(new):
            self._compete(canonical[row], float(rewards[row]))

    def _compete(self, design: np.ndarray, reward: float) -> None:
        target = self._targets.pop(design_key(design), None)
        if len(self._population) < self.hyperparameters.population:
            self._population = np.concatenate([self._population, design[None, :]])
            self._fitness = np.append(self._fitness, reward)
            return
        place = int(self._fitness.argmin()) if target is None else target
        if reward >= self._fitness[place]:
            self._population[place], self._fitness[place] = design, reward

    def _trials(self, targets: np.ndarray) -> np.ndarray:
        """Return a trial ``[k, d]`` for each target, a position in the population."""
        before = self._population[targets]
        mutants = self._mutants(targets)
        crossed = self.rng.random(before.shape) < self.hyperparameters.crossover
        if len(self._free):
            crossed[np.arange(len(targets)), self.rng.choice(self._free, size=len(targets))] = True
        return woken(self.space, before, np.where(crossed, mutants, before), self.rng)

    def _perturbed(self, targets: np.ndarray) -> np.ndarray:
        """Return trials with one more parameter changed: what moves a population that agrees."""
        trials = self._trials(targets)
        return woken(self.space, trials, self._mutate(trials, 0.0, self.rng), self.rng)

    def _mutants(self, targets: np.ndarray) -> np.ndarray:
        a, b, c = (self._population[rows] for rows in self._others(targets))
        leaders = np.argsort(-self._fitness, kind="stable")[: max(1, len(self._fitness) // 5)]
        p = self._population[self.rng.choice(leaders, size=len(targets))]
        weight = self.hyperparameters.weight * self.rng.uniform(0.5, 1.5, size=(len(targets), 1))
        return np.where(self._ordered, self._move(a, b, c, p, weight), self._mix(a, b, c, p, weight))

    def _others(self, targets: np.ndarray) -> np.ndarray:
        """Return ``[3, k]``: for each target three more positions, all four different."""
        size = len(self._population)
        order = self.rng.random((len(targets), size))
        order[np.arange(len(targets)), targets] = 2.0  # comes last
        return np.argsort(order, axis=1)[:, :3].T

    def _move(self, a: np.ndarray, b: np.ndarray, c: np.ndarray, p: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return the mutants of ordered parameters, computed in the unit box."""
        unit = self.space.to_unit
        moved = unit(a) + self.hyperparameters.greed * (unit(p) - unit(a)) + weight * (unit(b) - unit(c))
        folded = np.abs(moved) % 2.0
        return self.space.from_unit(np.where(folded > 1.0, 2.0 - folded, folded))

    def _mix(self, a: np.ndarray, b: np.ndarray, c: np.ndarray, p: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return the mutants of unordered parameters."""
        base = np.where(self.rng.random(a.shape) < self.hyperparameters.greed, p, a)
        any_value = self.rng.integers(0, self.space.cardinalities, size=a.shape)
        other = np.where(self.rng.random(a.shape) < self.hyperparameters.novelty, any_value, b)
        return np.where((b != c) & (self.rng.random(a.shape) < weight), other, base)
