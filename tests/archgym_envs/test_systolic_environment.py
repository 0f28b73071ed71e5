"""archgym/SystolicArray-v0: its spaces, its arguments and its documentation."""

from __future__ import annotations

from pathlib import Path

import gymnasium
import numpy as np
import pytest

import archgym_envs
from archgym_envs.systolic_array import systolic_array
from archgym_envs.testing import check_env
from simulators import UnknownNameError
from simulators.accelerator.systolic import REPAIRS

ID = "archgym/SystolicArray-v0"
PAGE = Path(__file__).parents[2] / "docs" / "systolic-array.md"


@pytest.mark.parametrize(("space", "size"), [("default", 871_563), ("small", 3_888)])
def test_spaces(space, size):
    env = gymnasium.make(ID, workload="alexnet-conv", space=space)
    assert env.unwrapped.space.size == env.unwrapped.space.count() == size
    assert env.action_space.nvec.tolist() == env.unwrapped.space.cardinalities.tolist()


@pytest.mark.parametrize(
    "arguments", [{"mode": "scalesim"}, {"workload": "alexnet-conv+bert-base", "aggregate": "worst"}]
)
def test_it_conforms_with_other_arguments(arguments):
    check_env(ID, **arguments)


def test_parameters_are_named_and_spelled_as_documented():
    doc = systolic_array.__doc__ or ""
    for parameter in systolic_array().space.parameters:
        (line,) = [line for line in doc.splitlines() if line.strip().startswith(f"{parameter.name} ")]
        assert f"[{parameter.default}]" in line
        listed = line.replace("[", "").replace("]", "").replace(",", "").split()
        assert {str(value) for value in parameter.values} <= set(listed)


def test_default_objective_is_energy_times_latency():
    env = gymnasium.make(ID, workload="alexnet-conv")
    env.reset(seed=0)
    info = env.step(env.action_space.sample())[4]
    assert info["score"] == info["metrics"]["energy_pj"] * info["metrics"]["latency_ns"]
    assert archgym_envs.default_objective(ID) == {"minimize": "energy_pj * latency_ns", "version": 1}


def test_the_landscape_has_trade_offs():
    """Of random designs neither the fastest, nor the smallest, nor the one of least energy is the same one."""
    problem = systolic_array()
    rng = np.random.default_rng(0)
    found = problem.evaluate(np.stack([rng.integers(0, n, 2000) for n in problem.space.cardinalities], axis=1))
    best = {name: int(found.column(name).argmin()) for name in ("latency_ns", "energy_pj", "area_mm2")}
    assert len(set(best.values())) == 3
    edp = found.column("energy_pj") * found.column("latency_ns")
    reference = problem.reference.row()
    assert edp.min() < reference["energy_pj"] * reference["latency_ns"] < edp.max()


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        ({"space": "smal"}, "small"),
        ({"mode": "scalesym"}, "scalesim"),
        ({"workload": "resnet19"}, "resnet18"),
        ({"workload": "resnet18+bert-bas"}, "bert-base"),
        ({"aggregate": "worse"}, "worst"),
        ({"worklod": "resnet18"}, "workload"),
    ],
)
def test_wrong_arguments_name_the_nearest_valid_word(arguments, near):
    with pytest.raises(UnknownNameError, match=f"did you mean '{near}'"):
        gymnasium.make(ID, **arguments)


def test_the_page_lists_every_parameter_metric_and_repair_as_they_are():
    page = PAGE.read_text(encoding="utf-8").splitlines()
    problem = systolic_array()
    for parameter in problem.space.parameters:
        (line,) = [line for line in page if line.startswith(f"| `{parameter.name}` |")]
        values = ", ".join(f"**{v}**" if v == parameter.default else str(v) for v in parameter.values)
        assert line == f"| `{parameter.name}` | {values} | {parameter.unit or ''} | {parameter.doc} |"
    better = {"minimize": "less", "maximize": "more", "report": ""}
    rows = [line for line in page if any(line.startswith(f"| `{m.name}` |") for m in problem.simulator.metrics)]
    assert rows == [
        f"| `{m.name}` | {m.unit if m.unit != '1' else ''} | {better[m.direction]} | {m.doc} |"
        for m in problem.simulator.metrics
    ]
    for repair in REPAIRS:
        assert sum(line.startswith(f"| `{repair}` |") for line in page) == 1
