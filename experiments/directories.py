"""Which directory an experiment writes to: a new one, or the one it is resumed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from experiments.config_models import ExperimentConfig
from experiments.ledger import FILE_NAME, Ledger
from experiments.runs import RunSpec
from experiments.store import StoreError, read_config
from simulators import InvalidInputError

RESULTS = Path("results")
_IRRELEVANT = ("execution", "compare", "output")
"""Fields of a config that do not decide its runs."""


def choose_directory(config: ExperimentConfig, output: Path | None, resume: bool, runs: Sequence[RunSpec]) -> Path:
    """Return the directory to write to.

    Args:
        config: names the experiment.
        output: a directory asked for; default ``config.output``, then ``results/<name>``.
        resume: go on in an existing directory: the one asked for, or the newest of the default ones
            that holds exactly these runs. Where there is none at all, a new one.
        runs: what the config expands to.

    Raises:
        StoreError: a directory asked for holds results already and ``resume`` is not set.
        InvalidInputError: nothing that exists holds these runs; the message says what differs.
    """
    asked = output or (Path(config.output) if config.output else None)
    if asked is not None:
        if not resume:
            _check_empty(asked)
        elif has_results(asked):
            _check_same(asked, config, runs)
        return asked
    existing = _existing(RESULTS / config.name)
    if not resume:
        return _next_free(RESULTS / config.name)
    for directory in reversed(existing):
        if _differences(directory, config, runs) == []:
            return directory
    if existing:
        _check_same(existing[-1], config, runs)
    return _next_free(RESULTS / config.name)


def has_results(directory: Path) -> bool:
    """Return whether an experiment has begun in ``directory``."""
    return (directory / FILE_NAME).is_file()


def _check_empty(directory: Path) -> None:
    if directory.is_dir() and any(directory.iterdir()):
        hint = "resume it with --resume, or choose another output directory"
        raise StoreError(f"{directory} is not empty; {hint}")
    if directory.exists() and not directory.is_dir():
        raise StoreError(f"{directory} is a file; choose another output directory")


def _existing(base: Path) -> list[Path]:
    """Return ``base``, ``base-2``, ``base-3`` ... as far as they hold results, oldest first."""
    numbered = [
        (int(suffix), path)
        for path in base.parent.glob(f"{base.name}-*")
        if (suffix := path.name.removeprefix(f"{base.name}-")).isdigit() and int(suffix) >= 2
    ]
    return [path for _, path in sorted([(1, base), *numbered]) if has_results(path)]


def _next_free(base: Path) -> Path:
    number = 1
    while (path := base if number == 1 else base.with_name(f"{base.name}-{number}")).exists():
        number += 1
    return path


def _check_same(directory: Path, config: ExperimentConfig, runs: Sequence[RunSpec]) -> None:
    found = _differences(directory, config, runs)
    if found:
        listing = "".join(f"\n  - {line}" for line in found)
        raise InvalidInputError(
            f"cannot resume {directory}: it holds other runs than this config describes.{listing}\n"
            "Run without --resume to begin a new directory, or restore the config."
        )


def _differences(directory: Path, config: ExperimentConfig, runs: Sequence[RunSpec]) -> list[str]:
    """Return how the runs in ``directory`` differ from these ([] where they are the same)."""
    with closing(Ledger(directory)) as ledger:
        stored = {run.run_id for run in ledger.runs()}
    if not stored or stored == {run.run_id for run in runs}:
        return []
    before, now = _decisive(read_config(directory)), _decisive(config.to_dict())
    fields = _changed(before, now, "")
    common = len(stored & {run.run_id for run in runs})
    return fields or [
        f"the configs are equal, but only {common} of {len(stored)} runs are: the simulator, an agent, their "
        "defaults, or the workload's content has changed since (compare the versions in provenance.json)"
    ]


def _decisive(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name not in _IRRELEVANT}


def _changed(before: Any, now: Any, path: str) -> list[str]:
    """Return one line per differing leaf: ``budget: 100 there, 200 in this config``."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        keys = list(dict.fromkeys((*before, *now)))
        pairs = [(key, before.get(key), now.get(key)) for key in keys]
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = [(index, old, new) for index, (old, new) in enumerate(zip(before, now, strict=True))]
    elif before != now:
        return [f"{path}: {_text(before)} there, {_text(now)} in this config"]
    else:
        return []
    return [line for key, old, new in pairs for line in _changed(old, new, f"{path}.{key}".lstrip("."))]


def _text(value: Any) -> str:
    return "nothing" if value is None else repr(value)
