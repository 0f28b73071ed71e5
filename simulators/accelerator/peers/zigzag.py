"""ZigZag's cost model (zigzag-dse 3.9.1, KU Leuven; Mei et al., IEEE Transactions on Computers 2021) on one mapping.

The mapping is given: its cost model class is called, not its search. Everything happens in this process and memory.

Differences from ours that are ZigZag's own: loading the first tiles and unloading the last outputs takes time; each
transfer takes whole cycles and whole vector accesses; stalls follow from each port's time windows, with double
buffering where a memory is at most half full; inputs that a stride skips are not moved; overlapping input tiles of
neighbouring steps are loaded anew unless the kernel's loops are innermost.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from functools import lru_cache
from typing import Any, Final

from simulators.accelerator.architecture import Architecture
from simulators.accelerator.kernel_layout import DRAM, TENSORS
from simulators.accelerator.layers import Layer
from simulators.accelerator.mapping import Mapping
from simulators.accelerator.peers._results import PeerResult
from simulators.errors import MissingExtraError
from simulators.external import ProgramFailure

VERSION: Final = "3.9.1"


def require_zigzag() -> None:
    """Raise MissingExtraError where zigzag-dse is not installed."""
    if importlib.util.find_spec("zigzag") is None:
        raise MissingExtraError("the backend 'zigzag'", "zigzag", "zigzag-dse")


def inexpressible(layer: Layer) -> str:
    """Return why ZigZag cannot be asked about a layer, or an empty text.

    Its formula for the distinct inputs of a strided, dilated window (``LayerNode.calc_pr_dimension_size``) goes wrong
    for windows narrower than the dilation.
    """
    if layer.dilation_h > 1 or layer.dilation_w > 1:
        return f"not expressible: ZigZag {VERSION} miscounts inputs of dilated kernels (layer {layer.name})"
    return ""


def zigzag_result(
    architecture: Architecture, layer: Layer, mapping: Mapping, word_bits: int = 16, operand_latch: bool = True
) -> PeerResult:
    """Return ZigZag's cost of one layer under one mapping whose tiles divide and fit.

    Args:
        architecture, layer, mapping: what is evaluated.
        word_bits: bits of a word.
        operand_latch: ZigZag's default: an operand that stays the same is not read again from the innermost memory at
            each step. False: one read per MAC, as ours and Timeloop's.

    Raises:
        MissingExtraError: zigzag-dse is not installed.
        ProgramFailure: ZigZag cannot evaluate it and says why.
    """
    require_zigzag()
    energy = _evaluate(architecture, layer, mapping, word_bits, operand_latch, "vector")
    latency = _evaluate(architecture, layer, mapping, word_bits, operand_latch, "bandwidth")
    by_level, dram_words = _levels(architecture, energy)
    return PeerResult(
        cycles=float(latency.latency_total2),
        compute_cycles=float(latency.ideal_temporal_cycle),
        mac_energy_pj=float(energy.mac_energy),
        level_energy_pj=by_level,
        dram_words=dram_words,
        pes=float(layer.macs / latency.ideal_temporal_cycle),
    )


def _evaluate(
    architecture: Architecture, layer: Layer, mapping: Mapping, word_bits: int, latch: bool, ports: str
) -> Any:
    from zigzag.cost_model.cost_model import CostModelEvaluation

    from simulators.accelerator.peers import _zigzag_objects as objects

    node = _node(layer, word_bits)
    spatial = objects.spatial_mapping(architecture, mapping, node)
    try:
        return CostModelEvaluation(
            accelerator=_accelerator(architecture, word_bits, ports),
            layer=node,
            spatial_mapping=spatial,
            spatial_mapping_int=spatial,
            temporal_mapping=objects.temporal_mapping(architecture, mapping, node),
            access_same_data_considered_as_no_access=latch,
        )
    except (ArithmeticError, AssertionError, LookupError, ValueError) as error:
        raise ProgramFailure(f"failed: ZigZag: {type(error).__name__} {error}") from error


@lru_cache(maxsize=64)
def _accelerator(architecture: Architecture, word_bits: int, ports: str) -> Any:
    from simulators.accelerator.peers import _zigzag_objects as objects

    return objects.accelerator(architecture, word_bits, ports)


@lru_cache(maxsize=256)
def _node(layer: Layer, word_bits: int) -> Any:
    from simulators.accelerator.peers import _zigzag_objects as objects

    return objects.layer_node(layer, word_bits)


def _levels(architecture: Architecture, evaluation: Any) -> tuple[dict[int, float], float]:
    """Return the energy of each of our levels, and the words that DRAM moves, whole vector accesses counted."""
    from simulators.accelerator.peers import _zigzag_objects as objects

    energies: dict[int, float] = {}
    accesses = 0
    for tensor in TENSORS:
        operand, positions = objects.LAYER_OPERANDS[tensor], objects.levels_of(architecture, tensor)
        for position, energy in zip(positions, evaluation.mem_energy_breakdown[operand], strict=True):
            energies[position] = energies.get(position, 0.0) + float(energy)
        accesses += sum(evaluation.memory_word_access[operand][positions.index(DRAM)].data.values())
    return energies, float(accesses * architecture.dram.block_words)


def installed_version() -> str:
    """Return the version of zigzag-dse that is installed."""
    return importlib.metadata.version("zigzag-dse")
