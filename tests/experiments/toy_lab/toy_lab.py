"""A tiny environment that the command-line tests find through entry points, as an outsider's package would be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from agents import Agent, Hyperparameters
from archgym_envs import EnvironmentSpec
from simulators import (
    DesignSpace,
    Evaluation,
    Input,
    InvalidInputError,
    Metric,
    Parameter,
    Problem,
    Simulator,
    UnknownNameError,
)

WORKLOADS = {"light": 1.0, "heavy": 8.0}


@dataclass(frozen=True)
class Work:
    name: str
    load: float

    @property
    def digest(self) -> str:
        return repr(self.load)


class ToySimulator(Simulator):
    """energy = load * cores * volts^2, delay = load / (cores * volts); 1 core cannot run at 0.5 V."""

    name, version = "toy", "1"
    inputs = (
        Input("cores", 4, minimum=1, maximum=64),
        Input("volts", 1.0, minimum=0.5, maximum=1.2, integer=False, unit="V"),
        Input("policy", "fair", choices=("fair", "greedy", "lazy")),
        Input("turbo", False, choices=(False, True)),
    )
    metrics = (Metric("energy_pj", "pJ"), Metric("delay_ns", "ns"))

    def workload_names(self) -> tuple[str, ...]:
        return tuple(WORKLOADS)

    def load_workload(self, name_or_path: str) -> Work:
        if name_or_path in WORKLOADS:
            return Work(name_or_path, WORKLOADS[name_or_path])
        if not Path(name_or_path).exists():
            raise UnknownNameError("workload", name_or_path, WORKLOADS)
        try:
            return Work(name_or_path, float(Path(name_or_path).read_text()))
        except ValueError as error:
            raise InvalidInputError(f"{name_or_path}, line 1: expected a number ({error})") from None

    def evaluate_columns(self, columns: Any, workload: Work) -> Evaluation:
        cores, volts = columns["cores"].astype(float), columns["volts"]
        waste = np.select([columns["policy"] == "fair", columns["policy"] == "greedy"], [1.0, 1.25], 1.5)
        waste = waste + 0.125 * columns["turbo"]
        values = np.stack([workload.load * cores * volts**2 * waste, workload.load / (cores * volts) * waste], axis=1)
        valid = ~((cores == 1) & (volts == 0.5))
        values[~valid] = np.nan
        return Evaluation(self.metrics, values, valid, tuple("" if good else "too slow to finish" for good in valid))


def toy_problem(workload: str = "light", space: str = "wide", flavour: Literal["plain", "odd"] = "plain") -> Problem:
    """Return the toy problem."""
    widest = {"small": 4, "wide": 16}
    if space not in widest:
        raise UnknownNameError("space", space, widest)
    simulator = ToySimulator()
    parameters = (
        Parameter("cores", range(1, widest[space] + 1), default=4),
        Parameter("volts", (0.5, 0.75, 1.0), default=1.0, unit="V"),
        Parameter("policy", ("fair", "greedy", "lazy"), default="lazy"),
        Parameter("turbo", (False, True)),
    )
    return Problem(simulator, DesignSpace(parameters, name=space), simulator.load_workload(workload))


class Crashing(Agent[Hyperparameters]):
    """An agent that fails in its third round for odd seeds."""

    name, version, citation = "crashing", "1", "none"
    Hyperparameters = Hyperparameters

    def ask(self, n: int) -> np.ndarray:
        self.rounds = getattr(self, "rounds", 0) + 1
        if self.rounds == 3 and self.seed % 2:
            raise RuntimeError("the crash of round three")
        return self.space.sample(1, self.rng)

    def tell(self, designs: np.ndarray, rewards: np.ndarray, evaluation: Evaluation | None = None) -> None:
        pass


class NeedsMore(Crashing):
    """An agent whose library is not installed."""

    name = "needs_more"
    requires = ("a_module_nobody_has",)


SPEC = EnvironmentSpec(
    "lab/Toy-v0", "toy_lab:toy_problem", {"minimize": "energy_pj * delay_ns"}, doc="Cores and volts, in closed form."
)
