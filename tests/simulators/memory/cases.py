"""Memories, random designs and random traces that the tests of the memory controller share."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from hypothesis import strategies as st

from simulators.memory import MemoryController, MemorySpecification, Recording, Trace, load_memory_specification
from simulators.memory.kernel_codes import (
    ARBITERS,
    COMMANDS,
    PAGE_POLICIES,
    POWER_DOWN_POLICIES,
    RESPONSE_QUEUES,
    SCHEDULER_BUFFERS,
    SCHEDULERS,
)
from simulators.memory.mappings import MAPPING_NAMES, address_mapping
from tests.simulators.memory.command_checker import Command, Request

NAMES = ("ddr3-1600", "ddr4-2400", "lpddr4-3200", "hbm2")
MODES = ("default", "dramsys")
Design = dict[str, object]


def two_ranks(memory: MemorySpecification) -> MemorySpecification:
    """The same memory with a second rank, selected by the address bit above its highest."""
    top = max(bit for part in ("column", "bank_group", "bank", "row") for bit in getattr(memory.mapping, part))
    return dataclasses.replace(
        memory,
        name=f"{memory.name} with two ranks",
        organisation=dataclasses.replace(memory.organisation, ranks=2),
        mapping=dataclasses.replace(memory.mapping, rank=(top + 1,)),
    )


MEMORIES = {name: load_memory_specification(name) for name in NAMES}
MEMORIES |= {f"{name}-x2": two_ranks(MEMORIES[name]) for name in NAMES[:3]}
CONTROLLERS = {(name, mode): MemoryController(MEMORIES[name], mode=mode) for name in MEMORIES for mode in MODES}


def address(memory: MemorySpecification, bank: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Byte addresses ``[n]`` that the memory's own mapping takes to these flat banks, rows and columns."""
    o = memory.organisation
    per_group = o.banks_per_rank // o.bank_groups_per_rank
    parts = {
        "rank": bank // o.banks_per_rank,
        "bank_group": bank % o.banks_per_rank // per_group,
        "bank": bank % per_group,
        "row": row,
        "column": column,
    }
    found = np.zeros(len(bank), dtype=np.uint64)
    for part, value in parts.items():
        for position, bit in enumerate(getattr(memory.mapping, part)):
            found |= (value >> position & 1).astype(np.uint64) << np.uint64(bit)
    return found


@st.composite
def traces(draw: st.DrawFn, memory: MemorySpecification, most: int = 60) -> Trace:
    """Up to ``most`` requests to few banks and rows, bunched or sparse, with pauses in which refreshes fall."""
    n = draw(st.integers(1, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    pause = draw(st.sampled_from([0, 1, 3, 10, 60, 400]))
    cycle = np.cumsum(rng.integers(0, pause + 1, n)) + draw(st.sampled_from([0, 1, 200, 6000]))
    for length in draw(st.lists(st.sampled_from([100, 600, 6000, 15_000]), max_size=2)):
        cycle[rng.integers(0, n) :] += length
    banks = rng.permutation(memory.organisation.banks)[: draw(st.integers(1, memory.organisation.banks))]
    bank, row = rng.choice(banks, n), rng.integers(0, draw(st.integers(1, 3)), n)
    column = rng.integers(0, 4, n) * memory.organisation.burst_length
    is_write = rng.random(n) < draw(st.sampled_from([0.0, 0.4, 1.0]))
    return Trace("random", cycle, is_write, address(memory, bank, row, column), memory.clock_mhz)


@st.composite
def designs(draw: st.DrawFn, memory: MemorySpecification) -> Design:
    """Any design that the memory can have and that does not deadlock."""
    refresh = ("NoRefresh", "AllBank", "PerBank") if memory.bank_refresh is not None else ("NoRefresh", "AllBank")
    limits = st.sampled_from([0, 1, 2, 8])
    scheduler = draw(st.sampled_from(SCHEDULERS))
    return {
        "page_policy": draw(st.sampled_from(PAGE_POLICIES)),
        "scheduler": scheduler,
        "scheduler_buffer": draw(st.sampled_from(SCHEDULER_BUFFERS)),
        "request_buffer_size": draw(st.integers(1, 8)),
        "response_queue": draw(st.sampled_from(RESPONSE_QUEUES)),
        "refresh_policy": draw(st.sampled_from(refresh)),
        "refresh_max_postponed": draw(limits),
        "refresh_max_pulled_in": draw(limits),
        "arbiter": draw(st.sampled_from(ARBITERS)),
        "max_active_transactions": draw(st.sampled_from([1, 2, 5, 128])),
        "cmd_mux": draw(st.sampled_from(["Oldest", "Strict"])) if scheduler == "Fifo" else "Oldest",
        "power_down_policy": draw(st.sampled_from(POWER_DOWN_POLICIES)),
        "address_mapping": draw(st.sampled_from(MAPPING_NAMES)),
    }


def columns(*designs: Mapping[str, object]) -> dict[str, list[object]]:
    """Designs as the columns of a batch."""
    return {name: [design[name] for design in designs] for name in designs[0]}


def record(controller: MemoryController, design: Mapping[str, object], trace: Trace) -> Recording:
    return controller.record(controller.check_columns(columns(design)), trace)


def commands_of(recording: Recording) -> list[Command]:
    return [Command(time, COMMANDS[code], bank, request) for time, code, bank, request in recording.commands.tolist()]


def requests_of(recording: Recording, trace: Trace, memory: MemorySpecification, mapping: str) -> list[Request]:
    """What the trace asks for, its addresses decoded bit by bit."""
    bits, o = address_mapping(mapping, memory), memory.organisation
    found = []
    for plain, is_write, times in zip(trace.address.tolist(), trace.is_write.tolist(), recording.requests, strict=True):
        byte = plain
        for bit, other in bits.xor:
            byte ^= (byte >> other & 1) << bit
        part = {
            name: sum((byte >> bit & 1) << position for position, bit in enumerate(getattr(bits, name)))
            for name in ("rank", "bank_group", "bank", "row")
        }
        group = part["rank"] * o.bank_groups_per_rank + part["bank_group"]
        bank = group * (o.banks_per_rank // o.bank_groups_per_rank) + part["bank"]
        found.append(Request(bank, part["row"], is_write, int(times[1]), int(times[2])))
    return found


def small_trace(requests: Sequence[tuple[int, str, int]], clock_mhz: float = 800.0) -> Trace:
    """A trace of (cycle, "read" or "write", address)."""
    cycles, kinds, addresses = zip(*requests, strict=True)
    is_write = np.array(kinds) == "write"
    return Trace("small", np.array(cycles), is_write, np.array(addresses, dtype=np.uint64), clock_mhz)
