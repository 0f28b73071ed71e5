"""What a step costs beyond the simulator: ``python -m benchmarks.environment``.

The environment is made by ``gymnasium.make``. Every ``env.step`` of a random design is timed, and in it the call of
``simulator.evaluate_checked``; the overhead is the difference, step by step, so that the noise of the simulation
cancels. The bar is 50 microseconds. Each step uses another design than the one before, so that nothing is unusually
warm: after a long simulation the processor's caches hold the trace and not the environment.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import gymnasium
import numpy as np

import archgym_envs  # noqa: F401  makes the ids known to Gymnasium

ENVIRONMENT = "archgym/MemoryController-v0"
BAR_US = 50.0
WORKLOADS = ["synthetic/streaming?requests=100", "recorded/sqlite-query"]


class Stopwatch:
    """Times the simulator from within: replaces ``evaluate_checked`` of one instance."""

    def __init__(self, simulator: Any) -> None:
        self.seconds = 0.0
        self._evaluate = simulator.evaluate_checked
        simulator.evaluate_checked = self

    def __call__(self, columns: Any, workload: Any) -> Any:
        """Evaluate, and remember how long it took."""
        start = time.perf_counter()
        evaluation = self._evaluate(columns, workload)
        self.seconds = time.perf_counter() - start
        return evaluation


def measure(env: gymnasium.Env[Any, Any], steps: int) -> np.ndarray:
    """Return step, simulator and step minus simulator in microseconds, ``[steps, 3]``."""
    env.reset(seed=0)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(steps)]
    for action in actions[:50]:
        env.step(action)
    watch = Stopwatch(env.unwrapped.problem.simulator)  # type: ignore[attr-defined]
    rows = np.empty((steps, 3))
    for row, action in enumerate(actions):
        start = time.perf_counter()
        env.step(action)
        rows[row, :2] = time.perf_counter() - start, watch.seconds
    rows[:, 2] = rows[:, 0] - rows[:, 1]
    return rows * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workload", nargs="+", default=WORKLOADS)
    parser.add_argument("--steps", type=int, default=2000)
    options = parser.parse_args()
    print(f"{'microseconds':34}{'step':>10}{'simulator':>11}{'overhead: 10 %':>17}{'median':>9}   bar {BAR_US:g}")
    for workload in options.workload:
        times = measure(gymnasium.make(ENVIRONMENT, workload=workload), options.steps)
        step, simulator, overhead = np.median(times, axis=0)
        print(f"{workload:34}{step:10.1f}{simulator:11.1f}{np.quantile(times[:, 2], 0.1):17.1f}{overhead:9.1f}")
    vector = gymnasium.make_vec(ENVIRONMENT, num_envs=64, workload=options.workload[0])
    vector.reset(seed=0)
    vector.action_space.seed(0)
    batches = [vector.action_space.sample() for _ in range(50)]
    start = time.perf_counter()
    for actions in batches:
        vector.step(actions)
    per_design = (time.perf_counter() - start) / (64 * len(batches)) * 1e6
    print(f"{'64 environments, per design':34}{per_design:10.1f}")


if __name__ == "__main__":
    main()
