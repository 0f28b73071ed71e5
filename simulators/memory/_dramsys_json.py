"""Reading DRAMSys 4.0's own memory specifications (configs/memspecs) and address mappings (configs/amconfigs)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulators.errors import InvalidInputError
from simulators.memory._specification_fields import FORMAT, TIMINGS
from simulators.memory.specification import MemorySpecification, parse_memory_specification

_ORGANISATION = {
    "ranks": "nbrOfRanks",
    "bank_groups_per_rank": "nbrOfBankGroups",
    "banks_per_rank": "nbrOfBanks",
    "rows": "nbrOfRows",
    "columns": "nbrOfColumns",
    "device_width_bits": "width",
    "devices_per_rank": "nbrOfDevicesOnDIMM",
    "burst_length": "burstLength",
    "data_rate": "dataRate",
}
_MAPPING = {
    "byte": "BYTE_BIT",
    "column": "COLUMN_BIT",
    "bank_group": "BANKGROUP_BIT",
    "bank": "BANK_BIT",
    "row": "ROW_BIT",
    "rank": "RANK_BIT",
}


def from_dramsys(memory: Any, mapping: Any, origin: str) -> MemorySpecification:
    """Return the specification that a DRAMSys memory and address-mapping file (decoded JSON) describe.

    Raises:
        InvalidInputError: a field is wrong or missing, or the standard is not supported.
    """
    try:
        spec, bits = memory["memspec"], mapping["CONGEN"]
        if spec["memoryType"] not in TIMINGS:
            raise InvalidInputError(
                f"memory standard {spec['memoryType']} is not supported; supported: {', '.join(TIMINGS)}"
            )
        timing = dict(spec["memtimingspec"])
        content = {
            "format": FORMAT,
            "name": spec["memoryId"],
            "source": origin,
            "standard": spec["memoryType"],
            "clock_mhz": timing.pop("clkMhz"),
            "organisation": _organisation(spec["memarchitecturespec"]),
            "timings_cycles": timing,
            "address_mapping": _address_mapping(bits),
            **_power(spec.get("mempowerspec", {})),
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidInputError(f"{origin}: not a DRAMSys 4.0 specification: {error!r} is missing") from error
    return parse_memory_specification(content, origin)


def _organisation(architecture: Mapping[str, Any]) -> dict[str, Any]:
    """Pseudo-channels are ranks here; counts that are not given are 1."""
    found = {ours: architecture.get(theirs, 1) for ours, theirs in _ORGANISATION.items()}
    found["ranks"] = architecture.get("nbrOfPseudoChannels", found["ranks"])
    found["devices_per_rank"] = architecture.get("nbrOfDevices", found["devices_per_rank"])
    return found


def _address_mapping(bits: Mapping[str, Any]) -> dict[str, Any]:
    mapping: dict[str, Any] = {ours: bits.get(theirs, []) for ours, theirs in _MAPPING.items()}
    pairs = [[pair["FIRST"], pair["SECOND"]] for pair in bits.get("XOR", [])]
    return mapping | ({"xor": pairs} if pairs else {})


def _power(power: Mapping[str, float]) -> dict[str, dict[str, float]]:
    return {
        "currents_ma": {name: value for name, value in power.items() if name.startswith("idd")},
        "supply_v": {name: value for name, value in power.items() if name.startswith("vdd")},
    }
