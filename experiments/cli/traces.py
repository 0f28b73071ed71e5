"""``archgym trace``: describe, convert and record memory traces."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.cli.catalogue import bytes_text
from experiments.cli.failures import guarded, say
from experiments.cli.output import print_json, print_table
from experiments.cli.recording import record

if TYPE_CHECKING:
    from rich.console import RenderableType

    from simulators.memory.trace import Trace
    from simulators.memory.trace_profile import TraceProfile

traces = typer.Typer(
    name="trace",
    no_args_is_help=True,
    rich_markup_mode=None,
)

FormatOption = Annotated[
    str | None, typer.Option("--format", metavar="NAME", help="Format of the file; else by suffix and content.")
]
IntervalOption = Annotated[
    int | None, typer.Option("--interval", metavar="N", help="Cycles between requests, for formats without time.")
]


@traces.callback()
def _group() -> None:
    """Record, describe and convert memory traces.

    \b
    Example:
      archgym trace record --output mine.stl.gz -- sort big.txt
      archgym trace describe mine.stl.gz --plot mine.png
      archgym trace convert theirs.trace mine.stl.gz
    """


@guarded
def describe(
    workload: Annotated[str, typer.Argument(metavar="FILE|WORKLOAD", help="A trace file or a workload's name.")],
    memory: Annotated[
        str, typer.Option("--memory", metavar="NAME", help="Memory: a name or a specification file.")
    ] = "ddr3-1600",
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE.png", help="Draw it, too (PNG, SVG or PDF).")
    ] = None,
    format: FormatOption = None,
    interval: IntervalOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of tables.")] = False,
) -> None:
    """Say what a trace asks of a memory.

    Read and write mix, footprint, offered bandwidth, burstiness, row hits that are possible, spread over the banks,
    reuse. Cycles of files count in the memory's clock.

    \b
    Example:
      archgym trace describe recorded/sqlite-query --plot sqlite.png
      archgym trace describe theirs.trace --format ramulator-dram --interval 8 --json
    """
    from simulators.memory.specification import load_memory_specification
    from simulators.memory.trace_profile import profile_trace

    specification = load_memory_specification(memory)
    trace = _load(workload, specification.clock_mhz, format, interval)
    profile = profile_trace(trace, specification)
    if plot is not None:
        from experiments.trace_figure import write_figure

        write_figure(trace, specification, profile, plot)
    if json:
        print_json(asdict(profile))
    else:
        print_table(_table(profile))
    for note in notes(trace, profile):
        say(f"note: {note}")
    if plot is not None:
        say(f"picture: {plot}")


@guarded
def convert(
    source: Annotated[str, typer.Argument(metavar="IN", help="A trace file or a workload's name.")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write; .gz packs it.")],
    format: FormatOption = None,
    interval: IntervalOption = None,
    output_format: Annotated[
        str | None, typer.Option("--to", metavar="NAME", help="Format to write; else by OUT's suffix.")
    ] = None,
    clock: Annotated[float, typer.Option("--clock", metavar="MHZ", help="Memory clock that cycles count in.")] = 800.0,
    requests: Annotated[
        int | None, typer.Option("--requests", min=1, metavar="N", help="Keep the first N requests only.")
    ] = None,
) -> None:
    """Write a trace in another format, or a part of it.

    Formats: stl, rstl, dramsim3, ramulator-loadstore, ramulator-dram; read only: ramulator-cpu.

    \b
    Example:
      archgym trace convert theirs.trace mine.stl.gz
      archgym trace convert recorded/xz-compress xz.trace --to dramsim3
      archgym trace convert recorded/neural-network short.stl.gz --requests 10000
    """
    from experiments.tables import check_writable
    from simulators.errors import InvalidInputError
    from simulators.memory.trace import format_of_name, trace_format, write_trace

    if output.exists() and Path(source).exists() and output.samefile(source):
        raise InvalidInputError(f"{output}: this is the trace to read, it would be overwritten; name another file")
    check_writable(output)
    known = trace_format(output_format) if output_format is not None else format_of_name(output)
    if known is None:
        raise InvalidInputError(f"{output}: the name says no format: name one with --to, or use the suffix .stl")
    trace = _load(source, clock, format, interval)
    if requests is not None:
        trace = trace.head(requests)
    write_trace(trace, output, format=known.name)
    lost = "; the format has no times, they are lost" if known.time == "none" else ""
    say(f"{len(trace):,} requests: {output} ({known.name}){lost}")


def _load(text: str, clock_mhz: float, format: str | None, interval: int | None) -> Trace:
    from simulators.errors import InvalidInputError
    from simulators.memory.trace import read_trace
    from simulators.memory.workloads import load_workload

    if format is None and interval is None:
        return load_workload(text, clock_mhz=clock_mhz, allow_backwards=True)
    if not Path(text).exists():
        raise InvalidInputError(f"{text}: no such file; --format and --interval are for files")
    return read_trace(text, clock_mhz, format=format, interval=interval, allow_backwards=True)


def notes(trace: Trace, profile: TraceProfile) -> list[str]:
    """Return what a user should know about a trace before using it."""
    found = []
    if not trace.is_ordered:
        found.append("time goes backwards in places: a late request follows the one before it at once")
    if profile.highest_address >= profile.capacity_bytes:
        found.append(
            f"addresses up to 0x{profile.highest_address:x} lie beyond the {bytes_text(profile.capacity_bytes)} of "
            f"{profile.memory}; here they wrap"
        )
    if profile.offered_load is None:
        found.append("all requests come at cycle 0: they are sent as fast as the controller accepts them")
    return found


def _table(profile: TraceProfile) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    parts: list[RenderableType] = [Text.assemble((profile.name, "bold"), f" on {profile.memory}")]
    for title, rows in _sections(profile).items():
        grid = Table.grid(padding=(0, 2))
        grid.add_column(no_wrap=True, style="cyan", width=22)
        grid.add_column(overflow="fold")
        for name, value in rows:
            grid.add_row(f"  {name}", value)
        parts += [Text(f"\n{title}", style="bold"), grid]
    return Group(*parts)


def _sections(p: TraceProfile) -> dict[str, list[tuple[str, str]]]:
    offered = "all requests at cycle 0"
    if p.offered_gbit_per_s is not None and p.offered_load is not None:
        offered = f"{p.offered_gbit_per_s:.1f} of {p.peak_gbit_per_s:.1f} Gbit/s, {p.offered_load:.0%} of the peak"
    switches = f"{p.direction_switches:.0%} of the requests change direction"
    hits = ", ".join(f"{share:.0%} ({window})" for window, share in p.row_hits_at_most.items())
    return {
        "Requests": [
            ("requests", f"{p.requests:,}"),
            ("writes", f"{p.write_fraction:.1%}; {switches}"),
            ("footprint", f"{bytes_text(p.footprint_bytes)} in {p.pages:,} pages of 4 KiB and {p.rows:,} rows"),
            ("addresses", f"0x{p.lowest_address:x} to 0x{p.highest_address:x}"),
            ("reuse", _reuse_text(p)),
        ],
        "Time": [
            ("duration", f"{p.duration_ns / 1000:,.1f} us at {p.clock_mhz:g} MHz"),
            ("offered", offered),
            ("gaps, cycles", "median {:.0f}, 90 % {:.0f}, 99 % {:.0f}, longest {:.0f}".format(*p.gap_cycles)),
            ("late", f"{p.late_fraction:.1%} must wait, since one request leaves per cycle"),
            *((f"bursts, {b.window_ns:g} ns", _burst_text(b.dispersion, b.peak_to_mean)) for b in p.burstiness),
        ],
        "Rows": [
            ("hits in order", f"{p.row_hits_in_order:.1%} (rows stay open)"),
            ("hits at most", f"{hits}: so many may be reordered"),
            ("hits, limit", f"{p.row_hits_limit:.1%} (any order)"),
            ("runs to a row", f"mean {p.run_length_mean:.1f}, longest {p.run_length_longest:,}"),
        ],
        "Banks": [
            ("share, %", " ".join(f"{100 * share:.1f}" for share in p.bank_share)),
            ("largest", f"{p.bank_largest_share:.1%}; all alike would be {1 / len(p.bank_share):.1%} each"),
            ("evenness", f"{p.bank_entropy:.3f} (entropy; 1 is even)"),
        ],
    }


def _burst_text(dispersion: float, peak_to_mean: float) -> str:
    return f"dispersion {dispersion:.2f} (Poisson 1), peak {peak_to_mean:.1f} x the mean"


def _reuse_text(p: TraceProfile) -> str:
    if p.reuse_distance_median is None:
        return "no line is asked for twice"
    return (
        f"{p.reused_fraction:.1%} to lines asked for before, "
        f"{p.reuse_distance_median:,.0f} other lines in between (median)"
    )


traces.command("record", context_settings={"allow_interspersed_args": False})(record)
traces.command("describe")(describe)
traces.command("convert")(convert)
