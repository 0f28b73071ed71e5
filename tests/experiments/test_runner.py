from __future__ import annotations

import io
import json

import pytest
from archgym_toys import LOG_VARIABLE, bowl
from rich.console import Console

import archgym_envs
from experiments.config import ConfigError, parse_config
from experiments.directories import choose_directory
from experiments.progress import LiveView, PlainView, SilentView
from experiments.results import load_results
from experiments.runner import run_experiment
from experiments.runs import expand
from experiments.store import StoreError
from simulators import InvalidInputError

TINY = {"environment": "toys/Bowl-v0", "arguments": {"levels": 2}}


def run(data, output, *overrides, **keywords):
    return run_experiment(parse_config(data, overrides=overrides), output, **{"progress": False, **keywords})


@pytest.fixture
def simulated(tmp_path, monkeypatch):
    """Return a function that lists ``(pid, design)`` of everything simulated so far."""
    log = tmp_path / "simulated.log"
    monkeypatch.setenv(LOG_VARIABLE, str(log))

    def read() -> list[tuple[str, tuple[str, ...]]]:
        lines = log.read_text().splitlines() if log.exists() else []
        return [(line.split()[0], tuple(line.split()[1:])) for line in lines]

    return read


def test_results_do_not_depend_on_workers_or_repetition(toy_data, tmp_path):
    summaries = [
        run(toy_data(), tmp_path / f"{name}", f"execution.workers={workers}")
        for name, workers in [("inside", 0), ("inside-again", 0), ("one", 1), ("two", 2)]
    ]
    assert len({summary.digest for summary in summaries}) == 1
    assert {(summary.total, summary.done, summary.exit_status) for summary in summaries} == {(6, 6, 0)}
    assert summaries[0].evaluations == 180
    one, two = (load_results([tmp_path / name]) for name in ("one", "two"))
    assert one.digest == two.digest == summaries[0].digest
    for record in one.runs:
        left, right = one.evaluations(record.run_id), two.evaluations(record.run_id)
        assert repr(left.drop(["simulator_seconds"]).to_pylist()) == repr(right.drop(["simulator_seconds"]).to_pylist())
    assert not (tmp_path / "two" / "workers.log").exists(), "an empty log is removed"


def test_a_failed_run_does_not_end_the_others_and_is_tried_again(toy_data, tmp_path, monkeypatch):
    data = toy_data(agents=["faulty", "hopper"], execution={"workers": 1})
    summary = run(data, tmp_path / "out")
    assert (summary.total, summary.done, summary.failed, summary.exit_status) == (6, 5, 1, 1)
    assert list(summary.failures) == ["faulty on Bowl gentle, seed 1"]
    assert summary.failures["faulty on Bowl gentle, seed 1"] == "RuntimeError: a wire came loose"
    results = load_results([tmp_path / "out"])
    (failed,) = [record for record in results.runs if record.state == "failed"]
    assert failed.evaluations == 4 and len(results.scores(failed.run_id)) == 4
    import archgym_toys

    monkeypatch.setattr(archgym_toys.Faulty, "tell", archgym_toys.Hopper.tell)
    mended = run(data, tmp_path / "out", "execution.workers=0", resume=True)
    assert (mended.done, mended.failed, mended.reused, mended.exit_status) == (6, 0, 5, 0)
    assert mended.failures == {}


def test_a_run_that_kills_its_workers_fails_after_some_tries(toy_data, tmp_path):
    summary = run(toy_data(agents=["suicidal", "hopper"], seeds=[1], execution={"workers": 1}), tmp_path / "out")
    assert (summary.done, summary.failed) == (1, 1)
    (error,) = summary.failures.values()
    assert "died 3 times without getting any further (last: exit status 17)" in error


@pytest.mark.parametrize(
    ("changes", "reason", "evaluations"),
    [
        ({"agents": ["stuck"]}, "max_proposals", 1),
        ({"agents": ["random_search"], "problems": [TINY]}, "exhausted", 8),
        ({}, "budget", 30),
    ],
)
def test_why_runs_stop(toy_data, tmp_path, changes, reason, evaluations):
    run(toy_data(**changes), tmp_path / "out")
    for record in load_results([tmp_path / "out"]).runs:
        assert (record.stop_reason, record.evaluations) == (reason, evaluations)
        assert record.proposals == 300 if reason == "max_proposals" else record.proposals >= evaluations


def test_times_and_origin_are_recorded(toy_data, tmp_path):
    data = toy_data(agents=["hopper"], seeds=1, budget=10)
    data["problems"][0]["arguments"] = {"delay_s": 0.02}
    summary = run(data, tmp_path / "out", "execution.workers=1")
    results = load_results([tmp_path / "out"])
    (record,) = results.runs
    assert 0.2 <= record.simulator_seconds < record.wall_seconds
    assert 0 <= record.agent_seconds < record.wall_seconds - 0.2
    assert record.cpu_seconds < record.wall_seconds, "sleeping costs no CPU time"
    assert record.host and record.started and record.attempts == 1 and record.replay == "none"
    (session,) = results.provenance["sessions"]
    assert session["packages"]["numpy"] and session["python"] and session["host"]
    assert results.config["budget"] == 10 and summary.output == tmp_path / "out"


def test_directories_are_numbered_and_resumed(toy_data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = [run(toy_data(seeds=1), None).output.name for _ in range(2)]
    assert names == ["toy", "toy-2"]
    assert run(toy_data(seeds=1), None, "budget=10").output.name == "toy-3"
    resumed = run(toy_data(seeds=1), None, resume=True)
    assert resumed.output.name == "toy-2" and resumed.reused == resumed.total == 2
    assert run(toy_data(seeds=1), None, "budget=10", resume=True).output.name == "toy-3"
    assert run(toy_data(seeds=1, name="fresh"), None, resume=True).output.name == "fresh"
    assert run(toy_data(seeds=1, output="chosen"), None).output.name == "chosen"


def test_resuming_something_else_says_what_differs(toy_data, tmp_path):
    run(toy_data(), tmp_path / "out")
    with pytest.raises(InvalidInputError, match="budget: 30 there, 20 in this config"):
        run(toy_data(), tmp_path / "out", "budget=20", resume=True)
    with pytest.raises(InvalidInputError, match="seeds: 3 there, 4 in this config"):
        run(toy_data(), tmp_path / "out", "seeds=4", resume=True)
    with pytest.raises(InvalidInputError, match="problems.0.arguments.workload: nothing there, 'steep' in this config"):
        run(toy_data(), tmp_path / "out", "problems.0.arguments.workload=steep", resume=True)
    with pytest.raises(InvalidInputError, match=r"agents.1: 'hopper' there, \{'hopper'"):
        run(toy_data(), tmp_path / "out", "agents.1.hopper.batch=5", resume=True)


def test_resuming_after_a_change_of_version_says_so(toy_data, tmp_path, monkeypatch):
    from archgym_toys import Hopper

    run(toy_data(), tmp_path / "out")
    monkeypatch.setattr(Hopper, "version", "2")
    with pytest.raises(InvalidInputError, match="configs are equal, but only 3 of 6 runs are"):
        run(toy_data(), tmp_path / "out", resume=True)


def test_directories_that_cannot_be_used(toy_data, tmp_path):
    run(toy_data(seeds=1), tmp_path / "out")
    with pytest.raises(StoreError, match="is not empty; resume it with --resume"):
        run(toy_data(seeds=1), tmp_path / "out")
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="is a file"):
        run(toy_data(seeds=1), tmp_path / "file")
    with pytest.raises(StoreError, match="cannot write results"):
        run(toy_data(seeds=1), tmp_path / "file" / "below")


def test_what_workers_cannot_import_is_refused_before_anything_runs(toy_data, tmp_path, monkeypatch):
    def inner(workload: str = "gentle"):
        return bowl(workload)

    archgym_envs.register("toys/Local-v0", inner, {"minimize": "energy_pj"})
    with pytest.raises(ConfigError, match="problems.0.environment: .*top level of a module"):
        parse_config(toy_data(problems=[{"environment": "toys/Local-v0"}]))
    monkeypatch.setattr("experiments.prepare.entry_point_of", lambda thing: "__main__:inner")
    config = parse_config(toy_data(problems=[{"environment": "toys/Local-v0"}], execution={"workers": 1}))
    with pytest.raises(ConfigError, match=r"main script.*execution.workers=0"):
        run_experiment(config, tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_an_environment_registered_with_a_function_runs_in_workers(toy_data, tmp_path):
    archgym_envs.register("toys/Function-v0", bowl, {"minimize": "energy_pj"})
    data = toy_data(problems=[{"environment": "toys/Function-v0"}], seeds=1, execution={"workers": 1})
    assert run(data, tmp_path / "out").exit_status == 0


def test_an_agent_that_cannot_be_repeated_is_begun_again_and_nothing_simulated_twice(toy_data, tmp_path, simulated):
    data = toy_data(agents=["amnesiac"], seeds=1, budget=40)
    run_id = expand(parse_config(data))[0].run_id
    run(data, tmp_path / "out", "execution.workers=1")
    from experiments.journal import Journal, read_journal
    from experiments.run_one import execute

    journals = tmp_path / "journals"
    journals.mkdir()
    (spec,) = expand(parse_config(data))
    execute(spec, journals)
    path = journals / f"{run_id}.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:22]))
    journalled = {entry.design for entry in read_journal(path).entries}
    assert len(journalled) == 20
    before = len(simulated())
    assert execute(spec, journals).error == ""
    content = read_journal(path)
    assert content.end["replay"] == "restarted" and content.restarts == 1
    assert [entry.number for entry in content.entries] == list(range(1, 41))
    fresh = [tuple(map(int, design)) for _, design in simulated()[before:]]
    assert not journalled & set(fresh), "no journalled design is simulated twice"
    with Journal(path, run_id, patience=0) as journal:
        assert journal.content.end is not None
    assert execute(spec, journals).error == "", "a complete run is left alone"
    assert len(simulated()) == before + len(fresh)


def test_progress_lines(toy_data, tmp_path, monkeypatch):
    monkeypatch.setattr("experiments.progress._LINE_SECONDS", 0.0)
    stream = io.StringIO()
    view = PlainView(Console(file=stream, width=80))
    run(toy_data(agents=["faulty", "hopper"]), tmp_path / "out", progress=view)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "6 runs"
    assert "failed: faulty on Bowl gentle, seed 1: RuntimeError: a wire came loose" in lines
    assert lines[-1].startswith("6/6 runs, 1 failed, 154 evaluations, ")


def test_progress_bars_fit_80_columns(toy_data, tmp_path):
    stream = io.StringIO()
    view = LiveView(Console(file=stream, width=80, force_terminal=True, color_system=None))
    run(toy_data(), tmp_path / "out", "execution.workers=1", progress=view)
    text = stream.getvalue()
    assert "all runs" in text and "6/6" in text and "hopper" in text and "evaluations" in text


def test_views_see_every_run(toy_data, tmp_path):
    seen = []

    class View(SilentView):
        def finished(self, run, evaluations, error):
            seen.append((run.agent, run.seed, evaluations, error))

    run(toy_data(), tmp_path / "out", progress=View())
    assert sorted(seen) == [(agent, seed, 30, "") for agent in ("hopper", "random_search") for seed in range(3)]


def test_choosing_a_directory_creates_nothing(toy_data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = parse_config(toy_data())
    assert str(choose_directory(config, None, False, expand(config))) == "results/toy"
    assert not (tmp_path / "results").exists()


def test_the_resolved_config_runs_again(toy_data, tmp_path):
    from experiments.config import load_config

    first = run(toy_data(), tmp_path / "one")
    again = run_experiment(load_config(tmp_path / "one" / "config.yaml"), tmp_path / "two", progress=False)
    assert again.digest == first.digest
    assert json.loads((tmp_path / "two" / "provenance.json").read_text())["sessions"]


@pytest.mark.slow
def test_ray_gives_the_same_results(toy_data, tmp_path):
    pytest.importorskip("ray")
    local = run(toy_data(agents=["hopper", "faulty"]), tmp_path / "local")
    ray = run(toy_data(agents=["hopper", "faulty"]), tmp_path / "ray", "execution={backend: ray, workers: 2}")
    assert ray.digest == local.digest
    assert (ray.done, ray.failed, ray.failures) == (local.done, local.failed, local.failures)


def test_resuming_where_there_is_nothing_begins_afresh_and_says_so(toy_data, tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    first = run(toy_data(seeds=1), None, resume=True)
    assert first.output.name == "toy" and first.done == first.total
    assert "there is nothing to resume: beginning a new experiment in results/toy" in caplog.text
    caplog.clear()
    assert run(toy_data(seeds=1), None, resume=True).reused == 2
    assert caplog.text == ""
