from __future__ import annotations

import math

import numpy as np
import pytest

from archgym_envs import BudgetedEvaluator, BudgetExhausted, DesignEnv, RelaxedBoxAction
from archgym_envs.evaluators import DirectEvaluator
from simulators import InvalidInputError, UnknownNameError
from tests.archgym_envs.toys import chip, chip_space, design

EDP = {"minimize": "energy_pj * time_ns"}


@pytest.fixture
def env() -> DesignEnv:
    environment = DesignEnv(chip(), EDP)
    environment.reset(seed=0)
    return environment


def test_action_space_is_the_design_space(env):
    assert env.action_space.nvec.tolist() == [7, 2, 4]
    assert env.observation_space.shape == (3 + 4 + 1,)
    assert env.observation_names == (
        "lanes",
        "buffer",
        "depth",
        "log_ratio_energy_pj",
        "log_ratio_time_ns",
        "log_ratio_throughput_per_ns",
        "log_ratio_stalls",
        "budget_left",
    )


def test_reset_shows_the_reference_design(env):
    observation, info = env.reset(seed=3)
    fractions = [2.5 / 7, 0.5 / 2, 3.5 / 4]
    assert observation.tolist() == pytest.approx([*fractions, 0, 0, 0, 0, 1])
    assert observation.dtype == np.float32
    assert info == {
        "design": {"lanes": 4, "buffer": "none", "depth": 8},
        "metrics": {"energy_pj": 16.0, "time_ns": 16.0, "throughput_per_ns": 1 / 16, "stalls": 0.0},
        "score": 256.0,
        "met": False,
        "valid": True,
        "reason": "",
        "diagnostics": {},
    }


def test_step_by_hand(env):
    observation, reward, terminated, truncated, info = env.step(design(lanes=8, buffer="fifo", depth=2))
    assert info["metrics"] == {"energy_pj": 64.0, "time_ns": 8.0, "throughput_per_ns": 0.125, "stalls": 6.0}
    assert info["score"] == 512.0
    assert reward == pytest.approx(-math.log(2))
    expected = [3.5 / 7, 1.5 / 2, 1.5 / 4, math.log(4), -math.log(2), math.log(2), math.log(7), 1.0]
    assert observation.tolist() == pytest.approx(expected, rel=1e-6)
    assert (terminated, truncated) == (True, False)
    assert type(reward) is float
    assert terminated is True


def test_inactive_parameters_are_shown_at_their_default(env):
    observation, _, _, _, info = env.step(design(lanes=2, buffer="none", depth=1))
    assert info["design"] == {"lanes": 2, "buffer": "none", "depth": 8}
    assert observation[2] == pytest.approx(3.5 / 4)


@pytest.mark.parametrize(
    ("values", "reason"),
    [({"lanes": 64, "buffer": "fifo"}, "too hot"), ({"lanes": 32, "buffer": "none"}, "violates wide-needs-fifo")],
)
def test_invalid_designs(env, values, reason):
    observation, reward, _, _, info = env.step(design(**values))
    assert reward == -10.0
    assert (info["valid"], info["reason"], info["score"]) == (False, reason, None)
    assert info["metrics"] == dict.fromkeys(("energy_pj", "time_ns", "throughput_per_ns", "stalls"))
    assert observation[3:7].tolist() == [5.0] * 4
    assert observation in env.observation_space


def test_ratios_are_clipped():
    heavy = DesignEnv(chip("heavy"), EDP)
    heavy.core.encoder._scale[3:7] *= [1e-9, 1e9, 1.0, 1.0]
    heavy.reset(seed=0)
    observation = heavy.step(design(lanes=4))[0]
    assert observation[3:5].tolist() == [5.0, -5.0]
    assert observation in heavy.observation_space


def test_met_and_tie_break_reach_info():
    env = DesignEnv(chip(), {"meet": {"time_ns": 16}, "tie_break": "energy_pj"})
    env.reset(seed=0)
    _, reward, _, _, info = env.step(design(lanes=8))
    assert info["met"] is True
    assert info["score"] == -0.2
    assert reward == 0.2
    assert env.step(design(lanes=2))[4]["met"] is False


def test_episodes_last_episode_length_steps():
    env = DesignEnv(chip(), EDP, episode_length=3)
    for _ in range(2):
        env.reset()
        ends = [env.step(design(lanes=2))[2] for _ in range(3)]
        assert ends == [False, False, True]


def test_budget_counts_unique_canonical_designs_and_ends_inside_step():
    problem = chip()
    env = DesignEnv(problem, EDP, evaluator=BudgetedEvaluator(problem, budget=2))
    assert env.budget == 2
    env.reset(seed=0)
    calls = problem.simulator.calls
    first = env.step(design(lanes=2, buffer="none", depth=1))
    again = env.step(design(lanes=2, buffer="none", depth=4))
    assert first[4]["evaluations"] == again[4]["evaluations"] == 1
    assert again[4]["proposals"] == 2
    assert first[0][-1] == again[0][-1] == 0.5
    last = env.step(design(lanes=1))
    assert last[0][-1] == 0.0
    assert problem.simulator.calls == calls + 2
    with pytest.raises(BudgetExhausted):
        env.step(design(lanes=8))
    assert env.reset()[0][-1] == 0.0


@pytest.mark.parametrize(
    "action",
    [[7, 0, 0], [0, 0, -1], [0, 0], [0.5, 0, 0], [[0, 0, 0]], ["Open", "a", "b"]],
)
def test_bad_actions_are_refused(env, action):
    with pytest.raises(InvalidInputError):
        env.step(action)


def test_actions_may_be_lists_and_small_integers(env):
    expected = env.step(design(lanes=8))
    for action in (design(lanes=8).tolist(), design(lanes=8).astype(np.int8)):
        found = env.step(action)
        assert found[1:] == expected[1:]
        assert (found[0] == expected[0]).all()


def test_wrong_construction_is_refused():
    problem = chip()
    with pytest.raises(UnknownNameError, match="one-shot"):
        DesignEnv(problem, EDP, formulation="oneshot")
    for length in (0, 1.5, True):
        with pytest.raises(InvalidInputError, match="episode_length"):
            DesignEnv(problem, EDP, episode_length=length)
    with pytest.raises(InvalidInputError, match="another problem"):
        DesignEnv(problem, EDP, evaluator=DirectEvaluator(chip()))
    with pytest.raises(InvalidInputError, match="render_mode"):
        DesignEnv(problem, EDP, render_mode="human")
    with pytest.raises(InvalidInputError, match="no options"):
        DesignEnv(problem, EDP).reset(options={"start": 1})


def test_relaxed_box_reaches_every_level_with_equal_measure():
    env = RelaxedBoxAction(DesignEnv(chip(), EDP))
    env.reset(seed=0)
    points = np.linspace(-1, 1, 7 * 2 * 4 * 10, endpoint=False) + 1e-6
    for column, count in enumerate((7, 2, 4)):
        reached = [env.action(np.full(3, x))[column] for x in points]
        assert np.bincount(reached).tolist() == [len(points) // count] * count
    assert env.action(np.array([-3.0, 0.0, 9.0])).tolist() == [0, 1, 3]
    space = chip_space()
    for indices in next(iter(space.batches(canonical=False))):
        assert (env.action(2 * space.to_unit(indices[None])[0] - 1) == indices).all()
    assert env.step(env.action_space.sample())[0] in env.observation_space


def test_relaxed_box_refuses_other_environments_and_nan():
    import gymnasium

    with pytest.raises(InvalidInputError, match="DesignEnv"):
        RelaxedBoxAction(gymnasium.make("CartPole-v1"))
    with pytest.raises(InvalidInputError, match="finite"):
        RelaxedBoxAction(DesignEnv(chip(), EDP)).action(np.array([0.0, math.nan, 0.0]))
