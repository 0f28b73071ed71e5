"""Reading trace files of every known format, plain or gzip-compressed."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from simulators.errors import InvalidInputError, TraceFormatError
from simulators.memory._trace import Trace, checked_clock, first_backward_step
from simulators.memory._trace_formats import (
    TraceFormat,
    format_of_name,
    formats_of_line,
    recognised,
    trace_format,
)
from simulators.memory._trace_grammars import CPU, EXPECTED, NO_ERROR, parse_lines

INSTRUCTIONS_PER_NS = 3.0
"""Speed of the processor that CPU traces are read for: one instruction per cycle at 3 GHz, as in our recordings."""

_CHUNK_BYTES = 1 << 24
_LONGEST_LINE_BYTES = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_MOST_CYCLE = 2.0**63

Columns = tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.uint64]]


def read_trace(
    path: str | os.PathLike[str],
    clock_mhz: float = 800.0,
    *,
    format: str | None = None,
    interval: int | None = None,
    instructions_per_ns: float = INSTRUCTIONS_PER_NS,
    allow_backwards: bool = False,
) -> Trace:
    """Read a trace file, plain or gzip-compressed; the trace is named after the file.

    Args:
        path: the file.
        clock_mhz: the memory clock, in which the file's cycles count (the file does not say).
        format: name of its format. Without it, the suffixes ``.stl`` and ``.rstl`` decide; of other files the first
            request line does.
        interval: for formats without time: cycles from one request to the next. 0, the default, sends them as fast as
            the controller accepts them.
        instructions_per_ns: for CPU traces: instructions that the processor executes in a ns.
        allow_backwards: accept cycles that go backwards. DRAMSys's player does: it keeps the order of the
            lines and sends a late request at once (its own ``ddr3_example.stl`` repeats four phases so).

    Raises:
        TraceFormatError: no such file, a malformed line, an empty, damaged or ambiguous file; names file and line.
        UnknownNameError: no such format.
        InvalidInputError: an impossible clock, interval or speed.
    """
    path = Path(path)
    clock = checked_clock(clock_mhz)
    wanted = trace_format(format) if format is not None else format_of_name(path)
    known, columns = _read(path, wanted)
    if interval is not None and known.time != "none":
        raise InvalidInputError(
            f"{path}: interval is for formats without time, and {known.name!r} has times: leave it out"
        )
    cycle = _cycles(path, known, columns[0], clock, interval or 0, instructions_per_ns)
    trace = Trace(_stem(path), cycle, columns[1], columns[2], clock)
    back = None if allow_backwards else first_backward_step(trace.cycle)
    if back is not None:
        raise _backwards(path, trace.cycle, back)
    return trace


def read_stl(path: str | os.PathLike[str], clock_mhz: float = 800.0, *, allow_backwards: bool = False) -> Trace:
    """Read DRAMSys's ``.stl`` from a file of any name (``.rstl`` if it ends so); see :func:`read_trace`."""
    by_name = format_of_name(Path(path))
    name = "stl" if by_name is None else by_name.name
    return read_trace(path, clock_mhz, format=name, allow_backwards=allow_backwards)


def line_of_request(path: Path, index: int, format: str | None = None) -> int:
    """Return the line, counted from 1, that request ``index`` of a readable file stands on (one pass over it)."""
    lines = requests = 0
    known = trace_format(format) if format is not None else format_of_name(path)
    for text in _whole_lines(path):
        for raw in text.tobytes().removesuffix(b"\n").split(b"\n"):
            lines += 1
            line = raw.split(b"#")[0].strip()
            if line:
                known = known or recognised(path, lines, line.decode("ascii", "replace"))
                requests += 2 if known.grammar == CPU and len(line.split()) == 3 else 1
                if requests > index:
                    return lines
    return lines


def _read(path: Path, known: TraceFormat | None) -> tuple[TraceFormat, Columns]:
    """Return the format and, of every request, its line's time, direction and address."""
    columns: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
    is_guess = known is None
    lines_before = 0
    for text in _whole_lines(path):
        known = known or _recognised(path, text, lines_before)
        if known is None:  # comments only, so far
            lines_before += int(np.count_nonzero(text == ord("\n")))
            continue
        status, count, lines, at, *parts = parse_lines(text, known.grammar)
        if status != NO_ERROR:
            raise _malformed(path, lines_before + lines, text[at:], status, known, is_guess)
        for column, part in zip(columns, parts, strict=True):
            column.append(part[:count].copy())
        lines_before += lines
    if known is None or not any(part.size for part in columns[0]):
        example = "31:<tab>read<tab>0x400140" if known is None or known.suffix else known.example
        raise TraceFormatError(f"{path}: holds no requests. Expected lines such as '{example}'.")
    time, is_write, address = (np.concatenate(column) for column in columns)
    return known, (time, is_write, address)


def _recognised(path: Path, text: NDArray[np.uint8], lines_before: int) -> TraceFormat | None:
    """Return the format of the first request line of ``text``; None if all lines are comments or blank."""
    stream = io.BytesIO(text.tobytes())
    for number, raw in enumerate(stream, lines_before + 1):
        line = raw.strip()
        if line and not line.startswith(b"#"):
            return recognised(path, number, line.decode("utf-8", "backslashreplace"))
    return None


def _cycles(
    path: Path, known: TraceFormat, time: NDArray[np.int64], clock_mhz: float, interval: int, per_ns: float
) -> NDArray[np.int64]:
    """Return the earliest cycle of each request.

    Delays count from the cycle after the one in which the request before was sent (DRAMSys 4.0, StlPlayer.cpp: the next
    request leaves at the next clock edge plus the delay). A load of a CPU trace comes after the instructions
    before it, a write-back with its load.
    """
    if interval < 0 or not 0.0 < per_ns < float("inf"):
        raise InvalidInputError(
            f"interval must be at least 0 cycles and instructions_per_ns positive, got {interval} and {per_ns}"
        )
    if known.time == "cycle":
        return time
    if known.time == "none":
        if float(interval) * len(time) >= _MOST_CYCLE:
            raise InvalidInputError(
                f"interval {interval} is too long: request {len(time) - 1} would come after 2^63 cycles"
            )
        return np.arange(len(time), dtype=np.int64) * interval
    total = np.cumsum(time)
    total += np.arange(len(time)) if known.time == "delay" else -1
    if float(total[-1]) < 0 or float(np.sum(time, dtype=np.float64)) + len(time) >= _MOST_CYCLE:
        at = int(np.argmax(total < 0))
        line = line_of_request(path, at, known.name)
        raise TraceFormatError(
            f"{path}, line {line}: the delays up to here add up to more than 2^63 cycles: expected delays since the "
            f"request before. Absolute cycles are of format 'stl'."
        )
    if known.time == "delay":
        return total
    return np.floor(total * (clock_mhz / (1000.0 * per_ns))).astype(np.int64)


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


def _malformed(
    path: Path, line: int, text: NDArray[np.uint8], status: int, known: TraceFormat, is_guess: bool
) -> TraceFormatError:
    whole = text[:400].tobytes().split(b"\n")[0].rstrip(b"\r").decode("utf-8", "backslashreplace")
    shown = repr(whole if len(whole) <= 60 else whole[:60] + "...")
    others = [other.name for other in formats_of_line(whole) if other.grammar != known.grammar]
    hint = f" The line looks like format {others[0]!r}: name that format." if others and not is_guess else ""
    guess = f" (the file was taken for {known.name!r} after its first line)" if is_guess else ""
    return TraceFormatError(f"{path}, line {line}: {shown}: expected {EXPECTED[status]}{guess}.{hint}")


def _backwards(path: Path, cycle: NDArray[np.int64], at: int) -> TraceFormatError:
    """The error for a step back at request ``at``; its line is found by one more pass over the file."""
    line = line_of_request(path, at, "stl")  # formats with cycles have one request a line
    return TraceFormatError(
        f"{path}, line {line}: time goes backwards, from cycle {cycle[at - 1]} to {cycle[at]}: expected cycles "
        f"that never decrease. Sort the file, or read it with allow_backwards (each late request then follows "
        f"the one before it at once, as DRAMSys does)."
    )


def _stem(path: Path) -> str:
    bare = path.name.removesuffix(".gz")
    for suffix in (".stl", ".rstl", ".trace", ".trc"):
        bare = bare.removesuffix(suffix)
    return bare or path.name
