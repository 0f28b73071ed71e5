"""archgym/MemoryController-v0: its spaces, its arguments and its documentation."""

from __future__ import annotations

from pathlib import Path

import gymnasium
import pytest

import archgym_envs
from archgym_envs.memory_controller import memory_controller
from simulators import UnknownNameError

ID = "archgym/MemoryController-v0"
SMALL = "synthetic/streaming?requests=100"


@pytest.mark.parametrize(
    ("space", "size", "dimensions"), [("ga", 28_311_552, 10), ("rl", 442_368, 10), ("default", 1_769_472, 11)]
)
def test_spaces(space, size, dimensions):
    env = gymnasium.make(ID, workload=SMALL, space=space)
    assert env.unwrapped.space.size == size
    assert env.unwrapped.space.dimensions == dimensions
    assert env.action_space.nvec.tolist() == env.unwrapped.space.cardinalities.tolist()


def test_the_rl_space_has_the_known_number_of_distinct_designs():
    assert memory_controller(SMALL, space="rl").space.count() == 166_464


@pytest.mark.parametrize("memory", ["ddr3-1600", "hbm2"])
def test_parameters_are_named_and_spelled_as_documented(memory):
    doc = memory_controller.__doc__ or ""
    for parameter in memory_controller(SMALL, memory=memory).space.parameters:
        (line,) = [line for line in doc.splitlines() if line.strip().startswith(f"{parameter.name} ")]
        assert f"[{parameter.default}]" in line
        if not parameter.ordered:
            assert all(str(value) in line for value in parameter.values)


def test_default_objective_is_energy_times_makespan():
    env = gymnasium.make(ID, workload=SMALL)
    env.reset(seed=0)
    info = env.step(env.action_space.sample())[4]
    assert info["score"] == info["metrics"]["energy_pj"] * info["metrics"]["makespan_ns"]
    assert archgym_envs.default_objective(ID) == {"minimize": "energy_pj * makespan_ns", "version": 1}


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        ({"space": "gaa"}, "ga"),
        ({"mode": "dramsis"}, "dramsys"),
        ({"memory": "ddr3-160"}, "ddr3-1600"),
        ({"workload": "synthetic/streming"}, "synthetic/streaming"),
        ({"worklod": SMALL}, "workload"),
        ({"workload": SMALL, "objective": {"minimize": "enery_pj"}}, "energy_pj"),
    ],
)
def test_wrong_arguments_name_the_nearest_valid_word(arguments, near):
    with pytest.raises(UnknownNameError, match=f"did you mean '{near}'"):
        gymnasium.make(ID, **arguments)


def test_the_page_lists_every_parameter_and_metric_as_they_are():
    whole = (Path(__file__).parents[2] / "docs" / "environments.md").read_text(encoding="utf-8")
    page = whole.partition(f"\n## {ID}\n")[2].partition("\n## ")[0].splitlines()
    problem = memory_controller(SMALL)
    for parameter in memory_controller(SMALL, memory="hbm2").space.parameters:  # which has all of them
        (line,) = [line for line in page if line.startswith(f"| `{parameter.name}` |")]
        assert f"**{parameter.default}**" in line
        assert f"| {parameter.unit or ''} |".replace("|  |", "| |") in line
    better = {"minimize": "less", "maximize": "more", "report": ""}
    rows = [line for line in page if any(line.startswith(f"| `{m.name}` |") for m in problem.simulator.metrics)]
    assert rows == [
        f"| `{m.name}` | {m.unit if m.unit != '1' else ''} | {better[m.direction]} | {m.doc} |"
        for m in problem.simulator.metrics
    ]
