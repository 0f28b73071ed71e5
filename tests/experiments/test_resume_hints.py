"""Agents that are led by the evaluation's text hints resume exactly: the journal keeps the hints."""

from __future__ import annotations

import json
import random
import signal
import time
from dataclasses import replace

import numpy as np
import pytest
from archgym_toys import PIPELINE, toy_config

from experiments.config import parse_config
from experiments.journal import Entry, parse_journal, read_journal
from experiments.replay import evaluation_of, hints_of
from experiments.results import load_results
from experiments.run_one import execute
from experiments.runner import run_experiment
from experiments.runs import expand
from simulators import Evaluation, Metric
from tests.agents.pipeline_toy import MEMORY_NAMES, STAGES
from tests.experiments.test_resume import Faults, alive, wait_until, workers_of

METRICS = (Metric("a", "1"),)


def pipeline_config(delay_s: float = 0.0, **changes):
    data = toy_config(agents=["bottleneck_search"], budget=60, seeds=2, execution={"workers": 2})
    data["problems"] = [{"environment": PIPELINE, "arguments": {"delay_s": delay_s}, "objective": {"minimize": "cost"}}]
    return {**data, **changes}


def test_kill_9_then_resume_equals_undisturbed(tmp_path):
    """Two kills at random moments of a search that is led by hints; what is resumed is what would have been."""
    data = pipeline_config(0.004)
    config = parse_config(data, overrides=["execution.workers=0"])
    undisturbed = run_experiment(config, tmp_path / "undisturbed", progress=False).digest
    faults = Faults(data, tmp_path)
    rng = random.Random(time.time_ns())
    moments = sorted(rng.sample(range(15, 100), 2))
    for moment in moments:
        process = faults.start("resume")
        faults.wait_for(moment)
        workers = workers_of(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_until(lambda: not any(map(alive, workers)))  # noqa: B023 - called before the next round
    journalled = [read_journal(path).entries for path in (faults.output / "journals").glob("*.jsonl")]
    assert any(entries for entries in journalled), "there is something to go on with"
    process = faults.start("resume")
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    assert out.split() == [undisturbed, "0"], f"killed at {moments}"
    runs = load_results([faults.output]).runs
    assert {run.replay for run in runs} <= {"none", "exact"}
    assert any(run.replay == "exact" for run in runs)


def whole_journal(tmp_path):
    """Return the one run of a config, and the bytes of its journal when it is complete."""
    (run,) = expand(parse_config(pipeline_config(seeds=1, execution={"workers": 0})))
    (tmp_path / "whole").mkdir()
    assert execute(run, tmp_path / "whole").error == ""
    return run, (tmp_path / "whole" / f"{run.run_id}.jsonl").read_bytes()


def resumed(run, directory, data: bytes):
    directory.mkdir()
    path = directory / f"{run.run_id}.jsonl"
    path.write_bytes(data)
    assert execute(run, directory).error == ""
    return read_journal(path)


def test_a_journal_torn_anywhere_is_resumed_to_the_same_search(tmp_path):
    run, data = whole_journal(tmp_path)
    expected = [replace(entry, seconds=0.0) for entry in parse_journal(data).entries]
    groups = {f"stage{i}" for i in range(STAGES)} | set(MEMORY_NAMES)
    assert {entry.hints["bottleneck"] for entry in expected} <= groups
    assert len({entry.hints["bottleneck"] for entry in expected}) > 2
    for number, length in enumerate(range(2000, len(data), 1777)):
        content = resumed(run, tmp_path / f"torn-{number}", data[:length])
        assert [replace(entry, seconds=0.0) for entry in content.entries] == expected
        assert content.restarts == 0


def test_without_its_hints_the_search_is_another(tmp_path):
    """What the test above would see if journals did not keep hints: the replay goes astray and begins again."""
    run, data = whole_journal(tmp_path)
    lines = [json.loads(line) for line in data.splitlines()[:40]]
    for line in lines:
        line.pop("hints", None)
    content = resumed(run, tmp_path / "bare", b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    assert content.restarts == 1 and content.end["replay"] == "restarted"


def test_lines_without_hints_read_as_before():
    """A line as journals had it before they kept hints."""
    line = (
        b'{"evaluation":1,"proposal":1,"design":[3,0],"valid":true,"reason":"","values":[0.5],"score":0.5,'
        b'"seconds":0.25}\n'
    )
    content = parse_journal(b'{"journal":1,"run_id":"r1"}\n{"attempt":1}\n' + line)
    assert content.entries == [Entry(1, 1, (3, 0), True, "", (0.5,), 0.5, 0.25)]
    assert content.entries[0].hints == {} and not content.damaged
    assert json.dumps(content.entries[0].to_line(), separators=(",", ":")).encode() + b"\n" == line
    assert evaluation_of(content.entries[0], METRICS).diagnostics == {}


@pytest.mark.parametrize(
    "texts",
    [np.array(["mem0"]), np.array(["mem0"], dtype=object), np.array(["mem0"], dtype=np.dtypes.StringDType())],
    ids=["U", "object", "StringDType"],
)
def test_texts_are_kept_whatever_array_holds_them(texts):
    diagnostics = {"bottleneck": texts, "share": np.array([0.7]), "phases": np.array([3]), "late": np.array([True])}
    evaluation = Evaluation.of_valid(METRICS, np.array([[1.0]]), diagnostics)
    assert hints_of(evaluation) == {"bottleneck": "mem0"}


def test_hints_come_back_from_the_journal_valid_or_not():
    good = Entry(1, 1, (3,), True, "", (0.5,), 0.5, 0.0, {"bottleneck": "größter Block \U0001f600"})
    bad = Entry(2, 2, (4,), False, "does not fit", None, float("nan"), 0.0, {"bottleneck": "mem1"})
    for entry in (good, bad):
        back = Entry.from_line(json.loads(json.dumps(entry.to_line())))
        evaluation = evaluation_of(back, METRICS)
        assert hints_of(evaluation) == entry.hints
        assert evaluation.valid.tolist() == [entry.valid] and evaluation.reason == (entry.reason,)
