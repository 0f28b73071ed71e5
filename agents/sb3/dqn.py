"""Deep Q-learning (stable-baselines3), a value of one parameter per step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from agents.base import hyperparameter
from agents.sb3.settings import FORMULATION_DOC, LearnerHyperparameters, SB3Agent
from agents.sweeps import Choice, Integer, LogUniform, Uniform
from archgym_envs.evaluators import PROPOSALS_PER_EVALUATION

if TYPE_CHECKING:
    import gymnasium


class DQNHyperparameters(LearnerHyperparameters):
    """Hyperparameters of :class:`DQN`; names and meanings of stable-baselines3."""

    learning_rate: float = hyperparameter(
        2e-3,
        "Step of Adam. Trap: the library's 1e-4 is for millions of steps.",
        sweep=LogUniform(5e-4, 1e-2),
        gt=0.0,
        le=0.2,
    )
    exploration: float = hyperparameter(
        0.5,
        "Share of the budget over which the probability of random values falls from 1 to final_exploration. Trap: near "
        "1 the search is random to its end.",
        sweep=Uniform(0.2, 0.8),
        gt=0.0,
        le=1.0,
    )
    final_exploration: float = hyperparameter(
        0.05,
        "Probability of a random value per step thereafter. Trap: at 0 the greedy design is repeated until the "
        "proposals run out.",
        sweep=LogUniform(0.02, 0.2),
        gt=0.0,
        le=1.0,
    )
    train_freq: int = hyperparameter(2, "Steps per update of the network.", sweep=Choice(1, 2, 4), ge=1, le=1000)
    replay_batch: int = hyperparameter(64, "Remembered steps per update.", sweep=Choice(32, 64, 128), ge=1, le=10000)
    target_update: int = hyperparameter(
        100,
        "Steps after which the target network is set to the learnt one. Trap: the library's 10 000 is longer than most "
        "searches.",
        sweep=Integer(50, 500, log=True),
        ge=1,
        le=1000000,
    )
    n_steps: int = hyperparameter(
        3,
        "Steps whose rewards are added up before the network's value is asked. Trap: returns over many steps include "
        "random choices that came after.",
        sweep=Integer(1, 8),
        ge=1,
        le=100,
    )
    formulation: Literal["sequential", "edit"] = hyperparameter("sequential", FORMULATION_DOC)


class DQN(SB3Agent[DQNHyperparameters]):
    """Q-learning from remembered steps, with one value per choice: it takes one of few actions per step.

    In ``one-shot`` there would be as many actions as designs.
    """

    name = "dqn"
    version = "1"
    citation = "Mnih et al., Human-level Control through Deep Reinforcement Learning, Nature 518, 529 (2015)"
    Hyperparameters = DQNHyperparameters
    formulations = ("sequential", "edit")

    def _model(self, environment: gymnasium.Env[Any, Any], budget: int) -> Any:
        import stable_baselines3

        chosen = self.hyperparameters
        steps = budget * self.steps_per_design
        return stable_baselines3.DQN(
            "MlpPolicy",
            environment,
            learning_rate=chosen.learning_rate,
            buffer_size=min(2 * steps, 200_000),
            learning_starts=min(10 * self.steps_per_design, steps // 10),
            batch_size=chosen.replay_batch,
            train_freq=chosen.train_freq,
            n_steps=chosen.n_steps,
            target_update_interval=chosen.target_update,
            exploration_fraction=chosen.exploration / PROPOSALS_PER_EVALUATION,
            exploration_final_eps=chosen.final_exploration,
            **self._common(),
        )
