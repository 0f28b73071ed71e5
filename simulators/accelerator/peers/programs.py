"""Peers that are programs on PATH behind the simulator contract: Timeloop and MAESTRO."""

from __future__ import annotations

import json
from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Final

from simulators.accelerator._metrics import METRICS
from simulators.accelerator.layers import Layer, Network
from simulators.accelerator.mapping import Mapping
from simulators.accelerator.mapping_simulator import LayerMapping, one_layer
from simulators.accelerator.peers import maestro, timeloop
from simulators.accelerator.peers.simulators import PEER_AUDITS, PeerMapping
from simulators.errors import InvalidInputError
from simulators.external import ExternalSimulator
from simulators.external.simulator import Design, Measured

_LAYER_FILE: Final = "layer.json"
LONGEST_S: Final = 1_000_000
"""The most seconds that a run may be given, 11 days: a wait that the operating system still can express."""


def _checked_seconds(timeout_s: object) -> float:
    is_number = isinstance(timeout_s, int | float) and not isinstance(timeout_s, bool)
    if not is_number or not 0 < timeout_s <= LONGEST_S:  # type: ignore[operator]
        raise InvalidInputError(
            f"timeout_s must be a number of seconds above 0, at most {LONGEST_S}, got {timeout_s!r}"
        )
    return float(timeout_s)  # type: ignore[arg-type]


class ProgramMapping(PeerMapping, ExternalSimulator):
    """What peers that are programs share; arguments as of ``ExternalSimulator``, and the model."""

    def __init__(
        self,
        model: LayerMapping,
        executable: str | Path | None = None,
        timeout_s: float = 60.0,
        retries: int = 0,
        cache: str | Path | None = None,
        threads: int = 1,
    ) -> None:
        self.model, self.inputs = model, model.inputs
        for name, path in (("executable", executable), ("cache", cache)):
            if path is not None and not isinstance(path, str | Path):
                raise InvalidInputError(f"{name} must be a path, got {path!r}")
        seconds = _checked_seconds(timeout_s)
        ExternalSimulator.__init__(self, executable, seconds, retries, cache, threads)

    def settings(self) -> dict[str, Any]:
        """Return the program's settings and the model's."""
        return {**ExternalSimulator.settings(self), "model": self.model.settings()}

    def refusal(self, design: Design, workload: Any) -> str:
        """Return why the program is not run for a design, or an empty text."""
        return self.refusal_of(self.mapping(design, workload), workload)

    def _layer_file(self, workload: Any) -> dict[str, str]:
        """Return the file from which :meth:`parse` learns what was evaluated; the program does not read it."""
        network, layer = one_layer(workload)
        hardware = [repr(word) for word in self.model.hardware.archs[0].tolist()]
        area, clock = float(self.model.hardware.area_mm2[0]), self.model.clock_mhz
        told = {"layer": asdict(layer), "count": network.distinct[0][1], "hardware": hardware}
        return {_LAYER_FILE: json.dumps({**told, "area_mm2": repr(area), "clock_mhz": clock})}

    @staticmethod
    def _told(directory: Path) -> tuple[Network, Layer]:
        told = json.loads((directory / _LAYER_FILE).read_text(encoding="utf-8"))
        layer = Layer(**told["layer"])
        return Network(layer.name, (layer,), (told["count"],)), layer


class TimeloopMapping(ProgramMapping):
    """One layer on fixed hardware by ``timeloop-model``, see :mod:`simulators.accelerator.peers.timeloop`.

    Args:
        model: hardware and decoding, in mode ``timeloop``.
        executable, timeout_s, retries, cache, threads: as of ``ExternalSimulator``.

    Raises:
        InvalidInputError: the program is not to be found.

    Version history: 1.
    """

    name: ClassVar[str] = "timeloop-model"
    version: ClassVar[str] = "1"
    program: ClassVar[str] = timeloop.PROGRAM
    install: ClassVar[str] = timeloop.INSTALL
    environment: ClassVar[Dictionary[str, str]] = timeloop.ENVIRONMENT
    metrics = METRICS
    audits = PEER_AUDITS

    def inexpressible(self, layer: Layer, mapping: Mapping) -> str:
        """Return why Timeloop cannot be asked, or an empty text."""
        return timeloop.inexpressible(self.model.architecture, layer, mapping)

    def arguments(self, design: Design, workload: Any) -> Sequence[str]:
        """Return the names of the input files."""
        return timeloop.ARGUMENTS

    def files(self, design: Design, workload: Any) -> Dictionary[str, str]:
        """Return architecture, energies, problem and mapping as YAML."""
        _, layer = one_layer(workload)
        mapping, bits = self.mapping(design, workload), self.model.parts.word_bits
        files = timeloop.timeloop_files(self.model.architecture, layer, mapping, bits)
        return {**files, **self._layer_file(workload)}

    def parse(self, directory: Path) -> Measured:
        """Return the metrics from the program's statistics."""
        network, _ = self._told(directory)
        result, _ = timeloop.read_result(directory, self.model.architecture)
        values = self.metrics_of(result, network).tolist()
        return {metric.name: (value, metric.unit) for metric, value in zip(METRICS, values, strict=True)}


class MaestroMapping(ProgramMapping):
    """One layer on fixed hardware by ``maestro``, see :mod:`simulators.accelerator.peers.maestro`.

    Args:
        model: hardware and decoding, in mode ``timeloop``.
        executable, timeout_s, retries, cache, threads: as of ``ExternalSimulator``.

    Raises:
        InvalidInputError: the program is not to be found.

    Version history: 1.
    """

    name: ClassVar[str] = "maestro"
    version: ClassVar[str] = "1"
    program: ClassVar[str] = maestro.PROGRAM
    install: ClassVar[str] = maestro.INSTALL
    metrics = maestro.METRICS

    def inexpressible(self, layer: Layer, mapping: Mapping) -> str:
        """Return why MAESTRO cannot be asked, or an empty text."""
        return maestro.inexpressible(layer, mapping)

    def arguments(self, design: Design, workload: Any) -> Sequence[str]:
        """Return the command line."""
        return maestro.maestro_arguments(self.model.architecture, self.mapping(design, workload))

    def files(self, design: Design, workload: Any) -> Dictionary[str, str]:
        """Return the mapping file."""
        _, layer = one_layer(workload)
        return {maestro.FILE: maestro.maestro_file(layer, self.mapping(design, workload)), **self._layer_file(workload)}

    def parse(self, directory: Path) -> Measured:
        """Return the metrics from the program's table."""
        network, layer = self._told(directory)
        cycles, energy_nj = maestro.read_result(directory, layer)
        architecture, count, macs = self.model.architecture, network.distinct[0][1], float(network.macs)
        cycles *= count
        return {
            "latency_ns": (cycles * 1e3 / self.model.clock_mhz, "ns"),
            "energy_pj": (energy_nj * count, "nJ"),
            "cycles": (cycles, "cycles"),
            "utilisation": (macs / (cycles * architecture.columns * architecture.rows), "1"),
            "macs_per_cycle": (macs / cycles, "1"),
            "macs": (macs, "1"),
        }
