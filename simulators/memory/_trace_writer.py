"""Writing trace files: ``.stl`` and the formats of other simulators."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from simulators.errors import InvalidInputError
from simulators.memory._trace import Trace
from simulators.memory._trace_formats import format_of_name, trace_format

Row = tuple[int, bool, int]
"""Cycle or delay, whether it is a write, address."""

_ROWS: dict[str, Callable[[Row], str]] = {
    "stl": lambda row: f"{row[0]}:\t{'write' if row[1] else 'read'}\t0x{row[2]:X}\n",
    "rstl": lambda row: f"{row[0]}:\t{'write' if row[1] else 'read'}\t0x{row[2]:X}\n",
    "dramsim3": lambda row: f"0x{row[2]:X} {'WRITE' if row[1] else 'READ'} {row[0]}\n",
    "ramulator-loadstore": lambda row: f"{'ST' if row[1] else 'LD'} 0x{row[2]:x}\n",
    "ramulator-dram": lambda row: f"0x{row[2]:x} {'W' if row[1] else 'R'}\n",
}
_WITH_COMMENTS = ("stl", "rstl")

WRITABLE_FORMATS = tuple(_ROWS)
"""Names of the formats that can be written. A CPU trace cannot: it holds instructions, which a trace does not."""


def write_trace(
    trace: Trace, path: str | os.PathLike[str], *, format: str | None = None, comments: Sequence[str] = ()
) -> None:
    """Write a trace file, gzip-compressed if ``path`` ends in ``.gz``.

    The same trace always gives the same bytes (no time stamp in the gzip header). The file appears whole or not at
    all. Formats without time lose the times. ``rstl`` holds times as they can be sent, at most one request a cycle.

    Args:
        trace: what to write.
        path: the file.
        format: name of the format; without it the suffix ``.stl`` or ``.rstl`` decides.
        comments: lines ahead of the requests, for the formats that know comments (``stl`` and ``rstl``).

    Raises:
        UnknownNameError: no such format.
        InvalidInputError: a format that cannot be written, or none where the suffix says nothing.
        OSError: the file cannot be written.
    """
    path = Path(path)
    known = trace_format(format) if format is not None else format_of_name(path)
    if known is None or known.name not in _ROWS:
        wanted = "a name that says no format" if known is None else f"format {known.name!r}, which cannot be written"
        raise InvalidInputError(f"{path}: {wanted}. Name one of: {', '.join(_ROWS)}.")
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    remarks = comments if known.name in _WITH_COMMENTS else ()
    try:
        with open(partial, "wb") as raw:
            if path.suffix == ".gz":
                with gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
                    _write_lines(trace, packed, known.name, remarks)
            else:
                _write_lines(trace, raw, known.name, remarks)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_stl(trace: Trace, path: str | os.PathLike[str], comments: Sequence[str] = ()) -> None:
    """Write ``trace`` as ``.stl``, whatever the file's name, each comment on its own line; see :func:`write_trace`."""
    write_trace(trace, path, format="stl", comments=comments)


def sent_cycles(cycle: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return when requests leave if nothing holds them up: in order, one a cycle, none before its cycle.

    ``sent[i] = max(cycle[i], sent[i-1] + 1)``, so ``sent - i`` is the running maximum of ``cycle - i``.
    """
    place = np.arange(len(cycle))
    sent: NDArray[np.int64] = np.maximum.accumulate(cycle - place) + place
    return sent


def _write_lines(
    trace: Trace, file: IO[bytes] | gzip.GzipFile, format: str, comments: Sequence[str], block: int = 1 << 16
) -> None:
    for comment in comments:
        for line in comment.splitlines():
            file.write(f"# {line}\n".encode())
    time = trace.cycle if format != "rstl" else np.diff(sent_cycles(trace.cycle), prepend=-1) - 1
    text = _ROWS[format]
    for start in range(0, len(trace), block):
        part = slice(start, start + block)
        rows = zip(time[part].tolist(), trace.is_write[part].tolist(), trace.address[part].tolist(), strict=True)
        file.write("".join(map(text, rows)).encode())
