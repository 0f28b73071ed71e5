"""How far a design is from its budgets: FARSI's ``dist_to_goal`` in the form that ArchGym uses ("eliminate").

Compared are power, each workload's latency, area of everything but DRAM, and area of DRAM. A budget is met if the
figure exceeds it by less than 0.1 %. A budget that is met counts 1e-9, another its relative excess; the sum is the
distance, hence 4e-9 at best for one workload. Specified by FARSI's ``design_utils/design.py``.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.errors import InvalidInputError
from simulators.soc.task_graph import Budgets, TaskGraph

TOLERANCE: Final = 1e-3
MET: Final = 1e-9

Figures = NDArray[np.float64]


def budget_vector(budgets: Budgets, workloads: tuple[str, ...]) -> Figures:
    """Return float64[W + 3]: limits of power (W), each workload's latency (s), other area and DRAM area (m2)."""
    latency_s = [budgets.latency_s[name] for name in workloads]
    return np.array([budgets.power_w, *latency_s, budgets.area_m2, budgets.area_m2])


def compare_with_budgets(
    graph: TaskGraph, power_w: Figures, latency_s: Figures, area_m2: Figures, dram_area_m2: Figures
) -> tuple[Figures, NDArray[np.bool_]]:
    """Return the distances float64[n] of n designs and whether they meet every budget bool[n].

    Args:
        graph: has the budgets; without budgets the distances are NaN and no design meets them.
        power_w: float64[n].
        latency_s: float64[n, W], in the order of ``graph.workloads``.
        area_m2: float64[n], everything but DRAM.
        dram_area_m2: float64[n].

    Raises:
        InvalidInputError: figures of another shape.
    """
    n = len(power_w)
    for name, figures, shape in (
        ("power_w", power_w, (n,)),
        ("latency_s", latency_s, (n, len(graph.workloads))),
        ("area_m2", area_m2, (n,)),
        ("dram_area_m2", dram_area_m2, (n,)),
    ):
        if figures.shape != shape:
            raise InvalidInputError(f"{name} must have shape {list(shape)}, got {list(figures.shape)}")
    if graph.budgets is None:
        return np.full(n, np.nan), np.zeros(n, dtype=bool)
    figures = np.column_stack([power_w, latency_s, area_m2, dram_area_m2])
    return distance_of(excess_over(budget_vector(graph.budgets, graph.workloads), figures))


def excess_over(limits: Figures, figures: Figures) -> Figures:
    """Return by which share figures[n, W + 3] exceed the limits of :func:`budget_vector`; below 0 where they do not."""
    return np.asarray((figures - limits) / limits)


def distance_of(excess: Figures) -> tuple[Figures, NDArray[np.bool_]]:
    """Return the distances float64[n] and whether every budget is met bool[n], from float64[n, W + 3]."""
    met = excess < TOLERANCE
    distance = np.zeros(len(excess))
    for column in np.where(met, MET, np.abs(excess)).T:
        distance += column
    return distance, np.asarray(met.all(axis=1))
