from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pyarrow.parquet as pq
import pytest

from experiments.config import parse_config
from experiments.ledger import Ledger
from experiments.prepare import prepare
from experiments.run_one import execute
from experiments.runs import bind_scorers, describe_problem, expand
from experiments.store import Store, StoreError
from experiments.trajectories import SCHEMA, experiment_digest, trajectory_digest
from simulators import InvalidInputError


class Bench:
    """A toy experiment with a store, run by hand."""

    def __init__(self, data, directory) -> None:
        config = parse_config(data)
        self.directory = directory
        self.runs = expand(config)
        problems, _ = prepare(config)
        self.scorers = bind_scorers(problems)
        self.records = [describe_problem(problem, self.scorers[problem.label]) for problem in problems]

    def open(self) -> Store:
        store = Store(self.directory)
        store.register(self.records, [run.record() for run in self.runs])
        return store

    def collect(self, store: Store, runs) -> None:
        for run in runs:
            assert execute(run, store.journals).error == ""
            assert store.collect(run.run_id, self.scorers[run.problem])

    def files(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.directory / folder).iterdir())


@pytest.fixture
def bench(toy_data, tmp_path) -> Iterator[Bench]:
    return Bench(toy_data(budget=12), tmp_path / "out")


def test_runs_move_from_journals_to_one_part(bench):
    with bench.open() as store:
        bench.collect(store, bench.runs)
        assert len(bench.files("journals")) == 6 and bench.files("parts") == []
        store.flush()
        assert bench.files("journals") == [] and bench.files("parts") == ["part-00000001.parquet"]
        places = store.ledger.places()
        assert sorted((place.first, place.count) for place in places.values()) == [(12 * k, 12) for k in range(6)]
    table = pq.read_table(bench.directory / "parts" / "part-00000001.parquet")
    assert table.schema.equals(SCHEMA)
    assert len(table) == 72


def test_parts_are_written_when_enough_has_come_together(bench, monkeypatch):
    monkeypatch.setattr("experiments.store._RUNS_PER_PART", 4)
    with bench.open() as store:
        bench.collect(store, bench.runs)
        assert len(bench.files("parts")) == 1 and len(bench.files("journals")) == 2
    assert len(bench.files("parts")) == 2 and bench.files("journals") == []


def test_an_unfinished_journal_is_not_collected(bench):
    with bench.open() as store:
        assert not store.collect(bench.runs[0].run_id, bench.scorers[bench.runs[0].problem])


@pytest.mark.parametrize("moment", ["put_part", "put"])
def test_a_crash_before_the_commit_leaves_the_journals(bench, monkeypatch, moment):
    store = bench.open()
    bench.collect(store, bench.runs[:3])

    def crash(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, moment, crash)
        with pytest.raises(KeyboardInterrupt):
            store.flush()
    assert len(bench.files("parts")) == 1, "written, but not entered"
    store.__exit__(None, None, None)
    with bench.open() as again:
        assert bench.files("parts") == [] and len(bench.files("journals")) == 3
        assert all(run.state == "unfinished" for run in again.runs.values())
        for run in bench.runs[:3]:
            assert again.collect(run.run_id, bench.scorers[run.problem])
    assert len(bench.files("parts")) == 1 and bench.files("journals") == []


def test_what_a_crash_leaves_behind_is_tidied(bench):
    with bench.open() as store:
        bench.collect(store, bench.runs[:2])
        kept = (store.journals / f"{bench.runs[0].run_id}.jsonl").read_bytes()
        execute(bench.runs[2], store.journals)
    (bench.directory / "journals" / f"{bench.runs[0].run_id}.jsonl").write_bytes(kept)
    (bench.directory / "parts" / "part-00000002.parquet.tmp").write_bytes(b"PAR1 half a file")
    (bench.directory / "parts" / "part-00000002.parquet").write_bytes(b"PAR1 not entered")
    with bench.open() as store:
        assert bench.files("parts") == ["part-00000001.parquet"]
        assert bench.files("journals") == [f"{bench.runs[2].run_id}.jsonl"]
        assert sum(run.state == "done" for run in store.runs.values()) == 2


def test_one_writer_at_a_time(bench):
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}\nfrom pathlib import Path\n"
        "from experiments.store import Store, StoreError\n"
        f"try:\n    Store(Path({str(bench.directory)!r}))\nexcept StoreError as error:\n    print(error)\n"
    )
    with bench.open():
        with pytest.raises(StoreError, match="another process is writing"):
            Store(bench.directory)
        child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert "another process is writing" in child.stdout
    with Store(bench.directory):
        pass


def test_directories_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot write results to .*file/out: Not a directory; choose another"):
        Store(tmp_path / "file" / "out")
    with pytest.raises(StoreError, match="cannot write results"):
        Store(tmp_path / "file")


def test_ledgers_that_are_none(tmp_path):
    with pytest.raises(InvalidInputError, match="is not a result directory"):
        Ledger(tmp_path)
    (tmp_path / "ledger.sqlite").write_text("This is not SQLite, it only has the name. " * 40)
    with pytest.raises(InvalidInputError, match="cannot read the ledger"):
        Ledger(tmp_path)


def test_records_survive_the_ledger(bench):
    with bench.open() as store:
        bench.collect(store, bench.runs[:1])
        store.fail(bench.runs[1].run_id, "a wire came loose")
        store.flush()
        expected = dict(store.runs)
        ledger = Ledger(bench.directory)
        assert {run.run_id: run for run in ledger.runs()} == expected
        assert [run.run_id for run in ledger.runs()] == [run.run_id for run in bench.runs]
        assert ledger.problems() == bench.records
        ledger.close()
    failed = expected[bench.runs[1].run_id]
    assert failed.state == "failed" and failed.error == "a wire came loose"


def test_digests_see_results_but_not_times(bench):
    from dataclasses import replace

    from experiments.journal import read_journal

    with bench.open() as store:
        run = bench.runs[1]
        execute(run, store.journals)
        content = read_journal(store.journals / f"{run.run_id}.jsonl")
    entries, end = content.entries, content.end
    digest = trajectory_digest(run.run_id, entries, end)
    slower = [replace(entry, seconds=9.0) for entry in entries]
    assert trajectory_digest(run.run_id, slower, {**end, "host": "x", "wall_seconds": 1e9}) == digest
    changes = [
        {"proposal": 99},
        {"design": (0, 0, 0)},
        {"score": np.nextafter(entries[3].score, 0.0)},
        {"valid": not entries[3].valid},
        {"reason": "else"},
        {"values": tuple(np.nextafter(entries[3].values, 0.0)) if entries[3].values else (1.0,)},
    ]
    for change in changes:
        changed = [*entries[:3], replace(entries[3], **change), *entries[4:]]
        assert trajectory_digest(run.run_id, changed, end) != digest, change
    assert trajectory_digest(run.run_id, entries[:-1], end) != digest
    assert trajectory_digest(run.run_id, entries, {**end, "stop_reason": "exhausted"}) != digest
    assert trajectory_digest("other", entries, end) != digest
    assert experiment_digest([("a", "done", "1"), ("b", "done", "2")]) == experiment_digest(
        [("b", "done", "2"), ("a", "done", "1")]
    )


def test_resuming_with_other_labels_renames_and_keeps_results(bench, toy_data):
    with bench.open() as store:
        bench.collect(store, bench.runs[:2])
    data = toy_data(budget=12, agents=[{"random_search": {"label": "luck"}}, {"hopper": {"label": "frog"}}])
    data["problems"][0]["label"] = "basin"
    renamed = Bench(data, bench.directory)
    with renamed.open() as store:
        assert [run.run_id for run in store.runs.values()] == [run.run_id for run in bench.runs]
        assert {(run.problem, run.agent_group) for run in store.runs.values()} == {("basin", "luck"), ("basin", "frog")}
        assert [run.state for run in store.runs.values()] == ["done"] * 2 + ["unfinished"] * 4
        assert [problem.label for problem in store.ledger.problems()] == ["basin"]
        renamed.collect(store, renamed.runs[2:])


def test_problems_may_swap_their_labels(bench):
    from dataclasses import replace

    (first,) = bench.records
    second = replace(first, label="second", identity="other")
    with Store(bench.directory) as store:
        store.register([first, second], [])
        swapped = [replace(first, label="second"), replace(second, label=first.label)]
        store.register(swapped, [])
        assert store.ledger.problems() == swapped


def test_resolved_settings_are_recorded_outside_identity_and_digest(bench, monkeypatch):
    from archgym_toys import Hopper

    run = next(run for run in bench.runs if run.agent == "hopper")
    with bench.open() as store:
        bench.collect(store, [run])
        plain = store.runs[run.run_id]
        (store.journals / f"{run.run_id}.jsonl").unlink()
        monkeypatch.setattr(Hopper, "settings", lambda self: {"batch": np.int64(4), "resolved": (1, 2)})
        bench.collect(store, [run])
        store.flush()
        stored = next(record for record in store.ledger.runs() if record.run_id == run.run_id)
    assert plain.settings == {"batch": 4}
    assert stored.settings == {"batch": 4, "resolved": [1, 2]}
    assert stored.hyperparameters == {"batch": 4} and stored.digest == plain.digest
