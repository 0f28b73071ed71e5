"""The picture of a mapping: it says what the report says, and no text lies on another."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from experiments.mapping_figure import draw, write_figure
from simulators.accelerator.architecture import Architecture
from simulators.accelerator.fixed_hardware import HARDWARE_NAMES
from simulators.accelerator.layers import DIMENSIONS, Layer
from simulators.accelerator.mapper import map_layer
from simulators.accelerator.mapping import Mapping
from simulators.accelerator.mapping_report import MappingReport, report_mapping
from simulators.accelerator.mapping_simulator import LayerMapping
from simulators.errors import InvalidInputError

CONV = Layer("conv", m=128, c=128, r=3, s=3, p=28, q=28)


def architecture(hardware: str) -> Architecture:
    return LayerMapping(hardware).architecture


def report_on(hardware: str, layer: Layer = CONV) -> MappingReport:
    built = architecture(hardware)
    return report_mapping(layer, map_layer(layer, built, effort="quick").mapping, built)


def crowded() -> MappingReport:
    """Loops over every dimension at DRAM, columns, rows and in the PE, some of many steps, hardly a tile dividing."""
    built = architecture("eyeriss")
    spads = tuple(replace(level, capacity_words=1e9) for level in built.pe_levels)
    large = replace(built, columns=256, rows=256, glb=replace(built.glb, capacity_words=1e12), pe_levels=spads)
    factors = {place: dict.fromkeys(DIMENSIONS, 2) for place in ("dram", "columns", "rows", "pe")}
    factors["dram"]["M"] = 1000
    layer = Layer("crowded", *(8 * factors["dram"][d] - 1 for d in DIMENSIONS))
    return report_mapping(layer, Mapping.of(factors), large)


REPORTS = {**{name: lambda name=name: report_on(name) for name in HARDWARE_NAMES}, "crowded": crowded}


def boxes(report: MappingReport, title: str):
    figure = draw(report, title)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return figure, [
        (t.get_text(), t.get_window_extent(canvas.get_renderer())) for t in figure.axes[0].texts if t.get_text()
    ]


@pytest.mark.parametrize("name", REPORTS)
def test_no_text_lies_on_another_or_outside(name: str) -> None:
    figure, found = boxes(REPORTS[name](), "a layer with a name that goes on and on, " * 4)
    assert len(found) > 20
    for text, box in found:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, text
    for (text, box), (other, other_box) in combinations(found, 2):
        assert not box.overlaps(other_box), (text, other)


def test_the_picture_says_what_the_report_says() -> None:
    report = report_on("eyeriss")
    text = "\n".join(text for text, _ in boxes(report, "conv on eyeriss")[1])
    assert text.startswith(f"conv on eyeriss\n{report.cycles:,.0f} cycles, limited by the PEs; utilisation ")
    for level in report.levels:
        assert level.name in text
    for loop in (*report.columns, *report.rows):
        assert f"{loop.dimension} {loop.steps}" in text
    assert f"{report.mac_energy_pj / report.energy_pj:.0%}" in text
    assert f"{report.pes:g} of\n168 PEs" in text


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_the_same_mapping_gives_the_same_file(tmp_path: Path, kind: str) -> None:
    files = [tmp_path / f"{number}.{kind}" for number in range(2)]
    for file in files:
        write_figure(report_on("edge"), "conv on edge", file)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert len(files[0].read_bytes()) > 5000


def test_a_suffix_of_no_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"ends in \.png, \.svg or \.pdf"):
        write_figure(report_on("edge"), "conv", tmp_path / "x.doc")
    assert not list(tmp_path.iterdir())
