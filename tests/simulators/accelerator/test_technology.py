"""Energy and area by node: tabulated points exact, rules between and beyond them, errors of the interpolation."""

from __future__ import annotations

import csv
import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs.tables.accelerator import components_table, interpolation_table, sram_table
from simulators.accelerator._sram import read_table, sram_points
from simulators.accelerator.technology import (
    DRAM_KINDS,
    INTERPOLATION_BAR,
    NODES_NM,
    SRAM_METRICS,
    STORAGE_KINDS,
    SramFigures,
    dram_pj_per_bit,
    leave_one_out,
    technology,
)
from simulators.errors import InvalidInputError, UnknownNameError

KB, MB = 1024, 1024 * 1024
REFERENCE = Path(os.environ.get("ARCHGYM_REFERENCE", "../shared/reference")) / "accelerator" / "cacti_sram_energy.csv"

BEYOND_THE_BAR = {
    (22, 16, "area_mm2"): -0.124,
    (22, 108, "area_mm2"): +0.129,
    (65, 16, "read_pj"): -0.143,
    (65, 108, "read_pj"): +0.154,
    (65, 256, "read_pj"): -0.138,
}
"""Node, size in kB and metric: interior sizes that CACTI folds differently from their neighbours, so that no curve
through the neighbours meets them; the signed errors are what the power laws give."""
AT_THE_ENDS = {
    (22, 8, "area_mm2"): +0.184,
    (22, 2048, "read_pj"): -0.191,
    (45, 8, "read_pj"): +0.171,
    (45, 2048, "read_pj"): +0.252,
    (45, 2048, "write_pj"): -0.171,
    (65, 2048, "read_pj"): -0.171,
    (65, 2048, "write_pj"): -0.156,
}
"""The same at 8 kB, whose lower neighbour is 2 kB, and at 2 MB, which is extrapolated."""
THREE_FIGURES = {
    (45, 32): (17.0418, 15.3975, 0.095),
    (45, 128): (32.2859, 26.065, 0.430),
    (22, 128): (7.40, 6.16, 0.119),
}
"""Sizes in kB of which read pJ, write pJ and mm2 are known, but neither leakage nor cycle time."""
FOLDED = 0.008
"""By how much reading 128 kB costs less than reading 108 kB at 22 nm."""


def as_row(figures: SramFigures) -> list[float]:
    return [float(getattr(figures, metric)) for metric in SRAM_METRICS]


# ---- SRAM: points, errors between them ----


@pytest.mark.parametrize("node", NODES_NM)
def test_tabulated_points_are_exact(node: int) -> None:
    for point in sram_points(node):
        found = as_row(technology(node).sram(point.size_bytes, point.port_bits))
        known = [value for value in point.values if not math.isnan(value)]
        assert found[: len(known)] == known and len(known) == (5 if point.complete else 3)
        assert all(0 < value < math.inf for value in found)


def test_our_table_is_cactis() -> None:
    if not REFERENCE.exists():
        pytest.skip(f"no reference file {REFERENCE}: set ARCHGYM_REFERENCE")
    rows = list(csv.DictReader(REFERENCE.read_text(encoding="utf-8").splitlines()))
    columns = ("read_pJ", "write_pJ", "area_mm2", "leak_mW", "cycle_ns")
    for row in rows:
        figures = technology(int(float(row["tech_nm"]))).sram(1024 * int(row["kB"]), int(row["width_bits"]))
        assert as_row(figures) == [float(row[column]) for column in columns]
    assert len(rows) == sum(point.complete for node in NODES_NM for point in sram_points(node)) == 30


def test_sizes_left_out_are_within_the_bar_but_for_the_known_ones() -> None:
    table = [point for node in NODES_NM for point in leave_one_out(node) if point.metric in SRAM_METRICS[:3]]
    missed = [point for point in table if abs(point.relative_error) > INTERPOLATION_BAR]
    for interior, known in ((True, BEYOND_THE_BAR), (False, AT_THE_ENDS)):
        found = {(p.node_nm, p.size_bytes // KB, p.metric): p.relative_error for p in missed if p.interior == interior}
        assert found == pytest.approx(known, abs=6e-4)
    assert len(table) == 3 * (8 + 9 + 7) and sum(point.interior for point in table) == 3 * (6 + 7 + 5)


@pytest.mark.parametrize("node", [22, 45])
def test_energies_of_every_interior_size_left_out_are_within_the_bar_where_most_sizes_are_known(node: int) -> None:
    errors = [p.relative_error for p in leave_one_out(node) if p.interior and p.metric in ("read_pj", "write_pj")]
    assert len(errors) == 2 * {22: 6, 45: 7}[node]
    assert max(map(abs, errors)) <= INTERPOLATION_BAR


def test_a_size_left_out_lies_on_the_straight_line_of_logarithms() -> None:
    row = next(p for p in leave_one_out(22) if p.size_bytes == 16 * KB and p.metric == "read_pj")
    share = np.log(16 / 8) / np.log(64 / 8)
    low, high = (float(technology(22).sram(size * KB).read_pj) for size in (8, 64))
    assert row.interpolated == pytest.approx(low ** (1 - share) * high**share)
    assert row.relative_error == pytest.approx(row.interpolated / 2.6436 - 1)


@pytest.mark.parametrize(("node", "size_kb"), THREE_FIGURES)
def test_what_is_not_known_of_a_size_is_interpolated(node: int, size_kb: int) -> None:
    """Leakage and cycle time lie on the straight line of logarithms between the nearest sizes that have them."""
    found = as_row(technology(node).sram(size_kb * KB))
    assert tuple(found[:3]) == THREE_FIGURES[node, size_kb]
    complete = [p for p in sram_points(node) if p.complete and p.port_bits == 64]
    below = max((p for p in complete if p.size_bytes < size_kb * KB), key=lambda p: p.size_bytes)
    above = min((p for p in complete if p.size_bytes > size_kb * KB), key=lambda p: p.size_bytes)
    share = np.log(size_kb * KB / below.size_bytes) / np.log(above.size_bytes / below.size_bytes)
    expected = [low ** (1 - share) * high**share for low, high in zip(below.values, above.values, strict=True)]
    assert found[3:] == pytest.approx(expected[3:])


def test_leaving_a_size_out_takes_it_out_of_what_was_interpolated_too() -> None:
    """The leakage of 32 kB at 45 nm lies between 16 and 64 kB; without 64 kB it must not know it."""
    row = next(p for p in leave_one_out(45) if p.size_bytes == 64 * KB and p.metric == "leakage_mw")
    low, high = (float(technology(45).sram(size * KB).leakage_mw) for size in (16, 108))
    share = np.log(64 / 16) / np.log(108 / 16)
    assert row.interpolated == pytest.approx(low ** (1 - share) * high**share)


@given(st.sampled_from(NODES_NM), st.floats(1, 16 * MB), st.floats(1, 16))
def test_more_bytes_never_cost_less(node: int, size: float, factor: float) -> None:
    small, large = (as_row(technology(node).sram(bytes_)) for bytes_ in (size, size * factor))
    assert large[0] >= small[0] * (1 - (FOLDED if node == 22 else 1e-12))
    assert all(more >= less * (1 - 1e-12) for less, more in zip(small[1:4], large[1:4], strict=True))


@given(st.sampled_from(NODES_NM), st.integers(1, 4096), st.integers(1, 512), st.integers(1, 64))
def test_arrays_give_what_numbers_give(node: int, size_kb: int, port: int, banks: int) -> None:
    sizes, ports = np.array([[1.0], [size_kb * KB], [300.0]]), np.array([port, 32])
    found = technology(node).sram(sizes, ports, banks)
    assert found.read_pj.shape == found.cycle_ns.shape == (3, 2)
    alone = as_row(technology(node).sram(size_kb * KB, port, banks))
    assert [float(getattr(found, metric)[1, 0]) for metric in SRAM_METRICS] == alone


# ---- SRAM: memories of several macros ----


def test_a_wide_port_is_macros_side_by_side() -> None:
    one, four = as_row(technology(45).sram(16 * KB)), as_row(technology(45).sram(64 * KB, 256))
    assert four == pytest.approx([4 * value for value in one[:4]] + one[4:])
    assert as_row(technology(45).sram(32 * KB, 65)) == as_row(technology(45).sram(32 * KB, 128))


@pytest.mark.parametrize("node", NODES_NM)
def test_side_by_side_macros_against_the_tabulated_wide_one(node: int) -> None:
    halves, wide = as_row(technology(node).sram(64 * KB)), as_row(technology(node).sram(128 * KB, 128))
    assert [2 * value for value in halves[::2][:2]] == pytest.approx(wide[::2][:2], rel=0.05)
    assert 2 * halves[1] / wide[1] == pytest.approx(0.842, abs=0.01)


def test_a_narrow_port_is_charged_a_whole_macro() -> None:
    node = technology(22)
    assert as_row(node.sram(16 * KB, 16)) == as_row(node.sram(16 * KB, 64))
    assert as_row(node.sram(1025, 32)) == as_row(node.sram(2 * KB, 64))
    assert as_row(node.sram(100, 8)) == as_row(node.sram(1 * KB, 32))
    assert as_row(node.sram(100, 33)) == as_row(node.sram(2 * KB, 64))


def test_the_largest_macro_is_repeated() -> None:
    one, three = as_row(technology(65).sram(2 * MB)), as_row(technology(65).sram(2 * 2 * MB + 1))
    assert three == pytest.approx([one[0], one[1], 3 * one[2], 3 * one[3], one[4]])


def test_one_bank_is_accessed_and_all_are_built() -> None:
    one, banked = as_row(technology(45).sram(16 * KB)), as_row(technology(45).sram(128 * KB, banks=8))
    assert banked == pytest.approx([one[0], one[1], 8 * one[2], 8 * one[3], one[4]])


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ((0,), "SRAM size in bytes cannot be 0"),
        (([1024, float("nan")],), "SRAM size in bytes cannot be nan"),
        ((1024, 0), "SRAM port in bits cannot be 0"),
        ((1024, [64, 1.5]), "SRAM port in bits cannot be 1.5. Expected a whole number"),
        ((1024, 64, -1), "SRAM banks cannot be -1"),
    ],
)
def test_impossible_sram_is_refused(arguments: tuple[float, ...], wrong: str) -> None:
    with pytest.raises(InvalidInputError, match=wrong):
        technology(45).sram(*arguments)


# ---- components ----


def test_figures_of_the_datapath() -> None:
    assert (technology(45).mac().energy_pj, technology(45).mac(16).area_mm2) == pytest.approx((3.89, 2727e-6))
    assert (technology(22).mac().energy_pj, technology(22).mac(16).area_mm2) == pytest.approx((1.14, 684e-6))
    assert (technology(45).mac(8).energy_pj, technology(22).mac(8).energy_pj) == (1.03, 0.30)
    assert (technology(45).register().energy_pj, technology(45).register().area_mm2) == pytest.approx((0.166, 140e-6))
    assert technology(45).adder().energy_pj == 0.121


def test_derived_figures_follow_their_stated_rule() -> None:
    """The rules stand at the head of data/components.csv; figures are stored with four digits."""
    rows = {(row["component"], row["bits"], row["node_nm"]): row for row in read_table("components")}
    whole_mac, half_mac = 6350 / 4 + 278, 6350 / 16 + 278 / 2
    for (component, bits, node), row in rows.items():
        part = {"mac": half_mac if bits == "8" else whole_mac, "adder": 278 / 2}.get(component, 0.0)
        composed = part / whole_mac * float(rows["mac", "16", node]["area_um2"])
        larger = rows[component, bits, "45"]
        rules = {"area": {"C": composed, "R": float(larger["area_um2"]) * 684 / 2727}}
        rules["energy"] = {"R": float(larger["energy_pj"]) * 1.14 / 3.89}
        for kind, column in (("area", "area_um2"), ("energy", "energy_pj")):
            expected = rules[kind].get(row[f"{kind}_source"])
            assert expected is None or float(row[column]) == pytest.approx(expected, rel=5e-4), (component, bits, node)
    assert {row["area_source"] for row in rows.values()} == {"A", "C", "R"}


def test_energy_of_dram() -> None:
    energies = {kind: dram_pj_per_bit(kind) for kind in DRAM_KINDS}
    assert energies == {"lpddr4": 8.0, "lpddr": 40.0, "ddr3": 70.0, "hbm2": 6.25, "hbm3": 4.05}


def test_register_files_grow_with_words_and_bits() -> None:
    files = technology(45).register_file(np.array([1, 64, 256]))
    assert files.read_pj == pytest.approx([0.032, 0.158, 0.542])
    assert files.write_pj == pytest.approx([0.0352, 0.1738, 0.5962])
    assert files.area_mm2 == pytest.approx([140e-6, 64 * 140e-6, 256 * 140e-6])
    assert technology(45).register_file(64, 8).read_pj == pytest.approx(0.158 / 2)
    assert technology(22).register_file(64).read_pj == pytest.approx(0.158 * 1.14 / 3.89)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: technology(32), "unknown technology node .* '32'.*22, 45, 65"),
        (lambda: technology(65).mac(), "'mac' '65'.*22, 45"),
        (lambda: technology(65).register_file(4), "'65'.*22, 45"),
        (lambda: technology(65).storage("smartbuffer_SRAM", 4096), "'65'.*22, 45"),
        (lambda: technology(45).mac(32), "bits of the component 'mac' '32'.*8, 16"),
        (lambda: technology(45).adder(8), "bits of the component 'adder' '8'.*16"),
        (lambda: dram_pj_per_bit("LPDDR4"), "did you mean 'lpddr4'"),
        (lambda: technology(45).storage("sram", 64), "did you mean 'SRAM'"),
        (lambda: leave_one_out(7), "unknown technology node .* '7'"),
    ],
)
def test_unknown_names_are_refused(call, message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        call()


# ---- storage classes ----


def test_sram_storage_is_an_sram_of_its_words() -> None:
    found, macro = technology(45).storage("SRAM", 8192, 16, 4), technology(45).sram(16 * KB, 64)
    assert (found.read_pj, found.write_pj, found.area_mm2) == (macro.read_pj, macro.write_pj, macro.area_mm2)
    assert float(found.read_pj) == 11.6097
    assert technology(45).storage("SRAM", 8192 * 4, 16, 16, banks=1).read_pj == pytest.approx(4 * 11.6097)
    assert technology(45).storage("SRAM", 8192 * 4, 16, 4, banks=4).read_pj == 11.6097


def test_register_storage_is_lanes_side_by_side() -> None:
    found = technology(45).storage("regfile", 64, 16, 4, banks=2)
    assert float(found.read_pj) == pytest.approx(4 * (0.03 + 0.002 * 8))
    assert float(found.area_mm2) == pytest.approx(64 * 140e-6)


@pytest.mark.parametrize("plain", ["regfile", "SRAM"])
def test_a_smartbuffer_adds_two_address_generators_and_one_addition(plain: str) -> None:
    smart = {"regfile": "smartbuffer_RF", "SRAM": "smartbuffer_SRAM"}[plain]
    words, adder = np.array([4, 4096]), technology(22).adder()
    without, found = (technology(22).storage(kind, words, 16, 2, banks=4) for kind in (plain, smart))
    assert found.read_pj - without.read_pj == pytest.approx([adder.energy_pj] * 2)
    assert found.write_pj - without.write_pj == pytest.approx([adder.energy_pj] * 2)
    assert found.area_mm2 - without.area_mm2 == pytest.approx([8 * adder.area_mm2] * 2)


@given(
    st.sampled_from(STORAGE_KINDS),
    st.sampled_from([22, 45]),
    st.integers(1, 65536),
    st.integers(1, 4),
    st.integers(1, 9),
)
def test_storage_costs_grow_with_words(kind: str, node: int, words: int, block: int, factor: int) -> None:
    small, large = (technology(node).storage(kind, count, 16, block) for count in (words, words * factor))
    for figure in ("read_pj", "write_pj", "area_mm2"):
        slack = FOLDED if node == 22 and figure == "read_pj" else 1e-12
        assert 0 < float(getattr(small, figure)) <= float(getattr(large, figure)) * (1 + slack)


def test_storage_of_no_words_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="storage words cannot be 0"):
        technology(45).storage("SRAM", [64, 0])


# ---- tables ----


def test_tables_show_every_figure_and_source() -> None:
    assert sram_table().count("\n") == 1 + 33
    assert "| 45 | 32 | 64 | 17.04 | 15.4 | 0.095 | - | - |" in sram_table()
    assert "| 45 | 16 | 64 | 11.61 | 10.7 | 0.05074 |" in sram_table()
    assert "| 16-bit MAC | 45 | 3.89 | 2727 | Aladdin (ISCA 2014)" in components_table()
    assert "| 65 | `read_pj` | 13.8% | 15.4% | 16 kB -14.3%, 108 kB +15.4%, 256 kB -13.8% |" in interpolation_table()
