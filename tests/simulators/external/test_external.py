"""Programs run in isolation: what they leave, how they fail, what is kept of their results."""

from __future__ import annotations

import json
import os
import pickle
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archgym_envs.testing import check_simulator
from simulators import Input, InvalidInputError, Metric, UnknownNameError
from simulators.external import (
    UNITS,
    ExternalProgram,
    ExternalSimulator,
    ProgramFailure,
    ResultCache,
    TextWorkload,
    convert,
    find_program,
)
from simulators.external.program import output_of, read_output

PROGRAM = """#!{python}
import json, os, sys, time
design = json.load(open("design.json"))
with open({log!r}, "a") as log:
    log.write(json.dumps(design) + "\\n")
if design["banks"] == 3:
    sys.stderr.write("three banks are not supported")
    sys.exit(4)
if design["banks"] == 5:
    time.sleep(60)
if design["banks"] == 6:
    print("garbage")
    sys.exit(0)
if design["banks"] == 7:
    open("result.txt", "w").write("energy nan pJ\\n")
    sys.exit(0)
open("result.txt", "w").write(f"energy {{design['banks'] * len(open('trace').read())}} nJ\\n")
"""


class Banks(ExternalSimulator):
    name = "banks"
    version = "1"
    program = "banks-model"
    install = "from nowhere"
    inputs = (Input("banks", 2, minimum=1, maximum=64), Input("policy", "open", ("open", "closed")))
    metrics = (Metric("energy_pj", "pJ"),)

    def load_workload(self, name_or_path):
        if name_or_path not in ("short", "long"):
            raise UnknownNameError("trace", name_or_path, ("short", "long"))
        return TextWorkload(name_or_path, "abc" if name_or_path == "short" else "abcdefgh")

    def files(self, design, workload):
        return {"design.json": json.dumps(design), "trace": workload.text}

    def parse(self, directory):
        words = read_output(directory, "result.txt").split()
        return {"energy_pj": (float(words[1]), words[2])}


@pytest.fixture
def banks(tmp_path):
    log = tmp_path / "log"
    path = tmp_path / "banks-model"
    path.write_text(PROGRAM.format(python=sys.executable, log=str(log)))
    path.chmod(0o755)

    def build(**arguments):
        return Banks(executable=path, **arguments)

    build.runs = lambda: log.read_text().splitlines() if log.exists() else []
    return build


def python(code, **options):
    return ExternalProgram((sys.executable, "-c", code), **options)


# ---- the program ----------------------------------------------------------------------------------


def test_a_program_reads_its_files_and_its_output_is_parsed():
    program = python("open('out', 'w').write(open('a/in').read()[::-1]); print('said')")
    found = program.run({"a/in": "straw"}, lambda where: (read_output(where, "out"), output_of(where)))
    assert found == ("warts", "said\n")


def test_the_directory_is_fresh_and_gone_afterwards_and_the_caller_untouched(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    code = "import os; print(sorted(os.listdir()), os.environ['SEEN'], os.getcwd()); open('left', 'w')"
    program = python(code, environment={"SEEN": "yes"})
    listed, seen, where = program.run({"only": ""}, output_of).split()
    assert (listed, seen) == ("['only']", "yes")
    assert program.run({"only": ""}, output_of).split()[0] == "['only']"
    assert not os.path.exists(where) and os.listdir(tmp_path) == [] and dict(os.environ) == before


def test_a_failure_has_the_status_and_the_end_of_the_output():
    with pytest.raises(ProgramFailure, match=r"failed: python\S* ended with exit status 3; stderr: no luck"):
        python("import sys; print('x' * 9999); sys.stderr.write('no luck'); sys.exit(3)").run({}, output_of)
    with pytest.raises(ProgramFailure, match="killed by SIGSEGV"):
        python("import os; os.kill(os.getpid(), 11)").run({}, output_of)
    with pytest.raises(ProgramFailure, match="did not write 'out'.*stdout: said"):
        python("print('said')").run({}, lambda where: read_output(where, "out"))


def is_running(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("last", ["time.sleep(60)", "pass"])
def test_no_process_is_left_whether_time_runs_out_or_the_command_ends(tmp_path, last):
    note = tmp_path / "pid"
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(note)!r}, 'w').write(str(child.pid))\n{last}"
    )
    program = python(code, timeout_s=1.0)
    start = time.monotonic()
    if last == "pass":
        program.run({}, output_of)
    else:
        with pytest.raises(ProgramFailure, match="timeout: python.* took more than 1 s"):
            program.run({}, output_of)
    assert time.monotonic() - start < 10
    deadline = time.monotonic() + 5
    while is_running(int(note.read_text())) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_running(int(note.read_text()))


def flaky(counter, good_at):
    return (
        f"import os, sys\nn = len(open({str(counter)!r}).read()) if os.path.exists({str(counter)!r}) else 0\n"
        f"open({str(counter)!r}, 'a').write('x')\n"
        f"if n < {good_at}: sys.stderr.write('licence server busy'); sys.exit(75)\nprint('done')"
    )


def test_transient_failures_are_tried_again_and_others_are_not(tmp_path):
    counter = tmp_path / "counter"
    assert python(flaky(counter, 2), retries=2, transient=("licence .* busy",)).run({}, output_of) == "done\n"
    assert len(counter.read_text()) == 3
    counter.unlink()
    assert python(flaky(counter, 1), retries=1, transient_exit_statuses=(75,)).run({}, output_of) == "done\n"
    counter.unlink()
    with pytest.raises(ProgramFailure, match="status 75"):
        python(flaky(counter, 2), retries=1, transient=("busy",)).run({}, output_of)
    assert len(counter.read_text()) == 2
    counter.unlink()
    with pytest.raises(ProgramFailure):
        python(flaky(counter, 1), retries=5).run({}, output_of)
    assert len(counter.read_text()) == 1


@pytest.mark.parametrize(
    "options", [{"timeout_s": 0}, {"timeout_s": float("nan")}, {"retries": -1}, {"transient": ("(",)}]
)
def test_settings_that_cannot_be_are_refused(options):
    with pytest.raises(InvalidInputError):
        python("", **options)


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "a/../../out", ""])
def test_input_files_stay_inside_the_directory(name):
    with pytest.raises(InvalidInputError, match="inside the program's directory"):
        python("").run({name: ""}, output_of)


def test_a_missing_program_says_how_to_get_it(tmp_path):
    with pytest.raises(InvalidInputError, match=r"'no-such' is not on PATH. Install it \(see there\).*'executable'"):
        find_program("no-such", None, "executable", "see there")
    with pytest.raises(InvalidInputError, match="is not there, or it cannot be executed"):
        find_program("no-such", tmp_path / "no-such", "executable", "see there")
    (tmp_path / "text").write_text("no program")
    (tmp_path / "text").chmod(0o755)
    with pytest.raises(InvalidInputError, match="cannot be started"):
        ExternalProgram((str(tmp_path / "text"),)).run({}, output_of)


# ---- the cache ------------------------------------------------------------------------------------


def test_results_are_found_again_by_another_process_and_damage_counts_as_absence(tmp_path):
    key = ResultCache.key("p", "1", {"a": [1, 2.5]})
    cache = ResultCache(tmp_path / "cache")
    assert cache.get(key) is None
    cache.put(key, {"energy_pj": 0.1 + 0.2})
    assert ResultCache(tmp_path / "cache").get(key) == {"energy_pj": 0.1 + 0.2}
    assert pickle.loads(pickle.dumps(cache)).get(key) == {"energy_pj": 0.1 + 0.2}
    assert ResultCache().get(key) is None
    (file,) = (tmp_path / "cache").rglob("*.json")
    file.write_text('{"energy_pj": 0.')
    assert ResultCache(tmp_path / "cache").get(key) is None
    assert [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()] == [f"{key}.json"]


def test_every_part_of_a_key_counts_and_the_order_of_names_does_not():
    keys = {ResultCache.key(*parts) for parts in (("p", "1", {}), ("q", "1", {}), ("p", "2", {}), ("p", "1", {"a": 1}))}
    assert len(keys) == 4
    assert ResultCache.key("p", "1", {"a": 1, "b": 2}) == ResultCache.key("p", "1", {"b": 2, "a": 1})


def test_threads_that_want_one_result_compute_it_once_and_failures_are_not_kept(tmp_path):
    cache, calls, together = ResultCache(tmp_path), [], threading.Barrier(4)

    def compute():
        calls.append(1)
        time.sleep(0.05)
        return {"x": 1.0}

    def ask(_):
        together.wait()
        return cache.get_or_compute("k" * 64, compute)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))) == [{"x": 1.0}] * 4
    assert len(calls) == 1
    with pytest.raises(ZeroDivisionError):
        cache.get_or_compute("f" * 64, lambda: {"x": 1 / 0})
    assert cache.get_or_compute("f" * 64, lambda: {"x": 2.0}) == {"x": 2.0}


# ---- units ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "unit", "wanted", "expected"),
    [
        (500.19, "uJ", "pJ", 500190000.0),
        (3, "ms", "ns", 3e6),
        (2.0, "um^2", "mm2", 2e-6),
        (1, "GB/s", "Gbit/s", 8.0),
        (50, "%", "1", 0.5),
        (7, "cycles", "1", 7.0),
        (4, "kB", "bit", 32000.0),
    ],
)
def test_units_are_converted(value, unit, wanted, expected):
    assert convert(value, unit, wanted) == pytest.approx(expected, rel=1e-15)


def test_units_of_other_quantities_and_unknown_ones_are_refused():
    with pytest.raises(InvalidInputError, match="expected a unit of W, got one of J"):
        convert(1.0, "pJ", "mW")
    with pytest.raises(UnknownNameError, match="did you mean"):
        convert(1.0, "nj", "pJ")
    assert convert(1.0, "furlong", "furlong") == 1.0


@given(st.sampled_from(sorted(UNITS)), st.sampled_from(sorted(UNITS)), st.floats(1e-6, 1e6))
def test_conversion_there_and_back_changes_nothing(unit, wanted, value):
    if UNITS[unit][0] == UNITS[wanted][0]:
        assert convert(convert(value, unit, wanted), wanted, unit) == pytest.approx(value, rel=1e-14)


# ---- the simulator --------------------------------------------------------------------------------


def test_a_program_keeps_the_contract_of_simulators(banks):
    check_simulator(banks(threads=2), "short", columns={"banks": [1, 2, 3, 4, 6]})


def test_results_come_in_the_metrics_unit_and_failures_have_their_reason(banks):
    simulator = banks(timeout_s=1.5, threads=4)
    found = simulator.simulate({"banks": [2, 3, 4, 5, 6, 7]}, simulator.load_workload("short"))
    assert found.valid.tolist() == [True, False, True, False, False, False]
    assert found.column("energy_pj")[[0, 2]].tolist() == [6000.0, 12000.0]
    assert np.isnan(found.column("energy_pj")[[1, 3, 4, 5]]).all()
    for row, words in ((1, "three banks are not supported"), (3, "timeout"), (4, "result.txt"), (5, "energy_pj = nan")):
        assert words in found.reason[row]


def test_a_design_is_run_once_and_with_a_directory_never_again(banks, tmp_path):
    first = banks(cache=tmp_path / "cache")
    short = first.load_workload("short")
    first.simulate({"banks": [2, 2, 2]}, short)
    first.simulate({"banks": [2]}, short)
    assert len(banks.runs()) == 1
    assert banks(cache=tmp_path / "cache").simulate({}, short).row() == {"energy_pj": 6000.0}
    assert len(banks.runs()) == 1
    assert banks(cache=tmp_path / "cache").simulate({}, first.load_workload("long")).row() == {"energy_pj": 16000.0}
    assert len(banks.runs()) == 2
    banks().simulate({"banks": [3]}, short)
    banks(cache=tmp_path / "cache").simulate({"banks": [3]}, short)
    assert len(banks.runs()) == 4


def test_a_changed_program_is_another_program(banks, tmp_path):
    old = banks(cache=tmp_path / "cache")
    old.simulate({}, old.load_workload("short"))
    path = tmp_path / "banks-model"
    path.write_text(path.read_text() + "# a new version\n")
    new = banks(cache=tmp_path / "cache")
    new.simulate({}, new.load_workload("short"))
    assert len(banks.runs()) == 2 and old.settings() != new.settings()


def test_a_lost_unit_or_metric_is_an_error_of_the_wrapper(banks, monkeypatch):
    simulator = banks()
    monkeypatch.setattr(Banks, "parse", lambda self, directory: {"energy_pj": (1.0, "mW")})
    with pytest.raises(InvalidInputError, match="energy_pj: 1.0 mW cannot become pJ"):
        simulator.simulate({}, simulator.load_workload("short"))
    monkeypatch.setattr(Banks, "parse", lambda self, directory: {"energy": (1.0, "pJ")})
    with pytest.raises(InvalidInputError, match="returned no energy_pj"):
        simulator.simulate({}, simulator.load_workload("short"))


def test_a_program_that_is_not_installed_is_refused_at_once():
    with pytest.raises(InvalidInputError, match=r"'banks-model' is not on PATH. Install it \(from nowhere\)"):
        Banks()
    with pytest.raises(InvalidInputError, match="threads"):
        Banks(executable=sys.executable, threads=0)
