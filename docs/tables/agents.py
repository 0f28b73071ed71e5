"""The generated table of docs/agents.md: ``python -m docs.tables.agents`` writes it anew.

A table stands between ``<!-- table: NAME -->`` and ``<!-- end of table -->``. A test compares page and registry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import archgym_envs
from agents import Searcher, agent_class, agent_names, sweep_ranges
from archgym_envs.formulations import FORMULATIONS
from docs.tables.memory_controller import Cell, table, with_tables

_NONE: Final = "\N{EN DASH}"
PAGE: Final = Path(__file__).parents[1] / "agents.md"


def formulations() -> str:
    """Return which agent searches which formulation, and on which environments."""
    rows: list[list[Cell]] = []
    for name in own_agents():
        found = agent_class(name)
        rows.append([f"`{name}`", *(_cell(found, formulation) for formulation in FORMULATIONS), environments(found)])
    return table(("agent", *(f"`{formulation}`" for formulation in FORMULATIONS), "environments"), rows)


def own_agents() -> list[str]:
    """Return the agents that ship, not those of other packages installed here."""
    return [name for name in agent_names() if agent_class(name).__module__.startswith("agents.")]


def environments(found: type[Searcher[Any]]) -> str:
    """Return on which of the environments that ship, in their default spaces, an agent searches; else why not."""
    refused = {}
    for id in shipped():
        reason = found.refusal(archgym_envs.make_problem(id).space, found.Hyperparameters())
        if reason:
            refused[id] = reason
    excluded = "; ".join(f"`{id}`: {reason}" for id, reason in refused.items())
    return f"all but {excluded}" if refused else "all"


def shipped() -> list[str]:
    """Return the environments that ship."""
    return [id for id in archgym_envs.registered() if id.startswith("archgym/")]


def _cell(found: type[Searcher[Any]], formulation: str) -> Cell:
    if formulation not in found.formulations:
        return _NONE
    declared = found.Hyperparameters.model_fields.get("formulation")
    several = declared is not None and len(found.formulations) > 1
    return "default" if several and formulation == declared.default else "yes"


def hyperparameters(name: str) -> str:
    """Return the table of an agent's hyperparameters."""
    found = agent_class(name)
    ranges = sweep_ranges(found)
    rows: list[list[Cell]] = [
        [f"`{field}`", _plain(info.default), _range(ranges.get(field)), info.description or ""]
        for field, info in found.Hyperparameters.model_fields.items()
    ]
    return table(("hyperparameter", "default", "swept over", "meaning"), rows)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool | None) else str(value)


def _range(sweep: Any) -> str:
    if sweep is None:
        return _NONE
    declared = sweep.to_dict()
    if declared["kind"] == "choice":
        return ", ".join(map(_short, declared["values"]))
    logarithmic = declared["kind"] == "log_uniform" or declared.get("log", False)
    return f"{_short(declared['low'])} to {_short(declared['high'])}{', log' if logarithmic else ''}"


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else _plain(value)


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "formulations": formulations,
    **{f"hyperparameters of {name}": partial(hyperparameters, name) for name in own_agents()},
}
"""Tables of docs/agents.md."""


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), TABLES), encoding="utf-8")
