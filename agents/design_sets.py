"""Which designs each of many runs has been told of: :class:`agents.memory.Memory` for a batch of runs."""

from __future__ import annotations

import numpy as np

from simulators import DesignSpace

_FIRST_CAPACITY = 64


class DesignSets:
    """One set of canonical designs per run.

    Designs that differ only in inactive parameters count as one, as they do in the budget. A design takes 4 bytes per
    parameter and some 30 more, up to twice that as the arrays grow by doubling. Throughout, ``runs`` is
    int64 ``[k]``: row i of ``designs`` ``[k, d]`` belongs to run ``runs[i]``, and means nothing to the others.

    Args:
        space: of the designs, which are not checked against it.
        runs: how many.

    Attributes:
        stored: the arrays the kernels work on; they are replaced by larger ones as the sets grow.
    """

    def __init__(self, space: DesignSpace, runs: int) -> None:
        from agents.kernels.kernel_designs import Stored

        self.space = space
        self.stored = Stored(
            slots=np.zeros(2 * _FIRST_CAPACITY, dtype=np.int64),
            rows=np.empty((_FIRST_CAPACITY, space.dimensions), dtype=np.int32),
            owners=np.empty(_FIRST_CAPACITY, dtype=np.int32),
            hashes=np.empty(_FIRST_CAPACITY, dtype=np.uint64),
            used=np.zeros(1, dtype=np.int64),
            sizes=np.zeros(runs, dtype=np.int64),
        )

    @property
    def sizes(self) -> np.ndarray:
        """The number of designs of each run, int64 ``[runs]``."""
        return self.stored.sizes

    def canonical(self, designs: np.ndarray) -> np.ndarray:
        """Return the canonical designs ``[k, d]``: the same array where no parameter is ever inactive."""
        return self.space.canonical(designs) if self.space.inactive else designs

    def feasible(self, canonical: np.ndarray) -> np.ndarray:
        """Return a boolean array ``[k]``: True where no constraint is broken."""
        return self.space.feasible(canonical) if self.space.constraints else np.ones(len(canonical), dtype=bool)

    def add(self, designs: np.ndarray, runs: np.ndarray) -> np.ndarray:
        """Add designs; return a boolean array ``[k]``: True where one is feasible and was not there."""
        from agents.kernels.kernel_designs import add_rows

        canonical = self.canonical(designs)
        new = np.empty(len(designs), dtype=bool)
        self.reserve(len(designs))
        add_rows(self.stored, canonical, runs, new)
        return new & self.feasible(canonical)

    def stale(self, designs: np.ndarray, runs: np.ndarray, unsure: np.ndarray | None = None) -> np.ndarray:
        """Return a boolean array ``[k]``: True where known, repeated within a run's rows, or infeasible.

        ``unsure``, boolean ``[k]``: False for rows that are neither known nor infeasible for certain.
        """
        from agents.kernels.kernel_designs import mark_stale

        canonical = self.canonical(designs)
        if unsure is None:
            unsure = np.ones(len(runs), dtype=bool)
        stale = np.zeros(len(runs), dtype=bool)
        if self.space.constraints:
            stale[unsure] = ~self.space.feasible(canonical[unsure])
        mark_stale(self.stored, canonical, runs, unsure, stale)
        return stale

    def reserve(self, more: int) -> None:
        """Make room for so many more rows."""
        from agents.kernels.kernel_designs import refill

        needed, capacity = int(self.stored.used[0]) + more, len(self.stored.owners)
        if needed <= capacity:
            return
        while capacity < needed:
            capacity *= 2
        self.stored = self.stored._replace(
            slots=np.zeros(2 * capacity, dtype=np.int64),
            rows=_grown(self.stored.rows, capacity),
            owners=_grown(self.stored.owners, capacity),
            hashes=_grown(self.stored.hashes, capacity),
        )
        refill(self.stored)


def _grown(array: np.ndarray, capacity: int) -> np.ndarray:
    larger = np.empty((capacity, *array.shape[1:]), dtype=array.dtype)
    larger[: len(array)] = array
    return larger
