"""Reads coded designs out of columns and turns them into the arrays that the simulation takes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
from numpy.typing import NDArray

from simulators.soc.block_library import CLOCKS_MHZ, WIDTHS_BYTES, BlockType, HardwareLibrary, unrolls
from simulators.soc.description import Block, SocDescription
from simulators.soc.design_description import BlockShelf, describe_design
from simulators.soc.encoding import EncodedDesigns, encode
from simulators.soc.kernel_decode import Chips, Code, Words, decode_designs
from simulators.soc.layout import IO, DesignLayout
from simulators.spaces import Columns

Reals = NDArray[np.float64]
CostsOf = Callable[[BlockType], tuple[float, float]]
"""Type of block -> its instructions/J and area in m2, in the mode in force."""


class DesignCode:
    """Decoder of the designs of one layout.

    Args:
        layout: words and slots.
        costs_of: what a block costs.
        io_area: whether the processor of the tasks without work counts as area where FARSI counts it (it forgets one
            that runs nothing but a source and a sink).
    """

    def __init__(self, layout: DesignLayout, costs_of: CostsOf, io_area: bool) -> None:
        self.layout, self._shelf = layout, BlockShelf(HardwareLibrary.of(layout.graph))
        self._costs_of, self._io_area = costs_of, io_area
        self._code = self._tables()
        words = layout.words
        self._open = [
            (row, word.name, None if word.is_number else word.letter_at)
            for row, word in enumerate(words)
            if word.is_open
        ]
        self._constants = np.array([[word.constant] for word in words], dtype=np.int32)
        self._order = np.arange(len(layout.graph.tasks), dtype=np.int8)[None, :]

    def read(self, columns: Columns) -> Words:
        """Return the words ``int32[words, n]`` of checked columns: numbers, and the telling letters of texts."""
        count = len(columns[self._open[0][1]])
        values = np.repeat(self._constants, count, axis=1)
        if count == 1:  # plain Python beats array operations on one design
            for row, name, at in self._open:
                value = columns[name].item(0)
                values[row, 0] = value if at is None else ord(value[at])
            return values
        for row, name, at in self._open:
            values[row] = columns[name] if at is None else _letter(columns[name], at)
        return values

    def decode(self, words: Words) -> EncodedDesigns:
        """Return the designs of ``words`` ``int32[words, n]``, their blocks in the slots of the layout.

        Blocks that the library has are looked up; designs with others are built one by one, some hundred times slower.
        """
        chips = self._room(words.shape[1])
        known = decode_designs(np.ascontiguousarray(words), self._code, chips)
        for i in np.flatnonzero(~known).tolist():
            self._build(self.describe(words[:, i]), i, chips)
        return EncodedDesigns(*chips, priority=self._order)

    def describe(self, words: NDArray[np.int32]) -> SocDescription:
        """Return one design as a description."""
        return describe_design(self.layout, self._shelf, words.tolist())

    def _room(self, n: int) -> Chips:
        blocks, graph = len(self.layout.blocks), self.layout.graph
        return Chips(
            np.empty((n, blocks), np.int8),
            np.empty((n, blocks)),
            np.empty((n, blocks)),
            np.empty((n, blocks)),
            np.empty((n, blocks), np.uint64),
            np.empty((n, len(graph.tasks)), np.int8),
            np.empty((n, len(graph.edges)), np.int8),
        )

    def _build(self, description: SocDescription, i: int, chips: Chips) -> None:
        """Write one design from its description."""
        one = encode([description], self.layout.graph)
        slots = [self.layout.slot(block.id) for block in description.blocks]
        chips.kind[i], chips.rate[i], chips.per_joule[i], chips.area[i], chips.adjacency[i] = 0, 0.0, np.inf, 0.0, 0
        for b, (slot, block) in enumerate(zip(slots, description.blocks, strict=True)):
            chips.kind[i, slot], chips.rate[i, slot] = one.kind[0, b], one.rate[0, b]
            chips.per_joule[i, slot], chips.area[i, slot] = self._costs(block)
            mask = int(one.adjacency[0, b])
            chips.adjacency[i, slot] = sum(1 << slots[other] for other in range(len(slots)) if mask >> other & 1)
        chips.task_pe[i] = [slots[pe] for pe in one.task_pe[0].tolist()]
        chips.edge_memory[i] = [slots[memory] for memory in one.edge_memory[0].tolist()]

    def _costs(self, block: Block) -> tuple[float, float]:
        per_joule, area = self._costs_of(block.type)
        return per_joule, area if block.id != IO or self._io_area else 0.0

    def _tables(self) -> Code:
        layout, shelf = self.layout, self._shelf
        unrolls_of, rate, per_joule, area = self._accelerators()
        buses = [[self._costs_of(shelf.transport("bus", v, k))[1] for k in CLOCKS_MHZ] for v in WIDTHS_BYTES]
        gpp_per_joule, gpp_area = self._costs_of(shelf.gpp)
        rows, slots = layout.memory_rows, layout.slots
        accelerators = [layout.slot(layout.prefixes[i]) if i in layout.accelerated else -1 for i in layout.work]
        return Code(
            task=np.array(layout.work),
            accelerator=np.array(accelerators),
            memory_row=np.array([rows[layout.graph.index[e.source]] for e in layout.graph.edges], dtype=np.int64),
            slots=np.array([slots.gpps, slots.memories, slots.buses, layout.slot(IO)]),
            unrolls=unrolls_of,
            clocks=np.array(CLOCKS_MHZ),
            widths=np.array(WIDTHS_BYTES),
            rate=rate,
            per_joule=per_joule,
            area=area,
            bus_area=np.array(buses),
            gpp=np.array([shelf.gpp.rate, gpp_per_joule, gpp_area, gpp_area if self._io_area else 0.0]),
        )

    def _accelerators(self) -> tuple[NDArray[np.int64], Reals, Reals, Reals]:
        """Return unrolls ``[W, U]``, and rates, instructions/J and areas ``[W, U, clocks]``."""
        layout, tasks = self.layout, self.layout.graph.tasks
        degrees = [unrolls(tasks[i].iterations) if i in layout.accelerated else () for i in layout.work]
        shape = (len(layout.work), max(1, *map(len, degrees)), len(CLOCKS_MHZ))
        known, figures = np.full(shape[:2], -1), np.zeros((3, *shape))
        for w, of_task in enumerate(degrees):
            known[w, : len(of_task)] = of_task
            for (u, unroll), (k, clock_mhz) in product(enumerate(of_task), enumerate(CLOCKS_MHZ)):
                block = self._shelf.accelerator(tasks[layout.work[w]], unroll, clock_mhz)
                figures[:, w, u, k] = block.rate, *self._costs_of(block)
        return known, figures[0], figures[1], figures[2]


def _letter(column: NDArray[np.str_], at: int) -> NDArray[np.uint32]:
    """Return one letter of each text, as its number."""
    letters = np.ascontiguousarray(column).view(np.uint32)
    return letters.reshape(len(column), column.dtype.itemsize // 4)[:, at]
