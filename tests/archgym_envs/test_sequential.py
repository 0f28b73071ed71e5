"""SequentialDesign: one parameter per step, masks, reward at the end."""

from __future__ import annotations

import math
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check
from hypothesis import given, settings
from hypothesis import strategies as st

import archgym_envs
from archgym_envs import BudgetedEvaluator, BudgetExhausted, DesignEnv, RelaxedBoxAction, SequentialDesign, _completions
from simulators import Constraint, DesignSpace, InactiveRule, InvalidInputError, Parameter
from tests.archgym_envs.small_spaces import every_design, problem_of, spaces
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


# ---- constraints in the mask ----------------------------------------------------------------------------------


def constrained(counts, holds, default=0) -> SequentialDesign:
    """An environment whose parameters p0, p1 ... have the values 0 .. k-1 and one constraint."""
    parameters = [Parameter(f"p{j}", tuple(range(count)), default) for j, count in enumerate(counts)]
    space = DesignSpace(parameters, (Constraint("holds", holds),), name="constrained")
    return SequentialDesign(DesignEnv(problem_of(space), {"minimize": "cost"}))


def masks_along(env, choices) -> list[list[int]]:
    """The values that are not masked before each of the choices."""
    _, info = env.reset()
    seen = []
    for choice in choices:
        seen.append(np.flatnonzero(info["action_mask"]).tolist())
        assert (env.action_masks() == info["action_mask"].astype(bool)).all()
        *_, info = env.step(choice)
    return seen


def test_values_that_leave_no_feasible_design_are_masked():
    env = constrained((4, 4, 4), lambda c: c["p0"] + c["p1"] + c["p2"] <= 2)
    assert masks_along(env, [1, 1, 0]) == [[0, 1, 2], [0, 1], [0]]
    assert masks_along(env, [0, 0, 2]) == [[0, 1, 2], [0, 1, 2], [0, 1, 2]]


def test_a_masked_choice_from_which_nothing_is_feasible_masks_nothing_more():
    env = constrained((4, 4, 4), lambda c: c["p0"] + c["p1"] + c["p2"] <= 2)
    assert masks_along(env, [3, 0, 0]) == [[0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3]]
    assert masks_along(env, [1, 1, 0]) == [[0, 1, 2], [0, 1], [0]]  # and the next design is masked as ever


def test_after_an_episode_the_mask_is_that_of_the_next_ones_first_turn():
    env = constrained((4, 2), lambda c: c["p0"] < 2)
    env.reset()
    env.step(0)
    *_, info = env.step(0)
    assert (info["parameter"], info["action_mask"].tolist()) == (None, [1, 1, 0, 0])


def test_large_spaces_look_ahead_over_the_last_parameters_only():
    counts = (16, 16, 16, 16, 16)  # 1 048 576 designs; 256 ways to choose the last two, 4096 for three
    env = constrained(counts, lambda c: sum(c[f"p{j}"] for j in range(5)) <= 3)
    everything = list(range(16))
    assert masks_along(env, [1, 0, 1, 1, 0]) == [everything, everything, everything, [0, 1], [0]]
    assert masks_along(env, [1, 0, 3, 0, 0]) == [everything] * 5  # decided too late to be masked
    assert masks_along(env, [0, 0, 0, 3, 0])[3:] == [[0, 1, 2, 3], [0]]


def test_the_last_parameter_is_decided_however_many_values_it_has():
    env = constrained((40, 2000), lambda c: c["p0"] + c["p1"] <= 50)
    assert masks_along(env, [30, 20]) == [list(range(40)), list(range(21))]


def test_looking_ahead_looks_once_at_a_small_space_and_once_per_design_at_the_tail_of_a_large_one():
    for counts, calls in (((4, 4, 4), 1), ((32, 32, 32, 32), 3)):
        looked = []

        def holds(columns, looked=looked):
            looked.append(len(columns["p0"]))
            return columns["p0"] < 3

        env = constrained(counts, holds)
        looked.clear()
        for choice in range(3):
            masks_along(env, [choice, *[0] * (len(counts) - 1)])
        assert len([n for n in looked if n > 1]) == calls
        assert max(looked) == (64 if calls == 1 else 1024)


@settings(max_examples=40, deadline=None)
@given(spaces(), st.integers(0, 999))
def test_masks_agree_with_looking_at_every_design(space, seed):
    """Whether small spaces are looked at as a whole, or only the last parameters of a design."""
    rng = np.random.default_rng(seed)
    everything = every_design(space)
    feasible, active = space.feasible(everything), space.active(everything)
    with pytest.MonkeyPatch.context() as patch:
        if seed % 2:
            patch.setattr(_completions, "WHOLE", 0)
            patch.setattr(_completions, "TAIL", 6)
        env = SequentialDesign(DesignEnv(problem_of(space), {"minimize": "cost"}))
    for _ in range(4):
        env.reset()
        prefix: list[int] = []
        for turn, count in enumerate(space.cardinalities.tolist()):
            mask = np.flatnonzero(env.action_masks()).tolist()
            same = (everything[:, :turn] == prefix).all(axis=1)
            default = space.parameters[turn].default_index
            left = sorted({int(value) for value in everything[same & feasible, turn]})
            decided = not seed % 2 or turn == space.dimensions - 1 or math.prod(space.cardinalities[turn:]) <= 6
            if mask == [default] and not active[same, turn].any():
                prefix.append(default)  # without effect whatever follows
            else:
                assert mask == (left if decided and left and space.constraints else list(range(count)))
                prefix.append(int(rng.choice(mask)))
            env.step(prefix[-1])


def test_a_parameter_is_not_masked_for_one_that_may_yet_turn_out_inactive():
    """p1 has no effect where p0 is 1; but p0 itself has none where p2 is 0, and then counts as 0."""
    parameters = [Parameter("p0", (0, 1)), Parameter("p1", (0, 1, 2)), Parameter("p2", (0, 1), 1)]
    rules = [InactiveRule("p1", {"p0": (1,)}), InactiveRule("p0", {"p2": (0,)})]
    env = SequentialDesign(DesignEnv(problem_of(DesignSpace(parameters, (), rules)), {"minimize": "cost"}))
    assert masks_along(env, [1, 2, 0]) == [[0, 1], [0, 1, 2], [0, 1]]
    env.reset()
    infos = [env.step(choice)[4] for choice in (1, 2, 0)]
    assert infos[-1]["design"] == {"p0": 0, "p1": 2, "p2": 0}
