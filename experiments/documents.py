"""Reading YAML documents: safe, strict about repeated keys, with environment variables expanded."""

from __future__ import annotations

import os
import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml

from experiments.config_errors import Complaint, ConfigError, complain
from experiments.config_errors import Path as FieldPath

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader that refuses repeated keys and reads ``3e-4`` as a number."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    seen: list[Any] = []
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise yaml.MarkedYAMLError(problem=f"the key {key!r} is given twice", problem_mark=key_node.start_mark)
        seen.append(key)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
# YAML 1.2 floats: PyYAML (YAML 1.1) reads 3e-4 and 1e6 as text for want of a dot.
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+[eE][-+]?\d+$"), list("-+0123456789"))


def parse_yaml(text: str, source: str) -> Any:
    """Return the data of one YAML document.

    Raises:
        ConfigError: a syntax error or a repeated key, with line and column.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise ConfigError([Complaint("", f"not valid YAML: {where}{what}")], source) from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError([Complaint("", f"not valid YAML: {error}")], source) from None


def read_yaml(path: Path) -> Any:
    """Return the data of the YAML file at ``path``.

    Raises:
        ConfigError: a file that is missing, unreadable, not UTF-8 text or not valid YAML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError([Complaint("", f"cannot read this file: {reason}")], str(path)) from None
    return parse_yaml(text, str(path))


def expand_variables(data: Any, environment: Mapping[str, str] | None = None) -> tuple[Any, list[Complaint]]:
    """Replace ``${NAME}`` and ``${NAME:-default}`` in every string value.

    Args:
        data: what :func:`parse_yaml` returned; not changed.
        environment: the variables; default the process's own.

    Returns:
        The expanded data, and a complaint for each variable that is neither set nor defaulted.
    """
    variables = os.environ if environment is None else environment
    complaints: list[Complaint] = []
    return _expand(data, (), variables, complaints), complaints


def _expand(data: Any, path: FieldPath, variables: Mapping[str, str], complaints: list[Complaint]) -> Any:
    if isinstance(data, dict):
        return {key: _expand(value, (*path, key), variables, complaints) for key, value in data.items()}
    if isinstance(data, list):
        return [_expand(value, (*path, index), variables, complaints) for index, value in enumerate(data)]
    if not isinstance(data, str):
        return data

    def replacement(match: re.Match[str]) -> str:
        name, default = match.group(1), match.group(2)
        value = variables.get(name) or default
        if value is None:
            hint = f"set it, or write ${{{name}:-default}}"
            complaints.append(complain(path, f"the environment variable {name!r} is not set; {hint}"))
            return match.group(0)
        return value

    return _VARIABLE.sub(replacement, data)
