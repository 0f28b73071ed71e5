"""Independent and multi-agent PPO on tables of logits: several agents make one design."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel

from agents.additive import AdditiveModel
from agents.base import hyperparameter
from agents.native_ppo import ClippedHyperparameters, ClippedSearch
from agents.policies import joint_columns, normalised
from agents.policy_search import Batch
from agents.sweeps import Choice, Integer
from archgym_envs.partitions import Partition, by_parameter, count_refusal, make_partition
from archgym_envs.scoring import INVALID_REWARD
from simulators import DesignSpace, Evaluation, InvalidInputError

_HISTORY = 4
"""Windows of draws that the central critic is fitted to."""
_LARGEST_TARGET = 3.0
"""Normalised rewards are cut here for the central critic: one failed design must not bend it."""
_LEAST_WARMUP = 20
_WARMUP_DIVISOR = 3


class MultiAgentPPOHyperparameters(ClippedHyperparameters):
    """Hyperparameters of :class:`MultiAgentPPO`."""

    partition: Literal["parameter", "group", "interaction", "random", "single"] = hyperparameter(
        "parameter",
        "Who chooses what: an agent per parameter (Krishnan et al., arXiv 2211.16385), per declared group, per cluster "
        "of parameters seen to interact (arXiv 2507.16249), per random part, or one for all. Trap: a claim for a "
        "partition needs random and single beside it.",
        sweep=Choice("parameter", "group", "interaction", "random", "single"),
    )
    agents: int = hyperparameter(
        0,
        "Agents of the partitions random and interaction. 0: as many as there are groups, or as interactions beyond "
        "chance leave.",
        ge=0,
    )
    joint: int = hyperparameter(
        512,
        "Combinations up to which an agent of several parameters chooses them jointly, from one table; above, each by "
        "itself. Trap: a table of many combinations learns each from few draws; at 1 no agent couples its parameters.",
        sweep=Choice(1, 64, 512),
        ge=1,
    )
    critic: Literal["own", "central"] = hyperparameter(
        "central",
        "Each agent's baseline: the mean reward (independent PPO), or what a model of all agents' choices expects had "
        "only this agent drawn again (counterfactual: Foerster et al., AAAI 2018). Trap: the model is a sum of "
        "parameters' effects; where they interact it is only part of the truth.",
        sweep=Choice("own", "central"),
    )
    warmup: int = hyperparameter(
        100,
        "Random designs, out of the budget, that the partition interaction is learned from; no other partition has "
        "them. Trap: below ten per parameter it finds chance; of a small budget they leave little to use it.",
        sweep=Integer(50, 300, log=True),
        ge=20,
    )


class MultiAgentPPO(ClippedSearch[MultiAgentPPOHyperparameters]):
    """PPO with an agent per part of the design: each has its policy, its probability ratio and its clip.

    All agents get the design's reward. What differs from :class:`agents.native_ppo.NativePPO`, whose policy is a
    product over parameters already:

    * each agent's ratio is clipped by itself, so that one agent's large step does not stop the others;
    * an agent whose parameters have at most ``joint`` combinations chooses among these: it can prefer a combination
      without preferring its parts, which no product can (see :meth:`agents.policies.Factors.ascent`);
    * with the central critic each agent has an advantage of its own. One-shot observations are constant, so a critic
      that values observations would be one number for all. Here it is a model of the reward by everyone's choices,
      additive over parameters (:class:`agents.additive.AdditiveModel`), fitted to the last draws. Agent a is judged
      by::

        A_ia = y_i - (prediction_i - sum_{j of a} (effect_j(x_ij) - E_pi effect_j))

      y the normalised reward: the reward less what was to be expected had only this agent drawn again, the others'
      choices as they were (the counterfactual baseline of Foerster et al., AAAI 2018, with a linear critic).

    The partition ``interaction`` is learned once, from the first ``warmup`` designs told (at most a third of what is
    asked for first, which is the budget), random ones drawn for it; failed ones tell nothing. Where too few succeeded,
    or all alike, every parameter has an agent of its own. The policies start uniform and have learned from these
    designs as from any other draws.
    """

    name = "multi_agent_ppo"
    version = "1"
    citation = (
        "de Witt et al., Is Independent Learning All You Need in the StarCraft Multi-Agent Challenge?, arXiv "
        "2011.09533 (2020); Yu et al., The Surprising Effectiveness of PPO in Cooperative Multi-Agent Games, "
        "NeurIPS 2022"
    )
    Hyperparameters = MultiAgentPPOHyperparameters

    def __init__(
        self, space: DesignSpace, seed: int, hyperparameters: BaseModel | Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(space, seed, hyperparameters)
        self.partition: Partition | None = None
        """Who chooses what; None as long as it has not been learned."""
        self._warmup = self.hyperparameters.warmup
        self._first: dict[bytes, tuple[np.ndarray, float]] = {}
        if self.hyperparameters.partition != "interaction":
            kind, count = self.hyperparameters.partition, self.hyperparameters.agents or None
            self._divide(make_partition(space, kind, count=count if kind == "random" else None, seed=self.seed))

    @classmethod
    def refusal(cls, space: DesignSpace, hyperparameters: BaseModel) -> str:
        """Return why the space cannot be divided so, else an empty text."""
        chosen: Any = hyperparameters
        return count_refusal(space, chosen.partition, chosen.agents)

    def ask(self, n: int) -> np.ndarray:
        """Propose random designs while the partition is to be learned, then draws from the agents' policies."""
        if self.partition is not None:
            return super().ask(n)
        if not self._memory:
            self._warmup = min(self._warmup, max(_LEAST_WARMUP, n // _WARMUP_DIVISOR))
        missing = self._warmup - len(self._first)
        return self._memory.sample_new(max(1, min(n, missing)), self.rng)

    def tell(self, designs: np.ndarray, rewards: np.ndarray, evaluation: Evaluation | None = None) -> None:
        """Remember and learn; the partition first, where it is to be learned."""
        super().tell(designs, rewards, evaluation)
        if self.partition is None:
            known = zip(self._keys_of(designs), designs, np.asarray(rewards).tolist(), strict=True)
            self._first.update((key, (design, reward)) for key, design, reward in known)
            if len(self._first) >= self._warmup:
                self._learn_partition()

    def _learn_partition(self) -> None:
        designs = np.array([design for design, _ in self._first.values()])
        rewards = np.array([reward for _, reward in self._first.values()])
        self._divide(self._interacting(designs, rewards))
        self._wait(list(self._first), self._factors.encode(designs))
        self._first = {}
        while len(self._keys) >= self.hyperparameters.batch:
            self._learn(self._take(np.arange(len(self._keys)) < self.hyperparameters.batch))

    def _interacting(self, designs: np.ndarray, rewards: np.ndarray) -> Partition:
        scores = np.where(rewards > INVALID_REWARD, rewards, np.nan)
        count = self.hyperparameters.agents or None
        try:
            return make_partition(self.space, "interaction", count=count, designs=designs, scores=scores)
        except InvalidInputError:  # too few valid designs, or all of one reward
            return by_parameter(self.space)

    def _divide(self, partition: Partition) -> None:
        """Give each agent its parameters; all policies start anew."""
        owned = [own.tolist() for own in partition.columns(self.space)]
        columns, members = joint_columns(self.space, owned, self.hyperparameters.joint)
        self._begin(columns)
        self.partition, self._members = partition, members
        self._owners = np.array([members[factor] for factor in self._factors.of_column])
        self._critic = AdditiveModel(self.space.cardinalities)
        self._seen = np.empty((0, self.space.dimensions), dtype=np.int64)
        self._seen_rewards = np.empty(0)

    def _agents_advantages(self, batch: Batch) -> np.ndarray:
        """Return the agents' advantages ``[n, a]``."""
        if self.hyperparameters.critic == "own":
            return super()._agents_advantages(batch)
        rewards = self._advantages(batch.rewards).clip(-_LARGEST_TARGET, _LARGEST_TARGET)
        designs = self._factors.decode(batch.choices)
        self._fit_critic(designs, batch.rewards)
        active = self.space.active(designs).astype(np.float64)
        parts = self._critic.contributions(designs, active)
        unexplained = rewards - self._critic.mean - parts.sum(axis=1)
        expected = (self._factors.marginals(self._policy.probabilities) * self._critic.effects).sum(axis=1)
        return unexplained[:, None] + (parts - expected * active) @ self._owners

    def _fit_critic(self, designs: np.ndarray, rewards: np.ndarray) -> None:
        """Fit the critic to the last draws, all rewards normalised as the batch's are."""
        most = max(_HISTORY * self.hyperparameters.window, len(rewards))
        self._seen = np.concatenate([self._seen, designs])[-most:]
        self._seen_rewards = np.concatenate([self._seen_rewards, rewards])[-most:]
        targets = normalised(self._seen_rewards, self._window, self.hyperparameters.normalisation)
        targets = targets.clip(-_LARGEST_TARGET, _LARGEST_TARGET)
        self._critic.fit(self._seen, self.space.active(self._seen).astype(np.float64), targets)
