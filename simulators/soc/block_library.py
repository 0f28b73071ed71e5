"""The blocks that a system-on-chip can be built of: processors, accelerators, memories, buses.

Rules and constants are FARSI's (``parse_hardware_library`` and ``misc_database - Block Characteristics.csv``, with the
technology scalings of ``FARSIEnv.py``), and so are the names: ``A53_pe``, ``<task>_IP0_<unroll>_<clock>_pe``,
``LMEM_<width>_<clock>_mem`` (SRAM), ``GMEM_<width>_<clock>_mem`` (DRAM), ``LMEM_ic_<width>_<clock>_ic`` (bus), where
``clock`` counts 100 MHz and ``width`` w means 4 x 2^w bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, Literal

from simulators.errors import InvalidInputError, UnknownNameError
from simulators.soc.cacti import ENERGY_SCALE
from simulators.soc.task_graph import AcceleratorFacts, Task, TaskGraph

BlockKind = Literal["gpp", "ip", "sram", "dram", "bus"]
BLOCK_KINDS: Final[tuple[BlockKind, ...]] = ("gpp", "ip", "sram", "dram", "bus")
CLOCKS_MHZ: Final = (100, 400, 600, 800)
WIDTHS_BYTES: Final = (4, 8, 16, 32, 64, 128)
GPP_NAME: Final = "A53_pe"
GPP_INSTRUCTIONS_PER_S: Final = 2e9
"""Arm Cortex-A53: 1 GHz x 2 instructions per cycle."""
GPP_INSTRUCTIONS_PER_J: Final = 47_019_607_843.0
GPP_AREA_M2: Final = 0.65e-6
"""Not scaled, unlike the area of accelerators."""
ACCELERATOR_AREA_SCALE: Final = 0.0374
MOST_DOUBLINGS: Final = 16
"""Unrolls by powers of two that are kept where a loop is so long that there would be more than one over it."""
_BASE_CLOCK_HZ: Final = 1e8
_MEMORY_NAMES: Final = {"sram": "LMEM_{}_{}_mem", "dram": "GMEM_{}_{}_mem", "bus": "LMEM_ic_{}_{}_ic"}


@dataclass(frozen=True)
class BlockType:
    """One type of block.

    Attributes:
        name: FARSI's name of it.
        kind: ``gpp``, ``ip`` (accelerator), ``sram``, ``dram`` or ``bus``.
        rate: instructions/s of a processor or accelerator; bytes/s, per direction, of a memory; bytes/s per outgoing
            port and direction of a bus.
        work_per_joule: instructions/J; infinite for memories (CACTI's figures depend on the size) and buses.
        area_m2: 0 for memories (as above) and buses (FARSI gives them none).
        clock_hz: clock.
        width_bytes: width of a memory or bus, 0 for PEs.
        unroll: how many iterations of the task's loop an accelerator runs at the same time, 0 for others.
        task: the one task an accelerator runs, empty for others.
    """

    name: str
    kind: BlockKind
    rate: float
    work_per_joule: float
    area_m2: float
    clock_hz: float
    width_bytes: int = 0
    unroll: int = 0
    task: str = ""

    @property
    def is_pe(self) -> bool:
        """Whether tasks run on it."""
        return self.kind in ("gpp", "ip")

    @property
    def is_memory(self) -> bool:
        """Whether data lies in it."""
        return self.kind in ("sram", "dram")

    @property
    def clock_mhz(self) -> int:
        """The clock in MHz."""
        return round(self.clock_hz / 1e6)

    def can_run(self, task: str) -> bool:
        """Whether it can run a task: a processor runs any, an accelerator its own."""
        return self.kind == "gpp" or (self.kind == "ip" and self.task == task)


@dataclass(frozen=True, eq=False)
class HardwareLibrary:
    """All block types for the tasks of one graph: ``types`` by name, in the order of :data:`BLOCK_KINDS`."""

    graph: str
    types: Mapping[str, BlockType]

    @staticmethod
    def of(graph: TaskGraph) -> HardwareLibrary:
        """Return the library of a task graph; equal graphs share one."""
        return _library(graph.name, graph.tasks)

    def get(self, name: str) -> BlockType:
        """Return the type of that name.

        Raises:
            UnknownNameError: there is none; names the nearest.
        """
        if name not in self.types:
            raise UnknownNameError(f"block type for {self.graph!r}:", name, self.types)
        return self.types[name]

    def find(self, kind: str, task: str = "", unroll: int = 0, clock_mhz: int = 0, width_bytes: int = 0) -> BlockType:
        """Return the type with these properties; those that do not apply to the kind stay 0 or empty.

        Raises:
            UnknownNameError: an unknown kind, or a task without an accelerator.
            InvalidInputError: an unroll, clock or width that there is not.
        """
        if kind not in BLOCK_KINDS:
            raise UnknownNameError("kind of block", kind, BLOCK_KINDS)
        found = self.of_kind(kind)
        if kind == "gpp":
            return found[0]
        if kind == "ip" and task not in self.accelerated_tasks:
            raise UnknownNameError("task with an accelerator", task, self.accelerated_tasks)
        wanted = {"task": task, "unroll": unroll} if kind == "ip" else {"width_bytes": width_bytes}
        for name, value in {**wanted, "clock_mhz": clock_mhz}.items():
            known = sorted({getattr(block, name) for block in found})
            found = tuple(block for block in found if getattr(block, name) == value)
            if not found:
                raise InvalidInputError(
                    f"{kind}{f' for {task}' if task else ''}: {name} cannot be {value!r}; "
                    f"expected one of {', '.join(map(str, known))}"
                )
        return found[0]

    def of_kind(self, kind: str) -> tuple[BlockType, ...]:
        """Return the types of a kind, accelerators by task, unroll and clock, others by width and clock."""
        return self._by_kind.get(kind, ())

    @cached_property
    def accelerated_tasks(self) -> tuple[str, ...]:
        """Tasks that have an accelerator, in the order of the graph."""
        return tuple(dict.fromkeys(block.task for block in self.of_kind("ip")))

    def accelerators(self, task: str) -> tuple[BlockType, ...]:
        """Return the accelerators of a task, by unroll and clock; none if it has none."""
        return tuple(block for block in self.of_kind("ip") if block.task == task)

    @cached_property
    def _by_kind(self) -> dict[str, tuple[BlockType, ...]]:
        return {kind: tuple(b for b in self.types.values() if b.kind == kind) for kind in BLOCK_KINDS}


def unrolls(iterations: int) -> tuple[int, ...]:
    """Return by how much a loop can be unrolled: powers of two up to its length, and its length.

    The first 16 powers are kept where there are more than 17.
    """
    doublings = iterations.bit_length()
    kept = MOST_DOUBLINGS if doublings > MOST_DOUBLINGS + 1 else doublings
    return tuple(dict.fromkeys((*(1 << i for i in range(kept)), iterations)))


@lru_cache(maxsize=256)
def _library(graph: str, tasks: tuple[Task, ...]) -> HardwareLibrary:
    processor = BlockType(GPP_NAME, "gpp", GPP_INSTRUCTIONS_PER_S, GPP_INSTRUCTIONS_PER_J, GPP_AREA_M2, 1e9)
    types = [processor]
    types += [
        _accelerator(task, task.accelerator, unroll, mhz)
        for task in tasks
        if task.accelerator is not None
        for unroll in unrolls(task.iterations)
        for mhz in CLOCKS_MHZ
    ]
    for kind in ("sram", "dram", "bus"):
        types += [_transport(kind, i, width, mhz) for i, width in enumerate(WIDTHS_BYTES) for mhz in CLOCKS_MHZ]
    return HardwareLibrary(graph, {block.name: block for block in types})


def _accelerator(task: Task, facts: AcceleratorFacts, unroll: int, clock_mhz: int) -> BlockType:
    """Time falls with unroll and clock; energy and area grow with unroll; without DVFS the clock costs nothing."""
    multiple = clock_mhz // 100
    return BlockType(
        name=f"{task.name}_IP0_{unroll}_{multiple}_pe",
        kind="ip",
        rate=task.work_instructions / (facts.cycles_at_100mhz / _BASE_CLOCK_HZ) * (unroll * multiple),
        work_per_joule=task.work_instructions / (facts.energy_fj * 1e-15) / (unroll * ENERGY_SCALE),
        area_m2=facts.area_um2 * 1e-12 * ACCELERATOR_AREA_SCALE * unroll,
        clock_hz=clock_mhz * 1e6,
        unroll=unroll,
        task=task.name,
    )


def _transport(kind: BlockKind, number: int, width: int, clock_mhz: int) -> BlockType:
    """A memory or a bus: its width once per cycle."""
    name = _MEMORY_NAMES[kind].format(number, clock_mhz // 100)
    return BlockType(name, kind, width * clock_mhz * 1e6, math.inf, 0.0, clock_mhz * 1e6, width_bytes=width)
