"""The model of a system-on-chip for one task graph: designs as arrays or descriptions -> metrics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from simulators.audits import run_audits
from simulators.evaluation import Evaluation
from simulators.soc._hints import hint_texts, refusals
from simulators.soc._metrics import MetricTable, latency_names, soc_audits
from simulators.soc.description import SocDescription, check_description, effective
from simulators.soc.design_arrays import encode_designs, kernel_graph, price_table
from simulators.soc.encoding import EncodedDesigns
from simulators.soc.kernel import run_designs
from simulators.soc.kernel_layout import HINTS, RESULTS
from simulators.soc.modes import chosen_repairs, repair_bits
from simulators.soc.recording import Recording, record_chip, task_orders
from simulators.soc.task_graph import TaskGraph

NAME: Final = "soc"
_PARTS_PER_THREAD: Final = 4


@dataclass(frozen=True)
class Simulated:
    """What the kernel says of ``n`` designs for ``W`` workloads.

    Attributes:
        results: float64[n, RESULTS + W], see ``kernel_layout``; without meaning where ``status`` is not OK.
        hints: int64[n, HINTS + 2 W].
        status: int64[n].
    """

    results: NDArray[np.float64]
    hints: NDArray[np.int64]
    status: NDArray[np.int64]


class SocModel:
    """FARSI's model, or that with its defects repaired, for one task graph.

    Args:
        graph: what runs on the designs.
        mode: ``"default"``, or ``"farsi"``: FARSI's semantics, see :mod:`simulators.soc.modes`.
        repairs: which of the reference's defects mode ``default`` repairs, as names or one comma-separated text; None
            for all.
        threads: threads a batch is spread over; does not change results.

    Attributes:
        metrics: what is measured; they depend on the graph's workloads and budgets.
        latency_names: the metric of each workload's latency.
        audits: the laws that metrics obey.
        bits: the repairs as the kernel knows them.

    Raises:
        UnknownNameError: an unknown mode or repair.
        InvalidInputError: a graph of more than 64 tasks.
    """

    def __init__(
        self, graph: TaskGraph, mode: str = "default", repairs: str | Sequence[str] | None = None, threads: int = 1
    ) -> None:
        self.graph, self.mode, self.repairs = graph, mode, chosen_repairs(mode, repairs)
        self.threads, self.bits = threads, repair_bits(self.repairs)
        self._table = MetricTable(graph)
        self.metrics, self.audits = self._table.metrics, soc_audits(self.repairs)
        self.latency_names = latency_names(graph)
        self._graph, self._prices = kernel_graph(graph), price_table(graph, self.bits)

    def settings(self) -> dict[str, Any]:
        """Return what decides the numbers, beside the graph."""
        return {"mode": self.mode, "repairs": list(self.repairs)}

    def evaluate(
        self,
        designs: EncodedDesigns,
        block_groups: Sequence[str] | NDArray[np.str_],
        task_groups: Sequence[str] | None = None,
    ) -> Evaluation:
        """Return the evaluation of ``n`` designs whose blocks were costed under this model's repairs.

        Args:
            designs: as :func:`~simulators.soc.design_arrays.encode_designs` gives them; ``priority`` may be one row
                broadcast to all.
            block_groups: what the diagnostics call each block, ``[B]`` or ``[n, B]``.
            task_groups: what they call each task; its name by default.

        Returns:
            Diagnostics, texts ``[n]``, empty where there is none: ``hottest_task``; ``bottleneck_latency``, what limits
            it, or the task itself where that is its PE; ``bottleneck_power``; ``bottleneck_area``; and
            ``bottleneck``, that of the budget which is exceeded most (of latency without budgets).
        """
        found = self.simulate(designs)
        groups = np.asarray(block_groups)
        tasks = self._task_names if task_groups is None else np.asarray(task_groups)
        why = refusals(found.status, found.hints, designs.kind, groups)
        if why is None:
            values, excess = self._table.values(found.results)
            return Evaluation.of_valid(
                self.metrics, values, hint_texts(found.hints, excess, designs.kind, groups, tasks)
            )
        valid = why == ""
        values = np.full((len(why), len(self.metrics)), np.nan)
        values[valid], excess = self._table.values(found.results[valid])
        some = groups if groups.ndim == 1 else groups[valid]
        hints = dict[str, NDArray[np.str_]]()
        for name, texts in hint_texts(found.hints[valid], excess, designs.kind[valid], some, tasks).items():
            hints[name] = np.full(len(why), "", dtype=texts.dtype)
            hints[name][valid] = texts
        return Evaluation(self.metrics, values, valid, tuple(why.tolist()), hints)

    def simulate(self, designs: EncodedDesigns) -> Simulated:
        """Return the kernel's results of ``n`` designs, on as many threads as the model has."""
        n, workloads = len(designs), len(self.graph.workloads)
        found = Simulated(
            np.zeros((n, RESULTS + workloads)), np.full((n, HINTS + 2 * workloads), -1), np.zeros(n, np.int64)
        )
        orders = task_orders(designs.priority)
        if self.threads <= 1 or n < 2:
            self._run(slice(0, n), designs, orders, found)
            return found
        size = max(1, math.ceil(n / (_PARTS_PER_THREAD * self.threads)))
        parts = [slice(first, first + size) for first in range(0, n, size)]
        with ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(lambda part: self._run(part, designs, orders, found), parts))
        return found

    def _run(self, rows: slice, d: EncodedDesigns, orders: NDArray[np.int8], found: Simulated) -> None:
        blocks = (d.kind[rows], d.rate[rows], d.work_per_joule[rows], d.area_m2[rows], d.adjacency[rows])
        mapping = (d.task_pe[rows], d.edge_memory[rows], orders if len(orders) == 1 else orders[rows])
        results = (found.results[rows], found.hints[rows], found.status[rows])
        run_designs(self._graph, *blocks, *mapping, self._prices, self.bits, *results)

    def as_simulated(self, description: SocDescription) -> SocDescription:
        """Return a chip as it is simulated: mode ``farsi`` prunes it and orders its tasks unless it has an order.

        Raises:
            InvalidInputError, UnknownNameError: the graph cannot run on it.
        """
        if self.mode == "farsi" and not description.kernel_order:
            return effective(description, self.graph)
        check_description(description, self.graph)
        return description

    def evaluate_descriptions(self, descriptions: Sequence[SocDescription]) -> Evaluation:
        """Return the evaluation of chips, audited; diagnostics name blocks by their ids.

        Raises:
            InvalidInputError, UnknownNameError: the graph cannot run on one of them.
            AuditError: the results break a law of the model.
        """
        chips = [self.as_simulated(description) for description in descriptions]
        encoded = encode_designs(chips, self.graph, self.bits)
        ids = [[block.id for block in chip.blocks] for chip in chips]
        groups = np.array([row + [""] * (encoded.kind.shape[1] - len(row)) for row in ids])
        evaluation = self.evaluate(encoded, groups)
        run_audits(self.audits, evaluation, NAME)
        return evaluation

    @cached_property
    def _task_names(self) -> NDArray[np.str_]:
        return np.array([task.name for task in self.graph.tasks])

    def record(self, description: SocDescription) -> Recording:
        """Return the simulation of a chip, task by task and phase by phase.

        Raises:
            InvalidInputError: the graph cannot run on it, or it has no figures for a memory's size.
        """
        chip = self.as_simulated(description)
        encoded = encode_designs([chip], self.graph, self.bits)
        return record_chip(chip, self.graph, self._graph, encoded, self._prices, self.bits)
