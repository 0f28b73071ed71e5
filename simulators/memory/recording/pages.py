"""First-touch page allocation: where a process's virtual pages lie in physical memory.

A page of 4 KiB gets the next frame of a seeded random permutation of all frames when it is touched first. So
neighbouring lines of a page stay neighbours in DRAM, and pages scatter over rows and banks as they do on a machine
that has been running for a while (no huge pages, no contiguous allocation).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.errors import InvalidInputError
from simulators.memory.synthetic import Draws
from simulators.memory.trace import REQUEST_BYTES

PAGE_BYTES = 4096
_LINES_PER_PAGE = PAGE_BYTES // REQUEST_BYTES


def physical_addresses(
    line: NDArray[np.int64], process: NDArray[np.int64], *, memory_bytes: int, seed: int
) -> NDArray[np.uint64]:
    """Return uint64[n]: the physical byte addresses of virtual lines.

    Args:
        line: int64[n], virtual line numbers (address / 64), in the order of time.
        process: int64[n], small numbers from 0: the address space of each line; spaces share no frames.
        memory_bytes: size of physical memory, a multiple of 4096.
        seed: seed of the permutation of the frames.

    Raises:
        InvalidInputError: more pages than frames.
    """
    frames = memory_bytes // PAGE_BYTES
    # Virtual pages are below 2^52 (64-bit addresses), so up to 2^11 processes fit above them in 63 bits.
    key = (process << np.int64(52)) | (line // _LINES_PER_PAGE)
    pages, first, which = np.unique(key, return_index=True, return_inverse=True)
    if pages.size > frames:
        raise InvalidInputError(
            f"{pages.size} pages of {PAGE_BYTES} bytes do not fit into {memory_bytes} bytes of memory"
        )
    touched = np.argsort(np.argsort(first))  # rank of each page in the order of first touch
    frame = Draws(seed).order(frames)[touched][which]
    return ((frame * _LINES_PER_PAGE + line % _LINES_PER_PAGE) * REQUEST_BYTES).astype(np.uint64)
