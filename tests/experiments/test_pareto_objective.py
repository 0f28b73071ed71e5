"""Experiments with a ``pareto`` objective: runs are compared by the hypervolume of all that they evaluated."""

from __future__ import annotations

import numpy as np
import pytest
from archgym_toys import toy_config
from hypothesis import given
from hypothesis import strategies as st

from archgym_envs.scoring import hypervolume
from experiments.comparison import compare
from experiments.config import parse_config
from experiments.pareto import hypervolume_curve
from experiments.results import load_results
from experiments.run_groups import group_runs
from experiments.runner import run_experiment

POINTS = st.lists(st.tuples(*[st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])] * 3), min_size=1, max_size=12)


def test_the_curve_by_hand():
    """0.5 x 0.5; a dominated point; (0.25, 1) adds 0.25 x 0.5; an invalid design; (1, 1) is all there is."""
    gains = np.array([[0.5, 0.5], [0.5, 0.25], [0.25, 1.0], [np.nan, np.nan], [1.0, 1.0]])
    assert hypervolume_curve(gains) == pytest.approx([0.25, 0.25, 0.375, 0.375, 1.0])
    assert hypervolume_curve(np.full((2, 2), np.nan)).tolist() == [0.0, 0.0]
    assert hypervolume_curve(np.empty((0, 2))).tolist() == []


@given(POINTS)
def test_the_curve_is_the_volume_of_every_beginning(points):
    gains = np.array(points)
    expected = [hypervolume(gains[: k + 1]) for k in range(len(gains))]
    assert hypervolume_curve(gains) == pytest.approx(expected)


def test_an_experiment_ends_with_the_hypervolume_of_its_runs(tmp_path):
    data = toy_config(agents=["random_search", "hopper"], budget=40, seeds=4)
    data["problems"][0]["objective"] = {"pareto": ["energy_pj", "speed_mhz"]}
    run_experiment(parse_config(data), tmp_path / "out", progress=False)
    results = load_results([tmp_path / "out"])
    (runs,) = group_runs(results).values()
    assert runs.direction == "maximize"
    reference = runs.problem.reference_metrics
    for curve in runs.all_curves:
        table = results.evaluations(curve.run.run_id)
        rows = np.array([row for row in table.column("metrics").to_pylist() if row])
        energy = reference["energy_pj"] / (reference["energy_pj"] + rows[:, 0])
        speed = rows[:, 2] / (reference["speed_mhz"] + rows[:, 2])
        assert curve.best.size == 40
        assert curve.best[-1] == pytest.approx(hypervolume(np.stack([energy, speed], axis=1)))
        assert (np.diff(curve.best) >= 0.0).all()
        assert curve.best[-1] >= np.nanmax(table.column("score").to_numpy())
    (problem,) = compare(results).problems
    assert problem.measure == "Hypervolume"
    assert problem.final[0].best == max(curve.best[-1] for curve in runs.all_curves)


def test_a_config_with_an_unknown_metric_names_the_place(toy_data):
    data = toy_data()
    data["problems"][0]["objective"] = {"pareto": ["energy_pj", "sped_mhz"]}
    with pytest.raises(ValueError, match=r"problems\.0\.objective\.pareto.*did you mean 'speed_mhz'"):
        parse_config(data)
