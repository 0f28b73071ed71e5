"""The conformance suite of environments."""

from __future__ import annotations

import importlib.util
import warnings
from typing import Any

import gymnasium
import numpy as np

from archgym_envs._conformance import require, require_refusal, require_sound, stage
from archgym_envs.design_env import DesignEnv
from archgym_envs.evaluators import BudgetedEvaluator, BudgetExhausted
from archgym_envs.registration import spec
from archgym_envs.scoring import INVALID_REWARD, REWARD_LIMIT
from archgym_envs.vector_env import VectorDesignEnv
from simulators import InvalidInputError, Problem

_KEYS = ("design", "metrics", "score", "met", "valid", "reason", "diagnostics")


def check_env(environment: str | gymnasium.Env[Any, Any], *, steps: int = 24, seed: int = 0, **arguments: Any) -> None:
    """Check that an environment keeps the contract of :class:`~archgym_envs.design_env.DesignEnv`.

    Runs Gymnasium's own checker (its warnings count as failures), stable-baselines3's where that is
    installed, and ours: bounded observations, finite rewards, complete infos that agree with the simulator, the
    same episode twice, invalid designs and bad actions, the vectorised form, the end of a budget, and that
    inactive parameters really have no effect.

    Args:
        environment: a registered id, or an environment without a budget.
        steps: how many random designs to try.
        seed: of the random designs.
        **arguments: of the environment, when an id is given.

    Raises:
        ConformanceError: naming the broken promise and what was seen.
        UnknownNameError: an unknown id or argument.
        InvalidInputError: the environment has a budget, or is no ``DesignEnv``.
    """
    env = _design_env(environment, arguments)
    designs = env.space.sample(steps, np.random.default_rng(seed))
    check_problem(env.problem, designs)
    _check_libraries(env)
    _check_episodes(env, designs)
    _check_refusals(env)
    _check_vector(env, designs)
    _check_budget(env, designs)


def check_problem(problem: Problem, designs: np.ndarray) -> None:
    """Check a problem alone on some of its designs ``[n, d]``; raises ConformanceError."""
    names = tuple(metric.name for metric in problem.simulator.metrics)
    space = problem.space
    require(bool(problem.reference.valid[0]), "the reference design is valid", problem.reference.reason[0])
    require_sound(problem.reference, 1, names, "the reference design")
    evaluation = problem.evaluate(designs)
    require_sound(evaluation, len(designs), names, "problem.evaluate")
    canonical = space.canonical(designs)
    require(np.array_equal(space.canonical(canonical), canonical), "canonical designs are their own canonical form")
    for row in np.flatnonzero(~(problem.evaluate(canonical).values == evaluation.values).all(axis=1)):
        require(
            not evaluation.valid[row],
            "designs that differ only in inactive parameters have the same metrics",
            f"{space.describe(designs[row])} against {space.describe(canonical[row])}",
        )
    require(np.array_equal(space.from_unit(space.to_unit(designs)), designs), "every design is a point of the unit box")
    require(space.unflatten(space.flatten(designs)).tolist() == designs.tolist(), "flat indices are a bijection")


def _design_env(environment: str | gymnasium.Env[Any, Any], arguments: dict[str, Any]) -> DesignEnv:
    if isinstance(environment, str):
        spec(environment)  # an unknown id is the caller's mistake, with the nearest valid one
        found: Any = gymnasium.make(environment, **arguments).unwrapped
    else:
        found = environment.unwrapped
        if arguments:
            raise InvalidInputError(f"arguments ({', '.join(arguments)}) belong with an id, not with an environment")
    if not isinstance(found, DesignEnv):
        raise InvalidInputError(f"check_env checks archgym_envs.DesignEnv, got {type(found).__name__}")
    if found.budget is not None:
        raise InvalidInputError("check an environment without a budget: the checks repeat designs")
    return found


def _check_libraries(env: DesignEnv) -> None:
    from gymnasium.utils.env_checker import check_env as gymnasium_check

    with stage("Gymnasium's check_env"), warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*not having a spec.*")
        gymnasium_check(env, skip_render_check=env.spec is None)
    if importlib.util.find_spec("stable_baselines3") is not None:
        from stable_baselines3.common.env_checker import check_env as sb3_check

        with stage("stable-baselines3's check_env"):
            sb3_check(env)


def _check_episodes(env: DesignEnv, designs: np.ndarray) -> None:
    first, second = _episode(env, designs), _episode(env, designs)
    for step, (a, b) in enumerate(zip(first, second, strict=True)):
        require(np.array_equal(a[0], b[0]), f"the same actions give the same observations (step {step})")
        require(a[1:] == b[1:], f"the same actions give the same rewards and infos (step {step})", (a[1:], b[1:]))
    evaluation = env.problem.evaluate(env.space.canonical(designs))
    scores = env.scorer.score(evaluation)
    rewards = env.scorer.reward(scores)
    for row, (observation, reward, terminated, info) in enumerate(first):
        require(observation in env.observation_space, "observations lie in the observation space", observation)
        require(np.isfinite(reward) and abs(reward) <= REWARD_LIMIT, "rewards are finite, within bounds", reward)
        require(reward == rewards[row], "the reward is the scorer's", (reward, rewards[row]))
        require(terminated == ((row + 1) % env.episode_length == 0), "episodes last episode_length steps", row)
        _check_info(env, info, bool(evaluation.valid[row]), float(scores[row]))
        if not info["valid"]:
            require(reward == INVALID_REWARD, f"an invalid design is rewarded {INVALID_REWARD}", reward)


def _episode(env: DesignEnv, designs: np.ndarray) -> list[tuple[np.ndarray, float, bool, dict[str, Any]]]:
    env.reset(seed=7)
    result = []
    for design in designs:
        observation, reward, terminated, truncated, info = env.step(design)
        require(truncated is False, "a design environment never truncates")
        result.append((observation, reward, terminated, info))
        if terminated:
            env.reset()
    return result


def _check_info(env: DesignEnv, info: dict[str, Any], valid: bool, score: float) -> None:
    require(tuple(info) == _KEYS, f"info has exactly the keys {', '.join(_KEYS)}", tuple(info))
    require(tuple(info["design"]) == env.space.names, "info['design'] names every parameter", info["design"])
    for parameter in env.space.parameters:
        value = info["design"][parameter.name]
        require(value in parameter.values, f"info['design'][{parameter.name!r}] is one of its values", value)
    names = tuple(metric.name for metric in env.problem.simulator.metrics)
    require(tuple(info["metrics"]) == names, "info['metrics'] has every metric", tuple(info["metrics"]))
    require(info["valid"] is valid and bool(info["reason"]) is not valid, "info says validity and reason", info)
    for name, value in info["diagnostics"].items():
        require(isinstance(value, bool | int | float | str), f"info['diagnostics'][{name!r}] is a plain value", value)
    require(info["score"] == (score if valid else None), "info['score'] is the scorer's", (info["score"], score))


def _check_refusals(env: DesignEnv) -> None:
    good = env.space.default_indices[0]
    over, under = good.copy(), good.copy()
    over[0], under[-1] = len(env.space.parameters[0]), -1
    for name, bad in (
        ("an index past the last value", over),
        ("a negative index", under),
        ("too few indices", good[:-1]),
        ("fractions", good + 0.5),
    ):
        require_refusal(lambda bad=bad: env.step(bad), InvalidInputError, f"step refuses {name}")  # type: ignore[misc]


def _check_vector(env: DesignEnv, designs: np.ndarray) -> None:
    """The vectorised environment gives what single ones give."""
    vector = VectorDesignEnv(env.problem, env.objective, len(designs), episode_length=env.episode_length)
    vector.reset(seed=0)
    observations, rewards, terminated, _, infos = vector.step(designs)
    for row, design in enumerate(designs):
        env.reset()
        observation, reward, done, _, info = env.step(design)
        seen = infos["final_obs"][row] if terminated[row] else observations[row]
        require(np.array_equal(seen, observation), "vectorised observations equal single ones", design)
        require(rewards[row] == reward and terminated[row] == done, "vectorised steps equal single ones", design)
        final = infos["final_info"] if terminated[row] else infos
        require(bool(final["valid"][row]) is info["valid"], "vectorised infos equal single ones", design)


def _check_budget(env: DesignEnv, designs: np.ndarray) -> None:
    """A budget of 2 evaluates two unique designs, then stops the next step."""
    unique = np.unique(env.space.canonical(designs), axis=0)
    if len(unique) < 3:
        return
    evaluator = BudgetedEvaluator(env.problem, budget=2)
    limited = DesignEnv(env.problem, env.objective, evaluator=evaluator)
    limited.reset(seed=0)
    seen = [limited.step(design) for design in (unique[0], unique[0], unique[1])]
    require(evaluator.evaluations == 2, "a repeated design costs no budget", evaluator.evaluations)
    require(seen[0][0][-1] == 0.5 and seen[-1][0][-1] == 0.0, "the last observation entry is the budget left")
    require_refusal(lambda: limited.step(unique[2]), BudgetExhausted, "the budget ends inside step")
