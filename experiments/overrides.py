"""Dotted overrides: ``problems.0.objective.minimize=energy_pj`` applied to a config's data."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from archgym_envs.objectives import KINDS
from experiments.config_errors import Complaint, ConfigError
from experiments.documents import parse_yaml


def apply_overrides(data: Any, overrides: Sequence[str]) -> Any:
    """Return a copy of ``data`` with each ``path=value`` applied in order.

    Path parts are mapping keys or list positions; the value is read as YAML, so ``50``, ``true``,
    ``[1, 2]`` and ``{population: 32}`` mean what they mean in a file. Mappings that do not exist yet
    are made. Setting one form of an objective (``objective.minimize``) replaces the other forms;
    setting a hyperparameter of an agent given by bare name (``agents.1.genetic.population``) works.

    Raises:
        ConfigError: no ``=``, an empty path part, a list position that is not there, or a step into
            something that is neither mapping nor list; the message names the override.
    """
    result = copy.deepcopy(data)
    for override in overrides:
        path, equals, text = override.partition("=")
        parts = path.strip().split(".")
        if not equals or not all(parts):
            raise _error(override, "expected path=value, such as budget=50 or execution.workers=1")
        result = _assign(result, parts, parse_yaml(text, f"--set {override}"), override, ())
    return result


def _assign(node: Any, parts: Sequence[str], value: Any, override: str, above: tuple[str, ...]) -> Any:
    """Return ``node`` with ``value`` put at ``parts`` below it; ``above`` is the path to ``node``."""
    if not parts:
        return value
    key, rest = parts[0], parts[1:]
    here = (*above, key)
    if isinstance(node, list):
        position = _position(node, key, override, above)
        node[position] = _assign(node[position], rest, value, override, here)
        return node
    if isinstance(node, str) and node == key and above[:1] == ("agents",):
        node = {key: {}}
    if node is None:
        node = {}
    if not isinstance(node, dict):
        raise _error(override, f"{'.'.join(above) or 'the config'} is {node!r}, which has nothing called {key!r}")
    if len(above) == 3 and above[::2] == ("problems", "objective") and key in KINDS and key not in node:
        node = {}
    node[key] = _assign(node.get(key), rest, value, override, here)
    return node


def _position(node: list[Any], key: str, override: str, above: tuple[str, ...]) -> int:
    if key.isdigit() and int(key) < len(node):
        return int(key)
    where = ".".join(above) or "the config"
    expected = f"a position from 0 to {len(node) - 1}" if node else "nothing: it is empty"
    raise _error(override, f"{where} is a list of {len(node)}; expected {expected}, got {key!r}")


def _error(override: str, message: str) -> ConfigError:
    return ConfigError([Complaint("", message)], f"--set {override}")
