"""FARSI's effective design: hand-made cases of each rule, agreement with measured rows, properties of any design."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.errors import InvalidInputError, UnknownNameError
from simulators.soc._block_graph import BlockGraph
from simulators.soc._farsi_rows import description_of_row
from simulators.soc.description import effective
from simulators.soc.graph_files import load_task_graph
from simulators.soc.topology import RawDesign, effective_design, is_settled, settle

ROOT = Path(__file__).resolve().parents[3]
ROWS = Path(os.environ.get("ARCHGYM_REFERENCE", ROOT.parent / "shared" / "reference")) / "soc" / "farsi_rows.jsonl.gz"


def role(block):
    return {"p": "pe", "m": "mem", "b": "bus"}[block[0]]


def design(links, task_to_pe, edges):
    """Blocks are named p*, m*, b*; ``links`` "p0-b0 ..."; ``edges`` "s>a:m0 ..."; blocks listed PEs first, sorted."""
    pairs = [tuple(link.split("-")) for link in links.split()]
    blocks = sorted({block for pair in pairs for block in pair}, key=lambda block: ("pmb".index(block[0]), block))
    memory = {tuple(edge.split(":")[0].split(">")): edge.split(":")[1] for edge in edges.split()}
    return RawDesign({block: role(block) for block in blocks}, pairs, task_to_pe, memory)


def link_set(links):
    return {frozenset(link) for link in links}


def shown(links):
    return " ".join(sorted("-".join(sorted(link)) for link in links))


def test_one_bus_stays_as_it_is():
    raw = design("p0-b0 m0-b0", {"s": "p0", "a": "p0"}, "s>a:m0")
    result = effective_design(raw)
    assert result.blocks == ("p0", "b0", "m0")
    assert link_set(result.links) == link_set(raw.links)
    assert is_settled(raw)


def test_a_bus_without_memories_hands_its_pes_to_its_only_neighbour():
    raw = design("b0-b1 p0-b0 p1-b0 p2-b1 m0-b1", {"s": "p0", "a": "p1", "b": "p2"}, "s>a:m0 a>b:m0")
    result = effective_design(raw)
    assert result.blocks == ("p0", "b1", "p2", "m0", "p1")
    assert shown(result.links) == "b1-m0 b1-p0 b1-p1 b1-p2"


def test_a_bus_without_pes_hands_its_memories_to_its_only_neighbour():
    raw = design("b0-b1 p0-b0 m0-b0 m1-b1", {"s": "p0", "a": "p0", "b": "p0"}, "s>a:m0 a>b:m1")
    assert shown(effective_design(raw).links) == "b0-m0 b0-m1 b0-p0"


def test_an_empty_bus_between_two_is_taken_out():
    raw = design("b0-b1 b1-b2 p0-b0 m0-b0 p1-b2 m1-b2", {"s": "p0", "a": "p1"}, "s>a:m1")
    assert shown(effective_design(raw).links) == "b0-b2 b0-m0 b0-p0 b2-m1 b2-p1"


def test_an_empty_hub_links_its_other_neighbours_to_the_first():
    links = "b9-b1 b9-b0 b9-b2 p0-b0 m0-b0 p1-b1 m1-b1 p2-b2 m2-b2"
    raw = design(links, {"s": "p0", "a": "p1", "b": "p2"}, "s>a:m0 s>b:m0")
    assert shown(effective_design(raw).links) == "b0-b1 b0-m0 b0-p0 b1-b2 b1-m1 b1-p1 b2-m2 b2-p2"


def test_buses_without_a_common_task_are_cut_before_pruning():
    """b2 carries nothing, so b1 is left with one neighbouring bus and no PE: its memory moves to b0."""
    raw = design("b0-b1 b1-b2 p0-b0 m0-b0 m1-b1", {"s": "p0", "a": "p0", "b": "p0"}, "s>a:m0 a>b:m1")
    result = effective_design(raw)
    assert result.blocks == ("p0", "b0", "m0", "m1")


def test_a_cut_bus_takes_its_unused_blocks_along():
    raw = design("p0-b0 m0-b0 b0-b1 p1-b1 m1-b1", {"s": "p0", "a": "p0"}, "s>a:m0")
    assert effective_design(raw).blocks == ("p0", "b0", "m0")


def test_pruning_is_one_pass_so_a_hub_that_becomes_useless_after_its_visit_stays():
    """b0 has two neighbouring buses when visited; b2 vanishes afterwards and leaves b0 a bus of PEs alone."""
    raw = design("b0-b1 b0-b2 p0-b0 p1-b2 p2-b1 m0-b1", {"s": "p0", "a": "p1", "b": "p2"}, "s>a:m0 a>b:m0")
    once = effective_design(raw)
    assert shown(once.links) == "b0-b1 b0-p0 b0-p1 b1-m0 b1-p2"
    settled = settle(raw)
    assert shown(settled.links) == "b1-m0 b1-p0 b1-p1 b1-p2"
    assert is_settled(settled) and not is_settled(raw)


def test_kernels_are_ordered_by_first_appearance_on_a_block_depth_first():
    """p0 holds b; then the bus in order of traffic: s writes, a reads s, c reads a; b was seen."""
    tasks = {"s": "p1", "a": "p1", "b": "p0", "c": "p1"}
    raw = design("p0-b0 p1-b0 m0-b0", tasks, "s>a:m0 s>b:m0 a>c:m0 b>c:m0")
    assert effective_design(raw).kernel_order == ("b", "s", "a", "c")


def test_tasks_of_the_first_pe_come_in_load_order():
    tasks = {"c": "p0", "a": "p0", "s": "p0", "b": "p0"}
    raw = design("p0-b0 m0-b0", tasks, "s>a:m0 s>b:m0 a>c:m0 b>c:m0")
    assert effective_design(raw).kernel_order == ("c", "a", "s", "b")


def test_edges_of_a_task_are_followed_memory_by_memory_in_order_of_visit():
    """The visit meets m1 before m0, so s's child through m1 is followed first though its edge is listed last."""
    tasks = {"z": "p0", "s": "p1", "a": "p1", "b": "p1"}
    raw = design("p0-b0 m1-b0 m0-b0 p1-b0", tasks, "s>a:m0 s>b:m1 a>z:m0 b>z:m0")
    assert effective_design(raw).kernel_order == ("z", "s", "b", "a")


def test_a_memory_met_before_its_bus_is_fully_explored_gives_writers_first():
    """b1 holds only what crosses it; memory m0 behind it adds its writer u, then readers."""
    tasks = {"s": "p0", "u": "p1", "v": "p1", "t": "p0"}
    raw = design("p0-b0 m1-b0 b0-b1 m0-b1 p1-b1", tasks, "s>u:m1 u>v:m0 v>t:m1")
    assert effective_design(raw).kernel_order == ("s", "t", "u", "v")


def test_the_first_link_made_is_the_first_followed():
    tasks = {"s": "p0", "a": "p1", "b": "p2"}
    early = design("p0-b0 p1-b0 p2-b0 m0-b0", tasks, "s>a:m0 s>b:m0")
    late = design("p0-b0 m0-b0 p2-b0 p1-b0", tasks, "s>a:m0 s>b:m0")
    assert effective_design(early).blocks == ("p0", "b0", "p1", "p2", "m0")
    assert effective_design(late).blocks == ("p0", "b0", "m0", "p2", "p1")


def test_the_shorter_of_two_routes_is_taken():
    graph = BlockGraph({b: role(b) for b in ("p0", "m0", "b0", "b1", "b2")}, [])
    for link in ("p0-b0", "b0-b1", "b1-b2", "m0-b2", "b0-b2"):
        graph.connect(*link.split("-"))
    assert graph.route("p0", "m0") == ["b0", "b2"]


def test_traffic_never_passes_through_a_pe():
    raw = design("p0-b0 p0-b1 p1-b0 m0-b1", {"s": "p1", "a": "p1"}, "s>a:m0")
    with pytest.raises(InvalidInputError, match="no path of buses joins 'p1' and 'm0'"):
        effective_design(raw)


def test_two_systems_in_one_description_are_named():
    raw = design("p0-b0 m0-b0 p1-b1 m1-b1 b0-b1", {"s": "p0", "a": "p0", "t": "p1", "b": "p1"}, "s>a:m0 t>b:m1")
    with pytest.raises(InvalidInputError, match="'m1', 'p1' host tasks but are not connected to the first PE 'p0'"):
        effective_design(raw)


@pytest.mark.parametrize(
    ("links", "tasks", "edges", "error", "message"),
    [
        ("b0-m0", {}, "", InvalidInputError, "no processing element"),
        ("p0-b0 b0-b0", {"s": "p0"}, "", InvalidInputError, "linked to itself"),
        ("p0-b0 m0-b0", {"s": "p00"}, "", UnknownNameError, "did you mean 'p0'"),
        ("p0-b0 m0-b0", {"s": "m0"}, "", InvalidInputError, "task 's' is mapped to 'm0'.*a processing element"),
        ("p0-b0 m0-b0", {"s": "p0", "a": "p0"}, "s>a:b0", InvalidInputError, "edge 's' -> 'a' is mapped to 'b0'"),
        ("p0-b0 m0-b0", {"src": "p0"}, "src>sink:m0", UnknownNameError, "task of an edge 'sink'"),
    ],
)
def test_impossible_designs_are_refused(links, tasks, edges, error, message):
    with pytest.raises(error, match=message):
        effective_design(design(links, tasks, edges))


def test_a_link_to_an_unknown_block_is_refused():
    with pytest.raises(UnknownNameError, match="did you mean 'b0'"):
        effective_design(RawDesign({"p0": "pe", "b0": "bus"}, [("p0", "b00")], {"s": "p0"}, {}))


@st.composite
def designs(draw):
    """A tree of buses with PEs and memories as leaves, and a graph of tasks with one source; blocks may be unused."""
    buses = draw(st.integers(1, 6))
    pes, memories, tasks = draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(st.integers(2, 9))
    links = [(f"b{draw(st.integers(0, bus - 1))}", f"b{bus}") for bus in range(1, buses)]
    links += [(f"p{pe}", f"b{draw(st.integers(0, buses - 1))}") for pe in range(pes)]
    links += [(f"m{memory}", f"b{draw(st.integers(0, buses - 1))}") for memory in range(memories)]
    task_to_pe = {f"t{task}": f"p{draw(st.integers(0, pes - 1))}" for task in range(tasks)}
    parents = [draw(st.sets(st.integers(0, task - 1), min_size=1, max_size=2)) for task in range(1, tasks)]
    edges = sorted((parent, child) for child, many in enumerate(parents, start=1) for parent in many)
    edge_to_memory = {(f"t{a}", f"t{b}"): f"m{draw(st.integers(0, memories - 1))}" for a, b in edges}
    blocks = [f"p{pe}" for pe in range(pes)] + [f"m{m}" for m in range(memories)] + [f"b{b}" for b in range(buses)]
    # FARSI's root is its first PE: a first PE without work may be cut off from the design, so it is left out here.
    first = next(block for block in blocks if block in task_to_pe.values())
    used = [block for block in blocks if not (block.startswith("p") and block < first)]
    kept = [link for link in draw(st.permutations(links)) if set(link) <= set(used)]
    return RawDesign({block: role(block) for block in used}, kept, task_to_pe, edge_to_memory)


def working_blocks(raw):
    return {*raw.task_to_pe.values(), *raw.edge_to_memory.values()}


@given(designs())
def test_the_result_is_one_tree_that_keeps_every_working_block(raw):
    result = effective_design(raw)
    assert working_blocks(raw) <= set(result.blocks)
    assert len(result.links) == len(result.blocks) - 1
    reached = {result.blocks[0]}
    for _ in result.links:
        reached |= {block for link in result.links if reached & set(link) for block in link}
    assert reached == set(result.blocks)


@given(designs())
def test_every_task_is_one_kernel(raw):
    order = effective_design(raw).kernel_order
    assert sorted(order) == sorted(raw.task_to_pe)


@given(designs())
def test_no_route_grows_longer(raw):
    result = effective_design(raw)
    before, after = BlockGraph(raw.roles, raw.links), BlockGraph(raw.roles, result.links)
    for (parent, child), memory in raw.edge_to_memory.items():
        for pe in (raw.task_to_pe[parent], raw.task_to_pe[child]):
            assert 1 <= len(after.route(pe, memory)) <= len(before.route(pe, memory))


@given(designs())
def test_settling_is_idempotent_and_leaves_nothing_to_prune(raw):
    settled = settle(raw)
    assert is_settled(settled)
    assert settle(settled) == settled
    graph = BlockGraph(settled.roles, settled.links)
    for bus in (block for block, kind in settled.roles.items() if kind == "bus"):
        others, pes, memories = (graph.neighbours(bus, kind) for kind in ("bus", "pe", "mem"))
        assert not others or pes or memories
        assert len(others) != 1 or (pes and memories)


@given(designs())
def test_result_links_are_visited_in_the_order_of_the_result(raw):
    result = effective_design(raw)
    rebuilt = BlockGraph({block: raw.roles[block] for block in result.blocks}, result.links)
    assert tuple(rebuilt.depth_first(result.blocks[0])) == result.blocks


@given(designs())
def test_names_do_not_matter(raw):
    other = {block: f"x{(7 * place) % 19}" for place, block in enumerate(raw.roles)}
    renamed = RawDesign(
        {other[block]: kind for block, kind in raw.roles.items()},
        [(other[first], other[second]) for first, second in raw.links],
        {task: other[pe] for task, pe in raw.task_to_pe.items()},
        {edge: other[memory] for edge, memory in raw.edge_to_memory.items()},
    )
    result, again = effective_design(raw), effective_design(renamed)
    assert again.blocks == tuple(other[block] for block in result.blocks)
    assert again.kernel_order == result.kernel_order


def reference_rows():
    if not ROWS.exists():
        pytest.skip(f"no reference rows {ROWS}: set ARCHGYM_REFERENCE")
    with gzip.open(ROWS, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def raw_design(row):
    """Rows of FARSI's own search have no ``task_load_order``; their ``task_to_pe`` lists tasks as they were loaded."""
    order = row.get("task_load_order") or list(row["task_to_pe"])
    return RawDesign(
        {block["id"]: "bus" if block["type"] == "ic" else block["type"] for block in row["blocks"]},
        [tuple(link) for link in row["links"]],
        {task: row["task_to_pe"][task] for task in order},
        {tuple(edge.split("->")): memory for edge, memory in row["edge_to_mem"].items()},
    )


def test_measured_rows_have_farsis_links_and_kernel_order():
    rows = reference_rows()
    wrong = []
    for row in rows:
        result = effective_design(raw_design(row))
        same_links = link_set(result.links) == link_set(row["effective_links"])
        if not same_links or list(result.kernel_order) != row["kernel_order"]:
            wrong.append(row["id"])
    assert len(rows) >= 170
    assert wrong == []


def test_the_workloads_that_ship_list_edges_in_farsis_order():
    """The order of kernels depends on it: edges taken from our task graphs instead of the rows give the same."""
    wrong = []
    for row in reference_rows():
        given, graph = raw_design(row), load_task_graph(row["workload"])
        memory = {(e.source, e.target): given.edge_to_memory[e.source, e.target] for e in graph.edges}
        result = effective_design(RawDesign(given.roles, given.links, given.task_to_pe, memory))
        if list(result.kernel_order) != row["kernel_order"] or len(memory) != len(given.edge_to_memory):
            wrong.append(row["id"])
    assert wrong == []


def test_descriptions_of_measured_rows_become_what_farsi_simulates():
    wrong = []
    for row in reference_rows():
        graph = load_task_graph(row["workload"])
        given = description_of_row(row, graph, effective=False)
        given = replace(given, task_load_order=tuple(raw_design(row).task_to_pe))
        result = effective(given, graph)
        same_links = link_set(result.links) == link_set(row["effective_links"])
        same_blocks = {block.id for block in result.blocks} == set(row["effective_blocks"])
        if not (same_links and same_blocks and list(result.kernel_order) == row["kernel_order"]):
            wrong.append(row["id"])
    assert wrong == []


def test_measured_rows_have_farsis_order_of_blocks_where_the_order_of_links_is_known():
    """Rows of FARSI's own search list their links sorted, not in order of connection: their visit is unknown."""
    rows = [row for row in reference_rows() if "task_load_order" in row]
    assert len(rows) >= 160
    assert [
        row["id"] for row in rows if list(effective_design(raw_design(row)).blocks) != row["effective_blocks"]
    ] == []


def test_the_rows_tell_the_rules_apart():
    """Without pruning most multi-bus rows would be wrong, so agreement above is not vacuous."""
    rows = reference_rows()
    pruned = [row for row in rows if link_set(row["links"]) != link_set(row["effective_links"])]
    reordered = [row for row in rows if row["kernel_order"] != list(raw_design(row).task_to_pe)]
    settled_differs = [
        row for row in pruned if link_set(settle(raw_design(row)).links) != link_set(row["effective_links"])
    ]
    assert len(pruned) > 50 and len(reordered) > 50 and len(settled_differs) > 3
