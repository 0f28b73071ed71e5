"""Wrappers that give a design environment another face."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from archgym_envs.design_env import DesignEnv
from simulators import InvalidInputError


class RelaxedBoxAction(gymnasium.ActionWrapper[np.ndarray, np.ndarray, np.ndarray]):
    """Let continuous learners (SAC, TD3, ...) act: a point of the box [-1, 1]^d is a design.

    The box is cut along each axis into equal shares, one per value (``DesignSpace.from_unit`` of
    ``(action + 1) / 2``), so that every value of every parameter is reached with equal measure;
    points outside are clipped. The box is symmetric because continuous policies start around zero.

    Args:
        env: a :class:`DesignEnv`, wrapped or not.

    Raises:
        InvalidInputError: ``env`` is no design environment, or an action holds NaN or has a wrong shape.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        if not isinstance(env.unwrapped, DesignEnv):
            raise InvalidInputError(f"RelaxedBoxAction wraps a DesignEnv, got {type(env.unwrapped).__name__}")
        self._space = env.unwrapped.space
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (self._space.dimensions,), dtype=np.float32)

    def action(self, action: np.ndarray) -> np.ndarray:
        """Return the indices ``[d]`` that a point ``[d]`` of the box stands for."""
        fractions = (np.asarray(action, dtype=np.float64)[None] + 1.0) / 2.0
        return self._space.from_unit(fractions)[0]
