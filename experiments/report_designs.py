"""The best designs of a report: decoded, with their metrics, against the reference design."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from experiments.comparison_view import Scale
from experiments.design_figures import design_figure
from experiments.html import Markup, Row, element, join, table
from experiments.report_tables import setting_text

if TYPE_CHECKING:
    from experiments.records import ProblemRecord
    from experiments.results import Results

_SHOWN = 4


def best_designs(results: Results, problem: str) -> Markup:
    """Return a table of the best different designs, one per column, what differs from the reference marked."""
    record = results.problems[problem]
    found = results.best_designs(problem, _SHOWN)
    if not found:
        return element("p", "No run has found a valid design.", css="small")
    judged = [n for n, way in zip(record.metric_names, record.metric_directions, strict=True) if way != "report"]
    counted = [name for name in record.metric_names if name not in judged]
    rows = [
        Row(["found by", "", *(f"{design['agent']}, seed {design['seed']}" for design in found)]),
        Row(["at evaluation", "", *(str(design.get("evaluation", "")) for design in found)]),
        _score_row(record, found),
        _heading("parameters", found),
        *(_parameter_row(record, name, found) for name in record.reference_design),
        _heading("metrics, and their change from the reference design", found),
        *(_metric_row(record, name, found) for name in judged),
    ]
    header = ["", "reference", *(f"best {rank}" for rank in range(1, len(found) + 1))]
    caption = (
        "The best different designs over all runs, each with who found it first. Marked values differ from the "
        "reference design; a parameter that has no effect on a design is shown at its default."
    )
    parts = [*_picture(record, found[0]), table(header, rows), element("p", caption, css="small")]
    if counted:
        further = table(header, [_metric_row(record, name, found) for name in counted])
        parts.append(element("details", element("summary", "Counts and parts of the metrics"), further))
    return join(parts)


def _picture(record: ProblemRecord, best: dict[str, Any]) -> list[Markup]:
    """Return the best design's picture, where the environment has one."""
    title = f"{record.workload}: the best design, found by {best['agent']} with seed {best['seed']}"
    svg = design_figure(record, best["design"], best["metrics"], title)
    return [element("figure", Markup(svg), css="wide scroll")] if svg else []


def _heading(text: str, found: list[dict[str, Any]]) -> Row:
    return Row([text], css="group", span=len(found) + 2)


def _score_row(record: ProblemRecord, found: list[dict[str, Any]]) -> Row:
    scale = Scale.of([design["score"] for design in found], digits=6)
    cells = [scale.text(record.reference_score), *(scale.text(design["score"]) for design in found)]
    unit = scale.unit(record.unit)
    return Row(["score" if unit == "no unit" else f"score, {unit}", *cells])


def _parameter_row(record: ProblemRecord, name: str, found: list[dict[str, Any]]) -> Row:
    reference = record.reference_design[name]
    values = [design["design"][name] for design in found]
    unit = next((p.get("unit") for p in record.parameters if p["name"] == name), None)
    marked = {position + 2: "changed" for position, value in enumerate(values) if value != reference}
    label = f"{name}, {unit}" if unit else name
    return Row([label, setting_text(reference), *map(setting_text, values)], cell_css=marked)


def _metric_row(record: ProblemRecord, name: str, found: list[dict[str, Any]]) -> Row:
    position = record.metric_names.index(name)
    direction = record.metric_directions[position]
    reference = record.reference_metrics.get(name, math.nan)
    limit = record.targets.get(name)
    label = name if limit is None else f"{name} (limit {limit:g})"
    values = [design["metrics"][name] for design in found]
    colours = {
        column + 2: "better" if (value < reference) == (direction == "minimize") else "worse"
        for column, value in enumerate(values)
        if direction != "report" and value != reference and math.isfinite(reference)
    }
    cells = [_with_change(value, reference) for value in values]
    return Row([label, number_text(reference), *cells], cell_css=colours)


def _with_change(value: float, reference: float) -> str:
    if not math.isfinite(value) or not math.isfinite(reference) or reference == 0 or value == reference:
        return number_text(value)
    percent = 100 * (value - reference) / abs(reference)
    return f"{number_text(value)} ({percent:+.{1 if abs(percent) >= 0.1 else 3}f} %)"


def number_text(value: float) -> str:
    """Return a metric with up to six significant digits and thousands separators."""
    if not math.isfinite(value):
        return "-"
    if value == round(value) and abs(value) < 1e15:
        return f"{value:,.0f}"
    if 1e-3 <= abs(value) < 1e9:
        return f"{value:,.{max(0, 5 - math.floor(math.log10(abs(value))))}f}"
    return f"{value:.6g}"
