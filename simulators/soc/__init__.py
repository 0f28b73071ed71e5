"""System-on-chip simulator: task graphs on processors, accelerators, memories and buses, as FARSI models them.

Rooms: ``task_graph``, ``combination``, ``graph_files``, ``random_graphs`` (workloads); ``block_library``, ``cacti``
(what a chip can be built of and what it costs); ``description``, ``description_files`` (a chip and what runs where);
``budgets``; ``encoding``, ``topology``, ``kernel*`` (the model); ``model`` (chips to metrics), ``layout``, ``spaces``,
``soc`` (the search space and its simulator); ``recording``; ``validation``.
"""

from __future__ import annotations

from simulators.soc.block_library import BLOCK_KINDS, BlockType, HardwareLibrary
from simulators.soc.cacti import CactiTable, cacti_table
from simulators.soc.combination import combine
from simulators.soc.description import Block, SocDescription, check_description, effective
from simulators.soc.description_files import description_of, read_description, write_description
from simulators.soc.graph_files import load_task_graph, read_task_graph, task_graph_names, write_task_graph
from simulators.soc.layout import DesignLayout, Slots
from simulators.soc.model import SocModel
from simulators.soc.modes import MODES, REPAIRS
from simulators.soc.random_graphs import random_task_graph
from simulators.soc.soc import Soc
from simulators.soc.spaces import soc_space
from simulators.soc.task_graph import AcceleratorFacts, Budgets, Edge, Task, TaskGraph
from simulators.soc.validation import SocValidation, validate_soc

__all__ = [
    "BLOCK_KINDS",
    "MODES",
    "REPAIRS",
    "AcceleratorFacts",
    "Block",
    "BlockType",
    "Budgets",
    "CactiTable",
    "DesignLayout",
    "Edge",
    "HardwareLibrary",
    "Slots",
    "Soc",
    "SocDescription",
    "SocModel",
    "SocValidation",
    "Task",
    "TaskGraph",
    "cacti_table",
    "check_description",
    "combine",
    "description_of",
    "effective",
    "load_task_graph",
    "random_task_graph",
    "read_description",
    "read_task_graph",
    "soc_space",
    "task_graph_names",
    "validate_soc",
    "write_description",
    "write_task_graph",
]
