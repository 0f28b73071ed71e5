"""Peers behind the simulator contract: their inputs are those of ``LayerMapping``, so that one search fits all.

Each holds a ``LayerMapping`` in mode ``timeloop``, which decodes designs and says which are possible at all.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Final

import numpy as np

from simulators.accelerator._metrics import METRICS, SUMS, metric_values
from simulators.accelerator.layers import Layer, Network
from simulators.accelerator.mapping import Mapping
from simulators.accelerator.mapping_simulator import LayerMapping, one_layer
from simulators.accelerator.peers import zigzag
from simulators.accelerator.peers._results import PeerResult, impossible
from simulators.audits import Audit, sum_of_parts
from simulators.errors import InvalidInputError
from simulators.evaluation import Evaluation
from simulators.external import ProgramFailure
from simulators.external.simulator import Design, evaluation_of_rows
from simulators.simulator import Simulator
from simulators.spaces import Columns, DesignSpace

PEER_AUDITS: Final[tuple[Audit, ...]] = tuple(sum_of_parts(total, parts) for total, parts in SUMS.items())


class PeerMapping(Simulator):
    """What all peers share; not a simulator by itself.

    Attributes:
        model: ours, in mode ``timeloop``: hardware, decoding, workloads and spaces.
    """

    model: LayerMapping

    def workload_names(self) -> tuple[str, ...]:
        """Return what ``LayerMapping`` does."""
        return self.model.workload_names()

    def load_workload(self, name_or_path: str) -> Any:
        """Return what ``LayerMapping`` does, and raise likewise."""
        return self.model.load_workload(name_or_path)

    def space(self, workload: Any, name: str = "default") -> DesignSpace:
        """Return a search space of mappings whose tiles divide the layer; raises UnknownNameError."""
        return self.model.space(workload, name)

    def mapping(self, design: Design, workload: Any) -> Mapping:
        """Return the mapping that one design stands for."""
        columns = self.model.check_columns({name: [value] for name, value in design.items()})
        return self.model.mappings(columns, workload)[0]

    def refusal_of(self, mapping: Mapping, workload: Any) -> str:
        """Return why a mapping is impossible, by our model or because the peer has no words for it; else nothing."""
        _, layer = one_layer(workload)
        return impossible(self.model.architecture, layer, mapping) or self.inexpressible(layer, mapping)

    @abstractmethod
    def inexpressible(self, layer: Layer, mapping: Mapping) -> str:
        """Return why the peer cannot be asked, or an empty text."""

    def metrics_of(self, result: PeerResult, network: Network) -> np.ndarray:
        """Return the metrics ``[len(METRICS)]`` of a layer that is executed as often as ``network`` says."""
        hardware, model = self.model.hardware, self.model
        totals = (result.words * network.distinct[0][1])[None]
        bits = model.parts.word_bits
        return metric_values(totals, hardware.archs, hardware.area_mm2, network, model.clock_mhz, bits)[0]


class ZigZagMapping(PeerMapping):
    """One layer on fixed hardware by ZigZag's cost model, see :mod:`simulators.accelerator.peers.zigzag`.

    Args:
        model: hardware and decoding, in mode ``timeloop``.
        operand_latch: ZigZag's default, see ``zigzag_result``.

    Raises:
        InvalidInputError: ``operand_latch`` is neither True nor False.
        MissingExtraError: zigzag-dse is not installed.

    Version history: 1, zigzag-dse 3.9.1.
    """

    name: ClassVar[str] = "zigzag"
    version: ClassVar[str] = "1"
    metrics = METRICS
    audits = PEER_AUDITS

    def __init__(self, model: LayerMapping, operand_latch: bool = True) -> None:
        if not isinstance(operand_latch, bool):
            raise InvalidInputError(f"operand_latch must be True or False, got {operand_latch!r}")
        zigzag.require_zigzag()
        self.model, self.operand_latch = model, operand_latch
        self.inputs = model.inputs

    def settings(self) -> dict[str, Any]:
        """Return ZigZag's version, its settings and the model's."""
        return {
            "zigzag": zigzag.installed_version(),
            "operand_latch": self.operand_latch,
            "model": self.model.settings(),
        }

    def inexpressible(self, layer: Layer, mapping: Mapping) -> str:
        """Return why ZigZag cannot be asked, or an empty text."""
        return zigzag.inexpressible(layer)

    def evaluate_columns(self, columns: Columns, workload: Any) -> Evaluation:
        """Evaluate checked designs; see :meth:`Simulator.simulate`."""
        network, layer = one_layer(workload)
        rows = [self._row(layer, network, mapping) for mapping in self.model.mappings(columns, workload)]
        return evaluation_of_rows(METRICS, rows)

    def _row(self, layer: Layer, network: Network, mapping: Mapping) -> np.ndarray | str:
        """Return the metrics of one design, or why it has none."""
        reason = self.refusal_of(mapping, network)
        if reason:
            return reason
        bits = self.model.parts.word_bits
        try:
            result = zigzag.zigzag_result(self.model.architecture, layer, mapping, bits, self.operand_latch)
        except ProgramFailure as failure:
            return str(failure)
        return self.metrics_of(result, network)
