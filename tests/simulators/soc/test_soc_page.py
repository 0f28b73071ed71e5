"""docs/soc.md and the task graphs of docs/workloads.md say what the code says; the chip by hand is the model's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from docs.images import soc as picture
from docs.tables.memory_controller import tables_of
from docs.tables.soc_examples import anomaly_chip, unpriced_share
from docs.tables.soc_page import PAGE, TABLES, WORKLOAD_TABLES
from simulators.soc import description_of, load_task_graph
from simulators.soc.block_library import HardwareLibrary
from simulators.soc.chip_report import ChipReport, report_chip
from simulators.soc.graph_files import task_graph_of
from simulators.soc.model import SocModel
from simulators.soc.modes import REPAIRS
from simulators.soc.soc import Soc

TEXT = PAGE.read_text(encoding="utf-8")
WORKLOADS = (PAGE.parent / "workloads.md").read_text(encoding="utf-8")
ON_THE_PAGES = tables_of(TEXT) | tables_of(WORKLOADS)


def block(language: str) -> str:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.DOTALL)[0]


def by_hand(name: str) -> list[list[str]]:
    """Return the cells of a table that was written by hand, without its header."""
    (found,) = re.findall(rf"<!-- by hand: {name} -->\n(.*?)\n<!-- end of table -->", TEXT, flags=re.DOTALL)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found.splitlines()[2:]]


def hand_report(mode: str = "default") -> ChipReport:
    graph = task_graph_of(json.loads(block("json")))
    return report_chip(description_of(yaml.safe_load(block("yaml")), graph), SocModel(graph, mode))


# ---- generated tables ------------------------------------------------------------------------------------


def test_the_pages_have_every_table() -> None:
    assert sorted(tables_of(TEXT)) == sorted(TABLES)
    assert set(WORKLOAD_TABLES) <= set(tables_of(WORKLOADS))
    assert all(f"`{repair}`" in ON_THE_PAGES[table] for repair in REPAIRS for table in ("modes", "repairs"))


@pytest.mark.parametrize("name", [*TABLES, *WORKLOAD_TABLES])
def test_a_table_is_what_the_code_says(name: str) -> None:
    written = {**TABLES, **WORKLOAD_TABLES}[name]()
    assert ON_THE_PAGES[name] == written, "python -m docs.tables.soc_page writes the tables anew"


# ---- the chip worked out by hand -------------------------------------------------------------------------


def test_tasks_of_the_chip_worked_by_hand() -> None:
    report = hand_report()
    for name, pe, start, end, limit in by_hand("tasks"):
        task = report.tasks[name]
        assert (task.pe, task.limit) == (pe, limit)
        assert (1e3 * task.start_s, 1e3 * task.end_s) == pytest.approx((float(start), float(end)), abs=1e-12)
    assert report.phase_s.tolist() == pytest.approx([3e-3, 1.06e-3, 1.44e-3])
    assert [use.peak_bytes for use in report.blocks if use.id == "ram"] == [1_856_000]


def arithmetic(cell: str) -> tuple[float, float]:
    """Return what a cell's sum or product gives, and what it says; both the same where it says a number only."""
    numbers, _, says = re.sub(r"(?<=\d) (?=\d{3})|MB|per µJ", "", cell).rpartition("=")
    if not numbers:
        return float(says), float(says)
    return float(eval(numbers.replace("x", "*"), {"__builtins__": {}})), float(says)


def test_costs_of_the_chip_worked_by_hand() -> None:
    report, farsi = hand_report(), hand_report("farsi")
    found = {use.id: (use.energy_pj, use.area_mm2) for use in report.blocks}
    found["leakage, of 0.40528 mW"] = (report.metrics["leakage_energy_pj"], 0.0)
    found["all"] = (report.metrics["energy_pj"], report.metrics["area_mm2"])
    found["all in mode `farsi`"] = (farsi.metrics["energy_pj"], farsi.metrics["area_mm2"])
    rows = by_hand("costs")
    assert [row[0] for row in rows] == list(found)
    for name, energy, area in rows:
        for cell, value in zip((energy, area), (found[name][0] * 1e-6, found[name][1]), strict=True):
            if cell:
                worked, says = arithmetic(cell)
                assert worked == pytest.approx(says, rel=2e-4), cell
                assert value == pytest.approx(says, rel=1e-4), (name, cell)
    assert farsi.metrics["latency_ns"] == report.metrics["latency_ns"]


def test_power_and_distance_of_the_chip_worked_by_hand() -> None:
    report = hand_report()
    power = report.metrics["peak_power_mw"]
    assert report.metrics["average_power_mw"] == pytest.approx(power)
    assert f"are {power:.2f} mW" in TEXT
    excess = [100 * (line.value / line.limit - 1) for line in report.budgets[:3]]
    assert f"5 ms by {excess[0]:.0f} %, power 20 mW by {excess[1]:.1f} %, area 1 mm² by {excess[2]:.1f} %" in TEXT
    assert f"`dist_to_goal`: {report.metrics['dist_to_goal']:.3f}." in TEXT


def test_the_example_in_python_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "camera.json").write_text(block("json"))
    (tmp_path / "chip.yaml").write_text(block("yaml"))
    for code in re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL):
        exec(compile(code, "docs/soc.md", "exec"), {})
    first, second = capsys.readouterr().out.splitlines()
    assert float(first) > 0 and second.startswith("5500000.0")


# ---- what the text says ----------------------------------------------------------------------------------


def test_the_picture_shows_a_chip_that_meets_the_budgets() -> None:
    report = picture.report()
    assert report.budgets and all(line.value <= line.limit for line in report.budgets)
    assert picture.PICTURE.read_bytes().startswith(b"\x89PNG")
    assert f"images/{picture.PICTURE.name}" in TEXT and str(picture.CHIP.name) in TEXT


def test_figures_of_the_text() -> None:
    assert f"`edge_detection+hpvm_cava`\n{100 * unpriced_share():.0f} % have a memory without figures" in TEXT
    edge, audio = (Soc(name).space() for name in ("edge_detection", "audio_decoder"))
    said = [f"{space.dimensions} {{}}and {float(space.size):.1e}".replace("e+", "e") for space in (edge, audio)]
    assert said[0].format("parameters ") + " designs for edge detection" in TEXT
    assert said[1].format("") + " for the audio decoder" in TEXT
    library = HardwareLibrary.of(load_task_graph("edge_detection"))
    assert len(library.of_kind("gpp")) == 1 and library.of_kind("gpp")[0].rate == 2e9


def test_the_faster_accelerator_of_the_page_is_the_only_difference() -> None:
    slow, fast = anomaly_chip(100), anomaly_chip(400)
    differ = [a.id for a, b in zip(slow.blocks, fast.blocks, strict=True) if a != b]
    assert differ == ["acc"] and slow.task_to_pe == fast.task_to_pe and slow.links == fast.links
