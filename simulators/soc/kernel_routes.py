"""Routes of a design's traffic: each edge's bytes go from the PE over the fewest buses to the memory."""

from __future__ import annotations

import numpy as np

from simulators.soc.kernel_bits import ONE, bit, first_in, without_first
from simulators.soc.kernel_layout import BUS, NO_PATH, OK, READ, TOO_DENSE, WRITE, compiled, inlined
from simulators.soc.kernel_traffic import (
    FULL,
    LINKS,
    MEMORIES,
    MOST_LINKS,
    MOST_PAIRS,
    MOST_PORTS_OF_TASK,
    PAIRS,
    Bytes,
    Graph,
    Masks,
    Reals,
    Traffic,
    find_own_rates,
)


@inlined
def clear(t: Traffic, tasks: int) -> None:
    """Forget the routes of the design before."""
    for i in range(t.used[LINKS]):
        t.link_of[t.from_block[i], t.block[i], t.direction[i]] = -1
    for m in range(t.used[MEMORIES]):
        b = t.memory[m]
        t.place[b] = t.first_memory_pair[b, READ] = t.first_memory_pair[b, WRITE] = -1
    t.used[:] = 0
    for k in range(tasks):
        t.ports[k] = 0
        t.bus_bytes[k] = 0.0
        t.passed[k, READ] = t.passed[k, WRITE] = 0


@inlined
def search_from(root: int, kind: Bytes, adjacency: Masks, t: Traffic) -> None:
    """Find the shortest ways from a block over buses to all blocks; of equal ones, over the blocks that come first."""
    for b in range(len(kind)):
        t.hop[root, b] = -1
    t.hop[root, root] = root
    t.queue[0] = root
    seen, head, tail = bit(root), 0, 1
    while head < tail:
        here = t.queue[head]
        head += 1
        if here != root and kind[here] != BUS:
            continue
        new = adjacency[here] & ~seen
        seen |= new
        while new:
            b = first_in(new)
            new = without_first(new)
            t.hop[root, b] = here
            t.queue[tail] = b
            tail += 1


@inlined
def link(start: int, end: int, direction: int, t: Traffic) -> int:
    """Return the link between two blocks, new if there is none yet."""
    found = int(t.link_of[start, end, direction])
    if found < 0:
        found = t.used[LINKS]
        if found == MOST_LINKS:
            t.used[FULL] = 1
            return found - 1
        t.used[LINKS] += 1
        t.link_of[start, end, direction] = found
        t.from_block[found], t.block[found], t.direction[found] = start, end, direction
        t.mask[found], t.first_pair[found] = 0, -1
    return found


@inlined
def add_pair(entering: int, port: int, t: Traffic) -> None:
    """Note that an incoming link leads to a port."""
    memory, direction = (-1 - port) // 2, (-1 - port) % 2
    first = t.first_pair[port] if port >= 0 else t.first_memory_pair[memory, direction]
    pair = first
    while pair >= 0:
        if t.pair_in[pair] == entering:
            return
        pair = t.next_pair[pair]
    pair = t.used[PAIRS]
    if pair == MOST_PAIRS:
        t.used[FULL] = 1
        return
    t.used[PAIRS] += 1
    t.pair_in[pair], t.next_pair[pair] = entering, first
    if port >= 0:
        t.first_pair[port] = pair
    else:
        t.first_memory_pair[memory, direction] = pair


@inlined
def add_port(k: int, port: int, entering: int, t: Traffic) -> None:
    """Note that a task uses a port, by which link it enters it."""
    if t.ports[k] == MOST_PORTS_OF_TASK:
        t.used[FULL] = 1
        return
    t.port[k, t.ports[k]], t.entry[k, t.ports[k]] = port, entering
    t.ports[k] += 1


@inlined
def add_bytes(k: int, block: int, direction: int, size: float, t: Traffic) -> None:
    """Count bytes of a task through a block."""
    if t.passed[k, direction] & bit(block):
        t.moved[k, block, direction] += size
    else:
        t.passed[k, direction] |= bit(block)
        t.moved[k, block, direction] = size


@inlined
def add_flow(k: int, pe: int, root: int, memory: int, direction: int, size: float, units: float, t: Traffic) -> None:
    """Route one edge of a task from the memory back to its PE; the ways from ``root`` are in ``hop``."""
    here, port = memory, -1 - (2 * memory + direction)
    known = t.passed[k, direction] & bit(memory) != 0
    if t.place[memory] < 0:
        t.place[memory] = t.used[MEMORIES]
        t.memory[t.used[MEMORIES]] = memory
        t.used[MEMORIES] += 1
    while here != pe:
        before = t.hop[root, here] if here != root else pe
        entering = link(before, here, direction, t)
        add_bytes(k, here, direction, size, t)
        if here != memory:
            t.bus_bytes[k] += size
        if not known:
            add_pair(entering, port, t)
            add_port(k, port, entering, t)
        known = t.mask[entering] & bit(k) != 0
        if known:
            t.units[entering, k] += units
        else:
            t.mask[entering] |= bit(k)
            t.units[entering, k] = units
        here, port = before, entering


@inlined
def root_of(pe: int, kind: Bytes, adjacency: Masks) -> int:
    """Return where the ways from a PE begin: its bus if it has one only, for which its PEs share them."""
    linked = adjacency[pe]
    if linked and not linked & (linked - ONE):
        bus = first_in(linked)
        if kind[bus] == BUS:
            return bus
    return pe


@compiled
def route(
    g: Graph,
    kind: Bytes,
    rate: Reals,
    adjacency: Masks,
    task_pe: Bytes,
    edge_memory: Bytes,
    t: Traffic,
) -> int:
    """Route all edges and find each task's rate where it need not share; return OK, NO_PATH or TOO_DENSE."""
    searched = np.uint64(0)
    clear(t, len(g.work))
    for k in range(len(g.work)):
        if g.reads[k] == g.reads[k + 1]:
            continue
        pe = task_pe[k]
        root = root_of(pe, kind, adjacency)
        if not searched & bit(root):
            searched |= bit(root)
            search_from(root, kind, adjacency, t)
        for i in range(g.reads[k], g.reads[k + 1]):
            e = g.edges[i]
            memory = edge_memory[e]
            if t.hop[root, memory] < 0:
                return NO_PATH
            reads = i < g.writes[k]
            units = g.read_units[e] if reads else g.write_units[e]
            add_flow(k, pe, root, memory, READ if reads else WRITE, g.bytes[e], units, t)
    if t.used[FULL]:
        return TOO_DENSE
    find_own_rates(g, rate, task_pe, t)
    return OK
