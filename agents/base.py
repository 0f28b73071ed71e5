"""The agent contract: searchers that see a design space and rewards, never a simulator.

Two kinds, one constructor ``(space, seed, hyperparameters)``:

* :class:`Agent`: ask/tell. ``ask(n)`` proposes designs, ``tell`` reports rewards; the loop belongs to
  :func:`agents.search.run_search`.
* :class:`LearningAgent`: owns its loop (reinforcement learning) on a ``DesignEnv``, whose budget stops it.

Shapes: ``designs[k, d]`` int64 indices into the values of the space's ``d`` parameters; ``rewards[k]``
float64, finite, higher is better.
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.sweeps import Sweep
from simulators import DesignSpace, Evaluation, InvalidInputError, UnknownNameError

if TYPE_CHECKING:
    from archgym_envs.design_env import DesignEnv


class Hyperparameters(BaseModel):
    """Base of every agent's hyperparameters: immutable, typed, unknown names refused.

    Fields are declared with :func:`hyperparameter`, which keeps their documentation and sweep range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


_ACTIONS = {
    "one-shot": "an action is a whole design (MultiDiscrete)",
    "sequential": "an action is a value of the parameter whose turn it is (Discrete)",
    "edit": "an action changes the design before",
    "relaxed": "an action is a point of a box",
}
"""Why a formulation is not for everyone."""
_NAMED = 6
"""Agents that an error names at most."""
H_co = TypeVar("H_co", bound=Hyperparameters, covariant=True)


def hyperparameter(
    default: Any,
    doc: str,
    *,
    sweep: Sweep | None = None,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
) -> Any:
    """Declare one field of a :class:`Hyperparameters` model.

    Args:
        default: value used where the user gives none; draw 0 of every sweep.
        doc: what it does, the trap in setting it, and a reference.
        sweep: the range that hyperparameter draws come from; None keeps the default in sweeps.
        ge, gt, le, lt: bounds that a user's value must satisfy.
    """
    extra: dict[str, Any] | None = None if sweep is None else {"sweep": sweep.to_dict()}
    return Field(default, description=doc, json_schema_extra=extra, ge=ge, gt=gt, le=le, lt=lt)


class Searcher(ABC, Generic[H_co]):
    """What both kinds of agents share.

    Class attributes a subclass sets:
        name: what configs call it.
        version: part of every run's identity; change it whenever proposals for a seed change.
        Hyperparameters: the model of its hyperparameters.
        citation: where the algorithm comes from.
        requires: modules outside the base install, checked before the agent is built.
        batched: ``"module:Class"`` of the form that advances many runs at once, see :mod:`agents.batched`; empty: none.
        formulations: of a problem, those it can search, see :data:`archgym_envs.design_env.FORMULATIONS`.

    Args:
        space: the designs to search; every encoding is derived from it.
        seed: non-negative; same seed and same tells give the same proposals.
        hyperparameters: the model, a mapping of some of its fields, or None for the defaults.

    Raises:
        UnknownNameError: a hyperparameter that does not exist, with the nearest one.
        InvalidInputError: a value of the wrong type or outside its bounds, a negative seed, or a space that the
            agent cannot search, see :meth:`refusal`.
    """

    name: ClassVar[str]
    version: ClassVar[str]
    citation: ClassVar[str]
    Hyperparameters: ClassVar[type[BaseModel]]
    requires: ClassVar[tuple[str, ...]] = ()
    batched: ClassVar[str] = ""
    formulations: ClassVar[tuple[str, ...]] = ("one-shot",)

    def __init__(
        self, space: DesignSpace, seed: int, hyperparameters: BaseModel | Mapping[str, Any] | None = None
    ) -> None:
        if not isinstance(space, DesignSpace):
            raise InvalidInputError(
                f"agent {self.name!r} searches a DesignSpace, such as problem.space, got {type(space).__name__}"
            )
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
            raise InvalidInputError(f"a seed must be a non-negative integer, got {seed!r}")
        self.space = space
        self.seed = int(seed)
        self.hyperparameters: H_co = validated(type(self), hyperparameters)  # type: ignore[assignment]
        if reason := self.refusal(space, self.hyperparameters):
            raise InvalidInputError(f"agent {self.name!r} cannot search space {space.name!r}: {reason}")
        self.rng = np.random.default_rng([self.seed, zlib.crc32(self.name.encode())])
        """Own stream per agent and seed, so that agents compared under one seed are independent."""

    @classmethod
    def refusal(cls, space: DesignSpace, hyperparameters: BaseModel) -> str:
        """Return why this agent cannot search ``space`` so, and the nearest that can; empty where it can.

        Asked before an experiment begins, with hyperparameters of the class's own model.
        """
        return ""

    def settings(self) -> dict[str, Any]:
        """Return the settings in force as JSON-serialisable data (subclasses add resolved ones)."""
        return self.hyperparameters.model_dump(mode="json")


class Agent(Searcher[H_co]):
    """A searcher with ask and tell.

    * Proposals are feasible wherever ``space.feasible`` can tell and a bounded effort finds them.
    * ``ask`` changes nothing but the generator's stream and what the agent holds as pending: it may
      come before outstanding tells, and proposals may never be told.
    * ``tell`` may come in any order, for any subset, and for designs that were never asked
      (a warm start).
    """

    @abstractmethod
    def ask(self, n: int) -> np.ndarray:
        """Propose designs, int64 ``[k, d]`` with ``1 <= k <= n``; k is the agent's natural batch."""

    @abstractmethod
    def tell(self, designs: np.ndarray, rewards: np.ndarray, evaluation: Evaluation | None = None) -> None:
        """Report the rewards ``[k]`` of designs ``[k, d]``; the evaluation is a hint most agents ignore."""


class LearningAgent(Searcher[H_co]):
    """A searcher that owns its loop on an environment."""

    @abstractmethod
    def learn(self, environment: DesignEnv) -> None:
        """Step the environment until done, or until ``BudgetExhausted`` propagates out of ``step``."""

    def budget_of(self, environment: DesignEnv) -> int:
        """Return the budget that ends the search; raises InvalidInputError where there is none."""
        if environment.budget is None:
            raise InvalidInputError(
                f"{self.name} needs an environment with a budget: pass evaluator=BudgetedEvaluator(problem, budget=...)"
            )
        return environment.budget


def validated(searcher: type[Searcher[Any]], hyperparameters: BaseModel | Mapping[str, Any] | None) -> BaseModel:
    """Return the hyperparameter model of ``searcher`` filled with the user's values.

    Raises:
        UnknownNameError, InvalidInputError: see :class:`Searcher`.
    """
    model = searcher.Hyperparameters
    if isinstance(hyperparameters, model):
        return hyperparameters
    if hyperparameters is not None and not isinstance(hyperparameters, Mapping):
        raise InvalidInputError(
            f"hyperparameters of agent {searcher.name!r} must be a mapping or a {model.__name__}, "
            f"got {type(hyperparameters).__name__}"
        )
    given = dict(hyperparameters or {})
    if reason := formulation_refusal(searcher, given.get("formulation")):
        raise InvalidInputError(reason)
    for field in given:
        if field not in model.model_fields:
            raise UnknownNameError(f"hyperparameter of agent {searcher.name!r}", field, model.model_fields)
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "hyperparameters"
        raise InvalidInputError(
            f"agent {searcher.name!r}: hyperparameter {where!r}: {first['msg']}, got {first['input']!r}"
        ) from None


def formulation_refusal(searcher: type[Searcher[Any]], formulation: object) -> str:
    """Return why a searcher does not take a formulation that exists, and what to do; empty where it does."""
    from agents.registry import agents_for
    from archgym_envs.design_env import FORMULATIONS

    able = searcher.formulations
    if formulation not in FORMULATIONS or (
        formulation in able and "formulation" in searcher.Hyperparameters.model_fields
    ):
        return ""
    if formulation in able:
        return f"agent {searcher.name!r} searches {formulation} only, without such a hyperparameter; leave it out"
    others = agents_for(str(formulation))
    more = "" if len(others) <= _NAMED else f" and {len(others) - _NAMED} more"
    return (
        f"agent {searcher.name!r} cannot search formulation {formulation!r}: {_ACTIONS[str(formulation)]}, and it "
        f"searches {', '.join(able)} only; leave the formulation out, or use one of the agents that can: "
        f"{', '.join(others[:_NAMED])}{more}"
    )
