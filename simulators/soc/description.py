"""One system-on-chip: its blocks, which of them are linked, and what runs and lies where.

Links go between buses, and between a bus and a PE or memory. What a task reads and writes takes the shortest way from
its PE over buses to the memory. Files are described in :mod:`simulators.soc.description_files`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from simulators.errors import InvalidInputError, UnknownNameError
from simulators.soc._block_graph import Role
from simulators.soc.block_library import BlockType
from simulators.soc.task_graph import TaskGraph
from simulators.soc.topology import RawDesign, effective_design

Link = tuple[str, str]
MOST_BLOCKS: Final = 64
"""Most blocks of a description: the kernel keeps sets of blocks in words of 64 bits."""


@dataclass(frozen=True)
class Block:
    """A block: ``id`` names it in its description, ``type`` is what it is."""

    id: str
    type: BlockType

    @property
    def role(self) -> Role:
        """``pe``, ``mem`` or ``bus``."""
        return "pe" if self.type.is_pe else "mem" if self.type.is_memory else "bus"


@dataclass(frozen=True)
class SocDescription:
    """A chip and the mapping of a task graph onto it.

    Attributes:
        blocks: in an order that counts for FARSI: its traversal begins at the first PE.
        links: pairs of block ids, each pair once, in either order.
        task_to_pe: task -> id of the PE it runs on.
        edge_to_memory: edge (``a->b``) -> id of the memory its bytes lie in.
        kernel_order: all tasks; of those that become ready at the same time, the first here starts first. Empty where
            it is not decided yet, see :func:`effective`.
        task_load_order: all tasks in the order FARSI loads them onto blocks; empty means the task graph's.

    Raises:
        InvalidInputError: no blocks or too many, an id or link twice, a link without a bus, a block without a link.
        UnknownNameError: a link to no block.
    """

    blocks: tuple[Block, ...]
    links: tuple[Link, ...]
    task_to_pe: Mapping[str, str] = field(hash=False)
    edge_to_memory: Mapping[str, str] = field(hash=False)
    kernel_order: tuple[str, ...] = ()
    task_load_order: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.blocks) <= MOST_BLOCKS:
            raise InvalidInputError(f"a system-on-chip has 1 to {MOST_BLOCKS} blocks, got {len(self.blocks)}")
        if len(self.index) < len(self.blocks):
            ids = [block.id for block in self.blocks]
            twice = next(i for i in ids if ids.count(i) > 1)
            raise InvalidInputError(f"block {twice!r} is there twice; expected every id once")
        self._check_links()

    @cached_property
    def index(self) -> dict[str, int]:
        """Block id -> position in ``blocks``."""
        return {block.id: position for position, block in enumerate(self.blocks)}

    @cached_property
    def neighbours(self) -> dict[str, tuple[str, ...]]:
        """Block id -> ids it is linked to, in the order of ``links``."""
        found: dict[str, list[str]] = {block.id: [] for block in self.blocks}
        for a, b in self.links:
            found[a].append(b)
            found[b].append(a)
        return {block: tuple(linked) for block, linked in found.items()}

    def block(self, block_id: str) -> Block:
        """Return the block of that id.

        Raises:
            UnknownNameError: there is none; names the nearest.
        """
        if block_id not in self.index:
            raise UnknownNameError("block", block_id, self.index)
        return self.blocks[self.index[block_id]]

    def of_role(self, role: Role) -> tuple[str, ...]:
        """Return the ids of the blocks of a role, in order."""
        return tuple(block.id for block in self.blocks if block.role == role)

    @cached_property
    def systems(self) -> dict[str, int]:
        """Bus id -> number of the system it belongs to; buses of one system reach one another."""
        numbers = dict[str, int]()
        for bus in self.of_role("bus"):
            waiting = [] if bus in numbers else [bus]
            numbers.setdefault(bus, len(numbers))
            while waiting:
                near = [b for b in self.neighbours[waiting.pop()] if self.block(b).role == "bus" and b not in numbers]
                numbers |= dict.fromkeys(near, numbers[bus])
                waiting += near
        return numbers

    def connected(self, pe: str, memory: str) -> bool:
        """Whether buses lead from a PE to a memory."""
        reached = {self.systems[bus] for bus in self.neighbours[pe]}
        return any(self.systems[bus] in reached for bus in self.neighbours[memory])

    def _check_links(self) -> None:
        seen = set[frozenset[str]]()
        for a, b in self.links:
            roles = [self._linked(end, (a, b)).role for end in (a, b)]
            if a == b or frozenset((a, b)) in seen:
                problem = "links a block to itself" if a == b else "is there twice"
                raise InvalidInputError(f"link {a!r} - {b!r} {problem}")
            if "bus" not in roles:
                raise InvalidInputError(
                    f"link {a!r} - {b!r}: neither is a bus; PEs and memories are linked to buses only"
                )
            seen.add(frozenset((a, b)))
        for block, linked in self.neighbours.items():
            if not linked:
                raise InvalidInputError(f"block {block!r} is not linked to anything; link it to a bus or leave it out")

    def _linked(self, block_id: str, link: Link) -> Block:
        if block_id not in self.index:
            raise UnknownNameError(f"block in link {link[0]!r} - {link[1]!r}:", block_id, self.index)
        return self.block(block_id)


def check_description(description: SocDescription, graph: TaskGraph) -> None:
    """Check that a task graph can run on a chip.

    Raises:
        UnknownNameError: a task, edge or block that does not exist.
        InvalidInputError: a task or edge that is not mapped, a task on a block that cannot run it, an edge in a block
            that is no memory, no way between them, an order that is not of all tasks.
    """
    _check_mapped("task", description.task_to_pe, graph.index)
    _check_mapped("edge", description.edge_to_memory, graph.edge_index)
    for task, pe in description.task_to_pe.items():
        _check_pe(task, _target(description, pe, f"task {task!r}"))
    for edge, memory in description.edge_to_memory.items():
        block = _target(description, memory, f"edge {edge!r}")
        if not block.type.is_memory:
            raise InvalidInputError(f"edge {edge!r} cannot lie in {memory!r}: {block.type.name} is no memory")
    for edge_of in graph.edges:
        memory = description.edge_to_memory[edge_of.name]
        for task, does in ((edge_of.source, "write"), (edge_of.target, "read")):
            pe = description.task_to_pe[task]
            if not description.connected(pe, memory):
                raise InvalidInputError(
                    f"no path from {pe!r}, where {task!r} would {does} edge {edge_of.name!r}, to memory {memory!r}; "
                    "link their buses"
                )
    for name in ("kernel_order", "task_load_order"):
        _check_order(name, getattr(description, name), graph)


def effective(description: SocDescription, graph: TaskGraph) -> SocDescription:
    """Return the chip as FARSI simulates it: useless buses pruned, ``kernel_order`` filled.

    The rules are those of :mod:`simulators.soc.topology`. A ``kernel_order`` that is given is kept.

    Raises:
        InvalidInputError, UnknownNameError: as :func:`check_description` does, or pruning leaves no path.
    """
    check_description(description, graph)
    load_order = description.task_load_order or tuple(graph.index)
    settled = effective_design(
        RawDesign(
            {block.id: block.role for block in description.blocks},
            description.links,
            {task: description.task_to_pe[task] for task in load_order},
            {(e.source, e.target): description.edge_to_memory[e.name] for e in graph.edges},
        )
    )
    blocks = tuple(description.block(block) for block in settled.blocks)
    order = description.kernel_order or settled.kernel_order
    return replace(description, blocks=blocks, links=settled.links, kernel_order=order)


def _check_mapped(kind: str, mapping: Mapping[str, str], known: Collection[str]) -> None:
    for name in mapping:
        if name not in known:
            raise UnknownNameError(f"{kind} that is mapped:", name, known)
    missing = [name for name in known if name not in mapping]
    if missing:
        where = "a PE" if kind == "task" else "a memory"
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise InvalidInputError(f"{kind} {missing[0]!r}{more} is not mapped to {where}")


def _target(description: SocDescription, block_id: str, what: str) -> Block:
    if block_id not in description.index:
        raise UnknownNameError(f"block for {what}:", block_id, description.index)
    return description.block(block_id)


def _check_pe(task: str, block: Block) -> None:
    if block.type.can_run(task):
        return
    reason = f"runs only {block.type.task!r}" if block.type.kind == "ip" else "is no processing element"
    raise InvalidInputError(f"task {task!r} cannot run on {block.id!r}: {block.type.name} {reason}")


def _check_order(name: str, order: Sequence[str], graph: TaskGraph) -> None:
    for task in order:
        if task not in graph.index:
            raise UnknownNameError(f"task in {name}:", task, graph.index)
    if order and (len(order) != len(graph.tasks) or len(set(order)) < len(order)):
        raise InvalidInputError(f"{name} must name each of the {len(graph.tasks)} tasks once, got {_listed(order)}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
