"""The graph of a system-on-chip's blocks: processing elements, memories and buses joined by undirected links.

The order in which links are made matters to FARSI: it visits the neighbours of a block in the order they were
connected, and both the pruning of buses and the order of its kernels follow that visit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Literal

from simulators.errors import InvalidInputError, UnknownNameError

Role = Literal["pe", "mem", "bus"]
Link = tuple[str, str]


class BlockGraph:
    """Blocks and links, neighbours kept in the order of connection; links can be made and cut."""

    def __init__(self, roles: Mapping[str, Role], links: Iterable[Link]) -> None:
        self.roles = dict(roles)
        self._neighbours: dict[str, list[str]] = {block: [] for block in self.roles}
        self._links: dict[Link, None] = {}
        for first, second in links:
            self._check(first, second)
            self.connect(first, second)

    def connect(self, first: str, second: str) -> None:
        """Link two blocks; the newest neighbour comes last. An existing link stays where it is."""
        if second not in self._neighbours[first]:
            self._neighbours[first].append(second)
            self._neighbours[second].append(first)
            self._links[(first, second)] = None

    def disconnect(self, first: str, second: str) -> None:
        """Cut the link of two blocks, if there is one."""
        if second in self._neighbours[first]:
            self._neighbours[first].remove(second)
            self._neighbours[second].remove(first)
            self._links.pop((first, second), None)
            self._links.pop((second, first), None)

    def neighbours(self, block: str, role: Role | None = None) -> list[str]:
        """The blocks linked to ``block`` (those of one role, if named), oldest link first; a copy."""
        return [other for other in self._neighbours[block] if role is None or self.roles[other] == role]

    def links_among(self, blocks: Iterable[str]) -> tuple[Link, ...]:
        """The links that join two of ``blocks``, oldest first: a graph built from them is visited in the same order."""
        inside = set(blocks)
        return tuple(link for link in self._links if inside.issuperset(link))

    def depth_first(self, root: str) -> list[str]:
        """The blocks reached from ``root``, parents before children, neighbours in order of connection."""
        visited: dict[str, None] = {}
        stack = [root]
        while stack:
            block = stack.pop()
            if block not in visited:
                visited[block] = None
                stack.extend(reversed(self._neighbours[block]))
        return list(visited)

    def route(self, pe: str, memory: str) -> list[str]:
        """The buses on the shortest path from a PE to a memory; of equally short paths the first in neighbour order.

        Only buses pass traffic on. FARSI leaves the choice among equally short paths to the order of a Python set,
        so a design with such a choice has no reproducible result there.

        Raises:
            InvalidInputError: no path of buses joins the two blocks.
        """
        came_from = {pe: pe}
        waiting = deque([pe])
        while waiting:
            block = waiting.popleft()
            if block == memory:
                return self._buses_back(came_from, memory)
            if block != pe and self.roles[block] != "bus":
                continue
            for other in self._neighbours[block]:
                if other not in came_from:
                    came_from[other] = block
                    waiting.append(other)
        raise InvalidInputError(f"no path of buses joins {pe!r} and {memory!r}: link both to buses that are connected")

    @staticmethod
    def _buses_back(came_from: Mapping[str, str], memory: str) -> list[str]:
        buses = []
        block = came_from[memory]
        while came_from[block] != block:
            buses.append(block)
            block = came_from[block]
        return buses[::-1]

    def _check(self, first: str, second: str) -> None:
        for block in (first, second):
            if block not in self.roles:
                raise UnknownNameError("block in a link", block, self.roles)
        if first == second:
            raise InvalidInputError(f"block {first!r} is linked to itself: a link joins two different blocks")
