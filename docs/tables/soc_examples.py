"""The examples of docs/soc.md: what repairs change on random chips, and a schedule that a faster block lengthens."""

from __future__ import annotations

from typing import Final

import numpy as np

from docs.tables.memory_controller import Cell, table
from simulators.evaluation import Evaluation
from simulators.soc import SocDescription, description_of, load_task_graph
from simulators.soc.model import SocModel
from simulators.soc.modes import REPAIRS
from simulators.soc.soc import Soc
from simulators.soc.spaces import soc_space
from simulators.spaces import Columns

WORKLOAD: Final = "edge_detection"
DESIGNS, MOST_UNROLL = 1000, 64
SHOWN: Final = {
    "latency_ns": "latency",
    "energy_pj": "energy",
    "peak_power_mw": "peak power",
    "non_dram_area_mm2": "area without DRAM",
}
_SAME: Final = 1e-9


def random_accelerated(simulator: Soc) -> Columns:
    """Return random designs with an accelerator of up to 64 iterations at once for each task."""
    space, rng = soc_space(simulator.layout), np.random.default_rng(0)
    drawn = np.stack([rng.integers(0, size, DESIGNS) for size in space.cardinalities], axis=1)
    columns = dict(space.decode(drawn))
    for name, values in columns.items():
        if name.endswith("_pe"):
            columns[name] = np.full(DESIGNS, "accelerator")
        elif name.endswith("_unroll"):
            columns[name] = np.minimum(values, MOST_UNROLL)
    return columns


def repairs() -> str:
    """Return by which factors repairs change the metrics of random chips."""
    simulator = Soc(WORKLOAD, mode="farsi")
    columns = random_accelerated(simulator)
    before = simulator.simulate(columns, simulator.graph)
    rows: list[list[Cell]] = []
    for name in (*REPAIRS, "all"):
        repaired = Soc(WORKLOAD, repairs=name)
        after = repaired.simulate(columns, repaired.graph)
        title = "all, mode `default`" if name == "all" else f"`{name}`"
        rows.append([title, *(_factors(before, after, metric) for metric in SHOWN)])
    return table(("repair", *SHOWN.values()), rows)


def _factors(before: Evaluation, after: Evaluation, metric: str) -> str:
    factors = after.column(metric) / before.column(metric)
    changed = factors[np.abs(factors - 1.0) > _SAME]
    if not len(changed):
        return ""
    share = f"{len(changed) / len(factors):.0%}".replace("%", " %")
    middle, least, most = (_factor(value) for value in (np.median(changed), changed.min(), changed.max()))
    return f"{share}: {middle}" if least == most else f"{share}: {middle} ({least} to {most})"


def _factor(value: float) -> str:
    """Return a change: in percent, or as a factor where it is twofold."""
    if not 0.5 < value < 2.0:
        return f"x {value:.2g}"
    percent = 100 * (value - 1)
    return (
        f"{percent:+.{0 if abs(percent) >= 10 else 1 if abs(percent) >= 1 else 2}f} %"
        if abs(percent) >= 0.005
        else "~ 0"
    )


def unpriced_share() -> float:
    """Return the share of random designs of two workloads in which a memory has a size without figures."""
    simulator = Soc("edge_detection+hpvm_cava", mode="farsi")
    columns = random_accelerated(simulator)
    return 1.0 - float(simulator.simulate(columns, simulator.graph).valid.mean())


ANOMALY_TASK: Final = "setAndFFT_right_fxp_cloned"


def anomaly_chip(clock_mhz: int) -> SocDescription:
    """Return two processors and one accelerator, of that clock, for the audio decoder."""
    wide = {"width_bytes": 128, "clock_mhz": 800}
    left = dict.fromkeys(("IFFT_left_fxp_cloned", "overlap_left_fxp_cloned"), "cpu1")
    chip = {
        "blocks": {
            "cpu0": {"kind": "gpp"},
            "cpu1": {"kind": "gpp"},
            "acc": {"kind": "ip", "task": ANOMALY_TASK, "unroll": 1, "clock_mhz": clock_mhz},
            "ram": {"kind": "sram", **wide},
            "bus": {"kind": "bus", **wide},
        },
        "links": [[name, "bus"] for name in ("cpu0", "cpu1", "acc", "ram")],
        "tasks": {"default": "cpu0", **left, ANOMALY_TASK: "acc"},
        "memories": {"default": "ram"},
    }
    return description_of(chip, load_task_graph("audio_decoder"))


def anomaly() -> str:
    """Return how the schedule changes with the accelerator's clock."""
    model = SocModel(load_task_graph("audio_decoder"))
    shown = {
        "`setAndFFT_right` ends": lambda tasks: tasks[ANOMALY_TASK].end_s,
        "`FIR_right` starts": lambda tasks: tasks["FIR_right_fxp_cloned"].start_s,
        "`FIR_left` starts": lambda tasks: tasks["FIR_left_fxp_cloned"].start_s,
        "all is done": lambda tasks: tasks["siink"].end_s,
    }
    rows: list[list[Cell]] = []
    for clock in (100, 400):
        tasks = model.record(anomaly_chip(clock)).tasks
        rows.append([f"{clock} MHz", *(f"{1e3 * of(tasks):.3f}" for of in shown.values())])
    return table(("accelerator of `setAndFFT_right`", *(f"{name}, ms" for name in shown)), rows)
