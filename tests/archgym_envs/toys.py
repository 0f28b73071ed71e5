"""A small problem with known numbers: two parameters that matter, one that may be inactive, one constraint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archgym_envs import EnvironmentSpec
from simulators import Constraint, DesignSpace, Evaluation, InactiveRule, Input, Metric, Parameter, Problem, Simulator
from simulators import InvalidInputError as Refused


@dataclass(frozen=True)
class Load:
    name: str
    scale: float

    @property
    def digest(self) -> str:
        return f"{self.name}:{self.scale}"


class Chip(Simulator):
    """energy_pj = lanes^2 scale, time_ns = 64 scale / lanes, throughput = 1/time, stalls = 8 - depth."""

    name = "chip"
    version = "1"
    inputs = (
        Input("lanes", 4, minimum=1, maximum=64),
        Input("buffer", "none", choices=("none", "fifo")),
        Input("depth", 8, minimum=1, maximum=8),
        Input("voltage", 1.0, minimum=0.5, maximum=2.0, integer=False),
    )
    metrics = (
        Metric("energy_pj", "pJ"),
        Metric("time_ns", "ns"),
        Metric("throughput_per_ns", "1/ns", "maximize"),
        Metric("stalls", "1", "report"),
    )

    def __init__(self) -> None:
        self.calls = 0

    def workload_names(self):
        return ("light", "heavy")

    def load_workload(self, name_or_path):
        scales = {"light": 1.0, "heavy": 10.0}
        if name_or_path not in scales:
            raise Refused(f"no workload {name_or_path!r}")
        return Load(name_or_path, scales[name_or_path])

    def evaluate_columns(self, columns, workload):
        self.calls += 1
        lanes = columns["lanes"].astype(np.float64)
        energy = lanes**2 * workload.scale * columns["voltage"] ** 2
        time = 64.0 * workload.scale / lanes
        fifo = columns["buffer"] == "fifo"
        stalls = np.where(fifo, 8.0 - columns["depth"], 0.0)
        values = np.stack([energy, time, 1.0 / time, stalls], axis=1)
        hot = lanes == 64
        values[hot] = np.nan
        return Evaluation(self.metrics, values, ~hot, tuple("too hot" if bad else "" for bad in hot))


def chip_space() -> DesignSpace:
    return DesignSpace(
        (
            Parameter("lanes", (1, 2, 4, 8, 16, 32, 64), 4, unit="lanes", group="core"),
            Parameter("buffer", ("none", "fifo"), group="memory"),
            Parameter("depth", (1, 2, 4, 8), 8, group="memory"),
        ),
        constraints=(Constraint("wide-needs-fifo", lambda c: (c["lanes"] < 32) | (c["buffer"] == "fifo")),),
        inactive=(InactiveRule("depth", {"buffer": ("none",)}),),
        name="chip",
    )


def chip(workload: str = "light") -> Problem:
    simulator = Chip()
    return Problem(simulator, chip_space(), simulator.load_workload(workload))


def design(**values: object) -> np.ndarray:
    """Indices ``[d]`` of a chip design by values."""
    return chip_space().encode({name: [value] for name, value in values.items()})[0]


SPEC = EnvironmentSpec("toy/Chip-v0", "tests.archgym_envs.toys:chip", {"minimize": "energy_pj * time_ns"})
