from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from simulators import (
    AuditError,
    Columns,
    Constraint,
    DesignSpace,
    Evaluation,
    Input,
    InvalidInputError,
    Metric,
    Parameter,
    Problem,
    Simulator,
    UnknownNameError,
    sum_of_parts,
)


@dataclass(frozen=True)
class Load:
    name: str = "one"
    digest: str = "1"
    factor: float = 1.0


class Adder(Simulator):
    """total = dynamic + static, with a switch that breaks the sum."""

    name, version = "adder", "1"
    inputs = (
        Input("dynamic", 1, minimum=0, maximum=100),
        Input("voltage", 0.5, minimum=0, integer=False),
        Input("kind", "plain", choices=("plain", "broken", "infeasible")),
        Input("gated", False, choices=(False, True)),
    )
    metrics = (Metric("total_pj", "pJ"), Metric("dynamic_pj", "pJ"), Metric("static_pj", "pJ"))
    audits = (sum_of_parts("total_pj", ("dynamic_pj", "static_pj")),)

    def load_workload(self, name_or_path: str) -> Load:
        return Load(name_or_path)

    def evaluate_columns(self, columns: Columns, workload: Any) -> Evaluation:
        dynamic = columns["dynamic"] * workload.factor
        static = columns["voltage"] * ~columns["gated"]
        total = dynamic + static + (columns["kind"] == "broken")
        valid = columns["kind"] != "infeasible"
        values = np.where(valid[:, None], np.stack([total, dynamic, static], axis=1), np.nan)
        return Evaluation(self.metrics, values, valid, tuple("" if ok else "too small" for ok in valid))


def adder_problem() -> Problem:
    space = DesignSpace(
        [Parameter("dynamic", [1, 2, 3], default=2), Parameter("kind", ["plain", "infeasible"])],
        constraints=[Constraint("not-three", lambda c: c["dynamic"] != 3)],
    )
    return Problem(Adder(), space, Load())


def test_missing_columns_take_defaults_and_text_is_read() -> None:
    evaluation = Adder().simulate({"dynamic": ["3", "4"]}, Load())
    assert evaluation.column("total_pj").tolist() == [3.5, 4.5]
    assert Adder().simulate({"gated": ["true", "False"]}, Load()).column("static_pj").tolist() == [0.0, 0.5]


def test_designs_outside_a_space_are_simulated() -> None:
    assert Adder().simulate({"dynamic": [100]}, Load()).valid.tolist() == [True]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"dynamic": [1, 2.5]}, "row 1: 'dynamic' cannot be 2.5. Expected an integer from 0 up to 100"),
        ({"dynamic": [1, 101]}, "row 1"),
        ({"dynamic": ["x"]}, "cannot be 'x'"),
        ({"dynamic": [float("nan")]}, "cannot be nan"),
        ({"dynamic": [True]}, "cannot be True"),
        ({"voltage": [float("inf")]}, "cannot be inf"),
        ({"kind": ["plan"]}, "did you mean 'plain'"),
        ({"gated": [2]}, "'gated' cannot be 2"),
        ({"voltage": [-0.1]}, "Expected a number from 0"),
        ({"dynamic": [1], "voltage": [1.0, 2.0]}, "one length"),
        ({"dynamic": [[1]]}, "one-dimensional"),
    ],
)
def test_values_the_model_cannot_express_are_refused(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Adder().simulate(columns, Load())


def test_unknown_columns_are_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'voltage'"):
        Adder().simulate({"volt_age": [1]}, Load())


def test_an_audit_that_fails_is_an_error_with_the_law() -> None:
    with pytest.raises(AuditError, match=r"total_pj = dynamic_pj \+ static_pj"):
        Adder().simulate({"kind": ["plain", "broken"]}, Load())


def test_audits_skip_invalid_designs() -> None:
    evaluation = Adder().simulate({"kind": ["infeasible", "plain"]}, Load())
    assert evaluation.valid.tolist() == [False, True]
    assert np.isnan(evaluation.values[0]).all()


def test_problem_refuses_infeasible_designs_in_place_without_simulating() -> None:
    problem = adder_problem()
    evaluation = problem.evaluate(np.array([[2, 0], [0, 0], [2, 1], [1, 1]]))
    assert evaluation.valid.tolist() == [False, True, False, False]
    assert evaluation.reason == ("violates not-three", "", "violates not-three", "too small")
    assert evaluation.column("total_pj")[1] == 1.5
    assert problem.evaluate(np.array([[2, 0]])).reason == ("violates not-three",)


def test_reference_is_the_default_design() -> None:
    problem = adder_problem()
    assert problem.reference_indices.tolist() == [[1, 0]]
    assert problem.reference.row() == {"total_pj": 2.5, "dynamic_pj": 2.0, "static_pj": 0.5}


def test_space_must_fit_its_simulator() -> None:
    with pytest.raises(InvalidInputError, match="does not fit its simulator.*'dynamic'"):
        Problem(Adder(), DesignSpace([Parameter("dynamic", [1, 1000])]), Load())


def test_identity_changes_with_what_decides_the_numbers() -> None:
    problem = adder_problem()
    other = Problem(problem.simulator, problem.space, Load("one", "2"))
    renamed = Problem(problem.simulator, problem.space, Load("two", "1"))
    free = Problem(problem.simulator, DesignSpace(problem.space.parameters), Load())
    assert problem.identity() == adder_problem().identity() == renamed.identity()
    assert problem.identity() != other.identity()
    assert problem.identity() != free.identity()


def test_of_hints_that_some_evaluations_lack_only_texts_are_joined() -> None:
    metrics, texts = Adder().metrics, np.array(["mem1", "long-name"])
    values = np.ones((2, len(metrics)))
    hinted = Evaluation.of_valid(metrics, values, {"bottleneck": texts, "share": np.array([0.5, 1.0])})
    refused = Evaluation.invalid(metrics, ["too large"])
    joined = Evaluation.concatenate([refused, hinted, refused])
    assert {name: found.tolist() for name, found in joined.diagnostics.items()} == {
        "bottleneck": ["", "mem1", "long-name", ""]
    }
    both = Evaluation.concatenate([hinted, hinted])
    assert both.diagnostics["share"].tolist() == [0.5, 1.0] * 2
    around = Evaluation.around_refused(metrics, ["", "no", ""], lambda _: hinted)
    assert around.diagnostics["bottleneck"].tolist() == ["mem1", "", "long-name"]


def test_evaluations_join_take_and_name_their_metrics() -> None:
    evaluation = Adder().simulate({"dynamic": [1, 2, 3], "kind": ["plain", "infeasible", "plain"]}, Load())
    joined = Evaluation.concatenate([evaluation.take(np.array([2])), evaluation.take(np.array([False, True, False]))])
    assert joined.valid.tolist() == [True, False]
    assert joined.row(0)["total_pj"] == 3.5
    with pytest.raises(UnknownNameError, match="did you mean 'total_pj'"):
        evaluation.column("total")
