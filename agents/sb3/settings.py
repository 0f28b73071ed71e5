"""What the learners of stable-baselines3 share. Importable without torch."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from agents.base import Hyperparameters, LearningAgent, hyperparameter
from agents.isolation import isolated
from agents.sweeps import Choice
from archgym_envs.edit import EDITS
from archgym_envs.evaluators import PROPOSALS_PER_EVALUATION
from archgym_envs.formulations import formulate
from archgym_envs.relaxed import RelaxedBoxAction
from simulators import InvalidInputError

if TYPE_CHECKING:
    import gymnasium

    from archgym_envs.design_env import DesignEnv

FORMULATION_DOC = (
    "How the problem is put (docs/environments.md). Trap: in sequential a reward comes after as many steps as there "
    "are parameters; edits reach only designs near the reference design within an episode."
)
_UPDATES = 16


class LearnerHyperparameters(Hyperparameters):
    """What every learner has, its formulation apart."""

    episode_length: int = hyperparameter(
        EDITS,
        "Edits per episode of the formulation edit; without effect in others, where it is one design.",
        ge=1,
        le=10000,
    )
    gamma: float = hyperparameter(
        0.99, "Discount per step. Without effect where an episode is one step.", ge=0.0, le=1.0
    )
    width: int = hyperparameter(
        32, "Units in each of the two hidden layers of every network.", sweep=Choice(16, 32, 64), ge=1, le=1024
    )


L_co = TypeVar("L_co", bound=LearnerHyperparameters, covariant=True)


class SB3Agent(LearningAgent[L_co]):
    """A learner of stable-baselines3; a subclass builds its model.

    Small networks, one thread, and the same proposals for the same seed on a CPU.
    """

    requires: ClassVar[tuple[str, ...]] = ("torch", "stable_baselines3")
    libraries: ClassVar[tuple[str, ...]] = ("stable_baselines3",)
    """Modules whose versions are part of a run's settings, beside torch."""

    def learn(self, environment: DesignEnv) -> None:
        """Learn until the environment's budget ends (``BudgetExhausted`` leaves through ``step``).

        Raises:
            InvalidInputError: an environment without a budget, which would never end.
            BudgetExhausted: the normal end.
        """
        budget = self.budget_of(environment)
        with isolated():
            from stable_baselines3.common.logger import Logger

            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "You have specified a mini-batch size", UserWarning)
                model = self._model(self._formulated(environment), budget)
            model.set_logger(Logger(folder=None, output_formats=[]))
            while True:  # repeats are free, so only the evaluator knows when to end
                model.learn(PROPOSALS_PER_EVALUATION * budget * self.steps_per_design, reset_num_timesteps=False)

    @property
    def formulation(self) -> str:
        """The formulation that is searched."""
        chosen: Any = self.hyperparameters
        return str(chosen.formulation)

    @property
    def steps_per_design(self) -> int:
        """Steps of the environment that propose one design."""
        return self.space.dimensions if self.formulation == "sequential" else 1

    def settings(self) -> dict[str, Any]:
        """Return the hyperparameters and the versions of the libraries."""
        import importlib

        found = {name: importlib.import_module(name).__version__ for name in ("torch", *self.libraries)}
        return {**super().settings(), **{name: str(version) for name, version in found.items()}}

    @abstractmethod
    def _model(self, environment: gymnasium.Env[Any, Any], budget: int) -> Any:
        """Return the library's model, which learns on the formulated environment."""

    def _formulated(self, environment: DesignEnv) -> gymnasium.Env[Any, Any]:
        if self.formulation == "relaxed":
            return RelaxedBoxAction(environment)
        length = self.hyperparameters.episode_length if self.formulation == "edit" else None
        return formulate(environment, self.formulation, length)

    def _common(self) -> dict[str, Any]:
        """Return the arguments that all models take."""
        return {
            "gamma": self.hyperparameters.gamma,
            "policy_kwargs": {"net_arch": [self.hyperparameters.width] * 2},
            "seed": int(self.rng.integers(2**31)),
            "device": "cpu",
            "verbose": 0,
        }


class OnPolicyAgent(SB3Agent[L_co]):
    """A learner that updates its policy from the designs it has proposed since the last update."""

    def resolved_n_steps(self, budget: int) -> int:
        """Return the steps per policy update for this budget: those of ``n_steps`` designs."""
        chosen: Any = self.hyperparameters
        given: int | None = chosen.n_steps
        if given is not None and given > budget:
            raise InvalidInputError(
                f"{self.name} would not learn from a budget of {budget} designs: n_steps, the designs per update, is "
                f"{given}; make it at most an eighth of the budget"
            )
        designs = int(np.clip(budget // _UPDATES, 4, 64)) if given is None else given
        return designs * self.steps_per_design
