"""Hyperparameters of RLlib's learners, and what the learners share. Importable without Ray."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

import numpy as np
from pydantic import BaseModel

from agents.base import Hyperparameters, LearningAgent, hyperparameter
from agents.sweeps import Choice, Integer, LogUniform, Uniform
from archgym_envs.partitions import Partition, by_parameter, count_refusal, make_partition
from archgym_envs.scoring import INVALID_REWARD
from simulators import DesignSpace, InvalidInputError

if TYPE_CHECKING:
    from archgym_envs.design_env import DesignEnv

UPDATES = 32
"""Policy updates aimed at within the budget when ``train_batch`` is not given."""
_WARMUP_DIVISOR = 3
"""At most this part of the budget goes to it."""
PARTITION_DOC = (
    "Who chooses what: an agent per parameter (Krishnan et al., arXiv 2211.16385), per declared group, per cluster of "
    "parameters seen to interact (arXiv 2507.16249), per random part, or one for all. Trap: a claim for a partition "
    "needs random and single beside it."
)
Kind = Literal["parameter", "group", "interaction", "random", "single"]


class LearnerHyperparameters(Hyperparameters):
    """What every learner has."""

    width: int = hyperparameter(
        32, "Units in each of the two hidden layers of every network.", sweep=Choice(16, 32, 64), ge=1, le=1024
    )
    gamma: float = hyperparameter(0.99, "Discount. Without effect where an episode is one design.", ge=0.0, le=1.0)
    formulation: Literal["one-shot", "edit"] = hyperparameter(
        "one-shot",
        "All values at once, or a change of every parameter of the design before, by one value where it is ordered. "
        "Trap: edits reach only designs near the reference design within an episode.",
    )
    episode_length: int = hyperparameter(
        16,
        "Designs per episode of edits; one-shot episodes are one design. Trap: an ordered parameter moves by one value "
        "per edit, so that short episodes cannot cross its range.",
        ge=1,
        le=10000,
    )
    restart: float = hyperparameter(
        0.1,
        "Policies begin anew, untrained, when less than this share of an update's designs is new: they have settled, "
        "and what they propose is known. 0: never. Trap: above 0.5 policies are dropped before they have settled.",
        sweep=Choice(0.1, 0.25, 0.5),
        ge=0.0,
        lt=1.0,
    )


class PPOHyperparameters(LearnerHyperparameters):
    """Hyperparameters of proximal policy optimisation."""

    learning_rate: float = hyperparameter(
        5e-3,
        "Step of Adam. Trap: RLlib's 5e-5 does not move a policy within a few thousand designs.",
        sweep=LogUniform(1e-3, 2e-2),
        gt=0.0,
        le=0.2,
    )
    train_batch: int | None = hyperparameter(
        None,
        "Designs per update; None takes a 32nd of the budget, between 8 and 32; with edits whole episodes. Trap: "
        "RLlib's 4000 would never update within a small budget.",
        ge=2,
        le=10000,
    )
    epochs: int = hyperparameter(
        8,
        "Passes over the designs of an update. Trap: many passes over few designs overfit (Schulman et al., 2017).",
        sweep=Integer(3, 15),
        ge=1,
        le=1000,
    )
    minibatches: int = hyperparameter(
        1, "Parts an update's designs are split into per pass.", sweep=Choice(1, 2), ge=1, le=100
    )
    entropy: float = hyperparameter(
        0.02,
        "Weight of an agent's entropy, relative to advantages of unit spread. Trap: at 0 policies settle on one design "
        "early, at 0.1 and above they stay random.",
        sweep=LogUniform(1e-3, 1e-1),
        ge=0.0,
        le=10.0,
    )
    clip: float = hyperparameter(
        0.2,
        "Largest change of an agent's probability ratio that is rewarded, per update. Trap: the ratio is a product "
        "over the agent's parameters: the same clip restrains an agent of many parameters far more than one of few.",
        sweep=Uniform(0.1, 0.4),
        gt=0.0,
        le=10.0,
    )


class SharingHyperparameters(LearnerHyperparameters):
    """Hyperparameters of agents that share a design."""

    partition: Kind = hyperparameter(
        "parameter", PARTITION_DOC, sweep=Choice("parameter", "group", "interaction", "random", "single")
    )
    agents: int = hyperparameter(
        0,
        "Agents of the partitions random and interaction. 0: as many as there are groups, or as interactions beyond "
        "chance leave.",
        ge=0,
    )
    warmup: int = hyperparameter(
        100,
        "Random designs, out of the budget (at most a third of it), that the partition interaction is learned from; no "
        "other partition has them. Trap: below ten per parameter it finds chance.",
        sweep=Integer(50, 300, log=True),
        ge=20,
        le=100000,
    )


L_co = TypeVar("L_co", bound=LearnerHyperparameters, covariant=True)


class RLlibAgent(LearningAgent[L_co]):
    """A learner of RLlib on a design environment; a subclass says what it trains and who chooses what."""

    requires = ("torch", "ray", "pettingzoo")
    formulations = ("one-shot", "edit")
    shared: ClassVar[bool] = False
    """One policy serves all agents."""
    central: ClassVar[bool] = False
    """An agent's policy sees its own parameters, its critic everything."""

    @classmethod
    def refusal(cls, space: DesignSpace, hyperparameters: BaseModel) -> str:
        """Return why the space cannot be divided so, else an empty text."""
        agents: int = getattr(hyperparameters, "agents", 0)
        kind: str = getattr(hyperparameters, "partition", "single")
        return count_refusal(space, kind, agents)

    def learn(self, environment: DesignEnv) -> None:
        """Learn until the environment's budget ends (``BudgetExhausted`` leaves through ``step``).

        Raises:
            InvalidInputError: an environment without a budget, which would never end.
            BudgetExhausted: the normal end.
        """
        from agents.rllib.isolation import seeded

        budget = self.budget_of(environment)
        seed = int(self.rng.integers(2**31))
        partition = self._partition(environment, budget)
        with seeded(seed):
            from agents.rllib.game import Rules

            rules = Rules(
                partition,
                self.hyperparameters.formulation,
                self.hyperparameters.episode_length,
                shared=self.shared,
                central=self.central,
            )
            self._train(environment, rules, budget, seed)

    def settings(self) -> dict[str, Any]:
        """Return the hyperparameters and the versions of the libraries."""
        import ray
        import torch

        return {**super().settings(), "ray": ray.__version__, "torch": str(torch.__version__)}

    def _train(self, environment: DesignEnv, rules: Any, budget: int, seed: int) -> None:
        """Sample and learn until BudgetExhausted leaves."""
        raise NotImplementedError

    def _partition(self, environment: DesignEnv, budget: int) -> Partition:
        """Return who chooses what; for interactions random designs are evaluated first."""
        chosen = self.hyperparameters
        kind: str = getattr(chosen, "partition", "single")
        count: int | None = getattr(chosen, "agents", 0) or None
        if kind == "interaction":
            return self._interacting(environment, budget, count)
        return make_partition(self.space, kind, count=count if kind == "random" else None, seed=self.seed)

    def _interacting(self, environment: DesignEnv, budget: int, count: int | None) -> Partition:
        warmup: int = self.hyperparameters.warmup  # type: ignore[attr-defined]
        designs = self.space.sample(min(warmup, max(1, budget // _WARMUP_DIVISOR)), self.rng)
        rewards = np.array([self._rewarded(environment, design) for design in designs])
        scores = np.where(rewards > INVALID_REWARD, rewards, np.nan)
        try:
            return make_partition(self.space, "interaction", count=count, designs=designs, scores=scores)
        except InvalidInputError:  # too few valid designs, or all of one reward
            return by_parameter(self.space)

    @staticmethod
    def _rewarded(environment: DesignEnv, design: np.ndarray) -> float:
        environment.reset()
        return float(environment.step(design)[1])


class RLlibPPOAgent(RLlibAgent[L_co]):
    """What the learners by PPO share."""

    def resolved_train_batch(self, budget: int) -> int:
        """Return the designs per update for this budget; with edits, those of whole episodes."""
        chosen: Any = self.hyperparameters
        designs = int(np.clip(budget // UPDATES, 8, 32)) if chosen.train_batch is None else chosen.train_batch
        if chosen.train_batch is not None and designs > budget:
            raise InvalidInputError(
                f"{self.name} would not learn from a budget of {budget} designs: train_batch, the designs per update, "
                f"is {designs}; make it at most an eighth of the budget"
            )
        length = chosen.episode_length if chosen.formulation == "edit" else 1
        return max(1, round(designs / length)) * length

    def _train(self, environment: DesignEnv, rules: Any, budget: int, seed: int) -> None:
        from agents.rllib.training import Amounts, train_ppo

        chosen: Any = self.hyperparameters
        designs = self.resolved_train_batch(budget)
        games = designs // (chosen.episode_length if chosen.formulation == "edit" else 1)
        train_ppo(environment, rules, Amounts(games, designs), chosen, seed)
