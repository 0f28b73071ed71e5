"""Hashes of data: one canonical text, one digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np


def canonical_json(data: Any) -> str:
    """Return the one JSON text of ``data``: keys sorted, no blanks, numpy scalars as plain numbers."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), default=_plain)


def digest_of(data: Any) -> str:
    """Return the SHA-256 (hexadecimal) of the canonical JSON of ``data``."""
    return hashlib.sha256(canonical_json(data).encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
