"""``archgym list``: environments, agents and workloads."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.cli.failures import guarded
from experiments.cli.output import print_json, print_table

if TYPE_CHECKING:
    from rich.console import RenderableType


THINGS = ("environments", "agents", "workloads")


@guarded
def list_things(
    things: Annotated[str, typer.Argument(metavar="|".join(THINGS), help="What to list.", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="Print JSON, with every detail.")] = False,
) -> None:
    """List the environments, agents or workloads there are.

    Environments come with their spaces, parameters and metrics, agents with their hyperparameters and sweep ranges,
    workloads with what they ask of the simulator.

    \b
    Example:
      archgym list environments
      archgym list agents --json
    """
    from experiments import listing
    from simulators.errors import UnknownNameError

    known = {
        "environments": (listing.list_environments, _environments),
        "agents": (listing.list_agents, _agents),
        "workloads": (listing.list_workloads, _workloads),
    }
    if things not in known:
        raise UnknownNameError("thing to list", things, known)
    entries, render = known[things]
    found = entries()
    if json:
        print_json(found)
    else:
        print_table(render(found))


def _environments(entries: list[dict[str, Any]]) -> RenderableType:
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    parts: list[RenderableType] = []
    for entry in entries:
        parts += [Text(entry["id"], style="bold"), Padding(Text(entry.get("doc", "")), _INDENTED)]
        if "error" in entry:
            parts.append(Padding(Text(f"not usable: {entry['error']}", style="red"), _INDENTED))
            continue
        choices = entry["argument_choices"]
        arguments = [
            f"{name}={value}" + (f" ({'|'.join(map(str, choices[name]))})" if name in choices else "")
            for name, value in entry["arguments"].items()
        ]
        spaces = [f"{s['name']} {_size(s['designs'])} designs of {s['parameters']} parameters" for s in entry["spaces"]]
        metrics = [f"{metric['name']}{_ARROWS[metric['direction']]}" for metric in entry["metrics"]]
        grid = _grid()
        grid.add_row("  arguments", "; ".join(arguments) or "none")
        grid.add_row("  spaces", "\n".join(spaces))
        for parameter in entry["parameters"][:MOST_PARAMETERS]:
            values = ", ".join(f"{v}*" if v == parameter["default"] else str(v) for v in parameter["values"])
            unit = f" {parameter['unit']}" if parameter["unit"] else ""
            grid.add_row(f"  · {parameter['name']}", f"{values}{unit}")
        if len(entry["parameters"]) > MOST_PARAMETERS:
            grid.add_row("  · ...", f"{len(entry['parameters']) - MOST_PARAMETERS} more: --json shows all")
        grid.add_row("  metrics", ", ".join(metrics))
        grid.add_row("  objective", f"{entry['objective_label']} (default)")
        parts += [grid, Text()]
    parts.append(Text("* the reference design's value; ↓ lower is better, ↑ higher is better", style="dim"))
    return Group(*parts)


_INDENTED = (0, 0, 0, 2)
"""Padding of a block: top, right, bottom, left."""
MOST_PARAMETERS = 30
"""Most parameters that the list of environments shows."""


def _size(designs: int) -> str:
    """Return a number of designs: in full up to 20 digits, then as a power of ten."""
    return f"{designs:,}" if designs < 10**20 else f"{Decimal(designs):.1e}".replace("e+", "e")


_ARROWS = {"minimize": " ↓", "maximize": " ↑", "report": ""}


def _grid() -> Any:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="cyan")
    grid.add_column(overflow="fold")
    return grid


def _agents(entries: list[dict[str, Any]]) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = []
    for entry in entries:
        kind = f" ({entry['kind']})" if entry["kind"] else ""
        extra = f", needs archgym[{entry['extra']}]" if entry["extra"] else ""
        parts.append(Text.assemble((entry["name"], "bold"), f"{kind}: {entry['doc']}{extra}"))
        if entry["installed"] and entry["formulations"] != ["one-shot"]:
            parts.append(Text(f"  formulations: {', '.join(entry['formulations'])}", style="dim"))
        if not entry["installed"]:
            parts.append(Text(f"  not installed: {entry['missing']}", style="yellow"))
        grid = _grid()
        for field in entry["hyperparameters"]:
            sweep = f"; sweeps {sweep_text(field['sweep'])}" if field["sweep"] else ""
            grid.add_row(f"  {field['name']}", f"{field['default']}{sweep}")
        parts += [grid, Text()]
    return Group(*parts)


def sweep_text(sweep: dict[str, Any]) -> str:
    """Return a hyperparameter's sweep range in short: ``1e-05..0.01 (log)``, ``one of 8, 16``."""
    if sweep["kind"] == "choice":
        return "one of " + ", ".join(map(str, sweep["values"]))
    logarithmic = sweep["kind"] == "log_uniform" or sweep.get("log")
    return f"{sweep['low']:g}..{sweep['high']:g}" + (" (log)" if logarithmic else "")


def _workloads(entries: list[dict[str, Any]]) -> RenderableType:
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    parts: list[RenderableType] = []
    for environment in dict.fromkeys(entry["environment"] for entry in entries):
        of_this = _folded([entry for entry in entries if entry["environment"] == environment])
        columns = next((columns for key, columns in _COLUMNS.items() if any(key in entry for entry in of_this)), {})
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
        table.add_column("workload", overflow="fold")
        for name in columns:
            table.add_column(name, justify="right", no_wrap=True)
        for entry in of_this:
            if "error" not in entry:
                table.add_row(entry["name"], *(text(entry) for text in columns.values()))
        errors = [Text(f"{e['name'] or 'not usable'}: {e['error']}", style="red") for e in of_this if "error" in e]
        parts += [Text(environment, style="bold"), *([table] if table.row_count else []), *errors, Text()]
    return Group(*parts)


MOST_WORKLOADS = 60
"""Longer lists of workloads are folded by what stands before the slash."""


def _folded(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Fold a long list: ``network/layer`` becomes ``network/... (12 layers: layer, ...)``."""
    if len(entries) <= MOST_WORKLOADS:
        return entries
    families: dict[str, list[str]] = {}
    for entry in entries:
        family, _, rest = str(entry["name"]).partition("/")
        families.setdefault(family, []).append(rest)
    return [
        {"name": f"{family}/... ({len(names)}: {', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"}
        for family, names in families.items()
    ]


def _cell(key: str, text: Callable[[Any], str]) -> Callable[[dict[str, Any]], str]:
    """Return what writes one figure of a workload, or nothing where it has none."""
    return lambda entry: text(entry[key]) if key in entry else ""


def _quantity(value: float) -> str:
    from simulators.accelerator.workloads import quantity

    return quantity(value)


def bytes_text(count: int) -> str:
    """Return a number of bytes with a binary unit: ``1.5 MiB``."""
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.4g} {unit}"
        size /= 1024
    return f"{size:.4g} GiB"


_COLUMNS: dict[str, dict[str, Callable[[dict[str, Any]], str]]] = {
    "requests": {
        "requests": _cell("requests", "{:,}".format),
        "writes": _cell("write_fraction", "{:.0%}".format),
        "footprint": _cell("footprint_bytes", bytes_text),
        "row reuse": _cell("row_reuse", "{:.0%}".format),
    },
    "macs": {
        "layers": _cell("layers", str),
        "distinct": _cell("shapes", str),
        "MACs": _cell("macs", _quantity),
        "weights": _cell("weights", _quantity),
    },
}
"""Columns of the lists of workloads, by a figure that the workloads have."""
