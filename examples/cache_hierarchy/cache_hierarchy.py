"""A two-level cache hierarchy: a complete environment from outside archgym.

A toy: misses follow the power law of cache sizes, energy and delay grow with the square root of the
size and with the ways, as cache estimators such as CACTI have it, and the constants are round numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from archgym_envs import EnvironmentSpec
from simulators import Constraint, DesignSpace, Evaluation, Input, Metric, Parameter, Problem, Simulator
from simulators.errors import UnknownNameError


class Program(NamedTuple):
    """Miss ratio ``misses`` of a 32 KiB cache, falling as size^-alpha and as line length^-spatial."""

    name: str
    misses: float
    alpha: float
    spatial: float

    @property
    def digest(self) -> str:
        """Return what the results depend on."""
        return str(tuple(self))


PROGRAMS = {"pointers": Program("pointers", 0.08, 0.4, 0.1), "arrays": Program("arrays", 0.04, 0.6, 0.8)}


class CacheHierarchy(Simulator):
    """Average access time and energy, and area, of an L1 and an L2 cache with one line size."""

    name, version = "cache-hierarchy", "1"
    inputs = (
        Input("l1_kib", 32, minimum=1, maximum=1024, unit="KiB"),
        Input("l1_ways", 4, minimum=1, maximum=16),
        Input("l2_kib", 512, minimum=1, maximum=65536, unit="KiB"),
        Input("l2_ways", 8, minimum=1, maximum=32),
        Input("line_bytes", 64, choices=(32, 64, 128, 256), unit="bytes"),
    )
    metrics = (Metric("access_time_ns", "ns"), Metric("access_energy_pj", "pJ"), Metric("area_mm2", "mm2"))

    def workload_names(self) -> tuple[str, ...]:
        """Return the programs' names."""
        return tuple(PROGRAMS)

    def load_workload(self, name_or_path: str) -> Program:
        """Return a program by name."""
        if name_or_path not in PROGRAMS:
            raise UnknownNameError("program", name_or_path, PROGRAMS)
        return PROGRAMS[name_or_path]

    def evaluate_columns(self, columns: dict[str, np.ndarray], workload: Program) -> Evaluation:
        """Evaluate a batch of ``n`` caches; misses are per access."""
        l1, w1, l2, w2, line = (columns[declared.name].astype(float) for declared in self.inputs)
        spatial = (line / 64) ** -workload.spatial
        m1, m2 = (
            np.minimum(workload.misses * (kib / 32) ** -workload.alpha * (1 + 0.3 / ways) * spatial, 1.0)
            for kib, ways in ((l1, w1), (l2, w2))
        )
        dram_ns, dram_pj = 60 + 0.05 * line, 2000 * line / 64
        time = 0.1 * np.sqrt(l1) * (1 + 0.05 * w1) + m1 * 0.15 * np.sqrt(l2) + m2 * dram_ns
        energy = np.sqrt(l1) * (1 + 0.5 * w1) + m1 * 3 * np.sqrt(l2) * (1 + 0.5 * w2) + m2 * dram_pj
        area = 0.002 * (l1 * (1 + 0.02 * w1) + l2 * (1 + 0.02 * w2))
        return Evaluation.of_valid(self.metrics, np.stack([time, energy, area], axis=1))


def cache_hierarchy(workload: str = "pointers") -> Problem:
    """Build the problem: 5 760 designs, those whose L2 is smaller than two L1 refused."""
    powers, simulator = [2**n for n in range(14)], CacheHierarchy()
    choices = {"l1_kib": powers[3:9], "l1_ways": powers[:5], "l2_kib": powers[6:], "l2_ways": powers[:6]}
    choices["line_bytes"] = powers[5:9]
    parameters = [Parameter(i.name, choices[i.name], i.default, unit=i.unit) for i in simulator.inputs]
    nested = Constraint("l2-twice-l1", lambda columns: columns["l2_kib"] >= 2 * columns["l1_kib"])
    return Problem(simulator, DesignSpace(parameters, [nested]), simulator.load_workload(workload))


SPEC = EnvironmentSpec(
    "example/CacheHierarchy-v0", "cache_hierarchy:cache_hierarchy", {"minimize": "access_energy_pj * access_time_ns"}
)
