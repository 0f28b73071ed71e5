"""System-on-chip simulator: task graphs on processors, accelerators, memories and buses, as FARSI models them.

Rooms: ``task_graph``, ``graph_files``, ``random_graphs`` (workloads); ``library``, ``cacti`` (what a chip can be built
of and what it costs); ``description`` (a chip and what runs where); ``encoding``, ``topology``, ``kernel*`` (the model).
"""

from __future__ import annotations

from simulators.soc.cacti import CactiTable, cacti_table
from simulators.soc.graph_files import load_task_graph, read_task_graph, task_graph_names, write_task_graph
from simulators.soc.library import BLOCK_KINDS, BlockType, HardwareLibrary
from simulators.soc.random_graphs import random_task_graph
from simulators.soc.task_graph import AcceleratorFacts, Budgets, Edge, Task, TaskGraph, combine

__all__ = [
    "BLOCK_KINDS",
    "AcceleratorFacts",
    "BlockType",
    "Budgets",
    "CactiTable",
    "Edge",
    "HardwareLibrary",
    "Task",
    "TaskGraph",
    "cacti_table",
    "combine",
    "load_task_graph",
    "random_task_graph",
    "read_task_graph",
    "task_graph_names",
    "write_task_graph",
]
