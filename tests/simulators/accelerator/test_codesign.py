"""The co-design problem: one design is hardware and the mapping of every layer."""

from __future__ import annotations

import numpy as np
import pytest

import archgym_envs
from archgym_envs.testing import check_env, check_simulator
from simulators import InvalidInputError, Problem
from simulators.accelerator.codesign import CoDesign, layer_prefixes
from simulators.accelerator.layers import Layer, Network
from simulators.accelerator.mapping_simulator import LayerMapping

ID = "archgym/CoDesign-v0"
PAIR = Network("pair", (Layer("first.conv", m=16, c=8, r=3, s=3, p=7, q=7), Layer("fc", m=10, c=16)), (3, 1))


def test_a_network_is_the_sum_of_its_layers_as_mapping_problems():
    simulator = CoDesign(PAIR)
    mapped = {"first_conv_pe_M": 4, "first_conv_rows_first": "R", "fc_columns_first": "M", "fc_glb_C": 8}
    whole = simulator.simulate({name: [value] for name, value in mapped.items()}, PAIR)
    alone = LayerMapping("eyeriss")
    first = alone.simulate({"pe_M": [4], "rows_first": ["R"]}, PAIR.layers[0])
    second = alone.simulate({"columns_first": ["M"], "glb_C": [8]}, PAIR.layers[1])
    for metric in ("energy_pj", "latency_ns", "dram_words", "macs"):
        assert whole.column(metric)[0] == pytest.approx(3 * first.column(metric)[0] + second.column(metric)[0])
    assert whole.column("area_mm2")[0] == first.column("area_mm2")[0]
    assert whole.diagnostics["worst_layer"][0] == "first.conv"


def test_mappings_are_one_per_distinct_layer():
    simulator = CoDesign(PAIR)
    columns = simulator.check_columns({"fc_columns_first": ["M"], "array_columns": [4]})
    ((first, second),) = simulator.mappings(columns)
    assert first.factor("columns", "M") == 1
    assert (second.factor("columns", "M"), second.factor("dram", "M")) == (4, 3)


def test_hardware_decides_what_fits():
    simulator = CoDesign(PAIR, fit="refuse")
    columns = {
        "first_conv_pe_M": [16, 16, 16],
        "psum_spad_words": [8, 16, 8],
        "hierarchy": ["split", "split", "unified"],
    }
    found = simulator.simulate(columns | {"pe_storage_words": [224, 224, 16]}, PAIR)
    assert found.valid.tolist() == [False, True, False]
    assert found.reason[0] == "capacity: the tiles kept in psum_spad do not fit (layer first.conv)"
    assert found.reason[2] == "capacity: the tiles kept in RF do not fit (layer first.conv)"
    assert CoDesign(PAIR).simulate(columns, PAIR).valid.all()


def test_hardware_that_cannot_be_built_is_refused_beside_others():
    columns = {"glb_kib": [1, 108, 1], "glb_banks": [1024, 8, 8], "first_conv_pe_M": [9, 16, 16]}
    found = CoDesign(PAIR).simulate(columns, PAIR)
    assert found.valid.tolist() == [False, True, True]
    assert found.reason[0].startswith("glb-banks")
    np.testing.assert_array_equal(found.values[1], CoDesign(PAIR).simulate({"first_conv_pe_M": [16]}, PAIR).values[0])


@pytest.mark.parametrize(("space", "mappings"), [("default", "default"), ("small", "spads"), ("archgym", "default")])
@pytest.mark.parametrize("mode", ["default", "timeloop"])
def test_every_random_design_is_valid(space, mappings, mode):
    problem = archgym_envs.make_problem(ID, workload="alexnet-conv", space=space, mappings=mappings, mode=mode)
    evaluation = problem.evaluate(problem.space.sample(1500, np.random.default_rng(0)))
    assert problem.reference.valid[0]
    assert evaluation.valid.all(), {reason for reason in evaluation.reason if reason}


def test_rows_do_not_depend_on_their_batch():
    problem = archgym_envs.make_problem(ID, workload="alexnet-conv", fit="refuse")
    designs = problem.space.sample(2500, np.random.default_rng(3))
    together = problem.evaluate(designs)
    for row in range(0, 2500, 251):
        alone = problem.evaluate(designs[row : row + 1])
        np.testing.assert_array_equal(alone.values[0], together.values[row])
        assert alone.reason[0] == together.reason[row]


def test_resnet18_has_about_two_hundred_parameters_in_groups_of_hardware_and_layers():
    space = archgym_envs.make_problem(ID).space
    assert space.dimensions == 231
    groups = space.groups()
    assert {"array", "pe", "glb", "dram", "conv1", "layer1_0_conv1", "fc"} <= set(groups)
    assert "fc_glb_C" in groups["fc"]
    assert [rule.parameter for rule in space.inactive] == ["ifmap_spad_words", "psum_spad_words"]


def test_prefixes_are_unique_identifiers():
    names = ("a.b", "a b", "3x3", "", "größe")
    network = Network.of("odd", [Layer(name, m=i + 2) for i, name in enumerate(names)])
    assert layer_prefixes(network) == ("a_b_", "a_b_2_", "layer_3x3_", "layer_", "gr_e_")


def test_a_simulator_has_inputs_for_its_own_network_only():
    simulator = CoDesign("resnet18:fc")
    assert simulator.load_workload("resnet18:fc").networks[0].name == "resnet18:fc"
    with pytest.raises(InvalidInputError, match="inputs for the layers of 'resnet18:fc', not of 'alexnet'"):
        simulator.load_workload("alexnet")
    with pytest.raises(InvalidInputError, match="one network, got a suite of 2"):
        CoDesign("resnet18+alexnet")
    with pytest.raises(InvalidInputError, match="needs template 'archgym'"):
        simulator.space("archgym")


@pytest.mark.parametrize("arguments", [{"workload": "resnet18:conv1"}, {"workload": "alexnet-conv", "fit": "refuse"}])
def test_conformance(arguments):
    check_env(ID, **arguments)
    problem = archgym_envs.make_problem(ID, **arguments)
    check_simulator(problem.simulator, problem.workload, count=4)


@pytest.mark.parametrize("id", [ID, "archgym/Mapping-v0"])
def test_no_designs_are_no_results(id):
    problem = archgym_envs.make_problem(id)
    assert len(problem.evaluate(np.empty((0, problem.space.dimensions), dtype=np.int64))) == 0


@pytest.mark.parametrize("mode", ["default", "timeloop"])
def test_tiles_shrink_into_any_hardware_that_holds_one_word_of_each_tensor(mode):
    simulator, rng = CoDesign("resnet18", mode=mode), np.random.default_rng(4)
    columns = {i.name: rng.choice(p.array, 2000) for i, p in _open_inputs(simulator)}
    small = {"pe_storage_words": 9, "ifmap_spad_words": 5, "psum_spad_words": 5, "glb_kib": 12, "glb_banks": 5}
    columns |= {name: rng.integers(1, most, 2000) for name, most in small.items()}
    columns |= {name: rng.integers(1, 65, 2000) for name in ("array_columns", "array_rows")}
    found = simulator.simulate(columns, simulator.network)
    three_words_in_two = (columns["hierarchy"] == "unified") & (columns["pe_storage_words"] < 3)
    np.testing.assert_array_equal(found.valid, ~three_words_in_two)


def _open_inputs(simulator):
    declared = {i.name: i for i in simulator.inputs}
    return [(declared[p.name], p) for p in simulator.space(mappings="spads").parameters]


def test_building_a_problem_checks_each_parameter_alone(monkeypatch):
    """The work is in proportion to the parameters: no columns of all the other inputs are made for each."""
    network = Network.of("many", tuple(Layer(f"l{k}", m=2 + k, c=2) for k in range(30)))
    simulator = CoDesign(network)
    space, workload, made, full = simulator.space(), simulator._own(network), [], np.full
    monkeypatch.setattr(np, "full", lambda *given, **options: made.append(1) or full(*given, **options))
    problem = Problem(simulator, space, workload)
    assert len(space.parameters) > 300
    assert len(made) <= len(space.parameters)
    assert problem.reference.valid.all()


def test_a_problem_asks_a_simulator_that_checks_columns_its_own_way():
    class Picky(CoDesign):
        def check_columns(self, columns):
            raise InvalidInputError("not today")

    simulator = Picky(PAIR)
    with pytest.raises(InvalidInputError, match="does not fit its simulator: not today"):
        Problem(simulator, simulator.space(), PAIR)
