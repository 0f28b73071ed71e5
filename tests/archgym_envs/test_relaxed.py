"""RelaxedDesign: points of the unit box, every value with an equal share."""

from __future__ import annotations

import math

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archgym_envs import DesignEnv, RelaxedBoxAction, RelaxedDesign
from simulators import InvalidInputError
from tests.archgym_envs.small_spaces import every_design, problem_of, spaces
from tests.archgym_envs.toys import chip, chip_space

EDP = {"minimize": "energy_pj * time_ns"}


@pytest.fixture
def env():
    return RelaxedDesign(DesignEnv(chip(), EDP))


def test_the_box_is_the_unit_box(env):
    assert env.action_space == gymnasium.spaces.Box(0.0, 1.0, (3,), dtype=np.float32)


def test_every_level_has_an_equal_share(env):
    points = np.linspace(0, 1, 7 * 2 * 4 * 10, endpoint=False) + 1e-6
    for column, count in enumerate((7, 2, 4)):
        reached = [env.action(np.full(3, x, dtype=np.float32))[column] for x in points]
        assert np.bincount(reached).tolist() == [len(points) // count] * count


def test_its_corners_are_the_first_and_last_values_and_what_is_outside_is_clipped(env):
    assert env.action(np.zeros(3, dtype=np.float32)).tolist() == [0, 0, 0]
    assert env.action(np.ones(3, dtype=np.float32)).tolist() == [6, 1, 3]
    assert env.action(np.array([-0.5, 1.5, math.inf])).tolist() == [0, 1, 3]
    assert env.action(np.nextafter(np.ones(3, dtype=np.float32), np.float32(0))).tolist() == [6, 1, 3]
    assert env.action([0.5, 0.49, 0.5]).tolist() == [3, 0, 2]


@settings(max_examples=40, deadline=None)
@given(spaces(), st.sampled_from((RelaxedDesign, RelaxedBoxAction)))
def test_every_design_has_its_cell(space, kind):
    env = kind(DesignEnv(problem_of(space), {"minimize": "cost"}))
    for design in every_design(space):
        middle = space.to_unit(design[None])[0]
        point = (env.low + (1.0 - env.low) * middle).astype(np.float32)
        assert point in env.action_space
        assert env.action(point).tolist() == design.tolist()


def test_a_step_is_that_of_the_design(env):
    env.reset(seed=0)
    for design in next(iter(chip_space().batches(canonical=False))):
        relaxed = env.step(chip_space().to_unit(design[None])[0].astype(np.float32))
        plain = env.unwrapped.step(design)
        assert relaxed[0].tolist() == plain[0].tolist()
        assert relaxed[1:] == plain[1:]


@pytest.mark.parametrize("kind", [RelaxedDesign, RelaxedBoxAction])
def test_what_is_no_point_is_refused(kind):
    env = kind(DesignEnv(chip(), EDP))
    env.reset()
    with pytest.raises(InvalidInputError, match="must be finite, but is NaN for parameter 'buffer'"):
        env.step(np.array([0.0, math.nan, 0.0], dtype=np.float32))
    for shape in (2, 4, (1, 3)):
        with pytest.raises(InvalidInputError, match=r"shape \[3\], one number per parameter"):
            env.step(np.zeros(shape))
    for action in ("abc", None, [0.1, "x", 0.2], [[0.1], 0.2, 0.3]):
        with pytest.raises(InvalidInputError, match="action must"):
            env.step(action)


def test_it_wraps_only_environments_whose_actions_are_designs():
    with pytest.raises(InvalidInputError, match="RelaxedDesign wraps a DesignEnv.*CartPole"):
        RelaxedDesign(gymnasium.make("CartPole-v1"))
    with pytest.raises(InvalidInputError, match="RelaxedBoxAction wraps a DesignEnv whose actions are designs"):
        RelaxedBoxAction(RelaxedDesign(DesignEnv(chip(), EDP)))
