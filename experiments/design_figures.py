"""Pictures of single designs in reports: an optional drawing function for each environment whose designs have one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from experiments.figures import to_svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from experiments.records import ProblemRecord
    from simulators.problem import Problem

Drawn = tuple["Figure", Mapping[str, float]]
"""A picture, and metrics of what it shows."""
Drawer = Callable[["Problem", dict[str, np.ndarray], str], Drawn]
"""Of a problem, one design as checked columns of one row, and a title."""


def design_figure(record: ProblemRecord, design: Mapping[str, Any], metrics: Mapping[str, float], title: str) -> str:
    """Return the picture of a design as SVG text; empty where the environment has none.

    It is empty, too, where the problem cannot be built any more (a workload's file is gone), or the simulator gives
    other metrics than the run recorded: the picture would be of something else.
    """
    from archgym_envs import make_problem
    from simulators.errors import ArchgymError

    drawer = DRAWERS.get(record.environment)
    if drawer is None:
        return ""
    try:
        problem = make_problem(record.environment, **record.arguments)
        columns = problem.simulator.check_columns({name: np.array([value]) for name, value in design.items()})
        figure, found = drawer(problem, columns, title)
    except ArchgymError:
        return ""
    shared = [name for name in found if name in metrics]
    same = all(math.isclose(found[name], metrics[name], rel_tol=1e-9) for name in shared)
    return to_svg(figure, title) if shared and same else ""


def draw_soc(problem: Problem, columns: dict[str, np.ndarray], title: str) -> Drawn:
    """Draw a system-on-chip and its execution."""
    from experiments.soc_figure import draw
    from simulators.errors import InvalidInputError
    from simulators.soc.chip_report import report_chip
    from simulators.soc.soc import Soc

    simulator = problem.simulator
    chips = simulator.describe(columns) if isinstance(simulator, Soc) else []
    if not isinstance(simulator, Soc) or not chips:
        raise InvalidInputError("this design has no picture: it is no system-on-chip, or an invalid one")
    report = report_chip(chips[0], simulator.model)
    return draw(report, title), report.metrics


def draw_mapping(problem: Problem, columns: dict[str, np.ndarray], title: str) -> Drawn:
    """Draw the mapping of a layer."""
    from experiments.mapping_figure import draw
    from simulators.accelerator.mapping_report import report_mapping
    from simulators.accelerator.mapping_simulator import LayerMapping, one_layer
    from simulators.errors import InvalidInputError

    simulator = problem.simulator
    if not isinstance(simulator, LayerMapping):
        raise InvalidInputError("mappings that another simulator evaluates have no picture")
    _, layer = one_layer(problem.workload)
    (mapping,) = simulator.mappings(columns, problem.workload)
    report = report_mapping(layer, mapping, simulator.architecture, simulator.mode)
    return draw(report, title), {"cycles": report.cycles, "energy_pj": report.energy_pj}


DRAWERS: Final[dict[str, Drawer]] = {"archgym/SoC-v0": draw_soc, "archgym/Mapping-v0": draw_mapping}
"""Environment -> drawing function; a plug-in may add its own."""
