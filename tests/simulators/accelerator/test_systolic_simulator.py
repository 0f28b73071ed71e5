"""The systolic-array simulator: contract, modes, energy and area, wrong inputs, suites."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from archgym_envs.testing import check_simulator
from simulators import InvalidInputError, UnknownNameError
from simulators.accelerator import Layer, Network
from simulators.accelerator.suites import Composition, Suite, aggregate_evaluations, load_suite
from simulators.accelerator.systolic import MODES, REPAIRS, SystolicArray, systolic_space, systolic_space_names
from simulators.accelerator.technology import technology
from simulators.audits import run_audits
from simulators.errors import AuditError
from simulators.evaluation import Evaluation
from simulators.metrics import Metric

CONV = Layer("conv", m=8, c=4, r=3, s=3, p=7, q=7, stride_h=2, stride_w=2, input_h=16, input_w=16)
SMALL = Network("small", (CONV, Layer.gemm("product", 20, 30, 40, batch=3)), (2, 1))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("threads", [1, 2])
def test_it_keeps_the_contract(mode, threads):
    check_simulator(SystolicArray(mode, threads=threads), Suite((SMALL,)))
    check_simulator(SystolicArray(mode, threads=threads), "alexnet-conv+keyword-spotting", count=4)


def test_every_design_of_the_spaces_can_be_simulated():
    for name in systolic_space_names():
        space = systolic_space(name)
        rng = np.random.default_rng(0)
        designs = space.decode(np.stack([rng.integers(0, n, 500) for n in space.cardinalities], axis=1))
        found = SystolicArray().simulate(designs, SMALL)
        assert found.valid.all() and (found.values >= 0).all() and np.isfinite(found.values).all()
    assert (systolic_space().size, systolic_space("small").size) == (871_563, 3_888)


# ---- modes ---------------------------------------------------------------------------------------------------------


def test_without_repairs_the_default_mode_is_scalesim():
    designs = {"dataflow": ["os", "ws", "is"], "dram_bandwidth": [0.5, 1, 2]}
    plain = SystolicArray(repairs="none").simulate(designs, SMALL)
    np.testing.assert_array_equal(plain.values, SystolicArray("scalesim").simulate(designs, SMALL).values)


@pytest.mark.parametrize(
    ("repair", "dataflow", "layer", "metric", "before", "after"),
    [
        # 2 x 3 folds of 4 + 2 + 2 - 2 = 6 cycles; of three products one after another each loses its last one
        ("last-cycle", "os", Layer.gemm("l", 3, 4, 5), "cycles", 35, 36),
        ("last-cycle", "os", Layer.gemm("l", 3, 4, 5, batch=3), "cycles", 3 * 35, 3 * 36),
        # a 1x1 kernel, stride 2, on 14 x 14: 8 x 8 instead of 7 x 7 outputs of 3 channels
        ("output-rows", "ws", Layer("l", m=2, c=3, p=7, q=7, stride_h=2, stride_w=2, input_h=14, input_w=14),
         "macs", 64 * 6, 49 * 6),
        # 3 x 5 outputs, and 2 + 2 more in each of 6 folds
        ("ofmap-writes", "os", Layer.gemm("l", 3, 4, 5), "ofmap_sram_writes", 15 + 24, 15),
        # ws: two row folds, the second of which reads 15 partial sums
        ("partial-sum-reads", "ws", Layer.gemm("l", 3, 4, 5), "ofmap_sram_reads", 0, 15),
        # 4 inputs of a fold of two rows and 10 weights come in 14 words / 0.5, the last 2 outputs leave in 4 cycles
        ("stalls", "os", Layer.gemm("l", 2, 2, 1), "fill_drain_cycles", 0, 16),
    ],
)  # fmt: skip
def test_each_repair_changes_what_its_table_says(repair, dataflow, layer, metric, before, after):
    design = {"array_rows": [2], "array_columns": [2], "dataflow": [dataflow], "dram_bandwidth": [0.5]}
    assert SystolicArray(repairs="none").simulate(design, layer).row()[metric] == before
    assert SystolicArray(repairs=repair).simulate(design, layer).row()[metric] == after


def test_every_repair_is_tested():
    (mark,) = test_each_repair_changes_what_its_table_says.pytestmark
    assert {case[0] for case in mark.args[1]} == set(REPAIRS)


def test_an_array_that_scalesim_gives_no_cycles_has_no_metrics():
    one = {"array_rows": [1, 2], "array_columns": [1, 2], "dataflow": ["os", "os"]}
    found = SystolicArray("scalesim").simulate(one, Layer("one"))
    assert found.valid.tolist() == [False, True] and "last-cycle" in found.reason[0]
    assert SystolicArray().simulate(one, Layer("one")).valid.all()


def test_counts_that_cannot_be_exact_are_refused():
    huge = Layer("huge", p=1 << 24, q=1 << 24, m=4)
    found = SystolicArray().simulate({"array_rows": [4096], "dataflow": ["ws"]}, Network("n", (huge,), (1000,)))
    assert not found.valid[0] and "2^53" in found.reason[0]


# ---- energy and area -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("node_nm", [45, 22])
@pytest.mark.parametrize("word_bits", [8, 16])
def test_energy_and_area_worked_by_hand(node_nm, word_bits):
    """Of (3 x 4) * (4 x 5), output stationary on 2 x 2 PEs, see test_systolic_array.py for the counts."""
    design = {"array_rows": [2], "array_columns": [2], "dataflow": ["os"], "word_bits": [word_bits]}
    design |= {"ifmap_sram_kib": [8], "filter_sram_kib": [64], "ofmap_sram_kib": [128]}
    found = (
        SystolicArray(node_nm=node_nm, dram="hbm2", clock_mhz=800).simulate(design, Layer.gemm("hand", 3, 4, 5)).row()
    )
    node, share = technology(node_nm), word_bits / 64
    ifmap, filter, ofmap = (node.sram(size * 1024) for size in (8, 64, 128))
    assert found["latency_ns"] == 38 * 1.25
    assert found["mac_energy_pj"] == pytest.approx(60 * node.mac(word_bits).energy_pj)
    drained = 5 * (2 * 3 / 2 + 1)
    assert found["register_energy_pj"] == pytest.approx((180 + drained) * node.register().energy_pj * word_bits / 16)
    assert found["ifmap_sram_energy_pj"] == pytest.approx((36 * ifmap.read_pj + 12 * ifmap.write_pj) * share)
    assert found["filter_sram_energy_pj"] == pytest.approx((40 * filter.read_pj + 20 * filter.write_pj) * share)
    assert found["ofmap_sram_energy_pj"] == pytest.approx((15 * ofmap.read_pj + 15 * ofmap.write_pj) * share)
    assert found["dram_energy_pj"] == pytest.approx(47 * word_bits * 6.25)
    assert found["peak_dram_bandwidth_gbit_per_s"] == pytest.approx(16 * word_bits * 0.8)
    assert found["dram_bandwidth_gbit_per_s"] == pytest.approx(47 * word_bits / (38 * 1.25))
    leakage = ifmap.leakage_mw + filter.leakage_mw + ofmap.leakage_mw
    assert found["leakage_energy_pj"] == pytest.approx(leakage * found["latency_ns"])
    area = 4 * (node.mac(word_bits).area_mm2 + 3 * word_bits / 16 * node.register().area_mm2)
    assert found["pe_area_mm2"] == pytest.approx(area)
    assert found["area_mm2"] == pytest.approx(area + ifmap.area_mm2 + filter.area_mm2 + ofmap.area_mm2)


@pytest.mark.parametrize(
    ("metric", "law"),
    [
        ("energy_pj", "energy_pj-is-sum-of-parts"),
        ("area_mm2", "area_mm2-is-sum-of-parts"),
        ("cycles", "cycles-is-sum-of-parts"),
        ("dram_words", "dram_words-is-sum-of-parts"),
        ("compulsory_dram_words", "dram-is-compulsory"),
        ("average_power_mw", "power-times-time"),
        ("utilisation", "utilisation-bounded"),
        ("mapping_efficiency", "mapping_efficiency-bounded"),
        ("dram_bandwidth_gbit_per_s", "dram-bandwidth-bounded"),
    ],
)
def test_laws_are_audited(metric, law):
    simulator = SystolicArray()
    found = simulator.simulate({"dataflow": ["os", "ws"]}, SMALL)
    values = found.values.copy()
    values[1, found.names.index(metric)] *= 1000
    with pytest.raises(AuditError, match=f"'{law}'"):
        run_audits(simulator.audits, replace(found, values=values), simulator.name)


def test_every_law_is_tested():
    (mark,) = test_laws_are_audited.pytestmark
    assert {case[1] for case in mark.args[1]} == {audit.name for audit in SystolicArray().audits}


# ---- wrong inputs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        ({"mode": "scalsim"}, "scalesim"),
        ({"repairs": "last-cycles"}, "last-cycle"),
        ({"dram": "ddr33"}, "ddr3"),
        ({"node_nm": 44}, "45"),
        ({"aggregate": "worse"}, "worst"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(arguments, near):
    with pytest.raises(UnknownNameError, match=f"did you mean '{near}'"):
        SystolicArray(**arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"mode": "scalesim", "repairs": "stalls"}, "repairs nothing"),
        ({"repairs": [1]}, "repairs are names"),
        ({"clock_mhz": 0}, "clock_mhz"),
        ({"clock_mhz": float("nan")}, "clock_mhz"),
        ({"clock_mhz": "fast"}, "clock_mhz"),
        ({"threads": 0}, "threads"),
        ({"node_nm": 65}, "65"),
    ],
)
def test_wrong_arguments_say_what_is_expected(arguments, words):
    with pytest.raises(InvalidInputError, match=words):
        SystolicArray(**arguments)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("array_rows", 0),
        ("array_columns", 5000),
        ("dataflow", "rs"),
        ("ifmap_sram_kib", 0.5),
        ("dram_bandwidth", 0),
        ("word_bits", 32),
    ],
)
def test_wrong_designs_name_row_and_column(column, value):
    with pytest.raises(InvalidInputError, match=rf"row 0: '{column}'"):
        SystolicArray().simulate({column: [value]}, SMALL)


def test_repairs_are_kept_in_the_order_of_the_table():
    assert SystolicArray(repairs="stalls, last-cycle").repairs == ("last-cycle", "stalls")
    assert SystolicArray(repairs=["stalls"]).repairs == ("stalls",)
    assert SystolicArray(repairs="all").repairs == REPAIRS == SystolicArray().repairs
    assert SystolicArray("scalesim", repairs="none").repairs == ()


def test_a_workload_is_a_suite_a_network_or_a_layer():
    with pytest.raises(InvalidInputError, match="load_workload"):
        SystolicArray().simulate({}, "resnet18")


# ---- suites --------------------------------------------------------------------------------------------------------


def test_a_suite_aggregates_the_metrics_of_its_networks():
    other = Network.of("other", (Layer.gemm("g", 50, 60, 70),))
    designs = {"dataflow": ["os", "ws"], "dram_bandwidth": [1, 2]}
    parts = [SystolicArray().simulate(designs, network) for network in (SMALL, other)]
    mean = SystolicArray().simulate(designs, Suite((SMALL, other)))
    worst = SystolicArray(aggregate="worst").simulate(designs, Suite((SMALL, other)))
    for name in ("energy_pj", "latency_ns", "utilisation"):
        one, two = (part.column(name) for part in parts)
        np.testing.assert_allclose(mean.column(name), np.sqrt(one * two), rtol=1e-12)
        np.testing.assert_array_equal(
            worst.column(name), (np.minimum if name == "utilisation" else np.maximum)(one, two)
        )
    np.testing.assert_array_equal(mean.column("area_mm2"), parts[0].column("area_mm2"))  # equal values stay exact


def test_a_design_is_invalid_on_a_suite_if_it_is_on_one_network():
    one = {"array_rows": [1, 2], "array_columns": [1, 2], "dataflow": ["os", "os"]}
    suite = Suite((SMALL, Network.of("one", (Layer("one"),))))
    found = SystolicArray("scalesim").simulate(one, suite)
    assert found.valid.tolist() == [False, True]
    assert "0 cycles" in found.reason[0] and np.isnan(found.values[0]).all() and not np.isnan(found.values[1]).any()


def evaluation(**columns):
    metrics = tuple(Metric(name, "1") for name in columns)
    return Evaluation.of_valid(metrics, np.array([list(columns.values())], dtype=np.float64))


def test_parts_of_a_suite_add_up_and_a_zero_on_one_network_is_not_zero_on_all():
    parts = [evaluation(cycles=8, run=8, stall=0, reads=0), evaluation(cycles=2, run=1, stall=1, reads=6)]
    composition = Composition({"cycles": ("run", "stall")}, may_be_zero=("reads",))
    found = aggregate_evaluations(parts, "geomean", composition).row()
    assert found == pytest.approx({"cycles": 4, "run": 4 * 9 / 10, "stall": 4 * 1 / 10, "reads": 3})


def test_parts_that_are_equal_stay_exact_and_a_total_of_zero_has_parts_of_zero():
    composition = Composition({"sum": ("a", "b")})
    same = evaluation(sum=0.1 + 0.2, a=0.1, b=0.2)
    assert aggregate_evaluations([same] * 3, "geomean", composition).row() == same.row()
    nothing = aggregate_evaluations([evaluation(sum=0, a=0, b=0), evaluation(sum=1, a=1, b=0)], "geomean", composition)
    assert nothing.row() == {"sum": 0, "a": 0, "b": 0}


def test_sums_of_parts_hold_for_suites_too():
    suite = Suite((SMALL, Network.of("other", (Layer.gemm("g", 50, 60, 70), CONV))))
    simulator = SystolicArray()
    found = simulator.simulate({"dataflow": ["os", "ws", "is"], "dram_bandwidth": [1, 2, 60000]}, suite)
    run_audits([audit for audit in simulator.audits if "sum" in audit.name], found, "suite")
    each = [simulator.simulate({"dataflow": ["ws"], "dram_bandwidth": [2]}, n).row() for n in suite.networks]
    assert found.row(1)["ofmap_sram_reads"] == pytest.approx(np.mean([row["ofmap_sram_reads"] for row in each]))
    stalls = sum(row["stall_cycles"] for row in each) / sum(row["cycles"] for row in each)
    assert found.row(1)["stall_cycles"] == pytest.approx(found.row(1)["cycles"] * stalls)


def test_aggregates_that_cannot_be():
    parts = [evaluation(cycles=1)]
    with pytest.raises(InvalidInputError, match="at least one"):
        aggregate_evaluations([])
    with pytest.raises(UnknownNameError, match="geomean"):
        aggregate_evaluations(parts, "mean")


def test_suites_by_name(tmp_path):
    networks = {"a": SMALL, "b": Network.of("b", (CONV,))}
    path = tmp_path / "a+b:c"
    path.write_text("")

    def load(text: str) -> Network:
        return SMALL if text == str(path) else networks[text]

    assert [n.name for n in load_suite("a + b", load).networks] == ["small", "b"]
    assert load_suite("a+b", load).name == "small+b"
    assert load_suite("a", load).digest == SMALL.digest != load_suite("a+b", load).digest
    assert load_suite(str(path), load).networks == (SMALL,)  # a file's name is taken as a whole
    (one,) = load_suite("a:conv", load).networks
    assert (one.name, one.layers, one.counts) == ("small:conv", (CONV,), (1,))
    with pytest.raises(UnknownNameError, match="did you mean 'conv'"):
        load_suite("a:con", load)
    with pytest.raises(InvalidInputError, match="empty name"):
        load_suite("a+", load)
    with pytest.raises(InvalidInputError, match="at least one"):
        Suite(())


def test_networks_that_ship_load_by_name():
    simulator = SystolicArray()
    assert set(simulator.workload_names()) >= {"resnet18", "mobilenet-v2", "bert-base"}
    assert simulator.load_workload("resnet18:conv1").networks[0].layers[0].r == 7
    with pytest.raises(UnknownNameError, match="did you mean 'resnet18'"):
        simulator.load_workload("resnet81")
