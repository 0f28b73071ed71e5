"""How good the accelerator's mapper is, and how fast: ``python -m benchmarks.mapper [--quick]``.

* beside the best of 20 000 random mappings: layers x sizes x bandwidths x hierarchies x modes;
* beside the best of all mappings, where these can be tried: small layers, three objectives;
* CPU time of a whole ResNet-18 on architectures it has not seen, and has.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from benchmarks.all_mappings import best_of_all, scores
from benchmarks.mapper_cases import BANDWIDTHS, HIERARCHIES, SIZES, Size, architecture, layers_of_networks
from benchmarks.random_mappings import random_mappings
from simulators.accelerator.architecture import Architecture
from simulators.accelerator.kernel import evaluate_points
from simulators.accelerator.kernel_layout import OK
from simulators.accelerator.layers import Layer
from simulators.accelerator.mapper import OBJECTIVES, Mapper
from simulators.accelerator.modes import chosen_repairs, repair_bits
from simulators.accelerator.workloads import load_network

RANDOM = 20_000
MOST_DRAWS = 40_000_000
MODES = ("default", "timeloop")
TOLERANCE = 1e-3


class Case(NamedTuple):
    """One layer on one architecture."""

    layer: Layer
    arch: Architecture
    mode: str
    objective: str

    @property
    def repairs(self) -> int:
        """The kernel's bits of the mode's repairs."""
        return repair_bits(chosen_repairs(self.mode))

    def mapped(self, effort: str) -> float:
        """Return the mapper's score."""
        mapper = Mapper(self.objective, self.repairs, effort)
        found = mapper.map(self.layer.words[None], self.arch.words[None])
        return float(scores(found.results[0], self.objective)[0]) if found.status[0, 0] == OK else np.inf


def beside_random(cases: list[Case], effort: str, wanted: int) -> None:
    """Compare with the best of ``wanted`` random mappings; print ratios, mapper to random."""
    generator, ratios, few, worse = np.random.default_rng(7), [], 0, []
    for case in cases:
        drawn = random_mappings(case.layer, case.arch, case.repairs, wanted, generator, MOST_DRAWS)
        few += len(drawn.factors) < wanted
        if not len(drawn.factors):
            continue
        words = (case.layer.words[None], drawn.factors, drawn.orders, case.arch.words[None])
        best = float(scores(evaluate_points(*words, case.repairs)[2], case.objective).min())
        ratios.append(case.mapped(effort) / best)
        if ratios[-1] > 1:
            worse.append(case)
    found = np.array(ratios)
    print(f"beside the best of {wanted} random mappings: {len(found)} cases ({few} with fewer that fit in the draws)")
    print(f"  mapper / best random: median {np.median(found):.3f}, largest {found.max():.3f}; worse in {len(worse)}")
    for case in worse:
        print(f"  worse: {case.layer.name} {case.arch.name} {case.mode} {case.objective}")


def beside_all(cases: Iterator[Case], effort: str, wanted: int) -> None:
    """Compare with the best of all mappings, in the first ``wanted`` cases that can be enumerated."""
    ratios, tried, missed = [], 0, []
    for case in cases:
        found = case.mapped(effort)
        if not np.isfinite(found):
            continue
        best = best_of_all(case.layer, case.arch, case.repairs, case.objective, known=found * (1 + 1e-12))
        if not best.complete:
            continue
        tried += best.tried
        ratios.append(found / min(best.score, found))
        if ratios[-1] > 1 + TOLERANCE:
            missed.append((ratios[-1], case))
        if len(ratios) == wanted:
            break
    print(f"beside the best of all: {len(ratios)} cases, {tried:,} mappings tried one by one")
    print(f"  mapper / best: largest {max(ratios):.5f}; more than {TOLERANCE:g} above it in {len(missed)}")
    for ratio, case in missed:
        print(f"  missed: {ratio:.4f} {case.arch.name} {case.mode} {case.objective} {case.layer.bounds}")


def small_cases(seed: int, middle: bool) -> Iterator[Case]:
    """Yield layers whose mappings can all be tried: tiny ones, or those of middle size, where a search is hardest."""
    generator = np.random.default_rng(seed)
    choose = generator.choice
    while True:
        mode = str(choose(MODES)) if not middle else "timeloop"
        ragged = mode == "default"
        bounds = (2, 3, 4, 5) if ragged else (2, 3, 4, 6, 8, 16)
        layer = Layer(
            "tiny",
            m=int(choose((16, 32, 48) if middle else bounds)),
            c=int(choose((8, 16, 24) if middle else bounds)),
            p=int(choose((4, 7, 8, 12) if middle else (1, *bounds[:3]))),
            q=int(choose((1, 1, 4) if middle else (1, 2, 3))),
            r=int(choose((1, 1, 3))),
            s=1 if middle else int(choose((1, 1, 3))),
            stride_h=int(choose((1, 2))),
            stride_w=int(choose((1, 2))),
        )
        sizes = (
            ((2, 4, 8), (1, 2, 4), (64, 256), (8, 16, 32)) if middle else ((2, 3, 4), (1, 2, 3), (16, 64), (4, 8, 16))
        )
        size = Size(*(int(choose(values)) for values in sizes))
        hierarchies = HIERARCHIES[:-1] if middle else HIERARCHIES
        bandwidth = float(choose((np.inf, 4.0, 1.0)))
        yield Case(layer, architecture(str(choose(hierarchies)), size, bandwidth), mode, str(choose(list(OBJECTIVES))))


def speed(effort: str, count: int) -> None:
    """Print CPU seconds for a whole ResNet-18."""
    layers = np.array([layer.words for layer, _ in load_network("resnet18").distinct])
    archs = [
        architecture(hierarchy, size, bandwidth)
        for size in SIZES
        for hierarchy in HIERARCHIES
        for bandwidth in (np.inf, 8.0)
    ]
    for mode in MODES:
        mapper = Mapper("edp", repair_bits(chosen_repairs(mode)), effort)
        Mapper("edp", mapper.repairs, "quick").map(layers[:1], archs[0].words[None])  # compiled, or read from the cache
        seconds, again = [], []
        for arch in archs[:count]:
            for into in (seconds, again):
                start = time.process_time()
                mapper.map(layers, arch.words[None])
                into.append(time.process_time() - start)
        print(
            f"ResNet-18, mode {mode}: {np.median(seconds):.3f} s of CPU in the median of {len(seconds)} architectures, "
            f"{max(seconds):.3f} s at most; {1e3 * max(again):.2f} ms when mapped before"
        )


def main() -> None:
    """Run all three."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--effort", default="normal")
    parser.add_argument("--quick", action="store_true", help="a tenth of the cases")
    arguments = parser.parse_args()
    cases = [
        Case(layer, architecture(hierarchy, size, bandwidth), mode, "edp")
        for layer in layers_of_networks()
        for size in SIZES
        for hierarchy in HIERARCHIES
        for bandwidth in BANDWIDTHS.values()
        for mode in MODES
    ]
    print(
        f"effort {arguments.effort}; all cases: {len(cases)}, of which every {50 if arguments.quick else 5}th is taken"
    )
    speed(arguments.effort, 8 if arguments.quick else 40)
    beside_all(small_cases(1, middle=False), arguments.effort, 12 if arguments.quick else 60)
    beside_all(small_cases(2, middle=True), arguments.effort, 4 if arguments.quick else 30)
    beside_random(cases[:: 50 if arguments.quick else 5], arguments.effort, RANDOM)


if __name__ == "__main__":
    main()
