"""Small helpers that make HTML: everything that comes from data is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Markup:
    """HTML that is safe already."""

    text: str


Content = str | Markup


def escape(content: Content) -> str:
    """Return HTML for ``content``: markup as it is, text escaped."""
    return content.text if isinstance(content, Markup) else html.escape(content)


def element(name: str, *contents: Content, css: str = "") -> Markup:
    """Return ``<name class=css>contents</name>``."""
    attribute = f' class="{html.escape(css)}"' if css else ""
    return Markup(f"<{name}{attribute}>{''.join(map(escape, contents))}</{name}>")


def join(parts: Iterable[Content]) -> Markup:
    """Return the parts one after the other."""
    return Markup("\n".join(map(escape, parts)))


@dataclass(frozen=True)
class Row:
    """A table row: cells, a class for the row, classes for cells by position, columns that the first cell spans."""

    cells: Sequence[Content]
    css: str = ""
    cell_css: Mapping[int, str] | None = None
    span: int = 1


def table(header: Sequence[Content], rows: Iterable[Row]) -> Markup:
    """Return a table that scrolls sideways where it is wider than the page."""
    head = element("thead", element("tr", *(element("th", cell) for cell in header)))
    body = element("tbody", *map(_row, rows))
    return element("div", element("table", head, body), css="scroll")


def _row(row: Row) -> Markup:
    classes = row.cell_css or {}
    cells = (element("td", cell, css=classes.get(position, "")) for position, cell in enumerate(row.cells))
    content = element("tr", *cells, css=row.css)
    return content if row.span == 1 else Markup(content.text.replace("<td", f'<td colspan="{row.span}"', 1))
