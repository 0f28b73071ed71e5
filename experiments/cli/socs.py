"""``archgym soc``: simulate one system-on-chip, and say what its blocks and tasks did."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.cli.failures import guarded, say
from experiments.cli.options import SettingsOption, environment_arguments
from experiments.cli.output import print_json, print_table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from simulators.soc.block_use import BlockUse
    from simulators.soc.chip_report import ChipReport


@guarded
def soc(
    chip: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="A description, a design, or a table of designs; or the reference."),
    ] = None,
    workload: Annotated[
        str | None, typer.Option("--workload", metavar="W", help="Task graph: a name, a file, several joined by +.")
    ] = None,
    mode: Annotated[str, typer.Option("--mode", metavar="MODE", help="default or farsi.")] = "default",
    row: Annotated[
        int | None, typer.Option("--row", metavar="N", help="Row of a table of designs, from 0.", min=0)
    ] = None,
    settings: SettingsOption = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE.png", help="Draw it, too (PNG, SVG or PDF).")
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE.yaml", help="Write it as a description, to be edited.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of tables.")] = False,
) -> None:
    """Simulate one system-on-chip: figures against budgets, each task's time, how busy each block is.

    FILE (.yaml, .json) describes a chip (blocks, links, where tasks run and data lies), or holds a design of
    archgym/SoC-v0 as parameter: value. Of a table (.csv, .parquet, .jsonl) one row is the design. Without FILE it is
    the workload's reference design.

    \b
    Example:
      archgym soc chip.yaml --plot chip.png
      archgym soc designs.csv --row 3 --workload audio_decoder --save found.yaml
    """
    from experiments.drawing import picture_kind
    from experiments.soc_designs import load_chip
    from simulators.soc.chip_report import report_chip

    if plot is not None:
        picture_kind(plot)
    description, model = load_chip(chip, row, workload, {"mode": mode, **environment_arguments(settings)})
    report = report_chip(description, model)
    heading = f"{report.graph.name} on {chip or 'the reference design'}{'' if row is None else f', row {row}'}"
    if save is not None:
        from simulators.soc.description_files import write_description

        write_description(report.chip, save, report.graph.name)
    if plot is not None:
        from experiments.soc_figure import write_figure

        write_figure(report, heading, plot)
    if json:
        print_json(_record(report))
    else:
        print_table(_tables(heading, report))
    for what, file in (("description", save), ("picture", plot)):
        if file is not None:
            say(f"{what}: {file}")


def _record(report: ChipReport) -> dict[str, Any]:
    from dataclasses import asdict

    from simulators.soc.description_files import description_document

    return {
        "workload": report.graph.name,
        "mode": report.mode,
        "repairs": list(report.repairs),
        "metrics": dict(report.metrics),
        "budgets": [{**asdict(line), "met": line.met} for line in report.budgets],
        "bottleneck": report.bottleneck,
        "bottlenecks": dict(report.bottlenecks),
        "blocks": [{**asdict(use), "type": use.type.name, "kind": use.type.kind} for use in report.blocks],
        "tasks": {name: asdict(task) for name, task in report.tasks.items()},
        "phases": {"length_s": report.phase_s.tolist(), "power_w": report.phase_w.tolist()},
        "chip": description_document(report.chip, report.graph.name),
    }


def _tables(heading: str, report: ChipReport) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    repairs = "" if report.mode != "default" or not report.repairs else f", repairs: {', '.join(report.repairs)}"
    return Group(
        Text(heading, style="bold"),
        Text(f"mode {report.mode}{repairs}\n", style="dim"),
        _figures(report),
        Text(""),
        _tasks(report),
        Text(""),
        _blocks(report),
        Text(f"\n{_LEGEND}", style="dim"),
    )


_LEGEND = """\
PE: where a task runs; its own: a PE of its name. limit: the block that limited it in its longest phase. use: of a PE \
the share of the makespan in which it works, of memories and buses bytes of the busiest way over what it can move. \
energy is without leakage."""


def _figures(report: ChipReport) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    grid.add_column("figure", no_wrap=True)
    for title in ("value", "budget", "of it"):
        grid.add_column(title, justify="right", no_wrap=True)
    grid.add_column("")
    metrics = report.metrics
    for line in report.budgets:
        verdict = Text("met", style="green") if line.met else Text("exceeded", style="red")
        limit = f"{line.limit:.4g} {line.unit}"
        grid.add_row(Text(line.name), f"{line.value:.4g} {line.unit}", limit, f"{line.value / line.limit:.3g}", verdict)
    if not report.budgets:
        grid.add_row("latency", f"{metrics['latency_ns'] * 1e-6:.4g} ms")
        grid.add_row("peak power", f"{metrics['peak_power_mw']:.4g} mW")
        grid.add_row("area", f"{metrics['area_mm2']:.4g} mm2")
    grid.add_row("average power", f"{metrics['average_power_mw']:.4g} mW")
    grid.add_row("energy", f"{metrics['energy_pj'] * 1e-9:.4g} mJ")
    if "dist_to_goal" in metrics:
        grid.add_row("distance to goal", f"{metrics['dist_to_goal']:.4g}")
    for aim, block in report.bottlenecks.items():
        grid.add_row(f"most {aim}" if aim != "latency" else "limits latency", Text(block))
    return grid


def _tasks(report: ChipReport) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    unit, scale, digits = _time_unit(report)
    grid = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    grid.add_column("task", overflow="fold", max_width=26)
    for title in (f"start, {unit}", f"end, {unit}"):
        grid.add_column(title, justify="right", no_wrap=True)
    grid.add_column("PE", overflow="fold", max_width=16)
    grid.add_column("limit", overflow="fold", max_width=16)
    for name, task in sorted(report.tasks.items(), key=lambda item: (item[1].start_s, item[1].end_s)):
        times = (f"{seconds * scale:.{digits}f}" for seconds in (task.start_s, task.end_s))
        limit = "its PE" if task.limit == task.pe else task.limit
        grid.add_row(Text(name), *times, Text("its own" if task.pe == name else task.pe), Text(limit))
    return grid


def _time_unit(report: ChipReport) -> tuple[str, float, int]:
    """Return a unit, how many of it are a second, and the decimals that give the makespan five digits."""
    from experiments.soc_figure_timeline import time_ticks

    _, unit, scale = time_ticks(report.makespan_s)
    return unit, scale, max(0, 5 - len(f"{report.makespan_s * scale:.0f}"))


def _blocks(report: ChipReport) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    from experiments.soc_figure_blocks import share_text, type_text

    grid = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    grid.add_column("block", overflow="fold", max_width=18)
    grid.add_column("what", overflow="fold", max_width=26)
    for title in ("use", "most held", "mm2", "energy"):
        grid.add_column(title, justify="right", no_wrap=True)
    for use in report.blocks:
        share = use.energy_pj / report.metrics["energy_pj"] if report.metrics["energy_pj"] else 0.0
        row = (share_text(use.utilisation), _held(use), f"{use.area_mm2:.3g}", share_text(share))
        grid.add_row(Text(use.id), Text(type_text(use.type)), *row)
    return grid


def _held(use: BlockUse) -> str:
    from experiments.soc_figure_blocks import size_text

    return size_text(use.peak_bytes) if use.type.is_memory else ""
