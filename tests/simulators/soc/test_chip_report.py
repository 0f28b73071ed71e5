"""Reports of chips: the parts of the blocks add up to the metrics, and shares are what bytes and times say."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.errors import InvalidInputError
from simulators.problem import Problem
from simulators.soc.chip_report import report_chip
from simulators.soc.description import SocDescription
from simulators.soc.description_files import description_of
from simulators.soc.graph_files import load_task_graph, task_graph_of
from simulators.soc.model import SocModel
from simulators.soc.soc import Soc

WORKLOADS = ("edge_detection", "audio_decoder", "edge_detection+hpvm_cava", "random?tasks=20&seed=2")
GRAPH = task_graph_of(
    {
        "name": "two",
        "tasks": [
            {"name": "in", "dummy": True},
            {"name": "a", "work_instructions": 2e6},
            {"name": "b", "work_instructions": 2e6},
        ],
        "edges": [{"from": "in", "to": "a", "bytes": 4e6}, {"from": "a", "to": "b", "bytes": 1e6}],
        "last_task": "b",
        "budgets": {"latency_s": 0.01, "power_w": 0.1, "area_mm2": 17},
    }
)
CHIP = {
    "blocks": {
        "io": "A53_pe",
        "cpu": "A53_pe",
        "ram": {"kind": "sram", "width_bytes": 4, "clock_mhz": 400},
        "near": {"kind": "bus", "width_bytes": 8, "clock_mhz": 400},
        "far": {"kind": "bus", "width_bytes": 4, "clock_mhz": 100},
    },
    "links": [["io", "near"], ["cpu", "near"], ["near", "far"], ["ram", "far"]],
    "tasks": {"default": "cpu", "in": "io"},
    "memories": {"default": "ram"},
}


def random_chips(simulator: Soc, count: int) -> tuple[np.ndarray, list[SocDescription]]:
    problem = Problem(simulator, simulator.space(), simulator.graph)
    rng = np.random.default_rng(0)
    designs = np.stack([rng.integers(0, size, count) for size in problem.space.cardinalities], axis=1)
    columns = simulator.check_columns(problem.space.decode(designs))
    evaluation = problem.evaluate(designs)
    assert evaluation.valid.all()
    return evaluation.values, simulator.describe(columns)


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_reported_design_has_the_environments_metrics_and_its_blocks_add_up_to_them(workload: str) -> None:
    simulator = Soc(workload)
    values, chips = random_chips(simulator, 8)
    for row, chip in zip(values, chips, strict=True):
        report = report_chip(chip, simulator.model)
        assert list(report.metrics.values()) == pytest.approx(row.tolist(), rel=1e-12)
        assert sum(block.area_mm2 for block in report.blocks) == pytest.approx(report.metrics["area_mm2"])
        energy = sum(block.energy_pj for block in report.blocks) + report.metrics["leakage_energy_pj"]
        assert energy == pytest.approx(report.metrics["energy_pj"])
        assert float(report.phase_s @ report.phase_w) * 1e12 == pytest.approx(report.metrics["energy_pj"])
        assert report.makespan_s * 1e9 == pytest.approx(report.metrics["makespan_ns"])
        assert all(0 <= block.utilisation <= 1 + 1e-9 for block in report.blocks)
        assert sorted(name for block in report.blocks for name in block.tasks) == sorted(report.tasks)
        assert {report.bottleneck, *report.bottlenecks.values()} <= set(chip.index)


def test_shares_are_bytes_over_what_the_slowest_way_moves() -> None:
    """Over the bus ``far`` 0.4 GB/s: 4 MB take 10 ms, and 1 MB each way 2.5 ms; a's 1 ms of work is hidden."""
    report = report_chip(description_of(CHIP, GRAPH), SocModel(GRAPH))
    use = {block.id: block for block in report.blocks}
    assert [report.tasks[name].end_s for name in ("a", "b")] == pytest.approx([10e-3, 12.5e-3])
    assert use["cpu"].utilisation == pytest.approx(1.0) and use["cpu"].tasks == ("a", "b")
    assert use["io"].tasks == () and use["io"].area_mm2 == 0.0
    assert (use["far"].read_bytes, use["far"].written_bytes) == pytest.approx((5e6, 1e6))
    assert use["far"].utilisation == pytest.approx(5e6 / (0.4e9 * 12.5e-3))
    assert use["near"].utilisation == pytest.approx(5e6 / (3.2e9 * 12.5e-3))
    assert use["ram"].utilisation == pytest.approx(5e6 / (1.6e9 * 12.5e-3))
    assert use["ram"].peak_bytes == 5e6
    assert use["far"].limited == ("a", "b") and report.bottlenecks["latency"] == "far"
    assert [(line.name, line.met) for line in report.budgets] == [
        ("latency", False),
        ("peak power", True),
        ("area without DRAM", True),
        ("area of DRAM", True),
    ]


def test_a_memory_without_figures_is_an_error_that_names_it() -> None:
    graph = load_task_graph("random?tasks=3&seed=1&bytes=100000000")
    chip = {
        **CHIP,
        "links": [link for link in CHIP["links"] if "io" not in link],  # type: ignore[union-attr]
        "blocks": {name: block for name, block in CHIP["blocks"].items() if name != "io"},  # type: ignore[attr-defined]
        "tasks": {"default": "cpu"},
    }
    with pytest.raises(InvalidInputError, match="ram"):
        report_chip(description_of(chip, graph), SocModel(graph, "farsi"))
