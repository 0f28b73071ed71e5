"""What there is: environments, agents and workloads, as plain data for ``archgym list``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from simulators import ArchgymError, InvalidInputError, MissingExtraError, Problem, UnknownNameError

_NO_SUCH_WORD = "no-such-word"


def list_environments() -> list[dict[str, Any]]:
    """Return every registered environment: id, doc, arguments, spaces, parameters, metrics, default objective.

    ``spaces`` holds name, number of parameters and number of designs of each space the environment offers.
    An environment whose problem cannot be built has an ``error`` instead of what is only known once it is.
    """
    from archgym_envs import registered, spec

    found = []
    for name in registered():
        entry: dict[str, Any] = {"id": name}
        try:
            declared = spec(name)
            entry |= {"doc": declared.doc, "objective": declared.objective.to_dict()}
            entry |= {"objective_label": declared.objective.label(), "arguments": _plain(declared.parameters())}
            entry |= _problem_entry(declared.make_problem, _choices(declared.factory, declared.parameters()))
        except ArchgymError as error:
            entry["error"] = str(error)
        found.append(entry)
    return found


def _problem_entry(make: Callable[..., Problem], choices: Mapping[str, tuple[Any, ...]]) -> dict[str, Any]:
    problem = make()
    problems = [make(space=name) for name in choices.get("space", ())] or [problem]
    return {
        "argument_choices": {name: list(values) for name, values in choices.items()},
        "spaces": [{"name": p.space.name, "parameters": p.space.dimensions, "designs": p.space.size} for p in problems],
        "parameters": [
            {"name": p.name, "values": list(p.values), "default": p.default, "unit": p.unit, "doc": p.doc}
            for p in problem.space.parameters
        ],
        "metrics": [
            {"name": m.name, "unit": m.unit, "direction": m.direction, "doc": m.doc} for m in problem.simulator.metrics
        ],
    }


def _choices(factory: Callable[..., Problem], arguments: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Return the values of the arguments that take one of a few words (the workload apart).

    A factory says them with a ``Literal`` annotation, or in the UnknownNameError that refuses a word it does not know.
    """
    found: dict[str, tuple[Any, ...]] = {}
    for name, hint in _hints(factory).items():
        if get_origin(hint) is Literal:
            found[name] = get_args(hint)
    for name, default in arguments.items():
        if name not in found and name != "workload" and isinstance(default, str):
            known = _refusal(factory, {**arguments, name: _NO_SUCH_WORD})
            if default in known:
                found[name] = known
    return found


def _hints(factory: Callable[..., Problem]) -> dict[str, Any]:
    try:
        return get_type_hints(factory)
    except (NameError, TypeError):
        return {}


def _refusal(factory: Callable[..., Problem], arguments: Mapping[str, Any]) -> tuple[str, ...]:
    try:
        factory(**arguments)
    except UnknownNameError as error:
        return error.known if error.name == _NO_SUCH_WORD else ()
    except ArchgymError:
        pass
    return ()


def list_agents() -> list[dict[str, Any]]:
    """Return every registered agent: name, kind, formulations, doc, extra, whether it is usable here, hyperparameters.

    Of an agent that cannot be imported, ``missing`` says what to do and the hyperparameters are unknown.
    """
    from agents import Agent, agent_class, agent_names, agent_spec, sweep_ranges

    found = []
    for name in agent_names():
        declared = agent_spec(name)
        entry: dict[str, Any] = {"name": name, "doc": declared.doc, "extra": declared.extra, "installed": True}
        try:
            searcher = agent_class(name)
        except (MissingExtraError, InvalidInputError) as error:
            entry |= {"installed": False, "missing": str(error), "kind": None, "hyperparameters": []}
        else:
            ranges = sweep_ranges(searcher)
            entry |= {
                "kind": "ask/tell" if issubclass(searcher, Agent) else "learning",
                "formulations": list(searcher.formulations),
                "citation": searcher.citation,
                "hyperparameters": [
                    {
                        "name": field,
                        "default": _plain(info.default),
                        "sweep": ranges[field].to_dict() if field in ranges else None,
                        "doc": info.description or "",
                    }
                    for field, info in searcher.Hyperparameters.model_fields.items()
                ],
            }
        found.append(entry)
    return found


def list_workloads() -> list[dict[str, Any]]:
    """Return every workload that ships: environment, name, and what its simulator says of it."""
    from archgym_envs import make_problem, registered

    found: list[dict[str, Any]] = []
    for environment in registered():
        try:
            simulator = make_problem(environment).simulator
            names = simulator.workload_names()
        except ArchgymError as error:
            found.append({"environment": environment, "name": None, "error": str(error)})
            continue
        for name in names:
            try:
                facts = simulator.workload_facts(name)
            except ArchgymError as error:
                facts = {"error": str(error)}
            found.append({"environment": environment, "name": name, **facts})
    return found


def _plain(value: Any) -> Any:
    """Return ``value`` as JSON data; what JSON cannot express becomes text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
