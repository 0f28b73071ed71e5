"""Designs that a memory cannot have are invalid rows with a reason; the rest of their batch is as if alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from simulators.errors import InvalidInputError
from simulators.memory import MemoryController, Trace, load_memory_specification
from simulators.memory.energy import ENERGY_PARTS
from tests.simulators.memory.cases import MEMORIES, MODES, NAMES, small_trace

REQUESTS = [(0, "read", 0), (5, "write", 1 << 20), (900, "read", 64)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", NAMES)
def test_refresh_of_single_banks_needs_a_memory_that_can(name, mode):
    controller = MemoryController(name, mode=mode)
    trace = small_trace(REQUESTS, controller.memory.clock_mhz)
    batch = {
        "refresh_policy": ["AllBank", "PerBank", "NoRefresh", "PerBank"],
        "page_policy": ["Open", "Open", "Closed", "Closed"],
    }
    evaluation = controller.simulate(batch, trace)
    possible = name in ("lpddr4-3200", "hbm2")
    assert evaluation.valid.tolist() == [True, possible, True, possible]
    reason = "" if possible else f"{MEMORIES[name].standard} has no refresh of single banks (refresh_policy=PerBank)"
    assert evaluation.reason == ("", reason, "", reason)
    assert np.isnan(evaluation.values).all(axis=1).tolist() == [False, not possible, False, not possible]
    for row in (0, 2):
        alone = controller.simulate({column: values[row : row + 1] for column, values in batch.items()}, trace)
        assert np.array_equal(alone.values[0], evaluation.values[row])


@pytest.mark.parametrize(
    ("name", "timing"), [("ddr3-1600", "XP"), ("ddr4-2400", "CKESR"), ("lpddr4-3200", "CMDCKE"), ("hbm2", "XS")]
)
def test_power_down_needs_its_timings(name, timing):
    memory = load_memory_specification(name)
    lacking = dataclasses.replace(memory, name="mine", timings={k: v for k, v in memory.timings.items() if k != timing})
    controller = MemoryController(lacking)
    trace = small_trace(REQUESTS, memory.clock_mhz)
    evaluation = controller.simulate({"power_down_policy": ["Staggered", "NoPowerDown", "Staggered"]}, trace)
    reason = "memory 'mine' lacks the timings of power-down (power_down_policy=Staggered)"
    assert evaluation.valid.tolist() == [False, True, False]
    assert evaluation.reason == (reason, "", reason)
    awake = MemoryController(memory).simulate({"power_down_policy": ["NoPowerDown"]}, trace)
    assert np.array_equal(evaluation.values[1], awake.values[0])


def test_a_batch_that_is_refused_altogether():
    controller = MemoryController("ddr4-2400")
    evaluation = controller.simulate({"refresh_policy": ["PerBank"] * 3}, small_trace(REQUESTS, 1200.0))
    assert not evaluation.valid.any() and np.isnan(evaluation.values).all()


@pytest.mark.parametrize(("name", "has_energy"), list(zip(NAMES, (True, True, False, False), strict=True)))
def test_energy_is_a_metric_only_where_there_is_a_model(name, has_energy):
    controller = MemoryController(name)
    names = [metric.name for metric in controller.metrics]
    energy = ["energy_pj", "average_power_mw", *ENERGY_PARTS]
    assert [metric for metric in energy if metric in names] == (energy if has_energy else [])
    row = controller.simulate({}, small_trace(REQUESTS, controller.memory.clock_mhz)).row()
    assert list(row) == names
    assert np.isfinite(list(row.values())).all()


@pytest.mark.parametrize(("memory", "timing"), [("ddr3-1600", "REFI"), ("lpddr4-3200", "REFIPB"), ("hbm2", "REFISB")])
def test_an_interval_shorter_than_a_refresh_is_refused(memory, timing):
    specification = load_memory_specification(memory)
    hurried = dataclasses.replace(specification, timings={**specification.timings, timing: 90})
    with pytest.raises(InvalidInputError, match=f"timings_cycles.{timing} is 90; expected more than"):
        MemoryController(hurried)


def test_the_kernel_does_not_see_what_is_refused():
    simulator = MemoryController("ddr3-1600")
    columns = simulator.check_columns({"refresh_policy": ["PerBank"]})
    trace = simulator.load_workload("synthetic/streaming?requests=200")
    for call in (simulator.kernel_outputs, simulator.record):
        with pytest.raises(InvalidInputError, match="DDR3 has no refresh of single banks"):
            call(columns, trace)


def test_times_beyond_the_kernel_are_an_error_not_a_deadlock():
    late = Trace("late", np.array([0, 200_000_000]), np.zeros(2, bool), np.array([0, 64], np.uint64))
    with pytest.raises(InvalidInputError, match="goes up to cycle 250000000; expected at most"):
        MemoryController("hbm2", mode="dramsys").prepare(late)
    MemoryController("hbm2").prepare(late)


@pytest.mark.parametrize("repairs", [5, True, [1, 2]])
def test_repairs_that_are_no_names_are_refused(repairs):
    with pytest.raises(InvalidInputError, match="repairs are names"):
        MemoryController(repairs=repairs)
