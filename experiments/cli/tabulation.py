"""``archgym tabulate``: a whole design space, evaluated once and stored."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.cli.failures import Interrupted, guarded
from experiments.cli.options import SettingsOption, WorkloadOption, environment_arguments
from experiments.cli.output import folded, print_json, print_table, rate_bar

if TYPE_CHECKING:
    from rich.console import RenderableType

    from experiments.landscape import Landscape, ObjectiveLandscape
    from experiments.tabulate import Tabulation

_MOST_POINTS = 8
_LABEL_WIDTH = 18
"""Characters of an objective's words that stand beside five columns of numbers on 80."""
_TABLE_WIDTH, _NUMBER_WIDTH = 80, 11


@guarded
def tabulate(
    environment: Annotated[str, typer.Argument(metavar="ENV_ID", help="Environment whose design space it is.")],
    output: Annotated[Path, typer.Option("--output", metavar="FILE", help="The table: a .parquet file.")],
    workload: WorkloadOption = None,
    settings: SettingsOption = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="PARAMETER=V,V", help="Restrict a parameter to these values (repeatable)."),
    ] = None,
    objectives: Annotated[
        list[str] | None,
        typer.Option("--objective", metavar="SPEC", help="Sum this up too, as in a config: '{minimize: energy_pj}'."),
    ] = None,
    front: Annotated[
        str | None, typer.Option("--front", metavar="METRIC,METRIC", help="Metrics of the Pareto front.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", help="Processes; default: all cores.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted tabulation stopped.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of tables.")] = False,
) -> None:
    """Evaluate a whole design space.

    Every distinct feasible design is evaluated once and stored. Printed are the proven optimum of each objective, the
    Pareto front and how scores are spread; the same goes beside the table as JSON. The table is an environment:
    archgym/Tabular-v0 with table=FILE. Interrupt it at any time and go on with --resume.

    \b
    Example:
      archgym tabulate archgym/MemoryController-v0 --workload recorded/sqlite-query --output all.parquet \\
          --set space=rl --only arbiter=Simple --objective '{meet: {average_power_mw: 1620, makespan_ns: 180000}}'
    """
    from experiments import tabulate as tabulation

    try:
        with rate_bar("designs") as progress:
            done = tabulation.tabulate(
                environment,
                output,
                workload,
                environment_arguments(settings),
                only=_restrictions(only or []),
                objectives=[_objective(text) for text in objectives or []],
                front=[name.strip() for name in front.split(",")] if front is not None else None,
                workers=workers,
                resume=resume,
                progress=progress,
            )
    except KeyboardInterrupt:
        raise Interrupted(f"resume with: {_resume_command()}") from None
    if json:
        print_json(done.to_dict())
    else:
        print_table(_render(done))


def _restrictions(texts: list[str]) -> dict[str, list[Any]]:
    from simulators.errors import InvalidInputError

    found: dict[str, list[Any]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals or not name.strip() or not values.strip():
            raise InvalidInputError(f"--only {text}: expected PARAMETER=VALUE or PARAMETER=VALUE,VALUE")
        found.setdefault(name.strip(), []).extend(value.strip() for value in values.split(","))
    return found


def _objective(text: str) -> dict[str, Any]:
    from experiments.documents import parse_yaml

    found: dict[str, Any] = parse_yaml(text, f"--objective {text}")
    return found


def _resume_command() -> str:
    words = ["archgym", *sys.argv[1:]]
    return shlex.join(words if "--resume" in words else [*words, "--resume"])


def _render(done: Tabulation) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    landscape = done.landscape
    parts: list[RenderableType] = [_counts(landscape), *_optima(landscape), *_spread(landscape), *_front(landscape)]
    parts += [Text(f"Left out: {label}: {why}", style="dim") for label, why in landscape.skipped.items()]
    parts += [Text(f"\nTable:    {done.output}"), Text(f"Summary:  {done.summary}"), Text(f"Checksum: {done.checksum}")]
    return Group(*parts)


def _counts(landscape: Landscape) -> RenderableType:
    from rich.text import Text

    invalid = sum(landscape.invalid.values())
    return Text(
        f"{landscape.points:,} combinations, {landscape.designs:,} distinct feasible designs, "
        f"{invalid:,} of them invalid ({invalid / landscape.designs:.2%}); {landscape.outcomes:,} distinct outcomes"
    )


def _table(title: str, *columns: str) -> tuple[RenderableType, Any]:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for position, name in enumerate(columns):
        justify: Any = "right" if position else "left"
        table.add_column(
            name, justify=justify, overflow="fold", no_wrap=position > 0, min_width=None if position else 12
        )
    return Text(f"\n{title}", style="italic"), table


def _optima(landscape: Landscape) -> list[RenderableType]:
    title, table = _table("Proven optima", "objective", "optimum", "designs", "reference", "better", "local optima")
    for found in landscape.objectives:
        local = "" if found.local_optima is None else f"{found.local_optima:,}"
        better = f"{found.reference_rank / landscape.designs:.2%}"
        values = (f"{found.optimum:.6g}", f"{found.optimal_designs:,}", f"{found.reference:.6g}")
        table.add_row(_label(found), *values, better, local)
    return [title, table, *(_first_design(found) for found in landscape.objectives if found.local_optima is not None)]


def _label(found: ObjectiveLandscape) -> str:
    """Return a product with an arrow for its direction, or the words of a specification."""
    for direction, arrow in (("minimize", "↓"), ("maximize", "↑")):
        if direction in found.objective:
            return folded(f"{found.objective[direction]} {arrow}", _LABEL_WIDTH)
    return folded(found.label, _LABEL_WIDTH)


def _first_design(found: ObjectiveLandscape) -> RenderableType:
    from rich.text import Text

    design = ", ".join(f"{name}={value}" for name, value in found.design.items())
    return Text(f"The first optimal design of {found.label}: {design}")


def _spread(landscape: Landscape) -> list[RenderableType]:
    columns = ("best 5 %", "median", "worst", "in 1 %", "5 %", "10 %")
    title, table = _table("Quantiles of the scores; share of the designs so near the optimum", "objective", *columns)
    for found in landscape.objectives:
        quantiles = [f"{found.quantiles[share]:.4g}" for share in ("0.05", "0.5", "1")]
        table.add_row(_label(found), *quantiles, *(f"{share:.1%}" for share in found.within.values()))
    return [title, table]


def _front(landscape: Landscape) -> list[RenderableType]:
    count, names = len(landscape.front), landscape.front_metrics
    if not count:
        return []
    shown = f"{count} points" if count <= _MOST_POINTS else f"{_MOST_POINTS} of {count} points"
    width = max(_NUMBER_WIDTH, _TABLE_WIDTH // (len(names) + 1) - 2)
    heads = [folded(name, width) for name in names]
    title, table = _table(f"Pareto front over {', '.join(names)}: {shown}", *heads, "designs")
    step = max(1, -(-count // _MOST_POINTS))
    for point in landscape.front[::step]:
        table.add_row(*(f"{value:.6g}" for value in point.metrics.values()), f"{point.designs:,}")
    return [title, table]
