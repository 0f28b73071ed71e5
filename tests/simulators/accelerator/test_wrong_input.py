"""What users get wrong is answered with what was expected, never with an error of Python's."""

from __future__ import annotations

import json

import pytest

import archgym_envs
from simulators import InvalidInputError, UnknownNameError
from simulators.accelerator import Accelerator, Layer, LayerMapping, Mapper, SystolicArray, architecture_of, map_layer
from simulators.accelerator.hardware import Parts
from simulators.accelerator.peers.programs import TimeloopMapping
from simulators.accelerator.peers.simulators import ZigZagMapping

LAYER = Layer.gemm("product", 4, 4, 4)


@pytest.mark.parametrize("effort", [None, 3, True, [], "quik"])
def test_an_effort_that_is_none_names_the_efforts(effort):
    for make in (
        lambda: Mapper(effort=effort),
        lambda: Accelerator(effort=effort),
        lambda: map_layer(LAYER, architecture_of({}), effort=effort),
        lambda: archgym_envs.make_env("archgym/Accelerator-v0", effort=effort),
    ):
        with pytest.raises(UnknownNameError, match="quick, normal, thorough"):
            make()


@pytest.mark.parametrize("objective", [None, 3, [], "enery"])
def test_an_objective_of_the_mapper_that_is_none_names_them(objective):
    with pytest.raises(UnknownNameError, match="edp, energy, latency"):
        Mapper(objective)
    with pytest.raises(UnknownNameError, match="map_for.*edp, energy, latency"):
        Accelerator(map_for=objective)


@pytest.mark.parametrize("seed", [None, "1", 1.0, True, -1, 1 << 63])
def test_seeds_are_integers_of_63_bits(seed):
    with pytest.raises(InvalidInputError, match=r"integer from 0 below 2\^63"):
        Mapper(seed=seed)
    assert Mapper(seed=(1 << 63) - 1).seed == (1 << 63) - 1


def test_what_is_no_layer_or_architecture_says_how_to_get_one():
    with pytest.raises(InvalidInputError, match=r"expected a Layer, got str 'resnet18'.*load_network"):
        map_layer("resnet18", architecture_of({}))
    with pytest.raises(InvalidInputError, match=r"expected an Architecture, got dict .*architecture_of"):
        map_layer(LAYER, {"array_columns": 16})


def test_the_largest_seed_maps():
    assert map_layer(LAYER, architecture_of({}), effort="quick", seed=(1 << 63) - 1).results.sum() > 0


# ---- hardware --------------------------------------------------------------------------------------------


def test_hardware_may_be_a_mapping_of_parameters(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"array_columns": 16}))
    given, read = (LayerMapping(hardware) for hardware in ({"array_columns": 16}, path))
    assert given.settings() == read.settings() != LayerMapping().settings()
    assert (given.architecture.name, read.architecture.name) == ("hardware", "mine")
    assert LayerMapping({"template": "archgym", "pe_count": 28, "mesh_x": 7}).architecture.rows == 4
    problem = archgym_envs.make_problem("archgym/Mapping-v0", hardware={"array_columns": 3, "array_rows": 2})
    assert max(problem.space.parameter("columns_first_most").values) == 3


@pytest.mark.parametrize(
    ("hardware", "words"),
    [
        (None, "hardware cannot be None. Expected one of eyeriss"),
        (3, "hardware cannot be 3. Expected one of eyeriss"),
        ([], r"hardware cannot be \[\]"),
        ({3: 4}, "expected parameters with their values"),
        ({"array_columns": None}, "'array_columns' cannot be None"),
        ({"array_columns": "many"}, "^'array_columns' cannot be 'many'"),
        ({"array_column": 3}, "did you mean 'array_columns'"),
    ],
)
def test_hardware_that_is_none(hardware, words):
    with pytest.raises(InvalidInputError, match=words):
        archgym_envs.make_problem("archgym/Mapping-v0", hardware=hardware)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", "glb_kib: 64\narray_rows: 3\nglb_kib: 128\n"),
        ("a.json", '{"glb_kib": 64, "glb_kib": 128}'),
    ],
)
def test_a_parameter_given_twice_is_refused(name, text, tmp_path):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=f"{name}.*'glb_kib' is given 2 times"):
        LayerMapping(path)


def test_values_in_hardware_files_have_no_row(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("array_columns: 0\n")
    with pytest.raises(InvalidInputError, match=r"a.yaml: 'array_columns' cannot be 0\. Expected an integer from 1"):
        LayerMapping(path)


# ---- technology ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("node_nm", [65, 28, "65", None, [], 45.5])
def test_only_nodes_that_can_be_used_are_named(node_nm):
    for make in (Accelerator, SystolicArray, LayerMapping):
        with pytest.raises(UnknownNameError) as refused:
            make(node_nm=node_nm)
        assert refused.value.known == ("22", "45")


def test_numbers_may_be_texts():
    assert Parts("45", "8") == Parts(45, 8)
    assert Accelerator(node_nm="22").settings() == Accelerator(node_nm=22).settings()
    assert SystolicArray(node_nm="22").settings() == SystolicArray(node_nm=22).settings()
    with pytest.raises(UnknownNameError, match="8, 16"):
        Parts(word_bits="32")


# ---- peers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"executable": 3}, "executable must be a path, got 3"),
        ({"cache": 3}, "cache must be a path, got 3"),
        ({"timeout_s": "5"}, "timeout_s must be a number of seconds above 0.*got '5'"),
        ({"timeout_s": float("nan")}, "timeout_s must be a number.*got nan"),
        ({"timeout_s": float("inf")}, "timeout_s must be a number.*got inf"),
        ({"timeout_s": True}, "timeout_s must be a number"),
        ({"timeout_s": 0}, "timeout_s must be a number"),
    ],
)
def test_options_of_programs(options, words):
    with pytest.raises(InvalidInputError, match=words):
        TimeloopMapping(LayerMapping(mode="timeloop"), **options)
    with pytest.raises(InvalidInputError, match=words):
        archgym_envs.make_problem("archgym/Mapping-v0", backend="maestro", **options)


def test_operand_latch_reaches_zigzag():
    with pytest.raises(InvalidInputError, match="operand_latch must be True or False, got 3"):
        ZigZagMapping(LayerMapping(mode="timeloop"), operand_latch=3)
    with pytest.raises(UnknownNameError, match="option of backend 'archgym'"):
        archgym_envs.make_problem("archgym/Mapping-v0", operand_latch=False)
    pytest.importorskip("zigzag", reason="zigzag-dse is not installed")
    problem = archgym_envs.make_problem("archgym/Mapping-v0", backend="zigzag", operand_latch=False)
    assert problem.simulator.settings()["operand_latch"] is False
