"""The mapping problem: workloads, hardware, spaces, and its optimum against brute force."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

import archgym_envs
from archgym_envs.testing import check_env, check_simulator
from simulators import InvalidInputError, Problem, UnknownNameError
from simulators.accelerator.fixed_hardware import HARDWARE_NAMES
from simulators.accelerator.kernel import evaluate_points
from simulators.accelerator.kernel_layout import O_CYCLES, O_ENERGY, OK
from simulators.accelerator.layers import Layer
from simulators.accelerator.mapping import Mapping
from simulators.accelerator.mapping_simulator import LayerMapping, layer_names
from simulators.accelerator.mapping_space import MAPPING_SPACES

ID = "archgym/Mapping-v0"
LAYERS = ("conv1", "layer1.0.conv1", "layer2.0.conv2", "layer3.0.downsample.0", "layer4.1.conv1", "fc")


def edp(evaluation):
    return evaluation.column("energy_pj") * evaluation.column("latency_ns")


@pytest.mark.parametrize(
    "layer", [Layer("product", m=4, p=3), Layer("inner", c=5, m=3), Layer("strided", p=4, r=2, stride_h=3)]
)
@pytest.mark.parametrize("mode", ["default", "timeloop"])
def test_the_best_of_the_full_space_is_the_best_mapping_there_is(tmp_path, layer, mode):
    path = tmp_path / "tiny.yaml"
    path.write_text("array_columns: 2\narray_rows: 1\nhierarchy: unified\npe_storage_words: 7\nglb_kib: 1\n")
    simulator = LayerMapping(str(path), mode=mode)
    space = simulator.space(layer, "full")
    problem = Problem(simulator, space, layer)
    found = min(np.nanmin(edp(problem.evaluate(batch)), initial=np.inf) for batch in space.batches(1 << 16))
    assert found == pytest.approx(brute_force(simulator, layer), rel=1e-12)


def brute_force(simulator, layer):
    """Return the least energy-delay product over all factors (GLB, columns, PE; DRAM the rest) and orders."""
    letters = [(d, b) for d, b in zip("NMCRSPQG", layer.bounds, strict=True) if b > 1]
    choices = [list(product(range(1, b + 1), repeat=3)) for _, b in letters]
    rows = []
    for of_dimensions in product(*choices):
        chosen = {place: {} for place in ("glb", "columns", "pe", "dram")}
        for (d, bound), (glb, columns, pe) in zip(letters, of_dimensions, strict=True):
            chosen["glb"][d], chosen["columns"][d], chosen["pe"][d] = glb, columns, pe
            chosen["dram"][d] = -(-bound // (glb * columns * pe))
        rows.append(Mapping.of(chosen).factors)
    factors = np.stack(rows)
    best = np.inf
    for dram, glb in product(permutations([d for d, _ in letters]), repeat=2):
        orders = Mapping.of({}, {"dram": "".join(dram), "glb": "".join(glb)}).orders
        status, _, results = evaluate_points(
            layer.words[None],
            factors,
            np.repeat(orders[None], len(factors), axis=0),
            simulator.hardware.archs,
            simulator.repair_bits,
        )
        good = results[status == OK]
        best = min(best, (good[:, O_ENERGY] * good[:, O_CYCLES]).min() * 1e3 / simulator.clock_mhz)
    return best


@pytest.mark.parametrize("hardware", HARDWARE_NAMES)
@pytest.mark.parametrize("layer", LAYERS)
def test_the_reference_design_is_valid_and_no_worse_than_most(hardware, layer):
    problem = archgym_envs.make_problem(ID, workload=f"resnet18/{layer}", hardware=hardware)
    random = problem.evaluate(problem.space.sample(2000, np.random.default_rng(0)))
    assert problem.reference.valid[0]
    # Fully connected layers are bound by DRAM: most of their mappings are equal but for a few millionths.
    assert edp(problem.reference)[0] <= (1 + 1e-5) * np.nanquantile(edp(random), 0.25)
    assert random.valid.mean() > 0.05
    assert {reason.split(":")[0] for reason in random.reason} <= {"", "capacity"}


@pytest.mark.parametrize("space", MAPPING_SPACES)
@pytest.mark.parametrize("mode", ["default", "timeloop"])
def test_every_random_design_of_every_space_is_valid_when_tiles_shrink(space, mode):
    problem = archgym_envs.make_problem(ID, space=space, mode=mode, fit="shrink")
    evaluation = problem.evaluate(problem.space.sample(3000, np.random.default_rng(1)))
    assert evaluation.valid.all()
    assert problem.reference.valid[0]
    assert edp(problem.reference)[0] <= np.median(edp(evaluation))


def test_rows_do_not_depend_on_their_batch():
    problem = archgym_envs.make_problem(ID)
    designs = problem.space.sample(3000, np.random.default_rng(2))
    together = problem.evaluate(designs)
    for row in range(0, 3000, 151):
        alone = problem.evaluate(designs[row : row + 1])
        np.testing.assert_array_equal(alone.values[0], together.values[row])
        assert alone.reason[0] == together.reason[row]


def test_gamma_has_about_the_size_of_gammas_space():
    space = archgym_envs.make_problem(ID, workload="resnet18/layer1.0.conv1", space="gamma", hardware="cloud").space
    assert 1e22 < space.size < 1e28
    assert set(space.parameter("columns_first").values) == set("MCPQ")
    assert {"pe_S", "pe_R", "pe_M", "pe_C", "pe_P", "pe_Q"} <= set(space.names)


def test_parameters_of_levels_that_are_not_there_are_left_out():
    names = {hw: archgym_envs.make_problem(ID, space="spads", hardware=hw).space.names for hw in ("edge", "eyeriss")}
    assert not any(name.startswith(("pe_outer", "pe_middle")) for name in names["edge"])
    assert {"pe_outer_order", "pe_middle_C"} <= set(names["eyeriss"])


def test_groups_are_levels():
    assert set(archgym_envs.make_problem(ID).space.groups()) == {"columns", "rows", "glb", "pe", "dram"}


def test_workloads_are_layers(tmp_path):
    simulator = LayerMapping()
    assert "resnet18/layer2.0.conv2" in layer_names() == simulator.workload_names()
    for name in ("resnet18/conv1", "resnet18:conv1", "resnet18?batch=2/conv1"):
        (network,) = simulator.load_workload(name).networks
        assert network.layers[0].m == 64
    table = tmp_path / "two.csv"
    table.write_text("name,m,c\nfirst,8,4\nsecond,4,8\n")
    assert simulator.load_workload(f"{table}/second").networks[0].layers[0].c == 8
    with pytest.raises(InvalidInputError, match="2 different layers; choose one"):
        simulator.load_workload(str(table))
    with pytest.raises(UnknownNameError, match="did you mean 'conv1'"):
        simulator.load_workload("resnet18/conv11")
    with pytest.raises(UnknownNameError, match="did you mean 'resnet18'"):
        simulator.load_workload("resnet19/conv1")


def test_hardware_by_name_or_file(tmp_path):
    assert LayerMapping("eyeriss").architecture.columns == 14
    path = tmp_path / "mine.yaml"
    path.write_text("template: archgym\npe_count: 28\nmesh_x: 7\n")
    assert (LayerMapping(str(path)).architecture.columns, LayerMapping(str(path)).architecture.rows) == (7, 4)
    with pytest.raises(UnknownNameError, match="did you mean 'eyeriss'"):
        LayerMapping("eyeris")
    for text, complaint in (
        ("array_column: 3", "did you mean 'array_columns'"),
        ("array_columns: many", "cannot be 'many'"),
        ("array_columns: [3]", "expected a number"),
        ("- 3", "expected parameters with their values"),
        ("a: b: c", "cannot be read"),
    ):
        path.write_text(text)
        with pytest.raises(InvalidInputError, match=complaint):
            LayerMapping(str(path))
    text_file = tmp_path / "hardware.txt"
    text_file.write_text("")
    with pytest.raises(InvalidInputError, match="expected hardware in a file .yaml"):
        LayerMapping(str(text_file))


def test_settings_tell_hardware_apart():
    simulators = [LayerMapping("edge"), LayerMapping("cloud"), LayerMapping("edge", fit="shrink")]
    assert len({str(simulator.settings()) for simulator in simulators}) == 3


@pytest.mark.parametrize("clock_mhz", [0, True, -1.0, 1e9])
def test_clocks_that_cannot_be(clock_mhz):
    with pytest.raises(InvalidInputError, match="clock_mhz"):
        LayerMapping(clock_mhz=clock_mhz)


@pytest.mark.parametrize(
    "arguments", [{}, {"space": "gamma", "mode": "timeloop"}, {"space": "full", "hardware": "edge"}]
)
def test_conformance(arguments):
    check_env(ID, **arguments)
    problem = archgym_envs.make_problem(ID, **arguments)
    check_simulator(problem.simulator, problem.workload, count=6)
