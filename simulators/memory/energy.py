"""DRAM energy from command counts and state times: DRAMPower 4's model of DDR3 and DDR4 (MemoryPowerModel.cc).

Per device, times the devices of the rank; with VDD x tCK as factor and currents above the standby they replace:

==================== =========================================================================
activate             ACT x RAS x (IDD0 - IDD3N)
precharge            (PRE + banks closed by PREA + auto-precharges) x (RC - RAS) x (IDD0 - IDD2N)
read                 (RD + RDA) x burst x (IDD4R - IDD3N)
write                (WR + WRA) x burst x (IDD4W - IDD3N)
refresh              REFA x RFC x (IDD5 - IDD3N)
active background    active cycles x IDD3N
precharged backgr.   precharged cycles x IDD2N
power-down           active x IDD3P0, precharged x IDD2P0 (slow exit)
self-refresh         cycles x IDD6 after the first refresh; that refresh: x (IDD5 - IDD3N), on top of IDD3P0 and
                     IDD2P0 (its active and precharged part) or, if it outlasts the exit, IDD3N and IDD2N
==================== =========================================================================

A second supply (DDR4's VPP: vdd2, idd02, idd62) adds ACT x RAS x IDD02 + precharges x (RC - RAS) x IDD02 and IDD62 in
self-refresh, as DRAMSys 4.0 sets DRAMPower up (simulation/dram/DramDDR4.cpp). No termination or I/O energy.
mA x V x ns = pJ.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.memory.kernel_codes import (
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
from simulators.memory.specification import MemorySpecification

ENERGY_PARTS: Final = (
    "activate_energy_pj",
    "precharge_energy_pj",
    "read_energy_pj",
    "write_energy_pj",
    "refresh_energy_pj",
    "active_background_energy_pj",
    "precharged_background_energy_pj",
    "power_down_energy_pj",
    "self_refresh_energy_pj",
)


def energy_matrix(specification: MemorySpecification, charge_owed: bool = False) -> NDArray[np.float64]:
    """Return ``[len(OUTPUT_COLUMNS), len(ENERGY_PARTS)]``: kernel outputs times this is the energy split, pJ.

    ``charge_owed``: also charge the refreshes that were postponed and are still owed at the end. NaN throughout where
    there is no model or the specification has no currents.
    """
    matrix = np.zeros((len(OUTPUT_COLUMNS), len(ENERGY_PARTS)))
    if not specification.has_energy:
        return np.full_like(matrix, np.nan)
    entries = _entries(specification, (O_REFA, O_OWED) if charge_owed else (O_REFA,))
    scale = specification.cycle_ns * specification.organisation.devices_per_rank
    for part, outputs, charge in entries:
        matrix[list(outputs), ENERGY_PARTS.index(part)] += scale * charge
    return matrix


def _entries(
    specification: MemorySpecification, refreshes: tuple[int, ...]
) -> list[tuple[str, tuple[int, ...], float]]:
    """Return part, the outputs it is proportional to, and mA x V x cycles of one command or cycle of one device.

    ``refreshes``: the outputs that count refreshes to be charged.
    """
    t, i, burst = specification.timings, specification.currents_ma, specification.burst_cycles
    vdd, vdd2 = specification.supply_v["vdd"], specification.supply_v.get("vdd2", 0.0)
    row, precharge = t["RAS"], t["RC"] - t["RAS"]
    idd02 = i.get("idd02", 0.0) * vdd2
    refreshing = vdd * (i["idd5"] - i["idd3n"])
    active_down, precharged_down = vdd * i.get("idd3p0", i["idd3n"]), vdd * i.get("idd2p0", i["idd2n"])
    self_refresh = vdd * i.get("idd6", i["idd2n"]) + vdd2 * i.get("idd62", 0.0)
    return [
        ("activate_energy_pj", (O_CHARGED_ACT,), row * (vdd * (i["idd0"] - i["idd3n"]) + idd02)),
        ("precharge_energy_pj", (O_CHARGED_PRE,), precharge * (vdd * (i["idd0"] - i["idd2n"]) + idd02)),
        ("read_energy_pj", (O_RD, O_RDA), burst * vdd * (i["idd4r"] - i["idd3n"])),
        ("write_energy_pj", (O_WR, O_WRA), burst * vdd * (i["idd4w"] - i["idd3n"])),
        ("refresh_energy_pj", refreshes, t["RFC"] * refreshing),
        ("active_background_energy_pj", (O_ACTIVE_CYCLES,), vdd * i["idd3n"]),
        ("precharged_background_energy_pj", (O_PRECHARGED_CYCLES,), vdd * i["idd2n"]),
        ("power_down_energy_pj", (O_ACTIVE_DOWN_CYCLES,), active_down),
        ("power_down_energy_pj", (O_PRECHARGED_DOWN_CYCLES,), precharged_down),
        ("self_refresh_energy_pj", (O_SELF_REFRESH_CYCLES,), self_refresh),
        ("self_refresh_energy_pj", (O_SELF_REFRESH_ACTIVE_CYCLES,), refreshing + active_down),
        ("self_refresh_energy_pj", (O_SELF_REFRESH_PRECHARGED_CYCLES,), refreshing + precharged_down),
        ("self_refresh_energy_pj", (O_WAKING_ACTIVE_CYCLES,), refreshing + vdd * i["idd3n"]),
        ("self_refresh_energy_pj", (O_WAKING_PRECHARGED_CYCLES,), refreshing + vdd * i["idd2n"]),
    ]
