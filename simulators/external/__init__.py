"""Programs as simulators: any command that reads files and writes files, run in isolation, cached, checked for units.

Subclass :class:`ExternalSimulator`; docs/peers.md has a worked example.
"""

from __future__ import annotations

from simulators.external.cache import ResultCache
from simulators.external.program import ExternalProgram, ProgramFailure, find_program
from simulators.external.simulator import ExternalSimulator, TextWorkload
from simulators.external.units import UNITS, convert

__all__ = [
    "UNITS",
    "ExternalProgram",
    "ExternalSimulator",
    "ProgramFailure",
    "ResultCache",
    "TextWorkload",
    "convert",
    "find_program",
]
