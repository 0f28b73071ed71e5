"""Quasi-random search: designs spread more evenly than independent draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel

from agents.base import Agent, Hyperparameters, hyperparameter
from agents.memory import Memory
from agents.streams import DesignStream
from simulators import DesignSpace, Evaluation

if TYPE_CHECKING:
    from scipy.stats.qmc import QMCEngine

_BLOCK = 256
"""Points drawn from the sequence at once: a power of 2, as Sobol' points are balanced in such blocks."""
_BITS = 32
"""Digits of a Sobol' coordinate: 2^32 points, and the shares of a million values differ by less than a thousandth."""


class QuasiRandomHyperparameters(Hyperparameters):
    """Nothing to tune; the batch only decides how often it is asked."""

    batch: int = hyperparameter(
        32, "Designs proposed per ask. Trap: none, rewards are ignored; larger only saves calls.", ge=1
    )


class QuasiRandom(Agent[QuasiRandomHyperparameters]):
    """Points of a scrambled Sobol' sequence in the unit box, every value of a parameter owning an equal share.

    Beyond the 21 201 dimensions that Sobol' direction numbers are known for, Latin hypercubes of 256 points each (a
    scrambled Halton sequence takes tens of gigabytes there, a plain one leaves most coordinates near 0). Parameters of
    one value take no dimension. Points whose design is infeasible, or known (also where it differs from a known one
    in inactive parameters only), are skipped; where 64 blocks of 256 points have no other, designs are drawn uniformly.
    """

    name = "quasi_random"
    version = "2"
    citation = (
        "Sobol', On the distribution of points in a cube, USSR Computational Mathematics 7 (1967); "
        "Owen, Scrambling Sobol' and Niederreiter-Xing points, Journal of Complexity 14 (1998)"
    )
    Hyperparameters = QuasiRandomHyperparameters

    def __init__(
        self, space: DesignSpace, seed: int, hyperparameters: BaseModel | Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(space, seed, hyperparameters)
        self._memory = Memory(space)
        self._free = np.flatnonzero(space.cardinalities > 1)
        self._sequence = _sequence(len(self._free), self.rng) if len(self._free) else None
        self._stream = DesignStream(self._memory, self._block)

    def ask(self, n: int) -> np.ndarray:
        """Propose the next ``min(n, batch)`` points of the sequence."""
        return self._stream.take(min(n, self.hyperparameters.batch), self.rng)

    def tell(self, designs: np.ndarray, rewards: np.ndarray, evaluation: Evaluation | None = None) -> None:
        """Remember the designs, so as not to propose them again."""
        self._memory.add(designs)

    def _block(self) -> np.ndarray:
        """Return the designs ``[_BLOCK, d]`` at the next points of the sequence."""
        fractions = np.zeros((_BLOCK, self.space.dimensions))
        if self._sequence is not None:
            fractions[:, self._free] = self._sequence.random(_BLOCK)
        return self.space.from_unit(fractions)


def _sequence(dimensions: int, rng: np.random.Generator) -> QMCEngine:
    """Return what gives even points in the unit box of so many dimensions."""
    from scipy.stats import qmc

    if dimensions <= qmc.Sobol.MAXDIM:
        return qmc.Sobol(dimensions, scramble=True, bits=_BITS, rng=rng)
    return qmc.LatinHypercube(dimensions, rng=rng)
