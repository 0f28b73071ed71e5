"""Where the compiled kernel of the hierarchical model keeps what it works on: flat arrays with named offsets.

Storage levels, outermost first: DRAM, global buffer (GLB), and up to three levels inside a processing element (PE),
called OUTER, MIDDLE and INNER. A PE with one register file has only INNER. The PE array lies between GLB and OUTER.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from numba import njit

LEVELS: Final = 5
DRAM, GLB, OUTER, MIDDLE, INNER = range(LEVELS)
TENSORS: Final = ("Weights", "Inputs", "Outputs")
WEIGHTS, INPUTS, OUTPUTS = range(3)
N, M, C, R, S, P, Q, G = range(8)
DIMS: Final = 8
RELEVANT: Final = ((M, C, R, S, G), (N, C, R, S, P, Q, G), (N, M, P, Q, G))
"""Dimensions that move each tensor's position, in the order of TENSORS."""

# A layer: bounds of the eight dimensions, then strides and dilations.
L_STRIDE_H, L_STRIDE_W, L_DILATION_H, L_DILATION_W, LAYER_WORDS = 8, 9, 10, 11, 12

# A mapping's factors, int32[7, 8]: temporal of DRAM and GLB, spatial along the array's columns and rows, temporal of
# the levels inside a PE. Its orders, int8[5, 8]: dimensions of each level's temporal loops, innermost first.
F_DRAM, F_GLB, F_COLUMNS, F_ROWS, F_OUTER, F_MIDDLE, F_INNER, FACTOR_ROWS = range(8)

# An architecture, float64[ARCHITECTURE_WORDS]; the first seven fields have one word per level.
A_KEEPS = 0  # bit mask of the tensors it keeps
A_CAPACITY = 5  # words
A_READ_BANDWIDTH = 10  # words per cycle and instance
A_WRITE_BANDWIDTH = 15
A_READ_PJ = 20  # per vector access
A_WRITE_PJ = 25
A_BLOCK = 30  # words per vector access
A_MAC_PJ = 35
A_COLUMNS = 36
A_ROWS = 37
ARCHITECTURE_WORDS: Final = 38

# Results of one layer, float64[RESULTS].
O_CYCLES = 0
O_ENERGY = 1
O_LEVEL_ENERGY = 2  # one word per level
O_MAC_ENERGY = 7
O_COMPUTE_CYCLES = 8
O_DRAM_WORDS = 9
O_PES = 10  # PEs that ever work
O_LIMIT = 11  # the level whose bandwidth limits, or -1
RESULTS: Final = 12

READS, FILLS, UPDATES = range(3)
COUNTS: Final = (LEVELS, 3, 3)
"""Counts of one layer, float64[level, tensor, (reads, fills, updates)], words per instance."""

# Statuses of a mapping. CAPACITY + level: the tiles do not fit.
OK, CAPACITY, COLUMNS_EXCEEDED, ROWS_EXCEEDED, NOT_DIVIDING, NOT_COVERING = 0, 1, 6, 7, 8, 9

# Repairs, as bits.
EDGE_TILES, TRUE_REUSE, STRIDE_HOLES, DRAIN_READS = 1, 2, 4, 8

_Function = TypeVar("_Function", bound=Callable[..., Any])
_OPTIONS: Final = {"nogil": True, "error_model": "numpy"}
_HELPER: Final = {**_OPTIONS, "_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Helpers are compiled without reference counting: all arrays live as long as the call that owns them."""


def compiled(function: _Function) -> _Function:
    """Compile a helper that only compiled code calls."""
    return cast(_Function, njit(**_HELPER)(function))


def inlined(function: _Function) -> _Function:
    """Compile a helper into each of its callers."""
    return cast(_Function, njit(forceinline=True, **_HELPER)(function))


def allocating(function: _Function) -> _Function:
    """Compile a helper that makes arrays."""
    return cast(_Function, njit(**_OPTIONS)(function))


def pasted(function: _Function) -> _Function:
    """Compile a helper as part of its only caller: one library less, into which all that it calls would be linked."""
    return cast(_Function, njit(inline="always", **_OPTIONS)(function))


def entry_point(function: _Function) -> _Function:
    """Compile a function that Python calls, and keep it on disk."""
    return cast(_Function, njit(cache=True, **_OPTIONS)(function))
