"""Metrics: the named, united, directed numbers that a simulator reports for a design."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from simulators.errors import InvalidInputError

Direction = Literal["minimize", "maximize", "report"]


@dataclass(frozen=True)
class Metric:
    """One figure of merit.

    Attributes:
        name: carries its unit, e.g. ``energy_pj``, ``makespan_ns``, ``bandwidth_gbit_per_s``.
        unit: the unit again for tables and axes; ``"1"`` for counts and ratios.
        direction: which way is better; ``"report"`` for figures that are neither (a count).
        doc: one sentence saying what is measured, from where to where.
    """

    name: str
    unit: str
    direction: Direction = "minimize"
    doc: str = ""

    def __post_init__(self) -> None:
        if self.direction not in ("minimize", "maximize", "report"):
            raise InvalidInputError(
                f"metric {self.name!r}: direction must be 'minimize', 'maximize' or 'report', got {self.direction!r}"
            )
