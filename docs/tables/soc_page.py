"""The generated tables of docs/soc.md: ``python -m docs.tables.soc_page`` writes them anew.

A table stands between ``<!-- table: NAME -->`` and ``<!-- end of table -->``. A test compares page and code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from docs.tables.memory_controller import Cell, docstring_table, table, with_tables
from docs.tables.soc_examples import anomaly, repairs
from simulators.soc import BlockType, HardwareLibrary, Task, cacti_table, load_task_graph, modes, task_graph_names
from simulators.soc.modes import bus_j_per_byte, costs_of, leakage_w_per_m2, repair_bits
from simulators.soc.random_graphs import RANDOM_OPTIONS

PAGE: Final = Path(__file__).parents[1] / "soc.md"
EXAMPLE_TASK: Final = "gaussianSmoothing"
_BITS: Final = repair_bits(list(modes.REPAIRS))


def thousands(number: float) -> str:
    """Return an integer with spaces between thousands."""
    return f"{number:,.0f}".replace(",", " ")


def workloads() -> str:
    """Return the task graphs that ship."""
    rows: list[list[Cell]] = []
    for name in task_graph_names():
        graph = load_task_graph(name)
        working = [task for task in graph.tasks if task.work_instructions > 0]
        budgets = graph.budgets
        limits: list[Cell] = ["", "", ""]
        if budgets is not None:
            limits = [f"{budgets.latency_s[name] * 1e3:g}", f"{budgets.power_w * 1e3:g}", f"{budgets.area_m2 * 1e6:g}"]
        rows.append(
            [
                f"`{name}`",
                len(working),
                sum(task.accelerator is not None for task in working),
                f"{sum(task.work_instructions for task in working):.3g}",
                f"{sum(edge.bytes for edge in graph.edges) / 1e6:.3g}",
                *limits,
            ]
        )
    header = ("name", "tasks with work", "with accelerators", "instructions", "MB over edges")
    return table((*header, "latency, ms", "power, mW", "area, mm²"), rows)


def accelerators() -> str:
    """Return what unrolling does to one accelerator."""
    graph = load_task_graph("edge_detection")
    library, task = HardwareLibrary.of(graph), graph.tasks[graph.index[EXAMPLE_TASK]]
    gpp = library.of_kind("gpp")[0]
    rows: list[list[Cell]] = [["processor", f"{task.work_instructions / gpp.rate * 1e3:.4g}", *_energy_area(gpp, task)]]
    for unroll, clock in ((1, 100), (1, 800), (16, 800), (256, 800), (4096, 800)):
        block = library.find("ip", EXAMPLE_TASK, unroll, clock)
        title = f"accelerator, {unroll}x at {clock} MHz"
        rows.append([title, f"{task.work_instructions / block.rate * 1e3:.4g}", *_energy_area(block, task)])
    return table((f"`{EXAMPLE_TASK}` on", "ms", "energy, µJ", "area, mm²"), rows)


def _energy_area(block: BlockType, task: Task) -> list[Cell]:
    per_joule, area = costs_of(block, _BITS)
    energy_uj = task.work_instructions / per_joule * 1e6
    return [thousands(energy_uj) if energy_uj >= 1000 else f"{energy_uj:.3g}", f"{area * 1e6:.3g}"]


def memories() -> str:
    """Return what memories cost by size."""
    found, rows = cacti_table(), list[list[Cell]]()
    for size in (256_000, 1_024_000, 4_096_000, 13_312_000, 51_200_000):
        row: list[Cell] = [f"{size / 1e6:g}"]
        for kind in ("sram", "dram"):
            figures = found.memory(kind, size, exact=False)
            row += [f"{figures.read_j_per_byte * 1e12:.3g}", f"{figures.write_j_per_byte * 1e12:.3g}"]
            row.append(f"{figures.area_m2 * 1e6:.3g}")
        rows.append(row)
    parts = ("read, pJ/B", "write, pJ/B", "area, mm²")
    return table(("MB", *(f"{kind} {part}" for kind in ("SRAM", "DRAM") for part in parts)), rows)


def constants() -> str:
    """Return what the repairs of costs add."""
    leakage = dict(zip(("processor", "accelerator", "SRAM", "DRAM", "bus"), leakage_w_per_m2(_BITS), strict=True))
    rows: list[list[Cell]] = [
        ["a byte over one bus", f"{bus_j_per_byte(_BITS) * 1e12:.3f} pJ"],
        ["a bus, per byte of width", f"{modes.BUS_M2_PER_BYTE_OF_WIDTH * 1e12:.0f} µm²"],
        *([f"leakage of 1 mm² of {name}", f"{watts * 1e-3:.3g} mW"] for name, watts in leakage.items()),
        ["energy of an accelerator at 800 MHz over that at 100 to 600 MHz", f"{_dvfs(800):.3f}"],
    ]
    return table(("", "in mode `default`"), rows)


def _dvfs(clock_mhz: float) -> float:
    return (modes.voltage(clock_mhz) / modes.voltage(100)) ** 2


def mode_table() -> str:
    """Return the repairs."""
    return docstring_table(modes.__doc__ or "", ("repair", "the reference", "repaired")).replace(":mod:", "")


def random_options() -> str:
    """Return the options of random task graphs."""
    rows: list[list[Cell]] = [[f"`{name}`", *map(thousands, limits)] for name, limits in RANDOM_OPTIONS.items()]
    return table(("option", "default", "least", "most"), rows)


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "modes": mode_table,
    "repairs": repairs,
    "constants": constants,
    "accelerators": accelerators,
    "memories": memories,
    "anomaly": anomaly,
}
"""Tables of docs/soc.md."""
WORKLOAD_TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "task graphs": workloads,
    "random task graphs": random_options,
}
"""Tables of docs/workloads.md."""


if __name__ == "__main__":
    for page, tables in ((PAGE, TABLES), (PAGE.parent / "workloads.md", WORKLOAD_TABLES)):
        page.write_text(with_tables(page.read_text(encoding="utf-8"), tables), encoding="utf-8")
