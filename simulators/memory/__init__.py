"""Memory-controller simulator: designs of a DRAM controller against a memory and a trace of requests."""

from __future__ import annotations

from simulators.memory.constraints import Constraint, constraints
from simulators.memory.kernel import Recording
from simulators.memory.kernel_trace import DecodedTrace, decode_trace
from simulators.memory.mappings import MAPPING_NAMES, address_mapping
from simulators.memory.modes import MODES, REPAIRS
from simulators.memory.simulator import MemoryController
from simulators.memory.spaces import memory_space, memory_space_names
from simulators.memory.specification import (
    AddressMapping,
    MemorySpecification,
    Organisation,
    load_memory_specification,
    memory_specification_names,
    parse_memory_specification,
)
from simulators.memory.trace import Trace, check_addresses, read_stl, read_trace, write_stl, write_trace
from simulators.memory.validation import MemoryValidation, TableSummary, validate_memory
from simulators.memory.workloads import check_workload_fits, load_workload, workload_names

__all__ = [
    "MAPPING_NAMES",
    "MODES",
    "REPAIRS",
    "AddressMapping",
    "Constraint",
    "DecodedTrace",
    "MemoryController",
    "MemorySpecification",
    "MemoryValidation",
    "Organisation",
    "Recording",
    "TableSummary",
    "Trace",
    "address_mapping",
    "check_addresses",
    "check_workload_fits",
    "constraints",
    "decode_trace",
    "load_memory_specification",
    "load_workload",
    "memory_space",
    "memory_space_names",
    "memory_specification_names",
    "parse_memory_specification",
    "read_stl",
    "read_trace",
    "validate_memory",
    "workload_names",
    "write_stl",
    "write_trace",
]
