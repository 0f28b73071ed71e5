"""Energy and area of an accelerator's parts by technology node: SRAM, register files, datapath, DRAM.

The figures are in ``data/sram.csv``, ``data/components.csv`` and ``data/dram.csv`` with the source of each. Sizes,
ports, words and the like may be numpy arrays or plain numbers. SRAM is known at 22, 45 and 65 nm, the datapath (MACs,
adders, registers) at 22 and 45 nm.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulators.accelerator._sram import (
    INTERPOLATION_BAR,
    SRAM_METRICS,
    SRAM_PORT_BITS,
    Figure,
    HeldOutPoint,
    SramFigures,
    leave_one_out,
    read_table,
    sram_figures,
    sram_nodes,
)
from simulators.errors import InvalidInputError, UnknownNameError

__all__ = [
    "ADDRESS_GENERATORS",
    "DATAPATH_NODES_NM",
    "DRAM_KINDS",
    "INTERPOLATION_BAR",
    "NODES_NM",
    "SRAM_METRICS",
    "SRAM_PORT_BITS",
    "STORAGE_KINDS",
    "Component",
    "HeldOutPoint",
    "SramFigures",
    "StorageFigures",
    "Technology",
    "checked_node",
    "dram_pj_per_bit",
    "leave_one_out",
    "technology",
]

STORAGE_KINDS: Final = ("regfile", "SRAM", "smartbuffer_RF", "smartbuffer_SRAM")
"""Classes of storage, by the names of ArchGym's Timeloop space; a smartbuffer adds address generators."""
_DRAM_PJ_PER_BIT: Final = {row["kind"]: float(row["pj_per_bit"]) for row in read_table("dram")}
DRAM_KINDS: Final = tuple(_DRAM_PJ_PER_BIT)
"""Kinds of DRAM with a known energy per bit."""
NODES_NM: Final = sram_nodes()
"""Nodes with SRAM figures; the datapath's are known at some of them only."""
DATAPATH_NODES_NM: Final = tuple(sorted({int(row["node_nm"]) for row in read_table("components")}))
"""Nodes with figures of MACs, adders and registers, so that an accelerator can be built."""
ADDRESS_GENERATORS: Final = 2
"""Address generators of a smartbuffer: one steps at each read, the other at each write."""

_UM2_PER_MM2: Final = 1e6
_REGISTER_BITS: Final = 16
_READ_PJ, _READ_PJ_PER_WORD, _WRITE_PER_READ = 0.03, 0.002, 1.1


@dataclass(frozen=True)
class Component:
    """One part of the datapath: energy of one operation, area of one instance."""

    energy_pj: float
    area_mm2: float


@dataclass(frozen=True)
class StorageFigures:
    """Figures of storages, each an array in the common shape of the arguments.

    Attributes:
        read_pj, write_pj: energy of one access, of all the words it moves.
        area_mm2: area of the whole storage.
    """

    read_pj: Figure
    write_pj: Figure
    area_mm2: Figure


@dataclass(frozen=True)
class Technology:
    """What the parts of an accelerator cost at one technology node.

    Attributes:
        node_nm: feature size in nm, one of ``NODES_NM``.

    Raises:
        UnknownNameError: a node without figures. Methods that need the datapath raise it at 65 nm, where only SRAM is
            known.
    """

    node_nm: int

    def __post_init__(self) -> None:
        if self.node_nm not in NODES_NM:
            raise UnknownNameError("technology node (nm)", self.node_nm, NODES_NM)

    def sram(self, size_bytes: ArrayLike, port_bits: ArrayLike = SRAM_PORT_BITS, banks: ArrayLike = 1) -> SramFigures:
        """Return the figures of SRAMs with one read/write port, by CACTI 7 (through hwcomponents-cacti).

        A memory is built from tabulated and interpolated macros:

        * exactly as tabulated where size and port are in the table: 64-bit ports at eight to ten sizes, and 128 kB
          with a 128-bit port;
        * a 64-bit port from 2 kB to 2 MB: power laws between neighbouring sizes, see ``leave_one_out`` for the errors;
        * a wider port: ``ceil(port_bits / 64)`` macros side by side, each with its share of the bytes; all of them work
          at every access, so energies, areas and leakages add (against the one tabulated wide macro this rule is
          within 5 % in read energy and area and 16 % low in write energy);
        * a narrower port: the 64-bit macro, whole access charged, except that what fits by bytes and port into the
          tabulated macro of 1 kB and 32 bits is that macro;
        * fewer than 2 kB per macro: the 2 kB macro, the smallest of the curve;
        * more than 2 MB per macro: ``ceil(size / 2 MB)`` macros of 2 MB; one works at an access, areas and leakages of
          all add. The wires that join macros (an H-tree) are not charged.

        Args:
            size_bytes: capacity of the whole memory, above 0, all banks together.
            port_bits: bits moved by one access of one bank, integers from 1.
            banks: equal banks that the bytes are divided among, integers from 1; an access goes to one bank, areas and
                leakages of all banks add.

        Raises:
            InvalidInputError: a size, port or number of banks that is not positive, finite and (the latter two) whole.
        """
        size = _positive("SRAM size in bytes", size_bytes)
        return sram_figures(self.node_nm, size, _whole("SRAM port in bits", port_bits), _whole("SRAM banks", banks))

    def register_file(self, words: ArrayLike, word_bits: ArrayLike = _REGISTER_BITS) -> StorageFigures:
        """Return the figures of register files that are accessed word by word.

        Reading a 16-bit word at 45 nm takes 0.03 + 0.002 * words pJ: the cell, and a multiplexer that grows with depth;
        writing takes 1.1 times that. These are the energies that were given to Timeloop in the reference points, round
        numbers in the range of Aladdin's registers, not a measurement. Energy is in proportion to the word's bits and
        scales to other nodes as the 16-bit MAC's. The area is that of the registers alone, multiplexers left out:
        words times Aladdin's register, in proportion to bits.

        Args:
            words: number of words, integers from 1.
            word_bits: bits of a word, integers from 1.

        Raises:
            InvalidInputError: words or bits that are not positive integers.
            UnknownNameError: at a node without a datapath.
        """
        depth = _whole("register file words", words)
        width = _whole("register file word bits", word_bits) / _REGISTER_BITS
        scale = self.mac().energy_pj / technology(45).mac().energy_pj
        read = (_READ_PJ + _READ_PJ_PER_WORD * depth) * (width * scale)
        area = depth * width * self.register().area_mm2
        return StorageFigures(np.asarray(read), np.asarray(read * _WRITE_PER_READ), np.asarray(area))

    def mac(self, bits: int = 16) -> Component:
        """Return an integer multiply-accumulate unit with operands of 8 or 16 bits; raises UnknownNameError."""
        return self._component("mac", bits)

    def adder(self, bits: int = 16) -> Component:
        """Return an integer adder of 16 bits; raises UnknownNameError."""
        return self._component("adder", bits)

    def register(self, bits: int = 16) -> Component:
        """Return a register of 16 bits, its energy that of one access; raises UnknownNameError."""
        return self._component("register", bits)

    def storage(
        self, kind: str, words: ArrayLike, word_bits: ArrayLike = 16, block: ArrayLike = 1, banks: ArrayLike = 1
    ) -> StorageFigures:
        """Return the figures of one class of storage, for accesses of ``block`` words at once.

        * ``SRAM``: an SRAM of ``words * word_bits`` bits with a port of ``block * word_bits``, see ``sram``.
        * ``regfile``: ``block`` register files side by side, each with its share of the words, see ``register_file``.
        * ``smartbuffer_SRAM``, ``smartbuffer_RF``: the same, with two address generators per bank, 16-bit adders. Each
          access adds one addition, by the reads' or the writes' generator. Source: the compound components of these
          names in Timeloop's and Accelergy's public example designs, whose adders have as many bits as the address;
          here 16, the width that is tabulated.

        Args:
            kind: one of ``STORAGE_KINDS``.
            words: words of the whole storage, integers from 1.
            word_bits: bits of a word, integers from 1.
            block: words moved by one access (one vector access), integers from 1.
            banks: equal banks that the words are divided among, integers from 1; an access goes to one.

        Raises:
            UnknownNameError: a kind that is not known, or a node without the datapath that it needs.
            InvalidInputError: numbers that are not positive integers.
        """
        if kind not in STORAGE_KINDS:
            raise UnknownNameError("class of storage", kind, STORAGE_KINDS)
        depth, width = _whole("storage words", words), _whole("storage word bits", word_bits)
        lanes, copies = _whole("storage block", block), _whole("storage banks", banks)
        if kind in ("SRAM", "smartbuffer_SRAM"):
            macro = self.sram(depth * width / 8, lanes * width, copies)
            plain = StorageFigures(macro.read_pj, macro.write_pj, macro.area_mm2)
        else:
            plain = self._register_lanes(depth, width, lanes, copies)
        return self._with_address_generators(plain, copies) if kind.startswith("smartbuffer") else plain

    def _register_lanes(
        self, words: NDArray[np.int64], word_bits: NDArray[np.int64], block: NDArray[np.int64], banks: NDArray[np.int64]
    ) -> StorageFigures:
        lane = self.register_file(-(-words // (block * banks)), word_bits)
        return StorageFigures(lane.read_pj * block, lane.write_pj * block, lane.area_mm2 * (block * banks))

    def _with_address_generators(self, plain: StorageFigures, banks: NDArray[np.int64]) -> StorageFigures:
        adder = self.adder()
        area = plain.area_mm2 + banks * (ADDRESS_GENERATORS * adder.area_mm2)
        return StorageFigures(plain.read_pj + adder.energy_pj, plain.write_pj + adder.energy_pj, area)

    def _component(self, name: str, bits: int) -> Component:
        table = {key[1:]: part for key, part in _components().items() if key[0] == name}
        nodes = sorted({node for _, node in table})
        if self.node_nm not in nodes:
            hint = "SRAM alone is known at the other nodes."
            raise UnknownNameError(f"technology node (nm) of the component {name!r}", self.node_nm, nodes, hint)
        if (bits, self.node_nm) not in table:
            raise UnknownNameError(f"bits of the component {name!r}", bits, sorted({width for width, _ in table}))
        return table[bits, self.node_nm]


def checked_node(node_nm: object) -> int:
    """Return a node in nm of DATAPATH_NODES_NM, also from a text such as ``"45"``; raises UnknownNameError."""
    for node in DATAPATH_NODES_NM:
        if str(node_nm).strip() == str(node):
            return node
    raise UnknownNameError("technology node (nm)", node_nm, DATAPATH_NODES_NM)


@cache
def technology(node_nm: int) -> Technology:
    """Return the technology of a node in nm, 22, 45 or (SRAM only) 65; raises UnknownNameError."""
    return Technology(node_nm)


def dram_pj_per_bit(kind: str) -> float:
    """Return the energy in pJ of reading or writing one bit of DRAM of a kind; raises UnknownNameError.

    Source: the constants of hwcomponents-cacti, with what they rest on named in ``data/dram.csv``. The figure holds for
    device and interface together and does not know of row hits, refresh or idling.
    """
    if kind not in DRAM_KINDS:
        raise UnknownNameError("kind of DRAM", kind, DRAM_KINDS)
    return _DRAM_PJ_PER_BIT[kind]


@cache
def _components() -> dict[tuple[str, int, int], Component]:
    """Return component, bits and node -> figures."""
    return {
        (row["component"], int(row["bits"]), int(row["node_nm"])): Component(
            float(row["energy_pj"]), float(row["area_um2"]) / _UM2_PER_MM2
        )
        for row in read_table("components")
    }


def _positive(what: str, values: ArrayLike) -> NDArray[np.float64]:
    numbers = np.asarray(values, dtype=np.float64)
    wrong = ~(np.isfinite(numbers) & (numbers > 0))
    if wrong.any():
        raise InvalidInputError(f"{what} cannot be {numbers[wrong].flat[0]:g}. Expected a finite number above 0.")
    return numbers


def _whole(what: str, values: ArrayLike) -> NDArray[np.int64]:
    numbers = _positive(what, values)
    wrong = numbers != np.floor(numbers)
    if wrong.any():
        raise InvalidInputError(f"{what} cannot be {numbers[wrong].flat[0]:g}. Expected a whole number from 1 up.")
    return numbers.astype(np.int64)
