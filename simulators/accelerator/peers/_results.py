"""What the models of peers have in common: one layer's costs in the form of our kernel's, and what none is asked."""

from __future__ import annotations

from collections.abc import Mapping as Dictionary
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.architecture import Architecture
from simulators.accelerator.kernel import evaluate_points
from simulators.accelerator.kernel_layout import (
    O_COMPUTE_CYCLES,
    O_CYCLES,
    O_DRAM_WORDS,
    O_ENERGY,
    O_LEVEL_ENERGY,
    O_LIMIT,
    O_MAC_ENERGY,
    O_PES,
    RESULTS,
)
from simulators.accelerator.layers import Layer
from simulators.accelerator.mapping import Mapping, refusal

TIMELOOP_SEMANTICS = 0
"""No repairs: tiles must divide the layer and input tiles are bounding boxes, which peers take for granted."""


@dataclass(frozen=True)
class PeerResult:
    """What a peer says of one layer.

    Attributes:
        cycles: of the whole layer.
        compute_cycles: steps of a PE, without stalls.
        mac_energy_pj: of the multiply-accumulates.
        level_energy_pj: position of one of our levels -> energy of its accesses.
        dram_words: read and written at DRAM.
        pes: PEs in use.
    """

    cycles: float
    compute_cycles: float
    mac_energy_pj: float
    level_energy_pj: Dictionary[int, float]
    dram_words: float
    pes: float

    @property
    def energy_pj(self) -> float:
        """MACs and all levels."""
        return self.mac_energy_pj + sum(self.level_energy_pj.values())

    @property
    def words(self) -> NDArray[np.float64]:
        """The form of our kernel's results, ``float64[RESULTS]``; what limits is not known."""
        words = np.zeros(RESULTS)
        words[O_CYCLES], words[O_COMPUTE_CYCLES] = self.cycles, self.compute_cycles
        words[O_ENERGY], words[O_MAC_ENERGY] = self.energy_pj, self.mac_energy_pj
        for position, energy in self.level_energy_pj.items():
            words[O_LEVEL_ENERGY + position] = energy
        words[O_DRAM_WORDS], words[O_PES], words[O_LIMIT] = self.dram_words, self.pes, -1.0
        return words


def impossible(architecture: Architecture, layer: Layer, mapping: Mapping) -> str:
    """Return why a mapping is impossible by our model in mode ``timeloop``, or an empty text.

    Checked before any peer is asked, so that all of them find the same designs valid: ZigZag's cost model does not look
    at capacities, and MAESTRO sizes buffers to the mapping.
    """
    status, _, _ = evaluate_points(
        layer.words[None], mapping.factors[None], mapping.orders[None], architecture.words[None], TIMELOOP_SEMANTICS
    )
    return refusal(int(status[0]), None, architecture.level_names)
