"""Workloads as task graphs: tasks with their work, edges with the bytes that pass through memory.

A task is what one processing element runs without interruption. An edge ``a -> b`` means that ``a`` writes ``bytes``
into a memory and ``b`` reads them from there. The graph has no cycles. Several graphs that share one chip are one
graph made with :func:`combine`. Files are described in :mod:`simulators.soc.graph_files`.
"""

from __future__ import annotations

import graphlib
import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property

from simulators.errors import InvalidInputError, UnknownNameError


@dataclass(frozen=True)
class AcceleratorFacts:
    """A fixed-function implementation of one task, before technology scaling and loop unrolling.

    Attributes:
        cycles_at_100mhz: clock cycles of 10 ns for the whole task.
        energy_fj: energy of the whole task in femtojoule.
        area_um2: silicon area in square micrometre.

    Raises:
        InvalidInputError: a figure that is not above 0 and finite.
    """

    cycles_at_100mhz: float
    energy_fj: float
    area_um2: float

    def __post_init__(self) -> None:
        for name in ("cycles_at_100mhz", "energy_fj", "area_um2"):
            _check(f"accelerator: {name}", getattr(self, name), above_zero=True)


@dataclass(frozen=True)
class Task:
    """A node of the graph.

    Attributes:
        name: unique in its graph.
        work_instructions: instructions a general-purpose processor executes for it.
        accelerator: facts of its accelerator, None if there is none.
        iterations: iterations of its loop, hence the most an accelerator can be unrolled.
        dummy: marks where data enters or leaves; takes no time, and a processor with nothing else has no area.
        allocates: whether its outputs take room in memory; false for outputs that only express an order.

    Raises:
        InvalidInputError: an empty name, negative work, a dummy with work, iterations below 1.
    """

    name: str
    work_instructions: float
    accelerator: AcceleratorFacts | None = None
    iterations: int = 1
    dummy: bool = False
    allocates: bool = True

    def __post_init__(self) -> None:
        if not self.name or "->" in self.name or self.name != self.name.strip():
            raise InvalidInputError(f"a task's name cannot be {self.name!r}: expected a word without '->'")
        _check(f"task {self.name!r}: work_instructions", self.work_instructions, above_zero=False)
        if self.dummy and (self.work_instructions or self.accelerator):
            raise InvalidInputError(f"task {self.name!r}: a dummy has neither work nor an accelerator")
        if self.accelerator and not self.work_instructions:
            raise InvalidInputError(f"task {self.name!r}: an accelerator needs work_instructions above 0")
        if self.iterations < 1:
            raise InvalidInputError(f"task {self.name!r}: iterations must be 1 or more, got {self.iterations!r}")


@dataclass(frozen=True)
class Edge:
    """``bytes`` that ``source`` writes to a memory and ``target`` reads from it.

    Raises:
        InvalidInputError: bytes that are negative or not finite.
    """

    source: str
    target: str
    bytes: float

    def __post_init__(self) -> None:
        _check(f"edge {self.name!r}: bytes", self.bytes, above_zero=False)

    @property
    def name(self) -> str:
        """``source->target``, unique in a graph."""
        return f"{self.source}->{self.target}"


@dataclass(frozen=True)
class Budgets:
    """What a design may need: seconds for each workload, watt and square metre for the whole chip.

    Area is compared twice: everything but DRAM, and DRAM, each against ``area_m2``.
    """

    latency_s: Mapping[str, float]
    power_w: float
    area_m2: float

    def __post_init__(self) -> None:
        limits = {f"latency_s of {name}": value for name, value in self.latency_s.items()}
        for name, value in {**limits, "power_w": self.power_w, "area_m2": self.area_m2}.items():
            _check(f"budgets: {name}", value, above_zero=True)


@dataclass(frozen=True)
class TaskGraph:
    """A workload, or several that run at the same time.

    Attributes:
        name: the workload's name, several joined with ``+``.
        tasks: in the order of the file; designs refer to tasks by their position here.
        edges: in the order of the file.
        last_tasks: workload -> the task at whose end the workload is done. One entry unless combined.
        budgets: limits to compare designs with, None if nobody set any.
        source: where the facts are from.

    Raises:
        InvalidInputError: no tasks, a name or edge twice, a cycle, a budget for a workload that is not here.
        UnknownNameError: an edge or last task that names no task.
    """

    name: str
    tasks: tuple[Task, ...]
    edges: tuple[Edge, ...]
    last_tasks: Mapping[str, str] = field(hash=False)
    budgets: Budgets | None = field(default=None, hash=False)
    source: str = ""

    def __post_init__(self) -> None:
        if not self.tasks:
            raise InvalidInputError(f"task graph {self.name!r} has no tasks")
        _refuse_twice(f"task graph {self.name!r}: task", (task.name for task in self.tasks))
        _refuse_twice(f"task graph {self.name!r}: edge", (edge.name for edge in self.edges))
        self._check_references()
        self._check_cycles()

    @cached_property
    def index(self) -> dict[str, int]:
        """Task name -> position in ``tasks``."""
        return {task.name: position for position, task in enumerate(self.tasks)}

    @cached_property
    def edge_index(self) -> dict[str, int]:
        """Edge name (``source->target``) -> position in ``edges``."""
        return {edge.name: position for position, edge in enumerate(self.edges)}

    @property
    def workloads(self) -> tuple[str, ...]:
        """The workloads in this graph, in order."""
        return tuple(self.last_tasks)

    @cached_property
    def parents(self) -> tuple[tuple[int, ...], ...]:
        """For each task the positions of those it reads from, in the order of ``edges``."""
        return tuple(tuple(self.index[e.source] for e in self.edges if e.target == t.name) for t in self.tasks)

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """For each task the positions of those that read its outputs, in the order of ``edges``."""
        return tuple(tuple(self.index[e.target] for e in self.edges if e.source == t.name) for t in self.tasks)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of everything that decides a design's figures; the name and source do not."""
        budgets = None if self.budgets is None else asdict(self.budgets)
        content = [[asdict(t) for t in self.tasks], [asdict(e) for e in self.edges], dict(self.last_tasks), budgets]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def _check_references(self) -> None:
        for edge in self.edges:
            for end in (edge.source, edge.target):
                if end not in self.index:
                    raise UnknownNameError(f"task in edge {edge.name!r} of task graph {self.name!r}:", end, self.index)
        if not self.last_tasks:
            raise InvalidInputError(f"task graph {self.name!r}: no last task")
        for workload, task in self.last_tasks.items():
            if task not in self.index:
                raise UnknownNameError(f"last task of {workload!r}:", task, self.index)
        if self.budgets is not None and set(self.budgets.latency_s) != set(self.last_tasks):
            raise InvalidInputError(
                f"task graph {self.name!r}: latency budgets must be for {', '.join(self.last_tasks)}, "
                f"got {', '.join(self.budgets.latency_s) or 'none'}"
            )

    def _check_cycles(self) -> None:
        before = {task.name: [self.tasks[p].name for p in self.parents[i]] for i, task in enumerate(self.tasks)}
        try:
            graphlib.TopologicalSorter(before).prepare()
        except graphlib.CycleError as error:
            loop = " -> ".join(reversed(error.args[1]))
            raise InvalidInputError(
                f"task graph {self.name!r} has a cycle: {loop}; no task of it could start"
            ) from None


def _refuse_twice(what: str, names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InvalidInputError(f"{what} {twice[0]!r} is there twice; expected every name once")


def _check(what: str, value: float, above_zero: bool) -> None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not good or value < 0 or (above_zero and value == 0):
        expected = "a number above 0" if above_zero else "a number, 0 or more"
        raise InvalidInputError(f"{what} cannot be {value!r}; expected {expected}")
