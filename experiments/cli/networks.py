"""``archgym workload``: describe networks of layers, and import them from ONNX models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.cli.failures import guarded, say
from experiments.cli.output import print_json, print_table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from simulators.accelerator.layers import Layer, Network
    from simulators.accelerator.network_tables import NetworkTable
    from simulators.accelerator.onnx_import import ImportedNetwork, OperatorNodes

networks = typer.Typer(name="workload", no_args_is_help=True, rich_markup_mode=None)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of tables.")]


@networks.callback()
def _group() -> None:
    """Describe and import the networks that accelerators execute.

    \b
    Example:
      archgym workload describe 'bert-base?sequence=384'
      archgym workload import model.onnx --output mine.csv --set-dim batch=1
    """


@guarded
def describe(
    workload: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FILE", help="A network's name, a table of layers, network:layer, or several: a+b."
        ),
    ],
    json: JsonOption = False,
) -> None:
    """Say what a network asks of an accelerator.

    Each layer's loop bounds, multiply-accumulates, words of its operands, and multiply-accumulates per word if every
    word moved once.

    \b
    Example:
      archgym workload describe resnet18
      archgym workload describe 'gpt2-decode?context=512&batch=8' --json
      archgym workload describe resnet18:layer2.0.conv2
    """
    tables = _tables(workload)
    if json:
        records = [{"title": table.title, **_record(table.network)} for table in tables]
        print_json(records[0] if len(records) == 1 else {"name": workload, "networks": records})
    else:
        print_table(_described(tables))


def _tables(text: str) -> list[NetworkTable]:
    """Return the networks of a workload with their titles; a layer of a network has none."""
    from simulators.accelerator.network_tables import NetworkTable
    from simulators.accelerator.suites import load_suite
    from simulators.accelerator.workloads import load_network_table

    titles: dict[str, str] = {}

    def load(name: str) -> Network:
        table = load_network_table(name)
        titles[table.network.name] = table.title
        return table.network

    return [NetworkTable(network, titles.get(network.name, "")) for network in load_suite(text, load).networks]


@guarded
def import_model(
    model: Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="The model; its weights are not needed.")],
    output: Annotated[Path, typer.Option("--output", metavar="FILE.csv", help="The table of layers to write.")],
    set_dim: Annotated[
        list[str] | None, typer.Option("--set-dim", metavar="NAME=SIZE", help="Size of a symbolic dimension.")
    ] = None,
    allow_unsupported: Annotated[
        bool, typer.Option("--allow-unsupported", help="Leave operators out that have no layer.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Turn an ONNX model into a table of layers.

    Convolutions (1-D, 2-D) and matrix products become layers. Operators without multiply-accumulates are counted and
    left out; with any other operator nothing is written and the exit status is 1, unless --allow-unsupported.

    \b
    Example:
      archgym workload import model.onnx --output mine.csv --set-dim batch=1
      archgym workload describe mine.csv
    """
    from experiments.tables import check_writable, replaced_file
    from simulators.accelerator.network_tables import network_text
    from simulators.accelerator.onnx_import import import_onnx, summary
    from simulators.errors import ArchgymError, InvalidInputError

    if output.suffix.lower() != ".csv":
        raise InvalidInputError(f"{output}: a table of layers is a .csv file; choose another --output")
    check_writable(output)
    found = import_onnx(model, _dimensions(set_dim or []))
    written = allow_unsupported or not found.unsupported
    if written:
        with replaced_file(output) as temporary:
            temporary.write_text(network_text(found.network, f"{model.stem}, imported"), encoding="utf-8")
    if json:
        print_json({"output": str(output) if written else None, **_imported_record(found)})
    else:
        print_table(_imported_table(found))
    if not written:
        raise ArchgymError(
            f"{model}: operators that have no layer: {summary(found.unsupported)}. "
            "Nothing is written; leave them out with --allow-unsupported."
        )
    say(f"network: {output}; use it with --workload {output}")


def _dimensions(texts: list[str]) -> dict[str, int]:
    from simulators.errors import InvalidInputError

    found = {}
    for text in texts:
        name, equals, size = text.rpartition("=")
        if not equals or not name or not (size.isascii() and size.isdecimal() and len(size) <= 12):
            raise InvalidInputError(f"--set-dim {text}: expected NAME=SIZE such as batch=1")
        if name in found:
            raise InvalidInputError(f"--set-dim {text}: {name} is given twice")
        found[name] = int(size)
    return found


def _record(network: Network) -> dict[str, Any]:
    layers = [_layer_record(layer, count) for layer, count in zip(network.layers, network.counts, strict=True)]
    totals = {key: sum(row[key] * row["count"] for row in layers) for key in ("macs", "weights", "inputs", "outputs")}
    return {
        "name": network.name,
        "source": network.source,
        "digest": network.digest,
        "distinct_shapes": len(network.distinct),
        "executions": sum(network.counts),
        **totals,
        "macs_per_word": _intensity(totals),
        "layers": layers,
    }


def _layer_record(layer: Layer, count: int) -> dict[str, Any]:
    from simulators.accelerator.network_tables import SIZES

    words = {key: getattr(layer, key) for key in ("macs", "weights", "inputs", "outputs")}
    sizes = {field: getattr(layer, field) for field in SIZES}
    return {"name": layer.name, "count": count, **sizes, **words, "macs_per_word": _intensity(words)}


def _intensity(words: dict[str, int]) -> float:
    return words["macs"] / (words["weights"] + words["inputs"] + words["outputs"])


def _imported_record(found: ImportedNetwork) -> dict[str, Any]:
    def group(operators: tuple[OperatorNodes, ...]) -> list[dict[str, Any]]:
        return [{"operator": o.operator, "count": o.count, "nodes": list(o.nodes)} for o in operators]

    return {
        "unsupported": group(found.unsupported),
        "not_modelled": group(found.not_modelled),
        **_record(found.network),
    }


def shape_text(layer: Layer) -> str:
    """Return a layer's bounds without those that are 1, e.g. ``m64 c3 r7x7 p112x112 /2``.

    ``r`` and ``p`` stand for kernel and output, rows x columns; ``/`` for strides, ``d`` for dilations.
    """
    parts = [f"{bound}{getattr(layer, bound)}" for bound in ("n", "g", "m", "c") if getattr(layer, bound) > 1]
    for sign, rows, columns in (("r", layer.r, layer.s), ("p", layer.p, layer.q)):
        if columns > 1:
            parts.append(f"{sign}{rows}x{columns}")
        elif rows > 1:
            parts.append(f"{sign}{rows}")
    for sign, rows, columns in (
        ("/", layer.stride_h, layer.stride_w),
        ("d", layer.dilation_h, layer.dilation_w),
    ):
        if rows > 1 or columns > 1:
            parts.append(f"{sign}{rows}" if rows == columns else f"{sign}{rows}x{columns}")
    return " ".join(parts) or "1"


_LEGEND = """
Words per execution; the last row sums all executions. /word: MACs per word, each word moved once. Bounds of 1 are \
left out: n batch, g groups, m and c output and input channels of a group, r kernel, p output, / stride, d dilation."""
_ATTENTION = " Of attention's two products, weights are keys and values: no parameters of the network."


def _described(tables: list[NetworkTable]) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from simulators.accelerator.transformers import ACTIVATION_PRODUCTS

    parts: list[RenderableType] = []
    for table in tables:
        network, record = table.network, _record(table.network)
        title = Text.assemble((network.name, "bold"), f": {table.title}" if table.title else "")
        parts += [title, Text(f"{record['source']}\n", style="dim"), _grid(network, record), Text()]
    attention = any(layer.name in ACTIVATION_PRODUCTS for table in tables for layer in table.network.layers)
    legend = _LEGEND.strip() + _ATTENTION * attention
    return Group(*parts, Text(legend, style="dim"))


def _grid(network: Network, record: dict[str, Any]) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    repeated, words = max(network.counts) > 1, ("macs", "weights", "inputs", "outputs")
    grid = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), show_footer=True)
    grid.header_style = grid.footer_style = "bold"
    grid.add_column("layer", footer="all", overflow="fold", max_width=24)
    if repeated:
        grid.add_column("times", footer=f"{record['executions']:,}", justify="right")
    grid.add_column("loop bounds", overflow="fold", max_width=24)
    for key in words:
        title = "MACs" if key == "macs" else key
        grid.add_column(title, footer=short_count(record[key]), justify="right", no_wrap=True)
    grid.add_column("/word", footer=f"{record['macs_per_word']:.1f}", justify="right", no_wrap=True)
    for layer, row in zip(network.layers, record["layers"], strict=True):
        times = [f"{row['count']:,}"] if repeated else []
        numbers = (short_count(row[key]) for key in words)
        grid.add_row(Text(layer.name), *times, shape_text(layer), *numbers, f"{row['macs_per_word']:.1f}")
    return grid


def short_count(count: int) -> str:
    """Return a count with three digits and a decimal prefix, e.g. ``1.81G``."""
    from simulators.accelerator.workloads import quantity

    return quantity(count).replace(" ", "")


def _imported_table(found: ImportedNetwork) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    from simulators.accelerator.onnx_import import summary
    from simulators.accelerator.workloads import quantity

    network = found.network
    layers = f"{len(network.layers)} of {len(network.distinct)} shapes, {quantity(network.macs)} MACs"
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="cyan")
    grid.add_column(overflow="fold")
    for title, text in (
        ("network", f"{network.name}: {network.source}"),
        ("layers", layers),
        ("not modelled", summary(found.not_modelled)),
        ("unsupported", summary(found.unsupported)),
    ):
        grid.add_row(title, Text(text or "nothing"))
    return grid


networks.command("import")(import_model)
networks.command("describe")(describe)
