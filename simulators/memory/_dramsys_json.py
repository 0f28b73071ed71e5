"""Reading DRAMSys 4.0's own memory specifications (configs/memspecs) and address mappings (configs/amconfigs).

Errors use DRAMSys's field names. A memory file may say which mapping belongs to it, which DRAMSys's own files do not:
a top-level ``mapping`` beside ``memspec``, the name of a mapping of ours or the path of an address-mapping file.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

from simulators.errors import InvalidInputError, UnknownNameError
from simulators.memory._specification_fields import CURRENTS, FORMAT, MAPPING_FIELDS, TIMINGS, Fields
from simulators.memory.mappings import MAPPINGS, mapping_for
from simulators.memory.specification import MemorySpecification, Organisation, parse_memory_specification

DEFAULT_MAPPING: Final = "RowBankColumn"
"""The mapping of a memory file that comes without one."""

_BITS: Final = {
    "byte": "BYTE_BIT",
    "column": "COLUMN_BIT",
    "bank_group": "BANKGROUP_BIT",
    "bank": "BANK_BIT",
    "row": "ROW_BIT",
    "rank": "RANK_BIT",
}


def is_dramsys(content: Any) -> bool:
    """Return whether decoded JSON looks like a memory specification of DRAMSys, or like half of one."""
    return isinstance(content, dict) and ("memspec" in content or "CONGEN" in content)


def load_dramsys(content: Any, path: Path, mapping: str | os.PathLike[str] | None = None) -> MemorySpecification:
    """Return the specification in the DRAMSys memory file ``path`` with this decoded ``content``.

    Args:
        content: the decoded JSON.
        path: where it comes from, for messages and for relative paths inside it.
        mapping: name of a mapping of ours, or path of an address-mapping file; None for what the file's ``mapping``
            says, else ``RowBankColumn``.

    Raises:
        InvalidInputError: a field is wrong or missing, or the standard is not supported.
        UnknownNameError: a mapping that is neither a name nor a file.
    """
    if "memspec" not in content:
        raise InvalidInputError(
            f"memory specification {path}: this is an address mapping (CONGEN); give the memory's file (memspec), and "
            "this one as its mapping"
        )
    if mapping is None and "mapping" in content:
        said = Fields(content, str(path)).text("mapping")
        beside = path.parent / said
        mapping = beside if beside.is_file() and said not in MAPPINGS else said
    mapping = mapping or DEFAULT_MAPPING
    return from_dramsys(content, _read_mapping(mapping), str(path), os.fspath(mapping))


def bits_of(mapping: str | os.PathLike[str], organisation: Organisation) -> dict[str, Any]:
    """Return a mapping as the field ``address_mapping`` of a specification in our format.

    Args:
        mapping: name of a mapping of ours, or path of an address-mapping file of DRAMSys.
        organisation: the geometry it has to fit.

    Raises:
        InvalidInputError: a field is wrong or missing.
        UnknownNameError: neither a name nor a file.
    """
    return _bits(_read_mapping(mapping), organisation, os.fspath(mapping))


def _read_mapping(mapping: str | os.PathLike[str]) -> Any:
    """Return the name of a mapping of ours, or the decoded content of an address-mapping file."""
    text = os.fspath(mapping)
    if text in MAPPINGS:
        return text
    if not Path(text).is_file():
        raise UnknownNameError("address mapping", text, MAPPINGS, "Or give the path of an address-mapping file.")
    try:
        return json.loads(Path(text).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"address mapping {text}: cannot be read as JSON: {error}") from error


def from_dramsys(memory: Any, mapping: Any, origin: str, mapping_origin: str = "") -> MemorySpecification:
    """Return the specification that a DRAMSys memory and address-mapping file (decoded JSON) describe.

    Args:
        memory: content of the memory file.
        mapping: content of the address-mapping file, or the name of a mapping of ours.
        origin: the memory file's name, for messages.
        mapping_origin: the mapping file's name, if it is another.

    Raises:
        InvalidInputError: a field is wrong or missing, or the standard is not supported.
    """
    spec = Fields(memory, origin).table("memspec")
    standard = spec.text("memoryType")
    if standard not in TIMINGS:
        raise spec.wrong("memoryType", f"one of {', '.join(TIMINGS)}")
    organisation = _organisation(spec.table("memarchitecturespec"))
    timing = spec.table("memtimingspec")
    clock = timing.number("clkMhz")
    content = {
        "format": FORMAT,
        "name": spec.text("memoryId", Path(origin).stem),
        "source": origin,
        "standard": standard,
        "clock_mhz": clock,
        "organisation": vars(organisation),
        "timings_cycles": timing.integers(TIMINGS[standard], minimum=0, more=True, besides=("clkMhz",)),
        "address_mapping": _bits(mapping, organisation, mapping_origin or origin),
        **_power(spec.table("mempowerspec", {}), standard),
    }
    return parse_memory_specification(content, origin)


def _organisation(fields: Fields) -> Organisation:
    """Return the geometry; pseudo-channels are ranks here, and counts that are not given are 1."""
    channels = fields.integer("nbrOfChannels", 1)
    if channels != 1:
        raise fields.wrong("nbrOfChannels", "1, for one controller has one channel")
    ranks = "nbrOfPseudoChannels" if fields.has("nbrOfPseudoChannels") else "nbrOfRanks"
    devices = "nbrOfDevices" if fields.has("nbrOfDevices") else "nbrOfDevicesOnDIMM"
    groups = _power_of_two(fields, "nbrOfBankGroups", 1)
    banks = _power_of_two(fields, "nbrOfBanks")
    if banks < groups:
        raise fields.wrong("nbrOfBanks", f"at least nbrOfBankGroups ({groups}): banks of all groups of a rank")
    width, burst = _power_of_two(fields, "width"), _power_of_two(fields, "burstLength")
    device_count = _power_of_two(fields, devices, 1)
    if width * device_count < 8:
        raise fields.wrong("width", f"a data bus of at least 8 bits, here width x {device_count} devices")
    return Organisation(
        ranks=_power_of_two(fields, ranks, 1),
        bank_groups_per_rank=groups,
        banks_per_rank=banks,
        rows=_power_of_two(fields, "nbrOfRows"),
        columns=_power_of_two(fields, "nbrOfColumns"),
        device_width_bits=width,
        devices_per_rank=device_count,
        burst_length=burst,
        data_rate=_power_of_two(fields, "dataRate"),
    )


def _power_of_two(fields: Fields, name: str, default: int | None = None) -> int:
    value = fields.integer(name, default)
    if value & (value - 1):
        raise fields.wrong(name, "a power of two")
    return value


def _bits(mapping: Any, organisation: Organisation, origin: str) -> dict[str, Any]:
    if isinstance(mapping, str):
        return _of_ours(mapping, organisation)
    return _of_theirs(Fields(mapping, origin).table("CONGEN"), organisation)


def _of_ours(name: str, organisation: Organisation) -> dict[str, Any]:
    mapping = mapping_for(name, organisation)
    bits: dict[str, Any] = {part: list(getattr(mapping, part)) for part in MAPPING_FIELDS}
    return bits | ({"xor": [list(pair) for pair in mapping.xor]} if mapping.xor else {})


def _of_theirs(fields: Fields, o: Organisation) -> dict[str, Any]:
    """Return the bits of a CONGEN section, one list per part, as long as the geometry needs."""
    sizes = {
        "byte": (o.bus_bytes, "bytes per beat"),
        "column": (o.columns, "columns"),
        "bank_group": (o.bank_groups_per_rank, "bank groups"),
        "bank": (o.banks_per_rank // o.bank_groups_per_rank, "banks per bank group"),
        "row": (o.rows, "rows"),
        "rank": (o.ranks, "ranks or pseudo-channels"),
    }
    found = fields.bit_lists(_BITS.values())
    bits: dict[str, Any] = {part: list(found[theirs]) for part, theirs in _BITS.items()}
    for part, (size, what) in sizes.items():
        needed = size.bit_length() - 1
        if len(bits[part]) != needed:
            raise fields.wrong(_BITS[part], f"{needed} bits, because there are {size} {what}")
    if fields.has("XOR"):
        pairs = fields.sequence("XOR")
        if not all(isinstance(pair, dict) and {"FIRST", "SECOND"} <= pair.keys() for pair in pairs):
            raise fields.wrong("XOR", "a list of objects with FIRST and SECOND, two address bits")
        bits["xor"] = [[pair["FIRST"], pair["SECOND"]] for pair in pairs]
    fields.refuse_others()
    return bits


def _power(fields: Fields, standard: str) -> dict[str, dict[str, float]]:
    """Return currents and supplies; none where the file has none."""
    power = fields.numbers()
    currents = {name: value for name, value in power.items() if name.startswith("idd")}
    if currents and CURRENTS[standard]:
        fields.need((*CURRENTS[standard], "vdd"))
    return {"currents_ma": currents, "supply_v": {n: value for n, value in power.items() if n.startswith("vdd")}}
