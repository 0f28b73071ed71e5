"""The conformance suite of simulators."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from archgym_envs._conformance import require, require_refusal, require_sound, same, stage
from simulators import Input, InvalidInputError, Metric, Simulator, UnknownNameError

_NONSENSE = "no such thing as this"
_DIRECTIONS = ("minimize", "maximize", "report")

Table = Mapping[str, Sequence[object] | np.ndarray]


def check_simulator(
    simulator: Simulator, workload: Any, *, columns: Table | None = None, count: int = 16, seed: int = 0
) -> None:
    """Check that a simulator keeps the contract of :class:`simulators.Simulator`.

    Checked are the declarations; shapes, types and the rules for invalid designs; that results are
    the same twice, that a batch is its rows alone, in any order and from several threads; that
    defaults are what missing columns take; that wrong input is refused; that the declared audits
    hold; that inputs, working directory and global random generators are left alone.

    Args:
        simulator: the simulator.
        workload: what its ``load_workload`` returned, or a name or file to give to it.
        columns: designs to check it with; default: ``count`` random ones around the defaults.
        count: how many random designs.
        seed: of the random designs.

    Raises:
        ConformanceError: naming the broken promise and what was seen.
    """
    _check_declarations(simulator)
    if isinstance(workload, str):
        workload = _check_loading(simulator, workload)
    for attribute in ("name", "digest"):
        require(bool(str(getattr(workload, attribute, ""))), f"a workload has a {attribute}", type(workload).__name__)
    designs = columns if columns is not None else sample_columns(simulator, count, np.random.default_rng(seed))
    table = simulator.check_columns(designs)
    size = len(next(iter(table.values())))
    with stage("simulate"):
        _check_side_effects(simulator, table, workload)
        _check_rows(simulator, table, workload, size)
        _check_defaults(simulator, workload)
    _check_refusals(simulator, workload)


def sample_columns(simulator: Simulator, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw ``count`` designs: any choice, or numbers from a quarter to four times the default."""
    return {declared.name: rng.choice(np.array(_values(declared)), size=count) for declared in simulator.inputs}


def _values(declared: Input) -> Sequence[Any]:
    if declared.choices is not None:
        return declared.choices
    low = -np.inf if declared.minimum is None else declared.minimum
    high = np.inf if declared.maximum is None else declared.maximum
    default = float(declared.default)
    scaled = (min(max(default * factor, low), high) for factor in (0.25, 0.5, 1.0, 2.0, 4.0))
    return sorted({int(np.clip(round(x), np.ceil(low), np.floor(high))) if declared.integer else x for x in scaled})


def _check_declarations(simulator: Simulator) -> None:
    who = f"simulator {getattr(simulator, 'name', type(simulator).__name__)!r}"
    for attribute in ("name", "version"):
        value = getattr(simulator, attribute, None)
        require(isinstance(value, str) and value != "", f"{who}: {attribute} is a non-empty string", repr(value))
    inputs, metrics = [i.name for i in simulator.inputs], [m.name for m in simulator.metrics]
    require(bool(inputs) and len(set(inputs)) == len(inputs), f"{who}: inputs have unique names", inputs)
    require(bool(metrics) and len(set(metrics)) == len(metrics), f"{who}: metrics have unique names", metrics)
    for metric in simulator.metrics:
        sound = isinstance(metric, Metric) and metric.direction in _DIRECTIONS and bool(metric.unit)
        require(sound, f"{who}: a metric has a unit and a direction", metric)
    for declared in simulator.inputs:
        with stage(f"{who}: the default of input {declared.name!r} is a value it accepts"):
            declared.check(np.full(1, declared.default))
    with stage(f"{who}: settings() is JSON-serialisable"):
        json.dumps(simulator.settings())


def _check_loading(simulator: Simulator, name: str) -> Any:
    with stage(f"load_workload({name!r})"):
        first, second = simulator.load_workload(name), simulator.load_workload(name)
    require(str(first.digest) == str(second.digest), "a workload loaded twice has one digest", first.digest)
    require_refusal(
        lambda: simulator.load_workload(_NONSENSE), InvalidInputError, "load_workload refuses a name nobody knows"
    )
    return first


def _check_side_effects(simulator: Simulator, table: Mapping[str, np.ndarray], workload: Any) -> None:
    """Evaluate once and look at what else changed; single rows too, since they may take another path."""
    where, states = os.getcwd(), (random.getstate(), str(np.random.get_state()))
    for rows in (slice(None), slice(0, 1)):
        given = {name: column[rows].copy() for name, column in table.items()}
        simulator.evaluate_checked(given, workload)
        for name, column in given.items():
            require(np.array_equal(column, table[name][rows]), "a simulator leaves its input alone", f"changed {name}")
    require(os.getcwd() == where, "a simulator leaves the working directory alone", os.getcwd())
    after = (random.getstate(), str(np.random.get_state()))
    require(after == states, "a simulator leaves the global random generators alone")


def _check_rows(simulator: Simulator, table: Mapping[str, np.ndarray], workload: Any, size: int) -> None:
    names = tuple(metric.name for metric in simulator.metrics)
    batch = simulator.simulate(table, workload)
    require_sound(batch, size, names, "simulate")
    require(same(batch, simulator.simulate(table, workload)), "the same designs give the same results twice")

    def alone(row: int) -> bool:
        single = {name: column[row : row + 1] for name, column in table.items()}
        return same(simulator.simulate(single, workload), batch.take(np.array([row])))

    for row in range(size):
        design = {name: column[row].item() for name, column in table.items()}
        require(alone(row), f"row {row} of a batch equals the batch of row {row} alone", design)
    order = np.random.default_rng(size).permutation(size)
    shuffled = simulator.simulate({name: column[order] for name, column in table.items()}, workload)
    require(same(shuffled, batch.take(order)), "results follow their designs when rows change places")
    with ThreadPoolExecutor(2) as pool:
        require(all(pool.map(alone, range(min(size, 4)))), "results are the same when two threads evaluate at once")


def _check_defaults(simulator: Simulator, workload: Any) -> None:
    explicit = {declared.name: np.full(1, declared.default) for declared in simulator.inputs}
    reference = simulator.simulate(explicit, workload)
    require(same(simulator.simulate({}, workload), reference), "no columns at all mean one design of defaults")
    for declared in simulator.inputs:
        rest = {name: column for name, column in explicit.items() if name != declared.name}
        if rest:
            found = simulator.simulate(rest, workload)
            require(same(found, reference), f"a missing column {declared.name!r} takes its default")


def _check_refusals(simulator: Simulator, workload: Any) -> None:
    first = simulator.inputs[0]
    require_refusal(
        lambda: simulator.simulate({_NONSENSE: [1]}, workload), UnknownNameError, "simulate refuses an unknown column"
    )
    for declared in simulator.inputs:
        if not (isinstance(declared.default, str) and declared.choices is None):
            require_refusal(
                lambda name=declared.name: simulator.simulate({name: [_NONSENSE]}, workload),  # type: ignore[misc]
                InvalidInputError,
                f"simulate refuses a value that input {declared.name!r} cannot have",
            )
    if len(simulator.inputs) > 1:
        second = simulator.inputs[1]
        require_refusal(
            lambda: simulator.simulate({first.name: [first.default], second.name: [second.default] * 2}, workload),
            InvalidInputError,
            "simulate refuses columns of different lengths",
        )
