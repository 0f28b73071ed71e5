"""DRAM energy from command counts and state times: DRAMPower 4's DDR3 model (MemoryPowerModel.cc).

Per device, times the devices of the rank; with k = VDD x tCK and currents above the standby they replace:

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
)
from simulators.memory.specification import MemorySpecification

ENERGY_PARTS = (
    "activate_energy_pj",
    "precharge_energy_pj",
    "read_energy_pj",
    "write_energy_pj",
    "refresh_energy_pj",
    "active_background_energy_pj",
    "precharged_background_energy_pj",
)


def energy_parts(outputs: NDArray[np.int64], specification: MemorySpecification) -> dict[str, NDArray[np.float64]]:
    """Return the energy split of kernel outputs ``[n, len(OUTPUT_COLUMNS)]``: part's name -> pJ, shape ``[n]``.

    NaN throughout where the specification has no currents.
    """
    if not specification.currents_ma:
        return {part: np.full(len(outputs), np.nan) for part in ENERGY_PARTS}
    t, i = specification.timings, specification.currents_ma
    scale = specification.supply_v["vdd"] * specification.cycle_ns * specification.organisation.devices_per_rank
    charge = {
        "activate_energy_pj": outputs[:, O_ACT] * (t["RAS"] * (i["idd0"] - i["idd3n"])),
        "precharge_energy_pj": _precharges(outputs) * ((t["RC"] - t["RAS"]) * (i["idd0"] - i["idd2n"])),
        "read_energy_pj": (outputs[:, O_RD] + outputs[:, O_RDA])
        * (specification.burst_cycles * (i["idd4r"] - i["idd3n"])),
        "write_energy_pj": (outputs[:, O_WR] + outputs[:, O_WRA])
        * (specification.burst_cycles * (i["idd4w"] - i["idd3n"])),
        "refresh_energy_pj": outputs[:, O_REFA] * (t["RFC"] * (i["idd5"] - i["idd3n"])),
        "active_background_energy_pj": outputs[:, O_ACTIVE_CYCLES] * i["idd3n"],
        "precharged_background_energy_pj": outputs[:, O_PRECHARGED_CYCLES] * i["idd2n"],
    }
    return {part: charge[part] * scale for part in ENERGY_PARTS}


def _precharges(outputs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many times a bank was closed by a command."""
    return outputs[:, O_PRE] + outputs[:, O_CLOSED_BY_PREA] + outputs[:, O_RDA] + outputs[:, O_WRA]
