"""Every agent that ships: a run that was interrupted goes on by replaying its journal, and ends as if it had not been.

An agent that cannot be replayed exactly would be run again from the start, and its record say so; none of ours is.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from archgym_toys import PIPELINE, toy_config

from agents import agent_names
from experiments.config import parse_config
from experiments.journal import read_journal
from experiments.run_one import execute
from experiments.runs import expand

BUDGET = {"gp": 8}
HYPERPARAMETERS = {"gp": {"startup": 4}, "tpe": {"startup": 5}}
"""What lets costly agents end their start within a short run."""
HEAVY = tuple(name for name in agent_names() if name.startswith("rllib"))
"""Agents that take many seconds even for a short run."""


def run_of(agent: str):
    entry = {agent: HYPERPARAMETERS[agent]} if agent in HYPERPARAMETERS else agent
    data = toy_config(agents=[entry], budget=BUDGET.get(agent, 30), seeds=[5])
    data["problems"] = [{"environment": PIPELINE, "objective": {"minimize": "cost"}}]
    (run,) = expand(parse_config(data))
    return run


def untimed(journal):
    return [replace(entry, seconds=0.0) for entry in journal.entries]


def check_resumes(agent: str, directory) -> None:
    run = run_of(agent)
    (directory / "whole").mkdir()
    assert execute(run, directory / "whole").error == ""
    path = directory / "whole" / f"{run.run_id}.jsonl"
    whole, lines = read_journal(path), path.read_bytes().splitlines(keepends=True)
    assert len(whole.entries) == run.budget
    cut = directory / "cut"
    cut.mkdir()
    kept = 2 + 2 * run.budget // 3  # header, beginning, and two thirds of the evaluations
    (cut / path.name).write_bytes(b"".join(lines[:kept]))
    assert execute(run, cut).error == ""
    resumed = read_journal(cut / path.name)
    assert resumed.end["replay"] == "exact"
    assert untimed(resumed) == untimed(whole)
    assert resumed.end["evaluations"] == whole.end["evaluations"]
    assert resumed.end["proposals"] == whole.end["proposals"]


@pytest.mark.parametrize("agent", [name for name in agent_names() if name not in HEAVY])
def test_an_interrupted_run_equals_the_unbroken_one(agent, tmp_path):
    check_resumes(agent, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("agent", HEAVY)
def test_an_interrupted_run_of_a_heavy_agent_equals_the_unbroken_one(agent, tmp_path):
    check_resumes(agent, tmp_path)
