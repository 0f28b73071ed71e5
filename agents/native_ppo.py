"""Proximal policy optimisation on tables of logits: one agent that chooses whole designs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from agents.base import hyperparameter
from agents.policy_search import Batch, PolicySearch, PolicySearchHyperparameters
from agents.sweeps import Integer, LogUniform

_LARGEST_DRIFT = 20.0
"""Log-ratios are cut here before they are exponentiated."""


class ClippedHyperparameters(PolicySearchHyperparameters):
    """Hyperparameters of searchers with the clipped objective."""

    learning_rate: float = hyperparameter(
        2.0,
        "Step of plain gradient ascent on the logits, per epoch. Trap: it is no network's: 3e-4 does not move a table "
        "within a few hundred designs.",
        sweep=LogUniform(0.5, 5.0),
        gt=0.0,
    )
    entropy: float = hyperparameter(
        0.05,
        "Weight of the policy's entropy, relative to advantages of unit spread. Trap: it acts in every epoch, also "
        "where the clip has stopped the reward's part; 0.2 keeps the policy random.",
        sweep=LogUniform(0.01, 0.1),
        ge=0.0,
    )
    epochs: int = hyperparameter(
        3,
        "Steps per batch of draws (Schulman et al., 2017). Trap: with 1 nothing is ever clipped.",
        sweep=Integer(2, 10, log=True),
        ge=1,
    )
    clip: float = hyperparameter(
        0.5,
        "Largest change of an agent's probability ratio that is rewarded, per batch. Trap: the ratio is a product over "
        "the agent's parameters: the same clip restrains an agent of many parameters far more than one of few.",
        sweep=LogUniform(0.2, 2.0),
        gt=0.0,
    )


C_co = TypeVar("C_co", bound=ClippedHyperparameters, covariant=True)


class ClippedSearch(PolicySearch[C_co]):
    """Policy search with the clipped objective, for one agent or several.

    Agent a chooses some factors; r_ia is its probability ratio, A_ia its advantage on draw i. Every epoch ascends::

        1/n sum_ia min(r_ia A_ia, clip(r_ia, 1 - c, 1 + c) A_ia) + entropy x H(pi)

    (Schulman et al., 2017, equation 7, summed over agents). Factors without effect on a design have no part in r.
    """

    def _learn(self, batch: Batch) -> None:
        advantages = self._agents_advantages(batch)
        for _ in range(self.hyperparameters.epochs):
            self._ascend(self._surrogate_gradient(batch, advantages))

    def _begin(self, columns: Sequence[Sequence[int]] | None = None) -> None:
        super()._begin(columns)
        self._members = np.ones((len(self._factors.counts), 1))
        """Which factors ``f`` are which agents' ``a``: 1 or 0, ``[f, a]``."""

    def _agents_advantages(self, batch: Batch) -> np.ndarray:
        """Return the agents' advantages ``[n, a]``: here the design's, shared by all."""
        shared = self._advantages(batch.rewards)
        return np.broadcast_to(shared[:, None], (len(shared), self._members.shape[1]))

    def _surrogate_gradient(self, batch: Batch, advantages: np.ndarray) -> np.ndarray:
        """Return the gradient ``[f, kmax]`` of the clipped objective in the logits, the entropy left out."""
        now = self._policy.log_probabilities(batch.choices)
        drift = ((now - batch.log_probabilities) * batch.active) @ self._members
        ratios = np.exp(np.clip(drift, -_LARGEST_DRIFT, _LARGEST_DRIFT))
        clip = self.hyperparameters.clip
        flat = np.where(advantages > 0.0, ratios > 1.0 + clip, ratios < 1.0 - clip)
        weights = np.where(flat, 0.0, advantages * ratios) @ self._members.T * batch.active
        return self._policy.score_gradient(batch.choices, weights) / len(batch.rewards)


class NativePPOHyperparameters(ClippedHyperparameters):
    """Hyperparameters of :class:`NativePPO`."""


class NativePPO(ClippedSearch[NativePPOHyperparameters]):
    """PPO for the one-shot formulation, without a network: one softmax per parameter, one clip per design.

    A one-shot design is one action in one state: the observation never changes what is best to do. A network fed with a
    constant computes constants, which a table of logits holds as they are, and the critic's best output is the mean
    reward: the running baseline.
    """

    name = "native_ppo"
    version = "1"
    citation = "Schulman et al., Proximal Policy Optimization Algorithms, arXiv 1707.06347 (2017)"
    Hyperparameters = NativePPOHyperparameters
