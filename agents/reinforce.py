"""REINFORCE on a factorised categorical policy."""

from __future__ import annotations

import numpy as np

from agents.policy_search import Batch, PolicySearch, PolicySearchHyperparameters


class ReinforceHyperparameters(PolicySearchHyperparameters):
    """Hyperparameters of :class:`Reinforce`."""


class Reinforce(PolicySearch[ReinforceHyperparameters]):
    """Policy gradient with a running baseline; every parameter has a softmax over its values, independent of others.

    A design is one action of a bandit without context. After every batch of n draws::

        g = 1/n sum_i w_i A_i grad log pi(x_i) + entropy x grad H(pi),   A_i = reward i relative to the last draws'

    and Adam ascends g. Parameters without effect on a design have no part in its log-probability. ``w_i`` is
    min(1, pi(x_i) / pi_drawn(x_i)): 1 as long as tells follow their asks, below where the policy has changed between.
    """

    name = "reinforce"
    version = "1"
    citation = "Williams, Simple Statistical Gradient-Following Algorithms, Machine Learning 8 (1992)"
    Hyperparameters = ReinforceHyperparameters

    def _learn(self, batch: Batch) -> None:
        advantages = self._advantages(batch.rewards)
        now = self._policy.log_probabilities(batch.choices)
        drift = ((now - batch.log_probabilities) * batch.active).sum(axis=1)
        weights = (advantages * np.exp(np.minimum(drift, 0.0)))[:, None] * batch.active
        self._ascend(self._policy.score_gradient(batch.choices, weights) / len(batch.rewards))
