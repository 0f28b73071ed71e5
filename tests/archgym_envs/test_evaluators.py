from __future__ import annotations

import numpy as np
import pytest

from archgym_envs.evaluators import BudgetedEvaluator, BudgetExhausted, DirectEvaluator, FreshEvaluation, design_key
from simulators import (
    Columns,
    DesignSpace,
    Evaluation,
    InactiveRule,
    Input,
    InvalidInputError,
    Metric,
    Parameter,
    Problem,
    Simulator,
)


class Load:
    name = digest = "load"


class Counter(Simulator):
    """cost = x, and how many designs and calls were simulated."""

    name, version = "counter", "1"
    inputs = (Input("x", 0, minimum=0), Input("mode", "on", choices=("on", "off")), Input("level", 0, minimum=0))
    metrics = (Metric("cost", "1"),)

    def __init__(self) -> None:
        self.calls: list[int] = []

    def load_workload(self, name_or_path: str) -> Load:
        return Load()

    def evaluate_columns(self, columns: Columns, workload: Load) -> Evaluation:
        self.calls.append(len(columns["x"]))
        return Evaluation.of_valid(self.metrics, columns["x"].astype(float)[:, None])


def problem(values: int = 100) -> Problem:
    space = DesignSpace(
        [Parameter("x", range(values)), Parameter("mode", ["on", "off"]), Parameter("level", range(3))],
        inactive=[InactiveRule("level", {"mode": ("off",)})],
    )
    return Problem(Counter(), space, Load())


def rows(*designs: tuple[int, int, int]) -> np.ndarray:
    return np.array(designs, dtype=np.int64)


def test_repeats_and_inactive_differences_cost_nothing() -> None:
    evaluator = BudgetedEvaluator(problem(), budget=10)
    first = evaluator.evaluate(rows((5, 1, 0)))
    again = evaluator.evaluate(rows((5, 1, 2), (5, 1, 0)))  # level has no effect with mode=off
    assert first.column("cost").tolist() == [5.0]
    assert again.column("cost").tolist() == [5.0, 5.0]
    assert (evaluator.evaluations, evaluator.proposals, evaluator.remaining) == (1, 3, 9)
    assert sum(evaluator.problem.simulator.calls) == 1


def test_the_budget_ends_within_a_batch_and_then_for_good() -> None:
    evaluator = BudgetedEvaluator(problem(), budget=2)
    part = evaluator.evaluate(rows((1, 0, 0), (1, 0, 0), (2, 0, 0), (3, 0, 0)))
    assert part.column("cost").tolist() == [1.0, 1.0, 2.0]
    assert evaluator.stopped == "budget" and evaluator.remaining == 0
    with pytest.raises(BudgetExhausted, match="2 of 2 evaluations"):
        evaluator.evaluate(rows((1, 0, 0)))
    assert sum(evaluator.problem.simulator.calls) == 2


def test_repeating_for_ever_ends_at_max_proposals() -> None:
    evaluator = BudgetedEvaluator(problem(), budget=5, max_proposals=7)
    while not evaluator.stopped:
        evaluator.evaluate(rows((1, 0, 0), (1, 0, 0), (1, 0, 0)))
    assert (evaluator.stopped, evaluator.proposals, evaluator.evaluations) == ("max_proposals", 7, 1)


def test_a_small_space_can_be_exhausted() -> None:
    evaluator = BudgetedEvaluator(problem(values=1), budget=50)
    everything = np.concatenate(list(evaluator.problem.space.batches()))
    evaluator.evaluate(everything)
    assert (evaluator.stopped, evaluator.evaluations) == ("exhausted", 4)


def test_a_batch_is_one_simulator_call_with_the_numbers_of_single_calls() -> None:
    batch, single = BudgetedEvaluator(problem(), budget=20), BudgetedEvaluator(problem(), budget=20)
    designs = batch.problem.space.sample(30, np.random.default_rng(0))
    together = batch.evaluate(designs)
    apart = [single.evaluate(design[None, :]) for design in designs[: len(together)]]
    assert together.values.tolist() == [part.values[0].tolist() for part in apart]
    assert batch.problem.simulator.calls == [20] and single.problem.simulator.calls == [1] * 20
    assert (batch.evaluations, batch.proposals, batch.simulated) == (
        single.evaluations, single.proposals, single.simulated,
    )  # fmt: skip


def test_a_batch_never_simulates_beyond_budget_or_proposals() -> None:
    for budget, proposals, expected in ((3, 50, 3), (50, 4, 4)):
        evaluator = BudgetedEvaluator(problem(), budget=budget, max_proposals=proposals)
        assert len(evaluator.evaluate(rows(*((x, 0, 0) for x in range(10))))) == expected
        assert sum(evaluator.problem.simulator.calls) == expected


def test_every_fresh_evaluation_is_reported_in_order_before_the_answer() -> None:
    seen: list[FreshEvaluation] = []
    evaluator = BudgetedEvaluator(problem(), budget=10, on_fresh=seen.append)
    evaluator.evaluate(rows((3, 0, 0), (3, 0, 0), (4, 1, 2)))
    assert [(fresh.number, fresh.proposal, fresh.design.tolist()) for fresh in seen] == [
        (1, 1, [3, 0, 0]),
        (2, 3, [4, 1, 0]),
    ]
    assert evaluator.problem.simulator.calls == [1, 1]


def test_a_failing_journal_keeps_the_design_from_being_told() -> None:
    def refuse(_: FreshEvaluation) -> None:
        raise OSError("disk full")

    evaluator = BudgetedEvaluator(problem(), budget=10, on_fresh=refuse)
    with pytest.raises(OSError, match="disk full"):
        evaluator.evaluate(rows((3, 0, 0)))


def test_recorded_designs_count_but_are_not_simulated() -> None:
    base = problem()
    recorded = {design_key(np.array([7, 0, 0])): base.evaluate(rows((7, 0, 0)))}
    fresh = problem()
    evaluator = BudgetedEvaluator(fresh, budget=2, recorded=recorded)
    assert evaluator.evaluate(rows((7, 0, 0), (8, 0, 0))).column("cost").tolist() == [7.0, 8.0]
    assert (evaluator.evaluations, evaluator.simulated, evaluator.stopped) == (2, 1, "budget")
    assert fresh.simulator.calls == [1]


@pytest.mark.parametrize("budget", [0, -1, 1.5, True, float("nan"), "x"])
def test_a_budget_that_is_no_positive_integer_is_refused(budget: int) -> None:
    with pytest.raises(InvalidInputError, match="at least 1"):
        BudgetedEvaluator(problem(), budget=budget)


def test_without_a_budget_everything_is_evaluated() -> None:
    evaluator = DirectEvaluator(problem())
    assert len(evaluator.evaluate(rows((1, 0, 0), (1, 0, 0)))) == 2
    assert evaluator.budget is None and evaluator.remaining is None
