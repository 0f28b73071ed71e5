"""The metrics of the system-on-chip model, how they follow from the kernel's results, and the laws they obey."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.audits import Audit, sum_of_parts
from simulators.evaluation import Evaluation
from simulators.metrics import Metric
from simulators.soc.budgets import budget_vector, distance_of, excess_over
from simulators.soc.kernel_costs import WINDOW_S
from simulators.soc.kernel_layout import (
    DRAM,
    GPP,
    KINDS,
    O_AREA,
    O_BUS_ENERGY,
    O_BUSIEST_PE,
    O_LATENCY,
    O_LEAKAGE_ENERGY,
    O_MAKESPAN,
    O_PE_ENERGY,
    O_PEAK_POWER,
    O_PHASES,
    O_READ_ENERGY,
    O_WRITE_ENERGY,
    SRAM,
)
from simulators.soc.task_graph import TaskGraph

Reals = NDArray[np.float64]

PJ, NS, MW, MM2 = 1e12, 1e9, 1e3, 1e6
ENERGY_PARTS: Final = (
    ("pe_energy_pj", O_PE_ENERGY, "of processors and accelerators at work"),
    ("memory_read_energy_pj", O_READ_ENERGY, "of reads from memories"),
    ("memory_write_energy_pj", O_WRITE_ENERGY, "of writes to memories"),
    ("bus_energy_pj", O_BUS_ENERGY, "of bytes over buses; 0 without the repair bus-cost"),
    ("leakage_energy_pj", O_LEAKAGE_ENERGY, "of leakage until the last task ends; 0 without the repair leakage"),
)
AREA_PARTS: Final = (
    ("gpp_area_mm2", O_AREA, "of processors that run more than where data enters and leaves"),
    ("accelerator_area_mm2", O_AREA + 1, "of accelerators"),
    ("sram_area_mm2", O_AREA + SRAM - GPP, "of SRAM, as large as the most that lies in it"),
    ("dram_area_mm2", O_AREA + DRAM - GPP, "of DRAM, as large as the most that lies in it"),
    ("bus_area_mm2", O_AREA + len(KINDS) - 2, "of buses; 0 without the repair bus-cost"),
)
HEADLINES: Final = (
    Metric("latency_ns", "ns", doc="until the last task of the workload that takes longest ends"),
    Metric("energy_pj", "pJ", doc="of all workloads together: the sum of the five parts below"),
    Metric("average_power_mw", "mW", doc="energy over makespan"),
    Metric("peak_power_mw", "mW", doc="largest average power of a window of 10 ms; budgets of power are for this"),
    Metric("area_mm2", "mm2", doc="the sum of the five parts below"),
    Metric("non_dram_area_mm2", "mm2", doc="area without DRAM; a budget of area is for this and for DRAM, each"),
)
BUDGETED: Final = (
    Metric(
        "dist_to_goal",
        "1",
        doc="sum over budgets (peak power, each latency, area without DRAM, DRAM) of the excess, 1e-9 where met",
    ),
    Metric("budgets_met", "1", "maximize", "1 if no budget is exceeded by 0.1 % or more, else 0"),
)
COUNTS: Final = (
    Metric("makespan_ns", "ns", "report", "until every task has ended"),
    Metric("busiest_pe_ns", "ns", "report", "what the busiest PE needs where nothing is shared: the least makespan"),
    Metric("phases", "1", "report", "spans of time in which rates are constant"),
)


def soc_metrics(graph: TaskGraph) -> tuple[Metric, ...]:
    """Return the metrics of designs for a task graph: one more latency for each workload where there are several.

    Without budgets there is no ``dist_to_goal``.
    """
    latencies = () if len(graph.workloads) == 1 else _latencies(graph.workloads)
    parts = tuple(Metric(name, "pJ", "report", doc) for name, _, doc in ENERGY_PARTS)
    areas = tuple(
        Metric(name, "mm2", "minimize" if name == "dram_area_mm2" else "report", doc) for name, _, doc in AREA_PARTS
    )
    budgeted = BUDGETED if graph.budgets is not None else ()
    return (HEADLINES[0], *latencies, *HEADLINES[1:], *budgeted, *parts, *areas, *COUNTS)


def latency_names(graph: TaskGraph) -> tuple[str, ...]:
    """Return the metric of each workload's latency, in the order of ``graph.workloads``."""
    if len(graph.workloads) == 1:
        return (HEADLINES[0].name,)
    return tuple(metric.name for metric in _latencies(graph.workloads))


def _latencies(workloads: Sequence[str]) -> tuple[Metric, ...]:
    found = dict[str, Metric]()
    for workload in workloads:
        word = re.sub(r"\W+", "_", workload).strip("_").lower()
        name, number = f"latency_{word}_ns", 1
        while name in found:
            number += 1
            name = f"latency_{word}_{number}_ns"
        found[name] = Metric(name, "ns", doc=f"until the last task of {workload} ends")
    return tuple(found.values())


class MetricTable:
    """The metrics of designs for a task graph, and how they are read from the kernel's results.

    Attributes:
        metrics: as :func:`soc_metrics` gives them.
    """

    def __init__(self, graph: TaskGraph) -> None:
        self.metrics = soc_metrics(graph)
        self._limits = None if graph.budgets is None else budget_vector(graph.budgets, graph.workloads)
        self._at = {metric.name: place for place, metric in enumerate(self.metrics)}
        copied = [*((name, word, PJ) for name, word, _ in ENERGY_PARTS), *((n, word, MM2) for n, word, _ in AREA_PARTS)]
        copied += [("peak_power_mw", O_PEAK_POWER, MW), ("makespan_ns", O_MAKESPAN, NS)]
        copied += [("busiest_pe_ns", O_BUSIEST_PE, NS), ("phases", O_PHASES, 1.0)]
        copied += [(name, O_LATENCY + i, NS) for i, name in enumerate(latency_names(graph))]
        self._to = np.array([self._at[name] for name, _, _ in copied])
        self._from = np.array([word for _, word, _ in copied])
        self._scale = np.array([scale for _, _, scale in copied])

    def values(self, out: Reals) -> tuple[Reals, Reals | None]:
        """Return the metrics ``[n, m]`` of kernel results ``[n, RESULTS + W]``, and by how much budgets are exceeded.

        The second is float64[n, W + 3] in the order of ``budgets.budget_vector``; None without budgets.
        """
        found, at = np.empty((len(out), len(self.metrics))), self._at
        found[:, self._to] = out[:, self._from] * self._scale
        areas, makespan_ns = out[:, O_AREA : O_AREA + len(AREA_PARTS)].sum(axis=1), found[:, at["makespan_ns"]]
        dram, latency_s = out[:, O_AREA + DRAM - GPP], out[:, O_LATENCY:]
        energy = out[:, : len(ENERGY_PARTS)].sum(axis=1) * PJ
        found[:, at["latency_ns"]] = latency_s.max(axis=1) * NS
        found[:, at["energy_pj"]] = energy
        found[:, at["average_power_mw"]] = energy / np.where(makespan_ns > 0.0, makespan_ns, np.inf)
        found[:, at["area_mm2"]] = areas * MM2
        found[:, at["non_dram_area_mm2"]] = (areas - dram) * MM2
        if self._limits is None:
            return found, None
        figures = np.empty((len(out), len(self._limits)))
        figures[:, 0], figures[:, 1:-2], figures[:, -2], figures[:, -1] = (
            out[:, O_PEAK_POWER],
            latency_s,
            areas - dram,
            dram,
        )
        excess = excess_over(self._limits, figures)
        found[:, at["dist_to_goal"]], found[:, at["budgets_met"]] = distance_of(excess)
        return found, excess


def soc_audits(repairs: Sequence[str]) -> tuple[Audit, ...]:
    """Return the laws of the metrics; ``repairs``: names in force.

    FARSI drops the last hundredth of a task's work, and its windows of power may lie beside the phases they mean.
    """
    least = 1.0 if "full-work" in repairs else 0.99
    laws = (
        sum_of_parts("energy_pj", [name for name, _, _ in ENERGY_PARTS]),
        sum_of_parts("area_mm2", [name for name, _, _ in AREA_PARTS]),
        sum_of_parts("area_mm2", ["non_dram_area_mm2", "dram_area_mm2"]),
        Audit("power-times-time", "average_power_mw x makespan_ns = energy_pj", _power_times_time),
        Audit("makespan-is-longest", "makespan_ns >= latency_ns", _no_later),
        Audit(
            "busiest-pe", "makespan_ns >= busiest_pe_ns: nothing is faster than alone", lambda e: _no_faster(e, least)
        ),
    )
    law = "peak_power_mw x the 10 ms windows that cover makespan_ns >= energy_pj"
    peak = Audit("peak-over-average", law, _peak_over_average)
    return (*laws, peak) if "true-window" in repairs else laws


_CLOSE: Final = 1e-9


def _power_times_time(e: Evaluation) -> NDArray[np.bool_]:
    energy, product = e.column("energy_pj"), e.column("average_power_mw") * e.column("makespan_ns")
    return np.asarray((np.abs(product - energy) <= _CLOSE * energy) | (e.column("makespan_ns") == 0.0))


def _no_later(e: Evaluation) -> NDArray[np.bool_]:
    return np.asarray(e.column("makespan_ns") >= e.column("latency_ns") * (1 - _CLOSE))


def _no_faster(e: Evaluation, share: float) -> NDArray[np.bool_]:
    return np.asarray(e.column("makespan_ns") >= e.column("busiest_pe_ns") * (share - _CLOSE))


def _peak_over_average(e: Evaluation) -> NDArray[np.bool_]:
    """Windows that cover the makespan hold all energy, each at most the peak's; the average itself may be above it."""
    makespan, window = e.column("makespan_ns"), WINDOW_S * NS
    covered = np.where(makespan <= window, makespan, np.ceil(makespan / window) * window)
    return np.asarray(e.column("peak_power_mw") * covered >= e.column("energy_pj") * (1 - _CLOSE))
