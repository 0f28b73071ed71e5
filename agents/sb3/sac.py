"""Soft actor-critic (stable-baselines3) in the box that the design space is relaxed to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from agents.base import hyperparameter
from agents.sb3.settings import LearnerHyperparameters, SB3Agent
from agents.sweeps import Choice, LogUniform, Uniform

if TYPE_CHECKING:
    import gymnasium


class SACHyperparameters(LearnerHyperparameters):
    """Hyperparameters of :class:`SAC`; names and meanings of stable-baselines3."""

    learning_rate: float = hyperparameter(
        5e-3,
        "Step of Adam, of actor, critics and temperature. Trap: the library's 3e-4 hardly moves them within a few "
        "hundred designs.",
        sweep=LogUniform(1e-3, 2e-2),
        gt=0.0,
        le=0.2,
    )
    random_share: float = hyperparameter(
        0.05, "Share of the budget that is spent on random designs first.", sweep=Uniform(0.02, 0.2), ge=0.0, lt=1.0
    )
    replay_batch: int = hyperparameter(64, "Remembered designs per update.", sweep=Choice(32, 64, 128), ge=1, le=10000)
    gradient_steps: int = hyperparameter(1, "Updates of all networks per design.", sweep=Choice(1, 2), ge=1, le=100)
    entropy: float = hyperparameter(
        -1.0,
        "Entropy per parameter (in nats, of a point in [-1, 1]) that the temperature steers the policy to. Trap: at "
        "the library's -1 it covers a fifth of each axis; far below it repeats one design.",
        sweep=Uniform(-3.0, -0.5),
        le=0.69,
    )
    tau: float = hyperparameter(
        0.05,
        "Share of the way that target critics go per update. Without effect where an episode is one step.",
        gt=0.0,
        le=1.0,
    )
    formulation: Literal["relaxed"] = hyperparameter("relaxed", "It acts in the relaxed box only.")


class SAC(SB3Agent[SACHyperparameters]):
    """A stochastic actor on a box whose cells are designs, learnt from remembered designs.

    Order means something to it on every axis, so that parameters without an order are harder.
    """

    name = "sac"
    version = "1"
    citation = "Haarnoja et al., Soft Actor-Critic, ICML 2018"
    Hyperparameters = SACHyperparameters
    formulations = ("relaxed",)

    def _model(self, environment: gymnasium.Env[Any, Any], budget: int) -> Any:
        import stable_baselines3

        chosen = self.hyperparameters
        return stable_baselines3.SAC(
            "MlpPolicy",
            environment,
            learning_rate=chosen.learning_rate,
            buffer_size=min(10 * budget, 200_000),
            learning_starts=int(chosen.random_share * budget),
            batch_size=chosen.replay_batch,
            gradient_steps=chosen.gradient_steps,
            tau=chosen.tau,
            target_entropy=chosen.entropy * self.space.dimensions,
            **self._common(),
        )
