"""Pictures of the best designs in reports: of chips and mappings; none where it would be of something else."""

from __future__ import annotations

from typing import Any

import pytest

from archgym_envs import make_problem
from experiments import design_figures
from experiments.design_figures import DRAWERS, design_figure
from experiments.report_designs import best_designs
from simulators.problem import Problem
from tests.experiments.fake_results import fake_results, problem_record

SOC: dict[str, Any] = {"workload": "edge_detection", "buses": 2}
MAPPING: dict[str, Any] = {"workload": "resnet18/fc", "hardware": "edge"}


def reference(environment: str, arguments: dict[str, Any]) -> tuple[Problem, dict[str, Any], dict[str, float]]:
    problem = make_problem(environment, **arguments)
    values = problem.reference.values[0].tolist()
    metrics = dict(zip((m.name for m in problem.simulator.metrics), values, strict=True))
    return problem, problem.space.describe(problem.reference_indices[0]), metrics


@pytest.mark.parametrize(
    ("environment", "arguments", "words"),
    [
        ("archgym/SoC-v0", SOC, ["gaussianSmoothing", "limits latency", "execution", "gpp0"]),
        ("archgym/SoC-v0", {**SOC, "space": "archgym", "mode": "farsi"}, ["execution", "pe0"]),
        ("archgym/Mapping-v0", MAPPING, ["loops, outermost first", "DRAM"]),
        ("archgym/Mapping-v0", {**MAPPING, "mode": "timeloop"}, ["DRAM"]),
    ],
)
def test_a_design_is_drawn_as_svg_with_its_title(environment: str, arguments: dict[str, Any], words: list[str]) -> None:
    _, design, metrics = reference(environment, arguments)
    record = problem_record(environment=environment, arguments=arguments)
    svg = design_figure(record, design, metrics, "the best <design>")
    assert svg.startswith("<svg") and "the best &lt;design&gt;" in svg
    assert all(word in svg for word in words)
    assert svg == design_figure(record, design, metrics, "the best <design>")
    metrics["energy_pj"] *= 1.001
    assert design_figure(record, design, metrics, "numbers of another version") == ""


def test_no_picture_where_there_is_none() -> None:
    _, design, metrics = reference("archgym/SoC-v0", SOC)
    assert design_figure(problem_record(), {}, {}, "a memory controller") == ""
    gone = problem_record(environment="archgym/SoC-v0", arguments={"workload": "gone.json"})
    assert design_figure(gone, design, metrics, "its workload is gone") == ""
    other = problem_record(environment="archgym/SoC-v0", arguments={**SOC, "workload": "hpvm_cava"})
    assert design_figure(other, design, metrics, "parameters of another workload") == ""
    assert design_figure(problem_record(environment="archgym/SoC-v0", arguments=SOC), design, {}, "no metrics") == ""


def test_the_report_shows_the_picture_above_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure

    results = fake_results([(problem_record(), {"random_search": [[3.0, 2.0]]})])
    assert "<figure" not in best_designs(results, "controller").text
    drawn = []

    def drawer(problem: Problem, columns: dict[str, Any], title: str) -> tuple[Figure, dict[str, float]]:
        drawn.append((columns["page_policy"].tolist(), title))
        return Figure(), {"energy_pj": 2.0}

    monkeypatch.setitem(DRAWERS, "archgym/MemoryController-v0", drawer)
    text = best_designs(results, "controller").text
    assert text.index("<figure") < text.index("<table")
    assert drawn == [(["Closed"], "synthetic/streaming: the best design, found by random_search with seed 0")]
    assert set(design_figures.DRAWERS) == {"archgym/SoC-v0", "archgym/Mapping-v0", "archgym/MemoryController-v0"}
