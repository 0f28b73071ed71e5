"""The note that a simulator is compiling: said once, only if it takes a while, and only of what Numba compiles."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numba
import pytest
from numba.core import event
from typer.testing import CliRunner

import experiments.cli.compiling
from experiments import compiling
from experiments.backends import LocalBackend, _Worker
from experiments.cli import app
from experiments.cli.failures import say
from experiments.compiling import NOTE, CompilingWatch, noted_compiling
from experiments.runs import RunSpec

ROOT = Path(__file__).parents[2]


def compile_for(seconds: float) -> None:
    with event.trigger_event("numba:compile"):
        time.sleep(seconds)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "PATIENCE_SECONDS", 0.1)


def test_it_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    with noted_compiling(lambda: say(NOTE)):
        compile_for(0.3)
        compile_for(0.3)
    assert capsys.readouterr() == ("", f"{NOTE}\n")


def test_short_ones_add_up(capsys: pytest.CaptureFixture[str]) -> None:
    with noted_compiling(lambda: say(NOTE)):
        for _ in range(6):
            compile_for(0.04)
    assert capsys.readouterr().err == f"{NOTE}\n"


@pytest.mark.parametrize("work", [lambda: None, lambda: compile_for(0.0), lambda: time.sleep(0.3)])
def test_nothing_is_said_of_short_or_other_work(work: Callable[[], None], capsys: pytest.CaptureFixture[str]) -> None:
    with noted_compiling(lambda: say(NOTE)):
        work()
        time.sleep(0.2)  # simulating, after it was compiled
    compile_for(0.2)  # and outside of the block
    assert capsys.readouterr() == ("", "")


def test_a_function_compiled_within_another_is_no_second_time() -> None:
    watch = CompilingWatch(lambda: None)
    for step in (watch.start, watch.start, watch.stop, watch.stop):
        step()
    watch.start()
    watch.stop()
    watch.close()
    watch.start()
    assert watch._timer is None


def test_numba_announces_what_it_compiles(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(compiling, "PATIENCE_SECONDS", 0.0)
    function = numba.njit(lambda x: x + 1)
    with noted_compiling(lambda: say(NOTE)):
        assert function(1) == 2
    assert capsys.readouterr().err == f"{NOTE}\n"
    with noted_compiling(lambda: say(NOTE)):
        assert function(1) == 2
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("command", ["evaluate", "run", "mapping", "tabulate", "validate", "soc"])
def test_commands_that_evaluate_note_it(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entered: list[str] = []
    target = experiments.cli.compiling
    monkeypatch.setattr(target, "noted_compiling", lambda note: entered.append(command) or noted_compiling(note))
    words = {"evaluate": ("x", "--designs", "x.csv", "--output", "y.csv"), "tabulate": ("x", "--output", "x.csv")}
    CliRunner().invoke(
        app, [command, *words.get(command, ("x", "--reference", "x")[: 3 if command == "validate" else 1])]
    )
    assert entered == [command]


def test_the_first_worker_that_compiles_is_heard_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    worker = "import sys; sys.stdout.write('{\"compiling\": 1}\\n' * 2); sys.stdout.flush(); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", worker], stdin=-1, stdout=-1) as process:
        assert process.stdout is not None and process.stdin is not None
        lines = process.stdout.readline() + process.stdout.readline()
        backend = LocalBackend(2, tmp_path, tmp_path / "log")
        assert backend._read(_Worker(process), lines) == []
        process.stdin.close()
    assert [record.getMessage() for record in caplog.records] == [NOTE]


def test_a_worker_says_that_it_compiles(tmp_path: Path) -> None:
    code = (
        "import json, os, sys, time\n"
        "from experiments import compiling, run_one, worker\n"
        "from numba.core import event\n"
        "def execute(run, journals, beat):\n"
        "    with event.trigger_event('numba:compile'): time.sleep(0.3)\n"
        "    return run_one.Outcome('x', '')\n"
        "run_one.execute, compiling.PATIENCE_SECONDS = execute, 0.05\n"
        "sys.argv = ['worker', str(os.getppid()), '.']\n"
        "worker.main()"
    )
    run = json.dumps({field.name: None for field in dataclasses.fields(RunSpec)})
    words = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, input=f"{run}\n{run}\n", cwd=tmp_path, env=environment, capture_output=True, text=True)
    kinds = [next(iter(set(json.loads(line)) & {"ready", "compiling", "done"})) for line in done.stdout.splitlines()]
    assert kinds == ["ready", "compiling", "done", "done"], done.stderr
