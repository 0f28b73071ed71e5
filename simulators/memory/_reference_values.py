"""Our metrics under the reference's column names, in its units, and when two values agree."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from simulators.memory.simulator import MemoryController

Number = int | float | str


def reference_columns(metrics: Mapping[str, float], controller: MemoryController, uncounted: int) -> dict[str, Number]:
    """Return our metrics, name -> value, under the reference's column names and in its units.

    ``uncounted``: answers the reference does not count as served when it prints its bandwidth.
    """
    memory, requests = controller.memory, metrics["requests"]
    makespan_ps = whole_number(metrics["makespan_ns"] * 1000)
    served = (requests - uncounted) * memory.burst_cycles * memory.cycle_ns
    cycles = {name: metrics[f"{name}_time_ns"] / memory.cycle_ns for name in ("active", "precharged")}
    reads, writes = metrics["read_auto_precharge_commands"], metrics["write_auto_precharge_commands"]
    counts = {
        "ACT": metrics["activate_commands"],
        "PRE": metrics["precharge_commands"],
        "RD": metrics["read_commands"] - reads,
        "RDA": reads,
        "WR": metrics["write_commands"] - writes,
        "WRA": writes,
        "PREA": metrics["precharge_all_commands"],
        "REFA": metrics["refresh_commands"],
    }
    return {
        "total_energy_pJ": metrics["energy_pj"],
        "avg_power_mW": metrics["average_power_mw"],
        "total_time_ps": makespan_ps,
        "avg_bw_Gbps": served / metrics["makespan_ns"] * memory.peak_bandwidth_gbit_per_s,
        "n_req": whole_number(requests),
        "avg_lat_ns": metrics["average_latency_ns"],
        "avg_lat_from_accept_ns": metrics["average_latency_from_accept_ns"],
        "p50_lat_ns": metrics["median_latency_ns"],
        "p95_lat_ns": metrics["p95_latency_ns"],
        "max_lat_ns": metrics["max_latency_ns"],
        "e_act_pJ": metrics["activate_energy_pj"],
        "e_pre_pJ": metrics["precharge_energy_pj"],
        "e_rd_pJ": metrics["read_energy_pj"],
        "e_wr_pJ": metrics["write_energy_pj"],
        "e_ref_pJ": metrics["refresh_energy_pj"],
        "e_actstdby_pJ": metrics["active_background_energy_pj"],
        "e_prestdby_pJ": metrics["precharged_background_energy_pj"],
        "act_cycles": whole_number(cycles["active"]),
        "pre_cycles": whole_number(cycles["precharged"]),
        **{f"n_BEGIN_{command}": whole_number(count) for command, count in counts.items()},
    }


_ROUNDED: Final = {"avg_power_mW": 0.00501, "avg_bw_Gbps": 0.00501}
"""Columns the reference prints with two decimals, and half a unit of the last one."""


def agree(metric: str, expected: Number, got: Number) -> bool:
    """Return whether two values of a column are equal, up to the reference's printing."""
    if isinstance(expected, str) or isinstance(got, str):
        return expected == got
    slack = _ROUNDED.get(metric, 1e-6 * abs(expected) if isinstance(expected, float) else 0.0)
    return abs(got - expected) <= slack


def read_number(value: Any) -> Number:
    """Return a reference value: blank means 0; text that is no number stays text."""
    if value is None or value == "":
        return 0
    text = str(value)
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def whole_number(value: float) -> Number:
    """Return a count that was kept as a float as an integer; NaN stays."""
    return value if math.isnan(value) else int(np.rint(value))


def exact_text(value: Number) -> str:
    return "nan" if isinstance(value, float) and math.isnan(value) else repr(value).strip("'")
