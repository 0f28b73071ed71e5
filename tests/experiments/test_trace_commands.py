"""``archgym trace``: real processes for statuses and output, the functions behind them for the rest."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from experiments.cli import app
from experiments.cli.recording import cache_level
from experiments.cli.traces import notes
from experiments.trace_figure import run_shares, write_figure
from simulators.errors import InvalidInputError
from simulators.memory.specification import load_memory_specification
from simulators.memory.trace import Trace, read_trace
from simulators.memory.trace_profile import profile_trace
from simulators.memory.workloads import load_workload

ROOT = Path(__file__).parents[2]
DDR3 = load_memory_specification("ddr3-1600")
PNG = b"\x89PNG\r\n\x1a\n"
needs_valgrind = pytest.mark.skipif(
    shutil.which("valgrind") is None or shutil.which("setarch") is None,
    reason="recording needs the Debian packages valgrind and util-linux",
)


def archgym(*words: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80", **variables}
    command = [sys.executable, "-m", "experiments.cli", "trace", *map(str, words)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command line in this process, in ``tmp_path``: for what needs no process of its own."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, ["trace", *words])


# ---- describe ---------------------------------------------------------------------------------------


def test_describe_prints_a_table_of_80_columns_and_a_picture(tmp_path: Path) -> None:
    done = archgym("describe", "recorded/sqlite-query", "--plot", "pictures/sqlite.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "picture: pictures/sqlite.png\n"
    assert max(map(len, done.stdout.splitlines())) <= 80
    for text in ("15,000", "922.4 KiB", "50.3 of 102.4 Gbit/s", "48.5% (rows stay open)", "dispersion"):
        assert text in done.stdout
    assert (tmp_path / "pictures/sqlite.png").read_bytes().startswith(PNG)


def test_describe_json_is_pure_json_on_stdout(tmp_path: Path, inside: Callable[..., Result]) -> None:
    (tmp_path / "t.trace").write_text("0x0 R\n0x40000000 W\n0x0 R\n")
    done = inside("describe", "t.trace", "--json")
    assert done.exit_code == 0
    profile = json.loads(done.stdout)
    assert (profile["requests"], profile["offered_load"], profile["highest_address"]) == (3, None, 1 << 30)
    assert "beyond the 1 GiB of ddr3-1600; here they wrap" in done.stderr and "all requests come at" in done.stderr
    timed = json.loads(inside("describe", "t.trace", "--json", "--interval", "400").stdout)
    assert timed["duration_ns"] == 1000.0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("describe", "nothing.stl"), "no trace file of that name"),
        (("describe", "."), "cannot be read: Is a directory"),
        (("describe", "junk"), "line 1: 'junk': of no known trace format"),
        (("describe", "empty"), "holds no requests"),
        (("describe", "cut.gz"), "damaged or truncated gzip"),
        (("describe", "recorded/sqlite-qery"), "did you mean 'recorded/sqlite-query'"),
        (("describe", "recorded/sqlite-query", "--memory", "ddr9"), "ddr9"),
        (("describe", "recorded/sqlite-query", "--interval", "4"), "--format and --interval are for files"),
        (("describe", "recorded/sqlite-query", "--plot", "x.doc"), "ends in .png, .svg or .pdf"),
        (("describe", "recorded/sqlite-query", "--plot", "/proc/x.png"), "cannot write /proc/x.png"),
        (("convert", "recorded/sqlite-query", "out.txt"), "name one with --to"),
        (("convert", "recorded/sqlite-query", "out.txt", "--to", "ramulator"), "did you mean 'ramulator-"),
        (("convert", "recorded/sqlite-query", "out.txt", "--to", "ramulator-cpu"), "cannot be written"),
        (("convert", "junk", "out.stl"), "of no known trace format"),
        (("record", "--output", "x.stl.gz"), "COMMAND"),
        (("record", "--output", "x.stl.gz", "--", "no-such-program"), "no such program"),
        (("record", "--output", "x.doc", "--", "true"), "ends in .stl.gz or .stl"),
        (("record", "--output", "x.stl", "--l2", "3KiB,8", "--", "true"), "--l2: a cache of 3072 bytes"),
        (("record", "--output", "x.stl", "--l2", "big", "--", "true"), "--l2: expected SIZE,WAYS"),
        (("record", "--output", "x.stl", "--memory-size", "big", "--", "true"), "--memory-size: expected a size"),
        (("record", "--output", "x.stl", "--env", "X", "--", "true"), "--env: expected NAME=VALUE"),
        (("record", "--output", "x.stl", "--requests", "0", "--", "true"), "requests must be at least 1"),
    ],
)
def test_mistakes_are_wrong_usage(
    tmp_path: Path, inside: Callable[..., Result], words: tuple[str, ...], message: str
) -> None:
    (tmp_path / "junk").write_text("junk\n")
    (tmp_path / "empty").write_text("")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"0x40 R\n" * 999)[:-9])
    done = inside(*words)
    assert done.exit_code == 2, done.output
    assert message in " ".join(done.output.split()) and "Traceback" not in done.output
    assert {path.name for path in tmp_path.iterdir()} == {"junk", "empty", "cut.gz"}


def test_help_has_examples(inside: Callable[..., Result]) -> None:
    for words in ((), ("record",), ("describe",), ("convert",)):
        done = inside(*words, "--help")
        assert done.exit_code == 0 and "Example:" in done.stdout and "archgym trace" in done.stdout


# ---- convert ----------------------------------------------------------------------------------------


def test_convert_there_and_back_keeps_every_request(tmp_path: Path, inside: Callable[..., Result]) -> None:
    there = archgym("convert", "recorded/xz-compress", "xz.trace.gz", "--to", "dramsim3", cwd=tmp_path)
    back = inside("convert", "xz.trace.gz", "xz.stl")
    assert (there.returncode, back.exit_code) == (0, 0), there.stderr + back.output
    assert read_trace(tmp_path / "xz.stl").digest == load_workload("recorded/xz-compress").digest
    lost = inside("convert", "xz.stl", "xz.trace", "--to", "ramulator-loadstore")
    assert lost.exit_code == 0 and "times, they are lost" in lost.stderr


def test_convert_never_overwrites_what_it_reads(tmp_path: Path, inside: Callable[..., Result]) -> None:
    file = tmp_path / "mine.stl"
    file.write_text("0:\tread\t0x0\n9:\twrite\t0x40\n")
    before = file.read_bytes()
    refused = inside("convert", "mine.stl", "./mine.stl", "--requests", "1")
    assert refused.exit_code != 0 and "name another file" in " ".join(refused.output.split())
    assert file.read_bytes() == before


# ---- pictures and notes -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["one request", "back to back", "long", "backwards"])
def test_any_trace_can_be_drawn(tmp_path: Path, kind: str) -> None:
    n = {"one request": 1, "back to back": 50, "long": 100_000, "backwards": 300}[kind]
    cycle = {"long": np.arange(n) * 7, "backwards": np.arange(n) % 100 * 9}.get(kind, np.zeros(n, np.int64))
    trace = Trace(f"{kind} with a name that goes on and on and on and on", cycle, cycle % 3 == 1, np.arange(n) * 640)
    write_figure(trace, DDR3, profile_trace(trace, DDR3), tmp_path / "t.png")
    assert (tmp_path / "t.png").read_bytes().startswith(PNG)


def test_runs_are_shared_out_by_requests() -> None:
    share, labels = run_shares(np.array([1, 1, 2, 3, 4, 5, 9]))
    assert labels == ["1", "2", "3-4", "5-8", "9-16"]
    assert (share * 25 / 100).tolist() == pytest.approx([2, 2, 7, 5, 9])


def test_notes_say_what_surprises() -> None:
    late = Trace("t", np.array([5, 4]), np.array([False, True]), np.array([0, 64]))
    assert [note[:19] for note in notes(late, profile_trace(late, DDR3))] == ["time goes backwards"]
    assert notes(load_workload("synthetic/bursty"), profile_trace(load_workload("synthetic/bursty"), DDR3)) == []


# ---- record -----------------------------------------------------------------------------------------


def test_caches_are_read_from_words() -> None:
    level = cache_level("--l1", "64KiB, 4")
    assert (level.size_bytes, level.ways, level.sets) == (65536, 4, 256)
    with pytest.raises(InvalidInputError, match="--l3: expected SIZE,WAYS such as 32KiB,8, got '64KiB'"):
        cache_level("--l3", "64KiB")


@needs_valgrind
def test_record_writes_a_trace_and_its_recipe(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("one\ntwo\n" * 500)
    words = ("--output", "out/wc.stl.gz", "--requests", "500", "--l1", "8KiB,2", "--l2", "none", "--seed", "7")
    done = archgym("record", *words, "--stdin", "in.txt", "--env", "LC_CTYPE=C", "--", "wc", "-l", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "500 requests in" in done.stderr and "archgym trace describe out/wc.stl.gz" in done.stderr
    recipe = json.loads((tmp_path / "out/wc.json").read_text())
    trace = read_trace(tmp_path / "out/wc.stl.gz")
    assert len(trace) == 500 and trace.digest == recipe["digest"]
    assert recipe["command"] == ["wc", "-l"] and recipe["caches"] == [{"size_bytes": 8192, "ways": 2}]
    assert recipe["environment"]["LC_CTYPE"] == "C" and recipe["page_seed"] == 7
    assert recipe["valgrind"].startswith("valgrind-") and recipe["stdin"] == "in.txt"


@needs_valgrind
def test_a_program_that_fails_is_recorded_up_to_there(tmp_path: Path, inside: Callable[..., Result]) -> None:
    done = inside("record", "--output", "ls.stl", "--", "ls", "/no/such/place")
    assert done.exit_code == 1
    assert "ended with status 2" in done.stderr and "What it did until then is recorded" in done.stderr
    assert "of 10,000 requests: the program ended" in done.stderr
    assert len(read_trace(tmp_path / "ls.stl")) > 500


@needs_valgrind
def test_a_window_without_requests_says_what_to_do(tmp_path: Path, inside: Callable[..., Result]) -> None:
    done = inside("record", "--output", "t.stl", "--skip", "1000000000", "--", "true")
    assert done.exit_code == 2 and not list(tmp_path.iterdir())
    assert "no request reaches memory in the window" in done.stderr and "skip less" in done.stderr


def test_missing_valgrind_names_the_package(
    tmp_path: Path, inside: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = inside("record", "--output", "t.stl", "--", "/bin/true")
    assert done.exit_code == 1
    assert "Debian package 'valgrind'" in done.stderr and ".ci/install-packages recording" in done.stderr
