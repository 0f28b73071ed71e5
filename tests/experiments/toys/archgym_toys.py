"""A toy environment and toy agents for tests of the experiments room, importable by worker processes."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

import archgym_envs
from agents import Agent, Hyperparameters, hyperparameter, register_agent
from agents.sweeps import Integer
from simulators import DesignSpace, Evaluation, Input, InvalidInputError, Metric, Parameter, Problem, Simulator
from simulators.errors import UnknownNameError

ENVIRONMENT = "toys/Bowl-v0"
PIPELINE = "toys/Pipeline-v0"
LOG_VARIABLE = "ARCHGYM_TOYS_LOG"
"""Every simulated design is appended to the file of this name: ``pid x y z`` per line."""


class Slope:
    """A workload: scales the bowl."""

    def __init__(self, name: str, factor: float) -> None:
        self.name, self.factor, self.digest = name, factor, str(factor)


class BowlSimulator(Simulator):
    """Energy of a bowl around (7, 11, 3); ``z = 13`` is invalid; each evaluation may take ``delay_s``."""

    name = "bowl"
    version = "1"
    inputs = tuple(Input(name, 0, minimum=0, maximum=15) for name in ("x", "y", "z"))
    metrics = (Metric("energy_pj", "pJ"), Metric("latency_ns", "ns"), Metric("speed_mhz", "MHz", "maximize"))

    def __init__(self, delay_s: float = 0.0) -> None:
        self.delay_s = delay_s

    def load_workload(self, name_or_path: str) -> Slope:
        slopes = {"gentle": 1.0, "steep": 3.0}
        if name_or_path not in slopes:
            raise UnknownNameError("workload", name_or_path, slopes)
        return Slope(name_or_path, slopes[name_or_path])

    def workload_names(self) -> tuple[str, ...]:
        return ("gentle", "steep")

    def evaluate_columns(self, columns: Any, workload: Slope) -> Evaluation:
        x, y, z = (np.asarray(columns[name], dtype=np.float64) for name in ("x", "y", "z"))
        self._note(columns)
        energy = 1.0 / 3.0 + workload.factor * ((x - 7) ** 2 + (y - 11) ** 2 + (z - 3) ** 2)
        values = np.stack([energy, 10.0 + 0.1 * x * y, 100.0 / (1.0 + z)], axis=1)
        valid = z != 13
        values[~valid] = np.nan
        return Evaluation(self.metrics, values, valid, tuple("" if ok else "z is unlucky" for ok in valid))

    def _note(self, columns: Any) -> None:
        if self.delay_s:
            time.sleep(self.delay_s * len(columns["x"]))
        if LOG_VARIABLE in os.environ:
            with Path(os.environ[LOG_VARIABLE]).open("a") as log:
                for row in zip(columns["x"], columns["y"], columns["z"], strict=True):
                    log.write(f"{os.getpid()} {' '.join(str(int(value)) for value in row)}\n")


def bowl(workload: str = "gentle", levels: int = 16, delay_s: float = 0.0) -> Problem:
    """The environment's problem: three parameters of ``levels`` values."""
    if not isinstance(levels, int) or not 1 <= levels <= 16:
        raise InvalidInputError(f"'levels' must be an integer from 1 to 16, got {levels!r}")
    simulator = BowlSimulator(delay_s)
    space = DesignSpace([Parameter(name, range(levels)) for name in ("x", "y", "z")])
    return Problem(simulator, space, simulator.load_workload(workload))


class ToyHyperparameters(Hyperparameters):
    batch: int = hyperparameter(4, "designs per ask", sweep=Integer(1, 16), ge=1)


class Hopper(Agent):
    """Proposes the best design so far with one entry changed: depends on everything it was told."""

    name = "hopper"
    version = "1"
    citation = "none"
    Hyperparameters: ClassVar = ToyHyperparameters

    def __init__(self, space: DesignSpace, seed: int, hyperparameters: Any = None) -> None:
        super().__init__(space, seed, hyperparameters)
        self._best: tuple[float, np.ndarray] | None = None

    def ask(self, n: int) -> np.ndarray:
        count = min(n, self.hyperparameters.batch)
        designs = self.space.sample(count, self.rng)
        if self._best is not None:
            for row in range(count):
                column = int(self.rng.integers(self.space.dimensions))
                value = designs[row, column]
                designs[row] = self._best[1]
                designs[row, column] = value
        return designs

    def tell(self, designs: np.ndarray, rewards: np.ndarray, evaluation: Evaluation | None = None) -> None:
        for design, reward in zip(designs, rewards, strict=True):
            if self._best is None or reward > self._best[0]:
                self._best = (float(reward), design.copy())


class Amnesiac(Hopper):
    """Not deterministic: its stream depends on the process it runs in."""

    name = "amnesiac"

    def __init__(self, space: DesignSpace, seed: int, hyperparameters: Any = None) -> None:
        super().__init__(space, seed, hyperparameters)
        self.rng = np.random.default_rng()


class Faulty(Hopper):
    """Raises on odd seeds after a few designs."""

    name = "faulty"

    def tell(self, designs: np.ndarray, rewards: np.ndarray, evaluation: Evaluation | None = None) -> None:
        super().tell(designs, rewards, evaluation)
        if self.seed % 2:
            raise RuntimeError("a wire came loose")


class Suicidal(Hopper):
    """Ends its process on odd seeds, always at the same place."""

    name = "suicidal"

    def ask(self, n: int) -> np.ndarray:
        if self.seed % 2 and self._best is not None:
            os._exit(17)
        return super().ask(n)


class Stuck(Hopper):
    """Proposes one and the same design for ever."""

    name = "stuck"

    def ask(self, n: int) -> np.ndarray:
        return self.space.default_indices


class Picky(Hopper):
    """Searches spaces of up to 1000 designs, and larger ones only in batches."""

    name = "picky"

    @classmethod
    def refusal(cls, space: DesignSpace, hyperparameters: Any) -> str:
        if space.size <= 1000 or hyperparameters.batch > 1:
            return ""
        return f"it has {space.size} designs; set batch, or take hopper"


def install() -> None:
    """Register the environments and the agents in this process."""
    archgym_envs.register(ENVIRONMENT, "archgym_toys:bowl", {"minimize": "energy_pj"}, doc="a toy")
    archgym_envs.register(PIPELINE, "tests.agents.pipeline_toy:pipeline", {"minimize": "cost"}, doc="a toy with hints")
    for name, entry in {
        "hopper": "Hopper",
        "amnesiac": "Amnesiac",
        "faulty": "Faulty",
        "suicidal": "Suicidal",
        "stuck": "Stuck",
        "picky": "Picky",
    }.items():
        register_agent(name, f"archgym_toys:{entry}")


def toy_config(**changes: Any) -> dict[str, Any]:
    """The data of a small experiment; keywords replace its fields."""
    data: dict[str, Any] = {
        "name": "toy",
        "problems": [{"environment": ENVIRONMENT, "objective": {"minimize": "energy_pj * latency_ns"}}],
        "agents": ["random_search", "hopper"],
        "budget": 30,
        "seeds": 3,
        "execution": {"workers": 0},
    }
    return {**data, **changes}
