from __future__ import annotations

import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from archgym_toys import toy_config

from experiments.config import parse_config
from experiments.prepare import prepare
from experiments.results import load_results
from experiments.run_one import execute
from experiments.runner import run_experiment
from experiments.runs import bind_scorers, expand
from experiments.store import Store
from simulators import Evaluation, InvalidInputError, UnknownNameError

MEET = {"environment": "toys/Bowl-v0", "objective": {"meet": {"energy_pj": 30, "speed_mhz": 15}}, "label": "meet"}
SPEED = {"environment": "toys/Bowl-v0", "arguments": {"workload": "steep"}, "objective": {"maximize": "speed_mhz"}}


def run(directory, **changes):
    config = parse_config(toy_config(**changes))
    run_experiment(config, directory, progress=False)
    return config


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Directory and results of a finished experiment on two problems, in several parts."""
    directory = tmp_path_factory.mktemp("results") / "two-problems"
    patch = pytest.MonkeyPatch()
    patch.setattr("experiments.store._RUNS_PER_PART", 5)
    run(directory, problems=[MEET, SPEED])
    patch.undo()
    return directory, load_results([directory])


def test_scores_are_those_of_the_designs(finished):
    _, results = finished
    config = parse_config(toy_config(problems=[MEET, SPEED]))
    problems, _ = prepare(config)
    scorers = bind_scorers(problems)
    by_label = {problem.label: problem for problem in problems}
    assert len(results.runs) == 12 and {run.state for run in results.runs} == {"done"}
    for record in results.runs:
        table = results.evaluations(record.run_id)
        problem, scorer = by_label[record.problem].problem, scorers[record.problem]
        indices = np.array(table.column("indices").to_pylist())
        evaluation: Evaluation = problem.evaluate(indices)
        assert table.column("valid").to_pylist() == evaluation.valid.tolist()
        np.testing.assert_array_equal(results.scores(record.run_id), scorer.score(evaluation))
        np.testing.assert_array_equal(table.column("score").to_numpy(), scorer.score(evaluation))
        np.testing.assert_array_equal(table.column("reward").to_numpy(), scorer.reward(scorer.score(evaluation)))
        assert table.column("met").to_pylist() == scorer.met(evaluation).tolist()
        assert table.column("reason").to_pylist() == list(evaluation.reason)
        assert [int(flat) for flat in table.column("design").to_pylist()] == problem.space.flatten(indices)
        assert table.column("evaluation").to_pylist() == list(range(1, 31))
        assert set(table.column("run_id").to_pylist()) == {record.run_id}
        for metrics, values, valid in zip(
            table.column("metrics").to_pylist(), evaluation.values.tolist(), evaluation.valid, strict=True
        ):
            assert metrics == (values if valid else [])
        assert record.proposals >= table.column("proposal").to_pylist()[-1]


def test_problem_records_stand_for_the_problem(finished):
    _, results = finished
    assert list(results.problems) == ["meet", "Bowl steep"]
    record = results.problems["meet"]
    assert record.targets == {"energy_pj": 30.0, "speed_mhz": 15.0}
    assert record.direction == "minimize" and record.unit == "1"
    assert record.parameter_names == ("x", "y", "z") and record.space_size == 4096
    assert record.metric_names == ("energy_pj", "latency_ns", "speed_mhz")
    assert record.metric_units == ("pJ", "ns", "MHz")
    assert record.metric_directions == ("minimize", "minimize", "maximize")
    assert record.reference_design == {"x": 0, "y": 0, "z": 0}
    assert record.reference_metrics["energy_pj"] == pytest.approx(1 / 3 + 49 + 121 + 9)
    assert record.reference_score == pytest.approx((record.reference_metrics["energy_pj"] - 30) / 30)
    other = results.problems["Bowl steep"]
    assert other.direction == "maximize" and other.unit == "MHz" and other.workload == "steep"
    assert other.objective_label == "maximize speed_mhz" and other.targets == {}


@pytest.mark.parametrize("label", ["meet", "Bowl steep"])
@pytest.mark.parametrize("count", [1, 5, 1000])
def test_best_designs_are_the_best_different_ones(finished, label, count):
    _, results = finished
    found = results.best_designs(label, count)
    everything: dict[int, float] = {}
    for record in results.runs:
        if record.problem == label:
            table = results.evaluations(record.run_id)
            for flat, score in zip(table.column("design").to_pylist(), table.column("score").to_pylist(), strict=True):
                if score == score:
                    everything[int(flat)] = score
    sign = 1 if results.problems[label].direction == "minimize" else -1
    ranked = sorted(everything.values(), key=lambda score: sign * score)
    assert [design["score"] for design in found] == ranked[:count]
    assert len({design["flat_index"] for design in found}) == len(found)
    best = found[0]
    assert best["design"] == results.problems[label].decode(
        [best["flat_index"] // 256, best["flat_index"] // 16 % 16, best["flat_index"] % 16]
    )
    assert set(best["metrics"]) == {"energy_pj", "latency_ns", "speed_mhz"}
    assert results.scores(best["run_id"])[best["evaluation"] - 1] == best["score"]


def test_parts_hold_many_runs_each(finished):
    directory, _ = finished
    parts = sorted((directory / "parts").iterdir())
    assert [len(pq.read_table(part).column("run_id").unique()) for part in parts] == [5, 5, 2]


def test_unfinished_runs_are_read_from_their_journals(tmp_path):
    config = run(tmp_path / "out", seeds=2)
    more = expand(parse_config(toy_config(seeds=3)))
    last = more[-1]
    assert last.seed == 2 and config.seeds == 2
    with Store(tmp_path / "out") as store:
        store.register([], [run.record() for run in more])
        execute(last, store.journals)
        path = store.journals / f"{last.run_id}.jsonl"
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:12]))
    results = load_results([tmp_path / "out"])
    record = results.run(last.run_id)
    assert record.state == "unfinished" and record.evaluations == 10 and record.digest == ""
    table = results.evaluations(last.run_id)
    assert table.column("reward").null_count == 10 and len(results.scores(last.run_id)) == 10
    np.testing.assert_array_equal(table.column("score").to_numpy(), results.scores(last.run_id))
    untouched = next(run for run in results.runs if run.seed == 2 and run.run_id != last.run_id)
    assert untouched.evaluations == 0 and len(results.scores(untouched.run_id)) == 0
    assert len(load_results([tmp_path / "out"], unfinished=False).runs) == 4


def test_directories_are_joined(tmp_path, finished):
    directory, first = finished
    run(tmp_path / "more-seeds", problems=[{**MEET, "label": "renamed"}], seeds=[1, 2, 3, 4])
    joined = load_results([directory, tmp_path / "more-seeds"])
    assert list(joined.problems) == ["meet", "Bowl steep"], "the same problem keeps its first label"
    seeds = sorted(run.seed for run in joined.runs if run.problem == "meet" and run.agent == "hopper")
    assert seeds == [0, 1, 2, 3, 4], "runs that both have are taken once"
    assert joined.config == first.config and len(joined.configs) == 2


def test_clashing_labels_are_told_apart(tmp_path, finished):
    directory, _ = finished
    run(tmp_path / "other", problems=[{**MEET, "objective": {"minimize": "energy_pj"}}])
    run(tmp_path / "tuned", problems=[MEET], agents=[{"hopper": {"batch": 9}}, "random_search"])
    joined = load_results([directory, tmp_path / "other", tmp_path / "tuned"])
    assert list(joined.problems) == ["meet", "Bowl steep", "meet [other]"]
    agents = {run.agent for run in joined.runs if run.problem == "meet"}
    assert agents == {"hopper", "random_search", "hopper [tuned]"}
    keys = [(run.problem, run.agent, run.seed) for run in joined.runs]
    assert len(set(keys)) == len(keys)


def test_digest_is_the_same_wherever_it_is_computed(tmp_path, finished):
    directory, results = finished
    with Store(directory) as store:
        assert store.digest() == results.digest
    run(tmp_path / "again", problems=[SPEED, MEET])
    assert load_results([tmp_path / "again"]).digest == results.digest


def test_what_is_not_there(tmp_path, finished):
    _, results = finished
    with pytest.raises(InvalidInputError, match="is not a result directory"):
        load_results([tmp_path])
    with pytest.raises(InvalidInputError, match="at least one result directory"):
        load_results([])
    with pytest.raises(UnknownNameError, match="unknown run"):
        results.scores("nonsense")
    with pytest.raises(UnknownNameError, match="did you mean 'meet'"):
        results.best_designs("meat", 1)


def test_runs_stored_while_they_are_read_are_complete(toy_data, tmp_path, monkeypatch):
    """The ledger is read, then the writer stores the runs and deletes their journals, then journals are read."""
    from experiments.ledger import Ledger
    from experiments.prepare import prepare
    from experiments.run_one import execute
    from experiments.runs import bind_scorers, describe_problem, expand
    from experiments.store import Store

    config = parse_config(toy_data(budget=12, seeds=1))
    runs, (problems, _) = expand(config), prepare(config)
    scorers = bind_scorers(problems)
    read = Ledger.problems
    with Store(tmp_path) as store:
        store.register([describe_problem(p, scorers[p.label]) for p in problems], [run.record() for run in runs])
        for run in runs:
            execute(run, store.journals)
            store.collect(run.run_id, scorers[run.problem])
        before = load_results([tmp_path])
        assert [(run.state, run.evaluations) for run in before.runs] == [("unfinished", 12)] * 2

        def flush_after(ledger):
            found = read(ledger)
            store.flush()
            return found

        monkeypatch.setattr(Ledger, "problems", flush_after)
        during = load_results([tmp_path])
    assert [(run.state, run.evaluations) for run in during.runs] == [("done", 12)] * 2
    for results in (before, during):
        assert [len(results.scores(run.run_id)) for run in runs] == [12, 12]
        assert [len(results.evaluations(run.run_id)) for run in runs] == [12, 12]


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of the finished experiment, to be damaged."""
    return shutil.copytree(finished[0], tmp_path / "copy")


@pytest.mark.parametrize("text", ["{", "[]", '{"sessions": 3}'])
def test_a_damaged_provenance_is_left_out_with_a_warning(finished, copy, text, caplog):
    (copy / "provenance.json").write_text(text)
    results = load_results([copy])
    assert results.provenance == {} and results.digest == finished[1].digest
    assert "provenance.json is damaged" in caplog.text
    with Store(copy) as store:
        store.add_provenance({"host": "h"})
    assert load_results([copy]).provenance == {"sessions": [{"host": "h"}]}
    assert (copy / "provenance.json.damaged").read_text() == text


@pytest.mark.parametrize("text", ["name: [", "just words"])
def test_a_damaged_config_is_named(copy, text):
    (copy / "config.yaml").write_text(text)
    with pytest.raises(InvalidInputError, match=r"config\.yaml is damaged: .*delete it"):
        load_results([copy])


@pytest.mark.parametrize("damage", ["missing", "empty", "garbage", "short"])
def test_a_damaged_part_is_named_with_what_to_do(copy, damage):
    for path in (copy / "parts").iterdir():
        content = path.read_bytes()
        path.write_bytes({"short": content[: len(content) // 2], "garbage": b"x" * 99}.get(damage, b""))
        if damage == "missing":
            path.unlink()
    results = load_results([copy])
    word = "missing" if damage == "missing" else "damaged"
    for read in (results.scores, results.evaluations):
        with pytest.raises(InvalidInputError, match=rf"part-0+\d\.parquet is {word}.*run the experiment again"):
            read(results.runs[0].run_id)


def test_an_empty_ledger_is_damaged_and_never_begun_anew_over_parts(copy):
    (copy / "ledger.sqlite").write_bytes(b"")
    with pytest.raises(InvalidInputError, match="is damaged: it is empty"):
        load_results([copy])
    parts = sorted((copy / "parts").iterdir())
    with pytest.raises(InvalidInputError, match="is damaged"):
        Store(copy)
    assert parts and sorted((copy / "parts").iterdir()) == parts
