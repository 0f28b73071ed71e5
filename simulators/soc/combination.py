"""Several task graphs on one chip: one graph in which each of them starts at time 0."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from simulators.errors import InvalidInputError
from simulators.soc.task_graph import Budgets, Edge, Task, TaskGraph


def combine(graphs: Sequence[TaskGraph]) -> TaskGraph:
    """Return one graph in which all of ``graphs`` run on the same chip, each started at time 0.

    Where data enters or leaves, dummies of the same name are one task, as in FARSI; a workload whose last task is such
    a dummy therefore ends when all that share it have ended. Other tasks whose name is taken already are called
    ``<workload>.<task>``; a workload that is there already is called ``<workload>#2`` and so on. Budgets of power and
    area add up; they are None if one of the graphs has none.

    Raises:
        InvalidInputError: no graphs.
    """
    if not graphs:
        raise InvalidInputError("no task graphs to combine")
    if len(graphs) == 1:
        return graphs[0]
    merged = _Merged()
    for graph in graphs:
        merged.add(graph)
    return merged.graph("+".join(graph.name for graph in graphs))


class _Merged:
    """Graphs so far, under their new names."""

    def __init__(self) -> None:
        self.tasks, self.edges, self.last = dict[str, Task](), dict[str, Edge](), dict[str, str]()
        self.shared = set[str]()
        self.budgets, self.sources = list[Budgets | None](), dict[str, None]()

    def add(self, graph: TaskGraph) -> None:
        workloads = {name: _free(name, self.last) for name in graph.workloads}
        names = self._names(graph, next(iter(workloads.values())))
        for task in graph.tasks:
            self.tasks.setdefault(names[task.name], replace(task, name=names[task.name]))
        for edge in graph.edges:
            self._add_edge(Edge(names[edge.source], names[edge.target], edge.bytes))
        self.last |= {workloads[name]: names[task] for name, task in graph.last_tasks.items()}
        budgets = graph.budgets
        if budgets is not None:
            budgets = replace(budgets, latency_s={workloads[name]: s for name, s in budgets.latency_s.items()})
        self.budgets.append(budgets)
        self.sources |= dict.fromkeys([graph.source] if graph.source else [])

    def graph(self, name: str) -> TaskGraph:
        position = {task: i for i, task in enumerate(self.tasks)}
        edges = tuple(sorted(self.edges.values(), key=lambda edge: position[edge.source]))
        budgets, sources = _sum_budgets(self.budgets), "; ".join(self.sources)
        return TaskGraph(name, tuple(self.tasks.values()), edges, self.last, budgets, sources)

    def _names(self, graph: TaskGraph, workload: str) -> dict[str, str]:
        """Task -> its new name."""
        ends = {t.name for i, t in enumerate(graph.tasks) if t.dummy and not (graph.parents[i] and graph.children[i])}
        names, taken = dict[str, str](), set(self.tasks)
        for task in graph.index:
            is_same = task in self.shared and task in ends
            names[task] = task if is_same or task not in taken else _free(f"{workload}.{task}", taken)
            taken.add(names[task])
        self.shared |= {names[task] for task in ends}
        return names

    def _add_edge(self, edge: Edge) -> None:
        known = self.edges.get(edge.name)
        self.edges[edge.name] = edge if known is None else replace(edge, bytes=edge.bytes + known.bytes)


def _sum_budgets(all_budgets: Sequence[Budgets | None]) -> Budgets | None:
    budgets = [b for b in all_budgets if b is not None]
    if len(budgets) < len(all_budgets):
        return None
    latency_s = {name: seconds for b in budgets for name, seconds in b.latency_s.items()}
    return Budgets(latency_s, math.fsum(b.power_w for b in budgets), math.fsum(b.area_m2 for b in budgets))


def _free(name: str, taken: Iterable[str]) -> str:
    known = set(taken)
    numbered = (name if i == 1 else f"{name}#{i}" for i in range(1, len(known) + 2))
    return next(candidate for candidate in numbered if candidate not in known)
