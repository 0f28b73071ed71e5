"""Task graphs by name and as files.

``audio_decoder`` (a graph that ships), ``random?tasks=12&seed=3`` (see :mod:`simulators.soc.random_graphs`), the path
of a file, or several of these with ``+`` between them, which then run on one chip at the same time. A file is JSON::

    {
      "name": "camera",
      "source": "measured on ...",
      "tasks": [
        {"name": "in", "dummy": true},
        {"name": "scale", "work_instructions": 46221100, "iterations": 151,
         "accelerator": {"cycles_at_100mhz": 1390257, "energy_fj": 26887, "area_um2": 14601}},
        {"name": "out", "dummy": true}
      ],
      "edges": [
        {"from": "in", "to": "scale", "bytes": 364212},
        {"from": "scale", "to": "out", "bytes": 364212}
      ],
      "last_task": "scale",
      "budgets": {"latency_s": 0.034, "power_w": 0.008737, "area_mm2": 17.475}
    }

``tasks``, ``edges`` and ``last_task`` are required. A task needs ``work_instructions`` unless it is a dummy; for the
other fields see :class:`~simulators.soc.task_graph.Task`. Without ``name`` the graph has the file's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from simulators.errors import InvalidInputError, UnknownNameError
from simulators.soc._fields import Fields, read_document
from simulators.soc.combination import combine
from simulators.soc.random_graphs import RANDOM, random_task_graph_named
from simulators.soc.task_graph import AcceleratorFacts, Budgets, Edge, Task, TaskGraph

FOLDER: Final = Path(__file__).parent / "data" / "workloads"
_SUFFIX: Final = ".json"
_MM2: Final = 1e-6


@lru_cache(maxsize=1)
def task_graph_names() -> tuple[str, ...]:
    """Return the names of the graphs that ship, in alphabetical order."""
    return tuple(sorted((path.name.removesuffix(_SUFFIX) for path in FOLDER.glob(f"*{_SUFFIX}")), key=str.lower))


def load_task_graph(name_or_path: str | Path) -> TaskGraph:
    """Return the task graph of a name or a path, see above.

    Graphs that ship are kept in memory; a file is read anew at each call, because it may have changed.

    Raises:
        UnknownNameError: neither a graph nor a file, or an unknown option or field; names the nearest.
        InvalidInputError: a file that cannot be read (names file and field), a graph that cannot be.
    """
    text = str(name_or_path).strip()
    if "+" in text and not Path(text).is_file():
        return combine([load_task_graph(part) for part in text.split("+")])
    name, mark, _ = text.partition("?")
    if name == RANDOM:
        return random_task_graph_named(text)
    if text in task_graph_names():
        return _shipped(text)
    if name in task_graph_names() and mark:
        raise InvalidInputError(f"task graph {text!r}: {name} has no options; only {RANDOM!r} has")
    if text and Path(text).is_file():
        return read_task_graph(text)
    hint = f"There is no file of that name either (from {Path.cwd()})."
    raise UnknownNameError("task graph", text, (*task_graph_names(), RANDOM), hint)


def read_task_graph(path: str | Path) -> TaskGraph:
    """Return the task graph in a JSON file.

    Raises:
        InvalidInputError: a file that cannot be read, or a graph that cannot be; names file and field.
    """
    file = Path(path)
    if file.suffix.lower() != _SUFFIX:
        raise InvalidInputError(f"{file}: expected a task graph in a file *{_SUFFIX}")
    content = read_document(file)
    content.setdefault("name", file.name[: -len(_SUFFIX)])
    return task_graph_of(content, str(file))


def task_graph_of(content: Mapping[str, Any], where: str = "task graph") -> TaskGraph:
    """Return the task graph that the content of a file stands for; ``where`` begins the messages.

    Raises:
        InvalidInputError, UnknownNameError: as :func:`read_task_graph` does.
    """
    fields = Fields(content, where, ("name", "source", "tasks", "edges", "last_task", "budgets"))
    name = fields.text("name")
    tasks = tuple(_task(task) for task in fields.items("tasks", ("name", *_TASK_FIELDS)))
    edges = tuple(_edge(edge) for edge in fields.items("edges", ("from", "to", "bytes")))
    limits = fields.part("budgets", ("latency_s", "power_w", "area_mm2"))
    last = {name: fields.text("last_task")}
    with fields.named():
        budgets = None
        if limits is not None:
            latency_s = {name: limits.number("latency_s")}
            budgets = Budgets(latency_s, limits.number("power_w"), limits.number("area_mm2") * _MM2)
        return TaskGraph(name, tasks, edges, last, budgets, fields.text("source", ""))


def task_graph_document(graph: TaskGraph) -> dict[str, Any]:
    """Return a graph of one workload as the content of a file; :func:`task_graph_of` turns it back.

    Raises:
        InvalidInputError: a graph of several workloads, which a file cannot hold.
    """
    if len(graph.workloads) > 1:
        raise InvalidInputError(f"task graph {graph.name!r} has {len(graph.workloads)} workloads; a file holds one")
    workload, last_task = next(iter(graph.last_tasks.items()))
    document: dict[str, Any] = {"name": workload}
    document |= {"source": graph.source} if graph.source else {}
    document["tasks"] = [_task_document(task) for task in graph.tasks]
    document["edges"] = [{"from": edge.source, "to": edge.target, "bytes": edge.bytes} for edge in graph.edges]
    document["last_task"] = last_task
    if graph.budgets is not None:
        b = graph.budgets
        area_mm2 = float(f"{b.area_m2 / _MM2:.15g}")
        document["budgets"] = {"latency_s": b.latency_s[workload], "power_w": b.power_w, "area_mm2": area_mm2}
    return document


def write_task_graph(graph: TaskGraph, path: str | Path) -> None:
    """Write a graph of one workload as JSON; :func:`read_task_graph` reads it back.

    Raises:
        InvalidInputError: a graph of several workloads.
    """
    Path(path).write_text(json.dumps(task_graph_document(graph), indent=1) + "\n", encoding="utf-8")


_TASK_FIELDS: Final = ("work_instructions", "accelerator", "iterations", "dummy", "allocates")
_ACCELERATOR_FIELDS: Final = ("cycles_at_100mhz", "energy_fj", "area_um2")


@lru_cache(maxsize=64)
def _shipped(name: str) -> TaskGraph:
    return read_task_graph(FOLDER / f"{name}{_SUFFIX}")


def _task(fields: Fields) -> Task:
    dummy = fields.flag("dummy", False)
    facts = fields.part("accelerator", _ACCELERATOR_FIELDS)
    with fields.named():
        accelerator = None if facts is None else AcceleratorFacts(*(facts.number(key) for key in _ACCELERATOR_FIELDS))
        return Task(
            name=fields.text("name"),
            work_instructions=fields.number("work_instructions", 0.0 if dummy else None),
            accelerator=accelerator,
            iterations=fields.integer("iterations", 1),
            dummy=dummy,
            allocates=fields.flag("allocates", True),
        )


def _edge(fields: Fields) -> Edge:
    with fields.named():
        return Edge(fields.text("from"), fields.text("to"), fields.number("bytes"))


def _task_document(task: Task) -> dict[str, Any]:
    document: dict[str, Any] = {"name": task.name}
    document |= {"dummy": True} if task.dummy else {"work_instructions": task.work_instructions}
    document |= {"iterations": task.iterations} if task.iterations != 1 else {}
    document |= {} if task.allocates else {"allocates": False}
    if task.accelerator is not None:
        document["accelerator"] = {key: getattr(task.accelerator, key) for key in _ACCELERATOR_FIELDS}
    return document
