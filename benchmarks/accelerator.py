"""Speed of the hierarchical accelerator model on one thread, warm, mappings given.

    python -m benchmarks.accelerator
    python -m benchmarks.accelerator --network bert-base --points 20000

Points: one layer, one mapping, one architecture each, in chunks of 4096 whose arrays are used again. Layers of AlexNet,
ResNet-18, MobileNetV2 and BERT; random mappings; five hierarchies. ``perfect``: tiles divide the layer, in each mode.
``ragged``: tiles need not divide it, which only mode default can express.

Designs: a whole network on one architecture, one mapping per distinct layer, summed over executions.

The figure is the best of several repetitions by the process's own CPU time, so that other programs on the machine
disturb it little.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.timing import best_seconds
from simulators.accelerator.architecture import Architecture, StorageLevel, stack
from simulators.accelerator.kernel import evaluate_networks, evaluate_points
from simulators.accelerator.kernel_layout import (
    COUNTS,
    DIMS,
    F_COLUMNS,
    F_DRAM,
    F_GLB,
    F_INNER,
    F_MIDDLE,
    F_OUTER,
    F_ROWS,
    FACTOR_ROWS,
    LEVELS,
    OK,
    RESULTS,
)
from simulators.accelerator.layers import Layer
from simulators.accelerator.modes import MODES, chosen_repairs, repair_bits
from simulators.accelerator.workloads import load_network

NETWORKS = ("alexnet", "resnet18", "mobilenet-v2", "bert-base")
CHUNK = 4096
ARRAYS = ((4, 4), (8, 8), (14, 12), (16, 16), (32, 32))
ALL = ("Weights", "Inputs", "Outputs")
HIERARCHIES = {
    "all kept": (ALL, (ALL,)),
    "weight stationary": (ALL, (("Weights",),)),
    "output stationary": (ALL, (("Outputs",),)),
    "weights pass the GLB": (("Inputs", "Outputs"), (ALL,)),
    "split scratchpads": (("Inputs", "Outputs"), (("Inputs",), ("Weights",), ("Outputs",))),
}
"""What the GLB and the levels inside a PE keep. Capacities are unlimited: any mapping is evaluated to the end."""
PE_ROWS = (F_OUTER, F_MIDDLE, F_INNER)
"""Rows of the factors for the levels inside a PE."""


@dataclass(frozen=True)
class Points:
    """Arguments of the kernel, one row per point."""

    layers: NDArray[np.int64]
    factors: NDArray[np.int32]
    orders: NDArray[np.int8]
    archs: NDArray[np.float64]

    def chunks(self) -> list[Points]:
        return [
            Points(*(array[i : i + CHUNK] for array in (self.layers, self.factors, self.orders, self.archs)))
            for i in range(0, len(self.factors), CHUNK)
        ]


def main() -> None:
    options = parse()
    points_section(options)
    networks_section(options)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", action="append", help="name or file, whose layers are taken; may be repeated")
    parser.add_argument("--design-network", default="resnet18", help="network of whole designs")
    parser.add_argument("--points", type=int, default=4 * CHUNK)
    parser.add_argument("--designs", type=int, default=1000)
    parser.add_argument("--repetitions", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


# ---- points ------------------------------------------------------------------------------------------------------


def points_section(options: argparse.Namespace) -> None:
    generator = np.random.default_rng(options.seed)
    layers = [layer for name in options.network or NETWORKS for layer, _ in load_network(name).distinct]
    perfect = random_points(layers, options.points, generator, ragged=False)
    ragged = random_points(layers, options.points, generator, ragged=True)
    print(f"{'points':<12}{'mode':<12}{'M points/CPU-s':>16}{'ns/point':>12}")
    runs = [(f"{mode}", "perfect", perfect) for mode in MODES] + [("default", "ragged", ragged)]
    for mode, label, points in runs:
        seconds = time_points(points, repair_bits(chosen_repairs(mode)), options.repetitions)
        print(f"{label:<12}{mode:<12}{1e-6 / seconds:>16.2f}{1e9 * seconds:>12.0f}")


def time_points(points: Points, repairs: int, repetitions: int) -> float:
    """Return the least CPU seconds per point; arrays of results are those of the chunk before."""
    from simulators.accelerator.kernel import _points as kernel

    chunks = points.chunks()
    counts, results, status = np.zeros((CHUNK, *COUNTS)), np.zeros((CHUNK, RESULTS)), np.zeros(CHUNK, np.int64)

    def run() -> None:
        for c in chunks:
            n = len(c.factors)
            kernel(c.layers, c.factors, c.orders, c.archs, repairs, counts[:n], results[:n], status[:n])

    refused = sum(np.count_nonzero(evaluate_points(*vars(c).values(), repairs)[0] != OK) for c in chunks)
    if refused:
        raise SystemExit(f"{refused} of the random mappings were refused: the figure would be too good")
    return best_seconds(run, repetitions) / len(points.factors)


def random_points(layers: Sequence[Layer], count: int, generator: np.random.Generator, ragged: bool) -> Points:
    chosen = [layers[i] for i in generator.integers(len(layers), size=count)]
    built = [random_architecture(generator) for _ in range(count)]
    mappings = [random_mapping(layer, arch, generator, ragged) for layer, arch in zip(chosen, built, strict=True)]
    factors, orders = zip(*mappings, strict=True)
    return Points(np.stack([layer.words for layer in chosen]), np.stack(factors), np.stack(orders), stack(built))


def random_architecture(generator: np.random.Generator) -> Architecture:
    glb_keeps, pe_keeps = HIERARCHIES[str(generator.choice(list(HIERARCHIES)))]
    columns, rows = ARRAYS[generator.integers(len(ARRAYS))]
    throttled = generator.random() < 0.5
    dram, glb = (8.0, 32.0) if throttled else (np.inf, np.inf)
    return Architecture(
        "random",
        columns,
        rows,
        StorageLevel("DRAM", read_pj=512, write_pj=512, block_words=4, read_bandwidth=dram, write_bandwidth=dram),
        StorageLevel("GLB", glb_keeps, read_pj=26, write_pj=20, block_words=4, read_bandwidth=glb, write_bandwidth=glb),
        tuple(StorageLevel(f"PE {i}", keeps, read_pj=0.1, write_pj=0.1) for i, keeps in enumerate(pe_keeps)),
        mac_pj=3.0,
    )


def random_mapping(
    layer: Layer, arch: Architecture, generator: np.random.Generator, ragged: bool
) -> tuple[NDArray[np.int32], NDArray[np.int8]]:
    """Put each prime factor of each bound at a random place; ``ragged``: of the bound or up to a fifth more."""
    factors = np.ones((FACTOR_ROWS, DIMS), dtype=np.int32)
    inside = PE_ROWS[-len(arch.pe_levels) :]
    for d, bound in enumerate(layer.bounds):
        target = int(generator.integers(bound, bound + bound // 5 + 1)) if ragged else bound
        for prime in primes(target):
            place = int(generator.choice([F_DRAM, F_DRAM, F_GLB, F_GLB, F_COLUMNS, F_ROWS, *inside]))
            if place in (F_COLUMNS, F_ROWS):
                limit = arch.columns if place == F_COLUMNS else arch.rows
                place = place if np.prod(factors[place]) * prime <= limit else F_GLB
            factors[place, d] *= prime
    orders = np.stack([generator.permutation(DIMS) for _ in range(LEVELS)]).astype(np.int8)
    return factors, orders


def primes(number: int) -> list[int]:
    found, divisor = [], 2
    while number > 1:
        while number % divisor == 0:
            found.append(divisor)
            number //= divisor
        divisor += 1 if divisor * divisor <= number else max(1, number - divisor)
    return found


# ---- networks ----------------------------------------------------------------------------------------------------


def networks_section(options: argparse.Namespace) -> None:
    generator = np.random.default_rng(options.seed)
    network = load_network(options.design_network)
    distinct = network.distinct
    built = [random_architecture(generator) for _ in range(options.designs)]
    mappings = [[random_mapping(layer, arch, generator, False) for layer, _ in distinct] for arch in built]
    factors = np.array([[factors for factors, _ in of_design] for of_design in mappings])
    orders = np.array([[orders for _, orders in of_design] for of_design in mappings])
    archs = stack(built)
    print(f"\n{'designs':<24}{'mode':<12}{'k designs/CPU-s':>16}{'M layers/CPU-s':>16}")
    for mode in MODES:
        repairs = repair_bits(chosen_repairs(mode))
        seconds = best_seconds(
            lambda repairs=repairs: evaluate_networks(network.words, network.times, factors, orders, archs, repairs),
            options.repetitions,
        )
        rate, label = options.designs / seconds, f"{options.design_network}, {len(distinct)} layers"
        print(f"{label:<24}{mode:<12}{rate / 1e3:>16.0f}{rate * len(distinct) / 1e6:>16.2f}")


if __name__ == "__main__":
    main()
