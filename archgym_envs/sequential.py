"""The sequential formulation: a design is chosen parameter by parameter, and evaluated when it is complete."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium.utils import RecordConstructorArgs

from archgym_envs._completions import Completions
from archgym_envs.design_env import DesignEnv, Info, design_env_under
from simulators import DesignSpace, InvalidInputError


class SequentialDesign(gymnasium.Wrapper[np.ndarray, int, np.ndarray, np.ndarray], RecordConstructorArgs):
    """Choose one parameter per step, in the order of the design space; ``d`` steps are one design.

    *Action*: ``Discrete(k)``, k the most values any parameter has: the position of the choice in the values of the
    parameter whose turn it is. Positions past its last value are taken modulo their number, so that every action of
    the space is one. Where earlier choices make the parameter inactive, every action stands for its default.

    *Action mask*: ``info["action_mask"]``, int8 ``[k]`` as ``Discrete.sample(mask)`` takes it, is 1 for the values of
    the parameter whose turn it is; of an inactive one only the default. :meth:`action_masks` gives the same as
    booleans, by the name that sb3-contrib's ``MaskablePPO`` asks for. A parameter is known to be inactive when a rule
    of the space says so that only depends on parameters before it, of which in turn it is known whether they are.

    Where the space has constraints, a value is 1 only if some choice of the later parameters still makes a feasible
    design. This is known in every turn in spaces of up to 65 536 designs, where masked choices so always end in a
    feasible design, if there is one. In larger spaces it is known from the first turn on from which there are at most
    1024 ways to complete the design, in any case in the last turn; in the turns before, constraints mask nothing. If
    no value is left, because of such an earlier choice, constraints mask nothing either, and the design is infeasible.
    Masked actions may be taken all the same.

    *Observation*: ``Box(0, 1)``, float32, ``2 d + 1`` entries:

    ==============  ===============================================================================================
    0 .. d-1        the design so far: (i + 0.5) / k for value i of k, 0 where nothing is chosen yet
    d .. 2d-1       1 for the parameter whose turn it is, 0 for the others; all 0 when an episode has ended
    2d              share of the budget that is left; 1 without a budget
    ==============  ===============================================================================================

    *Reward*: that of the design when it is complete, 0 before. *Episode*: ``episode_length`` designs, ``d`` steps each.

    ``info`` has ``parameter`` (whose turn it is; None when an episode has ended) and ``action_mask``; when a design is
    complete also everything that the environment itself says of it.

    Args:
        env: a :class:`~archgym_envs.design_env.DesignEnv`, wrapped or not, whose actions are still designs.

    Raises:
        InvalidInputError: ``env`` is something else.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        self._base: DesignEnv = design_env_under(env, "SequentialDesign")
        space: DesignSpace = self._base.space
        self._space = space
        self._counts: list[int] = space.cardinalities.tolist()
        self._most = max(self._counts)
        self._rules = _rules_by_turn(space)
        self._masks = [_mask(self._most, range(count)) for count in self._counts]
        self._completions = Completions(space)
        self._chosen: list[int] = []
        self.action_space = gymnasium.spaces.Discrete(self._most)
        self.observation_space = gymnasium.spaces.Box(0.0, 1.0, (2 * space.dimensions + 1,), dtype=np.float32)

    @property
    def observation_names(self) -> tuple[str, ...]:
        """What each entry of the observation is."""
        names = self._space.names
        return (*names, *(f"turn_of_{name}" for name in names), "budget_left")

    def action_masks(self) -> np.ndarray:
        """Return which actions are worth taking in this turn, bool ``[k]``; see the class."""
        return self._mask_now().astype(bool)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, Info]:
        """Begin an episode with nothing chosen; see the class for observation and info."""
        self.env.reset(seed=seed, options=options)
        self._chosen = []
        return self._observation(turn=0), self._info(turn=0)

    def step(self, action: int) -> tuple[np.ndarray, SupportsFloat, bool, bool, Info]:
        """Choose the value of the parameter whose turn it is; evaluate the design when it was the last.

        Raises:
            InvalidInputError: an action that is no integer from 0 to k - 1.
            BudgetExhausted: the design is complete and the search has ended.
        """
        if not self.action_space.contains(action):
            raise InvalidInputError(f"an action must be an integer from 0 to {self._most - 1}, got {action!r}")
        turn = len(self._chosen)
        inactive = self._is_inactive(turn)
        default = self._space.parameters[turn].default_index
        self._chosen.append(default if inactive else int(action) % self._counts[turn])
        if turn + 1 < len(self._counts):
            return self._observation(turn + 1), 0.0, False, False, self._info(turn + 1)
        return self._complete()

    def _complete(self) -> tuple[np.ndarray, SupportsFloat, bool, bool, Info]:
        design = np.array(self._chosen)
        self._chosen = []
        _, reward, terminated, truncated, found = self.env.step(design)
        if terminated or truncated:
            self._chosen = design.tolist()
            observation = self._observation(turn=None)
            self._chosen = []
            info = {"parameter": None, "action_mask": self._mask_now()}
        else:
            observation, info = self._observation(turn=0), self._info(turn=0)
        return observation, reward, terminated, truncated, {**found, **info}

    def _is_inactive(self, turn: int) -> bool:
        """Return whether what is chosen already leaves a parameter without effect."""
        return any(all(applies[self._chosen[other]] for other, applies in rule) for rule in self._rules[turn])

    def _mask_now(self) -> np.ndarray:
        turn = len(self._chosen)
        if self._is_inactive(turn):
            return _mask(self._most, [self._space.parameters[turn].default_index])
        if turn >= self._completions.first:
            values = np.flatnonzero(self._completions.values(self._chosen))
            if len(values):
                return _mask(self._most, values.tolist())
        return self._masks[turn].copy()

    def _info(self, turn: int) -> Info:
        return {"parameter": self._space.names[turn], "action_mask": self._mask_now()}

    def _observation(self, turn: int | None) -> np.ndarray:
        d = len(self._counts)
        observation = np.zeros(2 * d + 1, dtype=np.float32)
        chosen = np.array(self._chosen, dtype=np.float64)
        observation[: len(chosen)] = (chosen + 0.5) / self._counts[: len(chosen)]
        if turn is not None:
            observation[d + turn] = 1.0
        budget, remaining = self._base.budget, self._base.evaluator.remaining
        observation[-1] = 1.0 if budget is None or remaining is None else remaining / budget
        return observation


Rule = list[tuple[int, np.ndarray]]


def _rules_by_turn(space: DesignSpace) -> list[list[Rule]]:
    """Return for each parameter the rules that make it inactive and are decided by parameters before it.

    A rule is the parameters it depends on, each with a bool array over its values. Those must be known to be active or
    not when their turn comes, too: then what is chosen of them is canonical, because inactive parameters are put to
    their default as they come.
    """
    rules: list[list[Rule]] = [[] for _ in space.parameters]
    for rule in space.inactive:
        rules[space.column(rule.parameter)].append([_condition(space, *condition) for condition in rule.when.items()])
    decided: list[list[Rule]] = []
    settled: set[int] = set()
    for turn, of_parameter in enumerate(rules):
        decided.append([rule for rule in of_parameter if all(other in settled for other, _ in rule)])
        if len(decided[turn]) == len(of_parameter):
            settled.add(turn)
    return decided


def _condition(space: DesignSpace, name: str, values: Sequence[object]) -> tuple[int, np.ndarray]:
    parameter = space.parameter(name)
    applies = np.zeros(len(parameter), dtype=bool)
    applies[[parameter.index(value) for value in values]] = True
    return space.column(name), applies


def _mask(size: int, valid: Iterable[int]) -> np.ndarray:
    mask = np.zeros(size, dtype=np.int8)
    mask[list(valid)] = 1
    return mask
