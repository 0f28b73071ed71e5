"""A single design takes shorter paths through space and problem; they give what the batch gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators import DesignSpace, Evaluation, InactiveRule, Input, InvalidInputError, Metric, Parameter, Problem
from simulators import Simulator as Base

SPACE = DesignSpace(
    (
        Parameter("policy", ("open", "closed", "adaptive"), "closed"),
        Parameter("queue", ("fifo", "reorder")),
        Parameter("size", (1, 2, 4, 8), 4),
        Parameter("voltage", (0.9, 1.1)),
        Parameter("ecc", (False, True)),
    ),
    inactive=(
        InactiveRule("size", {"queue": ("fifo",)}),
        InactiveRule("ecc", {"size": (4,), "policy": ("open", "closed")}),
    ),
)
DESIGNS = st.tuples(*(st.integers(0, len(p) - 1) for p in SPACE.parameters)).map(lambda row: np.array([row]))


class Probe(Base):
    """Records the columns it was given."""

    name = "probe"
    version = "1"
    inputs = (
        *(Input(p.name, p.default, p.values) for p in SPACE.parameters),
        Input("extra", 3, minimum=0),
        Input("mode", "a", ("a", "b")),
    )
    metrics = (Metric("size", "1"),)

    def __init__(self) -> None:
        self.seen: list[dict[str, np.ndarray]] = []

    def load_workload(self, name_or_path: str) -> None:
        return None

    def evaluate_columns(self, columns, workload):
        self.seen.append(dict(columns))
        return Evaluation.of_valid(self.metrics, columns["size"].astype(float)[:, None])


@given(DESIGNS)
def test_canonical_and_decode_agree_with_the_batch(design):
    pair = np.concatenate([design, design])
    assert (SPACE.canonical(design) == SPACE.canonical(pair)[:1]).all()
    single, batch = SPACE.decode(design), SPACE.decode(pair)
    for name, column in single.items():
        assert column.dtype == batch[name].dtype
        assert column.tolist() == batch[name][:1].tolist()
    assert SPACE.describe(design[0]) == SPACE.describe(design[0].tolist())


def test_canonical_leaves_its_input_alone_and_returns_a_new_array():
    design = np.array([[0, 0, 3, 0, 1]])
    canonical = SPACE.canonical(design)
    assert design.tolist() == [[0, 0, 3, 0, 1]]
    assert canonical.tolist() == [[0, 0, 2, 0, 0]]
    already = SPACE.canonical(canonical)
    already[0, 0] = 2
    assert canonical[0, 0] == 0


@pytest.mark.parametrize("bad", [[3, 0, 0, 0, 0], [0, 0, 0, 0, -1], [-1, 0, 0, 0, 0], [0, 0, 0, 0, 2]])
def test_single_designs_outside_the_space_are_refused(bad):
    with pytest.raises(InvalidInputError, match="is outside"):
        SPACE.check(np.array([bad]))


def test_a_problem_gives_complete_columns_that_a_simulator_cannot_spoil():
    simulator = Probe()
    problem = Problem(simulator, SPACE, None)
    design = np.array([[1, 1, 3, 1, 1]])
    problem.evaluate(np.concatenate([design, design]))
    for _ in range(2):
        problem.evaluate(design)
        columns, batch = simulator.seen[-1], simulator.seen[0]
        assert columns.keys() == batch.keys() == {declared.name for declared in simulator.inputs}
        for name, column in columns.items():
            assert column.dtype == batch[name].dtype
            assert column.tolist() == batch[name][:1].tolist()
            if column.flags.writeable:
                column[:] = column.dtype.type()
