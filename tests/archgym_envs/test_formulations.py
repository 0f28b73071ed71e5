"""Four formulations of a problem: the same designs, scores and budget whichever a learner is given."""

from __future__ import annotations

import contextlib
import itertools
import math
import re
import warnings
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check
from hypothesis import given, settings
from hypothesis import strategies as st

import archgym_envs
from archgym_envs import (
    FORMULATIONS,
    BudgetedEvaluator,
    BudgetExhausted,
    DesignEnv,
    EditDesign,
    RelaxedDesign,
    SequentialDesign,
    _completions,
    design_env,
    formulate,
)
from simulators import InvalidInputError, UnknownNameError
from tests.archgym_envs.small_spaces import every_design, feasible_designs, problem_of, spaces
from tests.archgym_envs.test_registered_environments import IDS, SMALL
from tests.archgym_envs.toys import chip

EDP = {"minimize": "energy_pj * time_ns"}
COST = {"minimize": "cost"}
CASES = list(itertools.product(IDS, FORMULATIONS))
TYPES = {"one-shot": DesignEnv, "sequential": SequentialDesign, "edit": EditDesign, "relaxed": RelaxedDesign}
CHIP = "toy/FormulatedChip-v0"


@pytest.fixture(autouse=True, scope="module")
def chip_id():
    archgym_envs.register(CHIP, chip, EDP)
    yield
    archgym_envs.registration._registered.pop(CHIP)
    del gymnasium.registry[CHIP]


def budgeted(problem, objective, budget):
    return DesignEnv(problem, objective, evaluator=BudgetedEvaluator(problem, budget))


def propose(env: gymnasium.Env, design: np.ndarray) -> tuple[float, dict]:
    """Propose one design from the start of an episode, whatever the formulation; return the reward and info."""
    space = env.unwrapped.space
    if isinstance(env, SequentialDesign):
        steps = [env.step(int(choice)) for choice in design]
        return sum(float(step[1]) for step in steps), steps[-1][4]
    _, reward, *_, info = env.step(space.to_unit(design[None])[0] if isinstance(env, RelaxedDesign) else design)
    return float(reward), info


# ---- asking for one -----------------------------------------------------------------------------------------


def test_there_are_four():
    assert FORMULATIONS == design_env.FORMULATIONS == tuple(TYPES)
    for name, kind in TYPES.items():
        env = DesignEnv(chip(), EDP)
        formulated = formulate(env, name)
        assert type(formulated) is kind
        assert formulated.unwrapped is env
    assert {"FORMULATIONS", "formulate", "EditDesign", "RelaxedDesign"} <= set(archgym_envs.__all__)


def test_the_length_of_an_episode_belongs_to_edits():
    assert formulate(DesignEnv(chip(), EDP), "edit").episode_length == 16
    assert formulate(DesignEnv(chip(), EDP), "edit", 3).episode_length == 3
    for name in ("one-shot", "sequential", "relaxed"):
        with pytest.raises(InvalidInputError, match=f"'edit' only; for '{name}'"):
            formulate(DesignEnv(chip(), EDP), name, 3)


@pytest.mark.parametrize(
    ("wrong", "nearest"), [("sequentiel", "sequential"), ("edits", "edit"), ("oneshot", "one-shot")]
)
def test_unknown_names_are_refused_with_the_nearest(wrong, nearest):
    for ask in (
        lambda: formulate(DesignEnv(chip(), EDP), wrong),
        lambda: DesignEnv(chip(), EDP, formulation=wrong),
        lambda: gymnasium.make(CHIP, formulation=wrong),
        lambda: gymnasium.make_vec(CHIP, num_envs=2, formulation=wrong),
    ):
        with pytest.raises(UnknownNameError, match=f"formulation '{wrong}'.*'{nearest}'"):
            ask()


def test_a_formulated_environment_is_not_formulated_again():
    for first, second in itertools.product(("sequential", "edit", "relaxed"), FORMULATIONS):
        with pytest.raises(InvalidInputError, match="whose actions are designs"):
            formulate(formulate(DesignEnv(chip(), EDP), first), second)
    with pytest.raises(InvalidInputError, match="CartPole"):
        formulate(gymnasium.make("CartPole-v1"), "one-shot")


def test_a_design_env_itself_is_one_shot_and_says_what_else_to_do():
    assert DesignEnv(chip(), EDP, formulation="one-shot").formulation == "one-shot"
    with pytest.raises(InvalidInputError, match=r"formulate\(env, 'edit'\) or gymnasium.make\(id, formulation='edit'"):
        DesignEnv(chip(), EDP, formulation="edit")


def test_gymnasium_makes_them():
    for name, kind in TYPES.items():
        env = gymnasium.make(CHIP, formulation=name, budget=7)
        assert type(env) is kind
        assert env.unwrapped.budget == 7
        assert type(gymnasium.make(env.spec)) is kind
    assert gymnasium.make(CHIP, formulation="edit").episode_length == 16
    assert gymnasium.make(CHIP, formulation="edit", episode_length=1).episode_length == 1
    assert gymnasium.make(CHIP, formulation="sequential", episode_length=2).unwrapped.episode_length == 2
    for length in (0, 1.5, True):
        with pytest.raises(InvalidInputError, match="episode_length"):
            gymnasium.make(CHIP, formulation="edit", episode_length=length)


def test_one_shot_is_the_vectorised_one():
    assert gymnasium.make_vec(CHIP, num_envs=2, formulation="one-shot").num_envs == 2
    for name in ("sequential", "edit", "relaxed"):
        with pytest.raises(
            InvalidInputError, match=f"only formulation 'one-shot'.*vectorization_mode='sync'.*'{name}'"
        ):
            gymnasium.make_vec(CHIP, num_envs=2, formulation=name)
        copies = gymnasium.make_vec(CHIP, num_envs=2, vectorization_mode="sync", formulation=name)
        observations, _ = copies.reset(seed=0)
        assert observations.shape[0] == 2
        copies.step(copies.action_space.sample())


def test_a_problem_has_no_argument_of_that_name():
    spec = archgym_envs.EnvironmentSpec("toy/Bad-v0", lambda formulation="x": chip(), EDP)
    with pytest.raises(InvalidInputError, match="reserved"):
        spec.parameters()


# ---- every registered environment ---------------------------------------------------------------------------


@pytest.mark.parametrize(("id", "formulation"), CASES)
def test_they_pass_the_checks_of_gymnasium(id, formulation):
    env = gymnasium.make(id, formulation=formulation, **SMALL.get(id, {}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*different from the unwrapped version.*")
        gymnasium_check(env, skip_render_check=True)


@pytest.mark.parametrize(("id", "formulation"), CASES)
def test_they_are_deterministic_and_stay_within_their_spaces(id, formulation):
    first, second = (walk(gymnasium.make(id, formulation=formulation, **SMALL.get(id, {}))) for _ in range(2))
    assert len(first) == len(second)
    for (observation, *rest), (again, *others) in zip(first, second, strict=True):
        assert np.array_equal(observation, again)
        assert repr(rest) == repr(others)  # NaN is NaN


def walk(env: gymnasium.Env, designs: int = 3) -> list[tuple]:
    """Propose a few designs at random, as masks allow; return what came of every step."""
    env.action_space.seed(5)
    observation, info = env.reset(seed=5)
    seen, found = [], 0
    while found < designs:
        mask = info.get("action_mask")
        action = env.action_space.sample() if mask is None else env.action_space.sample(mask)
        observation, reward, terminated, truncated, info = env.step(action)
        assert observation in env.observation_space
        assert len(observation) == len(getattr(env, "observation_names", env.unwrapped.observation_names))
        assert np.isfinite(reward)
        assert not truncated
        seen.append((observation, float(reward), terminated, {**info, "action_mask": np.asarray(mask).tolist()}))
        found += "design" in info
        if terminated:
            _, info = env.reset()
    return seen


# ---- the budget ---------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(spaces(), st.integers(0, 6), st.integers(0, 999))
def test_the_same_designs_cost_the_same_and_are_worth_the_same(space, hole, seed):
    """A walk of edits, repeats, infeasible and invalid designs included, is proposed in all four formulations."""
    problem = problem_of(space, hole)
    walker = EditDesign(budgeted(problem, COST, 99), episode_length=12, undo_invalid=bool(seed % 2))
    rng = np.random.default_rng(seed)
    walker.reset(seed=0)
    infos = []
    with contextlib.suppress(BudgetExhausted):  # of a space that has nothing left
        for _ in range(9):
            infos.append(walker.step(int(rng.integers(walker.action_space.n)))[4])
    designs = space.encode({name: [info["design"][name] for info in infos] for name in space.names})
    counts = [(info["proposals"], info["evaluations"]) for info in infos]
    assert [proposals for proposals, _ in counts] == list(range(1, len(infos) + 1))
    for formulation in ("one-shot", "sequential", "relaxed"):
        env = formulate(budgeted(problem, COST, 99), formulation)
        for design, info, count in zip(designs, infos, counts, strict=True):
            env.reset()
            reward, told = propose(env, design)
            assert (told["proposals"], told["evaluations"]) == count
            assert reward == env.unwrapped.scorer.reward_of(math.nan if info["score"] is None else info["score"])
            for key in ("design", "metrics", "score", "valid", "reason"):
                assert told[key] == info[key]
        if len(infos) < 9:
            with pytest.raises(BudgetExhausted):
                propose(env, designs[0])


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_the_end_of_the_budget_comes_out_of_step(formulation):
    env = formulate(budgeted(chip(), EDP, 4), formulation)
    env.action_space.seed(1)
    _, info = env.reset(seed=1)
    with pytest.raises(BudgetExhausted, match="4 of 4 evaluations"):
        for _ in range(400):
            mask = info.get("action_mask")
            observation, _, terminated, _, info = env.step(
                env.action_space.sample() if mask is None else env.action_space.sample(mask)
            )
            if terminated:
                _, info = env.reset()
    assert env.unwrapped.evaluator.evaluations == 4
    assert observation[-2 if formulation == "edit" else -1] == 0.0


# ---- reach --------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(spaces(), st.integers(-1, 6))
def test_every_design_can_be_proposed(space, hole):
    problem = problem_of(space, hole)
    for formulation in ("one-shot", "sequential", "relaxed"):
        env = formulate(DesignEnv(problem, COST), formulation)
        env.reset()
        for design in every_design(space):
            info = propose(env, design)[1]
            assert info["design"] == space.describe(space.canonical(design[None])[0])


@settings(max_examples=40, deadline=None)
@given(spaces())
def test_masks_of_a_sequence_leave_exactly_the_feasible_designs(space):
    env = SequentialDesign(DesignEnv(problem_of(space), COST))
    made = []

    def follow(prefix: list[int]) -> None:
        env.reset()
        for choice in prefix:
            *_, info = env.step(choice)
        if len(prefix) == space.dimensions:
            made.append(tuple(info["design"].values()))
            return
        for choice in np.flatnonzero(env.action_masks()).tolist():
            follow([*prefix, choice])

    follow([])
    assert set(made) == set(feasible_designs(space))  # values are their own indices


@settings(max_examples=40, deadline=None)
@given(spaces(), st.integers(-1, 6))
def test_edits_reach_every_design(space, hole):
    """From the reference design, setting what differs as masks allow: those that depend on others wait for them."""
    env = EditDesign(DesignEnv(problem_of(space, hole), COST), episode_length=99, undo_invalid=False)
    for target in feasible_designs(space):
        env.reset()
        for _ in range(20):
            if tuple(env.design) == target:
                break
            wanted = np.flatnonzero(env.action_masks())
            wanted = [a for a in wanted if env.edit_of(a)[1] == target[space.column(env.edit_of(a)[0])]]
            env.step(int(wanted[0]))
        assert tuple(env.design) == target


# ---- the page -----------------------------------------------------------------------------------------------

PAGE = (Path(__file__).parents[2] / "docs" / "environments.md").read_text(encoding="utf-8")
SECTION = PAGE[PAGE.index("## Formulations") : PAGE.index("## Several agents, one design")]


def test_the_page_has_every_formulation_and_its_action():
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| `(\w+)", SECTION, re.MULTILINE))
    spaces_of = {name: formulate(DesignEnv(chip(), EDP), name).action_space for name in FORMULATIONS}
    assert rows == {name: type(space).__name__ for name, space in spaces_of.items()}
    for kind in TYPES.values():
        assert f"`{kind.__name__}`" in SECTION
    assert f"up to {_completions.WHOLE // 1000} {_completions.WHOLE % 1000} designs" in " ".join(SECTION.split())
    assert f"at most {_completions.TAIL} ways" in " ".join(SECTION.split())


def test_the_pages_example_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
    exec(code, {})
    assert len(capsys.readouterr().out.splitlines()) == 8
