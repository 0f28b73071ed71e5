"""What a coded design consists of: words that choose, and the slots for blocks that they choose among.

Tasks *with work* choose; those without (dummies) run on the block ``io``, a processor that does nothing else. Slots are
``gpp0 ...``, ``mem0 ...``, ``bus0 ...``, an accelerator for each task that has one, and ``io``. What the words mean is
said in :mod:`simulators.soc.spaces`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.errors import InvalidInputError
from simulators.parameters import Value
from simulators.simulator import Input
from simulators.soc.block_library import CLOCKS_MHZ, WIDTHS_BYTES, unrolls
from simulators.soc.kernel_decode import DIGIT_AT, KIND_AT, MEMORY_WORDS, TASK_WORDS, W_MEMORY
from simulators.soc.kernel_layout import MOST_BLOCKS, MOST_TASKS
from simulators.soc.task_graph import Task, TaskGraph

ACCELERATOR: Final = "accelerator"
IO: Final = "io"
SOURCE: Final = "source"
MOST_SLOTS: Final = 8
FASTEST_MHZ: Final = 1000
WIDEST_BYTES: Final = 512
_DEFAULT_CLOCK_MHZ: Final = 400
_DEFAULT_WIDTH_BYTES: Final = {"mem": 16, "bus": 32}
_DEFAULT_UNROLL: Final = 16


@dataclass(frozen=True)
class Slots:
    """How many processors, memories and buses a design can have, 1 to 8 each.

    Raises:
        InvalidInputError: another number.
    """

    gpps: int = 3
    memories: int = 4
    buses: int = 3

    def __post_init__(self) -> None:
        for name in ("gpps", "memories", "buses"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_SLOTS:
                raise InvalidInputError(f"{name} must be an integer from 1 to {MOST_SLOTS}, got {value!r}")

    def gpp_names(self) -> tuple[str, ...]:
        """Return ``gpp0`` and so on."""
        return tuple(f"gpp{i}" for i in range(self.gpps))

    def memory_names(self) -> tuple[str, ...]:
        """Return ``mem0`` and so on."""
        return tuple(f"mem{i}" for i in range(self.memories))

    def bus_names(self) -> tuple[str, ...]:
        """Return ``bus0`` and so on."""
        return tuple(f"bus{i}" for i in range(self.buses))


@dataclass(frozen=True)
class Word:
    """One choice of a design.

    Attributes:
        name: of the parameter and input.
        values: those that the library has; one alone is no choice and no parameter.
        default: one of them.
        group: the task or block it belongs to.
        doc: one sentence.
        unit: of numbers.
        most: the largest integer the model can express, of numbers.
        letter_at: of texts: the letter by which the values differ.
    """

    name: str
    values: tuple[Value, ...]
    default: Value
    group: str
    doc: str
    unit: str | None = None
    most: int = 0
    letter_at: int = DIGIT_AT

    @property
    def is_number(self) -> bool:
        """Whether values are integers, else texts."""
        return self.most > 0

    @property
    def is_open(self) -> bool:
        """Whether there is a choice."""
        return len(self.values) > 1

    @property
    def constant(self) -> int:
        """The default as the kernel reads it: the number, or the telling letter's."""
        return int(self.default) if self.is_number else ord(str(self.default)[self.letter_at])

    @property
    def input(self) -> Input:
        """The declared input."""
        if self.is_number:
            return Input(self.name, self.default, minimum=1, maximum=self.most, unit=self.unit, doc=self.doc)
        return Input(self.name, self.default, self.values, doc=self.doc)


class DesignLayout:
    """Words and slots of the designs for one task graph.

    Args:
        graph: what runs on the chip.
        slots: processors, memories and buses.

    Attributes:
        work: positions of the tasks with work, ``W`` of them.
        accelerated: positions of those that can have an accelerator. Of a graph with so many that 64 blocks would not
            do, those with the least work have none.
        prefixes: task position -> what its words' names begin with, also the name of their group.
        words: in the kernel's order: TASK_WORDS for each task of ``work``, that of sources, one for each GPP,
            MEMORY_WORDS for each memory, BUS_WORDS for each bus.
        blocks: names of the slots, in the order of the kernel's blocks.

    Raises:
        InvalidInputError: no task with work, or more than 64 tasks.
    """

    def __init__(self, graph: TaskGraph, slots: Slots) -> None:
        self.graph, self.slots = graph, slots
        self.work = tuple(i for i, task in enumerate(graph.tasks) if task.work_instructions > 0)
        if not self.work or len(graph.tasks) > MOST_TASKS:
            raise InvalidInputError(
                f"task graph {graph.name!r} has {len(graph.tasks)} tasks, {len(self.work)} of them with work; "
                f"expected up to {MOST_TASKS}, one or more with work"
            )
        self.accelerated = self._accelerated()
        self.prefixes = self._prefixes()
        self.words = tuple(self._words())
        accelerators = tuple(self.prefixes[i] for i in self.accelerated)
        ends = (IO,) if len(self.work) < len(graph.tasks) else ()
        self.blocks = (*slots.gpp_names(), *slots.memory_names(), *slots.bus_names(), *accelerators, *ends)

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        """What can be chosen, as inputs of a simulator."""
        return tuple(word.input for word in self.words if word.is_open)

    @cached_property
    def memory_rows(self) -> tuple[int, ...]:
        """For each task the position among ``words`` of the one that says where its outputs lie.

        A task without work lies where its first parent does, sources in ``source_memory``.
        """
        rows: dict[int, int] = {task: TASK_WORDS * w + W_MEMORY for w, task in enumerate(self.work)}

        def row(task: int) -> int:
            if task not in rows:
                parents = self.graph.parents[task]
                rows[task] = row(parents[0]) if parents else TASK_WORDS * len(self.work)
            return rows[task]

        return tuple(row(task) for task in range(len(self.graph.tasks)))

    @property
    def gpp_row(self) -> int:
        """Position of the first processor's word."""
        return TASK_WORDS * len(self.work) + 1

    @property
    def memory_row(self) -> int:
        """Position of the first memory's words."""
        return self.gpp_row + self.slots.gpps

    @property
    def bus_row(self) -> int:
        """Position of the first bus's words."""
        return self.memory_row + MEMORY_WORDS * self.slots.memories

    @cached_property
    def block_groups(self) -> NDArray[np.str_]:
        """For each block the group of parameters that decide it; ``io`` counts to the sources."""
        return np.array([SOURCE if block == IO else block for block in self.blocks])

    @cached_property
    def task_groups(self) -> tuple[str, ...]:
        """For each task the group of its parameters; those without work count to the sources."""
        return tuple(self.prefixes.get(i, SOURCE) for i in range(len(self.graph.tasks)))

    def slot(self, name: str) -> int:
        """Return the position of a block's name, -1 if there is none."""
        return self.blocks.index(name) if name in self.blocks else -1

    def _accelerated(self) -> tuple[int, ...]:
        tasks = self.graph.tasks
        room = MOST_BLOCKS - self.slots.gpps - self.slots.memories - self.slots.buses - 1
        able = [i for i in self.work if tasks[i].accelerator is not None]
        most_work = sorted(able, key=lambda i: -tasks[i].work_instructions)[:room]
        return tuple(sorted(most_work))

    def _prefixes(self) -> dict[int, str]:
        """Tasks' names as identifiers that no slot has."""
        slots = self.slots
        taken = {*slots.gpp_names(), *slots.memory_names(), *slots.bus_names(), IO, SOURCE}
        found: dict[int, str] = {}
        for i in self.work:
            plain = re.sub(r"[^0-9A-Za-z_]", "_", self.graph.tasks[i].name)
            plain = plain if not plain[0].isdigit() else f"t{plain}"
            name, number = plain, 1
            while name in taken:
                number += 1
                name = f"{plain}_{number}"
            taken.add(name)
            found[i] = name
        return found

    def _words(self) -> Iterator[Word]:
        for i in self.work:
            yield from self._task_words(i, self.graph.tasks[i])
        slots = self.slots
        memories = slots.memory_names()
        ends = self.graph.children
        has_sources = any(
            not parents and ends[i] and i not in self.work for i, parents in enumerate(self.graph.parents)
        )
        where = "memory that the sources' outputs lie in"
        yield Word(f"{SOURCE}_memory", memories if has_sources else memories[:1], memories[0], SOURCE, where)
        for name in slots.gpp_names():
            yield self._bus_word(name, f"bus that processor {name} hangs on")
        for i, name in enumerate(memories):
            kinds, doc = ("sram", "dram"), f"what memory {name} is"
            yield Word(f"{name}_kind", kinds, "sram" if i else "dram", name, doc, letter_at=KIND_AT)
            yield from _rate_words(name, "memory")
            yield self._bus_word(name, f"bus that memory {name} hangs on")
        for i, name in enumerate(slots.bus_names()):
            parents = slots.bus_names()[: max(i, 1)]
            yield Word(f"{name}_parent", parents, parents[0], name, f"bus that bus {name} hangs on")
            yield from _rate_words(name, "bus")

    def _task_words(self, position: int, task: Task) -> Iterator[Word]:
        prefix, can = self.prefixes[position], position in self.accelerated
        gpps, memories = self.slots.gpp_names(), self.slots.memory_names()
        doc = f"what runs {task.name}: a processor, or an accelerator of its own"
        yield Word(f"{prefix}_pe", (ACCELERATOR, *gpps) if can else gpps, gpps[0], prefix, doc)
        degrees = unrolls(task.iterations) if can else (1,)
        doc = f"iterations that the accelerator of {task.name} runs at the same time"
        usual = max(degree for degree in degrees if degree <= _DEFAULT_UNROLL)
        yield Word(f"{prefix}_unroll", degrees, usual, prefix, doc, most=max(degrees))
        clocks = CLOCKS_MHZ if can else (_DEFAULT_CLOCK_MHZ,)
        doc = f"clock of the accelerator of {task.name}"
        yield Word(f"{prefix}_clock_mhz", clocks, _DEFAULT_CLOCK_MHZ, prefix, doc, "MHz", FASTEST_MHZ)
        yield self._bus_word(prefix, f"bus that the accelerator of {task.name} hangs on", can)
        writes = memories if self.graph.children[position] else memories[:1]
        yield Word(f"{prefix}_memory", writes, memories[0], prefix, f"memory that the outputs of {task.name} lie in")

    def _bus_word(self, name: str, doc: str, is_open: bool = True) -> Word:
        buses = self.slots.bus_names()
        return Word(f"{name}_bus", buses if is_open else buses[:1], buses[0], name, doc)


def _rate_words(name: str, what: str) -> Iterator[Word]:
    width = _DEFAULT_WIDTH_BYTES[name[:3]]
    yield Word(f"{name}_width_bytes", WIDTHS_BYTES, width, name, f"width of {what} {name}", "byte", WIDEST_BYTES)
    doc = f"clock of {what} {name}"
    yield Word(f"{name}_clock_mhz", CLOCKS_MHZ, _DEFAULT_CLOCK_MHZ, name, doc, "MHz", FASTEST_MHZ)
