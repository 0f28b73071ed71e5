"""The compiled simulation of a system-on-chip: from phase to phase, until the last task is done.

In a phase the running tasks' rates are constant; it ends when the first of them is done. Then its children may become
ready, memory is freed, and each PE that is free takes the first task that waits for it. FARSI's semantics (Boroujerdian
et al., ACM TECS 2023, and its sources), or those with its defects repaired, see :mod:`simulators.soc.modes`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from simulators._kernel_source import source_digest
from simulators.soc.kernel_bits import bit
from simulators.soc.kernel_costs import measure
from simulators.soc.kernel_hints import write_busiest_pe, write_hints, write_unpriced
from simulators.soc.kernel_layout import (
    FREE_MEMORY,
    FULL_WORK,
    NO_CACTI,
    NO_PROGRESS,
    OK,
    READ,
    SOURCE,
    WORK,
    WRITE,
    compiled,
    entry_point,
    inlined,
)
from simulators.soc.kernel_routes import route
from simulators.soc.kernel_state import MOST_PHASES, PHASES, QUEUED, RUNNING, Prices, State, new_state
from simulators.soc.kernel_traffic import (
    MEMORIES,
    Bytes,
    Counts,
    Graph,
    Masks,
    Reals,
    Traffic,
    new_traffic,
    shared_rate,
)

DONE: Final = 0.99
"""FARSI takes a task for complete at this share of its work."""


@inlined
def allocate(k: int, g: Graph, edge_memory: Bytes, sign: float, s: State) -> None:
    """Take (or with -1 give back) the memory of a task's outputs."""
    for i in range(g.writes[k], g.reads[k + 1]):
        e = g.edges[i]
        memory = edge_memory[e]
        s.held[memory] += sign * g.bytes[e]
        s.peak[memory] = max(s.peak[memory], s.held[memory])


@inlined
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
        if g.allocates[parent] and (g.role[parent] != SOURCE or repairs & FREE_MEMORY):
            allocate(parent, g, edge_memory, -1.0, s)
        if not repairs & FREE_MEMORY:
            finished &= ~g.children[parent]
    return finished


@inlined
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
        if g.allocates[k]:
            allocate(k, g, edge_memory, 1.0, s)
    return launched


@inlined
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


@inlined
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
    for m in range(t.used[MEMORIES]):
        s.moved[phase, m, READ] = s.moved[phase, m, WRITE] = 0.0
    if length > 0.0:
        for i in range(s.words[RUNNING]):
            work_on(s.waiting[i], phase, g, per_joule, task_pe, t, s)
    return length


@inlined
def work_on(k: int, phase: int, g: Graph, per_joule: Reals, task_pe: Bytes, t: Traffic, s: State) -> None:
    """Do a task's work of one phase and count what it takes."""
    work = min(s.left[k], s.rate[k] * s.length[phase])
    s.left[k] -= work
    joules, part = work / per_joule[task_pe[k]], work / g.work[k]
    s.pe_energy[phase] += joules
    s.joules[phase, k] = joules
    if s.length[phase] > s.longest[k]:
        s.longest[k], s.limited[k] = s.length[phase], t.limit[k]
    s.bus_bytes[phase] += part * t.bus_bytes[k]
    for j in range(t.ports[k]):
        port = t.port[k, j]
        if port < 0:
            memory, direction = (-1 - port) // 2, (-1 - port) % 2
            s.moved[phase, t.place[memory], direction] += part * t.moved[k, memory, direction]


@inlined
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
    """Run a design to the end of its last task; return OK, NO_PATH, TOO_DENSE or NO_PROGRESS."""
    tasks = len(g.work)
    status = route(g, kind, rate, adjacency, task_pe, edge_memory, t)
    if status != OK:
        return status
    for k in range(tasks):
        s.left[k] = g.work[k]
        s.start[k] = -1.0
        s.longest[k], s.limited[k] = 0.0, task_pe[k]
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
        orders: Bytes,
        prices: Prices,
        repairs: int,
        out: Reals,
        hints: Counts,
        status: Counts,
    ) -> int:
        """Simulate ``n`` designs; ``orders``: ``[n, T]``, or ``[1, T]`` for all."""
        t, s, masks, energy = new_traffic(), new_state(), np.zeros(3, np.uint64), np.zeros(MOST_PHASES)
        for i in range(len(status)):
            order = orders[min(i, len(orders) - 1)]
            args = (g, kind[i], rate[i], per_joule[i], adjacency[i], task_pe[i], edge_memory[i], order, repairs)
            status[i] = simulate(*args, t, s, masks)
            if status[i] == OK:
                status[i] = measure(g, kind[i], area[i], task_pe[i], prices, repairs, t, s, energy, out[i])
            if status[i] == OK:
                write_busiest_pe(g, task_pe[i], t, s, out[i])
                write_hints(g, kind[i], area[i], task_pe[i], prices, energy, t, s, hints[i])
            elif status[i] == NO_CACTI:
                write_unpriced(kind[i], prices, t, s, hints[i])
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
        tasks: Reals,
        limits: Counts,
        peaks: Reals,
        phases: Reals,
        moved: Reals,
    ) -> int:
        """Simulate one design and keep the simulation.

        ``tasks[T, 3]``: start, end, work left; ``peaks[B]``: bytes; ``phases[MOST_PHASES, 2]``: length, energy;
        ``moved[T, B, 2]``: bytes that a task reads and writes through each block.
        """
        t, s, masks, energy = new_traffic(), new_state(), np.zeros(3, np.uint64), np.zeros(MOST_PHASES)
        status = simulate(g, kind, rate, per_joule, adjacency, task_pe, edge_memory, order, repairs, t, s, masks)
        if status == OK:
            status = measure(g, kind, area, task_pe, prices, repairs, t, s, energy, out)
            write_busiest_pe(g, task_pe, t, s, out)
        count, blocks = len(g.work), len(kind)
        tasks[:, 0], tasks[:, 1], tasks[:, 2] = s.start[:count], s.end[:count], s.left[:count]
        limits[:], peaks[:] = s.limited[:count], s.peak[:blocks]
        for k in range(count):
            for b in range(blocks):
                for direction in range(2):
                    passed = t.passed[k, direction] & bit(b) != 0
                    moved[k, b, direction] = t.moved[k, b, direction] if passed else 0.0
        phases[:, 0], phases[:, 1] = s.length, energy
        return status + 0 * source

    return run, record


run_designs, record_design = _entry_points(source_digest(Path(__file__).parent))
