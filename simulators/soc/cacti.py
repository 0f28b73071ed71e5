"""What a memory costs: CACTI's read and write energy and area of SRAM and DRAM by size.

A memory is as large as the most bytes that lie in it at the same time, at least 2048, rounded up to a multiple of
256 000 bytes; that is FARSI's rule (``cacti_for_FARSI``). The table holds 59 sizes of SRAM and 57 of DRAM, up to
51.2 MB. Figures are scaled as FARSI's environment does: energy x 0.064, area x 0.07.

Other sizes have no figures in mode ``farsi``. Otherwise they lie on straight lines between their neighbours in log-log
coordinates. Beyond the table they follow the power of the size that fits the whole table best, from its last figure on:
SRAM energies about size^0.5 and area size^0.96, DRAM reads size^0.32, area size^0.72. CACTI's DRAM is a staircase,
because it folds the array anew as it grows: its write energy falls by half at some sizes. Leaving out each inner size
in turn, figures are met within (largest error, median): SRAM 2 % (0.1 %) read, 6 % (0.1 %) write, 7 % (0.1 %) area;
DRAM 2 % (0.1 %) read, 70 % (0.1 %) write, 27 % (0.1 %) area.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulators.errors import InvalidInputError, UnknownNameError

MEMORY_KINDS: Final = ("sram", "dram")
SIZE_STEP_BYTES: Final = 256_000
SMALLEST_BYTES: Final = 2048
ENERGY_SCALE: Final = 0.064
"""Technology scaling of energies of everything but general-purpose processors (FARSI's ``FARSIEnv.py``)."""
MEMORY_AREA_SCALE: Final = 0.07
_PORT_BYTES: Final = 16
_FILE: Final = Path(__file__).parent / "data" / "cacti.csv"

MemoryKind = Literal["sram", "dram"]


@dataclass(frozen=True)
class MemoryFigures:
    """Figures of memories, each float64 in the shape of the sizes asked for; NaN where the table has none.

    Attributes:
        size_bytes: the size that is built.
        read_j_per_byte, write_j_per_byte: energy of moving one byte.
        area_m2: of the whole memory.
    """

    size_bytes: NDArray[np.float64]
    read_j_per_byte: NDArray[np.float64]
    write_j_per_byte: NDArray[np.float64]
    area_m2: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CactiTable:
    """Figures by kind and size.

    Attributes:
        sizes: kind -> bytes int64[n], ascending multiples of ``SIZE_STEP_BYTES``.
        figures: kind -> float64[n, 3]: J per byte read, J per byte written, m2.

    Raises:
        InvalidInputError: sizes that do not ascend or are no multiples, figures of another shape or not above 0.
    """

    sizes: Mapping[str, NDArray[np.int64]]
    figures: Mapping[str, NDArray[np.float64]]

    def __post_init__(self) -> None:
        for kind in MEMORY_KINDS:
            sizes, figures = self.sizes[kind], self.figures[kind]
            if len(sizes) < 2 or (np.diff(sizes) <= 0).any() or (sizes % SIZE_STEP_BYTES).any() or sizes[0] <= 0:
                raise InvalidInputError(f"{kind}: expected two or more ascending multiples of {SIZE_STEP_BYTES} bytes")
            if figures.shape != (len(sizes), 3) or not (np.isfinite(figures) & (figures > 0)).all():
                raise InvalidInputError(f"{kind}: expected three figures above 0 for each of {len(sizes)} sizes")

    @cached_property
    def exponents(self) -> dict[str, NDArray[np.float64]]:
        """kind -> float64[3]: powers of the size that fit the figures best (least squares of the logarithms)."""
        return {kind: _slopes(self.sizes[kind], self.figures[kind]) for kind in MEMORY_KINDS}

    def grid(self, steps: int, exact: bool) -> NDArray[np.float64]:
        """Return float64[2, steps, 3]: SRAM and DRAM of ``1..steps`` times ``SIZE_STEP_BYTES``.

        Args:
            steps: how many sizes.
            exact: only tabulated sizes; the others are NaN.
        """
        sizes = np.arange(1, steps + 1, dtype=np.float64) * SIZE_STEP_BYTES
        return np.stack([self._lookup(kind, sizes, exact) for kind in MEMORY_KINDS])

    def memory(self, kind: str, peak_bytes: ArrayLike, exact: bool) -> MemoryFigures:
        """Return the figures of memories that must hold ``peak_bytes``.

        Args:
            kind: ``sram`` or ``dram``.
            peak_bytes: most bytes at the same time, any shape.
            exact: only tabulated sizes; the others are NaN and :meth:`refusal` says why.

        Raises:
            UnknownNameError: another kind.
        """
        if kind not in MEMORY_KINDS:
            raise UnknownNameError("kind of memory", kind, MEMORY_KINDS)
        size = built_bytes(peak_bytes)
        figures = self._lookup(kind, size.ravel(), exact).reshape(*size.shape, 3)
        return MemoryFigures(size, figures[..., 0], figures[..., 1], figures[..., 2])

    def has(self, kind: str, size_bytes: float) -> bool:
        """Whether a size that is built is in the table."""
        return bool(np.isin(size_bytes, self.sizes[kind]))

    def refusal(self, kind: str, peak_bytes: float) -> str:
        """Return why a memory has no exact figures, or an empty text if it has."""
        size = int(built_bytes(peak_bytes))
        if self.has(kind, size):
            return ""
        return (
            f"no CACTI figures for {kind.upper()} of {size:,} bytes; mode farsi has only the tabulated sizes up to "
            f"{self.sizes[kind][-1]:,} bytes, mode default interpolates"
        )

    def _lookup(self, kind: str, sizes: NDArray[np.float64], exact: bool) -> NDArray[np.float64]:
        known, figures = self.sizes[kind], self.figures[kind]
        place = np.minimum(np.searchsorted(known, sizes), len(known) - 1)
        found = figures[place].copy()
        other = known[place] != sizes
        if exact:
            found[other] = np.nan
        elif other.any():
            found[other] = self._between(kind, sizes[other])
        return found

    def _between(self, kind: str, sizes: NDArray[np.float64]) -> NDArray[np.float64]:
        known, figures = self.sizes[kind].astype(np.float64), self.figures[kind]
        x, steps = np.log(sizes), np.log(figures)
        lines = np.stack([np.interp(x, np.log(known), column) for column in steps.T], axis=-1)
        beyond = np.maximum(x - np.log(known[-1]), 0.0)[:, None] * self.exponents[kind]
        return np.exp(lines + beyond)


def built_bytes(peak_bytes: ArrayLike) -> NDArray[np.float64]:
    """Return the sizes that are built for the most bytes held: multiples of 256 000, at least one."""
    held = np.maximum(np.asarray(peak_bytes, dtype=np.float64), SMALLEST_BYTES)
    return np.ceil(held / SIZE_STEP_BYTES) * SIZE_STEP_BYTES


@lru_cache(maxsize=1)
def cacti_table() -> CactiTable:
    """Return the table that ships, from ``data/cacti.csv``."""
    sizes: dict[str, list[int]] = {kind: [] for kind in MEMORY_KINDS}
    figures: dict[str, list[tuple[float, float, float]]] = {kind: [] for kind in MEMORY_KINDS}
    with open(_FILE, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            sizes[row["type"]].append(int(row["size_bytes"]))
            read, write = (float(row[key]) * 1e-9 / _PORT_BYTES * ENERGY_SCALE for key in ("read_nj", "write_nj"))
            figures[row["type"]].append((read, write, float(row["area_mm2"]) * 1e-6 * MEMORY_AREA_SCALE))
    return CactiTable(
        {kind: np.array(found, dtype=np.int64) for kind, found in sizes.items()},
        {kind: np.array(found) for kind, found in figures.items()},
    )


def _slopes(sizes: NDArray[np.int64], figures: NDArray[np.float64]) -> NDArray[np.float64]:
    x = np.log(sizes.astype(np.float64))
    return np.asarray((x - x.mean()) @ np.log(figures) / ((x - x.mean()) @ (x - x.mean())))
