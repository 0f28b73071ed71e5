"""``archgym run``, ``compare`` and ``report``: run an experiment and read its results."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.cli.failures import FELL_SHORT, Interrupted, guarded, say
from experiments.cli.output import print_json, print_table

if TYPE_CHECKING:
    from experiments.comparison import Comparison
    from experiments.runner import RunSummary

RunDirectories = Annotated[
    list[Path], typer.Argument(metavar="RUN_DIR...", help="Directories that archgym run wrote.", show_default=False)
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of tables.")]
AtOption = Annotated[
    list[int] | None, typer.Option("--at", metavar="N", help="Compare after N evaluations, too (repeatable).")
]
BaselineOption = Annotated[
    str | None, typer.Option("--baseline", metavar="AGENT", help="Agent to test the others against.")
]
ConfidenceOption = Annotated[
    float | None, typer.Option("--confidence", metavar="C", help="Of intervals and verdicts, in (0, 1).")
]


@guarded
def run(
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="A YAML file, or the name of a shipped config.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Override a field of the config (repeatable)."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run stopped.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="DIR", help="Result directory; default results/NAME.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Run an experiment, then compare its agents.

    Every agent searches every problem with every seed under one budget. Nothing computed is lost: interrupt it at any
    time and go on with --resume.

    \b
    Example:
      archgym run quickstart
      archgym run my-config.yaml --set budget=200 --set agents.1.genetic.population=64
      archgym run my-config.yaml --resume
    """
    from experiments.config import load_config
    from experiments.runner import run_experiment

    loaded = load_config(config, settings or [])
    try:
        summary = run_experiment(loaded, output=output, resume=resume)
    except KeyboardInterrupt:
        raise Interrupted(f"resume with: {_resume_command(config, settings or [], output)}") from None
    comparison = _compared([summary.output]) if summary.done else None
    if json:
        data = comparison.to_dict() if comparison else None
        print_json({"summary": summary_dict(summary), "comparison": data})
    else:
        _print_run(summary, comparison)
    if summary.exit_status:
        first = next((f" (first: {name}: {error.strip()})" for name, error in summary.failures.items()), "")
        say(
            f"{summary.total - summary.done} of {summary.total} runs are not done{first}.\n"
            f"Try them again with: {_resume_command(config, settings or [], output)}"
        )
        raise typer.Exit(FELL_SHORT)


def _resume_command(config: str, settings: list[str], output: Path | None) -> str:
    words = ["archgym", "run", config]
    for setting in settings:
        words += ["--set", setting]
    words += ["--output", str(output)] if output is not None else []
    return shlex.join([*words, "--resume"])


def summary_dict(summary: RunSummary) -> dict[str, Any]:
    """Return a run's summary as JSON data."""
    return {**vars(summary), "output": str(summary.output)}


def _print_run(summary: RunSummary, comparison: Comparison | None) -> None:
    if comparison is not None:
        print_table(comparison.render())
    reused = f" ({summary.reused} done before)" if summary.reused else ""
    typer.echo(
        f"\n{summary.done} of {summary.total} runs done{reused}, {summary.evaluations:,} evaluations, "
        f"{duration_text(summary.seconds)}; digest {summary.digest[:16]}"
    )
    directory = shlex.quote(str(summary.output))
    typer.echo(f"Results: {summary.output}")
    typer.echo(f"Next:    archgym report {directory} --output report.html")
    typer.echo(f"         archgym compare {directory} --json")


def duration_text(seconds: float) -> str:
    """Return ``42 s``, ``3 min 5 s`` or ``2 h 10 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s" if whole else f"{seconds:.1f} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _compared(directories: list[Path], **options: Any) -> Comparison:
    from experiments.comparison import compare as compare_results
    from experiments.results import load_results

    return compare_results(load_results(directories), **options)


@guarded
def compare(
    directories: RunDirectories,
    at: AtOption = None,
    baseline: BaselineOption = None,
    confidence: ConfidenceOption = None,
    json: JsonFlag = False,
) -> None:
    """Print statistics and verdicts of finished runs.

    For each problem: who found what, how soon, and which differences are more than luck.

    \b
    Example:
      archgym compare results/quickstart
      archgym compare results/quickstart --at 50 --baseline random_search --json
    """
    comparison = _compared(directories, at=at, baseline=baseline, confidence=confidence)
    if json:
        print_json(comparison.to_dict())
    else:
        print_table(comparison.render())


@guarded
def report(
    directories: RunDirectories,
    output: Annotated[Path, typer.Option("--output", metavar="FILE", help="The HTML page to write.")] = Path(
        "report.html"
    ),
    at: AtOption = None,
    baseline: BaselineOption = None,
    confidence: ConfidenceOption = None,
) -> None:
    """Write one HTML page with plots of finished runs.

    Verdicts, best-so-far curves, distributions, best designs and what was run; the page needs no other file.

    \b
    Example:
      archgym report results/quickstart --output report.html
    """
    from experiments.comparison import compare as compare_results
    from experiments.report import write_report
    from experiments.results import load_results
    from experiments.tables import check_writable

    check_writable(output)
    results = load_results(directories)
    comparison = compare_results(results, at=at, baseline=baseline, confidence=confidence)
    write_report(results, comparison, output)
    typer.echo(f"Report: {output}")
