"""The pictures of docs/memory-controller.md, drawn beside this file by ``python docs/images/memory_controller.py``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

FOLDER: Final = Path(__file__).parent
INK: Final = "#1f2933"
MUTED: Final = "#52606d"
FRONT, CORE, MANAGER, MEMORY = "#dcebfa", "#fdf0d5", "#e6f4e1", "#ece7f5"
EDGES: Final = {FRONT: "#4a7fb5", CORE: "#b9862b", MANAGER: "#5b9149", MEMORY: "#7d68ab"}

Point = tuple[float, float]


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure of that size in inches whose coordinates are tenths of an inch."""
    figure = plt.figure(figsize=(width, height), dpi=150, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 10 * width), ylim=(0, 10 * height))
    axes.axis("off")
    return figure, axes


def box(axes: Axes, center: Point, size: Point, title: str, lines: Sequence[str] = (), color: str = CORE) -> None:
    """Draw a rounded box with a bold title and small lines below it."""
    (x, y), (width, height) = center, size
    axes.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - height / 2),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=1.0",
            facecolor=color,
            edgecolor=EDGES[color],
            linewidth=1.4,
        )
    )
    top = y + 1.0 * len(lines)
    axes.text(x, top, title, ha="center", va="center", fontsize=10.5, fontweight="bold", color=INK)
    for number, line in enumerate(lines):
        axes.text(x, top - 2.3 - 1.95 * number, line, ha="center", va="center", fontsize=8.6, color=INK)


def arrow(axes: Axes, start: Point, end: Point, bend: float = 0.0, style: str = "-|>", dashed: bool = False) -> None:
    """Draw an arrow; ``bend`` curves it to the right of its direction (negative: to the left)."""
    axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle=style,
            mutation_scale=13,
            connectionstyle=f"arc3,rad={bend}",
            linewidth=1.4,
            linestyle="--" if dashed else "-",
            color=MUTED,
            shrinkA=0,
            shrinkB=0,
        )
    )


def label(axes: Axes, at: Point, text: str, align: str = "center", color: str = INK) -> None:
    """Write small text."""
    axes.text(*at, text, ha=align, va="center", fontsize=8.6, color=color, linespacing=1.35)


def heading(axes: Axes, at: Point, text: str) -> None:
    """Write the title of a part of a picture."""
    axes.text(*at, text, ha="left", va="center", fontsize=12.5, fontweight="bold", color=INK)


def path_of_a_request() -> Figure:
    """Draw what a request passes on its way."""
    figure, axes = canvas(11.2, 5.1)
    box(axes, (10, 39), (15, 9), "Player", ("plays the trace in", "order, one a cycle"), FRONT)
    box(axes, (32, 39), (17, 9), "Arbiter", ("Simple, Fifo, Reorder;", "credits"), FRONT)
    box(
        axes,
        (57, 39),
        (21, 9),
        "Request buffer",
        ("a queue for each bank; space", "per bank, direction or in all"),
        CORE,
    )
    box(axes, (86, 39), (21, 9), "Bank machines", ("scheduler picks the request,", "page policy the command"), CORE)
    box(axes, (86, 23), (21, 8), "Command multiplexer", ("Oldest or Strict",), CORE)
    box(axes, (86, 7), (21, 9), "Memory", ("banks, timing constraints,", "energy account"), MEMORY)
    box(axes, (57, 26.5), (23, 6.6), "Refresh managers", ("one for each rank",), MANAGER)
    box(axes, (57, 17.5), (23, 6.6), "Power-down managers", ("one for each rank",), MANAGER)
    box(axes, (32, 7), (17, 9), "Response queue", ("Fifo or Reorder,", "one answer a cycle"), FRONT)
    arrow(axes, (17.5, 39), (23.5, 39))
    arrow(axes, (40.5, 39), (46.5, 39))
    arrow(axes, (67.5, 39), (75.5, 39))
    arrow(axes, (86, 34.5), (86, 27))
    label(axes, (87, 30.8), "ACT, PRE, RD, RDA, WR, WRA", "left")
    arrow(axes, (68.5, 26.5), (75.5, 24.6))
    arrow(axes, (68.5, 17.5), (75.5, 21.2))
    arrow(axes, (86, 19), (86, 11.5))
    label(axes, (87, 15.3), "one command a cycle", "left")
    arrow(axes, (75.5, 7), (40.5, 7))
    label(axes, (58, 8.6), "end of the data")
    arrow(axes, (32, 11.5), (32, 34.5))
    label(axes, (33, 23), "answers,\ncredits", "left")
    arrow(axes, (23.5, 37), (17.5, 37), dashed=True)
    label(axes, (20.5, 34.6), "answers")
    label(axes, (20.5, 41), "requests")
    label(axes, (57, 46.6), "stall while there is no space: nothing overtakes a waiting request", color=MUTED)
    arrow(axes, (57, 45.3), (57, 43.5))
    heading(axes, (2.5, 49.5), "The way of a request")
    return figure


def cycle_of_the_controller() -> Figure:
    """Draw what the controller does when it runs."""
    figure, axes = canvas(11.2, 4.8)
    heading(axes, (2.5, 45), "One run of the controller, at cycle t")
    steps = (
        ("1  answers", ("deliver the answer", "that is due, one a cycle"), FRONT),
        ("2  managers", ("refresh: postpone, pull in,", "or want a command;", "power-down: enter, leave"), MANAGER),
        ("3  candidates", ("each bank: its command,", "earliest cycle that all", "constraints allow"), CORE),
        ("4  issue", ("the candidate legal at t:", "refresh first, else the", "oldest request"), CORE),
    )
    centers = [(14.5, 35), (42, 35), (70, 35), (98, 35)]
    for (title, lines, color), center in zip(steps, centers, strict=True):
        box(axes, center, (23, 13), title, lines, color)
    for left, right in pairwise(centers):
        arrow(axes, (left[0] + 11.5, 35), (right[0] - 11.5, 35))
    box(
        axes,
        (98, 13.5),
        (23, 11),
        "5  book",
        ("bank state, earliest cycles of", "others; a CAS frees its place", "in the buffer at once"),
        MEMORY,
    )
    box(
        axes,
        (64, 13.5),
        (28, 11),
        "6  admit",
        ("the next request, if the buffer has", "space, in the same cycle; its bank", "plans anew"),
        FRONT,
    )
    box(
        axes,
        (22, 13.5),
        (30, 11),
        "7  sleep",
        ("until the earliest of: a command is", "legal, a request arrives, a manager", "is due; t jumps there"),
        MEMORY,
    )
    arrow(axes, (98, 28.5), (98, 19))
    arrow(axes, (86.5, 13.5), (78, 13.5))
    arrow(axes, (50, 13.5), (37, 13.5))
    arrow(axes, (14.5, 19), (14.5, 28.5))
    label(axes, (15.5, 23.7), "again", "left")
    arrow(axes, (70, 19), (70, 28.5), dashed=True)
    label(axes, (71, 23.7), "if nothing was issued at t", "left")
    label(
        axes,
        (57, 4.3),
        "mode=default: a request that arrives at t is admitted before step 4.   "
        "mode=dramsys: before or after it, as the reference's event heap has it.",
        color=MUTED,
    )
    return figure


def state_machines() -> Figure:
    """Draw the states of a bank, of a refresh manager and of a rank's power."""
    figure, axes = canvas(11.2, 11.9)
    _bank(axes, 83)
    _refresh(axes, 48)
    _power(axes, 2.5)
    return figure


def _bank(axes: Axes, floor: float) -> None:
    heading(axes, (2.5, floor + 33.5), "A bank")
    low, high = floor + 14, floor + 14
    box(axes, (24, low), (20, 9), "Closed", ("no row in the", "row buffer"), MEMORY)
    box(axes, (88, high), (20, 9), "Open", ("row r in the", "row buffer"), MEMORY)
    arrow(axes, (34, low + 2.5), (78, high + 2.5), -0.28)
    label(axes, (56, floor + 24.6), "ACT row r\nRP after PRE, RC after ACT, RRD and FAW in the rank")
    arrow(axes, (78, high), (34, low))
    label(axes, (56, floor + 15.4), "PRE (conflict), PREA (refresh): RAS after ACT, RTP after RD")
    arrow(axes, (78, high - 2.5), (34, low - 2.5), -0.28)
    label(axes, (56, floor + 3.6), "RDA, WRA: closes by itself once RAS and RTP (WRA: the data and WR) are over")
    arrow(axes, (83, high + 4.5), (93, high + 4.5), -1.3)
    label(axes, (88, floor + 29), "RD, WR (row hit)\nRCD after ACT, CCD in the rank")
    arrow(axes, (19, low + 4.5), (29, low + 4.5), -1.3)
    label(axes, (24, floor + 29), "REFA, REFB\nno ACT for RFC")


def _refresh(axes: Axes, floor: float) -> None:
    heading(axes, (2.5, floor + 32.5), "A refresh manager (AllBank): F refreshes owed, trigger T every REFI")
    box(axes, (24, floor + 13), (20, 9), "Regular", ("at T: one refresh", "is due"), MANAGER)
    box(axes, (88, floor + 13), (20, 9), "Pulling in", ("REFA upon REFA", "while idle"), MANAGER)
    arrow(axes, (34, floor + 15), (78, floor + 15), -0.2)
    label(
        axes,
        (56, floor + 23.4),
        "REFA issued: the rank is idle, or F = refresh_max_postponed\n"
        "(then its banks are held, PREA closes them, REFA follows)",
    )
    arrow(axes, (78, floor + 11), (34, floor + 11), -0.2)
    label(axes, (56, floor + 4), "a request waits, or F = -refresh_max_pulled_in: T moves on by REFI")
    arrow(axes, (19, floor + 17.5), (29, floor + 17.5), -1.3)
    label(axes, (24, floor + 27.6), "a request waits: F + 1,\nT moves on by REFI")
    arrow(axes, (83, floor + 17.5), (93, floor + 17.5), -1.3)
    label(axes, (88, floor + 27.6), "still idle: REFA,\nF - 1")


def _power(axes: Axes, floor: float) -> None:
    heading(axes, (2.5, floor + 40.5), "A rank's power (Staggered)")
    box(axes, (24, floor + 19.5), (20, 9), "Awake", (), MANAGER)
    box(axes, (86, floor + 33), (26, 8), "Active power-down", ("a bank is open",), MEMORY)
    box(axes, (86, floor + 18.5), (26, 8), "Precharged power-down", ("all banks closed",), MEMORY)
    box(axes, (86, floor + 3), (26, 8), "Self-refresh", ("refreshes itself",), MEMORY)
    box(axes, (24, floor + 3), (20, 8), "Waking", ("owes a refresh",), MEMORY)
    arrow(axes, (26, floor + 24), (73, floor + 35), -0.14)
    label(axes, (40, floor + 34.5), "no request left: PDEA")
    arrow(axes, (73, floor + 31), (34, floor + 22.5))
    label(axes, (55, floor + 25), "a request, or a refresh is due: PDXA", "left")
    arrow(axes, (34, floor + 20), (73, floor + 20))
    label(axes, (53.5, floor + 21.4), "no request left: PDEP")
    arrow(axes, (73, floor + 17.5), (34, floor + 17.5))
    label(axes, (53.5, floor + 16), "a request, or a refresh is due: PDXP")
    arrow(axes, (33, floor + 15), (73, floor + 5))
    label(axes, (57, floor + 11), "woken by a refresh, still idle: SREN", "left")
    arrow(axes, (73, floor + 2), (34, floor + 2))
    label(axes, (53.5, floor + 0.4), "a request: SREX")
    arrow(axes, (20, floor + 7), (20, floor + 15))
    label(axes, (19, floor + 11), "REFA", "right")


def save(figures: Iterable[tuple[str, Figure]]) -> None:
    """Write the figures as PNG files of those names."""
    for name, figure in figures:
        figure.savefig(FOLDER / f"{name}.png", metadata={"Software": None})
        plt.close(figure)


if __name__ == "__main__":
    save(
        (
            ("memory-controller-path", path_of_a_request()),
            ("memory-controller-cycle", cycle_of_the_controller()),
            ("memory-controller-states", state_machines()),
        )
    )
