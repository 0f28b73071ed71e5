"""Experiment configs: from a YAML file and overrides to a checked :class:`ExperimentConfig`.

Everything that can be wrong is found here, before anything runs, and reported together: each
problem with the dotted path of its field, what was expected, what was got and the nearest word.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from experiments.config_errors import Complaint, ConfigError, complain, dotted, message_for, shown, unknown_name
from experiments.config_errors import Path as FieldPath
from experiments.config_models import (
    AgentConfig,
    CompareConfig,
    ExecutionConfig,
    ExperimentConfig,
    ProblemConfig,
    SweepConfig,
)
from experiments.documents import expand_variables, read_yaml
from experiments.overrides import apply_overrides
from experiments.prepare import check_agents, check_comparison, check_pairs, check_problems

__all__ = [
    "AgentConfig",
    "CompareConfig",
    "Complaint",
    "ConfigError",
    "ExecutionConfig",
    "ExperimentConfig",
    "ProblemConfig",
    "SweepConfig",
    "find_config",
    "load_config",
    "parse_config",
    "shipped_configs",
]

_M = TypeVar("_M", bound=BaseModel)
_SHIPPED = Path(__file__).parent / "configs"


def shipped_configs() -> dict[str, Path]:
    """Return the configs that come with archgym: name -> file."""
    return {path.stem: path for path in sorted(_SHIPPED.glob("*.yaml"))}


def find_config(name_or_path: str | Path) -> Path:
    """Return the file that ``name_or_path`` means: a path, or the bare name of a shipped config.

    Raises:
        ConfigError: no such file and no such name; the message has the nearest name.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path
    shipped = shipped_configs()
    if str(name_or_path) in shipped:
        return shipped[str(name_or_path)]
    known = unknown_name("config", path.stem, shipped)
    raise ConfigError([Complaint("", f"there is no such file, and it names no shipped config: {known}")], str(path))


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> ExperimentConfig:
    """Return the checked config in the file at ``path`` (or of that shipped name).

    Args:
        path: a YAML file or the bare name of a shipped config.
        overrides: ``dotted.path=value``, applied in order; see :mod:`experiments.overrides`.

    Raises:
        ConfigError: whatever is wrong with it, everything at once where possible.
    """
    found = find_config(path)
    return parse_config(read_yaml(found), str(path), overrides)


def parse_config(data: Any, source: str = "config", overrides: Sequence[str] = ()) -> ExperimentConfig:
    """Return the checked config in ``data``, a mapping in the grammar of the YAML files.

    Raises:
        ConfigError: whatever is wrong with it; ``source`` begins the message.
    """
    if not isinstance(data, dict):
        message = f"expected a mapping with name, problems, agents ..., got {shown(data)}"
        raise ConfigError([Complaint("", message)], source)
    expanded, complaints = expand_variables(apply_overrides(data, overrides))
    config: ExperimentConfig | None = None
    try:
        config = ExperimentConfig.model_validate(expanded)
    except ValidationError as error:
        complaints += _structural(error, expanded)
    complaints += _semantic(expanded, {complaint.path for complaint in complaints})
    if config is None or complaints:
        raise ConfigError(complaints, source)
    return config


def _structural(error: ValidationError, data: Any) -> list[Complaint]:
    return [
        complain(_user_path(entry["loc"], data), message_for(entry, _model_at(entry["loc"])))
        for entry in error.errors(include_url=False)
    ]


def _user_path(loc: FieldPath, data: Any) -> FieldPath:
    """Return where the user finds a field: below an agent's entry comes the agent's name."""
    if len(loc) > 2 and loc[0] == "agents" and isinstance(entry := data["agents"][loc[1]], dict):
        name = str(next(iter(entry), ""))
        return (*loc[:2], name, *(loc[2:] if loc[2] not in ("name", "hyperparameters") else loc[3:]))
    return tuple(part for part in loc if part not in ("int", "list[int]"))


def _model_at(loc: FieldPath) -> type[BaseModel]:
    """Return the model whose field the last part of ``loc`` is."""
    shape = tuple("*" if isinstance(part, int) else part for part in loc[:-1])
    models: dict[tuple[str, ...], type[BaseModel]] = {
        ("problems", "*"): ProblemConfig,
        ("agents", "*"): AgentConfig,
        ("agents", "*", "sweep"): SweepConfig,
        ("compare",): CompareConfig,
        ("execution",): ExecutionConfig,
    }
    return models.get(shape, ExperimentConfig)


def _semantic(data: dict[str, Any], wrong: set[str]) -> list[Complaint]:
    """Check names and values of every entry whose structure is right, whatever else is wrong."""
    problems = _well_formed(ProblemConfig, data, "problems", wrong)
    agents = _well_formed(AgentConfig, data, "agents", wrong)
    prepared, complaints = check_problems(problems)
    found, more = check_agents(agents)
    complaints += more + check_pairs(prepared, found, agents)
    if not any(path.split(".")[0] in ("compare", "agents") for path in wrong):
        compare = CompareConfig.model_validate(data.get("compare") or {})
        complaints += check_comparison(compare, [agent for _, agent in agents])
    return complaints


def _well_formed(model: type[_M], data: dict[str, Any], field: str, wrong: set[str]) -> list[tuple[int, _M]]:
    entries = data.get(field)
    found = []
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        path = dotted((field, index))
        if not any(bad == path or bad.startswith(path + ".") for bad in wrong):
            found.append((index, model.model_validate(entry)))
    return found
