"""What a step costs beyond the simulator: ``python -m benchmarks.environment``.

The environment is made with ``gymnasium.make`` (default wrappers). For random designs, ``env.step`` and
``simulator.evaluate_checked`` of the same design, already decoded, are timed in turn in one process; the
overhead is the median over designs of the differences. The bar is 50 microseconds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

import archgym_envs

ENVIRONMENT = "archgym/MemoryController-v0"
BAR_US = 50.0


def seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def decoded(problem: archgym_envs.registration.Problem, action: np.ndarray) -> dict[str, np.ndarray]:
    columns = problem.space.decode(problem.space.canonical(action[None]))
    return problem.simulator.check_columns(columns)


def overhead_us(env: gymnasium.Env, designs: int, repeats: int) -> tuple[float, float, float]:
    """Return step, simulator and step minus simulator, medians over designs of the best of ``repeats``."""
    problem = env.unwrapped.problem
    env.reset(seed=0)
    env.action_space.seed(0)
    rows = []
    for _ in range(designs):
        action = env.action_space.sample()
        columns = decoded(problem, action)
        pairs = [
            (
                seconds(lambda: problem.simulator.evaluate_checked(columns, problem.workload)),  # noqa: B023
                seconds(lambda: env.step(action)),  # noqa: B023
            )
            for _ in range(repeats)
        ]
        simulator, step = np.min(pairs, axis=0) * 1e6
        rows.append((step, simulator, step - simulator))
    step, simulator, difference = np.median(rows, axis=0)
    return float(step), float(simulator), float(difference)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--workload", nargs="+", default=["synthetic/streaming?requests=100", "recorded/sqlite-query"]
    )
    parser.add_argument("--designs", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    print(f"{'workload':32} {'step us':>10} {'simulator us':>13} {'overhead us':>12}   bar {BAR_US:g} us")
    for workload in options.workload:
        env = gymnasium.make(ENVIRONMENT, workload=workload)
        step, simulator, difference = overhead_us(env, options.designs, options.repeats)
        print(f"{workload:32} {step:10.1f} {simulator:13.1f} {difference:12.1f}")
    vector = gymnasium.make_vec(ENVIRONMENT, num_envs=64, workload=options.workload[0])
    vector.reset(seed=0)
    actions = vector.action_space.sample()
    per_design = min(seconds(lambda: vector.step(actions)) for _ in range(options.repeats)) / 64 * 1e6
    print(f"{'64 environments, one step':32} {per_design:10.1f} per design")


if __name__ == "__main__":
    main()
