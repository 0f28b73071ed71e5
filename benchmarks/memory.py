"""Speed of the memory-controller simulator: requests per CPU-second on one thread, warm.

    python -m benchmarks.memory                              DDR3 on recorded and synthetic workloads
    python -m benchmarks.memory --trace my.stl --trace b.stl.gz
    python -m benchmarks.memory --features                   other memories, modes and policies beside DDR3
    python -m benchmarks.memory --per-design                 one line per design policy, around the reference design
    python -m benchmarks.memory --instructions               also instructions per request (perf, else valgrind)

Random designs of the search space ``rl`` (or ``--space``), simulated in one batch; the figure is the best of several
repetitions by the process's own CPU time, so that other programs on the machine disturb it little. With
``--features`` every variant runs in turn within each repetition, and the last column is DDR3's figure over its own.

Instructions are counted by two runs of this script in a process of its own, one with twice the repetitions of the
other: their difference leaves start-up and compilation out.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from simulators.memory import DecodedTrace, MemoryController, memory_space
from simulators.spaces import Columns

WORKLOADS = ("recorded/sqlite-query", "recorded/neural-network", "synthetic/streaming", "synthetic/uniform-random")
POLICIES = {
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
    "power_down_policy=Staggered": {"power_down_policy": ["Staggered"]},
}
PER_BANK = {"refresh_policy": "PerBank"}
POWER_DOWN = {"power_down_policy": "Staggered"}


@dataclass(frozen=True)
class Variant:
    """Random designs on one memory and mode, some parameters fixed for all of them."""

    label: str
    memory: str = "ddr3-1600"
    mode: str = "default"
    fixed: Mapping[str, str] = field(default_factory=dict)


FEATURES = (
    Variant("DDR3"),
    Variant("DDR3, mode dramsys", mode="dramsys"),
    Variant("DDR3, power-down", fixed=POWER_DOWN),
    Variant("DDR3, power-down, dramsys", mode="dramsys", fixed=POWER_DOWN),
    Variant("DDR4", "ddr4-2400"),
    Variant("LPDDR4", "lpddr4-3200"),
    Variant("LPDDR4, per-bank refresh", "lpddr4-3200", fixed=PER_BANK),
    Variant("LPDDR4, both", "lpddr4-3200", fixed={**PER_BANK, **POWER_DOWN}),
    Variant("HBM2", "hbm2"),
    Variant("HBM2, per-bank refresh", "hbm2", fixed=PER_BANK),
    Variant("HBM2, mode dramsys", "hbm2", mode="dramsys"),
)


@dataclass(frozen=True)
class Job:
    """Something to time: a simulator, checked designs and a decoded trace."""

    label: str
    simulator: MemoryController
    columns: Columns
    trace: DecodedTrace

    @property
    def requests(self) -> int:
        return len(self.trace) * len(next(iter(self.columns.values())))

    def run(self) -> None:
        self.simulator.kernel_outputs(self.columns, self.trace)


def main() -> None:
    options = parse()
    print(f"{'workload':<26}{'requests':>9}  {'designs':<28}{'M requests/CPU-s':>17}{'ns/request':>12}{'DDR3 x':>8}")
    for name in options.trace or WORKLOADS:
        jobs = jobs_for(name, options)
        times = [
            seconds / job.requests * 1e9
            for job, seconds in zip(jobs, best_seconds(jobs, options.repetitions), strict=True)
        ]
        for job, per_request in zip(jobs, times, strict=True):
            ratio = f"{per_request / times[0]:>8.2f}" if options.features else ""
            print(
                f"{job.trace.name:<26}{len(job.trace):>9}  {job.label:<28}{1e3 / per_request:>17.1f}"
                f"{per_request:>12.1f}{ratio}"
            )
        if options.instructions:
            print(f"{'':<37}{instructions_text(name, options)}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trace", action="append", help="workload name or trace file; may be repeated")
    parser.add_argument("--designs", type=int, default=100, help="random designs per batch")
    parser.add_argument("--repetitions", type=int, default=8)
    parser.add_argument("--space", default="rl", help="search space the designs come from")
    parser.add_argument("--mode", default="default", help="mode of the simulator, except with --features")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--features", action="store_true", help="other memories, modes and policies")
    parser.add_argument("--per-design", action="store_true", help="single design policies instead of random designs")
    parser.add_argument("--instructions", action="store_true", help="also count instructions per request")
    return parser.parse_args()


def jobs_for(name: str, options: argparse.Namespace) -> list[Job]:
    if options.features:
        return [job_of(variant, name, options) for variant in FEATURES]
    simulator = MemoryController(mode=options.mode)
    trace = simulator.load_workload(name)
    if options.per_design:
        return [Job(label, simulator, simulator.check_columns(one), trace) for label, one in POLICIES.items()]
    label = f"{options.designs} random of {options.space}"
    return [Job(label, simulator, sampled(simulator, options, {}), trace)]


def job_of(variant: Variant, name: str, options: argparse.Namespace) -> Job:
    repairs = None if variant.mode == "dramsys" else without_range_checks()
    simulator = MemoryController(variant.memory, mode=variant.mode, repairs=repairs)
    columns = sampled(simulator, options, variant.fixed)
    return Job(variant.label, simulator, columns, simulator.load_workload(name))


def without_range_checks() -> Sequence[str]:
    """Return the repairs that leave addresses alone: the same trace must run on memories of every size."""
    from simulators.memory import REPAIRS

    return [repair for repair in REPAIRS if repair != "address-range"]


def sampled(simulator: MemoryController, options: argparse.Namespace, fixed: Mapping[str, str]) -> Columns:
    space = memory_space(options.space)
    columns = dict(space.decode(space.sample(options.designs, np.random.default_rng(options.seed))))
    columns |= {name: np.full(options.designs, value) for name, value in fixed.items()}
    return simulator.check_columns(columns)


def best_seconds(jobs: Sequence[Job], repetitions: int) -> list[float]:
    """Return the least CPU time of each job; all take turns in each repetition."""
    best = [float("inf")] * len(jobs)
    for job in jobs:
        job.run()  # compiles, or loads from the cache
    for _ in range(repetitions):
        for position, job in enumerate(jobs):
            start = time.process_time()
            job.run()
            best[position] = min(best[position], time.process_time() - start)
    return best


# ---- instructions ------------------------------------------------------------------------------------------------


def instructions_text(name: str, options: argparse.Namespace) -> str:
    tool = next((tool for tool in (Perf(), Callgrind()) if tool.works()), None)
    if tool is None:
        return "instructions per request: neither perf's counters nor valgrind are available"
    designs = min(options.designs, 20)
    arguments = ["--trace", name, "--designs", str(designs), "--space", options.space, "--mode", options.mode]
    counts = [tool.count([*arguments, "--repetitions", str(repetitions)]) for repetitions in (2, 4)]
    requests = 2 * designs * len(MemoryController(mode=options.mode).load_workload(name))
    return f"instructions per request ({tool.name}, {designs} designs): {(counts[1] - counts[0]) / requests:.0f}"


class Perf:
    """Hardware counters, where the machine has them."""

    name = "perf"

    def works(self) -> bool:
        return shutil.which("perf") is not None and self._run(["true"]) is not None

    def count(self, arguments: Sequence[str]) -> int:
        return self._run(this_script(arguments)) or 0

    def _run(self, command: Sequence[str]) -> int | None:
        done = subprocess.run(["perf", "stat", "-x,", "-e", "instructions:u", *command], capture_output=True, text=True)
        found = re.search(r"^(\d+),", done.stderr, re.MULTILINE)
        return int(found[1]) if found else None


class Callgrind:
    """Valgrind's simulation: exact and repeatable, fifty times slower."""

    name = "callgrind"

    def works(self) -> bool:
        return shutil.which("valgrind") is not None

    def count(self, arguments: Sequence[str]) -> int:
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "callgrind.out"
            command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={output}", *this_script(arguments)]
            subprocess.run(command, capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": "0"})
            found = re.search(r"^(?:summary|totals): (\d+)", output.read_text(), re.MULTILINE)
        return int(found[1]) if found else 0


def this_script(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "benchmarks.memory", *arguments]


if __name__ == "__main__":
    main()
