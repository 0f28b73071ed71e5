"""Faults with real processes: nothing computed is lost, nothing is computed twice, nothing changes."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from archgym_toys import LOG_VARIABLE, toy_config

from experiments.config import parse_config
from experiments.journal import read_journal
from experiments.results import load_results
from experiments.runner import run_experiment
from experiments.runs import expand
from experiments.store import Store

SCRIPT = Path(__file__).parent / "toys" / "run_toy.py"


@pytest.fixture
def experiment(toy_data, tmp_path):
    """A slow toy experiment on two workers: 6 runs of 40 evaluations of 4 ms."""
    return Faults(slow_data(toy_data), tmp_path)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Return the digest of that experiment, run once in this process."""
    config = parse_config(slow_data(toy_config), overrides=["execution.workers=0"])
    return run_experiment(config, tmp_path_factory.mktemp("undisturbed") / "out", progress=False).digest


def slow_data(make):
    data = make(agents=["hopper", "random_search"], budget=40, execution={"workers": 2})
    data["problems"][0]["arguments"] = {"delay_s": 0.004}
    return data


class Faults:
    def __init__(self, data, directory: Path) -> None:
        self.data, self.directory = data, directory
        self.config = directory / "config.json"
        self.config.write_text(json.dumps(data))
        self.log = directory / "simulated.log"
        self.output = directory / "out"

    def start(self, *words: str) -> subprocess.Popen[str]:
        path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
        environment = {**os.environ, "PYTHONPATH": path, LOG_VARIABLE: str(self.log)}
        command = [sys.executable, str(SCRIPT), str(self.config), str(self.output), *words]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)

    def simulated(self) -> Counter[tuple[str, ...]]:
        """Count the designs simulated so far, reference designs and workers' ids left out."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return Counter(tuple(line.split()[1:]) for line in lines)

    def journalled(self) -> dict[str, list[tuple[int, ...]]]:
        paths = (self.output / "journals").glob("*.jsonl")
        return {path.stem: [entry.design for entry in read_journal(path).entries] for path in paths}

    def wait_for(self, evaluations: int) -> None:
        deadline = time.monotonic() + 60
        while sum(self.simulated().values()) < evaluations and time.monotonic() < deadline:
            time.sleep(0.005)


def wait_until(condition) -> None:
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)


def workers_of(parent: int) -> list[int]:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(child) for child in children]


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_kill_9_at_random_moments_then_resume_equals_undisturbed(experiment, undisturbed):
    """Two kills of the parent at random moments; what is resumed is exactly what would have been."""
    rng = random.Random(time.time_ns())
    moments = sorted(rng.sample(range(10, 200), 2))
    for moment in moments:
        process = experiment.start("resume")
        experiment.wait_for(moment)
        workers = workers_of(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_until(lambda: not any(map(alive, workers)))  # noqa: B023 - called before the next round
        assert not any(map(alive, workers)), "workers die with their parent"
    journalled = experiment.journalled()
    stored = {run.run_id: run.evaluations for run in load_results([experiment.output]).runs if run.state == "done"}
    experiment.log.unlink(missing_ok=True)
    process = experiment.start("resume")
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    assert out.split() == [undisturbed, "0"], f"killed at {moments}"

    results = load_results([experiment.output])
    assert results.digest == undisturbed
    known = sum(map(len, journalled.values())) + sum(count for run, count in stored.items() if run not in journalled)
    references = 3  # the parent and both workers simulate the reference design once each
    assert sum(experiment.simulated().values()) <= 240 - known + references, "nothing journalled is simulated again"
    for run_id, designs in journalled.items():
        table = results.evaluations(run_id)
        assert [tuple(row) for row in table.column("indices").to_pylist()][: len(designs)] == designs
    assert {run.replay for run in results.runs} <= {"none", "exact"}


def test_a_killed_worker_is_replaced_and_results_are_the_same(experiment, undisturbed):
    process = experiment.start()
    killed = 0
    for moment in (20, 110):
        experiment.wait_for(moment)
        victims = workers_of(process.pid)
        if victims:
            os.kill(victims[0], signal.SIGKILL)
            killed += 1
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    assert killed == 2
    assert out.split() == [undisturbed, "0"]
    assert any(run.replay == "exact" for run in load_results([experiment.output]).runs)


def test_one_writer_many_readers_and_an_interrupt(experiment, undisturbed):
    process = experiment.start()
    experiment.wait_for(30)
    process.send_signal(signal.SIGSTOP)
    second = experiment.start("resume")
    _, err = second.communicate(timeout=60)
    assert second.returncode == 1 and "another process is writing" in err
    results = load_results([experiment.output])
    waiting = [len(results.scores(run.run_id)) for run in results.runs if run.state == "unfinished"]
    assert sum(waiting) >= 20, "unfinished runs can be read"
    process.send_signal(signal.SIGCONT)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode != 0 and "KeyboardInterrupt" in err
    with Store(experiment.output) as store:
        assert len(store.ledger.places()) == sum(run.state == "done" for run in store.runs.values())
    process = experiment.start("resume")
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    assert out.split() == [undisturbed, "0"]


def test_a_journal_torn_at_any_byte_is_resumed_to_the_same_result(toy_data, tmp_path):
    """In process: cut one run's journal at many places, resume each, compare."""
    from experiments.run_one import execute

    (run,) = expand(parse_config(toy_data(agents=["hopper"], seeds=1, budget=12)))
    whole = tmp_path / "whole"
    whole.mkdir()
    execute(run, whole)
    data = (whole / f"{run.run_id}.jsonl").read_bytes()
    expected = read_journal(whole / f"{run.run_id}.jsonl")
    for length in [*range(0, len(data), 97), len(data) - 1]:
        torn = tmp_path / f"torn-{length}"
        torn.mkdir()
        (torn / f"{run.run_id}.jsonl").write_bytes(data[:length])
        assert execute(run, torn).error == ""
        content = read_journal(torn / f"{run.run_id}.jsonl")
        assert [e.to_line() | {"seconds": 0} for e in content.entries] == [
            e.to_line() | {"seconds": 0} for e in expected.entries
        ]
        assert content.end["stop_reason"] == "budget" and content.restarts == 0
