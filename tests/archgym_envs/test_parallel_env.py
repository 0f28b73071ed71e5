"""ParallelDesignEnv: several agents make one design and share its reward."""

from __future__ import annotations

import importlib
import sys
import warnings
from functools import cache

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Discrete, MultiDiscrete

pytest.importorskip("pettingzoo", reason="needs the extra archgym[marl]")
from pettingzoo.test import parallel_api_test, parallel_seed_test

import archgym_envs
from archgym_envs import BudgetedEvaluator, BudgetExhausted, DesignEnv, RelaxedBoxAction, make_partition, parallel_env
from archgym_envs.parallel import ParallelDesignEnv
from archgym_envs.partitions import PARTITIONS, Partition, by_group, by_parameter, single
from simulators import DesignSpace, InvalidInputError, MissingExtraError, Parameter, Problem, UnknownNameError
from tests.archgym_envs.test_registered_environments import IDS, SMALL
from tests.archgym_envs.toys import chip, chip_space, design

EDP = {"minimize": "energy_pj * time_ns"}
SPACE = chip_space()


def chip_env(partition: Partition, budget: int | None = None, length: int = 1, **options) -> ParallelDesignEnv:
    problem = chip()
    evaluator = BudgetedEvaluator(problem, budget=budget) if budget else None
    return ParallelDesignEnv(DesignEnv(problem, EDP, evaluator=evaluator, episode_length=length), partition, **options)


def positions(info: dict) -> list[int]:
    return design(**info["design"]).tolist()


@cache
def problem_of(id: str) -> Problem:
    return archgym_envs.make_problem(id, **SMALL.get(id, {}))


def registered_env(id: str, kind: str, **options) -> ParallelDesignEnv:
    problem = problem_of(id)
    env = DesignEnv(problem, archgym_envs.spec(id).objective_of(problem))
    designs = problem.space.sample(2 * problem.space.dimensions + 20, np.random.default_rng(0))
    partition = make_partition(problem.space, kind, designs=designs, scores=designs.sum(axis=1), count=None)
    return ParallelDesignEnv(env, partition, **options)


# ---- conformance ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", PARTITIONS)
@pytest.mark.parametrize("id", IDS)
def test_every_environment_and_partition_passes_pettingzoos_checks(id, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parallel_api_test(registered_env(id, kind), num_cycles=10)
        parallel_seed_test(lambda: registered_env(id, kind), num_cycles=3)


@pytest.mark.parametrize("options", [{"padded": True, "identify": True}, {"formulation": "edit", "episode_length": 4}])
@pytest.mark.parametrize("id", IDS)
def test_padded_and_edited_ones_too(id, options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parallel_api_test(registered_env(id, "group", formulation="edit", padded=True), num_cycles=20)
        parallel_api_test(registered_env(id, "group", **options), num_cycles=20)
        parallel_seed_test(lambda: registered_env(id, "group", **options), num_cycles=6)


@pytest.mark.parametrize("options", [{}, {"formulation": "edit", "padded": True, "identify": True}])
@pytest.mark.parametrize("id", IDS)
def test_what_agents_see_is_in_their_spaces_and_masks_sample(id, options):
    env = registered_env(id, "group", **options)
    observations, infos = env.reset(seed=0)
    for _ in range(3):
        if not env.agents:
            observations, infos = env.reset()
        actions = {}
        for agent in env.agents:
            assert observations[agent] in env.observation_space(agent)
            assert len(env.observation_names) == len(observations[agent])
            actions[agent] = sample(env.action_space(agent), infos[agent]["action_mask"])
        assert env.state() in env.state_space
        expected = env.design_of(actions)
        observations, rewards, _, _, infos = env.step(actions)
        assert len(set(rewards.values())) == 1
        canonical = env.design_env.space.canonical(expected[None])[0]
        assert infos[env.possible_agents[0]]["design"] == env.design_env.space.describe(canonical)


def sample(space: Discrete | MultiDiscrete, mask: np.ndarray) -> object:
    if isinstance(space, Discrete):
        return space.sample(mask)
    return space.sample(tuple(np.split(mask, np.cumsum(space.nvec)[:-1])))


def test_rllib_steps_it():
    wrappers = pytest.importorskip("ray.rllib.env.wrappers.pettingzoo_env", reason="needs the extra archgym[marl]")
    checks = importlib.import_module("ray.rllib.utils.pre_checks.env")
    for options in ({}, {"padded": True, "identify": True}, {"formulation": "edit", "episode_length": 3}):
        inner = chip_env(by_group(SPACE), **options)
        env = wrappers.ParallelPettingZooEnv(inner)
        checks.check_multiagent_environments(env)
        for _ in range(2):
            observations, _ = env.reset(seed=1)
            steps, over = 0, False
            while not over:
                assert sorted(env.agents) == sorted(observations) == ["core", "memory"]
                actions = {agent: env.get_action_space(agent).sample() for agent in observations}
                observations, rewards, ends, cuts, _ = env.step(actions)
                assert rewards["core"] == rewards["memory"]
                steps, over = steps + 1, ends["__all__"]
                assert not cuts["__all__"]
            assert steps == inner.episode_length


# ---- one-shot -------------------------------------------------------------------------------------


def test_agents_make_a_design_together_and_share_its_reward():
    env = chip_env(by_group(SPACE))
    assert env.possible_agents == ["core", "memory"]
    assert env.action_space("core") == Discrete(7)
    assert env.action_space("memory") == MultiDiscrete([2, 4])
    env.reset(seed=0)
    observations, rewards, ends, cuts, infos = env.step({"core": 3, "memory": np.array([1, 2])})
    alone = env.design_env.step(np.array([3, 1, 2]))
    assert infos["core"]["design"] == {"lanes": 8, "buffer": "fifo", "depth": 4} == infos["memory"]["design"]
    assert rewards == {"core": alone[1], "memory": alone[1]}
    assert ends == {"core": True, "memory": True} and cuts == {"core": False, "memory": False}
    assert all(np.array_equal(seen, alone[0]) for seen in observations.values())
    assert np.array_equal(env.state(), alone[0])
    assert infos["memory"]["action_mask"].tolist() == [1] * 6
    assert env.agents == []


def test_columns_may_lie_anywhere_in_the_space():
    env = chip_env(Partition(("p", "q"), (("depth", "lanes"), ("buffer",))))
    env.reset()
    assert env.action_space("p") == MultiDiscrete([4, 7])
    assert env.design_of({"q": 1, "p": np.array([2, 5])}).tolist() == [5, 1, 2]


def test_all_partitions_can_make_every_design():
    designs = SPACE.sample(20, np.random.default_rng(1))
    for partition in (by_parameter(SPACE), by_group(SPACE), single(SPACE)):
        env = chip_env(partition)
        for row in designs:
            env.reset()
            chosen = [row[columns] for columns in partition.columns(SPACE)]
            actions = {a: x if len(x) > 1 else x[0] for a, x in zip(partition.names, chosen, strict=True)}
            reward = next(iter(env.step(actions)[1].values()))
            assert reward == env.design_env.step(row)[1]


def test_episodes_are_as_long_as_the_environments():
    env = chip_env(by_parameter(SPACE), length=3)
    env.reset()
    actions = {"lanes": 1, "buffer": 0, "depth": 0}
    assert [env.step(actions)[2]["depth"] for _ in range(3)] == [False, False, True]
    with pytest.raises(InvalidInputError, match="call reset"):
        env.step(actions)
    env.reset()
    assert env.agents == ["lanes", "buffer", "depth"]


def test_padded_agents_share_an_action_space():
    env = chip_env(by_group(SPACE), padded=True)
    assert env.action_space("core") == env.action_space("memory") == MultiDiscrete([7, 4])
    _, infos = env.reset()
    assert infos["core"]["action_mask"].tolist() == [1] * 7 + [1, 0, 0, 0]
    assert infos["memory"]["action_mask"].tolist() == [1, 1, 0, 0, 0, 0, 0] + [1] * 4
    made = env.design_of({"core": np.array([6, 3]), "memory": np.array([5, 2])})
    assert made.tolist() == [6, 1, 2]
    alone = chip_env(by_parameter(SPACE), padded=True)
    assert {alone.action_space(agent).n for agent in alone.possible_agents} == {7}
    assert alone.design_of({"lanes": 6, "buffer": 6, "depth": 6}).tolist() == [6, 0, 2]


def test_agents_see_who_they_are():
    env = chip_env(by_parameter(SPACE), identify=True)
    observations, _ = env.reset()
    assert observations["buffer"][-3:].tolist() == [0, 1, 0]
    assert all(np.array_equal(seen[:-3], env.state()) for seen in observations.values())
    assert env.observation_names[-4:] == ("budget_left", "agent_is_lanes", "agent_is_buffer", "agent_is_depth")
    assert env.state_space.shape == (8,) and env.observation_space("lanes").shape == (11,)


def test_the_budget_is_counted_in_designs_and_ends_the_search():
    env = chip_env(single(SPACE), budget=2, length=9)
    env.reset()
    for lanes in (1, 1, 2):
        infos = env.step({"all": np.array([lanes, 0, 3])})[4]
    assert (infos["all"]["evaluations"], infos["all"]["proposals"]) == (2, 3)
    with pytest.raises(BudgetExhausted):
        env.step({"all": np.array([3, 0, 3])})


def test_an_invalid_design_is_rewarded_as_such():
    env = chip_env(by_parameter(SPACE))
    env.reset()
    _, rewards, _, _, infos = env.step({"lanes": 6, "buffer": 0, "depth": 0})
    assert rewards["lanes"] == -10.0 and not infos["depth"]["valid"]


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ({"core": 1}, "missing: memory"),
        ({"core": 1, "memory": np.array([0, 0]), "glb": 1}, "unknown: glb; the agents are core, memory"),
        ({"core": 7, "memory": np.array([0, 0])}, "action of agent 'core' must be in Discrete"),
        ({"core": 1, "memory": np.array([0, 4])}, "action of agent 'memory'"),
        ({"core": 1.5, "memory": np.array([0, 0])}, "action of agent 'core'"),
    ],
)
def test_wrong_actions_are_refused(actions, message):
    env = chip_env(by_group(SPACE))
    env.reset()
    with pytest.raises(InvalidInputError, match=message):
        env.step(actions)


# ---- edits ----------------------------------------------------------------------------------------


def test_edits_by_hand():
    env = chip_env(by_parameter(SPACE), formulation="edit", episode_length=3)
    assert [env.action_space(agent) for agent in env.possible_agents] == [Discrete(3)] * 3
    observations, infos = env.reset()
    assert positions(infos["lanes"]) == [2, 0, 3]
    assert infos["lanes"]["action_mask"].tolist() == [1, 1, 1]
    assert infos["buffer"]["action_mask"].tolist() == [1, 0, 1]  # it is value 0
    assert infos["depth"]["action_mask"].tolist() == [1, 1, 0]  # it is the last value
    assert observations["lanes"][-1] == 1.0

    *_, infos = env.step({"lanes": 2, "buffer": 2, "depth": 1})
    assert positions(infos["lanes"]) == [3, 1, 2]
    assert infos["buffer"]["action_mask"].tolist() == [1, 1, 0]
    *_, infos = env.step({"lanes": 1, "buffer": 0, "depth": 0})
    assert positions(infos["lanes"]) == [2, 1, 2]
    observations, _, ends, cuts, infos = env.step({"lanes": 1, "buffer": 1, "depth": 1})
    assert positions(infos["lanes"]) == [1, 0, 3]  # without a buffer its depth is the default
    assert ends["depth"] and not cuts["depth"] and env.agents == []
    assert observations["lanes"][-1] == 0.0
    assert env.observation_names[-1] == "episode_left"


def test_edits_stop_at_the_ends_of_an_ordered_parameter():
    env = chip_env(by_parameter(SPACE), formulation="edit")
    env.reset()
    for _ in range(4):
        *_, infos = env.step({"lanes": 1, "buffer": 2, "depth": 2})
    assert positions(infos["lanes"]) == [0, 1, 3]
    assert infos["lanes"]["action_mask"].tolist() == [1, 0, 1]


def test_rewards_of_edits_add_up_to_the_gain_over_the_reference():
    env = chip_env(by_group(SPACE), formulation="edit", episode_length=6)
    rng = np.random.default_rng(2)
    for _ in range(3):
        env.reset()
        total = 0.0
        while env.agents:
            _, rewards, *_, infos = env.step({"core": rng.integers(3), "memory": rng.integers(3, size=2)})
            total += rewards["core"]
        scorer = env.design_env.scorer
        last = scorer.reward_of(np.nan if infos["core"]["score"] is None else infos["core"]["score"])
        assert total == pytest.approx(last - scorer.reward_of(scorer.reference_score))


def test_padded_edits_are_taken_modulo():
    env = ParallelDesignEnv(
        DesignEnv(chip(), EDP),
        Partition(("p", "q"), (("lanes",), ("buffer", "depth"))),
        formulation="edit",
        padded=True,
    )
    assert env.action_space("p") == env.action_space("q") == MultiDiscrete([3, 3])
    _, infos = env.reset()
    assert infos["p"]["action_mask"].tolist() == [1, 1, 1, 1, 0, 0]


def test_edits_set_any_value_of_an_unordered_parameter():
    from agents.synthetic import SyntheticSimulator

    space = DesignSpace([Parameter("kind", [f"k{i}" for i in range(5)]), Parameter("size", range(4))])
    simulator = SyntheticSimulator(space)
    problem = Problem(simulator, space, simulator.load_workload("none"))
    env = ParallelDesignEnv(
        DesignEnv(problem, {"minimize": "cost"}), by_parameter(space), formulation="edit", padded=True
    )
    assert env.action_space("kind") == env.action_space("size") == Discrete(6)
    _, infos = env.reset()
    assert infos["size"]["action_mask"].tolist() == [1, 0, 1, 0, 0, 0]
    assert env.design_of({"kind": 4, "size": 5}).tolist() == [3, 1]  # value 3; 5 is 2 modulo 3: one up


def test_lengths_of_episodes_of_edits():
    assert chip_env(by_group(SPACE), formulation="edit").episode_length == 16
    assert chip_env(by_group(SPACE), formulation="edit", length=5).episode_length == 5
    assert chip_env(by_group(SPACE), formulation="edit", length=5, episode_length=7).episode_length == 7
    with pytest.raises(InvalidInputError, match="at least 1"):
        chip_env(by_group(SPACE), formulation="edit", episode_length=0)
    with pytest.raises(InvalidInputError, match="for edits"):
        chip_env(by_group(SPACE), episode_length=2)


# ---- making it ------------------------------------------------------------------------------------


def test_by_id():
    arguments = SMALL["archgym/MemoryController-v0"]
    env = parallel_env("archgym/MemoryController-v0", partition="group", budget=5, **arguments)
    assert env.possible_agents == list(by_group(env.design_env.space).names)
    assert env.metadata["name"] == "archgym/MemoryController-v0"
    assert env.design_env.budget == 5
    env = parallel_env(
        "archgym/MemoryController-v0", partition="random", agent_count=2, partition_seed=1, formulation="edit",
        episode_length=3, objective={"minimize": "energy_pj"}, **arguments,
    )  # fmt: skip
    assert env.partition == make_partition(env.design_env.space, "random", count=2, seed=1)
    assert env.episode_length == 3 and env.design_env.objective.label() == "minimize energy_pj"


def test_mistakes_name_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'edit'"):
        chip_env(by_group(SPACE), formulation="edits")
    with pytest.raises(InvalidInputError, match="without one: depth"):
        chip_env(Partition(("p",), (("lanes", "buffer"),)))
    with pytest.raises(UnknownNameError, match="did you mean 'group'"):
        parallel_env("archgym/SystolicArray-v0", partition="groups")
    with pytest.raises(InvalidInputError, match="whose actions are designs"):
        ParallelDesignEnv(RelaxedBoxAction(DesignEnv(chip(), EDP)), by_group(SPACE))
    with pytest.raises(InvalidInputError, match="CartPole"):
        ParallelDesignEnv(gymnasium.make("CartPole-v1"), by_group(SPACE))


def test_without_pettingzoo_the_message_has_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "pettingzoo", None)
    monkeypatch.delitem(sys.modules, "archgym_envs.parallel")
    with pytest.raises(MissingExtraError, match=r"pip install 'archgym\[marl\]'"):
        _ = archgym_envs.ParallelDesignEnv
    with pytest.raises(AttributeError, match="no attribute 'ParallelDesign'"):
        _ = archgym_envs.ParallelDesign
