"""The simulator class: inputs, metrics, laws, workloads, errors."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest

from simulators.audits import run_audits
from simulators.errors import AuditError, InvalidInputError, UnknownNameError
from simulators.evaluation import Evaluation
from simulators.memory import MODES, MemoryController, Trace, load_memory_specification, memory_space
from simulators.memory.energy import ENERGY_PARTS
from simulators.memory.modes import REPAIRS
from simulators.problem import Problem

SIMULATOR = MemoryController()
REFERENCE = MemoryController(mode="dramsys")
TRACE = Trace("three", np.array([0, 1, 2]), np.array([False, True, False]), np.array([0, 1 << 16, 64], np.uint64))


def test_defaults_are_the_reference_design_of_the_spaces():
    inputs = {declared.name: declared.default for declared in SIMULATOR.inputs}
    for name in ("default", "ga", "rl"):
        space = memory_space(name)
        described = space.describe(space.default_indices[0])
        assert described == {key: inputs[key] for key in described}


def test_metrics_of_a_small_trace():
    metrics = SIMULATOR.simulate({}, TRACE).row()
    assert (metrics["row_hits"], metrics["row_misses"], metrics["row_conflicts"]) == (1, 1, 1)
    assert (metrics["read_commands"], metrics["write_commands"], metrics["activate_commands"]) == (2, 1, 2)
    assert metrics["requests"] == 3
    assert metrics["bandwidth_gbit_per_s"] == pytest.approx(3 * 64 * 8 / metrics["makespan_ns"])
    assert list(metrics) == [metric.name for metric in SIMULATOR.metrics]


def test_every_metric_name_carries_its_unit():
    suffixes = {"ns": "_ns", "pJ": "_pj", "mW": "_mw", "Gbit/s": "_gbit_per_s"}
    for metric in SIMULATOR.metrics:
        assert metric.unit == "1" or metric.name.endswith(suffixes[metric.unit])


def test_the_batch_keeps_its_order_and_rows_may_be_text():
    columns = {"page_policy": ["Closed", "Open"], "request_buffer_size": ["3", "1000"]}
    evaluation = SIMULATOR.simulate(columns, TRACE)
    assert evaluation.column("read_auto_precharge_commands").tolist() == [2, 0]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"scheduler": ["FrFcsf"]}, "did you mean 'FrFcfs'"),
        ({"request_buffer_size": [0]}, "Expected an integer from 1"),
        ({"request_buffer_size": [1.5]}, "Expected an integer"),
        ({"schedular": ["Fifo"]}, "did you mean 'scheduler'"),
    ],
)
def test_wrong_designs_are_refused(columns, message):
    with pytest.raises(InvalidInputError, match=message):
        SIMULATOR.simulate(columns, TRACE)


def test_modes_and_memories_are_checked():
    assert MODES == ("default", "dramsys")
    assert SIMULATOR.mode == "default"
    with pytest.raises(UnknownNameError, match="Known: default, dramsys"):
        MemoryController(mode="ramulator")
    with pytest.raises(UnknownNameError, match="did you mean 'own-bank'"):
        MemoryController(repairs="own-bnk")
    with pytest.raises(InvalidInputError, match="repairs nothing"):
        MemoryController(mode="dramsys", repairs="own-bank")
    with pytest.raises(UnknownNameError, match="ddr3-1600"):
        MemoryController(memory="ddr3")
    with pytest.raises(InvalidInputError, match="threads"):
        MemoryController(threads=0)


def test_settings_identify_the_numbers():
    settings = SIMULATOR.settings()
    assert (settings["mode"], settings["repairs"]) == ("default", list(REPAIRS))
    assert settings["memory_digest"] == load_memory_specification("ddr3-1600").digest
    assert MemoryController(threads=2).settings() == settings
    assert (REFERENCE.settings()["mode"], REFERENCE.settings()["repairs"]) == ("dramsys", [])
    some = MemoryController(repairs="own-direction, own-bank")
    assert some.settings()["repairs"] == ["own-bank", "own-direction"]


def test_a_workload_belongs_to_its_memory():
    memory = load_memory_specification("ddr3-1600")
    swapped = dataclasses.replace(memory.mapping, row=tuple(range(13, 27)), bank=(27, 28, 29))
    other = MemoryController(memory.with_mapping(swapped))
    assert SIMULATOR.prepare(TRACE).digest != other.prepare(TRACE).digest
    with pytest.raises(InvalidInputError, match="not prepared for memory"):
        other.simulate({}, SIMULATOR.prepare(TRACE))
    with pytest.raises(InvalidInputError, match="not prepared"):
        SIMULATOR.simulate({}, "stream.stl")


def test_a_trace_in_another_clock_keeps_its_times():
    """Request 1 at 3 cycles of 400 MHz is at 6 of 800; 5 of 1200 MHz lie between 3 and 4."""
    for clock, cycle, expected in ((400.0, 3, 6), (1200.0, 5, 4), (800.0, 5, 5)):
        trace = Trace("t", np.array([0, cycle]), np.array([False, False]), np.array([0, 64], np.uint64), clock)
        assert SIMULATOR.prepare(trace).cycle.tolist() == [0, expected]


def test_workloads_load_and_travel(tmp_path):
    workload = SIMULATOR.load_workload("synthetic/streaming")
    assert workload.name in SIMULATOR.workload_names()
    copy = pickle.loads(pickle.dumps(workload))
    assert np.array_equal(SIMULATOR.simulate({}, copy).values, SIMULATOR.simulate({}, workload).values)
    file = tmp_path / "late.stl"
    file.write_text("5:\tread\t0x0\n3:\tread\t0x40\n")
    assert REFERENCE.load_workload(str(file)).cycle.tolist() == [5, 3]


def test_a_trace_beyond_the_kernel_is_refused():
    trace = Trace("far", np.array([1 << 40]), np.array([False]), np.array([0], np.uint64))
    with pytest.raises(InvalidInputError, match="expected at most"):
        SIMULATOR.prepare(trace)


def test_a_memory_without_currents_has_no_energy():
    memory = dataclasses.replace(load_memory_specification("ddr3-1600"), currents_ma={}, supply_v={})
    metrics = MemoryController(memory).simulate({}, TRACE).row()
    absent = {name for name in SIMULATOR.simulate({}, TRACE).row() if name.endswith(("_pj", "_mw"))}
    assert len(absent) == 2 + len(ENERGY_PARTS) and absent.isdisjoint(metrics)
    assert "accounted_time_ns" in metrics
    assert metrics["makespan_ns"] == SIMULATOR.simulate({}, TRACE).row()["makespan_ns"]


@pytest.mark.parametrize(
    ("metric", "factor"),
    [
        ("bandwidth_gbit_per_s", 100.0),
        ("energy_pj", 1.001),
        ("read_commands", 2.0),
        ("accounted_time_ns", 1.1),
        ("makespan_ns", 1e-3),
        ("p95_latency_ns", 0.1),
        ("activate_commands", 0.5),
    ],
)
def test_the_audits_notice_broken_laws(metric, factor):
    evaluation = SIMULATOR.simulate({}, TRACE)
    values = evaluation.values.copy()
    values[:, evaluation.names.index(metric)] *= factor
    with pytest.raises(AuditError):
        run_audits(SIMULATOR.audits, Evaluation.of_valid(evaluation.metrics, values), "memory-controller")


def test_a_space_and_the_simulator_make_a_problem():
    space = memory_space("rl")
    problem = Problem(SIMULATOR, space, SIMULATOR.prepare(TRACE))
    designs = space.sample(20, np.random.default_rng(1))
    evaluation = problem.evaluate(designs)
    assert evaluation.valid.all()
    assert np.array_equal(problem.evaluate(space.canonical(designs)).values, evaluation.values)
