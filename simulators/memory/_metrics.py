"""The metrics of the memory-controller simulator, how they follow from kernel outputs, and the laws they obey."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.audits import Audit
from simulators.evaluation import Evaluation
from simulators.memory.energy import ENERGY_PARTS, energy_matrix
from simulators.memory.kernel_codes import (
    O_ACT,
    O_ACTIVE_CYCLES,
    O_ACTIVE_DOWN_CYCLES,
    O_LATENCY,
    O_LATENCY_ACCEPT,
    O_LATENCY_ARRIVAL,
    O_MAKESPAN,
    O_MAX,
    O_MEDIAN,
    O_OWED,
    O_P95,
    O_PDEA,
    O_PDEP,
    O_PRE,
    O_PREA,
    O_PRECHARGED_CYCLES,
    O_PRECHARGED_DOWN_CYCLES,
    O_RD,
    O_RDA,
    O_REFA,
    O_REFB,
    O_ROW_CONFLICTS,
    O_ROW_MISSES,
    O_SELF_REFRESH_ACTIVE_CYCLES,
    O_SELF_REFRESH_CYCLES,
    O_SELF_REFRESH_PRECHARGED_CYCLES,
    O_SREN,
    O_WAKING_ACTIVE_CYCLES,
    O_WAKING_PRECHARGED_CYCLES,
    O_WR,
    O_WRA,
    OUTPUT_COLUMNS,
)
from simulators.memory.specification import MemorySpecification
from simulators.metrics import Metric

METRICS: Final[tuple[Metric, ...]] = (
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
    Metric("bank_refresh_commands", "1", "report", "REFB: refreshes of one bank"),
    Metric("owed_refreshes", "1", "report", "refreshes postponed and still owed at the end"),
    Metric("power_down_entries", "1", "report", "entries into active or precharged power-down"),
    Metric("self_refresh_entries", "1", "report", "entries into self-refresh"),
    Metric("activate_energy_pj", "pJ", "report", "of ACT commands"),
    Metric("precharge_energy_pj", "pJ", "report", "of precharges of all kinds"),
    Metric("read_energy_pj", "pJ", "report", "of read bursts"),
    Metric("write_energy_pj", "pJ", "report", "of write bursts"),
    Metric("refresh_energy_pj", "pJ", "report", "of refreshes"),
    Metric("active_background_energy_pj", "pJ", "report", "of standby with a bank open"),
    Metric("precharged_background_energy_pj", "pJ", "report", "of standby with all banks closed"),
    Metric("power_down_energy_pj", "pJ", "report", "of power-down, active and precharged"),
    Metric("self_refresh_energy_pj", "pJ", "report", "of self-refresh and of waking from it"),
    Metric("accounted_time_ns", "ns", "report", "time that energy and power refer to, the mean over ranks"),
    Metric("active_time_ns", "ns", "report", "accounted time with a bank open"),
    Metric("precharged_time_ns", "ns", "report", "accounted time with all banks closed"),
    Metric("power_down_time_ns", "ns", "report", "accounted time in power-down, active and precharged"),
    Metric("self_refresh_time_ns", "ns", "report", "accounted time in self-refresh or finishing its refresh"),
)
_ENERGY: Final = ("energy_pj", "average_power_mw", *ENERGY_PARTS)
_ACCOUNTS: Final[Mapping[str, tuple[int, ...]]] = {
    "active_time_ns": (O_ACTIVE_CYCLES,),
    "precharged_time_ns": (O_PRECHARGED_CYCLES,),
    "power_down_time_ns": (O_ACTIVE_DOWN_CYCLES, O_PRECHARGED_DOWN_CYCLES),
    "self_refresh_time_ns": (
        *(O_SELF_REFRESH_CYCLES, O_SELF_REFRESH_ACTIVE_CYCLES, O_SELF_REFRESH_PRECHARGED_CYCLES),
        *(O_WAKING_ACTIVE_CYCLES, O_WAKING_PRECHARGED_CYCLES),
    ),
}
_TIMES: Final[Mapping[str, tuple[int, ...]]] = {
    "makespan_ns": (O_MAKESPAN,),
    "average_latency_ns": (O_LATENCY,),
    "average_latency_from_accept_ns": (O_LATENCY_ACCEPT,),
    "average_latency_from_arrival_ns": (O_LATENCY_ARRIVAL,),
    "median_latency_ns": (O_MEDIAN,),
    "p95_latency_ns": (O_P95,),
    "max_latency_ns": (O_MAX,),
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
    "bank_refresh_commands": (O_REFB,),
    "owed_refreshes": (O_OWED,),
    "power_down_entries": (O_PDEA, O_PDEP),
    "self_refresh_entries": (O_SREN,),
    "row_conflicts": (O_ROW_CONFLICTS,),
}


class MetricModel:
    """How the kernel's outputs become the metrics of one memory in one mode.

    Args:
        specification: the memory.
        repairs: defects of the reference that are repaired, see ``simulators.memory.modes``.
        tick: the kernel's units of time per clock cycle.

    Attributes:
        metrics: those that exist for the memory; without an energy model there is neither energy nor power.
        audits: the laws they obey.
    """

    def __init__(self, specification: MemorySpecification, repairs: Collection[str] = (), tick: int = 1) -> None:
        self.metrics = tuple(m for m in METRICS if specification.has_energy or m.name not in _ENERGY)
        self._at = {metric.name: position for position, metric in enumerate(self.metrics)}
        self._bits = 8.0 * specification.burst_bytes
        cycle_ns = specification.cycle_ns if "exact-clock" in repairs else specification.cycle_ps / 1000.0
        self._matrix = self._linear(specification, cycle_ns / tick, specification.cycle_ns / tick, repairs)
        first, last = (self._at[f"average_latency{suffix}_ns"] for suffix in ("", "_from_arrival"))
        self._averages = slice(first, last + 1)
        self.audits = self._laws(specification, specification.burst_cycles * cycle_ns, repairs)

    def _linear(
        self, specification: MemorySpecification, time_ns: float, account_ns: float, repairs: Collection[str]
    ) -> NDArray[np.float64]:
        """Return the linear part of outputs -> metrics, ``[len(OUTPUT_COLUMNS), len(metrics)]``.

        The power model counts with the exact clock period whatever the clock of the simulation.
        """
        matrix, at = np.zeros((len(OUTPUT_COLUMNS), len(self.metrics))), self._at
        for name, outputs in _TIMES.items():
            matrix[list(outputs), at[name]] = time_ns
        for name, outputs in _ACCOUNTS.items():
            matrix[list(outputs), at[name]] = account_ns / specification.organisation.ranks
        for name, outputs in _COUNTS.items():
            matrix[list(outputs), at[name]] = 1.0
        accounts = [at[name] for name in _ACCOUNTS]
        matrix[:, at["accounted_time_ns"]] = matrix[:, accounts].sum(axis=1)
        # Every miss or conflict is a first CAS after an ACT; conflicts are those whose ACT followed a bank's own PRE.
        matrix[O_ROW_MISSES, at["row_misses"]], matrix[O_ROW_CONFLICTS, at["row_misses"]] = 1.0, -1.0
        matrix[O_ROW_MISSES, at["row_hits"]] = -1.0
        if specification.has_energy:
            energy = energy_matrix(specification, charge_owed="owed-refreshes" in repairs)
            matrix[:, [at[part] for part in ENERGY_PARTS]] = energy
            matrix[:, at["energy_pj"]] = energy.sum(axis=1)
        return matrix

    def values(self, outputs: NDArray[np.int64], requests: int) -> NDArray[np.float64]:
        """Return the metrics ``[n, len(metrics)]`` of kernel outputs ``[n, len(OUTPUT_COLUMNS)]``."""
        at = self._at
        values: NDArray[np.float64] = outputs.astype(np.float64) @ self._matrix
        values[:, self._averages] /= requests
        values[:, at["row_hits"]] += requests
        values[:, at["requests"]] = requests
        values[:, at["bandwidth_gbit_per_s"]] = self._bits * requests / values[:, at["makespan_ns"]]
        if "energy_pj" in at:
            values[:, at["average_power_mw"]] = values[:, at["energy_pj"]] / values[:, at["accounted_time_ns"]]
        return values

    def _laws(self, specification: MemorySpecification, burst_ns: float, repairs: Collection[str]) -> tuple[Audit, ...]:
        buses = specification.organisation.ranks if specification.standard == "HBM2" else 1
        laws: tuple[Audit, ...] = (
            self._below(
                "bandwidth_gbit_per_s", buses * self._bits / burst_ns, "no more bits than the data bus carries"
            ),
            self._sum_law("requests", ("read_commands", "write_commands")),
            self._sum_law("requests", ("row_hits", "row_misses", "row_conflicts")),
            self._sum_law("accounted_time_ns", tuple(_ACCOUNTS)),
            Audit("times-are-not-negative", "no state lasts less than nothing", self._law(_not_negative, *_ACCOUNTS)),
            Audit(
                "latencies-in-order",
                "0 < median <= p95 <= maximum <= makespan, and mean <= maximum",
                self._law(_latencies_hold, *_LATENCIES),
            ),
            Audit(
                "rows-are-opened",
                "misses, conflicts and PRE need an ACT each; no count is negative",
                self._law(_rows_hold, *_ROWS),
            ),
        )
        if "whole-run-energy" in repairs and "device-power-state" in repairs and "exact-clock" in repairs:
            laws = (*laws, self._sum_law("makespan_ns", ("accounted_time_ns",)))
        if not specification.has_energy:
            return laws
        power = Audit(
            "power-times-time", "average_power_mw x accounted_time_ns = energy_pj", self._law(_power, *_POWER)
        )
        return (*laws, self._sum_law("energy_pj", ENERGY_PARTS), power)

    def _law(self, holds: Callable[..., np.ndarray], *names: str) -> Callable[[Evaluation], np.ndarray]:
        columns = [self._at[name] for name in names]
        return lambda evaluation: holds(*evaluation.values[:, columns].T)

    def _below(self, metric: str, bound: float, law: str) -> Audit:
        limit = bound * (1 + 1e-12)
        return Audit(f"{metric}-bounded", law, self._law(lambda values: values <= limit, metric))

    def _sum_law(self, total: str, parts: tuple[str, ...]) -> Audit:
        """Return the audit ``total = sum(parts)``, to 1e-9 of the total."""

        def holds(whole: np.ndarray, *summands: np.ndarray) -> np.ndarray:
            return np.abs(np.sum(summands, axis=0) - whole) <= 1e-9 * np.abs(whole)

        name = f"{total}-is-{'-and-'.join(parts)}"
        return Audit(name, f"{total} = {' + '.join(parts)}", self._law(holds, total, *parts))


_LATENCIES: Final = ("median_latency_ns", "p95_latency_ns", "max_latency_ns", "makespan_ns", "average_latency_ns")
_ROWS: Final = ("row_hits", "row_misses", "row_conflicts", "activate_commands", "precharge_commands")
_POWER: Final = ("energy_pj", "average_power_mw", "accounted_time_ns")


def _latencies_hold(
    median: np.ndarray, p95: np.ndarray, most: np.ndarray, makespan: np.ndarray, mean: np.ndarray
) -> np.ndarray:
    return (median > 0) & (median <= p95) & (p95 <= most) & (most <= makespan) & (mean <= most * (1 + 1e-12))


def _rows_hold(
    hits: np.ndarray, misses: np.ndarray, conflicts: np.ndarray, activates: np.ndarray, precharges: np.ndarray
) -> np.ndarray:
    sound = (hits >= 0) & (misses >= 0) & (conflicts >= 0)
    return sound & (misses + conflicts <= activates) & (precharges <= activates)


def _not_negative(*parts: np.ndarray) -> np.ndarray:
    return np.min(parts, axis=0) >= 0


def _power(energy: np.ndarray, power: np.ndarray, time: np.ndarray) -> np.ndarray:
    return np.abs(power * time - energy) <= 1e-9 * energy
