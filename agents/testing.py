"""``check_agent``: the conformance suite for agents, used on our own registry and shipped to users.

    from agents.testing import check_agent

    check_agent("genetic")
    check_agent(MyAgent)

What is checked, on small synthetic problems that need nothing but this package:

* same seed and same tells, same proposals; another seed, others;
* proposals are int64 ``[k, d]``, ``1 <= k <= n``, inside the space and feasible;
* tells in any order, of any subset, of designs never asked, and asks before outstanding tells;
* searches on spaces of one parameter, of one design, of 10^30 designs, with constraints and inactive rules, on problems
  where some or all designs are invalid: they end, and at the budget;
* a trivial problem is solved better than by chance (agents that ignore rewards may opt out with ``learns=False``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from agents.base import Agent, LearningAgent, Searcher
from agents.registry import agent_class
from agents.search import run_search
from agents.synthetic import SyntheticSimulator, conformance_problems, trivial_problem
from archgym_envs import BudgetedEvaluator, FreshEvaluation, Objective, Scorer
from archgym_envs.testing import ConformanceError
from simulators import DesignSpace, InvalidInputError, Problem

__all__ = ["ConformanceError", "check_agent", "trajectory"]


AnyAgent = Agent[Any] | LearningAgent[Any]
Build = Callable[[DesignSpace, int], AnyAgent]
COST = {"minimize": "cost"}
"""The objective of the synthetic problems."""
BLIND = ("random_search", "quasi_random", "grid")
"""Agents that ignore rewards, so that nothing can be asked of what they find."""


def check_agent(
    agent: str | type[Searcher[Any]],
    hyperparameters: Mapping[str, Any] | None = None,
    *,
    budget: int = 40,
    learns: bool | None = None,
    problems: Sequence[Problem] | None = None,
    objective: Mapping[str, Any] | Objective = COST,
) -> None:
    """Check that an agent keeps the contract.

    Args:
        agent: a registered name, or a class.
        hyperparameters: those to check it with.
        budget: evaluations of each small search; the trivial problem takes 120.
        learns: whether it must beat chance on the trivial problem; default: all but those of :data:`BLIND`.
        problems: those to search instead of :func:`agents.synthetic.conformance_problems`.
        objective: what is searched for in the problems; default: the lowest ``cost``.

    Raises:
        ConformanceError: naming the clause, the space and the numbers.
    """
    found = agent_class(agent) if isinstance(agent, str) else agent

    def build(space: DesignSpace, seed: int) -> AnyAgent:
        return found(space, seed, hyperparameters)  # type: ignore[return-value]

    _check_class(found)
    for problem in conformance_problems() if problems is None else problems:
        _check_search(build, problem, budget, objective)
        if issubclass(found, Agent):
            _check_protocol(build, problem.space)
    if learns if learns is not None else found.name not in BLIND:
        _check_learns(build)


def _check_class(found: type[Searcher[Any]]) -> None:
    for attribute in ("name", "version", "citation", "Hyperparameters"):
        _require(bool(getattr(found, attribute, None)), f"{found.__name__} must set the class attribute {attribute!r}")
    for name, field in found.Hyperparameters.model_fields.items():
        _require(bool(field.description), f"hyperparameter {name!r} of {found.name!r} is not documented")


def _check_search(build: Build, problem: Problem, budget: int, objective: Mapping[str, Any] | Objective) -> None:
    """Search twice with one seed; compare, and check budget and feasibility."""
    where = f"space {problem.space.name!r}"
    first, evaluator = trajectory(build(problem.space, 3), problem, budget, objective)
    again, _ = trajectory(build(problem.space, 3), problem, budget, objective)
    _require(np.array_equal(first, again), f"{where}: the same seed gave two different searches")
    _require(1 <= len(first) <= budget, f"{where}: {len(first)} evaluations with a budget of {budget}")
    _require(evaluator.stopped is not None, f"{where}: the search ended before the budget did")
    if issubclass(type(build(problem.space, 0)), Agent):
        _require(bool(problem.space.feasible(first).all()), f"{where}: infeasible designs were proposed")
    if problem.space.size >= 200 * budget:
        other, _ = trajectory(build(problem.space, 4), problem, budget, objective)
        _require(not np.array_equal(first, other), f"{where}: two seeds gave the same search")
        _require(len(first) == budget, f"{where}: only {len(first)} of {budget} evaluations used")


def trajectory(
    agent: AnyAgent, problem: Problem, budget: int, objective: Mapping[str, Any] | Objective = COST
) -> tuple[np.ndarray, BudgetedEvaluator]:
    """Search, by default for the lowest cost; return the evaluated designs ``[k, d]`` in order, and the evaluator."""
    designs: list[np.ndarray] = []

    def note(fresh: FreshEvaluation) -> None:
        designs.append(fresh.design)

    evaluator = BudgetedEvaluator(problem, budget, on_fresh=note)
    run_search(agent, evaluator, Scorer(Objective.parse(objective), problem))
    return np.array(designs), evaluator


def _check_protocol(build: Build, space: DesignSpace) -> None:
    """Asks before tells, subsets, any order, unasked designs, repeats: twice, with the same outcome."""
    streams = [_irregular(build(space, 11), space) for _ in range(2)]
    _require(
        len(streams[0]) == len(streams[1]) and all(map(np.array_equal, *streams)),
        f"space {space.name!r}: the same seed and tells gave different proposals",
    )


def _irregular(agent: AnyAgent, space: DesignSpace) -> list[np.ndarray]:
    assert isinstance(agent, Agent)
    rng = np.random.default_rng(0)
    stream: list[np.ndarray] = []
    agent.tell(space.default_indices, np.array([0.5]), None)
    for wanted in (1, 1_000_000, 7, 3):
        asked = np.concatenate([_checked_ask(agent, space, wanted) for _ in range(2)])
        stream.append(asked)
        told = rng.permutation(len(asked))[: max(1, 2 * len(asked) // 3)]
        agent.tell(asked[told], _fake_rewards(space, asked[told]), None)
        unasked = space.sample(2, rng)
        agent.tell(unasked, _fake_rewards(space, unasked), None)
        agent.tell(unasked, _fake_rewards(space, unasked), None)
    stream.append(_checked_ask(agent, space, 5))
    return stream


def _checked_ask(agent: Agent[Any], space: DesignSpace, wanted: int) -> np.ndarray:
    where = f"space {space.name!r}, ask({wanted})"
    designs = agent.ask(wanted)
    shaped = isinstance(designs, np.ndarray) and designs.ndim == 2 and designs.shape[1] == space.dimensions
    _require(shaped, f"{where}: proposals must be an array [k, {space.dimensions}], got {np.shape(designs)}")
    _require(designs.dtype == np.int64, f"{where}: proposals must be int64, got {designs.dtype}")
    _require(1 <= len(designs) <= wanted, f"{where}: {len(designs)} proposals")
    try:
        space.check(designs)
    except InvalidInputError as error:
        raise ConformanceError(f"{where}: a proposal left the space: {error}") from error
    _require(bool(space.feasible(designs).all()), f"{where}: an infeasible design was proposed")
    return designs


def _fake_rewards(space: DesignSpace, designs: np.ndarray) -> np.ndarray:
    rewards = -space.to_unit(designs).sum(axis=1)
    rewards[::3] = -10.0  # as for designs that failed
    return rewards


def _check_learns(build: Build, budget: int = 120, seeds: int = 6) -> None:
    """The median best cost must beat the median of uniform sampling of as many designs."""
    problem = trivial_problem()
    simulator = problem.simulator
    assert isinstance(simulator, SyntheticSimulator)
    best = [simulator.cost(trajectory(build(problem.space, seed), problem, budget)[0]).min() for seed in range(seeds)]
    rng = np.random.default_rng(0)
    chance = [simulator.cost(problem.space.sample(budget, rng)).min() for _ in range(200)]
    _require(
        float(np.median(best)) < float(np.median(chance)),
        f"the trivial problem is not solved better than by chance: median best cost {np.median(best):.4f} over {seeds} "
        f"seeds, uniform sampling {np.median(chance):.4f} (optimum 1)",
    )


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ConformanceError(message)
