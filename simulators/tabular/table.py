"""A stored table in memory: distinct outcomes once, and for each design which of them it has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simulators.errors import InvalidInputError
from simulators.evaluation import Evaluation
from simulators.rank import RankIndex
from simulators.tabular.files import BLOCK, Rows, TableReader
from simulators.tabular.header import TableHeader
from simulators.tabular.outcomes import hash_rows, number_outcomes


@dataclass(frozen=True)
class StoredTable:
    """The designs of a table and what each of them costs.

    Attributes:
        header: what the table says about itself.
        checksum: of its content.
        rank: from flat indices to rows.
        outcome: the outcome of each row, int32 ``[n]``.
        outcomes: the ``k`` distinct outcomes, in the order of their first row.
        place: the file, for messages.
    """

    header: TableHeader
    checksum: str
    rank: RankIndex
    outcome: np.ndarray
    outcomes: Evaluation
    place: str

    def __len__(self) -> int:
        """Return the number of designs ``n``."""
        return len(self.outcome)


def load_table(path: str | Path) -> StoredTable:
    """Read a table that ``archgym tabulate`` wrote, and check its checksum.

    Memory: some 12 bytes per design and 8 per metric of each distinct outcome, three times that while reading.

    Raises:
        InvalidInputError: a file that is missing, damaged, cut short, of another version or no table.
    """
    reader = TableReader(path)
    return collect(reader.header, reader.blocks(), reader.checksum, str(path))


def collect(header: TableHeader, blocks: Iterable[Rows], checksum: str | None, place: str) -> StoredTable:
    """Return the table of ``blocks``, whose flat indices ascend; ``checksum`` None: it is computed.

    Raises:
        InvalidInputError: no design at all, or designs that repeat or are out of order.
    """
    reasons: dict[str, int] = {"": 0}
    digest = header.digest()
    flat, hashes, kept = list[np.ndarray](), list[np.ndarray](), list[Rows]()
    for rows in blocks:
        if checksum is None:
            rows.add_to(digest)
        codes = np.zeros(len(rows), dtype=np.int64)
        for row in np.flatnonzero(~rows.valid).tolist():
            codes[row] = reasons.setdefault(rows.reason[row], len(reasons))
        block = hash_rows(rows.values, codes)
        first = number_outcomes(block)[1]
        kept.append(_take(rows, first))
        flat.append(rows.flat)
        hashes.append(block)
    if not flat:
        raise InvalidInputError(f"{place}: the table has no designs; it needs at least one row")
    designs = np.concatenate(flat)
    _check_order(designs, header, place)
    outcome, first = number_outcomes(np.concatenate(hashes))
    return StoredTable(
        header,
        digest.hexdigest() if checksum is None else checksum,
        RankIndex(designs, header.space.size),
        outcome,
        _outcomes(header, kept, designs[first]),
        place,
    )


def blocks_of(rows: Rows) -> Iterable[Rows]:
    """Return ``rows`` cut into blocks of the checksum."""
    for start in range(0, len(rows), BLOCK):
        yield _take(rows, np.arange(start, min(start + BLOCK, len(rows))))


def _take(rows: Rows, which: np.ndarray) -> Rows:
    reason = ("",) * len(which) if rows.valid.all() else tuple(rows.reason[row] for row in which.tolist())
    return Rows(rows.flat[which], rows.values[which], rows.valid[which], reason)


def _check_order(designs: np.ndarray, header: TableHeader, place: str) -> None:
    wrong = np.flatnonzero(designs[1:] <= designs[:-1])
    if wrong.size:
        row = int(wrong[0])
        repeated = designs[row] == designs[row + 1]
        design = header.space.describe(header.space.unflatten([int(designs[row + 1])])[0])
        what = f"rows {row} and {row + 1} are the same design" if repeated else f"row {row + 1} is out of order"
        raise InvalidInputError(f"{place}: {what}, {design}; every design may be in a table once, in flat-index order")
    if len(designs) and not 0 <= designs[0] <= designs[-1] < header.space.size:
        raise InvalidInputError(f"{place}: a design is outside the table's own space; make the table again")


def _outcomes(header: TableHeader, kept: list[Rows], wanted: np.ndarray) -> Evaluation:
    """Return the rows with the flat indices ``wanted``, ascending, out of the blocks' own first occurrences."""
    flat = np.concatenate([rows.flat for rows in kept])
    positions = np.searchsorted(flat, wanted)
    valid = np.concatenate([rows.valid for rows in kept])[positions]
    values = np.concatenate([rows.values for rows in kept])[positions]
    reasons = [reason for rows in kept for reason in rows.reason]
    return Evaluation(header.metrics, values, valid, tuple(reasons[position] for position in positions.tolist()))
