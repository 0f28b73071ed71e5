"""Ant colony optimisation over design choices: a max-min ant system with rank-weighted deposits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel

from agents.base import Agent, Hyperparameters, hyperparameter
from agents.memory import Memory
from agents.sweeps import Integer, LogUniform, Uniform
from simulators import DesignSpace, Evaluation


class AntColonyHyperparameters(Hyperparameters):
    """Hyperparameters of :class:`AntColony`."""

    ants: int = hyperparameter(
        5,
        "Designs told per pheromone update. Trap: budget / ants is the number of updates; keep it above 20 "
        "(colony sizes: Dorigo and Stuetzle, Ant Colony Optimization, 2004).",
        sweep=Integer(2, 32, log=True),
        ge=1,
    )
    elites: int = hyperparameter(
        4,
        "Best designs so far that deposit pheromone, weighted by rank (rank-based ant system: Bullnheimer, Hartl and "
        "Strauss, 1999). Trap: 1 converges on the first good design.",
        sweep=Integer(1, 12),
        ge=1,
    )
    evaporation: float = hyperparameter(
        0.3,
        "Share of the pheromone lost per update. Trap: above 0.5 one update decides (rho in Stuetzle and Hoos, 2000).",
        sweep=LogUniform(0.05, 0.5),
        gt=0.0,
        le=1.0,
    )
    best_probability: float = hyperparameter(
        0.2,
        "Probability that a fully converged colony builds its best design again; sets the lower pheromone bound "
        "(p_best in Stuetzle and Hoos, 2000, eq. 11). Trap: near 1 there is no exploration left.",
        sweep=LogUniform(0.02, 0.5),
        gt=0.0,
        lt=1.0,
    )
    spread: float = hyperparameter(
        0.1,
        "Share of a deposit that falls on the adjacent values of an ordered parameter.",
        sweep=Uniform(0.0, 0.6),
        ge=0.0,
        lt=1.0,
    )
    alpha: float = hyperparameter(
        1.0,
        "Exponent of the pheromone in the choice rule. Trap: above 2 the colony stagnates (Dorigo and Stuetzle, 2004).",
        sweep=Uniform(0.7, 2.0),
        gt=0.0,
    )


class AntColony(Agent[AntColonyHyperparameters]):
    """Every ant builds a design by choosing one value per parameter with probability ~ pheromone^alpha.

    Per parameter j one trail ``tau_j[value]``, started at its upper bound 1. After every ``ants`` designs told::

        tau <- clip((1 - rho) tau + rho sum_k w_k [elite k has the value], tau_min, 1),   sum_k w_k = 1, w_k > 0

    so trails stay in [tau_min, 1] whatever the rewards' scale or sign: deposits depend on ranks only and cannot be
    negative. ``tau_min`` follows from ``best_probability`` for each parameter's number of values. Parameters that are
    inactive in an elite get no deposit from it. An ant that repeats a known or infeasible design builds another, a
    bounded number of times, and then a random one.
    """

    name = "ant_colony"
    version = "1"
    citation = "Stuetzle and Hoos, MAX-MIN Ant System, Future Generation Computer Systems 16 (2000)"
    Hyperparameters = AntColonyHyperparameters

    def __init__(
        self, space: DesignSpace, seed: int, hyperparameters: BaseModel | Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(space, seed, hyperparameters)
        self._memory = Memory(space)
        self._floors = _lower_bounds(space, self.hyperparameters.best_probability, self.hyperparameters.alpha)
        self._trails = [np.ones(len(parameter)) for parameter in space.parameters]
        self._elites = np.empty((0, space.dimensions), dtype=np.int64)
        self._rewards = np.empty(0)
        self._told = 0

    def ask(self, n: int) -> np.ndarray:
        """Propose the designs of ``min(n, ants)`` ants."""
        ants = min(n, self.hyperparameters.ants)
        return self._memory.renew(self._build(ants), lambda rows: self._build(len(rows)), self.rng)

    def tell(self, designs: np.ndarray, rewards: np.ndarray, evaluation: Evaluation | None = None) -> None:
        """Rank the designs among the elites; update the trails whenever ``ants`` designs have been told."""
        new = ~self._memory.stale(designs)
        self._memory.add(designs)
        for design, reward in zip(designs[new], np.asarray(rewards, dtype=np.float64)[new], strict=True):
            self._rank(design, reward)
            self._told += 1
            if self._told % self.hyperparameters.ants == 0:
                self._update()

    def _build(self, ants: int) -> np.ndarray:
        columns = [_roulette(trail**self.hyperparameters.alpha, ants, self.rng) for trail in self._trails]
        return np.stack(columns, axis=1)

    def _rank(self, design: np.ndarray, reward: float) -> None:
        """Keep the best designs, best first; the newer one wins a tie."""
        place = int((self._rewards > reward).sum())
        self._elites = np.insert(self._elites, place, design, axis=0)[: self.hyperparameters.elites]
        self._rewards = np.insert(self._rewards, place, reward)[: self.hyperparameters.elites]

    def _update(self) -> None:
        rho, count = self.hyperparameters.evaporation, len(self._elites)
        weights = np.arange(count, 0, -1) / (count * (count + 1) / 2)
        active = self.space.active(self._elites)
        for column, parameter in enumerate(self.space.parameters):
            spread = self.hyperparameters.spread if parameter.ordered else 0.0
            deposit = _deposit(self._elites[:, column], weights * active[:, column], len(parameter), spread)
            trail = (1.0 - rho) * self._trails[column] + rho * deposit
            self._trails[column] = np.clip(trail, self._floors[column], 1.0)


def _lower_bounds(space: DesignSpace, best_probability: float, alpha: float) -> np.ndarray:
    """Return tau_min per parameter, shape ``[d]``, for tau_max = 1 (after Stuetzle and Hoos, 2000, eq. 11).

    A converged colony takes the best value of a parameter with c values with probability
    p = 1 / (1 + (c - 1) tau_min^alpha), and the whole best design with p^m = ``best_probability``,
    m the number of parameters that have a choice.
    """
    choices = (space.cardinalities > 1).sum()
    decision = best_probability ** (1.0 / max(choices, 1))
    odds = (1.0 - decision) / (decision * np.maximum(space.cardinalities - 1, 1))
    return np.minimum(1.0, odds ** (1.0 / alpha))


def _roulette(weights: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw ``count`` positions with probability proportional to ``weights``."""
    cumulative = np.cumsum(weights)
    drawn = np.searchsorted(cumulative, rng.random(count) * cumulative[-1], side="right")
    return np.minimum(drawn, len(weights) - 1)


def _deposit(values: np.ndarray, weights: np.ndarray, cardinality: int, spread: float) -> np.ndarray:
    """Return the pheromone laid on each value, shape ``[cardinality]``; the sum is that of ``weights``.

    Of each weight, the share ``spread`` is halved among the two adjacent values (at an end, the half without
    a neighbour stays).
    """
    deposit = np.bincount(values, (1.0 - spread) * weights, cardinality)
    for side in (-1, 1):
        beside = np.clip(values + side, 0, cardinality - 1)
        deposit += np.bincount(beside, 0.5 * spread * weights, cardinality)
    return deposit
