"""The command line: in this process where it is about words, in real processes where it is about statuses.

The environment comes from a package beside this file that offers it, and two agents, through entry points.
"""

from __future__ import annotations

import csv
import json
import math
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import experiments.listing
from experiments.cli import app
from experiments.cli.catalogue import bytes_text, sweep_text
from experiments.cli.experiment import duration_text
from simulators._agreement import Detail
from simulators.accelerator.validation import AcceleratorValidation, HeldOutSummary
from simulators.accelerator.validation import TableSummary as AcceleratorTable
from simulators.memory.validation import MemoryValidation, TableSummary

ROOT = Path(__file__).parents[2]
TOY_LAB = Path(__file__).parent / "toy_lab"
CONFIG = """
name: trial
problems:
  - environment: lab/Toy-v0
    arguments: {workload: heavy, space: small}
agents: [random_search, genetic]
budget: 12
seeds: 3
compare: {at: [6]}
execution: {workers: 0}
"""


def archgym(*words: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{TOY_LAB}", "COLUMNS": "80", **variables}
    command = [sys.executable, "-m", "experiments.cli", *map(str, words)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, subprocess.CompletedProcess[str]]]:
    """A directory with the config and its results, and what the run printed."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "trial.yaml").write_text(CONFIG)
    yield folder, archgym("run", "trial.yaml", cwd=folder)


Finished = tuple[Path, subprocess.CompletedProcess[str]]


# ---- running and reading results ------------------------------------------------------------------


def test_run_prints_the_table_the_verdict_and_what_to_do_next(finished: Finished) -> None:
    folder, done = finished
    assert done.returncode == 0, done.stderr
    assert "No winner" in done.stdout or "is best" in done.stdout
    assert "reference" in done.stdout
    assert "archgym report results/trial --output report.html" in done.stdout
    assert "6 of 6 runs done" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert (folder / "results" / "trial").is_dir()


def test_compare_json_is_pure_json_on_stdout(finished: Finished) -> None:
    folder, _ = finished
    done = archgym("compare", "results/trial", "--json", "--at", "3", "--baseline", "genetic", cwd=folder)
    assert done.returncode == 0
    data = json.loads(done.stdout)
    assert data["baseline"] == "genetic"
    assert sorted(data["problems"][0]["summaries"]) == ["12", "3"]
    assert {row["agent"] for row in data["problems"][0]["summaries"]["12"]} == {"random_search", "genetic"}


def test_report_writes_one_page(finished: Finished) -> None:
    folder, _ = finished
    done = archgym("report", "results/trial", "--output", "page/report.html", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "Report: page/report.html\n")
    assert (folder / "page/report.html").read_text().startswith("<!DOCTYPE html>")


def test_a_second_run_resumes_only_when_asked_to(finished: Finished) -> None:
    folder, first = finished
    refused = archgym("run", "trial.yaml", "--output", "results/trial", cwd=folder)
    assert refused.returncode == 2
    assert "--resume" in refused.stderr
    resumed = archgym("run", "trial.yaml", "--output", "results/trial", "--resume", "--json", cwd=folder)
    assert resumed.returncode == 0
    summary = json.loads(resumed.stdout)["summary"]
    assert (summary["done"], summary["reused"]) == (6, 6)
    assert summary["digest"][:16] in first.stdout


def test_runs_that_fail_end_in_status_1_and_are_reported(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(CONFIG)
    words = ("--set", "agents=[random_search, crashing]", "--set", "seeds=2")
    done = archgym("run", "c.yaml", *words, cwd=tmp_path)
    assert done.returncode == 1
    assert "the crash of round three" in done.stderr
    assert "1 of 4 runs are not done" in done.stderr
    assert "archgym run c.yaml --set 'agents=[random_search, crashing]' --set seeds=2 --resume" in done.stderr
    assert "crashing: 1 failed of 2 runs" in " ".join(done.stdout.split())
    assert "Traceback" not in done.stderr


def test_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(CONFIG.replace("budget: 12", "budget: 70").replace("seeds: 3", "seeds: 400"))
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{TOY_LAB}"}
    command = [sys.executable, "-m", "experiments.cli", "run", "c.yaml", "--output", "out dir"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("out dir/journals/*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "archgym run c.yaml --output 'out dir' --resume" in errors
    assert "Traceback" not in errors


# ---- mistakes: exit status 2, what was wrong, what was expected, no traceback ----------------------

MISTAKES: dict[str, tuple[list[str], list[str]]] = {
    "unknown environment": (["problems.0.environment=lab/Toi-v0"], ["problems.0.environment", "'lab/Toy-v0'"]),
    "unknown agent": (["agents=[genetik]"], ["agents.0", "did you mean 'genetic'"]),
    "unknown hyperparameter": (["agents.1.genetic.populaton=8"], ["agents.1.genetic.populaton", "'population'"]),
    "unknown argument": (["problems.0.arguments.wrkload=heavy"], ["did you mean 'workload'"]),
    "unknown value": (["problems.0.arguments.space=smal"], ["problems.0.arguments.space", "did you mean 'small'"]),
    "wrong type": (["budget=many"], ["budget", "expected", "'many'"]),
    "budget of zero": (["budget=0"], ["budget", "at least 1", "got 0"]),
    "missing extra": (["agents=[needs_more]"], ["a_module_nobody_has", "pip install"]),
    "missing trace": (["problems.0.arguments.workload=no/such.stl"], ["problems.0.arguments.workload", "unknown"]),
    "malformed trace": (["problems.0.arguments.workload=bad.stl"], ["bad.stl, line 1", "expected a number"]),
    "unknown field": (["budgett=5"], ["budgett", "did you mean 'budget'"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_config_is_explained(mistake: str, tmp_path: Path) -> None:
    settings, expected = MISTAKES[mistake]
    (tmp_path / "c.yaml").write_text(CONFIG)
    (tmp_path / "bad.stl").write_text("rubbish\n")
    words = [word for setting in settings for word in ("--set", setting)]
    done = archgym("run", "c.yaml", *words, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    for fragment in expected:
        assert fragment in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results").exists()


def test_an_unwritable_output_directory_is_explained(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(CONFIG)
    (tmp_path / "file").write_text("")
    done = archgym("run", "c.yaml", "--output", "file/results", cwd=tmp_path)
    assert done.returncode == 2
    assert "file/results" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unexpected_error_is_short_unless_debugging(tmp_path: Path) -> None:
    code = (
        "import experiments.listing, experiments.cli\n"
        "def fail(): raise ZeroDivisionError('surprise')\n"
        "experiments.listing.list_agents = fail\n"
        "import sys; sys.argv = ['archgym', 'list', 'agents']\n"
        "experiments.cli.main()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for debug in (False, True):
        if debug:
            environment["ARCHGYM_DEBUG"] = "1"
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert done.returncode == 1
        assert ("Traceback" in done.stderr) is debug
        assert "ZeroDivisionError: surprise" in done.stderr
        assert debug or "ARCHGYM_DEBUG=1" in done.stderr


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m experiments.cli list agents --json | head -c 20"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


# ---- help, version, lists --------------------------------------------------------------------------


def test_help_imports_nothing_heavy_and_is_quick(tmp_path: Path) -> None:
    code = (
        "import sys, experiments.cli\n"
        "sys.argv = ['archgym', '--help']\n"
        "try: experiments.cli.main()\n"
        "except SystemExit as end: assert end.code in (0, None)\n"
        "heavy = {'numpy', 'pydantic', 'gymnasium', 'numba', 'rich', 'yaml', 'scipy', 'optuna', 'pyarrow'}\n"
        "print('loaded:', sorted(heavy & set(sys.modules)))"
    )
    best = float("inf")
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        # Processor time, so that a busy machine does not decide.
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert "loaded: []" in done.stdout, done.stderr
    assert best < 0.5


def invoke(*words: str) -> Any:
    return CliRunner().invoke(app, list(words))


@pytest.mark.parametrize("command", ["list", "run", "compare", "report", "evaluate", "validate", "trace"])
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    result = invoke(command, "--help")
    assert result.exit_code == 0
    assert "Example:" in result.stdout
    assert f"archgym {command}" in result.stdout


def test_only_commands_that_exist_are_advertised() -> None:
    text = invoke("--help").stdout
    assert "archgym run quickstart" in text
    for absent in ("dataset", "proxy"):
        assert absent not in text


def test_version_and_no_arguments() -> None:
    assert invoke("--version").stdout.startswith("archgym ")
    assert invoke("--version").exit_code == 0
    assert invoke().exit_code == 2
    assert invoke("runn").exit_code == 2
    assert invoke("compare").exit_code == 2


def test_list_agents_has_kinds_defaults_and_sweep_ranges() -> None:
    entries = {entry["name"]: entry for entry in json.loads(invoke("list", "agents", "--json").stdout)}
    genetic = {field["name"]: field for field in entries["genetic"]["hyperparameters"]}
    assert entries["genetic"]["kind"] == "ask/tell"
    assert genetic["population"]["sweep"]["kind"] == "integer"
    assert isinstance(genetic["population"]["default"], int)
    text = invoke("list", "agents").stdout
    assert "sweeps" in text


def test_a_tabulated_space_is_an_environment(tmp_path: Path) -> None:
    words = ("tabulate", "lab/Toy-v0", "--set", "space=small", "--output", "t.parquet")
    done = archgym(
        *words, "--workload", "heavy", "--only", "turbo=false", "--front", "energy_pj,delay_ns", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "36 combinations, 36 distinct feasible designs, 3 of them invalid (8.33%)" in done.stdout
    assert "delay_ns * energy_pj ↓" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    again = archgym(*words, "--workload", "heavy", "--only", "turbo=false", "--resume", "--json", cwd=tmp_path)
    data = json.loads(again.stdout)
    assert data["computed"] == 0
    assert data["checksum"] in done.stdout.replace("\n", "")
    assert data["landscape"]["objectives"][0]["optimum"] == 32.0  # load^2 x volts, at 0.5 V and a fair policy
    refused = archgym(*words, "--objective", "{minimize: energy}", cwd=tmp_path)
    assert refused.returncode == 2
    assert "did you mean 'energy_pj'" in refused.stderr
    (tmp_path / "t.yaml").write_text(
        "name: t\nproblems: [{environment: archgym/Tabular-v0, arguments: {table: t.parquet}}]\n"
        "agents: [random_search, genetic]\nbudget: 10\nseeds: 2\nexecution: {workers: 0}\n"
    )
    run = archgym("run", "t.yaml", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "Distance from the proven optimum 32, pJ * ns" in run.stdout.replace("ns * pJ", "pJ * ns")
    assert max(map(len, run.stdout.splitlines())) <= 80


def test_list_environments_and_workloads_of_a_package(tmp_path: Path) -> None:
    done = archgym("list", "environments", "--json", cwd=tmp_path)
    entry = next(entry for entry in json.loads(done.stdout) if entry["id"] == "lab/Toy-v0")
    assert entry["spaces"] == [
        {"name": "small", "parameters": 4, "designs": 72},
        {"name": "wide", "parameters": 4, "designs": 288},
    ]
    assert [metric["name"] for metric in entry["metrics"]] == ["energy_pj", "delay_ns"]
    assert entry["arguments"] == {"workload": "light", "space": "wide", "flavour": "plain"}
    assert entry["argument_choices"] == {"space": ["small", "wide"], "flavour": ["plain", "odd"]}
    shown = archgym("list", "environments", cwd=tmp_path).stdout
    assert "wide 288 designs of 4 parameters" in shown
    assert "minimize delay_ns * energy_pj (default)" in shown
    workloads = json.loads(archgym("list", "workloads", "--json", cwd=tmp_path).stdout)
    assert {"environment": "lab/Toy-v0", "name": "heavy"} in workloads


def test_list_says_which_agents_are_not_installed(tmp_path: Path) -> None:
    done = archgym("list", "agents", cwd=tmp_path)
    assert "a_module_nobody_has" in done.stdout
    assert done.returncode == 0


def test_a_broken_environment_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    import archgym_envs
    from simulators import InvalidInputError

    class Broken:
        doc, arguments = "", {}

        def __getattr__(self, name: str) -> Any:
            raise InvalidInputError("its file is missing")

    monkeypatch.setattr(archgym_envs, "registered", lambda: ("lab/Broken-v0",))
    monkeypatch.setattr(archgym_envs, "spec", lambda name: Broken())
    assert experiments.listing.list_environments() == [{"id": "lab/Broken-v0", "error": "its file is missing"}]


def test_traces_are_listed_with_what_they_ask_of_a_memory() -> None:
    entries = json.loads(invoke("list", "workloads", "--json").stdout)
    streaming = next(entry for entry in entries if entry["name"] == "synthetic/streaming")
    assert streaming["requests"] > 0
    assert 0 <= streaming["write_fraction"] <= 1
    assert streaming["footprint_bytes"] % 64 == 0
    assert "synthetic/streaming" in invoke("list", "workloads").stdout


def test_unknown_thing_to_list_names_the_nearest() -> None:
    result = invoke("list", "agent")
    assert result.exit_code == 2
    assert "did you mean 'agents'" in result.stderr


# ---- evaluate and validate --------------------------------------------------------------------------


def test_evaluate_from_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "designs.csv").write_text("cores,policy\n4,fair\n1,lazy\n")
    words = ("--designs", "designs.csv", "--workload", "heavy", "--output", "out.csv", "--set", "space=small")
    done = archgym("evaluate", "lab/Toy-v0", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert "2 designs evaluated: out.csv" in done.stderr
    with (tmp_path / "out.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert [float(row["energy_pj"]) for row in rows] == [32.0, 12.0]


TOY = ("lab/Toy-v0", "--designs", "d.csv", "--output", "o.csv")
EVALUATE_MISTAKES: tuple[tuple[tuple[str, ...], str], ...] = (
    ((*TOY, "--set", "spce=small"), "did you mean 'space'"),
    ((*TOY, "--workload", "heavi"), "did you mean 'heavy'"),
    (
        (*TOY, "--workload", "heavy", "--set", "workload=light"),
        "two workloads: --workload heavy and --set workload=light",
    ),
    (("lab/Toi-v0", *TOY[1:]), "did you mean 'lab/Toy-v0'"),
    (("lab/Toy-v0", "--designs", "no.csv", "--output", "o.csv"), "no.csv: cannot read"),
    (("lab/Toy-v0", "--designs", "d.csv", "--output", "o.txt"), "must end in one of"),
    (("lab/Toy-v0", "--designs", "d.csv", "--output", "d.csv/o.csv"), "cannot write"),
    ((*TOY, "--set", "space"), "expected path=value"),
    (("lab/Toy-v0", "--output", "o.csv"), "--designs"),
)
INVOKE_ALL = """
import json, sys
from typer.testing import CliRunner
from experiments.cli import app
results = [CliRunner().invoke(app, ["evaluate", *words]) for words in json.loads(sys.argv[1])]
print(json.dumps([[result.exit_code, result.stdout, result.stderr] for result in results]))
"""


def test_mistakes_in_evaluate(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("cores\n4\n")
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{TOY_LAB}"}
    command = [sys.executable, "-c", INVOKE_ALL, json.dumps([words for words, _ in EVALUATE_MISTAKES])]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    for (words, message), (status, stdout, stderr) in zip(EVALUATE_MISTAKES, json.loads(done.stdout), strict=True):
        assert (status, stdout) == (2, ""), words
        assert message in stderr
        assert "Traceback" not in stderr
    assert [path.name for path in tmp_path.iterdir()] == ["d.csv"]


def test_validate_of_what_does_not_exist_is_explained() -> None:
    result = invoke("validate", "soc", "--reference", str(ROOT / "docs"))
    assert result.exit_code == 2
    assert "farsi_rows.jsonl" in result.stderr
    assert "did you mean 'memory'" in invoke("validate", "memroy", "--reference", ".").stderr


def validation_of(met: bool | None) -> MemoryValidation:
    errors, shares = (0.004, 0.0, math.nan), (1.0, 1.0, math.nan)
    refused = {"DDR9 is not supported": 1}
    summary = TableSummary("dramsys_4x2", 8, 8, 7, 6, *errors, *shares, "DDR3", met, refused)
    details = (Detail("dramsys_4x2", 0, "total_time_ps", 1250, 1251), Detail("dramsys_4x2", 1, "e_rd_pJ", 0, math.nan))
    return MemoryValidation("ref", (summary,), details)


@pytest.mark.parametrize(("met", "status"), [(True, 0), (False, 1), (None, 1)])
def test_validate_memory(met: bool | None, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.memory.validation.validate_memory", lambda *_, **__: validation_of(met))
    words = ("validate", "memory", "--reference", str(tmp_path))
    shown = invoke(*words, "--details", str(tmp_path / "new" / "details.csv"))
    assert shown.exit_code == status
    assert f"Bar {'met' if met else 'missed'}: DDR3: 99% of rows cycle-exact, " in shown.stdout
    assert "0.4%" in shown.stdout
    assert "1 row not compared: DDR9 is not supported" in shown.stdout
    assert (tmp_path / "new" / "details.csv").read_text().splitlines() == [
        "table,row,metric,expected,got",
        "dramsys_4x2,0,total_time_ps,1250,1251",
        "dramsys_4x2,1,e_rd_pJ,0,nan",
    ]
    data = invoke(*words, "--json")
    assert data.exit_code == status
    assert json.loads(data.stdout)["passed"] is bool(met)


def accelerator_validation_of(met: bool | None) -> AcceleratorValidation:
    tables = (
        AcceleratorTable("timeloop_points", 9, 8, 7, 500, 0.0, 0.000123, "the bar", met, {"4 spatial levels": 1}),
        AcceleratorTable("maestro_points", 3, 0, 0, 0, math.nan, math.nan, "", None, {"not ours": 3}),
    )
    held_out = (HeldOutSummary(45, "read_pj", 6, 5, -0.146, 16 * 1024),)
    details = (Detail("timeloop_points", 0, "levels.RF.Weights.reads", 0, 0), Detail("timeloop_points", 1, "x", 2, 2.5))
    return AcceleratorValidation("ref", tables, details, held_out)


@pytest.mark.parametrize(("met", "status"), [(True, 0), (False, 1), (None, 1)])
def test_validate_accelerator(met: bool | None, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = "simulators.accelerator.validation.validate_accelerator"
    monkeypatch.setattr(target, lambda *_, **__: accelerator_validation_of(met))
    words = ("validate", "accelerator", "--reference", str(tmp_path))
    shown = invoke(*words, "--details", str(tmp_path / "new" / "details.csv"))
    assert shown.exit_code == status
    assert f"Bar {'met' if met else 'missed'}: " in shown.stdout
    for text in ("8/9", "0.012%", "1 row not compared: 4 spatial levels", "45 nm", "5/6", "-14.6%", "16 kB"):
        assert text in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80
    assert (tmp_path / "new" / "details.csv").read_text().splitlines() == [
        "table,row,metric,expected,got",
        "timeloop_points,0,levels.RF.Weights.reads,0,0",
        "timeloop_points,1,x,2,2.5",
    ]
    data = json.loads(invoke(*words, "--json").stdout)
    assert data["passed"] is bool(met)
    assert data["tables"][1]["worst_error"] is None


def test_validate_ends_in_1_and_names_a_row_that_cannot_be_read(tmp_path: Path) -> None:
    good = "45,64,64,16.02,13.23,0.2,0.00167,1.651"
    header = "tech_nm,kB,width_bits,read_pJ,write_pJ,area_mm2,leak_mW,cycle_ns"
    (tmp_path / "cacti_sram_energy.csv").write_text(f"{header}\n{good.replace('16.02', 'n/a')}\n{good}\n")
    result = invoke("validate", "accelerator", "--reference", str(tmp_path))
    assert result.exit_code == 1, result.output
    shown = " ".join(result.stdout.split())
    assert "1 row not compared: row 0 (from 0) cannot be read: could not convert" in shown and "'n/a'" in shown


def test_details_on_a_directory_are_wrong_usage(tmp_path: Path) -> None:
    for folder in ("/", str(tmp_path)):
        result = invoke("validate", "accelerator", "--reference", str(tmp_path), "--details", folder)
        assert result.exit_code == 2
        assert f"cannot write {folder}: it is a directory; choose another file" in result.stderr


@pytest.mark.parametrize("simulator", ["memory", "accelerator"])
def test_validate_without_a_reference_directory_is_wrong_usage(simulator: str, tmp_path: Path) -> None:
    result = invoke("validate", simulator, "--reference", str(tmp_path / "nowhere"))
    assert result.exit_code == 2
    assert "does not exist" in result.stderr
    empty = invoke("validate", simulator, "--reference", str(tmp_path))
    assert empty.exit_code == 2
    assert "Expected" in empty.stderr


def test_texts() -> None:
    assert [duration_text(s) for s in (0.2, 42.4, 185, 7800)] == ["0.2 s", "42 s", "3 min 5 s", "2 h 10 min"]
    assert [bytes_text(n) for n in (0, 1536, 5 * 2**30)] == ["0 B", "1.5 KiB", "5 GiB"]
    assert sweep_text({"kind": "log_uniform", "low": 1e-5, "high": 0.01}) == "1e-05..0.01 (log)"
    assert sweep_text({"kind": "choice", "values": [8, 16]}) == "one of 8, 16"
