"""The memory-controller simulator: ten (and more) controller parameters against one memory and one trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from simulators.errors import InvalidInputError, UnknownNameError
from simulators.evaluation import Evaluation
from simulators.memory._metrics import METRICS, audits, metric_values, metrics_matrix
from simulators.memory.kernel import Recording, record_design, simulate_designs
from simulators.memory.kernel_codes import (
    ARBITERS,
    COMMAND_MULTIPLEXERS,
    DEADLOCK,
    DESIGN_COLUMNS,
    O_STATUS,
    PAGE_POLICIES,
    REFRESH_POLICIES,
    RESPONSE_QUEUES,
    SCHEDULER_BUFFERS,
    SCHEDULERS,
)
from simulators.memory.kernel_constraints import kernel_words
from simulators.memory.kernel_trace import DecodedTrace, decode_trace
from simulators.memory.specification import MemorySpecification, load_memory_specification
from simulators.memory.trace import Trace
from simulators.memory.workloads import load_workload, workload_names
from simulators.simulator import Input, Simulator
from simulators.spaces import Columns

MODES: Final = ("dramsys",)
_LARGEST = 1 << 20

INPUTS: Final = (
    Input("page_policy", "Open", PAGE_POLICIES, doc="when a row is closed without being in the way"),
    Input("scheduler", "FrFcfs", SCHEDULERS, doc="which queued request of a bank goes first"),
    Input("scheduler_buffer", "Bankwise", SCHEDULER_BUFFERS, doc="how buffer space is counted"),
    Input("request_buffer_size", 8, minimum=1, maximum=_LARGEST, doc="requests per bank, per direction or in all"),
    Input("response_queue", "Fifo", RESPONSE_QUEUES, doc="order of answers leaving the controller"),
    Input("refresh_policy", "AllBank", REFRESH_POLICIES, doc="how rows are refreshed"),
    Input("refresh_max_postponed", 8, minimum=0, maximum=_LARGEST, doc="refreshes that may be put off"),
    Input("refresh_max_pulled_in", 8, minimum=0, maximum=_LARGEST, doc="refreshes that may be done early"),
    Input("arbiter", "Simple", ARBITERS, doc="straight, or with credits and answers in any or in request order"),
    Input("max_active_transactions", 128, minimum=1, maximum=_LARGEST, doc="credits of the Fifo and Reorder arbiters"),
    Input("cmd_mux", "Oldest", COMMAND_MULTIPLEXERS, doc="which of several legal commands is issued"),
)

_DEADLOCK_REASON = (
    "deadlock: the command multiplexer waits for the oldest request while its bank serves younger row hits first "
    "(cmd_mux=Strict needs scheduler=Fifo)"
)


class MemoryController(Simulator):
    """Cycle-level DRAM memory controller.

    Args:
        memory: name of a specification that ships, path of a JSON file, or a specification.
        mode: ``"dramsys"``: cycle-exact to DRAMSys 4.0, its defects included.
        threads: threads a batch is spread over; does not change results.

    Raises:
        UnknownNameError: an unknown memory or mode.
        InvalidInputError: a memory that this version cannot simulate, or a wrong ``threads``.

    Version history: 1, DDR3.
    """

    name: ClassVar[str] = "memory-controller"
    version: ClassVar[str] = "1"
    threaded: ClassVar[bool] = True
    inputs = INPUTS
    metrics = METRICS

    def __init__(
        self, memory: str | MemorySpecification = "ddr3-1600", mode: str = "dramsys", threads: int = 1
    ) -> None:
        if mode not in MODES:
            raise UnknownNameError("mode of the memory controller", mode, MODES)
        if threads < 1:
            raise InvalidInputError(f"threads must be at least 1, got {threads}")
        self.mode, self.threads = mode, threads
        self.memory = memory if isinstance(memory, MemorySpecification) else load_memory_specification(memory)
        self._words = kernel_words(self.memory)
        self._matrix = metrics_matrix(self.memory)
        self.audits = audits(self.memory)

    def settings(self) -> dict[str, Any]:
        """Return memory (name and digest of its numbers) and mode."""
        return {"memory": self.memory.name, "memory_digest": self.memory.digest, "mode": self.mode}

    def workload_names(self) -> tuple[str, ...]:
        """Return the names of the traces that ship."""
        return workload_names()

    def load_workload(self, name_or_path: str) -> DecodedTrace:
        """Return a workload or a trace file, decoded for this memory; cycles of files count in its clock.

        Requests whose time goes backwards are sent at once, as DRAMSys's player does.

        Raises:
            UnknownNameError: no such workload or file.
            TraceFormatError: a file that cannot be read; names file and line.
        """
        return self.prepare(load_workload(name_or_path, clock_mhz=self.memory.clock_mhz, allow_backwards=True))

    def prepare(self, trace: Trace) -> DecodedTrace:
        """Return ``trace`` decoded for this memory; raises InvalidInputError if it is too long."""
        return decode_trace(trace, self.memory)

    def evaluate_columns(self, columns: Columns, workload: Trace | DecodedTrace) -> Evaluation:
        """Simulate checked designs; see :meth:`Simulator.simulate`. A plain trace is decoded at each call."""
        trace = self._decoded(workload)
        outputs = self.kernel_outputs(columns, trace)
        stuck = outputs[:, O_STATUS] == DEADLOCK
        if not stuck.any():
            return Evaluation.of_valid(METRICS, metric_values(outputs, self._matrix, len(trace), self.memory))
        values = np.full((len(outputs), len(METRICS)), np.nan)
        values[~stuck] = metric_values(outputs[~stuck], self._matrix, len(trace), self.memory)
        return Evaluation(METRICS, values, ~stuck, tuple(_DEADLOCK_REASON if bad else "" for bad in stuck))

    def kernel_outputs(self, columns: Columns, workload: Trace | DecodedTrace) -> NDArray[np.int64]:
        """Return the kernel's own integers, ``[n, len(OUTPUT_COLUMNS)]``, for checked columns of length ``n``."""
        return simulate_designs(encode_designs(columns), self._decoded(workload), self._words, self.threads)

    def record(self, columns: Columns, workload: Trace | DecodedTrace, row: int = 0) -> Recording:
        """Return every command and every request's times of one design of checked columns."""
        return record_design(encode_designs(columns)[row], self._decoded(workload), self._words)

    def _decoded(self, workload: Trace | DecodedTrace) -> DecodedTrace:
        if isinstance(workload, Trace):
            return self.prepare(workload)
        if not isinstance(workload, DecodedTrace) or workload.memory != self.memory.digest:
            raise InvalidInputError(
                f"the workload was not prepared for memory {self.memory.name!r}: "
                "use this simulator's load_workload() or prepare()"
            )
        return workload


def encode_designs(columns: Columns) -> NDArray[np.int64]:
    """Return checked columns of length ``n`` as the kernel's ``int64[n, len(DESIGN_COLUMNS)]``."""
    designs = np.empty((len(columns[DESIGN_COLUMNS[0]]), len(DESIGN_COLUMNS)), dtype=np.int64)
    for position, name in enumerate(DESIGN_COLUMNS):
        codes = _CODES.get(name)
        column: Sequence[Any] = columns[name].tolist()
        designs[:, position] = column if codes is None else [codes[value] for value in column]
    return designs


_CODES: Final = {
    declared.name: {choice: code for code, choice in enumerate(declared.choices)}
    for declared in INPUTS
    if declared.choices is not None
}
