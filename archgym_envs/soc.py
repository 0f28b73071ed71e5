"""archgym/SoC-v0: build a system-on-chip for task graphs and map the tasks onto it.

The problem factory only; ``simulators.soc.spaces`` says what the parameters build, ``simulators.soc.modes`` what the
modes are.

Version history
    v0: ``mode=default`` and ``mode=farsi`` (agreement with FARSI's simulation). Until release 0.1.0 the numbers behind
        a v0 may change.
"""

from __future__ import annotations

from typing import Any

from simulators.problem import Problem
from simulators.soc.soc import Soc
from simulators.soc.task_graph import TaskGraph


def soc(
    workload: str = "edge_detection",
    space: str = "default",
    mode: str = "default",
    repairs: str | None = None,
    gpps: int = 3,
    memories: int = 4,
    buses: int = 3,
) -> Problem:
    """Build the problem: where each task runs, its accelerator, memories and buses, for one or several task graphs.

    =================  =======================================  =======================================================
    parameter          values, the default in brackets          meaning
    =================  =======================================  =======================================================
    <task>_pe          accelerator, [gpp0], gpp1, gpp2          what runs it; an accelerator runs nothing else
    <task>_unroll      1, 2, 4, 8, [16], 32 ... iterations      iterations that its accelerator runs at the same time
    <task>_clock_mhz   100, [400], 600, 800 MHz                 its accelerator's clock
    <task>_bus         [bus0], bus1, bus2                       bus that its accelerator hangs on
    <task>_memory      [mem0], mem1, mem2, mem3                 where its outputs lie
    source_memory      [mem0], mem1, mem2, mem3                 where data that enters the chip lies
    gpp<i>_bus         [bus0], bus1, bus2                       bus that the processor (Cortex-A53) hangs on
    mem<i>_kind        [dram], sram                             sram by default for all but mem0
    mem<i>_width_bytes 4, 8, [16], 32, 64, 128 bytes            bytes per cycle, each way
    mem<i>_clock_mhz   100, [400], 600, 800 MHz                 clock
    mem<i>_bus         [bus0], bus1, bus2                       bus that the memory hangs on
    bus<i>_parent      [bus0] ... bus<i-1>                      bus that the bus hangs on; not of bus0 and bus1
    bus<i>_width_bytes 4, 8, 16, [32], 64, 128 bytes            bytes per cycle, each way and outgoing port
    bus<i>_clock_mhz   100, [400], 600, 800 MHz                 clock
    =================  =======================================  =======================================================

    ``<task>``: the task's name with other characters than letters and digits as ``_``. edge_detection has 57
    parameters and 8e35 designs, hpvm_cava 62 and 6e37, audio_decoder 92 and 8e54. All of them are valid. The library of
    blocks is FARSI's (Boroujerdian et al., ACM TECS 2023), all of it can be reached.

    The objective is to meet the task graph's budgets: of each workload's latency, of peak power, of area without DRAM
    and of DRAM; without budgets ``energy_pj * latency_ns`` is minimised.

    Args:
        workload: a task graph that ``archgym list workloads`` shows, a file, ``random?tasks=12&seed=3``, or several
            joined by ``+`` that run on one chip at the same time.
        space: ``default`` (the table) or ``archgym``: the 34, 36 or 54 integers of ArchGym's environment, nearly all of
            whose designs are invalid, see ``simulators.soc.archgym_space``.
        mode: ``default``, or ``farsi`` with the defects of the reference, see ``simulators.soc.modes``.
        repairs: which defects mode ``default`` repairs, comma-separated; all if not given.
        gpps, memories, buses: how many of each there can be, 1 to 8; of the space ``default``.

    Raises:
        UnknownNameError: an unknown task graph, space, mode or repair, with the nearest name.
        InvalidInputError: a task graph file that cannot be read, or another number of slots.
    """
    simulator = Soc(workload, mode, repairs, space, gpps, memories, buses)
    return Problem(simulator, simulator.space(), simulator.graph, budget_objective(simulator.graph, simulator))


def budget_objective(graph: TaskGraph, simulator: Soc) -> dict[str, Any]:
    """Return the objective to meet a graph's budgets, in the units of the metrics; EDP where it has none."""
    if graph.budgets is None:
        return {"minimize": "energy_pj * latency_ns"}
    seconds = [graph.budgets.latency_s[workload] for workload in graph.workloads]
    area_mm2 = _rounded(graph.budgets.area_m2 * 1e6)
    return {
        "meet": {
            **{name: _rounded(limit * 1e9) for name, limit in zip(simulator.model.latency_names, seconds, strict=True)},
            "peak_power_mw": _rounded(graph.budgets.power_w * 1e3),
            "non_dram_area_mm2": area_mm2,
            "dram_area_mm2": area_mm2,
        }
    }


def _rounded(limit: float) -> float:
    """Return a limit without the rounding error of its change of units."""
    return float(f"{limit:.12g}")
