"""Memory specifications: geometry, timings, currents and address mapping of the memory behind a controller.

A specification is a JSON file, one of DRAMSys 4.0 (``_dramsys_json``) or one in this format (see
``data/specifications/ddr3_1600.json`` for a complete one):

================== ==========================================================================================
field              content
================== ==========================================================================================
format             ``"archgym-memory-specification/1"``
name, title        what users call it; one line for tables
source             where the numbers come from
standard           ``"DDR3"``, ``"DDR4"``, ``"LPDDR4"`` or ``"HBM2"``; decides which timings and currents are
                   needed and which constraints hold
clock_mhz          the command clock; all timings count its cycles
organisation       ranks, bank_groups_per_rank, banks_per_rank, rows, columns, device_width_bits,
                   devices_per_rank, burst_length (beats), data_rate (beats per cycle)
timings_cycles     integers, named as in the JEDEC standard without the leading t
currents_ma        the data sheet's IDD values of one device, mA (may be absent: then there is no energy)
supply_v           supply voltages, V
address_mapping    byte, column, bank_group, bank, row, rank: address bits, least significant first; and, if
                   bits are to be hashed, xor: pairs ``[bit, other]``, "replace bit by bit XOR other"
================== ==========================================================================================
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulators.errors import InvalidInputError, UnknownNameError
from simulators.memory._specification_fields import (
    CURRENTS,
    FORMAT,
    MAPPING_FIELDS,
    ORGANISATION_FIELDS,
    POWER_DOWN_TIMINGS,
    TIMINGS,
    Fields,
)

_FOLDER = Path(__file__).parent / "data" / "specifications"


@dataclass(frozen=True)
class Organisation:
    """Geometry of one channel. Counts, except ``device_width_bits`` and ``data_rate`` (beats per cycle)."""

    ranks: int
    bank_groups_per_rank: int
    banks_per_rank: int
    rows: int
    columns: int
    device_width_bits: int
    devices_per_rank: int
    burst_length: int
    data_rate: int

    @property
    def banks(self) -> int:
        """Banks of the channel, over all ranks."""
        return self.ranks * self.banks_per_rank

    @property
    def bank_groups(self) -> int:
        """Bank groups of the channel, over all ranks."""
        return self.ranks * self.bank_groups_per_rank

    @property
    def bus_bytes(self) -> int:
        """Bytes per beat on the data bus."""
        return self.device_width_bits * self.devices_per_rank // 8


@dataclass(frozen=True)
class AddressMapping:
    """Which address bits select what, least significant first; bits that nothing names are ignored.

    ``xor``: pairs of address bits; before anything is selected, the first of each is replaced by the exclusive or of
    both (permutation-based interleaving).
    """

    byte: tuple[int, ...]
    column: tuple[int, ...]
    bank_group: tuple[int, ...]
    bank: tuple[int, ...]
    row: tuple[int, ...]
    rank: tuple[int, ...]
    xor: tuple[tuple[int, int], ...] = ()

    def hashed(self, address: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Return addresses ``[n]`` with the bits of ``xor`` replaced."""
        for bit, other in self.xor:
            address = address ^ ((address >> np.uint64(other) & np.uint64(1)) << np.uint64(bit))
        return address

    def extract(self, address: NDArray[np.uint64], part: str) -> NDArray[np.int64]:
        """Return the value of ``part`` (a field's name) for each :meth:`hashed` address of an array ``[n]``."""
        value = np.zeros(len(address), dtype=np.uint64)
        for position, bit in enumerate(getattr(self, part)):
            value |= (address >> np.uint64(bit) & np.uint64(1)) << np.uint64(position)
        return value.astype(np.int64)


@dataclass(frozen=True)
class BankRefresh:
    """Refresh of single banks: ``interval`` (REFI), duration ``cycles`` (RFC), and the bank's ``precharge`` (RP)."""

    interval: int
    cycles: int
    precharge: int


@dataclass(frozen=True)
class MemorySpecification:
    """One memory channel: everything the controller model needs to know about it.

    Attributes:
        name, title, source, standard: see the module's table.
        clock_mhz: command clock.
        organisation: geometry.
        timings: timing name -> cycles.
        currents_ma: current name -> mA of one device; empty if unknown.
        supply_v: supply name -> V.
        mapping: address mapping.
    """

    name: str
    title: str
    source: str
    standard: str
    clock_mhz: float
    organisation: Organisation
    timings: Mapping[str, int] = field(hash=False)
    currents_ma: Mapping[str, float] = field(hash=False)
    supply_v: Mapping[str, float] = field(hash=False)
    mapping: AddressMapping

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy with plain dictionaries: read-only views of them have no pickled form."""
        values = (getattr(self, name.name) for name in dataclasses.fields(self))
        return _rebuilt, tuple(dict(value) if isinstance(value, MappingProxyType) else value for value in values)

    @property
    def cycle_ps(self) -> int:
        """Length of a clock cycle in whole ps, as SystemC's default time resolution rounds it (DDR4-2400: 833)."""
        return round(1e6 / self.clock_mhz)

    @property
    def cycle_ns(self) -> float:
        """Length of a clock cycle, ns (DDR4-2400: 0.8333...)."""
        return 1000.0 / self.clock_mhz

    @property
    def data_cycles(self) -> tuple[int, int]:
        """Cycles from a read and from a write command to the end of its data.

        Source: DRAMSys 4.0, library/src/configuration/memspec/MemSpec*.cpp, getIntervalOnDataStrobe.
        """
        t, burst = self.timings, self.burst_cycles
        if self.standard == "LPDDR4":
            return t["RL"] + t["DQSCK"] + burst + 3, t["WL"] + t["DQSS"] + t["DQS2DQ"] + burst + 3
        skew = t["DQSCK"] if self.standard == "HBM2" else 0
        return t["RL"] + skew + burst, t["WL"] + burst

    @property
    def bank_refresh(self) -> BankRefresh | None:
        """How single banks are refreshed, None if the standard cannot."""
        t = self.timings
        if self.standard == "LPDDR4":
            return BankRefresh(t["REFIPB"], t["RFCPB"], t["RPPB"])
        return BankRefresh(t["REFISB"], t["RFCSB"], t["RP"]) if self.standard == "HBM2" else None

    @property
    def can_power_down(self) -> bool:
        """Whether the timings that power-down needs are known."""
        return all(name in self.timings for name in POWER_DOWN_TIMINGS[self.standard])

    @property
    def has_energy(self) -> bool:
        """Whether there is an energy model for the standard, and the currents it needs."""
        return bool(CURRENTS[self.standard]) and bool(self.currents_ma)

    @property
    def power_timings(self) -> Mapping[str, int]:
        """The timings that the power model uses, under DDR3's names."""
        t = self.timings
        if self.standard == "LPDDR4":
            return {**t, "RFC": t["RFCAB"], "RP": t["RPPB"], "RC": t["RCPB"], "AL": 0}
        return {**t, "RCD": t["RCDRD"], "AL": 0} if self.standard == "HBM2" else t

    @property
    def burst_cycles(self) -> int:
        """Cycles that one burst occupies the data bus: beats over beats per cycle."""
        return self.organisation.burst_length // self.organisation.data_rate

    @property
    def burst_bytes(self) -> int:
        """Bytes that one burst moves."""
        return self.organisation.burst_length * self.organisation.bus_bytes

    @property
    def peak_bandwidth_gbit_per_s(self) -> float:
        """Bits per ns with the data bus always busy (DDR3-1600, 64 bit: 102.4); pseudo-channels have one each."""
        buses = self.organisation.ranks if self.standard == "HBM2" else 1
        return buses * self.burst_bytes * 8 / (self.burst_cycles * self.cycle_ns)

    @property
    def capacity_bytes(self) -> int:
        """Bytes of the channel."""
        o = self.organisation
        return o.banks * o.rows * o.columns * o.bus_bytes

    @cached_property
    def digest(self) -> str:
        """Hex digits that change with any number that takes part in simulation (not with title or source)."""
        content = {k: v for k, v in to_json(self).items() if k not in ("name", "title", "source")}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]

    def with_mapping(self, mapping: AddressMapping) -> MemorySpecification:
        """Return the same memory with another address mapping."""
        return replace(self, mapping=mapping)

    def decode(self, address: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the flat bank number and the row of each address ``[n]``.

        Banks are numbered rank by rank, bank group by bank group (DRAMSys 4.0, AddressDecoder.cpp). Bits the
        mapping does not name are ignored, so addresses beyond the capacity wrap.
        """
        o, m = self.organisation, self.mapping
        address = m.hashed(address)
        group = m.extract(address, "rank") * o.bank_groups_per_rank + m.extract(address, "bank_group")
        banks_per_group = o.banks_per_rank // o.bank_groups_per_rank
        return group * banks_per_group + m.extract(address, "bank"), m.extract(address, "row")


def memory_specification_names() -> tuple[str, ...]:
    """Return the names of the specifications that ship with archgym."""
    return tuple(sorted(path.stem.replace("_", "-") for path in _FOLDER.glob("*.json")))


def load_memory_specification(
    name_or_path: str | os.PathLike[str], mapping: str | os.PathLike[str] | None = None
) -> MemorySpecification:
    """Return the specification of that name or in that JSON file, in our format or DRAMSys 4.0's.

    Args:
        name_or_path: a name that ships, or a file: the module's format, or a memory specification of DRAMSys 4.0
            (configs/memspecs), which has no address mapping unless a top-level ``mapping`` was added: the name of a
            mapping (``simulators.memory.mappings``) or the path of an address-mapping file, relative to this one.
        mapping: another address mapping than the file's: a name, or the path of an address-mapping file of DRAMSys
            (configs/amconfigs); None for the file's own, ``RowBankColumn`` for DRAMSys's files without one.

    Raises:
        UnknownNameError: neither a name that ships nor a file.
        InvalidInputError: not JSON, or a field is wrong, missing or unknown; names file and field.
    """
    from simulators.memory._dramsys_json import bits_of, is_dramsys, load_dramsys  # they need this module

    if not isinstance(name_or_path, str | os.PathLike):
        raise InvalidInputError(
            f"a memory is a name ({', '.join(memory_specification_names())}) or the path of a JSON file, "
            f"got {name_or_path!r}"
        )
    text = os.fspath(name_or_path)
    path = _FOLDER / f"{text.replace('-', '_')}.json" if text in memory_specification_names() else Path(text)
    if not path.is_file():
        raise UnknownNameError("memory", text, memory_specification_names(), "Or give the path of a JSON file.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"memory specification {path}: cannot be read as JSON: {error}") from error
    if is_dramsys(content):
        return load_dramsys(content, path, mapping)
    specification = parse_memory_specification(content, str(path))
    if mapping is None:
        return specification
    bits = bits_of(mapping, specification.organisation)
    return parse_memory_specification({**content, "address_mapping": bits}, str(path))


def _rebuilt(*values: Any) -> MemorySpecification:
    wrapped: list[Any] = [MappingProxyType(value) if isinstance(value, dict) else value for value in values]
    return MemorySpecification(*wrapped)


def parse_memory_specification(content: Any, origin: str) -> MemorySpecification:
    """Return the specification in ``content``, the decoded JSON of the module's table.

    Args:
        content: the data.
        origin: the file's name, for error messages.

    Raises:
        InvalidInputError: naming the wrong, missing or unknown field, what was expected and what was got.
    """
    fields = Fields(content, origin)
    if fields.text("format") != FORMAT:
        raise fields.wrong("format", f"{FORMAT!r}")
    standard = fields.text("standard")
    if standard not in TIMINGS:
        raise fields.wrong("standard", f"one of {', '.join(map(repr, sorted(TIMINGS)))}")
    organisation = Organisation(**fields.table("organisation").integers(ORGANISATION_FIELDS, minimum=1))
    currents = fields.table("currents_ma", {}).numbers()
    specification = MemorySpecification(
        name=fields.text("name"),
        title=fields.text("title", ""),
        source=fields.text("source", ""),
        standard=standard,
        clock_mhz=fields.number("clock_mhz"),
        organisation=organisation,
        timings=MappingProxyType(fields.table("timings_cycles").integers(TIMINGS[standard], minimum=0, more=True)),
        currents_ma=MappingProxyType(currents),
        supply_v=MappingProxyType(fields.table("supply_v", {}).numbers()),
        mapping=_mapping(fields.table("address_mapping")),
    )
    fields.refuse_others()
    _check_geometry(specification, fields)
    if specification.has_energy:
        fields.table("currents_ma").need(CURRENTS[standard])
        fields.table("supply_v").need(("vdd",))
    return specification


def _mapping(fields: Fields) -> AddressMapping:
    mapping = AddressMapping(**fields.bit_lists(MAPPING_FIELDS), xor=fields.bit_pairs("xor"))
    fields.refuse_others()
    return mapping


def to_json(specification: MemorySpecification) -> dict[str, Any]:
    """Return the specification as JSON-serialisable data that :func:`parse_memory_specification` reads."""
    o, m = specification.organisation, specification.mapping
    return {
        "format": FORMAT,
        "name": specification.name,
        "title": specification.title,
        "source": specification.source,
        "standard": specification.standard,
        "clock_mhz": specification.clock_mhz,
        "organisation": {name: getattr(o, name) for name in ORGANISATION_FIELDS},
        "timings_cycles": dict(specification.timings),
        "supply_v": dict(specification.supply_v),
        "currents_ma": dict(specification.currents_ma),
        "address_mapping": {name: list(getattr(m, name)) for name in MAPPING_FIELDS}
        | ({"xor": [list(pair) for pair in m.xor]} if m.xor else {}),
    }


def _check_geometry(specification: MemorySpecification, fields: Fields) -> None:
    """Check that counts and address bits agree, and that a burst is whole cycles."""
    o, m = specification.organisation, specification.mapping
    if o.burst_length % o.data_rate:
        raise fields.wrong("organisation.burst_length", f"a multiple of data_rate ({o.data_rate})")
    if o.bus_bytes < 1:
        raise fields.wrong("organisation.device_width_bits", "a data bus of at least 8 bits over all devices")
    if o.banks_per_rank % o.bank_groups_per_rank:
        raise fields.wrong(
            "organisation.banks_per_rank", f"a multiple of bank_groups_per_rank ({o.bank_groups_per_rank})"
        )
    sizes = {
        "byte": o.bus_bytes,
        "column": o.columns,
        "bank_group": o.bank_groups_per_rank,
        "bank": o.banks_per_rank // o.bank_groups_per_rank,
        "row": o.rows,
        "rank": o.ranks,
    }
    for part, size in sizes.items():
        bits = len(getattr(m, part))
        if 2**bits != size:
            raise fields.wrong(f"address_mapping.{part}", f"{np.log2(size):g} bits, because there are {size}")
    if any(bit == other for bit, other in m.xor):
        raise fields.wrong("address_mapping.xor", "pairs of two different bits")
    used = [bit for part in MAPPING_FIELDS for bit in getattr(m, part)]
    if len(set(used)) != len(used):
        raise fields.wrong("address_mapping", "every address bit at most once")
