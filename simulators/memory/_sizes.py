"""Numbers of bytes as people write them: ``64KiB``, ``16MiB``, ``1GiB``."""

from __future__ import annotations

import re

_UNITS = {None: 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_SIZE = re.compile(r"(\d[\d_]*)(KiB|MiB|GiB)?", re.ASCII)


def parse_size(text: str) -> int | None:
    """Return the whole number that ``text`` says, perhaps with a binary unit; None if it says none."""
    match = _SIZE.fullmatch(text)
    return None if match is None else int(match[1]) * _UNITS[match[2]]
