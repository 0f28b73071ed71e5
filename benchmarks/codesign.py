"""Designs per CPU-second of mapping and co-design problems: ``python -m benchmarks.codesign``.

For each problem, side by side: the compiled decoder and model alone, on codes that are read already; the whole
``Problem.evaluate(indices)`` in batches, which includes decoding the space, building the hardware, metrics and audits;
and single designs through ``Problem.evaluate``. The bar for ResNet-18 is 50 000 and 25 000 designs per CPU-second for
the first two.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

import archgym_envs
from benchmarks.timing import best_seconds
from simulators import Problem
from simulators.accelerator.coded import CodedSimulator, single_network
from simulators.accelerator.kernel_decode_batches import evaluate_codes

PROBLEMS = (
    ("archgym/Mapping-v0", "resnet18/layer2.0.conv2"),
    ("archgym/CoDesign-v0", "alexnet-conv"),
    ("archgym/CoDesign-v0", "resnet18"),
    ("archgym/CoDesign-v0", "mobilenet-v2"),
)


def kernel_alone(problem: Problem, designs: np.ndarray) -> Callable[[], object]:
    """Return a call of the compiled part alone."""
    simulator = problem.simulator
    assert isinstance(simulator, CodedSimulator)
    free = {i.name: np.full(len(designs), i.default) for i in simulator.inputs}
    network = single_network(problem.workload)
    arguments = simulator.kernel_arguments(free | problem.space.decode(designs), network)
    return lambda: evaluate_codes(*arguments)


def singles(problem: Problem, designs: np.ndarray) -> Callable[[], object]:
    """Return a call that evaluates designs one by one."""
    return lambda: [problem.evaluate(designs[row : row + 1]) for row in range(len(designs))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print(f"{'designs per CPU-second':46}{'parameters':>11}{'kernel':>10}{'evaluate':>10}{'singles':>9}{'valid':>8}")
    for environment, workload in PROBLEMS:
        problem = archgym_envs.make_problem(environment, workload=workload)
        designs = problem.space.sample(options.batch, np.random.default_rng(0))
        alone = len(designs) / best_seconds(kernel_alone(problem, designs), options.repeats)
        whole = len(designs) / best_seconds(lambda p=problem, x=designs: p.evaluate(x), options.repeats)  # type: ignore[misc]
        single = 64 / best_seconds(singles(problem, designs[:64]), options.repeats)
        valid = problem.evaluate(designs).valid.mean()
        name = f"{environment} {workload}"
        print(f"{name:46}{problem.space.dimensions:11}{alone:10.0f}{whole:10.0f}{single:9.0f}{valid:8.1%}")


if __name__ == "__main__":
    main()
