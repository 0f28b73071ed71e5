"""Memory specifications: the shipped one, errors that name the field, DRAMSys's own files."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest

from simulators.errors import InvalidInputError, UnknownNameError
from simulators.memory import load_memory_specification, memory_specification_names, parse_memory_specification
from simulators.memory._dramsys_json import from_dramsys
from simulators.memory.kernel_constraints import kernel_words
from simulators.memory.specification import to_json

SHIPPED = load_memory_specification("ddr3-1600")


def test_the_shipped_memory():
    assert memory_specification_names() == ("ddr3-1600", "ddr4-2400", "hbm2", "lpddr4-3200")
    assert SHIPPED.capacity_bytes == 2**30
    assert SHIPPED.burst_bytes == 64
    assert SHIPPED.burst_cycles == 4
    assert SHIPPED.cycle_ns == 1.25
    assert SHIPPED.peak_bandwidth_gbit_per_s == 102.4
    assert "DRAMSys" in SHIPPED.source


def test_addresses_decode_row_bank_column_and_wrap():
    address = np.array([0, 1 << 13, 7 << 13, 1 << 16, (1 << 30) - 1, (1 << 30) + (1 << 13), 2**64 - 1], dtype=np.uint64)
    bank, row = SHIPPED.decode(address)
    assert bank.tolist() == [0, 1, 7, 0, 7, 1, 7]
    assert row.tolist() == [0, 0, 0, 1, 16383, 0, 16383]


def test_a_specification_survives_a_round_trip(tmp_path):
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(to_json(SHIPPED)))
    assert load_memory_specification(str(file)) == SHIPPED
    assert load_memory_specification(file).digest == SHIPPED.digest


def test_the_digest_follows_numbers_only():
    content = to_json(SHIPPED)
    content["title"] = "another title"
    assert parse_memory_specification(content, "x").digest == SHIPPED.digest
    content["timings_cycles"]["RCD"] += 1
    assert parse_memory_specification(content, "x").digest != SHIPPED.digest


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("format",), "other/1", "field format: expected 'archgym-memory-specification/1', got 'other/1'"),
        (("standard",), "DDR9", "field standard: expected one of 'DDR3', 'DDR4', 'HBM2', 'LPDDR4', got 'DDR9'"),
        (("clock_mhz",), -1, "field clock_mhz: expected a positive number, got -1"),
        (("clock_mhz",), None, "field clock_mhz: expected a positive number"),
        (("timings_cycles", "RCD"), 1.5, "field timings_cycles.RCD: expected an integer of at least 0, got 1.5"),
        (("timings_cycles", "RCD"), ..., "field timings_cycles.RCD is missing"),
        (("organisation", "ranks"), 0, "field organisation.ranks: expected an integer of at least 1, got 0"),
        (("organisation", "rank"), 1, "unknown field organisation.rank; did you mean 'ranks'?"),
        (("organisation", "rows"), 1000, "address_mapping.row: expected 9.96578 bits, because there are 1000"),
        (("organisation", "burst_length"), 7, "organisation.burst_length: expected a multiple of data_rate"),
        (("address_mapping", "bank"), [13, 14, 14], "address_mapping: expected every address bit at most once"),
        (("address_mapping", "bank"), "13", "address_mapping.bank: expected a list of address bits"),
        (("currents_ma", "idd0"), ..., "field currents_ma.idd0 is missing"),
        (("currents_ma", "idd0"), -3, "currents_ma.idd0: expected a number of at least 0"),
        (("organisation",), 3, "organisation. must be a JSON object"),
        (("extra",), 3, "unknown field extra"),
    ],
)
def test_errors_name_the_field(path, value, message):
    content = copy.deepcopy(to_json(SHIPPED))
    target = content
    for part in path[:-1]:
        target = target[part]
    if value is ...:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    with pytest.raises(InvalidInputError) as error:
        parse_memory_specification(content, "mine.json")
    assert message in str(error.value)
    assert "mine.json" in str(error.value)


def test_unknown_names_and_broken_files(tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean 'ddr3-1600'"):
        load_memory_specification("ddr3-1660")
    file = tmp_path / "broken.json"
    file.write_text("{")
    with pytest.raises(InvalidInputError, match="cannot be read as JSON"):
        load_memory_specification(file)


def test_an_organisation_the_kernel_cannot_hold_is_refused():
    content = to_json(SHIPPED)
    content["organisation"]["ranks"] = 4
    content["address_mapping"]["rank"] = [30, 31]
    kernel_words(parse_memory_specification(content, "x"))
    content["organisation"]["ranks"] = 8
    content["address_mapping"]["rank"] = [30, 31, 32]
    with pytest.raises(InvalidInputError, match="8 ranks"):
        kernel_words(parse_memory_specification(content, "x"))


def test_dramsys_files_are_read():
    o, m = SHIPPED.organisation, SHIPPED.mapping
    memory = {
        "memspec": {
            "memoryId": "theirs",
            "memoryType": "DDR3",
            "memarchitecturespec": {
                "burstLength": 8,
                "dataRate": 2,
                "nbrOfBanks": o.banks_per_rank,
                "nbrOfColumns": o.columns,
                "nbrOfRanks": 1,
                "nbrOfRows": o.rows,
                "width": 8,
                "nbrOfDevicesOnDIMM": 8,
                "nbrOfChannels": 1,
            },
            "mempowerspec": {**SHIPPED.currents_ma, "vdd": 1.5},
            "memtimingspec": {**SHIPPED.timings, "clkMhz": 800},
        }
    }
    mapping = {"CONGEN": {"BYTE_BIT": m.byte, "COLUMN_BIT": m.column, "BANK_BIT": m.bank, "ROW_BIT": m.row}}
    mapping = json.loads(json.dumps(mapping))
    assert from_dramsys(memory, mapping, "file").digest == SHIPPED.digest
    with pytest.raises(InvalidInputError, match="'CONGEN'"):
        from_dramsys(memory, {}, "file")
    memory["memspec"]["memoryType"] = "LPDDR4"
    with pytest.raises(InvalidInputError, match="field timings_cycles.DQS2DQ is missing"):
        from_dramsys(memory, mapping, "file")
    memory["memspec"]["memoryType"] = "GDDR6"
    with pytest.raises(InvalidInputError, match="GDDR6"):
        from_dramsys(memory, mapping, "file")


def test_a_specification_survives_copies_and_stays_read_only():
    memory = load_memory_specification("ddr3-1600")
    for copied in (pickle.loads(pickle.dumps(memory)), copy.deepcopy(memory)):
        assert copied == memory and copied.digest == memory.digest
        with pytest.raises(TypeError):
            copied.timings["RCD"] = 1


@pytest.mark.parametrize("wrong", [None, 3])
def test_a_memory_is_a_name_or_a_path(wrong):
    with pytest.raises(InvalidInputError, match="name .*ddr3-1600.* or the path"):
        load_memory_specification(wrong)
