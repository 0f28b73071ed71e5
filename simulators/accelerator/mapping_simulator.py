"""The mapping simulator: one layer on fixed hardware, the mapping is the design."""

from __future__ import annotations

from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from simulators.accelerator.architecture import Architecture
from simulators.accelerator.coded import CodedSimulator, single_network
from simulators.accelerator.fixed_hardware import fixed_hardware, hardware_name
from simulators.accelerator.hardware import Hardware, Parts, architecture_of_words
from simulators.accelerator.layers import DIMENSIONS, Layer, Network
from simulators.accelerator.mapping import Mapping
from simulators.accelerator.mapping_code import CodeReader
from simulators.accelerator.mapping_space import LayerSpace
from simulators.accelerator.suites import Suite, load_suite
from simulators.accelerator.workloads import load_network, network_names
from simulators.errors import InvalidInputError
from simulators.evaluation import Evaluation
from simulators.parameters import Value
from simulators.spaces import Columns, DesignSpace


class LayerMapping(CodedSimulator):
    """Analytical model of one layer on one accelerator; inputs describe a mapping, see ``mapping_code``.

    Every mapping of the model can be expressed: any factors at any level, any order of loops, any dimensions over
    columns and rows of the array.

    Args:
        hardware: a name of ``fixed_hardware.HARDWARE_NAMES``, a file of hardware parameters, or the parameters.
        mode: ``"default"``, or ``"timeloop"``: Timeloop's semantics, see :mod:`simulators.accelerator.modes`.
        repairs: which of the reference's defects mode ``default`` repairs, as names or one comma-separated text; None
            for all.
        fit: what becomes of tiles that do not fit: ``"refuse"`` or ``"shrink"``, see ``mapping_code``.
        node_nm: technology, 45 or 22.
        word_bits: of all tensors, 16 or 8.
        dram: kind of DRAM for the energy per bit, one of ``technology.DRAM_KINDS``.
        clock_mhz: clock of array and buffers, above 0.

    Raises:
        UnknownNameError: an unknown hardware, mode, repair, fit, node, word size or kind of DRAM.
        InvalidInputError: hardware that cannot be built, or a wrong clock.

    Version history: 1.
    """

    name: ClassVar[str] = "accelerator-mapping"
    version: ClassVar[str] = "1"
    threaded: ClassVar[bool] = True

    def __init__(
        self,
        hardware: str | Path | Dictionary[str, Value] = "eyeriss",
        mode: str = "default",
        repairs: str | Sequence[str] | None = None,
        fit: str = "refuse",
        node_nm: int = 45,
        word_bits: int = 16,
        dram: str = "lpddr4",
        clock_mhz: float = 500.0,
    ) -> None:
        super().__init__(mode, repairs, fit, Parts(node_nm, word_bits, dram), clock_mhz)
        self.hardware = fixed_hardware(hardware, self.parts)
        self._hardware_name = hardware_name(hardware)
        self.reader = CodeReader([""], ["".join(DIMENSIONS)], explicit=True)
        self.inputs = self.reader.inputs

    @property
    def architecture(self) -> Architecture:
        """The accelerator."""
        area = float(self.hardware.area_mm2[0])
        return architecture_of_words(self.hardware.archs[0], area, name=self._hardware_name)

    def hardware_of(self, columns: Columns) -> Hardware:
        """Return the one accelerator, whatever the columns."""
        return self.hardware

    def settings(self) -> dict[str, Any]:
        """Return everything that decides the numbers; the hardware as the kernel's words and its area."""
        words = [float(word) if word != float("inf") else "inf" for word in self.hardware.archs[0]]
        return {"hardware": words, "area_mm2": float(self.hardware.area_mm2[0]), **super().settings()}

    def workload_names(self) -> tuple[str, ...]:
        """Return the distinct layers of the networks that ship, as ``network/layer``."""
        return layer_names()

    def load_workload(self, name_or_path: str) -> Suite:
        """Return a layer: ``network/layer`` or ``network:layer``, or a file, with ``/layer`` if it has several.

        Raises:
            UnknownNameError: no such network, file or layer.
            InvalidInputError: a file that cannot be read, or several layers.
        """
        suite = load_suite(name_or_path, load_network)
        one_layer(suite, str(name_or_path).strip())
        return suite

    def evaluate_columns(self, columns: Columns, workload: Suite | Network | Layer) -> Evaluation:
        """Evaluate checked designs on a workload of one layer; see :meth:`Simulator.simulate`."""
        network, _ = one_layer(workload)
        return self.evaluate_network(columns, network)

    def mappings(self, columns: Columns, workload: Suite | Network | Layer) -> list[Mapping]:
        """Return the mappings that checked columns stand for, after ``fit``, valid or not."""
        network, _ = one_layer(workload)
        return [m for (m,) in self.decode_mappings(columns, network)]

    def space(self, workload: Suite | Network | Layer, name: str = "default") -> DesignSpace:
        """Return a search space of mappings of a layer, see :mod:`simulators.accelerator.mapping_space`.

        Raises:
            UnknownNameError: no such space.
        """
        _, layer = one_layer(workload)
        parameters = LayerSpace(layer, self.hardware.archs[0], self.repair_bits, name).parameters()
        return DesignSpace(parameters, name=name)


def one_layer(workload: Suite | Network | Layer, address: str = "") -> tuple[Network, Layer]:
    """Return a workload of one layer, as network and as layer.

    Args:
        workload: the workload.
        address: what it was loaded by, for messages.

    Raises:
        InvalidInputError: several layers.
    """
    network = single_network(workload)
    if len(network.distinct) != 1:
        names = [layer.name for layer, _ in network.distinct]
        raise InvalidInputError(
            f"network {network.name!r} has {len(names)} different layers; choose one, "
            f"such as {address or network.name}:{names[0]}. Layers: {', '.join(names)}"
        )
    return network, network.distinct[0][0]


@cache
def layer_names() -> tuple[str, ...]:
    """Return ``network/layer`` of the distinct layers of all networks that ship."""
    return tuple(f"{name}/{layer.name}" for name in network_names() for layer, _ in load_network(name).distinct)
