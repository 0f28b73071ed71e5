"""Tables about the DNN accelerator simulator, generated from its data and code."""

from __future__ import annotations

import math
from typing import Final

from docs.tables.memory_controller import Cell, table
from simulators.accelerator._sram import read_table, sram_points
from simulators.accelerator.technology import INTERPOLATION_BAR, NODES_NM, SRAM_METRICS, HeldOutPoint, leave_one_out

SOURCES: Final = {
    "A": "Aladdin (ISCA 2014) through hwcomponents-library",
    "R": "the 45 nm figure times the 16-bit MACs' ratio of 22 to 45 nm",
    "C": "composed from Aladdin's 40 nm multiplier and adder, scaled as the node's 16-bit MAC",
}
"""What the letters of ``data/components.csv`` stand for."""
_HEADER: Final = ("read, pJ", "write, pJ", "area, mm²", "leakage, mW", "cycle, ns")


def sram_table() -> str:
    """Return CACTI's macros: node, size, port and what an access and the macro cost."""
    rows: list[list[Cell]] = [
        [point.node_nm, point.size_bytes // 1024, point.port_bits, *map(_figure, point.values)]
        for node in NODES_NM
        for point in sram_points(node)
    ]
    return table(("node, nm", "size, kB", "port, bits", *_HEADER), rows)


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4g}"


def interpolation_table() -> str:
    """Return how far sizes left out of the curve are from CACTI, by node and metric."""
    rows = [_errors(node, metric) for node in NODES_NM for metric in SRAM_METRICS[:3]]
    beyond = f"beyond {INTERPOLATION_BAR:.0%}"
    return table(("node, nm", "metric", "median error", "largest error", beyond, "at 8 kB", "at 2 MB"), rows)


def _errors(node_nm: int, metric: str) -> list[Cell]:
    points = [point for point in leave_one_out(node_nm) if point.metric == metric]
    inner = sorted((point for point in points if point.interior), key=lambda point: abs(point.relative_error))
    missed = sorted((p for p in inner if abs(p.relative_error) > INTERPOLATION_BAR), key=lambda p: p.size_bytes)
    ends = [f"{point.relative_error:+.1%}" for point in points if not point.interior]
    middle, worst = (f"{abs(point.relative_error):.1%}" for point in (inner[len(inner) // 2], inner[-1]))
    return [node_nm, f"`{metric}`", middle, worst, ", ".join(map(_missed, missed)) or "none", *ends]


def _missed(point: HeldOutPoint) -> str:
    return f"{point.size_bytes // 1024} kB {point.relative_error:+.1%}"


def components_table() -> str:
    """Return the datapath's parts and DRAM with the source of each figure."""
    rows: list[list[Cell]] = [
        [
            f"{row['bits']}-bit {_name(row['component'])}",
            row["node_nm"],
            row["energy_pj"],
            row["area_um2"],
            _source(row["energy_source"], row["area_source"]),
        ]
        for row in read_table("components")
    ]
    dram: list[list[Cell]] = [
        [f"DRAM `{row['kind']}`, per bit", "any", row["pj_per_bit"], "", row["source"]] for row in read_table("dram")
    ]
    return table(("part", "node, nm", "energy, pJ", "area, µm²", "source"), rows + dram)


def _name(component: str) -> str:
    return "MAC" if component == "mac" else component


def _source(energy: str, area: str) -> str:
    return SOURCES[energy] if energy == area else f"energy: {SOURCES[energy]}; area: {SOURCES[area]}"
