"""The metrics of the memory-controller simulator and the laws they obey."""

from __future__ import annotations

from typing import Final

import numpy as np

from simulators.audits import Audit, at_most, sum_of_parts
from simulators.evaluation import Evaluation
from simulators.memory.energy import ENERGY_PARTS
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


def audits(peak_bandwidth_gbit_per_s: float, has_energy: bool) -> tuple[Audit, ...]:
    """Return the laws of a memory with this peak bandwidth; energy laws where it has currents."""
    laws = (
        at_most("bandwidth_gbit_per_s", peak_bandwidth_gbit_per_s, "no more bits than the data bus can carry"),
        sum_of_parts("requests", ("read_commands", "write_commands"), relative=0.0),
        sum_of_parts("requests", ("row_hits", "row_misses", "row_conflicts"), relative=0.0),
        sum_of_parts("accounted_time_ns", ("active_time_ns", "precharged_time_ns")),
    )
    if not has_energy:
        return laws
    return (*laws, sum_of_parts("energy_pj", ENERGY_PARTS), _POWER)


def _power_holds(evaluation: Evaluation) -> np.ndarray:
    energy, time = evaluation.column("energy_pj"), evaluation.column("accounted_time_ns")
    return np.abs(evaluation.column("average_power_mw") * time - energy) <= 1e-9 * energy


_POWER: Final = Audit("power-times-time", "average_power_mw x accounted_time_ns = energy_pj", _power_holds)
