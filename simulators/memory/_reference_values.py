"""Our metrics under the reference's column names, in its units, and when two values agree."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators._agreement import Number
from simulators.memory.kernel_codes import COMMANDS, O_ACT, O_ACTIVE_CYCLES, O_PRECHARGED_CYCLES
from simulators.memory.simulator import MemoryController


def reference_columns(
    metrics: Mapping[str, float], outputs: NDArray[np.int64], controller: MemoryController, uncounted: int
) -> dict[str, Number]:
    """Return our results under the reference's column names and in its units.

    Args:
        metrics: metric name -> value.
        outputs: the kernel's outputs of the same design.
        controller: the simulator.
        uncounted: answers the reference does not count as served when it prints its bandwidth.
    """
    memory, requests = controller.memory, metrics["requests"]
    bits = 8.0 * memory.burst_bytes * (requests - uncounted)
    columns: dict[str, Number] = {
        "total_energy_pJ": metrics.get("energy_pj", math.nan),
        "avg_power_mW": metrics.get("average_power_mw", math.nan),
        "total_time_ps": whole_number(metrics["makespan_ns"] * 1000),
        "avg_bw_Gbps": bits / metrics["makespan_ns"],
        "n_req": whole_number(requests),
        "avg_lat_ns": metrics["average_latency_ns"],
        "avg_lat_from_accept_ns": metrics["average_latency_from_accept_ns"],
        "p50_lat_ns": metrics["median_latency_ns"],
        "p95_lat_ns": metrics["p95_latency_ns"],
        "max_lat_ns": metrics["max_latency_ns"],
        "act_cycles": int(outputs[O_ACTIVE_CYCLES]) // controller.ticks_per_cycle,
        "pre_cycles": int(outputs[O_PRECHARGED_CYCLES]) // controller.ticks_per_cycle,
    }
    for theirs, ours in _ENERGIES.items():
        columns[theirs] = metrics.get(ours, math.nan)
    for position, command in enumerate(COMMANDS):
        columns[f"n_{_PHASES.get(command, f'BEGIN_{command}')}"] = int(outputs[O_ACT + position])
    return columns


_ENERGIES: Final = {
    "e_act_pJ": "activate_energy_pj",
    "e_pre_pJ": "precharge_energy_pj",
    "e_rd_pJ": "read_energy_pj",
    "e_wr_pJ": "write_energy_pj",
    "e_ref_pJ": "refresh_energy_pj",
    "e_actstdby_pJ": "active_background_energy_pj",
    "e_prestdby_pJ": "precharged_background_energy_pj",
}
_PHASES: Final = {
    "PDEA": "BEGIN_PDNA",
    "PDXA": "END_PDNA",
    "PDEP": "BEGIN_PDNP",
    "PDXP": "END_PDNP",
    "SREN": "BEGIN_SREF",
    "SREX": "END_SREF",
}
"""Commands that the reference records under another name."""


_ROUNDED: Final = {"avg_power_mW": 0.00501, "avg_bw_Gbps": 0.00501}
"""Columns the reference prints with two decimals, and half a unit of the last one."""


def agree(metric: str, expected: Number, got: Number) -> bool:
    """Return whether two values of a column are equal, up to the reference's printing."""
    if isinstance(expected, str) or isinstance(got, str):
        return expected == got
    if math.isnan(expected) or math.isnan(got):
        return math.isnan(expected) and math.isnan(got)
    slack = _ROUNDED.get(metric, 1e-6 * abs(expected) if isinstance(expected, float) else 0.0)
    return abs(got - expected) <= slack


def whole_number(value: float) -> Number:
    """Return a count that was kept as a float as an integer; NaN stays."""
    return value if math.isnan(value) else int(np.rint(value))
