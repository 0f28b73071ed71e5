"""The systolic-array simulator: rows, columns, dataflow, three SRAMs and DRAM bandwidth against a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.layers import Layer, Network
from simulators.accelerator.suites import Suite, aggregate_evaluations, check_aggregate, load_suite
from simulators.accelerator.systolic._metrics import METRICS, audits, metric_values
from simulators.accelerator.systolic.kernel import simulate_designs
from simulators.accelerator.systolic.kernel_codes import DATAFLOWS, DESIGN_WORDS, O_COMPUTE, O_CYCLES, OUTPUTS
from simulators.accelerator.systolic.layer_words import layer_words
from simulators.accelerator.systolic.modes import chosen_repairs
from simulators.accelerator.technology import dram_pj_per_bit, technology
from simulators.accelerator.workloads import load_network, network_names
from simulators.audits import run_audits
from simulators.errors import InvalidInputError
from simulators.evaluation import Evaluation
from simulators.simulator import Input, Simulator
from simulators.spaces import Columns

LARGEST_ARRAY: Final = 4096
LARGEST_SRAM_KIB: Final = 1 << 16
_SRAM_DOC: Final = "SRAM, of which one half works while the other is filled"

INPUTS: Final = (
    Input("array_rows", 32, minimum=1, maximum=LARGEST_ARRAY, doc="rows of PEs"),
    Input("array_columns", 32, minimum=1, maximum=LARGEST_ARRAY, doc="columns of PEs"),
    Input("dataflow", "ws", DATAFLOWS, doc="what stays in the PEs: outputs, weights or inputs"),
    Input("ifmap_sram_kib", 256, minimum=1, maximum=LARGEST_SRAM_KIB, unit="KiB", doc=f"input {_SRAM_DOC}"),
    Input("filter_sram_kib", 256, minimum=1, maximum=LARGEST_SRAM_KIB, unit="KiB", doc=f"weight {_SRAM_DOC}"),
    Input("ofmap_sram_kib", 256, minimum=1, maximum=LARGEST_SRAM_KIB, unit="KiB", doc=f"output {_SRAM_DOC}"),
    Input(
        "dram_bandwidth",
        16.0,
        minimum=1 / 64,
        maximum=65536,
        integer=False,
        unit="words/cycle",
        doc="words that DRAM moves per clock cycle, reads and writes together",
    ),
    Input("word_bits", 16, (8, 16), unit="bits", doc="bits of inputs, weights, outputs and partial sums"),
)
_EXACT: Final = 2.0**53
_TOO_LARGE: Final = "more than 2^53 cycles or accesses: they cannot be counted exactly"
_NO_TIME: Final = "takes 0 cycles, by the index of its last cycle (mode 'scalesim'); see the repair 'last-cycle'"


class SystolicArray(Simulator):
    """Analytical model of a systolic array with double-buffered SRAMs, by the closed forms of SCALE-Sim 3.0.

    Args:
        mode: ``"default"``, or ``"scalesim"``: SCALE-Sim's own cycles and SRAM counts, its defects included; see
            :mod:`simulators.accelerator.systolic.modes`.
        repairs: which of the reference's defects mode ``default`` repairs, as names or one comma-separated text; None
            for all.
        node_nm: technology of array and SRAMs, 45 or 22.
        dram: kind of DRAM for the energy per bit, one of ``technology.DRAM_KINDS``.
        clock_mhz: clock of the array, above 0.
        aggregate: how metrics of a suite's networks become one: ``"geomean"`` or ``"worst"``.
        threads: threads a batch is spread over; does not change results.

    Raises:
        UnknownNameError: an unknown mode, repair, node, kind of DRAM or aggregate.
        InvalidInputError: a wrong clock or number of threads.

    Version history: 1.
    """

    name: ClassVar[str] = "systolic-array"
    version: ClassVar[str] = "1"
    threaded: ClassVar[bool] = True
    inputs = INPUTS
    metrics = METRICS

    def __init__(
        self,
        mode: str = "default",
        repairs: str | Sequence[str] | None = None,
        node_nm: int = 45,
        dram: str = "lpddr4",
        clock_mhz: float = 500.0,
        aggregate: str = "geomean",
        threads: int = 1,
    ) -> None:
        if threads < 1:
            raise InvalidInputError(f"threads must be at least 1, got {threads}")
        if isinstance(clock_mhz, bool) or not isinstance(clock_mhz, int | float) or not 0 < clock_mhz <= 1e6:
            raise InvalidInputError(f"clock_mhz must be a number above 0, at most 1000000, got {clock_mhz!r}")
        technology(node_nm).mac()
        self.mode, self.repairs = mode, chosen_repairs(mode, repairs)
        self.node_nm, self.dram, self.clock_mhz = node_nm, dram, float(clock_mhz)
        self.aggregate, self.threads = check_aggregate(aggregate), threads
        self._dram_pj_per_bit = dram_pj_per_bit(dram)
        self._flags = np.array(
            [repair in self.repairs for repair in ("last-cycle", "ofmap-writes", "partial-sum-reads", "stalls")]
        )
        self.audits = audits("last-cycle" in self.repairs, "stalls" in self.repairs)

    def settings(self) -> dict[str, Any]:
        """Return mode, repairs, technology node, DRAM, clock and aggregate."""
        return {
            "mode": self.mode,
            "repairs": list(self.repairs),
            "node_nm": self.node_nm,
            "dram": self.dram,
            "clock_mhz": self.clock_mhz,
            "aggregate": self.aggregate,
        }

    def workload_names(self) -> tuple[str, ...]:
        """Return the names of the networks that ship."""
        return network_names()

    def load_workload(self, name_or_path: str) -> Suite:
        """Return networks joined by ``+``; each is a name, a file, or ``network:layer`` for one of its layers.

        Raises:
            UnknownNameError: no such network or layer.
            InvalidInputError: a file that cannot be read.
        """
        return load_suite(name_or_path, load_network)

    def evaluate_checked(self, columns: Columns, workload: Suite | Network | Layer) -> Evaluation:
        """Evaluate checked designs; each network of a suite is audited on its own, then metrics are aggregated."""
        parts = [self._evaluate_network(columns, network) for network in Suite.of(workload).networks]
        for part in parts:
            run_audits(self.audits, part, self.name)
        return aggregate_evaluations(parts, self.aggregate)

    def evaluate_columns(self, columns: Columns, workload: Suite | Network | Layer) -> Evaluation:
        """Evaluate checked designs without audits; see :meth:`Simulator.simulate`."""
        parts = [self._evaluate_network(columns, network) for network in Suite.of(workload).networks]
        return aggregate_evaluations(parts, self.aggregate)

    def kernel_outputs(self, columns: Columns, network: Network) -> NDArray[np.float64]:
        """Return the kernel's counts ``[n, OUTPUTS]`` of checked designs, summed over the network's layers."""
        distinct = network.distinct
        words = layer_words([layer for layer, _ in distinct], real_outputs="output-rows" in self.repairs)
        counts = np.array([count for _, count in distinct], dtype=np.float64)
        return simulate_designs(encode_designs(columns), words, counts, self._flags, self.threads)

    def layer_outputs(self, columns: Columns, network: Network) -> NDArray[np.float64]:
        """Return the counts of one execution of each layer, ``[n, len(network.layers), OUTPUTS]``."""
        outputs = np.empty((len(columns["dataflow"]), len(network.layers), OUTPUTS))
        for position, layer in enumerate(network.layers):
            outputs[:, position] = self.kernel_outputs(columns, Network.of(layer.name, (layer,)))
        return outputs

    def _evaluate_network(self, columns: Columns, network: Network) -> Evaluation:
        outputs = self.kernel_outputs(columns, network)
        too_large, no_time = (outputs > _EXACT).any(axis=1), outputs[:, O_CYCLES] <= 0
        if not (too_large.any() or no_time.any()):
            return self._evaluation(columns, outputs)
        reasons = np.where(too_large, _TOO_LARGE, np.where(no_time, _NO_TIME, "")).tolist()

        def evaluate(wanted: np.ndarray) -> Evaluation:
            return self._evaluation({name: column[wanted] for name, column in columns.items()}, outputs[wanted])

        return Evaluation.around_refused(self.metrics, reasons, evaluate)

    def _evaluation(self, columns: Columns, outputs: NDArray[np.float64]) -> Evaluation:
        values = metric_values(columns, outputs, self.node_nm, self._dram_pj_per_bit, self.clock_mhz)
        waits = outputs[:, O_CYCLES] > 2 * outputs[:, O_COMPUTE]
        return Evaluation.of_valid(self.metrics, values, {"bottleneck": np.where(waits, "dram", "array")})


def encode_designs(columns: Columns) -> NDArray[np.float64]:
    """Return checked columns of length ``n`` as the kernel's ``float64[n, DESIGN_WORDS]``."""
    designs = np.empty((len(columns["dataflow"]), DESIGN_WORDS))
    designs[:, 0], designs[:, 1] = columns["array_rows"], columns["array_columns"]
    designs[:, 2] = [_CODES[name] for name in columns["dataflow"].tolist()]
    half_bits = 1024 * 8 // 2
    for position, name in enumerate(("ifmap_sram_kib", "filter_sram_kib", "ofmap_sram_kib")):
        designs[:, 3 + position] = columns[name] * half_bits // columns["word_bits"]
    designs[:, 6] = columns["dram_bandwidth"]
    return designs


_CODES: Final = {name: code for code, name in enumerate(DATAFLOWS)}
