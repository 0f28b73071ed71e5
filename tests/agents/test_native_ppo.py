from __future__ import annotations

import numpy as np
import pytest

from agents.native_ppo import NativePPO
from agents.policy_search import Batch
from agents.reinforce import Reinforce
from simulators import DesignSpace, InactiveRule, Parameter
from tests.agents.separable import gap_closed
from tests.agents.test_policies import differences

PARAMETERS = [Parameter("a", range(3)), Parameter("b", range(4)), Parameter("c", range(2))]
SPACE = DesignSpace(PARAMETERS, inactive=[InactiveRule("a", {"c": (1,)})])


def drifted(agent, count=40):
    """Return a batch drawn from the uniform policy, and move the policy away from it."""
    rng = np.random.default_rng(3)
    choices = agent._policy.sample(count, rng)
    logs = agent._policy.log_probabilities(choices)
    agent._policy.logits = agent._policy.logits + 0.3 * rng.normal(size=agent._policy.logits.shape)
    return Batch(choices, logs, agent._factors.active(agent._factors.decode(choices)), rng.normal(size=count))


def surrogate(agent, batch, advantages):
    """The clipped objective as the paper writes it."""
    now = agent._policy.log_probabilities(batch.choices)
    ratios = np.exp(((now - batch.log_probabilities) * batch.active) @ agent._members)
    clip = agent.hyperparameters.clip
    return np.minimum(ratios * advantages, np.clip(ratios, 1 - clip, 1 + clip) * advantages).sum(axis=1).mean()


def test_the_gradient_is_the_derivative_of_the_clipped_objective():
    agent = NativePPO(SPACE, 0, {"clip": 0.2})
    batch = drifted(agent)
    advantages = batch.rewards[:, None]
    expected = differences(lambda: surrogate(agent, batch, advantages), agent._policy)
    found = agent._surrogate_gradient(batch, advantages)
    np.testing.assert_allclose(found, expected, atol=1e-7)
    unclipped = NativePPO(SPACE, 0, {"clip": 1e9})
    unclipped._policy.logits = agent._policy.logits
    assert not np.allclose(found, unclipped._surrogate_gradient(batch, advantages))  # some draws were clipped


def test_the_clip_stops_a_ratio_that_has_grown_with_a_good_draw_and_not_with_a_bad_one():
    agent = NativePPO(DesignSpace([Parameter("a", range(2))]), 0, {"clip": 0.2})
    batch = Batch(np.array([[0]]), np.log([[0.5]]), np.ones((1, 1)), np.zeros(1))
    agent._policy.logits = np.log([[0.7, 0.3]])  # ratio 1.4
    assert not agent._surrogate_gradient(batch, np.array([[1.0]])).any()
    assert agent._surrogate_gradient(batch, np.array([[-1.0]]))[0] == pytest.approx([-1.4 * 0.3, 1.4 * 0.3])


def test_one_epoch_without_a_clip_is_reinforce():
    same = {"learning_rate": 1.0, "entropy": 0.1}
    ppo = NativePPO(SPACE, 5, {**same, "epochs": 1, "clip": 1e9})
    reinforce = Reinforce(SPACE, 5, same)
    ppo.rng, reinforce.rng = np.random.default_rng(1), np.random.default_rng(1)
    for _ in range(3):
        proposed = [agent.ask(8) for agent in (ppo, reinforce)]
        assert np.array_equal(*proposed)
        for agent in (ppo, reinforce):
            agent.tell(proposed[0], -proposed[0].sum(axis=1).astype(float))
        np.testing.assert_allclose(ppo._policy.logits, reinforce._policy.logits, atol=1e-12)
    assert ppo._policy.logits.any()


def test_it_closes_the_gap_on_a_separable_problem():
    closed = gap_closed("native_ppo", 5, range(3))
    assert np.median(closed) >= 0.95, closed
