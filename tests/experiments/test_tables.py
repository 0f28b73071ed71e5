"""Tables in and out, and the evaluation of a table of designs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from archgym_envs import registered, registration, spec
from experiments.evaluate import BATCH, check_designs, evaluate_file, result_table, simulate_in_batches
from experiments.tables import Table, check_writable, read_table, table_format, write_table
from simulators import Evaluation, InvalidInputError, Metric, UnknownNameError

SUFFIXES = (".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".parquet")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_written_is_read_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"deep/folder/table{suffix}"
    columns = {"name": ["a", 'b "quoted", with comma', "ümlaut\nline"], "x": [0.1 + 0.2, 1e300, -0.0], "n": [1, 2, 3]}
    write_table(path, Table(columns, 3))
    found = read_table(path)
    assert list(found.columns) == ["name", "x", "n"]
    assert found.rows == 3
    assert list(found.columns["name"]) == columns["name"]
    assert [float(value) for value in found.columns["x"]] == columns["x"]  # CSV keeps text; repr is exact.
    assert [int(value) for value in found.columns["n"]] == columns["n"]
    assert [p.name for p in path.parent.iterdir()] == [path.name]  # No temporary file is left behind.


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_table_gives_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    paths = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for path in paths:
        write_table(path, Table({"x": [1.5, math.nan], "ok": [True, False]}, 2))
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_nan_and_booleans_in_each_format(tmp_path: Path) -> None:
    table = Table({"x": [math.nan, 2.0], "ok": [False, True]}, 2)
    for suffix in (".csv", ".jsonl", ".parquet"):
        write_table(tmp_path / f"t{suffix}", table)
    assert (tmp_path / "t.csv").read_text() == "x,ok\nnan,false\n2.0,true\n"
    assert json.loads((tmp_path / "t.jsonl").read_text().splitlines()[0]) == {"x": None, "ok": False}
    assert math.isnan(pq.read_table(tmp_path / "t.parquet").column("x")[0].as_py())


def test_csv_with_byte_order_mark_blank_lines_and_windows_ends(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes(b"\xef\xbb\xbfcores,policy\r\n4,fair\r\n\r\n8,lazy\r\n")
    assert read_table(path) == Table({"cores": ["4", "8"], "policy": ["fair", "lazy"]}, 2)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "is empty; its first line must name the columns"),
        ("t.csv", b"a,b\n1,2\n3\n", "line 3 has 1 cells, but the header has 2 columns"),
        ("t.csv", b"a,a\n1,2\n", "several columns are called 'a'"),
        ("t.csv", b"a,\n1,2\n", "column 2 of the header has no name"),
        ("t.csv", b"a\n\xff\xfe\n", "cannot read this table"),
        ("t.csv.gz", b"not gzip", "cannot read this table"),
        ("t.jsonl", b'{"a": 1}\n{"a": \n', "line 2 is not JSON"),
        ("t.jsonl", b"[1, 2]\n", "line 1 must be an object"),
        ("t.parquet", b"PAR1 but no more", "cannot read this table"),
        ("t.xlsx", b"", "must end in one of .csv"),
    ],
)
def test_malformed_tables_are_named_with_their_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInputError, match=message) as caught:
        read_table(tmp_path / name)
    assert name in str(caught.value)


def test_a_missing_file_and_an_unwritable_place(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"nowhere\.csv: cannot read this table: No such file"):
        read_table(tmp_path / "nowhere.csv")
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInputError, match="cannot write .*choose another file"):
        check_writable(tmp_path / "file" / "out.csv")
    with pytest.raises(InvalidInputError, match="it is a directory"):
        check_writable(tmp_path)
    assert table_format(Path("A.CSV.GZ")) == "csv"


# ---- evaluating designs ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def toy_id() -> Iterator[str]:
    """The id of an environment that a package on the path offers through its entry points."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent / "toy_lab"))
        registration.scan_entry_points()
        yield "lab/Toy-v0"
        registration._registered.pop("lab/Toy-v0", None)
    registration.scan_entry_points()


def evaluate(toy_id: str, tmp_path: Path, text: str, output: str = "out.csv", **options: object) -> list[str]:
    (tmp_path / "in.csv").write_text(text)
    evaluate_file(toy_id, tmp_path / "in.csv", tmp_path / output, **options)  # type: ignore[arg-type]
    return (tmp_path / output).read_text().splitlines()


def test_one_row_out_per_row_in_in_order_with_defaults_and_full_precision(toy_id: str, tmp_path: Path) -> None:
    lines = evaluate(toy_id, tmp_path, "cores,volts\n4,1.0\n3,0.9\n4,1.0\n1,0.5\n", workload="heavy")
    assert lines[0] == "cores,volts,energy_pj,delay_ns,valid,reason"
    # energy = load * cores * volts^2, delay = load / (cores * volts): 8 * 3 * 0.81 and 8 / 2.7.
    assert lines[1] == "4,1.0,32.0,2.0,true,"
    assert [float(cell) for cell in lines[2].split(",")[:4]] == [3, 0.9, 8.0 * 3 * 0.9**2 * 1.0, 8.0 / (3 * 0.9)]
    assert lines[3] == lines[1]
    assert lines[4] == "1,0.5,nan,nan,false,too slow to finish"
    assert len(lines) == 5


def test_designs_outside_every_search_space_are_evaluated(toy_id: str, tmp_path: Path) -> None:
    lines = evaluate(toy_id, tmp_path, "cores,volts\n64,1.2\n")
    assert lines[1].startswith("64,1.2,")
    assert lines[1].endswith(",true,")


def test_csv_cells_come_back_as_they_were_and_other_formats_are_typed(toy_id: str, tmp_path: Path) -> None:
    lines = evaluate(toy_id, tmp_path, "turbo,cores\nTRUE,08\nfalse,4.0\n")
    assert lines[1].startswith("TRUE,08,")
    assert lines[2].startswith("false,4.0,")
    evaluate_file(toy_id, tmp_path / "in.csv", tmp_path / "out.parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.schema.field("turbo").type == pa.bool_()
    assert table.column("cores").to_pylist() == [8, 4]
    assert table.column("valid").to_pylist() == [True, True]


def test_all_formats_give_the_same_numbers(toy_id: str, tmp_path: Path) -> None:
    rows = {"cores": [2, 7, 16], "policy": ["lazy", "fair", "greedy"], "turbo": [True, False, True]}
    numbers = []
    for suffix in (".csv", ".jsonl", ".parquet", ".csv.gz"):
        write_table(tmp_path / f"in{suffix}", Table(rows, 3))
        evaluate_file(toy_id, tmp_path / f"in{suffix}", tmp_path / f"out{suffix}")
        found = read_table(tmp_path / f"out{suffix}")
        numbers.append([float(value) for value in found.columns["energy_pj"]])
    assert numbers[0] == numbers[1] == numbers[2] == numbers[3]


def test_an_empty_table_gives_an_empty_table(toy_id: str, tmp_path: Path) -> None:
    assert evaluate(toy_id, tmp_path, "cores,policy\n") == ["cores,policy,energy_pj,delay_ns,valid,reason"]
    write_table(tmp_path / "in.parquet", Table({"cores": pa.array([], pa.int64())}, 0))
    evaluate_file(toy_id, tmp_path / "in.parquet", tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet").column_names == ["cores", "energy_pj", "delay_ns", "valid", "reason"]


def test_rows_without_any_column_are_the_default_design(toy_id: str, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("{}\n{}\n")
    assert evaluate_file(toy_id, tmp_path / "in.jsonl", tmp_path / "out.csv") == (2, 0)
    assert (tmp_path / "out.csv").read_text().splitlines()[1:] == ["4.0,0.25,true,"] * 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cors\n4\n", "unknown parameter .* 'cors'; did you mean 'cores'"),
        ("cores\n4\nmany\n", "row 1: 'cores' cannot be 'many'. Expected an integer from 1 up to 64"),
        ("cores\n4\n2.5\n", "row 1: 'cores' cannot be"),
        ("cores\n4\n99\n", "row 1: 'cores' cannot be"),
        ("cores\n1000000000000000000000000\n", "row 0: 'cores' cannot be"),
        ("policy\nfair\nlazy\ngredy\n", "row 2: 'policy' cannot be 'gredy'; did you mean 'greedy'"),
        ("cores,policy\n4,\n", "row 0: 'policy' has no value"),
        ("volts\nnan\n", "row 0: 'volts' cannot be"),
        ("turbo\nperhaps\n", "row 0: 'turbo' cannot be 'perhaps'"),
    ],
)
def test_impossible_values_name_row_and_column(toy_id: str, tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as caught:
        evaluate(toy_id, tmp_path, text)
    assert str(tmp_path / "in.csv") in str(caught.value)
    assert not (tmp_path / "out.csv").exists()


def test_json_values_of_mixed_kinds_and_objects(toy_id: str, tmp_path: Path) -> None:
    problem = spec(toy_id).make_problem()
    checked = check_designs(problem.simulator, Table({"cores": [4, "5", 6.0], "turbo": [True, "false", False]}, 3), "t")
    assert checked["cores"].tolist() == [4, 5, 6]
    assert checked["turbo"].tolist() == [True, False, False]
    with pytest.raises(InvalidInputError, match=r"row 1: 'cores' must be text, a number or a boolean, got \[1\]"):
        check_designs(problem.simulator, Table({"cores": [4, [1]]}, 2), "t")
    with pytest.raises(InvalidInputError, match="row 0: 'cores' cannot be"):
        check_designs(problem.simulator, Table({"cores": [10**30]}, 1), "t")


def test_unknown_arguments_and_environments_name_the_nearest(toy_id: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'space'"):
        evaluate(toy_id, tmp_path, "cores\n4\n", arguments={"spcae": "small"})
    with pytest.raises(UnknownNameError, match=f"did you mean {toy_id!r}"):
        evaluate("lab/Toi-v0", tmp_path, "cores\n4\n")
    assert toy_id in registered()


def test_batches_are_joined_in_order_and_reported(toy_id: str) -> None:
    problem = spec(toy_id).make_problem()
    rows = 2 * BATCH + 7
    cores = np.arange(rows) % 64 + 1
    checked = check_designs(problem.simulator, Table({"cores": cores.tolist()}, rows), "t")
    seen: list[tuple[int, int]] = []
    evaluation = simulate_in_batches(problem, checked, rows, lambda done, total: seen.append((done, total)))
    assert evaluation.column("energy_pj").tolist() == cores.astype(float).tolist()
    done = [0, *(count for count, _ in seen)]
    assert done[-1] == rows and {total for _, total in seen} == {rows}
    assert len(done) > 3 and all(0 < step <= BATCH for step in np.diff(done))


def test_result_table_keeps_the_columns_in_order() -> None:
    evaluation = Evaluation.invalid((Metric("energy_pj", "pJ"),), ["no"])
    assert list(result_table({"b": [1], "a": [2]}, evaluation).columns) == ["b", "a", "energy_pj", "valid", "reason"]


def test_the_designs_are_never_overwritten(toy_id: str, tmp_path: Path) -> None:
    designs = tmp_path / "in.csv"
    designs.write_text("cores\n4\n")
    (tmp_path / "link.csv").symlink_to(designs)
    (tmp_path / "hard.csv").hardlink_to(designs)
    for output in (designs, tmp_path / ".." / tmp_path.name / "in.csv", tmp_path / "link.csv", tmp_path / "hard.csv"):
        with pytest.raises(InvalidInputError, match="would overwrite the designs"):
            evaluate_file(toy_id, designs, output)
    assert designs.read_text() == "cores\n4\n"


def test_only_messages_that_name_a_row_say_how_rows_count(toy_id: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"row 0: .*\(rows count from 0\)$"):
        evaluate(toy_id, tmp_path, "cores\n99\n")
    with pytest.raises(InvalidInputError) as caught:
        evaluate(toy_id, tmp_path, "cors\n4\n")
    assert "rows count" not in str(caught.value)
