"""A toy simulator that says what limits a design: a pipeline of stages that share memories.

Importable by worker processes (``tests.agents.pipeline_toy:pipeline``).
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from simulators import DesignSpace, Evaluation, Input, Metric, Parameter, Problem, Simulator

LOG_VARIABLE = "ARCHGYM_TOYS_LOG"
"""Every simulated design is appended to the file of this name, as the other toys do."""
WORK = (40, 900, 10, 200, 70, 400, 20, 20, 600, 5, 110, 250)
BYTES = (200, 10, 60, 500, 20, 90, 300, 40, 10, 150, 70, 30)
STAGES, MEMORIES = len(WORK), 3
WIDTHS = (1, 2, 4, 8, 16, 32, 64, 128)
MEMORY_NAMES = tuple(f"mem{j}" for j in range(MEMORIES))
MOST_TIME, MOST_AREA = 20.0, 260.0


class Nothing:
    name, digest = "none", "0"


def parameters() -> list[Parameter]:
    found = []
    for i in range(STAGES):
        found.append(Parameter(f"stage{i}_width", WIDTHS, group=f"stage{i}"))
        found.append(Parameter(f"stage{i}_memory", MEMORY_NAMES, group=f"stage{i}"))
    return found + [Parameter(f"{name}_width", WIDTHS, group=name) for name in MEMORY_NAMES]


class PipelineSimulator(Simulator):
    """The slowest stage or memory decides; every unit of width costs area. ``hints`` may be off or senseless."""

    name = "pipeline"
    version = "1"
    inputs = tuple(Input(p.name, p.default, choices=p.values) for p in parameters())
    metrics = (Metric("cost", "1", "minimize", "excess over the budgets of time and area"),)

    def __init__(self, hints: str = "bottleneck", delay_s: float = 0.0) -> None:
        self.hints, self.delay_s = hints, delay_s

    def settings(self) -> dict[str, Any]:
        return {"hints": self.hints}

    def load_workload(self, name_or_path: str) -> Nothing:
        return Nothing()

    def evaluate_columns(self, columns: Any, workload: Nothing) -> Evaluation:
        rows = len(columns["stage0_width"])
        designs = [{name: column[row] for name, column in columns.items()} for row in range(rows)]
        costs, limits = zip(*map(limited_cost, designs), strict=True)
        self._note(designs)
        named = limits if self.hints == "bottleneck" else [self.hints] * rows
        diagnostics = {"bottleneck": np.array(named)} if self.hints else {}
        return Evaluation.of_valid(self.metrics, np.array(costs)[:, None], diagnostics)

    def _note(self, designs: list[dict[str, Any]]) -> None:
        time.sleep(self.delay_s * len(designs))
        if LOG_VARIABLE in os.environ:
            with Path(os.environ[LOG_VARIABLE]).open("a") as log:
                for design in designs:
                    log.write(f"{os.getpid()} {' '.join(map(str, design.values()))}\n")


def limited_cost(design: dict[str, Any]) -> tuple[float, str]:
    """Return the excess of a design and the group that limits it: the slowest, or the largest where area is worse."""
    width = {f"stage{i}": float(design[f"stage{i}_width"]) for i in range(STAGES)}
    width |= {name: float(design[f"{name}_width"]) for name in MEMORY_NAMES}
    load = {f"stage{i}": WORK[i] for i in range(STAGES)} | dict.fromkeys(MEMORY_NAMES, 0)
    for i in range(STAGES):
        load[str(design[f"stage{i}_memory"])] += BYTES[i]
    taken = {group: load[group] / width[group] for group in width}
    late = max(0.0, max(taken.values()) / MOST_TIME - 1)
    area = sum(width.values())
    large = max(0.0, area / MOST_AREA - 1)
    worst = taken if late >= large else width
    return late + large, max(worst, key=worst.__getitem__)


def pipeline(hints: str = "bottleneck", delay_s: float = 0.0) -> Problem:
    return Problem(PipelineSimulator(hints, delay_s), DesignSpace(parameters(), name="pipeline"), Nothing())
