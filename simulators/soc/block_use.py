"""What each block of a simulated chip did: how busy it was, what went through it, what it took."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.soc.block_library import BlockType
from simulators.soc.cacti import SIZE_STEP_BYTES, built_bytes
from simulators.soc.description import SocDescription
from simulators.soc.design_arrays import kernel_graph
from simulators.soc.encoding import EncodedDesigns
from simulators.soc.kernel_layout import SINK, SOURCE, SRAM
from simulators.soc.kernel_state import Prices
from simulators.soc.recording import Recording
from simulators.soc.task_graph import TaskGraph

_MM2: Final = 1e6
_PJ: Final = 1e12


@dataclass(frozen=True)
class BlockUse:
    """A block and what it did.

    Attributes:
        id, type: as in the description.
        tasks: tasks with work that it ran, in the order in which they started; of PEs.
        utilisation: PEs: share of the makespan in which a task was on it. Memories and buses: bytes over what their
            rate moves in the makespan, of the direction, and of a bus's ways out, that had most.
        read_bytes, written_bytes: through it; 0 of PEs.
        peak_bytes: most that lay in it at the same time; of memories.
        energy_pj: without leakage.
        area_mm2: its share of the chip's.
        limited: tasks that it limited in their longest phase.
    """

    id: str
    type: BlockType
    tasks: tuple[str, ...]
    utilisation: float
    read_bytes: float
    written_bytes: float
    peak_bytes: float
    energy_pj: float
    area_mm2: float
    limited: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Simulated:
    """One chip, what it was simulated as (a batch of one), and the simulation."""

    chip: SocDescription
    graph: TaskGraph
    encoded: EncodedDesigns
    prices: Prices
    record: Recording


def block_uses(s: Simulated) -> tuple[BlockUse, ...]:
    """Return what each block did, in the order of the chip's blocks."""
    makespan_s = float(s.record.phase_s.sum())
    busiest = _busiest_ways_out(s)
    return tuple(_block_use(s, b, makespan_s, busiest[b]) for b in range(len(s.chip.blocks)))


def _block_use(s: Simulated, b: int, makespan_s: float, busiest_bytes: float) -> BlockUse:
    block, records = s.chip.blocks[b], s.record.tasks
    working = [task.name for task in s.graph.tasks if task.work_instructions > 0]
    hosted = sorted((name for name in working if records[name].pe == block.id), key=lambda name: records[name].start_s)
    busy, capacity = busiest_bytes, block.type.rate * makespan_s
    if block.type.is_pe:
        busy, capacity = sum(records[name].end_s - records[name].start_s for name in hosted), makespan_s
    read, written = s.record.moved_bytes[:, b].sum(axis=0).tolist()
    return BlockUse(
        block.id,
        block.type,
        tuple(hosted),
        busy / capacity if capacity else 0.0,
        read,
        written,
        s.record.peak_bytes.get(block.id, 0.0),
        _energy_pj(s, b, read, written),
        _area_mm2(s, b),
        tuple(name for name in working if records[name].limit == block.id),
    )


def _busiest_ways_out(s: Simulated) -> list[float]:
    """Return the bytes of each memory's busier direction, and of the busiest way out of each bus."""
    through = dict[tuple[int, int, int], float]()
    for k, task in enumerate(s.graph.tasks):
        moved = s.record.moved_bytes[k]
        before = _ways(s.chip, s.chip.task_to_pe[task.name])
        for b, direction in np.argwhere(moved > 0.0).tolist():
            senders = {before[b], b} if s.chip.blocks[b].type.is_memory else {before[b]}
            for sender in senders:
                way = (sender, b, direction)
                through[way] = through.get(way, 0.0) + float(moved[b, direction])
    return [
        max((size for (sender, _, _), size in through.items() if sender == b), default=0.0)
        for b in range(len(s.chip.blocks))
    ]


def _ways(chip: SocDescription, pe: str) -> list[int]:
    """Return for each block the one before it on the shortest way from a PE; of equal ways that over first blocks."""
    near = [sorted(chip.index[other] for other in chip.neighbours[block.id]) for block in chip.blocks]
    before, start = [-1] * len(chip.blocks), chip.index[pe]
    before[start] = start
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        for b in near[here] if here == start or chip.blocks[here].role == "bus" else ():
            if before[b] < 0:
                before[b] = here
                waiting.append(b)
    return before


def _energy_pj(s: Simulated, b: int, read_bytes: float, written_bytes: float) -> float:
    block = s.chip.blocks[b]
    if block.type.is_pe:
        done = s.record.done_work[s.encoded.task_pe[0] == b].sum()
        return float(done / s.encoded.work_per_joule[0, b] * _PJ)
    if block.type.is_memory:
        per_read, per_write, _ = _memory_figures(s, b).tolist()
        return float((read_bytes * per_read + written_bytes * per_write) * _PJ)
    return float((read_bytes + written_bytes) * s.prices.bus_j_per_byte * _PJ)


def _area_mm2(s: Simulated, b: int) -> float:
    block = s.chip.blocks[b]
    if block.type.is_memory:
        is_used = block.id in s.chip.edge_to_memory.values()
        return float(_memory_figures(s, b)[2]) * _MM2 if is_used else 0.0
    if block.type.is_pe and _has_no_area(s, b):
        return 0.0
    return float(s.encoded.area_m2[0, b]) * _MM2


def _memory_figures(s: Simulated, b: int) -> NDArray[np.float64]:
    """Return J per byte read and written, and m2, of a memory as large as it must be."""
    size = built_bytes(s.record.peak_bytes[s.chip.blocks[b].id])
    return np.asarray(s.prices.memory[int(s.encoded.kind[0, b]) - SRAM, int(size) // SIZE_STEP_BYTES - 1])


def _has_no_area(s: Simulated, b: int) -> bool:
    """Return whether a PE runs nothing, or only a source and a sink, which FARSI takes for no area."""
    roles = kernel_graph(s.graph).role[s.encoded.task_pe[0] == b].tolist()
    return not roles or sorted(roles) in ([SOURCE], [SINK], sorted([SOURCE, SINK]))
