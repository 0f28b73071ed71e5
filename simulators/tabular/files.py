"""Stored tables as files: Parquet, one row per canonical design, in the order of the designs' flat indices.

Columns: ``design`` (the flat index in the space of the header), one per parameter, one per metric, ``valid`` and
``reason``. Two keys of the file's metadata make it one of ours: ``archgym.table`` (the header, JSON) and
``archgym.checksum``: SHA-256 over the header's decisive part and, in blocks of 65 536 rows, the bytes of the flat
indices (int64), the metrics (float64, row by row, every NaN alike), ``valid``, and the reasons that are not empty.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simulators.errors import InvalidInputError
from simulators.tabular.header import TableHeader

BLOCK = 65536
"""Rows per row group and per block of the checksum."""
DESIGN, VALID, REASON = "design", "valid", "reason"
_HEADER_KEY, _CHECKSUM_KEY = b"archgym.table", b"archgym.checksum"


@dataclass(frozen=True)
class Rows:
    """Some rows of a table.

    Attributes:
        flat: flat indices, int64 ``[n]``, ascending.
        values: metrics, float64 ``[n, m]``; NaN where invalid.
        valid: bool ``[n]``.
        reason: ``n`` texts, "" where valid.
    """

    flat: np.ndarray
    values: np.ndarray
    valid: np.ndarray
    reason: tuple[str, ...]

    def __len__(self) -> int:
        """Return ``n``."""
        return len(self.flat)

    def add_to(self, digest: hashlib._Hash) -> None:
        """Add the rows, one block of the checksum, to ``digest``."""
        values = np.where(np.isnan(self.values), np.nan, self.values)
        digest.update(np.ascontiguousarray(self.flat, dtype="<i8").data)
        digest.update(np.ascontiguousarray(values, dtype="<f8").data)
        digest.update(np.ascontiguousarray(self.valid, dtype=np.uint8).data)
        if not self.valid.all():
            digest.update("\0".join(self.reason).encode())


class TableWriter:
    """Writes a table block by block; use as a context manager, then read ``checksum``.

    Args:
        path: the file, which appears at once and is complete when the block ends.
        header: what the table says about itself.
    """

    def __init__(self, path: Path, header: TableHeader) -> None:
        self._header = header
        self._digest = header.digest()
        self.checksum = ""
        self._writer = pq.ParquetWriter(
            path,
            table_schema(header),
            compression="zstd",
            compression_level=9,
            use_dictionary=[
                name for name in table_schema(header).names if name != DESIGN
            ],  # outcomes repeat very often
            column_encoding={DESIGN: "DELTA_BINARY_PACKED"},
            write_statistics=False,
        )

    def __enter__(self) -> TableWriter:
        """Return the writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the header and the checksum, and end the file."""
        if kind is None:
            self.checksum = self._digest.hexdigest()
            self._writer.add_key_value_metadata(
                {_HEADER_KEY.decode(): self._header.to_json(), _CHECKSUM_KEY.decode(): self.checksum}
            )
        self._writer.close()

    def write(self, rows: Rows) -> None:
        """Write one block: ``BLOCK`` rows, fewer only at the end of the table."""
        rows.add_to(self._digest)
        space, arrays = self._header.space, [pa.array(rows.flat)]
        indices = space.unflatten(rows.flat)
        for column, parameter in enumerate(space.parameters):
            codes = pa.array(indices[:, column].astype(np.int32))
            arrays.append(pa.DictionaryArray.from_arrays(codes, pa.array(list(parameter.values))).dictionary_decode())
        arrays += [pa.array(np.ascontiguousarray(rows.values[:, j])) for j in range(rows.values.shape[1])]
        arrays += [pa.array(rows.valid), pa.array(rows.reason, pa.string())]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._writer.schema), row_group_size=BLOCK)


def table_schema(header: TableHeader) -> pa.Schema:
    """Return the columns of a table.

    Raises:
        InvalidInputError: two of them would have one name.
    """
    fields = [(DESIGN, pa.int64())]
    fields += [(parameter.name, pa.array(list(parameter.values)).type) for parameter in header.space.parameters]
    fields += [(metric.name, pa.float64()) for metric in header.metrics]
    names = [name for name, _ in fields]
    repeated = sorted({name for name in [*names, VALID, REASON] if [*names, VALID, REASON].count(name) > 1})
    if repeated:
        raise InvalidInputError(f"a table cannot have several columns called {repeated[0]!r}; rename the parameter")
    return pa.schema([*fields, (VALID, pa.bool_()), (REASON, pa.string())])


class TableReader:
    """A table's file, open for reading in blocks.

    Raises:
        InvalidInputError: a file that is missing, cannot be read, is cut short or is no table of ours.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._file = open_parquet(self.path)
        metadata = self._file.schema_arrow.metadata or {}
        found = {**metadata, **(self._file.metadata.metadata or {})}
        if not is_table(self._file):
            raise InvalidInputError(
                f"{self.path}: this Parquet file was not written by `archgym tabulate`; "
                "say which of its columns are metrics, as in metrics: {energy_pj: minimize}"
            )
        self.header = TableHeader.from_json(found[_HEADER_KEY].decode(), str(self.path))
        self.checksum = found.get(_CHECKSUM_KEY, b"").decode()
        wanted = [DESIGN, *(metric.name for metric in self.header.metrics), VALID, REASON]
        missing = [name for name in wanted if name not in self._file.schema_arrow.names]
        if missing:
            raise InvalidInputError(f"{self.path}: the table lacks its column {missing[0]!r}; make the table again")

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self._file.metadata.num_rows)

    def blocks(self) -> Iterator[Rows]:
        """Return all rows, ``BLOCK`` at a time, checking the checksum at the end.

        Raises:
            InvalidInputError: the file cannot be read further, or is not what was written.
        """
        names = [metric.name for metric in self.header.metrics]
        digest = self.header.digest()
        for batch in self._batches([DESIGN, *names, VALID, REASON]):
            values = np.stack([batch.column(name).to_numpy() for name in names], axis=1)
            flat, valid = (batch.column(name).to_numpy(zero_copy_only=False) for name in (DESIGN, VALID))
            reason = ("",) * len(flat) if valid.all() else tuple(batch.column(REASON).to_pylist())
            rows = Rows(flat, values, valid, reason)
            rows.add_to(digest)
            yield rows
        if digest.hexdigest() != self.checksum:
            raise InvalidInputError(
                f"{self.path}: the table's checksum does not agree with its rows: it was changed or damaged; "
                "make the table again"
            )

    def columns(self, names: list[str]) -> Iterator[dict[str, np.ndarray]]:
        """Return some columns, name -> array ``[<= BLOCK]``, block by block; nothing else is read."""
        for batch in self._batches(names):
            yield {name: batch.column(name).to_numpy(zero_copy_only=False) for name in names}

    def _batches(self, names: list[str]) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._file.iter_batches(BLOCK, columns=names, use_threads=False)
        except (pa.ArrowException, OSError) as error:
            raise InvalidInputError(f"{self.path}: cannot read this table: {error}") from None


def open_parquet(path: Path) -> Any:
    """Return the open Parquet file.

    Raises:
        InvalidInputError: a file that is missing or is no whole Parquet file.
    """
    try:
        return pq.ParquetFile(path)
    except OSError as error:
        if isinstance(error, FileNotFoundError) or error.strerror:
            raise InvalidInputError(f"{path}: cannot read this table: {error.strerror or 'no such file'}") from None
        raise _not_whole(path, error) from None
    except pa.ArrowException as error:
        raise _not_whole(path, error) from None


def _not_whole(path: Path, error: Exception) -> InvalidInputError:
    return InvalidInputError(
        f"{path}: this is no whole Parquet file ({str(error).splitlines()[0]}): it is of another kind, or was cut short"
    )


def is_table(file: Any) -> bool:
    """Return whether an open Parquet file has a table's header."""
    return _HEADER_KEY in (file.metadata.metadata or {})
