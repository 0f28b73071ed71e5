"""The co-design simulator: hardware and the mapping of each of a network's layers are the design."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, ClassVar, Final

import numpy as np

from simulators.accelerator.coded import CodedSimulator, single_network
from simulators.accelerator.hardware import Hardware, Parts
from simulators.accelerator.layers import Layer, Network
from simulators.accelerator.mapping import Mapping
from simulators.accelerator.mapping_code import CodeReader
from simulators.accelerator.mapping_space import LayerSpace, active_dimensions
from simulators.accelerator.spaces import accelerator_space, template_of_space
from simulators.accelerator.suites import Suite, load_suite
from simulators.accelerator.templates import template_named
from simulators.accelerator.workloads import load_network, network_facts, network_names
from simulators.errors import InvalidInputError
from simulators.evaluation import Evaluation
from simulators.parameters import Parameter
from simulators.spaces import Columns, DesignSpace

MOST_LANES: Final = {"columns": 64, "rows": 64}
"""Up to here a space lets a dimension be limited to part of the columns or rows; beyond, all are used."""


class CoDesign(CodedSimulator):
    """Analytical model of a spatial accelerator on a network; hardware and every layer's mapping are inputs.

    Inputs are the template's hardware parameters and, for each distinct layer, the mapping code of
    :mod:`simulators.accelerator.mapping_code`, its names prefixed by the layer's (``conv1_pe_M``).

    Args:
        network: a name, or a file; ``network:layer`` for one layer of it.
        template: which hardware parameters there are, see :mod:`simulators.accelerator.templates`.
        mode: ``"default"``, or ``"timeloop"``: Timeloop's semantics, see :mod:`simulators.accelerator.modes`.
        repairs: which of the reference's defects mode ``default`` repairs, as names or one comma-separated text; None
            for all.
        fit: what becomes of tiles that do not fit: ``"shrink"`` or ``"refuse"``, see ``mapping_code``.
        node_nm: technology, 45 or 22.
        word_bits: of all tensors, 16 or 8.
        dram: kind of DRAM for the energy per bit, one of ``technology.DRAM_KINDS``.
        clock_mhz: clock of array and buffers, above 0.

    Raises:
        UnknownNameError: an unknown network, template, mode, repair, fit, node, word size or kind of DRAM.
        InvalidInputError: several networks, a file that cannot be read, or a wrong clock.

    Version history: 1.
    """

    name: ClassVar[str] = "accelerator-codesign"
    version: ClassVar[str] = "1"
    threaded: ClassVar[bool] = True

    def __init__(
        self,
        network: str | Network = "resnet18",
        template: str = "default",
        mode: str = "default",
        repairs: str | Sequence[str] | None = None,
        fit: str = "shrink",
        node_nm: int = 45,
        word_bits: int = 16,
        dram: str = "lpddr4",
        clock_mhz: float = 500.0,
    ) -> None:
        super().__init__(mode, repairs, fit, Parts(node_nm, word_bits, dram), clock_mhz)
        self.network = single_network(load_suite(network, load_network) if isinstance(network, str) else network)
        self.template = template_named(template)
        self.prefixes = layer_prefixes(self.network)
        dimensions = [active_dimensions(layer) for layer, _ in self.network.distinct]
        self.reader = CodeReader(self.prefixes, dimensions, explicit=False)
        self.inputs = (*self.template.inputs, *self.reader.inputs)

    def settings(self) -> dict[str, Any]:
        """Return everything that decides the numbers, but for the network, which is the workload."""
        return {"template": self.template.name, **super().settings()}

    def workload_names(self) -> tuple[str, ...]:
        """Return the names of the networks that ship."""
        return network_names()

    def workload_facts(self, name: str) -> dict[str, Any]:
        """Return what a network that ships asks of an accelerator."""
        return network_facts(name)

    def load_workload(self, name_or_path: str) -> Suite:
        """Return a network: the one this simulator has inputs for.

        Raises:
            UnknownNameError: no such network.
            InvalidInputError: another network, or a file that cannot be read.
        """
        suite = load_suite(name_or_path, load_network)
        self._own(suite)
        return suite

    def hardware_of(self, columns: Columns) -> Hardware:
        """Return the accelerators of checked columns."""
        return self.template.build(columns, self.parts)

    def evaluate_columns(self, columns: Columns, workload: Suite | Network | Layer) -> Evaluation:
        """Evaluate checked designs on this simulator's network; see :meth:`Simulator.simulate`."""
        return self.evaluate_network(columns, self._own(workload))

    def mappings(self, columns: Columns) -> list[list[Mapping]]:
        """Return the mappings of checked columns after ``fit``: one list per design, of one per distinct layer."""
        return self.decode_mappings(columns, self.network)

    def space(self, name: str = "default", mappings: str = "default") -> DesignSpace:
        """Return a search space.

        Args:
            name: of the hardware's, see :mod:`simulators.accelerator.spaces`.
            mappings: of each layer's, see :mod:`simulators.accelerator.mapping_space`.

        Raises:
            UnknownNameError: a space that does not exist.
            InvalidInputError: a space of another template.
        """
        if template_of_space(name) != self.template.name:
            raise InvalidInputError(f"space {name!r} needs template {template_of_space(name)!r}")
        hardware = accelerator_space(name)
        parameters = [*hardware.parameters, *self._mapping_parameters(hardware, mappings)]
        return DesignSpace(parameters, inactive=hardware.inactive, name=_joint_name(name, mappings))

    def _mapping_parameters(self, hardware: DesignSpace, mappings: str) -> list[Parameter]:
        reference = {i.name: np.full(1, i.default) for i in self.template.inputs}
        reference |= {p.name: np.array([p.default]) for p in hardware.parameters}
        arch = self.hardware_of(reference).archs[0]
        found: list[Parameter] = []
        for prefix, (layer, _) in zip(self.prefixes, self.network.distinct, strict=True):
            group = prefix.rstrip("_")
            of_layer = LayerSpace(layer, arch, self.repair_bits, mappings, prefix, group, most_lanes=MOST_LANES)
            found += of_layer.parameters()
        return found

    def _own(self, workload: Suite | Network | Layer) -> Network:
        network = single_network(workload)
        if network is not self.network and network.digest != self.network.digest:
            raise InvalidInputError(
                f"this simulator has inputs for the layers of {self.network.name!r}, not of {network.name!r}: "
                "build one with network=..."
            )
        return self.network


def layer_prefixes(network: Network) -> tuple[str, ...]:
    """Return what the inputs of each distinct layer begin with: its name in letters that a parameter can have."""
    found: dict[str, None] = {}
    for layer, _ in network.distinct:
        name = re.sub(r"\W+", "_", layer.name, flags=re.ASCII).strip("_") or "layer"
        name = f"layer_{name}" if name[0].isdigit() else name
        unique = next(text for text in _numbered(name) if text + "_" not in found)
        found[unique + "_"] = None
    return tuple(found)


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}_{number}" for number in count(2))


def _joint_name(hardware: str, mappings: str) -> str:
    return hardware if mappings == "default" else f"{hardware}/{mappings}"
