"""What a mapping does, in words and numbers for people: loops by level, tiles, words moved, energy by level and tensor.

Everything is the kernel's; only the words of a tile and the share of a tensor in a level's energy are worked out here,
by the kernel's rules.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.architecture import Architecture, StorageLevel
from simulators.accelerator.kernel import NOISE, evaluate_points
from simulators.accelerator.kernel_layout import (
    FILLS,
    GLB,
    LEVELS,
    O_COMPUTE_CYCLES,
    O_CYCLES,
    O_DRAM_WORDS,
    O_ENERGY,
    O_LIMIT,
    O_MAC_ENERGY,
    O_PES,
    OK,
    OUTER,
    OUTPUTS,
    READS,
    TENSORS,
    UPDATES,
    G,
    M,
    N,
    P,
    Q,
)
from simulators.accelerator.layers import Layer
from simulators.accelerator.mapping import TEMPORAL, Mapping, refusal
from simulators.accelerator.mapping_tiles import ARRAY_ROW, TILE_ROW, Loop, loops_at, tile_extents, tile_words
from simulators.accelerator.modes import chosen_repairs, repair_bits
from simulators.errors import InvalidInputError

MAC: Final = LEVELS
"""The level below the innermost storage, as the end of a flow."""
_OUTPUT_DIMENSIONS: Final = (N, M, P, Q, G)


@dataclass(frozen=True)
class TensorUse:
    """What a level does with a tensor that it keeps; words and energy of all instances together.

    Attributes:
        tile_words: of one instance.
        reads, fills, updates: words read, brought from outside, and sent by inner levels.
        energy_pj: of the accesses.
    """

    tensor: str
    tile_words: int
    reads: float
    fills: float
    updates: float
    energy_pj: float


@dataclass(frozen=True)
class LevelUse:
    """A storage level.

    Attributes:
        position: in the kernel's order, 0 for DRAM to 4.
        name: of the architecture.
        instances: how many work, on average over their turns.
        capacity_words: of one instance; infinite for DRAM.
        loops: outermost first.
        tensors: those that it keeps.
    """

    position: int
    name: str
    instances: float
    capacity_words: float
    loops: tuple[Loop, ...]
    tensors: tuple[TensorUse, ...]

    @property
    def tile_words(self) -> int:
        """Words of all tiles of an instance."""
        return sum(use.tile_words for use in self.tensors)

    @property
    def energy_pj(self) -> float:
        """Energy of all accesses."""
        return sum(use.energy_pj for use in self.tensors)


@dataclass(frozen=True)
class Flow:
    """Words of a tensor between two levels that keep it, or the innermost one and the MACs.

    Attributes:
        tensor: one of TENSORS.
        outer, inner: positions of the levels; ``MAC`` for the multiply-accumulates.
        upward: whether they go outwards.
        outer_words: at the outer level: read from it, or sent to it after spatial reduction.
        inner_words: at all instances of the inner one: what multicast delivers, or what leaves them.
    """

    tensor: str
    outer: int
    inner: int
    upward: bool
    outer_words: float
    inner_words: float


@dataclass(frozen=True)
class MappingReport:
    """A mapping of a layer on an architecture, evaluated.

    Attributes:
        layer, hardware, mode: what was evaluated.
        levels: storage, outermost first.
        columns, rows: loops over the array's columns and rows.
        flows: words between the levels.
        pes, array_pes: PEs that work, on average over their turns, and PEs of the array.
        cycles, compute_cycles: with and without limits of bandwidth.
        limit: name of the level whose bandwidth limits, empty if none does.
        energy_pj, mac_energy_pj: of everything, and of the MACs.
        dram_words: over the DRAM interface.
    """

    layer: Layer
    hardware: str
    mode: str
    levels: tuple[LevelUse, ...]
    columns: tuple[Loop, ...]
    rows: tuple[Loop, ...]
    flows: tuple[Flow, ...]
    pes: float
    array_pes: int
    cycles: float
    compute_cycles: float
    limit: str
    energy_pj: float
    mac_energy_pj: float
    dram_words: float

    @property
    def utilisation(self) -> float:
        """MACs over cycles times PEs of the array."""
        return self.layer.macs / (self.cycles * self.array_pes)

    @property
    def compulsory_dram_words(self) -> int:
        """Weights, inputs and outputs once."""
        return self.layer.weights + self.layer.inputs + self.layer.outputs


def report_mapping(layer: Layer, mapping: Mapping, architecture: Architecture, mode: str = "default") -> MappingReport:
    """Evaluate a mapping and say what it does.

    Raises:
        UnknownNameError: no such mode.
        InvalidInputError: the mapping does not fit the layer or the architecture, and why.
    """
    repairs = repair_bits(chosen_repairs(mode))
    words = (layer.words[None], mapping.factors[None], mapping.orders[None], architecture.words[None])
    status, all_counts, results = evaluate_points(*words, repairs)
    if status[0] != OK:
        raise InvalidInputError(refusal(int(status[0]), layer, architecture.level_names))
    counts, result = all_counts[0], results[0]
    pes, limit = float(result[O_PES]), int(result[O_LIMIT])
    levels = tuple(
        _level(layer, mapping, position, storage, counts[position], pes, repairs)
        for position, storage in enumerate(architecture.levels)
        if storage is not None
    )
    return MappingReport(
        layer,
        architecture.name,
        mode,
        levels,
        loops_at(layer, mapping, "columns"),
        loops_at(layer, mapping, "rows"),
        _flows(layer, levels, tile_extents(layer, mapping), pes),
        pes,
        architecture.columns * architecture.rows,
        float(result[O_CYCLES]),
        float(result[O_COMPUTE_CYCLES]),
        architecture.level_names[limit] if limit >= 0 else "",
        float(result[O_ENERGY]),
        float(result[O_MAC_ENERGY]),
        float(result[O_DRAM_WORDS]),
    )


def _level(
    layer: Layer,
    mapping: Mapping,
    position: int,
    storage: StorageLevel,
    counts: NDArray[np.float64],
    pes: float,
    repairs: int,
) -> LevelUse:
    place, instances = TEMPORAL[position], pes if position >= OUTER else 1.0
    tile = tile_extents(layer, mapping)[TILE_ROW[place]]
    ragged = mapping.factors.prod(axis=0, dtype=np.int64).tolist() != list(layer.bounds)
    uses = []
    for tensor, name in enumerate(TENSORS):
        if name in storage.keeps:
            words = tile_words(layer, tile, tensor, repairs)
            reads, fills, updates = (counts[tensor] * instances).tolist()
            energy = instances * _energy(storage, counts[tensor], NOISE if ragged else 0.0)
            uses.append(TensorUse(name, words, reads, fills, updates, energy))
    loops = loops_at(layer, mapping, place)
    return LevelUse(position, storage.name, instances, storage.capacity_words, loops, tuple(uses))


def _energy(storage: StorageLevel, counts: NDArray[np.float64], noise: float) -> float:
    """Return the energy of a tensor's accesses at one instance: whole vector accesses, as the kernel counts them."""
    accesses = np.ceil(counts * (1.0 - noise) / storage.block_words)
    return float(accesses[READS] * storage.read_pj + (accesses[FILLS] + accesses[UPDATES]) * storage.write_pj)


def _flows(layer: Layer, levels: tuple[LevelUse, ...], extents: NDArray[np.int64], pes: float) -> tuple[Flow, ...]:
    spread = extents[ARRAY_ROW] / extents[ARRAY_ROW + 1]
    added_up = pes / float(math.prod(spread[d] for d in _OUTPUT_DIMENSIONS))
    found: list[Flow] = []
    for tensor in TENSORS:
        kept = [(level.position, use) for level in levels for use in level.tensors if use.tensor == tensor]
        for (outer, above), below in zip(kept, [*kept[1:], None], strict=True):
            if tensor == TENSORS[OUTPUTS]:
                found += _output_flows(layer, outer, above, below, added_up)
            else:
                inner, arriving = (MAC, float(layer.macs)) if below is None else (below[0], below[1].fills)
                found.append(Flow(tensor, outer, inner, False, above.reads, arriving))
    return tuple(found)


def _output_flows(
    layer: Layer, outer: int, above: TensorUse, below: tuple[int, TensorUse] | None, added_up: float
) -> list[Flow]:
    """Return what leaves an inner level, added up over so many PEs on its way, and what comes back to it."""
    if below is None:
        return [Flow(above.tensor, outer, MAC, True, above.updates, float(layer.macs))]
    inner, use = below
    held = layer.outputs * (added_up if inner >= OUTER else 1.0)
    found = [Flow(above.tensor, outer, inner, True, above.updates, use.fills + held)]
    if use.fills > 0:
        back = use.fills / added_up if outer <= GLB and inner >= OUTER else use.fills
        found.append(Flow(above.tensor, outer, inner, False, back, use.fills))
    return found
