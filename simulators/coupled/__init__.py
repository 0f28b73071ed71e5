"""Planted problems whose parameters interact as strongly as one asks for, and whose best design is known."""

from __future__ import annotations

from simulators.coupled.instance import LEVELS, PARAMETERS, CoupledInstance, plant
from simulators.coupled.simulator import CoupledProblem, CoupledSimulator
from simulators.coupled.topology import SMALLEST_BLOCK, TOPOLOGIES, blocks_of, interactions_of

__all__ = [
    "LEVELS",
    "PARAMETERS",
    "SMALLEST_BLOCK",
    "TOPOLOGIES",
    "CoupledInstance",
    "CoupledProblem",
    "CoupledSimulator",
    "blocks_of",
    "interactions_of",
    "plant",
]
