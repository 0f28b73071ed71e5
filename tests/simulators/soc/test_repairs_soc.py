"""Each repair alone, with an answer worked by hand; constants are written out here on purpose."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from simulators.errors import InvalidInputError
from simulators.soc import HardwareLibrary, TaskGraph, load_task_graph
from simulators.soc.description import SocDescription
from simulators.soc.model import SocModel
from simulators.soc.modes import REPAIRS, costs_of, repair_bits, voltage
from tests.simulators.soc.chips import MIPS, MS, accelerator, cpu, graph, on_one_bus, transport


def both(g: TaskGraph, chip: SocDescription, repair: str) -> tuple[dict[str, float], dict[str, float]]:
    """Metrics in mode farsi, and with one repair alone."""
    models = (SocModel(g, "farsi"), SocModel(g, "default", repair))
    farsi, repaired = (model.evaluate_descriptions([chip]).row() for model in models)
    return farsi, repaired


def test_full_work() -> None:
    # a takes 1 ms, b 1.005 ms: when a ends b has done 99.5 %, which FARSI takes for all of it.
    g = graph(
        {"in": 0, "a": MIPS, "b": 1.005 * MIPS, "end": 0},
        dict.fromkeys(("in->a", "in->b", "a->end", "b->end"), 2048),
        "end",
    )
    chip = on_one_bus([cpu("pe0"), cpu("pe1"), transport("ram", "sram", 800.0)], g, {"b": "pe1"})
    farsi, repaired = both(g, chip, "full-work")
    assert farsi["latency_ns"] == pytest.approx(1.0 * MS)
    assert farsi["pe_energy_pj"] == pytest.approx(2.0 * MIPS)
    assert repaired["latency_ns"] == pytest.approx(1.005 * MS)
    assert repaired["pe_energy_pj"] == pytest.approx(2.005 * MIPS)


def test_free_memory_of_sources() -> None:
    # in 1.6 MB, a's output 150 kB, b's 100 kB. FARSI keeps `in`: 1.85 MB, built as 8 x 256 kB. Freed when a is done the
    # most is held while a runs: 1.75 MB, 7 x 256 kB: 4.99886 mm2 x 0.07.
    g = graph({"in": 0, "a": MIPS, "b": MIPS, "out": 0}, {"in->a": 1.6e6, "a->b": 1.5e5, "b->out": 1e5}, "b")
    chip = on_one_bus([cpu("cpu"), transport("ram", "sram", 800.0)], g, {})
    farsi, repaired = both(g, chip, "free-memory")
    assert farsi["sram_area_mm2"] == pytest.approx(5.60417 * 0.07)
    assert repaired["sram_area_mm2"] == pytest.approx(4.99886 * 0.07)
    assert SocModel(g, "default", "free-memory").record(chip).peak_bytes == {"ram": 1_750_000}


def test_free_memory_of_the_second_parent() -> None:
    # c reads from a and b, 300 kB each, then d runs and writes 300 kB, its source having gone. FARSI frees a's output
    # when c is done and forgets b's: 300 (b) + 300 (c) + 300 (d) kB at the end beside the source's 2 x 1 kB.
    edges = {"in->a": 1e3, "in->b": 1e3, "a->c": 3e5, "b->c": 3e5, "c->d": 3e5, "d->e": 3e5, "e->end": 1e3}
    g = graph({"in": 0, "a": MIPS, "b": MIPS, "c": MIPS, "d": MIPS, "e": MIPS, "end": 0}, edges, "e")
    chip = on_one_bus([cpu("cpu"), transport("ram", "sram", 800.0)], g, {})
    assert SocModel(g, "farsi").record(chip).peak_bytes == {"ram": 902_000}  # a, b, c; then b, c, d
    assert SocModel(g, "default", "free-memory").record(chip).peak_bytes == {"ram": 900_000}


@pytest.mark.parametrize("buses", [1, 2])
def test_bus_cost(buses: int) -> None:
    # a reads 1 MB and writes 1 kB, over one or two buses of 64 bytes. A byte over 4.18 mm (the side of 17.475 mm2) of
    # wires of 310 pJ per 256 bits and 10 mm, x 0.064. Area: 2 x 8 wires a byte, 320 nm apart, as long, x 0.0374.
    g = graph({"in": 0, "a": MIPS, "end": 0}, {"in->a": 1e6, "a->end": 1e3}, "a")
    names = [f"bus{i}" for i in range(buses)]
    blocks = (cpu("cpu"), transport("ram", "sram", 800.0), *(transport(name, "bus", 800.0, 64) for name in names))
    links = (("cpu", names[0]), ("ram", names[-1]), *pairwise(names))
    chip = SocDescription(
        blocks, links, dict.fromkeys(("in", "a", "end"), "cpu"), dict.fromkeys(("in->a", "a->end"), "ram")
    )
    farsi = SocModel(g, "default", "none").evaluate_descriptions([chip]).row()
    repaired = SocModel(g, "default", "bus-cost").evaluate_descriptions([chip]).row()
    side_mm = math.sqrt(17.475)
    pj_per_byte = 8 * 310 / (256 * 10) * side_mm * 0.064
    assert pj_per_byte == pytest.approx(0.259, abs=5e-4)
    assert repaired["bus_energy_pj"] == pytest.approx(buses * 1_001_000 * pj_per_byte, rel=1e-9)
    costs = costs_of(
        HardwareLibrary.of(load_task_graph("hpvm_cava")).find("bus", clock_mhz=100, width_bytes=64),
        repair_bits(["bus-cost"]),
    )
    assert costs[1] * 1e6 == pytest.approx(64 * 16 * 320e-6 * side_mm * 0.0374, rel=1e-9)
    assert repaired["bus_area_mm2"] == pytest.approx(buses * costs[1] * 1e6)
    assert repaired["energy_pj"] - farsi["energy_pj"] == pytest.approx(repaired["bus_energy_pj"])
    assert (farsi["bus_energy_pj"], farsi["bus_area_mm2"]) == (0, 0)


def test_leakage() -> None:
    # 12 364 W/m2 of a fast register, times 12.7 nA x 0.7 V over 280 nA x 1 V: 392.5 W/m2. Processor 0.5 mm2 as it is,
    # SRAM of 256 kB 0.0598 mm2 x 0.064 / 0.07; for 1 ms.
    g = graph({"in": 0, "a": MIPS, "end": 0}, {"in->a": 2048, "a->end": 2048}, "a")
    chip = on_one_bus([cpu("cpu"), transport("ram", "sram", 800.0)], g, {})
    farsi, repaired = both(g, chip, "leakage")
    density = 73.95312e-9 / 5.981433e-12 * 12.7 * 0.7 / 280
    assert density == pytest.approx(392.5, abs=0.1)
    watts = density * (0.5e-6 + 0.854586e-6 * 0.07 * 0.064 / 0.07)
    assert repaired["leakage_energy_pj"] == pytest.approx(watts * 1e-3 * 1e12, rel=1e-9)
    assert repaired["energy_pj"] == pytest.approx(farsi["energy_pj"] + repaired["leakage_energy_pj"], rel=1e-12)
    dram = on_one_bus([cpu("cpu"), transport("ram", "dram", 800.0)], g, {})
    assert both(g, dram, "leakage")[1]["leakage_energy_pj"] == pytest.approx(density * 0.5e-6 * 1e9, rel=1e-9)


def test_any_size() -> None:
    # 4.3 MB are built as 17 x 256 kB = 4 352 000 bytes, between 4 096 000 (0.180961 nJ) and 5 120 000 (0.207792 nJ), on
    # a straight line between the logarithms. 60 MB lie beyond the table.
    def memory_of(size: float) -> tuple[TaskGraph, SocDescription]:
        g = graph({"in": 0, "a": MIPS, "end": 0}, {"in->a": size, "a->end": 1.0}, "a")
        return g, on_one_bus([cpu("cpu"), transport("ram", "sram", 8e4)], g, {}, bus=8e4)

    g, chip = memory_of(4.3e6)
    farsi = SocModel(g, "farsi").evaluate_descriptions([chip])
    assert "ram: no CACTI figures for SRAM of 4,352,000 bytes" in farsi.reason[0]
    with pytest.raises(InvalidInputError, match="no CACTI figures"):
        SocModel(g, "farsi").record(chip)
    place = math.log(4_352_000 / 4_096_000) / math.log(5_120_000 / 4_096_000)
    nj = 0.180961 * (0.207792 / 0.180961) ** place
    repaired = SocModel(g, "default", "any-size").evaluate_descriptions([chip]).row()
    assert repaired["memory_read_energy_pj"] == pytest.approx(4.3e6 * nj * 1e3 / 16 * 0.064, rel=1e-9)
    g, chip = memory_of(6e7)
    beyond = SocModel(g, "default", "any-size").evaluate_descriptions([chip]).row()
    assert beyond["sram_area_mm2"] > repaired["sram_area_mm2"] * 6e7 / 4.3e6 * 0.8
    assert not SocModel(g, "farsi").evaluate_descriptions([chip]).valid[0]


def test_true_window() -> None:
    # 8 ms at 1 mW, 4 ms at 5 mW, 8 ms at 1 mW (memory's part is below 0.1 %). The best 10 ms hold the 4 ms: 2.6 mW.
    # FARSI starts a span at the second phase and averages the whole: 1.8 mW.
    g = graph(
        {"in": 0, "a": 8 * MIPS, "b": 20 * MIPS, "c": 8 * MIPS, "end": 0},
        dict.fromkeys(("in->a", "a->b", "b->c", "c->end"), 64),
        "c",
    )
    blocks = [cpu("cpu"), accelerator("b", "b", 5000), transport("ram", "sram", 800.0)]
    farsi, repaired = both(g, on_one_bus(blocks, g, {"b": "b"}), "true-window")
    assert farsi["peak_power_mw"] == pytest.approx(1.8, rel=1e-3)
    assert repaired["peak_power_mw"] == pytest.approx(2.6, rel=1e-3)
    assert repaired["average_power_mw"] == farsi["average_power_mw"] == pytest.approx(1.8, rel=1e-3)


def test_dvfs() -> None:
    # 1.04 V are enough up to 648 MHz, 800 MHz need 1.10 V; the library's energies are those of 100 MHz.
    library, bits = HardwareLibrary.of(load_task_graph("edge_detection")), repair_bits(["dvfs"])
    by_clock = {b.clock_mhz: b for b in library.accelerators("gaussianSmoothing") if b.unroll == 8}
    factors = {mhz: block.work_per_joule / costs_of(block, bits)[0] for mhz, block in by_clock.items()}
    assert factors == pytest.approx({100: 1.0, 400: 1.0, 600: 1.0, 800: (1.10 / 1.04) ** 2})
    gpp = library.of_kind("gpp")[0]
    assert costs_of(gpp, bits)[0] == gpp.work_per_joule
    assert voltage(1000) == 1.20
    with pytest.raises(InvalidInputError, match="no voltage is known for 2000 MHz"):
        voltage(2000)
    g = graph({"in": 0, "a": MIPS, "end": 0}, {"in->a": 2048, "a->end": 2048}, "a")
    chip = on_one_bus([cpu("cpu"), accelerator("a", "a", 1000, 800), transport("ram", "sram", 800.0)], g, {"a": "a"})
    farsi, repaired = both(g, chip, "dvfs")
    assert repaired["pe_energy_pj"] == pytest.approx(farsi["pe_energy_pj"] * (1.10 / 1.04) ** 2)


def test_no_repairs_are_mode_farsi_and_every_repair_has_a_test_here() -> None:
    g = graph({"in": 0, "a": MIPS, "end": 0}, {"in->a": 2048, "a->end": 2048}, "a")
    chip = on_one_bus([cpu("cpu"), transport("ram", "sram", 800.0)], g, {})
    farsi, none = both(g, chip, "none")
    assert farsi == none
    tests = [name for name in globals() if name.startswith("test_")]
    assert [repair for repair in REPAIRS if not any(repair.replace("-", "_") in name for name in tests)] == []
