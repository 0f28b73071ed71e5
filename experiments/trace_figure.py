"""The picture of a memory trace: where and when it asks, how hard, and what that means for banks and rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from experiments.figures import SETTINGS
from experiments.tables import replaced_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from simulators.memory.specification import MemorySpecification
    from simulators.memory.trace import Trace
    from simulators.memory.trace_profile import TraceProfile

READ, WRITE, LIMIT = "#0072B2", "#D55E00", "#6B7280"
MOST_POINTS = 40_000
"""Requests that the map shows; of longer traces it shows every k-th."""
_WINDOWS = 150


def write_figure(trace: Trace, memory: MemorySpecification, profile: TraceProfile, output: Path) -> None:
    """Write the picture of a trace to ``output`` (PNG, or what the suffix says: SVG, PDF).

    Raises:
        InvalidInputError: the file cannot be written, or its suffix is of no picture.
    """
    from simulators.errors import InvalidInputError

    kind = output.suffix.lower().removeprefix(".")
    if kind not in ("png", "svg", "pdf"):
        raise InvalidInputError(f"cannot write {output}: expected a name that ends in .png, .svg or .pdf")
    figure = draw(trace, memory, profile)
    with replaced_file(output) as temporary:
        figure.savefig(temporary, format=kind, dpi=130)


def draw(trace: Trace, memory: MemorySpecification, profile: TraceProfile) -> Figure:
    """Return the picture: addresses over time, bandwidth over time, banks, and runs to one row."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(SETTINGS):
        figure = Figure(figsize=(10.0, 9.4), layout="constrained")
        grid = figure.add_gridspec(3, 2, height_ratios=(1.35, 0.85, 0.9), hspace=0.06, wspace=0.04)
        above = figure.add_subplot(grid[0, :])
        scale, unit = _time_unit(trace.duration_ns)
        _map(above, trace, scale)
        _bandwidth(figure.add_subplot(grid[1, :], sharex=above), trace, profile, scale, unit)
        _banks(figure.add_subplot(grid[2, 0]), trace, memory)
        _runs(figure.add_subplot(grid[2, 1]), trace, memory)
        figure.suptitle(_headline(profile), x=0.012, ha="left", fontsize=11.5, fontweight="bold", color="#111827")
    return figure


def _headline(profile: TraceProfile) -> str:
    load = "" if profile.offered_load is None else f", {profile.offered_load:.0%} of the peak bandwidth"
    name = profile.name if len(profile.name) <= 48 else profile.name[:47] + "…"
    return f"{name} on {profile.memory}: {profile.requests:,} requests, {profile.write_fraction:.0%} writes{load}"


def _time_unit(duration_ns: float) -> tuple[float, str]:
    return (1.0, "ns") if duration_ns < 2e3 else (1e3, "µs") if duration_ns < 2e6 else (1e6, "ms")


def _map(axes: Axes, trace: Trace, scale: float) -> None:
    step = -(-len(trace) // MOST_POINTS)
    address = trace.address[::step] / float(1 << 20)
    time = trace.cycle[::step] * (1000.0 / trace.clock_mhz / scale)
    is_write = trace.is_write[::step]
    size = float(np.clip(30_000 / len(address), 1.2, 12.0))
    for mine, colour, label in ((~is_write, READ, "read"), (is_write, WRITE, "write")):
        axes.scatter(time[mine], address[mine], s=size, c=colour, label=label, alpha=0.7, linewidths=0, rasterized=True)
    axes.set_title("Where it asks" + (f" (every {step}th request)" if step > 1 else ""), color="#111827")
    axes.set_ylabel("address, MiB")
    axes.tick_params(labelbottom=False)
    duration = trace.duration_ns / scale or 1.0
    axes.set_xlim(-0.008 * duration, 1.008 * duration)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, markerscale=4, borderaxespad=0.1)


def _bandwidth(axes: Axes, trace: Trace, profile: TraceProfile, scale: float, unit: str) -> None:
    axes.set_title("How hard", color="#111827")
    axes.set_xlabel(f"time, {unit}")
    if not trace.duration_ns:
        axes.text(0.5, 0.5, "all requests come at cycle 0", ha="center", transform=axes.transAxes, color=LIMIT)
        return
    window = _round_window(trace.duration_ns / _WINDOWS, 1000.0 / trace.clock_mhz)
    which = (trace.cycle * (1000.0 / trace.clock_mhz / window)).astype(np.int64)
    whole = max(1, int(trace.duration_ns // window))  # a last window cut short is not drawn
    rate = 8.0 * profile.burst_bytes / window
    edges = np.arange(whole + 1) * window / scale
    reads = np.bincount(which[~trace.is_write], minlength=whole)[:whole] * rate
    total = np.bincount(which, minlength=whole)[:whole] * rate
    axes.stairs(reads, edges, fill=True, color=READ, alpha=0.85)
    axes.stairs(total, edges, baseline=reads, fill=True, color=WRITE, alpha=0.85)
    axes.axhline(profile.peak_gbit_per_s, color=LIMIT, linewidth=1.2, linestyle=(0, (5, 2)))
    axes.annotate(
        f"peak {profile.peak_gbit_per_s:g}",
        (1, profile.peak_gbit_per_s),
        xycoords=("axes fraction", "data"),
        xytext=(-2, 3),
        textcoords="offset points",
        ha="right",
        color="#374151",
        fontsize=9.5,
    )
    axes.set_ylim(0, 1.12 * max(profile.peak_gbit_per_s, float(np.percentile(total, 99.5))))
    axes.set_ylabel("offered, Gbit/s")
    length = f"{window:g} ns" if window < 1000 else f"{window / 1000:g} µs"
    axes.set_title(f"How hard (windows of {length})", color="#111827")


def _round_window(ns: float, cycle_ns: float) -> float:
    """Return the next of 1, 2, 5, 10, 20 ... ns from ``ns`` and four cycles on."""
    wanted = max(ns, 4 * cycle_ns)
    power = 10.0 ** np.floor(np.log10(wanted))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= wanted * (1 - 1e-9)))


def _banks(axes: Axes, trace: Trace, memory: MemorySpecification) -> None:
    bank, _ = memory.decode(trace.address)
    banks = memory.organisation.banks
    reads = np.bincount(bank[~trace.is_write], minlength=banks) * 100.0 / len(trace)
    writes = np.bincount(bank[trace.is_write], minlength=banks) * 100.0 / len(trace)
    place = np.arange(banks)
    axes.bar(place, reads, 0.8, color=READ)
    axes.bar(place, writes, 0.8, bottom=reads, color=WRITE)
    axes.axhline(100.0 / banks, color=LIMIT, linewidth=1.2, linestyle=(0, (5, 2)))
    axes.set_title("Which banks (dashed: all alike)", color="#111827")
    axes.set_xlabel("bank")
    axes.set_ylabel("share of requests, %")
    if banks <= 16:
        axes.set_xticks(place)
    axes.grid(axis="x", visible=False)


def _runs(axes: Axes, trace: Trace, memory: MemorySpecification) -> None:
    from simulators.memory.trace_profile import row_runs

    lengths = row_runs(trace, memory)
    share, labels = run_shares(lengths)
    place = np.arange(len(labels))
    axes.bar(place, share, 0.8, color="#009E73")
    axes.set_xticks(place, labels, fontsize=9, rotation=30 if len(labels) > 8 else 0)
    axes.set_title("Runs of requests of a bank to one row", color="#111827")
    axes.set_xlabel("length of the run (1: no row hit in order)")
    axes.set_ylabel("share of requests, %")
    axes.grid(axis="x", visible=False)


def run_shares(lengths: NDArray[np.int64]) -> tuple[NDArray[np.float64], list[str]]:
    """Return the share of requests, %, in runs of each class of lengths, and the classes: 1, 2, 3-4, 5-8, 9-16 ..."""
    classes = np.ceil(np.log2(lengths)).astype(np.int64)
    share = np.bincount(classes, weights=lengths) * 100.0 / lengths.sum()
    labels = ["1", "2", *(f"{2 ** (k - 1) + 1}-{2**k}" for k in range(2, len(share)))]
    return share, labels[: len(share)]
