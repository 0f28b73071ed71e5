"""The programs whose recordings ship with archgym: each a recipe, and how its input is made."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from simulators.memory.recording.programs import neural_network, record_sort, sqlite_query, xz_compress
from simulators.memory.recording.programs.program import Program, record_program

PROGRAMS: Mapping[str, Program] = MappingProxyType(
    {
        program.recipe.name: program
        for program in (neural_network.PROGRAM, record_sort.PROGRAM, sqlite_query.PROGRAM, xz_compress.PROGRAM)
    }
)
"""Name of a recorded workload, without ``recorded/`` -> how it is recorded."""

__all__ = ["PROGRAMS", "Program", "record_program"]
