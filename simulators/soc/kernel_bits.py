"""Sets of tasks and of blocks as words of 64 bits."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba.core import types
from numba.extending import intrinsic

from simulators.soc.kernel_layout import inlined

ONE: Final = np.uint64(1)


@intrinsic
def _trailing_zeros(_: Any, mask: Any) -> tuple[Any, Any]:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], context.get_constant(types.boolean, False))

    return types.int64(types.uint64), code


@inlined
def bit(position: int) -> np.uint64:
    """Return the set of one task or block."""
    return ONE << np.uint64(position)


@inlined
def first_in(mask: np.uint64) -> int:
    """Return the lowest member of a set that is not empty."""
    return int(_trailing_zeros(mask))


@inlined
def without_first(mask: np.uint64) -> np.uint64:
    """Return a set without its lowest member."""
    return mask & (mask - ONE)
