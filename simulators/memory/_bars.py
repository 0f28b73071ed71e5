"""How closely the memory controller must agree with the reference: the bar of each kind of table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

Limits = tuple[tuple[float, float], ...]
"""Pairs of a share of the rows and the relative error that these may have at most."""


@dataclass(frozen=True)
class Bar:
    """Agreement that a table must reach: ``exact`` is the least share of rows with the makespan to the cycle."""

    exact: float = 0.0
    makespan: Limits = ()
    energy: Limits = ()
    latency: Limits = ()

    def is_met(
        self, rows: int, exact: int, makespan: Sequence[float], energy: Sequence[float], latency: Sequence[float]
    ) -> bool:
        """Return whether ``rows`` compared rows, ``exact`` of them exact, with these relative errors, meet the bar."""
        errors = ((self.makespan, makespan), (self.energy, energy), (self.latency, latency))
        return exact >= self.exact * rows and all(_within(limits, found) for limits, found in errors)

    def text(self) -> str:
        """Return the bar in words."""
        parts = [f"{self.exact:.0%} of rows cycle-exact"] if self.exact else []
        for name in ("makespan", "energy", "latency"):
            parts += [f"{name} within {error:.1%} on {share:.0%} of rows" for share, error in getattr(self, name)]
        return ", ".join(parts)


def _within(limits: Limits, errors: Sequence[float]) -> bool:
    return all(sum(e <= error for e in errors) >= share * len(errors) for share, error in limits)


POWER_DOWN: Final = "power-down"
BARS: Final = {
    "DDR3": Bar(0.99, ((1.0, 0.005),), ((1.0, 0.005),), ((0.99, 0.02),)),
    "DDR4": Bar(0.0, ((0.95, 0.01), (1.0, 0.05)), ((0.95, 0.01), (1.0, 0.05))),
    "LPDDR4": Bar(0.0, ((0.9, 0.02),)),
    "HBM2": Bar(0.0, ((0.9, 0.02),)),
    POWER_DOWN: Bar(0.8, ((0.95, 0.01),), ((0.95, 0.01),)),
}
"""By standard, without power-down, and for tables with power-down."""
