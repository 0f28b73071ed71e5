"""The edit formulation: an episode is a walk, each step changes one parameter of the current design."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium.utils import RecordConstructorArgs

from archgym_envs.design_env import DesignEnv, Info, design_env_under
from simulators import InvalidInputError, UnknownNameError

EDITS = 16
"""Steps of an episode unless another number is asked for."""
STARTS = ("reference", "best")
"""Where episodes begin."""


@dataclass(frozen=True)
class _Place:
    """Where a walk is: a canonical design ``[d]``, what the environment shows and says of it, and its reward."""

    design: np.ndarray
    observation: np.ndarray
    info: Info
    reward: float


class EditDesign(gymnasium.Wrapper[np.ndarray, int, np.ndarray, np.ndarray], RecordConstructorArgs):
    """Walk from design to design, one parameter per step; every step proposes, and evaluates, the edited design.

    *Action*: ``Discrete(n)``, n the number of values of all parameters together: first the values of the first
    parameter, then those of the second, and so on. An action sets its parameter to its value (:meth:`edit_of`).

    *Action mask*: ``info["action_mask"]``, int8 ``[n]`` as ``Discrete.sample(mask)`` takes it; :meth:`action_masks`
    gives the same as booleans, by the name that sb3-contrib's ``MaskablePPO`` asks for. 1 for edits that change the
    design: not for values that it has, nor for parameters without effect on it. While invalid edits are undone, also
    not for edits that break a constraint of the space. Where no action is left, the constraints are dropped from the
    mask, and if there is still none, it is all 1.

    A masked edit is no error. One that changes nothing proposes the current design again, which costs a proposal and
    no evaluation; only the reference design costs one, when it is proposed for the first time.

    *Observation*: ``Box``, float32, d + m + 2 entries for d parameters and m metrics:

    ================  =============================================================================================
    0 .. d + m        what the environment shows of the current design, see :mod:`archgym_envs.observations`:
                      d fractions, m log-ratios of the metrics, share of the budget that is left
    d + m + 1         share of the episode's steps that is left: 1 after ``reset``, 0 after the last step
    ================  =============================================================================================

    *Reward*: the edited design's reward less that of the design before, so that an episode's rewards add up to the gain
    of its last design over its first.

    *Invalid designs* (a constraint broken, or no metrics) have the reward :data:`~archgym_envs.scoring.INVALID_REWARD`
    like everywhere, and the edit is undone: the step is rewarded -10 less the current design's reward, and the walk
    goes on from the current design, which is what the observation shows. These fines come on top of the gain in the
    episode's sum. Walks so stay among valid designs and spend no budget on the neighbours of invalid ones, but cannot
    cross them. With ``undo_invalid=False`` the walk goes on from the invalid design: then every design can be reached,
    and the sum is the gain whatever happens.

    *Episode*: ``episode_length`` edits, then ``terminated``. It reaches designs that differ from the first in at
    most so many parameters. It begins at the problem's reference design: every episode alike, as learners assume. With
    ``start="best"`` it begins at the valid design with the highest reward so far (the first such; the reference design
    before any is better), which reaches further in large spaces, while what an episode can gain changes as the search
    goes on. A ``reset`` with a seed begins anew and forgets it. Beginning costs no budget.

    ``info`` is that of the environment for the edited design (after ``reset`` for the first), with ``action_mask`` and
    ``undone``, whether the edit was.

    Args:
        env: a :class:`~archgym_envs.design_env.DesignEnv`, wrapped or not, whose actions are still designs.
        episode_length: edits per episode, at least 1 (the wrapped environment's own length does not matter).
        start: ``reference`` or ``best``.
        undo_invalid: whether edits to invalid designs are undone.

    Raises:
        InvalidInputError: ``env`` is something else, or an impossible length.
        UnknownNameError: another start, with the nearest.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        episode_length: int = EDITS,
        start: str = "reference",
        undo_invalid: bool = True,
    ) -> None:
        RecordConstructorArgs.__init__(self, episode_length=episode_length, start=start, undo_invalid=undo_invalid)
        super().__init__(env)
        self._base: DesignEnv = design_env_under(env, "EditDesign")
        self._space = self._base.space
        if isinstance(episode_length, bool) or not isinstance(episode_length, int) or episode_length < 1:
            raise InvalidInputError(f"episode_length must be an integer of at least 1, got {episode_length!r}")
        if start not in STARTS:
            raise UnknownNameError("start", start, STARTS)
        self.episode_length = episode_length
        self.start = start
        self.undo_invalid = undo_invalid
        counts = self._space.cardinalities
        self._columns = np.repeat(np.arange(len(counts)), counts)
        self._values = np.concatenate([np.arange(count) for count in counts])
        self.action_space = gymnasium.spaces.Discrete(len(self._values))
        self.observation_space = _with_a_share(env.observation_space)
        self._place = self._best = self._reference(*self._base.core.explain_reference())
        self._steps = 0

    @property
    def observation_names(self) -> tuple[str, ...]:
        """What each entry of the observation is."""
        return (*self._base.observation_names, "episode_left")

    @property
    def design(self) -> np.ndarray:
        """The current design, canonical indices ``[d]``."""
        return self._place.design.copy()

    def edit_of(self, action: int) -> tuple[str, Any]:
        """Return the parameter's name and the value that an action sets it to."""
        self._check(action)
        parameter = self._space.parameters[int(self._columns[action])]
        return parameter.name, parameter.values[int(self._values[action])]

    def action_masks(self) -> np.ndarray:
        """Return which actions are worth taking, bool ``[n]``; see the class."""
        design = self._place.design
        active = self._space.active(design[None])[0]
        mask: np.ndarray = active[self._columns] & (design[self._columns] != self._values)
        if self._space.constraints and self.undo_invalid:
            edits = np.flatnonzero(mask)
            kept = edits[self._space.feasible(self._edited(edits))]
            if len(kept):
                mask[:] = False
                mask[kept] = True
        return mask if mask.any() else np.ones_like(mask)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, Info]:
        """Begin a walk; return the observation and info of its first design, see the class."""
        observation, info = self.env.reset(seed=seed, options=options)
        reference = self._reference(observation, info)
        if seed is not None:
            self._best = reference
        self._place = self._best if self.start == "best" else reference
        self._steps = 0
        told = self._told({**self._place.info, **self._base.core.counts()}, undone=False)
        return self._seen(budget_left=observation[-1]), told

    def step(self, action: int) -> tuple[np.ndarray, SupportsFloat, bool, bool, Info]:
        """Change one parameter and evaluate the design.

        Raises:
            InvalidInputError: an action that is no integer from 0 to n - 1.
            BudgetExhausted: the search has ended; the walk stays where it is.
        """
        self._check(action)
        design = self._edited(np.array([action]))
        observation, reward, _, truncated, info = self.env.step(design[0])
        place = _Place(self._space.canonical(design)[0], observation, info, float(reward))
        gain = place.reward - self._place.reward
        undone = self.undo_invalid and not info["valid"]
        if not undone:
            self._place = place
        if info["valid"] and place.reward > self._best.reward:
            self._best = place
        self._steps += 1
        seen, told = self._seen(budget_left=observation[-1]), self._told(info, undone)
        return seen, gain, self._steps >= self.episode_length, truncated, told

    def _check(self, action: int) -> None:
        if not self.action_space.contains(action):
            raise InvalidInputError(f"an action must be an integer from 0 to {len(self._values) - 1}, got {action!r}")

    def _edited(self, actions: np.ndarray) -> np.ndarray:
        """Return what actions ``[k]`` would make of the current design, ``[k, d]``."""
        designs = np.repeat(self._place.design[None], len(actions), axis=0)
        designs[np.arange(len(actions)), self._columns[actions]] = self._values[actions]
        return designs

    def _reference(self, observation: np.ndarray, info: Info) -> _Place:
        scorer = self._base.scorer
        reward = scorer.reward_of(scorer.reference_score)
        return _Place(self._base.problem.reference_indices[0], observation, info, reward)

    def _seen(self, budget_left: float) -> np.ndarray:
        left = max(0, self.episode_length - self._steps) / self.episode_length
        return np.concatenate([self._place.observation[:-1], np.array([budget_left, left], dtype=np.float32)])

    def _told(self, info: Info, undone: bool) -> Info:
        return {**info, "action_mask": self.action_masks().astype(np.int8), "undone": undone}


def _with_a_share(space: gymnasium.Space[Any]) -> gymnasium.spaces.Box:
    """Return a box of vectors with one more entry, in [0, 1]."""
    if not isinstance(space, gymnasium.spaces.Box) or len(space.shape) != 1:
        raise InvalidInputError(f"EditDesign needs observations that are vectors, got {space}")
    low, high = np.append(space.low, np.float32(0.0)), np.append(space.high, np.float32(1.0))
    return gymnasium.spaces.Box(low, high, dtype=np.float32)
