"""The environment: an agent proposes a design, the simulator says what it costs.

One step is one proposal::

    import gymnasium
    import archgym_envs

    env = gymnasium.make("archgym/MemoryController-v0", objective={"minimize": "energy_pj * makespan_ns"})
    observation, info = env.reset(seed=0)
    observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
    info["design"], info["metrics"]["energy_pj"], info["score"]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np

from archgym_envs._completions import possible_values
from archgym_envs.evaluators import DirectEvaluator, Evaluator
from archgym_envs.objectives import Objective
from archgym_envs.observations import ObservationEncoder
from archgym_envs.scoring import INVALID_REWARD, Scorer
from simulators import DesignSpace, Evaluation, InvalidInputError, Problem, UnknownNameError

FORMULATIONS = ("one-shot", "sequential", "edit", "relaxed")
"""How a design is proposed, see :mod:`archgym_envs.formulations`. ``one-shot``: all parameters at once."""

Info = dict[str, Any]


class DesignEnv(gymnasium.Env[np.ndarray, np.ndarray]):
    """A design problem as a Gymnasium environment.

    *Action*: ``MultiDiscrete``, one index per parameter, position j choosing among parameter j's
    values. *Observation*: a bounded float32 vector, see :mod:`archgym_envs.observations`. ``reset``
    shows the reference design, whose metrics are known and cost no budget.

    *Reward*: :meth:`archgym_envs.scoring.Scorer.reward`, within [-10, 10]; an invalid design costs budget
    like any other and is rewarded -10.

    *Episode*: ``episode_length`` proposals, then ``terminated`` is True; 1, the default, makes the
    environment a contextual bandit. ``truncated`` is always False: when the evaluation budget ends,
    ``step`` raises :class:`~archgym_envs.evaluators.BudgetExhausted` instead, so that no learner's loop
    can run on.

    ``info`` holds

    ==============  =================================================================================
    ``design``      parameter name -> value, inactive parameters at their default
    ``metrics``     metric name (with its unit) -> float; None where invalid
    ``score``       in the objective's own units; None where invalid
    ``met``         whether all budgets of a ``meet`` objective are met; False for other objectives
    ``valid``       whether the design could be simulated
    ``reason``      why it could not; empty when valid
    ``diagnostics`` what the simulator says about the design beside metrics, such as its ``bottleneck``: name ->
                    plain value; which names there are is the simulator's, and there may be none
    ``proposals``   with a budget: designs proposed so far, repeats included
    ``evaluations`` with a budget: unique designs simulated so far
    ==============  =================================================================================

    Everything is deterministic: the seed of ``reset`` seeds ``np_random``, which no design problem uses.

    Args:
        problem: simulator, space and workload.
        objective: an :class:`Objective` or its specification.
        evaluator: how designs reach the simulator, for this very problem; default: directly, no budget.
        episode_length: proposals per episode, at least 1.
        formulation: ``one-shot``; :func:`archgym_envs.formulate` gives the others.
        render_mode: must be None; nothing is drawn.

    Raises:
        UnknownNameError: an unknown formulation, or a metric that the problem does not have.
        InvalidInputError: another formulation, an episode length below 1, an evaluator of another problem.
    """

    def __init__(
        self,
        problem: Problem,
        objective: Mapping[str, Any] | Objective,
        *,
        evaluator: Evaluator | None = None,
        episode_length: int = 1,
        formulation: str = "one-shot",
        render_mode: str | None = None,
    ) -> None:
        self.metadata = {"render_modes": []}  # its own: Gymnasium's vector environments write into it
        refuse_rendering(render_mode)
        self.render_mode = None
        if formulation not in FORMULATIONS:
            raise UnknownNameError("formulation", formulation, FORMULATIONS)
        if formulation != "one-shot":
            raise InvalidInputError(
                f"a DesignEnv itself is one-shot; for {formulation!r} use archgym_envs.formulate(env, {formulation!r}) "
                f"or gymnasium.make(id, formulation={formulation!r})"
            )
        self.core = ProposalCore(problem, objective, evaluator, episode_length)
        self.problem: Problem = problem
        self.objective: Objective = self.core.scorer.objective
        self.episode_length: int = episode_length
        self.formulation = formulation
        self.action_space = gymnasium.spaces.MultiDiscrete(problem.space.cardinalities)
        self.observation_space = self.core.encoder.box
        self._masks: np.ndarray | None = None
        self._steps = 0

    @property
    def space(self) -> DesignSpace:
        """The design space that actions index."""
        return self.problem.space

    @property
    def scorer(self) -> Scorer:
        """The objective bound to the problem."""
        return self.core.scorer

    @property
    def evaluator(self) -> Evaluator:
        """How designs reach the simulator."""
        return self.core.evaluator

    @property
    def budget(self) -> int | None:
        """Unique designs that may be evaluated, or None where nothing is counted."""
        return self.core.evaluator.budget

    @property
    def observation_names(self) -> tuple[str, ...]:
        """What each entry of the observation is."""
        return self.core.encoder.names

    def action_masks(self) -> np.ndarray:
        """Return which values can be part of a feasible design, bool ``[n]``, n those of all parameters together.

        First the values of the first parameter, then of the second, and so on, as sb3-contrib's ``MaskablePPO`` asks
        for. It is known in spaces of up to 65 536 designs, and all true in larger ones. Values of different parameters
        that exclude one another are not masked: a design is chosen at once.
        """
        if self._masks is None:
            self._masks = possible_values(self.space)
        return self._masks.copy()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, Info]:
        """Begin an episode; return the observation and info of the reference design.

        Raises:
            InvalidInputError: any option is given (there are none).
        """
        super().reset(seed=seed)
        refuse_options(options)
        self._steps = 0
        return self.core.explain_reference()

    def step(self, action: np.ndarray | Sequence[int]) -> tuple[np.ndarray, float, bool, bool, Info]:
        """Evaluate one design.

        Args:
            action: integer indices, shape ``[d]``.

        Returns:
            observation, reward, terminated, truncated (always False), info.

        Raises:
            InvalidInputError: an action of the wrong shape or type, or outside the space.
            BudgetExhausted: the search has ended.
        """
        core = self.core
        designs, evaluation = core.evaluate(np.asarray(action)[None])
        observation, reward, info = core.explain(designs, evaluation)
        self._steps += 1
        return observation, reward, self._steps >= self.episode_length, False, info


def design_env_under(env: gymnasium.Env[Any, Any], wrapper: str) -> DesignEnv:
    """Return the design environment that ``wrapper`` is to be put around.

    Raises:
        InvalidInputError: there is none, or a wrapper has replaced its actions.
    """
    base = env.unwrapped
    if not isinstance(base, DesignEnv) or not isinstance(env.action_space, gymnasium.spaces.MultiDiscrete):
        raise InvalidInputError(
            f"{wrapper} wraps a DesignEnv whose actions are designs, got {type(base).__name__} "
            f"with actions {env.action_space}"
        )
    return base


class ProposalCore:
    """What the single and the vectorised environment share: evaluate, observe, explain.

    Args: as of :class:`DesignEnv`.

    Attributes:
        evaluator, scorer, encoder: the parts, see their classes.
    """

    def __init__(
        self,
        problem: Problem,
        objective: Mapping[str, Any] | Objective,
        evaluator: Evaluator | None,
        episode_length: int,
    ) -> None:
        if isinstance(episode_length, bool) or not isinstance(episode_length, int) or episode_length < 1:
            raise InvalidInputError(f"episode_length must be an integer of at least 1, got {episode_length!r}")
        if evaluator is not None and evaluator.problem is not problem:
            raise InvalidInputError("the evaluator belongs to another problem; make it for the environment's problem")
        self._problem = problem
        self._names = tuple(metric.name for metric in problem.simulator.metrics)
        self.evaluator: Evaluator = evaluator if evaluator is not None else DirectEvaluator(problem)
        self.scorer = Scorer(Objective.parse(objective), problem)
        self.encoder = ObservationEncoder(problem)
        self._has_budgets = self.scorer.objective.kind == "meet"

    def evaluate(self, actions: np.ndarray) -> tuple[np.ndarray, Evaluation]:
        """Return the canonical designs ``[n, d]`` and the evaluation of the first k of them, 1 <= k <= n."""
        designs = self._problem.space.canonical(actions)
        return designs, self.evaluator.evaluate(designs)

    def observe(self, designs: np.ndarray, evaluation: Evaluation) -> np.ndarray:
        """Return the observations ``[n, d + m + 1]`` of evaluated designs."""
        return self.encoder.encode(designs, evaluation, self._budget_left())

    def explain(self, designs: np.ndarray, evaluation: Evaluation) -> tuple[np.ndarray, float, Info]:
        """Return observation, reward and info of one evaluated design: the first, or only, row.

        Plain Python wherever that beats array operations on one row.
        """
        design, values = designs.tolist()[0], evaluation.values.tolist()[0]
        valid: bool = evaluation.valid.item(0)
        score = self.scorer.score_of(values) if valid else None
        info = {
            "design": self._problem.space.describe(design),
            "metrics": dict(zip(self._names, values, strict=True)) if valid else dict.fromkeys(self._names),
            "score": score,
            "met": score is not None and self._has_budgets and score <= 0.0,
            "valid": valid,
            "reason": evaluation.reason[0],
            "diagnostics": {name: array.item(0) for name, array in evaluation.diagnostics.items()},
        }
        if self.evaluator.budget is not None:
            info.update(self.counts())
        reward = INVALID_REWARD if score is None else self.scorer.reward_of(score)
        return self.encoder.encode_one(design, values, self._budget_left()), reward, info

    def explain_reference(self) -> tuple[np.ndarray, Info]:
        """Return observation and info of the reference design."""
        observation, _, info = self.explain(self._problem.reference_indices, self._problem.reference)
        return observation, info

    def counts(self) -> dict[str, int]:
        """Return the budget's counters where there is a budget."""
        if self.evaluator.budget is None:
            return {}
        return {
            name: int(getattr(self.evaluator, name))
            for name in ("proposals", "evaluations")
            if hasattr(self.evaluator, name)
        }

    def _budget_left(self) -> float:
        budget, remaining = self.evaluator.budget, self.evaluator.remaining
        return 1.0 if budget is None or remaining is None else remaining / budget


def refuse_options(options: Mapping[str, Any] | None) -> None:
    """Refuse reset options: none has a meaning, so one that is given is a mistake."""
    if options:
        raise InvalidInputError(f"reset takes no options, got {', '.join(map(repr, options))}")


def refuse_rendering(render_mode: str | None) -> None:
    """Refuse render modes."""
    if render_mode is not None:
        raise InvalidInputError(f"design environments draw nothing; leave render_mode out (got {render_mode!r})")
