"""Peers behind the mapping problem: the same designs, their own numbers, agreement where the models agree."""

from __future__ import annotations

import gzip
import importlib.util
import json
import logging
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from archgym_envs.testing import check_simulator
from simulators import InvalidInputError, MissingExtraError, Problem, UnknownNameError
from simulators.accelerator.architecture import Architecture, StorageLevel
from simulators.accelerator.kernel import evaluate_points
from simulators.accelerator.kernel_layout import (
    DRAIN_READS,
    O_COMPUTE_CYCLES,
    O_DRAM_WORDS,
    O_LEVEL_ENERGY,
    O_MAC_ENERGY,
)
from simulators.accelerator.layers import Layer
from simulators.accelerator.mapping import Mapping
from simulators.accelerator.mapping_simulator import LayerMapping
from simulators.accelerator.peers import make_backend
from simulators.accelerator.peers._maestro_input import inexpressible, maestro_file
from simulators.accelerator.peers._results import impossible
from simulators.accelerator.peers._timeloop_stats import read_stats
from simulators.accelerator.peers.timeloop import timeloop_files
from simulators.accelerator.peers.zigzag import zigzag_result
from simulators.external import ProgramFailure
from tests.simulators.accelerator.peer_standins import install, read_back, statistics

REFERENCE = Path(os.environ.get("ARCHGYM_REFERENCE", "../shared/reference")) / "accelerator"
needs_zigzag = pytest.mark.skipif(importlib.util.find_spec("zigzag") is None, reason="zigzag-dse is not installed")

GEMM = Layer("gemm", m=8, c=8, p=16)
GEMM_MAPPING = Mapping.of(
    {"dram": {"P": 2, "M": 2}, "glb": {"P": 8}, "columns": {"M": 4}, "rows": {"C": 4}, "pe": {"C": 2}}
)
CONV = Layer("conv", m=8, c=4, r=3, s=3, p=8, q=8)
CONV_MAPPING = Mapping.of(
    {
        "dram": {"M": 2, "P": 8},
        "glb": {"C": 2},
        "columns": {"M": 4},
        "rows": {"C": 2},
        "pe": {"R": 3, "S": 3, "Q": 8},
    }
)


def small(**glb):
    """Return an accelerator of 4 x 4 PEs with round energies, one word per access and no limits of bandwidth."""
    return Architecture(
        "small",
        4,
        4,
        StorageLevel("DRAM", read_pj=200, write_pj=200),
        StorageLevel("buffer", capacity_words=8192, read_pj=6, write_pj=6, **glb),
        (StorageLevel("registers", capacity_words=256, read_pj=1, write_pj=1),),
        mac_pj=1.0,
    )


def ours(architecture, layer, mapping, repairs=0):
    status, counts, results = evaluate_points(
        layer.words[None], mapping.factors[None], mapping.orders[None], architecture.words[None], repairs
    )
    assert status[0] == 0
    return counts[0], results[0]


# ---- ZigZag ---------------------------------------------------------------------------------------


@needs_zigzag
@pytest.mark.parametrize(("layer", "mapping"), [(GEMM, GEMM_MAPPING), (CONV, CONV_MAPPING)])
def test_zigzag_counts_macs_and_steps_as_we_do(layer, mapping):
    found = zigzag_result(small(), layer, mapping, operand_latch=False)
    _, result = ours(small(), layer, mapping)
    assert found.compute_cycles == result[O_COMPUTE_CYCLES] == layer.macs / found.pes
    assert found.mac_energy_pj == result[O_MAC_ENERGY] == layer.macs


@needs_zigzag
def test_zigzag_moves_the_words_of_a_matrix_product_that_a_hand_count_gives():
    """64 weights once; 128 inputs for each of two halves of the outputs' columns; 128 outputs.

    In PEs ZigZag reads a partial sum before each accumulation, we only from the second on: 512 reads more.
    """
    found = zigzag_result(small(), GEMM, GEMM_MAPPING, operand_latch=False)
    _, drained = ours(small(), GEMM, GEMM_MAPPING, DRAIN_READS)
    assert found.dram_words == drained[O_DRAM_WORDS] == 64 + 2 * 128 + 128
    assert found.level_energy_pj[0] == 200 * found.dram_words == drained[O_LEVEL_ENERGY]
    assert found.level_energy_pj[1] == drained[O_LEVEL_ENERGY + 1] == 6 * (64 + 64 + 256 + 256 + 128 + 128)
    assert found.level_energy_pj[4] == drained[O_LEVEL_ENERGY + 4] + 16 * 32
    assert found.cycles == 64 + 4  # with nothing to wait for, one cycle for each of two levels in and two out


@needs_zigzag
def test_zigzag_stalls_where_bandwidth_is_short_and_takes_levels_that_pass_tensors_by():
    narrow = small(read_bandwidth=1, write_bandwidth=1)
    assert zigzag_result(narrow, GEMM, GEMM_MAPPING).cycles > zigzag_result(small(), GEMM, GEMM_MAPPING).cycles
    passing = small(keeps=("Inputs", "Outputs"))
    found = zigzag_result(passing, GEMM, GEMM_MAPPING, operand_latch=False)
    assert found.level_energy_pj[1] == 6 * (256 + 256 + 128 + 128)
    assert found.dram_words == 64 + 256 + 128


@needs_zigzag
def test_an_operand_that_stays_is_not_read_again_with_the_latch():
    mapping = Mapping.of(
        {"dram": {"P": 2, "M": 2}, "columns": {"M": 4}, "rows": {"C": 4}, "pe": {"P": 8, "C": 2}}, {"pe": "PC"}
    )
    kept, anew = (zigzag_result(small(), GEMM, mapping, operand_latch=latch) for latch in (True, False))
    assert anew.level_energy_pj[4] - kept.level_energy_pj[4] == 1024 - 1024 / 8  # weights, once for eight rows


@needs_zigzag
def test_zigzag_finds_the_same_designs_valid_and_keeps_the_contract(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    peer = make_backend("zigzag")
    layer = peer.load_workload("resnet18/layer1.0.conv1")
    space = peer.space(layer)
    columns = space.decode(np.concatenate([space.default_indices, space.sample(12, np.random.default_rng(3))]))
    with caplog.at_level(logging.WARNING):
        found = peer.simulate(columns, layer)
    expected = peer.model.simulate(columns, layer)
    assert found.reason == expected.reason and 1 <= found.valid.sum() < len(found)
    for name in ("macs", "mac_energy_pj", "compute_cycles", "area_mm2"):
        np.testing.assert_array_equal(found.column(name), expected.column(name))
    check_simulator(peer, layer, columns=columns)
    assert list(tmp_path.iterdir()) == [] and caplog.records == []


@needs_zigzag
def test_zigzag_is_not_asked_about_dilated_kernels():
    peer = make_backend("zigzag")
    dilated = Layer("dilated", m=2, r=3, p=4, dilation_h=2)
    assert "dilated kernels" in peer.simulate({}, dilated).reason[0]
    assert peer.simulate({}, Layer("plain", m=2, r=3, p=4)).valid.all()


@needs_zigzag
def test_a_design_that_zigzag_fails_on_is_invalid_and_the_others_are_not(monkeypatch):
    from zigzag.cost_model.cost_model import CostModelEvaluation

    run = CostModelEvaluation.run

    def fail(self):
        if self.temporal_mapping.total_cycle == 4:
            raise ValueError("no bandwidth defined")
        run(self)

    monkeypatch.setattr(CostModelEvaluation, "run", fail)
    found = make_backend("zigzag").simulate({"columns_first": ["none", "P", "M"]}, Layer("layer", m=2, p=4))
    assert found.valid.tolist() == [True, True, False] and np.isnan(found.values[2]).all()
    assert found.reason[2] == "failed: ZigZag: ValueError no bandwidth defined"


def test_without_zigzag_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"archgym\[zigzag\]"):
        make_backend("zigzag")


# ---- Timeloop -------------------------------------------------------------------------------------


def divisors(number):
    return [d for d in range(1, number + 1) if number % d == 0]


@st.composite
def cases(draw):
    """Draw an architecture, a layer and a mapping that divides it."""
    split = draw(st.booleans())
    registers = [StorageLevel(name, capacity_words=1e6, read_pj=0.5, write_pj=1.5) for name in ("i", "w", "o")]
    if split:
        keeps = (("Inputs",), ("Weights",), ("Outputs",))
        pe = tuple(StorageLevel(r.name, k, 1e6, 0.5, 1.5) for r, k in zip(registers, keeps, strict=True))
    else:
        pe = (registers[0],)
    glb = draw(st.sampled_from([("Weights", "Inputs", "Outputs"), ("Inputs", "Outputs")]))
    bandwidth = draw(st.sampled_from([np.inf, 2.0, 0.5]))
    architecture = Architecture(
        "drawn",
        8,
        8,
        StorageLevel("memory", read_pj=512.0, write_pj=500.0, block_words=4, read_bandwidth=bandwidth),
        StorageLevel("shared", glb, 1e7, 11.6, 10.7, 4, write_bandwidth=bandwidth),
        pe,
        3.275,
    )
    stride = draw(st.integers(1, 3))
    layer = Layer("drawn", n=2, m=8, c=4, r=3, s=2, p=6, q=4, g=2, stride_h=stride, dilation_w=draw(st.integers(1, 2)))
    places = ("columns", "rows", "glb", "pe", *(("pe_outer", "pe_middle") if split else ()))
    factors = {place: {} for place in places}
    for d, bound in zip("NMCRSPQG", layer.bounds, strict=True):
        for place in draw(st.permutations(places)):
            used = np.prod(list(factors[place].values()), initial=1) if place in ("columns", "rows") else 1
            factor = draw(st.sampled_from([f for f in divisors(bound) if f * used <= 8]))
            factors[place][d], bound = factor, bound // factor
        factors.setdefault("dram", {})[d] = bound
    orders = {place: "".join(draw(st.permutations("NMCRSPQG"))) for place in ("dram", "glb")}
    return architecture, layer, Mapping.of(factors, orders)


@settings(max_examples=60, deadline=None)
@given(cases(), st.booleans())
def test_what_timeloop_is_told_and_says_is_all_that_our_model_needs(case, sparse):
    architecture, layer, mapping = case
    assert impossible(architecture, layer, mapping) == ""
    told = {}
    for text in timeloop_files(architecture, layer, mapping).values():
        told |= yaml.safe_load(text)
    again, same_layer, same_mapping, names = read_back(told)
    counts, result = ours(architecture, layer, mapping)
    back_counts, back = ours(again, same_layer, same_mapping)
    np.testing.assert_array_equal(back_counts, counts)
    np.testing.assert_array_equal(back, result)
    stats = read_stats(statistics(again, same_layer, same_mapping, names, sparse), "MAC")
    assert stats.cycles == result[0] and stats.energy_pj == pytest.approx(result[1], abs=0.05)
    for position, name in names.items():
        assert stats.level_pj(name) == pytest.approx(result[O_LEVEL_ENERGY + position], abs=0.02)
        for tensor, found in stats.levels[name].items():
            expected = counts[position, ("Weights", "Inputs", "Outputs").index(tensor)]
            assert (found.reads, found.fills, found.updates) == tuple(expected)


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Put stand-ins of both programs on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    install(folder, "timeloop-model", "timeloop_model")
    install(folder, "maestro", "maestro")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    return folder


def test_a_program_gives_the_metrics_of_our_model_from_its_own_files(programs, tmp_path):
    peer = make_backend(
        "timeloop-model", LayerMapping(mode="timeloop", fit="shrink"), cache=tmp_path / "cache", threads=2
    )
    layer = peer.load_workload("resnet18/layer1.0.conv1")
    space = peer.space(layer)
    columns = space.decode(np.concatenate([space.default_indices, space.sample(2, np.random.default_rng(0))]))
    found, expected = peer.simulate(columns, layer), peer.model.simulate(columns, layer)
    assert found.valid.all(), found.reason
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-7)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "cache"]
    assert make_backend("timeloop-model", peer.model, cache=tmp_path / "cache").simulate(columns, layer).valid.all()


@pytest.mark.parametrize("backend", ["timeloop-model", "maestro"])
def test_a_program_that_misbehaves_makes_the_design_invalid_with_the_reason(programs, backend):
    peer = make_backend(backend, timeout_s=6.0)
    reasons = {m: peer.simulate({}, Layer("odd", m=m, c=2, p=2)).reason[0] for m in (5, 7, 9, 11)}
    assert "exit status 1" in reasons[5] and "exceeds buffer capacity" in reasons[5]
    assert reasons[7].startswith("no result:") and "did not write" in reasons[9]
    assert ("not the sum of the parts" if backend == "timeloop-model" else "counted 45 of 44") in reasons[11]
    slow = make_backend(backend, timeout_s=0.2).simulate({}, Layer("odd", m=3, c=2, p=2))
    assert "took more than 0.2 s" in slow.reason[0] and np.isnan(slow.values).all()


def test_a_program_is_not_asked_about_mappings_that_do_not_fit(programs, monkeypatch):
    peer = make_backend("timeloop-model")
    monkeypatch.setattr(peer, "_run", lambda *_: pytest.fail("the program was run"))
    found = peer.simulate({"pe_M": [3, 5]}, Layer("layer", m=2048, c=512, p=64))
    expected = peer.model.simulate({"pe_M": [3, 5]}, Layer("layer", m=2048, c=512, p=64))
    assert found.reason[1].split(" (")[0] == expected.reason[1].split(" (")[0] and "not-dividing" in found.reason[1]


def test_programs_that_are_not_installed_say_where_to_get_them(monkeypatch):
    monkeypatch.setenv("PATH", "")
    for name in ("timeloop-model", "maestro"):
        with pytest.raises(InvalidInputError, match=f"{name!r} is not on PATH. Install it .*'executable'"):
            make_backend(name)


def test_statistics_without_a_part_are_no_result():
    text = statistics(small(), GEMM, GEMM_MAPPING, {0: "DRAM", 1: "GLB", 4: "PE_inner"})
    assert read_stats(text, "MAC").cycles == 64
    for missing in ("Utilized instances (max)", "Energy (total)", "Scalar fills", "Cycles: "):
        with pytest.raises(ProgramFailure, match="no result"):
            read_stats("\n".join(line for line in text.splitlines() if missing not in line), "MAC")


def test_directives_are_those_of_the_reference_points():
    path = next(
        (p for p in (REFERENCE / "timeloop_points.json.gz", REFERENCE / "timeloop_points.json") if p.exists()), None
    )
    if path is None:
        pytest.skip(f"no reference points in {REFERENCE}")
    from simulators.accelerator._timeloop_points import read_point

    raw = path.read_bytes()
    for entry in json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)["points"][:40]:
        point = read_point(entry)
        files = timeloop_files(point.architecture, point.layer, point.mapping)
        written = yaml.safe_load(files["mapping.yaml"])["mapping"]
        for ours_, theirs in zip(
            [d for d in written if d["type"] == "temporal"],
            [d for d in entry["mapping"] if d["type"] == "temporal"],
            strict=True,
        ):
            assert ours_["permutation"].replace("G", "") == theirs["permutation"]
            assert set(ours_["factors"].split()) - {"G=1"} == set(theirs["factors"].split())
        (spatial,) = [d for d in written if d["type"] == "spatial"]
        assert spatial["target"] == "GLB"


@pytest.mark.skipif(shutil.which("timeloop-model") is None, reason="timeloop-model is not on PATH")
def test_timeloop_itself_agrees_with_mode_timeloop():
    peer = make_backend("timeloop-model", LayerMapping(mode="timeloop", fit="shrink"))
    layer = peer.load_workload("resnet18/layer1.0.conv1")
    space = peer.space(layer)
    columns = space.decode(np.concatenate([space.default_indices, space.sample(3, np.random.default_rng(0))]))
    found, expected = peer.simulate(columns, layer), peer.model.simulate(columns, layer)
    assert found.valid.all(), found.reason
    np.testing.assert_array_equal(found.column("cycles"), expected.column("cycles"))
    np.testing.assert_allclose(found.column("energy_pj"), expected.column("energy_pj"), rtol=1e-3)


# ---- MAESTRO --------------------------------------------------------------------------------------


def test_a_mapping_becomes_the_directives_of_two_levels_of_clusters():
    layer = Layer("conv", m=16, c=8, r=3, s=3, p=6, q=4, stride_h=2)
    mapping = Mapping.of(
        {
            "dram": {"M": 2, "C": 2},
            "glb": {"P": 3, "C": 2},
            "columns": {"M": 8},
            "rows": {"C": 2},
            "pe": {"R": 3, "S": 3, "P": 2, "Q": 4},
        },
        {"dram": "MC", "glb": "CP", "pe": "SRQP"},
    )
    text = maestro_file(layer, mapping)
    assert "Type: CONV" in text and "Stride { X: 1, Y: 2 }" in text
    assert "Dimensions { K: 16, C: 8, R: 3, S: 3, Y: 13, X: 6 }" in text
    directives = [line.strip() for line in text.split("Dataflow {")[1].splitlines() if line.strip().endswith(";")]
    outer, inner = (
        directives[: directives.index("Cluster(2, P);")],
        directives[directives.index("Cluster(2, P);") + 1 :],
    )
    assert outer[:3] == ["SpatialMap(1,1) K;", "TemporalMap(2,2) Y';", "TemporalMap(2,2) C;"]
    assert set(outer[3:]) == {"TemporalMap(3,3) R;", "TemporalMap(3,3) S;", "TemporalMap(4,4) X';"}
    assert inner[-4:] == ["TemporalMap(2,2) Y';", "TemporalMap(4,4) X';", "TemporalMap(3,3) R;", "TemporalMap(3,3) S;"]
    assert "SpatialMap(1,1) C;" in inner and "TemporalMap(1,1) K;" in inner


def test_one_axis_is_one_level_and_a_depthwise_layer_has_no_k():
    text = maestro_file(Layer("dw", g=8, r=3, s=3, p=4, q=4), Mapping.of({"rows": {"G": 8}, "dram": {"P": 4, "Q": 4}}))
    assert "Type: DSCONV" in text and "Cluster" not in text
    assert text.count("Map(") == 5 and "SpatialMap(1,1) C;" in text and " K;" not in text


@pytest.mark.parametrize(
    ("layer", "factors", "words"),
    [
        (Layer("x", n=2), {}, "batches"),
        (Layer("x", g=2, m=2), {}, "groups"),
        (Layer("x", r=3, dilation_h=2), {}, "dilated"),
        (Layer("x", m=4, c=4), {"columns": {"M": 2, "C": 2}}, "two dimensions over the columns"),
    ],
)
def test_what_maestro_has_no_words_for_is_refused(layer, factors, words):
    assert words in inexpressible(layer, Mapping.of(factors))


def test_maestro_gives_its_own_metrics(programs):
    peer = make_backend("maestro", LayerMapping("edge", mode="timeloop"))
    layer = Layer("gemm", m=8, c=8, p=16)
    found = peer.simulate({"columns_first": ["M"], "rows_first": ["C"]}, layer).row()
    assert found["cycles"] == 1024 / 64 and found["energy_pj"] == 1024 * 1000 / 1000
    assert found["latency_ns"] == found["cycles"] * 2 and found["utilisation"] == 1.0


# ---- choosing one ---------------------------------------------------------------------------------


def test_unknown_backends_options_and_modes_are_refused():
    with pytest.raises(UnknownNameError, match="did you mean 'zigzag'"):
        make_backend("zig-zag")
    with pytest.raises(UnknownNameError, match="option of backend 'zigzag'"):
        make_backend("zigzag", executable="zigzag")
    with pytest.raises(InvalidInputError, match="needs mode='timeloop'"):
        make_backend("zigzag", LayerMapping())
    assert make_backend("archgym").mode == "timeloop"


@needs_zigzag
def test_a_peer_can_be_searched():
    peer = make_backend("zigzag", LayerMapping("edge", mode="timeloop", fit="shrink"))
    layer = peer.load_workload("keyword-spotting/conv1")
    problem = Problem(peer, peer.space(layer), layer)
    rng = np.random.default_rng(0)
    found = problem.evaluate(problem.space.sample(5, rng))
    assert found.valid.all() and (found.column("energy_pj") > found.column("mac_energy_pj")).all()


@needs_zigzag
def test_random_search_runs_on_zigzag_from_a_config(tmp_path):
    from experiments.config import parse_config
    from experiments.results import load_results
    from experiments.runner import run_experiment

    arguments = {"workload": "keyword-spotting/conv1", "hardware": "edge", "fit": "shrink", "backend": "zigzag"}
    config = {
        "name": "peer",
        "problems": [{"environment": "archgym/Mapping-v0", "arguments": arguments}],
        "agents": ["random_search"],
        "budget": 5,
        "seeds": 1,
        "execution": {"workers": 0},
    }
    summary = run_experiment(parse_config(config), tmp_path / "out", progress=False)
    assert (summary.done, summary.failed, summary.evaluations) == (1, 0, 5)
    results = load_results([tmp_path / "out"])
    (record,) = results.runs
    rows = results.evaluations(record.run_id).to_pylist()
    assert len(rows) == 5 and all(row["valid"] for row in rows)


def test_the_environment_refuses_backends_that_cannot_be(programs):
    from archgym_envs import make_problem

    with pytest.raises(UnknownNameError, match="backend"):
        make_problem("archgym/Mapping-v0", backend="accelergy")
    with pytest.raises(InvalidInputError, match="needs mode='timeloop'"):
        make_problem("archgym/Mapping-v0", backend="maestro", mode="default")
    with pytest.raises(InvalidInputError, match="executable"):
        make_problem("archgym/Mapping-v0", backend="timeloop-model", executable="/no/such/program")
    problem = make_problem("archgym/Mapping-v0", backend="timeloop-model", timeout_s=9.0)
    assert problem.simulator.settings()["timeout_s"] == 9.0 and problem.simulator.model.mode == "timeloop"
