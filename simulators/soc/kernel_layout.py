"""Where the compiled kernel of the system-on-chip keeps what it works on.

Directions of traffic: a task *reads* what its parents wrote and *writes* what its children read. Both flows are routed
from the PE over buses to the memory; what enters a block from the PE's side is an incoming link, what leaves it towards
memory is an outgoing one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from numba import njit

MOST_TASKS: Final = 64
MOST_BLOCKS: Final = 64

# Kinds of blocks.
NONE, GPP, IP, SRAM, DRAM, BUS = range(6)
KINDS: Final = ("none", "gpp", "ip", "sram", "dram", "bus")

READ, WRITE = range(2)

# Kinds of tasks: work, a source (its data is never released), a sink, or another without work.
WORK, SOURCE, SINK, DUMMY = range(4)

# Results of a design, float64[RESULTS + workloads].
O_PE_ENERGY = 0
O_READ_ENERGY = 1
O_WRITE_ENERGY = 2
O_BUS_ENERGY = 3
O_LEAKAGE_ENERGY = 4
O_PEAK_POWER = 5
O_MAKESPAN = 6
O_AREA = 7  # one word per kind of block: gpp, ip, sram, dram, bus
O_PHASES = 12
O_BUSIEST_PE = 13
O_LATENCY = 14  # one word per workload
RESULTS: Final = 14

# Hints of a design, int64[HINTS + 2 x workloads]: blocks and tasks, -1 for none.
H_POWER_BLOCK, H_POWER_TASK, H_AREA_BLOCK, H_DRAM_BLOCK = range(4)
H_TASKS = 4  # two words per workload: its hottest task, and the block that limits it
HINTS: Final = 4
H_UNPRICED_BLOCK, H_UNPRICED_STEPS = range(2)
"""What a design of status NO_CACTI has instead: the memory without figures, and its size in steps."""

# Statuses of a design.
OK, NO_PATH, NO_PROGRESS, NO_CACTI, TOO_DENSE = range(5)

# Repairs, as bits.
FULL_WORK, FREE_MEMORY, BUS_COST, LEAKAGE, ANY_SIZE, TRUE_WINDOW, DVFS = (1 << bit for bit in range(7))

_Function = TypeVar("_Function", bound=Callable[..., Any])
_OPTIONS: Final = {"nogil": True, "error_model": "numpy"}
_HELPER: Final = {**_OPTIONS, "_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Helpers are compiled without reference counting: all arrays live as long as the call that owns them."""


def compiled(function: _Function) -> _Function:
    """Compile a helper that only compiled code calls."""
    return cast(_Function, njit(**_HELPER)(function))


def inlined(function: _Function) -> _Function:
    """Compile a helper into each of its callers."""
    return cast(_Function, njit(forceinline=True, **_HELPER)(function))


def allocating(function: _Function) -> _Function:
    """Compile a helper that makes arrays."""
    return cast(_Function, njit(**_OPTIONS)(function))


def entry_point(function: _Function) -> _Function:
    """Compile a function that Python calls, and keep it on disk."""
    return cast(_Function, njit(cache=True, **_OPTIONS)(function))
