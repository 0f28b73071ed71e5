"""Reports of mappings: the numbers of the page's example, sums that must hold, tiles that just fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from simulators.accelerator.kernel_layout import CAPACITY, O_PES, OK
from simulators.accelerator.layers import Layer
from simulators.accelerator.mapping import Mapping
from simulators.accelerator.mapping_report import MAC, Flow, report_mapping
from simulators.accelerator.modes import MODES, chosen_repairs, repair_bits
from simulators.errors import InvalidInputError
from tests.simulators.accelerator.kernel_cases import (
    ALL,
    Case,
    answer,
    architecture_of,
    ask,
    perfect_cases,
    ragged_cases,
)

ROWS = Case(
    Layer("rows", m=2, c=4, r=2, p=3),
    Mapping.of({"dram": {"C": 2}, "glb": {"P": 3}, "columns": {"M": 2}, "rows": {"C": 2}, "pe": {"R": 2}}),
    architecture_of(ALL, (ALL,), columns=2, rows=2),
)
"""docs/accelerator.md works this layer out: one input row is shared by a tile and the next, C is added up over rows."""


def report_of(case: Case, mode: str = "default"):
    return report_mapping(case.layer, case.mapping, case.architecture, mode)


def test_flows_of_a_layer_worked_out_by_hand() -> None:
    """Weights: 4 words to each of 4 PEs, all different. Inputs: 8 to each, the columns' are the same. Outputs: 6 leave
    each PE, the rows' are added up; 3 come back to each."""
    assert report_of(ROWS).flows == (
        Flow("Weights", 0, 1, False, 16, 16),
        Flow("Weights", 1, 4, False, 16, 16),
        Flow("Weights", 4, MAC, False, 48, 48),
        Flow("Inputs", 0, 1, False, 16, 16),
        Flow("Inputs", 1, 4, False, 16, 32),
        Flow("Inputs", 4, MAC, False, 48, 48),
        Flow("Outputs", 0, 1, True, 6, 6),
        Flow("Outputs", 1, 4, True, 12, 24),
        Flow("Outputs", 1, 4, False, 6, 12),
        Flow("Outputs", 4, MAC, True, 48, 48),
    )


def test_loops_and_tiles_of_a_layer_worked_out_by_hand() -> None:
    report = report_of(ROWS)
    loops = [*(use.loops for use in report.levels), report.columns, report.rows]
    assert [[(x.dimension, x.steps, x.even) for x in some] for some in loops] == [
        [("C", 2, True)],
        [("P", 3, True)],
        [("R", 2, True)],
        [("M", 2, True)],
        [("C", 2, True)],
    ]
    assert report.levels[1].loops[0].moves == ("Inputs", "Outputs")
    assert [[use.tile_words for use in level.tensors] for level in report.levels] == [[16, 16, 6], [8, 8, 6], [2, 2, 1]]
    assert (report.pes, report.array_pes, report.utilisation, report.limit) == (4, 4, 1.0, "")
    assert report.compulsory_dram_words == 38


def test_tiles_that_do_not_divide_are_marked_and_never_larger_than_the_layer() -> None:
    """P = 7 in tiles of 4 of which 2 PEs take 2 each; M = 5 on 8 columns: 3 idle; C = 3 in one step of up to 4."""
    mapping = Mapping.of({"glb": {"P": 2, "C": 4}, "rows": {"P": 2}, "columns": {"M": 8}, "pe": {"P": 2}})
    case = Case(Layer("ragged", m=5, p=7, c=3), mapping, architecture_of(ALL, (ALL,)))
    report = report_of(case)
    steps = {(x.dimension, x.steps, x.even) for x in (*report.columns, *report.rows, *report.levels[1].loops)}
    assert steps == {("M", 8, False), ("P", 2, False), ("C", 3, True)}
    assert (report.pes, report.levels[1].tensors[0].tile_words) == (10, 15)


def test_strided_tiles_follow_the_mode() -> None:
    """Three outputs two apart, a kernel of one: 3 rows are touched of the 5 that lie between first and last."""
    case = Case(Layer("strided", p=3, stride_h=2), Mapping.of({"pe": {"P": 3}}), architecture_of(ALL, (ALL,)))
    assert [report_of(case, mode).levels[2].tensors[1].tile_words for mode in MODES] == [3, 5]


def test_a_mapping_that_does_not_fit_says_why() -> None:
    small = replace(ROWS.architecture, glb=replace(ROWS.architecture.glb, capacity_words=21))
    with pytest.raises(InvalidInputError, match=r"capacity: the tiles kept in GLB do not fit \(layer rows\)"):
        report_of(replace(ROWS, architecture=small))


@settings(max_examples=120, deadline=None)
@given(st.one_of(perfect_cases(), ragged_cases()))
def test_a_report_adds_up(case: Case) -> None:
    found, report = answer(case), report_of(case)
    parts = sum(level.energy_pj for level in report.levels) + report.mac_energy_pj
    assert parts == pytest.approx(report.energy_pj, rel=1e-12)
    counts = [(use.reads, use.fills, use.updates) for level in report.levels for use in level.tensors]
    kept = np.array(case.keeps)
    assert np.array(counts).reshape(-1, 3) == pytest.approx(found.totals[kept], rel=1e-12)
    assert report.pes == found.result[O_PES]
    arriving = {(f.tensor, f.inner): f.inner_words for f in report.flows if not f.upward}
    for level in report.levels[1:]:
        for use in level.tensors:
            assert arriving.get((use.tensor, level.position), 0.0) == pytest.approx(use.fills)


@settings(max_examples=120, deadline=None)
@given(st.one_of(perfect_cases(), ragged_cases()), st.sampled_from(MODES))
def test_the_reported_tiles_just_fit(case: Case, mode: str) -> None:
    bits = repair_bits(chosen_repairs(mode))
    assume(ask(case, bits).status == OK)
    words = {level.position: level.tile_words for level in report_of(case, mode).levels if level.tensors}
    for position in words.keys() - {0}:
        for spare, status in ((0, OK), (-1, CAPACITY + position)):
            assert ask(with_capacity(case, position, words[position] + spare), bits).status == status


def with_capacity(case: Case, position: int, words: int) -> Case:
    built = case.architecture
    words = max(words, 0.5)  # no storage has no words at all
    if position == 1:
        return replace(case, architecture=replace(built, glb=replace(built.glb, capacity_words=words)))
    spads = list(built.pe_levels)
    spads[position - 5] = replace(spads[position - 5], capacity_words=words)
    return replace(case, architecture=replace(built, pe_levels=tuple(spads)))
