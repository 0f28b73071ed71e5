"""The generated tables of docs/accelerator.md: ``python -m docs.tables.accelerator_page`` writes them anew.

A table stands between ``<!-- table: NAME -->`` and ``<!-- end of table -->``. A test compares page and code.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from docs.tables.accelerator import components_table, interpolation_table, sram_table
from docs.tables.accelerator_examples import networks, repairs
from docs.tables.memory_controller import Cell, docstring_table, table
from simulators.accelerator import architecture_of, modes
from simulators.accelerator._metrics import METRICS
from simulators.accelerator.architecture import StorageLevel
from simulators.accelerator.fixed_hardware import HARDWARE
from simulators.accelerator.kernel_layout import TENSORS
from simulators.accelerator.mapper import EFFORTS
from simulators.accelerator.mapping_simulator import LayerMapping
from simulators.accelerator.spaces import accelerator_space, accelerator_space_names
from simulators.parameters import Parameter

PAGE: Final = Path(__file__).parents[1] / "accelerator.md"
_HIERARCHIES: Final = {
    "split": "three scratchpads",
    "unified": "all",
    "weight_stationary": "weights",
    "output_stationary": "outputs",
}


def thousands(number: float) -> str:
    """Return an integer with spaces between thousands."""
    return f"{number:,.0f}".replace(",", " ")


def accesses() -> str:
    """Return what the levels of the reference design cost."""
    built = architecture_of({})
    rows: list[list[Cell]] = [_access_row(level) for level in built.levels if level is not None]
    rows.append(["MAC", "", "", f"{built.mac_pj:.4g}", "", ""])
    return table(("level", "words", "words an access", "read, pJ", "write, pJ", "words a cycle, each way"), rows)


def _access_row(level: StorageLevel) -> list[Cell]:
    size = thousands(level.capacity_words) if math.isfinite(level.capacity_words) else "no limit"
    bandwidth = f"{level.read_bandwidth:g}" if math.isfinite(level.read_bandwidth) else "no limit"
    return [f"`{level.name}`", size, level.block_words, f"{level.read_pj:.4g}", f"{level.write_pj:.4g}", bandwidth]


def hardware() -> str:
    """Return the accelerators that have a name."""
    rows: list[list[Cell]] = []
    for name, design in HARDWARE.items():
        built = LayerMapping(name).architecture
        kept = "all" if len(built.glb.keeps) == len(TENSORS) else "inputs, outputs"
        rows.append(
            [
                f"`{name}`",
                f"{built.columns} x {built.rows}",
                _HIERARCHIES[str(design.get("hierarchy", "split"))],
                ", ".join(f"{level.capacity_words:g}" for level in built.pe_levels),
                f"{design.get('glb_kib', 108)} KiB: {kept}",
                f"{built.dram.read_bandwidth:g}",
                f"{built.area_mm2:.2f}",
            ]
        )
    header = ("name", "columns x rows", "a PE keeps", "words", "GLB keeps", "DRAM words a cycle", "area, mm²")
    return table(header, rows)


def spaces() -> str:
    """Return the sizes of the hardware spaces."""
    rows: list[list[Cell]] = []
    for name in accelerator_space_names():
        space = accelerator_space(name)
        canonical = thousands(space.count()) if space.size < 1e9 else "all"
        size = thousands(space.size) if space.size < 1e9 else f"{space.size:.3g}"
        rows.append([f"`{name}`", space.dimensions, size, canonical])
    return table(("space", "parameters", "designs", "canonical designs"), rows)


def parameters(space: str) -> str:
    """Return the parameters of a hardware space."""
    found = accelerator_space(space).parameters
    return table(("parameter", "values", "unit", "meaning"), [_parameter_row(p) for p in found])


def _parameter_row(parameter: Parameter) -> list[Cell]:
    values = [f"**{value}**" if value == parameter.default else str(value) for value in parameter.values]
    if len(values) > 9 and parameter.default not in parameter.values[3:-1]:
        values = [*values[:3], "...", values[-1]]
    elif len(values) > 9:
        at = parameter.values.index(parameter.default)
        shown = [0, 1, *range(max(2, at), at + 1), len(values) - 1]
        values = [f"{'... ' if i and i - 1 not in shown else ''}{values[i]}" for i in shown]
    return [f"`{parameter.name}`", ", ".join(values), parameter.unit or "", parameter.doc]


def efforts() -> str:
    """Return how hard the mapper searches."""
    rows: list[list[Cell]] = [
        [
            f"`{name}`",
            e.draws,
            e.walks,
            thousands(e.steps),
            f"{e.small_walks}, {thousands(e.small_steps)}",
            f"{thousands(e.certify_splits)}, {thousands(e.certify_mappings)}",
            f"{thousands(e.list_splits)}, {thousands(e.list_mappings)}",
        ]
        for name, e in EFFORTS.items()
    ]
    tried = ("all tried up to: splits, mappings", "usual orders tried up to: splits, mappings")
    return table(("effort", "random mappings", "walks", "steps each", "small layers: walks, steps", *tried), rows)


def metrics() -> str:
    """Return all metrics with units."""
    better = {"minimize": "less", "maximize": "more", "report": ""}
    rows: list[list[Cell]] = [
        [f"`{m.name}`", "" if m.unit == "1" else m.unit, better[m.direction], m.doc] for m in METRICS
    ]
    return table(("metric", "unit", "better", "meaning"), rows)


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "modes": lambda: docstring_table(modes.__doc__ or "", ("repair", "the reference", "repaired")),
    "repairs": repairs,
    "accesses": accesses,
    "components": components_table,
    "sram": sram_table,
    "interpolation": interpolation_table,
    "hardware": hardware,
    "spaces": spaces,
    "parameters of default": lambda: parameters("default"),
    "parameters of archgym": lambda: parameters("archgym"),
    "efforts": efforts,
    "networks": networks,
    "metrics": metrics,
}


def with_tables(page: str) -> str:
    """Return a page with every table written anew."""
    return re.sub(
        r"(<!-- table: (.+?) -->\n).*?(<!-- end of table -->)",
        lambda found: f"{found[1]}{TABLES[found[2]]()}\n{found[3]}",
        page,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
