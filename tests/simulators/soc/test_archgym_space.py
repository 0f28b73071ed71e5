"""ArchGym's space of systems-on-chip: its size, its rules, what is left of it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from simulators import Problem
from simulators.soc.description import check_description
from simulators.soc.soc import Soc


def problem(graph: str = "edge_detection", mode: str = "farsi") -> Problem:
    simulator = Soc(graph, mode=mode, space="archgym")
    return Problem(simulator, simulator.space(), simulator.graph)


@pytest.mark.parametrize(
    ("graph", "dimensions", "size"),
    [("edge_detection", 34, 1.6e17), ("hpvm_cava", 36, 1.4e18), ("audio_decoder", 54, 5.4e26)],
)
def test_the_space_is_archgyms(graph, dimensions, size):
    space = problem(graph).space
    assert space.dimensions == dimensions
    assert space.size == pytest.approx(size, rel=0.03)
    assert space.cardinalities.tolist() == [2] * 3 + [4] * 6 + [3] * 3 + [4] * 6 + [3] * (dimensions - 18)


def test_the_default_design_is_valid_and_runs_on_one_processor():
    p = problem()
    assert p.reference.valid.all()
    (chip,) = p.simulator.describe(p.space.decode(p.reference_indices))
    assert set(chip.task_to_pe.values()) == {"pe0"}
    assert {block.id: block.type.name for block in chip.blocks} == {
        "pe0": "A53_pe", "pe1": "A53_pe", "pe2": "A53_pe", "bus0": "LMEM_ic_0_1_ic", "mem0": "GMEM_0_1_mem",
    }  # fmt: skip


@pytest.mark.parametrize(("graph", "task"), [("edge_detection", 1), ("audio_decoder", 14)])
def test_the_other_pe_is_the_slowest_accelerator_of_one_task(graph, task):
    p = problem(graph)
    columns = {"pe_allocation_1": [1], f"task_to_pe_mapping_{task}": [1]}
    design = p.space.encode(columns)
    assert p.evaluate(design).valid.all()
    (chip,) = p.simulator.describe(p.space.decode(design))
    accelerator = chip.block("pe1").type
    name = p.workload.tasks[task].name
    assert (accelerator.kind, accelerator.task, accelerator.unroll, accelerator.clock_mhz) == ("ip", name, 1, 100)


@pytest.mark.parametrize(
    ("choices", "reason"),
    [
        ({"bus_to_bus_connection_1": 1}, "bus_to_itself_connection"),
        ({"bus_to_mem_connection_0": -1}, "no_bus_is_connected_to_mem"),
        ({"bus_to_mem_connection_1": 0}, "mem_multiple_neighbour"),
        ({"pe_allocation_0": 1}, "task_pe_compatibility"),
        ({"pe_to_bus_connection_0": 1}, "unconnected: no path of buses joins 'pe0' and 'mem0'"),
        ({"task_to_mem_mapping_0": 1}, "unconnected: no path of buses joins 'pe0' and 'mem1'"),
    ],
)
def test_refused_designs_say_why(choices, reason):
    p = problem()
    evaluation = p.evaluate(p.space.encode({name: [value] for name, value in choices.items()}))
    assert not evaluation.valid.any()
    assert evaluation.reason[0].startswith(reason)


def test_two_buses_that_are_linked():
    p = problem()
    choices = {"pe_to_bus_connection_0": 1, "bus_to_bus_connection_1": 0, "bus_to_mem_connection_1": 2}
    choices |= {f"task_to_mem_mapping_{i}": 2 for i in range(4)}
    design = p.space.encode({name: [value] for name, value in choices.items()})
    (chip,) = p.simulator.describe(p.space.decode(design))
    check_description(chip, p.workload)
    joined = {frozenset(link) for link in chip.links}
    assert {frozenset(("bus0", "bus1")), frozenset(("bus1", "mem2")), frozenset(("bus0", "mem0"))} <= joined
    assert p.evaluate(design).valid.all()


@pytest.mark.parametrize("mode", ["default", "farsi"])
def test_few_random_designs_are_valid_and_a_batch_is_its_rows(mode):
    p = problem(mode=mode)
    designs = p.space.sample(4000, np.random.default_rng(0))
    evaluation = p.evaluate(designs)
    passed = [reason == "" or reason.startswith("unconnected") for reason in evaluation.reason]
    # The shares of docs/environments.md, of 200 000 designs; ArchGym's own checker passed 17 of 400 actions.
    for count, of, share in ((evaluation.valid.sum(), 4000, 0.0045), (sum(passed), 4000, 0.032), (17, 400, 0.032)):
        assert binomtest(int(count), of, share).pvalue > 0.01
    for row in [*np.flatnonzero(evaluation.valid)[:5], 0, 1]:
        alone = p.evaluate(designs[row : row + 1])
        assert alone.reason[0] == evaluation.reason[row]
        assert np.array_equal(alone.values[0], evaluation.values[row], equal_nan=True)


def test_nothing_but_narrow_dram_and_buses_is_in_reach():
    p = problem(mode="default")
    evaluation = p.evaluate(p.space.sample(20_000, np.random.default_rng(1)))
    assert evaluation.valid.any()
    valid = evaluation.take(evaluation.valid)
    assert (valid.column("sram_area_mm2") == 0).all()
    assert valid.column("latency_ns").min() > 34e6  # the budget of edge detection
