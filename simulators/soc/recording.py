"""One simulated chip in full: when each task ran, what limited it, what it took, what memories held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.errors import InvalidInputError
from simulators.soc._hints import REFUSALS
from simulators.soc.cacti import SIZE_STEP_BYTES, built_bytes, cacti_table
from simulators.soc.description import SocDescription
from simulators.soc.encoding import EncodedDesigns
from simulators.soc.kernel import record_design
from simulators.soc.kernel_layout import DRAM, NO_CACTI, O_PHASES, OK, RESULTS, SRAM
from simulators.soc.kernel_state import MOST_PHASES, Prices
from simulators.soc.kernel_traffic import Graph
from simulators.soc.task_graph import TaskGraph

Reals = NDArray[np.float64]


@dataclass(frozen=True)
class TaskRecord:
    """A task of a simulated chip.

    Attributes:
        ready_s: when its last parent ended.
        start_s: when its PE took it up.
        end_s: when it was complete.
        energy_j: of its PE and of the memories it read and wrote; without buses and leakage.
        pe: id of the block it ran on.
        limit: id of the block that limited it in its longest phase.
    """

    ready_s: float
    start_s: float
    end_s: float
    energy_j: float
    pe: str
    limit: str


@dataclass(frozen=True, eq=False)
class Recording:
    """A simulated chip.

    Attributes:
        tasks: task -> what became of it.
        peak_bytes: memory -> most bytes held at the same time.
        moved_bytes: what each task reads and writes through each block, float64[T, B, 2]; of the work that was done.
        done_work: instructions that were done of each task, float64[T]; mode ``farsi`` drops the last hundredth.
        phase_s: length of each phase, float64[p]; none is 0.
        phase_j: its energy.
        results: the kernel's, float64[RESULTS + W], see ``kernel_layout``.
    """

    tasks: Mapping[str, TaskRecord]
    peak_bytes: Mapping[str, float]
    moved_bytes: Reals
    done_work: Reals
    phase_s: Reals
    phase_j: Reals
    results: Reals


def record_chip(
    chip: SocDescription, graph: TaskGraph, arrays: Graph, encoded: EncodedDesigns, prices: Prices, bits: int
) -> Recording:
    """Simulate one chip, encoded as a batch of one, and keep the simulation.

    Raises:
        InvalidInputError: a chip that cannot be simulated, or a memory whose size has no figures.
    """
    count, blocks = len(graph.tasks), encoded.kind.shape[1]
    results, phases = np.zeros(RESULTS + len(graph.workloads)), np.zeros((MOST_PHASES, 2))
    tasks, limits = np.zeros((count, 3)), np.zeros(count, np.int64)
    peaks, moved = np.zeros(blocks), np.zeros((count, blocks, 2))
    design = (encoded.kind, encoded.rate, encoded.work_per_joule, encoded.area_m2, encoded.adjacency)
    mapping = (encoded.task_pe, encoded.edge_memory, task_orders(encoded.priority))
    inputs = (array[0] for array in (*design, *mapping))
    status = record_design(arrays, *inputs, prices, bits, results, tasks, limits, peaks, phases, moved)
    held = {b.id: float(peaks[i]) for i, b in enumerate(chip.blocks) if b.type.is_memory}
    if status != OK:
        raise InvalidInputError(_refusal(status, chip, held))
    done = arrays.work - tasks[:, 2]
    moved *= np.divide(done, arrays.work, out=np.zeros_like(done), where=arrays.work > 0.0)[:, None, None]
    energy = _task_energy(done, encoded, prices, peaks, moved)
    lasting = phases[:, 0] > 0.0
    lasting &= np.cumsum(lasting) <= int(results[O_PHASES])
    records = {
        task.name: TaskRecord(
            max((float(tasks[p, 1]) for p in graph.parents[k]), default=0.0),
            float(tasks[k, 0]),
            float(tasks[k, 1]),
            float(energy[k]),
            chip.blocks[encoded.task_pe[0, k]].id,
            chip.blocks[limits[k]].id,
        )
        for k, task in enumerate(graph.tasks)
    }
    return Recording(records, held, moved, done, phases[lasting, 0], phases[lasting, 1], results)


def task_orders(priority: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return the tasks in the order of their priorities, ``[n, T]``; ``[1, T]`` where one row is broadcast to all."""
    rows = priority[:1] if len(priority) and priority.strides[0] == 0 else priority
    orders = np.empty(rows.shape, dtype=np.int8)
    np.put_along_axis(orders, rows.astype(np.int64), np.arange(rows.shape[1], dtype=np.int8)[None, :], axis=1)
    return orders


def _task_energy(done: Reals, encoded: EncodedDesigns, prices: Prices, peaks: Reals, moved: Reals) -> Reals:
    energy = done / encoded.work_per_joule[0, encoded.task_pe[0]]
    for b, kind in enumerate(encoded.kind[0].tolist()):
        if kind in (SRAM, DRAM):
            figures = prices.memory[kind - SRAM, int(built_bytes(peaks[b])) // SIZE_STEP_BYTES - 1]
            energy += moved[:, b] @ figures[:2]
    return energy


def _refusal(status: int, chip: SocDescription, held: Mapping[str, float]) -> str:
    if status != NO_CACTI:
        return REFUSALS[status]
    reasons = ((block, cacti_table().refusal(chip.block(block).type.kind, size)) for block, size in held.items())
    return next((f"{block}: {reason}" for block, reason in reasons if reason), "a memory has no figures")
