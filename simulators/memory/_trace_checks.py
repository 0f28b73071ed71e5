"""Checks of a trace against the memory that is to serve it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from simulators.errors import InvalidInputError
from simulators.memory._trace import Trace
from simulators.memory._trace_reader import line_of_request


def check_addresses(
    trace: Trace, capacity_bytes: int, *, path: str | os.PathLike[str] | None = None, format: str | None = None
) -> None:
    """Check that every address lies inside a memory.

    Args:
        trace: the requests.
        capacity_bytes: size of the memory, at least 1; addresses are 0 to ``capacity_bytes - 1``.
        path: the file the trace was read from, if there is one: then the message names the line.
        format: the format it was read as, where that was given.

    Raises:
        InvalidInputError: the first request beyond the memory, its address, the capacity, and what to do.
    """
    beyond = trace.address > np.uint64(min(capacity_bytes, 1 << 64) - 1)
    at = int(np.argmax(beyond))
    if not beyond[at]:
        return
    where = f"trace {trace.name!r}"
    if path is not None:
        where = f"{os.fspath(path)}, line {line_of_request(Path(path), at, format)}"
    count = int(np.count_nonzero(beyond))
    others = f", as do {count} requests in all" if count > 1 else ""
    raise InvalidInputError(
        f"{where}: request {at} goes to address 0x{int(trace.address[at]):x}, beyond the memory's {capacity_bytes} "
        f"bytes (0x{capacity_bytes:x}){others}: expected addresses below that. Choose a larger memory, map the "
        f"addresses into it, or use mode=dramsys, where they wrap."
    )
