"""Where results come from: versions, git hash, host and command. Recorded, never part of an identity."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

_SOURCE = Path(__file__).resolve().parent.parent


def describe_session() -> dict[str, Any]:
    """Return what is known about this process and machine, as JSON-serialisable data.

    Keys: ``archgym`` (version), ``git`` (``{"commit", "modified"}`` of the source checkout, or None),
    ``started`` (ISO time, UTC), ``command``, ``directory``, ``host``, ``platform``, ``processor``,
    ``cores``, ``python``, ``packages`` (name -> version of everything installed).
    """
    return {
        "archgym": _version("archgym"),
        "git": git_state(_SOURCE),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        "directory": os.getcwd(),
        "host": platform.node(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": available_cores(),
        "python": platform.python_version(),
        "packages": _packages(),
    }


def git_state(directory: Path) -> dict[str, Any] | None:
    """Return commit and whether tracked files are modified, or None where that is not known."""
    if not (directory / ".git").exists():
        return None
    try:
        commit = _git(directory, "rev-parse", "HEAD")
        return {"commit": commit, "modified": bool(_git(directory, "status", "--porcelain", "-uno"))}
    except (OSError, subprocess.SubprocessError):
        return None


def available_cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _git(directory: Path, *arguments: str) -> str:
    command = ["git", "-C", str(directory), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _packages() -> dict[str, str]:
    found = {distribution.metadata["Name"]: distribution.version for distribution in metadata.distributions()}
    return dict(sorted((name, version) for name, version in found.items() if name))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
