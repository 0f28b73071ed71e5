"""The running simulation of a design: what is left to do, who waits, what memories hold, what each phase took."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from simulators.soc.kernel_layout import MOST_BLOCKS, MOST_TASKS, allocating
from simulators.soc.kernel_traffic import Counts, Reals

MOST_PHASES: Final = 4 * MOST_TASKS
"""More phases than a graph can have: each ends with a task."""
QUEUED, RUNNING, PHASES = range(3)


class Prices(NamedTuple):
    """What things cost beside the blocks' own figures."""

    memory: Reals  # [2, sizes, 3]: SRAM and DRAM by granules: J per byte read, written; m2; NaN where unknown
    bus_j_per_byte: float
    leakage_w_per_m2: Reals  # [5]: by kind of block: gpp, ip, sram, dram, bus


class State(NamedTuple):
    """The running simulation."""

    left: Reals  # [T] instructions
    waiting: Counts  # [T] tasks in the order in which they run or wait
    start: Reals  # [T] s
    end: Reals  # [T] s
    longest: Reals  # [T] s: longest phase so far
    limited: Counts  # [T]: the block that limited the task in that phase
    held: Reals  # [B] bytes now
    peak: Reals  # [B] bytes at most
    length: Reals  # [phases] s
    pe_energy: Reals  # [phases] J
    bus_bytes: Reals  # [phases]
    joules: Reals  # [phases, T]: what the PE of a task that ran took for it
    moved: Reals  # [phases, B, 2]: bytes read and written, by place of the memory among those in use
    rate: Reals  # [T]
    words: Counts  # number waiting, number running, phases


@allocating
def new_state() -> State:
    """Return room for one simulation."""
    return State(
        np.empty(MOST_TASKS),
        np.empty(MOST_TASKS, np.int64),
        np.empty(MOST_TASKS),
        np.empty(MOST_TASKS),
        np.empty(MOST_TASKS),
        np.empty(MOST_TASKS, np.int64),
        np.empty(MOST_BLOCKS),
        np.empty(MOST_BLOCKS),
        np.empty(MOST_PHASES),
        np.empty(MOST_PHASES),
        np.empty(MOST_PHASES),
        np.empty((MOST_PHASES, MOST_TASKS)),
        np.empty((MOST_PHASES, MOST_BLOCKS, 2)),
        np.empty(MOST_TASKS),
        np.zeros(3, np.int64),
    )
