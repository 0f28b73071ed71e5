"""Tables of designs in and tables of metrics out: CSV, Parquet and JSON Lines, chosen by the file's suffix.

CSV cells stay text until a simulator reads them, so that what was written comes back unchanged; numbers are
written with ``repr``, which is exact. A missing value is an empty cell, a null or an absent key; NaN is ``nan`` in
CSV, NaN in Parquet and ``null`` in JSON Lines (JSON has no NaN).
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from simulators import InvalidInputError

Format = Literal["csv", "jsonl", "parquet"]
SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
    ".parquet": "parquet",
}


@dataclass(frozen=True)
class Table:
    """Columns of one length; a table may have rows and no columns (JSON Lines of ``{}``).

    Attributes:
        columns: name -> values, plain Python objects.
        rows: how many.
    """

    columns: Mapping[str, Sequence[Any]]
    rows: int


def table_format(path: Path) -> Format:
    """Return the format that a file's name stands for.

    Raises:
        InvalidInputError: none of the known suffixes.
    """
    for suffix, found in SUFFIXES.items():
        if path.name.lower().endswith(suffix):
            return found
    raise InvalidInputError(f"{path}: a table's name must end in one of {', '.join(SUFFIXES)}")


def read_table(path: Path) -> Table:
    """Read a table.

    Raises:
        InvalidInputError: an unknown suffix, or a file that is missing, unreadable or malformed; names the line.
    """
    kind = table_format(path)
    try:
        if kind == "parquet":
            return _read_parquet(path)
        with _open_text(path) as lines:
            return _read_csv(path, lines) if kind == "csv" else _read_jsonl(path, lines)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidInputError(f"{path}: cannot read this table: {reason}") from None


def _open_text(path: Path) -> io.TextIOBase:
    opened: Any = gzip.GzipFile(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb")
    # utf-8-sig: spreadsheets put a byte-order mark before the first column's name.
    return io.TextIOWrapper(opened, encoding="utf-8-sig", newline="")


def _read_csv(path: Path, lines: io.TextIOBase) -> Table:
    reader = csv.reader(lines)
    header: list[str] = []
    rows: list[list[str]] = []
    try:
        for cells in reader:
            if not header:
                header = _check_names(path, [name.strip() for name in cells])
            elif len(cells) == len(header):
                rows.append(cells)
            elif cells:  # A blank line is no row.
                raise InvalidInputError(
                    f"{path}: line {reader.line_num} has {len(cells)} cells, but the header has {len(header)} columns"
                )
    except csv.Error as error:
        raise InvalidInputError(f"{path}: line {reader.line_num}: {error}") from None
    if not header:
        raise InvalidInputError(f"{path}: this table is empty; its first line must name the columns")
    return Table({name: [row[position] for row in rows] for position, name in enumerate(header)}, len(rows))


def _read_jsonl(path: Path, lines: io.TextIOBase) -> Table:
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InvalidInputError(f"{path}: line {number} is not JSON: {error}") from None
        if not isinstance(row, dict):
            raise InvalidInputError(
                f'{path}: line {number} must be an object such as {{"scheduler": "Fifo"}}, got {line.strip()[:40]}'
            )
        rows.append(row)
    names = list(dict.fromkeys(name for row in rows for name in row))
    return Table({name: [row.get(name) for row in rows] for name in names}, len(rows))


def _read_parquet(path: Path) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path).read()
    except pa.ArrowException as error:
        raise InvalidInputError(f"{path}: cannot read this table: {error}") from None
    names = _check_names(path, table.column_names)
    return Table({name: table.column(name).to_pylist() for name in names}, table.num_rows)


def _check_names(path: Path, names: Sequence[str]) -> list[str]:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InvalidInputError(f"{path}: several columns are called {repeated[0]!r}")
    if "" in names:
        raise InvalidInputError(f"{path}: column {list(names).index('') + 1} of the header has no name")
    return list(names)


def check_writable(path: Path) -> None:
    """Make the folder of ``path`` if need be and check that a file can be written there.

    Raises:
        InvalidInputError: it cannot, and why.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(21, "it is a directory")
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InvalidInputError(f"cannot write {path}: {error.strerror or error}; choose another file") from None


@contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` that takes its place when the block ends well.

    Raises:
        InvalidInputError: it cannot be written.
    """
    check_writable(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except OSError as error:
        raise InvalidInputError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        temporary.unlink(missing_ok=True)


def write_table(path: Path, table: Table) -> None:
    """Write a table in the format of its name; the file appears complete or not at all.

    Raises:
        InvalidInputError: an unknown suffix, or a place that cannot be written.
    """
    kind = table_format(path)
    with replaced_file(path) as temporary:
        if kind == "parquet":
            _write_parquet(temporary, table)
            return
        text = io.StringIO()
        (_write_csv if kind == "csv" else _write_jsonl)(text, table)
        content = text.getvalue().encode("utf-8")
        # mtime=0: the same table gives the same bytes.
        temporary.write_bytes(gzip.compress(content, mtime=0) if path.name.lower().endswith(".gz") else content)


def _write_csv(text: io.StringIO, table: Table) -> None:
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(zip(*(map(_cell, values) for values in table.columns.values()), strict=True))


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    return "" if value is None else str(value)


def _write_jsonl(text: io.StringIO, table: Table) -> None:
    for row in range(table.rows):
        values = {name: _finite(column[row]) for name, column in table.columns.items()}
        text.write(json.dumps(values, ensure_ascii=False, allow_nan=False) + "\n")


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write_parquet(path: Path, table: Table) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = {name: pa.array(list(values)) for name, values in table.columns.items()}
    pq.write_table(pa.table(arrays), path)
