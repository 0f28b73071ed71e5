"""Memory specifications: the shipped ones, errors that name the field, DRAMSys's own files."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest

from simulators.errors import InvalidInputError, UnknownNameError
from simulators.memory import load_memory_specification, memory_specification_names, parse_memory_specification
from simulators.memory.kernel_constraints import kernel_words
from simulators.memory.mappings import MAPPINGS, address_mapping
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
        (("organisation",), 3, "organisation must be a JSON object"),
        (("extra",), 3, "unknown field extra"),
    ],
)
def test_errors_name_the_field(path, value, message):
    content = copy.deepcopy(to_json(SHIPPED))
    _change(content, path, value)
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
    content["organisation"]["ranks"] = 8
    content["address_mapping"]["rank"] = [30, 31, 32]
    with pytest.raises(InvalidInputError, match="has 8 ranks.*at most 4 ranks"):
        kernel_words(parse_memory_specification(content, "x"))


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


# ---- DRAMSys 4.0's own files ------------------------------------------------------------------------------------


def dramsys_memory() -> dict:
    """The shipped DDR3 as a memory specification of DRAMSys 4.0."""
    o = SHIPPED.organisation
    return {
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


def dramsys_mapping() -> dict:
    m = SHIPPED.mapping
    lists = {"BYTE_BIT": m.byte, "COLUMN_BIT": m.column, "BANK_BIT": m.bank, "ROW_BIT": m.row}
    return {"CONGEN": {name: list(bits) for name, bits in lists.items()}}


@pytest.fixture
def write(tmp_path):
    """Write JSON into the temporary folder; return its path."""

    def written(content, name="memory.json"):
        file = tmp_path / name
        file.write_text(json.dumps(content))
        return file

    return written


def test_a_memory_of_dramsys_is_row_bank_column_unless_told_otherwise(write):
    memory = load_memory_specification(write(dramsys_memory()))
    assert memory.digest == SHIPPED.digest  # which is row:bank:column as well
    assert (memory.name, memory.standard, memory.has_energy) == ("theirs", "DDR3", True)


@pytest.mark.parametrize("name", MAPPINGS)
def test_a_mapping_by_name(write, name):
    expected = SHIPPED.with_mapping(address_mapping(name, SHIPPED)).digest
    assert load_memory_specification(write(dramsys_memory()), mapping=name).digest == expected
    assert load_memory_specification(write({**dramsys_memory(), "mapping": name})).digest == expected
    assert load_memory_specification("ddr3-1600", mapping=name).digest == expected
    assert load_memory_specification(write(to_json(SHIPPED)), mapping=name).digest == expected


def test_a_mapping_from_a_file(write, tmp_path, monkeypatch):
    theirs = dramsys_mapping()
    theirs["CONGEN"]["BANK_BIT"], theirs["CONGEN"]["ROW_BIT"][:3] = [16, 17, 18], [13, 14, 15]
    theirs["CONGEN"]["XOR"] = [{"FIRST": 16, "SECOND": 20}]
    file = write(theirs, "mapping.json")
    monkeypatch.chdir(tmp_path.parent)
    for memory in (
        load_memory_specification(write(dramsys_memory()), mapping=file),
        load_memory_specification(write({**dramsys_memory(), "mapping": "mapping.json"})),
        load_memory_specification("ddr3-1600", mapping=str(file)),
    ):
        assert memory.mapping.bank == (16, 17, 18)
        assert memory.mapping.xor == ((16, 20),)
        assert memory.mapping.column == SHIPPED.mapping.column


def test_the_parameter_goes_before_the_files_mapping(write):
    file = write({**dramsys_memory(), "mapping": "BankRowColumn"})
    assert load_memory_specification(file, mapping="RowBankColumn").digest == SHIPPED.digest


def test_a_memory_of_dramsys_without_currents_has_no_energy(write):
    content = dramsys_memory()
    del content["memspec"]["mempowerspec"]
    assert not load_memory_specification(write(content)).has_energy


def test_pseudo_channels_are_ranks(write):
    content = dramsys_memory()
    architecture = content["memspec"]["memarchitecturespec"]
    architecture["nbrOfPseudoChannels"] = 2
    assert load_memory_specification(write(content)).organisation.ranks == 2


ARCHITECTURE = ("memspec", "memarchitecturespec")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("memspec",), 3, "memspec must be a JSON object"),
        (("memspec", "memoryType"), "DDR5", "memspec.memoryType: expected one of DDR3, DDR4, LPDDR4, HBM2, got 'DDR5'"),
        (("memspec", "memoryType"), ..., "field memspec.memoryType is missing"),
        (("memspec", "memoryType"), "LPDDR4", "field memspec.memtimingspec.DQS2DQ is missing"),
        (("memspec", "memtimingspec"), ..., "field memspec.memtimingspec is missing"),
        (("memspec", "memtimingspec", "RCD"), ..., "field memspec.memtimingspec.RCD is missing"),
        (("memspec", "memtimingspec", "RCD"), 1.5, "memtimingspec.RCD: expected an integer of at least 0, got 1.5"),
        (("memspec", "memtimingspec", "clkMhz"), ..., "field memspec.memtimingspec.clkMhz is missing"),
        (("memspec", "memtimingspec", "clkMhz"), 0, "memtimingspec.clkMhz: expected a positive number, got 0"),
        (("memspec", "mempowerspec", "idd0"), ..., "field memspec.mempowerspec.idd0 is missing"),
        (("memspec", "mempowerspec", "vdd"), ..., "field memspec.mempowerspec.vdd is missing"),
        (("memspec", "mempowerspec", "idd0"), "70", "mempowerspec.idd0: expected a number of at least 0, got '70'"),
        ((*ARCHITECTURE, "nbrOfRows"), ..., "field memspec.memarchitecturespec.nbrOfRows is missing"),
        ((*ARCHITECTURE, "nbrOfRows"), 1000, "memarchitecturespec.nbrOfRows: expected a power of two, got 1000"),
        ((*ARCHITECTURE, "nbrOfRows"), "many", "nbrOfRows: expected an integer of at least 1, got 'many'"),
        ((*ARCHITECTURE, "nbrOfChannels"), 2, "nbrOfChannels: expected 1, for one controller has one channel, got 2"),
        ((*ARCHITECTURE, "nbrOfBankGroups"), 16, "nbrOfBanks: expected at least nbrOfBankGroups (16)"),
        ((*ARCHITECTURE, "burstLength"), 1, "organisation.burst_length: expected a multiple of data_rate"),
        (("mapping",), 3, "field mapping: expected a string, got 3"),
        (("mapping",), "RowBankColum", "did you mean 'RowBankColumn'"),
        (("mapping",), "BankRowColumn.json", "unknown address mapping 'BankRowColumn.json'"),
    ],
)
def test_errors_in_files_of_dramsys_name_its_fields(write, path, value, message):
    content = dramsys_memory()
    _change(content, path, value)
    with pytest.raises(InvalidInputError) as error:
        load_memory_specification(write(content, "theirs.json"))
    assert message in str(error.value)
    assert "theirs.json" in str(error.value) or isinstance(error.value, UnknownNameError)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("CONGEN",), ..., "field CONGEN is missing"),
        (
            ("CONGEN", "ROW_BIT"),
            [16, 17],
            "CONGEN.ROW_BIT: expected 14 bits, because there are 16384 rows, got [16, 17]",
        ),
        (("CONGEN", "ROW_BIT"), ..., "CONGEN.ROW_BIT: expected 14 bits"),
        (("CONGEN", "RANK_BIT"), [30], "CONGEN.RANK_BIT: expected 0 bits, because there are 1 ranks"),
        (("CONGEN", "BANK_BIT"), "13", "CONGEN.BANK_BIT: expected a list of address bits from 0 to 63"),
        (("CONGEN", "XOR"), [13], "CONGEN.XOR: expected a list of objects with FIRST and SECOND"),
        (("CONGEN", "ROWS_BIT"), [30], "unknown field CONGEN.ROWS_BIT; did you mean 'ROW_BIT'?"),
    ],
)
def test_errors_in_mappings_of_dramsys_name_its_fields(write, path, value, message):
    content = dramsys_mapping()
    _change(content, path, value)
    with pytest.raises(InvalidInputError) as error:
        load_memory_specification(write(dramsys_memory()), mapping=write(content, "theirs.json"))
    assert message in str(error.value)
    assert "theirs.json" in str(error.value)


def test_a_mapping_in_the_place_of_a_memory(write):
    with pytest.raises(InvalidInputError, match="memory.json: this is an address mapping"):
        load_memory_specification(write(dramsys_mapping()))


def test_a_mapping_that_is_not_json(tmp_path):
    file = tmp_path / "broken.json"
    file.write_text("{")
    with pytest.raises(InvalidInputError, match="broken.json: cannot be read as JSON"):
        load_memory_specification("ddr3-1600", mapping=file)


def _change(content, path, value):
    for part in path[:-1]:
        content = content[part]
    if value is ...:
        del content[path[-1]]
    else:
        content[path[-1]] = value
