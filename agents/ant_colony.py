"""Ant colony optimisation over design choices: a max-min ant system with rank-weighted deposits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from agents.base import Hyperparameters, hyperparameter
from agents.batched import BatchedAgent, BatchOfOne
from agents.sweeps import Integer, LogUniform, Uniform
from simulators import DesignSpace

if TYPE_CHECKING:
    from agents.kernels.kernel_ants import Colonies


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


class AntColony(BatchOfOne[AntColonyHyperparameters]):
    """Every ant builds a design by choosing one value per parameter with probability ~ pheromone^alpha.

    Per parameter j one trail ``tau_j[value]``, started at its upper bound 1. After every ``ants`` designs told::

        tau <- clip((1 - rho) tau + rho sum_k w_k [elite k has the value], tau_min, 1),   sum_k w_k = 1, w_k > 0

    so trails stay in [tau_min, 1] whatever the rewards' scale or sign: deposits depend on ranks only and cannot be
    negative. ``tau_min`` follows from ``best_probability`` for each parameter's number of values. Parameters that are
    inactive in an elite get no deposit from it. An ant that repeats a known or infeasible design builds another, a
    bounded number of times, and then a random one.
    """

    name = "ant_colony"
    version = "2"
    citation = "Stuetzle and Hoos, MAX-MIN Ant System, Future Generation Computer Systems 16 (2000)"
    Hyperparameters = AntColonyHyperparameters
    batched = "agents.ant_colony:AntColonies"


class AntColonies(BatchedAgent[AntColonyHyperparameters]):
    """The algorithm, for any number of runs."""

    name = AntColony.name

    def __init__(self, space: DesignSpace, seeds: Sequence[int], hyperparameters: AntColonyHyperparameters) -> None:
        from agents.kernels.kernel_ants import Choices, Law, begin

        super().__init__(space, seeds, hyperparameters)
        h = hyperparameters
        starts = np.concatenate([[0], np.cumsum(space.cardinalities)])
        ordered = np.array([parameter.ordered for parameter in space.parameters])
        self._choices = Choices(starts, ordered, _lower_bounds(space, h.best_probability, h.alpha))
        self._law = Law(h.ants, h.evaporation, h.spread, h.alpha)
        self._colonies = _unmarked(len(seeds), h.elites, starts)
        begin(self._colonies, self._choices, self._law)

    def trails(self, run: int = 0) -> list[np.ndarray]:
        """Return the pheromone of a run: one array of its values per parameter."""
        return np.split(self._colonies.trails[run], self._choices.starts[1:-1])

    def elites(self, run: int = 0) -> np.ndarray:
        """Return the best designs of a run, ``[e, d]``, best first."""
        return self._colonies.elites[run, : self._colonies.filled[run]]

    def ask(self, most: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Propose the designs of ``min(most, ants)`` ants of each run."""
        runs = np.repeat(np.arange(len(most)), np.minimum(most, self.hyperparameters.ants))
        return self.renew(self._build(runs), runs, lambda rows: self._build(runs[rows])), runs

    def tell(self, designs: np.ndarray, runs: np.ndarray, rewards: np.ndarray) -> None:
        """Rank designs among the elites; update a run's trails whenever ``ants`` designs of it have been told."""
        from agents.kernels.kernel_ants import learn

        new = self.known.add(designs, runs)
        active = self.space.active(designs) if self.space.inactive else np.ones(designs.shape, dtype=bool)
        learn(self._colonies, self._choices, self._law, designs, active, runs, rewards, new)

    def _build(self, runs: np.ndarray) -> np.ndarray:
        """Return one ant's design per entry of ``runs``."""
        from agents.kernels.kernel_ants import build

        designs = np.empty((len(runs), self.space.dimensions), dtype=np.int64)
        build(self._colonies, self._choices, self.streams, runs, designs)
        return designs


def _unmarked(runs: int, elites: int, starts: np.ndarray) -> Colonies:
    """Return colonies before their first ant: trails at their upper bound 1, no elites."""
    from agents.kernels.kernel_ants import Colonies

    shape, values = (runs, elites, len(starts) - 1), int(starts[-1])
    return Colonies(
        trails=np.ones((runs, values)),
        sums=np.zeros((runs, values)),
        elites=np.zeros(shape, dtype=np.int64),
        active=np.zeros(shape, dtype=bool),
        rewards=np.zeros((runs, elites)),
        filled=np.zeros(runs, dtype=np.int64),
        told=np.zeros(runs, dtype=np.int64),
    )


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
