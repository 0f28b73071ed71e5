"""Memory traces: what a processor asks of the memory controller, and when.

A trace is three arrays of one length: the cycle of each request, its direction and its byte address.
Files are DRAMSys's ``.stl`` (absolute times), one request a line::

    # a comment
    31:	read	0x400140
    33:	write	0x400160

Accepted beside that, as DRAMSys's ``StlPlayer.cpp`` accepts it: blank lines, CRLF, any mixture of blanks and
tabs, a length ``(64)`` before the direction, and the bytes to be stored (``0x...``) after the address of a
write. A request is one burst of the memory, so a length above 64 bytes is refused instead of being served in
part, and stored bytes are skipped because they change neither time nor energy. Gzip is recognised by content.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulators.errors import InvalidInputError, TraceFormatError
from simulators.memory._stl import EXPECTED, NO_ERROR, parse_lines

REQUEST_BYTES = 64
"""Bytes that one request moves: a burst of 8 beats on a 64-bit channel (JESD79-3, BL8)."""

_CHUNK_BYTES = 1 << 24
_LONGEST_LINE_BYTES = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True, eq=False)
class Trace:
    """An immutable sequence of ``n >= 1`` memory requests, in the order in which they are sent.

    Attributes:
        name: what tables and files call it; not part of ``digest``.
        cycle: int64[n], earliest cycle of each request, counted in ``clock_mhz`` from 0. A reader refuses
            times that go backwards unless told otherwise; see :attr:`is_ordered`.
        is_write: bool[n].
        address: uint64[n], byte addresses.
        clock_mhz: the clock in which ``cycle`` counts, MHz.

    The arrays are copied and read-only. Two traces are equal when name and ``digest`` are.

    Raises:
        InvalidInputError: no requests, arrays of different lengths or unfit types, a negative cycle, a clock
            that is not a positive number.
    """

    name: str
    cycle: NDArray[np.int64]
    is_write: NDArray[np.bool_]
    address: NDArray[np.uint64]
    clock_mhz: float = 800.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "cycle", _column(self.name, "cycle", self.cycle, np.int64))
        object.__setattr__(self, "is_write", _column(self.name, "is_write", self.is_write, np.bool_))
        object.__setattr__(self, "address", _column(self.name, "address", self.address, np.uint64))
        object.__setattr__(self, "clock_mhz", _checked_clock(self.clock_mhz))
        sizes = (self.cycle.size, self.is_write.size, self.address.size)
        if len(set(sizes)) != 1 or sizes[0] == 0:
            raise InvalidInputError(
                f"trace {self.name!r}: cycle, is_write and address must have one common length of at least 1, "
                f"got {sizes[0]}, {sizes[1]} and {sizes[2]}"
            )
        if int(self.cycle.min()) < 0:
            raise InvalidInputError(f"trace {self.name!r}: cycles must not be negative, got {int(self.cycle.min())}")

    def __len__(self) -> int:
        return int(self.cycle.size)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Trace):
            return NotImplemented
        return self.name == other.name and self.digest == other.digest

    def __hash__(self) -> int:
        return hash((self.name, self.digest))

    def __reduce__(self) -> tuple[Any, ...]:
        # Through the constructor, so that a trace sent to another process is read-only there too.
        return Trace, (self.name, self.cycle, self.is_write, self.address, self.clock_mhz)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (64 hex digits) of clock and requests, in little-endian order: the same on every platform."""
        content = hashlib.sha256(struct.pack("<8sqd", b"trace-v1", len(self), self.clock_mhz))
        content.update(self.cycle.astype("<i8", copy=False).tobytes())
        content.update(np.packbits(self.is_write, bitorder="little").tobytes())
        content.update(self.address.astype("<u8", copy=False).tobytes())
        return content.hexdigest()

    @cached_property
    def is_ordered(self) -> bool:
        """Whether no request's cycle lies before that of the request ahead of it (equal is fine)."""
        return _first_backward_step(self.cycle) is None

    @property
    def duration_ns(self) -> float:
        """Time of the latest request, from cycle 0, in ns: no controller can finish the trace sooner."""
        return float(self.cycle.max()) * 1000.0 / self.clock_mhz

    def head(self, n: int) -> Trace:
        """Return the first ``n`` requests (the whole trace when it has no more), named ``<name>[:n]``.

        Raises:
            InvalidInputError: ``n < 1``.
        """
        if n < 1:
            raise InvalidInputError(f"trace {self.name!r}: head needs at least 1 request, got {n}")
        if n >= len(self):
            return self
        return Trace(f"{self.name}[:{n}]", self.cycle[:n], self.is_write[:n], self.address[:n], self.clock_mhz)

    def at_clock(self, clock_mhz: float) -> Trace:
        """Return the same requests at the same times in ns, counted in another clock (nearest cycle)."""
        if clock_mhz == self.clock_mhz:
            return self
        cycle = np.rint(self.cycle * (_checked_clock(clock_mhz) / self.clock_mhz)).astype(np.int64)
        return Trace(self.name, cycle, self.is_write, self.address, clock_mhz)


def read_stl(path: str | os.PathLike[str], clock_mhz: float = 800.0, *, allow_backwards: bool = False) -> Trace:
    """Read an ``.stl`` trace file, plain or gzip-compressed; the trace is named after the file.

    Needs about 60 bytes of memory per request beyond a constant (10 million requests: 3 s, 0.7 GB).

    Args:
        path: the file.
        clock_mhz: the clock in which the file's cycle numbers count (the file does not say).
        allow_backwards: accept cycles that go backwards. DRAMSys's player does: it keeps the order of the
            lines and sends a late request at once (its own ``ddr3_example.stl`` repeats four phases so).

    Raises:
        TraceFormatError: no such file, a malformed line, an empty or damaged file; names file and line.
    """
    path = Path(path)
    if path.name.removesuffix(".gz").endswith(".rstl"):
        raise TraceFormatError(
            f"{path}: relative traces (.rstl) cannot be read yet. Convert it to absolute cycles (.stl)."
        )
    columns: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
    lines_before = 0
    for text in _whole_lines(path):
        status, count, lines, at, cycle, is_write, address = parse_lines(text)
        if status != NO_ERROR:
            raise _malformed(path, lines_before + lines, text[at:], EXPECTED[status])
        for column, part in zip(columns, (cycle, is_write, address), strict=True):
            column.append(part[:count].copy())
        lines_before += lines
    if not any(part.size for part in columns[0]):
        raise TraceFormatError(f"{path}: holds no requests. Expected lines such as '31:<tab>read<tab>0x400140'.")
    cycle, is_write, address = (np.concatenate(column) for column in columns)
    trace = Trace(_stem(path), cycle, is_write, address, clock_mhz)
    back = None if allow_backwards else _first_backward_step(trace.cycle)
    if back is not None:
        raise _backwards(path, trace.cycle, back)
    return trace


def write_stl(trace: Trace, path: str | os.PathLike[str], comments: Sequence[str] = ()) -> None:
    """Write ``trace`` as ``.stl``, gzip-compressed if ``path`` ends in ``.gz``, each comment on its own line.

    The same trace always gives the same bytes (no time stamp in the gzip header). The file appears whole or
    not at all.
    """
    path = Path(path)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with open(partial, "wb") as raw:
            if path.suffix == ".gz":
                with gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
                    _write_lines(trace, packed, comments)
            else:
                _write_lines(trace, raw, comments)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _write_lines(trace: Trace, file: IO[bytes] | gzip.GzipFile, comments: Sequence[str], block: int = 1 << 16) -> None:
    for comment in comments:
        for line in comment.splitlines():
            file.write(f"# {line}\n".encode())
    for start in range(0, len(trace), block):
        part = slice(start, start + block)
        rows = zip(trace.cycle[part].tolist(), trace.is_write[part].tolist(), trace.address[part].tolist(), strict=True)
        file.write("".join(f"{c}:\t{'write' if w else 'read'}\t0x{a:X}\n" for c, w, a in rows).encode())


def _whole_lines(path: Path) -> Iterator[NDArray[np.uint8]]:
    """Yield the file's text in pieces that end where a line ends (the last one where the file does)."""
    rest = b""
    try:
        with _opened(path) as file:
            while block := file.read(_CHUNK_BYTES):
                cut = block.rfind(b"\n") + 1
                if not cut and len(rest) + len(block) > _LONGEST_LINE_BYTES:
                    raise TraceFormatError(f"{path}: not a text file: a line has over {_LONGEST_LINE_BYTES} bytes.")
                if cut:
                    yield np.frombuffer(rest + block[:cut], dtype=np.uint8)
                rest = block[cut:] if cut else rest + block
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise TraceFormatError(f"{path}: damaged or truncated gzip file ({error}). Copy or pack it again.") from error
    except OSError as error:
        raise TraceFormatError(f"{path}: cannot be read: {error.strerror or error}.") from error
    if rest:
        yield np.frombuffer(rest, dtype=np.uint8)


def _opened(path: Path) -> IO[bytes]:
    with open(path, "rb") as file:
        packed = file.read(2) == _GZIP_MAGIC
    return io.BufferedReader(gzip.open(path)) if packed else open(path, "rb")


def _malformed(path: Path, line: int, text: NDArray[np.uint8], expected: str) -> TraceFormatError:
    shown = text[:400].tobytes().split(b"\n")[0].rstrip(b"\r").decode("utf-8", "backslashreplace")
    shown = repr(shown if len(shown) <= 60 else shown[:60] + "...")
    return TraceFormatError(f"{path}, line {line}: {shown}: expected {expected}.")


def _backwards(path: Path, cycle: NDArray[np.int64], at: int) -> TraceFormatError:
    """The error for a step back at request ``at``; its line is found by one more pass over the file."""
    line = _line_of_request(path, at)
    return TraceFormatError(
        f"{path}, line {line}: time goes backwards, from cycle {cycle[at - 1]} to {cycle[at]}: expected cycles "
        f"that never decrease. Sort the file, or read it with allow_backwards (each late request then follows "
        f"the one before it at once, as DRAMSys does)."
    )


def _line_of_request(path: Path, index: int) -> int:
    lines = requests = 0
    for text in _whole_lines(path):
        for line in text.tobytes().removesuffix(b"\n").split(b"\n"):
            lines += 1
            stripped = line.strip()
            if stripped and not stripped.startswith(b"#"):
                requests += 1
                if requests > index:
                    return lines
    return lines


def _first_backward_step(cycle: NDArray[np.int64]) -> int | None:
    backward = cycle[1:] < cycle[:-1]
    at = int(np.argmax(backward)) if backward.size else 0
    return at + 1 if backward.size and backward[at] else None


def _column(trace: str, column: str, values: ArrayLike, dtype: type[Any]) -> NDArray[Any]:
    array = np.asarray(values)
    kinds = "b" if dtype is np.bool_ else "iu"
    if array.ndim != 1 or (array.size and array.dtype.kind not in kinds):
        wanted = "booleans" if dtype is np.bool_ else "integers"
        raise InvalidInputError(
            f"trace {trace!r}: {column} must be a one-dimensional array of {wanted}, "
            f"got shape {array.shape} of {array.dtype}"
        )
    limit = np.iinfo(dtype) if dtype is not np.bool_ else None
    if limit is not None and array.size and not (limit.min <= int(array.min()) and int(array.max()) <= limit.max):
        raise InvalidInputError(f"trace {trace!r}: {column} must lie in {limit.min}..{limit.max}")
    array = np.array(array, dtype=dtype, order="C", copy=True)
    array.setflags(write=False)
    return array


def _checked_clock(clock_mhz: float) -> float:
    try:
        clock = float(clock_mhz)
    except (TypeError, ValueError):
        clock = float("nan")
    if not 0.0 < clock < float("inf"):
        raise InvalidInputError(f"clock_mhz must be a positive number of MHz, got {clock_mhz!r}")
    return clock


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".stl") or path.name
