"""The compiled simulation of a system-on-chip: from phase to phase, until the last task is done.

In a phase the running tasks' rates are constant; it ends when the first of them is done. Then its children may become
ready, memory is freed, and each PE that is free takes the first task that waits for it. FARSI's semantics (Boroujerdian
et al., ACM TECS 2023, and its sources), or those with its defects repaired, see :mod:`simulators.soc.modes`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from simulators.soc.kernel_layout import (
    BUS,
    DRAM,
    FREE_MEMORY,
    FULL_WORK,
    GPP,
    IP,
    LEAKAGE,
    MOST_BLOCKS,
    MOST_TASKS,
    NO_CACTI,
    NO_PROGRESS,
    O_AREA,
    O_BUS_ENERGY,
    O_LATENCY,
    O_LEAKAGE_ENERGY,
    O_MAKESPAN,
    O_PE_ENERGY,
    O_PEAK_POWER,
    O_PHASES,
    O_READ_ENERGY,
    O_WRITE_ENERGY,
    OK,
    READ,
    SINK,
    SOURCE,
    SRAM,
    TRUE_WINDOW,
    WORK,
    WRITE,
    allocating,
    compiled,
    entry_point,
    inlined,
)
from simulators.soc.kernel_traffic import (
    Bytes,
    Counts,
    Graph,
    Masks,
    Reals,
    Traffic,
    bit,
    new_traffic,
    route,
    shared_rate,
)

MOST_PHASES = 4 * MOST_TASKS
"""More phases than a graph can have: each ends with a task."""
DONE = 0.99
"""FARSI takes a task for complete at this share of its work."""
WINDOW_S = 0.01
"""Least span over which FARSI averages power, s."""
GRANULE = 256_000.0
"""Memories come in multiples of so many bytes."""
LEAST_BYTES = 2048.0


class Prices(NamedTuple):
    """What things cost beside the blocks' own figures."""

    memory: Reals  # [2, sizes, 3]: SRAM and DRAM by granules: J per byte read, written; m2; NaN where unknown
    bus_j_per_byte: float
    leakage_w_per_m2: float


class State(NamedTuple):
    """The running simulation."""

    left: Reals  # [T] instructions
    waiting: Counts  # [T] tasks in the order in which they run or wait
    start: Reals  # [T] s
    end: Reals  # [T] s
    held: Reals  # [B] bytes now
    peak: Reals  # [B] bytes at most
    length: Reals  # [phases] s
    pe_energy: Reals  # [phases] J
    bus_bytes: Reals  # [phases]
    moved: Reals  # [phases, B, 2] bytes
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
        np.empty(MOST_BLOCKS),
        np.empty(MOST_BLOCKS),
        np.empty(MOST_PHASES),
        np.empty(MOST_PHASES),
        np.empty(MOST_PHASES),
        np.zeros((MOST_PHASES, MOST_BLOCKS, 2)),
        np.empty(MOST_TASKS),
        np.zeros(3, np.int64),
    )


QUEUED, RUNNING, PHASES = range(3)


@compiled
def allocate(k: int, g: Graph, edge_memory: Bytes, sign: float, s: State) -> None:
    """Take (or with -1 give back) the memory of a task's outputs."""
    for e in range(len(g.source)):
        if g.source[e] == k:
            memory = edge_memory[e]
            s.held[memory] += sign * g.bytes[e]
            s.peak[memory] = max(s.peak[memory], s.held[memory])


@compiled
def release(k: int, g: Graph, edge_memory: Bytes, repairs: int, finished: np.uint64, s: State) -> np.uint64:
    """Free the outputs of parents whose children are all done; return the finished tasks that FARSI still remembers.

    FARSI forgets all children of a parent once it has freed it, so that another parent of one of them is never freed.
    """
    for i in range(len(g.work)):
        parent = g.parent_order[k, i]
        if parent < 0:
            break
        if g.children[parent] & ~finished:
            continue
        if g.role[parent] != SOURCE or repairs & FREE_MEMORY:
            allocate(parent, g, edge_memory, -1.0, s)
        if not repairs & FREE_MEMORY:
            finished &= ~g.children[parent]
    return finished


@compiled
def launch(g: Graph, order: Bytes, done: np.uint64, launched: np.uint64, edge_memory: Bytes, s: State) -> np.uint64:
    """Put tasks whose parents are done behind the running ones, before those that wait; return all ever launched.

    ``order``: tasks in the order in which they are looked at.
    """
    new = 0
    for i in range(len(g.work)):
        k = order[i]
        if launched & bit(k) or g.parents[k] & ~done:
            continue
        for j in range(s.words[QUEUED], s.words[RUNNING] + new, -1):
            s.waiting[j] = s.waiting[j - 1]
        s.waiting[s.words[RUNNING] + new] = k
        new += 1
        s.words[QUEUED] += 1
        launched |= bit(k)
        if g.role[k] == WORK or g.role[k] == SOURCE:
            allocate(k, g, edge_memory, 1.0, s)
    return launched


@compiled
def assign_pes(task_pe: Bytes, s: State) -> np.uint64:
    """Let the first task of each PE run, in order, and the others wait behind them; return the running tasks."""
    taken, running, count = np.uint64(0), np.uint64(0), 0
    for i in range(s.words[QUEUED]):
        k = s.waiting[i]
        if taken & bit(task_pe[k]):
            continue
        taken |= bit(task_pe[k])
        running |= bit(k)
        for j in range(i, count, -1):
            s.waiting[j] = s.waiting[j - 1]
        s.waiting[count] = k
        count += 1
    s.words[RUNNING] = count
    return running


@compiled
def advance(g: Graph, rate: Reals, per_joule: Reals, task_pe: Bytes, running: np.uint64, t: Traffic, s: State) -> float:
    """Run one phase; return its length in seconds."""
    length = np.inf
    for i in range(s.words[RUNNING]):
        k = s.waiting[i]
        if g.role[k] != WORK or s.left[k] <= 0.0:
            length = 0.0
            continue
        s.rate[k] = shared_rate(k, rate[task_pe[k]], task_pe[k], running, t)
        length = min(length, s.left[k] / s.rate[k])
    phase = s.words[PHASES]
    s.length[phase], s.pe_energy[phase], s.bus_bytes[phase] = length, 0.0, 0.0
    for b in range(len(rate)):
        s.moved[phase, b, READ] = s.moved[phase, b, WRITE] = 0.0
    if length > 0.0:
        for i in range(s.words[RUNNING]):
            work_on(s.waiting[i], phase, g, per_joule, task_pe, t, s)
    return length


@inlined
def work_on(k: int, phase: int, g: Graph, per_joule: Reals, task_pe: Bytes, t: Traffic, s: State) -> None:
    """Do a task's work of one phase and count what it takes."""
    work = min(s.left[k], s.rate[k] * s.length[phase])
    s.left[k] -= work
    s.pe_energy[phase] += work / per_joule[task_pe[k]]
    part = work / g.work[k]
    s.bus_bytes[phase] += part * t.bus_bytes[k]
    for j in range(t.ports[k]):
        port = t.port[k, j]
        if port < 0:
            memory, direction = (-1 - port) // 2, (-1 - port) % 2
            s.moved[phase, memory, direction] += part * t.moved[k, memory, direction]


@compiled
def complete(g: Graph, edge_memory: Bytes, repairs: int, clock: float, masks: Masks, s: State) -> None:
    """Take tasks that are done out of the running ones; ``masks``: done, launched, remembered as finished."""
    kept = 0
    for i in range(s.words[QUEUED]):
        k = s.waiting[i]
        limit = (1e-9 if repairs & FULL_WORK else 1.0 - DONE) * g.work[k]
        if i < s.words[RUNNING] and (g.role[k] != WORK or s.left[k] <= limit):
            s.end[k] = clock
            masks[0] |= bit(k)
            masks[2] = release(k, g, edge_memory, repairs, masks[2] | bit(k), s)
        else:
            s.waiting[kept] = k
            kept += 1
    s.words[RUNNING] -= s.words[QUEUED] - kept
    s.words[QUEUED] = kept


@compiled
def simulate(
    g: Graph,
    kind: Bytes,
    rate: Reals,
    per_joule: Reals,
    adjacency: Masks,
    task_pe: Bytes,
    edge_memory: Bytes,
    order: Bytes,
    repairs: int,
    t: Traffic,
    s: State,
    masks: Masks,
) -> int:
    """Run a design to the end of its last task; return OK, NO_PATH or NO_PROGRESS."""
    tasks = len(g.work)
    status = route(g, kind, rate, adjacency, task_pe, edge_memory, t)
    if status != OK:
        return status
    for k in range(tasks):
        s.left[k] = g.work[k]
        s.start[k] = -1.0
    for b in range(len(kind)):
        s.held[b] = s.peak[b] = 0.0
    s.words[QUEUED] = s.words[RUNNING] = s.words[PHASES] = 0
    masks[0] = masks[1] = masks[2] = np.uint64(0)
    everything = ~np.uint64(0) >> np.uint64(64 - tasks)
    clock = 0.0
    while masks[0] != everything:
        masks[1] = launch(g, order, masks[0], masks[1], edge_memory, s)
        running = assign_pes(task_pe, s)
        if s.words[RUNNING] == 0 or s.words[PHASES] == MOST_PHASES:
            return NO_PROGRESS
        for i in range(s.words[RUNNING]):
            if s.start[s.waiting[i]] < 0.0:
                s.start[s.waiting[i]] = clock
        length = advance(g, rate, per_joule, task_pe, running, t, s)
        if not length < np.inf:
            return NO_PROGRESS
        clock += length
        s.words[PHASES] += 1
        complete(g, edge_memory, repairs, clock, masks, s)
    return OK


@inlined
def granules(size: float) -> int:
    """Return how many granules a memory of so many bytes has."""
    return int(np.ceil(max(size, LEAST_BYTES) / GRANULE))


@compiled
def only_ends(pe: int, g: Graph, task_pe: Bytes) -> bool:
    """Return whether a PE hosts nothing but a source and a sink, which FARSI takes for no area."""
    count, sources, sinks = 0, 0, 0
    for k in range(len(g.work)):
        if task_pe[k] == pe:
            count += 1
            sources += g.role[k] == SOURCE
            sinks += g.role[k] == SINK
    return (count == 2 and sources > 0 and sinks > 0) or (count == 1 and sources + sinks > 0)


@compiled
def add_areas(
    g: Graph, kind: Bytes, area: Reals, task_pe: Bytes, prices: Prices, t: Traffic, s: State, out: Reals
) -> int:
    """Write the areas by kind of block; return OK or NO_CACTI."""
    for b in range(len(kind)):
        used = False
        if kind[b] == GPP or kind[b] == IP:
            for k in range(len(g.work)):
                used = used or task_pe[k] == b
            if used and not only_ends(b, g, task_pe):
                out[O_AREA + kind[b] - GPP] += area[b]
        elif kind[b] == SRAM or kind[b] == DRAM:
            size = granules(s.peak[b])
            for k in range(len(g.work)):
                used = used or t.moved[k, b, READ] > 0 or t.moved[k, b, WRITE] > 0
            if not used:
                continue
            if size > prices.memory.shape[1] or np.isnan(prices.memory[kind[b] - SRAM, size - 1, 2]):
                return NO_CACTI
            out[O_AREA + kind[b] - GPP] += prices.memory[kind[b] - SRAM, size - 1, 2]
        elif kind[b] == BUS:
            out[O_AREA + BUS - GPP] += area[b]
    return OK


@compiled
def add_energy(kind: Bytes, prices: Prices, leakage_w: float, s: State, energy: Reals, out: Reals) -> None:
    """Write the energies, and each phase's energy into ``energy``, J."""
    for phase in range(s.words[PHASES]):
        read, write = 0.0, 0.0
        for b in range(len(kind)):
            if kind[b] == SRAM or kind[b] == DRAM:
                size = granules(s.peak[b]) - 1
                read += s.moved[phase, b, READ] * prices.memory[kind[b] - SRAM, size, 0]
                write += s.moved[phase, b, WRITE] * prices.memory[kind[b] - SRAM, size, 1]
        bus, leakage = s.bus_bytes[phase] * prices.bus_j_per_byte, leakage_w * s.length[phase]
        energy[phase] = s.pe_energy[phase] + read + write + bus + leakage
        out[O_PE_ENERGY] += s.pe_energy[phase]
        out[O_READ_ENERGY] += read
        out[O_WRITE_ENERGY] += write
        out[O_BUS_ENERGY] += bus
        out[O_LEAKAGE_ENERGY] += leakage
        out[O_MAKESPAN] += s.length[phase]


@inlined
def average_power(first: int, last: int, energy: Reals, s: State) -> float:
    """Return the average power of the phases from ``first`` up to before ``last``, W."""
    joules, seconds = 0.0, 0.0
    for phase in range(max(first, 0), min(last, s.words[PHASES])):
        joules += energy[phase]
        seconds += s.length[phase]
    return joules / seconds if seconds > 0 else 0.0


@compiled
def windowed_power(energy: Reals, s: State) -> float:
    """Return FARSI's peak power: the largest average over spans of whole phases that last some 10 ms.

    A span ends with the phase that is longer than what is left of its 10 ms. FARSI counts an idle phase before the
    first, but passes over phases of no length, that one included, when it numbers them: so the spans lie before the
    phases that they were measured by.
    """
    first = position = last = 0
    left, peak, count = WINDOW_S, 0.0, s.words[PHASES] + 1
    for phase in range(s.words[PHASES]):
        if s.length[phase] == 0.0:
            continue
        if s.length[phase] > left:
            left = WINDOW_S
            last = position + 1
            peak = max(peak, average_power(first - 1, last - 1, energy, s))
            first = position + 1
        else:
            left -= s.length[phase]
        position += 1
    return max(peak, average_power(last - 1, count - 1, energy, s)) if last != count else peak


@compiled
def energy_within(start: float, end: float, energy: Reals, s: State) -> float:
    """Return the energy between two times, J; power is constant in a phase."""
    joules, clock = 0.0, 0.0
    for phase in range(s.words[PHASES]):
        length = s.length[phase]
        inside = min(end, clock + length) - max(start, clock)
        if length > 0.0 and inside > 0.0:
            joules += energy[phase] * inside / length
        clock += length
    return joules


@compiled
def sliding_power(makespan: float, energy: Reals, s: State) -> float:
    """Return the largest average power of any 10 ms (or of the whole, where that is shorter), W.

    As a function of its start the energy of a window is linear between phase boundaries, so that the largest has a
    phase boundary at its start or its end.
    """
    if makespan <= WINDOW_S:
        return energy_within(0.0, makespan, energy, s) / makespan if makespan > 0.0 else 0.0
    peak, clock = 0.0, 0.0
    for phase in range(s.words[PHASES] + 1):
        start = min(clock, makespan - WINDOW_S)
        peak = max(peak, energy_within(start, start + WINDOW_S, energy, s))
        end = max(clock, WINDOW_S)
        peak = max(peak, energy_within(end - WINDOW_S, end, energy, s))
        if phase < s.words[PHASES]:
            clock += s.length[phase]
    return peak / WINDOW_S


@compiled
def measure(
    g: Graph,
    kind: Bytes,
    area: Reals,
    task_pe: Bytes,
    prices: Prices,
    repairs: int,
    t: Traffic,
    s: State,
    energy: Reals,
    out: Reals,
) -> int:
    """Write the results of a design that was simulated; return OK or NO_CACTI."""
    for i in range(len(out)):
        out[i] = 0.0
    status = add_areas(g, kind, area, task_pe, prices, t, s, out)
    if status != OK:
        return status
    leakage_w = 0.0
    if repairs & LEAKAGE:
        for i in range(5):
            leakage_w += out[O_AREA + i] * prices.leakage_w_per_m2
    add_energy(kind, prices, leakage_w, s, energy, out)
    out[O_PEAK_POWER] = (
        sliding_power(out[O_MAKESPAN], energy, s) if repairs & TRUE_WINDOW else windowed_power(energy, s)
    )
    out[O_PHASES] = s.words[PHASES]
    for i in range(len(g.last)):
        out[O_LATENCY + i] = s.end[g.last[i]]
    return OK


def source_digest() -> int:
    """Return a number that changes with any line of the kernel.

    Numba's disk cache looks at the file of the cached function only. Entry points carry this number as a constant, so
    that an edit of a helper's file recompiles them.
    """
    folder = Path(__file__).parent
    text = b"".join(path.read_bytes() for path in sorted(folder.glob("kernel*.py")))
    return int.from_bytes(hashlib.sha256(text).digest()[:7], "big")


def _entry_points(source: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    @entry_point
    def run(
        g: Graph,
        kind: Bytes,
        rate: Reals,
        per_joule: Reals,
        area: Reals,
        adjacency: Masks,
        task_pe: Bytes,
        edge_memory: Bytes,
        order: Bytes,
        prices: Prices,
        repairs: int,
        out: Reals,
        status: Counts,
    ) -> int:
        t, s, masks, energy = new_traffic(), new_state(), np.zeros(3, np.uint64), np.zeros(MOST_PHASES)
        for i in range(len(status)):
            status[i] = simulate(
                g,
                kind[i],
                rate[i],
                per_joule[i],
                adjacency[i],
                task_pe[i],
                edge_memory[i],
                order[i],
                repairs,
                t,
                s,
                masks,
            )
            if status[i] == OK:
                status[i] = measure(g, kind[i], area[i], task_pe[i], prices, repairs, t, s, energy, out[i])
        return source

    @entry_point
    def record(
        g: Graph,
        kind: Bytes,
        rate: Reals,
        per_joule: Reals,
        area: Reals,
        adjacency: Masks,
        task_pe: Bytes,
        edge_memory: Bytes,
        order: Bytes,
        prices: Prices,
        repairs: int,
        out: Reals,
        starts: Reals,
        ends: Reals,
        peaks: Reals,
        lengths: Reals,
        energies: Reals,
        limits: Counts,
    ) -> int:
        t, s, masks, energy = new_traffic(), new_state(), np.zeros(3, np.uint64), np.zeros(MOST_PHASES)
        status = simulate(g, kind, rate, per_joule, adjacency, task_pe, edge_memory, order, repairs, t, s, masks)
        if status == OK:
            status = measure(g, kind, area, task_pe, prices, repairs, t, s, energy, out)
        tasks, blocks, phases = len(g.work), len(kind), s.words[PHASES]
        starts[:], ends[:], limits[:] = s.start[:tasks], s.end[:tasks], t.limit[:tasks]
        peaks[:] = s.peak[:blocks]
        lengths[:phases], energies[:phases] = s.length[:phases], energy[:phases]
        return status + 0 * source

    return run, record


run_designs, record_design = _entry_points(source_digest())
