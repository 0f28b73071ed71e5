"""The picture of a chip: it says what the report says, boxes stand apart, and no text lies on another."""

from __future__ import annotations

from functools import cache
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from experiments.soc_figure import draw, write_figure
from experiments.soc_figure_blocks import pe_height
from experiments.soc_figure_layout import Layout, lay_out
from experiments.soc_figure_timeline import _apart, time_text, time_ticks
from simulators.errors import InvalidInputError
from simulators.soc.chip_report import ChipReport, report_chip
from simulators.soc.description_files import description_of
from simulators.soc.graph_files import load_task_graph
from simulators.soc.model import SocModel
from simulators.soc.soc import Soc

RING = {
    "blocks": {
        "cpu": "A53_pe",
        "a second processor with a long name": "A53_pe",
        "gauss": {"kind": "ip", "task": "gaussianSmoothing", "unroll": 1024, "clock_mhz": 800},
        "ram": {"kind": "sram", "width_bytes": 16, "clock_mhz": 800},
        "$ram$": {"kind": "sram", "width_bytes": 4, "clock_mhz": 100},
        **{f"b{i}": {"kind": "bus", "width_bytes": 64, "clock_mhz": 600} for i in range(5)},
    },
    "links": [
        *([f"b{i}", f"b{(i + 1) % 5}"] for i in range(5)),
        *(["gauss", f"b{i}"] for i in (1, 4, 3)),
        *(["cpu", f"b{i}"] for i in (0, 2)),
        *(["ram", f"b{i}"] for i in (0, 3)),
        ["a second processor with a long name", "b4"],
        ["$ram$", "b2"],
    ],
    "tasks": {"default": "cpu", "gaussianSmoothing": "gauss", "computeGradient": "a second processor with a long name"},
    "memories": {"default": "ram", "gaussianSmoothing": "$ram$"},
}
"""Buses in a ring, and blocks on several of them."""
CASES = {
    "reference": ("edge_detection", None, {}),
    "small": ("edge_detection", 0, {}),
    "audio": ("audio_decoder", 3, {}),
    "20 tasks": ("random?tasks=20&seed=2", 1, {"gpps": 4, "memories": 6, "buses": 6}),
    "three workloads": ("edge_detection+hpvm_cava+audio_decoder", 5, {}),
    "no budgets": ("synthetic", 2, {"mode": "farsi"}),
    "most": ("random?tasks=60&seed=1&width=9", 4, {"buses": 8, "memories": 8}),
    "ring": None,
}


@cache
def report_of(case: str) -> ChipReport:
    if CASES[case] is None:
        graph = load_task_graph("edge_detection")
        return report_chip(description_of(RING, graph), SocModel(graph))
    workload, seed, arguments = CASES[case]
    simulator = Soc(workload, **arguments)
    space = simulator.space()
    rng = np.random.default_rng(seed)
    index = [[p.values.index(p.default) if seed is None else rng.integers(len(p.values)) for p in space.parameters]]
    defaults = {i.name: np.array([i.default]) for i in simulator.inputs}
    columns = simulator.check_columns({**defaults, **space.decode(np.array(index))})
    return report_chip(simulator.describe(columns)[0], simulator.model)


def texts(figure: Figure) -> list[tuple[str, object]]:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return [(t.get_text(), t.get_window_extent(canvas.get_renderer())) for t in figure.axes[0].texts if t.get_text()]


@pytest.mark.parametrize("case", CASES)
def test_no_text_lies_on_another_or_outside(case: str) -> None:
    figure = draw(report_of(case), "a chip with a name that goes on and on, " * 6)
    found = texts(figure)
    assert len(found) > 20
    for text, box in found:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, text
    for (text, box), (other, other_box) in combinations(found, 2):
        assert not box.overlaps(other_box), (text, other)


def layout_of(report: ChipReport) -> Layout:
    return lay_out(report.chip, {use.id: pe_height(use) for use in report.blocks if use.type.is_pe})


@pytest.mark.parametrize("case", CASES)
def test_boxes_stand_apart_and_lines_end_at_them(case: str) -> None:
    report = report_of(case)
    layout = layout_of(report)
    assert set(layout.boxes) == set(report.chip.index)
    for a, b in combinations(layout.boxes.values(), 2):
        assert a.x + a.width < b.x or b.x + b.width < a.x or a.y + a.height < b.y or b.y + b.height < a.y
    assert all(b.x >= 0 and b.x + b.width <= layout.width + 1e-9 for b in layout.boxes.values())
    assert all(b.y >= -1e-9 and b.y + b.height <= layout.height for b in layout.boxes.values())
    assert len(layout.links) + len(layout.trunks) == len(report.chip.links)
    edges = [(b.x, b.y, b.x + b.width, b.y + b.height) for b in layout.boxes.values()]
    for line in layout.links:
        for x, y in (line[0], line[-1]):
            assert any(x0 - 1e-9 <= x <= x1 + 1e-9 and y0 - 1e-9 <= y <= y1 + 1e-9 for x0, y0, x1, y1 in edges)
        for (xa, ya), (xb, yb) in pairwise(line):
            middle = ((xa + xb) / 2, (ya + yb) / 2)
            inside = [e for e in edges if e[0] < middle[0] < e[2] and e[1] < middle[1] < e[3]]
            assert not inside, "a line runs through a box"


def test_the_picture_says_what_the_report_says() -> None:
    report = report_of("audio")
    text = "\n".join(text for text, _ in texts(draw(report, "audio")))
    for use in report.blocks:
        assert use.id in text
    for name, task in report.tasks.items():
        assert name in text and time_text(task.end_s - task.start_s) in text
    power = report.budgets[1]
    assert f"peak power {power.value:.4g} of {power.limit:.4g} mW, {power.value / power.limit:.3g}x" in text
    assert f"average {report.metrics['average_power_mw']:.4g} mW" in text
    assert "limits latency" in text and "most area" in text


def test_bars_are_as_long_as_tasks_take() -> None:
    report = report_of("small")
    bars = {
        tuple(patch.get_facecolor()): patch
        for patch in draw(report, "edge").axes[0].patches
        if getattr(patch, "get_height", lambda: 0)() == pytest.approx(1.9)
    }
    lengths = sorted(bar.get_width() for bar in bars.values())
    times = sorted(task.end_s - task.start_s for task in report.tasks.values())
    scale = lengths[-1] / times[-1]
    assert len(lengths) == len(times)
    assert lengths[1:] == pytest.approx([scale * seconds for seconds in times[1:]])


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_the_same_chip_gives_the_same_file(tmp_path: Path, kind: str) -> None:
    files = [tmp_path / f"{number}.{kind}" for number in range(2)]
    for file in files:
        write_figure(report_of("small"), "edge detection", file)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert len(files[0].read_bytes()) > 5000


def test_a_suffix_of_no_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"ends in \.png, \.svg or \.pdf"):
        write_figure(report_of("small"), "edge", tmp_path / "x.doc")
    assert not list(tmp_path.iterdir())


def test_heights_move_apart_within_their_room() -> None:
    assert _apart([5.0, 5.1, 9.9], 0.0, 10.0, 2.0) == pytest.approx([5.0, 7.0, 9.9])
    assert _apart([9.8, 9.9], 0.0, 10.0, 2.0) == pytest.approx([8.0, 10.0])


def test_times_have_the_unit_that_suits_them() -> None:
    assert [time_text(s) for s in (0.0, 84.9, 0.0123, 4.5e-7)] == ["0", "84.9 s", "12.3 ms", "450 ns"]
    ticks, unit, scale = time_ticks(0.0123)
    assert (unit, scale) == ("ms", 1e3) and ticks[0] == 0.0 and ticks[-1] <= 0.0123
