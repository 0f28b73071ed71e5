"""Descriptions of systems-on-chip as files, YAML or JSON::

    workload: edge_detection
    blocks:
      cpu: A53_pe
      gauss: {kind: ip, task: gaussianSmoothing, unroll: 8, clock_mhz: 400}
      ram: {kind: sram, width_bytes: 16, clock_mhz: 800}
      dram: GMEM_3_4_mem
      bus: {kind: bus, width_bytes: 64, clock_mhz: 600}
    links: [[cpu, bus], [gauss, bus], [ram, bus], [dram, bus]]
    tasks: {default: cpu, gaussianSmoothing: gauss}
    memories: {default: dram, gaussianSmoothing: ram, computeGradient->computeMaxGradientLeaf: ram}

A block is the name of a type in :mod:`simulators.soc.block_library` or its kind (``gpp``, ``ip``, ``sram``, ``dram``,
``bus``) and properties. ``tasks`` says on which PE a task runs, ``memories`` in which memory an edge, or else every
output of a task, lies; ``default`` stands for all that is not named. ``workload`` (optional) is compared with the task
graph in use; ``kernel_order`` and ``task_load_order`` (optional, lists of tasks) are for exact comparisons with FARSI.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from simulators.errors import InvalidInputError, UnknownNameError
from simulators.soc._fields import Fields, read_document
from simulators.soc.block_library import BlockType, HardwareLibrary
from simulators.soc.description import Block, Link, SocDescription, check_description
from simulators.soc.task_graph import TaskGraph

SUFFIXES: Final = (".yaml", ".yml", ".json")
DEFAULT: Final = "default"
_FIELDS: Final = ("workload", "blocks", "links", "tasks", "memories", "kernel_order", "task_load_order")
_NEEDED: Final = {
    "gpp": (),
    "ip": ("task", "unroll", "clock_mhz"),
    "sram": ("width_bytes", "clock_mhz"),
    "dram": ("width_bytes", "clock_mhz"),
    "bus": ("width_bytes", "clock_mhz"),
}


def read_description(path: str | Path, graph: TaskGraph) -> SocDescription:
    """Return the chip in a file, checked against the task graph that shall run on it.

    Raises:
        InvalidInputError: a file that cannot be read, or a chip on which the graph cannot run; names file and field.
        UnknownNameError: an unknown field, block type, task, edge or block; names the nearest.
    """
    file = Path(path)
    if file.suffix.lower() not in SUFFIXES:
        raise InvalidInputError(f"{file}: expected a description in a file {', '.join(SUFFIXES)}")
    return description_of(read_document(file), graph, str(file))


def description_of(content: Mapping[str, Any], graph: TaskGraph, where: str = "description") -> SocDescription:
    """Return the chip that the content of a file stands for; ``where`` begins the messages.

    Raises:
        InvalidInputError, UnknownNameError: as :func:`read_description` does.
    """
    fields = Fields(content, where, _FIELDS)
    workload = fields.text("workload", graph.name)
    if workload != graph.name:
        raise InvalidInputError(f"{where}: it is for workload {workload!r}, but {graph.name!r} shall run on it")
    with fields.named():
        description = SocDescription(
            blocks=_blocks(fields, HardwareLibrary.of(graph)),
            links=tuple(_link(fields, link) for link in fields.sequence("links")),
            task_to_pe=_task_to_pe(fields, graph),
            edge_to_memory=_edge_to_memory(fields, graph),
            kernel_order=_order(fields, "kernel_order"),
            task_load_order=_order(fields, "task_load_order"),
        )
        check_description(description, graph)
    return description


def description_document(description: SocDescription, workload: str = "") -> dict[str, Any]:
    """Return a chip as the content of a file; :func:`description_of` turns it back."""
    document: dict[str, Any] = {"workload": workload} if workload else {}
    document["blocks"] = {block.id: _block_document(block.type) for block in description.blocks}
    document["links"] = [list(link) for link in description.links]
    document["tasks"] = dict(description.task_to_pe)
    document["memories"] = dict(description.edge_to_memory)
    for name in ("kernel_order", "task_load_order"):
        if getattr(description, name):
            document[name] = list(getattr(description, name))
    return document


def write_description(description: SocDescription, path: str | Path, workload: str = "") -> None:
    """Write a chip as YAML, or as JSON if the file is named so; :func:`read_description` reads it back.

    Raises:
        InvalidInputError: a file name with another ending.
    """
    file = Path(path)
    if file.suffix.lower() not in SUFFIXES:
        raise InvalidInputError(f"{file}: expected a file name ending in {', '.join(SUFFIXES)}")
    document = description_document(description, workload)
    is_json = file.suffix.lower() == ".json"
    text = json.dumps(document, indent=1) + "\n" if is_json else yaml.safe_dump(document, sort_keys=False, width=120)
    file.write_text(text, encoding="utf-8")


def _blocks(fields: Fields, library: HardwareLibrary) -> tuple[Block, ...]:
    return tuple(Block(name, _type(fields, name, given, library)) for name, given in fields.mapping("blocks").items())


def _type(fields: Fields, name: str, given: object, library: HardwareLibrary) -> BlockType:
    if isinstance(given, str):
        return library.get(given)
    where = f"{fields.where}, block {name!r}"
    properties = Fields(given, where, ("kind", "task", "unroll", "clock_mhz", "width_bytes"))
    kind = properties.text("kind")
    if kind not in _NEEDED:
        raise UnknownNameError(f"kind of block {name!r}:", kind, _NEEDED)
    extra = [key for key in properties.content if key not in ("kind", *_NEEDED[kind])]
    if extra:
        has = f"has {', '.join(_NEEDED[kind])}" if _NEEDED[kind] else "has no properties"
        raise InvalidInputError(f"{where}: a {kind} has no {extra[0]}; it {has}")
    with properties.named():
        chosen = {key: properties.integer(key) for key in _NEEDED[kind] if key != "task"}
        return library.find(kind, properties.text("task") if kind == "ip" else "", **chosen)


def _block_document(block: BlockType) -> dict[str, Any]:
    return {"kind": block.kind} | {key: getattr(block, key) for key in _NEEDED[block.kind]}


def _link(fields: Fields, link: object) -> Link:
    if not isinstance(link, list | tuple) or len(link) != 2 or not all(isinstance(end, str) for end in link):
        raise fields.refusal("links", link, "pairs of block ids, such as [cpu, bus]")
    return link[0], link[1]


def _task_to_pe(fields: Fields, graph: TaskGraph) -> dict[str, str]:
    given = _targets(fields, "tasks")
    rest = None if DEFAULT in graph.index else given.pop(DEFAULT, None)
    found = {task: given.pop(task, rest) for task in graph.index}
    if given:
        raise UnknownNameError("task that is mapped:", next(iter(given)), graph.index)
    return {task: pe for task, pe in found.items() if pe is not None}


def _edge_to_memory(fields: Fields, graph: TaskGraph) -> dict[str, str]:
    given = _targets(fields, "memories")
    rest = None if DEFAULT in graph.index else given.get(DEFAULT)
    for name in given:
        if name != DEFAULT and name not in graph.edge_index and name not in graph.index:
            raise UnknownNameError("edge or task in memories:", name, (*graph.edge_index, *graph.index))
    found = {edge.name: given.get(edge.name, given.get(edge.source, rest)) for edge in graph.edges}
    return {edge: memory for edge, memory in found.items() if memory is not None}


def _targets(fields: Fields, name: str) -> dict[str, str]:
    given = dict(fields.mapping(name))
    for key, value in given.items():
        if not isinstance(value, str):
            raise fields.refusal(f"{name}, {key!r}", value, "the id of a block")
    return given


def _order(fields: Fields, name: str) -> tuple[str, ...]:
    return tuple(str(task) for task in fields.sequence(name)) if name in fields else ()
