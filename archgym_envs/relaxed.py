"""The relaxed formulation: a design is the cell of a box that a point lies in, for learners with continuous actions."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.utils import RecordConstructorArgs

from archgym_envs.design_env import design_env_under
from simulators import InvalidInputError


class RelaxedDesign(gymnasium.ActionWrapper[np.ndarray, np.ndarray, np.ndarray], RecordConstructorArgs):
    """Let continuous learners (SAC, TD3, evolution strategies) act: a point of the box [0, 1]^d is a design.

    *Action*: ``Box(0, 1)``, float32 ``[d]``. Axis j is cut into k equal shares, one per value of parameter j: x stands
    for value ``min(floor(k x), k - 1)`` (``DesignSpace.from_unit``), so 0.0 is the first value and 1.0 the last. Points
    outside the box are clipped to it. Observation, reward, episode and ``info`` are those of the environment.

    Args:
        env: a :class:`~archgym_envs.design_env.DesignEnv`, wrapped or not, whose actions are still designs.

    Raises:
        InvalidInputError: ``env`` is something else.
    """

    low: ClassVar[float] = 0.0
    """Where the box begins, along every axis; it ends at 1."""

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        self._space = design_env_under(env, type(self).__name__).space
        self.action_space = gymnasium.spaces.Box(self.low, 1.0, (self._space.dimensions,), dtype=np.float32)

    def action(self, action: np.ndarray) -> np.ndarray:
        """Return the indices ``[d]`` that a point ``[d]`` of the box stands for.

        Raises:
            InvalidInputError: a wrong shape, something else than numbers, or NaN.
        """
        try:
            point = np.asarray(action, dtype=np.float64)
        except (TypeError, ValueError):
            raise InvalidInputError(f"an action must be {self._space.dimensions} numbers, got {action!r}") from None
        if point.shape != (self._space.dimensions,):
            raise InvalidInputError(
                f"an action must have shape [{self._space.dimensions}], one number per parameter, "
                f"got shape {list(point.shape)}"
            )
        if np.isnan(point).any():
            name = self._space.names[int(np.flatnonzero(np.isnan(point))[0])]
            raise InvalidInputError(f"an action must be finite, but is NaN for parameter {name!r}")
        return self._space.from_unit(((point - self.low) / (1.0 - self.low))[None])[0]


class RelaxedBoxAction(RelaxedDesign):
    """The same with the box [-1, 1]^d, for policies that start around zero and are not rescaled to their actions."""

    low: ClassVar[float] = -1.0
