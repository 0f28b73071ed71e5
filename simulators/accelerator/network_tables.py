"""Tables of layers: one row per layer in CSV or JSON, with the fields of :class:`Layer` and how often it is executed.

A CSV table has a header; columns that it lacks, and empty cells, are 1 (``input_h``, ``input_w``: what the outputs
touch). Lines that begin with ``#`` are comments; ``# source: ...`` and ``# title: ...`` say where the shapes come from
and what the network is. A JSON table is a list of objects with the same fields.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simulators.accelerator.layers import BOUNDS, GEOMETRY, LARGEST_BOUND, Layer, Network
from simulators.errors import InvalidInputError, UnknownNameError

FOLDER: Final = Path(__file__).parent / "data" / "networks"
SIZES: Final = (*BOUNDS, *GEOMETRY, "input_h", "input_w")
COLUMNS: Final = ("name", "count", *SIZES)
"""Columns of a table in the order in which they are written."""
SUFFIXES: Final = (".csv", ".json")
_MOST: Final = 10**12 - 1
"""Largest count, and largest input before its layer checks it."""
_Row = tuple[str, Mapping[str, str]]


@dataclass(frozen=True)
class NetworkTable:
    """A table as it was read.

    Attributes:
        network: the layers, their counts, and the source that the table names.
        title: what the network is, in a few words; may be empty.
    """

    network: Network
    title: str = ""


def read_network(path: str | Path, name: str | None = None) -> NetworkTable:
    """Return the network that a table describes.

    Args:
        path: a ``.csv`` or ``.json`` file.
        name: of the network, else the file's name without suffix.

    Raises:
        InvalidInputError: no such file, or one that is no table; names file, line, column and what was expected.
        UnknownNameError: a column that no layer has; names the nearest.
    """
    file = Path(path)
    if file.suffix.lower() not in SUFFIXES:
        advice = " Convert it with: archgym workload import" if file.suffix.lower() == ".onnx" else ""
        raise InvalidInputError(f"{file}: expected a table of layers, a .csv or .json file.{advice}")
    text = _text(file)
    notes: dict[str, str] = {}
    rows = _json_rows(file, text) if file.suffix.lower() == ".json" else _csv_rows(file, text, notes)
    layers: list[Layer] = []
    counts: list[int] = []
    for where, row in rows:
        layers.append(_layer(where, row, f"layer{len(layers) + 1}"))
        counts.append(_integer(where, "count", row.get("count", ""), 1, _MOST))
    if not layers:
        raise InvalidInputError(f"{file}: no layers. Expected at least one row below the header {','.join(COLUMNS)}.")
    network = Network(name or file.stem, tuple(layers), tuple(counts), notes.get("source", str(file)))
    return NetworkTable(network, notes.get("title", ""))


def network_text(network: Network, title: str = "") -> str:
    """Return a network as the text of a CSV table, all columns given."""
    stream = io.StringIO()
    for key, value in (("title", title), ("source", network.source)):
        if value:
            stream.write(f"# {key}: {' '.join(value.split())}\n")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for layer, count in zip(network.layers, network.counts, strict=True):
        writer.writerow((_printable(layer.name), count, *(getattr(layer, field) for field in SIZES)))
    return stream.getvalue()


def _printable(name: str) -> str:
    """A layer's name that stays on one line and does not begin like a comment."""
    return " ".join(name.split()).lstrip("#") or "layer"


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InvalidInputError(f"{file}: no such file") from None
    except UnicodeDecodeError:
        raise InvalidInputError(f"{file}: not a text file. Expected a table of layers in UTF-8.") from None
    except OSError as error:
        raise InvalidInputError(f"{file}: cannot be read: {error.strerror or error}") from None


def _csv_rows(file: Path, text: str, notes: dict[str, str]) -> Iterator[_Row]:
    header: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        where = f"{file}, line {number}"
        if line.startswith("#"):
            key, _, value = line[1:].partition(":")
            notes.setdefault(key.strip().lower(), value.strip())
        elif line.strip():
            cells = _cells(where, line)
            if not header:
                header = _header(where, cells)
            elif len(cells) != len(header):
                raise InvalidInputError(f"{where}: {len(cells)} cells, expected {len(header)} as in the header")
            else:
                yield where, dict(zip(header, cells, strict=True))


def _cells(where: str, line: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], strict=True))]
    except csv.Error as error:
        raise InvalidInputError(f"{where}: not a row of a CSV table: {error}") from None


def _header(where: str, cells: list[str]) -> list[str]:
    header = [cell.lower() for cell in cells]
    for cell in header:
        _check_column(where, cell)
        if header.count(cell) > 1:
            raise InvalidInputError(f"{where}: column {cell!r} stands twice")
    return header


def _check_column(where: str, name: str) -> None:
    if name not in COLUMNS:
        raise UnknownNameError(f"column in {where}:", name, COLUMNS)


def _json_rows(file: Path, text: str) -> Iterator[_Row]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{file}: not JSON: {error}") from None
    if not isinstance(content, list):
        raise InvalidInputError(f"{file}: expected a list of layers, each an object of {', '.join(COLUMNS)}")
    for number, item in enumerate(content, start=1):
        where = f"{file}, layer {number}"
        if not isinstance(item, dict):
            raise InvalidInputError(f"{where}: expected an object such as {{'m': 64, 'c': 3}}, got {item!r}")
        for key in item:
            _check_column(where, key)
        yield where, {key: str(value) for key, value in item.items()}


def _layer(where: str, row: Mapping[str, str], name: str) -> Layer:
    sizes = {}
    for field in SIZES:
        least, most = (0, _MOST) if field.startswith("input") else (1, LARGEST_BOUND)
        sizes[field] = _integer(where, field, row.get(field, ""), least, most)
    try:
        return Layer(row.get("name", "") or name, **sizes)
    except InvalidInputError as error:
        raise InvalidInputError(f"{where}: {error}") from None


def _integer(where: str, column: str, text: str, least: int, most: int) -> int:
    """An integer from ``least`` to ``most``; an empty text is the least."""
    if not text:
        return least
    is_number = text.isascii() and text.isdecimal() and len(text) <= 12
    if not is_number or not least <= int(text) <= most:
        raise InvalidInputError(f"{where}, column {column}: expected an integer from {least} to {most}, got {text!r}")
    return int(text)
