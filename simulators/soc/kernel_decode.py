"""Coded designs as the arrays that the simulation takes, compiled.

Every code makes a chip on which the tasks can run: buses form a tree, and all that is in use hangs on it. Processors
and memories that nothing uses are left out, and so are buses that lie on no way between two blocks in use.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulators._kernel_source import source_digest
from simulators.soc.kernel_layout import BUS, DRAM, GPP, IP, MOST_BLOCKS, NONE, SRAM, compiled, entry_point, inlined
from simulators.soc.kernel_traffic import Bytes, Counts, Masks, Reals, bit

Words = NDArray[np.int32]

TASK_WORDS: Final = 5
"""Words of a task with work."""
W_PE, W_UNROLL, W_CLOCK, W_BUS, W_MEMORY = range(TASK_WORDS)
MEMORY_WORDS: Final = 4
M_KIND, M_WIDTH, M_CLOCK, M_BUS = range(MEMORY_WORDS)
BUS_WORDS: Final = 3
B_PARENT, B_WIDTH, B_CLOCK = range(BUS_WORDS)

# Texts are read by one letter: ``gpp2``, ``mem2`` and ``bus2`` by the digit, in whose place ``accelerator`` has an e,
# ``sram`` and ``dram`` by the first.
DIGIT_AT: Final = 3
KIND_AT: Final = 0
ZERO: Final = ord("0")
OWN: Final = ord("accelerator"[DIGIT_AT])
STATIC: Final = ord("sram"[KIND_AT])


class Code(NamedTuple):
    """What the words of a task graph's designs stand for; ``W`` tasks with work."""

    task: Counts  # [W]: position in the graph
    accelerator: Counts  # [W]: block of its accelerator, -1 if it can have none
    memory_row: Counts  # [E]: the word that says where an edge lies
    slots: Counts  # [4]: GPPs, memories, buses, block of the tasks without work (-1 none)
    unrolls: Counts  # [W, U]: ascending, then -1
    clocks: Counts  # [K]: MHz, of everything
    widths: Counts  # [V]: bytes
    rate: Reals  # [W, U, K]: of accelerators, instructions/s
    per_joule: Reals  # [W, U, K]
    area: Reals  # [W, U, K]: m2
    bus_area: Reals  # [V, K]: m2
    gpp: Reals  # [4]: rate, per joule, area, area of the one for tasks without work


class Chips(NamedTuple):
    """Decoded designs, as :class:`~simulators.soc.encoding.EncodedDesigns` has them."""

    kind: Bytes  # [n, B]
    rate: Reals
    per_joule: Reals
    area: Reals
    adjacency: Masks
    task_pe: Bytes  # [n, T]
    edge_memory: Bytes  # [n, E]


@inlined
def place_of(value: int, known: Counts) -> int:
    """Return the position of a value, -1 if it is not there."""
    for i in range(len(known)):
        if known[i] == value:
            return i
    return -1


@inlined
def put(i: int, b: int, kind: int, rate: float, per_joule: float, area: float, out: Chips) -> None:
    """Write a block."""
    out.kind[i, b], out.rate[i, b], out.per_joule[i, b], out.area[i, b] = kind, rate, per_joule, area


@inlined
def join(i: int, a: int, b: int, out: Chips) -> None:
    """Link two blocks."""
    out.adjacency[i, a] |= bit(b)
    out.adjacency[i, b] |= bit(a)


@compiled
def clear_blocks(i: int, out: Chips) -> None:
    """Leave all slots empty."""
    for b in range(out.kind.shape[1]):
        put(i, b, NONE, 0.0, np.inf, 0.0, out)
        out.adjacency[i, b] = 0


@compiled
def put_accelerator(words: Words, i: int, w: int, c: Code, out: Chips) -> bool:
    """Build the accelerator of a task; return whether the tables have it."""
    b, row = c.accelerator[w], TASK_WORDS * w
    u, k = place_of(words[row + W_UNROLL, i], c.unrolls[w]), place_of(words[row + W_CLOCK, i], c.clocks)
    if u < 0 or k < 0:
        return False
    put(i, b, IP, c.rate[w, u, k], c.per_joule[w, u, k], c.area[w, u, k], out)
    join(i, b, c.slots[0] + c.slots[1] + words[row + W_BUS, i] - ZERO, out)
    out.task_pe[i, c.task[w]] = b
    return True


@compiled
def put_pes(words: Words, i: int, c: Code, out: Chips) -> bool:
    """Place tasks with work, on their accelerators or on processors; return whether the tables have all."""
    first_bus, gpp_row = c.slots[0] + c.slots[1], TASK_WORDS * len(c.task) + 1
    for w in range(len(c.task)):
        chosen = words[TASK_WORDS * w + W_PE, i]
        if chosen == OWN:
            if not put_accelerator(words, i, w, c, out):
                return False
            continue
        b = chosen - ZERO
        out.task_pe[i, c.task[w]] = b
        if out.kind[i, b] == NONE:
            put(i, b, GPP, c.gpp[0], c.gpp[1], c.gpp[2], out)
            join(i, b, first_bus + words[gpp_row + b, i] - ZERO, out)
    return True


@compiled
def put_memories(words: Words, i: int, c: Code, out: Chips) -> bool:
    """Place the edges, build the memories they lie in; return whether widths and clocks are known."""
    gpps, first_bus = c.slots[0], c.slots[0] + c.slots[1]
    first_row = TASK_WORDS * len(c.task) + 1 + gpps
    for e in range(len(c.memory_row)):
        m = words[c.memory_row[e], i] - ZERO
        b = gpps + m
        out.edge_memory[i, e] = b
        if out.kind[i, b] != NONE:
            continue
        row = first_row + MEMORY_WORDS * m
        width, clock = words[row + M_WIDTH, i], words[row + M_CLOCK, i]
        if place_of(width, c.widths) < 0 or place_of(clock, c.clocks) < 0:
            return False
        kind = SRAM if words[row + M_KIND, i] == STATIC else DRAM
        put(i, b, kind, float(width * clock) * 1e6, np.inf, 0.0, out)
        join(i, b, first_bus + words[row + M_BUS, i] - ZERO, out)
    return True


@inlined
def ones(mask: np.uint64) -> int:
    """Return the number of bits that are set."""
    count = 0
    while mask:
        mask &= mask - np.uint64(1)
        count += 1
    return count


@compiled
def link_buses(words: Words, i: int, first_row: int, c: Code, below: Counts, out: Chips) -> None:
    """Link each bus to its parent if blocks in use hang both below the link and elsewhere.

    ``below``: room for the number of blocks in use that hang on each bus or on buses below it.
    """
    buses, first, total = c.slots[2], c.slots[0] + c.slots[1], 0
    for j in range(buses):
        below[j] = ones(out.adjacency[i, first + j])
        total += below[j]
    for j in range(buses - 1, 0, -1):
        parent = words[first_row + BUS_WORDS * j + B_PARENT, i] - ZERO
        below[parent] += below[j]
        if 0 < below[j] < total:
            join(i, first + j, first + parent, out)


@compiled
def put_buses(words: Words, i: int, c: Code, below: Counts, out: Chips) -> bool:
    """Link and build the buses in use, hang ``io`` on the first; return whether widths and clocks are known."""
    first, io = c.slots[0] + c.slots[1], c.slots[3]
    first_row = TASK_WORDS * len(c.task) + 1 + c.slots[0] + MEMORY_WORDS * c.slots[1]
    link_buses(words, i, first_row, c, below, out)
    for j in range(c.slots[2]):
        row, b = first_row + BUS_WORDS * j, first + j
        if out.adjacency[i, b] == 0:
            continue
        width, clock = words[row + B_WIDTH, i], words[row + B_CLOCK, i]
        v, k = place_of(width, c.widths), place_of(clock, c.clocks)
        if v < 0 or k < 0:
            return False
        put(i, b, BUS, float(width * clock) * 1e6, np.inf, c.bus_area[v, k], out)
        if io >= 0 and out.kind[i, io] == NONE:
            put(i, io, GPP, c.gpp[0], c.gpp[1], c.gpp[3], out)
            join(i, io, b, out)
    return True


@compiled
def decode(words: Words, i: int, c: Code, below: Counts, out: Chips) -> bool:
    """Decode one design; return whether the tables have all its blocks."""
    clear_blocks(i, out)
    for k in range(out.task_pe.shape[1]):
        out.task_pe[i, k] = c.slots[3]
    return put_pes(words, i, c, out) and put_memories(words, i, c, out) and put_buses(words, i, c, below, out)


def _entry_points(source: int) -> Callable[..., Any]:
    @entry_point
    def decoded(words: Words, c: Code, out: Chips, known: NDArray[np.bool_]) -> int:
        below = np.zeros(MOST_BLOCKS, np.int64)
        for i in range(len(known)):
            known[i] = decode(words, i, c, below, out)
        return source

    return decoded


_decoded = _entry_points(source_digest(Path(__file__).parent))


def decode_designs(words: Words, code: Code, chips: Chips) -> NDArray[np.bool_]:
    """Decode ``words`` ``int32[words, n]`` into ``chips``; return for each design whether the tables have its blocks.

    What a design with a block that they lack is decoded to means nothing.
    """
    known = np.empty(words.shape[1], dtype=np.bool_)
    _decoded(words, code, chips, known)
    return known
