"""FARSI's effective design: what is left of the blocks and links a user gave, and the order of its kernels.

Before FARSI simulates a design it changes it. Facts from its source (MIT licence; ``design_utils/des_handler.py``:
``load_tasks_to_read_mem_and_ic``, ``disconnect_ics_with_no_shared_task``, ``gen_workload_to_blocks_from_blocks``;
``design_utils/components/hardware.py``: ``prune_unnecessary_nodes``, ``update_graph``), in this order:

1. Every edge of the task graph loads the buses on the shortest path from its parent's PE to its memory (write) and
   from its child's PE to its memory (read); the edges are met depth-first from the root of the task graph.
2. Two linked buses that carry no common task are cut apart.
3. From the first PE on, each bus is visited once, depth-first. A bus with one neighbouring bus that lacks memories
   hands its PEs to that neighbour and disappears; one that lacks PEs hands over its memories. A bus with neither is
   taken out and its other neighbouring buses are linked to the first one.
4. What the first PE still reaches is the design. Its kernels are ordered by the first appearance of their task:
   blocks depth-first, tasks in the order they were loaded on a block (before pruning).

Step 3 is a single pass: a bus that becomes useless only after its visit stays, so pruning twice may prune more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from simulators.errors import InvalidInputError, UnknownNameError
from simulators.soc._block_graph import BlockGraph, Link, Role

Edge = tuple[str, str]


@dataclass(frozen=True, slots=True)
class RawDesign:
    """A design as given; every order in it counts.

    Attributes:
        roles: block -> "pe", "mem" or "bus"; the first PE is the root of FARSI's traversal.
        links: pairs of blocks in the order they are connected.
        task_to_pe: task -> PE, in the order tasks are loaded.
        edge_to_memory: (parent, child) -> memory, the edges of one parent in the workload's order.
    """

    roles: Mapping[str, Role]
    links: Sequence[Link]
    task_to_pe: Mapping[str, str]
    edge_to_memory: Mapping[Edge, str]


@dataclass(frozen=True, slots=True)
class EffectiveDesign:
    """What FARSI simulates.

    Attributes:
        blocks: the blocks left, in order of the depth-first visit that starts at the first PE.
        links: the links left, oldest first.
        kernel_order: every task once: its place decides who goes first when several tasks become ready.
    """

    blocks: tuple[str, ...]
    links: tuple[Link, ...]
    kernel_order: tuple[str, ...]


def effective_design(design: RawDesign) -> EffectiveDesign:
    """Return what FARSI simulates when it is given ``design``.

    Raises:
        InvalidInputError: no PE, a task on a block that is no PE, an edge in a block that is no memory, no path for an
            edge, or blocks that host tasks fall apart into separate systems.
        UnknownNameError: a link or the mapping names a block, or an edge a task, that does not exist.
    """
    _check_mapping(design)
    graph = BlockGraph(design.roles, design.links)
    root = _first_pe(design.roles)
    hosted = _hosted_tasks(design, graph, root)
    _cut_buses_without_common_task(graph, hosted, root)
    _prune_buses(graph, root)
    blocks = graph.depth_first(root)
    _check_nothing_lost(design, blocks, root)
    kernel_order = dict.fromkeys(task for block in blocks for task in hosted[block])
    return EffectiveDesign(tuple(blocks), graph.links_among(blocks), tuple(kernel_order))


def is_settled(design: RawDesign) -> bool:
    """Whether FARSI simulates ``design`` with exactly the blocks and links it was given.

    Raises:
        InvalidInputError: as :func:`effective_design`.
    """
    result = effective_design(design)
    unchanged = {frozenset(link) for link in result.links} == {frozenset(link) for link in design.links}
    return unchanged and set(result.blocks) == set(design.roles)


def settle(design: RawDesign) -> RawDesign:
    """Return ``design`` pruned again and again until FARSI would change nothing more.

    Raises:
        InvalidInputError: as :func:`effective_design`.
    """
    while not is_settled(design):
        result = effective_design(design)
        design = replace(
            design, roles={block: design.roles[block] for block in result.blocks}, links=tuple(result.links)
        )
    return design


def _check_mapping(design: RawDesign) -> None:
    for task, pe in design.task_to_pe.items():
        _check_role(design.roles, pe, "pe", f"task {task!r}", "a processing element")
    for (parent, child), memory in design.edge_to_memory.items():
        _check_role(design.roles, memory, "mem", f"edge {parent!r} -> {child!r}", "a memory")
        for task in (parent, child):
            if task not in design.task_to_pe:
                raise UnknownNameError("task of an edge", task, design.task_to_pe)


def _check_role(roles: Mapping[str, Role], block: str, role: Role, what: str, expected: str) -> None:
    if block not in roles:
        raise UnknownNameError(f"block for {what}:", block, roles)
    if roles[block] != role:
        raise InvalidInputError(
            f"{what} is mapped to {block!r}, which is of kind {roles[block]!r}; map it to {expected}"
        )


def _first_pe(roles: Mapping[str, Role]) -> str:
    root = next((block for block, role in roles.items() if role == "pe"), None)
    if root is None:
        raise InvalidInputError("the design has no processing element: add a block that runs tasks")
    return root


def _hosted_tasks(design: RawDesign, graph: BlockGraph, root: str) -> dict[str, dict[str, None]]:
    """Tasks of every block in the order they are loaded: on PEs, on memories written, then along every route."""
    hosted: dict[str, dict[str, None]] = {block: {} for block in design.roles}
    for task, pe in design.task_to_pe.items():
        hosted[pe][task] = None
    children = _children(design)
    for task, out_edges in children.items():
        for edge in out_edges:
            hosted[design.edge_to_memory[edge]].setdefault(task)
    visit = {block: place for place, block in enumerate(graph.depth_first(root))}
    for task, edge in _transfers(design, children, visit):
        memory = design.edge_to_memory[edge]
        for block in (memory, *graph.route(design.task_to_pe[task], memory)):
            hosted[block].setdefault(task)
    return hosted


def _children(design: RawDesign) -> dict[str, list[Edge]]:
    out_edges: dict[str, list[Edge]] = {task: [] for task in design.task_to_pe}
    for edge in design.edge_to_memory:
        out_edges[edge[0]].append(edge)
    return out_edges


def _transfers(
    design: RawDesign, children: Mapping[str, list[Edge]], visit: Mapping[str, int]
) -> list[tuple[str, Edge]]:
    """(task, edge) in FARSI's order: an edge is read by its child when met, then written out by the child's edges.

    The edges of a task are grouped by memory in order of the blocks' depth-first visit. FARSI knows one root; with
    several, each is followed in load order.
    """
    targets = {edge[1] for edge in design.edge_to_memory}
    transfers: list[tuple[str, Edge]] = []
    expanded: set[str] = set()
    for source in (task for task in design.task_to_pe if task not in targets):
        stack: list[tuple[str, Edge | None]] = [(source, None)]
        while stack:
            task, read_edge = stack.pop()
            if read_edge is not None:
                transfers.append((task, read_edge))
            if task in expanded:
                continue
            expanded.add(task)
            written = sorted(children[task], key=lambda edge: visit.get(design.edge_to_memory[edge], len(visit)))
            transfers.extend((task, edge) for edge in written)
            stack.extend((edge[1], edge) for edge in reversed(written))
    return transfers


def _cut_buses_without_common_task(graph: BlockGraph, hosted: Mapping[str, Mapping[str, None]], root: str) -> None:
    for bus in (block for block in graph.depth_first(root) if graph.roles[block] == "bus"):
        for other in graph.neighbours(bus, "bus"):
            if hosted[bus].keys().isdisjoint(hosted[other]):
                graph.disconnect(other, bus)


def _prune_buses(graph: BlockGraph, root: str) -> None:
    for bus in (block for block in graph.depth_first(root) if graph.roles[block] == "bus"):
        pes, memories, buses = (graph.neighbours(bus, role) for role in ("pe", "mem", "bus"))
        leaf = len(buses) == 1 and not (pes and memories)
        if not buses or not (leaf or not (pes or memories)):
            continue
        for block in (*pes, *memories, *buses[1:]):
            graph.connect(block, buses[0])
        for block in (*pes, *memories, *buses):
            graph.disconnect(block, bus)


def _check_nothing_lost(design: RawDesign, blocks: Sequence[str], root: str) -> None:
    lost = sorted({*design.task_to_pe.values(), *design.edge_to_memory.values()}.difference(blocks))
    if lost:
        raise InvalidInputError(
            f"blocks {', '.join(map(repr, lost))} host tasks but are not connected to the first PE {root!r} by buses "
            "that share a task: FARSI simulates one connected system; link them or describe two designs"
        )
