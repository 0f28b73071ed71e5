"""What mapping and co-design problems share: mapping codes of a network's layers on given hardware -> metrics."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator._metrics import (
    METRICS,
    audits,
    metric_values,
    network_diagnostics,
    network_totals,
)
from simulators.accelerator.hardware import Hardware, Parts, level_names_of
from simulators.accelerator.kernel_decode_batches import decode_codes, evaluate_codes
from simulators.accelerator.kernel_layout import A_KEEPS, OK, OUTER
from simulators.accelerator.layers import Network
from simulators.accelerator.mapping import Mapping, refusal
from simulators.accelerator.mapping_code import CodeReader, fit_named
from simulators.accelerator.modes import chosen_repairs, repair_bits
from simulators.accelerator.network_simulator import checked_clock
from simulators.accelerator.suites import Suite
from simulators.errors import InvalidInputError
from simulators.evaluation import Evaluation
from simulators.simulator import Simulator
from simulators.spaces import Columns

_BLOCK = 1024
"""Designs evaluated at once: their results stay in the processor's cache."""

Reals = NDArray[np.float64]


class CodedSimulator(Simulator):
    """Base of simulators whose designs contain the mappings; arguments as of its subclasses, which set ``reader``.

    Attributes:
        reader: reads the codes of the workload's distinct layers.
        repair_bits, fit_word: repairs and ``fit`` as the kernel knows them.
    """

    metrics = METRICS
    reader: CodeReader

    def __init__(
        self,
        mode: str,
        repairs: str | Sequence[str] | None,
        fit: str,
        parts: Parts,
        clock_mhz: float,
    ) -> None:
        self.mode, self.repairs = mode, chosen_repairs(mode, repairs)
        self.fit, self.parts, self.clock_mhz = fit, parts, checked_clock(clock_mhz)
        self.audits = audits(self.repairs)
        self.repair_bits, self.fit_word = repair_bits(self.repairs), fit_named(fit)

    def settings(self) -> dict[str, Any]:
        """Return everything that decides the numbers."""
        return {
            "mode": self.mode,
            "repairs": list(self.repairs),
            "fit": self.fit,
            "node_nm": self.parts.node_nm,
            "word_bits": self.parts.word_bits,
            "dram": self.parts.dram,
            "clock_mhz": self.clock_mhz,
        }

    @abstractmethod
    def hardware_of(self, columns: Columns) -> Hardware:
        """Return the accelerators of checked columns: one for each of the ``n`` designs, or one for all."""

    def kernel_arguments(self, columns: Columns, network: Network) -> tuple[Any, ...]:
        """Return what ``decode_codes`` and ``evaluate_codes`` take, for checked columns and this reader's network."""
        codes, archs = self.reader.read(columns), self.hardware_of(columns).archs
        return network.words, codes, self.reader.where, self.reader.constants, archs, self.repair_bits, self.fit_word

    def decode_mappings(self, columns: Columns, network: Network) -> list[list[Mapping]]:
        """Return the mappings of checked columns, one list per design with one mapping per distinct layer."""
        factors, orders = decode_codes(*self.kernel_arguments(columns, network))
        return [
            [Mapping(f, o) for f, o in zip(*of_design, strict=True)] for of_design in zip(factors, orders, strict=True)
        ]

    def evaluate_network(self, columns: Columns, network: Network) -> Evaluation:
        """Return the evaluation of checked columns on this reader's network."""
        count = len(columns[self.inputs[0].name])
        hardware, codes = self.hardware_of(columns), self.reader.read(columns)
        blocks = [slice(at, at + _BLOCK) for at in range(0, max(1, count), _BLOCK)]
        parts = [
            self._evaluate_block(np.ascontiguousarray(codes[:, rows]), _cut(hardware, rows), network) for rows in blocks
        ]
        return parts[0] if len(parts) == 1 else Evaluation.concatenate(parts)

    def _evaluate_block(self, codes: NDArray[np.int32], hardware: Hardware, network: Network) -> Evaluation:
        where, constants = self.reader.where, self.reader.constants
        status, results = evaluate_codes(
            network.words, codes, where, constants, hardware.archs, self.repair_bits, self.fit_word
        )
        reasons = self._refusals(status, hardware, network)
        if reasons is None:
            return Evaluation.of_valid(
                self.metrics, self._values(results, hardware, network), network_diagnostics(results, network)
            )
        valid = reasons == ""
        values = np.full((len(status), len(self.metrics)), np.nan)
        hints = {name: np.full(len(status), "", dtype=object) for name in ("bottleneck", "worst_layer")}
        if valid.any():
            some = hardware if len(hardware.archs) == 1 else _take(hardware, valid)
            values[valid] = self._values(results[valid], some, network)
            for name, hint in network_diagnostics(results[valid], network).items():
                hints[name][valid] = hint
        texts = {name: hint.astype(str) for name, hint in hints.items()}
        return Evaluation(self.metrics, values, valid, tuple(reasons.tolist()), texts)

    def _values(self, results: Reals, hardware: Hardware, network: Network) -> Reals:
        totals = network_totals(results, network)
        bits = self.parts.word_bits
        return metric_values(totals, hardware.archs, hardware.area_mm2, network, self.clock_mhz, bits)

    def _refusals(self, status: NDArray[np.int64], hardware: Hardware, network: Network) -> NDArray[np.object_] | None:
        """Return why each design is impossible, empty texts where it is not; None if all are possible."""
        unbuilt = any(hardware.refusals)
        if not unbuilt and not status.any():
            return None
        split = np.broadcast_to(hardware.archs[:, A_KEEPS + OUTER] != 0, len(status))
        kinds, first, which = np.unique(2 * status + split, return_index=True, return_inverse=True)
        texts = [
            _refusal(int(kind) // 2, network, hardware.archs[row % len(hardware.archs)])
            for kind, row in zip(kinds, first.tolist(), strict=True)
        ]
        reasons = np.array(texts, dtype=object)[which]
        if unbuilt:
            built = np.broadcast_to(np.array(hardware.refusals, dtype=object), len(status))
            reasons = np.where(built != "", built, reasons)
        return reasons


def single_network(workload: object) -> Network:
    """Return the network of a workload that is one network; raises InvalidInputError."""
    networks = Suite.of(workload).networks  # type: ignore[arg-type]
    if len(networks) != 1:
        raise InvalidInputError(f"expected one network, got a suite of {len(networks)}")
    return networks[0]


def _refusal(status: int, network: Network, arch: Reals) -> str:
    if status == OK:
        return ""
    layer, alone = divmod(status, 100)
    several = len(network.distinct) > 1
    return refusal(alone, network.distinct[layer][0] if several else None, level_names_of(arch))


def _cut(hardware: Hardware, rows: slice) -> Hardware:
    if len(hardware.archs) == 1:
        return hardware
    return Hardware(hardware.archs[rows], hardware.area_mm2[rows], hardware.refusals[rows])


def _take(hardware: Hardware, rows: NDArray[np.bool_]) -> Hardware:
    reasons = tuple(reason for reason, wanted in zip(hardware.refusals, rows, strict=True) if wanted)
    return Hardware(hardware.archs[rows], hardware.area_mm2[rows], reasons)
