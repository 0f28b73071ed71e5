"""What to change first: hints of a simulated design for explanations and guided search.

A workload ends when it does because of a chain of tasks: each begins when a parent, or the task before it on the same
PE, ends. The *hottest* task is the one of that chain that runs longest; what limited it in its longest phase is its
bottleneck. For power it is the task or memory that takes most energy in the phase that takes most in 10 ms.
"""

from __future__ import annotations

import numpy as np

from simulators.soc.kernel_bits import bit
from simulators.soc.kernel_costs import WINDOW_S, granules
from simulators.soc.kernel_layout import (
    DRAM,
    H_AREA_BLOCK,
    H_DRAM_BLOCK,
    H_POWER_BLOCK,
    H_POWER_TASK,
    H_TASKS,
    H_UNPRICED_BLOCK,
    H_UNPRICED_STEPS,
    O_BUSIEST_PE,
    READ,
    SRAM,
    WORK,
    WRITE,
    compiled,
    inlined,
)
from simulators.soc.kernel_state import PHASES, Prices, State
from simulators.soc.kernel_traffic import MEMORIES, Bytes, Counts, Graph, Reals, Traffic


@inlined
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


@inlined
def hungriest_phase(energy: Reals, s: State) -> int:
    """Return the phase that takes most energy in a window of 10 ms, -1 if none takes any."""
    found, most = -1, 0.0
    for phase in range(s.words[PHASES]):
        power = energy[phase] / max(s.length[phase], WINDOW_S)
        if s.length[phase] > 0.0 and power > most:
            found, most = phase, power
    return found


@inlined
def write_hungriest(
    phase: int, g: Graph, kind: Bytes, task_pe: Bytes, prices: Prices, t: Traffic, s: State, hints: Counts
) -> None:
    """Write what takes most energy in a phase: a task and its PE, or a memory and no task."""
    clock, most = 0.0, 0.0
    for i in range(phase):
        clock += s.length[i]
    for k in range(len(g.work)):
        if g.role[k] == WORK and s.start[k] <= clock < s.end[k] and s.joules[phase, k] > most:
            hints[H_POWER_TASK], hints[H_POWER_BLOCK], most = k, task_pe[k], s.joules[phase, k]
    for m in range(t.used[MEMORIES]):
        b = t.memory[m]
        size = granules(s.peak[b]) - 1
        joules = s.moved[phase, m, READ] * prices.memory[kind[b] - SRAM, size, 0]
        joules += s.moved[phase, m, WRITE] * prices.memory[kind[b] - SRAM, size, 1]
        if joules > most:
            hints[H_POWER_TASK], hints[H_POWER_BLOCK], most = -1, b, joules


@inlined
def write_largest(kind: Bytes, area: Reals, prices: Prices, t: Traffic, s: State, hints: Counts) -> None:
    """Write the largest block that is no DRAM, and the largest DRAM."""
    largest, largest_dram = 0.0, 0.0
    for b in range(len(kind)):
        if area[b] > largest:
            hints[H_AREA_BLOCK], largest = b, area[b]
    for m in range(t.used[MEMORIES]):
        b = t.memory[m]
        own = prices.memory[kind[b] - SRAM, granules(s.peak[b]) - 1, 2]
        if kind[b] == DRAM and own > largest_dram:
            hints[H_DRAM_BLOCK], largest_dram = b, own
        elif kind[b] != DRAM and own > largest:
            hints[H_AREA_BLOCK], largest = b, own


@compiled
def write_unpriced(kind: Bytes, prices: Prices, t: Traffic, s: State, hints: Counts) -> None:
    """Write which memory has no figures."""
    for m in range(t.used[MEMORIES]):
        b = t.memory[m]
        size = granules(s.peak[b])
        if size > prices.memory.shape[1] or np.isnan(prices.memory[kind[b] - SRAM, size - 1, 2]):
            hints[H_UNPRICED_BLOCK], hints[H_UNPRICED_STEPS] = b, size


@compiled
def write_hints(
    g: Graph,
    kind: Bytes,
    area: Reals,
    task_pe: Bytes,
    prices: Prices,
    energy: Reals,
    t: Traffic,
    s: State,
    hints: Counts,
) -> None:
    """Write the hints of a design that was measured, see ``kernel_layout``."""
    hints[:] = -1
    phase = hungriest_phase(energy, s)
    if phase >= 0:
        write_hungriest(phase, g, kind, task_pe, prices, t, s, hints)
    write_largest(kind, area, prices, t, s, hints)
    for i in range(len(g.last)):
        k = hottest_task(g.last[i], g, task_pe, s)
        hints[H_TASKS + 2 * i], hints[H_TASKS + 2 * i + 1] = k, s.limited[k]


@compiled
def write_busiest_pe(g: Graph, task_pe: Bytes, t: Traffic, s: State, out: Reals) -> None:
    """Write how long the busiest PE needs for its tasks where they share nothing with tasks of other PEs, s."""
    busy, longest = s.held, 0.0
    for k in range(len(g.work)):
        busy[task_pe[k]] = 0.0
    for k in range(len(g.work)):
        if g.role[k] == WORK and g.work[k] > 0.0:
            busy[task_pe[k]] += g.work[k] / t.alone[k]
            longest = max(longest, busy[task_pe[k]])
    out[O_BUSIEST_PE] = longest
