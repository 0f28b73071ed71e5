"""The model on chips that are small enough to work by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from simulators.audits import run_audits
from simulators.errors import InvalidInputError, UnknownNameError
from simulators.soc import HardwareLibrary, load_task_graph
from simulators.soc.description import Block, SocDescription
from simulators.soc.design_arrays import encode_designs
from simulators.soc.encoding import EncodedDesigns
from simulators.soc.model import SocModel
from simulators.soc.task_graph import Budgets, TaskGraph
from tests.simulators.soc.chips import MIPS, MS, accelerator, cpu, graph, on_one_bus, transport

SRAM_1792_KB = (0.124583e-9 / 16 * 0.064, 0.108302e-9 / 16 * 0.064, 4.99886e-6 * 0.07)
"""CACTI: J per byte read and written, m2."""
SRAM_2048_KB = (0.132111e-9 / 16 * 0.064, 0.113618e-9 / 16 * 0.064, 5.60417e-6 * 0.07)


def chain() -> TaskGraph:
    edges = {"in->a": 1_600_000, "a->b": 150_000, "b->out": 100_000}
    return graph({"in": 0, "a": 2 * MIPS, "b": 1 * MIPS, "out": 0}, edges, "b")


def one_processor(g: TaskGraph) -> SocDescription:
    return on_one_bus([cpu("cpu"), transport("ram", "sram", 400.0)], g, {})


def test_one_processor_and_one_memory() -> None:
    # a: 2 ms of work, but 1.6 MB at 400 MB/s take 4 ms; b: 1 ms of work, 150 kB take 0.375 ms. Latency 5 ms.
    # Read: 1.75 MB; written: 250 kB. The data of `in` stays, so 1.85 MB are held when b runs: 2 048 000 bytes built.
    g = chain()
    model = SocModel(g, "farsi")
    found = model.evaluate_descriptions([one_processor(g)]).row()
    read, write, area = SRAM_2048_KB
    joules = 3 * MIPS / 1e12 + 1.75e6 * read + 0.25e6 * write
    assert found["latency_ns"] == found["makespan_ns"] == found["busiest_pe_ns"] == pytest.approx(5 * MS, rel=1e-12)
    assert found["pe_energy_pj"] == pytest.approx(3e6, rel=1e-12)
    assert found["memory_read_energy_pj"] == pytest.approx(1.75e18 * read, rel=1e-12)
    assert found["memory_write_energy_pj"] == pytest.approx(0.25e18 * write, rel=1e-12)
    assert found["energy_pj"] == pytest.approx(1e12 * joules, rel=1e-12)
    assert found["average_power_mw"] == pytest.approx(1e3 * joules / 5e-3, rel=1e-12)
    assert found["peak_power_mw"] == pytest.approx(1e3 * joules / 5e-3, rel=1e-12)
    assert found["gpp_area_mm2"] == pytest.approx(0.5)
    assert found["sram_area_mm2"] == pytest.approx(1e6 * area)
    assert found["area_mm2"] == found["non_dram_area_mm2"] == pytest.approx(0.5 + 1e6 * area)
    assert (found["bus_energy_pj"], found["leakage_energy_pj"], found["bus_area_mm2"], found["phases"]) == (0, 0, 0, 2)
    assert "dist_to_goal" not in found


def test_recording_says_when_each_task_ran_and_what_limited_it() -> None:
    g = chain()
    record = SocModel(g, "farsi").record(one_processor(g))
    a, b = record.tasks["a"], record.tasks["b"]
    assert (a.ready_s, a.start_s, a.end_s, a.limit) == (0, 0, pytest.approx(4e-3), "ram")
    assert (b.ready_s, b.start_s, b.end_s, b.limit) == (a.end_s, a.end_s, pytest.approx(5e-3), "cpu")
    read, write, _ = SRAM_2048_KB
    assert a.energy_j == pytest.approx(2 * MIPS / 1e12 + 1.6e6 * read + 0.15e6 * write, rel=1e-12)
    assert record.tasks["in"].energy_j == record.tasks["out"].energy_j == 0
    assert record.peak_bytes == {"ram": 1_850_000}
    assert record.phase_s.tolist() == pytest.approx([4e-3, 1e-3])


def shared(edges: dict[str, float]) -> tuple[TaskGraph, SocDescription]:
    """Tasks a and b of 1 ms each on processors of their own; bus 1000 MB/s, memory 800 MB/s."""
    g = graph({"in": 0, "more": 0, "a": MIPS, "b": MIPS, "end": 0}, edges, "end")
    return g, on_one_bus([cpu("pe0"), cpu("pe1"), transport("ram", "sram", 800.0)], g, {"b": "pe1", "more": "pe1"})


def test_two_processors_share_a_bus_and_a_memory_by_burst_units() -> None:
    # Every task reads in 1024 or so bursts, whatever its bytes: 1 000 000 // 976 = 1024, 3 000 000 // 2929 = 1024. Both
    # reach the memory by one link from the bus, so each gets 400 MB/s of it, less than its half of the bus. a ends at
    # 2.5 ms; b has read 1 of 3 MB and reads the others at 800 MB/s until 5 ms.
    g, chip = shared({"in->a": 1_000_000, "more->b": 3_000_000, "a->end": 4096, "b->end": 4096})
    record = SocModel(g, "farsi").record(chip)
    assert record.tasks["a"].end_s == pytest.approx(2.5e-3, rel=1e-9)
    assert record.tasks["b"].end_s == pytest.approx(5e-3, rel=1e-9)
    assert (record.tasks["a"].limit, record.tasks["b"].limit) == ("ram", "ram")


def test_a_task_with_two_inputs_has_twice_the_bursts_but_not_twice_the_bus() -> None:
    # b reads 2 x 1.5 MB: 2 x (1 500 000 // 1464) = 2048 units beside a's 1024. The memory gives a 267 and b 533 MB/s,
    # but the bus is split equally between the processors' links: b gets 500 MB/s. a ends at 1 / 266.67 = 3.75 ms, when
    # b has read 1.875 MB; 1.125 MB at 800 MB/s take 1.40625 ms.
    edges = {"in->a": 1_000_000, "in->b": 1_500_000, "more->b": 1_500_000, "a->end": 4096, "b->end": 4096}
    g, chip = shared(edges)
    record = SocModel(g, "farsi").record(chip)
    assert record.tasks["a"].end_s == pytest.approx(3.75e-3, rel=1e-9)
    assert record.tasks["b"].end_s == pytest.approx(5.15625e-3, rel=1e-9)
    assert (record.tasks["a"].limit, record.tasks["b"].limit) == ("ram", "bus")


@pytest.mark.parametrize(("first", "latency_ms"), [("ab", 6.0), ("ba", 7.0)])
def test_a_processor_runs_one_task_at_a_time_in_kernel_order(first: str, latency_ms: float) -> None:
    # a (2 ms) and b (1 ms) wait for one processor; c (4 ms) after a and d (1 ms) after b have accelerators.
    # a first: a ends at 2, c at 6. b first: a ends at 3, c at 7.
    g = graph(
        {"in": 0, "a": 2 * MIPS, "b": MIPS, "c": 4 * MIPS, "d": MIPS, "end": 0},
        {"in->a": 2048, "in->b": 2048, "a->c": 2048, "b->d": 2048, "c->end": 2048, "d->end": 2048},
        "end",
    )
    blocks = [cpu("cpu"), accelerator("c", "c", 1000), accelerator("d", "d", 1000), transport("ram", "sram", 800.0)]
    chip = on_one_bus(blocks, g, {"c": "c", "d": "d"}, ["in", *first, "c", "d", "end"])
    for mode in ("farsi", "default"):
        found = SocModel(g, mode).evaluate_descriptions([chip])
        assert found.column("latency_ns")[0] == pytest.approx(latency_ms * MS, rel=1e-6)
        assert found.diagnostics["hottest_task"][0] == "c"


def test_distance_to_budgets_and_the_bottleneck_of_the_worst() -> None:
    # Latency 5 ms against 4: 25 % over; power 0.8 mW against 0.4: about twice; area within.
    g = dataclasses.replace(chain(), budgets=Budgets({"toy": 4e-3}, 0.4e-3, 2e-6))
    evaluation = SocModel(g, "farsi").evaluate_descriptions([one_processor(g)])
    found, power = evaluation.row(), evaluation.row()["peak_power_mw"]
    assert found["dist_to_goal"] == pytest.approx(0.25 + (power - 0.4) / 0.4 + 2e-9, rel=1e-9)
    assert found["budgets_met"] == 0
    hints = {name: str(texts[0]) for name, texts in evaluation.diagnostics.items()}
    assert hints["hottest_task"] == "a"
    assert hints["bottleneck_latency"] == "ram"
    assert hints["bottleneck_area"] == "cpu"
    assert hints["bottleneck"] == hints["bottleneck_power"] == "a"
    easy = dataclasses.replace(g, budgets=Budgets({"toy": 6e-3}, 1.0, 2e-6))
    met = SocModel(easy, "farsi").evaluate_descriptions([one_processor(easy)]).row()
    assert (met["dist_to_goal"], met["budgets_met"]) == (pytest.approx(4e-9), 1)


def test_several_workloads_have_latencies_of_their_own() -> None:
    g = load_task_graph("audio_decoder+edge_detection")
    model = SocModel(g)
    library = HardwareLibrary.of(g)
    fast = [library.find(kind, clock_mhz=800, width_bytes=128) for kind in ("sram", "bus")]
    blocks = (Block("cpu", library.of_kind("gpp")[0]), Block("ram", fast[0]), Block("bus", fast[1]))
    on = {task.name: "cpu" for task in g.tasks}
    chip = SocDescription(blocks, (("cpu", "bus"), ("ram", "bus")), on, {edge.name: "ram" for edge in g.edges})
    found = model.evaluate_descriptions([chip]).row()
    each = [found["latency_audio_decoder_ns"], found["latency_edge_detection_ns"]]
    assert found["latency_ns"] == max(each)
    assert min(each) > 0
    assert g.budgets is not None
    assert g.budgets.power_w == pytest.approx(2 * 0.008737)


# ---- impossible designs -----------------------------------------------------------------------------------------


def encoded(g: TaskGraph, chip: SocDescription, model: SocModel, **changes: np.ndarray) -> EncodedDesigns:
    return dataclasses.replace(encode_designs([chip], g, model.bits), **changes)


def test_impossible_designs_say_why() -> None:
    g = chain()
    model, chip = SocModel(g), one_processor(g)
    ids = [block.id for block in chip.blocks]
    cut = model.evaluate(encoded(g, chip, model, adjacency=np.zeros((1, 3), np.uint64)), ids)
    assert "no path of buses" in cut.reason[0]
    stuck = model.evaluate(encoded(g, chip, model, rate=np.array([[0.0, 4e8, 1e9]])), ids)
    assert "makes no progress" in stuck.reason[0]
    for evaluation in (cut, stuck):
        assert not evaluation.valid.any()
        assert np.isnan(evaluation.values).all()
        assert {str(texts[0]) for texts in evaluation.diagnostics.values()} == {""}


def test_impossible_designs_leave_the_others_of_their_batch_alone() -> None:
    g = chain()
    model, chip = SocModel(g), one_processor(g)
    three = encode_designs([chip] * 3, g, model.bits)
    three.adjacency[1] = 0
    found = model.evaluate(three, ["cpu", "ram", "bus"])
    assert found.valid.tolist() == [True, False, True]
    alone = model.evaluate_descriptions([chip])
    assert (found.values[[0, 2]] == alone.values[0]).all()
    assert found.diagnostics["hottest_task"].tolist() == ["a", "", "a"]
    run_audits(model.audits, found, "soc")


def test_more_routes_than_the_model_keeps_are_refused() -> None:
    # 24 processors on buses of their own, all linked to one another; task i writes an edge for each later task, spread
    # over 16 memories: more than 512 directed links carry traffic.
    names = [f"t{i}" for i in range(24)]
    edges = {f"t{i}->t{j}": 4096.0 for j in range(24) for i in range(j)}
    g = graph(dict.fromkeys(names, MIPS), edges, "t23")
    blocks = [cpu(f"pe{i}") for i in range(24)] + [transport(f"m{i}", "sram", 800.0) for i in range(16)]
    blocks += [transport(f"b{i}", "bus", 800.0) for i in range(24)]
    links = [(f"pe{i}", f"b{i}") for i in range(24)] + [(f"m{i}", f"b{i}") for i in range(16)]
    links += [(f"b{i}", f"b{j}") for j in range(24) for i in range(j)]
    held = {f"t{i}->t{j}": f"m{(i + j) % 16}" for j in range(24) for i in range(j)}
    chip = SocDescription(tuple(blocks), tuple(links), {f"t{i}": f"pe{i}" for i in range(24)}, held)
    found = SocModel(g).evaluate_descriptions([chip])
    assert "more routes than the model keeps" in found.reason[0]


def test_wrong_settings_and_graphs_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'farsi'"):
        SocModel(chain(), "fasri")
    with pytest.raises(UnknownNameError, match="did you mean 'leakage'"):
        SocModel(chain(), repairs="leakege")
    with pytest.raises(InvalidInputError, match="repairs nothing"):
        SocModel(chain(), "farsi", "leakage")
    long = graph({f"t{i}": MIPS for i in range(65)}, {f"t{i}->t{i + 1}": 64 for i in range(64)}, "t64")
    with pytest.raises(InvalidInputError, match="up to 64"):
        SocModel(long)
