"""The metrics of the hierarchical model, how they follow from the kernel's results, and the laws they obey.

Accelerator, mapping and co-design problems share them. Energy is dynamic: the SRAM macros of the technology tables leak
less than 0.4 mW each, and what registers and MACs leak is not tabulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.kernel_layout import (
    A_COLUMNS,
    A_READ_BANDWIDTH,
    A_ROWS,
    A_WRITE_BANDWIDTH,
    DRAM,
    GLB,
    LEVELS,
    O_COMPUTE_CYCLES,
    O_CYCLES,
    O_DRAM_WORDS,
    O_ENERGY,
    O_LEVEL_ENERGY,
    O_LIMIT,
    O_MAC_ENERGY,
    OUTER,
)
from simulators.accelerator.layers import Network
from simulators.audits import Audit, at_most, product_of_factors, sum_of_parts
from simulators.evaluation import Evaluation
from simulators.metrics import Metric

Reals = NDArray[np.float64]

ENERGY_PARTS: Final = ("mac_energy_pj", "pe_storage_energy_pj", "glb_energy_pj", "dram_energy_pj")
SUMS: Final = {"energy_pj": ENERGY_PARTS, "cycles": ("compute_cycles", "stall_cycles")}
"""Totals and the parts that add up to them."""
METRICS: Final = (
    Metric("latency_ns", "ns", doc="of all layers one after another, without filling and draining the array"),
    Metric("energy_pj", "pJ", doc="dynamic energy, DRAM included: the sum of the four parts below"),
    Metric("area_mm2", "mm2", doc="PEs (MACs and storage) and buffers, without DRAM and wires"),
    Metric("average_power_mw", "mW", doc="energy over latency"),
    Metric("cycles", "1", doc="clock cycles of the latency"),
    Metric("utilisation", "1", "maximize", "MACs over cycles times PEs of the array"),
    Metric("macs_per_cycle", "1", "maximize", "throughput: MACs over cycles"),
    Metric("energy_per_mac_pj", "pJ", doc="energy over MACs"),
    Metric(
        "dram_words",
        "1",
        doc="words over the DRAM interface, read and written; an average where tiles do not divide the layer",
    ),
    Metric("compute_cycles", "1", "report", "steps of the busiest PE, were every bandwidth unlimited"),
    Metric("stall_cycles", "1", "report", "cycles beyond those, in which some level is at its bandwidth"),
    Metric("macs", "1", "report", "multiply-accumulates of the workload"),
    Metric(
        "compulsory_dram_words", "1", "report", "inputs, weights and outputs of all layers once: the least dram_words"
    ),
    Metric("dram_bandwidth_gbit_per_s", "Gbit/s", "report", "bits over the DRAM interface over latency"),
    Metric("dram_bandwidth_share", "1", "report", "the same over its peak, both directions together; 0 if unlimited"),
    Metric("mac_energy_pj", "pJ", "report", "of multiply-accumulates"),
    Metric("pe_storage_energy_pj", "pJ", "report", "of accesses to the storage inside PEs"),
    Metric("glb_energy_pj", "pJ", "report", "of accesses to the global buffer"),
    Metric("dram_energy_pj", "pJ", "report", "of accesses to DRAM"),
)
BOTTLENECKS: Final = ("compute", "dram", "glb", "pe_outer", "pe_middle", "pe")
"""What can limit a layer: the MACs' steps, or the bandwidth of one of the kernel's levels."""


def compulsory_dram_words(network: Network) -> int:
    """Return the words that must cross the DRAM interface if nothing stays on the chip between layers."""
    return sum((x.weights + x.inputs + x.outputs) * count for x, count in network.distinct)


def network_totals(results: Reals, network: Network) -> Reals:
    """Return a network's results ``[n, RESULTS]`` from one execution of its distinct layers, ``[n, l, RESULTS]``."""
    return np.asarray((results * network.times[:, None]).sum(axis=1))


def metric_values(
    totals: Reals, archs: Reals, area_mm2: Reals, network: Network, clock_mhz: float, word_bits: int
) -> Reals:
    """Return the metrics ``[n, len(METRICS)]`` of ``n`` designs on a network.

    Args:
        totals: kernel results ``[n, RESULTS]`` summed over the executions of all layers, as ``evaluate_networks`` and
            :func:`network_totals` give them.
        archs: ``[n, ARCHITECTURE_WORDS]``, or one row for all.
        area_mm2: ``[n]``, or one for all.
        network: gives MACs and compulsory words.
        clock_mhz: of array and buffers.
        word_bits: bits of a word.
    """
    cycles, energy, words = totals[:, O_CYCLES], totals[:, O_ENERGY], totals[:, O_DRAM_WORDS]
    latency_ns, macs = cycles * (1e3 / clock_mhz), float(network.macs)
    peak = archs[:, A_READ_BANDWIDTH + DRAM] + archs[:, A_WRITE_BANDWIDTH + DRAM]
    found: dict[str, Reals | float] = {
        "latency_ns": latency_ns,
        "energy_pj": energy,
        "area_mm2": area_mm2,
        "average_power_mw": energy / latency_ns,
        "cycles": cycles,
        "utilisation": macs / (cycles * archs[:, A_COLUMNS] * archs[:, A_ROWS]),
        "macs_per_cycle": macs / cycles,
        "energy_per_mac_pj": energy / macs,
        "dram_words": words,
        "compute_cycles": totals[:, O_COMPUTE_CYCLES],
        "stall_cycles": cycles - totals[:, O_COMPUTE_CYCLES],
        "macs": macs,
        "compulsory_dram_words": float(compulsory_dram_words(network)),
        "dram_bandwidth_gbit_per_s": words * word_bits / latency_ns,
        "dram_bandwidth_share": words / cycles / peak,
        "mac_energy_pj": totals[:, O_MAC_ENERGY],
        "pe_storage_energy_pj": totals[:, O_LEVEL_ENERGY + OUTER : O_LEVEL_ENERGY + LEVELS].sum(axis=1),
        "glb_energy_pj": totals[:, O_LEVEL_ENERGY + GLB],
        "dram_energy_pj": totals[:, O_LEVEL_ENERGY + DRAM],
    }
    values = np.empty((len(totals), len(METRICS)))
    for position, metric in enumerate(METRICS):
        values[:, position] = found[metric.name]
    return values


def network_diagnostics(results: Reals, network: Network) -> dict[str, NDArray[np.str_]]:
    """Return hints for each design: what limits most of its cycles, and which layer takes the most.

    Args:
        results: kernel results ``[n, l, RESULTS]`` of one execution of each distinct layer.
        network: its ``distinct`` layers are the ``l``.

    Returns:
        ``bottleneck``: one of BOTTLENECKS; ``worst_layer``: the name of the layer with most cycles, all its executions
        together. Both ``[n]``.
    """
    cycles = results[:, :, O_CYCLES] * network.times
    limits = results[:, :, O_LIMIT]
    by_limit = np.stack([np.where(limits == level, cycles, 0.0).sum(axis=1) for level in range(-1, LEVELS)], axis=1)
    names = np.array([layer.name for layer, _ in network.distinct])
    return {
        "bottleneck": np.array(BOTTLENECKS)[by_limit.argmax(axis=1)],
        "worst_layer": names[cycles.argmax(axis=1)],
    }


def audits(repairs: Sequence[str]) -> tuple[Audit, ...]:
    """Return the laws of the metrics; ``repairs``: names in force.

    Without ``true-reuse`` some loop orders are miscounted, so that DRAM may move less than it must.
    """
    laws = (
        *(sum_of_parts(total, parts) for total, parts in SUMS.items()),
        at_most("utilisation", 1.0, "cycles >= MACs / PEs"),
        at_most("dram_bandwidth_share", 1.0, "DRAM moves no more than its bandwidth"),
        Audit("stalls-are-not-negative", "cycles >= compute_cycles", _no_negative_stalls),
        product_of_factors("energy_pj", ("average_power_mw", "latency_ns"), "power-times-time"),
    )
    compulsory = Audit("dram-is-compulsory", "inputs, weights and outputs cross the DRAM interface", _moves_compulsory)
    return (*laws, compulsory) if "true-reuse" in repairs else laws


def _no_negative_stalls(evaluation: Evaluation) -> NDArray[np.bool_]:
    return np.asarray(evaluation.column("stall_cycles") >= 0)


def _moves_compulsory(evaluation: Evaluation) -> NDArray[np.bool_]:
    least = evaluation.column("compulsory_dram_words")
    return np.asarray(evaluation.column("dram_words") >= least * (1 - 1e-12))
