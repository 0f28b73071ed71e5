"""The systolic-array simulator: rows, columns, dataflow, three SRAMs and DRAM bandwidth against a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.layers import Network
from simulators.accelerator.network_simulator import NetworkSimulator, checked_clock, checked_threads
from simulators.accelerator.suites import Composition, check_aggregate
from simulators.accelerator.systolic._metrics import METRICS, SUMS, audits, metric_values
from simulators.accelerator.systolic.kernel import simulate_designs
from simulators.accelerator.systolic.kernel_codes import DATAFLOWS, DESIGN_WORDS, O_COMPUTE, O_CYCLES
from simulators.accelerator.systolic.layer_words import layer_words
from simulators.accelerator.systolic.modes import chosen_repairs
from simulators.accelerator.technology import checked_node, dram_pj_per_bit
from simulators.evaluation import Evaluation
from simulators.simulator import Input
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
        doc="words that DRAM moves per clock cycle, reads and writes together (Accelerator: as many each way)",
    ),
    Input("word_bits", 16, (8, 16), unit="bits", doc="bits of inputs, weights, outputs and partial sums"),
)
_EXACT: Final = 2.0**53
_TOO_LARGE: Final = "more than 2^53 cycles or accesses: they cannot be counted exactly"
_NO_TIME: Final = "takes 0 cycles, by the index of its last cycle (mode 'scalesim'); see the repair 'last-cycle'"


class SystolicArray(NetworkSimulator):
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
    composition = Composition(SUMS, may_be_zero=("ofmap_sram_reads",))

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
        self.mode, self.repairs = mode, chosen_repairs(mode, repairs)
        self.node_nm, self.dram, self.clock_mhz = checked_node(node_nm), dram, checked_clock(clock_mhz)
        self.aggregate, self.threads = check_aggregate(aggregate), checked_threads(threads)
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

    def evaluate_networks(self, columns: Columns, networks: tuple[Network, ...]) -> list[Evaluation]:
        """Return one evaluation of checked designs for each network; ``diagnostics``: ``bottleneck``."""
        return [self._evaluate_network(columns, network) for network in networks]

    def kernel_outputs(self, columns: Columns, network: Network) -> NDArray[np.float64]:
        """Return the kernel's counts ``[n, OUTPUTS]`` of checked designs, summed over the network's layers."""
        distinct = network.distinct
        words = layer_words([layer for layer, _ in distinct], real_outputs="output-rows" in self.repairs)
        counts = np.array([count for _, count in distinct], dtype=np.float64)
        return simulate_designs(encode_designs(columns), words, counts, self._flags, self.threads)

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
