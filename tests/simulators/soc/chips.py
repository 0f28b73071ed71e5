"""Chips and task graphs with round figures, for tests."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from simulators.soc import HardwareLibrary, TaskGraph
from simulators.soc.block_library import CLOCKS_MHZ, WIDTHS_BYTES, BlockType
from simulators.soc.description import Block, SocDescription
from simulators.soc.task_graph import AcceleratorFacts, Edge, Task

MIPS = 1e6
MS = 1e6
"""Nanoseconds of a millisecond."""


def cpu(name: str, mips: float = 1000.0) -> Block:
    """1000 million instructions per second, 1e12 instructions per joule, 0.5 mm2."""
    return Block(name, BlockType("cpu", "gpp", mips * MIPS, 1e12, 0.5e-6, 1e9))


def accelerator(name: str, task: str, mips: float, clock_mhz: int = 100) -> Block:
    """As efficient as the processor, 0.1 mm2."""
    return Block(name, BlockType("acc", "ip", mips * MIPS, 1e12, 0.1e-6, clock_mhz * 1e6, unroll=1, task=task))


def transport(name: str, kind: str, bytes_per_us: float, width_bytes: int = 4) -> Block:
    """A memory or bus of so many million bytes per second."""
    return Block(name, BlockType(kind, kind, bytes_per_us * 1e6, math.inf, 0.0, 1e8, width_bytes=width_bytes))  # type: ignore[arg-type]


def graph(work: Mapping[str, float], edges: Mapping[str, float], last: str, **options: object) -> TaskGraph:
    """Tasks with instructions (0: a dummy) and edges ``a->b`` with bytes."""
    tasks = tuple(_task(name, instructions) for name, instructions in work.items())
    pairs = ([*name.split("->"), size] for name, size in edges.items())
    return TaskGraph("toy", tasks, tuple(Edge(a, b, float(size)) for a, b, size in pairs), {"toy": last}, **options)  # type: ignore[arg-type]


def _task(name: str, instructions: float) -> Task:
    facts = AcceleratorFacts(1e5, 1e6, 1e5) if instructions else None
    return Task(name, instructions, facts, 1, dummy=instructions == 0)


def on_one_bus(
    blocks: Sequence[Block], graph: TaskGraph, pes: Mapping[str, str], order: Sequence[str] = (), bus: float = 1000.0
) -> SocDescription:
    """All blocks on one bus; tasks that ``pes`` does not name on the first block, all edges in the last."""
    first, memory = blocks[0].id, blocks[-1].id
    return SocDescription(
        (*blocks, transport("bus", "bus", bus)),
        tuple((block.id, "bus") for block in blocks),
        {task.name: pes.get(task.name, first) for task in graph.tasks},
        {edge.name: memory for edge in graph.edges},
        kernel_order=tuple(order),
    )


def random_chip(
    graph: TaskGraph, rng: np.random.Generator, gpps: int = 2, memories: int = 2, buses: int = 3
) -> SocDescription:
    """Blocks of the library on a tree of buses; half of the tasks that can be are on accelerators."""
    library, names = HardwareLibrary.of(graph), [task.name for task in graph.tasks]
    own = [name for name in library.accelerated_tasks if rng.random() < 0.5]
    blocks = [Block(f"gpp{i}", library.of_kind("gpp")[0]) for i in range(gpps)]
    for name in own:
        variants = library.accelerators(name)
        blocks.append(Block(name, variants[rng.integers(len(variants))]))
    kinds = [str(kind) for kind in rng.choice(["sram", "dram"], memories)] + ["bus"] * buses
    for i, kind in enumerate(kinds):
        width, clock = int(rng.choice(WIDTHS_BYTES)), int(rng.choice(CLOCKS_MHZ))
        blocks.append(Block(f"{kind}{i}", library.find(kind, clock_mhz=clock, width_bytes=width)))
    ids = [block.id for block in blocks]
    trunk, held = ids[-buses:], ids[-memories - buses : -buses]
    links = [(trunk[i], trunk[int(rng.integers(i))]) for i in range(1, buses)]
    links += [(block, str(rng.choice(trunk))) for block in ids[:-buses]]
    on = {name: name if name in own else f"gpp{rng.integers(gpps)}" for name in names}
    return SocDescription(tuple(blocks), tuple(links), on, {edge.name: str(rng.choice(held)) for edge in graph.edges})
