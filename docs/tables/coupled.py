"""The generated table of docs/coupled.md: ``python -m docs.tables.coupled`` writes it anew.

A table stands between ``<!-- table: NAME -->`` and ``<!-- end of table -->``. A test compares page and code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from docs.tables.memory_controller import Cell, table, with_tables
from simulators.coupled import CoupledInstance, plant

PAGE: Final = Path(__file__).parents[1] / "coupled.md"
DIALS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
SEEDS: Final = range(5)
DESIGNS: Final = 10_000
"""Random designs of each instance that the variance is split over."""
STARTS: Final = 200
"""Descents in each instance."""


def dial() -> str:
    """Return what the coupling does to problems of the default size, as measured on random designs."""
    rows: list[list[Cell]] = []
    for coupling in DIALS:
        instances = [plant(coupling=coupling, seed=seed) for seed in SEEDS]
        samples = [_sample(instance) for instance in instances]
        costs = np.stack([instance.cost(designs) for instance, designs in zip(instances, samples, strict=True)])
        shares = [
            [main_share(designs, f(cost)) for f in (np.log, np.asarray)]
            for designs, cost in zip(samples, costs, strict=True)
        ]
        best = np.median(costs.reshape(len(instances), -1, 1000).min(axis=2))
        ended = np.mean([descend(instance, STARTS) for instance in instances])
        rows.append(
            [
                f"{coupling:g}",
                *(f"{max(found, 0.0):.3f}" for found in np.mean(shares, axis=0)),
                f"{np.median(costs):.3g}",
                f"{best:.2f}",
                f"{100 * ended:.1f} %",
            ]
        )
    header = ("coupling", "main effects' share of the variance of log(cost)", "of cost", "median cost")
    return table((*header, "best cost of 1000", "descents that end at the best design"), rows)


def main_share(designs: np.ndarray, values: np.ndarray) -> float:
    """Return the share of the variance of ``values`` ``[n]`` that a sum of single effects explains.

    By least squares on designs ``[n, d]``, adjusted for the number of effects: R^2 alone would credit them
    with what they fit by chance.
    """
    levels = int(designs.max()) + 1
    effects = np.eye(levels)[designs][:, :, 1:].reshape(len(designs), -1)
    effects = effects - effects.mean(axis=0)
    centred = values - values.mean()
    residual = centred - effects @ np.linalg.lstsq(effects, centred, rcond=None)[0]
    free = len(values) - 1 - effects.shape[1]
    return float(1.0 - (residual @ residual / free) / (centred @ centred / (len(values) - 1)))


def descend(instance: CoupledInstance, starts: int) -> float:
    """Return the share of descents from random designs, by the best change of one parameter, that end at the best."""
    designs = np.random.default_rng(1).integers(instance.levels, size=(starts, instance.parameters))
    while True:
        changed = np.repeat(designs, instance.parameters * instance.levels, axis=0)
        column, level = np.divmod(np.arange(instance.parameters * instance.levels), instance.levels)
        changed[np.arange(len(changed)), np.tile(column, starts)] = np.tile(level, starts)
        costs = instance.cost(changed).reshape(starts, -1)
        step = changed.reshape(starts, -1, instance.parameters)[np.arange(starts), costs.argmin(axis=1)]
        better = costs.min(axis=1) < instance.cost(designs)
        if not better.any():
            return float((designs == instance.best).all(axis=1).mean())
        designs = np.where(better[:, None], step, designs)


def _sample(instance: CoupledInstance) -> np.ndarray:
    return np.random.default_rng(0).integers(instance.levels, size=(DESIGNS, instance.parameters))


TABLES: Final[Mapping[str, Callable[[], str]]] = {"dial": dial}
"""Tables of docs/coupled.md."""


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), TABLES), encoding="utf-8")
