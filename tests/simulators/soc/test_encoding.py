"""Descriptions as arrays: one by hand, and properties of measured designs."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from simulators.errors import InvalidInputError
from simulators.soc import Edge, Task, TaskGraph, description_of
from simulators.soc.encoding import KIND_CODES, encode
from simulators.soc.kernel_layout import KINDS

GRAPH = TaskGraph(
    "chain",
    (Task("in", 0, dummy=True), Task("a", 1e6), Task("b", 2e6)),
    (Edge("in", "a", 8), Edge("a", "b", 8)),
    {"chain": "b"},
)
CONTENT = {
    "blocks": {"cpu0": "A53_pe", "bus": "LMEM_ic_1_4_ic", "ram": "LMEM_0_1_mem", "cpu1": "A53_pe"},
    "links": [["bus", "cpu0"], ["ram", "bus"], ["cpu1", "bus"]],
    "tasks": {"default": "cpu0", "b": "cpu1"},
    "memories": {"default": "ram"},
}


def test_one_design_by_hand():
    encoded = encode([description_of(CONTENT, GRAPH)], GRAPH, blocks=5)
    assert encoded.kind.tolist() == [[1, 5, 3, 1, 0]]
    assert encoded.rate.tolist() == [[2e9, 3.2e9, 4e8, 2e9, 0.0]]
    assert encoded.work_per_joule.tolist() == [[47019607843.0, math.inf, math.inf, 47019607843.0, math.inf]]
    assert encoded.area_m2.tolist() == [[0.65e-6, 0.0, 0.0, 0.65e-6, 0.0]]
    assert encoded.adjacency.tolist() == [[0b0010, 0b1101, 0b0010, 0b0010, 0]]
    assert encoded.task_pe.tolist() == [[0, 0, 3]]
    assert encoded.edge_memory.tolist() == [[2, 2]]
    assert encoded.priority.tolist() == [[0, 1, 2]]
    assert len(encoded) == 1


def test_dtypes_are_the_kernels():
    encoded = encode([description_of(CONTENT, GRAPH)], GRAPH)
    types = {name: str(getattr(encoded, name).dtype) for name in vars(encoded)}
    assert types == {
        "kind": "int8",
        "rate": "float64",
        "work_per_joule": "float64",
        "area_m2": "float64",
        "adjacency": "uint64",
        "task_pe": "int8",
        "edge_memory": "int8",
        "priority": "int8",
    }
    assert {kind: KINDS.index(kind) for kind in KIND_CODES} == KIND_CODES


def test_the_kernel_order_becomes_ranks():
    description = replace(description_of(CONTENT, GRAPH), kernel_order=("b", "in", "a"))
    assert encode([description], GRAPH).priority.tolist() == [[1, 2, 0]]


def test_rows_do_not_depend_on_their_neighbours():
    small = description_of(CONTENT, GRAPH)
    more = {**CONTENT["blocks"], "bus2": "LMEM_ic_0_1_ic"}
    large = description_of({**CONTENT, "blocks": more, "links": [*CONTENT["links"], ["bus", "bus2"]]}, GRAPH)
    both, alone = encode([small, large], GRAPH), encode([small], GRAPH, blocks=5)
    for name in vars(both):
        assert np.array_equal(getattr(both, name)[:1], getattr(alone, name))
    assert both.adjacency[1].tolist() == [0b00010, 0b11101, 0b00010, 0b00010, 0b00010]


def test_the_highest_bit_of_64_blocks_is_kept():
    buses = {f"bus{i}": "LMEM_ic_0_1_ic" for i in range(60)}
    chained = [[f"bus{i}", f"bus{i + 1}"] for i in range(59)]
    content = {
        **CONTENT,
        "blocks": {**CONTENT["blocks"], **buses},
        "links": [*CONTENT["links"], *chained, ["bus59", "bus"]],
    }
    adjacency = encode([description_of(content, GRAPH)], GRAPH).adjacency[0].tolist()
    assert adjacency[1] == 1 << 0 | 1 << 2 | 1 << 3 | 1 << 63
    assert adjacency[63] == 1 << 1 | 1 << 62


def test_sizes_that_do_not_fit_are_refused():
    description = description_of(CONTENT, GRAPH)
    with pytest.raises(InvalidInputError, match="expected 4 to 64 blocks for these designs, got 3"):
        encode([description], GRAPH, blocks=3)
    with pytest.raises(InvalidInputError, match="expected 4 to 64 blocks"):
        encode([description], GRAPH, blocks=65)
    tasks = tuple(Task(f"t{i}", 1) for i in range(128))
    with pytest.raises(InvalidInputError, match="has 128 tasks; expected up to 127"):
        encode([], TaskGraph("many", tasks, (), {"many": "t0"}))


def test_no_designs_are_no_rows():
    assert encode([], GRAPH).task_pe.shape == (0, 3)
