"""Architectures of the hierarchical model: DRAM, a global buffer, an array of PEs with one to three storage levels,
MACs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.kernel_layout import (
    A_BLOCK,
    A_CAPACITY,
    A_COLUMNS,
    A_KEEPS,
    A_MAC_PJ,
    A_READ_BANDWIDTH,
    A_READ_PJ,
    A_ROWS,
    A_WRITE_BANDWIDTH,
    A_WRITE_PJ,
    ARCHITECTURE_WORDS,
    DRAM,
    GLB,
    INNER,
    LEVELS,
    TENSORS,
)
from simulators.errors import InvalidInputError, UnknownNameError

MOST_PE_LEVELS: Final = INNER - GLB
LARGEST_ARRAY: Final = 1 << 14
"""Most columns or rows of an array."""


@dataclass(frozen=True)
class StorageLevel:
    """One level of storage.

    Attributes:
        name: for reports, such as ``GLB``.
        keeps: which of ``Weights``, ``Inputs``, ``Outputs`` it stores; the others pass it by.
        capacity_words: words the tiles of all kept tensors together may take; infinite for DRAM.
        read_pj, write_pj: energy of a vector access of ``block_words`` words.
        block_words: words per vector access, at least 1.
        read_bandwidth, write_bandwidth: words per cycle and instance; infinite if unlimited.

    Raises:
        UnknownNameError: a tensor that does not exist.
        InvalidInputError: a number that is negative or no number, a bandwidth, capacity or block of 0.
    """

    name: str
    keeps: tuple[str, ...] = TENSORS
    capacity_words: float = math.inf
    read_pj: float = 0.0
    write_pj: float = 0.0
    block_words: int = 1
    read_bandwidth: float = math.inf
    write_bandwidth: float = math.inf

    def __post_init__(self) -> None:
        for tensor in self.keeps:
            if tensor not in TENSORS:
                raise UnknownNameError(f"tensor kept by level {self.name!r}", tensor, TENSORS)
        for field in ("capacity_words", "block_words", "read_bandwidth", "write_bandwidth"):
            if not getattr(self, field) > 0:
                raise InvalidInputError(f"level {self.name!r}: {field} must be above 0, got {getattr(self, field)!r}")
        for field in ("read_pj", "write_pj"):
            if not 0 <= getattr(self, field) < math.inf:
                raise InvalidInputError(f"level {self.name!r}: {field} must be 0 or more, got {getattr(self, field)!r}")

    @property
    def mask(self) -> int:
        """The kept tensors as a bit mask in the order of TENSORS."""
        return sum(1 << TENSORS.index(tensor) for tensor in self.keeps)


@dataclass(frozen=True)
class Architecture:
    """An accelerator: what the kernel needs of it.

    Attributes:
        name: for reports.
        columns, rows: of the array of PEs.
        dram: keeps all tensors.
        glb: the global buffer, shared by all PEs.
        pe_levels: storage inside each PE, outermost first, one to three levels.
        mac_pj: energy of a multiply-accumulate.
        area_mm2: area of everything but the DRAM; NaN if not known.

    Raises:
        InvalidInputError: an array or number of levels that cannot be, or a DRAM that does not keep everything.
    """

    name: str
    columns: int
    rows: int
    dram: StorageLevel
    glb: StorageLevel
    pe_levels: tuple[StorageLevel, ...]
    mac_pj: float
    area_mm2: float = math.nan

    def __post_init__(self) -> None:
        for field in ("columns", "rows"):
            value = getattr(self, field)
            if not 1 <= value <= LARGEST_ARRAY or value != int(value):
                raise InvalidInputError(
                    f"architecture {self.name!r}: {field} cannot be {value!r}; expected 1 to {LARGEST_ARRAY}"
                )
        if not 1 <= len(self.pe_levels) <= MOST_PE_LEVELS:
            raise InvalidInputError(
                f"architecture {self.name!r}: a PE has 1 to {MOST_PE_LEVELS} storage levels, got {len(self.pe_levels)}"
            )
        if set(self.dram.keeps) != set(TENSORS):
            raise InvalidInputError(f"architecture {self.name!r}: the DRAM must keep {', '.join(TENSORS)}")
        if not 0 <= self.mac_pj < math.inf:
            raise InvalidInputError(f"architecture {self.name!r}: mac_pj must be 0 or more, got {self.mac_pj!r}")

    @property
    def levels(self) -> tuple[StorageLevel | None, ...]:
        """The kernel's five levels, outermost first; None where a PE has fewer."""
        missing = (None,) * (MOST_PE_LEVELS - len(self.pe_levels))
        return (self.dram, self.glb, *missing, *self.pe_levels)

    @property
    def level_names(self) -> tuple[str, ...]:
        """Names of the kernel's five levels; empty where a PE has fewer."""
        return tuple("" if level is None else level.name for level in self.levels)

    @property
    def words(self) -> NDArray[np.float64]:
        """The kernel's form, ``float64[ARCHITECTURE_WORDS]``."""
        words = np.zeros(ARCHITECTURE_WORDS)
        words[A_CAPACITY : A_CAPACITY + LEVELS] = np.inf
        words[A_READ_BANDWIDTH : A_READ_BANDWIDTH + LEVELS] = np.inf
        words[A_WRITE_BANDWIDTH : A_WRITE_BANDWIDTH + LEVELS] = np.inf
        words[A_BLOCK : A_BLOCK + LEVELS] = 1
        for position, level in enumerate(self.levels):
            if level is not None:
                _write_level(words, position, level)
        words[A_MAC_PJ], words[A_COLUMNS], words[A_ROWS] = self.mac_pj, self.columns, self.rows
        return words


def _write_level(words: NDArray[np.float64], position: int, level: StorageLevel) -> None:
    words[A_KEEPS + position] = level.mask
    words[A_CAPACITY + position] = level.capacity_words if position != DRAM else math.inf
    words[A_READ_BANDWIDTH + position] = level.read_bandwidth
    words[A_WRITE_BANDWIDTH + position] = level.write_bandwidth
    words[A_READ_PJ + position] = level.read_pj
    words[A_WRITE_PJ + position] = level.write_pj
    words[A_BLOCK + position] = level.block_words


def stack(architectures: Sequence[Architecture]) -> NDArray[np.float64]:
    """Return the kernel's form of several, ``float64[n, ARCHITECTURE_WORDS]``."""
    return np.stack([architecture.words for architecture in architectures])
