"""FARSI's measured designs as task graphs and descriptions, for comparisons.

A row has ``workload`` (several joined with ``+``), ``blocks`` (id, library name, figures), ``links``, ``task_to_pe``,
``edge_to_mem``, what FARSI made of them (``effective_blocks``, ``effective_links``, ``kernel_order``) and ``result``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from simulators._agreement import read_packed
from simulators.errors import InvalidInputError, UnknownNameError
from simulators.soc.block_library import BlockKind, BlockType, HardwareLibrary
from simulators.soc.description import Block, SocDescription
from simulators.soc.graph_files import load_task_graph
from simulators.soc.task_graph import TaskGraph

KINDS: Final[dict[str, BlockKind]] = {"gpp": "gpp", "ip": "ip", "sram": "sram", "dram": "dram", "ic": "bus"}
"""FARSI's subtype of a block -> our kind."""


def read_rows(path: Path) -> list[dict[str, Any]] | None:
    """Return the rows of a file with one JSON object per line, packed or not; None if it is not there.

    Raises:
        InvalidInputError: a line that is no JSON object; names file and line.
    """
    text = read_packed(path)
    if text is None:
        return None
    rows = list[dict[str, Any]]()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InvalidInputError(f"{path}, line {number}: cannot be read: {error}") from None
        if not isinstance(row, dict):
            raise InvalidInputError(f"{path}, line {number}: expected an object, got {line[:40]!r}")
        rows.append(row)
    return rows


def graph_of_row(row: Mapping[str, Any]) -> TaskGraph:
    """Return the workload, or the workloads together, of a row.

    Where ``workload`` does not spell them (``all``), they are those whose latency was measured.

    Raises:
        UnknownNameError: a workload that does not ship.
        InvalidInputError: a row without a workload.
    """
    spelled = [part for part in re.split(r"[+,&\s]+", str(row.get("workload") or "")) if part]
    measured = [str(name) for name in (row.get("result") or {}).get("latency_s") or ()]
    if not spelled and not measured:
        raise InvalidInputError("row without a workload")
    try:
        return load_task_graph("+".join(spelled or measured))
    except UnknownNameError:
        if not measured or measured == spelled:
            raise
        return load_task_graph("+".join(measured))


def description_of_row(
    row: Mapping[str, Any], graph: TaskGraph | None = None, effective: bool = True
) -> SocDescription:
    """Return the design of a row, block types taken from our library.

    Args:
        row: one row.
        graph: what runs on it, by default :func:`graph_of_row`.
        effective: blocks and links after FARSI's pruning, in FARSI's order, and its ``kernel_order``; otherwise the
            design as it was given, without one.

    Raises:
        InvalidInputError, UnknownNameError: a row that lacks something or contradicts itself.
    """
    graph = graph_of_row(row) if graph is None else graph
    library = HardwareLibrary.of(graph)
    try:
        blocks = {str(b["id"]): Block(str(b["id"]), _type(b, library)) for b in row["blocks"]}
        kept = [_id(b) for b in row["effective_blocks"]] if effective else list(blocks)
        links = row["effective_links"] if effective else row["links"]
        return SocDescription(
            blocks=tuple(blocks[block] for block in kept),
            links=tuple(dict.fromkeys((str(a), str(b)) for a, b in links)),
            task_to_pe={str(task): _id(pe) for task, pe in row["task_to_pe"].items()},
            edge_to_memory={_edge(edge): _id(memory) for edge, memory in row["edge_to_mem"].items()},
            kernel_order=tuple(row["kernel_order"]) if effective else (),
            task_load_order=tuple(row.get("task_load_order") or row["task_to_pe"]),  # rows of a search: its keys
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise InvalidInputError(f"row {row.get('id', '?')!r}: lacks or contradicts {error}") from None


def _type(block: Mapping[str, Any], library: HardwareLibrary) -> BlockType:
    """By name; a name that is not in the library stands for the type of the row's own figures."""
    name, kind = str(block.get("lib", "")), KINDS.get(str(block.get("subtype")))
    if name in library.types or kind is None:
        return library.get(name)
    task = name.partition("_IP0_")[0] if kind == "ip" else ""
    clock_hz, width, unroll = (float(block.get(key) or 0) for key in ("clock_hz", "width_bytes", "unroll"))
    try:
        return library.find(kind, task, int(unroll), round(clock_hz / 1e6), int(width))
    except InvalidInputError:
        return _measured_type(name, kind, task, block)


def _measured_type(name: str, kind: BlockKind, task: str, block: Mapping[str, Any]) -> BlockType:
    rate, clock_hz = float(block["peak_work_rate"]), float(block["clock_hz"])
    if kind in ("gpp", "ip"):
        raise InvalidInputError(f"block {block['id']!r}: {name!r} is no {kind} of this workload")
    return BlockType(name, kind, rate, float("inf"), 0.0, clock_hz, int(block.get("width_bytes") or 0), 0, task)


def _id(block: object) -> str:
    if isinstance(block, list | tuple) and len(block) == 1:
        return _id(block[0])
    return str(block["id"]) if isinstance(block, Mapping) else str(block)


def _edge(name: str) -> str:
    return "->".join(part.strip() for part in str(name).split("->"))
