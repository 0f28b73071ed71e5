"""Timeloop (Parashar et al., ISPASS 2019) as it is: ``timeloop-model`` on one mapping, as a program on PATH.

One layer at a time: input files from :mod:`simulators.accelerator.peers._timeloop_input`, results from
``timeloop-model.stats.txt``. Transfers between neighbouring PEs are switched off, as in our model; everything else is
Timeloop's own, so mode ``timeloop`` of our model says the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from simulators.accelerator.architecture import Architecture
from simulators.accelerator.kernel_layout import DRAM
from simulators.accelerator.layers import DIMENSIONS, Layer
from simulators.accelerator.mapping import TEMPORAL, Mapping
from simulators.accelerator.peers._results import PeerResult
from simulators.accelerator.peers._timeloop_input import FILES, LEVEL_NAMES, MAC, present, timeloop_files
from simulators.accelerator.peers._timeloop_stats import TimeloopStats, read_stats
from simulators.external import ProgramFailure
from simulators.external.program import read_output

PROGRAM: Final = "timeloop-model"
INSTALL: Final = "build it from https://github.com/NVlabs/timeloop"
ENVIRONMENT: Final = {"TIMELOOP_DISABLE_LINK_TRANSFERS": "1"}
ARGUMENTS: Final = FILES
STATISTICS: Final = "timeloop-model.stats.txt"

__all__ = ["ARGUMENTS", "ENVIRONMENT", "INSTALL", "PROGRAM", "inexpressible", "read_result", "timeloop_files"]


def inexpressible(architecture: Architecture, layer: Layer, mapping: Mapping) -> str:
    """Return why Timeloop cannot be asked about a mapping, or an empty text: loops at a level that does not exist."""
    for place, level in zip(TEMPORAL, architecture.levels, strict=True):
        if level is None and any(mapping.factor(place, d) > 1 for d in DIMENSIONS):
            return f"not expressible: loops at {place}, a level that the architecture lacks (layer {layer.name})"
    return ""


def read_result(directory: Path, architecture: Architecture) -> tuple[PeerResult, TimeloopStats]:
    """Return what a run of ``timeloop-model`` left in its directory.

    Raises:
        ProgramFailure: no statistics, or statistics that lack a level or contradict themselves.
    """
    stats = read_stats(read_output(directory, STATISTICS), MAC)
    names = {position: LEVEL_NAMES[position] for position, _ in present(architecture)}
    missing = [name for name in names.values() if name not in stats.levels]
    if missing:
        raise ProgramFailure(f"no result: the statistics have no level {missing[0]!r}")
    dram = stats.levels[LEVEL_NAMES[DRAM]].values()
    result = PeerResult(
        cycles=float(stats.cycles),
        compute_cycles=stats.mac_cycles,
        mac_energy_pj=stats.mac_energy_pj,
        level_energy_pj={position: stats.level_pj(name) for position, name in names.items()},
        dram_words=float(sum(tensor.reads + tensor.updates for tensor in dram)),
        pes=stats.macs_in_use,
    )
    return result, stats
