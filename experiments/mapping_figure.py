"""The picture of a mapping: its loops by level, what moves between levels, how full storages are, where energy goes.

One band for each level, DRAM to MAC, and one for the array; from left to right: lanes of the three tensors with the
words that move, loops, the tiles' share of the storage, energy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from experiments.drawing import INK, LINE, MUTED, picture_kind, save_picture
from experiments.figures import SETTINGS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from simulators.accelerator.mapping_report import Flow, LevelUse, MappingReport
    from simulators.accelerator.mapping_tiles import Loop

COLOURS: Final = {"Weights": "#0072B2", "Inputs": "#009E73", "Outputs": "#D55E00"}
_LANES: Final = {"Weights": 22.0, "Inputs": 31.0, "Outputs": 40.0}
_MAC_COLOUR: Final = "#8B5FBF"
_WIDTH, _BAND, _GAP, _HEAD = 118.0, 8.0, 6.4, 13.0
_LOOPS_AT, _TILE_AT, _ENERGY_AT, _BAR = 55.0, 85.0, 102.0, 9.5
_CHIP: Final = 3.75
_ARRAY: Final = -1
"""Position of the array's band among the kernel's levels: between GLB and the levels inside a PE."""


@dataclass(frozen=True)
class _Band:
    """A row of the picture: a storage level's position, ``_ARRAY`` or ``MAC``, and the height of its middle."""

    position: int
    y: float


def write_figure(report: MappingReport, title: str, output: Path) -> None:
    """Write the picture of a mapping to ``output`` (PNG, or what the suffix says: SVG, PDF).

    Raises:
        InvalidInputError: the file cannot be written, or its suffix is of no picture.
    """
    picture_kind(output)
    save_picture(draw(report, title), title, output)


def draw(report: MappingReport, title: str) -> Figure:
    """Return the picture; ``title`` says layer, hardware and aim."""
    import matplotlib
    from matplotlib.figure import Figure

    from simulators.accelerator.kernel_layout import GLB
    from simulators.accelerator.mapping_report import MAC

    positions = [level.position for level in report.levels]
    order = [*(p for p in positions if p <= GLB), _ARRAY, *(p for p in positions if p > GLB), MAC]
    height = _HEAD + len(order) * _BAND + (len(order) - 1) * _GAP + 6.4
    bands = [_Band(p, height - _HEAD - _BAND / 2 - i * (_BAND + _GAP)) for i, p in enumerate(order)]
    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(_WIDTH / 10, height / 10), facecolor="white")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, _WIDTH), ylim=(0, height))
        axes.axis("off")
        _headings(axes, report, title, height)
        _pe_frame(axes, bands)
        for band in bands:
            _band(axes, report, band)
        for flow in report.flows:
            _flow(axes, flow, bands)
        _legend(axes)
    return figure


def _text(axes: Axes, x: float, y: float, text: str, size: float = 9.0, **style: object) -> None:
    axes.text(x, y, text, **{"va": "center", "fontsize": size, "color": INK, **style})  # type: ignore[arg-type]


def _box(axes: Axes, x: float, y: float, size: tuple[float, float], face: str, edge: str, line: float = 1.0) -> None:
    """Draw a rounded box around its left edge and middle height."""
    from matplotlib.patches import FancyBboxPatch

    style = "round,pad=0,rounding_size=0.8"
    corner = (x, y - size[1] / 2)
    axes.add_patch(FancyBboxPatch(corner, *size, boxstyle=style, facecolor=face, edgecolor=edge, linewidth=line))


def _headings(axes: Axes, report: MappingReport, title: str, height: float) -> None:
    short = title if len(title) <= 84 else title[:83] + "…"
    limit = f"{report.limit} bandwidth" if report.limit else "the PEs"
    says = (
        f"{report.cycles:,.0f} cycles, limited by {limit}; utilisation {report.utilisation:.0%}; "
        f"{microjoules(report.energy_pj)} µJ, {report.energy_pj / report.layer.macs:.3g} pJ per MAC"
    )
    _text(axes, 2, height - 3.2, short, 12.0, fontweight="bold")
    _text(axes, 2, height - 6.4, says, 9.5, color="#374151")
    y = height - 10.6
    for tensor, x in _LANES.items():
        _text(axes, x, y, tensor.lower(), 9.0, ha="center", color=COLOURS[tensor], fontweight="bold")
    for x, text in ((_LOOPS_AT, "loops, outermost first"), (_TILE_AT, "tiles in storage"), (_ENERGY_AT, "energy")):
        _text(axes, x, y, text, 9.0, fontweight="bold")


def _pe_frame(axes: Axes, bands: Sequence[_Band]) -> None:
    """Draw what is inside a PE."""
    first = next(number for number, band in enumerate(bands) if band.position == _ARRAY) + 1
    top, bottom = bands[first].y + _BAND / 2 + 1.3, bands[-1].y - _BAND / 2
    _box(axes, 0.8, (top + bottom) / 2, (_WIDTH - 1.6, top - bottom), "#F6F8F2", "#B9C7A5")


def _band(axes: Axes, report: MappingReport, band: _Band) -> None:
    from simulators.accelerator.mapping_report import MAC

    if band.position == _ARRAY:
        _box(axes, 2, band.y, (48, _BAND), "#FDF3DC", "#C9A558")
        _text(axes, 3.4, band.y, "array", 10.0, fontweight="bold")
        for name, loops, up in (("columns", report.columns, 1.9), ("rows", report.rows, -1.9)):
            _text(axes, _LOOPS_AT, band.y + up, name, 8.0, color=MUTED)
            _chips(axes, _LOOPS_AT + 6.6, band.y + up, loops, small=True)
        _text(axes, _TILE_AT, band.y, f"{report.pes:.6g} of\n{report.array_pes} PEs", 8.5)
        return
    _box(axes, 2, band.y, (48, _BAND if band.position != MAC else 5.0), "#EEF2F7", LINE)
    if band.position == MAC:
        _text(axes, 3.4, band.y, "MAC", 10.0, fontweight="bold")
        _text(axes, _LOOPS_AT, band.y, f"this part in each of {report.pes:.6g} PEs", 8.0, color=MUTED)
        _energy(axes, report, band.y, [(report.mac_energy_pj, _MAC_COLOUR)])
        return
    level = next(level for level in report.levels if level.position == band.position)
    _level(axes, report, level, band.y)


def _level(axes: Axes, report: MappingReport, level: LevelUse, y: float) -> None:
    _text(axes, 3.4, y + (1.0 if math.isfinite(level.capacity_words) else 0), level.name, 10.0, fontweight="bold")
    for use in level.tensors:
        axes.plot([_LANES[use.tensor]], [y], "o", markersize=8, color=COLOURS[use.tensor], zorder=4)
        _text(axes, _LANES[use.tensor] + 1.3, y, _number(use.tile_words), 8.0)
    _chips(axes, _LOOPS_AT, y, level.loops)
    parts = [(float(use.tile_words), COLOURS[use.tensor]) for use in level.tensors]
    if math.isfinite(level.capacity_words):
        _text(axes, 3.4, y - 1.6, f"{_number(level.capacity_words)} words", 8.0, color=MUTED)
        _bar(axes, _TILE_AT, y, [(words / level.capacity_words, colour) for words, colour in parts], outline=True)
        _text(axes, _TILE_AT + _BAR + 0.8, y, f"{level.tile_words / level.capacity_words:.0%}", 8.5)
    else:
        _text(axes, _TILE_AT, y, "no limit", 8.5, color=MUTED)
    _energy(axes, report, y, [(use.energy_pj, COLOURS[use.tensor]) for use in level.tensors])


def _energy(axes: Axes, report: MappingReport, y: float, parts: Sequence[tuple[float, str]]) -> None:
    """Draw a level's energy; the longest bar is that of the level with the most."""
    most = max(report.mac_energy_pj, *(level.energy_pj for level in report.levels)) or 1.0
    total = sum(energy for energy, _ in parts)
    _bar(axes, _ENERGY_AT, y, [(energy / most, colour) for energy, colour in parts])
    share = total / report.energy_pj if report.energy_pj else 0.0
    label = f"{share:.1%}" if share < 0.0995 else f"{share:.0%}"
    _text(axes, _ENERGY_AT + _BAR * total / most + 0.7, y, label, 8.5)


def _bar(axes: Axes, x: float, y: float, parts: Sequence[tuple[float, str]], outline: bool = False) -> None:
    from matplotlib.patches import Rectangle

    left, thick = x, 2.6
    for share, colour in parts:
        axes.add_patch(Rectangle((left, y - thick / 2), share * _BAR, thick, facecolor=colour, linewidth=0))
        left += share * _BAR
    if outline:
        axes.add_patch(Rectangle((x, y - thick / 2), _BAR, thick, facecolor="none", edgecolor=LINE, linewidth=1.0))


def _chips(axes: Axes, x: float, y: float, loops: Sequence[Loop], small: bool = False) -> None:
    """Draw loops as boxes, outermost first, each with the marks of the tensors it moves."""
    height = 3.3 if small else 5.2
    width = min(_CHIP, (_TILE_AT - 1 - x) / max(1, len(loops)) - 0.35)
    if not loops:
        _text(axes, x, y, "one step" if not small else "one", 8.0, color=MUTED)
    for number, loop in enumerate(loops):
        left = x + number * (width + 0.35)
        _box(axes, left, y, (width, height), "white", LINE)
        middle, mark = left + width / 2, "" if loop.even else "*"
        size = 7.0 if loop.steps < 1000 and width > 3 else 5.6
        words = f"{loop.dimension} {loop.steps}{mark}" if small else f"{loop.dimension}\n{loop.steps}{mark}"
        _text(axes, middle, y + (0.5 if small else 0.7), words, size, ha="center", linespacing=1.05)
        for place, tensor in enumerate(COLOURS):
            if tensor in loop.moves:
                at = middle + (place - 1) * min(0.95, width / 4)
                axes.plot([at], [y - height / 2 + 0.75], "s", markersize=3.2, color=COLOURS[tensor])


def _flow(axes: Axes, flow: Flow, bands: Sequence[_Band]) -> None:
    """Draw a tensor's way between two levels, with the words at either side of the array where they differ."""
    from simulators.accelerator.mapping_report import MAC

    by_position = {band.position: band for band in bands}
    top, bottom, array = by_position[flow.outer], by_position[flow.inner], by_position[_ARRAY]
    returning = flow.tensor == "Outputs" and not flow.upward
    x, colour = _LANES[flow.tensor] + (6.2 if returning else 0.0), COLOURS[flow.tensor]
    start = top.y - (_BAND / 2 if returning else 0.9)
    end = bottom.y + {True: 2.5, False: _BAND / 2}[flow.inner == MAC]
    ends = (end, start) if flow.upward else (start, end)
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.5, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (x, ends[1]), (x, ends[0]), arrowprops={**style, "linestyle": "--" if returning else "-"})
    crosses = top.y > array.y > bottom.y
    if crosses and flow.inner_words != flow.outer_words:
        _label(axes, x, array.y + _BAND / 2 + _GAP / 2, flow.outer_words, colour, returning)
        _label(axes, x, array.y - _BAND / 2 - _GAP / 2, flow.inner_words, colour, returning)
    else:
        _label(axes, x, top.y - _BAND / 2 - _GAP / 2, flow.outer_words, colour, returning)


def _label(axes: Axes, x: float, y: float, words: float, colour: str, below: bool) -> None:
    _text(
        axes, x + 0.7, y - (1.2 if below else -1.2 if x >= _LANES["Outputs"] else 0), _number(words), 8.0, color=colour
    )


def _legend(axes: Axes) -> None:
    text = (
        "Circles: what a level keeps, with the words of its tile. Lanes: words of all PEs together, before and after "
        "multicast or adding up in the array; dashed: partial sums that come back.\n"
        "Squares: the tensors that a loop moves on; the others stay where they are. *: some steps are smaller, or some "
        "PEs idle in them."
    )
    _text(axes, 2, 2.4, text, 7.6, color=MUTED, linespacing=1.4)


def microjoules(energy_pj: float) -> str:
    """Return an energy in microjoules, with four digits or in full."""
    energy = energy_pj / 1e6
    return f"{energy:.4g}" if energy < 1e4 else f"{energy:,.0f}"


def _number(value: float) -> str:
    """Return a count with three digits, such as ``1.23 M``."""
    from simulators.accelerator.workloads import quantity

    rounded = round(value) if value >= 100 or abs(value - round(value)) < 1e-6 else round(value, 1)
    return quantity(rounded)
