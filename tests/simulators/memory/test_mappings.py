"""Address mappings: every one is a bijection on the address bits; small addresses by hand; permutation spreads rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.errors import UnknownNameError
from simulators.memory import MemorySpecification
from simulators.memory.mappings import MAPPING_NAMES, MAPPINGS, address_mapping
from tests.simulators.memory.cases import CONTROLLERS, MEMORIES, small_trace

EVERY = pytest.mark.parametrize(
    ("name", "mapping"), [(name, mapping) for name in MEMORIES for mapping in MAPPING_NAMES]
)


def address_bits(memory: MemorySpecification) -> int:
    return memory.capacity_bytes.bit_length() - 1


def place(memory: MemorySpecification, mapping: str, address: int) -> int:
    """Where an address goes, all parts side by side in one number."""
    bits, found, width = address_mapping(mapping, memory), 0, 0
    hashed = bits.hashed(np.array([address], dtype=np.uint64))
    for part in ("byte", "column", "row", "bank", "bank_group", "rank"):
        found |= int(bits.extract(hashed, part)[0]) << width
        width += len(getattr(bits, part))
    return found


@EVERY
def test_every_mapping_is_a_bijection(name, mapping):
    """It is linear over single bits (below), so it is enough that no bits add up to nothing: Gaussian elimination."""
    memory = MEMORIES[name]
    basis: dict[int, int] = {}
    for bit in range(address_bits(memory)):
        image = place(memory, mapping, 1 << bit)
        while image and image.bit_length() in basis:
            image ^= basis[image.bit_length()]
        assert image, f"address bit {bit} can be undone by others"
        basis[image.bit_length()] = image
    assert max(basis) == address_bits(memory)  # and every place is reached


@EVERY
def test_every_mapping_is_linear(name, mapping):
    memory = MEMORIES[name]
    addresses = st.integers(0, memory.capacity_bytes - 1)

    @given(addresses, addresses)
    def check(one, other):
        both = place(memory, mapping, one) ^ place(memory, mapping, other)
        assert place(memory, mapping, one ^ other) == both

    check()


@pytest.mark.parametrize(
    ("name", "mapping", "address", "bank", "row"),
    [
        # DDR3, 1 GiB: bursts of 64 bytes, pages of 8 KiB, 8 banks, 16384 rows
        ("ddr3-1600", "RowBankColumn", 8191, 0, 0),
        ("ddr3-1600", "RowBankColumn", 8192, 1, 0),
        ("ddr3-1600", "RowBankColumn", 8 * 8192, 0, 1),
        ("ddr3-1600", "BankRowColumn", 8192, 0, 1),
        ("ddr3-1600", "BankRowColumn", 16384 * 8192, 1, 0),
        ("ddr3-1600", "RowColumnBank", 63, 0, 0),
        ("ddr3-1600", "RowColumnBank", 64, 1, 0),
        ("ddr3-1600", "RowColumnBank", 8 * 64, 0, 0),
        ("ddr3-1600", "RowColumnBank", 8 * 8192, 0, 1),
        ("ddr3-1600", "PermutedBank", 8192, 1, 0),
        ("ddr3-1600", "PermutedBank", 8 * 8192, 1, 1),
        ("ddr3-1600", "PermutedBank", 3 * 8 * 8192 + 8192, 2, 3),  # bank 1 XOR row 3
        ("ddr3-1600", "PermutedBank", 8 * 8 * 8192, 0, 8),
        # DDR4, 4 groups of 4 banks, numbered group by group: the group changes first
        ("ddr4-2400", "RowBankColumn", 8192, 4, 0),
        ("ddr4-2400", "RowBankColumn", 4 * 8192, 1, 0),
        ("ddr4-2400", "RowColumnBank", 64, 4, 0),
        ("ddr4-2400", "RowColumnBank", 4 * 64, 1, 0),
        ("ddr4-2400", "PermutedBank", 16 * 8192, 4, 1),
        ("ddr4-2400", "PermutedBank", 4 * 16 * 8192, 1, 4),
        # LPDDR4: bursts of 32 bytes, pages of 2 KiB
        ("lpddr4-3200", "RowBankColumn", 2048, 1, 0),
        ("lpddr4-3200", "RowColumnBank", 32, 1, 0),
        # HBM2: bursts of 32 bytes, pages of 1 KiB, 2 pseudo-channels of 16 banks in 4 groups
        ("hbm2", "RowBankColumn", 1024, 4, 0),
        ("hbm2", "RowBankColumn", 16 * 1024, 16, 0),
        ("hbm2", "RowColumnBank", 32, 4, 0),
        ("hbm2", "RowColumnBank", 16 * 32, 16, 0),
        ("hbm2", "BankRowColumn", 1024, 0, 1),
        ("hbm2", "BankRowColumn", 32768 * 1024, 4, 0),
        ("hbm2", "BankRowColumn", 16 * 32768 * 1024, 16, 0),
    ],
)
def test_small_addresses(name, mapping, address, bank, row):
    memory = MEMORIES[name]
    found = memory.with_mapping(address_mapping(mapping, memory)).decode(np.array([address], dtype=np.uint64))
    assert [value.item() for value in found] == [bank, row]


@pytest.mark.parametrize("name", MEMORIES)
def test_permutation_spreads_rows_that_would_collide(name):
    """Reads a row's distance apart: one bank, a conflict each, or banks in turn, whose activations overlap."""
    controller, memory = CONTROLLERS[name, "default"], MEMORIES[name]
    o = memory.organisation
    stride = memory.capacity_bytes // o.rows
    trace = small_trace([(0, "read", stride * i) for i in range(64)], memory.clock_mhz)
    mappings = ["RowBankColumn", "PermutedBank"]
    banks = [
        set(memory.with_mapping(address_mapping(mapping, memory)).decode(trace.address)[0].tolist())
        for mapping in mappings
    ]
    assert banks == [{0}, set(range(o.banks_per_rank))]
    plain, permuted = controller.simulate({"address_mapping": mappings}, trace).column("makespan_ns")
    assert plain / permuted > 2


def test_mappings_have_names():
    memory = MEMORIES["ddr3-1600"]
    assert list(MAPPING_NAMES) == ["Specification", *MAPPINGS]
    assert address_mapping("Specification", memory) == memory.mapping
    with pytest.raises(UnknownNameError, match="did you mean 'PermutedBank'"):
        address_mapping("PermutedBnk", memory)
