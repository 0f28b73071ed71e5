"""Chips for the command line and reports: from a description file, from a design of the search space, from a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from archgym_envs import make_problem
from experiments.evaluate import chosen_arguments
from experiments.tables import SUFFIXES, read_table
from simulators.errors import InvalidInputError, UnknownNameError

if TYPE_CHECKING:
    from simulators.soc.description import SocDescription
    from simulators.soc.model import SocModel
    from simulators.soc.soc import Soc

TABLES: Final = tuple(SUFFIXES)
_WORKLOAD: Final = "edge_detection"


def load_chip(
    file: Path | None, row: int | None = None, workload: str | None = None, arguments: Mapping[str, Any] | None = None
) -> tuple[SocDescription, SocModel]:
    """Return a chip and the model of the task graph that runs on it.

    Args:
        file: a description (has ``blocks``); a design of archgym/SoC-v0, parameter -> value; a table of designs; or
            None for the reference design. What a design leaves out takes the default; of a table, columns that are no
            parameters are metrics and left out.
        row: of a table, from 0; by default 0.
        workload: a task graph; by default what the description says, or edge_detection.
        arguments: of archgym/SoC-v0: mode, repairs, workload; of designs also space, gpps, memories, buses.

    Raises:
        InvalidInputError, UnknownNameError: a file that cannot be read, or a chip on which the graph cannot run;
            ``workload`` and ``arguments`` say different workloads.
    """
    chosen = chosen_arguments(workload, arguments)
    workload = chosen.pop("workload", None)
    if file is not None and file.name.lower().endswith(TABLES):
        return _of_table(file, row or 0, _simulator(workload, chosen))
    if row is not None:
        raise InvalidInputError(f"--row is for tables of designs ({', '.join(TABLES)}), not for {file or 'no file'}")
    if file is None:
        simulator = _simulator(workload, chosen)
        return _described(simulator, {}), simulator.model
    from simulators.soc._fields import read_document

    content = _checked_document(file, read_document(file))
    if "blocks" not in content:
        simulator = _simulator(workload or str(content.pop("workload", _WORKLOAD)), chosen)
        _check_known(file, content, simulator)
        return _described(simulator, content), simulator.model
    return _of_description(file, content, workload, chosen)


def _checked_document(file: Path, content: Mapping[str, Any]) -> dict[str, Any]:
    from simulators.soc.description_files import SUFFIXES as DESCRIPTIONS

    if file.suffix.lower() not in DESCRIPTIONS:
        raise InvalidInputError(
            f"{file}: expected a description or design in a file .yaml, .yml or .json, or a table of designs "
            f"({', '.join(TABLES)})"
        )
    return dict(content)


def _of_description(
    file: Path, content: Mapping[str, Any], workload: str | None, arguments: dict[str, Any]
) -> tuple[SocDescription, SocModel]:
    from simulators.soc.description_files import description_of
    from simulators.soc.graph_files import load_task_graph
    from simulators.soc.model import SocModel

    extra = [name for name in arguments if name not in ("mode", "repairs")]
    if extra:
        raise InvalidInputError(f"{file}: {extra[0]!r} is of search spaces; a description takes mode and repairs")
    graph = load_task_graph(workload or str(content.get("workload", _WORKLOAD)))
    if workload is not None or "workload" in content:
        content = {**content, "workload": graph.name}
    return description_of(content, graph, str(file)), SocModel(graph, **arguments)


def _simulator(workload: str | None, arguments: dict[str, Any]) -> Soc:
    return cast("Soc", make_problem("archgym/SoC-v0", workload=workload or _WORKLOAD, **arguments).simulator)


def _of_table(file: Path, row: int, simulator: Soc) -> tuple[SocDescription, SocModel]:
    table = read_table(file)
    names = [declared.name for declared in simulator.inputs if declared.name in table.columns]
    if not names:
        raise InvalidInputError(
            f"{file}: no column is a parameter of {simulator.graph.name}'s designs; is --workload another?"
        )
    if not 0 <= row < table.rows:
        raise InvalidInputError(f"{file}: there is no row {row}; expected 0 to {table.rows - 1}")
    return _described(simulator, {name: table.columns[name][row] for name in names}), simulator.model


def _check_known(file: Path, design: Mapping[str, Any], simulator: Soc) -> None:
    known = {declared.name for declared in simulator.inputs}
    for name in design:
        if name not in known:
            raise UnknownNameError(f"{file}: parameter of {simulator.graph.name}'s designs:", str(name), known)


def _described(simulator: Soc, design: Mapping[str, Any]) -> SocDescription:
    """Return the chip of one design; what it leaves out takes the default."""
    columns = simulator.check_columns({name: np.array([value]) for name, value in design.items()})
    found = simulator.describe(columns)
    if not found:
        raise InvalidInputError(
            "this design of ArchGym's space is invalid: a task cannot run, or cannot reach its data"
        )
    return found[0]
