"""The metrics of the memory-controller simulator, how they follow from kernel outputs, and the laws they obey."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.audits import Audit
from simulators.evaluation import Evaluation
from simulators.memory.energy import ENERGY_PARTS, energy_matrix
from simulators.memory.kernel_codes import (
    O_ACT,
    O_ACTIVE_CYCLES,
    O_LATENCY,
    O_LATENCY_ACCEPT,
    O_LATENCY_ARRIVAL,
    O_MAKESPAN,
    O_MAX,
    O_MEDIAN,
    O_P95,
    O_PRE,
    O_PREA,
    O_PRECHARGED_CYCLES,
    O_RD,
    O_RDA,
    O_REFA,
    O_ROW_MISSES,
    O_WR,
    O_WRA,
    OUTPUT_COLUMNS,
)
from simulators.memory.specification import MemorySpecification
from simulators.metrics import Metric

METRICS: Final = (
    Metric("makespan_ns", "ns", doc="from cycle 0 to the answer of the last request"),
    Metric("average_latency_ns", "ns", doc="mean, from the front end sending a request to its answer"),
    Metric("average_latency_from_accept_ns", "ns", doc="mean, from a request's acceptance to its answer"),
    Metric("average_latency_from_arrival_ns", "ns", doc="mean, from a request's time in the trace to its answer"),
    Metric("median_latency_ns", "ns", doc="median, from sending; element floor(n/2) of the sorted latencies"),
    Metric("p95_latency_ns", "ns", doc="95th percentile, from sending; element floor(0.95 n), counted from 0"),
    Metric("max_latency_ns", "ns", doc="largest, from sending"),
    Metric("energy_pj", "pJ", doc="DRAM energy over the accounted time"),
    Metric("average_power_mw", "mW", doc="energy over accounted time"),
    Metric("bandwidth_gbit_per_s", "Gbit/s", "maximize", "bits moved over makespan"),
    Metric("row_hits", "1", "maximize", "requests that found their row open"),
    Metric("row_misses", "1", doc="requests that found their bank closed"),
    Metric("row_conflicts", "1", doc="requests that found another row open"),
    Metric("requests", "1", "report", "requests of the workload"),
    Metric("activate_commands", "1", "report", "ACT"),
    Metric("precharge_commands", "1", "report", "PRE of one bank, auto-precharges not counted"),
    Metric("precharge_all_commands", "1", "report", "PREA"),
    Metric("read_commands", "1", "report", "RD and RDA"),
    Metric("write_commands", "1", "report", "WR and WRA"),
    Metric("read_auto_precharge_commands", "1", "report", "RDA"),
    Metric("write_auto_precharge_commands", "1", "report", "WRA"),
    Metric("refresh_commands", "1", "report", "REFA"),
    Metric("activate_energy_pj", "pJ", "report", "of ACT commands"),
    Metric("precharge_energy_pj", "pJ", "report", "of precharges of all kinds"),
    Metric("read_energy_pj", "pJ", "report", "of read bursts"),
    Metric("write_energy_pj", "pJ", "report", "of write bursts"),
    Metric("refresh_energy_pj", "pJ", "report", "of refreshes"),
    Metric("active_background_energy_pj", "pJ", "report", "of standby with a bank open"),
    Metric("precharged_background_energy_pj", "pJ", "report", "of standby with all banks closed"),
    Metric("accounted_time_ns", "ns", "report", "time that energy and power refer to"),
    Metric("active_time_ns", "ns", "report", "accounted time with a bank open"),
    Metric("precharged_time_ns", "ns", "report", "accounted time with all banks closed"),
)
_AT: Final = {metric.name: position for position, metric in enumerate(METRICS)}

_TIMES: Final[Mapping[str, tuple[int, ...]]] = {
    "makespan_ns": (O_MAKESPAN,),
    "average_latency_ns": (O_LATENCY,),
    "average_latency_from_accept_ns": (O_LATENCY_ACCEPT,),
    "average_latency_from_arrival_ns": (O_LATENCY_ARRIVAL,),
    "median_latency_ns": (O_MEDIAN,),
    "p95_latency_ns": (O_P95,),
    "max_latency_ns": (O_MAX,),
    "accounted_time_ns": (O_ACTIVE_CYCLES, O_PRECHARGED_CYCLES),
    "active_time_ns": (O_ACTIVE_CYCLES,),
    "precharged_time_ns": (O_PRECHARGED_CYCLES,),
}
_COUNTS: Final[Mapping[str, tuple[int, ...]]] = {
    "activate_commands": (O_ACT,),
    "precharge_commands": (O_PRE,),
    "precharge_all_commands": (O_PREA,),
    "read_commands": (O_RD, O_RDA),
    "write_commands": (O_WR, O_WRA),
    "read_auto_precharge_commands": (O_RDA,),
    "write_auto_precharge_commands": (O_WRA,),
    "refresh_commands": (O_REFA,),
    "row_conflicts": (O_PRE,),
}
_LATENCIES: Final = [
    _AT[name] for name in ("median_latency_ns", "p95_latency_ns", "max_latency_ns", "makespan_ns", "average_latency_ns")
]
_ROWS: Final = [
    _AT[name] for name in ("row_hits", "row_misses", "row_conflicts", "activate_commands", "precharge_commands")
]
_AVERAGES: Final = slice(_AT["average_latency_ns"], _AT["average_latency_from_arrival_ns"] + 1)


def metrics_matrix(specification: MemorySpecification) -> NDArray[np.float64]:
    """Return the linear part of outputs -> metrics, ``[len(OUTPUT_COLUMNS), len(METRICS)]``.

    Means still lack the division by the number of requests; power, bandwidth and hits are added by
    :func:`metric_values`.
    """
    matrix = np.zeros((len(OUTPUT_COLUMNS), len(METRICS)))
    for name, outputs in _TIMES.items():
        matrix[list(outputs), _AT[name]] = specification.cycle_ns
    for name, outputs in _COUNTS.items():
        matrix[list(outputs), _AT[name]] = 1.0
    # Every miss or conflict is a first CAS after an ACT; conflicts are those whose ACT followed a PRE.
    matrix[O_ROW_MISSES, _AT["row_misses"]], matrix[O_PRE, _AT["row_misses"]] = 1.0, -1.0
    matrix[O_ROW_MISSES, _AT["row_hits"]] = -1.0
    if specification.currents_ma:
        energy = energy_matrix(specification)
        matrix[:, [_AT[part] for part in ENERGY_PARTS]] = energy
        matrix[:, _AT["energy_pj"]] = energy.sum(axis=1)
    return matrix


def metric_values(
    outputs: NDArray[np.int64], matrix: NDArray[np.float64], requests: int, specification: MemorySpecification
) -> NDArray[np.float64]:
    """Return the metrics ``[n, len(METRICS)]`` of kernel outputs; energies are NaN without currents."""
    values = outputs.astype(np.float64) @ matrix
    values[:, _AVERAGES] /= requests
    values[:, _AT["row_hits"]] += requests
    values[:, _AT["requests"]] = requests
    bits = 8.0 * specification.burst_bytes * requests
    values[:, _AT["bandwidth_gbit_per_s"]] = bits / values[:, _AT["makespan_ns"]]
    if not specification.currents_ma:
        values[:, [_AT[part] for part in ("energy_pj", *ENERGY_PARTS)]] = np.nan
    values[:, _AT["average_power_mw"]] = values[:, _AT["energy_pj"]] / values[:, _AT["accounted_time_ns"]]
    return values


def audits(specification: MemorySpecification) -> tuple[Audit, ...]:
    """Return the laws of a memory; those about energy where it has currents."""
    peak = specification.peak_bandwidth_gbit_per_s
    laws = (
        _below("bandwidth_gbit_per_s", peak, "no more bits than the data bus can carry"),
        _sum_law("requests", ("read_commands", "write_commands")),
        _sum_law("requests", ("row_hits", "row_misses", "row_conflicts")),
        _sum_law("accounted_time_ns", ("active_time_ns", "precharged_time_ns")),
        Audit("latencies-in-order", "0 < median <= p95 <= maximum <= makespan, and mean <= maximum", _latencies_hold),
        Audit("rows-are-opened", "misses, conflicts and PRE need an ACT each; no count is negative", _rows_hold),
    )
    if not specification.currents_ma:
        return laws
    return (*laws, _sum_law("energy_pj", ENERGY_PARTS), _POWER)


def _below(metric: str, bound: float, law: str) -> Audit:
    column, limit = _AT[metric], bound * (1 + 1e-12)
    return Audit(f"{metric}-bounded", law, lambda evaluation: evaluation.values[:, column] <= limit)


def _sum_law(total: str, parts: tuple[str, ...]) -> Audit:
    """Return the audit ``total = sum(parts)``, to 1e-9 of the total."""
    columns = [_AT[part] for part in parts]
    whole = _AT[total]

    def holds(evaluation: Evaluation) -> np.ndarray:
        values = evaluation.values
        return np.abs(values[:, columns].sum(axis=1) - values[:, whole]) <= 1e-9 * np.abs(values[:, whole])

    return Audit(f"{total}-is-{'-and-'.join(parts)}", f"{total} = {' + '.join(parts)}", holds)


def _latencies_hold(evaluation: Evaluation) -> np.ndarray:
    median, p95, most, makespan, mean = evaluation.values[:, _LATENCIES].T
    return (median > 0) & (median <= p95) & (p95 <= most) & (most <= makespan) & (mean <= most * (1 + 1e-12))


def _rows_hold(evaluation: Evaluation) -> np.ndarray:
    hits, misses, conflicts, activates, precharges = evaluation.values[:, _ROWS].T
    sound = (hits >= 0) & (misses >= 0) & (conflicts >= 0)
    return sound & (misses + conflicts <= activates) & (precharges <= activates)


def _power_holds(evaluation: Evaluation) -> np.ndarray:
    values = evaluation.values
    energy = values[:, _AT["energy_pj"]]
    product = values[:, _AT["average_power_mw"]] * values[:, _AT["accounted_time_ns"]]
    return np.abs(product - energy) <= 1e-9 * energy


_POWER: Final = Audit("power-times-time", "average_power_mw x accounted_time_ns = energy_pj", _power_holds)
