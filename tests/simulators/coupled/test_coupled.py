"""Planted problems: what the module promises, by enumeration of small instances and by their tables."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from simulators import InvalidInputError, UnknownNameError
from simulators.coupled import TOPOLOGIES, CoupledInstance, CoupledProblem, CoupledSimulator, plant
from simulators.coupled.topology import blocks_of, closing_pairs, interactions_of

SMALL = {"parameters": 5, "levels": 4, "block": 5}
LOG_SPREAD = np.log(100.0)


def designs_of(instance: CoupledInstance) -> np.ndarray:
    return np.array(list(itertools.product(range(instance.levels), repeat=instance.parameters)))


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("levels", [3, 4, 5, 6])
@pytest.mark.parametrize("coupling", [0.0, 0.3, 1.0])
def test_the_planted_design_is_the_only_best_one(topology, levels, coupling):
    for seed in range(6):
        instance = plant(6, levels, coupling, seed, topology, 3)
        costs = instance.cost(designs_of(instance))
        best = designs_of(instance)[costs == costs.min()]
        assert costs.min() == 1.0
        assert best.tolist() == [instance.best.tolist()]


def test_without_coupling_the_log_of_the_cost_is_a_sum_over_parameters():
    instance = plant(**SMALL, coupling=0.0)
    designs = designs_of(instance)
    effects = np.array([[_mean_log(instance, j, v) for v in range(4)] for j in range(5)])
    grand = np.log(instance.cost(designs)).mean()
    rebuilt = grand + (effects - grand)[np.arange(5), designs].sum(axis=1)
    assert np.allclose(np.log(instance.cost(designs)), rebuilt, rtol=0, atol=1e-12)


def _mean_log(instance: CoupledInstance, parameter: int, level: int) -> float:
    designs = designs_of(instance)
    return float(np.log(instance.cost(designs[designs[:, parameter] == level])).mean())


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_at_full_coupling_no_level_of_any_parameter_is_better_than_another(topology):
    instance = plant(**SMALL, coupling=1.0, topology=topology)
    means = np.array([[_mean_log(instance, j, v) for v in range(4)] for j in range(5)])
    assert np.ptp(means) < 1e-12
    designs = designs_of(instance)
    costs = [np.sort(instance.cost(designs[designs[:, 0] == level])).mean() for level in range(4)]
    assert np.ptp(costs) > 0.0  # beyond the mean of the logarithm they do differ: the best design has one level


@pytest.mark.parametrize("coupling", [0.0, 0.25, 0.5, 1.0])
def test_the_coupling_is_the_share_of_the_variance_that_interactions_explain(coupling):
    instance = plant(**SMALL, coupling=coupling, seed=3)
    designs = designs_of(instance)
    logs = np.log(instance.cost(designs))
    means = np.array([[_mean_log(instance, j, v) for v in range(4)] for j in range(5)])
    main = ((means - logs.mean()) ** 2).mean(axis=1).sum()
    assert main / logs.var() == pytest.approx(1.0 - coupling, abs=1e-12)
    uncoupled = plant(**SMALL, coupling=0.0, seed=3)
    assert logs.var() == pytest.approx(np.log(uncoupled.cost(designs)).var(), rel=1e-12)


def test_both_parts_have_the_same_mean_and_variance():
    for topology in TOPOLOGIES:
        instance = plant(**SMALL, topology=topology)
        alone, together = instance.sums(designs_of(instance))
        assert alone.mean() == together.mean()
        assert alone.var() == pytest.approx(together.var(), rel=1e-12)
        assert alone.min() == together.min() == 0


def test_a_cost_by_hand():
    instance = plant(parameters=3, levels=4, coupling=0.36, seed=1, block=3)
    design = (instance.best + np.array([1, 0, 2])) % 4
    alone = sum(instance.singles[j, design[j]] for j in range(3))
    together = sum(instance.couples[n, design[i], design[j]] for n, (i, j) in enumerate(instance.pairs))
    expected = 100.0 ** (0.8 * alone / 6 + 0.6 * together / 6)  # three terms of at most 2 each: 6 is the largest sum
    assert instance.cost(design[None, :])[0] == pytest.approx(expected, rel=1e-12)


def test_terms_of_ordered_parameters_rise_away_from_the_best_level():
    instance = plant(levels=8, seed=2)
    for j, ordered in enumerate(instance.ordered):
        assert sorted(instance.singles[j]) == [0, 1, 1, 2, 2, 3, 3, 4]
        best = instance.best[j]
        if ordered:
            assert (np.diff(instance.singles[j, best:]) >= 0).all()
            assert (np.diff(instance.singles[j, : best + 1]) <= 0).all()


def test_pairs_of_ordered_parameters_change_by_one_step_at_a_time():
    instance = plant(seed=5)
    smooth = [n for n, (i, j) in enumerate(instance.pairs) if instance.ordered[i] and instance.ordered[j]]
    assert smooth
    for n in smooth:
        assert np.abs(np.diff(instance.couples[n], axis=0)).max() == 1
        assert np.abs(np.diff(instance.couples[n], axis=1)).max() == 1


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("parameters", [3, 7, 10, 40])
def test_components_have_one_cycle_and_no_pair_twice(topology, parameters):
    for seed in range(20):
        pairs = interactions_of(topology, blocks_of(parameters, 3), np.random.default_rng(seed))
        assert len({frozenset(pair) for pair in pairs}) == len(pairs) == parameters
        joined = sum(not closes for closes in closing_pairs(pairs))
        components = parameters - joined
        assert sum(closing_pairs(pairs)) == components >= 1


def test_blocks_interact_within_and_chains_across():
    inside = plant(parameters=10, block=5).pairs
    assert all(i // 5 == j // 5 for i, j in inside)
    chain = plant(parameters=10, block=5, topology="chain").pairs
    assert {frozenset(pair) for pair in chain} == {frozenset((j, (j + 1) % 10)) for j in range(10)}
    assert blocks_of(11, 5) == ((0, 1, 2, 3, 4, 5), (6, 7, 8, 9, 10))


def test_the_same_seed_gives_the_same_problem_and_another_one_another():
    first, again, other = (CoupledSimulator(seed=seed).instance for seed in (4, 4, 5))
    designs = np.random.default_rng(0).integers(8, size=(50, 10))
    assert np.array_equal(first.cost(designs), again.cost(designs))
    assert first.digest == again.digest != other.digest
    assert (first.cost(designs) != other.cost(designs)).any()


def test_the_dial_changes_neither_the_best_nor_the_reference_design():
    instances = [plant(coupling=coupling, seed=7) for coupling in (0.0, 0.5, 1.0)]
    for instance in instances[1:]:
        assert np.array_equal(instance.best, instances[0].best)
        assert np.array_equal(instance.reference, instances[0].reference)


def test_the_reference_design_is_average_and_a_random_stream_of_the_same_seed_does_not_hit_the_best():
    for seed in range(10):
        instance = plant(seed=seed)
        alone, together = instance.sums(instance.reference[None, :])
        assert abs(alone[0] - 20) + abs(together[0] - 20) <= 1  # means of ten terms of mean 2
        sample = np.random.default_rng(seed).integers(8, size=(64, 10))
        assert not (sample == instance.best).all(axis=1).any()


def test_the_problem_evaluates_indices_as_its_simulator_does_columns():
    problem = CoupledProblem.of(CoupledSimulator(parameters=7, levels=12, coupling=0.7, seed=9))
    designs = problem.space.sample(200, np.random.default_rng(1))
    by_columns = problem.simulator.simulate(problem.space.decode(designs), problem.workload).values
    assert np.array_equal(problem.evaluate(designs).values, by_columns)
    assert np.array_equal(np.concatenate([problem.evaluate(row[None, :]).values for row in designs]), by_columns)
    assert problem.best_outcomes.values.tolist() == [[1.0]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"coupling": 1.5}, "'coupling' must be a number from 0 to 1, got 1.5"),
        ({"coupling": "high"}, "'coupling' must be a number"),
        ({"coupling": float("nan")}, "'coupling' must be a number"),
        ({"parameters": 2}, "'parameters' must be an integer from 3 to 500, got 2"),
        ({"parameters": 4.0}, "'parameters' must be an integer"),
        ({"levels": 2}, "'levels' must be an integer from 3 to 64, got 2"),
        ({"levels": True}, "'levels' must be an integer"),
        ({"seed": -1}, "'seed' must be an integer from 0"),
        ({"block": 2}, "'block' must be an integer from 3 to 10, the number of parameters; got 2"),
        ({"parameters": 4}, "'block' must be an integer from 3 to 4"),
    ],
)
def test_wrong_numbers_are_refused(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        CoupledSimulator(**arguments)


def test_wrong_names_are_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match="unknown topology 'block'; did you mean 'blocks'"):
        CoupledSimulator(topology="block")
    with pytest.raises(UnknownNameError, match="workload"):
        CoupledSimulator().load_workload("resnet18")
