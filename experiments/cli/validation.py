"""``archgym validate``: agreement with a reference simulator's measured results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.failures import guarded

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
      archgym validate memory --reference ../shared/reference/memory --details details.csv
    """
    from simulators.errors import InvalidInputError, UnknownNameError

    if simulator in ("accelerator", "soc"):
        raise InvalidInputError(
            f"validate {simulator} is not available in this version of archgym; available: {', '.join(VALIDATED)}"
        )
    if simulator not in VALIDATED:
        raise UnknownNameError("simulator to validate", simulator, VALIDATED)
    from experiments.tables import check_writable

    if details is not None:
        check_writable(details)
    raise NotImplementedError
