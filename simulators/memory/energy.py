"""DRAM energy from command counts and state times: DRAMPower 4's DDR3 model (MemoryPowerModel.cc).

Per device, times the devices of the rank; with VDD x tCK as factor and currents above the standby they replace:

==================== =========================================================================
activate             ACT x RAS x (IDD0 - IDD3N)
precharge            (PRE + banks closed by PREA + auto-precharges) x (RC - RAS) x (IDD0 - IDD2N)
read                 (RD + RDA) x burst x (IDD4R - IDD3N)
write                (WR + WRA) x burst x (IDD4W - IDD3N)
refresh              REFA x RFC x (IDD5 - IDD3N)
background           active cycles x IDD3N, precharged cycles x IDD2N
==================== =========================================================================

No termination or I/O energy. mA x V x ns = pJ.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.memory.kernel_codes import (
    O_ACT,
    O_ACTIVE_CYCLES,
    O_CLOSED_BY_PREA,
    O_PRE,
    O_PRECHARGED_CYCLES,
    O_RD,
    O_RDA,
    O_REFA,
    O_WR,
    O_WRA,
    OUTPUT_COLUMNS,
)
from simulators.memory.specification import MemorySpecification

ENERGY_PARTS: Final = (
    "activate_energy_pj",
    "precharge_energy_pj",
    "read_energy_pj",
    "write_energy_pj",
    "refresh_energy_pj",
    "active_background_energy_pj",
    "precharged_background_energy_pj",
)
_COUNTED: Final = (
    (O_ACT,),
    (O_PRE, O_CLOSED_BY_PREA, O_RDA, O_WRA),
    (O_RD, O_RDA),
    (O_WR, O_WRA),
    (O_REFA,),
    (O_ACTIVE_CYCLES,),
    (O_PRECHARGED_CYCLES,),
)
"""For each part the kernel outputs it is proportional to."""


def energy_per_unit(specification: MemorySpecification) -> dict[str, float]:
    """Return for each part the energy, pJ, of one command or (background) one cycle of the whole rank.

    NaN throughout where the specification has no currents.
    """
    if not specification.currents_ma:
        return dict.fromkeys(ENERGY_PARTS, np.nan)
    t, i, burst = specification.timings, specification.currents_ma, specification.burst_cycles
    scale = specification.supply_v["vdd"] * specification.cycle_ns * specification.organisation.devices_per_rank
    charges = (
        t["RAS"] * (i["idd0"] - i["idd3n"]),
        (t["RC"] - t["RAS"]) * (i["idd0"] - i["idd2n"]),
        burst * (i["idd4r"] - i["idd3n"]),
        burst * (i["idd4w"] - i["idd3n"]),
        t["RFC"] * (i["idd5"] - i["idd3n"]),
        i["idd3n"],
        i["idd2n"],
    )
    return {part: scale * charge for part, charge in zip(ENERGY_PARTS, charges, strict=True)}


def energy_matrix(specification: MemorySpecification) -> NDArray[np.float64]:
    """Return ``[len(OUTPUT_COLUMNS), len(ENERGY_PARTS)]``: kernel outputs times this is the energy split, pJ."""
    matrix = np.zeros((len(OUTPUT_COLUMNS), len(ENERGY_PARTS)))
    for position, (energy, counted) in enumerate(zip(energy_per_unit(specification).values(), _COUNTED, strict=True)):
        matrix[list(counted), position] = energy
    return matrix
