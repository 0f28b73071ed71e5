"""Experiments: configs, runs, journal, store, statistics and reports. Facade; loaded on first use."""

from __future__ import annotations

import importlib
from typing import Any

_WHERE = {
    "ConfigError": "config",
    "ExperimentConfig": "config",
    "find_config": "config",
    "load_config": "config",
    "parse_config": "config",
    "shipped_configs": "config",
    "RunSpec": "runs",
    "expand": "runs",
    "RunSummary": "runner",
    "run_experiment": "runner",
    "ProblemRecord": "results",
    "Results": "results",
    "RunRecord": "results",
    "load_results": "results",
}
__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for (the CLI must start fast)."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
