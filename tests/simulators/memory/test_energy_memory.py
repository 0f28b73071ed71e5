"""Energy: a known total, and the kernel's accounting against a sweep over the command trace."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulators.memory import MemoryController, Trace, load_memory_specification, memory_space
from simulators.memory.energy import ENERGY_PARTS, energy_matrix
from simulators.memory.kernel_codes import (
    COMMANDS,
    O_ACTIVE_CYCLES,
    O_ACTIVE_DOWN_CYCLES,
    O_CHARGED_ACT,
    O_CHARGED_PRE,
    O_OWED,
    O_PRECHARGED_CYCLES,
    O_PRECHARGED_DOWN_CYCLES,
    O_RD,
    O_RDA,
    O_REFA,
    O_SELF_REFRESH_ACTIVE_CYCLES,
    O_SELF_REFRESH_CYCLES,
    O_SELF_REFRESH_PRECHARGED_CYCLES,
    O_WAKING_ACTIVE_CYCLES,
    O_WAKING_PRECHARGED_CYCLES,
    O_WR,
    O_WRA,
    OUTPUT_COLUMNS,
)

REFERENCE = MemoryController(mode="dramsys")  # accounts up to the last command
MEMORY = load_memory_specification("ddr3-1600")
ONE_READ = Trace("one", np.array([0]), np.array([False]), np.array([0], np.uint64))


def test_energy_of_each_command_by_hand():
    """1.5 V x 1.25 ns x 8 devices = 15; times cycles times mA."""
    hand = {
        O_CHARGED_ACT: {"activate_energy_pj": 15 * 28 * 25},
        O_CHARGED_PRE: {"precharge_energy_pj": 15 * 10 * 25},
        O_RD: {"read_energy_pj": 15 * 4 * 95},
        O_RDA: {"read_energy_pj": 15 * 4 * 95},
        O_WR: {"write_energy_pj": 15 * 4 * 100},
        O_WRA: {"write_energy_pj": 15 * 4 * 100},
        O_REFA: {"refresh_energy_pj": 15 * 88 * 125},
        O_ACTIVE_CYCLES: {"active_background_energy_pj": 15 * 45},
        O_PRECHARGED_CYCLES: {"precharged_background_energy_pj": 15 * 45},
        O_ACTIVE_DOWN_CYCLES: {"power_down_energy_pj": 15 * 35},
        O_PRECHARGED_DOWN_CYCLES: {"power_down_energy_pj": 15 * 12},
        O_SELF_REFRESH_CYCLES: {"self_refresh_energy_pj": 15 * 8},
        O_SELF_REFRESH_ACTIVE_CYCLES: {"self_refresh_energy_pj": 15 * (125 + 35)},
        O_SELF_REFRESH_PRECHARGED_CYCLES: {"self_refresh_energy_pj": 15 * (125 + 12)},
        O_WAKING_ACTIVE_CYCLES: {"self_refresh_energy_pj": 15 * (125 + 45)},
        O_WAKING_PRECHARGED_CYCLES: {"self_refresh_energy_pj": 15 * (125 + 45)},
    }
    matrix = energy_matrix(MEMORY)
    assert matrix.shape == (len(OUTPUT_COLUMNS), len(ENERGY_PARTS))
    for output, row in enumerate(matrix):
        found = {part: energy for part, energy in zip(ENERGY_PARTS, row.tolist(), strict=True) if energy}
        assert found == pytest.approx(hand.get(output, {})), OUTPUT_COLUMNS[output]


def test_owed_refreshes_cost_what_refreshes_cost():
    matrix = energy_matrix(MEMORY, charge_owed=True)
    assert matrix[O_OWED].tolist() == matrix[O_REFA].tolist()
    others = np.arange(len(matrix)) != O_OWED
    assert np.array_equal(matrix[others], energy_matrix(MEMORY)[others])


def test_the_second_supply_of_ddr4_by_hand():
    """1.2 V and 2.5 V; 8 devices x 1 / 1.2 ns; ACT 39 cycles, precharge 16: IDD02 4.05 mA on top of VDD's currents."""
    memory = load_memory_specification("ddr4-2400")
    matrix, scale = energy_matrix(memory), 8 / 1.2
    activate = 39 * (1.2 * (60.75 - 44) + 2.5 * 4.05) * scale
    precharge = 16 * (1.2 * (60.75 - 38.25) + 2.5 * 4.05) * scale
    assert matrix[O_CHARGED_ACT].sum() == pytest.approx(activate)
    assert matrix[O_CHARGED_PRE].sum() == pytest.approx(precharge)
    assert matrix[O_SELF_REFRESH_CYCLES].sum() == pytest.approx((1.2 * 20.25 + 2.5 * 2.6) * scale)


def test_one_read_by_hand():
    """ACT at 0, RD at 10; accounting ends one cycle before RL + 1 + burst after the RD, the bank still open."""
    metrics = REFERENCE.simulate({}, ONE_READ).row()
    assert metrics["active_time_ns"] == 24 * 1.25
    assert metrics["precharged_time_ns"] == 0
    assert metrics["energy_pj"] == 10_500 + 5_700 + 24 * 675
    assert metrics["average_power_mw"] == pytest.approx((10_500 + 5_700 + 24 * 675) / 30)


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
    recording = REFERENCE.record(REFERENCE.check_columns(design), trace)
    metrics = REFERENCE.simulate(design, trace).row()
    commands = [(cycle, COMMANDS[c], bank) for cycle, c, bank, _ in recording.commands.tolist()]
    found = metrics["active_time_ns"] / 1.25, metrics["precharged_time_ns"] / 1.25
    assert found == active_and_precharged(commands)
    assert recording.outputs[[O_CHARGED_ACT, O_CHARGED_PRE]].tolist() == activates_and_precharges(commands)


def activates_and_precharges(commands: list[tuple[int, str, int]]) -> list[int]:
    """Count them command by command; PREA precharges the banks that are open, an auto-precharge its own."""
    opened: set[int] = set()
    activates = precharges = 0
    for _, command, bank in commands:
        if command == "ACT":
            activates += 1
            opened.add(bank)
        elif command in ("PRE", "RDA", "WRA"):
            precharges += 1
            opened.discard(bank)
        elif command == "PREA":
            precharges += len(opened)
            opened.clear()
    return [activates, precharges]
