"""Random task graphs by name, such as ``random?tasks=12&seed=3``: layers of tasks between a source and a sink.

The same options give the same graph on every platform and NumPy version: only raw outputs of PCG64 (whose stream
NumPy keeps stable, NEP 19) and exact arithmetic are used.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from simulators.errors import InvalidInputError, UnknownNameError
from simulators.soc.task_graph import AcceleratorFacts, Budgets, Edge, Task, TaskGraph

RANDOM: Final = "random"
RANDOM_OPTIONS: Final = {
    "tasks": (10, 1, 62),
    "seed": (0, 0, 2**53),
    "width": (4, 1, 32),
    "extra_edges_percent": (20, 0, 100),
    "accelerated_percent": (100, 0, 100),
    "work_instructions": (10_000_000, 1000, 10**12),
    "bytes": (100_000, 64, 10**9),
}
"""Option -> its default, smallest and largest value; what they mean is said at :func:`random_task_graph`."""
_A53_INSTRUCTIONS_PER_S: Final = 2e9
_ACCELERATOR_FJ_PER_INSTRUCTION: Final = 500.0
"""Before scaling (x 0.064): 32 fJ, a 1/660 of the A53's 21 pJ. FARSI's own accelerators have 1e-6 to 0.5 fJ."""


def random_task_graph(
    tasks: int = 10,
    seed: int = 0,
    width: int = 4,
    extra_edges_percent: int = 20,
    accelerated_percent: int = 100,
    work_instructions: int = 10_000_000,
    bytes: int = 100_000,
) -> TaskGraph:
    """Return a random graph of ``tasks`` tasks and the dummies ``source`` and ``sink``.

    Args:
        tasks: tasks that do work, 1 to 62.
        seed: the same seed gives the same graph.
        width: most tasks of a layer; each has one parent in the layer before, drawn at random.
        extra_edges_percent: chance of an edge from each other task of the layer before.
        accelerated_percent: chance that a task has an accelerator.
        work_instructions: typical work; a task has 1/8 to 16 times as much.
        bytes: typical size of an edge; each has 1/8 to 16 times as much.

    The budgets are FARSI's 8.737 mW and 17.475 mm2; the latency's is a quarter of what one A53 takes for all work.

    Raises:
        InvalidInputError: a value out of its range.
    """
    chosen = dict(
        zip(
            RANDOM_OPTIONS,
            (tasks, seed, width, extra_edges_percent, accelerated_percent, work_instructions, bytes),
            strict=True,
        )
    )
    for option, value in chosen.items():
        _, low, high = RANDOM_OPTIONS[option]
        if value != int(value) or not low <= value <= high:
            raise InvalidInputError(
                f"random task graph: {option} must be an integer from {low} to {high}, got {value!r}"
            )
    changed = [f"{k}={v}" for k, v in chosen.items() if v != RANDOM_OPTIONS[k][0] or k in ("tasks", "seed")]
    return _draw(f"{RANDOM}?{'&'.join(changed)}", chosen)


def random_task_graph_named(text: str) -> TaskGraph:
    """Return the graph of a name such as ``random?tasks=12&seed=3``; a comma separates as ``&`` does.

    Raises:
        UnknownNameError: an unknown option.
        InvalidInputError: a value that is no integer or out of its range, an option given twice.
    """
    chosen = dict[str, int]()
    for part in re.split("[&,]", text.partition("?")[2]) if "?" in text else ():
        key, equals, value = (word.strip() for word in part.partition("="))
        if not equals:
            raise InvalidInputError(f"task graph {text!r}: expected key=value after '?', got {part!r}")
        if key not in RANDOM_OPTIONS:
            raise UnknownNameError(f"option of task graph {RANDOM!r}:", key, RANDOM_OPTIONS)
        if key in chosen or not (value.isascii() and value.isdecimal() and len(value) <= 16):
            problem = "is given twice" if key in chosen else f"must be an integer, got {value!r}"
            raise InvalidInputError(f"task graph {text!r}: {key} {problem}")
        chosen[key] = int(value)
    return random_task_graph(**chosen)


class _Draws:
    """Random integers of one seed."""

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def below(self, bound: int) -> int:
        """Return an integer in ``0..bound-1`` by multiply-and-shift (Lemire, arXiv 1805.10941)."""
        return (int(self._bits.random_raw()) >> 32) * bound >> 32

    def chance(self, percent: int) -> bool:
        return self.below(100) < percent

    def around(self, typical: int) -> int:
        """Return 1/8 to 16 times ``typical``: an octave, and a place in it in eighths."""
        return max(typical * (8 + self.below(8)) * (1 << self.below(7)) // 64, 1)


def _draw(name: str, chosen: dict[str, int]) -> TaskGraph:
    draws = _Draws(chosen["seed"])
    tasks = [_task(draws, f"task{i}", chosen) for i in range(chosen["tasks"])]
    layers = _layers(draws, [task.name for task in tasks], chosen["width"])
    pairs = [
        (parent, child)
        for before, layer in itertools.pairwise(layers)
        for parent, child in _between(draws, before, layer, chosen["extra_edges_percent"])
    ]
    with_children = {parent for parent, _ in pairs}
    pairs = [("source", child) for child in layers[0]] + pairs
    pairs += [(task.name, "sink") for task in tasks if task.name not in with_children]
    edges = tuple(Edge(parent, child, float(draws.around(chosen["bytes"]))) for parent, child in pairs)
    nodes = (Task("source", 0.0, dummy=True), *tasks, Task("sink", 0.0, dummy=True))
    latency_s = sum(task.work_instructions for task in tasks) / _A53_INSTRUCTIONS_PER_S / 4
    budgets = Budgets({name: latency_s}, 0.008737, 17.475e-6)
    return TaskGraph(name, nodes, edges, {name: "sink"}, budgets, "drawn at random by archgym")


def _task(draws: _Draws, name: str, chosen: dict[str, int]) -> Task:
    work, speed, size, iterations = (
        draws.around(chosen["work_instructions"]),
        4 << draws.below(6),
        draws.around(40_000),
        1 << draws.below(11),
    )
    energy_fj = work * _ACCELERATOR_FJ_PER_INSTRUCTION
    facts = AcceleratorFacts(float(max(work // speed, 1)), energy_fj, float(size))
    return Task(name, float(work), facts if draws.chance(chosen["accelerated_percent"]) else None, iterations)


def _layers(draws: _Draws, names: Sequence[str], width: int) -> list[Sequence[str]]:
    layers, start = list[Sequence[str]](), 0
    while start < len(names):
        size = 1 + draws.below(width)
        layers.append(names[start : start + size])
        start += size
    return layers


def _between(draws: _Draws, before: Sequence[str], layer: Sequence[str], percent: int) -> list[tuple[str, str]]:
    pairs = list[tuple[str, str]]()
    for child in layer:
        sure = draws.below(len(before))
        pairs += [(p, child) for i, p in enumerate(before) if (i == sure) | draws.chance(percent)]
    return pairs
