from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent / "toys"))


@pytest.fixture(autouse=True, scope="session")
def _toys() -> None:
    """Toy environment and agents, importable in this process and (through its path) in workers."""
    import archgym_toys

    archgym_toys.install()


@pytest.fixture
def toy_data() -> Callable[..., dict[str, Any]]:
    """Make the data of a toy config; keywords replace fields."""
    import archgym_toys

    return archgym_toys.toy_config
