"""The design space of systems-on-chip: decoding by hand, every design valid, the whole library within reach."""

from __future__ import annotations

import itertools
import json
import time

import numpy as np
import pytest

from simulators import InvalidInputError, Problem, UnknownNameError
from simulators.soc import HardwareLibrary, load_task_graph, write_task_graph
from simulators.soc.description import check_description
from simulators.soc.design_arrays import encode_designs
from simulators.soc.soc import Soc
from simulators.soc.task_graph import AcceleratorFacts, Edge, Task, TaskGraph

GRAPHS = (
    "edge_detection",
    "hpvm_cava",
    "audio_decoder",
    "edge_detection+hpvm_cava",
    "edge_detection+audio_decoder",
    "random?tasks=14&seed=3",
    "random?tasks=1&seed=1",
    "random?tasks=9&seed=4&accelerated_percent=40",
    "synthetic",
    "SOC_example_1p_2r",
)
DENSE = ("random?tasks=62&seed=5&width=32&extra_edges_percent=100", "random?tasks=62&seed=1&width=10")


def tiny(iterations: int = 8) -> TaskGraph:
    """in -> a -> b -> out; a takes 2e6 instructions, b 4e6 and has no accelerator."""
    facts = AcceleratorFacts(cycles_at_100mhz=1e5, energy_fj=1e9, area_um2=1e6)
    tasks = (
        Task("in", 0.0, dummy=True),
        Task("a", 2e6, facts, iterations),
        Task("b", 4e6),
        Task("out", 0.0, dummy=True),
    )
    edges = (Edge("in", "a", 1e5), Edge("a", "b", 2e5), Edge("b", "out", 1e5))
    return TaskGraph("tiny", tasks, edges, {"tiny": "b"})


def problem(graph: str | TaskGraph = "edge_detection", **arguments) -> Problem:
    simulator = Soc(graph, **arguments)
    return Problem(simulator, simulator.space(), simulator.graph)


def chip(simulator: Soc, **values: object):
    """Return the description of one design, what is not named at its default."""
    return simulator.describe(simulator.check_columns({name: [value] for name, value in values.items()}))[0]


def test_the_default_design_is_one_processor_one_dram_one_bus():
    design = chip(Soc(tiny()))
    assert [(block.id, block.type.name) for block in design.blocks] == [
        ("gpp0", "A53_pe"),
        ("mem0", "GMEM_2_4_mem"),
        ("bus0", "LMEM_ic_3_4_ic"),
        ("io", "A53_pe"),
    ]
    assert {frozenset(link) for link in design.links} == {
        frozenset(("gpp0", "bus0")),
        frozenset(("mem0", "bus0")),
        frozenset(("io", "bus0")),
    }
    assert design.task_to_pe == {"in": "io", "a": "gpp0", "b": "gpp0", "out": "io"}
    assert set(design.edge_to_memory.values()) == {"mem0"}
    assert design.kernel_order == ("in", "a", "b", "out")


def test_a_design_by_hand():
    design = chip(
        Soc(tiny()),
        a_pe="accelerator", a_unroll=4, a_clock_mhz=600, a_bus="bus2", a_memory="mem1",
        b_pe="gpp2", gpp2_bus="bus1", source_memory="mem3", b_memory="mem3",
        mem1_kind="dram", mem1_width_bytes=64, mem1_clock_mhz=100, mem1_bus="bus2",
        mem3_kind="sram", mem3_width_bytes=8, mem3_clock_mhz=800, mem3_bus="bus1",
        bus2_parent="bus1", bus1_width_bytes=128, bus1_clock_mhz=800, bus2_width_bytes=4, bus2_clock_mhz=100,
    )  # fmt: skip
    assert {block.id: block.type.name for block in design.blocks} == {
        "gpp2": "A53_pe",
        "mem1": "GMEM_4_1_mem",
        "mem3": "LMEM_1_8_mem",
        "bus1": "LMEM_ic_5_8_ic",
        "bus2": "LMEM_ic_0_1_ic",
        "a": "a_IP0_4_6_pe",
        "io": "A53_pe",
    }
    links = ("a", "bus2"), ("mem1", "bus2"), ("gpp2", "bus1"), ("mem3", "bus1"), ("bus1", "bus2"), ("io", "bus1")
    assert {frozenset(link) for link in design.links} == {frozenset(link) for link in links}
    assert design.task_to_pe == {"in": "io", "a": "a", "b": "gpp2", "out": "io"}
    assert design.edge_to_memory == {"in->a": "mem3", "a->b": "mem1", "b->out": "mem3"}


@pytest.mark.parametrize(
    ("parent", "buses", "links"),
    [
        ("bus0", {"bus0", "bus1", "bus2"}, {("bus0", "bus1"), ("bus0", "bus2")}),  # bus0 joins the two
        ("bus1", {"bus1", "bus2"}, {("bus1", "bus2")}),  # bus0 lies on no way
    ],
)
def test_buses_are_built_where_they_join_blocks_in_use(parent, buses, links):
    design = chip(Soc(tiny()), bus2_parent=parent, gpp0_bus="bus1", mem0_bus="bus2")
    assert set(design.of_role("bus")) == buses
    joined = {tuple(sorted(link)) for link in design.links if all(end.startswith("bus") for end in link)}
    assert joined == links


def test_an_accelerated_design_by_hand():
    """Two tasks one after the other: the accelerator in 1e5 / (1e8 x 8 x 8) s, the processor in 4e6 / 2e9 s."""
    simulator = Soc(tiny(), mode="farsi")
    wide = {f"{name}_width_bytes": [128] for name in ("mem0", "bus0")}
    fast = {f"{name}_clock_mhz": [800] for name in ("mem0", "bus0", "a")}
    found = simulator.simulate(wide | fast | {"a_pe": ["accelerator"], "a_unroll": [8]}, simulator.graph).row()
    # Bytes bind neither: 2e5 / (128 x 800e6) s = 2 us for what a writes, against 15.6 us of work.
    assert found["latency_ns"] == pytest.approx(1e5 / (1e8 * 64) * 1e9 + 4e6 / 2e9 * 1e9, rel=1e-9)
    assert found["pe_energy_pj"] == pytest.approx((1e9 * 1e-15 * 0.064 * 8 + 4e6 / 47_019_607_843) * 1e12, rel=1e-9)
    assert found["accelerator_area_mm2"] == pytest.approx(1.0 * 0.0374 * 8, rel=1e-12)
    assert found["gpp_area_mm2"] == 0.65  # io, which runs a source and a sink, takes none


@pytest.mark.parametrize("graph", GRAPHS)
def test_compiled_decoding_is_that_of_the_description(graph):
    p = problem(graph)
    simulator: Soc = p.simulator
    code, layout = simulator._code, simulator.layout
    words = code.read(p.space.decode(p.space.sample(60, np.random.default_rng(1))))
    found = code.decode(words)
    for i in range(words.shape[1]):
        described = code.describe(words[:, i])
        check_description(described, simulator.graph)
        expected = encode_designs([described], simulator.graph, simulator.model.bits)
        slots = [layout.slot(block.id) for block in described.blocks]
        assert sorted(slots) == np.flatnonzero(found.kind[i]).tolist()
        for name in ("kind", "rate", "work_per_joule"):
            assert getattr(found, name)[i, slots].tolist() == getattr(expected, name)[0].tolist(), name
        costed = [k for k, block in enumerate(described.blocks) if block.id != "io"]
        assert found.area_m2[i, slots][costed].tolist() == expected.area_m2[0, costed].tolist()
        for name in ("task_pe", "edge_memory"):
            assert getattr(found, name)[i].tolist() == [slots[b] for b in getattr(expected, name)[0]], name
        for block, slot in enumerate(slots):
            linked = {slots[b] for b in range(len(slots)) if int(expected.adjacency[0, block]) >> b & 1}
            assert int(found.adjacency[i, slot]) == sum(1 << other for other in linked)


def check_random_designs(graph: str, count: int) -> None:
    p = problem(graph)
    designs = p.space.sample(count, np.random.default_rng(7))
    begin = time.perf_counter()
    evaluation = p.evaluate(designs)
    assert time.perf_counter() - begin < 30 + count / 300
    assert evaluation.valid.all(), evaluation.reason
    assert np.isfinite(evaluation.values).all()
    assert (evaluation.column("latency_ns") > 0).all()
    distinct = len(np.unique(p.space.canonical(designs), axis=0))
    assert distinct > count / 2


@pytest.mark.parametrize("graph", GRAPHS)
def test_every_random_design_is_valid_and_most_are_distinct(graph):
    check_random_designs(graph, 20_000)


@pytest.mark.slow
@pytest.mark.parametrize("graph", [*GRAPHS, *DENSE])
def test_every_one_of_100_000_random_designs_is_valid(graph):
    check_random_designs(graph, 100_000)


@pytest.mark.parametrize("graph", ["edge_detection", "hpvm_cava", "audio_decoder"])
def test_every_block_of_the_library_is_drawn(graph):
    """Seen in decoded random designs: rates and energies of all accelerators, memories and buses, with their tasks."""
    p = problem(graph, mode="farsi")
    simulator: Soc = p.simulator
    found = simulator._code.decode(
        simulator._code.read(p.space.decode(p.space.sample(20_000, np.random.default_rng(2))))
    )
    library, layout = HardwareLibrary.of(simulator.graph), simulator.layout
    seen = {b: set(zip(found.kind[:, b], found.rate[:, b], found.work_per_joule[:, b], strict=True))
            for b in range(len(layout.blocks))}  # fmt: skip
    for kind, code, slots in (
        ("gpp", 1, layout.slots.gpp_names()),
        ("sram", 3, layout.slots.memory_names()),
        ("dram", 4, layout.slots.memory_names()),
        ("bus", 5, layout.slots.bus_names()),
    ):
        for block in library.of_kind(kind):
            for name in slots:
                assert (code, block.rate, block.work_per_joule) in seen[layout.slot(name)], (block.name, name)
    for position in layout.accelerated:
        for block in library.accelerators(simulator.graph.tasks[position].name):
            slot = layout.slot(layout.prefixes[position])
            assert (2, block.rate, block.work_per_joule) in seen[slot], block.name


@pytest.mark.parametrize("graph", GRAPHS)
def test_inactive_parameters_have_no_effect(graph):
    p = problem(graph)
    designs = p.space.sample(300, np.random.default_rng(3))
    canonical = p.space.canonical(designs)
    assert (canonical != designs).any(axis=1).mean() > 0.1
    assert (p.evaluate(canonical).values == p.evaluate(designs).values).all()


def test_what_nothing_uses_is_inactive():
    space = problem(tiny()).space
    active = space.active(space.default_indices)[0]
    assert {name for name, on in zip(space.names, active, strict=True) if on} == {
        "a_pe", "a_memory", "b_pe", "b_memory", "source_memory", "gpp0_bus",
        "mem0_kind", "mem0_width_bytes", "mem0_clock_mhz", "mem0_bus", "bus0_width_bytes", "bus0_clock_mhz",
    }  # fmt: skip
    design = space.encode({"a_pe": ["accelerator"], "a_bus": ["bus2"], "bus2_parent": ["bus1"]})
    off = {name for name, on in zip(space.names, space.active(design)[0], strict=True) if not on}
    assert off >= {"gpp1_bus", "gpp2_bus", "mem1_bus"}
    assert not off & {"a_unroll", "a_clock_mhz", "a_bus", "bus1_width_bytes", "bus2_width_bytes", "bus2_parent"}


def test_groups_and_bottlenecks_go_together():
    p = problem("edge_detection+hpvm_cava")
    groups = set(p.space.groups())
    evaluation = p.evaluate(p.space.sample(500, np.random.default_rng(4)))
    for name in ("bottleneck", "bottleneck_latency", "bottleneck_power", "bottleneck_area", "hottest_task"):
        assert set(evaluation.diagnostics[name].tolist()) <= groups, name
    assert "mem2" in groups
    assert "gaussianSmoothing" in groups


def test_slots_are_counted():
    space = problem(tiny(), gpps=1, memories=1, buses=1).space
    assert space.names == (
        "a_pe", "a_unroll", "a_clock_mhz", "mem0_kind", "mem0_width_bytes", "mem0_clock_mhz", "bus0_width_bytes",
        "bus0_clock_mhz",
    )  # fmt: skip
    many = problem(tiny(), gpps=8, memories=8, buses=8)
    assert many.space.parameter("bus7_parent").values == tuple(f"bus{i}" for i in range(7))
    assert many.evaluate(many.space.sample(500, np.random.default_rng(0))).valid.all()
    for name in ("gpps", "memories", "buses"):
        for wrong in (0, 9, 1.5, True):
            with pytest.raises(InvalidInputError, match=f"{name} must be an integer from 1 to 8"):
                Soc(tiny(), **{name: wrong})


def test_names_of_tasks_become_identifiers_that_no_block_has():
    facts = AcceleratorFacts(1e5, 1e9, 1e6)
    names = ("mem0", "2 x", "a.b", "a-b", "source", "io")
    tasks = tuple(Task(name, 1e6, facts, 4) for name in names)
    edges = tuple(Edge(a, b, 1e4) for a, b in itertools.pairwise(names))
    p = problem(TaskGraph("odd", tasks, edges, {"odd": "io"}))
    assert list(p.simulator.layout.prefixes.values()) == ["mem0_2", "t2_x", "a_b", "a_b_2", "source_2", "io_2"]
    assert p.evaluate(p.space.sample(300, np.random.default_rng(0))).valid.all()
    assert "source_memory" not in p.space.names  # nothing without work: no io, no data from outside
    assert "io" not in p.simulator.layout.blocks


def test_designs_between_and_beyond_the_librarys_blocks():
    """Three iterations at 250 MHz, a bus 24 bytes wide: figures by the library's rules."""
    simulator = Soc(tiny(), mode="farsi")
    columns = {"a_pe": ["accelerator"] * 2, "a_unroll": [3, 4], "a_clock_mhz": [250, 400], "bus0_width_bytes": [24, 32],
               "mem0_width_bytes": [128] * 2, "mem0_clock_mhz": [800] * 2, "bus0_clock_mhz": [1000, 800]}  # fmt: skip
    both = simulator.simulate(columns, simulator.graph)
    row = both.row(0)
    assert row["latency_ns"] == pytest.approx((1e5 / (1e8 * 3 * 2.5) + 4e6 / 2e9) * 1e9, rel=1e-9)
    assert row["accelerator_area_mm2"] == pytest.approx(3 * 0.0374, rel=1e-12)
    assert row["pe_energy_pj"] == pytest.approx((1e9 * 1e-15 * 0.064 * 3 + 4e6 / 47_019_607_843) * 1e12, rel=1e-9)
    alone = simulator.simulate({name: values[1:] for name, values in columns.items()}, simulator.graph)
    assert both.row(1) == alone.row()
    one = chip(simulator, **{name: values[0] for name, values in columns.items()})
    assert one.block("a").type.unroll == 3
    assert one.block("bus0").type.rate == 24e9


@pytest.mark.parametrize(
    ("column", "value"),
    [("a_unroll", 9), ("a_unroll", 0), ("a_clock_mhz", 1001), ("mem0_width_bytes", 513), ("b_pe", "accelerator"),
     ("a_memory", "mem4"), ("bus2_parent", "bus2"), ("mem0_kind", "flash")],
)  # fmt: skip
def test_values_that_the_model_cannot_express_are_refused(column, value):
    simulator = Soc(tiny())
    with pytest.raises(InvalidInputError, match=f"{column!r} cannot be {value!r}"):
        simulator.simulate({column: [value]}, simulator.graph)


def test_graphs_that_are_too_large_or_without_work_are_refused():
    tasks = tuple(Task(f"t{i}", 1e6) for i in range(65))
    with pytest.raises(InvalidInputError, match="65 tasks"):
        Soc(TaskGraph("large", tasks, (), {"large": "t0"}))
    with pytest.raises(InvalidInputError, match="0 of them with work"):
        Soc(TaskGraph("empty", (Task("in", 0.0, dummy=True),), (), {"empty": "in"}))


def test_of_many_tasks_those_with_most_work_have_accelerators():
    simulator = Soc("random?tasks=62&seed=1")
    layout = simulator.layout
    assert len(layout.blocks) == 64
    left = [i for i in layout.work if i not in layout.accelerated]
    tasks = simulator.graph.tasks
    assert max(tasks[i].work_instructions for i in left) <= min(tasks[i].work_instructions for i in layout.accelerated)
    assert simulator.space().parameter(f"{layout.prefixes[left[0]]}_pe").values == ("gpp0", "gpp1", "gpp2")


def test_another_workload_is_refused(tmp_path):
    simulator = Soc("edge_detection")
    with pytest.raises(InvalidInputError, match="not of 'hpvm_cava'"):
        simulator.load_workload("hpvm_cava")
    write_task_graph(load_task_graph("edge_detection"), tmp_path / "edge_detection.json")
    assert simulator.load_workload(str(tmp_path / "edge_detection.json")).name == "edge_detection"
    with pytest.raises(UnknownNameError, match="did you mean 'default'"):
        Soc(tiny(), space="defalt")


def test_threads_change_nothing_and_are_no_setting():
    p = problem("audio_decoder")
    designs = p.space.sample(1000, np.random.default_rng(5))
    several = Problem(Soc("audio_decoder", threads=2), p.space, p.workload)
    assert (several.evaluate(designs).values == p.evaluate(designs).values).all()
    assert several.identity() == p.identity()
    assert json.dumps(p.identity())
