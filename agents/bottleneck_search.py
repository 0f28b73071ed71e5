"""Local search that is led to the bottleneck, in the spirit of FARSI's exploration of systems on chip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel

from agents.annealing import AnnealingHyperparameters, SimulatedAnnealing
from agents.base import hyperparameter
from agents.operators import woken
from agents.sweeps import LogUniform, Uniform
from simulators import DesignSpace, Evaluation

HINT = "bottleneck"
"""Diagnostic that names, for each design, the group of parameters that limits it most."""


class BottleneckHyperparameters(AnnealingHyperparameters):
    """Hyperparameters of :class:`BottleneckSearch`."""

    moves: float = hyperparameter(
        1.5,
        "Expected number of parameters that a move changes; one is forced. Trap: many make every move a jump.",
        sweep=LogUniform(0.3, 4.0),
        gt=0.0,
    )
    guided: float = hyperparameter(
        0.5,
        "Share of changes made at the group that is the bottleneck; the others in any group. Trap: at 1 the search is "
        "stuck where the bottleneck cannot be helped by itself.",
        sweep=Uniform(0.2, 0.95),
        ge=0.0,
        le=1.0,
    )
    siblings: float = hyperparameter(
        0.3,
        "Share of moves that copy a parameter from its sibling in another group, or tell it apart (merge and split). "
        "Trap: useful only where groups are of a kind.",
        sweep=Uniform(0.0, 0.6),
        ge=0.0,
        le=1.0,
    )


class BottleneckSearch(SimulatedAnnealing):
    """Simulated annealing whose moves start at the bottleneck.

    Where the evaluation says which group of parameters limits a design (``diagnostics["bottleneck"]``: a task, a
    memory, a bus ...), most moves change a parameter of that group, or one of another group whose value names it (a
    task's ``memory`` that is "mem1" belongs to mem1 as well): an ordered parameter by a step (*swap*: a faster or a
    cheaper block), an unordered one to another value (*migrate*: another place for a task or its data), or to its
    sibling's in another group, or away from it (*merge*, *split*). Without such hints all groups are changed alike.
    FARSI accepts any neighbour, by a slip in its test; here a worse one is taken with Metropolis' probability.
    """

    name = "bottleneck_search"
    version = "1"
    citation = "after Boroujerdian et al., FARSI: An Early-stage Design Space Exploration Framework, ACM TECS 22 (2023)"
    Hyperparameters = BottleneckHyperparameters
    hyperparameters: BottleneckHyperparameters

    def __init__(
        self, space: DesignSpace, seed: int, hyperparameters: BaseModel | Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(space, seed, hyperparameters)
        free = space.cardinalities > 1
        groups = {name: [space.column(p) for p in members] for name, members in space.groups().items()}
        self._groups = {name: [c for c in columns if free[c]] for name, columns in groups.items()}
        self._groups = {name: columns for name, columns in self._groups.items() if columns}
        self._names = list(self._groups)
        self._siblings = _siblings(space)
        self._tenants = _tenants(space, self._groups)

    def _hint(self, evaluation: Evaluation | None, row: int) -> str:
        hints = evaluation.diagnostics.get(HINT) if evaluation is not None else None
        return str(hints[row]) if hints is not None else ""

    def _neighbours(self, count: int) -> np.ndarray:
        """Return ``count`` neighbours of the current design, most of them changed at the bottleneck."""
        if not self._names:
            return super()._neighbours(count)
        here = self._current.design[None, :]
        active = self.space.active(here)[0]
        return np.concatenate([woken(self.space, here, self._move(active)[None, :], self.rng) for _ in range(count)])

    def _move(self, active: np.ndarray) -> np.ndarray:
        design = self._current.design.copy()
        for _ in range(max(1, int(self.rng.poisson(self.hyperparameters.moves)))):
            columns = self._columns(active)
            column = columns[int(self.rng.integers(len(columns)))]
            design[column] = self._value(design, column)
        return design

    def _columns(self, active: np.ndarray) -> list[int]:
        """Return the columns to choose from: of the bottleneck, or of any group; those with an effect if there are."""
        hint, current = self._current.hint, self._current.design
        if hint in self._groups and self.rng.random() < self.hyperparameters.guided:
            tenants = [column for column, value in self._tenants[hint] if current[column] == value]
            columns = self._groups[hint] + tenants
        else:
            columns = self._groups[self._names[int(self.rng.integers(len(self._names)))]]
        return [column for column in columns if active[column]] or columns

    def _value(self, design: np.ndarray, column: int) -> int:
        """Return another value for a parameter."""
        siblings = self._siblings[column]
        if siblings and self.rng.random() < self.hyperparameters.siblings:
            taken = design[siblings]
            merged = int(taken[int(self.rng.integers(len(taken)))])
            if merged != design[column]:
                return merged
            apart = np.setdiff1d(np.arange(self.space.cardinalities[column]), taken)
            if len(apart):
                return int(self.rng.choice(apart))
        return self._mutate.value(design, column, self.rng)


def _tenants(space: DesignSpace, groups: Mapping[str, list[int]]) -> dict[str, list[tuple[int, int]]]:
    """Return for each group the (column, index) at which a parameter of another group names it as its value."""
    found: dict[str, list[tuple[int, int]]] = {name: [] for name in groups}
    for column, parameter in enumerate(space.parameters):
        for index, value in enumerate(parameter.values):
            if isinstance(value, str) and value in found and value != parameter.group:
                found[value].append((column, index))
    return found


def _siblings(space: DesignSpace) -> dict[int, list[int]]:
    """Return for each column the columns of other groups with the same values and the same last word of their name."""
    kinds: dict[tuple[Any, ...], list[int]] = {}
    for column, parameter in enumerate(space.parameters):
        kinds.setdefault((parameter.values, parameter.name.rpartition("_")[2]), []).append(column)
    found = {}
    for columns in kinds.values():
        for column in columns:
            own = space.parameters[column].group
            found[column] = [c for c in columns if c != column and space.parameters[c].group != own]
    return found
