"""MAESTRO (Kwon et al., MICRO 2019) as it is: ``maestro`` on one mapping, as a program on PATH.

A historical comparator. Its printed energy, which is what comes back here, leaves out the MACs and DRAM always, and the
buffers inside PEs where there are two levels of clusters; searches on it optimise what it counts.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Final

from simulators.accelerator.architecture import Architecture
from simulators.accelerator.layers import Layer
from simulators.accelerator.mapping import Mapping
from simulators.accelerator.peers._maestro_input import FILE, RESULT, inexpressible, maestro_file, pes_in_use
from simulators.external import ProgramFailure
from simulators.external.program import read_output
from simulators.metrics import Metric

PROGRAM: Final = "maestro"
INSTALL: Final = "build it from https://github.com/maestro-project/maestro"
METRICS: Final = (
    Metric("latency_ns", "ns", doc="MAESTRO's runtime"),
    Metric("energy_pj", "pJ", doc="as MAESTRO prints it: without MACs and DRAM, and not always with the PEs' buffers"),
    Metric("cycles", "1", doc="MAESTRO's runtime in clock cycles"),
    Metric("utilisation", "1", "maximize", "MACs over cycles times PEs of the array"),
    Metric("macs_per_cycle", "1", "maximize", "throughput: MACs over cycles"),
    Metric("macs", "1", "report", "multiply-accumulates of the workload"),
)
_TIME, _ENERGY, _MACS = "Runtime (Cycles)", "Activity count-based Energy (nJ)", "Num MACs"

__all__ = [
    "FILE",
    "INSTALL",
    "METRICS",
    "PROGRAM",
    "RESULT",
    "inexpressible",
    "maestro_arguments",
    "maestro_file",
    "read_result",
]


def maestro_arguments(architecture: Architecture, mapping: Mapping) -> list[str]:
    """Return the command line; unlimited bandwidth is the program's default, buffers are as large as it wants."""
    limits = {"noc_bw_cstr": architecture.glb.read_bandwidth, "offchip_bw_cstr": architecture.dram.read_bandwidth}
    return [
        f"--Mapping_file={FILE}",
        f"--num_pes={pes_in_use(mapping)}",
        "--num_simd_lanes=1",
        "--noc_hops=1",
        "--noc_hop_latency=1",
        "--noc_mc_support=true",
        *(f"--{name}={max(1, round(words))}" for name, words in limits.items() if not math.isinf(words)),
        "--print_res=false",
        "--print_res_csv_file=true",
        "--print_log_file=false",
        "--print_design_space=false",
        "--msg_print_lv=0",
    ]


def read_result(directory: Path, layer: Layer) -> tuple[float, float]:
    """Return cycles and energy in nJ that a run of ``maestro`` left in its directory.

    Raises:
        ProgramFailure: no table, no numbers, no time, or not the layer's multiply-accumulates: MAESTRO says so of some
            dataflows that do not cover a layer.
    """
    rows = list(csv.reader(read_output(directory, RESULT).splitlines()))
    if len(rows) < 2:
        raise ProgramFailure(f"no result: {RESULT} has {len(rows)} lines, expected a header and a layer")
    header = [name.strip() for name in rows[0]]
    cycles, energy_nj, macs = (_cell(header, rows[-1], name) for name in (_TIME, _ENERGY, _MACS))
    if macs != layer.macs:
        raise ProgramFailure(f"wrong result: MAESTRO counted {macs:.0f} of {layer.macs} multiply-accumulates")
    if not (cycles > 0 and energy_nj >= 0):
        raise ProgramFailure(f"wrong result: MAESTRO gave {cycles:g} cycles and {energy_nj:g} nJ")
    return cycles, energy_nj


def _cell(header: list[str], row: list[str], name: str) -> float:
    try:
        return float(row[header.index(name)])
    except (ValueError, IndexError):
        raise ProgramFailure(f"no result: {RESULT} has no number in column {name!r}") from None
