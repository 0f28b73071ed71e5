"""What to change first: hints of a simulated design for explanations and guided search.

A workload ends when it does because of a chain of tasks: each begins when a parent, or the task before it on the same
PE, ends. The *hottest* task is the one of that chain that runs longest; what limited it in its longest phase is its
bottleneck. For power it is the block that takes most energy in the phase that weighs most in a window of 10 ms.
"""

from __future__ import annotations

import numpy as np

from simulators.soc.kernel_costs import WINDOW_S, granules
from simulators.soc.kernel_layout import (
    DRAM,
    GPP,
    H_AREA_BLOCK,
    H_DRAM_BLOCK,
    H_POWER_BLOCK,
    H_POWER_TASK,
    H_TASKS,
    H_UNPRICED_BLOCK,
    H_UNPRICED_STEPS,
    IP,
    NONE,
    O_BUSIEST_PE,
    READ,
    SRAM,
    WORK,
    WRITE,
    compiled,
)
from simulators.soc.kernel_state import PHASES, Prices, State
from simulators.soc.kernel_traffic import Bytes, Counts, Graph, Reals, Traffic, bit


@compiled
def hottest_task(last: int, g: Graph, task_pe: Bytes, s: State) -> int:
    """Return the task that runs longest in the chain that decides when ``last`` ends."""
    k, hottest, longest = last, last, 0.0
    for _ in range(len(g.work)):
        if s.end[k] - s.start[k] > longest:
            hottest, longest = k, s.end[k] - s.start[k]
        before = -1
        for j in range(len(g.work)):
            if s.end[j] != s.start[k]:
                continue
            if g.parents[k] & bit(j):
                before = j
                break
            if task_pe[j] == task_pe[k] and s.end[j] > s.start[j]:
                before = j
        if before < 0:
            break
        k = before
    return hottest


@compiled
def hungriest_phase(energy: Reals, s: State) -> int:
    """Return the phase that takes most energy in a window of 10 ms."""
    found, most = -1, 0.0
    for phase in range(s.words[PHASES]):
        power = energy[phase] / max(s.length[phase], WINDOW_S)
        if s.length[phase] > 0.0 and power > most:
            found, most = phase, power
    return found


@compiled
def hungriest_block(phase: int, kind: Bytes, prices: Prices, s: State) -> int:
    """Return the PE or memory that takes most energy in a phase, -1 if none takes any."""
    found, most = -1, 0.0
    for b in range(len(kind)):
        joules = 0.0
        if kind[b] == GPP or kind[b] == IP:
            joules = s.moved[phase, b, READ]
        elif kind[b] == SRAM or kind[b] == DRAM:
            size = granules(s.peak[b]) - 1
            joules += s.moved[phase, b, READ] * prices.memory[kind[b] - SRAM, size, 0]
            joules += s.moved[phase, b, WRITE] * prices.memory[kind[b] - SRAM, size, 1]
        if joules > most:
            found, most = b, joules
    return found


@compiled
def task_of_phase(phase: int, pe: int, task_pe: Bytes, s: State) -> int:
    """Return the task that a PE runs in a phase, -1 if there is none."""
    clock = 0.0
    for i in range(phase):
        clock += s.length[i]
    for k in range(len(task_pe)):
        if task_pe[k] == pe and s.start[k] <= clock < s.end[k]:
            return k
    return -1


@compiled
def largest_blocks(kind: Bytes, area: Reals, prices: Prices, s: State, hints: Counts) -> None:
    """Write the largest block that is no DRAM, and the largest DRAM; -1 if there is none."""
    largest, largest_dram = 0.0, 0.0
    hints[H_AREA_BLOCK] = hints[H_DRAM_BLOCK] = -1
    for b in range(len(kind)):
        if kind[b] == NONE:
            continue
        own = area[b]
        if kind[b] == SRAM or kind[b] == DRAM:
            own = prices.memory[kind[b] - SRAM, granules(s.peak[b]) - 1, 2]
        if kind[b] == DRAM and own > largest_dram:
            hints[H_DRAM_BLOCK], largest_dram = b, own
        elif kind[b] != DRAM and own > largest:
            hints[H_AREA_BLOCK], largest = b, own


@compiled
def write_hints(
    g: Graph, kind: Bytes, area: Reals, task_pe: Bytes, prices: Prices, energy: Reals, s: State, hints: Counts
) -> None:
    """Write the hints of a design that was measured, see ``kernel_layout``."""
    phase = hungriest_phase(energy, s)
    block = hungriest_block(phase, kind, prices, s) if phase >= 0 else -1
    hints[H_POWER_BLOCK], hints[H_POWER_TASK] = block, task_of_phase(phase, block, task_pe, s) if block >= 0 else -1
    largest_blocks(kind, area, prices, s, hints)
    for i in range(len(g.last)):
        k = hottest_task(g.last[i], g, task_pe, s)
        hints[H_TASKS + 2 * i], hints[H_TASKS + 2 * i + 1] = k, s.limited[k]


@compiled
def write_unpriced(kind: Bytes, prices: Prices, s: State, hints: Counts) -> None:
    """Write which memory has no figures."""
    for b in range(len(kind)):
        if kind[b] == SRAM or kind[b] == DRAM:
            size = granules(s.peak[b])
            if size > prices.memory.shape[1] or np.isnan(prices.memory[kind[b] - SRAM, size - 1, 2]):
                hints[H_UNPRICED_BLOCK], hints[H_UNPRICED_STEPS] = b, size


@compiled
def write_busiest_pe(g: Graph, task_pe: Bytes, t: Traffic, out: Reals) -> None:
    """Write how long the busiest PE needs for its tasks where they share nothing with tasks of other PEs, s."""
    longest = 0.0
    for k in range(len(g.work)):
        busy = 0.0
        for j in range(len(g.work)):
            if task_pe[j] == task_pe[k] and g.role[j] == WORK and g.work[j] > 0.0:
                busy += g.work[j] / t.alone[j]
        longest = max(longest, busy)
    out[O_BUSIEST_PE] = longest
