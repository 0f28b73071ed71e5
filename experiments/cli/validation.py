"""``archgym validate``: agreement with a reference simulator's measured results."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.cli.failures import FELL_SHORT, guarded, say
from experiments.cli.output import print_json, print_table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from simulators.memory.validation import MemoryValidation


VALIDATED = ("memory",)
"""Simulators that have a reference to be compared with."""


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
    from simulators.errors import InvalidInputError, UnknownNameError

    if simulator in ("accelerator", "soc"):
        raise InvalidInputError(
            f"validate {simulator} is not available in this version of archgym; available: {', '.join(VALIDATED)}"
        )
    if simulator not in VALIDATED:
        raise UnknownNameError("simulator to validate", simulator, VALIDATED)
    from experiments.tables import check_writable, replaced_file
    from simulators.memory.validation import validate_memory

    if details is not None:
        check_writable(details)
    found = validate_memory(reference, progress=_say_table)
    if details is not None:
        with replaced_file(details) as temporary:
            found.write_details(temporary)
    if json:
        print_json(found.to_json())
    else:
        print_table(_table(found))
    if details is not None:
        say(f"details: {details}")
    if not found.passed:
        raise typer.Exit(FELL_SHORT)


def _say_table(name: str) -> None:
    say(f"comparing {name}")


def _table(found: MemoryValidation) -> RenderableType:
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    table.add_column("table", overflow="fold")
    for name in ("compared", "exact", "makespan", "energy", "latency", "bar"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in found.tables:
        errors = (row.worst_makespan_error, row.worst_energy_error, row.worst_latency_error)
        bar = {True: "met", False: "missed", None: "-"}[row.met]
        counts = (f"{row.compared}/{row.rows}", str(row.exact) if row.compared else "-")
        style = "red" if row.met is False else "dim" if row.met is None else ""
        table.add_row(row.table, *counts, *map(_error_text, errors), bar, style=style)
    missing = [
        Text(f"{row.table}: {count} rows not compared: {reason}", style="dim")
        for row in found.tables
        for reason, count in row.not_supported.items()
    ]
    legend = Text(
        "exact: rows with the reference's makespan to the cycle; then the largest relative errors", style="dim"
    )
    verdict = Text(f"Bar {'met' if found.passed else 'missed'}: {found.bar}.", style="bold")
    return Group(table, *missing, legend, verdict)


def _error_text(error: float) -> str:
    """Return a relative error in percent; 0 only where there is none."""
    if math.isnan(error):
        return "-"
    return "0" if error == 0 else f"{100 * error:.2g}%"
