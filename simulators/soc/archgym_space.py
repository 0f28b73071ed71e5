"""ArchGym's own space of systems-on-chip, for study: its action vector, decoded and checked as ArchGym does.

``settings/default_farsi_limited.yaml`` and ``envHelpers.py`` of ArchGym (Krishnan et al., ISCA 2023): three PEs, three
memories and three buses; 34 integers for edge detection, 36 for CAVA, 54 for the audio decoder.

=========================== ========= ============================================================================
parameter                   values    meaning
=========================== ========= ============================================================================
pe_allocation_i             0, 1      A53, or the slowest accelerator of the first task that has any
mem_allocation_i            0 .. 3    DRAM, 4 bytes wide, of 100, 400, 600 or 800 MHz
bus_allocation_i            0 .. 3    bus, 4 bytes wide, of these clocks
pe_to_bus_connection_i      0 .. 2    bus that PE i hangs on
bus_to_bus_connection_i     -1 .. 2   bus that bus i is linked to, -1 none
bus_to_mem_connection_i     -1 .. 2   memory that is linked to bus i, -1 none
task_to_pe_mapping_t        0 .. 2    PE that task t runs on, sources and sinks included
task_to_mem_mapping_t       0 .. 2    memory that the outputs of task t lie in
=========================== ========= ============================================================================

Allocations are positions in FARSI's library, whose order puts everything else out of reach: no SRAM, no wider bus, no
second accelerator. What ArchGym's checker refuses is invalid here, with its name for the reason; so are designs that
pass it but in which a task cannot reach its data (``unconnected``), for which ArchGym gives -10 000 or the numbers of
the design before. The others are pruned and ordered as FARSI does. Of 200 000 uniform random designs each, valid are
0.45 % for edge detection, 0.37 % for CAVA, 0.30 % for the audio decoder; the checker passes 3.2, 3.0 and 2.7 %.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.errors import InvalidInputError
from simulators.parameters import Parameter
from simulators.simulator import Input
from simulators.soc.block_library import BlockType, HardwareLibrary
from simulators.soc.description import Block, SocDescription
from simulators.soc.layout import DesignLayout, Slots
from simulators.soc.task_graph import TaskGraph
from simulators.soc.topology import RawDesign, effective_design
from simulators.spaces import Columns, DesignSpace

COUNT: Final = 3
"""PEs, memories and buses."""
_FIRST_ACCELERATOR: Final = {"audio_decoder": "rotatorSet_fxp_cloned"}
"""Where FARSI's table of blocks has another task first than the task graph."""

Integers = NDArray[np.int64]


class ArchgymCode:
    """Decoder of ArchGym's designs for one task graph.

    Attributes:
        inputs: the parameters, as inputs of a simulator.
    """

    def __init__(self, graph: TaskGraph) -> None:
        self.graph, self.block_library = graph, HardwareLibrary.of(graph)
        self._layout = DesignLayout(graph, Slots())
        self._parameters = tuple(self._all_parameters())
        self.inputs = tuple(
            Input(p.name, p.default, minimum=min(p.array), maximum=max(p.array), doc=p.doc) for p in self._parameters
        )
        self._pes, self._memories, self._buses = self._types()
        self._able = np.array([[t.can_run(task.name) for t in self._pes] for task in graph.tasks])

    def space(self) -> DesignSpace:
        """Return all of ArchGym's designs."""
        return DesignSpace(self._parameters, name="archgym")

    def decode(self, columns: Columns) -> tuple[list[SocDescription], list[str]]:
        """Return the designs that are valid, in order, and for each design why it is not (empty texts where it is)."""
        values = np.stack([np.asarray(columns[p.name], dtype=np.int64) for p in self._parameters], axis=1)
        reasons = self.refusals(values)
        found: list[SocDescription] = []
        for row in [i for i, reason in enumerate(reasons) if not reason]:
            try:
                found.append(self.describe(values[row]))
            except InvalidInputError as error:
                reasons[row] = f"unconnected: {error}"
        return found, reasons

    def refusals(self, values: Integers) -> list[str]:
        """Return which of the checker's rules each design ``[n, d]`` breaks first; an empty text if none."""
        parts = self._parts(values)
        numbers = np.arange(COUNT)
        to_bus, to_memory = parts["bus_to_bus_connection"], parts["bus_to_mem_connection"]
        linked = (to_memory[:, :, None] == numbers).sum(axis=1)
        kinds = np.take_along_axis(parts["pe_allocation"], parts["task_to_pe_mapping"], axis=1)
        unable = ~self._able[np.arange(len(self.graph.tasks)), kinds]
        rules = (
            ("bus_to_itself_connection: a bus is linked to itself", (to_bus == numbers).any(axis=1)),
            ("no_bus_is_connected_to_mem: no memory is linked to a bus", (to_memory == -1).all(axis=1)),
            ("mem_multiple_neighbour: a memory is linked to several buses", (linked > 1).any(axis=1)),
            ("task_pe_compatibility: a task is mapped to an accelerator of another", unable.any(axis=1)),
        )
        reasons = np.full(len(values), "", dtype=object)
        for reason, broken in reversed(rules):
            reasons[broken] = reason
        found: list[str] = reasons.tolist()
        return found

    def describe(self, design: Sequence[int] | Integers) -> SocDescription:
        """Return one design ``[d]`` as FARSI simulates it: pruned, with its order of kernels.

        Raises:
            InvalidInputError: a task cannot reach its data, or blocks with tasks are not connected.
        """
        parts = {name: column[0].tolist() for name, column in self._parts(np.asarray(design)[None]).items()}
        blocks = self._blocks(parts)
        tasks = [task.name for task in self.graph.tasks]
        memory_of = {task: f"mem{m}" for task, m in zip(tasks, parts["task_to_mem_mapping"], strict=True)}
        raw = RawDesign(
            {name: block.role for name, block in blocks.items()},
            list(_links(parts)),
            {task: f"pe{pe}" for task, pe in zip(tasks, parts["task_to_pe_mapping"], strict=True)},
            {(e.source, e.target): memory_of[e.source] for e in self.graph.edges},
        )
        effective = effective_design(raw)
        return SocDescription(
            blocks=tuple(blocks[name] for name in effective.blocks),
            links=effective.links,
            task_to_pe=raw.task_to_pe,
            edge_to_memory={edge.name: memory_of[edge.source] for edge in self.graph.edges},
            kernel_order=effective.kernel_order,
        )

    def _blocks(self, parts: Mapping[str, list[int]]) -> dict[str, Block]:
        found = {f"pe{i}": self._pes[kind] for i, kind in enumerate(parts["pe_allocation"])}
        found |= {f"mem{i}": self._memories[kind] for i, kind in enumerate(parts["mem_allocation"])}
        found |= {f"bus{i}": self._buses[kind] for i, kind in enumerate(parts["bus_allocation"])}
        return {name: Block(name, block) for name, block in found.items()}

    def _types(self) -> tuple[tuple[BlockType, ...], tuple[BlockType, ...], tuple[BlockType, ...]]:
        library = self.block_library
        if not library.accelerated_tasks:
            raise InvalidInputError(f"ArchGym's space needs a task with an accelerator; {self.graph.name!r} has none")
        first = _FIRST_ACCELERATOR.get(self.graph.name, library.accelerated_tasks[0])
        pes = (library.find("gpp"), library.accelerators(first)[0])
        return pes, library.of_kind("dram")[:4], library.of_kind("bus")[:4]

    def _parts(self, values: Integers) -> dict[str, Integers]:
        """Cut designs ``[n, d]`` into their sections ``[n, section]``."""
        tasks = len(self.graph.tasks)
        sizes = {name: COUNT for name, *_ in _SECTIONS} | {name: tasks for name, _ in _OF_TASKS}
        ends = np.cumsum(list(sizes.values())).tolist()
        return {name: values[:, end - size : end] for (name, size), end in zip(sizes.items(), ends, strict=True)}

    def _all_parameters(self) -> Iterator[Parameter]:
        for name, values, default, group, doc in _SECTIONS:
            for i in range(COUNT):
                chosen = 0 if name == "bus_to_mem_connection" and i == 0 else default
                yield Parameter(
                    f"{name}_{i}", values, chosen, ordered="alloc" in name, group=f"{group}{i}", doc=doc.format(i)
                )
        for name, doc in _OF_TASKS:
            for i, task in enumerate(self.graph.tasks):
                group = self._layout.task_groups[i]
                about = doc.format(task.name)
                yield Parameter(f"{name}_{i}", range(COUNT), 0, ordered=False, group=group, doc=about)


_SECTIONS: Final = (
    ("pe_allocation", range(2), 0, "pe", "type of PE {0}: A53, or the slowest of the first accelerator"),
    ("mem_allocation", range(4), 0, "mem", "type of memory {0}: DRAM 4 bytes wide, clock"),
    ("bus_allocation", range(4), 0, "bus", "type of bus {0}: 4 bytes wide, clock"),
    ("pe_to_bus_connection", range(COUNT), 0, "pe", "bus that PE {0} hangs on"),
    ("bus_to_bus_connection", range(-1, COUNT), -1, "bus", "bus that bus {0} is linked to, -1 none"),
    ("bus_to_mem_connection", range(-1, COUNT), -1, "bus", "memory that is linked to bus {0}, -1 none"),
)
_OF_TASKS: Final = (
    ("task_to_pe_mapping", "PE that {0} runs on"),
    ("task_to_mem_mapping", "memory that the outputs of {0} lie in"),
)


def _links(parts: Mapping[str, list[int]]) -> Iterator[tuple[str, str]]:
    """Links in the order in which ArchGym makes them."""
    for i, bus in enumerate(parts["pe_to_bus_connection"]):
        yield f"pe{i}", f"bus{bus}"
    for i, bus in enumerate(parts["bus_to_bus_connection"]):
        if bus >= 0:
            yield f"bus{i}", f"bus{bus}"
    for i, memory in enumerate(parts["bus_to_mem_connection"]):
        if memory >= 0:
            yield f"bus{i}", f"mem{memory}"
