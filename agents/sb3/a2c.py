"""Advantage actor-critic (stable-baselines3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from agents.base import hyperparameter
from agents.sb3.settings import FORMULATION_DOC, LearnerHyperparameters, OnPolicyAgent
from agents.sweeps import Integer, LogUniform

if TYPE_CHECKING:
    import gymnasium


class A2CHyperparameters(LearnerHyperparameters):
    """Hyperparameters of :class:`A2C`; names and meanings of stable-baselines3."""

    learning_rate: float = hyperparameter(
        5e-3,
        "Step of Adam. Trap: an update is one step, so that the usual 7e-4 hardly moves the policy within a few "
        "thousand designs.",
        sweep=LogUniform(1e-3, 3e-2),
        gt=0.0,
        le=0.2,
    )
    n_steps: int = hyperparameter(
        8,
        "Designs per policy update, which is a single step of the optimiser. Trap: with 2 advantages are noise, with "
        "many there are few updates.",
        sweep=Integer(4, 32, log=True),
        ge=2,
        le=100000,
    )
    ent_coef: float = hyperparameter(
        0.02,
        "Weight of the policy's entropy. Trap: at 0 the policy settles on one design early and repeats it, at 0.1 and "
        "above it stays random.",
        sweep=LogUniform(1e-3, 1e-1),
        ge=0.0,
        le=10.0,
    )
    formulation: Literal["one-shot", "sequential", "edit", "relaxed"] = hyperparameter("one-shot", FORMULATION_DOC)


class A2C(OnPolicyAgent[A2CHyperparameters]):
    """Synchronous actor-critic: one gradient step per batch of designs, no clip, advantages of unit spread.

    Adam takes the place of the library's RMSprop, whose first steps are ten times larger than later ones.
    """

    name = "a2c"
    version = "1"
    citation = "Mnih et al., Asynchronous Methods for Deep Reinforcement Learning, ICML 2016"
    Hyperparameters = A2CHyperparameters
    formulations = ("one-shot", "sequential", "edit", "relaxed")

    def _model(self, environment: gymnasium.Env[Any, Any], budget: int) -> Any:
        import stable_baselines3

        chosen = self.hyperparameters
        return stable_baselines3.A2C(
            "MlpPolicy",
            environment,
            learning_rate=chosen.learning_rate,
            n_steps=self.resolved_n_steps(budget),
            ent_coef=chosen.ent_coef,
            use_rms_prop=False,
            normalize_advantage=True,
            **self._common(),
        )
