"""From the kernel's counts to metrics: time, energy and area of a systolic array, and the laws they obey.

Energy, all from ``simulators.accelerator.technology``:

* MACs: the multiply-accumulate unit of the word's bits.
* registers of the array: each write is that of a register of the word's bits. A MAC writes two (ws, is: the moving
  operand and the partial sum) or three (os: both moving operands and the accumulator); loading a stationary word, or
  draining an output (os), writes one for each row it is away from the edge. Only the rows and columns in use count.
* SRAMs: one macro of the whole size for each operand with a 64-bit port, so 64 / word bits words share an access.
  Operands are written once when they come from DRAM and read as the array takes them; outputs and partial sums are
  written and read back as the array gives and takes them, read once when they go to DRAM, written once when they come
  back.
* DRAM: energy per bit times bits moved. Leakage: that of the three SRAMs over the latency.

Area: PEs (a MAC and three registers each) and SRAMs; no wires, no control, no DRAM interface.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.systolic.kernel_codes import (
    O_COMPULSORY,
    O_COMPUTE,
    O_CYCLES,
    O_FILL_DRAIN,
    O_FILTER_DRAM,
    O_FILTER_READS,
    O_IFMAP_DRAM,
    O_IFMAP_READS,
    O_MACS,
    O_MAPPED,
    O_OFFERED,
    O_OFMAP_DRAM,
    O_OFMAP_READS,
    O_OFMAP_WRITES,
    O_PARTIAL_DRAM,
    O_REGISTER_WRITES,
    O_STALL,
)
from simulators.accelerator.technology import SRAM_PORT_BITS, Technology, technology
from simulators.audits import Audit, at_most, product_of_factors, sum_of_parts
from simulators.evaluation import Evaluation
from simulators.metrics import Metric
from simulators.spaces import Columns

ENERGY_PARTS: Final = (
    "mac_energy_pj",
    "register_energy_pj",
    "ifmap_sram_energy_pj",
    "filter_sram_energy_pj",
    "ofmap_sram_energy_pj",
    "dram_energy_pj",
    "leakage_energy_pj",
)
DRAM_PARTS: Final = ("ifmap_dram_reads", "filter_dram_reads", "ofmap_dram_writes", "partial_sum_dram_reads")
SUMS: Final = {
    "energy_pj": ENERGY_PARTS,
    "area_mm2": ("pe_area_mm2", "sram_area_mm2"),
    "dram_words": DRAM_PARTS,
    "cycles": ("compute_cycles", "stall_cycles", "fill_drain_cycles"),
}
"""Totals and the parts that add up to them."""
METRICS: Final = (
    Metric(
        "latency_ns", "ns", doc="from the first fetch to the last word written to DRAM, all layers one after another"
    ),
    Metric("energy_pj", "pJ", doc="the sum of the parts below"),
    Metric("area_mm2", "mm2", doc="PEs and SRAMs"),
    Metric("average_power_mw", "mW", doc="energy over latency"),
    Metric("cycles", "1", doc="clock cycles of the latency"),
    Metric("utilisation", "1", "maximize", "MACs over cycles times PEs"),
    Metric("mapping_efficiency", "1", "maximize", "PEs that folds use over PEs of the array, the mean over folds"),
    Metric("compute_cycles", "1", "report", "cycles in which folds run"),
    Metric("stall_cycles", "1", "report", "cycles in which the array waits for DRAM between folds"),
    Metric(
        "fill_drain_cycles", "1", "report", "cycles of each layer's first fetch and last write, which nothing hides"
    ),
    Metric("macs", "1", "report", "multiply-accumulates of the workload"),
    Metric("ifmap_sram_reads", "1", "report", "words from the ifmap SRAM into the array"),
    Metric("filter_sram_reads", "1", "report", "words from the filter SRAM into the array"),
    Metric("ofmap_sram_writes", "1", "report", "outputs and partial sums from the array into the ofmap SRAM"),
    Metric("ofmap_sram_reads", "1", "report", "partial sums from the ofmap SRAM to be added to"),
    Metric("dram_words", "1", doc="words over the DRAM interface, the sum of the four below"),
    Metric("dram_bandwidth_gbit_per_s", "Gbit/s", "report", "bits over the DRAM interface per ns of latency"),
    Metric("peak_dram_bandwidth_gbit_per_s", "Gbit/s", doc="what the interface is built for; costs nothing else here"),
    Metric("ifmap_dram_reads", "1", "report", "input words fetched"),
    Metric("filter_dram_reads", "1", "report", "weights fetched"),
    Metric("ofmap_dram_writes", "1", "report", "outputs and spilled partial sums written"),
    Metric("partial_sum_dram_reads", "1", "report", "spilled partial sums read back"),
    Metric(
        "compulsory_dram_words", "1", "report", "inputs, weights and outputs of all layers once: the least dram_words"
    ),
    Metric("mac_energy_pj", "pJ", "report", "of multiply-accumulates"),
    Metric("register_energy_pj", "pJ", "report", "of the registers between PEs"),
    Metric("ifmap_sram_energy_pj", "pJ", "report", "of accesses to the ifmap SRAM"),
    Metric("filter_sram_energy_pj", "pJ", "report", "of accesses to the filter SRAM"),
    Metric("ofmap_sram_energy_pj", "pJ", "report", "of accesses to the ofmap SRAM"),
    Metric("dram_energy_pj", "pJ", "report", "of words over the DRAM interface"),
    Metric("leakage_energy_pj", "pJ", "report", "of the SRAMs over the latency"),
    Metric("pe_area_mm2", "mm2", "report", "of MACs and registers"),
    Metric("sram_area_mm2", "mm2", "report", "of the three SRAMs"),
)
REGISTERS_PER_PE: Final = 3
_REGISTER_BITS: Final = 16

Reals = NDArray[np.float64]

_PLAIN: Final[Mapping[str, int]] = {
    "cycles": O_CYCLES,
    "compute_cycles": O_COMPUTE,
    "stall_cycles": O_STALL,
    "fill_drain_cycles": O_FILL_DRAIN,
    "macs": O_MACS,
    "ifmap_sram_reads": O_IFMAP_READS,
    "filter_sram_reads": O_FILTER_READS,
    "ofmap_sram_writes": O_OFMAP_WRITES,
    "ofmap_sram_reads": O_OFMAP_READS,
    "ifmap_dram_reads": O_IFMAP_DRAM,
    "filter_dram_reads": O_FILTER_DRAM,
    "ofmap_dram_writes": O_OFMAP_DRAM,
    "partial_sum_dram_reads": O_PARTIAL_DRAM,
    "compulsory_dram_words": O_COMPULSORY,
}


def metric_values(columns: Columns, outputs: Reals, node_nm: int, dram_pj_per_bit: float, clock_mhz: float) -> Reals:
    """Return the metrics ``[n, len(METRICS)]`` of checked designs and the kernel's outputs ``[n, OUTPUTS]``."""
    found: dict[str, Reals] = {name: outputs[:, position] for name, position in _PLAIN.items()}
    pes = columns["array_rows"].astype(np.float64) * columns["array_columns"]
    found["dram_words"] = _total(found, DRAM_PARTS)
    found["utilisation"] = found["macs"] / (found["cycles"] * pes)
    found["mapping_efficiency"] = outputs[:, O_MAPPED] / outputs[:, O_OFFERED]
    found["latency_ns"] = found["cycles"] * (1000.0 / clock_mhz)
    _add_array(found, columns, outputs, technology(node_nm), pes)
    _add_srams(found, columns, node_nm)
    bits = found["dram_words"] * columns["word_bits"]
    found["dram_bandwidth_gbit_per_s"] = bits / found["latency_ns"]
    peak = columns["dram_bandwidth"] * columns["word_bits"]
    found["peak_dram_bandwidth_gbit_per_s"] = peak * (clock_mhz / 1000.0)
    found["dram_energy_pj"] = bits * dram_pj_per_bit
    found["energy_pj"] = _total(found, ENERGY_PARTS)
    found["average_power_mw"] = found["energy_pj"] / found["latency_ns"]
    found["area_mm2"] = found["pe_area_mm2"] + found["sram_area_mm2"]
    return np.stack([found[metric.name] for metric in METRICS], axis=1)


def _total(found: Mapping[str, Reals], parts: tuple[str, ...]) -> Reals:
    return np.sum([found[part] for part in parts], axis=0)


def _add_array(found: dict[str, Reals], columns: Columns, outputs: Reals, node: Technology, pes: Reals) -> None:
    """Add energy and area of MACs and registers; registers in proportion to the bits of a word."""
    wide = columns["word_bits"] == 16
    narrow_mac, wide_mac, register = node.mac(8), node.mac(16), node.register()
    share = columns["word_bits"] / _REGISTER_BITS
    found["mac_energy_pj"] = found["macs"] * np.where(wide, wide_mac.energy_pj, narrow_mac.energy_pj)
    found["register_energy_pj"] = outputs[:, O_REGISTER_WRITES] * share * register.energy_pj
    mac_area = np.where(wide, wide_mac.area_mm2, narrow_mac.area_mm2)
    found["pe_area_mm2"] = pes * (mac_area + REGISTERS_PER_PE * share * register.area_mm2)


def _add_srams(found: dict[str, Reals], columns: Columns, node_nm: int) -> None:
    """Add energy, leakage and area of the SRAMs; see the module for what reads and writes each."""
    words_per_access = SRAM_PORT_BITS / columns["word_bits"]
    leakage_mw, area = np.zeros(len(words_per_access)), np.zeros(len(words_per_access))
    spilled = found["partial_sum_dram_reads"]
    accesses = {
        "ifmap": (found["ifmap_sram_reads"], found["ifmap_dram_reads"]),
        "filter": (found["filter_sram_reads"], found["filter_dram_reads"]),
        "ofmap": (found["ofmap_sram_reads"] + found["ofmap_dram_writes"], found["ofmap_sram_writes"] + spilled),
    }
    for name, (reads, writes) in accesses.items():
        read_pj, write_pj, macro_area, leakage = sram_costs(node_nm, columns[f"{name}_sram_kib"])
        found[f"{name}_sram_energy_pj"] = (reads * read_pj + writes * write_pj) / words_per_access
        leakage_mw, area = leakage_mw + leakage, area + macro_area
    found["leakage_energy_pj"] = leakage_mw * found["latency_ns"]
    found["sram_area_mm2"] = area


def sram_costs(node_nm: int, size_kib: NDArray[np.int64]) -> Reals:
    """Return read pJ, write pJ, mm2 and leakage mW of SRAMs with a 64-bit port, ``[4, n]``."""
    if len(size_kib) == 1:
        return np.array(_sram(node_nm, int(size_kib[0])))[:, None]
    sizes, which = np.unique(size_kib, return_inverse=True)
    return np.array([_sram(node_nm, size) for size in sizes.tolist()]).T[:, which]


@lru_cache(maxsize=4096)
def _sram(node_nm: int, size_kib: int) -> tuple[float, float, float, float]:
    figures = technology(node_nm).sram(1024 * size_kib)
    return tuple(float(x) for x in (figures.read_pj, figures.write_pj, figures.area_mm2, figures.leakage_mw))  # type: ignore[return-value]


def audits(counts_last_cycle: bool, waits_for_dram: bool) -> tuple[Audit, ...]:
    """Return the laws of an array.

    Args:
        counts_last_cycle: whether no cycle goes uncounted, so that none has more MACs than PEs.
        waits_for_dram: whether the array stalls, so that DRAM never moves more than its bandwidth.
    """
    laws: tuple[Audit, ...] = (
        *(sum_of_parts(total, parts) for total, parts in SUMS.items()),
        at_most("mapping_efficiency", 1.0, "a fold uses no more PEs than there are"),
        Audit("dram-is-compulsory", "inputs, weights and outputs cross the DRAM interface", _moves_the_compulsory),
        product_of_factors("energy_pj", ("average_power_mw", "latency_ns"), "power-times-time"),
    )
    if counts_last_cycle:
        laws = (*laws, at_most("utilisation", 1.0, "cycles >= MACs / PEs"))
    if waits_for_dram:
        law = "DRAM moves no more than dram_bandwidth words a cycle"
        laws = (*laws, Audit("dram-bandwidth-bounded", law, _within_the_peak))
    return laws


def _within_the_peak(evaluation: Evaluation) -> np.ndarray:
    peak = evaluation.column("peak_dram_bandwidth_gbit_per_s")
    return evaluation.column("dram_bandwidth_gbit_per_s") <= peak * (1 + 1e-9)


def _moves_the_compulsory(evaluation: Evaluation) -> np.ndarray:
    return evaluation.column("dram_words") >= evaluation.column("compulsory_dram_words")
