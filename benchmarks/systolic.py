"""Speed of the systolic-array simulator: layer evaluations (points) per CPU-second on one thread, warm.

    python -m benchmarks.systolic
    python -m benchmarks.systolic --workload resnet18 --workload bert-base --designs 20000

Random designs of the search space in one batch. ``kernel``: cycles and counts alone, of each distinct layer on each
design; ``simulate``: everything that an evaluation takes, with energy, area and audits. The figure is the best of
several repetitions by the process's own CPU time. The last column is one design at a time, in microseconds.
"""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks.timing import best_seconds
from simulators.accelerator.suites import Suite
from simulators.accelerator.systolic import SystolicArray, systolic_space
from simulators.spaces import Columns

WORKLOADS = ("resnet18", "mobilenet-v2", "bert-base", "resnet18+mobilenet-v2+bert-base")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", action="append", help="network, file or suite; may be repeated")
    parser.add_argument("--space", default="default")
    parser.add_argument("--mode", default="default")
    parser.add_argument("--designs", type=int, default=10_000)
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args()
    simulator = SystolicArray(mode=options.mode)
    columns = sampled(simulator, options.space, options.designs)
    print(
        f"{'workload':<34}{'layers':>7}{'kernel, M points/s':>20}{'simulate, M points/s':>22}{'designs/s':>11}{'us':>7}"
    )
    for name in options.workload or WORKLOADS:
        report(simulator, columns, simulator.load_workload(name), options.repetitions)


def sampled(simulator: SystolicArray, space: str, count: int) -> Columns:
    rng, found = np.random.default_rng(0), systolic_space(space)
    indices = np.stack([rng.integers(0, size, count) for size in found.cardinalities], axis=1)
    return simulator.check_columns(found.decode(indices))


def report(simulator: SystolicArray, columns: Columns, suite: Suite, repetitions: int) -> None:
    designs, layers = len(columns["dataflow"]), sum(len(network.distinct) for network in suite.networks)
    one = {name: column[:1] for name, column in columns.items()}

    def kernel() -> None:
        for network in suite.networks:
            simulator.kernel_outputs(columns, network)

    def singly() -> None:
        for _ in range(100):
            simulator.evaluate_checked(one, suite)

    counted = best_seconds(kernel, repetitions)
    whole = best_seconds(lambda: simulator.evaluate_checked(columns, suite), repetitions)
    points, single = designs * layers / 1e6, best_seconds(singly, repetitions) / 100 * 1e6
    rates = f"{points / counted:>20.2f}{points / whole:>22.2f}{designs / whole:>11.0f}"
    print(f"{suite.name:<34}{layers:>7}{rates}{single:>7.0f}")


if __name__ == "__main__":
    main()
