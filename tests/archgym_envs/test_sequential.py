"""SequentialDesign: one parameter per step, masks, reward at the end."""

from __future__ import annotations

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check

import archgym_envs
from archgym_envs import BudgetedEvaluator, BudgetExhausted, DesignEnv, RelaxedBoxAction, SequentialDesign
from simulators import InvalidInputError
from tests.archgym_envs.test_registered_environments import IDS, SMALL
from tests.archgym_envs.toys import chip, design

EDP = {"minimize": "energy_pj * time_ns"}


@pytest.fixture
def env():
    return SequentialDesign(DesignEnv(chip(), EDP))


def test_a_design_by_hand(env):
    observation, info = env.reset(seed=0)
    assert env.action_space == gymnasium.spaces.Discrete(7)
    assert observation.tolist() == [0, 0, 0, 1, 0, 0, 1]
    assert (info["parameter"], info["action_mask"].tolist()) == ("lanes", [1] * 7)

    observation, reward, terminated, truncated, info = env.step(3)  # 8 lanes
    assert observation.tolist() == pytest.approx([3.5 / 7, 0, 0, 0, 1, 0, 1])
    assert (reward, terminated, truncated) == (0.0, False, False)
    assert (info["parameter"], info["action_mask"].tolist()) == ("buffer", [1, 1, 0, 0, 0, 0, 0])

    observation, reward, *_, info = env.step(1)  # a fifo, so that its depth matters
    assert observation.tolist() == pytest.approx([3.5 / 7, 1.5 / 2, 0, 0, 0, 1, 1])
    assert (info["parameter"], info["action_mask"].tolist()) == ("depth", [1, 1, 1, 1, 0, 0, 0])

    observation, reward, terminated, truncated, info = env.step(1)  # 2 deep
    assert observation.tolist() == pytest.approx([3.5 / 7, 1.5 / 2, 1.5 / 4, 0, 0, 0, 1])
    assert (terminated, truncated) == (True, False)
    assert info["parameter"] is None
    assert info["design"] == {"lanes": 8, "buffer": "fifo", "depth": 2}
    assert reward == env.unwrapped.step(design(lanes=8, buffer="fifo", depth=2))[1]


def test_an_inactive_parameter_takes_only_its_default(env):
    env.reset()
    env.step(2)
    info = env.step(0)[-1]  # no buffer: depth has no effect
    assert (info["parameter"], info["action_mask"].tolist()) == ("depth", [0, 0, 0, 1, 0, 0, 0])
    assert env.action_masks().tolist() == [False, False, False, True, False, False, False]
    observation, *_, info = env.step(0)
    assert observation[2] == pytest.approx(3.5 / 4)
    assert info["design"]["depth"] == 8


def test_actions_past_the_last_value_are_taken_modulo_their_number(env):
    env.reset()
    env.step(2)
    env.step(5)  # of two values
    assert env.step(6)[-1]["design"] == {"lanes": 4, "buffer": "fifo", "depth": 4}


def test_several_designs_an_episode_begin_anew(env):
    env = SequentialDesign(DesignEnv(chip(), EDP, episode_length=2))
    env.reset()
    seen = [env.step(1) for _ in range(6)]
    assert [step[2] for step in seen] == [False] * 5 + [True]
    assert seen[2][0].tolist() == [0, 0, 0, 1, 0, 0, 1]
    assert seen[2][4]["parameter"] == "lanes"
    assert [step[1] != 0 for step in seen] == [False, False, True, False, False, True]
    assert "design" not in seen[1][4]


def test_the_budget_is_shown_and_ends_the_search():
    problem = chip()
    env = SequentialDesign(DesignEnv(problem, EDP, evaluator=BudgetedEvaluator(problem, budget=2)))
    assert env.reset()[0][-1] == 1.0
    assert [env.step(1)[0][-1] for _ in range(3)] == [1.0, 1.0, 0.5]
    env.reset()
    for _ in range(3):
        env.step(2)
    env.reset()
    env.step(3)
    env.step(3)
    with pytest.raises(BudgetExhausted):
        env.step(3)


@pytest.mark.parametrize("action", [7, -1, 1.5, "x"])
def test_wrong_actions_are_refused(env, action):
    env.reset()
    with pytest.raises(InvalidInputError, match="integer from 0 to 6"):
        env.step(action)


def test_it_wraps_only_environments_whose_actions_are_designs():
    with pytest.raises(InvalidInputError, match="whose actions are designs"):
        SequentialDesign(RelaxedBoxAction(DesignEnv(chip(), EDP)))
    with pytest.raises(InvalidInputError, match="CartPole"):
        SequentialDesign(gymnasium.make("CartPole-v1"))


def test_entries_of_the_observation_are_named(env):
    assert env.observation_names == (
        "lanes", "buffer", "depth", "turn_of_lanes", "turn_of_buffer", "turn_of_depth", "budget_left",
    )  # fmt: skip


@pytest.mark.parametrize("id", IDS)
def test_it_wraps_every_environment_that_ships(id):
    env = SequentialDesign(gymnasium.make(id, **SMALL.get(id, {})))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*(not having a spec|different from the unwrapped version).*")
        gymnasium_check(env, skip_render_check=True)
    space = env.unwrapped.space
    rng = np.random.default_rng(3)
    for _ in range(3):
        _, info = env.reset()
        total, chosen = 0.0, []
        for _ in range(space.dimensions):
            assert info["parameter"] == space.names[len(chosen)]
            chosen.append(int(rng.choice(np.flatnonzero(info["action_mask"]))))
            observation, reward, terminated, _, info = env.step(chosen[-1])
            assert observation in env.observation_space
            total += reward
        assert terminated
        canonical = space.canonical(np.array([chosen]))
        assert info["design"] == space.describe(canonical[0])
        assert total == env.unwrapped.step(np.array(chosen))[1]


def test_it_is_exported():
    assert "SequentialDesign" in archgym_envs.__all__
