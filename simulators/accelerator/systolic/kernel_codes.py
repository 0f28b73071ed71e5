"""Where the compiled kernel of the systolic array keeps what it works on: flat arrays with named positions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from numba import njit

DATAFLOWS: Final = ("os", "ws", "is")
"""Output, weight and input stationary, by SCALE-Sim's names; the position is the kernel's code."""
OS, WS, IS = range(3)

# A design, float64[DESIGN_WORDS]; the SRAMs are what one half of each double buffer holds, in words.
D_ROWS, D_COLUMNS, D_DATAFLOW, D_IFMAP, D_FILTER, D_OFMAP, D_BANDWIDTH, DESIGN_WORDS = range(8)

# A layer, int64[LAYER_WORDS]: loop bounds, reduced steps (see ``kernel_geometry.distinct``) and the output rows and
# columns that the array computes.
(
    L_N,
    L_M,
    L_C,
    L_R,
    L_S,
    L_P,
    L_Q,
    L_G,
    L_STEP_P,
    L_STEP_R,
    L_STEP_Q,
    L_STEP_S,
    L_ROWS,
    L_COLUMNS,
    LAYER_WORDS,
) = range(15)

# What is repaired, bool[REPAIR_WORDS].
LAST_CYCLE, OFMAP_WRITES, PARTIAL_SUM_READS, STALLS, REPAIR_WORDS = range(5)

OUTPUT_COLUMNS: Final = (
    "cycles",
    "compute_cycles",
    "stall_cycles",
    "fill_drain_cycles",
    "macs",
    "mapped_pes",
    "offered_pes",
    "busy_cycles",
    "ifmap_sram_reads",
    "filter_sram_reads",
    "ofmap_sram_writes",
    "ofmap_sram_reads",
    "ifmap_dram_reads",
    "filter_dram_reads",
    "ofmap_dram_writes",
    "partial_sum_dram_reads",
    "compulsory_dram_words",
    "register_writes",
)
"""Results of layers, float64, summed over their executions; words or cycles.

``mapped_pes``: PEs that a fold uses, summed over folds; ``offered_pes``: all PEs of the array, summed over folds.
``busy_cycles``: cycles as SCALE-Sim's own compute utilisation counts them, see ``kernel.busy_cycles_of_fold``.
"""
(
    O_CYCLES,
    O_COMPUTE,
    O_STALL,
    O_FILL_DRAIN,
    O_MACS,
    O_MAPPED,
    O_OFFERED,
    O_BUSY,
    O_IFMAP_READS,
    O_FILTER_READS,
    O_OFMAP_WRITES,
    O_OFMAP_READS,
    O_IFMAP_DRAM,
    O_FILTER_DRAM,
    O_OFMAP_DRAM,
    O_PARTIAL_DRAM,
    O_COMPULSORY,
    O_REGISTER_WRITES,
    OUTPUTS,
) = range(19)

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile a helper that only compiled code calls."""
    return cast(_Function, njit(nogil=True)(function))
