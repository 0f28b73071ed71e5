"""From names to things: the problems and agents that a config means, or complaints about them.

Used twice: when a config is loaded (everything wrong is reported before anything runs) and when its
runs are expanded. Nothing is simulated here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from agents import agent_class, agent_spec, draw_hyperparameters, sweep_ranges
from agents.base import Searcher, formulation_refusal
from archgym_envs.objectives import KINDS, Objective
from archgym_envs.registration import make_problem, spec
from experiments.config_errors import Complaint, ConfigError, Path, complain, message_for, unknown_name
from experiments.config_models import AGENT_OPTIONS, AgentConfig, CompareConfig, ExperimentConfig, ProblemConfig
from experiments.identity import digest_of
from simulators import ArchgymError, InvalidInputError, Problem, UnknownNameError

_ONLY_IN_PYTHON = (
    "What is registered only in Python is not seen here: install it with an entry point of the group {group!r}, or "
    "call experiments.run_experiment in the script that registers it."
)


@dataclass(frozen=True)
class PreparedProblem:
    """A problem of the config, built.

    Attributes:
        label: unique in the experiment.
        environment: its id.
        entry_point: ``module:callable`` that builds it, so that other processes need no registry.
        arguments: every argument the callable is given, JSON-serialisable.
        problem, objective: the things themselves.
    """

    label: str
    environment: str
    entry_point: str
    arguments: dict[str, Any]
    problem: Problem
    objective: Objective


@dataclass(frozen=True)
class PreparedAgent:
    """An agent of the config.

    Attributes:
        label: unique in the experiment.
        name, version, entry_point: from the registry and the class.
        draws: number in the sweep -> complete set of hyperparameters, JSON-serialisable; only number 0
            unless swept. A set drawn a second time is left out.
    """

    label: str
    name: str
    version: str
    entry_point: str
    draws: dict[int, dict[str, Any]]


def prepare(config: ExperimentConfig, source: str = "config") -> tuple[list[PreparedProblem], list[PreparedAgent]]:
    """Return the problems and agents of ``config``.

    Raises:
        ConfigError: names or values that mean nothing, everything at once.
    """
    problems, complaints = check_problems(list(enumerate(config.problems)))
    entries = list(enumerate(config.agents))
    agents, more = check_agents(entries)
    complaints += more + check_pairs(problems, agents, entries) + check_comparison(config.compare, config.agents)
    if complaints:
        raise ConfigError(complaints, source)
    return problems, agents


def entry_point_of(thing: object) -> str:
    """Return ``module:name`` of a class or function that other processes can import.

    Raises:
        ArchgymError: it is not at the top level of a module.
    """
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", "<locals>")
    if not module or "<" in name:
        raise ArchgymError(f"{thing!r} cannot be imported by name: define it at the top level of a module")
    return f"{module}:{name}"


# ---- problems -----------------------------------------------------------------------------------


def check_problems(entries: Sequence[tuple[int, ProblemConfig]]) -> tuple[list[PreparedProblem], list[Complaint]]:
    """Build the problems at these positions of the config; return them and what is wrong."""
    complaints: list[Complaint] = []
    built = [(index, entry, _build(index, entry, complaints)) for index, entry in entries]
    good = [(index, entry, *things) for index, entry, things in built if things is not None]
    labels = _labels([entry for _, entry, *_ in good], [things for _, _, *things in good])
    for (index, entry, *_), label in zip(good, labels, strict=True):
        if labels.count(label) > 1:
            field = ("problems", index, "label") if entry.label else ("problems", index)
            complaints.append(complain(field, f"several problems are called {label!r}; give each its own 'label'"))
    prepared = [
        PreparedProblem(label, entry.environment, _entry_point(entry), _arguments(entry), problem, objective)
        for (_, entry, problem, objective), label in zip(good, labels, strict=True)
    ]
    first: dict[str, int] = {}
    for (index, *_), problem in zip(good, prepared, strict=True):
        if (other := first.setdefault(problem_identity(problem), index)) != index:
            complaints.append(complain(("problems", index), f"is the same problem as problems.{other}; remove one"))
    return prepared, complaints


def problem_identity(problem: PreparedProblem) -> str:
    """Return the hash of what decides a problem's scores: simulator, space, workload, objective."""
    return digest_of([problem.environment, problem.problem.identity(), problem.objective.to_dict()])


def _build(index: int, entry: ProblemConfig, complaints: list[Complaint]) -> tuple[Problem, Objective] | None:
    """Build one problem and its objective, or add to ``complaints`` why not."""
    here: Path = ("problems", index)
    before = len(complaints)
    try:
        spec(entry.environment)
        _entry_point(entry)
    except ArchgymError as error:
        complaints.append(complain((*here, "environment"), _with_hint(error, "environment")))
        return None
    given = _objective(entry, (*here, "objective"), complaints) if entry.objective is not None else None
    try:
        problem = make_problem(entry.environment, **entry.arguments)
    except (ArchgymError, ValueError, TypeError, OSError) as error:
        complaints.append(complain(_argument_path(here, entry.arguments, error), error))
        return None
    if len(complaints) > before:
        return None
    objective = given if given is not None else spec(entry.environment).objective_of(problem)
    known = [metric.name for metric in problem.simulator.metrics]
    for name in dict.fromkeys((*objective.metrics, *objective.tie_break)):
        if name not in known:
            complaints.append(complain(_metric_path(here, entry, objective, name), unknown_name("metric", name, known)))
    return (problem, objective) if len(complaints) == before else None


def _objective(entry: ProblemConfig, path: Path, complaints: list[Complaint]) -> Objective | None:
    try:
        return Objective.parse(entry.objective or {})
    except ArchgymError as error:
        text = str(error)
        kind = next((kind for kind in KINDS if kind in (entry.objective or {}) and f"objective.{kind}" in text), None)
        complaints.append(complain((*path, kind) if kind else path, error))
        return None


def _argument_path(here: Path, arguments: dict[str, Any], error: Exception) -> Path:
    """Guess which argument an error is about: the one it names, else the one whose value it quotes."""
    where: Path = (*here, "arguments")
    if isinstance(error, UnknownNameError) and error.name in arguments:
        return (*where, error.name)
    quoted = [name for name, value in arguments.items() if isinstance(value, str) and value and value in str(error)]
    named = [name for name in arguments if repr(name) in str(error)]
    found = quoted or named
    return (*where, found[0]) if found else where


def _metric_path(here: Path, entry: ProblemConfig, objective: Objective, name: str) -> Path:
    path: Path = (*here, "objective")
    if name not in objective.metrics:
        return (*path, "tie_break")
    return (*path, objective.kind, name) if objective.targets else (*path, objective.kind)


def _entry_point(entry: ProblemConfig) -> str:
    builder = spec(entry.environment).problem
    return builder if isinstance(builder, str) else entry_point_of(builder)


def _arguments(entry: ProblemConfig) -> dict[str, Any]:
    return {**(spec(entry.environment).arguments or {}), **entry.arguments}


def _labels(entries: Sequence[ProblemConfig], things: Sequence[Sequence[Any]]) -> list[str]:
    """Return the labels: the user's, else environment and workload, and the objective where that is needed."""
    short, long = [], []
    for entry, (problem, objective) in zip(entries, things, strict=True):
        name = entry.environment.rsplit("/", 1)[-1].rsplit("-v", 1)[0]
        workload = str(getattr(problem.workload, "name", "")).strip()
        short.append(f"{name} {workload}".strip())
        long.append(f"{short[-1]}: {objective.label()}")
    repeated = {label for label, count in Counter(short).items() if count > 1}
    return [
        entry.label or (full if brief in repeated else brief)
        for entry, brief, full in zip(entries, short, long, strict=True)
    ]


# ---- agents ---------------------------------------------------------------------------------------


def check_agents(entries: Sequence[tuple[int, AgentConfig]]) -> tuple[list[PreparedAgent], list[Complaint]]:
    """Look up the agents at these positions of the config; return them and what is wrong."""
    complaints: list[Complaint] = []
    labels = Counter(entry.label or entry.name for _, entry in entries)
    prepared = []
    first: dict[str, str] = {}
    for index, entry in entries:
        label = entry.label or entry.name
        if labels[label] > 1:
            hint = f"give each its own label, as in {{{entry.name}: {{label: {label}-2}}}}"
            complaints.append(complain(("agents", index), f"several agents are called {label!r}; {hint}"))
        found = _agent(index, entry, label, complaints)
        if found is None:
            continue
        prepared.append(found)
        for draw, hyperparameters in found.draws.items():
            here = f"agents.{index}" + (f" (draw {draw} of its sweep)" if len(found.draws) > 1 else "")
            other = first.setdefault(digest_of([found.name, hyperparameters]), here)
            if other != here and labels[label] == 1:
                text = f"{here} has the same agent and hyperparameters as {other}; remove one"
                complaints.append(complain(("agents", index), text))
    return prepared, complaints


def _agent(index: int, entry: AgentConfig, label: str, complaints: list[Complaint]) -> PreparedAgent | None:
    try:
        searcher = agent_class(entry.name)
    except ArchgymError as error:
        complaints.append(complain(("agents", index), _with_hint(error, "agent")))
        return None
    if (lacking := _missing_declaration(searcher, entry.name)) is not None:
        complaints.append(complain(("agents", index), lacking))
        return None
    wrong = _hyperparameter_complaints(searcher, entry.hyperparameters, ("agents", index, entry.name))
    if wrong:
        complaints += wrong
        return None
    try:
        draws = _draws(searcher, entry)
    except (ArchgymError, ValidationError) as error:
        complaints.append(complain(("agents", index, entry.name, "sweep"), error))
        return None
    return PreparedAgent(label, entry.name, searcher.version, agent_spec(entry.name).entry_point, draws)


def _with_hint(error: ArchgymError, kind: str) -> str:
    """Return the error's message; of an unknown name, say also where names have to come from."""
    if isinstance(error, UnknownNameError) and error.kind == kind:
        return f"{str(error).rstrip('.')}. {_ONLY_IN_PYTHON.format(group=f'archgym.{kind}s')}"
    return str(error)


def _missing_declaration(searcher: type[Searcher[Any]], name: str) -> str | None:
    """Return what an agent's class must still declare to be run by name, or None."""
    where = f"agent {name!r}: class {searcher.__name__}"
    model = getattr(searcher, "Hyperparameters", None)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return (
            f"{where} has no 'Hyperparameters'; declare a pydantic model as its class attribute "
            "(an empty one where there is nothing to set)"
        )
    lacking = [word for word in ("name", "version") if not isinstance(getattr(searcher, word, None), str)]
    return f"{where} has no {lacking[0]!r}; declare it as a class attribute (text)" if lacking else None


def _hyperparameter_complaints(searcher: type[Searcher[Any]], given: dict[str, Any], path: Path) -> list[Complaint]:
    model = searcher.Hyperparameters
    known = [*model.model_fields, *AGENT_OPTIONS]
    complaints = []
    if reason := formulation_refusal(searcher, given.get("formulation")):
        complaints.append(complain((*path, "formulation"), reason))
        given = {name: value for name, value in given.items() if name != "formulation"}
    complaints += [
        complain((*path, name), unknown_name(f"hyperparameter of agent {searcher.name!r}", name, known))
        for name in given
        if name not in model.model_fields
    ]
    try:
        model.model_validate({name: value for name, value in given.items() if name in model.model_fields})
    except ValidationError as error:
        details = error.errors(include_url=False)
        complaints += [complain((*path, *entry["loc"]), message_for(entry, model)) for entry in details]
    return complaints


def _draws(searcher: type[Searcher[Any]], entry: AgentConfig) -> dict[int, dict[str, Any]]:
    """Return the different sets of hyperparameters; what the user fixed is the same in all of them.

    Raises:
        InvalidInputError: a sweep in which nothing varies.
    """
    if entry.sweep is None:
        drawn: list[dict[str, Any]] = [{}]
    else:
        drawn = draw_hyperparameters(searcher, entry.sweep.draws, entry.sweep.seed)
    model = searcher.Hyperparameters
    complete = [model.model_validate({**draw, **entry.hyperparameters}).model_dump(mode="json") for draw in drawn]
    different: dict[int, dict[str, Any]] = {}
    seen: set[str] = set()
    for draw, values in enumerate(complete):
        if (digest := digest_of(values)) not in seen:
            seen.add(digest)
            different[draw] = values
    if len(drawn) > 1 and len(different) == 1:
        swept = [name for name in sweep_ranges(searcher) if name not in entry.hyperparameters]
        why = (
            f"the {len(drawn)} draws of {', '.join(swept)} are all equal" if swept else "no hyperparameter is left free"
        )
        raise InvalidInputError(f"there is nothing to sweep: {why}")
    return different


def check_pairs(
    problems: Sequence[PreparedProblem], agents: Sequence[PreparedAgent], entries: Sequence[tuple[int, AgentConfig]]
) -> list[Complaint]:
    """Return which of the agents refuse which of the problems, and why; one complaint per agent and problem."""
    positions = {entry.label or entry.name: index for index, entry in entries}
    complaints = []
    for agent in agents:
        searcher = agent_class(agent.name)
        chosen = [searcher.Hyperparameters.model_validate(values) for values in agent.draws.values()]
        for problem in problems:
            reasons = [searcher.refusal(problem.problem.space, values) for values in chosen]
            if reason := next(filter(None, reasons), ""):
                text = f"cannot search problem {problem.label!r}: {reason}"
                complaints.append(complain(("agents", positions[agent.label], agent.name), text))
    return complaints


def check_comparison(compare: CompareConfig, agents: Sequence[AgentConfig]) -> list[Complaint]:
    """Return what is wrong with the comparison: a baseline that is not among the agents."""
    labels = [agent.label or agent.name for agent in agents]
    if compare.baseline is None or compare.baseline in labels or not labels:
        return []
    return [complain(("compare", "baseline"), unknown_name("agent of this experiment", compare.baseline, labels))]
