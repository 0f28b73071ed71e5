"""Address mappings by name, for any geometry: how the bits of an address select bank, row and column.

=================== ================================================================================================
name                address bits, most significant first
=================== ================================================================================================
Specification       as the memory's specification file says
RowBankColumn       row, rank, bank, bank group, column: neighbouring pages go to different banks (page interleaving)
BankRowColumn       rank, bank, bank group, row, column: each bank is one block of the memory
RowColumnBank       row, column, rank, bank, bank group, burst: neighbouring bursts go to different banks
PermutedBank        RowBankColumn with the bank and bank-group bits XORed with the lowest row bits, so that rows which
                    would collide in one bank spread (permutation-based page interleaving: Zhang, Zhu and Zhang,
                    MICRO 2000)
=================== ================================================================================================
"""

from __future__ import annotations

from typing import Final

from simulators.errors import UnknownNameError
from simulators.memory.specification import AddressMapping, MemorySpecification, Organisation

SPECIFICATION: Final = "Specification"
MAPPINGS: Final = ("RowBankColumn", "BankRowColumn", "RowColumnBank", "PermutedBank")
MAPPING_NAMES: Final = (SPECIFICATION, *MAPPINGS)

_ORDERS: Final = {
    "RowBankColumn": ("byte", "burst", "column", "bank_group", "bank", "rank", "row"),
    "BankRowColumn": ("byte", "burst", "column", "row", "bank_group", "bank", "rank"),
    "RowColumnBank": ("byte", "burst", "bank_group", "bank", "rank", "column", "row"),
    "PermutedBank": ("byte", "burst", "column", "bank_group", "bank", "rank", "row"),
}
"""Fields, least significant first; ``burst``: the column bits inside one burst."""


def address_mapping(name: str, specification: MemorySpecification) -> AddressMapping:
    """Return the mapping of that name for a memory.

    Raises:
        UnknownNameError: no such mapping.
    """
    if name == SPECIFICATION:
        return specification.mapping
    return mapping_for(name, specification.organisation)


def mapping_for(name: str, organisation: Organisation) -> AddressMapping:
    """Return the mapping of that name, ``Specification`` apart, for a geometry.

    Raises:
        UnknownNameError: no such mapping.
    """
    if name not in _ORDERS:
        raise UnknownNameError("address mapping", name, MAPPING_NAMES)
    bits: dict[str, tuple[int, ...]] = {}
    position = 0
    for part, count in ((part, _widths(organisation)[part]) for part in _ORDERS[name]):
        bits[part] = tuple(range(position, position + count))
        position += count
    hashed = (*bits["bank_group"], *bits["bank"]) if name == "PermutedBank" else ()
    return AddressMapping(
        byte=bits["byte"],
        column=bits["burst"] + bits["column"],
        bank_group=bits["bank_group"],
        bank=bits["bank"],
        row=bits["row"],
        rank=bits["rank"],
        xor=tuple(zip(hashed, bits["row"], strict=False)),
    )


def _widths(o: Organisation) -> dict[str, int]:
    """Return how many address bits each field takes; every count is a power of two."""
    sizes = {
        "byte": o.bus_bytes,
        "burst": o.burst_length,
        "column": o.columns // o.burst_length,
        "bank_group": o.bank_groups_per_rank,
        "bank": o.banks_per_rank // o.bank_groups_per_rank,
        "row": o.rows,
        "rank": o.ranks,
    }
    return {part: size.bit_length() - 1 for part, size in sizes.items()}
