"""Speed of the system-on-chip simulator on one thread, warm: designs per CPU-second.

    python -m benchmarks.soc
    python -m benchmarks.soc --workload audio_decoder --designs 20000

Distinct random designs of the default space. ``kernel``: from arrays that hold each chip's blocks, links and mapping to
all results; ``evaluate``: ``Problem.evaluate``, from indices to audited metrics with diagnostics. The last workload is
the size that a published kernel was measured with: 32 tasks, 63 edges and 32 blocks (16 PEs, 8 memories, a tree of 8
buses) on distinct random chips; it has no space.

The figure is the best of several repetitions by the process's own CPU time.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from benchmarks.timing import best_seconds
from simulators.problem import Problem
from simulators.soc import HardwareLibrary, TaskGraph, load_task_graph
from simulators.soc.block_library import CLOCKS_MHZ, WIDTHS_BYTES
from simulators.soc.description import Block, SocDescription
from simulators.soc.design_arrays import encode_designs
from simulators.soc.model import SocModel
from simulators.soc.modes import MODES
from simulators.soc.soc import Soc

WORKLOADS = ("edge_detection", "hpvm_cava", "audio_decoder")
LARGE = "random?tasks=30&seed=1&width=6&extra_edges_percent=30"
PROCESSORS, ACCELERATORS, MEMORIES, BUSES = 4, 12, 8, 8
CHUNK = 4096


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", action="append", help="task graph; may be repeated")
    parser.add_argument("--designs", type=int, default=8192)
    parser.add_argument("--large-designs", type=int, default=1000)
    parser.add_argument("--repetitions", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    titles = f"{'workload':<16}{'mode':<10}{'tasks':>6}{'blocks':>8}{'kernel, 1000/s':>16}"
    print(f"{titles}{'evaluate, 1000/s':>18}{'one, us':>9}")
    for mode in MODES:
        for name in options.workload or WORKLOADS:
            report(name, mode, options)
    if not options.workload:
        for mode in MODES:
            report_large(mode, options)


def report(name: str, mode: str, options: argparse.Namespace) -> None:
    simulator = Soc(name, mode=mode)
    problem = Problem(simulator, simulator.space(), simulator.graph)
    designs = random_designs(problem, options.designs, np.random.default_rng(options.seed))
    chips = simulator.describe(simulator.check_columns(problem.space.decode(designs)))
    kernel, blocks = kernel_seconds(simulator.model, chips, options.repetitions)
    parts = [designs[at : at + CHUNK] for at in range(0, len(designs), CHUNK)]
    whole = best_seconds(lambda: [problem.evaluate(part) for part in parts], options.repetitions) / len(designs)
    one = best_seconds(lambda: [problem.evaluate(designs[i : i + 1]) for i in range(100)], options.repetitions) / 100
    line(name, mode, len(simulator.graph.tasks), blocks, kernel, f"{1e-3 / whole:>18.0f}{1e6 * one:>9.0f}")


def report_large(mode: str, options: argparse.Namespace) -> None:
    graph, rng = load_task_graph(LARGE), np.random.default_rng(options.seed)
    model = SocModel(graph, mode)
    chips = [random_chip(graph, rng) for _ in range(options.large_designs)]
    kernel, blocks = kernel_seconds(model, chips, options.repetitions)
    line(f"{len(graph.edges)} edges", mode, len(graph.tasks), blocks, kernel, "")


def line(name: str, mode: str, tasks: int, blocks: int, kernel: float, rest: str) -> None:
    print(f"{name:<16}{mode:<10}{tasks:>6}{blocks:>8}{1e-3 / kernel:>16.1f}{rest}", flush=True)


def kernel_seconds(model: SocModel, chips: Sequence[SocDescription], repetitions: int) -> tuple[float, int]:
    """Return the CPU seconds of a design and the most blocks of one."""
    parts = [encode_designs(chips[at : at + CHUNK], model.graph, model.bits) for at in range(0, len(chips), CHUNK)]
    seconds = best_seconds(lambda: [model.simulate(part) for part in parts], repetitions)
    return seconds / len(chips), max(len(chip.blocks) for chip in chips)


def random_designs(problem: Problem, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return distinct random designs, canonical."""
    drawn = np.stack([rng.integers(0, size, 2 * count) for size in problem.space.cardinalities], axis=1)
    found = np.unique(problem.space.canonical(drawn), axis=0)
    return found[rng.permutation(len(found))[:count]]


def random_chip(graph: TaskGraph, rng: np.random.Generator) -> SocDescription:
    """Return a chip of 32 blocks on which every block is used by the graph's tasks."""
    library, names = HardwareLibrary.of(graph), [task.name for task in graph.tasks]
    own = [str(name) for name in rng.choice(library.accelerated_tasks, ACCELERATORS, replace=False)]
    blocks = [Block(f"gpp{i}", library.of_kind("gpp")[0]) for i in range(PROCESSORS)]
    for name in own:
        variants = library.accelerators(name)
        blocks.append(Block(name, variants[rng.integers(len(variants))]))
    for i in range(MEMORIES + BUSES):
        kind = "bus" if i >= MEMORIES else str(rng.choice(["sram", "dram"]))
        width, clock = int(rng.choice(WIDTHS_BYTES)), int(rng.choice(CLOCKS_MHZ))
        blocks.append(Block(f"{kind}{i}", library.find(kind, clock_mhz=clock, width_bytes=width)))  # type: ignore[arg-type]
    ids = [block.id for block in blocks]
    memories, buses = ids[-MEMORIES - BUSES : -BUSES], ids[-BUSES:]
    links = [(buses[i], buses[int(rng.integers(i))]) for i in range(1, BUSES)]
    links += [(block, str(rng.choice(buses))) for block in ids[:-BUSES]]
    on = {name: name if name in own else f"gpp{rng.integers(PROCESSORS)}" for name in names}
    held = {edge.name: str(rng.choice(memories)) for edge in graph.edges}
    return SocDescription(tuple(blocks), tuple(links), on, held)


if __name__ == "__main__":
    main()
