"""What a simulated chip did, block by block and task by task: for pictures and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.audits import run_audits
from simulators.errors import InvalidInputError
from simulators.soc.block_use import BlockUse, Simulated, block_uses
from simulators.soc.budgets import TOLERANCE
from simulators.soc.description import SocDescription
from simulators.soc.design_arrays import encode_designs, kernel_graph, price_table
from simulators.soc.model import NAME, SocModel
from simulators.soc.recording import TaskRecord, record_chip
from simulators.soc.task_graph import TaskGraph

AIMS: Final = ("latency", "power", "area")
_MM2: Final = 1e6


@dataclass(frozen=True)
class BudgetLine:
    """A figure against its budget: ``value`` and ``limit`` in ``unit``."""

    name: str
    value: float
    limit: float
    unit: str

    @property
    def met(self) -> bool:
        """Whether the budget is exceeded by less than 0.1 %."""
        return (self.value - self.limit) / self.limit < TOLERANCE


@dataclass(frozen=True, eq=False)
class ChipReport:
    """A simulated chip.

    Attributes:
        graph, mode, repairs: what ran on it, and under which semantics.
        chip: as it was simulated; mode ``farsi`` leaves useless buses out.
        blocks: in the order of ``chip.blocks``.
        tasks: of those with work: when and where they ran.
        phase_s, phase_w: length and average power of each phase, float64[p].
        metrics: the model's.
        bottlenecks: ``latency``, ``power`` and ``area`` -> block that has most of it; those that there are.
        bottleneck: the block of the budget that is exceeded most (of latency where there are none).
        budgets: none where the graph has none.
    """

    graph: TaskGraph
    mode: str
    repairs: tuple[str, ...]
    chip: SocDescription
    blocks: tuple[BlockUse, ...]
    tasks: Mapping[str, TaskRecord]
    phase_s: NDArray[np.float64]
    phase_w: NDArray[np.float64]
    metrics: Mapping[str, float]
    bottlenecks: Mapping[str, str]
    bottleneck: str
    budgets: tuple[BudgetLine, ...]

    @property
    def makespan_s(self) -> float:
        """From the first task's start to the last one's end."""
        return float(self.phase_s.sum())


def report_chip(description: SocDescription, model: SocModel) -> ChipReport:
    """Simulate a chip and say what it did.

    A PE on which only data enters and leaves has no area, unless nothing is repaired (``modes``): as in the design
    spaces.

    Raises:
        InvalidInputError, UnknownNameError: the graph cannot run on it, or a memory's size has no figures.
        AuditError: the results break a law of the model.
    """
    chip = model.as_simulated(description)
    graph, prices = model.graph, price_table(model.graph, model.bits)
    encoded = encode_designs([chip], graph, model.bits)
    hosts = [chip.task_to_pe[task.name] for task in graph.tasks]
    evaluation = model.evaluate(encoded, np.array(list(chip.index)), hosts)
    if not evaluation.valid[0]:
        raise InvalidInputError(evaluation.reason[0])
    run_audits(model.audits, evaluation, NAME)
    record = record_chip(chip, graph, kernel_graph(graph), encoded, prices, model.bits)
    metrics = {m.name: float(v) for m, v in zip(evaluation.metrics, evaluation.values[0], strict=True)}
    hints = {name: str(texts[0]) for name, texts in evaluation.diagnostics.items()}
    tasks = {task.name: record.tasks[task.name] for task in graph.tasks if task.work_instructions > 0}
    return ChipReport(
        graph,
        model.mode,
        tuple(model.repairs),
        chip,
        block_uses(Simulated(chip, graph, encoded, prices, record)),
        tasks,
        record.phase_s,
        record.phase_j / record.phase_s,
        metrics,
        {aim: hints[f"bottleneck_{aim}"] for aim in AIMS if hints[f"bottleneck_{aim}"]},
        hints["bottleneck"],
        _budgets(graph, model.latency_names, metrics),
    )


def _budgets(graph: TaskGraph, latencies: Sequence[str], metrics: Mapping[str, float]) -> tuple[BudgetLine, ...]:
    if graph.budgets is None:
        return ()
    several = len(graph.workloads) > 1
    limits = [graph.budgets.latency_s[workload] for workload in graph.workloads]
    lines = [
        BudgetLine(f"latency of {workload}" if several else "latency", metrics[name] * 1e-6, limit * 1e3, "ms")
        for workload, name, limit in zip(graph.workloads, latencies, limits, strict=True)
    ]
    area = graph.budgets.area_m2 * _MM2
    return (
        *lines,
        BudgetLine("peak power", metrics["peak_power_mw"], graph.budgets.power_w * 1e3, "mW"),
        BudgetLine("area without DRAM", metrics["non_dram_area_mm2"], area, "mm2"),
        BudgetLine("area of DRAM", metrics["dram_area_mm2"], area, "mm2"),
    )
