"""The accelerator simulator: numbers by hand, laws, refusals by name, suites, and agents that search it."""

from __future__ import annotations

import math

import numpy as np
import pytest

import archgym_envs
from agents import make_agent, run_search
from archgym_envs import BudgetedEvaluator, Objective, Scorer
from archgym_envs.accelerator import accelerator
from archgym_envs.testing import check_env, check_simulator
from simulators.accelerator._metrics import METRICS
from simulators.accelerator.accelerator import Accelerator
from simulators.accelerator.layers import Layer, Network
from simulators.accelerator.spaces import ARCHGYM_TARGETS
from simulators.audits import run_audits
from simulators.errors import InvalidInputError, UnknownNameError

ONE_MAC = Layer("one")
PRODUCT = Layer.gemm("product", 8, 6, 4)
CONVOLUTION = Layer("convolution", m=8, c=4, r=3, s=3, p=6, q=6)


def simulate(workload, settings=None, **columns):
    return Accelerator(**(settings or {})).simulate(columns, workload)


def test_one_multiply_accumulate_by_hand():
    """A PE with one storage and a buffer for all tensors: each word is moved once at each level."""
    row = simulate(
        ONE_MAC,
        hierarchy=["unified"],
        pe_storage_class=["regfile"],
        pe_storage_words=[3],
        glb_keeps_weights=[True],
        array_columns=[1],
        array_rows=[1],
    ).row()
    read, write = 0.03 + 0.002 * 3, 1.1 * (0.03 + 0.002 * 3)
    assert row["mac_energy_pj"] == 3.89
    # In the PE: fill weight and input, read both for the MAC, write the sum and read it to drain it.
    assert row["pe_storage_energy_pj"] == pytest.approx(3 * read + 3 * write)
    # In the buffer: the same once more.
    assert row["glb_energy_pj"] == pytest.approx(3 * 29.4494 + 3 * 24.1554)
    assert row["dram_energy_pj"] == 3 * 512
    assert row["energy_pj"] == pytest.approx(3.89 + 3 * (read + write) + 3 * (29.4494 + 24.1554) + 3 * 512)
    assert (row["cycles"], row["latency_ns"], row["utilisation"]) == (1, 2, 1)
    assert row["average_power_mw"] == pytest.approx(row["energy_pj"] / 2)


def test_counts_of_a_product_that_fits():
    """Everything fits into a PE's storage and the buffer, so nothing moves twice."""
    evaluation = simulate(
        PRODUCT, hierarchy=["unified"], pe_storage_words=[512], glb_keeps_weights=[True], dram_bandwidth=[1000]
    )
    row = evaluation.row()
    assert row["macs"] == 8 * 6 * 4
    assert row["dram_words"] == row["compulsory_dram_words"] == 8 * 6 + 6 * 4 + 8 * 4
    assert row["mac_energy_pj"] == pytest.approx(192 * 3.89)
    assert row["dram_energy_pj"] == 512 * math.ceil(48 / 4) + 512 * math.ceil(24 / 4) + 512 * math.ceil(32 / 4)


def test_a_bandwidth_of_the_dram_limits():
    slow = simulate(PRODUCT, {"map_for": "latency"}, dram_bandwidth=[0.25, 1000.0])
    row = slow.row(0)
    assert row["cycles"] == (8 * 6 + 6 * 4) / 0.25  # operands at a quarter of a word per cycle
    assert row["dram_bandwidth_share"] <= 1
    assert slow.diagnostics["bottleneck"][0] == "dram"
    assert slow.row(1)["cycles"] < row["cycles"]


def test_times_of_executions_add_up():
    layers = (PRODUCT, CONVOLUTION)
    whole = simulate(Network("both", layers, (2, 3))).row()
    first, second = (simulate(layer).row() for layer in layers)
    for name in ("energy_pj", "cycles", "dram_words", "macs", "glb_energy_pj"):
        assert whole[name] == pytest.approx(2 * first[name] + 3 * second[name], rel=1e-12)
    assert whole["area_mm2"] == first["area_mm2"]
    assert whole["utilisation"] == pytest.approx(whole["macs"] / whole["cycles"] / 168)


def test_what_the_mapper_minimises_is_least():
    found = {aim: simulate(CONVOLUTION, {"map_for": aim}).row() for aim in ("edp", "energy", "latency")}
    assert found["energy"]["energy_pj"] == min(row["energy_pj"] for row in found.values())
    assert found["latency"]["cycles"] == min(row["cycles"] for row in found.values())
    products = {aim: row["energy_pj"] * row["latency_ns"] for aim, row in found.items()}
    assert products["edp"] == min(products.values())


def test_larger_arrays_are_not_slower():
    sides = [1, 2, 4, 8, 16]
    evaluation = simulate(PRODUCT, {"map_for": "latency"}, array_columns=sides, array_rows=sides)
    cycles = evaluation.column("cycles")
    assert (np.diff(cycles) <= 0).all()
    assert cycles[-1] < cycles[0]


def test_clock_and_word_bits_scale_time_and_bits():
    slow, fast = (simulate(CONVOLUTION, {"clock_mhz": clock}).row() for clock in (250, 1000))
    assert slow["latency_ns"] == pytest.approx(4 * fast["latency_ns"])
    assert slow["energy_pj"] == fast["energy_pj"]
    row = simulate(CONVOLUTION, {"word_bits": 8}).row()
    assert row["dram_bandwidth_gbit_per_s"] == pytest.approx(8 * row["dram_words"] / row["latency_ns"])


# ---- what has no result --------------------------------------------------------------------------


def test_a_layer_without_a_mapping_makes_the_design_invalid_by_name():
    evaluation = simulate(
        Network.of("two", (PRODUCT, CONVOLUTION)), hierarchy=["unified", "unified"], pe_storage_words=[2, 64]
    )
    assert evaluation.valid.tolist() == [False, True]
    assert evaluation.reason[0] == "capacity: the tiles kept in RF do not fit (layer product)"
    assert np.isnan(evaluation.values[0]).all()
    assert evaluation.diagnostics["bottleneck"].tolist()[0] == ""
    assert evaluation.diagnostics["worst_layer"].tolist() == ["", "convolution"]


def test_what_cannot_be_built_stands_between_what_can():
    columns = {"pe_count": [168, 15, 14], "mesh_x": [14, 7, 2]}
    evaluation = simulate(CONVOLUTION, {"template": "archgym"}, **columns)
    assert evaluation.valid.tolist() == [True, False, True]
    assert evaluation.reason[1].startswith("array-shape")
    alone = simulate(CONVOLUTION, {"template": "archgym"}, pe_count=[14], mesh_x=[2])
    assert np.array_equal(alone.values[0], evaluation.values[2])
    nothing = simulate(CONVOLUTION, {"template": "archgym"}, pe_count=[15], mesh_x=[7])
    assert nothing.valid.tolist() == [False]


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"template": "archgim"}, "archgym"),
        ({"mode": "timelop"}, "timeloop"),
        ({"repairs": "edge-tile"}, "edge-tiles"),
        ({"map_for": "energie"}, "energy"),
        ({"dram": "hbm22"}, "hbm2"),
        ({"aggregate": "geomeans"}, "geomean"),
    ],
)
def test_unknown_settings_name_the_nearest(settings, word):
    with pytest.raises(UnknownNameError, match=f"did you mean '{word}'"):
        Accelerator(**settings)


def test_a_parameter_of_the_other_template_says_which():
    with pytest.raises(UnknownNameError, match="space=archgym"):
        Accelerator().simulate({"pe_count": [14]}, ONE_MAC)
    with pytest.raises(UnknownNameError, match="space=default"):
        Accelerator(template="archgym").simulate({"hierarchy": ["split"]}, ONE_MAC)
    with pytest.raises(UnknownNameError, match="did you mean 'glb_kib'"):
        Accelerator().simulate({"glb_kb": [14]}, ONE_MAC)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"clock_mhz": 0}, "clock_mhz .*got 0"),
        ({"clock_mhz": True}, "clock_mhz .*got True"),
        ({"threads": 0}, "threads .*got 0"),
        ({"node_nm": 7}, "technology node .*'7'.*22, 45"),
    ],
)
def test_wrong_settings_are_refused(settings, words):
    with pytest.raises(InvalidInputError, match=words):
        Accelerator(**settings)


# ---- spaces, suites, contracts -------------------------------------------------------------------


@pytest.mark.parametrize("space", ["default", "small", "archgym"])
def test_random_designs_are_valid_and_do_not_depend_on_their_batch(space):
    problem = accelerator("keyword-spotting", space, effort="quick")
    designs = problem.space.sample(40, np.random.default_rng(2))
    batch = problem.evaluate(designs)
    assert batch.valid.all(), set(batch.reason)
    assert np.isfinite(batch.values).all()
    for row in (3, 17):
        alone = problem.evaluate(designs[row : row + 1])
        assert np.array_equal(alone.values[0], batch.values[row])
        assert alone.diagnostics["bottleneck"][0] == batch.diagnostics["bottleneck"][row]


@pytest.mark.parametrize("mode", ["default", "timeloop"])
def test_the_contract_of_simulators(mode):
    check_simulator(Accelerator(mode=mode, effort="quick"), "keyword-spotting", count=6)
    check_simulator(Accelerator(template="archgym", mode=mode, effort="quick"), "keyword-spotting", count=4)


def test_threads_do_not_change_results():
    columns = {"array_columns": [3, 5, 8, 13], "pe_storage_words": [16, 32, 64, 128]}
    network = Network.of("both", (PRODUCT, CONVOLUTION))
    assert np.array_equal(simulate(network, {"threads": 3}, **columns).values, simulate(network, **columns).values)


def test_a_suite_is_the_aggregate_of_its_networks():
    simulator = Accelerator()
    parts = [simulator.simulate({}, simulator.load_workload(f"alexnet-conv:{name}")) for name in ("conv1", "conv5")]
    energies = [part.row()["energy_pj"] for part in parts]
    suite = simulator.load_workload("alexnet-conv:conv1+alexnet-conv:conv5")
    mean = simulator.simulate({}, suite)
    assert mean.row()["energy_pj"] == pytest.approx(math.sqrt(energies[0] * energies[1]))
    dram = sum(part.row()["dram_energy_pj"] for part in parts) / sum(energies)
    assert mean.row()["dram_energy_pj"] == pytest.approx(mean.row()["energy_pj"] * dram)
    run_audits([audit for audit in simulator.audits if "sum" in audit.name], mean, "suite")
    assert Accelerator(aggregate="worst").simulate({}, suite).row()["energy_pj"] == max(energies)


def test_settings_decide_numbers_and_are_told():
    assert Accelerator().settings() == Accelerator(threads=2).settings()
    assert Accelerator(repairs="edge-tiles,true-reuse").settings()["repairs"] == ["edge-tiles", "true-reuse"]
    assert {metric.name for metric in METRICS} >= {"latency_ns", "energy_pj", "area_mm2", "average_power_mw"}


# ---- the environment -----------------------------------------------------------------------------


def test_archgyms_space_comes_with_its_targets_and_network():
    problem = accelerator(space="archgym")
    assert problem.objective == {"meet": ARCHGYM_TARGETS}
    assert problem.workload.name == "alexnet-conv"
    assert ARCHGYM_TARGETS == {"energy_pj": 2.04442e10, "area_mm2": 1.7255, "cycles": 6308563}
    assert math.isfinite(Scorer(Objective.parse(problem.objective), problem).reference_score)
    check_env("archgym/Accelerator-v0", workload="keyword-spotting", space="archgym", effort="quick")


@pytest.mark.parametrize("workload", ["keyword-spotting", "alexnet-conv?batch=2", "alexnet-conv+keyword-spotting"])
def test_archgyms_targets_are_those_of_its_network_only(workload):
    assert accelerator(workload, space="archgym").objective == {}
    assert accelerator("alexnet-conv", space="archgym").objective == {"meet": ARCHGYM_TARGETS}
    env = archgym_envs.make_env("archgym/Accelerator-v0", workload=workload, space="archgym", effort="quick")
    assert env.objective == Objective.parse({"minimize": "energy_pj * latency_ns"})


def test_archgyms_targets_can_be_met():
    small = {f"{name}_class": "regfile" for name in ("ifmap_spad", "psum_spad", "weights_spad", "dummy_buffer")}
    small |= {"ifmap_spad_depth": 2, "psum_spad_depth": 4, "weights_spad_depth": 16, "dummy_buffer_depth": 2}
    small |= {f"{spad}_spad_{way}_bandwidth": 4 for spad in ("ifmap", "psum", "weights") for way in ("read", "write")}
    problem = accelerator(space="archgym")
    columns = {"pe_count": 210, "mesh_x": 7, "glb_class": "SRAM", "glb_depth": 4096, "glb_banks": 16, **small}
    design = problem.space.encode({name: [columns.get(name, p.default)] for name, p in parameters(problem)})
    row = problem.evaluate(design).row()
    assert all(row[name] <= target for name, target in ARCHGYM_TARGETS.items()), row
    assert any(problem.reference.row()[name] > target for name, target in ARCHGYM_TARGETS.items())


def parameters(problem):
    return [(parameter.name, parameter) for parameter in problem.space.parameters]


@pytest.mark.parametrize("name", ["random_search", "genetic"])
@pytest.mark.parametrize("space", ["default", "archgym"])
def test_agents_search_it(name, space):
    problem = accelerator("keyword-spotting", space, effort="quick")
    scorer = Scorer(Objective.parse({"minimize": "energy_pj * latency_ns"}), problem)
    scores = []
    evaluator = BudgetedEvaluator(problem, 30, on_fresh=lambda fresh: scores.extend(scorer.score(fresh.evaluation)))
    run_search(make_agent(name, problem.space, seed=1), evaluator, scorer)
    assert len(scores) == 30
    assert min(scores) < max(scores)
