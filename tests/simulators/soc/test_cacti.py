"""CACTI figures of memories: FARSI's rounding, every tabulated point, what lies between and beyond."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.errors import InvalidInputError, UnknownNameError
from simulators.soc import CactiTable, cacti_table
from simulators.soc.cacti import built_bytes

REFERENCE = Path(os.environ.get("ARCHGYM_REFERENCE", Path(__file__).resolve().parents[4] / "shared" / "reference"))
CACTI = REFERENCE / "soc" / "cacti_merged.json"
KINDS = {"ram": "sram", "main memory": "dram"}
KIND = st.sampled_from(["sram", "dram"])


def table_of(sizes, figures):
    by_kind = {"sram": np.array(figures, dtype=float), "dram": np.array(figures, dtype=float)}
    return CactiTable({kind: np.array(sizes) for kind in by_kind}, by_kind)


@pytest.mark.parametrize(
    ("held", "built"),
    [
        (0, 256_000),
        (1, 256_000),
        (256_000, 256_000),
        (256_000.5, 512_000),
        (256_001, 512_000),
        (46_190_860, 46_336_000),
    ],
)
def test_sizes_are_rounded_up(held, built):
    assert built_bytes(held) == built


@pytest.mark.skipif(not CACTI.is_file(), reason=f"no reference figures {CACTI}")
def test_equals_the_reference_bit_for_bit():
    table, points = cacti_table(), json.loads(CACTI.read_text())
    assert sum(len(sizes) for sizes in table.sizes.values()) == len(points)
    for point in points:
        for exact in (True, False):
            got = table.memory(KINDS[point["type"]], point["size_bytes"], exact)
            assert got.read_j_per_byte == point["read_J_per_byte"]
            assert got.write_j_per_byte == point["write_J_per_byte"]
            assert got.area_m2 == point["area_m2"]


def test_one_figure_by_hand():
    """0.0437478 nJ for 16 bytes of an SRAM of 256 kB, x 0.064; 0.854586 mm2 x 0.07."""
    got = cacti_table().memory("sram", 1000, exact=True)
    assert got.size_bytes == 256_000
    assert got.read_j_per_byte == pytest.approx(0.0437478e-9 / 16 * 0.064, rel=1e-15)
    assert got.area_m2 == pytest.approx(0.854586e-6 * 0.07, rel=1e-15)


def test_sizes_that_are_not_tabulated_have_no_exact_figures():
    table = cacti_table()
    for kind, held in (("sram", 4_352_000), ("dram", 60_000_000)):
        assert np.isnan(table.memory(kind, held, exact=True).read_j_per_byte)
        refusal = table.refusal(kind, held)
        assert f"no CACTI figures for {kind.upper()} of" in refusal and "51,200,000" in refusal
    assert table.refusal("sram", 4_096_000) == ""


def test_between_lie_straight_lines_in_log_log():
    """Figures of size^0.5, 8/size and a constant at 1 and 4 steps: at 2 steps 2^0.5, 4 and 3."""
    table = table_of([256_000, 1_024_000], [[1, 8, 3], [2, 2, 3]])
    got = table.memory("dram", 512_000, exact=False)
    figures = [got.read_j_per_byte, got.write_j_per_byte, got.area_m2]
    assert np.allclose(figures, [2**0.5, 4, 3], rtol=1e-14)


def test_beyond_the_table_the_best_power_goes_on():
    """Through points 1, 2, 4 with 1, 2, 16 the best power is 2: 8 steps have 16 x 2^2."""
    table = table_of([256_000, 512_000, 1_024_000], [[1, 1, 5], [2, 2, 5], [16, 4, 5]])
    assert table.exponents["sram"] == pytest.approx([2, 1, 0], abs=1e-14)
    got = table.memory("sram", 2_048_000, exact=False)
    figures = [got.read_j_per_byte, got.write_j_per_byte, got.area_m2]
    assert np.allclose(figures, [64, 8, 5], rtol=1e-13)


@given(KIND, st.lists(st.integers(0, 10**9), min_size=1, max_size=20), st.booleans())
def test_the_grid_is_the_table_by_number_of_steps(kind, held, exact):
    table = cacti_table()
    steps = 4000
    grid = table.grid(steps, exact)
    assert grid.shape == (2, steps, 3)
    got = table.memory(kind, held, exact)
    place = (got.size_bytes // 256_000).astype(int) - 1
    expected = np.column_stack([got.read_j_per_byte, got.write_j_per_byte, got.area_m2])
    assert np.array_equal(grid[["sram", "dram"].index(kind), place], expected, equal_nan=True)


@given(KIND, st.integers(0, 10**11))
def test_inexact_figures_are_always_there(kind, held):
    got = cacti_table().memory(kind, held, exact=False)
    for figure in (got.read_j_per_byte, got.write_j_per_byte, got.area_m2):
        assert np.isfinite(figure) and figure > 0


@given(st.integers(1, 1000), st.integers(1, 1000))
def test_larger_srams_cost_more(a, b):
    small, large = sorted((a, b))
    small_figures, large_figures = cacti_table().grid(1000, exact=False)[0, [small - 1, large - 1]]
    assert (small_figures <= large_figures).all()


@pytest.mark.parametrize(("kind", "bars"), [("sram", (0.023, 0.056, 0.073)), ("dram", (0.017, 0.705, 0.272))])
def test_sizes_left_out_are_met_as_documented(kind, bars):
    table = cacti_table()
    sizes, figures = table.sizes[kind], table.figures[kind]
    errors = []
    for i in range(1, len(sizes) - 1):
        others = {k: np.delete(sizes, i) for k in ("sram", "dram")}
        reduced = CactiTable(others, {k: np.delete(figures, i, axis=0) for k in others})
        got = reduced.memory(kind, sizes[i], exact=False)
        errors.append(np.array([got.read_j_per_byte, got.write_j_per_byte, got.area_m2]) / figures[i] - 1)
    worst = np.abs(errors).max(axis=0)
    assert (worst <= bars).all() and (worst > 0.9 * np.array(bars)).all()
    assert (np.median(np.abs(errors), axis=0) < 0.0012).all()


def test_shapes_are_kept_and_other_kinds_refused():
    assert cacti_table().memory("sram", np.zeros((2, 3)), exact=True).area_m2.shape == (2, 3)
    with pytest.raises(UnknownNameError, match="did you mean 'sram'"):
        cacti_table().memory("ram", 1, exact=True)


@pytest.mark.parametrize(
    ("sizes", "figures", "message"),
    [
        ([512_000, 256_000], [[1, 1, 1], [1, 1, 1]], "ascending multiples"),
        ([256_000, 300_000], [[1, 1, 1], [1, 1, 1]], "ascending multiples"),
        ([256_000, 512_000], [[1, 1, 1]], "three figures above 0 for each of 2"),
        ([256_000, 512_000], [[1, 1, 1], [1, 0, 1]], "above 0"),
    ],
)
def test_tables_that_cannot_be(sizes, figures, message):
    with pytest.raises(InvalidInputError, match=message):
        table_of(sizes, figures)
