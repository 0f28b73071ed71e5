"""What an agent remembers having been told, so that it does not spend proposals on repeats."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simulators import DesignSpace

ATTEMPTS = 16
"""Rounds in which repeats and infeasible designs are drawn again the searcher's own way."""
RANDOM_ATTEMPTS = 4
"""Rounds of uniform draws after those."""


class Memory:
    """The canonical designs an agent has been told of.

    Designs that differ only in inactive parameters count as one, as they do in the budget.
    """

    def __init__(self, space: DesignSpace) -> None:
        self.space = space
        self._keys: set[bytes] = set()

    def __len__(self) -> int:
        """Return the number of distinct designs remembered."""
        return len(self._keys)

    def add(self, designs: np.ndarray) -> None:
        """Remember designs ``[n, d]``."""
        self._keys.update(_keys(self.space.canonical(designs)))

    def known(self, designs: np.ndarray) -> np.ndarray:
        """Return a boolean array ``[n]``: True where the design has been told before."""
        keys = _keys(self.space.canonical(designs))
        return np.array([key in self._keys for key in keys], dtype=bool)

    def stale(self, designs: np.ndarray) -> np.ndarray:
        """Return a boolean array ``[n]``: True where told before, repeated within the batch, or infeasible."""
        canonical = self.space.canonical(designs)
        keys = _keys(canonical)
        stale = np.array([key in self._keys for key in keys], dtype=bool)
        if len(set(keys)) < len(keys):
            first = dict(zip(reversed(keys), range(len(keys) - 1, -1, -1), strict=True))
            stale |= np.array([first[key] != row for row, key in enumerate(keys)], dtype=bool)
        return stale if not self.space.constraints else stale | ~self.space.feasible(canonical)

    def sample_new(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Draw feasible designs ``[count, d]``, new ones where :data:`ATTEMPTS` rounds find them.

        Raises:
            SamplingError: hardly any design is feasible.
        """
        return self.renew(self.space.sample(count, rng), lambda rows: self.space.sample(len(rows), rng), rng)

    def renew(
        self,
        designs: np.ndarray,
        redraw: Callable[[np.ndarray], np.ndarray],
        rng: np.random.Generator,
        attempts: int = ATTEMPTS,
    ) -> np.ndarray:
        """Return ``designs`` with stale rows drawn again: the searcher's way to go on when it repeats itself.

        ``redraw(rows)`` gives replacements for the rows at these positions, for ``attempts`` rounds at most; what is
        stale then becomes a random design. The result is feasible always, new almost always, and the effort bounded.

        Raises:
            SamplingError: hardly any design is feasible.
        """
        designs = designs.copy()
        for attempt in range(attempts + RANDOM_ATTEMPTS):
            rows = np.flatnonzero(self.stale(designs))
            if not len(rows):
                break
            designs[rows] = redraw(rows) if attempt < attempts else self.space.sample(len(rows), rng)
        return designs


def _keys(canonical: np.ndarray) -> list[bytes]:
    """Return what identifies each of the canonical designs ``[n, d]``."""
    text, width = np.ascontiguousarray(canonical, dtype=np.int64).tobytes(), 8 * canonical.shape[1]
    return [text[start : start + width] for start in range(0, len(text), width)]
