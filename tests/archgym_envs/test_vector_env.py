from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

import archgym_envs
from archgym_envs import BudgetedEvaluator, BudgetExhausted, DesignEnv, VectorDesignEnv
from simulators import InvalidInputError
from tests.archgym_envs.toys import SPEC, chip, design

EDP = {"minimize": "energy_pj * time_ns"}
BATCH = np.stack([design(lanes=1), design(lanes=8, buffer="fifo", depth=2), design(lanes=32), design(lanes=4)])


@pytest.fixture(autouse=True)
def registered() -> None:
    archgym_envs.register(SPEC.id, SPEC.problem, SPEC.objective)


def test_make_vec_evaluates_a_batch_in_one_call():
    vector = gymnasium.make_vec(SPEC.id, num_envs=4)
    assert isinstance(vector.unwrapped, VectorDesignEnv)
    assert vector.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    vector.reset(seed=0)
    calls = vector.problem.simulator.calls
    vector.step(BATCH[[0, 1, 3, 0]])
    assert vector.problem.simulator.calls == calls + 1


def same(a: object, b: object) -> bool:
    """Compare infos; a single environment says None where a vectorised one has NaN."""
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray) and a.ndim:
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True))
    if a is None or b is None or a != a:
        return (a is None or a != a) and (b is None or b != b)
    return bool(a == b)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_the_same_as_gymnasiums_own_vectorisation(length):
    """Everything but the resets of copies whose infos are masked out equals SyncVectorEnv in same-step mode."""
    vector = gymnasium.make_vec(SPEC.id, num_envs=4, episode_length=length)
    reference = gymnasium.make_vec(
        SPEC.id,
        num_envs=4,
        episode_length=length,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP},
    )
    (ours, our_info), (theirs, their_info) = vector.reset(seed=0), reference.reset(seed=0)
    assert (ours == theirs).all()
    assert same(our_info, their_info)
    rng = np.random.default_rng(length)
    for _ in range(2 * length + 1):
        actions = BATCH[rng.permutation(4)]
        a, b = vector.step(actions), reference.step(actions)
        for ours, theirs in zip(a[:4], b[:4], strict=True):
            assert ours.dtype == theirs.dtype
            assert (ours == theirs).all()
        assert a[4].keys() == b[4].keys()
        for key in a[4].keys() - {"final_obs"}:
            assert same(a[4][key], b[4][key]), key
        if "final_obs" in a[4]:
            assert all((x == y).all() for x, y in zip(a[4]["final_obs"], b[4]["final_obs"], strict=True))


def test_partial_reset_puts_copies_out_of_step():
    vector = VectorDesignEnv(chip(), EDP, 3, episode_length=2)
    vector.reset(seed=0)
    assert not vector.step(BATCH[:3])[2].any()
    observations, infos = vector.reset(options={"reset_mask": np.array([False, True, False])})
    assert infos["_score"].tolist() == [False, True, False]
    assert observations.shape == (3, 8)
    _, _, terminated, _, infos = vector.step(BATCH[:3])
    assert terminated.tolist() == [True, False, True]
    assert infos["_final_info"].tolist() == [True, False, True]
    assert infos["final_obs"][1] is None
    assert infos["final_info"]["score"][0] == 64.0
    assert infos["score"].tolist() == [256.0, 512.0, 256.0]  # reset, running, reset


def test_the_budget_is_shared_and_ends_within_a_batch():
    problem = chip()
    evaluator = BudgetedEvaluator(problem, budget=3)
    vector = VectorDesignEnv(problem, EDP, 2, evaluator=evaluator)
    vector.reset(seed=0)
    observations, *_, infos = vector.step(BATCH[[0, 0]])
    assert evaluator.evaluations == 1
    assert infos["final_info"]["evaluations"].tolist() == [1, 1]
    assert infos["final_obs"][0][-1] == pytest.approx(2 / 3)
    assert observations[0, -1] == pytest.approx(2 / 3)
    vector.step(BATCH[[0, 1]])
    with pytest.raises(BudgetExhausted):
        vector.step(np.stack([design(lanes=2), design(lanes=16)]))
    assert evaluator.evaluations == 3


def test_wrong_use_is_refused():
    vector = VectorDesignEnv(chip(), EDP, 2)
    with pytest.raises(InvalidInputError, match=r"integers \[2, 3\].*got shape"):
        vector.step(BATCH[:3])
    with pytest.raises(InvalidInputError, match="reset_mask"):
        vector.reset(options={"reset_mask": [1, 0]})
    with pytest.raises(InvalidInputError, match="no options"):
        vector.reset(options={"start": 1})
    for count in (0, 1.0):
        with pytest.raises(InvalidInputError, match="num_envs"):
            VectorDesignEnv(chip(), EDP, count)


def test_vector_wrappers_of_gymnasium_work():
    vector = gymnasium.wrappers.vector.RecordEpisodeStatistics(gymnasium.make_vec(SPEC.id, num_envs=4))
    vector.reset(seed=0)
    *_, infos = vector.step(BATCH)
    single = DesignEnv(chip(), EDP)
    single.reset()
    assert infos["episode"]["r"].tolist() == pytest.approx([single.step(action)[1] for action in BATCH])
    assert infos["episode"]["l"].tolist() == [1] * 4
