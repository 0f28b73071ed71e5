"""Registers: the scalar variables of one simulation, as a small array that the compiler keeps in registers.

A loop over forty variables is unreadable as one function, and functions that return tuples of them are no better.
Kept in memory like the rest of the state they would cost a third of the speed. So they live in an array on the
stack of the simulation's main function. Every access is at a constant position and every function they are passed
to is inlined (``forceinline=True``), so that LLVM replaces the array by plain variables.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np import arrayobj
from numpy.typing import NDArray

from simulators.memory.kernel_state import NEVER_CYCLE, T_ARRIVALS_FIRST, Requests, inlined

# Requests so far: admitted to the buffer, served (CAS issued), answered; writes among those in the buffer.
R_ADMITTED, R_SERVED, R_ANSWERED, R_WRITES_QUEUED = range(4)
# The next request: when the player sends it; when it is accepted, known if R_HAS_CREDIT; when it reaches the
# controller and finds space (R_ARRIVE, NEVER_CYCLE if unknown); 1 if a command of that cycle goes first; 1 if it
# is the player that triggers it, 0 if an answer's credit is.
R_SENT, R_ACCEPTED, R_HAS_CREDIT, R_ARRIVE, R_AFTER_COMMAND, R_BY_PLAYER = range(4, 10)
# The previous request: when it was accepted and when it entered the buffer, and its bank.
R_ACCEPTED_BEFORE, R_ENTERED, R_LAST_BANK = range(10, 13)
# The last CAS's direction, last command and its cycle, lines of the command trace, time of the latest answer.
R_LAST_WRITE, R_LAST_COMMAND, R_LAST_CYCLE, R_RECORDED, R_LAST_ANSWER = range(13, 18)
# Sums over requests of the times sent, accepted and answered.
R_SUM_SENT, R_SUM_ACCEPTED, R_SUM_ANSWERED = range(18, 21)
# The cycle for which the controller's wake-up is set, and when that was done.
R_WAKE, R_WAKE_SET = range(21, 23)
REGISTERS: Final = 23

Words = NDArray[np.int64]


@intrinsic
def stack_words(typing_context: Any, count: Any) -> Any:
    """Return an int64 array of a literal ``count`` of words on the caller's stack, uninitialised."""
    if not isinstance(count, types.IntegerLiteral):
        return None
    array_type, length = types.Array(types.int64, 1, "C"), count.literal_value

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = cgutils.alloca_once(builder, context.get_value_type(types.int64), size=length)
        array = arrayobj.make_array(array_type)(context, builder)
        size, word = context.get_constant(types.intp, length), context.get_constant(types.intp, 8)
        arrayobj.populate_array(array, data=data, shape=[size], strides=[word], itemsize=word, meminfo=None)
        return array._getvalue()

    return array_type(types.literal(length)), codegen


@inlined
def reset_registers(r: Words, requests: Requests, memory: Words) -> None:
    """Set the registers for cycle 0, the first request on its way."""
    r[R_ADMITTED] = r[R_SERVED] = r[R_ANSWERED] = r[R_WRITES_QUEUED] = 0
    r[R_SENT] = r[R_ACCEPTED] = r[R_ARRIVE] = min(requests.cycle[0], NEVER_CYCLE)
    r[R_HAS_CREDIT] = r[R_BY_PLAYER] = 1
    r[R_AFTER_COMMAND] = 1 - memory[T_ARRIVALS_FIRST]
    r[R_ACCEPTED_BEFORE] = r[R_ENTERED] = r[R_LAST_COMMAND] = r[R_LAST_ANSWER] = r[R_WAKE] = r[R_WAKE_SET] = -1
    r[R_LAST_BANK] = r[R_LAST_WRITE] = r[R_LAST_CYCLE] = r[R_RECORDED] = 0
    r[R_SUM_SENT] = r[R_SUM_ACCEPTED] = r[R_SUM_ANSWERED] = 0
