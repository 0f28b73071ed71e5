"""``archgym evaluate``: a table of designs in, a table of metrics out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.failures import guarded, say
from experiments.cli.options import SettingsOption, WorkloadOption, environment_arguments
from experiments.cli.output import progress_bar


@guarded
def evaluate(
    environment: Annotated[str, typer.Argument(metavar="ENV_ID", help="Environment whose simulator evaluates.")],
    designs: Annotated[
        Path, typer.Option("--designs", metavar="FILE", help="Designs: .csv, .csv.gz, .parquet or .jsonl.")
    ],
    output: Annotated[Path, typer.Option("--output", metavar="FILE", help="Metrics: a table, by suffix likewise.")],
    workload: WorkloadOption = None,
    settings: SettingsOption = None,
) -> None:
    """Evaluate a table of designs.

    One row of metrics comes out per design, in order. Any design that the simulator can simulate is evaluated, inside
    a search space or not. Missing columns take the simulator's defaults; unknown columns and impossible values are
    errors.

    \b
    Example:
      archgym evaluate archgym/MemoryController-v0 --designs designs.csv \\
          --workload recorded/sqlite-query --output metrics.csv --set mode=dramsys
    """
    from experiments.evaluate import evaluate_file

    with progress_bar("designs") as progress:
        count, invalid = evaluate_file(
            environment, designs, output, workload, environment_arguments(settings), progress
        )
    say(f"{count} designs evaluated{f', {invalid} of them invalid' if invalid else ''}: {output}")
