"""``archgym validate``: agreement with a reference simulator's measured results."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from experiments.cli.failures import FELL_SHORT, guarded, say
from experiments.cli.output import print_json, print_table

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from simulators.accelerator.validation import AcceleratorValidation
    from simulators.memory.validation import MemoryValidation
    from simulators.soc.validation import SocValidation


VALIDATED = ("memory", "accelerator", "soc")
"""Simulators that have a reference to be compared with."""


class Report(Protocol):
    """What a simulator's validation finds."""

    @property
    def passed(self) -> bool:
        """Whether the bar is met."""

    def to_json(self) -> dict[str, Any]:
        """Return the summary."""

    def write_details(self, path: str | Path) -> None:
        """Write every compared value."""


@guarded
def validate(
    simulator: Annotated[str, typer.Argument(metavar="SIMULATOR", help=f"One of: {', '.join(VALIDATED)}.")],
    reference: Annotated[
        Path, typer.Option("--reference", metavar="DIR", help="Directory of the reference's measured results.")
    ],
    details: Annotated[
        Path | None, typer.Option("--details", metavar="FILE.csv", help="Write every compared value to this table.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of tables.")] = False,
) -> None:
    """Compare a simulator with a reference.

    The reference is a directory of measured results; exit status 1 below the bar of agreement.

    \b
    Example:
      archgym validate memory --reference path/to/reference/memory --details details.csv
    """
    from simulators.errors import UnknownNameError

    if simulator not in VALIDATED:
        raise UnknownNameError("simulator to validate", simulator, VALIDATED)
    from experiments.tables import check_writable, replaced_file

    if details is not None:
        check_writable(details)
    found, table = {"memory": _memory, "accelerator": _accelerator, "soc": _soc}[simulator](reference)
    if details is not None:
        with replaced_file(details) as temporary:
            found.write_details(temporary)
    if json:
        print_json(found.to_json())
    else:
        print_table(table())
    if details is not None:
        say(f"details: {details}")
    if not found.passed:
        raise typer.Exit(FELL_SHORT)


def _memory(reference: Path) -> tuple[Report, Callable[[], RenderableType]]:
    from simulators.memory.validation import validate_memory

    found = validate_memory(reference, progress=_say_table)
    return found, lambda: _memory_tables(found)


def _accelerator(reference: Path) -> tuple[Report, Callable[[], RenderableType]]:
    from simulators.accelerator.validation import validate_accelerator

    found = validate_accelerator(reference, progress=_say_table)
    return found, lambda: _accelerator_tables(found)


def _soc(reference: Path) -> tuple[Report, Callable[[], RenderableType]]:
    from simulators.soc.validation import validate_soc

    found = validate_soc(reference, progress=_say_table)
    return found, lambda: _soc_tables(found)


def _say_table(name: str) -> None:
    say(f"comparing {name}")


def _memory_tables(found: MemoryValidation) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    table = _new_table("table", "compared", "exact", "makespan", "energy", "latency", "bar")
    for row in found.tables:
        errors = (row.worst_makespan_error, row.worst_energy_error, row.worst_latency_error)
        counts = (f"{row.compared}/{row.rows}", str(row.exact) if row.compared else "-")
        table.add_row(row.table, *counts, *map(_error_text, errors), _VERDICTS[row.met], style=_style(row.met))
    missing = _missing((row.table, row.not_supported) for row in found.tables)
    legend = Text(
        "exact: rows with the reference's makespan to the cycle; then the largest relative errors", style="dim"
    )
    verdict = Text(f"Bar {'met' if found.passed else 'missed'}: {found.bar}.", style="bold")
    return Group(table, *missing, legend, verdict)


def _accelerator_tables(found: AcceleratorValidation) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from simulators.accelerator.technology import INTERPOLATION_BAR

    table = _new_table("table", "compared", "agree", "values", "counts", "energy", "bar")
    for row in found.tables:
        errors = (row.worst_error, row.worst_energy_error)
        counts = (f"{row.compared}/{row.rows}", *(str(n) if row.compared else "-" for n in (row.agreeing, row.values)))
        table.add_row(row.table, *counts, *map(_error_text, errors), _VERDICTS[row.met], style=_style(row.met))
    held_out = _new_table("SRAM sizes left out", "metric", f"within {INTERPOLATION_BAR:.0%}", "largest error", "at")
    for left in found.held_out:
        size = f"{left.worst_size_bytes // 1024} kB"
        shares = (f"{left.within_bar}/{left.sizes}", f"{left.worst_error:+.1%}", size)
        held_out.add_row(f"{left.node_nm} nm", left.metric, *shares)
    missing = _missing((row.table, row.not_supported) for row in found.tables)
    legend = Text(
        "agree: rows with every value within the bar; counts: largest relative error of what must be equal; "
        "energy: of what has a tolerance. SRAM sizes left out: no part of the bar.",
        style="dim",
    )
    verdict = Text(f"Bar {'met' if found.passed else 'missed'}: {found.bar}.", style="bold")
    return Group(table, *missing, Text(), held_out, legend, verdict)


def _soc_tables(found: SocValidation) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    table = _new_table("table", "compared", "agree", "values", "largest error", "at row", "bar")
    for row in found.tables:
        counts = (f"{row.compared}/{row.rows}", *(str(n) if row.compared else "-" for n in (row.agreeing, row.values)))
        worst = (_error_text(row.worst_error), str(row.worst_row) if row.worst_error > 0 else "-")
        table.add_row(row.table, *counts, *worst, _VERDICTS[row.met], style=_style(row.met))
    missing = _missing((row.table, row.not_supported) for row in found.tables)
    legend = Text(
        "agree: rows with every value as close as the bar says; farsi_rows/own: latencies of designs whose buses we "
        "pruned and whose tasks we ordered",
        style="dim",
    )
    verdict = Text(f"Bar {'met' if found.passed else 'missed'}: {found.bar}.", style="bold")
    return Group(table, *missing, legend, verdict)


_VERDICTS = {True: "met", False: "missed", None: "-"}


def _style(met: bool | None) -> str:
    return "red" if met is False else "dim" if met is None else ""


def _new_table(first: str, *numbers: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    table.add_column(first, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _missing(tables: Iterable[tuple[str, Any]]) -> list[Text]:
    from rich.text import Text

    return [
        Text(f"{name}: {count} row{'s' if count != 1 else ''} not compared: {reason}", style="dim")
        for name, reasons in tables
        for reason, count in reasons.items()
    ]


def _error_text(error: float) -> str:
    """Return a relative error in percent; 0 only where there is none."""
    if math.isnan(error):
        return "-"
    return "0" if error == 0 else f"{100 * error:.2g}%"
