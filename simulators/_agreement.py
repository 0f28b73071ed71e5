"""What every comparison with a reference simulator needs: compared values, numbers as text, packed files."""

from __future__ import annotations

import csv
import gzip
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulators.errors import InvalidInputError

Number = int | float | str


@dataclass(frozen=True)
class Detail:
    """One compared value: ``row`` of ``table`` counts from 0; ``metric`` is the reference's own name of it."""

    table: str
    row: int
    metric: str
    expected: Number
    got: Number


class UnreadableRowError(InvalidInputError):
    """A row of a reference table that is damaged or lacks something, unlike one that a model cannot express."""


@dataclass
class Compared:
    """What came of one table.

    Attributes:
        rows: rows of the table.
        details: compared values by row.
        errors: relative errors of what must be equal, largest of each row.
        tolerated: relative errors of what has a tolerance, largest of each row.
        agreeing: rows in which every value is within the bar.
        refused: why rows were not compared -> how many.
        unreadable: rows that cannot be read, which no bar allows.
    """

    rows: int = 0
    details: list[Detail] = field(default_factory=list)
    errors: dict[int, float] = field(default_factory=dict)
    tolerated: dict[int, float] = field(default_factory=dict)
    agreeing: set[int] = field(default_factory=set)
    disagreeing: set[int] = field(default_factory=set)
    refused: dict[str, int] = field(default_factory=dict)
    unreadable: set[int] = field(default_factory=set)

    @property
    def met(self) -> bool | None:
        """Whether every row can be read and every compared one agrees; None if there are none of either."""
        if not self.agreeing | self.disagreeing | self.unreadable:
            return None
        return not self.disagreeing and not self.unreadable

    def refuse(self, reason: str, rows: int = 1) -> None:
        """Count rows that are not compared."""
        self.refused[reason] = self.refused.get(reason, 0) + rows

    def cannot_read(self, row: int, why: object) -> None:
        """Note a row that cannot be read, and say which it is and why."""
        self.unreadable.add(row)
        self.refuse(unreadable_text(row, why))

    def add(self, detail: Detail, agrees: bool, tolerated: bool = False) -> None:
        """Take a compared value in."""
        self.details.append(detail)
        errors = self.tolerated if tolerated else self.errors
        errors[detail.row] = max(
            errors.get(detail.row, 0.0), 0.0 if agrees and not tolerated else relative_error(detail)
        )
        (self.agreeing if agrees else self.disagreeing).add(detail.row)
        self.agreeing -= self.disagreeing


def unreadable_text(row: int, why: object) -> str:
    """Return what reports say of a row, counted from 0, that cannot be read."""
    return f"row {row} (from 0) cannot be read: {why}"


def relative_error(detail: Detail) -> float:
    """Return the relative error of a value; infinite where one side has none, or only one is 0."""
    expected, got = float(detail.expected), float(detail.got)
    if math.isnan(expected) or math.isnan(got):
        return math.inf
    return 0.0 if expected == got else abs(got / expected - 1) if expected else math.inf


def write_details(details: Iterable[Detail], path: str | Path) -> None:
    """Write ``table,row,metric,expected,got``, one line per compared value, numbers in full precision."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(("table", "row", "metric", "expected", "got"))
        for d in details:
            lines.writerow((d.table, d.row, d.metric, exact_text(d.expected), exact_text(d.got)))


def exact_text(value: Number) -> str:
    """Return a number in full precision, NaN as ``nan``."""
    return "nan" if isinstance(value, float) and math.isnan(value) else repr(value).strip("'")


def read_number(value: Any) -> Number:
    """Return a reference value: blank means 0; text that is no number stays text."""
    if value is None or value == "":
        return 0
    text = str(value)
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def find_packed(path: Path) -> Path | None:
    """Return ``path`` or the same with ``.gz`` added, whichever is there, or None."""
    return next((file for file in (path, path.with_name(f"{path.name}.gz")) if file.is_file()), None)


def read_packed(path: Path) -> str | None:
    """Return the text of a file, packed with gzip or not, or None if it is not there.

    Raises:
        InvalidInputError: a file that cannot be read.
    """
    file = find_packed(path)
    if file is None:
        return None
    try:
        content = file.read_bytes()
        return (gzip.decompress(content) if file.suffix == ".gz" else content).decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path}: cannot be read: {error}") from error
