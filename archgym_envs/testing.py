"""Conformance suites for everything that plugs into archgym; we run them over our own registry.

::

    from archgym_envs.testing import check_env, check_simulator

    check_simulator(MySimulator(), "my-workload")
    check_env("lab/Cache-v0", workload="my-workload")

Each raises :class:`ConformanceError` (an AssertionError, so test runners show it as a failure) that names
the broken promise. Agents have theirs in :func:`agents.testing.check_agent`.
"""

from __future__ import annotations

from archgym_envs._check_env import check_env, check_problem
from archgym_envs._check_simulator import check_simulator, sample_columns
from archgym_envs._conformance import ConformanceError

__all__ = ["ConformanceError", "check_env", "check_problem", "check_simulator", "sample_columns"]
