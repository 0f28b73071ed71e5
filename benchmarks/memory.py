"""Speed of the memory-controller simulator: requests per CPU-second on one thread, warm.

    python benchmarks/memory.py                              synthetic workloads
    python benchmarks/memory.py --trace my.stl --trace b.stl.gz
    python benchmarks/memory.py --per-design                 one line per design policy, around the reference design

Random designs of the search space ``rl`` (or ``--space``), simulated in one batch. The figure is the best of
several repetitions by the process's own CPU time, so that other programs on the machine disturb it little.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from simulators.memory import DecodedTrace, MemoryController, memory_space
from simulators.spaces import Columns

WORKLOADS = ("synthetic/streaming", "synthetic/uniform-random", "synthetic/strided", "synthetic/cloud-mixture")
VARIANTS = {
    "reference design": {},
    "scheduler=Fifo": {"scheduler": ["Fifo"]},
    "scheduler=FrFcfsGrp": {"scheduler": ["FrFcfsGrp"]},
    "page_policy=OpenAdaptive": {"page_policy": ["OpenAdaptive"]},
    "page_policy=Closed": {"page_policy": ["Closed"]},
    "scheduler_buffer=Shared": {"scheduler_buffer": ["Shared"]},
    "request_buffer_size=128": {"request_buffer_size": [128]},
    "response_queue=Reorder": {"response_queue": ["Reorder"]},
    "arbiter=Fifo": {"arbiter": ["Fifo"]},
    "arbiter=Reorder": {"arbiter": ["Reorder"]},
    "refresh_policy=NoRefresh": {"refresh_policy": ["NoRefresh"]},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trace", action="append", help="workload name or trace file; may be repeated")
    parser.add_argument("--designs", type=int, default=100, help="random designs per batch")
    parser.add_argument("--repetitions", type=int, default=8)
    parser.add_argument("--space", default="rl", help="search space the designs come from")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--per-design", action="store_true", help="single design policies instead of random designs")
    options = parser.parse_args()
    simulator = MemoryController()
    space = memory_space(options.space)
    sampled = space.decode(space.sample(options.designs, np.random.default_rng(options.seed)))
    batches: dict[str, Columns] = {f"{options.designs} random designs of {options.space}": sampled}
    if options.per_design:
        batches = {name: simulator.check_columns(changed) for name, changed in VARIANTS.items()}
    print(f"{'workload':<28}{'requests':>9}  {'designs':<34}{'M requests per CPU-s':>21}{'ns per request':>16}")
    for name in options.trace or WORKLOADS:
        trace = simulator.load_workload(name)
        for label, columns in batches.items():
            seconds = best_seconds(simulator, simulator.check_columns(columns), trace, options.repetitions)
            requests = len(trace) * len(next(iter(columns.values())))
            print(
                f"{trace.name:<28}{len(trace):>9}  {label:<34}{requests / seconds / 1e6:>21.1f}"
                f"{seconds / requests * 1e9:>16.1f}"
            )


def best_seconds(simulator: MemoryController, columns: Columns, trace: DecodedTrace, repetitions: int) -> float:
    simulator.kernel_outputs(columns, trace)  # compiles, or loads from the cache
    times = []
    for _ in range(repetitions):
        start = time.process_time()
        simulator.kernel_outputs(columns, trace)
        times.append(time.process_time() - start)
    return min(times)


if __name__ == "__main__":
    main()
