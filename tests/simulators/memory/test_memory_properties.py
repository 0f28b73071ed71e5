"""Laws of the results over random designs and traces: four memories, both modes."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulators.memory import MemoryController
from simulators.memory.energy import ENERGY_PARTS
from tests.simulators.memory.cases import (
    CONTROLLERS,
    MEMORIES,
    MODES,
    NAMES,
    columns,
    commands_of,
    designs,
    record,
    small_trace,
    traces,
)

QUICK = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
EVERY = pytest.mark.parametrize(("name", "mode"), [(name, mode) for name in MEMORIES for mode in MODES])
TIMES = ("active_time_ns", "precharged_time_ns", "power_down_time_ns", "self_refresh_time_ns")


@EVERY
def test_energy_power_and_time_agree(name, mode):
    controller = CONTROLLERS[name, mode]
    peak = controller.memory.peak_bandwidth_gbit_per_s
    slower = controller.memory.cycle_ps / 1000 / controller.memory.cycle_ns  # DDR4's clock in whole ps is faster

    @settings(max_examples=40, **QUICK)
    @given(designs(MEMORIES[name]), traces(MEMORIES[name]))
    def check(design, trace):
        m = controller.simulate(columns(design), trace).row()
        assert m["bandwidth_gbit_per_s"] <= peak * (1 if mode == "default" else 1 / slower) * (1 + 1e-12)
        assert m["accounted_time_ns"] == pytest.approx(sum(m[part] for part in TIMES))
        assert m["requests"] == len(trace) == m["read_commands"] + m["write_commands"]
        assert all(value >= 0 for value in m.values())
        if mode == "default":
            assert m["accounted_time_ns"] == pytest.approx(m["makespan_ns"], rel=1e-12)
        if controller.memory.has_energy:
            assert m["energy_pj"] == pytest.approx(sum(m[part] for part in ENERGY_PARTS))
            assert m["energy_pj"] == pytest.approx(m["average_power_mw"] * m["accounted_time_ns"])
            assert m["energy_pj"] > 0

    check()


@EVERY
def test_every_request_is_answered_once_and_after_its_burst(name, mode):
    controller = CONTROLLERS[name, mode]
    tick, data = controller.ticks_per_cycle, controller.memory.data_cycles

    @settings(max_examples=40, **QUICK)
    @given(designs(MEMORIES[name]), traces(MEMORIES[name]))
    def check(design, trace):
        sent, accepted, answered = record(controller, design, trace).requests.T
        assert (sent >= trace.cycle * tick).all()
        assert (sent <= accepted).all() and (sent[1:] > accepted[:-1]).all()
        assert (answered >= accepted + np.where(trace.is_write, data[1], data[0]) * tick).all()
        assert (np.diff(np.sort(answered)) >= tick).all()  # one per cycle, so each once

    check()


@EVERY
def test_results_do_not_depend_on_company_threads_or_being_recorded(name, mode):
    controller = CONTROLLERS[name, mode]
    threaded = MemoryController(MEMORIES[name], mode=mode, threads=2)

    @settings(max_examples=10, **QUICK)
    @given(st.lists(designs(MEMORIES[name]), min_size=2, max_size=12), traces(MEMORIES[name]), st.data())
    def check(batch, trace, data):
        workload = controller.prepare(trace)
        together = controller.kernel_outputs(controller.check_columns(columns(*batch)), workload)
        assert np.array_equal(together, threaded.kernel_outputs(threaded.check_columns(columns(*batch)), workload))
        cut = data.draw(st.integers(1, len(batch) - 1))
        parts = [controller.check_columns(columns(*part)) for part in (batch[:cut], batch[cut:])]
        assert np.array_equal(together, np.vstack([controller.kernel_outputs(part, workload) for part in parts]))
        for design, outputs in zip(batch, together, strict=True):
            assert np.array_equal(record(controller, design, trace).outputs, outputs)

    check()


def test_a_run_that_ends_in_self_refresh_charges_no_refresh_beyond_its_end():
    """Rank 1, idle since cycle 0, sleeps at its first refresh (REFI / 2 = 3120): awake by PDXP, XP 6 later SREN.

    The run ends with the answer of rank 0, RCD 10 + RL 10 + burst 4 after a request that finds it awake.
    """
    memory = MEMORIES["ddr3-1600-x2"]
    controller = CONTROLLERS["ddr3-1600-x2", "default"]
    trace = small_trace([(0, "read", 0), (3110, "read", 0)])
    design = {"power_down_policy": "Staggered", "address_mapping": "Specification"}
    found = [(c.time, c.name, c.bank) for c in commands_of(record(controller, design, trace))]
    assert (3120, "PDXP", 8) in found and found[-1][1] != "SREX"
    m = controller.simulate(columns(design), trace).row()
    end = m["makespan_ns"] / 1.25
    asleep = [time for time, name, bank in found if name == "SREN" and bank == 8]
    assert asleep == [3126]
    assert m["self_refresh_time_ns"] == (end - 3126) * 1.25 / memory.organisation.ranks
    assert m["accounted_time_ns"] == m["makespan_ns"]


PROGRAM = """
import numpy as np
from simulators.memory import MemoryController, memory_space
for memory in {names!r}:
    for mode in {modes!r}:
        controller = MemoryController(memory, mode=mode)
        space = memory_space("default", controller.memory)
        designs = space.decode(space.sample(4, np.random.default_rng(3)))
        trace = controller.load_workload("synthetic/cloud-mixture?requests=300")
        print(controller.kernel_outputs(controller.check_columns(designs), trace).tolist())
"""


def test_results_are_the_same_in_another_process():
    program = PROGRAM.format(names=NAMES, modes=MODES)
    texts = {subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout for _ in range(2)}
    assert len(texts) == 1
    assert texts.pop().count(b"\n") == len(NAMES) * len(MODES)


@pytest.mark.parametrize("name", NAMES)
def test_a_clock_twice_as_fast_changes_no_cycle(name):
    """Cycles are what the kernel counts; a trace in cycles of the memory takes as many, whatever their length."""
    memory = MEMORIES[name]
    fast = MemoryController(dataclasses.replace(memory, clock_mhz=2 * memory.clock_mhz))

    @settings(max_examples=15, **QUICK)
    @given(designs(memory), traces(memory))
    def check(design, trace):
        hastened = dataclasses.replace(trace, clock_mhz=2 * trace.clock_mhz)
        slow = CONTROLLERS[name, "default"]
        one, other = record(slow, design, trace), record(fast, design, hastened)
        assert np.array_equal(one.commands, other.commands) and np.array_equal(one.outputs, other.outputs)
        times = [controller.simulate(columns(design), t).row() for controller, t in ((slow, trace), (fast, hastened))]
        assert times[0]["makespan_ns"] == pytest.approx(2 * times[1]["makespan_ns"])

    check()


def test_hbm2_counts_in_ps_that_change_nothing_but_the_distance_to_a_clock_edge():
    """Commands start at an edge (after an arrival or a trigger) or, like the first, 1 ps before one."""
    memory = MEMORIES["hbm2"]
    fine = CONTROLLERS["hbm2", "dramsys"]
    assert (fine.ticks_per_cycle, CONTROLLERS["hbm2", "default"].ticks_per_cycle) == (1000, 1)

    @settings(max_examples=40, **QUICK)
    @given(designs(memory), traces(memory))
    def check(design, trace):
        recording = record(fine, design, trace)
        assert set((recording.commands[:, 0] % 1000).tolist()) <= {0, 999}
        assert set((recording.requests[:, 2] % 1000).tolist()) <= {0, 999}

    check()
