"""Stored tables: what is written comes back, and what is damaged is refused with a reason."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from archgym_envs.testing import check_simulator
from simulators import DesignSpace, Evaluation, InvalidInputError, Parameter, UnknownNameError
from simulators.tabular import (
    Rows,
    Source,
    TableHeader,
    TableReader,
    TableWriter,
    TabularProblem,
    TabularSimulator,
    hash_rows,
    load_table,
    number_outcomes,
    read_foreign_table,
    table_schema,
)
from tests.archgym_envs.toys import chip

OBJECTIVE = {"minimize": "energy_pj * time_ns"}


def write(path, problem, flat=None):
    """Write the table of a problem (or of some of its designs) and return its checksum."""
    flat = problem.space.canonical_flat() if flat is None else np.array(flat)
    found: Evaluation = problem.evaluate(problem.space.unflatten(flat))
    header = TableHeader.of(problem, OBJECTIVE, "toy/Chip-v0", {"workload": "light"})
    with TableWriter(path, header) as writer:
        writer.write(Rows(flat, found.values, found.valid, found.reason))
    return writer.checksum


@pytest.fixture
def table(tmp_path):
    write(tmp_path / "chip.parquet", chip())
    return tmp_path / "chip.parquet"


def test_every_number_reason_and_name_comes_back(table):
    source, simulator = chip(), TabularSimulator(table)
    problem = TabularProblem.of(simulator)
    every = source.space.unflatten(range(source.space.size))  # infeasible and inactive ones, too
    expected, found = source.evaluate(every), problem.evaluate(every)
    assert np.array_equal(found.values, expected.values, equal_nan=True)
    assert found.reason == expected.reason
    assert {"", "too hot", "violates wide-needs-fifo"} == set(found.reason)
    assert simulator.metrics == source.simulator.metrics
    assert problem.space.parameters == source.space.parameters
    assert np.array_equal(problem.reference_indices, source.reference_indices)
    assert (simulator.source.simulator, simulator.source.version) == ("chip", "1")
    assert "chip version 1" in simulator.source.citation


def test_single_designs_take_the_same_way_as_batches(table):
    problem = TabularProblem.of(TabularSimulator(table))
    every = problem.space.unflatten(range(problem.space.size))
    batch = problem.evaluate(every)
    for row, design in enumerate(every):
        alone = problem.evaluate(design[None, :])
        assert np.array_equal(alone.values, batch.values[row : row + 1], equal_nan=True)
        assert alone.reason == (batch.reason[row],)


def test_the_optimum_is_an_attribute(table):
    simulator = TabularSimulator(table)
    assert simulator.optima == {"energy_pj": 1.0, "time_ns": 2.0, "throughput_per_ns": 0.5}
    assert len(simulator.outcomes) == 25  # 24 valid rows of metrics, and "too hot"


def test_the_simulator_conforms(table):
    simulator = TabularSimulator(table)
    listed = simulator.space.decode(np.concatenate(list(simulator.space.batches())))
    check_simulator(simulator, "light", columns=listed)


def test_a_design_outside_the_table_is_an_error_that_names_it(table):
    simulator = TabularSimulator(table)
    workload = simulator.load_workload("light")
    with pytest.raises(InvalidInputError, match=r"no design \{'lanes': 32, 'buffer': 'none', 'depth': 8\}"):
        simulator.simulate({"lanes": [32]}, workload)
    with pytest.raises(InvalidInputError, match="'lanes' cannot be 3"):
        simulator.simulate({"lanes": [3]}, workload)
    with pytest.raises(UnknownNameError, match="one workload"):
        simulator.load_workload("heavy")


def test_the_checksum_depends_on_numbers_and_on_nothing_else(tmp_path):
    first = write(tmp_path / "a.parquet", chip())
    assert write(tmp_path / "b.parquet", chip()) == first
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert write(tmp_path / "c.parquet", chip("heavy")) != first
    assert TableReader(tmp_path / "a.parquet").checksum == first


def rewritten(table, path, change):
    """Copy a table with its Parquet metadata and columns changed."""
    content = pq.read_table(table)
    metadata = dict(pq.ParquetFile(table).metadata.metadata)
    content, metadata = change(content, metadata)
    pq.write_table(content.replace_schema_metadata(metadata), path)
    return path


def test_bad_files_are_refused_with_a_reason(table, tmp_path):
    def refused(path):
        with pytest.raises(InvalidInputError) as error:
            load_table(path)
        assert str(path) in str(error.value)
        return str(error.value)

    assert "No such file" in refused(tmp_path / "absent.parquet")
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(table.read_bytes()[:-100])
    assert "cut short" in refused(cut)
    (tmp_path / "text.parquet").write_text("lanes,energy_pj\n1,2\n")
    assert "no whole Parquet file" in refused(tmp_path / "text.parquet")
    pq.write_table(pa.table({"lanes": [1]}), tmp_path / "other.parquet")
    assert "metrics: {energy_pj: minimize}" in refused(tmp_path / "other.parquet")

    def of_version_9(content, metadata):
        header = json.loads(metadata[b"archgym.table"]) | {"version": 9}
        return content, metadata | {b"archgym.table": json.dumps(header).encode()}

    message = refused(rewritten(table, tmp_path / "nine.parquet", of_version_9))
    assert "format version 9" in message and "reads version 1" in message

    def with_another_number(content, metadata):
        energy = content.column("energy_pj").to_pylist()
        energy[0] += 1.0
        return content.set_column(content.column_names.index("energy_pj"), "energy_pj", pa.array(energy)), metadata

    assert "checksum" in refused(rewritten(table, tmp_path / "changed.parquet", with_another_number))
    lacking = rewritten(table, tmp_path / "lacking.parquet", lambda t, m: (t.drop_columns(["time_ns"]), m))
    assert "'time_ns'" in refused(lacking)


def test_a_design_may_be_there_once(tmp_path):
    write(tmp_path / "twice.parquet", chip(), flat=[3, 3])
    with pytest.raises(InvalidInputError, match=r"rows 0 and 1 are the same design, \{'lanes': 1"):
        load_table(tmp_path / "twice.parquet")


def test_outcomes_are_told_apart_bit_by_bit():
    values = np.array([[0.0, 1.0], [-0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [np.nan, np.nan], [np.nan, np.nan]])
    outcome, first = number_outcomes(hash_rows(values, np.array([0, 0, 0, 0, 1, 2])))
    assert outcome.tolist() == [0, 1, 0, 2, 3, 4]
    assert first.tolist() == [0, 1, 3, 4, 5]


# ---- tables of the user's own -----------------------------------------------------------------------

OWN = "size,mode,energy_pj,speed\n4,slow,3.0,1\n2,slow,1.0,2\n4,fast,,\n"


def test_a_table_of_ones_own(tmp_path):
    (tmp_path / "own.csv").write_text(OWN)
    simulator = TabularSimulator(
        read_foreign_table(tmp_path / "own.csv", {"energy_pj": "minimize", "speed": "maximize"})
    )
    problem = TabularProblem.of(simulator)
    assert [(p.name, p.values, p.default) for p in problem.space.parameters] == [
        ("size", (2, 4), 4),
        ("mode", ("slow", "fast"), "slow"),
    ]
    assert [(m.name, m.unit, m.direction) for m in simulator.metrics] == [
        ("energy_pj", "pJ", "minimize"),
        ("speed", "1", "maximize"),
    ]
    found = problem.evaluate(problem.space.encode({"size": [2, 4, 4, 2], "mode": ["slow", "slow", "fast", "fast"]}))
    assert found.values[:2].tolist() == [[1.0, 2.0], [3.0, 1.0]]
    assert found.reason == ("", "", "its metrics are missing", "violates not-in-the-table")
    assert simulator.optima == {"energy_pj": 1.0, "speed": 2.0}


def test_what_archgym_evaluate_writes_can_be_imported(tmp_path):
    pq.write_table(
        pa.table({"x": [1, 2], "t_ns": [5.0, None], "valid": [True, False], "reason": ["", "too hot"]}),
        tmp_path / "e.parquet",
    )
    simulator = TabularSimulator(read_foreign_table(tmp_path / "e.parquet", ["t_ns"]))
    assert simulator.simulate({"x": [2, 1]}, None).reason == ("too hot", "")


WIDE = "\n".join(
    ",".join(cells)
    for cells in [[*(f"a{i}" for i in range(10)), "energy_pj"], *([str(row)] * 11 for row in range(252))]
)  # 252^10 designs


@pytest.mark.parametrize(
    ("text", "metrics", "message"),
    [
        (OWN + "2,slow,9.0,9\n", ["energy_pj", "speed"], r"rows 1 and 3 \(from 0\) are the same design"),
        (OWN, ["energy_nj"], "did you mean 'energy_pj'"),
        (OWN, ["mode"], "'mode' must be numbers"),
        ("size,energy_pj\n1,\n", ["energy_pj"], "every row is invalid"),
        ("energy_pj\n1\n", ["energy_pj"], "a parameter, a metric and a row"),
        ("size,energy_pj\n1,2\n,3\n", ["energy_pj"], "row 1 has no value for parameter 'size'"),
        (WIDE, ["energy_pj"], r"a0, .*a9 span 1\.03e\+24 designs.* name the columns that are results in metrics"),
    ],
)
def test_bad_tables_of_ones_own(tmp_path, text, metrics, message):
    (tmp_path / "own.csv").write_text(text)
    with pytest.raises(InvalidInputError, match=message):
        read_foreign_table(tmp_path / "own.csv", metrics)


def test_columns_of_every_kind_are_found_and_text_that_spells_them(tmp_path):
    """As ``archgym evaluate`` hands them over from a CSV file."""
    (tmp_path / "own.csv").write_text(
        "turbo,volts,lanes,name,t_ns\ntrue,0.5,2,b,1\nfalse,1.25,1,a,2\ntrue,1.25,2,a,3\n"
    )
    simulator = TabularSimulator(read_foreign_table(tmp_path / "own.csv", ["t_ns"]))
    typed = {"turbo": [True, False], "volts": [1.25, 1.25], "lanes": [2, 1], "name": ["a", "a"]}
    spelled = {name: [str(value) for value in values] for name, values in typed.items()}
    for columns in (typed, spelled):
        assert simulator.simulate(columns, None).values.tolist() == [[3.0], [2.0]]


def test_two_columns_of_one_name_are_refused(tmp_path):
    space = DesignSpace([Parameter("energy_pj", (1, 2))])
    header = TableHeader(Source(), space, (), chip().simulator.metrics, {})
    with pytest.raises(InvalidInputError, match="several columns called 'energy_pj'"):
        table_schema(header)
