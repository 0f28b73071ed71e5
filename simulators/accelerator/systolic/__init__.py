"""Systolic-array simulator: a grid of PEs with three double-buffered SRAMs, as SCALE-Sim models it."""

from __future__ import annotations

from simulators.accelerator.systolic.kernel_codes import DATAFLOWS, OUTPUT_COLUMNS
from simulators.accelerator.systolic.modes import MODES, REPAIRS
from simulators.accelerator.systolic.simulator import SystolicArray
from simulators.accelerator.systolic.spaces import systolic_space, systolic_space_names
from simulators.accelerator.systolic.validation import compare_scalesim

__all__ = [
    "DATAFLOWS",
    "MODES",
    "OUTPUT_COLUMNS",
    "REPAIRS",
    "SystolicArray",
    "compare_scalesim",
    "systolic_space",
    "systolic_space_names",
]
