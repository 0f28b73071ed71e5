"""Accelerators as the kernel sees them, many at once: what their storages, MACs and DRAM take in energy and area.

Energy per access and area are those of :mod:`simulators.accelerator.technology`. Its SRAMs know no wires between banks,
therefore an access of a banked buffer is charged as one of a single macro of the whole size, whose own wires span it;
areas are the banks'. Area counts MACs, storages and buffers: no wires, control or DRAM interface.

Which storages there are, and of what size, is up to a template, see :mod:`simulators.accelerator.templates`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulators.accelerator.architecture import Architecture, StorageLevel
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
    MIDDLE,
    OUTER,
    TENSORS,
)
from simulators.accelerator.technology import (
    SRAM_PORT_BITS,
    STORAGE_KINDS,
    StorageFigures,
    Technology,
    checked_node,
    dram_pj_per_bit,
    technology,
)
from simulators.errors import InvalidInputError, UnknownNameError

WORD_BITS: Final = (8, 16)
"""Word sizes whose MACs are tabulated."""
DRAM_ACCESS_BITS: Final = 64

Reals = NDArray[np.float64]

ALL_TENSORS: Final = sum(1 << tensor for tensor in range(len(TENSORS)))
"""The bit mask of a storage that keeps every tensor."""


@dataclass(frozen=True)
class Parts:
    """What an accelerator is built from.

    Attributes:
        node_nm: technology node with a datapath, 45 or 22; a text that spells it is read as the number.
        word_bits: of all tensors, 8 or 16; likewise.
        dram: kind of DRAM, one of ``technology.DRAM_KINDS``.

    Raises:
        UnknownNameError: a node, word size or kind of DRAM without figures.
    """

    node_nm: int = 45
    word_bits: int = 16
    dram: str = "lpddr4"

    def __post_init__(self) -> None:
        object.__setattr__(self, "node_nm", checked_node(self.node_nm))
        bits = [bits for bits in WORD_BITS if str(self.word_bits).strip() == str(bits)]
        if not bits:
            raise UnknownNameError("word size (bits)", self.word_bits, WORD_BITS)
        object.__setattr__(self, "word_bits", bits[0])
        dram_pj_per_bit(self.dram)

    @cached_property
    def technology(self) -> Technology:
        """Figures of the node."""
        return technology(self.node_nm)

    @property
    def port_words(self) -> int:
        """Words that the 64-bit port of an SRAM macro, and an access of DRAM, move at once."""
        return SRAM_PORT_BITS // self.word_bits

    @property
    def dram_access_pj(self) -> float:
        """Energy of one DRAM access, read or write."""
        return DRAM_ACCESS_BITS * dram_pj_per_bit(self.dram)

    def storage(
        self, kinds: NDArray[np.str_], words: ArrayLike, block: ArrayLike = 1, banks: ArrayLike = 1
    ) -> StorageFigures:
        """Return the figures ``[n]`` of storages of mixed classes; an access moves ``block`` words of a whole macro.

        Args:
            kinds: ``[n]``, each one of ``technology.STORAGE_KINDS``.
            words, block, banks: ``[n]`` or one for all, as of ``Technology.storage``; banks take part in areas only.
        """
        count = len(kinds)
        sizes, lanes, copies = (np.broadcast_to(np.asarray(x), count) for x in (words, block, banks))
        read, write, area = np.empty(count), np.empty(count), np.empty(count)
        for kind in STORAGE_KINDS:
            rows = kinds == kind
            if rows.any():
                figures = self.technology.storage(kind, sizes[rows], self.word_bits, lanes[rows])
                banked = figures
                if (copies[rows] != 1).any():
                    banked = self.technology.storage(kind, sizes[rows], self.word_bits, lanes[rows], copies[rows])
                read[rows], write[rows], area[rows] = figures.read_pj, figures.write_pj, banked.area_mm2
        return StorageFigures(read, write, area)


DEFAULT_PARTS: Final = Parts()


@dataclass(frozen=True, eq=False)
class Hardware:
    """``n`` accelerators.

    Attributes:
        archs: the kernel's form, ``float64[n, ARCHITECTURE_WORDS]``.
        area_mm2: ``float64[n]``.
        refusals: for each why it cannot be built, an empty text if it can; the other fields are meaningless where not.
    """

    archs: Reals
    area_mm2: Reals
    refusals: tuple[str, ...]


class Builder:
    """Fills in the kernel's form of ``n`` architectures, level by level, and adds up their areas.

    Args:
        parts: what they are built from.
        columns, rows: of the arrays, ``[n]``.
    """

    def __init__(self, parts: Parts, columns: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        self.parts, count = parts, len(columns)
        self.archs = np.zeros((count, ARCHITECTURE_WORDS))
        for field in (A_CAPACITY, A_READ_BANDWIDTH, A_WRITE_BANDWIDTH):
            self.archs[:, field : field + LEVELS] = np.inf
        self.archs[:, A_BLOCK : A_BLOCK + LEVELS] = 1
        mac = parts.technology.mac(parts.word_bits)
        self.archs[:, A_MAC_PJ], self.archs[:, A_COLUMNS], self.archs[:, A_ROWS] = mac.energy_pj, columns, rows
        self.pes = columns * rows
        self.area_mm2: Reals = self.pes * np.float64(mac.area_mm2)

    def add_dram(self, bandwidth: ArrayLike = np.inf) -> None:
        """Add DRAM with so many words per cycle each way."""
        access = self.parts.dram_access_pj
        block = DRAM_ACCESS_BITS // self.parts.word_bits
        self._write(slice(None), DRAM, ALL_TENSORS, np.inf, (access, access), block, (bandwidth, bandwidth))

    def add_storage(
        self,
        level: int,
        rows: NDArray[np.bool_],
        keeps: ArrayLike,
        kinds: NDArray[np.str_],
        words: NDArray[np.int64],
        block: ArrayLike = 1,
        banks: ArrayLike = 1,
        bandwidths: tuple[ArrayLike, ArrayLike] = (np.inf, np.inf),
    ) -> None:
        """Give the architectures ``rows``, a mask of k, a storage at one of the kernel's levels: one GLB or one per PE.

        Args:
            keeps: masks of tensors, ``[k]`` or one for all; likewise the others.
            bandwidths: words read and words written per cycle and instance.
        """
        figures = self.parts.storage(kinds, words, block, banks)
        self._write(rows, level, keeps, words, (figures.read_pj, figures.write_pj), block, bandwidths)
        self.area_mm2[rows] += figures.area_mm2 * (self.pes[rows] if level >= OUTER else 1)

    def _write(
        self,
        rows: NDArray[np.bool_] | slice,
        level: int,
        keeps: ArrayLike,
        capacity: ArrayLike,
        access_pj: tuple[ArrayLike, ArrayLike],
        block: ArrayLike,
        bandwidths: tuple[ArrayLike, ArrayLike],
    ) -> None:
        self.archs[rows, A_KEEPS + level] = keeps
        self.archs[rows, A_CAPACITY + level] = capacity
        self.archs[rows, A_READ_PJ + level], self.archs[rows, A_WRITE_PJ + level] = access_pj
        self.archs[rows, A_BLOCK + level] = block
        self.archs[rows, A_READ_BANDWIDTH + level], self.archs[rows, A_WRITE_BANDWIDTH + level] = bandwidths

    def result(self, refusals: tuple[str, ...]) -> Hardware:
        """Return what was built."""
        return Hardware(self.archs, self.area_mm2, refusals)


def architecture_of_words(words: Reals, area_mm2: float = float("nan"), name: str = "design") -> Architecture:
    """Return the architecture that a row of the kernel's form stands for.

    Args:
        words: ``[ARCHITECTURE_WORDS]``.
        area_mm2: its area.
        name: what reports call it.
    """
    names = level_names_of(words)
    levels = {level: _level(words, level, names[level]) for level in range(LEVELS) if words[A_KEEPS + level] > 0}
    if not {DRAM, GLB, INNER} <= levels.keys():
        raise InvalidInputError("an architecture needs DRAM, a GLB and a storage in its PEs that keep something")
    inside = tuple(levels[level] for level in (OUTER, MIDDLE, INNER) if level in levels)
    columns, rows, mac = int(words[A_COLUMNS]), int(words[A_ROWS]), float(words[A_MAC_PJ])
    return Architecture(name, columns, rows, levels[DRAM], levels[GLB], inside, mac, area_mm2)


def level_names_of(words: Reals) -> tuple[str, ...]:
    """Return the names of a row's levels: ``ifmap_spad`` and so on where a PE's storage is split, else ``RF``."""
    inside = ("", "", "RF") if words[A_KEEPS + OUTER] == 0 else ("ifmap_spad", "weights_spad", "psum_spad")
    return ("DRAM", "GLB", *inside)


def _level(words: Reals, level: int, name: str) -> StorageLevel:
    mask = int(words[A_KEEPS + level])
    return StorageLevel(
        name,
        tuple(tensor for position, tensor in enumerate(TENSORS) if mask >> position & 1),
        float(words[A_CAPACITY + level]),
        float(words[A_READ_PJ + level]),
        float(words[A_WRITE_PJ + level]),
        int(words[A_BLOCK + level]),
        float(words[A_READ_BANDWIDTH + level]),
        float(words[A_WRITE_BANDWIDTH + level]),
    )
