from __future__ import annotations

import numpy as np
import pytest

from agents.additive import AdditiveModel
from agents.policies import Factors, TablePolicy, joint_columns, normalised
from simulators import DesignSpace, InactiveRule, Parameter

SPACE = DesignSpace(
    [Parameter("a", range(3)), Parameter("b", range(4)), Parameter("c", range(2)), Parameter("d", (7,))]
)


def random_policy(counts, seed=0):
    policy = TablePolicy(np.array(counts))
    policy.logits = policy.logits + np.random.default_rng(seed).normal(size=policy.logits.shape)
    return policy


def differences(function, policy, step=1e-6):
    """Central differences of a function of the policy in every logit that is a value's."""
    start, found = policy.logits, np.zeros(policy.logits.shape)
    for place in zip(*np.nonzero(policy.inside), strict=True):
        bump = np.zeros(start.shape)
        bump[place] = step
        policy.logits = start + bump
        above = function()
        policy.logits = start - bump
        found[place] = (above - function()) / (2 * step)
    policy.logits = start
    return found


def test_joint_factors_are_read_back_and_are_mixed_radix():
    factors = Factors(SPACE, [(2, 0), (3,), (1,)])
    assert factors.counts.tolist() == [6, 1, 4]
    designs = SPACE.unflatten(range(SPACE.size))
    choices = factors.encode(designs)
    assert np.array_equal(factors.decode(choices), designs)
    assert len(np.unique(choices, axis=0)) == SPACE.size
    assert factors.encode(np.array([[2, 3, 1, 0]])).tolist() == [[1 * 3 + 2, 0, 3]]


def test_the_ascent_of_a_joint_factor_is_that_of_its_parts_and_its_table():
    """Logits A @ theta: ascent in theta moves them by A A^T times their gradient."""
    factors = Factors(SPACE, [(1, 2), (0,), (3,)])
    pairs = [(b, c) for b in range(4) for c in range(2)]
    made_of = np.array([np.concatenate([np.eye(4)[b], np.eye(2)[c], np.eye(8)[2 * b + c]]) for b, c in pairs])
    gradient = np.random.default_rng(0).normal(size=(3, 8))
    found = factors.ascent(gradient)
    np.testing.assert_allclose(found[0], made_of @ made_of.T @ gradient[0])
    assert np.array_equal(found[1:], gradient[1:])


def test_marginals_of_a_joint_factor_are_its_sums():
    factors = Factors(SPACE, [(2, 1), (0,), (3,)])
    policy = random_policy(factors.counts)
    table = policy.probabilities[0].reshape(2, 4)
    found = factors.marginals(policy.probabilities)
    np.testing.assert_allclose(found[1], table.sum(axis=0))
    np.testing.assert_allclose(found[2, :2], table.sum(axis=1))
    np.testing.assert_allclose(found[0, :3], policy.probabilities[1, :3])
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


def test_a_joint_factor_is_active_where_any_of_its_parameters_is():
    space = DesignSpace(SPACE.parameters, inactive=[InactiveRule("a", {"b": (3,)}), InactiveRule("c", {"b": (3,)})])
    designs = np.array([[0, 3, 0, 0], [0, 1, 0, 0]])
    assert Factors(space, [(0, 2), (1,), (3,)]).active(designs).tolist() == [[0, 1, 1], [1, 1, 1]]
    assert Factors(space, [(0, 1), (2,), (3,)]).active(designs).tolist() == [[1, 0, 1], [1, 1, 1]]


def test_draws_follow_the_probabilities_at_any_temperature():
    policy = TablePolicy(np.array([3, 2]))
    policy.logits = np.array([np.log([0.6, 0.3, 0.1]), [*np.log([0.9, 0.1]), -np.inf]])
    rng = np.random.default_rng(0)
    drawn = policy.sample(40_000, rng)
    np.testing.assert_allclose(np.bincount(drawn[:, 0]) / 40_000, [0.6, 0.3, 0.1], atol=0.01)
    assert drawn[:, 1].max() == 1
    warm = policy.sample(40_000, rng, np.full(40_000, 2.0))
    roots = np.sqrt([0.9, 0.1])
    np.testing.assert_allclose(np.bincount(warm[:, 1]) / 40_000, roots / roots.sum(), atol=0.01)


def test_the_score_gradient_is_the_derivative_of_the_log_probability():
    policy = random_policy([3, 4, 2])
    rng = np.random.default_rng(1)
    choices, weights = policy.sample(7, rng), rng.normal(size=(7, 3))
    expected = differences(lambda: (weights * policy.log_probabilities(choices)).sum(), policy)
    np.testing.assert_allclose(policy.score_gradient(choices, weights), expected, atol=1e-7)


def test_the_entropy_gradient_is_the_derivative_of_the_entropy():
    policy = random_policy([3, 4, 2, 1])
    expected = differences(lambda: policy.entropies().sum(), policy)
    np.testing.assert_allclose(policy.entropy_gradient(), expected, atol=1e-7)
    assert TablePolicy(np.array([3, 1])).entropies() == pytest.approx([np.log(3), 0.0])


def test_rewards_are_normalised_by_ranks_or_moments():
    window = np.array([1.0, 2.0, 2.0, -10.0])
    root = np.sqrt(3)  # places 5/8, 3/8 + ... : (below + up to) / n - 1
    assert normalised(np.array([2.0, -10.0]), window, "ranks") == pytest.approx([root * 0.5, root * -0.75])
    assert normalised(window, window, "moments").mean() == pytest.approx(0.0)
    assert normalised(window, window, "moments").std() == pytest.approx(1.0)
    assert normalised(np.full(3, 4.0), np.full(3, 4.0), "moments").tolist() == [0, 0, 0]
    assert normalised(np.full(3, 4.0), np.full(3, 4.0), "ranks").tolist() == [0, 0, 0]


def test_agents_choose_jointly_up_to_the_limit():
    columns, members = joint_columns(SPACE, [[0, 1], [2], [3]], 12)
    assert columns == [(0, 1), (2,), (3,)]
    assert members.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    columns, members = joint_columns(SPACE, [[0, 1], [2, 3]], 11)
    assert columns == [(0,), (1,), (2, 3)]
    assert members.tolist() == [[1, 0], [1, 0], [0, 1]]


def test_the_additive_model_converges_to_the_ridge_solution():
    rng = np.random.default_rng(2)
    choices = rng.integers(0, [3, 4], size=(50, 2))
    active = (rng.random((50, 2)) < 0.8).astype(float)
    targets = rng.normal(size=50)
    model = AdditiveModel(np.array([3, 4]), ridge=1.5)
    model.fit(choices, active, targets, sweeps=200)
    onehot = np.concatenate(
        [np.eye(3)[choices[:, 0]] * active[:, :1], np.eye(4)[choices[:, 1]] * active[:, 1:]], axis=1
    )
    exact = np.linalg.solve(onehot.T @ onehot + 1.5 * np.eye(7), onehot.T @ (targets - targets.mean()))
    np.testing.assert_allclose(np.concatenate([model.effects[0, :3], model.effects[1]]), exact, atol=1e-9)
    np.testing.assert_allclose(model.contributions(choices, active).sum(axis=1), onehot @ exact, atol=1e-9)
