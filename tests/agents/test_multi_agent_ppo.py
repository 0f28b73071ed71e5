from __future__ import annotations

import numpy as np
import pytest

from agents.multi_agent_ppo import MultiAgentPPO
from agents.native_ppo import NativePPO
from agents.policy_search import Batch
from archgym_envs.partitions import PARTITIONS
from simulators import DesignSpace, InvalidInputError, Parameter
from tests.agents.separable import gap_closed
from tests.agents.test_native_ppo import surrogate
from tests.agents.test_policies import differences

SPACE = DesignSpace([Parameter(f"p{j}", range(6), group="left" if j < 3 else "right") for j in range(6)])


def optimum(designs):
    return -np.abs(designs - 3).sum(axis=1).astype(float)


def coupled(designs):
    """Parameters 0 and 3, 1 and 4, 2 and 5 interact, and no others."""
    tables = np.random.default_rng(0).random((3, 6, 6))
    return sum(tables[j, designs[:, j], designs[:, j + 3]] for j in range(3))


def search(agent, reward, budget):
    """Search until ``budget`` designs have been told; return the designs."""
    told = np.empty((0, agent.space.dimensions), dtype=np.int64)
    while len(told) < budget:
        designs = agent.ask(budget - len(told))
        agent.tell(designs, reward(designs))
        told = np.concatenate([told, designs])
    return told


def test_a_single_agent_with_its_own_critic_is_native_ppo():
    alone = MultiAgentPPO(SPACE, 3, {"partition": "single", "critic": "own"})
    ppo = NativePPO(SPACE, 3)
    alone.rng, ppo.rng = np.random.default_rng(9), np.random.default_rng(9)
    assert np.array_equal(search(alone, optimum, 200), search(ppo, optimum, 200))


def test_agents_with_policies_of_their_own_are_not():
    several = MultiAgentPPO(SPACE, 3, {"critic": "own"})
    ppo = NativePPO(SPACE, 3)
    several.rng, ppo.rng = np.random.default_rng(9), np.random.default_rng(9)
    assert not np.array_equal(search(several, optimum, 200), search(ppo, optimum, 200))


def test_every_agent_has_a_clip_of_its_own():
    agent = MultiAgentPPO(SPACE, 0, {"partition": "group", "joint": 1, "clip": 0.2})
    rng = np.random.default_rng(3)
    choices = agent._policy.sample(30, rng)
    batch = Batch(choices, agent._policy.log_probabilities(choices), np.ones((30, 6)), rng.normal(size=30))
    agent._policy.logits = agent._policy.logits + 0.3 * rng.normal(size=agent._policy.logits.shape)
    advantages = rng.normal(size=(30, 2))
    expected = differences(lambda: surrogate(agent, batch, advantages), agent._policy)
    np.testing.assert_allclose(agent._surrogate_gradient(batch, advantages), expected, atol=1e-7)


def test_the_central_critic_is_the_counterfactual_baseline_of_its_model():
    agent = MultiAgentPPO(SPACE, 0, {"partition": "group", "joint": 1, "batch": 4})
    rng = np.random.default_rng(1)
    agent._policy.logits = agent._policy.logits + rng.normal(size=agent._policy.logits.shape)
    choices = agent._policy.sample(4, rng)
    batch = Batch(choices, agent._policy.log_probabilities(choices), np.ones((4, 6)), rng.normal(size=4))
    found = agent._agents_advantages(batch)
    rewards = np.sqrt(3) * (2 * np.argsort(np.argsort(batch.rewards)) + 1 - 4) / 4
    model = agent._critic
    for i in range(4):
        for a, own in enumerate(((0, 1, 2), (3, 4, 5))):
            others = sum(model.effects[f, choices[i, f]] for f in range(6) if f not in own)
            drawn_again = sum(agent._policy.probabilities[f] @ model.effects[f] for f in own)
            assert found[i, a] == pytest.approx(rewards[i] - model.mean - others - drawn_again)


def test_on_a_sum_of_effects_the_central_critic_tells_agents_apart():
    """With the model fitted, agent a's advantage depends on its own choice alone."""
    agent = MultiAgentPPO(SPACE, 0, {"normalisation": "moments", "window": 256})
    designs = SPACE.sample(256, np.random.default_rng(0))
    rewards = optimum(designs)
    batch = Batch(designs, agent._policy.log_probabilities(designs), np.ones((256, 6)), rewards)
    for _ in range(3):
        found = agent._agents_advantages(batch)
    for column in range(6):
        own = [found[designs[:, column] == value, column] for value in range(6)]
        within = np.mean([group.std() for group in own])
        assert within < 0.2 * np.std([group.mean() for group in own])


def test_the_partition_is_learned_from_the_first_designs():
    agent = MultiAgentPPO(SPACE, 0, {"partition": "interaction", "warmup": 300})
    designs = agent.ask(1000)
    assert len(designs) == 300
    agent.tell(designs[:299], coupled(designs[:299]))
    assert agent.partition is None
    agent.tell(designs[299:], coupled(designs[299:]))
    assert sorted(agent.partition.members) == [("p0", "p3"), ("p1", "p4"), ("p2", "p5")]
    assert agent._policy.counts.tolist() == [36, 36, 36]
    assert agent._policy.logits.any()  # the designs have been learned from


def test_the_warmup_takes_a_third_of_a_small_budget_at_most():
    agent = MultiAgentPPO(SPACE, 0, {"partition": "interaction", "warmup": 200})
    assert len(agent.ask(90)) == 30
    agent = MultiAgentPPO(SPACE, 0, {"partition": "interaction", "warmup": 200})
    search(agent, coupled, 90)
    assert agent.partition is not None


@pytest.mark.parametrize("reward", [-10.0, 1.0])
def test_where_nothing_can_be_learned_every_parameter_has_an_agent(reward):
    agent = MultiAgentPPO(SPACE, 0, {"partition": "interaction", "warmup": 30})
    search(agent, lambda designs: np.full(len(designs), reward), 120)
    assert agent.partition.members == tuple((name,) for name in SPACE.names)


def test_an_agent_of_two_parameters_learns_a_combination_that_no_product_can():
    """Equal values are good, whichever: a joint table keeps all of them, and little else."""
    space = DesignSpace([Parameter("a", range(4)), Parameter("b", range(4))])
    agent = MultiAgentPPO(space, 0, {"partition": "single", "critic": "own", "batch": 64, "entropy": 0.2})
    designs = np.repeat(space.unflatten(range(16)), 4, axis=0)
    for _ in range(10):
        agent._wait(agent._keys_of(designs), agent._factors.encode(designs))
        agent.tell(designs, (designs[:, 0] == designs[:, 1]).astype(float))
    table = agent._policy.probabilities.reshape(4, 4)
    assert np.diag(table).sum() > 0.9
    assert np.diag(table) == pytest.approx(np.full(4, np.diag(table).mean()))


@pytest.mark.parametrize("kind", PARTITIONS)
@pytest.mark.parametrize("critic", ["own", "central"])
def test_every_partition_and_critic_finds_the_best_of_a_small_space(kind, critic):
    agent = MultiAgentPPO(SPACE, 1, {"partition": kind, "critic": critic, "warmup": 60})
    designs = search(agent, optimum, 700)
    assert optimum(designs).max() == 0.0


def test_too_many_agents_are_refused():
    with pytest.raises(InvalidInputError, match="9 agents cannot share 6 parameters"):
        MultiAgentPPO(SPACE, 0, {"partition": "random", "agents": 9})


@pytest.mark.parametrize("critic", ["own", "central"])
def test_it_closes_the_gap_on_a_separable_problem(critic):
    closed = gap_closed("multi_agent_ppo", 5, range(3), {"critic": critic})
    assert np.median(closed) >= 0.95, closed
