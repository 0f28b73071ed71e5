"""Descriptions as the arrays that the kernel takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.errors import InvalidInputError
from simulators.soc.block_library import BLOCK_KINDS
from simulators.soc.description import MOST_BLOCKS, SocDescription
from simulators.soc.task_graph import TaskGraph

KIND_CODES = {kind: code for code, kind in enumerate(BLOCK_KINDS, start=1)}
"""Kind of block -> its number in :class:`EncodedDesigns`; 0 is no block."""


@dataclass(frozen=True, eq=False)
class EncodedDesigns:
    """``n`` designs of up to ``B`` blocks for a graph of ``T`` tasks and ``E`` edges.

    Attributes:
        kind: int8[n, B]: 0 none, 1 gpp, 2 ip, 3 sram, 4 dram, 5 bus.
        rate: float64[n, B]: instructions/s of PEs, bytes/s of others; 0 where there is no block.
        work_per_joule: float64[n, B]: instructions/J of PEs, infinite for others.
        area_m2: float64[n, B]; 0 for memories, whose area depends on what they hold.
        adjacency: uint64[n, B]: bit j of block i says that they are linked; symmetric.
        task_pe: int8[n, T]: block on which a task runs.
        edge_memory: int8[n, E]: block in which an edge lies.
        priority: int8[n, T]: place of a task in the kernel order, 0 first.
    """

    kind: NDArray[np.int8]
    rate: NDArray[np.float64]
    work_per_joule: NDArray[np.float64]
    area_m2: NDArray[np.float64]
    adjacency: NDArray[np.uint64]
    task_pe: NDArray[np.int8]
    edge_memory: NDArray[np.int8]
    priority: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.kind)


def encode(descriptions: Sequence[SocDescription], graph: TaskGraph, blocks: int | None = None) -> EncodedDesigns:
    """Return designs as arrays, blocks in the order of each description.

    The descriptions must have passed :func:`~simulators.soc.description.check_description`; nothing is pruned here, see
    :func:`~simulators.soc.description.effective`. Without a ``kernel_order`` the graph's order of tasks is taken.

    Args:
        descriptions: n designs.
        graph: what runs on them.
        blocks: ``B``; by default as many as the largest design has.

    Raises:
        InvalidInputError: fewer ``blocks`` than a design has, or more than 64; more than 127 tasks.
    """
    largest = max((len(d.blocks) for d in descriptions), default=1)
    width = largest if blocks is None else blocks
    if not largest <= width <= MOST_BLOCKS:
        raise InvalidInputError(f"expected {largest} to {MOST_BLOCKS} blocks for these designs, got {width}")
    if len(graph.tasks) > np.iinfo(np.int8).max:
        raise InvalidInputError(f"task graph {graph.name!r} has {len(graph.tasks)} tasks; expected up to 127")
    encoded = _empty(len(descriptions), width, graph)
    for row, description in enumerate(descriptions):
        _fill_blocks(encoded, row, description)
        _fill_mapping(encoded, row, description, graph)
    return encoded


def _empty(n: int, width: int, graph: TaskGraph) -> EncodedDesigns:
    tasks, edges = len(graph.tasks), len(graph.edges)
    return EncodedDesigns(
        kind=np.zeros((n, width), dtype=np.int8),
        rate=np.zeros((n, width)),
        work_per_joule=np.full((n, width), np.inf),
        area_m2=np.zeros((n, width)),
        adjacency=np.zeros((n, width), dtype=np.uint64),
        task_pe=np.zeros((n, tasks), dtype=np.int8),
        edge_memory=np.zeros((n, edges), dtype=np.int8),
        priority=np.zeros((n, tasks), dtype=np.int8),
    )


def _fill_blocks(encoded: EncodedDesigns, row: int, description: SocDescription) -> None:
    types = [block.type for block in description.blocks]
    count = len(types)
    encoded.kind[row, :count] = [KIND_CODES[block.kind] for block in types]
    encoded.rate[row, :count] = [block.rate for block in types]
    encoded.work_per_joule[row, :count] = [block.work_per_joule for block in types]
    encoded.area_m2[row, :count] = [block.area_m2 for block in types]
    masks = [0] * count
    for a, b in ((description.index[a], description.index[b]) for a, b in description.links):
        masks[a] |= 1 << b
        masks[b] |= 1 << a
    encoded.adjacency[row, :count] = np.array(masks, dtype=np.uint64)


def _fill_mapping(encoded: EncodedDesigns, row: int, description: SocDescription, graph: TaskGraph) -> None:
    index = description.index
    encoded.task_pe[row] = [index[description.task_to_pe[task.name]] for task in graph.tasks]
    if graph.edges:
        encoded.edge_memory[row] = [index[description.edge_to_memory[edge.name]] for edge in graph.edges]
    rank = {task: place for place, task in enumerate(description.kernel_order or graph.index)}
    encoded.priority[row] = [rank[task.name] for task in graph.tasks]
