"""Comparison with reference tables: what is read, compared, refused and judged."""

from __future__ import annotations

import copy
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from simulators.errors import InvalidInputError
from simulators.soc import load_task_graph
from simulators.soc.validation import OWN, ROWS, SocValidation, TableSummary, validate_soc

WORKLOAD = "edge_detection"


def row() -> dict[str, Any]:
    """One A53, one SRAM wide enough never to limit it, one bus: tasks run one after another at 2e9 instructions/s."""
    g = load_task_graph(WORKLOAD)
    blocks = [
        {"id": "pe0", "type": "pe", "lib": "A53_pe", "subtype": "gpp"},
        {"id": "mem0", "type": "mem", "lib": "LMEM_5_8_mem", "subtype": "sram"},
        {"id": "ic0", "type": "ic", "lib": "LMEM_ic_5_8_ic", "subtype": "ic"},
    ]
    links = [["pe0", "ic0"], ["mem0", "ic0"]]
    seconds = sum(task.work_instructions for task in g.tasks) / 2e9
    return {
        "id": "one",
        "workload": WORKLOAD,
        "blocks": blocks,
        "links": links,
        "task_to_pe": dict.fromkeys(g.index, "pe0"),
        "edge_to_mem": dict.fromkeys(g.edge_index, "mem0"),
        "effective_blocks": ["pe0", "ic0", "mem0"],
        "effective_links": links,
        "kernel_order": list(g.index),
        "result": {"latency_s": {WORKLOAD: seconds}, "area_by_subtype_m2": {"gpp": 0.65e-6, "dram": 0.0, "ic": 0.0}},
        "phases": sum(task.work_instructions > 0 for task in g.tasks),
    }


def validated(folder: Path, *rows: dict[str, Any], packed: bool = False) -> SocValidation:
    text = "\n".join(json.dumps(one) for one in rows) + "\n"
    if packed:
        (folder / "farsi_rows.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    else:
        (folder / "farsi_rows.jsonl").write_text(text)
    return validate_soc(folder)


def table(report: SocValidation, name: str) -> TableSummary:
    return next(one for one in report.tables if one.table == name)


@pytest.mark.parametrize("packed", [False, True])
def test_a_design_worked_by_hand_agrees(tmp_path: Path, packed: bool) -> None:
    report = validated(tmp_path, row(), packed=packed)
    assert report.passed
    assert (table(report, ROWS).compared, table(report, ROWS).agreeing, table(report, ROWS).values) == (1, 1, 5)
    assert table(report, OWN).agreeing == 1
    assert {d.metric for d in report.details if d.table == ROWS} >= {f"latency_s.{WORKLOAD}", "phases"}
    assert report.to_json()["passed"] is True


@pytest.mark.parametrize(
    ("path", "change"),
    [
        (("result", "latency_s", WORKLOAD), lambda x: x * (1 + 1e-8)),
        (("result", "area_by_subtype_m2", "gpp"), lambda x: 0.0),
        (("result", "area_by_subtype_m2", "dram"), lambda x: 1e-9),
        (("phases",), lambda x: x + 1),
    ],
)
def test_a_figure_beyond_the_bar_fails_its_row(tmp_path: Path, path: tuple[str, ...], change: Any) -> None:
    wrong = copy.deepcopy(row())
    holder: Any = wrong
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = change(holder[path[-1]])
    report = validated(tmp_path, row(), wrong)
    assert not report.passed
    assert (table(report, ROWS).agreeing, table(report, ROWS).worst_row, table(report, ROWS).met) == (1, 1, False)


def test_wrong_flags_and_impossible_designs_fail(tmp_path: Path) -> None:
    flagged = row()
    flagged["result"]["fits_budget"] = True
    assert table(validated(tmp_path, flagged), ROWS).agreeing == 0
    impossible = row()
    impossible["effective_links"] = [["pe0", "ic0"]]
    impossible["effective_blocks"] = ["pe0", "ic0"]
    report = validated(tmp_path, impossible)
    assert (table(report, ROWS).compared, table(report, ROWS).agreeing) == (1, 0)
    assert not report.passed


def test_our_own_order_must_give_the_latency_of_95_percent(tmp_path: Path) -> None:
    slow = row()
    slow["result"]["latency_s"][WORKLOAD] *= 1.01
    good = validated(tmp_path, *[row()] * 19, slow)
    assert (table(good, OWN).agreeing, table(good, OWN).met) == (19, True)
    assert table(good, OWN).worst_error == pytest.approx(0.01 / 1.01)
    assert not table(validated(tmp_path, *[row()] * 18, slow), OWN).met


def test_rows_that_cannot_be_read_are_listed_not_compared(tmp_path: Path) -> None:
    unknown, empty = row() | {"workload": "nobody", "result": {}}, row() | {"result": {}}
    report = validated(tmp_path, row(), unknown, empty)
    found = table(report, ROWS)
    assert (found.rows, found.compared, sum(found.not_supported.values())) == (3, 1, 2)
    assert any("nobody" in reason for reason in found.not_supported)


def test_library_and_memories(tmp_path: Path) -> None:
    processor = {
        "type": "pe",
        "subtype": "gpp",
        "peak_work_rate": 2e9,
        "work_per_joule": 47019607843.0,
        "one_over_area": 1 / 0.65e-6,
        "clock_hz": 1e9,
        "bus_width_bytes": None,
        "loop_unroll": 0,
    }
    bus = {
        "type": "ic",
        "subtype": "ic",
        "peak_work_rate": 4e8,
        "clock_hz": 1e8,
        "loop_unroll": 0,
        "bus_width_bytes": 4.0,
    }
    (tmp_path / "hw_library.json").write_text(
        json.dumps({WORKLOAD: {"A53_pe": processor, "LMEM_ic_0_1_ic": bus}, "nobody": {"A53_pe": processor}})
    )
    memory = {"type": "ram", "size_bytes": 256000, "read_J_per_byte": 0.0437478e-9 / 16 * 0.064}
    memory |= {"write_J_per_byte": 0.0403054e-9 / 16 * 0.064, "area_m2": 0.854586e-6 * 0.07}
    (tmp_path / "cacti_merged.json").write_text(json.dumps([memory, memory | {"type": "tape"}]))
    report = validate_soc(tmp_path)
    library, memories = table(report, "hw_library"), table(report, "cacti_merged")
    assert (library.rows, library.compared, library.agreeing) == (3, 2, 2)
    assert (memories.rows, memories.compared, memories.agreeing) == (2, 1, 1)
    assert report.passed
    (tmp_path / "cacti_merged.json").write_text(json.dumps([memory | {"area_m2": 1e-8}]))
    assert not validate_soc(tmp_path).passed


def test_nothing_to_compare_and_broken_files_are_explained(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="does not exist"):
        validate_soc(tmp_path / "nowhere")
    with pytest.raises(InvalidInputError, match=r"Expected farsi_rows\.jsonl"):
        validate_soc(tmp_path)
    (tmp_path / "hw_library.json").write_text("{")
    with pytest.raises(InvalidInputError, match="not JSON"):
        validate_soc(tmp_path)
