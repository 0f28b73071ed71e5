"""Energy: a known total, and the kernel's accounting against a sweep over the command trace."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulators.memory import MemoryController, Trace, load_memory_specification, memory_space
from simulators.memory.energy import ENERGY_PARTS, energy_matrix, energy_per_unit
from simulators.memory.kernel_codes import COMMANDS, O_ACT, OUTPUT_COLUMNS

SIMULATOR = MemoryController()
MEMORY = load_memory_specification("ddr3-1600")


def test_energy_of_each_command_by_hand():
    """1.5 V x 1.25 ns x 8 devices = 15; times cycles times mA."""
    assert energy_per_unit(MEMORY) == {
        "activate_energy_pj": 15 * 28 * 25,
        "precharge_energy_pj": 15 * 10 * 25,
        "read_energy_pj": 15 * 4 * 95,
        "write_energy_pj": 15 * 4 * 100,
        "refresh_energy_pj": 15 * 88 * 125,
        "active_background_energy_pj": 15 * 45,
        "precharged_background_energy_pj": 15 * 45,
    }


def test_one_read_by_hand():
    """ACT at 0, RD at 10; accounting ends one cycle before RL + 1 + burst after the RD, the bank still open."""
    metrics = SIMULATOR.simulate({}, Trace("one", np.array([0]), np.array([False]), np.array([0], np.uint64))).row()
    assert metrics["active_time_ns"] == 24 * 1.25
    assert metrics["precharged_time_ns"] == 0
    assert metrics["energy_pj"] == 10_500 + 5_700 + 24 * 675
    assert metrics["average_power_mw"] == pytest.approx((10_500 + 5_700 + 24 * 675) / 30)


def test_every_output_counts_in_at_most_the_parts_it_belongs_to():
    matrix = energy_matrix(MEMORY)
    assert matrix.shape == (len(OUTPUT_COLUMNS), len(ENERGY_PARTS))
    auto = matrix[O_ACT + COMMANDS.index("RDA")]
    assert auto.tolist() == [0, 3750, 5700, 0, 0, 0, 0]  # a read and a precharge


def active_and_precharged(commands: list[tuple[int, str, int]]) -> tuple[int, int]:
    """DRAMPower's accounting, spelled out: intervals of open banks, refreshes, the end of the last command."""
    t = {"RD": 15, "RDA": 15, "WR": 24, "WRA": 24, "ACT": 10, "PRE": 10, "PREA": 10, "REFA": 0}
    opened: dict[int, int] = {}
    spans: list[tuple[int, int]] = []
    ends = []
    for cycle, command, bank in commands:
        ends.append((cycle, t[command]))
        if command == "ACT":
            opened[bank] = cycle
        elif command == "PRE":
            spans.append((opened.pop(bank), cycle))
        elif command == "PREA":
            spans += [(start, cycle) for start in opened.values()]
            opened.clear()
        elif command == "REFA":
            spans.append((cycle, cycle + 78))
        elif command in ("RDA", "WRA"):
            start = opened.pop(bank)
            close = max(cycle + 6, start + 28) if command == "RDA" else cycle + 24
            spans.append((start, close))
            ends.append((close, -1))  # its precharge, sorted before other commands of the cycle
    last, completion = max(ends)
    end = last + (10 if completion == -1 else completion) - 1
    spans += [(start, end) for start in opened.values()]
    covered = np.zeros(max(end, max(stop for _, stop in spans)) + 1, dtype=bool)
    for start, stop in spans:
        covered[start:stop] = True
    return int(covered.sum()), end - int(covered.sum())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_accounting_agrees_with_a_sweep_over_the_commands(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 60))
    cycle = np.cumsum(rng.integers(0, rng.choice([2, 30, 400, 3000]), n))
    address = rng.integers(0, 8, n) * 2**13 + rng.integers(0, 3, n) * 2**16
    trace = Trace("random", cycle, rng.random(n) < 0.4, address.astype(np.uint64))
    space = memory_space("rl")
    design = space.decode(space.sample(1, rng))
    recording = SIMULATOR.record(SIMULATOR.check_columns(design), trace)
    metrics = SIMULATOR.simulate(design, trace).row()
    commands = [(cycle, COMMANDS[c], bank) for cycle, c, bank, _ in recording.commands.tolist()]
    found = metrics["active_time_ns"] / 1.25, metrics["precharged_time_ns"] / 1.25
    assert found == active_and_precharged(commands)
