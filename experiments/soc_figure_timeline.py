"""The execution of a task graph in the picture of a chip: a lane for each PE, power over time, and the key of tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from experiments.drawing import FAINT, INK, LINE, MUTED, Canvas, fitted, on_colour, text_width
from experiments.soc_figure_blocks import ALERT, numbers_of, task_chip, task_colour

if TYPE_CHECKING:
    from simulators.soc.chip_report import ChipReport

LANE, POWER_HEIGHT = 2.6, 12.0
_LABELS: Final = 18.0
_HEAD, _AXIS = 3.0, 3.2
_KEY_ROW: Final = 2.2
_LEAST: Final = 0.12
"""Width at which a bar is drawn at least, so that it can be seen."""
_CUT: Final = 3.0
"""Phases of more power than so many times the peak are cut off, so that the rest can be seen."""


@dataclass(frozen=True)
class _Axis:
    """Time from left to right."""

    left: float
    right: float
    makespan_s: float

    def at(self, seconds: float) -> float:
        """Return where a time is."""
        return self.left + (self.right - self.left) * seconds / self.makespan_s if self.makespan_s else self.left


def lanes_of(report: ChipReport) -> list[str]:
    """Return the PEs that work, in the order in which they begin."""
    first = dict[str, float]()
    for task in sorted(report.tasks.values(), key=lambda task: task.start_s):
        first.setdefault(task.pe, task.start_s)
    return list(first)


def timeline_height(report: ChipReport) -> float:
    """Return how much room lanes, time and power take."""
    return _HEAD + LANE * len(lanes_of(report)) + _AXIS + 2.0 + POWER_HEIGHT + 1.0


def key_height(report: ChipReport) -> float:
    """Return how much room the key takes."""
    return _HEAD + _KEY_ROW * (len(report.tasks) + 0.5)


def draw_timeline(canvas: Canvas, report: ChipReport, x: float, y: float, right: float) -> None:
    """Draw lanes and power between ``x`` and ``right``, from ``y`` downwards."""
    axis = _Axis(x + _LABELS, right, report.makespan_s)
    lanes = lanes_of(report)
    canvas.text(x, y + 0.6, "execution", 9.0, fontweight="bold")
    top = y + _HEAD
    bottom = top + LANE * len(lanes)
    floor = bottom + _AXIS + 2.0 + POWER_HEIGHT
    ticks, unit, scale = time_ticks(report.makespan_s)
    for tick in ticks:
        at = axis.at(tick)
        canvas.path([(at, top), (at, bottom)], FAINT, 0.8)
        canvas.path([(at, floor - POWER_HEIGHT), (at, floor)], FAINT, 0.8)
        canvas.text(at, bottom + 1.3, f"{tick * scale:g}", 7.4, ha="center", color=MUTED)
    canvas.text(axis.left - 1.2, bottom + 1.3, f"time, {unit}", 7.4, ha="right", color=MUTED)
    for number, pe in enumerate(lanes):
        _lane(canvas, report, pe, axis, (x, top + LANE * number))
    _budget_lines(canvas, report, axis, top, floor)
    _power(canvas, report, axis, x, floor)


def _lane(canvas: Canvas, report: ChipReport, pe: str, axis: _Axis, corner: tuple[float, float]) -> None:
    x, y = corner
    middle = y + LANE / 2
    canvas.text(x, middle, fitted(pe, _LABELS - 1.2, 7.6), 7.6)
    canvas.path([(axis.left, y + LANE), (axis.right, y + LANE)], FAINT, 0.8)
    numbers = numbers_of(report)
    bars = sorted((t.start_s, t.end_s, name) for name, t in report.tasks.items() if t.pe == pe)
    free = axis.left
    for place, (start, end, name) in enumerate(bars):
        left, width = axis.at(start), max(axis.at(end) - axis.at(start), _LEAST)
        colour = task_colour(numbers[name])
        canvas.bar((left, y + 0.35), (width, LANE - 0.7), colour, "white", 0.5 if width > 0.6 else 0.0)
        following = axis.at(bars[place + 1][0]) if place + 1 < len(bars) else axis.right
        free = _bar_text(canvas, name, numbers[name], (left, width, middle), (max(free, left + width), following))


def _bar_text(
    canvas: Canvas, name: str, number: int, bar: tuple[float, float, float], room: tuple[float, float]
) -> float:
    """Write a task's name or number into its bar, or the number behind it; return where the lane is free from."""
    left, width, middle = bar
    for text in (f"{number} {name}", str(number)):
        if text_width(text, 6.8) <= width - 0.8:
            ink = on_colour(task_colour(number))
            canvas.text(left + width / 2, middle, text, 6.8, ha="center", color=ink, zorder=6)
            return left + width
    needed = text_width(str(number), 6.4) + 0.8
    if room[0] + needed <= room[1]:
        canvas.text(room[0] + 0.4, middle, str(number), 6.4, color="#374151", zorder=6)
        return room[0] + needed
    return left + width


def _budget_lines(canvas: Canvas, report: ChipReport, axis: _Axis, top: float, floor: float) -> None:
    """Mark the budgets of latency that lie within the execution."""
    limits = sorted({line.limit / 1e3 for line in report.budgets if line.name.startswith("latency")})
    shown = [axis.at(limit) for limit in limits if limit <= report.makespan_s]
    bottom = top + LANE * len(lanes_of(report))
    for at in shown:
        canvas.path([(at, top - 0.6), (at, bottom)], ALERT, 1.2, "--")
        canvas.path([(at, floor - POWER_HEIGHT), (at, floor)], ALERT, 1.2, "--")
    if shown:
        canvas.text(axis.right, top - 1.6, "dashed: budget of latency", 7.0, ha="right", color=ALERT)


def _power(canvas: Canvas, report: ChipReport, axis: _Axis, x: float, floor: float) -> None:
    """Draw power, its average, peak and budget; the figures stand beside the lines."""
    milliwatts = report.phase_w * 1e3
    budget = next((line.limit for line in report.budgets if line.name == "peak power"), None)
    lines = [
        ("average", report.metrics["average_power_mw"], INK, ":"),
        ("peak of 10 ms", report.metrics["peak_power_mw"], "#0072B2", "-"),
        *([("budget", budget, ALERT, "--")] if budget else []),
    ]
    highest = float(milliwatts.max(initial=0.0))
    if highest > 1.05 * max(value for _, value, _, _ in lines):
        lines.append(("highest phase", highest, MUTED, "none"))
    figures = [value for name, value, _, _ in lines if name != "highest phase"]
    most = max(min(highest, _CUT * max(figures)), *figures) * 1.05 or 1.0
    ends = np.concatenate([[0.0], np.cumsum(report.phase_s)])
    outline = [(axis.left, floor)]
    for start, end, value in zip(ends[:-1], ends[1:], milliwatts, strict=True):
        level = floor - POWER_HEIGHT * min(value / most, 1.0)
        outline += [(axis.at(start), level), (axis.at(end), level)]
    canvas.area([*outline, (axis.at(float(ends[-1])), floor)], "#CBD5E1")
    canvas.path([(axis.left, floor), (axis.right, floor)], LINE, 1.0)
    canvas.text(x, floor - POWER_HEIGHT - 0.6, "power", 9.0, fontweight="bold")
    heights = _apart(
        [floor - POWER_HEIGHT * min(value / most, 1.0) for _, value, _, _ in lines], floor - POWER_HEIGHT + 2, floor
    )
    for (name, value, colour, dashes), height in zip(lines, heights, strict=True):
        level = floor - POWER_HEIGHT * min(value / most, 1.0)
        if dashes != "none":
            canvas.path([(axis.left, level), (axis.right, level)], colour, 1.3, dashes)
        canvas.path([(axis.left - 1.0, height), (axis.left, level)], colour, 0.8)
        canvas.text(axis.left - 1.2, height, f"{name} {value:.4g} mW", 7.0, ha="right", color=colour)


def _apart(heights: Sequence[float], top: float, bottom: float, least: float = 1.7) -> list[float]:
    """Move heights apart, and between top and bottom, in their order."""
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    moved = list(heights)
    for rank, i in enumerate(order):
        moved[i] = max(heights[i], top) if rank == 0 else max(heights[i], moved[order[rank - 1]] + least)
    limit = bottom
    for i in reversed(order):
        moved[i] = min(moved[i], limit)
        limit = moved[i] - least
    return moved


def draw_tasks(canvas: Canvas, report: ChipReport, x: float, y: float, right: float) -> None:
    """Draw the key: each task's number, name, time and what limited it."""
    limit_width = 9.5
    name_width = right - x - 3.6 - 8.2 - limit_width
    time_at, limit_at = right - limit_width - 0.8, right - limit_width
    canvas.text(x, y + 0.6, "tasks", 9.0, fontweight="bold")
    canvas.text(time_at, y + 0.6, "time", 7.4, ha="right", color=MUTED)
    canvas.text(limit_at, y + 0.6, "limited by", 7.4, color=MUTED)
    for row, (name, number) in enumerate(numbers_of(report).items()):
        at, task = y + _HEAD + _KEY_ROW * (row + 0.5), report.tasks[name]
        task_chip(canvas, number, x, at)
        canvas.text(x + 3.5, at, fitted(name, name_width, 7.4), 7.4)
        canvas.text(time_at, at, time_text(task.end_s - task.start_s), 7.4, ha="right")
        canvas.text(
            limit_at,
            at,
            fitted("its PE" if task.limit == task.pe else task.limit, limit_width, 7.4),
            7.4,
            color="#374151",
        )


_UNITS: Final = (("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9))


def time_text(seconds: float) -> str:
    """Return a time with four digits in the unit that suits it."""
    if seconds == 0.0:
        return "0"
    unit, scale = _unit_of(seconds)
    return f"{seconds * scale:.4g} {unit}"


def _unit_of(seconds: float) -> tuple[str, float]:
    return next((pair for pair in _UNITS if seconds * pair[1] >= 1.0), _UNITS[-1])


def time_ticks(seconds: float) -> tuple[list[float], str, float]:
    """Return times to mark from 0 on, in s, their unit, and how many of it are a second."""
    from matplotlib.ticker import MaxNLocator

    unit, scale = _unit_of(seconds)
    places = MaxNLocator(nbins=8, steps=[1, 2, 2.5, 5, 10]).tick_values(0.0, max(seconds * scale, 1e-9))
    return [float(place) / scale for place in places if 0 <= place <= seconds * scale], unit, scale
