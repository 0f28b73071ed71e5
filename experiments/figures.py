"""How figures look and become SVG: one style per agent, one size, one font, text that stays text.

Colours are those of Okabe and Ito (Color Universal Design, 2008), the baseline grey; line styles differ too, so that
no figure depends on colour alone.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A4FBF", "#000000")
_BASELINE_COLOUR = "#6B7280"
_LINES: tuple[Any, ...] = ("-", (0, (6, 1.5)), (0, (4, 1.2, 1, 1.2)), (0, (1.5, 1)))
SIZE = (5.8, 3.7)
"""Width and height in inches: the text is readable at phone width and two figures fit beside one another."""
LOGARITHMIC_FROM = 12.0
"""Ratio of largest to smallest positive value from which an axis is logarithmic."""
SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#9CA3AF",
    "axes.labelcolor": "#374151",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E5E7EB",
    "grid.linewidth": 0.8,
    "xtick.color": "#4B5563",
    "ytick.color": "#4B5563",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
}
"""Settings of matplotlib for every figure."""


@dataclass(frozen=True)
class Style:
    """How an agent is drawn in every figure."""

    colour: str
    line: Any


def agent_styles(agents: Sequence[str], baseline: str | None) -> dict[str, Style]:
    """Return a style per agent; the baseline is grey and dashed, the others get colours in their order."""
    others = [agent for agent in agents if agent != baseline]
    styles = {
        agent: Style(_COLOURS[number % len(_COLOURS)], _LINES[number // len(_COLOURS) % len(_LINES)])
        for number, agent in enumerate(others)
    }
    return styles | ({baseline: Style(_BASELINE_COLOUR, _LINES[1])} if baseline in agents and baseline else {})


def new_figure(title: str, height: float = SIZE[1]) -> tuple[Figure, Axes]:
    """Return an empty figure; ``height`` in inches."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(SIZE[0], height), layout="constrained")
        axes = figure.subplots()
        axes.set_title(title, color="#111827", pad=10)
    return figure, axes


def to_svg(figure: Figure, description: str) -> str:
    """Return the figure as one ``<svg>`` element that fills its place; the same figure gives the same text."""
    import matplotlib

    text = io.StringIO()
    with matplotlib.rc_context({**SETTINGS, "svg.hashsalt": description}):
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    content = text.getvalue()
    content = content[content.index("<svg") :]
    content = re.sub(r"<metadata>.*?</metadata>", "", content, flags=re.DOTALL)
    # Ids must differ between the figures of one page.
    prefix = f"f{sum(map(ord, description)):x}{len(content):x}"
    content = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}", content)
    size = re.compile(r'width="[\d.]+pt" height="[\d.]+pt"|height="[\d.]+pt"|width="[\d.]+pt"')
    head, rest = content.split(">", 1)
    return f'{size.sub("", head)} role="img" aria-label="{html.escape(description)}">{rest}'


def is_logarithmic(series: Sequence[np.ndarray]) -> bool:
    """Whether positive values span so much that a logarithmic axis shows more."""
    values = np.concatenate([values[np.isfinite(values)] for values in series]) if series else np.empty(0)
    return bool(values.size and values.min() > 0 and values.max() / values.min() > LOGARITHMIC_FROM)


def plain_ticks(axis: Any) -> None:
    """Label a logarithmic axis with plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
