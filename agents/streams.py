"""Designs from a stream fixed in advance (a grid, a sequence of points), without those that are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from agents.memory import Memory

_BARREN = 64
"""Blocks in a row without a new feasible design after which a stream is given up."""


class DesignStream:
    """Hands out the new, feasible designs of a stream in its order.

    Args:
        memory: says which designs are known or infeasible.
        block: gives the next designs ``[k, d]`` of the stream, or None at its end.
    """

    def __init__(self, memory: Memory, block: Callable[[], np.ndarray | None]) -> None:
        self._memory, self._block = memory, block
        self._queue = np.empty((0, memory.space.dimensions), dtype=np.int64)

    def take(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Return the next ``count`` designs ``[count, d]``; where the stream has no more, uniformly drawn ones.

        Raises:
            SamplingError: hardly any design is feasible.
        """
        chosen = self._queue[:0]
        for _ in range(count + _BARREN):
            chosen = np.concatenate([chosen, self._pass(chosen, count - len(chosen))])
            if len(chosen) == count:
                return chosen
            block = self._block()
            if block is None:
                break
            self._queue = block
        return np.concatenate([chosen, self._memory.sample_new(count - len(chosen), rng)])

    def _pass(self, chosen: np.ndarray, wanted: int) -> np.ndarray:
        """Take up to ``wanted`` designs that are not stale off the queue, and what was passed over."""
        stale = self._memory.stale(np.concatenate([chosen, self._queue]))[len(chosen) :]
        taken = np.flatnonzero(~stale)[:wanted]
        designs = self._queue[taken]
        self._queue = self._queue[taken[-1] + 1 :] if len(taken) == wanted and wanted else self._queue[:0]
        return designs
