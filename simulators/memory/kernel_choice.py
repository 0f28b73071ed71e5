"""Which bank's command goes next, where that is more than "smallest legal cycle, then oldest request".

Commands of different length compete by the cycle in which they end; with separate buses for row and column commands
the winners of both compete by the cycle in which they start; and a manager's command competes with those of the banks
of other ranks. Semantics: DRAMSys 4.0, controller/cmdmux/CmdMuxOldest.cpp.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.memory.kernel_bank import bank_key, earliest
from simulators.memory.kernel_codes import PDEA, RD, WRA
from simulators.memory.kernel_state import (
    C_COMMAND,
    C_PENDING,
    C_PENDING_AT,
    ID_BITS,
    ID_MASK,
    NEVER,
    NO_COMMAND,
    T_BANKS,
    T_IS_GENERAL,
    T_IS_SPLIT,
    T_LENGTH,
    Int,
    compiled,
    inlined,
    u64,
)

Words = NDArray[np.int64]


@inlined
def choose(now: Int, w: Words, memory: Words) -> Int:
    """Return the packed key (cycle of issue, request) of the banks' next command, seen from cycle ``now``."""
    return _choose_generally(now, w, memory) if memory[T_IS_GENERAL] else earliest(w, memory)


@compiled
def _choose_generally(now: Int, w: Words, memory: Words) -> Int:
    """Return the key as above; NEVER if the managers' pending command goes before all of them."""
    row_end, row_start = np.int64(NEVER), np.int64(NEVER)
    column_end, column_start = np.int64(NEVER), np.int64(NEVER)
    floor = now << ID_BITS
    for position in range(memory[T_BANKS]):
        b = u64(position)
        key = bank_key(b, w)
        if key >= NEVER:
            continue
        if key < floor:
            key = floor | (key & ID_MASK)
        command = w[u64(C_COMMAND) + b]
        end = key + memory[u64(T_LENGTH) + u64(command)]
        if memory[T_IS_SPLIT] and RD <= command <= WRA:
            if end < column_end:
                column_end, column_start = end, key
        elif end < row_end:
            row_end, row_start = end, key
    pending = w[C_PENDING]
    if pending != NO_COMMAND:
        tie = ID_MASK if pending >= PDEA else 0
        start = (w[C_PENDING_AT] << ID_BITS) + tie
        if start + memory[T_LENGTH + pending] <= row_end:
            return column_start if column_start < start else np.int64(NEVER)
    return min(row_start, column_start)
