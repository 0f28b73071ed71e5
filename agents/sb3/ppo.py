"""Proximal policy optimisation (stable-baselines3), and with masks (sb3-contrib)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar

from agents.base import hyperparameter
from agents.sb3.settings import FORMULATION_DOC, LearnerHyperparameters, OnPolicyAgent
from agents.sweeps import Choice, Integer, LogUniform, Uniform

if TYPE_CHECKING:
    import gymnasium


class ClippedHyperparameters(LearnerHyperparameters):
    """Hyperparameters of both learners here; names and meanings of stable-baselines3."""

    learning_rate: float = hyperparameter(
        5e-3,
        "Step of Adam. Trap: the usual 3e-4 hardly moves the policy within a few hundred evaluations; from 1e-2 it may "
        "settle on one design before the budget ends.",
        sweep=LogUniform(1e-3, 2e-2),
        gt=0.0,
        le=0.2,
    )
    n_steps: int | None = hyperparameter(
        None,
        "Designs per policy update; None takes a sixteenth of the budget, between 4 and 64: at least eight updates "
        "from a budget of 32 on. Trap: the library's 2048 would never update within a small budget.",
        ge=2,
        le=100000,
    )
    n_epochs: int = hyperparameter(
        5,
        "Passes over the designs of an update. Trap: many passes over few designs overfit (Schulman et al., 2017).",
        sweep=Integer(2, 15),
        ge=1,
        le=1000,
    )
    minibatches: int = hyperparameter(
        1, "Parts an update's designs are split into per pass.", sweep=Choice(1, 2), ge=1, le=100
    )
    ent_coef: float = hyperparameter(
        0.02,
        "Weight of the policy's entropy. Trap: at 0 the policy settles on one design early and repeats it, at 0.1 and "
        "above it stays random.",
        sweep=LogUniform(1e-3, 1e-1),
        ge=0.0,
        le=10.0,
    )
    clip_range: float = hyperparameter(
        0.2, "Largest change of a design's probability ratio per update.", sweep=Uniform(0.1, 0.4), gt=0.0, le=10.0
    )


class PPOHyperparameters(ClippedHyperparameters):
    """Hyperparameters of :class:`PPO`."""

    formulation: Literal["one-shot", "sequential", "edit", "relaxed"] = hyperparameter("one-shot", FORMULATION_DOC)


class MaskablePPOHyperparameters(ClippedHyperparameters):
    """Hyperparameters of :class:`MaskablePPO`."""

    formulation: Literal["one-shot", "sequential", "edit"] = hyperparameter(
        "sequential", FORMULATION_DOC + " In one-shot hardly anything can be masked."
    )


H_co = TypeVar("H_co", bound=ClippedHyperparameters, covariant=True)


class _Clipped(OnPolicyAgent[H_co]):
    def _arguments(self, budget: int) -> dict[str, Any]:
        chosen = self.hyperparameters
        n_steps = self.resolved_n_steps(budget)
        return {
            "learning_rate": chosen.learning_rate,
            "n_steps": n_steps,
            "batch_size": max(2, -(-n_steps // chosen.minibatches)),
            "n_epochs": chosen.n_epochs,
            "ent_coef": chosen.ent_coef,
            "clip_range": chosen.clip_range,
            **self._common(),
        }


class PPO(_Clipped[PPOHyperparameters]):
    """PPO with a factorised categorical policy, one factor per parameter, on ``MultiDiscrete`` actions.

    On the default environment (an episode is one design) this is a contextual bandit: the return is the reward, the
    value function a baseline. In ``sequential`` and ``edit`` the policy chooses one value per step, in ``relaxed`` it
    is a Gaussian around a point of a box.
    """

    name = "ppo"
    version = "1"
    citation = "Schulman et al., Proximal Policy Optimization Algorithms, arXiv 1707.06347 (2017)"
    Hyperparameters = PPOHyperparameters
    formulations = ("one-shot", "sequential", "edit", "relaxed")

    def _model(self, environment: gymnasium.Env[Any, Any], budget: int) -> Any:
        import stable_baselines3

        return stable_baselines3.PPO("MlpPolicy", environment, **self._arguments(budget))


class MaskablePPO(_Clipped[MaskablePPOHyperparameters]):
    """PPO that gives no probability to masked actions.

    ``sequential`` masks the values of parameters without effect, and, in large spaces in late turns only, those that
    leave no feasible design; ``edit`` masks edits that change nothing or break a constraint. In ``one-shot`` choices
    are simultaneous: only values are masked which no feasible design has, in spaces of up to 65 536 designs
    (:meth:`.DesignEnv.action_masks`). Elsewhere that is the same as :class:`PPO`.
    """

    name = "maskable_ppo"
    version = "1"
    citation = (
        "Huang and Ontanon, A Closer Look at Invalid Action Masking in Policy Gradient Algorithms, FLAIRS 2022 "
        "(arXiv 2006.14171)"
    )
    Hyperparameters = MaskablePPOHyperparameters
    formulations = ("one-shot", "sequential", "edit")
    requires = ("torch", "stable_baselines3", "sb3_contrib")
    libraries = ("stable_baselines3", "sb3_contrib")

    def _model(self, environment: gymnasium.Env[Any, Any], budget: int) -> Any:
        import sb3_contrib

        return sb3_contrib.MaskablePPO("MlpPolicy", environment, **self._arguments(budget))
