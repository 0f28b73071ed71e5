"""EditDesign: a walk of single changes, its masks, rewards, invalid designs and starts."""

from __future__ import annotations

import math

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archgym_envs import INVALID_REWARD, BudgetedEvaluator, DesignEnv, EditDesign
from simulators import InvalidInputError, UnknownNameError
from tests.archgym_envs.small_spaces import problem_of, spaces
from tests.archgym_envs.toys import chip, design

EDP = {"minimize": "energy_pj * time_ns"}
"""64 times the lanes, so that the reward is the log of 4 (the reference design's lanes) over the lanes."""
COST = {"minimize": "cost"}
LANES, NONE, FIFO, DEPTH = 0, 7, 8, 9
"""Actions: the first of the lanes 1, 2, 4 ... 64, the two buffers, the first of the depths 1, 2, 4, 8."""


def edits(objective=EDP, budget=None, **how) -> EditDesign:
    problem = chip()
    evaluator = None if budget is None else BudgetedEvaluator(problem, budget)
    return EditDesign(DesignEnv(problem, objective, evaluator=evaluator), **how)


def test_a_walk_by_hand():
    env = edits(episode_length=3)
    assert env.action_space == gymnasium.spaces.Discrete(13)
    assert [env.edit_of(a) for a in (0, 6, 7, 8, 9, 12)] == [
        ("lanes", 1), ("lanes", 64), ("buffer", "none"), ("buffer", "fifo"), ("depth", 1), ("depth", 8),
    ]  # fmt: skip
    observation, info = env.reset(seed=0)
    reference = env.unwrapped.reset()[0]
    assert observation.tolist() == [*reference.tolist(), 1.0]
    assert info["design"] == {"lanes": 4, "buffer": "none", "depth": 8}
    # not its lanes, nor 32 and 64, which need a fifo; not its buffer; no depth, which has no effect
    assert info["action_mask"].tolist() == [*[1, 1, 0, 1, 1, 0, 0], *[0, 1], *[0] * 4]

    observation, reward, terminated, truncated, info = env.step(LANES)
    assert reward == pytest.approx(math.log(4))
    assert observation.tolist() == pytest.approx([*env.unwrapped.step(design(lanes=1))[0].tolist(), 2 / 3])
    assert (terminated, truncated, info["undone"]) == (False, False, False)
    assert info["action_mask"].tolist() == [*[0, 1, 1, 1, 1, 0, 0], *[0, 1], *[0] * 4]

    _, reward, terminated, _, info = env.step(FIFO)
    assert reward == 0.0
    assert info["design"] == {"lanes": 1, "buffer": "fifo", "depth": 8}
    # now depths have an effect and 32 and 64 lanes are allowed; that 64 are too hot is found out by trying
    assert info["action_mask"].tolist() == [*[0, 1, 1, 1, 1, 1, 1], *[1, 0], *[1, 1, 1, 0]]

    observation, reward, terminated, _, info = env.step(LANES + 3)
    assert reward == pytest.approx(-math.log(8))
    assert (terminated, observation[-1]) == (True, 0.0)
    assert env.action_masks().tolist() == info["action_mask"].astype(bool).tolist()
    assert env.design.tolist() == design(lanes=8, buffer="fifo").tolist()
    assert env.reset()[0].tolist() == [*reference.tolist(), 1.0]


def test_an_invalid_design_is_fined_and_undone():
    env = edits()
    env.reset(seed=0)
    env.step(LANES + 1)
    before = env.step(FIFO)[0]
    observation, reward, _, _, info = env.step(LANES + 6)  # 64 lanes: too hot
    assert reward == pytest.approx(INVALID_REWARD - math.log(2))
    assert (info["valid"], info["reason"], info["undone"], info["design"]["lanes"]) == (False, "too hot", True, 64)
    assert observation[:-1].tolist() == before[:-1].tolist()
    assert observation[-1] == 13 / 16
    assert env.design.tolist() == design(lanes=2, buffer="fifo").tolist()
    assert env.step(LANES)[1] == pytest.approx(math.log(2))  # from where it was


def test_so_is_a_masked_edit_that_breaks_a_constraint():
    env = edits()
    env.reset(seed=0)
    _, reward, _, _, info = env.step(LANES + 5)
    assert (reward, info["reason"], info["undone"]) == (INVALID_REWARD, "violates wide-needs-fifo", True)
    assert env.design.tolist() == design().tolist()


def test_invalid_designs_can_be_kept():
    env = edits(undo_invalid=False)
    _, info = env.reset(seed=0)
    assert info["action_mask"].tolist() == [*[1, 1, 0, 1, 1, 1, 1], *[0, 1], *[0] * 4]
    observation, reward, _, _, info = env.step(LANES + 5)
    assert (reward, info["valid"], info["undone"]) == (INVALID_REWARD, False, False)
    assert observation[3:7].tolist() == [5.0] * 4
    _, reward, _, _, info = env.step(FIFO)
    assert reward == pytest.approx(-INVALID_REWARD + math.log(4 / 32))
    assert info["valid"]


def test_what_changes_nothing_costs_a_proposal_only():
    env = edits(budget=5)
    env.reset(seed=0)
    infos = [env.step(action)[4] for action in (LANES + 1, LANES + 1, NONE, DEPTH, LANES + 2, LANES + 2)]
    assert [info["proposals"] for info in infos] == [1, 2, 3, 4, 5, 6]
    assert [info["evaluations"] for info in infos] == [1, 1, 1, 1, 2, 2]  # the second is the reference design
    assert env.step(LANES + 1)[0][-2] == 3 / 5


def test_the_budget_is_seen_after_an_edit_that_was_undone():
    env = edits(budget=4)
    env.reset(seed=0)
    assert [env.step(LANES + 5)[0][-2] for _ in range(2)] == [3 / 4, 3 / 4]
    assert env.reset()[0][-2] == 3 / 4


def test_walks_can_start_at_the_best_design_so_far():
    env = edits(start="best", episode_length=2, budget=50)
    first, _ = env.reset(seed=0)
    env.step(LANES + 1)
    env.step(LANES + 4)
    observation, info = env.reset()
    assert info["design"]["lanes"] == 2
    assert (info["proposals"], info["evaluations"]) == (2, 2)
    assert observation.tolist() == pytest.approx([1.5 / 7, 0.25, 3.5 / 4, *np.log([1 / 4, 2, 1 / 2, 1]), 48 / 50, 1.0])
    assert env.step(LANES)[1] == pytest.approx(math.log(2))
    env.step(FIFO)  # as good as the one before: the first stays
    assert env.reset()[1]["design"] == {"lanes": 1, "buffer": "none", "depth": 8}
    assert env.reset(seed=0)[0].tolist() == pytest.approx([*first[:-2], 46 / 50, 1.0])


def test_by_default_they_start_at_the_reference_design():
    env = edits()
    env.reset(seed=0)
    env.step(LANES)
    assert env.reset()[1]["design"]["lanes"] == 4


def test_a_step_needs_no_reset_before_it():
    env = edits()
    assert env.action_masks().sum() == 5
    assert env.step(LANES)[1] == pytest.approx(math.log(4))


@settings(max_examples=60, deadline=None)
@given(spaces(), st.integers(-1, 6), st.booleans(), st.integers(0, 999))
def test_rewards_add_up_and_masks_are_right(space, hole, undo, seed):
    problem = problem_of(space, hole)
    env = EditDesign(DesignEnv(problem, COST), episode_length=8, undo_invalid=undo)
    rng = np.random.default_rng(seed)
    env.reset(seed=0)
    total = fines = 0.0
    for step in range(8):
        here = env.design
        mask = env.action_masks()
        assert (mask == expected_mask(env, here, undo)).all()
        action = int(rng.choice(np.flatnonzero(mask))) if rng.random() < 0.7 else int(rng.integers(len(mask)))
        observation, reward, terminated, _, info = env.step(action)
        total += float(reward)
        if info["undone"]:
            fines += INVALID_REWARD - reward_of(env, here)
        assert info["undone"] == (undo and not info["valid"])
        assert (env.design == here).all() or not info["undone"]
        assert observation[: space.dimensions].tolist() == pytest.approx(space.to_unit(env.design[None])[0].tolist())
        assert terminated == (step == 7)
    assert total - fines == pytest.approx(reward_of(env, env.design) - reward_of(env, problem.reference_indices[0]))


def reward_of(env: EditDesign, of: np.ndarray) -> float:
    return env.unwrapped.step(of)[1]


def expected_mask(env: EditDesign, here: np.ndarray, undo: bool) -> np.ndarray:
    """By the words of the documentation, edit by edit."""
    space = env.unwrapped.space
    edited = []
    for action in range(env.action_space.n):
        name, value = env.edit_of(action)
        after = here.copy()
        after[space.column(name)] = value  # of small spaces, values are their own indices
        edited.append(after)
    changes = np.array([(space.canonical(after[None])[0] != here).any() for after in edited])
    feasible = np.array([space.feasible(after[None])[0] for after in edited])
    for mask in (changes & feasible, changes) if undo else (changes,):
        if mask.any():
            return mask
    return np.ones(len(edited), dtype=bool)


@pytest.mark.parametrize("action", [13, -1, 1.5, "x", None])
def test_wrong_actions_are_refused(action):
    env = edits()
    env.reset()
    for ask in (env.step, env.edit_of):
        with pytest.raises(InvalidInputError, match="integer from 0 to 12"):
            ask(action)


def test_wrong_arguments_are_refused():
    for length in (0, -1, 1.5, True, "16"):
        with pytest.raises(InvalidInputError, match="episode_length"):
            edits(episode_length=length)
    with pytest.raises(UnknownNameError, match="start 'bests'.*'best'"):
        edits(start="bests")
    with pytest.raises(InvalidInputError, match="vectors"):
        EditDesign(gymnasium.wrappers.ReshapeObservation(DesignEnv(chip(), EDP), (2, 4)))


def test_entries_of_the_observation_are_named():
    env = edits()
    assert env.observation_names == (*env.unwrapped.observation_names, "episode_left")
    assert env.observation_space.shape == (len(env.observation_names),)
