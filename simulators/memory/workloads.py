"""Workloads by name: recorded traces that ship with archgym, synthetic ones, and files of the user's.

* ``recorded/<name>``: the memory accesses of a real program, from ``simulators/memory/data/traces``; beside each
  trace lies the recipe that made it.
* ``synthetic/<generator>?key=value&...``: see :mod:`simulators.memory.synthetic`.
* anything else: the path of a trace file, see :mod:`simulators.memory.trace`. Reading options may stand behind it:
  ``mine.trace?format=ramulator-dram&interval=4``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from simulators.errors import InvalidInputError, UnknownNameError
from simulators.memory._trace_paths import trace_path
from simulators.memory.synthetic import GENERATORS, parse_spec, synthetic_names
from simulators.memory.synthetic import PREFIX as _SYNTHETIC
from simulators.memory.trace import REQUEST_BYTES, Trace, check_addresses, read_stl, read_trace

_RECORDED = "recorded/"
_FOLDER = Path(__file__).parent / "data" / "traces"
_SUFFIX = ".stl.gz"


@dataclass(frozen=True)
class WorkloadSummary:
    """What a trace asks of a memory.

    Attributes:
        name: the trace's name.
        requests: how many requests.
        write_fraction: share of writes, 0..1.
        footprint_bytes: distinct 64-byte lines touched, times 64.
        duration_ns: time of the latest request, from cycle 0.
        offered_gbit_per_s: bits requested per ns of duration (0 if all arrive at cycle 0); DDR3-1600 with
            64 data bits carries at most 102.4.
        row_reuse: share of requests whose bank was last asked for the same row, 0..1, see :func:`row_reuse`:
            the row hits of an open-page controller that keeps the order of arrival.
    """

    name: str
    requests: int
    write_fraction: float
    footprint_bytes: int
    duration_ns: float
    offered_gbit_per_s: float
    row_reuse: float


def workload_names() -> tuple[str, ...]:
    """Return the names of all workloads that ship: recorded ones first, then synthetic ones (defaults)."""
    return _recorded_names() + synthetic_names()


def workload_summary(name: str) -> str:
    """Return one line saying what the named workload is.

    Raises:
        UnknownNameError: ``name`` is not one of :func:`workload_names`.
    """
    if name not in workload_names():
        raise UnknownNameError("workload", name, workload_names())
    if name.startswith(_SYNTHETIC):
        return GENERATORS[name.removeprefix(_SYNTHETIC)].summary
    return str(recipe(name)["summary"])


def recipe(name: str) -> Mapping[str, Any]:
    """Return the recipe of a recorded workload: command, versions, caches, window, digest.

    Raises:
        UnknownNameError: ``name`` is no recorded workload.
    """
    if name not in _recorded_names():
        raise UnknownNameError("recorded workload", name, _recorded_names())
    content: dict[str, Any] = json.loads((_FOLDER / f"{name.removeprefix(_RECORDED)}.json").read_text(encoding="utf-8"))
    return content


def load_workload(name_or_path: str, *, clock_mhz: float = 800.0, allow_backwards: bool = False) -> Trace:
    """Return the trace that a name or a path stands for.

    Named workloads are kept in memory (the eight last used); a file is read anew at each call, because it may
    have changed.

    Args:
        name_or_path: a name of :func:`workload_names`, a synthetic specification or the path of a trace file,
            perhaps with options of :func:`simulators.memory.trace.read_trace` behind a ``?``.
        clock_mhz: the memory clock. Cycles of files and synthetic workloads count in it; a recorded workload
            keeps its times in ns and is counted in it.
        allow_backwards: for files only, as in :func:`simulators.memory.trace.read_trace`.

    Raises:
        UnknownNameError: neither a workload nor a file; names the nearest workload.
        TraceFormatError: a file that cannot be read; names file and line.
        InvalidInputError: a synthetic parameter out of range.
    """
    text = str(name_or_path)
    if text.startswith(_SYNTHETIC) or text in _recorded_names():
        return _named(text, clock_mhz)
    file = trace_path(text)
    if not text or not file.path.exists():  # the empty path is the working directory
        raise UnknownNameError(
            "workload", text, workload_names(), f"There is no trace file of that name either (from {Path.cwd()})."
        )
    return read_trace(file.path, clock_mhz, allow_backwards=allow_backwards, **file.options)


def check_workload_fits(trace: Trace, name_or_path: str, capacity_bytes: int) -> None:
    """Check that all addresses of a loaded workload lie inside a memory.

    Args:
        trace: what :func:`load_workload` returned.
        name_or_path: what it was asked for; of a file the message names the line.
        capacity_bytes: size of the memory.

    Raises:
        InvalidInputError: an address beyond it, see :func:`simulators.memory.trace.check_addresses`.
    """
    text = str(name_or_path)
    if text.startswith(_SYNTHETIC) or text in _recorded_names():
        check_addresses(trace, capacity_bytes)
    else:
        file = trace_path(text)
        check_addresses(trace, capacity_bytes, path=file.path, format=file.options.get("format"))


def describe(trace: Trace) -> WorkloadSummary:
    """Return the summary of a trace."""
    footprint = np.unique(trace.address // np.uint64(REQUEST_BYTES)).size * REQUEST_BYTES
    bits = 8.0 * REQUEST_BYTES * len(trace)
    return WorkloadSummary(
        name=trace.name,
        requests=len(trace),
        write_fraction=float(trace.is_write.mean()),
        footprint_bytes=int(footprint),
        duration_ns=trace.duration_ns,
        offered_gbit_per_s=bits / trace.duration_ns if trace.duration_ns else 0.0,
        row_reuse=row_reuse(trace),
    )


def workload_facts(name: str) -> dict[str, Any]:
    """Return what the named workload is (``doc``) and the figures of its summary.

    Raises:
        UnknownNameError: ``name`` is not one of :func:`workload_names`.
    """
    figures = asdict(describe(load_workload(name)))
    del figures["name"]
    return {"doc": workload_summary(name), **figures}


def row_reuse(trace: Trace, *, row_bytes: int = 8192, banks: int = 8) -> float:
    """Return the share of requests whose bank was last asked for the same row.

    Args:
        trace: the requests; the first one of each bank counts as no reuse.
        row_bytes: bytes of a row over the whole channel, lowest address bits (default: 1024 columns of 8 bytes,
            DDR3-1600 with 1 Gb x8 devices).
        banks: banks, the address bits above the columns; the row is what lies above them.

    Raises:
        InvalidInputError: ``row_bytes`` or ``banks`` below 1.
    """
    if row_bytes < 1 or banks < 1:
        raise InvalidInputError(f"row_bytes and banks must be at least 1, got {row_bytes} and {banks}")
    page = trace.address // np.uint64(row_bytes)
    order = np.argsort(page % np.uint64(banks), kind="stable")  # by bank, in each in order of arrival
    # Pages of one bank are equal exactly when their rows are, and pages of two banks never are.
    return float(np.count_nonzero(page[order][1:] == page[order][:-1]) / len(trace))


@lru_cache(maxsize=8)
def _named(name: str, clock_mhz: float) -> Trace:
    if name.startswith(_SYNTHETIC):
        return parse_spec(name).generate(clock_mhz)
    found = recipe(name)
    trace = read_stl(_FOLDER / f"{name.removeprefix(_RECORDED)}{_SUFFIX}", found["clock_mhz"])
    return Trace(name, trace.cycle, trace.is_write, trace.address, trace.clock_mhz).at_clock(clock_mhz)


@lru_cache(maxsize=1)
def _recorded_names() -> tuple[str, ...]:
    return tuple(sorted(_RECORDED + path.name.removesuffix(_SUFFIX) for path in _FOLDER.glob(f"*{_SUFFIX}")))
