"""The formats of trace files: what a line looks like, and how a file's format is recognised."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from simulators.errors import TraceFormatError, UnknownNameError
from simulators.memory._trace_grammars import CPU, DRAMSIM3, LOAD_STORE, READ_WRITE, STL

_NUMBER = r"(0x[0-9a-f]+|\d+)"


@dataclass(frozen=True)
class TraceFormat:
    """One format of trace files.

    Attributes:
        name: what options call it.
        example: a line.
        summary: one line for documentation.
        grammar: which parser reads its lines, see ``_trace_grammars``.
        time: ``"cycle"``, ``"delay"`` (since the request before), ``"instructions"`` (likewise) or ``"none"``.
        looks_like: what a request line matches, ignoring case.
        suffix: of files that need no look at their content; empty if there is none.
    """

    name: str
    example: str
    summary: str
    grammar: int
    time: str
    looks_like: re.Pattern[str]
    suffix: str = ""


def _format(name: str, example: str, summary: str, grammar: int, time: str, line: str, suffix: str = "") -> TraceFormat:
    pattern = re.compile(rf"\s*{line}\s*(#.*)?", re.IGNORECASE | re.ASCII)
    return TraceFormat(name, example, summary, grammar, time, pattern, suffix)


_STL_LINE = r"\d+\s*:\s*(\(\d+\)\s*)?(read|write)\b.*"

FORMATS: Mapping[str, TraceFormat] = MappingProxyType(
    {
        known.name: known
        for known in (
            _format("stl", "31: read 0x400140", "DRAMSys, absolute cycles", STL, "cycle", _STL_LINE, ".stl"),
            _format("rstl", "31: read 0x400140", "DRAMSys, delays", STL, "delay", _STL_LINE, ".rstl"),
            _format(
                "dramsim3", "0x400140 READ 31", "DRAMsim3", DRAMSIM3, "cycle", r"(0x)?[0-9a-f]+\s+(read|write)\s+\d+"
            ),
            _format(
                "ramulator-loadstore",
                "LD 0x400140",
                "Ramulator 2, LoadStoreTrace",
                LOAD_STORE,
                "none",
                rf"(ld|st)\s+{_NUMBER}",
            ),
            _format(
                "ramulator-dram", "0x400140 R", "Ramulator 1, DRAM trace", READ_WRITE, "none", rf"{_NUMBER}\s+[rw]"
            ),
            _format(
                "ramulator-cpu",
                "3 20734016 20734080",
                "Ramulator 1 and 2, CPU trace (SimpleO3)",
                CPU,
                "instructions",
                rf"\d+\s+{_NUMBER}(\s+{_NUMBER})?",
            ),
        )
    }
)
"""Name -> format."""

_ADDRESS_VECTOR = re.compile(r"\s*[rw]\s+\d+(\s*,\s*\d+)+\s*", re.IGNORECASE | re.ASCII)


def trace_format(name: str) -> TraceFormat:
    """Return the format of that name.

    Raises:
        UnknownNameError: there is none; names the nearest.
    """
    if name not in FORMATS:
        raise UnknownNameError("trace format", name, FORMATS)
    return FORMATS[name]


def format_of_name(path: Path) -> TraceFormat | None:
    """Return the format that a file's name decides, ``.gz`` put aside; None if it says nothing."""
    bare = path.name.lower().removesuffix(".gz")
    return next((known for known in FORMATS.values() if known.suffix and bare.endswith(known.suffix)), None)


def formats_of_line(line: str) -> list[TraceFormat]:
    """Return the formats that a request line could be of."""
    return [known for known in FORMATS.values() if known.looks_like.fullmatch(line)]


def recognised(path: Path, number: int, line: str) -> TraceFormat:
    """Return the one format that a file's first request line can be of.

    Args:
        path: the file, for messages.
        number: the line's number, from 1.
        line: its text.

    Raises:
        TraceFormatError: none, or more than one.
    """
    found = formats_of_line(line)
    if len(found) == 1:
        return found[0]
    shown = repr(line if len(line) <= 60 else line[:60] + "...")
    if found:
        names = " or ".join(repr(known.name) for known in found)
        raise TraceFormatError(
            f"{path}, line {number}: {shown}: can be of format {names}, absolute or relative times. Name the "
            f"format, or rename the file to end in {' or '.join(known.suffix for known in found)}."
        )
    if _ADDRESS_VECTOR.fullmatch(line):
        raise TraceFormatError(
            f"{path}, line {number}: {shown}: an address vector of Ramulator 2 (channel, rank, ...), meaningless "
            f"without that memory's geometry. Expected byte addresses, such as 'LD 0x400140'."
        )
    lines = "; ".join(f"'{known.example}' ({known.name})" for known in FORMATS.values())
    raise TraceFormatError(
        f"{path}, line {number}: {shown}: of no known trace format. Expected a line such as {lines}."
    )
