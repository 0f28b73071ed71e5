"""The registry of environments: immutable specifications, found by id, loaded when needed.

An environment is registered as data: an id, a *problem factory* (a callable, or ``"module:callable"``
so that nothing is imported before it is needed), default arguments and a default objective. The
factory's keyword parameters are the environment's arguments; it returns a
:class:`simulators.Problem`::

    archgym_envs.register("lab/Cache-v0", "lab.cache:problem", {"minimize": "energy_pj * latency_ns"})

A package registers its environments without being imported, by an entry point whose name is the id and
whose value is an :class:`EnvironmentSpec`::

    [project.entry-points."archgym.environments"]
    "lab/Cache-v0" = "lab.cache:SPEC"

Every registered id is known to Gymnasium: ``gymnasium.make(id, objective=..., **arguments)`` and
``gymnasium.make_vec(id, num_envs=k, ...)``.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, overload

import gymnasium

from archgym_envs.objectives import Objective
from simulators.errors import ArchgymError, InvalidInputError, UnknownNameError, nearest

if TYPE_CHECKING:
    from archgym_envs.design_env import DesignEnv
    from archgym_envs.vector_env import VectorDesignEnv
    from simulators.problem import Problem

ENTRY_POINT_GROUP = "archgym.environments"
"""Packages offer environments under this entry-point group."""
_ID = re.compile(r"[A-Za-z0-9_-]+/[A-Za-z][A-Za-z0-9_]*-v[0-9]+")
_RESERVED = ("objective", "episode_length", "budget", "render_mode", "environment_id", "num_envs", "formulation")
"""Keywords of :func:`make_env` and Gymnasium, which a factory's own parameters must not hide."""
_NOT_OF_THE_PROBLEM = (
    "In an experiment config the objective stands beside the arguments, the budget is one for all, and the formulation "
    "and the length of episodes are hyperparameters of learners, as in ppo: {formulation: edit}."
)


@dataclass(frozen=True)
class EnvironmentSpec:
    """One registered environment, as data.

    Attributes:
        id: ``namespace/Name-vN``; N changes when the numbers change.
        problem: the factory, ``"module:callable"`` or a callable, ``(**arguments) -> Problem``.
        objective: what is searched for unless another objective is asked for.
        arguments: argument name -> value, overriding the factory's own defaults.
        doc: one sentence for listings.

    Raises:
        InvalidInputError: an id, factory, argument or objective that cannot be used.
        UnknownNameError: a kind of objective that does not exist.
    """

    id: str
    problem: str | Callable[..., Problem]
    objective: Objective
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)
    doc: str = ""

    def __init__(
        self,
        id: str,
        problem: str | Callable[..., Problem],
        objective: Mapping[str, Any] | Objective,
        arguments: Mapping[str, Any] | None = None,
        doc: str = "",
    ) -> None:
        if not isinstance(id, str) or not _ID.fullmatch(id):
            raise InvalidInputError(
                f"an environment's id has the form namespace/Name-vN, such as 'archgym/MemoryController-v0', got {id!r}"
            )
        if not callable(problem) and not re.fullmatch(r"[\w.]+:[\w.]+", str(problem)):
            raise InvalidInputError(f"environment {id!r}: problem must be 'module:callable' or a callable: {problem!r}")
        for name, value in (
            ("id", id),
            ("problem", problem),
            ("objective", Objective.parse(objective)),
            ("arguments", MappingProxyType(dict(arguments or {}))),
            ("doc", doc),
        ):
            object.__setattr__(self, name, value)

    def __reduce__(self) -> tuple[type[EnvironmentSpec], tuple[Any, ...]]:
        return EnvironmentSpec, (self.id, self.problem, self.objective, dict(self.arguments), self.doc)

    def to_json(self) -> str:
        """Return the specification as JSON text; :meth:`from_json` reads it back.

        Raises:
            InvalidInputError: the problem is a callable, or an argument is not JSON.
        """
        if not isinstance(self.problem, str):
            raise InvalidInputError(f"environment {self.id!r} was registered with a callable; JSON needs 'module:name'")
        content = {"id": self.id, "problem": self.problem, "objective": self.objective.to_dict()}
        try:
            return json.dumps(content | {"arguments": dict(self.arguments), "doc": self.doc})
        except TypeError as error:
            raise InvalidInputError(f"environment {self.id!r}: an argument is not JSON-serialisable: {error}") from None

    @classmethod
    def from_json(cls, text: str) -> EnvironmentSpec:
        """Read what :meth:`to_json` wrote."""
        return cls(**json.loads(text))

    @cached_property
    def factory(self) -> Callable[..., Problem]:
        """The problem factory, imported now if it was a string.

        Raises:
            InvalidInputError: there is no such callable, or it takes a parameter that is reserved.
        """
        found = _load(self.id, self.problem) if isinstance(self.problem, str) else self.problem
        taken = [name for name in inspect.signature(found).parameters if name in _RESERVED]
        if taken:
            raise InvalidInputError(f"the problem factory of {self.id!r} must not take {taken}: reserved names")
        return found

    def parameters(self) -> dict[str, Any]:
        """Return the environment's arguments and their defaults (imports the factory)."""
        declared = inspect.signature(self.factory).parameters.values()
        return {p.name: None if p.default is p.empty else p.default for p in declared} | dict(self.arguments)

    def make_problem(self, **arguments: Any) -> Problem:
        """Build the problem.

        Raises:
            UnknownNameError: an argument that the environment does not have, with the nearest one.
            ArchgymError: whatever the factory finds wrong with the arguments' values.
        """
        known = self.parameters()
        for name in arguments:
            if name not in known:
                raise UnknownNameError(f"argument of environment {self.id!r}", name, known, _keyword_hint(name, known))
        return self.factory(**{**self.arguments, **arguments})

    def objective_of(self, problem: Problem) -> Objective:
        """Return what is searched for by default: the problem's own wish, where it has one (a table does).

        Raises:
            InvalidInputError: the problem's wish is no objective.
        """
        return Objective.parse(problem.objective) if problem.objective else self.objective


def _keyword_hint(name: str, known: Mapping[str, Any]) -> str:
    """Return what to say of an argument that is, or is nearly, a keyword of the environment and not of its problem."""
    if name in _RESERVED:
        return _NOT_OF_THE_PROBLEM
    close = nearest(name, [keyword for keyword in _RESERVED if keyword != "environment_id"])
    return f"Or is {close!r} meant, which gymnasium.make takes?" if close and nearest(name, known) is None else ""


_registered: dict[str, EnvironmentSpec] = {}
_offered: dict[str, list[EntryPoint]] = {}


def register(
    id: str,
    problem: str | Callable[..., Problem],
    objective: Mapping[str, Any] | Objective,
    arguments: Mapping[str, Any] | None = None,
    doc: str = "",
) -> EnvironmentSpec:
    """Register an environment in this process, for archgym and for Gymnasium.

    Args: as of :class:`EnvironmentSpec`. Registering the same specification again changes nothing.

    Raises:
        InvalidInputError: something in it cannot be used, or the id stands for something else already.
    """
    return _add(EnvironmentSpec(id, problem, objective, arguments, doc))


def registered() -> tuple[str, ...]:
    """Return the ids of all environments, sorted; nothing is imported."""
    return tuple(sorted(_registered.keys() | _offered.keys()))


def spec(id: str) -> EnvironmentSpec:
    """Return the specification of an environment, importing the module that offers it if need be.

    Raises:
        UnknownNameError: no such environment; names the nearest.
        ArchgymError: the package that offers it is broken.
    """
    if id not in _registered:
        if id not in _offered:
            raise UnknownNameError("environment", id, registered())
        _add(_load_offered(id, _offered[id]))
    return _registered[id]


def make_problem(id: str, **arguments: Any) -> Problem:
    """Build the problem of an environment; see :meth:`EnvironmentSpec.make_problem`."""
    return spec(id).make_problem(**arguments)


def default_objective(id: str) -> dict[str, Any]:
    """Return the objective an environment has unless another is asked for, as data."""
    return spec(id).objective.to_dict()


@overload
def make_env(
    environment_id: str,
    *,
    objective: Mapping[str, Any] | Objective | None = None,
    budget: int | None = None,
    formulation: Literal["one-shot"] = "one-shot",
    episode_length: int | None = None,
    render_mode: str | None = None,
    **arguments: Any,
) -> DesignEnv: ...


@overload
def make_env(environment_id: str, *, formulation: str, **arguments: Any) -> gymnasium.Env[Any, Any]: ...


def make_env(
    environment_id: str,
    *,
    objective: Mapping[str, Any] | Objective | None = None,
    budget: int | None = None,
    formulation: str = "one-shot",
    episode_length: int | None = None,
    render_mode: str | None = None,
    **arguments: Any,
) -> gymnasium.Env[Any, Any]:
    """Build an environment: what ``gymnasium.make(id, ...)`` calls.

    Args:
        environment_id: a registered id.
        objective: default: the environment's own.
        budget: unique designs that may be evaluated before ``step`` raises ``BudgetExhausted``; default: no limit.
        formulation: one of :data:`archgym_envs.formulations.FORMULATIONS`.
        episode_length: designs per episode; default 1, of formulation ``edit`` 16.
        render_mode: as of :class:`~archgym_envs.design_env.DesignEnv`.
        **arguments: the environment's own, checked by name.

    Raises:
        UnknownNameError: an unknown id, argument, metric or value, with the nearest valid word.
        InvalidInputError: a value that cannot be used.
    """
    from archgym_envs.design_env import DesignEnv
    from archgym_envs.evaluators import BudgetedEvaluator
    from archgym_envs.formulations import formulate

    problem = make_problem(environment_id, **arguments)
    env = DesignEnv(
        problem,
        objective if objective is not None else spec(environment_id).objective_of(problem),
        evaluator=BudgetedEvaluator(problem, budget) if budget is not None else None,
        episode_length=1 if episode_length is None else episode_length,
        render_mode=render_mode,
    )
    return formulate(env, formulation, episode_length if formulation == "edit" else None)


def make_vector_env(
    environment_id: str,
    num_envs: int = 1,
    *,
    objective: Mapping[str, Any] | Objective | None = None,
    budget: int | None = None,
    formulation: str = "one-shot",
    episode_length: int = 1,
    render_mode: str | None = None,
    **arguments: Any,
) -> VectorDesignEnv:
    """Build a vectorised environment: what ``gymnasium.make_vec(id, num_envs=...)`` calls.

    Args and errors: as of :func:`make_env`; ``num_envs`` designs are evaluated per step, and share the budget. Only
    formulation ``one-shot`` is vectorised.
    """
    from archgym_envs.design_env import FORMULATIONS
    from archgym_envs.evaluators import BudgetedEvaluator
    from archgym_envs.vector_env import VectorDesignEnv

    if formulation not in FORMULATIONS:
        raise UnknownNameError("formulation", formulation, FORMULATIONS)
    if formulation != "one-shot":
        raise InvalidInputError(
            f"only formulation 'one-shot' is evaluated a batch at a time, not {formulation!r}: leave it out, or make "
            f"separate copies by gymnasium.make_vec({environment_id!r}, vectorization_mode='sync', "
            f"formulation={formulation!r}), where a budget is each copy's own"
        )
    problem = make_problem(environment_id, **arguments)
    return VectorDesignEnv(
        problem,
        objective if objective is not None else spec(environment_id).objective_of(problem),
        num_envs,
        evaluator=BudgetedEvaluator(problem, budget) if budget is not None else None,
        episode_length=episode_length,
        render_mode=render_mode,
    )


def scan_entry_points() -> None:
    """Learn the ids that installed packages offer, without importing the packages."""
    _offered.clear()
    for point in entry_points(group=ENTRY_POINT_GROUP):
        if not _ID.fullmatch(point.name):
            warnings.warn(f"{_source(point)} is ignored: its name is no id of the form namespace/Name-vN", stacklevel=2)
            continue
        _offered.setdefault(point.name, []).append(point)
        _tell_gymnasium(point.name)


def _add(new: EnvironmentSpec) -> EnvironmentSpec:
    old = _registered.setdefault(new.id, new)
    if old != new:
        raise InvalidInputError(
            f"environment {new.id!r} is registered already, with another specification; "
            "choose another name, or raise the version in the id"
        )
    _tell_gymnasium(new.id)
    return old


def _tell_gymnasium(id: str) -> None:
    """Register ``id`` with Gymnasium, lazily: only strings and the id itself are stored there."""
    if id not in gymnasium.registry:
        gymnasium.register(
            id,
            entry_point=f"{__name__}:make_env",
            vector_entry_point=f"{__name__}:make_vector_env",
            kwargs={"environment_id": id},
            order_enforce=False,  # a proposal needs no reset before it
            disable_env_checker=True,  # archgym_envs.testing.check_env runs Gymnasium's checker, and more
        )


def _load(id: str, path: str) -> Callable[..., Problem]:
    module, _, name = path.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise InvalidInputError(f"the problem factory {path!r} of environment {id!r} cannot be had: {error}") from error
    if not callable(found):
        raise InvalidInputError(f"the problem factory {path!r} of environment {id!r} is not callable")
    return found


def _load_offered(id: str, points: list[EntryPoint]) -> EnvironmentSpec:
    if len(points) > 1:
        raise InvalidInputError(f"several packages offer {id!r}: {'; '.join(map(_source, points))}. Uninstall one.")
    try:
        found = points[0].load()
    except ArchgymError:
        raise
    except Exception as error:
        raise ArchgymError(f"{_source(points[0])} fails on import: {type(error).__name__}: {error}") from error
    if not isinstance(found, EnvironmentSpec) or found.id != id:
        raise ArchgymError(f"{_source(points[0])} must be an EnvironmentSpec with the id {id!r}, got {found!r}")
    return found


def _source(point: EntryPoint) -> str:
    package = point.dist.name if point.dist is not None else "an unknown package"
    return f"entry point {point.name!r} = {point.value!r} of {package}"
