"""``archgym mapping``: map a layer or a network onto an accelerator, and say what the mapping does."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.cli.failures import guarded, say
from experiments.cli.networks import shape_text, short_count
from experiments.cli.output import print_json, print_table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from simulators.accelerator.architecture import Architecture
    from simulators.accelerator.layers import Network
    from simulators.accelerator.mapping_report import MappingReport
    from simulators.accelerator.mapping_tiles import Loop

_Found = list[tuple["MappingReport", int, bool]]
"""Of each distinct layer: its mapping, how often it is executed, whether it is certified."""


@guarded
def mapping(
    workload: Annotated[
        str, typer.Argument(metavar="WORKLOAD", help="network:layer, a network, or a table of layers.")
    ],
    hardware: Annotated[
        str, typer.Option("--hardware", metavar="NAME|FILE", help="Accelerator: a name or a file of parameters.")
    ] = "eyeriss",
    objective: Annotated[str, typer.Option("--objective", metavar="AIM", help="edp, energy or latency.")] = "edp",
    mode: Annotated[str, typer.Option("--mode", metavar="MODE", help="default or timeloop.")] = "default",
    effort: Annotated[str, typer.Option("--effort", metavar="EFFORT", help="quick, normal or thorough.")] = "normal",
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE.png", help="Draw it, too (PNG, SVG or PDF); one layer only.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of tables.")] = False,
) -> None:
    """Find a mapping of a layer, or of each layer of a network.

    Of one layer: the loop nest, what each level reads and writes, cycles, energy. Of a network: one line for each
    distinct layer. Hardware: eyeriss, nvdla-like, shidiannao-like, edge, cloud, or a YAML or JSON file.

    \b
    Example:
      archgym mapping resnet18:layer2.0.conv2 --plot mapping.png
      archgym mapping mobilenet-v2 --hardware edge --objective energy
    """
    from simulators.accelerator.mapping_simulator import LayerMapping

    architecture = LayerMapping(hardware, mode).architecture
    network = load_layers(workload)
    single = len(network.distinct) == 1
    if plot is not None:
        _check_plot(plot, workload, network, single)
    found = _map(network, architecture, objective, mode, effort)
    heading = f"{network.name} on {architecture.name}"
    if plot is not None:
        from experiments.mapping_figure import write_figure

        write_figure(found[0][0], f"{heading}, mapped for {objective}", plot)
    if json:
        settings = {"hardware": hardware, "mode": mode, "objective": objective, "effort": effort}
        print_json({"workload": network.name, **settings, "layers": [_record(*layer) for layer in found]})
    elif single:
        print_table(_one_layer(heading, objective, found[0][0], found[0][2]))
    else:
        print_table(_whole_network(heading, objective, found))
    if plot is not None:
        say(f"picture: {plot}")


def load_layers(text: str) -> Network:
    """Return a network, or the network of one of its layers: ``network:layer`` or ``network/layer``.

    Raises:
        UnknownNameError: no such network, file or layer.
        InvalidInputError: a file that cannot be read, or several networks.
    """
    from simulators.accelerator.coded import single_network
    from simulators.accelerator.suites import load_suite
    from simulators.accelerator.workloads import load_network

    return single_network(load_suite(text, load_network))


def _check_plot(plot: Path, workload: str, network: Network, single: bool) -> None:
    from experiments.drawing import picture_kind
    from simulators.errors import InvalidInputError

    picture_kind(plot)
    if not single:
        first = network.distinct[0][0].name
        raise InvalidInputError(
            f"--plot draws one layer, and {network.name} has {len(network.distinct)} different ones; "
            f"choose one, such as {workload}:{first}"
        )


def _map(network: Network, architecture: Architecture, objective: str, mode: str, effort: str) -> _Found:
    from simulators.accelerator.mapper import map_layer
    from simulators.accelerator.mapping_report import report_mapping

    found = []
    for layer, count in network.distinct:
        mapped = map_layer(layer, architecture, objective, mode, effort)
        found.append((report_mapping(layer, mapped.mapping, architecture, mode), count, mapped.certified))
    return found


# ---- one layer ------------------------------------------------------------------------------------------


def _record(report: MappingReport, count: int, certified: bool) -> dict[str, Any]:
    record = asdict(report)
    layer = record.pop("layer")
    return {
        "name": layer.pop("name"),
        "count": count,
        "shape": layer,
        "macs": report.layer.macs,
        "certified": certified,
        "utilisation": report.utilisation,
        "compulsory_dram_words": report.compulsory_dram_words,
        **record,
    }


def _one_layer(heading: str, objective: str, report: MappingReport, certified: bool) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    layer = report.layer
    title = Text.assemble((heading, "bold"), f": {shape_text(layer)}, {short_count(layer.macs)} MACs")
    aim = Text(f"mode {report.mode}, mapped for {objective}\n", style="dim")
    return Group(title, aim, Text(loop_nest(report)), Text(""), _traffic(report), Text(""), _totals(report, certified))


def loop_nest(report: MappingReport) -> str:
    """Return the loop nest, outermost loop first, each level's name beside its first loop; at most 80 columns."""
    places: list[tuple[str, tuple[Loop, ...], str]] = [(use.name, use.loops, "for") for use in report.levels]
    places[2:2] = [("columns", report.columns, "parallel for"), ("rows", report.rows, "parallel for")]
    lines: list[str] = []
    for name, loops, word in places:
        for number, loop in enumerate(loops):
            label = name if number == 0 else ""
            star = "" if loop.even else " *"
            indent = " " * min(len(lines), 36)
            lines.append(f"{label[:12]:13}{indent}{word} {loop.dimension.lower()} in 0..{loop.steps - 1}{star}")
    return "\n".join([*lines, f"{'MAC':13}{' ' * min(len(lines), 36)}multiply-accumulate"])


_LEGEND = """\
Words of all PEs together. tile: words of one instance's tile; used: their share of its storage. fills come from \
outside, updates from inside. *: some steps are smaller, or PEs idle."""


def _traffic(report: MappingReport) -> RenderableType:
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    grid.add_column("level", no_wrap=True)
    grid.add_column("tensor", no_wrap=True)
    for title in ("tile", "used", "reads", "fills", "updates", "uJ", "share"):
        grid.add_column(title, justify="right", no_wrap=True)
    for level in report.levels:
        for number, use in enumerate(level.tensors):
            used = f"{use.tile_words / level.capacity_words:.0%}" if math.isfinite(level.capacity_words) else ""
            words = [short_count(round(count)) for count in (use.reads, use.fills, use.updates)]
            energy = _energy(use.energy_pj, report)
            grid.add_row(
                level.name if number == 0 else "", use.tensor, short_count(use.tile_words), used, *words, *energy
            )
    grid.add_row("MAC", "", "", "", "", "", "", *_energy(report.mac_energy_pj, report))
    return grid


def _energy(energy_pj: float, report: MappingReport) -> tuple[str, str]:
    share = energy_pj / report.energy_pj if report.energy_pj else 0.0
    return _microjoules(energy_pj), f"{share:.1%}"


def _totals(report: MappingReport, certified: bool) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="cyan")
    grid.add_column(overflow="fold")
    limit = f"limited by {report.limit} bandwidth" if report.limit else "limited by the PEs"
    least = report.compulsory_dram_words
    for title, text in (
        ("cycles", f"{report.cycles:,.0f}, {limit}; {report.compute_cycles:,.0f} at any bandwidth"),
        ("utilisation", f"{report.utilisation:.1%}; {report.pes:.6g} of {report.array_pes} PEs work"),
        ("energy", f"{_microjoules(report.energy_pj)} uJ, {report.energy_pj / report.layer.macs:.3g} pJ per MAC"),
        ("DRAM", f"{short_count(round(report.dram_words))} words, {report.dram_words / least:.2f} of the least"),
        ("certified", "yes, every mapping was tried" if certified else "no, the best that the search found"),
    ):
        grid.add_row(title, Text(text))
    return Group(grid, Text(f"\n{_LEGEND}", style="dim"))


# ---- a network ------------------------------------------------------------------------------------------


def _whole_network(heading: str, objective: str, found: _Found) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    first = found[0][0]
    title = Text.assemble((heading, "bold"), f", {first.array_pes} PEs")
    aim = Text(f"mode {first.mode}, each layer mapped for {objective}\n", style="dim")
    note = (
        "\nCycles and energy of one execution; the last row sums all. util: MACs over cycles times PEs. limit: whose "
        "bandwidth limits, PE if none does. certified: every mapping was tried."
    )
    return Group(title, aim, _grid(found), Text(note, style="dim"))


def _grid(found: _Found) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    cycles = sum(report.cycles * count for report, count, _ in found)
    energy = sum(report.energy_pj * count for report, count, _ in found)
    macs = sum(report.layer.macs * count for report, count, _ in found)
    grid = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), show_footer=True)
    grid.header_style = grid.footer_style = "bold"
    grid.add_column("layer", footer="all", overflow="fold", max_width=24)
    grid.add_column("times", footer=f"{sum(count for _, count, _ in found):,}", justify="right")
    grid.add_column("cycles", footer=f"{cycles:,.0f}", justify="right", no_wrap=True)
    grid.add_column("util", footer=f"{macs / (cycles * found[0][0].array_pes):.1%}", justify="right", no_wrap=True)
    grid.add_column("uJ", footer=_microjoules(energy), justify="right", no_wrap=True)
    grid.add_column("limit", no_wrap=True)
    grid.add_column("certified", footer=str(sum(certified for _, _, certified in found)))
    for report, count, certified in found:
        row = (f"{count:,}", f"{report.cycles:,.0f}", f"{report.utilisation:.1%}", _microjoules(report.energy_pj))
        grid.add_row(Text(report.layer.name), *row, report.limit or "PE", "yes" if certified else "no")
    return grid


def _microjoules(energy_pj: float) -> str:
    from experiments.mapping_figure import microjoules

    return microjoules(energy_pj)
