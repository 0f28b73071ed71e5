"""Factorised categorical policies as tables of logits, and what policy gradients on them need.

Words: ``d`` parameters, ``f`` factors, ``kmax`` the most values of a factor, ``n`` draws. A *factor* is one categorical
choice: the value of one parameter, or of several parameters jointly (mixed radix over their values). A
policy is a product of factors, each a softmax over its row of a logit table ``[f, kmax]``; places beyond a factor's
values hold -inf, hence probability 0 and no gradient. Everything is vectorised over factors and draws.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from simulators import DesignSpace

CHOICES = 512
"""Parameters that are chosen jointly share one table up to this many combinations."""


class Factors:
    """How designs of a space are written as choices of factors, and back.

    Args:
        space: gives the parameters' cardinalities.
        columns: the columns each factor chooses, every column in exactly one; default: one factor per parameter.

    Attributes:
        counts: number of values of each factor, int64 ``[f]``.
        joint: whether any factor chooses more than one parameter.
    """

    def __init__(self, space: DesignSpace, columns: Sequence[Sequence[int]] | None = None) -> None:
        self.space = space
        self.columns = tuple(tuple(map(int, c)) for c in columns or [(j,) for j in range(space.dimensions)])
        cardinalities = space.cardinalities.tolist()
        self.counts = np.array([math.prod(cardinalities[j] for j in c) for c in self.columns], dtype=np.int64)
        self.joint = any(len(c) > 1 for c in self.columns)
        self.of_column = np.empty(space.dimensions, dtype=np.int64)
        """The factor of each column, ``[d]``."""
        self._weights = np.ones(space.dimensions, dtype=np.int64)
        for factor, members in enumerate(self.columns):
            self.of_column[list(members)] = factor
            for place, column in enumerate(members):
                self._weights[column] = math.prod(cardinalities[j] for j in members[place + 1 :])
        self._order = np.concatenate([np.array(c, dtype=np.int64) for c in self.columns])
        self._starts = np.cumsum([0] + [len(c) for c in self.columns[:-1]])
        self._tables = {f: self._values(f) for f, c in enumerate(self.columns) if len(c) > 1}
        self._kernels = {f: _kernel(values) for f, values in self._tables.items()}

    def encode(self, designs: np.ndarray) -> np.ndarray:
        """Return the choices ``[n, f]`` that make designs ``[n, d]``."""
        return np.add.reduceat((designs * self._weights)[:, self._order], self._starts, axis=1)

    def decode(self, choices: np.ndarray) -> np.ndarray:
        """Return the designs, int64 ``[n, d]``, of choices ``[n, f]`` (inverse of :meth:`encode`)."""
        return choices[:, self.of_column] // self._weights % self.space.cardinalities

    def active(self, designs: np.ndarray) -> np.ndarray:
        """Return float64 ``[n, f]``: 1 where any parameter of the factor has an effect on the design, else 0."""
        if not self.space.inactive:
            return np.ones((len(designs), len(self.columns)))
        active = self.space.active(designs)[:, self._order]
        return np.logical_or.reduceat(active, self._starts, axis=1).astype(np.float64)

    def marginals(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the probability of each value of each parameter, ``[d, .]``, for those of factors ``[f, kmax]``."""
        found = probabilities[self.of_column]
        for factor, values in self._tables.items():
            weights = probabilities[factor, : len(values)]
            for place, column in enumerate(self.columns[factor]):
                found[column] = np.bincount(values[:, place], weights, probabilities.shape[1])
        return found[:, : int(self.space.cardinalities.max())]

    def ascent(self, gradient: np.ndarray) -> np.ndarray:
        """Return the direction of gradient ascent in the logits ``[f, kmax]``, for the gradient in them.

        The logit of a joint choice is a sum of parameters to be learned: one for each value it is made of, and one of
        its own: z(u, v) = a(u) + b(v) + c(u, v). Ascent in a, b and c moves z(u, v) by the sum of the gradient over
        all choices weighted by how many of these parameters they share. So what is learned of a value is learned
        for all its combinations, and combinations differ where draws say so. A single parameter's z is a itself.
        """
        if not self._kernels:
            return gradient
        direction = gradient.copy()
        for factor, kernel in self._kernels.items():
            direction[factor, : len(kernel)] = kernel @ gradient[factor, : len(kernel)]
        return direction

    def _values(self, factor: int) -> np.ndarray:
        """Return what each choice of a factor gives its parameters, ``[count, columns]``."""
        columns = list(self.columns[factor])
        choices = np.arange(self.counts[factor])[:, None]
        return choices // self._weights[columns] % self.space.cardinalities[columns]


def _kernel(values: np.ndarray) -> np.ndarray:
    """Return how many learned parameters the logits of two joint choices share, ``[count, count]``."""
    return (values[:, None, :] == values[None, :, :]).sum(axis=2) + np.eye(len(values))


class TablePolicy:
    """A product of independent categorical distributions, one softmax per factor.

    Args:
        counts: values of each factor ``[f]``.

    Attributes:
        logits: ``[f, kmax]``, 0 at the start: the uniform policy. Set as a whole, never in place.
        inside: boolean ``[f, kmax]``: which places are values.
        probabilities, log_table: of each value, ``[f, kmax]``; 0 and -inf outside.
    """

    def __init__(self, counts: np.ndarray) -> None:
        self.counts = np.asarray(counts, dtype=np.int64)
        self.inside = np.arange(int(self.counts.max())) < self.counts[:, None]
        self._full = bool(self.inside.all())
        self._rows = np.arange(len(self.counts))
        self.logits = np.where(self.inside, 0.0, -np.inf)

    @property
    def logits(self) -> np.ndarray:
        """Logits ``[f, kmax]``, the largest of each factor shifted to 0."""
        return self._logits

    @logits.setter
    def logits(self, logits: np.ndarray) -> None:
        self._logits = logits - logits.max(axis=1, keepdims=True)
        exponentials = np.exp(self._logits)
        totals = exponentials.sum(axis=1, keepdims=True)
        self.log_table = self._logits - np.log(totals)
        self.probabilities = exponentials / totals

    def sample(self, count: int, rng: np.random.Generator, temperatures: np.ndarray | None = None) -> np.ndarray:
        """Draw choices, int64 ``[count, f]``.

        Args:
            count: draws.
            rng: gives one uniform number per choice, inverted through the cumulative probabilities.
            temperatures: ``[count]``; a draw at temperature T follows probabilities^(1/T), flatter above 1.
        """
        warm = None if temperatures is None else np.exp(self._logits / temperatures[:, None, None])
        cumulative = (self.probabilities if warm is None else warm).cumsum(axis=-1)
        thresholds = rng.random((count, len(self.counts))) * cumulative[..., -1]
        drawn = (thresholds[:, :, None] >= cumulative).sum(axis=2)
        return np.minimum(drawn, self.counts - 1)

    def log_probabilities(self, choices: np.ndarray) -> np.ndarray:
        """Return the log-probability of each factor's choice, ``[n, f]``, for choices ``[n, f]``."""
        return self.log_table[self._rows, choices]

    def score_gradient(self, choices: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the gradient ``[f, kmax]`` of sum_if weights[i, f] log p_f(choices[i, f]) in the logits.

        For a softmax: d log p(u) / d z_k = [k = u] - p_k.
        """
        factors, size = self.logits.shape
        places = (choices + self._rows * size).ravel()
        chosen = np.bincount(places, weights.ravel(), factors * size).reshape(factors, size)
        return chosen - weights.sum(axis=0)[:, None] * self.probabilities

    def entropies(self) -> np.ndarray:
        """Return each factor's entropy in nats, ``[f]``."""
        return -(self.probabilities * self._finite_logs()).sum(axis=1)

    def entropy_gradient(self) -> np.ndarray:
        """Return the gradient ``[f, kmax]`` of the sum of entropies: d H / d z_k = -p_k (log p_k + H)."""
        logs = self._finite_logs()
        weighted = self.probabilities * logs
        return self.probabilities * weighted.sum(axis=1, keepdims=True) - weighted

    def _finite_logs(self) -> np.ndarray:
        """Return the log-probabilities with 0 where there is no value."""
        return self.log_table if self._full else np.where(self.inside, self.log_table, 0.0)


def normalised(rewards: np.ndarray, window: np.ndarray, how: str) -> np.ndarray:
    """Return rewards ``[n]`` relative to those of a window ``[w]`` (which holds them too), with about unit spread.

    Args:
        rewards: finite.
        window: what they are compared with.
        how: ``"moments"``: (r - mean) / standard deviation; ``"ranks"``: the place in the window, ties sharing the
            middle, scaled to the mean 0 and standard deviation 1 of a uniform distribution.
    """
    if how == "moments":
        return (rewards - window.mean()) / (window.std() + 1e-8)
    ordered = np.sort(window)
    below = np.searchsorted(ordered, rewards, "left") + np.searchsorted(ordered, rewards, "right")
    return math.sqrt(3.0) * (below / len(window) - 1.0)


def joint_columns(
    space: DesignSpace, owned: Sequence[Sequence[int]], limit: int
) -> tuple[list[tuple[int, ...]], np.ndarray]:
    """Return the factors by which agents choose their columns, and which factors are whose.

    An agent chooses its parameters jointly, by one factor, where they have at most ``limit`` combinations; else by one
    factor each.

    Args:
        space: gives cardinalities.
        owned: each agent's columns.
        limit: combinations of a joint factor, at most; single parameters may have more.

    Returns:
        the factors' columns, and 1 or 0, ``[f, a]``: whether factor f is agent a's.
    """
    columns: list[tuple[int, ...]] = []
    owners: list[int] = []
    for agent, own in enumerate(owned):
        members = tuple(int(column) for column in own)
        joint = math.prod(int(space.cardinalities[column]) for column in members) <= limit
        factors = [members] if joint else [(column,) for column in members]
        columns += factors
        owners += [agent] * len(factors)
    return columns, np.eye(len(owned))[owners]
