"""Laws of the model on random graphs and chips."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.soc import HardwareLibrary, TaskGraph, load_task_graph, random_task_graph
from simulators.soc.description import Block, SocDescription
from simulators.soc.design_arrays import encode_designs
from simulators.soc.model import SocModel
from tests.simulators.soc.chips import random_chip

SEEDS = st.integers(0, 10_000)
MODES = st.sampled_from(["default", "farsi"])


def drawn(seed: int, tasks: int = 8, chips: int = 1) -> tuple[TaskGraph, list[SocDescription]]:
    g = random_task_graph(tasks, seed % 50, accelerated_percent=80, bytes=40_000)
    rng = np.random.default_rng(seed)
    return g, [random_chip(g, rng) for _ in range(chips)]


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """Compile before the time of an example is taken."""
    g, chips = drawn(0)
    SocModel(g).evaluate_descriptions(chips)
    SocModel(g).record(chips[0])


@settings(deadline=None)
@given(SEEDS, st.integers(1, 20))
def test_metrics_obey_the_audits_and_hints_name_blocks_and_tasks(seed: int, tasks: int) -> None:
    g, (chip,) = drawn(seed, tasks)
    chip = replace(chip, kernel_order=tuple(g.index))
    for mode in ("default", "farsi"):
        found = SocModel(g, mode).evaluate_descriptions([chip])
        if mode == "default":
            assert found.valid.all(), found.reason
        known = {*chip.index, *g.index}
        for name, texts in found.diagnostics.items():
            assert str(texts[0]) in (known if found.valid[0] else {""}), name


@settings(deadline=None)
@given(SEEDS, MODES)
def test_renaming_and_permuting_blocks_changes_nothing(seed: int, mode: str) -> None:
    g, (chip,) = drawn(seed)
    order = tuple(g.index)
    rng = np.random.default_rng(seed)
    to = {block.id: f"b{i}" for i, block in zip(rng.permutation(len(chip.blocks)), chip.blocks, strict=True)}
    blocks = [replace(block, id=to[block.id]) for block in chip.blocks]
    other = SocDescription(
        tuple(blocks[i] for i in rng.permutation(len(blocks))),
        tuple((to[b], to[a]) for a, b in reversed(chip.links)),
        {task: to[pe] for task, pe in chip.task_to_pe.items()},
        {edge: to[memory] for edge, memory in chip.edge_to_memory.items()},
        order,
    )
    found = SocModel(g, mode).evaluate_descriptions([replace(chip, kernel_order=order), other])
    assert found.reason[0].partition(":")[2] == found.reason[1].partition(":")[2]
    np.testing.assert_allclose(found.values[0], found.values[1], rtol=1e-12)


@settings(deadline=None)
@given(SEEDS)
def test_permuting_tasks_and_edges_changes_nothing_while_their_order_is_given(seed: int) -> None:
    g, (chip,) = drawn(seed)
    rng = np.random.default_rng(seed)
    tasks = tuple(g.tasks[i] for i in rng.permutation(len(g.tasks)))
    edges = tuple(g.edges[i] for i in rng.permutation(len(g.edges)))
    chip = replace(chip, kernel_order=tuple(g.index))
    a = SocModel(g).evaluate_descriptions([chip])
    b = SocModel(replace(g, tasks=tasks, edges=edges)).evaluate_descriptions([chip])
    np.testing.assert_allclose(a.values, b.values, rtol=1e-12)


@settings(deadline=None)
@given(SEEDS, MODES)
def test_rows_do_not_influence_one_another_and_threads_change_no_digit(seed: int, mode: str) -> None:
    g, chips = drawn(seed, 6, 7)
    model = SocModel(g, mode)
    batch = encode_designs(chips, g, model.bits)
    groups = [str(i) for i in range(batch.kind.shape[1])]
    together = model.evaluate(batch, groups)
    spread = SocModel(g, mode, threads=3).evaluate(batch, groups)
    np.testing.assert_array_equal(together.values, spread.values)
    assert together.reason == spread.reason
    for row in range(len(chips)):
        one = type(batch)(*(getattr(batch, field.name)[row : row + 1] for field in dataclasses.fields(batch)))
        np.testing.assert_array_equal(model.evaluate(one, groups).values[0], together.values[row])


@settings(deadline=None)
@given(SEEDS, st.sampled_from(["pe", "bus", "memory"]))
def test_a_lone_task_is_never_slower_on_a_faster_block(seed: int, which: str) -> None:
    g, (chip,) = drawn(seed, tasks=1)
    model, before = SocModel(g), None
    for scale in (1.0, 1.5, 4.0, 100.0):
        blocks = tuple(_faster(block, which, scale) for block in chip.blocks)
        latency = model.evaluate_descriptions([replace(chip, blocks=blocks)]).column("latency_ns")[0]
        assert before is None or latency <= before * (1 + 1e-12)
        before = latency


def _faster(block: Block, which: str, scale: float) -> Block:
    role = "pe" if block.type.is_pe else "memory" if block.type.is_memory else "bus"
    return replace(block, type=replace(block.type, rate=block.type.rate * scale)) if role == which else block


@settings(deadline=None)
@given(SEEDS)
def test_peak_power_is_that_of_the_best_of_all_windows(seed: int) -> None:
    """Beside a search over windows that begin or end at the end of a phase, from phase lengths and energies."""
    g, (chip,) = drawn(seed, 12)
    record = SocModel(g).record(chip)
    times = np.concatenate([[0.0], np.cumsum(record.phase_s)])
    joules = np.concatenate([[0.0], np.cumsum(record.phase_j)])
    width = min(0.01, times[-1])
    starts = np.clip(np.concatenate([times, times - width]), 0.0, times[-1] - width)
    within = np.interp(starts + width, times, joules) - np.interp(starts, times, joules)
    power_mw = SocModel(g).evaluate_descriptions([chip]).column("peak_power_mw")[0]
    assert power_mw == pytest.approx(1e3 * within.max() / width, rel=1e-9)


@settings(deadline=None)
@given(SEEDS)
def test_memories_hold_outputs_from_when_a_task_is_ready_until_its_last_child_ends(seed: int) -> None:
    g, (chip,) = drawn(seed, 12)
    record = SocModel(g).record(chip)
    held = [
        (
            chip.edge_to_memory[edge.name],
            edge.bytes,
            record.tasks[edge.source].ready_s,
            max(record.tasks[g.tasks[child].name].end_s for child in g.children[g.index[edge.source]]),
        )
        for edge in g.edges
    ]
    for memory, peak in record.peak_bytes.items():
        own = [(size, begin, end) for where, size, begin, end in held if where == memory]
        sums = [sum(size for size, begin, end in own if begin <= t < end) for _, t, _ in own]
        assert peak == pytest.approx(max(sums, default=0.0), rel=1e-12)


def test_a_faster_accelerator_can_lengthen_the_schedule() -> None:
    """Graham's anomaly (SIAM J. Appl. Math. 17(2), 1969), found by search over random mappings on two processors.

    Processors run one task at a time and take what is ready. With setAndFFT_right on an accelerator of 100 MHz, cpu0
    is free before it ends and takes FIR_left, whose successors run on cpu1 beside FIR_right. At 400 MHz both FIRs are
    ready at the same time, FIR_right and all that follows it go first, and the left channel waits: 7.8 % later.
    """
    g = load_task_graph("audio_decoder")
    library, task = HardwareLibrary.of(g), "setAndFFT_right_fxp_cloned"

    def chip(clock_mhz: int) -> SocDescription:
        wide = {kind: library.find(kind, clock_mhz=800, width_bytes=128) for kind in ("sram", "bus")}
        blocks = {"cpu0": library.of_kind("gpp")[0], "cpu1": library.of_kind("gpp")[0]}
        blocks |= {"acc": library.find("ip", task, 1, clock_mhz), "ram": wide["sram"], "bus": wide["bus"]}
        left = dict.fromkeys(("IFFT_left_fxp_cloned", "overlap_left_fxp_cloned"), "cpu1")
        return SocDescription(
            tuple(Block(name, of) for name, of in blocks.items()),
            tuple((name, "bus") for name in blocks if name != "bus"),
            dict.fromkeys(g.index, "cpu0") | left | {task: "acc"},
            dict.fromkeys(g.edge_index, "ram"),
        )

    model = SocModel(g)
    slow, fast = model.record(chip(100)).tasks, model.record(chip(400)).tasks
    assert fast[task].end_s < slow[task].end_s
    assert slow["FIR_left_fxp_cloned"].start_s < slow["FIR_right_fxp_cloned"].start_s
    assert fast["FIR_left_fxp_cloned"].start_s > fast["overlap_right_fxp_cloned"].start_s
    assert fast["siink"].end_s / slow["siink"].end_s == pytest.approx(1.0782, abs=1e-4)
