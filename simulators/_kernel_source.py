"""When compiled kernels that are kept on disk are out of date."""

from __future__ import annotations

import hashlib
from pathlib import Path


def source_digest(folder: Path) -> int:
    """Return a number, below 2^56, that changes with any line of the files ``kernel*.py`` of a folder.

    Numba's disk cache looks at the file of the cached function only. Entry points carry this number as a constant, so
    that an edit of another file recompiles them instead of reviving old machine code.
    """
    text = b"".join(path.read_bytes() for path in sorted(folder.glob("kernel*.py")))
    return int.from_bytes(hashlib.sha256(text).digest()[:7], "big")
