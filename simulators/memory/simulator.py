"""The memory-controller simulator: ten (and more) controller parameters against one memory and one trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from simulators.errors import InvalidInputError
from simulators.evaluation import Evaluation
from simulators.memory._metrics import METRICS, MetricModel
from simulators.memory.kernel import Recording, record_design, simulate_designs
from simulators.memory.kernel_codes import (
    ARBITERS,
    COMMAND_MULTIPLEXERS,
    DEADLOCK,
    DESIGN_COLUMNS,
    O_STATUS,
    OUTPUT_COLUMNS,
    PAGE_POLICIES,
    POWER_DOWN_POLICIES,
    REFRESH_POLICIES,
    RESPONSE_QUEUES,
    SCHEDULER_BUFFERS,
    SCHEDULERS,
)
from simulators.memory.kernel_constraints import kernel_words
from simulators.memory.kernel_state import T_TICK
from simulators.memory.kernel_trace import MAX_CYCLE, DecodedTrace, decode_trace, remap_trace
from simulators.memory.mappings import MAPPING_NAMES, SPECIFICATION, address_mapping
from simulators.memory.modes import chosen_repairs
from simulators.memory.specification import MemorySpecification, load_memory_specification
from simulators.memory.trace import Trace, check_addresses
from simulators.memory.workloads import check_workload_fits, load_workload, workload_facts, workload_names
from simulators.simulator import Input, Simulator
from simulators.spaces import Columns

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
    Input("power_down_policy", "NoPowerDown", POWER_DOWN_POLICIES, doc="whether idle ranks power down"),
    Input("address_mapping", SPECIFICATION, MAPPING_NAMES, doc="which address bits select bank, row and column"),
)

_STRICT_REASON = (
    "deadlock: the command multiplexer waits for the oldest request while its bank serves younger row hits first "
    "(cmd_mux=Strict needs scheduler=Fifo)"
)
_STUCK_REASON = "deadlock: requests wait and no command can ever be issued"


class MemoryController(Simulator):
    """Cycle-level DRAM memory controller.

    Args:
        memory: name of a specification that ships, path of a JSON file, or a specification.
        mode: ``"default"``, or ``"dramsys"``: cycle-exact to DRAMSys 4.0, its defects included; see
            :mod:`simulators.memory.modes`.
        repairs: which of the reference's defects mode ``default`` repairs, as names or one comma-separated text; None
            for all.
        threads: threads a batch is spread over; does not change results.

    Raises:
        UnknownNameError: an unknown memory, mode or repair.
        InvalidInputError: a memory that this version cannot simulate, or a wrong ``threads``.

    Version history: 1, DDR3. 2, DDR4, LPDDR4, HBM2, per-bank refresh, power-down, address mappings and mode
    ``default``; numbers of DDR3 in mode ``dramsys`` are unchanged.
    """

    name: ClassVar[str] = "memory-controller"
    version: ClassVar[str] = "2"
    threaded: ClassVar[bool] = True
    inputs = INPUTS
    metrics = METRICS

    def __init__(
        self,
        memory: str | MemorySpecification = "ddr3-1600",
        mode: str = "default",
        repairs: str | Sequence[str] | None = None,
        threads: int = 1,
    ) -> None:
        if threads < 1:
            raise InvalidInputError(f"threads must be at least 1, got {threads}")
        self.mode, self.threads = mode, threads
        self.repairs = chosen_repairs(mode, repairs)
        self.memory = memory if isinstance(memory, MemorySpecification) else load_memory_specification(memory)
        self._words = kernel_words(self.memory, self.repairs)
        self._model = MetricModel(self.memory, self.repairs, int(self._words[T_TICK]))
        self.metrics, self.audits = self._model.metrics, self._model.audits

    @property
    def ticks_per_cycle(self) -> int:
        """The kernel's units of time per clock cycle, 1 except where commands start between clock edges."""
        return int(self._words[T_TICK])

    def settings(self) -> dict[str, Any]:
        """Return memory (name and digest of its numbers), mode and repairs."""
        return {
            "memory": self.memory.name,
            "memory_digest": self.memory.digest,
            "mode": self.mode,
            "repairs": list(self.repairs),
        }

    def workload_names(self) -> tuple[str, ...]:
        """Return the names of the traces that ship."""
        return workload_names()

    def workload_facts(self, name: str) -> dict[str, Any]:
        """Return what a trace that ships asks of a memory."""
        return workload_facts(name)

    def load_workload(self, name_or_path: str) -> DecodedTrace:
        """Return a workload or a trace file, decoded for this memory; cycles of files count in its clock.

        Raises:
            UnknownNameError: no such workload or file.
            TraceFormatError: a file that cannot be read, or (repair "time-order") whose times go backwards; names
                file and line. Without the repair such a request is sent at once, as DRAMSys's player does.
            InvalidInputError: see :meth:`prepare`.
        """
        backwards = "time-order" not in self.repairs
        trace = load_workload(name_or_path, clock_mhz=self.memory.clock_mhz, allow_backwards=backwards)
        if "address-range" in self.repairs:
            check_workload_fits(trace, name_or_path, self.memory.capacity_bytes)
        return self._decode(trace)

    def prepare(self, trace: Trace) -> DecodedTrace:
        """Return ``trace`` decoded for this memory.

        Raises:
            InvalidInputError: it is too long, or (repair "address-range") goes beyond the memory.
        """
        if "address-range" in self.repairs:
            check_addresses(trace, self.memory.capacity_bytes)
        return self._decode(trace)

    def evaluate_columns(self, columns: Columns, workload: Trace | DecodedTrace) -> Evaluation:
        """Simulate checked designs; see :meth:`Simulator.simulate`. A plain trace is decoded at each call."""
        trace = self._decoded(workload)
        refused = self.refusals(columns)
        if not any(refused):
            return self.evaluation_of(self.kernel_outputs(columns, trace), columns, trace)

        def evaluate(wanted: np.ndarray) -> Evaluation:
            some = {name: column[wanted] for name, column in columns.items()}
            return self.evaluation_of(self.kernel_outputs(some, trace), some, trace)

        return Evaluation.around_refused(self.metrics, refused, evaluate)

    def refusals(self, columns: Columns) -> list[str]:
        """Return for checked columns why each design is beyond this memory, empty texts where it is not."""
        reasons = [""] * len(columns["cmd_mux"])
        if self.memory.bank_refresh is None:
            for row in np.flatnonzero(columns["refresh_policy"] == "PerBank"):
                reasons[row] = f"{self.memory.standard} has no refresh of single banks (refresh_policy=PerBank)"
        if not self.memory.can_power_down:
            for row in np.flatnonzero(columns["power_down_policy"] == "Staggered"):
                reasons[row] = (
                    f"memory {self.memory.name!r} lacks the timings of power-down (power_down_policy=Staggered)"
                )
        return reasons

    def evaluation_of(self, outputs: NDArray[np.int64], columns: Columns, trace: DecodedTrace) -> Evaluation:
        """Return the evaluation that the kernel's outputs of checked designs are; not audited."""
        stuck = outputs[:, O_STATUS] == DEADLOCK
        if not stuck.any():
            return Evaluation.of_valid(self.metrics, self._model.values(outputs, len(trace)))
        values = np.full((len(outputs), len(self.metrics)), np.nan)
        values[~stuck] = self._model.values(outputs[~stuck], len(trace))
        reasons = np.where(columns["cmd_mux"] == "Strict", _STRICT_REASON, _STUCK_REASON)
        return Evaluation(self.metrics, values, ~stuck, tuple(np.where(stuck, reasons, "").tolist()))

    def kernel_outputs(self, columns: Columns, workload: Trace | DecodedTrace) -> NDArray[np.int64]:
        """Return the kernel's own integers, ``[n, len(OUTPUT_COLUMNS)]``, for checked columns of length ``n``.

        Raises:
            InvalidInputError: a design that :meth:`refusals` refuses.
        """
        self._refuse_any(columns)
        trace, mappings = self._decoded(workload), columns["address_mapping"]
        designs = encode_designs(columns)
        names = np.unique(mappings).tolist()
        if len(names) == 1:
            return simulate_designs(designs, self._mapped(trace, names[0]), self._words, self.threads)
        outputs = np.empty((len(designs), len(OUTPUT_COLUMNS)), dtype=np.int64)
        for name in names:
            rows = mappings == name
            outputs[rows] = simulate_designs(designs[rows], self._mapped(trace, name), self._words, self.threads)
        return outputs

    def _mapped(self, trace: DecodedTrace, name: str) -> DecodedTrace:
        """Return the trace decoded with the mapping of that name; decoded once per trace and mapping."""
        if name == SPECIFICATION:
            return trace
        if name not in trace.variants:
            mapped = self.memory.with_mapping(address_mapping(name, self.memory))
            same = mapped.mapping == self.memory.mapping
            trace.variants[name] = trace if same else remap_trace(trace, mapped)
        return trace.variants[name]

    def record(self, columns: Columns, workload: Trace | DecodedTrace, row: int = 0) -> Recording:
        """Return every command and every request's times of one design of checked columns.

        Raises:
            InvalidInputError: a design that :meth:`refusals` refuses.
        """
        self._refuse_any({name: column[row : row + 1] for name, column in columns.items()})
        trace = self._mapped(self._decoded(workload), str(columns["address_mapping"][row]))
        return record_design(encode_designs(columns)[row], trace, self._words)

    def _refuse_any(self, columns: Columns) -> None:
        for reason in self.refusals(columns):
            if reason:
                raise InvalidInputError(reason)

    def _decode(self, trace: Trace) -> DecodedTrace:
        decoded = decode_trace(trace, self.memory)
        if int(decoded.cycle.max()) * self.ticks_per_cycle > MAX_CYCLE:
            raise InvalidInputError(
                f"trace {trace.name!r} goes up to cycle {int(decoded.cycle.max())}; expected at most "
                f"{MAX_CYCLE // self.ticks_per_cycle} on {self.memory.name} in mode {self.mode}. Cut it into parts."
            )
        return decoded

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
