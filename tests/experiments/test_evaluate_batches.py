"""Batches of ``archgym evaluate``: about a second each, whatever the simulator's speed, with the same results."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from archgym_envs import make_problem
from experiments import evaluate
from experiments.evaluate import BATCH, FIRST_BATCH, chosen_arguments, next_batch, simulate_in_batches
from simulators import InvalidInputError


@pytest.mark.parametrize(
    ("size", "seconds", "following"),
    [
        (8, 0.0, 64),  # 8 times as many at most
        (8, 0.25, 32),
        (8, 60.0, 1),
        (1, 60.0, 1),
        (64, 1.0, 64),
        (64, 4.0, 16),
        (1000, 0.5, BATCH),
    ],
)
def test_the_next_batch(size: int, seconds: float, following: int) -> None:
    assert next_batch(size, seconds) == following


def test_slow_simulators_report_about_every_second_and_results_are_those_of_one_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem = make_problem("archgym/SystolicArray-v0", workload="keyword-spotting")
    columns = problem.space.decode(problem.space.sample(150, np.random.default_rng(0)))
    checked = problem.simulator.check_columns(columns)
    whole = problem.simulator.evaluate_checked(checked, problem.workload)
    now, calls, told = 0.0, list[int](), list[tuple[float, int]]()
    simulate = problem.simulator.evaluate_checked

    def slowly(batch, workload):  # type: ignore[no-untyped-def]
        nonlocal now
        calls.append(len(batch["array_rows"]))
        now += 60.0 * (not told) + calls[-1] / 4  # compiles first, then 4 designs a second
        return simulate(batch, workload)

    monkeypatch.setattr(problem.simulator, "evaluate_checked", slowly)
    monkeypatch.setattr(evaluate.time, "perf_counter", lambda: now)
    found = simulate_in_batches(problem, checked, 150, lambda done, total: told.append((now, done)))
    assert calls[:4] == [FIRST_BATCH, 1, 4, 4] and sum(calls) == 150 and told[-1][1] == 150
    assert max(after - before for (before, _), (after, _) in itertools.pairwise(told)) < 1.5
    assert np.array_equal(found.values, whole.values) and found.reason == whole.reason
    assert whole.diagnostics
    assert all(np.array_equal(found.diagnostics[name], hint) for name, hint in whole.diagnostics.items())


def test_fast_simulators_get_large_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = make_problem("archgym/SystolicArray-v0", workload="keyword-spotting")
    checked = problem.simulator.check_columns({"array_rows": np.full(4000, 8)})
    monkeypatch.setattr(evaluate.time, "perf_counter", lambda: 0.0)
    sizes = []
    simulate_in_batches(problem, checked, 4000, lambda done, total: sizes.append(done))
    assert np.diff([0, *sizes]).tolist() == [8, 64, 512, 1024, 1024, 1024, 344]


def test_the_workload_is_said_once() -> None:
    assert chosen_arguments("resnet18", {"mode": "timeloop"}) == {"mode": "timeloop", "workload": "resnet18"}
    assert chosen_arguments("resnet18", {"workload": "resnet18"}) == {"workload": "resnet18"}
    assert chosen_arguments(None, {"workload": "resnet18"}) == {"workload": "resnet18"}
    with pytest.raises(InvalidInputError, match="--workload vgg16 and --set workload=resnet18"):
        chosen_arguments("vgg16", {"workload": "resnet18"})
