"""The block library: FARSI's rules by hand, and every value of FARSI's own library."""

from __future__ import annotations

import gzip
import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.errors import InvalidInputError, UnknownNameError
from simulators.soc import AcceleratorFacts, HardwareLibrary, Task, TaskGraph, load_task_graph
from simulators.soc.block_library import unrolls

REFERENCE = Path(os.environ.get("ARCHGYM_REFERENCE", Path(__file__).resolve().parents[4] / "shared" / "reference"))
FARSI = REFERENCE / "soc" / "hw_library.json.gz"
SUBTYPES = {"gpp": "gpp", "ip": "ip", "sram": "sram", "dram": "dram", "ic": "bus"}

GRAPH = TaskGraph(
    "pair",
    (Task("fast", 4e6, AcceleratorFacts(1e5, 1000, 5000), iterations=6), Task("slow", 1e6)),
    (),
    {"pair": "slow"},
)


@pytest.fixture
def library():
    return HardwareLibrary.of(GRAPH)


def test_accelerator_figures_by_hand(library):
    """4e6 instructions in 1e5 cycles of 10 ns are 4e9/s; four iterations at once at 600 MHz are 24 times that."""
    block = library.get("fast_IP0_4_6_pe")
    assert block.rate == pytest.approx(24 * 4e9, rel=1e-15)
    assert block.work_per_joule == pytest.approx(4e6 / (1000e-15 * 0.064 * 4), rel=1e-15)
    assert block.area_m2 == pytest.approx(5000e-12 * 0.0374 * 4, rel=1e-15)
    assert (block.kind, block.task, block.unroll, block.clock_hz, block.clock_mhz) == ("ip", "fast", 4, 6e8, 600)
    assert block.can_run("fast") and not block.can_run("slow")


def test_processor_and_memories_by_hand(library):
    cpu = library.get("A53_pe")
    assert (cpu.rate, cpu.work_per_joule, cpu.area_m2) == (2e9, 47019607843.0, 0.65e-6)
    assert cpu.can_run("fast") and cpu.can_run("slow") and cpu.is_pe
    sram, dram, bus = (library.get(name) for name in ("LMEM_2_4_mem", "GMEM_5_1_mem", "LMEM_ic_0_8_ic"))
    assert (sram.kind, sram.width_bytes, sram.rate) == ("sram", 16, 16 * 4e8)
    assert (dram.kind, dram.width_bytes, dram.rate) == ("dram", 128, 128 * 1e8)
    assert (bus.kind, bus.width_bytes, bus.rate, bus.area_m2) == ("bus", 4, 4 * 8e8, 0.0)
    assert math.isinf(bus.work_per_joule)
    assert sram.is_memory and dram.is_memory and not bus.is_memory and not bus.is_pe
    assert not bus.can_run("fast")


def test_what_there_is(library):
    assert {kind: len(library.of_kind(kind)) for kind in SUBTYPES.values()} == {
        "gpp": 1,
        "ip": 4 * 4,
        "sram": 24,
        "dram": 24,
        "bus": 24,
    }
    assert library.accelerated_tasks == ("fast",)
    assert [block.unroll for block in library.accelerators("fast")[::4]] == [1, 2, 4, 6]
    assert library.accelerators("slow") == ()


def test_every_block_is_found_by_its_properties(library):
    for block in library.types.values():
        found = library.find(block.kind, block.task, block.unroll, block.clock_mhz, block.width_bytes)
        assert found is block


@pytest.mark.parametrize(
    ("iterations", "expected"),
    [
        (1, (1,)),
        (2, (1, 2)),
        (151, (1, 2, 4, 8, 16, 32, 64, 128, 151)),
        (65536, tuple(1 << i for i in range(17))),
        (131072, (*(1 << i for i in range(16)), 131072)),
        (1_638_400, (*(1 << i for i in range(16)), 1_638_400)),
    ],
)
def test_unrolls(iterations, expected):
    assert unrolls(iterations) == expected


@given(st.integers(1, 10**9))
def test_unrolls_begin_with_one_and_end_with_the_whole_loop(iterations):
    found = unrolls(iterations)
    assert found[0] == 1 and found[-1] == iterations and len(found) <= 18
    assert list(found) == sorted(set(found))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "cpu"}, "unknown kind of block 'cpu'"),
        ({"kind": "ip", "task": "fats", "unroll": 1, "clock_mhz": 100}, "did you mean 'fast'"),
        (
            {"kind": "ip", "task": "fast", "unroll": 3, "clock_mhz": 100},
            "unroll cannot be 3; expected one of 1, 2, 4, 6",
        ),
        ({"kind": "ip", "task": "fast", "unroll": 1, "clock_mhz": 200}, "clock_mhz cannot be 200; expected .* 400"),
        ({"kind": "sram", "width_bytes": 5, "clock_mhz": 100}, "width_bytes cannot be 5; expected one of 4, 8, 16"),
    ],
)
def test_what_there_is_not(library, arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        library.find(**arguments)


def test_an_unknown_name_is_refused_with_the_nearest(library):
    with pytest.raises(UnknownNameError, match="did you mean 'A53_pe'"):
        library.get("A35_pe")


@pytest.mark.skipif(not FARSI.is_file(), reason=f"no reference library {FARSI}")
def test_equals_farsis_library_value_for_value():
    """Rates, efficiencies and areas may differ in the last bit, because FARSI multiplies in another order."""
    compared = 0
    for workload, expected in json.loads(gzip.decompress(FARSI.read_bytes())).items():
        library = HardwareLibrary.of(load_task_graph(workload))
        assert set(library.types) == set(expected)
        for name, figures in expected.items():
            block = library.get(name)
            assert (block.kind, block.clock_hz, block.unroll, block.width_bytes) == (
                SUBTYPES[figures["subtype"]],
                figures["clock_hz"],
                figures["loop_unroll"],
                figures["bus_width_bytes"] or 0,
            )
            assert block.rate == pytest.approx(figures["peak_work_rate"], rel=3e-16)
            if block.is_pe:
                assert block.work_per_joule == pytest.approx(figures["work_per_joule"], rel=3e-16)
                assert 1 / block.area_m2 == pytest.approx(figures["one_over_area"], rel=5e-16)
                runnable = [task for task in load_task_graph(workload).index if block.can_run(task)]
                assert sorted(runnable) == sorted(figures["mappable_tasks"])
            compared += 1
    assert compared == 1669
