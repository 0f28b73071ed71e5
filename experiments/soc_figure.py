"""The picture of a system-on-chip: its blocks and how busy they are, its execution, its power, its budgets.

From top to bottom: figures against budgets; blocks and links; on the left a lane for each PE with its tasks over time,
and the power, on the right the key of the tasks.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from experiments.drawing import MUTED, Canvas, fitted, picture_kind, save_picture, text_width
from experiments.soc_figure_blocks import ALERT, draw_blocks, draw_key, pe_height
from experiments.soc_figure_layout import lay_out
from experiments.soc_figure_timeline import draw_tasks, draw_timeline, key_height, timeline_height

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from simulators.soc.chip_report import BudgetLine, ChipReport

_LEAST_WIDTH: Final = 132.0
_MARGIN, _TITLE, _FIGURES_ROW, _KEY_WIDTH = 2.0, 5.4, 3.6, 40.0
_GOOD: Final = "#166534"


def write_figure(report: ChipReport, title: str, output: Path) -> None:
    """Write the picture of a simulated chip to ``output`` (PNG, or what the suffix says: SVG, PDF).

    Raises:
        InvalidInputError: the file cannot be written, or its suffix is of no picture.
    """
    picture_kind(output)
    save_picture(draw(report, title), title, output)


def draw(report: ChipReport, title: str) -> Figure:
    """Return the picture; ``title`` says what runs on which chip."""
    layout = lay_out(report.chip, {use.id: pe_height(use) for use in report.blocks if use.type.is_pe})
    width = max(_LEAST_WIDTH, layout.width + 2 * _MARGIN)
    rows = _figure_rows(report, width)
    blocks_at = _TITLE + _FIGURES_ROW * len(rows) + 3.4
    below = blocks_at + layout.height + 5.0
    canvas = Canvas(width, below + max(timeline_height(report), key_height(report)) + 1.5)
    canvas.text(_MARGIN, 2.8, fitted(title, width - 2 * _MARGIN, 12.0, True), 12.0, fontweight="bold")
    _figures(canvas, rows)
    canvas.text(_MARGIN, blocks_at - 1.6, "blocks", 9.0, fontweight="bold")
    draw_key(canvas, _MARGIN + 7.0, blocks_at - 1.6, width - _MARGIN)
    draw_blocks(canvas, report, layout, (width - layout.width - 3.4) / 2, blocks_at + 1.0)
    draw_timeline(canvas, report, _MARGIN, below, width - _KEY_WIDTH - 2 * _MARGIN)
    draw_tasks(canvas, report, width - _KEY_WIDTH - _MARGIN + 1.0, below, width - _MARGIN)
    return canvas.figure


_Entry = tuple[str, str]
"""A text and its colour."""


def _figure_rows(report: ChipReport, width: float) -> list[list[_Entry]]:
    """Return the figures of the chip, as many in a row as fit."""
    entries: list[_Entry] = [(_against(line), _GOOD if line.met else ALERT) for line in report.budgets]
    metrics = report.metrics
    if not entries:
        entries += [
            (f"latency {metrics['latency_ns'] * 1e-6:.4g} ms", MUTED),
            (f"peak power {metrics['peak_power_mw']:.4g} mW", MUTED),
            (f"area {metrics['area_mm2']:.4g} mm²", MUTED),
        ]
    entries.append((f"energy {metrics['energy_pj'] * 1e-9:.4g} mJ", MUTED))
    rows: list[list[_Entry]] = [[]]
    for entry in entries:
        if rows[-1] and _row_width([*rows[-1], entry]) > width - 2 * _MARGIN:
            rows.append([])
        rows[-1].append(entry)
    return rows


def _against(line: BudgetLine) -> str:
    unit = line.unit.replace("mm2", "mm²")
    verdict = "met" if line.met else f"{line.value / line.limit:.3g}x"
    return f"{line.name} {line.value:.4g} of {line.limit:.4g} {unit}, {verdict}"


def _row_width(row: list[_Entry]) -> float:
    return sum(text_width(text, 8.0) + 3.0 for text, _ in row)


def _figures(canvas: Canvas, rows: list[list[_Entry]]) -> None:
    for number, row in enumerate(rows):
        x, y = _MARGIN, _TITLE + _FIGURES_ROW * number
        for text, colour in row:
            width = text_width(text, 8.0) + 1.8
            canvas.box((x, y - 0.2), (width, 2.6), "white", colour, 1.1)
            canvas.text(x + width / 2, y + 1.1, text, 8.0, ha="center", color=colour)
            x += width + 1.4
