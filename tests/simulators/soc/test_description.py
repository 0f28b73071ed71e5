"""Descriptions of chips: files, what is refused and how, and measured designs as descriptions."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from simulators.errors import InvalidInputError, UnknownNameError
from simulators.soc import (
    AcceleratorFacts,
    Block,
    Edge,
    HardwareLibrary,
    SocDescription,
    Task,
    TaskGraph,
    check_description,
    description_of,
    effective,
    read_description,
    write_description,
)
from simulators.soc._farsi_rows import description_of_row, graph_of_row, read_rows

REFERENCE = Path(os.environ.get("ARCHGYM_REFERENCE", Path(__file__).resolve().parents[4] / "shared" / "reference"))
ROWS = REFERENCE / "soc" / "farsi_rows.jsonl"
needs_rows = pytest.mark.skipif(not ROWS.with_name("farsi_rows.jsonl.gz").is_file(), reason=f"no reference rows {ROWS}")

GRAPH = TaskGraph(
    "chain",
    (
        Task("in", 0, dummy=True),
        Task("scale", 1e6, AcceleratorFacts(1e4, 10, 500), iterations=8),
        Task("blur", 2e6),
        Task("out", 0, dummy=True),
    ),
    (Edge("in", "scale", 1000), Edge("scale", "blur", 2000), Edge("blur", "out", 500)),
    {"chain": "blur"},
)
CHIP = """
workload: chain
blocks:
  cpu: A53_pe
  acc: {kind: ip, task: scale, unroll: 4, clock_mhz: 400}
  ram: {kind: sram, width_bytes: 16, clock_mhz: 800}
  dram: GMEM_3_4_mem
  bus0: {kind: bus, width_bytes: 64, clock_mhz: 600}
  bus1: LMEM_ic_0_1_ic
links: [[cpu, bus0], [acc, bus1], [ram, bus1], [dram, bus0], [bus0, bus1]]
tasks: {default: cpu, scale: acc}
memories: {default: dram, scale: ram, blur->out: ram}
"""


def chip(**fields):
    content = {**yaml.safe_load(CHIP), **fields}
    return {name: value for name, value in content.items() if value is not None}


def blocks(**changes):
    return {name: value for name, value in {**yaml.safe_load(CHIP)["blocks"], **changes}.items() if value is not None}


def test_a_file_becomes_a_description(tmp_path):
    path = tmp_path / "chip.yaml"
    path.write_text(CHIP, encoding="utf-8")
    description = read_description(path, GRAPH)
    types = {block.id: block.type.name for block in description.blocks}
    assert types == {
        "cpu": "A53_pe",
        "acc": "scale_IP0_4_4_pe",
        "ram": "LMEM_2_8_mem",
        "dram": "GMEM_3_4_mem",
        "bus0": "LMEM_ic_4_6_ic",
        "bus1": "LMEM_ic_0_1_ic",
    }
    assert description.task_to_pe == {"in": "cpu", "scale": "acc", "blur": "cpu", "out": "cpu"}
    assert description.edge_to_memory == {"in->scale": "dram", "scale->blur": "ram", "blur->out": "ram"}
    assert description.neighbours["bus1"] == ("acc", "ram", "bus0")
    assert description.of_role("mem") == ("ram", "dram")
    assert description.kernel_order == () == description.task_load_order


@pytest.mark.parametrize("suffix", [".yaml", ".yml", ".json"])
def test_writing_and_reading_gives_the_same_description(tmp_path, suffix):
    orders = {"kernel_order": ["in", "blur", "scale", "out"], "task_load_order": ["out", "blur", "scale", "in"]}
    for content in (chip(), chip(**orders)):
        description = description_of(content, GRAPH)
        write_description(description, tmp_path / f"chip{suffix}", "chain")
        assert read_description(tmp_path / f"chip{suffix}", GRAPH) == description


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"workload": "other"}, "for workload 'other', but 'chain' shall run"),
        ({"link": []}, "unknown field .*'link'; did you mean 'links'"),
        ({"blocks": None}, "blocks is missing"),
        ({"blocks": ["cpu"]}, r"blocks cannot be \['cpu'\]; expected names with a value each"),
        ({"blocks": {}}, "has 1 to 64 blocks, got 0"),
        ({"blocks": blocks(cpu="A35_pe")}, "unknown block type for 'chain': 'A35_pe'; did you mean 'A53_pe'"),
        ({"blocks": blocks(cpu=5)}, "block 'cpu': expected fields kind"),
        ({"blocks": blocks(cpu={"kind": "gp"})}, "kind of block 'cpu': 'gp'; did you mean 'gpp'"),
        (
            {"blocks": blocks(cpu={"kind": "gpp", "unroll": 2})},
            "block 'cpu': a gpp has no unroll; it has no properties",
        ),
        ({"blocks": blocks(ram={"kind": "sram", "clock_mhz": 400})}, "block 'ram': width_bytes is missing"),
        (
            {"blocks": blocks(ram={"kind": "sram", "clock_mhz": 400, "unroll": 1})},
            "a sram has no unroll; it has width_b",
        ),
        (
            {"blocks": blocks(ram={"kind": "sram", "clock_mhz": 500, "width_bytes": 4})},
            "block 'ram': sram: clock_mhz cannot be 500; expected one of 100, 400, 600, 800",
        ),
        (
            {"blocks": blocks(acc={"kind": "ip", "task": "blur", "unroll": 1, "clock_mhz": 100})},
            "unknown task with an accelerator 'blur'. Known: scale",
        ),
        ({"links": [["cpu", "bus0", "bus1"]]}, "links cannot be .*; expected pairs of block ids"),
        ({"links": [["cpu", "buss0"]]}, "block in link 'cpu' - 'buss0': 'buss0'; did you mean 'bus0'"),
        ({"links": [["cpu", "ram"]]}, "neither is a bus"),
        ({"links": [["bus0", "bus0"]]}, "links a block to itself"),
        ({"links": [["cpu", "bus0"], ["bus0", "cpu"]]}, "link 'bus0' - 'cpu' is there twice"),
        ({"links": [["cpu", "bus0"]]}, "block 'acc' is not linked to anything"),
        ({"tasks": {"scale": "acc"}}, r"task 'in' \(and 2 more\) is not mapped to a PE"),
        ({"tasks": {"default": "cpu", "scal": "acc"}}, "task that is mapped: 'scal'; did you mean 'scale'"),
        ({"tasks": {"default": "cup"}}, "block for task 'in': 'cup'; did you mean 'cpu'"),
        ({"tasks": {"default": "acc"}}, "task 'in' cannot run on 'acc': scale_IP0_4_4_pe runs only 'scale'"),
        ({"tasks": {"default": "ram"}}, "cannot run on 'ram': LMEM_2_8_mem is no processing element"),
        ({"tasks": {"default": ["cpu"]}}, "tasks, 'default' cannot be .*; expected the id of a block"),
        ({"memories": {"scale": "ram"}}, r"edge 'in->scale' \(and 1 more\) is not mapped to a memory"),
        ({"memories": {"default": "ram", "scale->out": "ram"}}, "edge or task in memories: 'scale->out'; did you mean"),
        ({"memories": {"default": "ran"}}, "block for edge 'in->scale': 'ran'; did you mean 'ram'"),
        ({"memories": {"default": "cpu"}}, "edge 'in->scale' cannot lie in 'cpu': A53_pe is no memory"),
        (
            {"links": [["cpu", "bus0"], ["acc", "bus1"], ["ram", "bus1"], ["dram", "bus0"]]},
            "no path from 'acc', where 'scale' would read edge 'in->scale', to memory 'dram'; link their buses",
        ),
        ({"kernel_order": ["in", "scale", "blur"]}, "kernel_order must name each of the 4 tasks once"),
        ({"kernel_order": ["in", "in", "scale", "blur"]}, "kernel_order must name each of the 4 tasks once"),
        ({"task_load_order": ["inn"]}, "task in task_load_order: 'inn'; did you mean 'in'"),
    ],
)
def test_bad_descriptions(fields, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        description_of(chip(**fields), GRAPH, "my.yaml")
    assert "my.yaml" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("blocks: {cpu: A53_pe, cpu: A53_pe}", "cannot be read: 'cpu' is given twice"),
        ("blocks: [", "cannot be read"),
        ("? [a, b]\n: c", "cannot be read"),
        ("just words", "expected named fields, got 'just words'"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, text, message):
    path = tmp_path / "chip.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInputError, match=message):
        read_description(path, GRAPH)


def test_files_of_other_kinds_and_missing_ones(tmp_path):
    with pytest.raises(InvalidInputError, match=r"\.yaml, \.yml, \.json"):
        read_description(tmp_path / "chip.txt", GRAPH)
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read_description(tmp_path / "chip.yaml", GRAPH)
    with pytest.raises(InvalidInputError, match="ending in"):
        write_description(description_of(chip(), GRAPH), tmp_path / "chip.txt")


def test_an_id_twice_and_too_many_blocks():
    cpu, bus = (HardwareLibrary.of(GRAPH).get(name) for name in ("A53_pe", "LMEM_ic_0_1_ic"))
    with pytest.raises(InvalidInputError, match="block 'a' is there twice"):
        SocDescription((Block("a", cpu), Block("a", bus)), (), {}, {})
    many = tuple(Block(f"b{i}", bus) for i in range(65))
    with pytest.raises(InvalidInputError, match="1 to 64 blocks, got 65"):
        SocDescription(many, (), {}, {})
    with pytest.raises(UnknownNameError, match="unknown block 'c'"):
        description_of(chip(), GRAPH).block("c")


def test_useless_buses_are_pruned_and_the_kernel_order_filled():
    """``bus2`` carries nothing; it and the idle processor behind it go."""
    extra = {"bus2": "LMEM_ic_0_1_ic", "idle": "A53_pe"}
    content = chip(blocks=blocks(**extra), links=[*chip()["links"], ["bus2", "bus1"], ["idle", "bus2"]])
    settled = effective(description_of(content, GRAPH), GRAPH)
    assert set(settled.index) == {"cpu", "acc", "ram", "dram", "bus0", "bus1"}
    assert sorted(settled.kernel_order) == sorted(GRAPH.index)
    check_description(settled, GRAPH)
    assert effective(settled, GRAPH) == settled


def test_a_given_kernel_order_is_kept():
    order = ["out", "blur", "scale", "in"]
    assert effective(description_of(chip(kernel_order=order), GRAPH), GRAPH).kernel_order == tuple(order)


@needs_rows
def test_measured_designs_are_valid_and_come_back_from_their_documents():
    rows = read_rows(ROWS)
    assert len(rows) == 170
    for row in rows:
        graph = graph_of_row(row)
        raw, settled = description_of_row(row, graph, effective=False), description_of_row(row)
        for description in (raw, settled):
            check_description(description, graph)
        for block in row["blocks"]:
            ours = raw.block(block["id"]).type
            assert ours.name == block["lib"]
            assert ours.rate == pytest.approx(block["peak_work_rate"], rel=3e-16)
        assert list(settled.index) == row["effective_blocks"]
        assert settled.kernel_order == tuple(row["kernel_order"])
        assert list(settled.edge_to_memory) == list(graph.edge_index)


@needs_rows
def test_our_pruning_of_measured_designs_is_farsis():
    compared = 0
    for row in read_rows(ROWS):
        if "task_load_order" not in row:
            continue
        graph = graph_of_row(row)
        ours = effective(description_of_row(row, graph, effective=False), graph)
        theirs = description_of_row(row, graph)
        assert set(ours.blocks) == set(theirs.blocks)
        assert set(map(frozenset, ours.links)) == set(map(frozenset, theirs.links))
        assert ours.kernel_order == theirs.kernel_order
        compared += 1
    assert compared == 160


@pytest.mark.parametrize(
    ("row", "workloads"),
    [
        ({"workload": "hpvm_cava"}, ["hpvm_cava"]),
        ({"workload": "edge_detection + hpvm_cava"}, ["edge_detection", "hpvm_cava"]),
        (
            {"workload": "all", "result": {"latency_s": {"hpvm_cava": 1, "audio_decoder": 2}}},
            ["hpvm_cava", "audio_decoder"],
        ),
        ({"result": {"latency_s": {"audio_decoder": 2}}}, ["audio_decoder"]),
    ],
)
def test_workloads_of_rows(row, workloads):
    assert list(graph_of_row(row).workloads) == workloads


def row_of(**changes):
    row = {
        "id": "made",
        "blocks": [
            {"id": "p", "lib": "A53_pe", "subtype": "gpp"},
            {"id": "m", "lib": "LMEM_1_4_mem", "subtype": "sram"},
            {"id": "i", "lib": "LMEM_ic_1_4_ic", "subtype": "ic"},
        ],
        "links": [["p", "i"], ["m", "i"]],
        "effective_blocks": ["p", "i", "m"],
        "effective_links": [["i", "m"], ["i", "p"]],
        "task_to_pe": dict.fromkeys(GRAPH.index, "p"),
        "edge_to_mem": dict.fromkeys(GRAPH.edge_index, "m"),
        "kernel_order": list(GRAPH.index),
    }
    return {**row, **changes}


def test_a_block_with_another_name_is_found_by_its_figures():
    other = {
        "id": "m",
        "lib": "sram_7",
        "subtype": "sram",
        "width_bytes": 8.0,
        "clock_hz": 4e8,
        "peak_work_rate": 3.2e9,
    }
    odd = {**other, "width_bytes": 12.0, "peak_work_rate": 4.8e9}
    blocks = row_of()["blocks"]
    found = description_of_row(row_of(blocks=[blocks[0], other, blocks[2]]), GRAPH).block("m").type
    assert found.name == "LMEM_1_4_mem"
    kept = description_of_row(row_of(blocks=[blocks[0], odd, blocks[2]]), GRAPH).block("m").type
    assert (kept.name, kept.kind, kept.rate, kept.width_bytes) == ("sram_7", "sram", 4.8e9, 12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"effective_blocks": ["p", "i", "x"]}, "row 'made': lacks or contradicts 'x'"),
        ({"task_to_pe": None}, "row 'made': lacks or contradicts"),
        ({"blocks": [{"id": "p", "lib": "A7_pe", "subtype": "npu"}]}, "unknown block type"),
    ],
)
def test_rows_that_contradict_themselves(changes, message):
    with pytest.raises(InvalidInputError, match=message):
        description_of_row(row_of(**changes), GRAPH)


def test_files_of_rows(tmp_path):
    path = tmp_path / "rows.jsonl"
    assert read_rows(path) is None
    path.write_text(json.dumps({"id": 1}) + "\n\n" + json.dumps({"id": 2}) + "\n")
    assert read_rows(path) == [{"id": 1}, {"id": 2}]
    path.write_text("{}\n[1]\n")
    with pytest.raises(InvalidInputError, match=r"line 2: expected an object, got '\[1\]'"):
        read_rows(path)
