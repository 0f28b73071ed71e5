"""docs/accelerator.md and docs/environments.md say what the code says; the page's example by hand is the kernel's."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

import archgym_envs
from docs.images import accelerator as picture
from docs.tables.accelerator_examples import HAND_ARCHITECTURE, HAND_LAYER, HAND_MAPPING, evaluated, layer_named
from docs.tables.accelerator_page import PAGE, TABLES, thousands
from docs.tables.memory_controller import tables_of
from simulators.accelerator import Accelerator, architecture_of, map_layer
from simulators.accelerator.kernel_layout import (
    GLB,
    LEVELS,
    O_CYCLES,
    O_ENERGY,
    O_LEVEL_ENERGY,
    O_MAC_ENERGY,
    TENSORS,
)
from simulators.accelerator.mapping_report import report_mapping
from simulators.accelerator.mapping_simulator import LayerMapping
from simulators.accelerator.modes import REPAIRS
from simulators.accelerator.technology import technology
from simulators.accelerator.validation import validate_accelerator

TEXT = PAGE.read_text(encoding="utf-8")
ENVIRONMENTS = (PAGE.parent / "environments.md").read_text(encoding="utf-8")
ON_THE_PAGE = tables_of(TEXT)
IDS = ("archgym/Accelerator-v0", "archgym/Mapping-v0", "archgym/CoDesign-v0", "archgym/SystolicArray-v0")
REFERENCE = Path(os.environ.get("ARCHGYM_REFERENCE", PAGE.parents[2] / "shared" / "reference")) / "accelerator"


def by_hand(name: str) -> list[list[str]]:
    """Return the cells of a table that was written by hand, without its header."""
    (block,) = re.findall(rf"<!-- by hand: {name} -->\n(.*?)\n<!-- end of table -->", TEXT, flags=re.DOTALL)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()[2:]]


# ---- generated tables ------------------------------------------------------------------------------------


def test_the_page_has_every_table() -> None:
    assert sorted(ON_THE_PAGE) == sorted(TABLES)
    assert all(f"`{repair}`" in ON_THE_PAGE[table] for repair in REPAIRS for table in ("modes", "repairs"))


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_code_says(name: str) -> None:
    assert ON_THE_PAGE[name] == TABLES[name](), "python -m docs.tables.accelerator_page writes the tables anew"


def test_every_repair_changes_something_in_its_example() -> None:
    rows = ON_THE_PAGE["repairs"].splitlines()[2:]
    assert len(rows) == len(REPAIRS)
    assert all(" -> " in row for row in rows)


# ---- the layer worked out by hand ------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["default", "timeloop"])
def test_counts_of_the_layer_worked_out_by_hand(mode: str) -> None:
    counts, _ = evaluated(HAND_LAYER, HAND_ARCHITECTURE, HAND_MAPPING, 15 if mode == "default" else 0)
    expected = np.zeros((LEVELS, 3, 3))
    for name, *cells in by_hand("counts"):
        level, tensor = name.split()
        place = {"DRAM": 0, "GLB": 1, "RF": 4}[level], TENSORS.index(tensor)
        for which, cell in enumerate(cells):
            terms = [int(term) for term in cell.split("+")]  # what comes after the first is mode default's alone
            expected[*place, which] = sum(terms) if mode == "default" else terms[0]
    np.testing.assert_array_equal(counts, expected)


def test_cycles_and_energy_of_the_layer_worked_out_by_hand() -> None:
    results = [evaluated(HAND_LAYER, HAND_ARCHITECTURE, HAND_MAPPING, repairs)[1] for repairs in (15, 0)]
    rows = dict(by_hand("energy"))
    sums = {name: int(cell.split("=")[-1]) for name, cell in rows.items()}
    levels = results[0][O_LEVEL_ENERGY : O_LEVEL_ENERGY + LEVELS]
    assert [sums[name] for name in ("DRAM", "GLB", "RF")] == levels[[0, GLB, 4]].tolist()
    assert sums["MAC"] == results[0][O_MAC_ENERGY]
    assert [sums["all"], sums["all in mode `timeloop`"]] == [result[O_ENERGY] for result in results]
    for cell in rows.values():
        if "=" in cell:
            terms = re.sub("[^0-9+*() -]", "", cell.split("=")[0].replace(" x ", " * ").replace("PEs", ""))
            assert eval(terms) == int(cell.split("=")[-1])
    assert "32 / 2 = 16 cycles" in TEXT and {result[O_CYCLES] for result in results} == {16}
    assert "48 / (16 x 4) = 75 %" in TEXT


def test_tiles_of_the_layer_worked_out_by_hand() -> None:
    report = report_mapping(HAND_LAYER, HAND_MAPPING, HAND_ARCHITECTURE)
    assert "So the\nRF needs 5 words, the GLB 22." in TEXT
    assert [level.tile_words for level in report.levels[1:]] == [22, 5]
    assert [level.capacity_words for level in report.levels[1:]] == [22, 5]


# ---- pictures, numbers in the text, examples -------------------------------------------------------------


def test_numbers_beside_the_picture_are_those_of_the_picture() -> None:
    assert [PAGE.parent / name for name in re.findall(r"!\[.+?\]\((.+?)\)", TEXT)] == [picture.PICTURE]
    assert picture.PICTURE.is_file()
    flows = {(f.tensor, f.outer, f.upward): f for f in picture.report().flows}
    weights, outputs = flows["Weights", 0, False], flows["Outputs", 1, True]
    read, written = f"{weights.outer_words / 1e3:.0f} k read", f"{weights.inner_words / 1e6:.2f} M written"
    leave, arrive = f"{outputs.inner_words / 1e6:.1f} M leave", f"{outputs.outer_words / 1e6:.2f} M arrive"
    assert f"weights: {read}, {written}" in TEXT
    assert f"({leave} the PEs, {arrive})" in TEXT


def test_leakage_is_as_small_as_the_page_says() -> None:
    figures, built = technology(45), architecture_of({})
    words = 2 * built.pe_levels[1].capacity_words
    leakage = built.columns * built.rows * figures.sram(words, 16).leakage_mw + figures.sram(108 * 1024).leakage_mw
    simulator = Accelerator()
    power = simulator.simulate({"array_columns": [14]}, simulator.load_workload("resnet18")).row(0)["average_power_mw"]
    (said,) = re.findall(r"is ([\d.]+) mW at 45 nm, where ResNet-18\s+draws (\d+) mW", TEXT)
    assert said == (f"{leakage:.2g}", f"{power:.0f}")


def test_the_example_at_the_top_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    exec(code, {})
    printed = capsys.readouterr().out
    conv1 = map_layer(layer_named("resnet18", "conv1"), LayerMapping("eyeriss").architecture)
    assert printed.endswith(conv1.mapping.loop_nest() + "\n")


@pytest.mark.skipif(not REFERENCE.is_dir(), reason=f"no reference results at {REFERENCE} (set ARCHGYM_REFERENCE)")
def test_the_agreement_is_what_the_page_says() -> None:
    (table,) = [t for t in validate_accelerator(REFERENCE).tables if t.table == "timeloop_points"]
    (points, values, error) = re.findall(
        r"all (\d+) measured points .*?all (\d+) compared.*?within ([\d.]+) %", TEXT, re.S
    )[0]
    assert (table.agreeing, table.compared, table.values) == (int(points), int(points), int(values))
    assert f"{table.worst_energy_error:.3%}" == f"{error}%"


# ---- the page of environments ----------------------------------------------------------------------------


def section(id: str) -> str:
    return ENVIRONMENTS.split(f"\n## {id}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("id", IDS)
def test_the_page_of_environments_has_every_argument(id: str) -> None:
    names = re.findall(r"`(\w+)`", "\n".join(row.split("|")[1] for row in section(id).splitlines() if row[:1] == "|"))
    assert not set(archgym_envs.spec(id).parameters()) - set(names)


def test_the_page_of_environments_has_the_sizes_of_spaces() -> None:
    for id in ("archgym/Accelerator-v0", "archgym/SystolicArray-v0"):
        for space in ("default", "small"):
            size = archgym_envs.make_problem(id, space=space).space.size
            assert f"`{space}` ({thousands(size)}" in section(id)
    space = archgym_envs.make_problem("archgym/Accelerator-v0", space="archgym").space
    assert f"`archgym` ({space.size:.3g}, ArchGym's {space.dimensions} parameters)" in section("archgym/Accelerator-v0")
    codesign = archgym_envs.make_problem("archgym/CoDesign-v0").space
    assert f"{codesign.dimensions} parameters and {codesign.size:.0e}".replace("e+", "e") in section(
        "archgym/CoDesign-v0"
    ).replace("\n", " ")
