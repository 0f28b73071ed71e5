"""Modes of the system-on-chip model: FARSI as it is, or with its defects repaired.

``mode="farsi"`` reproduces FARSI's latency, energy, power and area. ``mode="default"`` is the same model with every
repair of this table; ``repairs=`` chooses some of them:

============ ======================================================= =================================================
repair       the reference                                           repaired
============ ======================================================= =================================================
full-work    a task is complete at 99 % of its work, the rest is     a task is complete when its work is
             dropped
free-memory  source data is never freed, and of a task's several     a task's outputs are freed when the last of its
             parents only the first that it frees gives its memory   children is done, source data too
             back
bus-cost     buses take neither energy nor area                      energy per byte and bus, area per byte of width
leakage      none                                                    areas leak from start to end
any-size     memory sizes that CACTI was not run for have no         interpolated, see :mod:`simulators.soc.cacti`
             figures: the design is invalid
true-window  peak power is the largest average over spans of whole   the largest average of any 10 ms (of the whole, if
             phases of some 10 ms, and phases without length shift   that is shorter)
             what is averaged
dvfs         clocks are free: energy per work does not depend on     the voltage follows the clock of an accelerator,
             them                                                    and energy per work goes with its square
============ ======================================================= =================================================

What the repairs need is not in FARSI; it is from published tools and papers, at 40 nm, the node of FARSI's CACTI runs.
Accelerators, buses and SRAM are then scaled as FARSI scales its own figures: energies by 0.064, areas by 0.0374 (SRAM
0.07); the processor is not scaled.

* Buses: global wires that span a chip of 17.475 mm2 (FARSI's area budget), one set for each direction. A wire takes
  310 pJ per 256 bits and 10 mm (Keckler et al., IEEE Micro 31(5), 2011, table 1, 40 nm: 0.121 pJ per bit and mm), its
  pitch is 8 feature sizes (CACTI 6.5, ``technology.cc``, global wires). Arbiters and multiplexers are not counted.
* Leakage: Aladdin's register of 5.981 um2 leaks 73.95 nW in a general-purpose 40 nm process (Shao et al., ISCA 2014,
  ``common/power_func.h``). FARSI takes low-operating-power transistors at 360 K, whose off-current is 12.7 nA/um at
  0.7 V, against 280 nA/um at 1.0 V of fast ones at 300 K (CACTI 6.5, ``technology.cc``, 45 nm): 393 W/m2. The leakage
  of a block is scaled as its energy is, so that what is left of its area leaks more. DRAM leaks nothing: its cells
  hardly do, and refresh is not modelled.
* Voltages: the Cortex-A53 of the Allwinner A64, a 40 nm chip (Linux, ``sun50i-a64-cpu-opp.dtsi``): the least voltage
  that is specified for the clock or a higher one. The library's energies hold for its lowest clock, 100 MHz; the
  processor has one clock only. Memories and buses keep their voltage.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators._repairs import repairs_in_force
from simulators.errors import InvalidInputError
from simulators.soc.block_library import ACCELERATOR_AREA_SCALE, BLOCK_KINDS, CLOCKS_MHZ, BlockType
from simulators.soc.cacti import ENERGY_SCALE, MEMORY_AREA_SCALE
from simulators.soc.kernel_layout import ANY_SIZE, BUS_COST, DVFS, FREE_MEMORY, FULL_WORK, LEAKAGE, TRUE_WINDOW

MODES: Final = ("default", "farsi")
REPAIRS: Final = {
    "full-work": FULL_WORK,
    "free-memory": FREE_MEMORY,
    "bus-cost": BUS_COST,
    "leakage": LEAKAGE,
    "any-size": ANY_SIZE,
    "true-window": TRUE_WINDOW,
    "dvfs": DVFS,
}

CHIP_SIDE_M: Final = math.sqrt(17.475e-6)
"""Length of a bus: the side of a square of FARSI's area budget."""
WIRE_J_PER_BIT_M: Final = 310e-12 / (256 * 10e-3)
WIRE_PITCH_M: Final = 8 * 40e-9
BUS_J_PER_BYTE: Final = 8 * WIRE_J_PER_BIT_M * CHIP_SIDE_M * ENERGY_SCALE
"""0.26 pJ for a byte through one bus; FARSI's SRAM of 256 kB takes 0.17 pJ to read it."""
BUS_M2_PER_BYTE_OF_WIDTH: Final = 2 * 8 * WIRE_PITCH_M * CHIP_SIDE_M * ACCELERATOR_AREA_SCALE
"""801 um2: a bus 64 bytes wide takes 0.051 mm2."""
LEAKAGE_W_PER_M2: Final = 73.95312e-9 / 5.981433e-12 * (12.7e-9 * 0.7) / (280e-9 * 1.0)
"""Before scaling."""
_LEAKAGE_SCALE: Final = {
    "gpp": 1.0,
    "ip": ENERGY_SCALE / ACCELERATOR_AREA_SCALE,
    "sram": ENERGY_SCALE / MEMORY_AREA_SCALE,
    "dram": 0.0,
    "bus": ENERGY_SCALE / ACCELERATOR_AREA_SCALE,
}
OPERATING_POINTS: Final = (
    (648, 1.04),
    (816, 1.10),
    (912, 1.12),
    (960, 1.16),
    (1008, 1.20),
    (1056, 1.24),
    (1104, 1.26),
    (1152, 1.30),
)
"""Clock in MHz and the voltage it needs, ascending."""


def chosen_repairs(mode: str, repairs: str | Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the repairs in force, in the order of the table.

    Args:
        mode: one of MODES.
        repairs: names, a comma-separated text of names, or the word ``all`` or ``none``; None for all in mode
            ``default`` and none in mode ``farsi``.

    Raises:
        UnknownNameError: a mode or repair that does not exist.
        InvalidInputError: repairs in mode ``farsi``, which has none.
    """
    return repairs_in_force("system-on-chip", "farsi", REPAIRS, mode, repairs)


def repair_bits(repairs: Sequence[str]) -> int:
    """Return the kernel's bits of chosen repairs."""
    return sum(REPAIRS[name] for name in repairs)


def voltage(clock_mhz: float) -> float:
    """Return the voltage that a clock needs.

    Raises:
        InvalidInputError: a clock above the highest operating point.
    """
    for most, volts in OPERATING_POINTS:
        if clock_mhz <= most:
            return volts
    raise InvalidInputError(f"no voltage is known for {clock_mhz:g} MHz; up to {OPERATING_POINTS[-1][0]} MHz are")


def costs_of(block: BlockType, bits: int) -> tuple[float, float]:
    """Return instructions per joule and area in m2 of a type of block under chosen repairs.

    They are the library's but for accelerators' energy (``dvfs``) and buses' area (``bus-cost``); 0 m2 for memories,
    whose area depends on what they hold.
    """
    work_per_joule, area_m2 = block.work_per_joule, block.area_m2
    if bits & DVFS and block.kind == "ip":
        work_per_joule *= (voltage(CLOCKS_MHZ[0]) / voltage(block.clock_mhz)) ** 2
    if bits & BUS_COST and block.kind == "bus":
        area_m2 = BUS_M2_PER_BYTE_OF_WIDTH * block.width_bytes
    return work_per_joule, area_m2


def bus_j_per_byte(bits: int) -> float:
    """Return the energy of a byte that passes one bus."""
    return BUS_J_PER_BYTE if bits & BUS_COST else 0.0


def leakage_w_per_m2(bits: int) -> NDArray[np.float64]:
    """Return float64[5]: what an area leaks, by kind of block in the order of ``library.BLOCK_KINDS``."""
    density = LEAKAGE_W_PER_M2 if bits & LEAKAGE else 0.0
    return np.array([density * _LEAKAGE_SCALE[kind] for kind in BLOCK_KINDS])
