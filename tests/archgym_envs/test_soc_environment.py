"""archgym/SoC-v0: its arguments, objective, diagnostics and documentation."""

from __future__ import annotations

from pathlib import Path

import gymnasium
import numpy as np
import pytest

import archgym_envs
from archgym_envs.soc import soc
from simulators import UnknownNameError
from simulators.soc import load_task_graph, task_graph_names

ID = "archgym/SoC-v0"


@pytest.mark.parametrize(
    ("workload", "meet"),
    [
        ("edge_detection", {"latency_ns": 34e6, "peak_power_mw": 8.737, "area": 17.475}),
        ("audio_decoder", {"latency_ns": 21e6, "peak_power_mw": 8.737, "area": 17.475}),
        (
            "edge_detection+audio_decoder",
            {
                "latency_edge_detection_ns": 34e6,
                "latency_audio_decoder_ns": 21e6,
                "peak_power_mw": 17.474,
                "area": 34.95,
            },
        ),
    ],
)
def test_the_objective_is_to_meet_the_budgets_of_the_workload(workload, meet):
    area = meet.pop("area")
    env = gymnasium.make(ID, workload=workload)
    assert env.unwrapped.objective.to_dict() == {
        "meet": meet | {"non_dram_area_mm2": area, "dram_area_mm2": area},
        "version": 1,
    }


def test_the_registered_objective_is_that_of_the_default_workload():
    assert archgym_envs.default_objective(ID) == gymnasium.make(ID).unwrapped.objective.to_dict()


def test_without_budgets_energy_times_latency_is_minimised():
    (name, *_) = [name for name in task_graph_names() if load_task_graph(name).budgets is None]
    assert gymnasium.make(ID, workload=name).unwrapped.objective.label() == "minimize energy_pj * latency_ns"


def test_the_score_is_farsis_distance_where_budgets_are_missed():
    env = gymnasium.make(ID, workload="hpvm_cava")
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(20):
        info = env.step(env.action_space.sample())[4]
        met = sum(info["metrics"][name] <= target for name, target in zip(*_targets(env), strict=True))
        assert info["score"] == pytest.approx(info["metrics"]["dist_to_goal"] - 1e-9 * met, rel=1e-9)
        assert not info["met"]


def _targets(env):
    objective = env.unwrapped.objective
    return objective.metrics, objective.targets


def test_budgets_can_be_met():
    """A few wide accelerators, SRAM for what passes between tasks: within the audio decoder's budgets."""
    env = gymnasium.make(ID, workload="audio_decoder")
    p = env.unwrapped.problem
    tasks = [name.removesuffix("_pe") for name in p.space.names if name.endswith("_pe")]
    chosen = {f"{task}_pe": ["accelerator"] for task in tasks} | {"mem0_kind": ["sram"]}
    info = env.step(p.space.encode(chosen)[0])[4]
    assert info["valid"]
    assert info["metrics"]["gpp_area_mm2"] == 0
    assert info["met"]
    assert info["metrics"]["budgets_met"] == 1


def test_info_explains_what_limits_the_design():
    env = gymnasium.make(ID)
    observation, info = env.reset(seed=0)
    assert observation in env.observation_space
    assert info["diagnostics"] == {
        "hottest_task": "gaussianSmoothing",
        "bottleneck_latency": "gaussianSmoothing",
        "bottleneck_power": "computeMaxGradientLeaf",
        "bottleneck_area": "mem0",
        "bottleneck": "gaussianSmoothing",
    }
    groups = env.unwrapped.space.groups()
    env.action_space.seed(1)
    for _ in range(20):
        found = env.step(env.action_space.sample())[4]["diagnostics"]
        assert all(type(value) is str and value in groups for value in found.values())


def test_vectorised_environments_explain_each_design():
    vector = gymnasium.make_vec(ID, num_envs=3)
    vector.reset(seed=0)
    designs = vector.unwrapped.space.sample(3, np.random.default_rng(0))
    infos = vector.step(designs)[4]["final_info"]
    single = gymnasium.make(ID)
    single.reset()
    expected = [single.step(design)[4]["diagnostics"]["bottleneck"] for design in designs]
    assert infos["diagnostics"]["bottleneck"].tolist() == expected
    assert infos["diagnostics"]["_bottleneck"].tolist() == [True] * 3


def test_archgyms_space_explains_valid_designs_and_names_the_rule_of_others():
    env = gymnasium.make(ID, space="archgym", mode="farsi")
    env.reset()
    space = env.unwrapped.space
    bad = space.encode({"bus_to_bus_connection_1": [1]})[0]
    _, reward, *_, info = env.step(bad)
    assert (reward, info["valid"]) == (-10.0, False)
    assert info["reason"].startswith("bus_to_itself_connection")
    assert env.step(space.default_indices[0])[4]["diagnostics"]["bottleneck"]
    vector = gymnasium.make_vec(ID, num_envs=2, space="archgym")
    vector.reset(seed=0)
    infos = vector.step(np.stack([bad, space.default_indices[0]]))[4]["final_info"]
    assert infos["valid"].tolist() == [False, True]


@pytest.mark.parametrize("arguments", [{}, {"gpps": 5, "memories": 2, "buses": 4}])
def test_parameters_are_named_and_spelled_as_documented(arguments):
    doc = (soc.__doc__ or "").splitlines()
    p = soc("audio_decoder", **arguments)
    kinds = {"gpp": "gpp<i>", "mem": "mem<i>", "bus": "bus<i>"}
    for parameter in p.space.parameters:
        group = parameter.group or ""
        slot = kinds.get(group[:3]) if group[3:].isdigit() else None
        name = parameter.name if group == "source" else f"{slot or '<task>'}{parameter.name[len(group) :]}"
        (line,) = [line for line in doc if line.strip().startswith(f"{name} ")]
        if name == "mem<i>_kind":
            assert parameter.default == ("dram" if group == "mem0" else "sram")
        elif parameter.name.endswith("_unroll"):
            assert parameter.default == max(value for value in parameter.values if value <= 16)
        else:
            assert f"[{parameter.default}]" in line


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        ({"workload": "edge_detecton"}, "edge_detection"),
        ({"space": "archgim"}, "archgym"),
        ({"mode": "farsy"}, "farsi"),
        ({"repairs": "leakag"}, "leakage"),
        ({"memory": 4}, "memories"),
        ({"objective": {"minimize": "latency"}}, "latency_ns"),
    ],
)
def test_wrong_arguments_name_the_nearest_valid_word(arguments, near):
    with pytest.raises(UnknownNameError, match=f"did you mean '{near}'"):
        gymnasium.make(ID, **arguments)


def test_the_page_lists_every_metric_as_it_is():
    page = (Path(__file__).parents[2] / "docs" / "environments.md").read_text(encoding="utf-8")
    page = page[page.index(f"## {ID}") :].splitlines()
    better = {"minimize": "less", "maximize": "more", "report": ""}
    for m in soc().simulator.metrics:
        line = f"| `{m.name}` | {m.unit if m.unit != '1' else ''} | {better[m.direction]} | {m.doc} |"
        assert line in page, line
