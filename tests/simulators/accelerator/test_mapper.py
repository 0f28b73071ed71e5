"""The mapper: deterministic, honest about certainty, never worse than random mappings, true to its objective."""

from __future__ import annotations

import itertools
import math
import pickle

import numpy as np
import pytest

from simulators.accelerator import Architecture, Layer, Mapper, StorageLevel, load_network, map_layer
from simulators.accelerator.kernel import evaluate_points
from simulators.accelerator.kernel_layout import (
    ARCHITECTURE_WORDS,
    DIMS,
    F_COLUMNS,
    F_DRAM,
    F_GLB,
    F_INNER,
    F_MIDDLE,
    F_OUTER,
    F_ROWS,
    FACTOR_ROWS,
    LEVELS,
    O_CYCLES,
    O_DRAM_WORDS,
    O_ENERGY,
    OK,
    TENSORS,
)
from simulators.accelerator.mapper import EFFORTS, Effort
from simulators.accelerator.modes import chosen_repairs, repair_bits
from simulators.errors import InvalidInputError, UnknownNameError

ALL = repair_bits(chosen_repairs("default"))
SPLIT = (("Inputs",), ("Weights",), ("Outputs",))
WHOLE = Effort(50, 4, 2, 200, 10**7, 10**6, 0, 0)
"""Tries every mapping of tiny layers."""
SEARCH = Effort(300, 8, 6, 2000, 0, 0, 0, 0)
"""Never tries all."""


def chip(kind="unified", columns=2, rows=2, glb=32, pe=8, bandwidth=math.inf, dram_pj=512.0):
    """Return a small accelerator."""
    glb_keeps = ("Inputs", "Outputs") if kind in ("split", "bypass") else TENSORS
    keeps = {"weights": ("Weights",), "outputs": ("Outputs",)}.get(kind, TENSORS)
    split = tuple(StorageLevel(f"spad{i}", kept, pe, 0.05, 0.06) for i, kept in enumerate(SPLIT))
    pes = split if kind == "split" else (StorageLevel("RF", keeps, pe, 0.05, 0.06),)
    dram = StorageLevel("DRAM", TENSORS, math.inf, dram_pj, dram_pj, 4, bandwidth, bandwidth)
    buffer = StorageLevel("GLB", glb_keeps, glb, 12.0, 11.0, 4, 4 * bandwidth, 4 * bandwidth)
    return Architecture(kind, columns, rows, dram, buffer, pes, 3.0)


def search(layer, architecture, objective="edp", repairs=ALL, effort="normal", seed=0):
    """Return the results of one layer, and whether they are certain."""
    found = Mapper(objective, repairs, effort, seed).map(layer.words[None], architecture.words[None])
    assert found.status[0, 0] == OK
    return found.results[0, 0], bool(found.certified[0, 0])


def score(results, objective):
    return {"edp": results[O_CYCLES] * results[O_ENERGY], "energy": results[O_ENERGY], "latency": results[O_CYCLES]}[
        objective
    ]


# ---- every mapping, by brute force ----------------------------------------------------------------------------------


def splits(bound, places, ragged):
    """Return every way to split a bound; DRAM, the first place, takes the rest."""
    if len(places) == 1:
        return [{places[0]: bound}]
    return [
        {places[-1]: value, **rest}
        for value in range(1, bound + 1)
        if ragged or bound % value == 0
        for rest in splits(-(-bound // value), places[:-1], ragged)
    ]


def best_by_brute_force(layer, architecture, objective, repairs):
    """Return the least score over all splits and all orders of the loops of DRAM, GLB and outer scratchpads."""
    split = len(architecture.pe_levels) == 3
    places = (F_DRAM, F_GLB, F_COLUMNS, F_ROWS, *((F_OUTER, F_MIDDLE) if split else ()), F_INNER)
    dims = [d for d, bound in enumerate(layer.bounds) if bound > 1]
    factors = []
    for chosen in itertools.product(*(splits(layer.bounds[d], places, bool(repairs & 1)) for d in dims)):
        one = np.ones((FACTOR_ROWS, DIMS), np.int32)
        for d, of_bound in zip(dims, chosen, strict=True):
            for place, factor in of_bound.items():
                one[place, d] = factor
        factors.append(one)
    stacked, best = np.array(factors), math.inf
    rest = [d for d in range(DIMS) if d not in dims]
    orders = [np.array([*order, *rest], np.int8) for order in itertools.permutations(dims)]
    for levels in itertools.product(orders, repeat=4 if split else 2):
        order = np.tile(orders[0], (LEVELS, 1))
        order[: len(levels)] = levels
        tiled = np.tile(order, (len(stacked), 1, 1))
        status, _, results = evaluate_points(layer.words[None], stacked, tiled, architecture.words[None], repairs)
        if (status == OK).any():
            best = min(best, score(results[status == OK].T, objective).min())
    return best


TINY = [
    (Layer("conv", m=2, c=2, p=3, r=2), "unified", 0),
    (Layer("strided", m=2, p=3, q=2, stride_h=2, stride_w=3), "unified", ALL),
    (Layer("gemm", m=4, c=4, p=2), "weights", 0),
    (Layer("ragged", m=3, c=2, p=3), "outputs", ALL),
    (Layer("bypassed", m=4, c=2, p=2), "bypass", 0),
    (Layer("scratchpads", m=4, c=3), "split", 0),
    (Layer("depthwise", g=3, p=3, r=2), "unified", ALL),
]


@pytest.mark.parametrize(("layer", "kind", "repairs"), TINY, ids=lambda value: getattr(value, "name", str(value)))
@pytest.mark.parametrize("objective", ["edp", "energy", "latency"])
def test_certified_mappings_are_the_best_of_all(layer, kind, repairs, objective):
    architecture = chip(kind, bandwidth=1.0 if objective == "latency" else math.inf)
    results, certain = search(layer, architecture, objective, repairs, WHOLE)
    assert certain
    best = best_by_brute_force(layer, architecture, objective, repairs)
    assert score(results, objective) == pytest.approx(best, rel=1e-8)
    searched, certain = search(layer, architecture, objective, repairs, SEARCH)
    assert not certain
    assert score(searched, objective) <= best * 1.001


def test_a_layer_worked_by_hand():
    """Two outputs of one weight each, y = w x: each word moves once, and two PEs take one cycle."""
    layer = Layer("two", m=2)
    found = map_layer(layer, chip(columns=2, rows=1), "edp", "timeloop", WHOLE)
    assert found.certified
    assert found.mapping.factor("columns", "M") == 2
    assert found.results[O_CYCLES] == 1
    assert found.results[O_DRAM_WORDS] == 2 + 1 + 2


# ---- beside random mappings -----------------------------------------------------------------------------------------


def random_factors(layer, rng, count):
    """Return random splits of the bounds' prime factors over the places."""
    factors = np.ones((count, FACTOR_ROWS, DIMS), np.int32)
    places = np.array([F_DRAM, F_GLB, F_COLUMNS, F_ROWS, F_INNER])
    for d, bound in enumerate(layer.bounds):
        left, prime = bound, 2
        while left > 1:
            while left % prime == 0:
                chosen = rng.choice(places, size=count, p=(0.35, 0.2, 0.1, 0.1, 0.25))
                factors[np.arange(count), chosen, d] *= prime
                left //= prime
            prime += 1
    return factors


@pytest.mark.parametrize("kind", ["unified", "weights", "outputs", "bypass"])
@pytest.mark.parametrize("repairs", [0, ALL])
def test_never_worse_than_random_mappings(kind, repairs):
    rng = np.random.default_rng(3)
    network = [layer for layer, _ in load_network("resnet18").distinct]
    for layer in (network[1], network[3], network[11]):
        architecture = chip(kind, 14, 12, 55_296, 512, bandwidth=4.0)
        factors = random_factors(layer, rng, 60_000)
        orders = rng.permuted(np.tile(np.arange(DIMS, dtype=np.int8), (len(factors), LEVELS, 1)), axis=2)
        words = (layer.words[None], factors, orders, architecture.words[None])
        status, _, results = evaluate_points(*words, repairs)
        valid = results[status == OK]
        assert len(valid) > 300
        mapped, _ = search(layer, architecture, "edp", repairs)
        assert score(mapped, "edp") <= score(valid.T, "edp").min()


# ---- laws -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("repairs", [0, ALL])
def test_more_buffer_never_means_more_dram_traffic_under_the_best_mapping(repairs):
    """With energy in DRAM alone the best mapping is that of the least traffic, and a larger buffer allows more."""
    layer = Layer("conv", m=4, c=3, p=4, r=2)
    words = []
    for capacity in (6, 10, 14, 20, 30, 60):
        levels = [StorageLevel("GLB", TENSORS, capacity), StorageLevel("RF", TENSORS, 4)]
        dram = StorageLevel("DRAM", read_pj=1, write_pj=1)
        results, certain = search(
            layer, Architecture("x", 2, 1, dram, levels[0], (levels[1],), 0.0), "energy", repairs, WHOLE
        )
        assert certain
        words.append(results[O_DRAM_WORDS])
    assert words == sorted(words, reverse=True)
    assert words[-1] == layer.weights + layer.inputs + layer.outputs < words[0]


@pytest.mark.parametrize("kind", ["unified", "outputs", "split"])
@pytest.mark.parametrize("repairs", [0, ALL])
def test_each_objective_is_best_at_its_own(kind, repairs):
    """A thorough search; the layer's mappings are too many to try all."""
    layer = [layer for layer, _ in load_network("resnet18").distinct][4]
    architecture = chip(kind, 8, 8, 4096, 64, 2.0)
    objectives = ("edp", "energy", "latency")
    found = {objective: search(layer, architecture, objective, repairs, "thorough")[0] for objective in objectives}
    for objective, results in found.items():
        assert score(results, objective) <= 1.001 * min(score(other, objective) for other in found.values())


def test_the_same_again_whatever_the_threads_and_the_company():
    layers = np.array([layer.words for layer, _ in load_network("keyword-spotting").distinct])
    archs = np.stack([chip("unified", 4, 4, 1024, 32).words, chip("split", 4, 4, 1024, 32).words])
    first, second = Mapper(effort="quick").map(layers, archs), Mapper(effort="quick").map(layers, archs, threads=2)
    alone = Mapper(effort="quick").map(layers[2:3], archs[1:])
    for name in ("factors", "orders", "results", "status", "certified"):
        assert np.array_equal(getattr(first, name), getattr(second, name))
        assert np.array_equal(getattr(first, name)[1, 2], getattr(alone, name)[0, 0])


def test_what_was_mapped_is_remembered(monkeypatch):
    mapper, layers = Mapper(effort="quick", remembered=3), np.array([Layer("a", m=n, c=4).words for n in (2, 4, 6)])
    searches = []
    run = Mapper._run
    monkeypatch.setattr(
        Mapper, "_run", lambda self, *arguments: searches.append(len(arguments[0])) or run(self, *arguments)
    )
    architecture = chip().words[None]
    first = mapper.map(layers, architecture)
    again = mapper.map(layers, architecture)
    assert searches == [3]
    assert np.array_equal(first.results, again.results)
    mapper.map(np.array([Layer("b", m=8, c=4).words]), architecture)
    assert len(mapper._known) == 3
    copy = pickle.loads(pickle.dumps(mapper))
    assert np.array_equal(copy.map(layers, architecture).results, first.results)


def test_layers_that_fit_nowhere_say_so():
    nowhere = chip(pe=2)
    found = Mapper(effort="quick").map(Layer("a", m=2, c=2).words[None], nowhere.words[None])
    assert found.status[0, 0] != OK
    assert found.results.shape == (1, 1, len(found.results[0, 0]))
    with pytest.raises(InvalidInputError, match="has no mapping on architecture 'unified'"):
        map_layer(Layer("a", m=2, c=2), nowhere)


def test_wrong_words_are_refused():
    with pytest.raises(UnknownNameError, match="did you mean 'edp'"):
        Mapper("edpp")
    with pytest.raises(UnknownNameError, match="did you mean 'normal'"):
        Mapper(effort="normall")
    assert chip().words.shape == (ARCHITECTURE_WORDS,)
    assert set(EFFORTS) == {"quick", "normal", "thorough"}
