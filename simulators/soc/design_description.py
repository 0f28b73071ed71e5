"""One coded design as a description, block by block: for reading, and for blocks that the library lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from simulators.soc.block_library import CLOCKS_MHZ, WIDTHS_BYTES, BlockType, HardwareLibrary, unrolls
from simulators.soc.description import Block, SocDescription
from simulators.soc.kernel_decode import (
    B_CLOCK,
    B_PARENT,
    B_WIDTH,
    BUS_WORDS,
    M_BUS,
    M_CLOCK,
    M_KIND,
    M_WIDTH,
    MEMORY_WORDS,
    OWN,
    STATIC,
    TASK_WORDS,
    W_BUS,
    W_CLOCK,
    W_PE,
    W_UNROLL,
    ZERO,
)
from simulators.soc.layout import IO, DesignLayout
from simulators.soc.task_graph import Task


class BlockShelf:
    """Types of blocks for a library, also those between and beyond its own: scaled by its rules."""

    def __init__(self, library: HardwareLibrary) -> None:
        self.block_library = library

    @property
    def gpp(self) -> BlockType:
        """The processor."""
        return self.block_library.find("gpp")

    def accelerator(self, task: Task, unroll: int, clock_mhz: int) -> BlockType:
        """Return an accelerator; one that the library lacks is scaled from the slowest."""
        if clock_mhz in CLOCKS_MHZ and unroll in unrolls(task.iterations):
            return self.block_library.find("ip", task.name, unroll, clock_mhz)
        slowest = self.block_library.find("ip", task.name, 1, CLOCKS_MHZ[0])
        return replace(
            slowest,
            name=f"{task.name}_IP0_{unroll}_{clock_mhz / CLOCKS_MHZ[0]:g}_pe",
            rate=slowest.rate * unroll * clock_mhz / CLOCKS_MHZ[0],
            work_per_joule=slowest.work_per_joule / unroll,
            area_m2=slowest.area_m2 * unroll,
            clock_hz=clock_mhz * 1e6,
            unroll=unroll,
        )

    def transport(self, kind: str, width_bytes: int, clock_mhz: int) -> BlockType:
        """Return a memory or bus: its width once per cycle."""
        if clock_mhz in CLOCKS_MHZ and width_bytes in WIDTHS_BYTES:
            return self.block_library.find(kind, clock_mhz=clock_mhz, width_bytes=width_bytes)
        return replace(
            self.block_library.of_kind(kind)[0],
            name=f"{kind}_{width_bytes}_bytes_{clock_mhz}_mhz",
            rate=width_bytes * clock_mhz * 1e6,
            clock_hz=clock_mhz * 1e6,
            width_bytes=width_bytes,
        )


@dataclass
class _Chip:
    """What is known so far: blocks' types, and the number of the bus that each hangs on."""

    types: dict[str, BlockType]
    bus_of: dict[str, int]

    def add(self, name: str, block: BlockType, bus: int) -> None:
        self.types[name], self.bus_of[name] = block, bus


def describe_design(layout: DesignLayout, shelf: BlockShelf, words: Sequence[int]) -> SocDescription:
    """Return the design of ``words``, see :mod:`simulators.soc.kernel_decode`; kernels in the order of the graph."""
    chip, graph = _Chip({}, {}), layout.graph
    task_to_pe = _place_tasks(layout, shelf, words, chip)
    edge_to_memory = _place_edges(layout, shelf, words, chip)
    links = _link_buses(layout, shelf, words, chip)
    idle = [task.name for i, task in enumerate(graph.tasks) if i not in layout.work]
    names = layout.slots.bus_names()
    if idle:
        chip.add(IO, shelf.gpp, min(i for i, name in enumerate(names) if name in chip.types))
        task_to_pe |= dict.fromkeys(idle, IO)
    return SocDescription(
        blocks=tuple(Block(name, chip.types[name]) for name in layout.blocks if name in chip.types),
        links=(*links, *((name, names[bus]) for name, bus in chip.bus_of.items())),
        task_to_pe={task: task_to_pe[task] for task in graph.index},
        edge_to_memory=edge_to_memory,
        kernel_order=tuple(graph.index),
    )


def tree_links(parents: Sequence[int], in_use: set[int]) -> list[tuple[int, int]]:
    """Return the links (parent, child) of the smallest part of a tree that joins the nodes in use.

    ``parents``: of each node one before it; the first node's does not count.
    """
    below = [{node} & in_use for node in range(len(parents))]
    links = []
    for node in range(len(parents) - 1, 0, -1):
        if below[node] and below[node] != in_use:
            links.append((parents[node], node))
        below[parents[node]] |= below[node]
    return links


def _place_tasks(layout: DesignLayout, shelf: BlockShelf, words: Sequence[int], chip: _Chip) -> dict[str, str]:
    found: dict[str, str] = {}
    for w, position in enumerate(layout.work):
        row, task = TASK_WORDS * w, layout.graph.tasks[position]
        if words[row + W_PE] == OWN:
            name, block = (
                layout.prefixes[position],
                shelf.accelerator(task, words[row + W_UNROLL], words[row + W_CLOCK]),
            )
            chip.add(name, block, words[row + W_BUS] - ZERO)
        else:
            number = words[row + W_PE] - ZERO
            name = layout.slots.gpp_names()[number]
            chip.add(name, shelf.gpp, words[layout.gpp_row + number] - ZERO)
        found[task.name] = name
    return found


def _place_edges(layout: DesignLayout, shelf: BlockShelf, words: Sequence[int], chip: _Chip) -> dict[str, str]:
    found: dict[str, str] = {}
    for edge in layout.graph.edges:
        number = words[layout.memory_rows[layout.graph.index[edge.source]]] - ZERO
        row, name = layout.memory_row + MEMORY_WORDS * number, layout.slots.memory_names()[number]
        kind = "sram" if words[row + M_KIND] == STATIC else "dram"
        chip.add(name, shelf.transport(kind, words[row + M_WIDTH], words[row + M_CLOCK]), words[row + M_BUS] - ZERO)
        found[edge.name] = name
    return found


def _link_buses(layout: DesignLayout, shelf: BlockShelf, words: Sequence[int], chip: _Chip) -> list[tuple[str, str]]:
    """Build the buses in use and return the links between them."""
    names, row = layout.slots.bus_names(), layout.bus_row
    parents = [words[row + BUS_WORDS * j + B_PARENT] - ZERO if j else 0 for j in range(len(names))]
    in_use = set(chip.bus_of.values())
    links = tree_links(parents, in_use)
    for j in sorted(in_use | {end for link in links for end in link}):
        at = row + BUS_WORDS * j
        chip.types[names[j]] = shelf.transport("bus", words[at + B_WIDTH], words[at + B_CLOCK])
    return [(names[a], names[b]) for a, b in links]
