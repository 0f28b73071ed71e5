"""Pictures made of boxes, lines and text: a canvas, text that is measured, files that do not change from run to run.

Lengths are in tenths of an inch, y grows downwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from experiments.figures import SETTINGS
from experiments.tables import replaced_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, MUTED, LINE, FAINT = "#111827", "#6B7280", "#9CA3AF", "#E5E7EB"
_METADATA: Final[dict[str, dict[str, None]]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
"""Nothing that differs from one day or version to the next."""
_POINTS: Final = 7.2
"""Points of a tenth of an inch."""

Point = tuple[float, float]


def picture_kind(output: Path) -> str:
    """Return ``png``, ``svg`` or ``pdf`` by the suffix; raises InvalidInputError for any other."""
    from simulators.errors import InvalidInputError

    kind = output.suffix.lower().removeprefix(".")
    if kind not in _METADATA:
        raise InvalidInputError(f"cannot write {output}: expected a name that ends in .png, .svg or .pdf")
    return kind


def save_picture(figure: Figure, title: str, output: Path) -> None:
    """Write a picture to ``output`` (PNG, or what the suffix says: SVG, PDF).

    Raises:
        InvalidInputError: the file cannot be written, or its suffix is of no picture.
    """
    import matplotlib

    kind = picture_kind(output)
    with matplotlib.rc_context({**SETTINGS, "svg.hashsalt": title}), replaced_file(output) as temporary:
        figure.savefig(temporary, format=kind, dpi=130, metadata=_METADATA[kind])


class Canvas:
    """A white page of one picture."""

    def __init__(self, width: float, height: float) -> None:
        import matplotlib
        from matplotlib.figure import Figure

        self.width, self.height = width, height
        with matplotlib.rc_context(SETTINGS):
            self.figure = Figure(figsize=(width / 10, height / 10), facecolor="white")
            self._axes = self.figure.add_axes((0, 0, 1, 1))
        self._axes.set(xlim=(0, width), ylim=(height, 0))
        self._axes.axis("off")

    def text(self, x: float, y: float, text: str, size: float = 8.5, **style: object) -> None:
        """Write text, its middle at the height ``y``; ``style``: of matplotlib (ha, color, fontweight ...)."""
        settings = {"va": "center", "fontsize": size, "color": INK, "fontfamily": "DejaVu Sans", **style}
        self._axes.text(x, y, _plain(text), **settings)  # type: ignore[arg-type]

    def box(self, corner: Point, size: Point, face: str, edge: str, line: float = 1.0) -> None:
        """Draw a rounded box; ``corner``: upper left, ``size``: width and height."""
        from matplotlib.patches import FancyBboxPatch

        style = "round,pad=0,rounding_size=0.6"
        patch = FancyBboxPatch(corner, *size, boxstyle=style, facecolor=face, edgecolor=edge, linewidth=line, zorder=3)
        self._axes.add_patch(patch)

    def bar(self, corner: Point, size: Point, face: str, edge: str = "none", line: float = 0.0) -> None:
        """Draw a box with sharp corners."""
        from matplotlib.patches import Rectangle

        self._axes.add_patch(
            Rectangle(corner, *size, facecolor=face, edgecolor=edge, linewidth=line, zorder=4, joinstyle="miter")
        )

    def path(self, points: Sequence[Point], colour: str, width: float = 1.0, dashes: str = "-") -> None:
        """Draw a line through points."""
        xs, ys = zip(*points, strict=True)
        self._axes.plot(xs, ys, color=colour, linewidth=width, linestyle=dashes, zorder=2, solid_capstyle="butt")

    def area(self, points: Sequence[Point], face: str) -> None:
        """Fill a polygon."""
        from matplotlib.patches import Polygon

        self._axes.add_patch(Polygon(points, closed=True, facecolor=face, edgecolor="none", zorder=1))


@lru_cache(maxsize=4096)
def text_width(text: str, size: float, bold: bool = False) -> float:
    """Return how wide a text is drawn, in tenths of an inch, with a margin for rounding to pixels."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    if not text.strip():
        return 0.0
    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
    return float(TextPath((0, 0), _plain(text), size=size, prop=font).get_extents().x1) * 1.03 / _POINTS


def fitted(text: str, width: float, size: float, bold: bool = False) -> str:
    """Return the text, cut with an ellipsis to what fits the width; empty if nothing does."""
    if text_width(text, size, bold) <= width:
        return text
    for end in range(len(text) - 1, 0, -1):
        cut = f"{text[:end].rstrip()}…"
        if text_width(cut, size, bold) <= width:
            return cut
    return ""


def on_colour(colour: str) -> str:
    """Return ink or white, whichever is easier to read on a colour ``#rrggbb``."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 0.55 else "white"


def _plain(text: str) -> str:
    """Keep matplotlib from taking a text with two dollar signs for mathematics."""
    return text.replace("$", r"\$")
