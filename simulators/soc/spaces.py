"""The design space of systems-on-chip for a task graph: every point is a chip on which the graph runs.

For each task with work (names begin with the task's; ``t`` stands for it):

================== ================================================ ==================================================
parameter          values                                           meaning
================== ================================================ ==================================================
t_pe               accelerator, gpp0, gpp1, gpp2                    what runs it; an accelerator runs nothing else
t_unroll           the library's: 1, 2, 4 ... iterations            parallel iterations of its accelerator
t_clock_mhz        100, 400, 600, 800                               its accelerator's clock
t_bus              bus0, bus1, bus2                                 what its accelerator hangs on
t_memory           mem0, mem1, mem2, mem3                           where its outputs lie
source_memory      mem0 ... mem3                                    where data that enters the chip lies
gpp0_bus           bus0, bus1, bus2                                 what the processor hangs on
mem0_kind          sram, dram
mem0_width_bytes   4, 8, 16, 32, 64, 128
mem0_clock_mhz     100, 400, 600, 800
mem0_bus           bus0, bus1, bus2                                 what the memory hangs on
bus2_parent        bus0, bus1                                       what the bus hangs on: buses form a tree
bus0_width_bytes   4, 8, 16, 32, 64, 128
bus0_clock_mhz     100, 400, 600, 800
================== ================================================ ==================================================

A parameter with one value only is left out. Tasks without an accelerator run on a processor. Tasks without work (where
data enters and leaves) run on a processor ``io`` of their own that takes no time and, unless nothing is repaired, no
area; what such a task writes lies where its first parent's outputs do. What nothing uses is not built: processors,
memories, and buses on no way between two blocks in use; their parameters are inactive, and so are those of the
accelerator of a task on a processor. ``bus0``'s always count as active. Of tasks that become ready together the first
in the graph starts first.

The reference design is FARSI's first: one processor, one DRAM, one bus. ``group`` of a parameter is the task's or
block's name. Buses are simulated as they are chosen, without FARSI's pruning (:mod:`simulators.soc.topology`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from simulators.parameters import Parameter, Value
from simulators.soc.layout import ACCELERATOR, DesignLayout, Word
from simulators.spaces import DesignSpace, InactiveRule

SPACES: Final = ("default", "archgym")


def soc_space(layout: DesignLayout, name: str = "default") -> DesignSpace:
    """Return the space of all designs of a layout that the library has the blocks for."""
    parameters = [
        Parameter(
            word.name,
            word.values,
            word.default,
            unit=word.unit,
            ordered=word.is_number,
            group=word.group,
            doc=word.doc,
        )
        for word in layout.words
        if word.is_open
    ]
    return DesignSpace(parameters, inactive=list(inactive_rules(layout)), name=name)


def inactive_rules(layout: DesignLayout) -> Iterator[InactiveRule]:
    """Return which parameters have no effect when."""
    words = {word.name: word for word in layout.words}
    of_pe = [words[f"{layout.prefixes[i]}_pe"] for i in layout.work]
    for i in layout.accelerated:
        prefix = layout.prefixes[i]
        pe = words[f"{prefix}_pe"]
        rest = tuple(value for value in pe.values if value != ACCELERATOR)
        for suffix in ("unroll", "clock_mhz", "bus"):
            yield from _rules([words[f"{prefix}_{suffix}"]], [(pe, rest)], "the task runs on a processor")
    slots = layout.slots
    for name in slots.gpp_names():
        yield from _unused(words, [f"{name}_bus"], of_pe, name)
    memories = [words[layout.words[row].name] for row in sorted(set(_rows_in_use(layout)))]
    for name in slots.memory_names():
        yield from _unused(words, [f"{name}_{s}" for s in ("kind", "width_bytes", "clock_mhz", "bus")], memories, name)
    hanging = [word for word in layout.words if word.name.endswith("_bus") and word.is_open]
    for i, name in enumerate(slots.bus_names()[1:], start=1):
        above = [words[f"{other}_parent"] for other in slots.bus_names()[i + 1 :]]
        ruled = [f"{name}_{s}" for s in ("parent", "width_bytes", "clock_mhz")]
        yield from _unused(words, ruled, [*hanging, *above], name)


def _rows_in_use(layout: DesignLayout) -> list[int]:
    """Words that say where an edge lies."""
    return [layout.memory_rows[layout.graph.index[edge.source]] for edge in layout.graph.edges]


def _unused(
    words: dict[str, Word], ruled: Sequence[str], choosers: Sequence[Word], name: str
) -> Iterator[InactiveRule]:
    """Rules for the words ``ruled`` of a block that none of ``choosers`` chooses."""
    conditions = [(word, tuple(value for value in word.values if value != name)) for word in choosers]
    if any(not rest for _, rest in conditions):
        return
    restricting = [(word, rest) for word, rest in conditions if len(rest) < len(word.values)]
    yield from _rules([words[word] for word in ruled], restricting, f"nothing uses {name}")


def _rules(
    ruled: Sequence[Word], conditions: Sequence[tuple[Word, tuple[Value, ...]]], doc: str
) -> Iterator[InactiveRule]:
    when = {word.name: rest for word, rest in conditions}
    for word in ruled:
        if word.is_open and when:
            yield InactiveRule(word.name, when, doc)
