"""Comparison with the tables of FARSI's reference results: designs, block library, CACTI figures."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from simulators._agreement import Compared, Detail, Number, read_packed, relative_error
from simulators.errors import InvalidInputError
from simulators.soc._farsi_rows import KINDS, description_of_row, graph_of_row, read_rows
from simulators.soc.block_library import BlockType, HardwareLibrary
from simulators.soc.budgets import compare_with_budgets
from simulators.soc.cacti import cacti_table
from simulators.soc.description import SocDescription
from simulators.soc.graph_files import load_task_graph
from simulators.soc.kernel_layout import DRAM, GPP, O_AREA, O_LATENCY, O_PEAK_POWER
from simulators.soc.kernel_layout import KINDS as BLOCK_KINDS
from simulators.soc.model import SocModel
from simulators.soc.recording import Recording
from simulators.soc.task_graph import TaskGraph

EXACT: Final = 1e-9
"""Relative error of every figure against FARSI's that is accepted."""
TASK_ENERGY: Final = 1e-12
"""Share of a design's energy by which a task's may differ: FARSI multiplies power by a difference of two clock
readings, whose rounding shows where a short task follows long ones."""
CLOSE: Final = 1e-6
"""The same for latencies of designs whose blocks and order of tasks were worked out by us."""
CLOSE_SHARE: Final = 0.95
"""Share of those designs that must be as close."""
_RESULTS: Final = {"power_w", "energy_j", "area_m2", "dist_to_goal", "fits_budget"}
_MEMORY_KINDS: Final = {"ram": "sram", "main memory": "dram"}
_MEMORY_FIGURES: Final = ("read_J_per_byte", "write_J_per_byte", "area_m2")


class Designs:
    """FARSI's designs, compared with mode ``farsi``: with its effective topology, and with our own."""

    def __init__(self) -> None:
        self._models: dict[str, SocModel] = {}

    def compare(self, directory: Path, table: str, own: bool = False) -> Compared | None:
        """Compare every row of ``farsi_rows.jsonl``; None if it is not there.

        Args:
            directory: where the file is.
            table: what details are filed under.
            own: prune buses and order tasks ourselves, and compare latencies only.

        Raises:
            InvalidInputError: a file that cannot be read.
        """
        rows = read_rows(directory / "farsi_rows.jsonl")
        if rows is None:
            return None
        found = Compared(rows=len(rows))
        for position, row in enumerate(rows):
            try:
                graph = graph_of_row(row)
                description = description_of_row(row, graph, effective=not own)
                expected = dict(_expected(row, description, own))
            except InvalidInputError as error:
                found.refuse(str(error))
                continue
            except (AttributeError, TypeError, ValueError) as error:
                found.cannot_read(position, error)
                continue
            ours = self._ours(graph, description)
            for metric, value in expected.items():
                detail = Detail(table, position, metric, value, ours.get(metric, math.nan) if ours else math.nan)
                close = CLOSE if own else EXACT
                found.add(detail, relative_error(detail) <= close or _same_energy(detail, expected), tolerated=True)
        return found

    def _ours(self, graph: TaskGraph, description: SocDescription) -> Mapping[str, Number] | None:
        """Return our figures under the reference's names; None where we hold the design impossible."""
        model = self._models.setdefault(graph.digest, SocModel(graph, "farsi"))
        try:
            return dict(_figures(graph, model.record(description)))
        except InvalidInputError:
            return None


def _expected(row: Mapping[str, Any], description: SocDescription, own: bool) -> Iterator[tuple[str, Number]]:
    result = row.get("result")
    if not isinstance(result, Mapping) or not result.get("latency_s"):
        raise InvalidInputError("row without a 'result' or its 'latency_s'")
    yield from ((f"latency_s.{name}", _number(value)) for name, value in result["latency_s"].items())
    if own:
        return
    yield from ((name, _number(result[name])) for name in result if name in _RESULTS)
    areas = result.get("area_by_subtype_m2") or {}
    yield from ((f"area_by_subtype_m2.{name}", _number(value)) for name, value in areas.items())
    for task, times in (row.get("tasks") or {}).items():
        figures = [name for name in ("start_s", "end_s", "energy_j") if name in times]
        yield from ((f"tasks.{task}.{name}", _number(times[name])) for name in figures)
    for memory, held in (row.get("mem") or {}).items():
        if memory in description.index and "peak_bytes" in held:
            yield f"mem.{memory}.peak_bytes", _number(held["peak_bytes"])
    if "phases" in row:
        yield "phases", _number(row["phases"])


def _figures(graph: TaskGraph, recorded: Recording) -> Iterator[tuple[str, Number]]:
    results = recorded.results
    latency_s, power = results[O_LATENCY:], results[O_PEAK_POWER]
    areas = results[O_AREA : O_AREA + len(KINDS)]
    dram = areas[DRAM - GPP]
    yield from ((f"latency_s.{name}", float(value)) for name, value in zip(graph.workloads, latency_s, strict=True))
    yield from (("power_w", float(power)), ("energy_j", float(results[:O_PEAK_POWER].sum())))
    yield "area_m2", float(areas.sum())
    by_kind = {kind: float(area) for kind, area in zip(BLOCK_KINDS[GPP:], areas, strict=True)}
    yield from ((f"area_by_subtype_m2.{farsi}", by_kind[kind]) for farsi, kind in KINDS.items())
    distance, met = compare_with_budgets(
        graph, results[[O_PEAK_POWER]], latency_s[None, :], areas.sum(keepdims=True) - dram, areas[[DRAM - GPP]]
    )
    yield from (("dist_to_goal", float(distance[0])), ("fits_budget", int(met[0])))
    for name, task in recorded.tasks.items():
        yield f"tasks.{name}.start_s", task.ready_s
        yield f"tasks.{name}.end_s", task.end_s
        yield f"tasks.{name}.energy_j", task.energy_j
    yield from ((f"mem.{memory}.peak_bytes", held) for memory, held in recorded.peak_bytes.items())
    yield "phases", len(recorded.phase_s)


def _same_energy(detail: Detail, expected: Mapping[str, Number]) -> bool:
    if not (detail.metric.startswith("tasks.") and detail.metric.endswith(".energy_j")):
        return False
    allowed = TASK_ENERGY * float(expected.get("energy_j", 0.0))
    return abs(float(detail.got) - float(detail.expected)) <= allowed


def _number(value: Any) -> Number:
    return int(value) if isinstance(value, bool) else float(value)


# ---- facts ------------------------------------------------------------------------------------------------------


def compare_library(directory: Path, table: str) -> Compared | None:
    """Compare ``hw_library.json``, workload -> block -> figures, with our library; None if it is not there.

    Raises:
        InvalidInputError: a file that cannot be read.
    """
    content = _json(directory / f"{table}.json")
    if content is None:
        return None
    found, position = Compared(), 0
    for workload, blocks in content.items():
        found.rows += len(blocks)
        try:
            library = HardwareLibrary.of(load_task_graph(workload))
        except InvalidInputError as error:
            found.refuse(str(error), len(blocks))
            position += len(blocks)
            continue
        for name, figures in blocks.items():
            ours = _block_figures(library.types[name]) if name in library.types else {}
            for metric, value in _block_expected(figures).items():
                detail = Detail(table, position, f"{workload}.{name}.{metric}", value, ours.get(metric, math.nan))
                found.add(detail, relative_error(detail) <= EXACT, tolerated=True)
            position += 1
        missing = len(library.types.keys() - blocks.keys())
        if missing:
            found.refuse(f"{workload}: our library has {missing} blocks that the reference has not", 0)
    return found


def _block_expected(figures: Mapping[str, Any]) -> dict[str, float]:
    names = ["peak_work_rate", "clock_hz", "loop_unroll"]
    names += ["work_per_joule", "one_over_area"] if figures["type"] == "pe" else ["bus_width_bytes"]
    kind = list(KINDS).index(figures["subtype"])
    return {"subtype": kind, **{name: float(figures[name]) for name in names}}


def _block_figures(block: BlockType) -> dict[str, float]:
    return {
        "subtype": list(KINDS.values()).index(block.kind),
        "peak_work_rate": block.rate,
        "clock_hz": block.clock_hz,
        "loop_unroll": block.unroll,
        "work_per_joule": block.work_per_joule,
        "one_over_area": 1.0 / block.area_m2 if block.area_m2 else math.inf,
        "bus_width_bytes": block.width_bytes,
    }


def compare_cacti(directory: Path, table: str) -> Compared | None:
    """Compare ``cacti_merged.json``, a list of memories, with our table; None if it is not there.

    Raises:
        InvalidInputError: a file that cannot be read.
    """
    content = _json(directory / f"{table}.json")
    if content is None:
        return None
    found = Compared(rows=len(content))
    for position, point in enumerate(content):
        kind = _MEMORY_KINDS.get(point["type"])
        if kind is None:
            found.refuse(f"unknown type of memory {point['type']!r}")
            continue
        ours = cacti_table().memory(kind, float(point["size_bytes"]), exact=True)
        for metric, got in zip(
            _MEMORY_FIGURES, (ours.read_j_per_byte, ours.write_j_per_byte, ours.area_m2), strict=True
        ):
            detail = Detail(table, position, metric, float(point[metric]), float(got))
            found.add(detail, relative_error(detail) <= EXACT, tolerated=True)
    return found


def _json(path: Path) -> Any:
    text = read_packed(path)
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidInputError(f"{path}: not JSON: {error}") from error
