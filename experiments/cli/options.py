"""Options that several commands share, and the arguments of an environment that they stand for."""

from __future__ import annotations

from typing import Annotated, Any

import typer

WorkloadOption = Annotated[
    str | None, typer.Option("--workload", metavar="W", help="A workload's name or file (archgym list workloads).")
]
SettingsOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="An argument of the environment (mode, memory, space ...)."),
]


def environment_arguments(settings: list[str] | None) -> dict[str, Any]:
    """Return what ``--set KEY=VALUE`` says, as keyword arguments of an environment."""
    from experiments.overrides import apply_overrides

    arguments: dict[str, Any] = apply_overrides({}, settings or [])
    return arguments
