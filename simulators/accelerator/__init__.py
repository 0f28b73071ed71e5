"""DNN-accelerator simulators: hierarchical (loop nests on an array of PEs) and systolic, with networks and a mapper.

What users need is here; the rooms behind it: ``layers``, ``workloads``, ``onnx_import`` (networks); ``technology``,
``hardware``, ``templates``, ``spaces`` (hardware); ``mapping``, ``mapper`` (mappings); ``kernel*`` (the model);
``accelerator``, ``mapping_simulator``, ``codesign``, ``systolic``, ``peers`` (simulators); ``validation``.
"""

from __future__ import annotations

from simulators.accelerator.accelerator import Accelerator
from simulators.accelerator.architecture import Architecture, StorageLevel
from simulators.accelerator.codesign import CoDesign
from simulators.accelerator.layers import DIMENSIONS, Layer, Network
from simulators.accelerator.mapper import Effort, MappedLayer, Mapper, map_layer
from simulators.accelerator.mapping import Mapping
from simulators.accelerator.mapping_simulator import LayerMapping
from simulators.accelerator.modes import MODES, REPAIRS
from simulators.accelerator.spaces import ARCHGYM_TARGETS, accelerator_space, accelerator_space_names
from simulators.accelerator.systolic import SystolicArray, systolic_space
from simulators.accelerator.technology import Technology, technology
from simulators.accelerator.templates import architecture_of
from simulators.accelerator.validation import AcceleratorValidation, validate_accelerator
from simulators.accelerator.workloads import load_network, network_names

__all__ = [
    "ARCHGYM_TARGETS",
    "DIMENSIONS",
    "MODES",
    "REPAIRS",
    "Accelerator",
    "AcceleratorValidation",
    "Architecture",
    "CoDesign",
    "Effort",
    "Layer",
    "LayerMapping",
    "MappedLayer",
    "Mapper",
    "Mapping",
    "Network",
    "StorageLevel",
    "SystolicArray",
    "Technology",
    "accelerator_space",
    "accelerator_space_names",
    "architecture_of",
    "load_network",
    "map_layer",
    "network_names",
    "systolic_space",
    "technology",
    "validate_accelerator",
]
