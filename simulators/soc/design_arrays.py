"""What the kernel takes beside the designs: a task graph as arrays, and the table of prices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.errors import InvalidInputError
from simulators.soc.cacti import SIZE_STEP_BYTES, SMALLEST_BYTES, cacti_table
from simulators.soc.description import SocDescription
from simulators.soc.encoding import EncodedDesigns, encode
from simulators.soc.kernel_layout import ANY_SIZE, DUMMY, MOST_TASKS, SINK, SOURCE, WORK
from simulators.soc.kernel_state import Prices
from simulators.soc.kernel_traffic import Graph
from simulators.soc.modes import bus_j_per_byte, costs_of, leakage_w_per_m2
from simulators.soc.task_graph import TaskGraph

BURST_BYTES: Final = 1024
"""FARSI cuts a task's work so that its smallest input arrives in bursts of so many bytes."""
MOST_STEPS: Final = 1 << 16
"""Most sizes of memory, in steps of 256 000 bytes, that are tabulated: 16.8 GB."""

Reals = NDArray[np.float64]


@lru_cache(maxsize=64)
def _graph(digest: str, graph: TaskGraph) -> Graph:
    tasks, edges = graph.tasks, graph.edges
    position = graph.index
    source = np.array([position[edge.source] for edge in edges], dtype=np.int64)
    target = np.array([position[edge.target] for edge in edges], dtype=np.int64)
    size = np.array([edge.bytes for edge in edges], dtype=np.float64)
    work = np.array([task.work_instructions for task in tasks], dtype=np.float64)
    dice = np.array([_dice(work[k], size[target == k], size[source == k]) for k in range(len(tasks))])
    parent_order = np.full((len(tasks), len(tasks)), -1, dtype=np.int64)
    for k in range(len(tasks)):
        parents = source[target == k]
        parent_order[k, : len(parents)] = parents
    reads = [np.flatnonzero(target == k) for k in range(len(tasks))]
    writes = [np.flatnonzero(source == k) for k in range(len(tasks))]
    starts = np.cumsum([0, *(len(r) + len(w) for r, w in zip(reads, writes, strict=True))])
    return Graph(
        work,
        np.array([_role(graph, k) for k in range(len(tasks))], dtype=np.int64),
        source,
        target,
        size,
        np.floor(size / dice[target]) if edges else size,
        np.floor(size / dice[source]) if edges else size,
        _masks(len(tasks), target, source),
        _masks(len(tasks), source, target),
        parent_order,
        np.array([position[task] for task in graph.last_tasks.values()], dtype=np.int64),
        np.array([_takes_room(graph, k) for k in range(len(tasks))], dtype=np.int64),
        np.concatenate([part for pair in zip(reads, writes, strict=True) for part in pair]),
        starts,
        starts[:-1] + [len(r) for r in reads],
    )


def kernel_graph(graph: TaskGraph) -> Graph:
    """Return a task graph as the kernel takes it; equal graphs share the arrays, which are not to be written to.

    Raises:
        InvalidInputError: more than 64 tasks.
    """
    if len(graph.tasks) > MOST_TASKS:
        raise InvalidInputError(
            f"task graph {graph.name!r} has {len(graph.tasks)} tasks; the model takes up to {MOST_TASKS}"
        )
    return _graph(graph.digest, graph)


@lru_cache(maxsize=64)
def _prices(total_bytes: float, bits: int) -> Prices:
    table = cacti_table()
    known = max(int(sizes[-1]) for sizes in table.sizes.values()) // SIZE_STEP_BYTES
    needed = math.ceil(max(total_bytes, SMALLEST_BYTES) / SIZE_STEP_BYTES) + 1
    steps = min(needed, MOST_STEPS) if bits & ANY_SIZE else known
    return Prices(table.grid(steps, exact=not bits & ANY_SIZE), bus_j_per_byte(bits), leakage_w_per_m2(bits))


def price_table(graph: TaskGraph, bits: int) -> Prices:
    """Return what memories, buses and leakage cost under chosen repairs, for all sizes that the graph can need."""
    return _prices(math.fsum(edge.bytes for edge in graph.edges), bits)


def encode_designs(
    descriptions: Sequence[SocDescription], graph: TaskGraph, bits: int, blocks: int | None = None
) -> EncodedDesigns:
    """Return descriptions as arrays, their blocks costed under chosen repairs, see :func:`encoding.encode`.

    A PE on which only data enters and leaves has no area, unless nothing is repaired: FARSI leaves it out where that is
    one source and one sink at most.

    Raises:
        InvalidInputError: too few blocks, or too many tasks.
    """
    encoded = encode(descriptions, graph, blocks)
    for row, description in enumerate(descriptions):
        costs = [costs_of(block.type, bits) for block in description.blocks]
        encoded.work_per_joule[row, : len(costs)], encoded.area_m2[row, : len(costs)] = zip(*costs, strict=True)
        if bits:
            encoded.area_m2[row, _idle_pes(description, graph)] = 0.0
    return encoded


def _idle_pes(description: SocDescription, graph: TaskGraph) -> list[int]:
    """Return the positions of PEs that have no work."""
    working = {description.task_to_pe[task.name] for task in graph.tasks if task.work_instructions > 0}
    return [b for b, block in enumerate(description.blocks) if block.type.is_pe and block.id not in working]


def _dice(work: float, read: Reals, written: Reals) -> float:
    """Return the number of bursts of a task, 1 where some part would be cut to nothing."""
    bursts = float(read.min() // BURST_BYTES) if len(read) else 1.0
    if bursts < 1 or work // bursts < 1 or (len(written) and written.min() // bursts < 1):
        return 1.0
    return bursts


def _role(graph: TaskGraph, k: int) -> int:
    if not graph.tasks[k].dummy:
        return WORK
    return SOURCE if not graph.parents[k] else SINK if not graph.children[k] else DUMMY


def _takes_room(graph: TaskGraph, k: int) -> bool:
    return graph.tasks[k].allocates and bool(graph.children[k])


def _masks(tasks: int, of: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.uint64]:
    masks = [0] * tasks
    for k, other in zip(of.tolist(), others.tolist(), strict=True):
        masks[k] |= 1 << other
    return np.array(masks, dtype=np.uint64)
