"""What a shipped recording consists of: a recipe, an input made by a function, and the tools that take part."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from simulators.errors import ArchgymError
from simulators.memory.recording.recorder import Recipe, first_line, record
from simulators.memory.trace import Trace


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program to record.

    Attributes:
        recipe: what to run and how its trace is cut.
        prepare: makes the input in the working directory (natively, not recorded), the same bytes at each call.
        input_made_by: how, in words or statements, for the description file.
        tools: name of each tool that takes part -> the command that prints its version.
        packages: name of each tool -> the Debian package that has it.
    """

    recipe: Recipe
    prepare: Callable[[Path], None]
    input_made_by: tuple[str, ...]
    tools: Mapping[str, tuple[str, ...]] = field(hash=False)
    packages: Mapping[str, str] = field(hash=False)


def record_program(program: Program, output: Path) -> Trace:
    """Make the input in a temporary folder, record the program, write trace and description into ``output``.

    Raises:
        ArchgymError: a tool is missing, or the program failed; see :func:`simulators.memory.recording.record`.
    """
    for tool, package in program.packages.items():
        if shutil.which(tool) is None:
            raise ArchgymError(
                f"recording {program.recipe.name!r} needs {tool!r}: install the Debian package {package!r}"
            )
    notes = {tool: first_line(command) for tool, command in program.tools.items()}
    with tempfile.TemporaryDirectory() as folder:
        program.prepare(Path(folder))
        again = f"python -m simulators.memory.recording {program.recipe.name} --output DIRECTORY"
        facts = notes | {"input_made_by": list(program.input_made_by), "record_again": again}
        return record(program.recipe, Path(folder), output, notes=facts)
