"""Designs as Optuna parameters and back, derived from the design space alone."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from simulators import DesignSpace

VALUE_LIMIT = 256
"""Parameters with more values than this become reals in [0, 1] cut into equal shares: a category costs memory per
value and trial, and the Gaussian process's search along an integer costs time per value."""


class Codec:
    """Designs of one space as Optuna parameters, and back.

    Ordered parameters are integers (positions), unordered ones categories; those of more than
    :data:`VALUE_LIMIT` values are reals, each value owning an equal share of [0, 1].
    """

    def __init__(self, space: DesignSpace) -> None:
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        self._space = space
        self.distributions: dict[str, Any] = {}
        for parameter in space.parameters:
            if len(parameter) > VALUE_LIMIT:
                self.distributions[parameter.name] = FloatDistribution(0.0, 1.0)
            elif parameter.ordered:
                self.distributions[parameter.name] = IntDistribution(0, len(parameter) - 1)
            else:
                self.distributions[parameter.name] = CategoricalDistribution(range(len(parameter)))

    def params(self, design: np.ndarray) -> dict[str, int | float]:
        """Return a design, shape ``[d]``, as Optuna parameters."""
        fractions = self._space.to_unit(design[None, :])[0].tolist()
        counts = self._space.cardinalities.tolist()
        columns = zip(self._space.names, design.tolist(), fractions, counts, strict=True)
        return {name: fraction if count > VALUE_LIMIT else index for name, index, fraction, count in columns}

    def design(self, params: Mapping[str, Any]) -> np.ndarray:
        """Return Optuna parameters as a design, shape ``[1, d]``."""
        values = np.array([float(params[name]) for name in self._space.names])
        scaled = np.where(self._space.cardinalities > VALUE_LIMIT, values * self._space.cardinalities, values)
        return np.minimum(scaled.astype(np.int64), self._space.cardinalities - 1)[None, :]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hold back Optuna's log lines and warnings about experimental arguments, here only."""
    logger = logging.getLogger("optuna")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
