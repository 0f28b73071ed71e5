"""Task graphs: what is refused and how, files, names, graphs combined, random graphs."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.errors import InvalidInputError, UnknownNameError
from simulators.soc import (
    AcceleratorFacts,
    Budgets,
    Edge,
    Task,
    TaskGraph,
    combine,
    load_task_graph,
    random_task_graph,
    read_task_graph,
    task_graph_names,
    write_task_graph,
)

REFERENCE = Path(os.environ.get("ARCHGYM_REFERENCE", Path(__file__).resolve().parents[4] / "shared" / "reference"))
WORKLOADS = REFERENCE / "soc" / "workloads"

DIAMOND = {
    "name": "diamond",
    "tasks": [
        {"name": "in", "dummy": True},
        {"name": "left", "work_instructions": 1000, "iterations": 4},
        {
            "name": "right",
            "work_instructions": 2000,
            "accelerator": {"cycles_at_100mhz": 50, "energy_fj": 3, "area_um2": 7},
        },
        {"name": "out", "dummy": True, "allocates": False},
    ],
    "edges": [
        {"from": "in", "to": "left", "bytes": 64},
        {"from": "in", "to": "right", "bytes": 32},
        {"from": "left", "to": "out", "bytes": 16},
        {"from": "right", "to": "out", "bytes": 8},
    ],
    "last_task": "out",
    "budgets": {"latency_s": 0.5, "power_w": 0.25, "area_mm2": 2},
}


def saved(tmp_path, content, name="graph.json"):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def changed(**fields):
    return {**json.loads(json.dumps(DIAMOND)), **fields}


def small(name, *task_names, budgets=None):
    tasks = (Task("in", 0, dummy=True), *(Task(n, 100) for n in task_names))
    edges = tuple(Edge("in", n, 10) for n in task_names)
    return TaskGraph(name, tasks, edges, {name: task_names[-1]}, budgets)


def test_a_file_becomes_a_graph(tmp_path):
    graph = read_task_graph(saved(tmp_path, DIAMOND))
    assert graph.name == "diamond"
    assert graph.tasks == (
        Task("in", 0.0, dummy=True),
        Task("left", 1000.0, iterations=4),
        Task("right", 2000.0, AcceleratorFacts(50.0, 3.0, 7.0)),
        Task("out", 0.0, dummy=True, allocates=False),
    )
    assert graph.edges[1] == Edge("in", "right", 32.0)
    assert graph.last_tasks == {"diamond": "out"}
    assert graph.budgets == Budgets({"diamond": 0.5}, 0.25, 2e-6)
    assert graph.index == {"in": 0, "left": 1, "right": 2, "out": 3}
    assert graph.edge_index["left->out"] == 2
    assert graph.children == ((1, 2), (3,), (3,), ())
    assert graph.parents == ((), (0,), (0,), (1, 2))


def test_a_file_without_a_name_has_the_files(tmp_path):
    content = changed()
    del content["name"]
    assert read_task_graph(saved(tmp_path, content, "camera.v2.json")).name == "camera.v2"


def test_writing_and_reading_gives_the_same_graph(tmp_path):
    for name in (*task_graph_names(), "random?tasks=9&seed=4&accelerated_percent=50"):
        graph = load_task_graph(name)
        write_task_graph(graph, tmp_path / "again.json")
        assert read_task_graph(tmp_path / "again.json") == graph


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", ["cannot be read", "line 1"]),
        ("[1]", ["expected named fields"]),
        ('{"name": "a", "name": "b"}', ["'name' is given twice"]),
        (changed(tasks=[]), ["has no tasks"]),
        (changed(tasks={}), ["tasks cannot be {}", "expected a list"]),
        (changed(tasks=[{"name": "x"}]), ["tasks[0]", "work_instructions is missing"]),
        (changed(tasks=[{"name": "x", "work_instructions": "many"}]), ["tasks[0]", "'many'", "expected a number"]),
        (changed(tasks=[{"name": "x", "work_instructions": True}]), ["tasks[0]", "expected a number"]),
        (changed(tasks=[{"name": "x", "work_instructions": -1}]), ["tasks[0]", "cannot be -1.0"]),
        (changed(tasks=[{"name": "x", "work_instructions": 10**400}]), ["tasks[0]", "below 1e308"]),
        ('{"tasks": [{"name": "x", "work_instructions": NaN}]}', ["tasks[0]", "cannot be nan"]),
        (changed(tasks=[{"name": "x->y", "work_instructions": 1}]), ["tasks[0]", "without '->'"]),
        (changed(tasks=[{"name": "x", "work_instructions": 1, "dummy": True}]), ["a dummy has neither work"]),
        (changed(tasks=[{"name": "x", "work_instructions": 1, "iterations": 0}]), ["iterations must be 1 or more"]),
        (changed(tasks=[{"name": "x", "work_instructions": 1, "iterations": 1.5}]), ["expected a whole number"]),
        (changed(tasks=[{"name": "x", "work_instructions": 1, "accelerator": {}}]), ["accelerator", "is missing"]),
        (
            changed(tasks=[{"name": "x", "instructions": 1}]),
            ["tasks[0]", "'instructions'", "did you mean 'work_instructions'"],
        ),
        (changed(edges=[{"from": "in", "to": "lefft", "bytes": 1}]), ["'lefft'", "did you mean 'left'"]),
        (changed(edges=[{"from": "in", "to": "left", "bytes": -1}]), ["edges[0]", "bytes cannot be -1.0"]),
        (changed(edges=2 * [{"from": "in", "to": "left", "bytes": 1}]), ["'in->left'", "twice"]),
        (changed(last_task="oot"), ["last task", "did you mean 'out'"]),
        (changed(budgets={"latency_s": 1, "power_w": 1}), ["budgets", "area_mm2 is missing"]),
        (changed(budgets={"latency_s": 0, "power_w": 1, "area_mm2": 1}), ["latency_s of diamond", "above 0"]),
    ],
)
def test_a_bad_file_is_refused_by_name_and_field(tmp_path, content, words):
    path = saved(tmp_path, content)
    with pytest.raises(InvalidInputError) as caught:
        read_task_graph(path)
    for word in (str(path), *words):
        assert word in str(caught.value)


def test_a_cycle_is_named():
    tasks = tuple(Task(name, 1) for name in "abc")
    edges = (Edge("a", "b", 1), Edge("b", "c", 1), Edge("c", "b", 1))
    with pytest.raises(InvalidInputError, match=r"cycle: (b -> c -> b|c -> b -> c)"):
        TaskGraph("loop", tasks, edges, {"loop": "c"})


def test_budgets_must_be_for_the_workload():
    with pytest.raises(InvalidInputError, match="latency budgets must be for x, got y"):
        small("x", "a", budgets=Budgets({"y": 1.0}, 1.0, 1.0))


def test_the_digest_follows_the_content_and_not_the_source():
    graph = load_task_graph("edge_detection")
    assert replace(graph, source="elsewhere").digest == graph.digest
    heavier = replace(graph.edges[0], bytes=graph.edges[0].bytes + 1)
    assert replace(graph, edges=(heavier, *graph.edges[1:])).digest != graph.digest
    assert replace(graph, budgets=None).digest != graph.digest
    assert len({load_task_graph(name).digest for name in task_graph_names()}) == len(task_graph_names())


@pytest.mark.parametrize(
    ("name", "guess"),
    [("audio_decode", "'audio_decoder'"), ("edge_detection+hpvm_cav", "'hpvm_cava'"), ("", "Known:")],
)
def test_an_unknown_graph_is_refused_with_the_nearest(name, guess):
    with pytest.raises(UnknownNameError, match="unknown task graph") as caught:
        load_task_graph(name)
    assert guess in str(caught.value)


def test_options_are_for_random_graphs_only():
    with pytest.raises(InvalidInputError, match="audio_decoder has no options"):
        load_task_graph("audio_decoder?seed=1")


@pytest.mark.skipif(not WORKLOADS.is_dir(), reason=f"no reference workloads in {WORKLOADS}")
def test_shipped_graphs_hold_the_reference_facts():
    files = sorted(WORKLOADS.glob("*.json"))
    assert {json.loads(f.read_text())["workload"] for f in files} == set(task_graph_names())
    for file in files:
        facts = json.loads(file.read_text())
        graph = load_task_graph(facts["workload"])
        assert [(e.source, e.target, e.bytes) for e in graph.edges] == [
            (e["src"], e["dst"], e["bytes"]) for e in facts["edges"]
        ]
        assert [(t.name, t.work_instructions) for t in graph.tasks] == [
            (t["name"], t["work_instructions"]) for t in facts["tasks"]
        ]
        for task, fact in zip(graph.tasks, facts["tasks"], strict=True):
            cycles = fact.get("ip_cycles_at_100MHz")
            assert (task.accelerator.cycles_at_100mhz if task.accelerator else None) == cycles
            if cycles is not None:
                assert task.accelerator.energy_fj == fact["ip_energy_1e-15J_before_scaling"]
                assert task.accelerator.area_um2 == fact["ip_area_um2_before_scaling"]
                assert task.iterations == fact["loop_iterations"]
        if facts.get("budget"):
            budget = facts["budget"]
            assert graph.budgets == Budgets({graph.name: budget["latency"]}, budget["power"], budget["area"])
            assert graph.last_tasks == {graph.name: facts["last_task"]}


def test_combined_graphs_share_where_data_enters_and_leaves():
    graph = load_task_graph("audio_decoder+edge_detection")
    audio, edge = load_task_graph("audio_decoder"), load_task_graph("edge_detection")
    assert len(graph.tasks) == len(audio.tasks) + len(edge.tasks) - 2
    assert len(graph.edges) == len(audio.edges) + len(edge.edges)
    assert [t.name for t in graph.tasks][: len(audio.tasks)] == [t.name for t in audio.tasks]
    assert graph.last_tasks == {"audio_decoder": "dummy_last", "edge_detection": "rejectZeroCrossings"}
    assert graph.workloads == ("audio_decoder", "edge_detection")
    assert graph.budgets == Budgets({"audio_decoder": 0.021, "edge_detection": 0.034}, 2 * 0.008737, 2 * 17.475e-6)
    leaving = [e.target for e in graph.edges if e.source == "souurce"]
    assert leaving == ["psychoFilter_fxp_cloned", "rotatorSet_fxp_cloned", "zoomSet_fxp_cloned", "gaussianSmoothing"]


def test_combined_with_itself_every_task_is_there_twice():
    one, two = load_task_graph("hpvm_cava"), load_task_graph("hpvm_cava+hpvm_cava")
    working = [t for t in two.tasks if not t.dummy]
    assert len(working) == 2 * sum(not t.dummy for t in one.tasks)
    assert two.last_tasks == {
        "hpvm_cava": "descale_fxp_cloned",
        "hpvm_cava#2": "hpvm_cava#2.descale_fxp_cloned",
    }
    assert two.budgets.latency_s == {"hpvm_cava": 0.034, "hpvm_cava#2": 0.034}


def test_a_dummy_never_merges_with_a_task_that_works():
    first = TaskGraph("first", (Task("in", 5), Task("a", 5)), (Edge("in", "a", 1),), {"first": "a"})
    graph = combine([first, small("second", "b"), small("third", "c")])
    assert [t.name for t in graph.tasks] == ["in", "a", "second.in", "b", "third.in", "c"]
    assert [e.name for e in graph.edges] == ["in->a", "second.in->b", "third.in->c"]
    assert graph.budgets is None


def test_combining_one_graph_changes_nothing_and_none_is_refused():
    graph = small("x", "a")
    assert combine([graph]) is graph
    with pytest.raises(InvalidInputError, match="no task graphs"):
        combine([])


def test_a_file_holds_one_workload(tmp_path):
    with pytest.raises(InvalidInputError, match="has 2 workloads; a file holds one"):
        write_task_graph(load_task_graph("audio_decoder+hpvm_cava"), tmp_path / "x.json")


def test_one_random_graph_is_known_in_full():
    graph = load_task_graph("random?tasks=3&seed=1")
    again = random_task_graph(tasks=3, seed=1)
    assert graph == again
    assert [task.name for task in graph.tasks] == ["source", "task0", "task1", "task2", "sink"]
    assert graph.last_tasks == {"random?tasks=3&seed=1": "sink"}
    work = sum(task.work_instructions for task in graph.tasks)
    assert graph.budgets.latency_s[graph.name] == pytest.approx(work / 2e9 / 4)


RANDOM_OPTIONS = st.fixed_dictionaries(
    {
        "tasks": st.integers(1, 40),
        "seed": st.integers(0, 2**53),
        "width": st.integers(1, 6),
        "extra_edges_percent": st.sampled_from([0, 20, 100]),
        "accelerated_percent": st.sampled_from([0, 50, 100]),
        "work_instructions": st.sampled_from([1000, 10**7, 10**12]),
        "bytes": st.sampled_from([64, 10**6]),
    }
)


@given(RANDOM_OPTIONS)
def test_random_graphs_are_what_was_asked_for(options):
    graph = random_task_graph(**options)
    assert load_task_graph(graph.name) == graph
    working = [task for task in graph.tasks if not task.dummy]
    assert len(working) == options["tasks"]
    typical = options["work_instructions"]
    assert all(typical / 8 - 1 <= task.work_instructions <= 16 * typical for task in working)
    accelerated = sum(task.accelerator is not None for task in working)
    assert (
        options["accelerated_percent"] == 50 or accelerated == options["tasks"] * options["accelerated_percent"] // 100
    )
    assert all(math.floor(options["bytes"] / 8) <= edge.bytes <= 16 * options["bytes"] for edge in graph.edges)
    ends = [task.name for i, task in enumerate(graph.tasks) if not (graph.parents[i] and graph.children[i])]
    assert ends == ["source", "sink"]
    if options["width"] == 1:
        assert [e.name for e in graph.edges[1:-1]] == [f"task{i}->task{i + 1}" for i in range(options["tasks"] - 1)]


def test_seeds_give_different_graphs():
    assert len({random_task_graph(seed=seed).digest for seed in range(20)}) == 20


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("random?task=3", "did you mean 'tasks'"),
        ("random?tasks", "expected key=value"),
        ("random?tasks=3&tasks=4", "given twice"),
        ("random?tasks=-3", "must be an integer"),
        ("random?tasks=0", "from 1 to 62, got 0"),
    ],
)
def test_bad_options_of_random_graphs(name, message):
    with pytest.raises(InvalidInputError, match=message):
        load_task_graph(name)
