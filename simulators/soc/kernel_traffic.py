"""Routes of a design's traffic, and how its tasks share them.

A *link* is a pair of neighbouring blocks in one direction of traffic; a *port* is what a block sends a flow out by: the
link to the next bus, or the memory itself. At a port, the incoming links that carry a running task through it split its
rate equally; on a link, running tasks share in proportion to their burst units.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulators.soc.kernel_layout import (
    BUS,
    MOST_BLOCKS,
    MOST_TASKS,
    NO_PATH,
    OK,
    READ,
    TOO_DENSE,
    WRITE,
    allocating,
    compiled,
    inlined,
)

Reals = NDArray[np.float64]
Bytes = NDArray[np.int8]
Masks = NDArray[np.uint64]
Counts = NDArray[np.int64]

MOST_LINKS: Final = 512
MOST_PAIRS: Final = 1024
MOST_PORTS_OF_TASK: Final = 64
ONE: Final = np.uint64(1)


class Graph(NamedTuple):
    """The tasks of one or several workloads."""

    work: Reals  # [T] instructions
    role: Counts  # [T]: WORK, SOURCE, SINK or DUMMY
    source: Counts  # [E]
    target: Counts  # [E]
    bytes: Reals  # [E]
    read_units: Reals  # [E]: burst units of the reader
    write_units: Reals  # [E]: of the writer
    parents: Masks  # [T]
    children: Masks  # [T]
    parent_order: Counts  # [T, T]: parents, in the order in which their memory is looked at, then -1
    last: Counts  # [W]: each workload's last task
    allocates: Counts  # [T]: 1 where its outputs take memory


class Traffic(NamedTuple):
    """Routes of one design."""

    hop: Counts  # [B]: the block before, on the way from a PE; -1 unknown
    queue: Counts  # [B]
    link_of: Counts  # [B, B, 2]: link from block to block, -1
    block: Counts  # [links]: where it leads to
    from_block: Counts  # [links]
    direction: Counts  # [links]
    mask: Masks  # [links]: tasks on it
    units: Reals  # [links, T]
    pair_in: Counts  # [pairs]: an incoming link
    pair_out: Counts  # [pairs]: the outgoing link of its port; -1 - link for the memory it leads to
    next_pair: Counts  # [pairs]: next pair of the same port, -1
    first_pair: Counts  # [links]: first pair whose port is this link
    first_memory_pair: Counts  # [B, 2]: first pair whose port is this memory
    port: Counts  # [T, MOST_PORTS_OF_TASK]: ports of a task: a link, or -1 - (2 * memory + direction)
    ports: Counts  # [T]: how many
    rate: Reals  # [T, MOST_PORTS_OF_TASK]: instructions per second if it had the port alone
    alone: Reals  # [T]: instructions per second if it ran alone
    rivals: Masks  # [T]: tasks that share a link or port with it
    moved: Reals  # [T, B, 2]: bytes through each block
    bus_bytes: Reals  # [T]: bytes through all buses
    used: Counts  # [3]: links, pairs, and 1 if there was no room for a link, pair or port
    limit: Counts  # [T]: the block that limits a task now
    alone_limit: Counts  # [T]: the block that limits it if it runs alone


@allocating
def new_traffic() -> Traffic:
    """Return room for the routes of one design."""
    blocks, tasks = MOST_BLOCKS, MOST_TASKS
    return Traffic(
        np.empty(blocks, np.int64),
        np.empty(blocks, np.int64),
        np.full((blocks, blocks, 2), -1),
        np.empty(MOST_LINKS, np.int64),
        np.empty(MOST_LINKS, np.int64),
        np.empty(MOST_LINKS, np.int64),
        np.zeros(MOST_LINKS, np.uint64),
        np.zeros((MOST_LINKS, tasks)),
        np.empty(MOST_PAIRS, np.int64),
        np.empty(MOST_PAIRS, np.int64),
        np.empty(MOST_PAIRS, np.int64),
        np.full(MOST_LINKS, -1),
        np.full((blocks, 2), -1),
        np.empty((tasks, MOST_PORTS_OF_TASK), np.int64),
        np.zeros(tasks, np.int64),
        np.empty((tasks, MOST_PORTS_OF_TASK)),
        np.empty(tasks),
        np.zeros(tasks, np.uint64),
        np.zeros((tasks, blocks, 2)),
        np.zeros(tasks),
        np.zeros(3, np.int64),
        np.zeros(tasks, np.int64),
        np.zeros(tasks, np.int64),
    )


@inlined
def bit(position: int) -> np.uint64:
    """Return the mask of one task or block."""
    return ONE << np.uint64(position)


@compiled
def clear(t: Traffic, tasks: int, blocks: int) -> None:
    """Forget the routes of the design before."""
    for i in range(t.used[0]):
        t.link_of[t.from_block[i], t.block[i], t.direction[i]] = -1
        t.mask[i] = 0
        t.first_pair[i] = -1
        for k in range(tasks):
            t.units[i, k] = 0.0
    t.used[:] = 0
    for b in range(blocks):
        t.first_memory_pair[b, READ] = t.first_memory_pair[b, WRITE] = -1
    for k in range(tasks):
        t.ports[k] = 0
        t.rivals[k] = 0
        t.bus_bytes[k] = 0.0
        for b in range(blocks):
            t.moved[k, b, READ] = t.moved[k, b, WRITE] = 0.0


@compiled
def search_from(pe: int, kind: Bytes, adjacency: Masks, blocks: int, t: Traffic) -> None:
    """Find the shortest ways from a PE over buses to all blocks; of equal ones, over the blocks that come first."""
    for b in range(blocks):
        t.hop[b] = -1
    t.hop[pe] = pe
    t.queue[0] = pe
    head, tail = 0, 1
    while head < tail:
        here = t.queue[head]
        head += 1
        if here != pe and kind[here] != BUS:
            continue
        for b in range(blocks):
            if t.hop[b] < 0 and adjacency[here] & bit(b):
                t.hop[b] = here
                t.queue[tail] = b
                tail += 1


@inlined
def link(start: int, end: int, direction: int, t: Traffic) -> int:
    """Return the link between two blocks, new if there is none yet."""
    found = t.link_of[start, end, direction]
    if found < 0:
        found = t.used[0]
        if found == MOST_LINKS:
            t.used[2] = 1
            return found - 1
        t.used[0] += 1
        t.link_of[start, end, direction] = found
        t.from_block[found], t.block[found], t.direction[found] = start, end, direction
    return found


@compiled
def add_pair(entering: int, port: int, t: Traffic) -> None:
    """Note that an incoming link leads to a port."""
    first = t.first_pair[port] if port >= 0 else t.first_memory_pair[(-1 - port) // 2, (-1 - port) % 2]
    pair = first
    while pair >= 0:
        if t.pair_in[pair] == entering:
            return
        pair = t.next_pair[pair]
    pair = t.used[1]
    if pair == MOST_PAIRS:
        t.used[2] = 1
        return
    t.used[1] += 1
    t.pair_in[pair], t.pair_out[pair], t.next_pair[pair] = entering, port, first
    if port >= 0:
        t.first_pair[port] = pair
    else:
        t.first_memory_pair[(-1 - port) // 2, (-1 - port) % 2] = pair


@compiled
def add_port(k: int, port: int, t: Traffic) -> None:
    """Note that a task uses a port."""
    for i in range(t.ports[k]):
        if t.port[k, i] == port:
            return
    if t.ports[k] == MOST_PORTS_OF_TASK:
        t.used[2] = 1
        return
    t.port[k, t.ports[k]] = port
    t.ports[k] += 1


@compiled
def add_flow(k: int, pe: int, memory: int, direction: int, size: float, units: float, t: Traffic) -> None:
    """Route one edge of a task, from its PE to the memory; the ways from that PE are in ``hop``."""
    here, port = memory, -1 - (2 * memory + direction)
    while here != pe:
        before = t.hop[here]
        entering = link(before, here, direction, t)
        t.mask[entering] |= bit(k)
        t.units[entering, k] += units
        t.moved[k, here, direction] += size
        if here != memory:
            t.bus_bytes[k] += size
        add_pair(entering, port, t)
        add_port(k, port, t)
        here, port = before, entering


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
    blocks, tasks, edges = len(kind), len(g.work), len(g.source)
    clear(t, tasks, blocks)
    for pe in range(blocks):
        hosted, searched = False, False
        for k in range(tasks):
            hosted = hosted or task_pe[k] == pe
        if not hosted:
            continue
        for e in range(edges):
            for direction in range(2):
                k = g.target[e] if direction == READ else g.source[e]
                if task_pe[k] != pe:
                    continue
                if not searched:
                    search_from(pe, kind, adjacency, blocks, t)
                    searched = True
                if t.hop[edge_memory[e]] < 0:
                    return NO_PATH
                units = g.read_units[e] if direction == READ else g.write_units[e]
                add_flow(k, pe, edge_memory[e], direction, g.bytes[e], units, t)
    if t.used[2]:
        return TOO_DENSE
    for k in range(tasks):
        find_own_rates(k, g, rate, task_pe, t)
    return OK


@compiled
def find_own_rates(k: int, g: Graph, rate: Reals, task_pe: Bytes, t: Traffic) -> None:
    """Fill a task's rates at its ports if it had them alone, its rate alone, and its rivals."""
    t.alone[k] = rate[task_pe[k]]
    t.alone_limit[k] = task_pe[k]
    for i in range(t.ports[k]):
        port = t.port[k, i]
        block, direction = port_block(port, t)
        moved = t.moved[k, block, direction]
        t.rate[k, i] = rate[block] * g.work[k] / moved if moved > 0 else np.inf
        pair, through, entering_tasks = first_of(port, t), tasks_through(port, t), np.uint64(0)
        while pair >= 0:
            entering_tasks |= t.mask[t.pair_in[pair]]
            pair = t.next_pair[pair]
        t.rivals[k] |= (through | entering_tasks) & ~bit(k)
        own = t.rate[k, i] * share(k, port, bit(k), t)
        if 0.0 < own < t.alone[k]:
            t.alone[k], t.alone_limit[k] = own, block


@inlined
def port_block(port: int, t: Traffic) -> tuple[int, int]:
    """Return the block of a port, and the direction of its traffic."""
    if port >= 0:
        return t.from_block[port], t.direction[port]
    return (-1 - port) // 2, (-1 - port) % 2


@inlined
def first_of(port: int, t: Traffic) -> int:
    """Return the first pair of a port."""
    if port >= 0:
        return t.first_pair[port]
    return t.first_memory_pair[(-1 - port) // 2, (-1 - port) % 2]


@inlined
def tasks_through(port: int, t: Traffic) -> np.uint64:
    """Return the tasks whose flows leave by a port; for a memory, all."""
    return t.mask[port] if port >= 0 else ~np.uint64(0)


@compiled
def share(k: int, port: int, running: np.uint64, t: Traffic) -> float:
    """Return the share of a port's rate that a running task gets: 0 if it has no burst there."""
    through = tasks_through(port, t) & running
    pair, links, got = first_of(port, t), 0, 0.0
    while pair >= 0:
        entering = t.pair_in[pair]
        if t.mask[entering] & through:
            links += 1
            own = t.units[entering, k]
            if own > 0.0:
                got += own / burst_units(entering, running, t)
        pair = t.next_pair[pair]
    return got / links if links > 0 else 0.0


@inlined
def burst_units(entering: int, running: np.uint64, t: Traffic) -> float:
    """Return the burst units of all running tasks on a link."""
    total, k, rest = 0.0, 0, t.mask[entering] & running
    while rest:
        if rest & ONE:
            total += t.units[entering, k]
        rest >>= ONE
        k += 1
    return total


@compiled
def shared_rate(k: int, pe_rate: float, pe: int, running: np.uint64, t: Traffic) -> float:
    """Return a task's rate in instructions per second beside the tasks that run."""
    if not t.rivals[k] & running:
        t.limit[k] = t.alone_limit[k]
        return t.alone[k]
    lowest = pe_rate
    t.limit[k] = pe
    for i in range(t.ports[k]):
        own = t.rate[k, i] * share(k, t.port[k, i], running, t)
        if 0.0 < own < lowest:
            lowest = own
            t.limit[k] = port_block(t.port[k, i], t)[0]
    return lowest
