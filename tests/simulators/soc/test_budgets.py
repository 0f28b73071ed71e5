"""Distances from budgets: by hand, and FARSI's of every measured design."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from simulators.errors import InvalidInputError
from simulators.soc import Budgets, Task, TaskGraph
from simulators.soc._farsi_rows import graph_of_row, read_rows
from simulators.soc.budgets import compare_with_budgets

REFERENCE = Path(os.environ.get("ARCHGYM_REFERENCE", Path(__file__).resolve().parents[4] / "shared" / "reference"))
ROWS = REFERENCE / "soc" / "farsi_rows.jsonl"

GRAPH = TaskGraph("one", (Task("a", 1),), (), {"one": "a"}, Budgets({"one": 2.0}, 0.5, 1e-5))


def compare(power_w, latency_s, area_m2, dram_area_m2, graph=GRAPH):
    figures = (np.array([x], dtype=float) for x in (power_w, np.atleast_1d(latency_s), area_m2, dram_area_m2))
    distance, met = compare_with_budgets(graph, *figures)
    return float(distance[0]), bool(met[0])


def test_within_all_budgets_every_term_counts_its_least():
    assert compare(0.1, 1.0, 0.0, 1e-5) == (pytest.approx(4e-9), True)


def test_excess_counts_relative_to_the_budget():
    assert compare(1.0, 5.0, 1e-5, 3e-5) == (pytest.approx(1.0 + 1.5 + 1e-9 + 2.0), False)


def test_less_than_a_thousandth_over_is_met():
    assert compare(0.5, 2.0 * 1.0009, 0.0, 0.0) == (pytest.approx(4e-9), True)
    assert compare(0.5, 2.0 * 1.0011, 0.0, 0.0) == (pytest.approx(0.0011 + 3e-9), False)


def test_without_budgets_there_is_no_distance():
    distance, met = compare(1.0, 1.0, 1.0, 1.0, TaskGraph("one", (Task("a", 1),), (), {"one": "a"}))
    assert np.isnan(distance) and not met


def test_shapes_are_checked():
    ones = np.ones(2)
    with pytest.raises(InvalidInputError, match=r"latency_s must have shape \[2, 1\], got \[2\]"):
        compare_with_budgets(GRAPH, ones, ones, ones, ones)


@pytest.mark.skipif(not ROWS.with_name("farsi_rows.jsonl.gz").is_file(), reason=f"no reference rows {ROWS}")
def test_equals_farsis_distance_of_every_measured_design():
    for row in read_rows(ROWS):
        graph, result = graph_of_row(row), row["result"]
        areas = result["area_by_subtype_m2"]
        latency_s = [result["latency_s"][name] for name in graph.workloads]
        other = sum(areas.values()) - areas["dram"]
        distance, met = compare(result["power_w"], latency_s, other, areas["dram"], graph)
        assert distance == pytest.approx(result["dist_to_goal"], rel=1e-14)
        assert met == result["fits_budget"]
