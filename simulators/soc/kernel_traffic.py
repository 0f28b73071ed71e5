"""How the tasks of a design share its blocks.

A *link* is a pair of neighbouring blocks in one direction of traffic; a *port* is what a block sends a flow out by: the
link to the next bus, or the memory itself. At a port, the incoming links that carry a running task through it split its
rate equally; on a link, running tasks share in proportion to their burst units. All flows of a task are on one tree of
shortest ways from its PE, so that it enters each port by one link.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulators.soc.kernel_bits import bit, first_in, without_first
from simulators.soc.kernel_layout import MOST_BLOCKS, MOST_TASKS, WORK, allocating, inlined

Reals = NDArray[np.float64]
Bytes = NDArray[np.int8]
Masks = NDArray[np.uint64]
Counts = NDArray[np.int64]

MOST_LINKS: Final = 512
MOST_PAIRS: Final = 1024
MOST_PORTS_OF_TASK: Final = 64
LINKS, PAIRS, FULL, MEMORIES = range(4)
"""Words of ``Traffic.used``: links, pairs, 1 if there was no room for a link, pair or port, memories."""


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
    edges: Counts  # [2 E]: of each task, those it reads, then those it writes
    reads: Counts  # [T + 1]: where a task's begin in ``edges``
    writes: Counts  # [T]: where those that it writes begin


class Traffic(NamedTuple):
    """Routes of one design."""

    hop: Counts  # [B, B]: from a block: the block before, on the way to another; -1 unknown
    queue: Counts  # [B]
    link_of: NDArray[np.int16]  # [B, B, 2]: link from block to block, -1
    block: Counts  # [links]: where it leads to
    from_block: Counts  # [links]
    direction: Counts  # [links]
    mask: Masks  # [links]: tasks on it
    units: Reals  # [links, T], of tasks on it
    pair_in: Counts  # [pairs]: an incoming link
    next_pair: Counts  # [pairs]: next pair of the same port, -1
    first_pair: Counts  # [links]: first pair whose port is this link
    first_memory_pair: Counts  # [B, 2]: first pair whose port is this memory
    port: Counts  # [T, MOST_PORTS_OF_TASK]: ports of a task: a link, or -1 - (2 * memory + direction)
    entry: Counts  # [T, MOST_PORTS_OF_TASK]: the link by which it enters the port
    ports: Counts  # [T]: how many
    rate: Reals  # [T, MOST_PORTS_OF_TASK]: instructions per second if it had the port alone; infinite without bursts
    alone: Reals  # [T]: instructions per second if it ran alone
    rivals: Masks  # [T]: tasks that share a link or port with it
    passed: Masks  # [T, 2]: blocks that it reads and writes through
    moved: Reals  # [T, B, 2]: bytes through each of those blocks
    bus_bytes: Reals  # [T]: bytes through all buses
    used: Counts  # [4]
    memory: Counts  # [B]: memories in use
    place: Counts  # [B]: position of a memory among those in use, -1
    limit: Counts  # [T]: the block that limits a task now
    alone_limit: Counts  # [T]: the block that limits it if it runs alone


@allocating
def new_traffic() -> Traffic:
    """Return room for the routes of one design."""
    blocks, tasks = MOST_BLOCKS, MOST_TASKS
    return Traffic(
        np.empty((blocks, blocks), np.int64),
        np.empty(blocks, np.int64),
        np.full((blocks, blocks, 2), -1, np.int16),
        np.empty(MOST_LINKS, np.int64),
        np.empty(MOST_LINKS, np.int64),
        np.empty(MOST_LINKS, np.int64),
        np.empty(MOST_LINKS, np.uint64),
        np.empty((MOST_LINKS, tasks)),
        np.empty(MOST_PAIRS, np.int64),
        np.empty(MOST_PAIRS, np.int64),
        np.empty(MOST_LINKS, np.int64),
        np.full((blocks, 2), -1),
        np.empty((tasks, MOST_PORTS_OF_TASK), np.int64),
        np.empty((tasks, MOST_PORTS_OF_TASK), np.int64),
        np.empty(tasks, np.int64),
        np.empty((tasks, MOST_PORTS_OF_TASK)),
        np.empty(tasks),
        np.empty(tasks, np.uint64),
        np.empty((tasks, 2), np.uint64),
        np.empty((tasks, blocks, 2)),
        np.empty(tasks),
        np.zeros(4, np.int64),
        np.empty(blocks, np.int64),
        np.full(blocks, -1),
        np.empty(tasks, np.int64),
        np.empty(tasks, np.int64),
    )


@inlined
def find_own_rates(g: Graph, rate: Reals, task_pe: Bytes, t: Traffic) -> None:
    """Fill the tasks' rates at their ports if they had them alone, their rates alone, and their rivals."""
    for k in range(len(g.work)):
        if g.role[k] != WORK:
            continue
        t.alone[k], t.alone_limit[k] = rate[task_pe[k]], task_pe[k]
        rivals = np.uint64(0)
        for i in range(t.ports[k]):
            port = t.port[k, i]
            block, direction = port_block(port, t)
            bytes_there = t.moved[k, block, direction]
            bursts = t.units[t.entry[k, i], k] > 0.0
            t.rate[k, i] = rate[block] * g.work[k] / bytes_there if bursts and bytes_there > 0.0 else np.inf
            if 0.0 < t.rate[k, i] < t.alone[k]:
                t.alone[k], t.alone_limit[k] = t.rate[k, i], block
            pair = first_of(port, t)
            while pair >= 0:
                rivals |= t.mask[t.pair_in[pair]]
                pair = t.next_pair[pair]
        t.rivals[k] = rivals & ~bit(k)


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
def share(k: int, i: int, running: np.uint64, t: Traffic) -> float:
    """Return the share that a running task with bursts gets of the rate of its ``i``-th port."""
    port = t.port[k, i]
    through = t.mask[port] & running if port >= 0 else running
    pair, links = first_of(port, t), 0
    while pair >= 0:
        links += (t.mask[t.pair_in[pair]] & through) != 0
        pair = t.next_pair[pair]
    entering = t.entry[k, i]
    rest, total = t.mask[entering] & running, 0.0
    while rest:
        total += t.units[entering, first_in(rest)]
        rest = without_first(rest)
    return t.units[entering, k] / total / links


@inlined
def shared_rate(k: int, pe_rate: float, pe: int, running: np.uint64, t: Traffic) -> float:
    """Return a task's rate in instructions per second beside the tasks that run."""
    if not t.rivals[k] & running:
        t.limit[k] = t.alone_limit[k]
        return t.alone[k]
    lowest = pe_rate
    t.limit[k] = pe
    for i in range(t.ports[k]):
        if t.rate[k, i] == np.inf:
            continue
        own = t.rate[k, i] * share(k, i, running, t)
        if 0.0 < own < lowest:
            lowest = own
            t.limit[k] = port_block(t.port[k, i], t)[0]
    return lowest
