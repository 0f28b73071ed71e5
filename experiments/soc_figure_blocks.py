"""The blocks of a system-on-chip in its picture: what they are, what they run and hold, how busy they are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from experiments.drawing import LINE, MUTED, Canvas, fitted, on_colour, text_width
from experiments.soc_figure_layout import BOX, Box, Layout

if TYPE_CHECKING:
    from simulators.soc.block_library import BlockType
    from simulators.soc.block_use import BlockUse
    from simulators.soc.chip_report import ChipReport

FACES: Final = {"gpp": "#EEF2F7", "ip": "#FDF3DC", "sram": "#E9F5EC", "dram": "#E9F5EC", "bus": "#F3F0FA"}
_EDGES: Final = {"gpp": "#8FA3BF", "ip": "#C9A558", "sram": "#7FB08D", "dram": "#7FB08D", "bus": "#9A86C6"}
_FILLS: Final = {"gpp": "#4F79B0", "ip": "#D1932B", "sram": "#3F9158", "dram": "#3F9158", "bus": "#7A5FB8"}
TRUNK, ALERT, _DARK = "#7A5FB8", "#C2260C", "#374151"
TASK_COLOURS: Final = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#7A4FBF",
    "#B7B327",
    "#8C564B",
    "#17A2A8",
    "#E377C2",
    "#4B6B1F",
)
"""Okabe and Ito's, and more; tasks are numbered too, so that no part of the picture depends on colour alone."""
_CHIP, _CHIP_STEP, _CHIP_ROW = 2.7, 3.1, 2.3
_CHIPS_A_ROW: Final = int((BOX - 1.6) // _CHIP_STEP)
_AIMS: Final = {"latency": "limits latency", "power": "most power", "area": "most area"}


def numbers_of(report: ChipReport) -> dict[str, int]:
    """Return the number of each task with work, in the order of the graph, from 1."""
    return {name: number for number, name in enumerate(report.tasks, start=1)}


def task_colour(number: int) -> str:
    """Return the colour of a task's number."""
    return TASK_COLOURS[(number - 1) % len(TASK_COLOURS)]


def pe_height(use: BlockUse) -> float:
    """Return the height of a PE's box."""
    return 7.0 + _CHIP_ROW * max(1, math.ceil(len(use.tasks) / _CHIPS_A_ROW))


def draw_blocks(canvas: Canvas, report: ChipReport, layout: Layout, x: float, y: float) -> None:
    """Draw the blocks and links of a chip with the upper left corner at ``(x, y)``."""
    for points in layout.links:
        canvas.path([(px + x, py + y) for px, py in points], LINE, 1.1)
    for points in layout.trunks:
        canvas.path([(px + x, py + y) for px, py in points], TRUNK, 2.4)
    numbers = numbers_of(report)
    for use in report.blocks:
        box = layout.boxes[use.id]
        place = Box(box.x + x, box.y + y, box.width, box.height)
        _block(canvas, report, use, place)
        if use.type.is_pe:
            _tasks(canvas, use, numbers, place)


def _block(canvas: Canvas, report: ChipReport, use: BlockUse, box: Box) -> None:
    kind, is_worst = use.type.kind, use.id == report.bottleneck
    edge = _worst_colour(report) if is_worst else _EDGES[kind]
    canvas.box((box.x, box.y), (box.width, box.height), FACES[kind], edge, 2.2 if is_worst else 1.0)
    width = box.width - 1.6 if kind != "bus" else BOX - 1.6
    canvas.text(box.x + 0.8, box.y + 1.7, fitted(use.id, width, 8.0, True), 8.0, fontweight="bold")
    canvas.text(box.x + 0.8, box.y + 3.6, fitted(type_text(use.type), width, 6.8), 6.8, color="#374151")
    if use.type.is_memory:
        canvas.text(box.x + 0.8, box.y + 5.2, f"{size_text(use.peak_bytes)} at most", 6.8, color="#374151")
    bar_width = BOX - 1.6
    _use_bar(canvas, use, (box.x + 0.8, box.y + box.height - 1.3), bar_width)
    _tags(canvas, report, use, box)


def _use_bar(canvas: Canvas, use: BlockUse, corner: tuple[float, float], width: float) -> None:
    """Draw how busy a block was; ``corner``: left end and middle."""
    x, y = corner
    label = share_text(use.utilisation)
    room = width - text_width("99.9 %", 6.6) - 0.8
    canvas.bar((x, y - 0.45), (room, 0.9), "white", LINE, 0.6)
    canvas.bar((x, y - 0.45), (room * min(use.utilisation, 1.0), 0.9), _FILLS[use.type.kind])
    canvas.text(x + width, y, label, 6.6, ha="right")


def _worst_colour(report: ChipReport) -> str:
    """Return red, unless all budgets are met."""
    return _DARK if report.budgets and all(line.met for line in report.budgets) else ALERT


def _tags(canvas: Canvas, report: ChipReport, use: BlockUse, box: Box) -> None:
    """Say on the upper edge of a box what the block is worst in."""
    aims = [_AIMS[aim] for aim, block in report.bottlenecks.items() if block == use.id]
    text = fitted(", ".join(aims), box.width - 1.6, 6.2, True)
    if not text:
        return
    width = text_width(text, 6.2, True) + 0.8
    colour = _worst_colour(report) if use.id == report.bottleneck else _DARK
    right = box.x + min(box.width, BOX) - 0.6
    canvas.bar((right - width, box.y - 0.75), (width, 1.5), "white", colour, 0.8)
    canvas.text(right - width / 2, box.y, text, 6.2, ha="center", color=colour, fontweight="bold", zorder=6)


def _tasks(canvas: Canvas, use: BlockUse, numbers: Mapping[str, int], box: Box) -> None:
    if not use.tasks:
        canvas.text(box.x + 0.8, box.y + 5.6, "no work; data in and out", 6.6, color=MUTED)
    for place, name in enumerate(use.tasks):
        row, column = divmod(place, _CHIPS_A_ROW)
        task_chip(canvas, numbers[name], box.x + 0.8 + column * _CHIP_STEP, box.y + 5.7 + row * _CHIP_ROW)


def task_chip(canvas: Canvas, number: int, x: float, y: float) -> None:
    """Draw a task's number on its colour; ``(x, y)``: left end and middle."""
    colour = task_colour(number)
    canvas.bar((x, y - 0.85), (_CHIP, 1.7), colour)
    canvas.text(x + _CHIP / 2, y, str(number), 6.4, ha="center", color=on_colour(colour), zorder=6)


def type_text(block: BlockType) -> str:
    """Return what a block is, such as ``SRAM, 16 B x 800 MHz``."""
    if block.kind == "gpp":
        return f"processor, {block.name.removesuffix('_pe')}"
    if block.kind == "ip":
        return f"accelerator, {block.unroll}x at {block.clock_mhz:g} MHz"
    name = block.kind.upper() if block.is_memory else "bus"
    return f"{name}, {block.width_bytes} B x {block.clock_mhz:g} MHz"


def share_text(share: float) -> str:
    """Return a share in percent."""
    if 0 < share < 0.0005:
        return "<0.1 %"
    return f"{100 * share:.1f} %" if 0 < share < 0.0995 else f"{100 * share:.0f} %"


def size_text(count: float) -> str:
    """Return a number of bytes, such as ``13.1 MB``."""
    for unit in ("B", "kB", "MB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.4g} GB"


def draw_key(canvas: Canvas, x: float, y: float, right: float) -> None:
    """Draw what the bars and marks of blocks mean."""
    text = (
        "Bars: share of the time in which a PE works; bytes of the busiest way through a bus or memory over what it "
        "can move. Thick: limits latency, or adds most to the budget that is exceeded most."
    )
    canvas.text(x, y, fitted(text, right - x, 7.4), 7.4, color=MUTED)
