"""The conformance suites accept what keeps the contract and name the promise that is broken."""

from __future__ import annotations

import os
import random

import numpy as np
import pytest

from archgym_envs import BudgetedEvaluator, DesignEnv
from archgym_envs.testing import ConformanceError, check_env, check_problem, check_simulator, sample_columns
from simulators import ArchgymError, DesignSpace, Evaluation, InactiveRule, Metric, Problem, UnknownNameError, at_most
from tests.archgym_envs.toys import Chip, Load, chip, chip_space

EDP = {"minimize": "energy_pj * time_ns"}


def changed(evaluation: Evaluation, values: np.ndarray) -> Evaluation:
    return Evaluation(evaluation.metrics, values, evaluation.valid, evaluation.reason)


class Noisy(Chip):
    def evaluate_columns(self, columns, workload):
        found = super().evaluate_columns(columns, workload)
        return changed(found, found.values + self.calls * 1e-9)


class Neighbourly(Chip):
    """A row depends on its batch."""

    def evaluate_columns(self, columns, workload):
        found = super().evaluate_columns(columns, workload)
        return changed(found, found.values + len(found))


class Positional(Chip):
    """The first row of a batch is special."""

    def evaluate_columns(self, columns, workload):
        found = super().evaluate_columns(columns, workload)
        return changed(found, np.concatenate([found.values[:1] * 1.0, found.values[1:] * 2.0]))


class Mutating(Chip):
    def evaluate_columns(self, columns, workload):
        found = super().evaluate_columns(columns, workload)
        columns["lanes"][:] = 1
        return found


class Global(Chip):
    def evaluate_columns(self, columns, workload):
        random.random()
        return super().evaluate_columns(columns, workload)


class Wandering(Chip):
    def evaluate_columns(self, columns, workload):
        os.chdir("/")
        return super().evaluate_columns(columns, workload)


class HalfInvalid(Chip):
    """Invalid designs keep numbers."""

    def evaluate_columns(self, columns, workload):
        found = super().evaluate_columns(columns, workload)
        return changed(found, np.nan_to_num(found.values))


class Infinite(Chip):
    def evaluate_columns(self, columns, workload):
        found = super().evaluate_columns(columns, workload)
        return changed(found, np.where(found.valid[:, None], np.inf, found.values))


class Silent(Chip):
    """Invalid without a reason."""

    def evaluate_columns(self, columns, workload):
        found = super().evaluate_columns(columns, workload)
        return Evaluation(found.metrics, found.values, found.valid, ("",) * len(found))


class Unlawful(Chip):
    audits = (at_most("energy_pj", 1.0, "no chip takes more than 1 pJ"),)


class Nameless(Chip):
    version = ""


class Twins(Chip):
    metrics = (*Chip.metrics[:3], Metric("energy_pj", "pJ"))


class Unsettled(Chip):
    def settings(self):
        return {"file": object()}


class Credulous(Chip):
    def load_workload(self, name_or_path):
        return Load(str(name_or_path), 1.0)


class Permissive(Chip):
    def check_columns(self, columns):
        return super().check_columns({name: column for name, column in columns.items() if name in ("lanes", "depth")})


def test_a_sound_simulator_passes():
    check_simulator(Chip(), "light")
    check_simulator(Chip(), Load("own", 2.0), columns={"lanes": [1, 2, 64], "buffer": ["fifo", "none", "fifo"]})


@pytest.mark.parametrize(
    ("simulator", "promise"),
    [
        (Noisy, "the same designs give the same results twice"),
        (Neighbourly, "equals the batch of row 0 alone"),
        (Positional, "equals the batch of row 1 alone"),
        (Mutating, "leaves its input alone"),
        (Global, "global random generators"),
        (HalfInvalid, "an invalid design has only NaN metrics"),
        (Infinite, "a valid design has finite metrics"),
        (Silent, "an invalid design says why"),
        (Unlawful, "broke its own law 'energy_pj-bounded'"),
        (Nameless, "version is a non-empty string"),
        (Twins, "metrics have unique names"),
        (Unsettled, "settings"),
        (Credulous, "refuses a name nobody knows"),
        (Permissive, "unknown column"),
    ],
)
def test_broken_simulators_are_named(simulator, promise):
    columns = {"lanes": [1, 2, 4, 64], "buffer": ["fifo", "none", "fifo", "fifo"], "depth": [1, 2, 4, 8]}
    if simulator in (Permissive, Unlawful):
        columns = {"lanes": [1, 2, 4, 64]}
    with pytest.raises(ConformanceError, match=promise) as caught:
        check_simulator(simulator(), "light", columns=columns)
    assert isinstance(caught.value, ArchgymError)
    assert isinstance(caught.value, AssertionError)


def test_a_wandering_simulator_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConformanceError, match="working directory"):
        check_simulator(Wandering(), "light")


def test_sampled_columns_stay_in_range_and_show_every_choice():
    columns = Chip().check_columns(sample_columns(Chip(), 400, np.random.default_rng(0)))
    assert sorted(set(columns["lanes"].tolist())) == [1, 2, 4, 8, 16]
    assert sorted(set(columns["buffer"].tolist())) == ["fifo", "none"]
    assert sorted(set(columns["depth"].tolist())) == [2, 4, 8]
    assert sorted(set(columns["voltage"].tolist())) == [0.5, 1.0, 2.0]


def test_a_sound_environment_passes():
    check_env(DesignEnv(chip(), EDP))
    check_env(DesignEnv(chip(), {"meet": {"energy_pj": 20}, "tie_break": "time_ns"}, episode_length=3))


def test_a_parameter_declared_inactive_that_is_not_is_named():
    problem = chip()
    space = DesignSpace(chip_space().parameters, inactive=(InactiveRule("depth", {"buffer": ("fifo",)}),))
    wrong = Problem(problem.simulator, space, problem.workload)
    with pytest.raises(ConformanceError, match="differ only in inactive parameters"):
        check_problem(wrong, space.sample(50, np.random.default_rng(0)))


class BadReward(DesignEnv):
    def step(self, action):
        observation, reward, *rest = super().step(action)
        return (observation, reward * 2, *rest)


class BadObservation(DesignEnv):
    def step(self, action):
        observation, *rest = super().step(action)
        return (observation * 9, *rest)


class ShortInfo(DesignEnv):
    def step(self, action):
        *rest, info = super().step(action)
        return (*rest, {key: value for key, value in info.items() if key != "reason"})


class Forgiving(DesignEnv):
    def step(self, action):
        return super().step(np.clip(np.resize(action, 3).astype(int), 0, [6, 1, 3]))


class Moody(DesignEnv):
    def reset(self, *, seed=None, options=None):
        self.np_random.random()
        return super().reset(seed=seed, options=options)

    def step(self, action):
        observation, reward, terminated, truncated, info = super().step(action)
        self.mood = not getattr(self, "mood", False)
        return observation, reward, terminated, truncated, {**info, "met": self.mood}


@pytest.mark.parametrize(
    ("environment", "promise"),
    [
        (BadReward, "the reward is the scorer's"),
        (BadObservation, "observation"),
        (ShortInfo, "info has exactly the keys"),
        (Forgiving, "step refuses"),
        (Moody, "not equivalent for the same seed|the same actions give the same"),
    ],
)
def test_broken_environments_are_named(environment, promise):
    with pytest.raises(ConformanceError, match=promise):
        check_env(environment(chip(), EDP))


def test_mistakes_of_the_caller_are_not_the_environments():
    with pytest.raises(UnknownNameError, match="did you mean"):
        check_env("archgym/MemoryControllr-v0")
    problem = chip()
    with pytest.raises(ArchgymError, match="without a budget"):
        check_env(DesignEnv(problem, EDP, evaluator=BudgetedEvaluator(problem, 5)))
    with pytest.raises(ArchgymError, match="belong with an id"):
        check_env(DesignEnv(problem, EDP), workload="light")
