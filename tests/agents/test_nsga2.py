"""NSGA-II: its order by hand, its feedback, and a front better than that of random designs."""

from __future__ import annotations

import numpy as np
import pytest

from agents import make_agent, run_search
from agents.nsga2 import NSGA2, crowding_distances, pareto_ranks, selection_order
from archgym_envs import BudgetedEvaluator, Objective, Scorer
from archgym_envs.scoring import hypervolume
from simulators import (
    DesignSpace,
    Evaluation,
    InvalidInputError,
    Metric,
    Parameter,
    Problem,
    Simulator,
    UnknownNameError,
)

SPACE = DesignSpace([Parameter(f"p{j}", range(16)) for j in range(6)], name="two valleys")


class Valleys(Simulator):
    """Two distances, from (3, ..., 3) and from (12, ..., 12), and a metric without a direction."""

    name = "valleys"
    version = "1"
    metrics = (Metric("near_ns", "ns"), Metric("far_ns", "ns"), Metric("sum", "1", "report"))

    def __init__(self) -> None:
        from simulators import Input

        self.inputs = tuple(Input(p.name, 0, minimum=0, maximum=15) for p in SPACE.parameters)

    def load_workload(self, name_or_path):
        raise UnknownNameError("workload", name_or_path, ())

    def evaluate_columns(self, columns, workload):
        x = np.stack([columns[p.name] for p in SPACE.parameters], axis=1).astype(float)
        near, far = (1.0 + ((x - centre) ** 2).sum(axis=1) for centre in (3.0, 12.0))
        return Evaluation.of_valid(self.metrics, np.stack([near, far, near + far], axis=1))


class _Workload:
    name, digest = "none", "0"


PROBLEM = Problem(Valleys(), SPACE, _Workload())
PARETO = Objective.parse({"pareto": ["near_ns", "far_ns"]})


def test_ranks_and_crowding_by_hand():
    """(4, 1), (2, 3), (1, 4) are the front; (2, 1) and (1, 3) come next; (1, 1) last."""
    vectors = np.array([[4.0, 1.0], [2.0, 1.0], [2.0, 3.0], [1.0, 1.0], [1.0, 4.0], [1.0, 3.0]])
    assert pareto_ranks(vectors).tolist() == [0, 1, 0, 2, 0, 1]
    assert crowding_distances(vectors[[0, 2, 4]]).tolist() == [np.inf, 2.0, np.inf]
    order = selection_order(np.array([0, 0, 0, 0, 0, 2]), vectors).tolist()
    assert set(order[:3]) == {0, 2, 4} and order[2] == 2
    assert order[3:] == [1, 3, 5], "what failed comes last, whatever its vector"


def metrics_of(agent, budget: int = 400) -> np.ndarray:
    rows = []
    evaluator = BudgetedEvaluator(PROBLEM, budget, on_fresh=lambda fresh: rows.append(fresh.evaluation.values[0]))
    run_search(agent, evaluator, Scorer(PARETO, PROBLEM))
    return np.array(rows)


def test_it_finds_a_better_front_than_random_search():
    def volumes(name: str, hyperparameters=None) -> list[float]:
        runs = [metrics_of(make_agent(name, SPACE, seed, hyperparameters)) for seed in range(5)]
        return [hypervolume(Scorer(PARETO, PROBLEM).gains(rows)) for rows in runs]

    assert min(volumes("nsga2", {"objectives": ["near_ns", "far_ns"]})) > max(volumes("random_search"))


def test_with_its_metrics_it_nears_both_ends_of_the_front_with_the_reward_alone_one():
    def ends(hyperparameters) -> np.ndarray:
        runs = [metrics_of(NSGA2(SPACE, seed, hyperparameters)) for seed in range(5)]
        return np.median([rows[:, :2].min(axis=0) for rows in runs], axis=0)

    apart, together = ends({"objectives": ["near_ns", "far_ns"]}), ends(None)
    assert apart.max() < 20.0 < 40.0 < together.max()


def test_the_front_of_its_population_is_not_dominated():
    agent = NSGA2(SPACE, 0, {"objectives": ["near_ns", "far_ns"]})
    metrics_of(agent)
    found = PROBLEM.evaluate(agent.front()).values[:, :2]
    assert len(found) > 5
    assert (pareto_ranks(-found) == 0).all()


def test_objectives_must_be_metrics_with_a_direction():
    with pytest.raises(UnknownNameError, match="near_ns"):
        metrics_of(NSGA2(SPACE, 0, {"objectives": ["neer_ns", "far_ns"]}))
    with pytest.raises(InvalidInputError, match="'sum' has no better direction"):
        metrics_of(NSGA2(SPACE, 0, {"objectives": ["sum", "far_ns"]}))


def told(agent: NSGA2, designs: list[int], rewards: list[float], vectors: list[tuple[float, float]] | None) -> None:
    """Tell designs that have all parameters at one value."""
    evaluation = None
    if vectors is not None:
        values = np.array([(near, far, near + far) for near, far in vectors])
        valid = ~np.isnan(values[:, 0])
        evaluation = Evaluation(Valleys.metrics, values, valid, tuple("" if ok else "failed" for ok in valid))
    agent.tell(np.repeat(np.array(designs)[:, None], 6, axis=1), np.array(rewards), evaluation)


def test_metrics_come_before_rewards_alone_and_both_before_failures():
    agent = NSGA2(SPACE, 0, {"objectives": ["near_ns", "far_ns"], "population": 6})
    nan = float("nan")
    told(agent, [1, 2, 3], [5.0, -10.0, 7.0], None)
    told(agent, [4, 5, 6], [0.0, 0.0, -10.0], [(2.0, 2.0), (1.0, 1.0), (nan, nan)])
    assert agent._parents[:4, 0].tolist() == [5, 4, 3, 1]
    assert set(agent._parents[4:, 0].tolist()) == {2, 6}
    assert agent.front()[:, 0].tolist() == [5]


def test_the_reward_may_be_an_objective_and_is_the_only_one_where_none_is_named():
    agent = NSGA2(SPACE, 0, {"objectives": ["reward", "far_ns"]})
    told(agent, [1, 2, 3], [3.0, 1.0, 2.0], [(0.0, 5.0), (0.0, 6.0), (0.0, 4.0)])
    assert set(agent.front()[:, 0].tolist()) == {1, 3}
    alone = NSGA2(SPACE, 0)
    told(alone, [1, 2, 3], [3.0, 1.0, 2.0], [(0.0, 5.0), (0.0, 6.0), (0.0, 4.0)])
    told(alone, [4], [2.5], None)
    assert alone._parents[:, 0].tolist() == [1, 4, 3, 2]
