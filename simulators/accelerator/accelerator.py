"""The accelerator simulator: hardware parameters against networks, each layer mapped by a mapper inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator._metrics import (
    METRICS,
    SUMS,
    audits,
    metric_values,
    network_diagnostics,
    network_totals,
)
from simulators.accelerator.hardware import Hardware, Parts, level_names_of
from simulators.accelerator.kernel import evaluate_points
from simulators.accelerator.kernel_layout import OK
from simulators.accelerator.layers import DIMENSIONS, Layer, Network
from simulators.accelerator.mapper import MappedLayers, Mapper, checked_objective
from simulators.accelerator.mapping import Mapping as LoopMapping
from simulators.accelerator.mapping import refusal
from simulators.accelerator.modes import chosen_repairs, repair_bits
from simulators.accelerator.network_simulator import NetworkSimulator, checked_clock, checked_threads
from simulators.accelerator.suites import Composition, check_aggregate
from simulators.accelerator.templates import TEMPLATE_NAMES, template_named
from simulators.errors import UnknownNameError
from simulators.evaluation import Evaluation
from simulators.spaces import Columns


class Accelerator(NetworkSimulator):
    """Analytical model of a spatial accelerator; a deterministic mapper chooses every layer's tiles, loops and PEs.

    Each distinct layer of a network is mapped on its own, for the least ``map_for``, and executed as often as it
    occurs; nothing stays on the chip between layers. A design on which some layer cannot be mapped is invalid.

    Args:
        template: which hardware parameters there are, see :mod:`simulators.accelerator.templates`.
        mode: ``"default"``, or ``"timeloop"``: Timeloop's semantics, see :mod:`simulators.accelerator.modes`.
        repairs: which of the reference's defects mode ``default`` repairs, as names or one comma-separated text; None
            for all.
        map_for: what the mapper minimises for each layer: ``"edp"``, ``"energy"`` or ``"latency"``.
        effort: how hard the mapper searches: ``"quick"``, ``"normal"`` or ``"thorough"``.
        node_nm: technology, 45 or 22.
        word_bits: of all tensors, 16 or 8.
        dram: kind of DRAM for the energy per bit, one of ``technology.DRAM_KINDS``.
        clock_mhz: clock of array and buffers, above 0.
        aggregate: how metrics of a suite's networks become one: ``"geomean"`` or ``"worst"``.
        threads: threads a batch is spread over; does not change results.

    Raises:
        UnknownNameError: an unknown template, mode, repair, ``map_for``, effort, node, word size, kind of DRAM or
            aggregate.
        InvalidInputError: a wrong clock or number of threads.

    Version history: 1.
    """

    name: ClassVar[str] = "accelerator"
    version: ClassVar[str] = "1"
    threaded: ClassVar[bool] = True
    metrics = METRICS
    composition = Composition(SUMS)

    def __init__(
        self,
        template: str = "default",
        mode: str = "default",
        repairs: str | Sequence[str] | None = None,
        map_for: str = "edp",
        effort: str = "normal",
        node_nm: int = 45,
        word_bits: int = 16,
        dram: str = "lpddr4",
        clock_mhz: float = 500.0,
        aggregate: str = "geomean",
        threads: int = 1,
    ) -> None:
        checked_objective(map_for, "aim of the mapper (map_for)")
        self.template = template_named(template)
        self.inputs = self.template.inputs
        self.mode, self.repairs, self.map_for = mode, chosen_repairs(mode, repairs), map_for
        self.parts = Parts(node_nm, word_bits, dram)
        self.clock_mhz, self.threads = checked_clock(clock_mhz), checked_threads(threads)
        self.aggregate = check_aggregate(aggregate)
        self.audits = audits(self.repairs)
        self.effort, self._mapper = effort, Mapper(map_for, repair_bits(self.repairs), effort)

    def settings(self) -> dict[str, Any]:
        """Return everything but the number of threads."""
        return {
            "template": self.template.name,
            "mode": self.mode,
            "repairs": list(self.repairs),
            "map_for": self.map_for,
            "effort": self.effort,
            "node_nm": self.parts.node_nm,
            "word_bits": self.parts.word_bits,
            "dram": self.parts.dram,
            "clock_mhz": self.clock_mhz,
            "aggregate": self.aggregate,
        }

    def check_columns(self, columns: Mapping[str, Sequence[object] | np.ndarray]) -> dict[str, np.ndarray]:
        """Return complete, typed columns; a parameter of another template is refused with the name of that template."""
        known = [declared.name for declared in self.inputs]
        for other in (template_named(name) for name in TEMPLATE_NAMES):
            for stranger in {declared.name for declared in other.inputs} & (columns.keys() - set(known)):
                hint = f"The template {other.name!r} has it: choose a space of that template (space={other.name})."
                raise UnknownNameError(f"parameter of template {self.template.name!r}", stranger, known, hint)
        return super().check_columns(columns)

    def hardware(self, columns: Columns) -> Hardware:
        """Return the accelerators of checked columns."""
        return self.template.build(columns, self.parts)

    def map_network(self, archs: NDArray[np.float64], network: Network) -> MappedLayers:
        """Return mappings and results of a network's distinct layers on ``archs[n, ARCHITECTURE_WORDS]``."""
        return self._mapper.map(network.words, archs, self.threads)

    def evaluate_networks(self, columns: Columns, networks: tuple[Network, ...]) -> list[Evaluation]:
        """Return one evaluation of checked designs for each network.

        ``diagnostics`` are ``bottleneck`` (``compute``, ``dram``, ``glb`` or a level inside the PEs: what limits most
        of the cycles) and ``worst_layer`` (the layer with most cycles).
        """
        hardware = self.hardware(columns)
        return [self._evaluate_network(hardware, network) for network in networks]

    def _evaluate_network(self, hardware: Hardware, network: Network) -> Evaluation:
        reasons = np.array(hardware.refusals, dtype=object)
        built = np.flatnonzero(reasons == "")
        archs = hardware.archs[built]
        mapped = self.map_network(archs, network)
        reasons[built] = mapping_refusals(mapped.status, archs, network)
        valid = reasons == ""
        results = mapped.results[valid[built]]
        values = np.full((len(valid), len(self.metrics)), np.nan)
        values[valid] = metric_values(
            network_totals(results, network),
            hardware.archs[valid],
            hardware.area_mm2[valid],
            network,
            self.clock_mhz,
            self.parts.word_bits,
        )
        hints = {name: _spread(hint, valid) for name, hint in network_diagnostics(results, network).items()}
        return Evaluation(self.metrics, values, valid, tuple(reasons.tolist()), hints)


def _spread(hints: NDArray[np.str_], rows: NDArray[np.bool_]) -> NDArray[np.str_]:
    """Return the hints at their rows, an empty text elsewhere."""
    spread = np.full(len(rows), "", dtype=hints.dtype)
    spread[rows] = hints
    return spread


def mapping_refusals(status: NDArray[np.int64], archs: NDArray[np.float64], network: Network) -> NDArray[np.object_]:
    """Return for each design why its first unmapped layer has no mapping, an empty text where all are mapped.

    Args:
        status: of the network's distinct layers, ``[n, l]``.
        archs: ``[n, ARCHITECTURE_WORDS]``.
        network: the network.
    """
    reasons = np.full(len(status), "", dtype=object)
    failed = status != OK
    for row in np.flatnonzero(failed.any(axis=1)).tolist():
        layer = network.distinct[int(failed[row].argmax())][0]
        why = refusal(_smallest_tiles_status(layer, archs[row]), layer, level_names_of(archs[row]))
        reasons[row] = why or f"no-mapping: none was found (layer {layer.name})"
    return reasons


def _smallest_tiles_status(layer: Layer, arch: NDArray[np.float64]) -> int:
    """Return the kernel's status of the mapping with all loops in DRAM: what does not fit with tiles of one word."""
    loops = LoopMapping.of({"dram": dict(zip(DIMENSIONS, layer.bounds, strict=True))})
    status, _, _ = evaluate_points(layer.words[None], loops.factors[None], loops.orders[None], arch[None], 0)
    return int(status[0])
