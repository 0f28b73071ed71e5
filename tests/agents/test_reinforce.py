from __future__ import annotations

import numpy as np
import pytest

from agents.reinforce import Reinforce
from simulators import Constraint, DesignSpace, InactiveRule, Parameter
from tests.agents.separable import gap_closed

SPACE = DesignSpace([Parameter("depth", (1, 2)), Parameter("policy", ("a", "b"))])


def told_all(agent, reward_of, asks):
    for _ in range(asks):
        designs = agent.ask(1000)
        agent.tell(designs, np.array([reward_of(design) for design in designs]))


def test_one_update_by_hand():
    agent = Reinforce(SPACE, 0, {"batch": 4, "learning_rate": 2.0, "entropy": 0.0, "normalisation": "moments"})
    agent._wait(agent._keys_of(DESIGNS), DESIGNS)  # as if the policy had drawn each of the four designs once
    agent.tell(DESIGNS, np.array([3.0, 1.0, 1.0, -1.0]))
    # mean 1, deviation sqrt 2: advantages sqrt 2, 0, 0, -sqrt 2. The gradient of log p is (1/2, -1/2) where the first
    # value was drawn: 1/4 (sqrt 2 / 2 + sqrt 2 / 2) = sqrt 2 / 4 for it, and as much less for the other; twice that.
    step = 2.0 * np.sqrt(2.0) / 4.0
    for row in agent._policy.logits:
        assert row - row.mean() == pytest.approx([step, -step])


DESIGNS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


def test_the_entropy_bonus_pulls_towards_the_uniform_policy():
    agent = Reinforce(SPACE, 0, {"batch": 4, "learning_rate": 1.0, "entropy": 1.0})
    agent._policy.logits = np.array([[0.0, -2.0], [0.0, -2.0]])
    agent._wait(agent._keys_of(DESIGNS), DESIGNS)
    agent.tell(DESIGNS, np.zeros(4))
    assert (agent._policy.logits[:, 1] > -2.0).all()


def test_inactive_parameters_learn_nothing():
    space = DesignSpace(SPACE.parameters, inactive=[InactiveRule("depth", {"policy": ("b",)})])
    agent = Reinforce(space, 0, {"batch": 2, "entropy": 0.0})
    designs = np.array([[1, 1], [0, 1]])
    agent._wait(agent._keys_of(designs), designs)
    agent.tell(designs[:1], np.array([5.0]))  # the same design as the other: its reward is known as well
    assert not agent._keys
    assert agent._policy.logits[0].tolist() == [0, 0]


def test_known_draws_are_not_proposed_again_and_are_learned_from():
    agent = Reinforce(SPACE, 0, {"batch": 2, "recall": 16})
    agent.tell(DESIGNS[:3], np.array([1.0, 0.0, 0.0]))
    assert agent.ask(2).tolist() == [[1, 1]]  # the only new one
    waiting = len(agent._keys)
    assert waiting > 2
    agent.tell(DESIGNS[3:], np.array([0.0]))
    assert not agent._keys
    assert np.array_equal(agent._policy.logits.argmax(axis=1), [0, 0])


def test_unasked_designs_are_remembered_but_teach_nothing_yet():
    agent = Reinforce(SPACE, 0, {"batch": 2})
    agent.tell(DESIGNS[:3], np.array([1.0, 0.0, 0.0]))
    assert not agent._policy.logits.any()


def test_late_tells_of_draws_that_became_unlikely_weigh_less():
    agent = Reinforce(SPACE, 0, {"batch": 1, "learning_rate": 1.0, "entropy": 0.0, "normalisation": "ranks"})
    agent._wait(agent._keys_of(DESIGNS[:1]), DESIGNS[:1])
    agent._policy.logits = np.log([[0.1, 0.9], [0.1, 0.9]])  # 0.01 now, 0.25 when drawn
    agent._window = np.full(99, -1.0)
    agent.tell(DESIGNS[:1], np.array([1.0]))
    advantage = np.sqrt(3) * (127 / 64 - 1)  # above 63 of the last 64, itself counting half
    for row in agent._policy.logits:  # the gradient of log p is (0.9, -0.9)
        assert row[0] - row[1] - np.log(0.1 / 0.9) == pytest.approx(0.01 / 0.25 * advantage * (0.9 + 0.9))


def test_infeasible_draws_are_neither_proposed_nor_learned_from():
    both = Constraint("not_both", lambda c: ~((c["depth"] == 2) & (c["policy"] == "b")))
    space = DesignSpace(SPACE.parameters, [both])
    agent = Reinforce(space, 0, {"batch": 4})
    assert agent.ask(4).tolist() != []
    assert agent._keys_of(np.array([[1, 1]]))[0] not in agent._keys


@pytest.mark.parametrize("normalisation", ["ranks", "moments"])
def test_it_settles_on_the_best_value_of_every_parameter(normalisation):
    space = DesignSpace([Parameter(f"p{j}", range(5)) for j in range(6)])
    agent = Reinforce(space, 1, {"normalisation": normalisation})
    told_all(agent, lambda design: -float(np.abs(design - [0, 1, 2, 3, 4, 2]).sum()), 60)
    assert agent._policy.logits.argmax(axis=1).tolist() == [0, 1, 2, 3, 4, 2]


@pytest.mark.parametrize("named", [5, 0])
def test_it_closes_the_gap_on_a_separable_problem(named):
    closed = gap_closed("reinforce", named, range(3))
    assert np.median(closed) >= 0.95, closed


@pytest.mark.slow
@pytest.mark.parametrize("name", ["reinforce", "native_ppo", "multi_agent_ppo"])
@pytest.mark.parametrize("named", [5, 0])
def test_policy_gradients_close_the_gap_with_nearly_every_seed(name, named):
    closed = gap_closed(name, named, range(10))
    assert np.median(closed) >= 0.95, closed
    assert (closed >= 0.95).sum() >= 9, closed
