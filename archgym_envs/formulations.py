"""How a design problem is put to a learner: the same designs, scores and budget, other actions and episodes.

==============  =========================================  ===========================  =========================
formulation     action                                     episode                      whose
==============  =========================================  ===========================  =========================
``one-shot``    ``MultiDiscrete``: a whole design          one design                   :class:`.DesignEnv`
``sequential``  ``Discrete``: a value of the parameter     one design in d steps        :class:`.SequentialDesign`
                whose turn it is, masked
``edit``        ``Discrete``: one parameter's new value,   n designs, one per step      :class:`.EditDesign`
                masked
``relaxed``     ``Box(0, 1)``: a point, whose cell is a    one design                   :class:`.RelaxedDesign`
                design
==============  =========================================  ===========================  =========================
"""

from __future__ import annotations

from typing import Any

import gymnasium

from archgym_envs.design_env import FORMULATIONS, design_env_under
from archgym_envs.edit import EDITS, EditDesign
from archgym_envs.relaxed import RelaxedDesign
from archgym_envs.sequential import SequentialDesign
from simulators import InvalidInputError, UnknownNameError

__all__ = ["FORMULATIONS", "formulate"]


def formulate(
    env: gymnasium.Env[Any, Any], formulation: str, episode_length: int | None = None
) -> gymnasium.Env[Any, Any]:
    """Return an environment in one of the formulations.

    Args:
        env: a :class:`~archgym_envs.design_env.DesignEnv`, wrapped or not, whose actions are still designs.
        formulation: one of :data:`FORMULATIONS`; ``one-shot`` gives ``env`` itself.
        episode_length: of ``edit`` only, edits per episode, default 16. An episode of the others is as many designs as
            one of ``env``.

    Raises:
        UnknownNameError: no such formulation, with the nearest.
        InvalidInputError: another environment, an impossible episode length, or one where it is not of ``edit``.
    """
    if formulation not in FORMULATIONS:
        raise UnknownNameError("formulation", formulation, FORMULATIONS)
    if formulation == "edit":
        return EditDesign(env, EDITS if episode_length is None else episode_length)
    if episode_length is not None:
        raise InvalidInputError(
            f"formulate takes an episode_length for 'edit' only; for {formulation!r} give it to the DesignEnv"
        )
    if formulation == "sequential":
        return SequentialDesign(env)
    if formulation == "relaxed":
        return RelaxedDesign(env)
    design_env_under(env, "formulation 'one-shot'")
    return env
