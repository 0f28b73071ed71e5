"""Proximal policy optimisation (stable-baselines3) on a design environment."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.base import Hyperparameters, LearningAgent, hyperparameter
from agents.sweeps import Choice, Integer, LogUniform, Uniform
from archgym_envs.evaluators import PROPOSALS_PER_EVALUATION
from simulators import InvalidInputError

if TYPE_CHECKING:
    from archgym_envs.design_env import DesignEnv

UPDATES = 16
"""Policy updates aimed at within the budget when ``n_steps`` is not given."""


class PPOHyperparameters(Hyperparameters):
    """Hyperparameters of :class:`PPO`; names and meanings of stable-baselines3."""

    learning_rate: float = hyperparameter(
        5e-3,
        "Step of Adam. Trap: the usual 3e-4 hardly moves the policy within a few hundred evaluations; from 1e-2 it may "
        "settle on one design before the budget ends.",
        sweep=LogUniform(1e-3, 2e-2),
        gt=0.0,
    )
    n_steps: int | None = hyperparameter(
        None,
        "Designs per policy update; None takes a sixteenth of the budget, between 4 and 64: at least eight updates "
        "from a budget of 32 on. Trap: the library's 2048 would never update within a small budget.",
        ge=2,
    )
    n_epochs: int = hyperparameter(
        5,
        "Passes over the designs of an update. Trap: many passes over few designs overfit (Schulman et al., 2017).",
        sweep=Integer(2, 15),
        ge=1,
    )
    minibatches: int = hyperparameter(1, "Parts an update's designs are split into per pass.", sweep=Choice(1, 2), ge=1)
    ent_coef: float = hyperparameter(
        0.02,
        "Weight of the policy's entropy. Trap: at 0 the policy settles on one design early and repeats it, at 0.1 and "
        "above it stays random.",
        sweep=LogUniform(1e-3, 1e-1),
        ge=0.0,
    )
    clip_range: float = hyperparameter(
        0.2, "Largest change of a design's probability ratio per update.", sweep=Uniform(0.1, 0.4), gt=0.0
    )
    gamma: float = hyperparameter(
        0.99,
        "Discount. Without effect where an episode is one design.",
        ge=0.0,
        le=1.0,
    )
    width: int = hyperparameter(
        32,
        "Units in each of the two hidden layers of policy and value function.",
        sweep=Choice(16, 32, 64),
        ge=1,
    )


class PPO(LearningAgent[PPOHyperparameters]):
    """PPO with a factorised categorical policy, one factor per parameter, on ``MultiDiscrete`` actions.

    On the default environment (an episode is one design) this is a contextual bandit: the return is the reward, the
    value function a baseline. Small networks, one thread, and the same proposals for the same seed on a CPU.
    """

    name = "ppo"
    version = "1"
    citation = "Schulman et al., Proximal Policy Optimization Algorithms, arXiv 1707.06347 (2017)"
    Hyperparameters = PPOHyperparameters
    requires = ("torch", "stable_baselines3")

    def learn(self, environment: DesignEnv) -> None:
        """Learn until the environment's budget ends (``BudgetExhausted`` leaves through ``step``).

        Raises:
            InvalidInputError: an environment without a budget, which would never end.
            BudgetExhausted: the normal end.
        """
        budget = environment.budget
        if budget is None:
            raise InvalidInputError(
                "ppo needs an environment with a budget: pass evaluator=BudgetedEvaluator(problem, budget=...)"
            )
        with _isolated():
            model = self._model(environment, self.resolved_n_steps(budget))
            while True:  # repeats are free, so only the evaluator knows when to end
                model.learn(PROPOSALS_PER_EVALUATION * budget, reset_num_timesteps=False)

    def resolved_n_steps(self, budget: int) -> int:
        """Return the designs per policy update for this budget."""
        given = self.hyperparameters.n_steps
        return int(np.clip(budget // UPDATES, 4, 64)) if given is None else given

    def settings(self) -> dict[str, Any]:
        """Return the hyperparameters and the versions of the libraries."""
        import stable_baselines3
        import torch

        versions = {"stable_baselines3": stable_baselines3.__version__, "torch": str(torch.__version__)}
        return {**super().settings(), **versions}

    def _model(self, environment: DesignEnv, n_steps: int) -> Any:
        import stable_baselines3
        from stable_baselines3.common.logger import Logger

        chosen = self.hyperparameters
        model = stable_baselines3.PPO(
            "MlpPolicy",
            environment,
            learning_rate=chosen.learning_rate,
            n_steps=n_steps,
            batch_size=max(2, -(-n_steps // chosen.minibatches)),
            n_epochs=chosen.n_epochs,
            gamma=chosen.gamma,
            ent_coef=chosen.ent_coef,
            clip_range=chosen.clip_range,
            policy_kwargs={"net_arch": [chosen.width, chosen.width]},
            seed=int(self.rng.integers(2**31)),
            device="cpu",
            verbose=0,
        )
        model.set_logger(Logger(folder=None, output_formats=[]))
        return model


@contextlib.contextmanager
def _isolated() -> Iterator[None]:
    """One thread, and the process's global generators (which stable-baselines3 seeds) as they were.

    Torch's checks of distribution arguments, a quarter of the run time here, are off meanwhile.
    """
    import torch
    from torch.distributions import Distribution

    threads, validate = torch.get_num_threads(), Distribution._validate_args
    python_state, numpy_state = random.getstate(), np.random.get_state()
    torch.set_num_threads(1)
    Distribution.set_default_validate_args(False)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)
        Distribution.set_default_validate_args(validate)
        random.setstate(python_state)
        np.random.set_state(numpy_state)
