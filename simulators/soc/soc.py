"""The system-on-chip simulator: blocks, buses and the mapping of a task graph are the design."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from simulators.errors import InvalidInputError, UnknownNameError
from simulators.evaluation import Evaluation
from simulators.simulator import Simulator
from simulators.soc.archgym_space import ArchgymCode
from simulators.soc.description import SocDescription
from simulators.soc.design_arrays import encode_designs
from simulators.soc.design_code import DesignCode
from simulators.soc.graph_files import load_task_graph, task_graph_names
from simulators.soc.layout import DesignLayout, Slots
from simulators.soc.model import SocModel
from simulators.soc.modes import chosen_repairs, costs_of, repair_bits
from simulators.soc.spaces import SPACES, soc_space
from simulators.soc.task_graph import TaskGraph
from simulators.spaces import Columns, DesignSpace

_BLOCK = 8192
"""Designs decoded and simulated at once."""


class Soc(Simulator):
    """Phase-driven simulation of a task graph on processors, accelerators, memories and buses.

    Inputs are the choices of :mod:`simulators.soc.spaces`, or of :mod:`simulators.soc.archgym_space`, for this task
    graph. Beside the library's values unrolls may be any integer up to the iterations of the loop, clocks up to 1000
    MHz, widths up to 512 bytes.

    Args:
        workload: a task graph by name or file, or several joined by ``+``.
        mode: ``"default"``, or ``"farsi"``: FARSI's semantics, see :mod:`simulators.soc.modes`.
        repairs: which of the reference's defects mode ``default`` repairs, as names or one comma-separated text; None
            for all.
        space: ``"default"`` or ``"archgym"``: what the inputs are.
        gpps, memories, buses: slots of the default space, 1 to 8 each.
        threads: evaluate on so many threads.

    Raises:
        UnknownNameError: an unknown task graph, mode, repair or space.
        InvalidInputError: a file that cannot be read, a graph that is too large, slots out of range, or no threads.

    Version history: 1.
    """

    name: ClassVar[str] = "soc"
    version: ClassVar[str] = "1"
    threaded: ClassVar[bool] = True

    def __init__(
        self,
        workload: str | TaskGraph = "edge_detection",
        mode: str = "default",
        repairs: str | Sequence[str] | None = None,
        space: str = "default",
        gpps: int = 3,
        memories: int = 4,
        buses: int = 3,
        threads: int = 1,
    ) -> None:
        if space not in SPACES:
            raise UnknownNameError("space of systems-on-chip", space, SPACES)
        self.graph = load_task_graph(workload) if isinstance(workload, str) else workload
        self.slots, self.space_name = Slots(gpps, memories, buses), space
        self.mode, self.repairs = mode, chosen_repairs(mode, repairs)
        self.model = SocModel(self.graph, mode, self.repairs if mode == "default" else None, threads)
        self.metrics, self.audits = self.model.metrics, self.model.audits
        self._bits = repair_bits(self.repairs)
        self._archgym = ArchgymCode(self.graph) if space == "archgym" else None
        self.layout = DesignLayout(self.graph, self.slots)
        self._code = DesignCode(self.layout, lambda block: costs_of(block, self._bits), io_area=not self.repairs)
        self.inputs = self.layout.inputs if self._archgym is None else self._archgym.inputs

    def settings(self) -> dict[str, Any]:
        """Return everything that decides the numbers, but for the task graph, which is the workload."""
        slots = {"gpps": self.slots.gpps, "memories": self.slots.memories, "buses": self.slots.buses}
        found = {"mode": self.mode, "repairs": list(self.repairs), "space": self.space_name}
        return found if self._archgym is not None else found | slots

    def workload_names(self) -> tuple[str, ...]:
        """Return the names of the task graphs that ship."""
        return task_graph_names()

    def load_workload(self, name_or_path: str) -> TaskGraph:
        """Return a task graph: the one this simulator has inputs for.

        Raises:
            UnknownNameError: no such task graph.
            InvalidInputError: another task graph, or a file that cannot be read.
        """
        return self._own(load_task_graph(name_or_path))

    def space(self) -> DesignSpace:
        """Return the search space of the inputs."""
        return soc_space(self.layout) if self._archgym is None else self._archgym.space()

    def describe(self, columns: Columns) -> list[SocDescription]:
        """Return the chips of checked columns; designs that the space ``archgym`` refuses are left out."""
        if self._archgym is not None:
            return self._archgym.decode(columns)[0]
        return [self._code.describe(word) for word in self._code.read(columns).T]

    def evaluate_columns(self, columns: Columns, workload: TaskGraph) -> Evaluation:
        """Evaluate checked designs on this simulator's task graph; see :meth:`Simulator.simulate`."""
        self._own(workload)
        if self._archgym is not None:
            return self._evaluate_archgym(self._archgym, columns)
        words, blocks, tasks = self._code.read(columns), self.layout.block_groups, self.layout.task_groups
        parts = [
            self.model.evaluate(self._code.decode(words[:, at : at + _BLOCK]), blocks, tasks)
            for at in range(0, max(1, words.shape[1]), _BLOCK)
        ]
        return parts[0] if len(parts) == 1 else Evaluation.concatenate(parts)

    def _evaluate_archgym(self, code: ArchgymCode, columns: Columns) -> Evaluation:
        descriptions, reasons = code.decode(columns)
        return Evaluation.around_refused(self.metrics, reasons, lambda _: self._evaluate_chips(descriptions))

    def _evaluate_chips(self, descriptions: Sequence[SocDescription]) -> Evaluation:
        width = max(len(one.blocks) for one in descriptions)
        groups = [[block.id for block in one.blocks] + [""] * (width - len(one.blocks)) for one in descriptions]
        encoded = encode_designs(descriptions, self.graph, self._bits)
        return self.model.evaluate(encoded, np.array(groups), self.layout.task_groups)

    def _own(self, workload: TaskGraph) -> TaskGraph:
        if workload is not self.graph and workload.digest != self.graph.digest:
            raise InvalidInputError(
                f"this simulator has inputs for the tasks of {self.graph.name!r}, not of {workload.name!r}: "
                f"build it with workload={workload.name!r}"
            )
        return workload
