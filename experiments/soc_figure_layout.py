"""Where the blocks of a system-on-chip stand in its picture: buses side by side, PEs above them, memories below.

Lengths as in :mod:`experiments.drawing`. Each bus has one or more columns. A block hangs on a line at the left of its
column; the other buses of a block that is on several are reached in lanes beside the buses, so are buses that are
linked without being neighbours.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from experiments.drawing import Point

if TYPE_CHECKING:
    from simulators.soc.description import SocDescription

BOX: Final = 17.6
GUTTER: Final = 3.4
"""Between two columns: the line of the right one, and ways to further buses."""
GAP: Final = 2.3
"""Between two boxes of a column."""
BUS_HEIGHT, MEMORY_HEIGHT = 6.6, 8.3
COLUMNS: Final = 6
_LANE: Final = 1.1
_HANG: Final = 1.0
"""How far left of its column's boxes a line is."""
_ALL_ORDERS_UP_TO: Final = 7


@dataclass(frozen=True)
class Box:
    """A block's place: upper left corner and size."""

    x: float
    y: float
    width: float
    height: float


@dataclass
class Layout:
    """The places of all blocks and the lines between them.

    Attributes:
        boxes: block id -> place.
        links: lines between blocks and their buses.
        trunks: lines between buses.
        width, height: of everything, from (0, 0).
    """

    boxes: dict[str, Box] = field(default_factory=dict)
    links: list[list[Point]] = field(default_factory=list)
    trunks: list[list[Point]] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0


@dataclass(frozen=True)
class _Group:
    """A bus, the PEs and memories that hang on it, and how many columns it has."""

    bus: str
    pes: tuple[str, ...]
    memories: tuple[str, ...]
    columns: int


def lay_out(chip: SocDescription, pe_heights: Mapping[str, float]) -> Layout:
    """Return the places of a chip's blocks; ``pe_heights``: of each PE's box."""
    groups = _groups(chip)
    order = [group.bus for group in groups]
    distant = [pair for pair in _bus_links(chip) if abs(order.index(pair[0]) - order.index(pair[1])) > 1]
    ways = {role: _further(chip, role) for role in ("pe", "mem")}
    stacks = [sum(pe_heights[pe] + GAP for pe in column) for g in groups for column in _columns(g.pes, g)]
    depth = max((len(column) for g in groups for column in _columns(g.memories, g)), default=0)
    lanes_above, lanes_below = (_LANE * count for count in (len(ways["pe"]), len(distant) + len(ways["mem"])))
    top = max(stacks) + lanes_above
    bottom = top + BUS_HEIGHT
    layout, x = Layout(height=bottom + lanes_below + depth * (MEMORY_HEIGHT + GAP)), 0.0
    for group in groups:
        _place_bus(group, x, top, layout)
        _hang(_columns(group.pes, group), x, [top, top - lanes_above], pe_heights, layout)
        _hang(_columns(group.memories, group), x, [bottom, bottom + lanes_below], {}, layout)
        x += group.columns * (BOX + GUTTER)
    layout.width = x
    _join_buses(chip, order, layout)
    used: dict[str, int] = {}
    for lane, (block, bus) in enumerate(ways["pe"], start=1):
        _reach(block, bus, top - _LANE * lane, top, used, layout)
    for lane, (block, bus) in enumerate(ways["mem"], start=len(distant) + 1):
        _reach(block, bus, bottom + _LANE * lane, bottom, used, layout)
    return layout


def _groups(chip: SocDescription) -> list[_Group]:
    home: dict[str, list[str]] = {bus: [] for bus in _bus_order(chip)}
    for block in (*chip.of_role("pe"), *chip.of_role("mem")):
        home[_buses_of(chip, block)[0]].append(block)
    parts = {bus: _by_role(chip, blocks) for bus, blocks in home.items()}
    columns = dict.fromkeys(home, 1)
    while sum(columns.values()) < COLUMNS:
        deepest = max(home, key=lambda bus: _depth(parts[bus], columns[bus]))
        if _depth(parts[deepest], columns[deepest]) <= 1:
            break
        columns[deepest] += 1
    return [_Group(bus, *parts[bus], _needed(parts[bus], columns[bus])) for bus in home]


def _by_role(chip: SocDescription, blocks: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the PEs and the memories."""
    pes = tuple(block for block in blocks if chip.block(block).role == "pe")
    return pes, tuple(block for block in blocks if block not in pes)


def _depth(parts: Sequence[Sequence[str]], columns: int) -> int:
    return max(math.ceil(len(part) / columns) for part in parts)


def _needed(parts: Sequence[Sequence[str]], columns: int) -> int:
    """Return the fewest columns that are no deeper."""
    return next(n for n in range(1, columns + 1) if _depth(parts, n) == _depth(parts, columns))


def _bus_order(chip: SocDescription) -> list[str]:
    """Return the buses so that linked ones are near one another: the best order, of many buses depth first."""
    buses, links = chip.of_role("bus"), _bus_links(chip)
    if len(buses) <= _ALL_ORDERS_UP_TO:
        orders = (list(order) for order in itertools.permutations(buses))
        return min(orders, key=lambda order: _spread(order, links))
    found: dict[str, None] = {}
    waiting = list(reversed(buses))
    while waiting:
        bus = waiting.pop()
        if bus not in found:
            found[bus] = None
            waiting += [other for other in reversed(chip.neighbours[bus]) if chip.block(other).role == "bus"]
    return list(found)


def _spread(order: Sequence[str], links: Sequence[tuple[str, str]]) -> int:
    return sum(abs(order.index(a) - order.index(b)) for a, b in links)


def _bus_links(chip: SocDescription) -> list[tuple[str, str]]:
    return [link for link in chip.links if all(chip.block(end).role == "bus" for end in link)]


def _buses_of(chip: SocDescription, block: str) -> list[str]:
    return [other for other in chip.neighbours[block] if chip.block(other).role == "bus"]


def _further(chip: SocDescription, role: str) -> list[tuple[str, str]]:
    """Return (block, bus) for each bus of a block but its first."""
    return [(b.id, bus) for b in chip.blocks if b.role == role for bus in _buses_of(chip, b.id)[1:]]


def _columns(blocks: Sequence[str], group: _Group) -> list[Sequence[str]]:
    return [blocks[column :: group.columns] for column in range(group.columns)]


def _place_bus(group: _Group, x: float, top: float, layout: Layout) -> None:
    width = group.columns * (BOX + GUTTER) - GUTTER
    layout.boxes[group.bus] = Box(x + GUTTER - _HANG - 0.8, top, width + _HANG + 0.8, BUS_HEIGHT)


def _hang(
    columns: Sequence[Sequence[str]], x: float, ends: Sequence[float], heights: Mapping[str, float], layout: Layout
) -> None:
    """Place blocks above or below their bus, the nearest first; ``ends``: the bus's edge, and where boxes begin."""
    edge, start = ends
    up = bool(heights)
    for number, column in enumerate(columns):
        left, y = x + GUTTER + number * (BOX + GUTTER), start
        for block in column:
            height = heights.get(block, MEMORY_HEIGHT)
            y = y - GAP - height if up else y + GAP
            layout.boxes[block] = Box(left, y, BOX, height)
            layout.links.append([(left, y + 2.2), (left - _HANG, y + 2.2), (left - _HANG, edge)])
            y = y if up else y + height


def _join_buses(chip: SocDescription, order: Sequence[str], layout: Layout) -> None:
    """Draw neighbours' links straight, others in lanes below the buses."""
    lane = 0
    for pair in _bus_links(chip):
        first, second = sorted(pair, key=order.index)
        left, right = layout.boxes[first], layout.boxes[second]
        middle, bottom = left.y + BUS_HEIGHT / 2, left.y + BUS_HEIGHT
        if order.index(second) - order.index(first) == 1:
            layout.trunks.append([(left.x + left.width, middle), (right.x, middle)])
            continue
        lane += 1
        y, start, end = bottom + _LANE * lane, left.x + left.width - 0.9 * lane, right.x + 2.4 + 0.9 * lane
        layout.trunks.append([(start, bottom), (start, y), (end, y), (end, bottom)])


def _reach(block: str, bus: str, lane: float, edge: float, used: dict[str, int], layout: Layout) -> None:
    """Draw the way from the right side of a block along a lane to a further bus."""
    box, target = layout.boxes[block], layout.boxes[bus]
    used[block], used[bus] = used.get(block, 0) + 1, used.get(bus, 0) + 1
    y, beside = box.y + 2.2 + 0.5 * used[block], box.x + box.width + 0.3 + 0.35 * used[block]
    end = target.x + target.width / 2 + 0.8 * used[bus]
    layout.links.append([(box.x + box.width, y), (beside, y), (beside, lane), (end, lane), (end, edge)])
