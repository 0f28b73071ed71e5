"""What every comparison with a reference simulator needs: compared values, reports, numbers as text, packed files."""

from __future__ import annotations

import csv
import gzip
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

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


# ---- reports ----------------------------------------------------------------------------------------------------


class TableReport(Protocol):
    """What a report says of one table: a dataclass with more than this."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def table(self) -> str:
        """File stem."""

    @property
    def bar(self) -> str:
        """What is asked of the table, in words."""

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None where nothing was compared."""


_Table = TypeVar("_Table", bound=TableReport)


@dataclass(frozen=True)
class Validation(Generic[_Table]):
    """The report of a comparison.

    Attributes:
        reference: the reference directory.
        tables: agreement by table.
        details: every compared value.
    """

    reference: str
    tables: tuple[_Table, ...]
    details: tuple[Detail, ...]

    @property
    def bar(self) -> str:
        """The bars of the compared tables, in words."""
        return "; ".join(f"{table.table}: {table.bar}" for table in self.tables if table.met is not None)

    @property
    def passed(self) -> bool:
        """Whether something was compared and every compared table meets its bar."""
        verdicts = [table.met for table in self.tables if table.met is not None]
        return bool(verdicts) and all(verdicts)

    def to_json(self) -> dict[str, Any]:
        """Return the summary (without details) as JSON-serialisable data; NaN and infinity as None."""
        tables = [plain_numbers(asdict(table)) for table in self.tables]
        return {"reference": self.reference, "bar": self.bar, "passed": self.passed, "tables": tables}

    def write_details(self, path: str | Path) -> None:
        """Write ``table,row,metric,expected,got``, one line per compared value, numbers in full precision."""
        with open(path, "w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file, lineterminator="\n")
            lines.writerow(("table", "row", "metric", "expected", "got"))
            for d in self.details:
                lines.writerow((d.table, d.row, d.metric, exact_text(d.expected), exact_text(d.got)))


def compare_tables(
    reference_dir: str | Path,
    comparisons: Mapping[str, Callable[[Path, str], Compared | None]],
    expected: str,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Compared]:
    """Compare the tables of a directory; return table -> what came of it, without those that are not there.

    Args:
        reference_dir: the directory.
        comparisons: table, its file's stem and perhaps a ``/`` and more -> what compares it, given the directory and
            the table; None if it is not there.
        expected: names of the files that can be compared, for the message.
        progress: called with the name of each table that is there before it is compared.

    Raises:
        InvalidInputError: no such directory, or nothing in it to compare, or a file that cannot be read.
    """
    directory = Path(reference_dir)
    if not directory.is_dir():
        raise InvalidInputError(f"reference directory {str(directory)!r} does not exist")
    found: dict[str, Compared] = {}
    for table, compare in comparisons.items():
        if progress is not None and _is_there(directory, table):
            progress(table)
        compared = compare(directory, table)
        if compared is not None:
            found[table] = compared
    if not any(compared.details for compared in found.values()):
        reasons = [f" {table}: {reason}." for table, compared in found.items() for reason in compared.refused]
        raise InvalidInputError(
            f"{reference_dir}: holds nothing to compare. Expected {expected}, perhaps with .gz added.{''.join(reasons)}"
        )
    return found


def all_details(found: Mapping[str, Compared]) -> tuple[Detail, ...]:
    """Return the compared values of all tables."""
    return tuple(detail for compared in found.values() for detail in compared.details)


def plain_numbers(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return data that JSON can hold: None in place of NaN and infinity."""
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in data.items()}


def _is_there(directory: Path, table: str) -> bool:
    stem = table.partition("/")[0]
    return any(find_packed(directory / f"{stem}.{suffix}") for suffix in ("json", "jsonl", "csv"))


# ---- values and files -------------------------------------------------------------------------------------------


def unreadable_text(row: int, why: object) -> str:
    """Return what reports say of a row, counted from 0, that cannot be read."""
    return f"row {row} (from 0) cannot be read: {why}"


def relative_error(detail: Detail) -> float:
    """Return the relative error of a value; infinite where one side has none, or only one is 0."""
    expected, got = float(detail.expected), float(detail.got)
    if math.isnan(expected) or math.isnan(got):
        return math.inf
    return 0.0 if expected == got else abs(got / expected - 1) if expected else math.inf


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
