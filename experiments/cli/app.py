"""The commands of ``archgym``, as thin shells: each parses its words, calls one function and prints what it returns.

Everything heavy is imported inside the commands, so that ``archgym --help`` answers at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from experiments.cli import catalogue, designs, experiment, mappings, networks, socs, tabulation, traces, validation
from experiments.cli.compiling import notes_compiling
from experiments.cli.failures import INTERRUPTED

app = typer.Typer(
    name="archgym",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"archgym {version('archgym')}")
        except PackageNotFoundError:
            typer.echo("archgym (not installed: running from a checkout)")
        raise typer.Exit


@app.callback()
def archgym(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Search hardware design spaces with fairly compared agents.

    \b
    Example:
      archgym run quickstart
      archgym report results/quickstart --output report.html

    Every command explains itself with --help. Exit status: 0 done, 1 fell short or failed, 2 wrong usage.
    """


app.command("list")(catalogue.list_things)
app.command("run")(notes_compiling(experiment.run))
app.command("compare")(experiment.compare)
app.command("report")(experiment.report)
app.command("evaluate")(notes_compiling(designs.evaluate))
app.command("tabulate")(notes_compiling(tabulation.tabulate))
app.command("validate")(notes_compiling(validation.validate))
app.command("mapping")(notes_compiling(mappings.mapping))
app.command("soc")(notes_compiling(socs.soc))
app.add_typer(traces.traces)
app.add_typer(networks.networks)


def main() -> None:
    """Run the command line and leave with its exit status."""
    try:
        app(prog_name="archgym")
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
