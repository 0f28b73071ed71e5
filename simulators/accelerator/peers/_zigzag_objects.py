"""Our architecture, layer and mapping as the objects of ZigZag (zigzag-dse 3.9.1); needs that package.

ZigZag's names: operands ``W``, ``I``, ``O`` of a layer, ``I2``, ``I1``, ``O`` of memories; dimensions B, K, C, FY, FX,
OY, OX, G for our N, M, C, R, S, P, Q, G. Its levels are listed per operand, innermost first, and its bandwidths and
sizes are in bits.
"""

from __future__ import annotations

import math
from typing import Any, Final

from zigzag.datatypes import Constants, LayerDim, LayerOperand, MemoryOperand, OADimension
from zigzag.hardware.architecture.accelerator import Accelerator
from zigzag.hardware.architecture.memory_hierarchy import MemoryHierarchy
from zigzag.hardware.architecture.memory_instance import MemoryInstance
from zigzag.hardware.architecture.memory_level import ServedMemDimensions
from zigzag.hardware.architecture.memory_port import DataDirection, MemoryPort, MemoryPortType, PortAllocation
from zigzag.hardware.architecture.operational_array import MultiplierArray
from zigzag.hardware.architecture.operational_unit import Multiplier
from zigzag.mapping.spatial_mapping import SpatialMapping, SpatialMappingHint
from zigzag.mapping.spatial_mapping_internal import SpatialMappingInternal
from zigzag.mapping.temporal_mapping import TemporalMapping, TemporalMappingType
from zigzag.workload.layer_attributes import (
    LayerDimRelation,
    LayerDimSizes,
    LayerEquation,
    LayerOperandPrecision,
    LayerPadding,
    LayerTemporalOrdering,
    MemoryOperandLinks,
)
from zigzag.workload.layer_node import LayerNode, LayerNodeAttributes, MappingAttributes

from simulators.accelerator.architecture import Architecture, StorageLevel
from simulators.accelerator.kernel_layout import GLB, LEVELS, TENSORS
from simulators.accelerator.layers import DIMENSIONS, Layer
from simulators.accelerator.mapping import TEMPORAL, Mapping

WIDEST_PORT: Final = 1 << 40
"""Bits per cycle that stand for unlimited bandwidth."""
LARGEST_MEMORY: Final = 1 << 60
"""Bits that stand for unlimited capacity."""
LAYER_OPERANDS: Final = dict(zip(TENSORS, (LayerOperand("W"), LayerOperand("I"), LayerOperand("O")), strict=True))
_MEMORY_OPERANDS: Final = dict(
    zip(TENSORS, (Constants.MEM_OP_2, Constants.MEM_OP_1, Constants.OUTPUT_MEM_OP), strict=True)
)
_DIMENSION: Final = dict(zip(DIMENSIONS, map(LayerDim, ("B", "K", "C", "FY", "FX", "OY", "OX", "G")), strict=True))
_ARRAY: Final = (OADimension("D1"), OADimension("D2"))
_INWARDS: Final = (DataDirection.WR_IN_BY_HIGH, DataDirection.RD_OUT_TO_LOW)
_OUTPUTS: Final = (*_INWARDS, DataDirection.WR_IN_BY_LOW, DataDirection.RD_OUT_TO_HIGH)
_PORTS_PER_LEVEL: Final = 8
_EQUATION: Final = "O[g][b][k][oy][ox] = W[g][k][c][fy][fx] * I[g][b][c][iy][ix]"


def accelerator(architecture: Architecture, word_bits: int, ports: str) -> Any:
    """Return ZigZag's accelerator.

    Args:
        architecture: ours.
        word_bits: bits of a word.
        ports: ``"vector"``: as wide as one vector access, so that an access costs what ours does; ``"bandwidth"``: as
            wide as the level's words per cycle. ZigZag has one width for both, so that energy and latency need an
            accelerator each.
    """
    array = MultiplierArray(
        Multiplier(architecture.mac_pj, 0.0),
        dict(zip(_ARRAY, (architecture.columns, architecture.rows), strict=True)),
    )
    hierarchy = MemoryHierarchy(array)
    for position in reversed(range(LEVELS)):
        level = architecture.levels[position]
        if level is not None and level.keeps:
            _add_memory(hierarchy, level, position, word_bits, ports)
    return Accelerator(0, architecture.name, array, hierarchy)


def _add_memory(hierarchy: Any, level: StorageLevel, position: int, word_bits: int, ports: str) -> None:
    operands = [_MEMORY_OPERANDS[tensor] for tensor in TENSORS if tensor in level.keeps]
    if ports == "vector":
        widths = (level.block_words * word_bits,) * 2
    else:
        widths = (_port_bits(level.read_bandwidth, word_bits), _port_bits(level.write_bandwidth, word_bits))
    made, allocation = _ports(operands, *widths, first_id=_PORTS_PER_LEVEL * position)
    instance = MemoryInstance(
        name=f"level{position}",
        size=LARGEST_MEMORY if math.isinf(level.capacity_words) else int(level.capacity_words) * word_bits,
        r_cost=level.read_pj,
        w_cost=level.write_pj,
        ports=made,
    )
    served = set(_ARRAY) if position <= GLB else set()
    hierarchy.add_memory(instance, operands, allocation, ServedMemDimensions(served))


def _port_bits(words_per_cycle: float, word_bits: int) -> int:
    bits = words_per_cycle * word_bits
    return WIDEST_PORT if bits >= WIDEST_PORT else max(1, round(bits))


def _ports(operands: list[MemoryOperand], read_bits: int, write_bits: int, first_id: int) -> tuple[Any, Any]:
    """Return a level's ports and which direction of which operand uses which.

    A limited bandwidth is one port that all operands share, for reads and for writes; an unlimited one is a port for
    each, because ZigZag lets transfers through one port wait for each other however wide it is.
    """
    made: dict[str, MemoryPort] = {}
    allocation: dict[MemoryOperand, dict[DataDirection, str]] = {operand: {} for operand in operands}
    for operand in operands:
        for direction in _OUTPUTS if operand == Constants.OUTPUT_MEM_OP else _INWARDS:
            reads = direction in (DataDirection.RD_OUT_TO_LOW, DataDirection.RD_OUT_TO_HIGH)
            bits = read_bits if reads else write_bits
            own = 1 + len(made) if bits == WIDEST_PORT else 0
            name = f"{'r' if reads else 'w'}_port_{own}"
            kind = MemoryPortType.READ if reads else MemoryPortType.WRITE
            made.setdefault(name, MemoryPort(name, kind, bits, bits, first_id + len(made)))
            allocation[operand][direction] = name
    return tuple(made.values()), PortAllocation(allocation)


def layer_node(layer: Layer, word_bits: int) -> Any:
    """Return ZigZag's layer; partial sums have the bits of a word, as ours have."""
    bits = dict.fromkeys((*LAYER_OPERANDS.values(), Constants.FINAL_OUTPUT_LAYER_OP), word_bits)
    sizes: dict[LayerDim, int | float] = {
        _DIMENSION[d]: bound for d, bound in zip(DIMENSIONS, layer.bounds, strict=True)
    }
    rows = LayerDimRelation(LayerDim("IY"), LayerDim("OY"), LayerDim("FY"), layer.stride_h, layer.dilation_h)
    columns = LayerDimRelation(LayerDim("IX"), LayerDim("OX"), LayerDim("FX"), layer.stride_w, layer.dilation_w)
    attributes = LayerNodeAttributes(
        layer_type="Conv",
        equation=LayerEquation(_EQUATION),
        layer_dim_sizes=LayerDimSizes(sizes),
        operand_precision=LayerOperandPrecision(bits),
        dimension_relations=[columns, rows],
        padding=LayerPadding.empty(),
        constant_operands=[LAYER_OPERANDS["Weights"]],
        input_operand_source={},
        pr_layer_dim_sizes=None,
    )
    links = {LAYER_OPERANDS[tensor]: _MEMORY_OPERANDS[tensor] for tensor in ("Outputs", "Weights", "Inputs")}
    mapping = MappingAttributes(
        spatial_mapping=SpatialMapping({}),
        spatial_mapping_hint=SpatialMappingHint.empty(),
        memory_operand_links=MemoryOperandLinks(links),
        temporal_ordering=LayerTemporalOrdering.empty(),
    )
    return LayerNode(0, layer.name, attributes, mapping)


def temporal_mapping(architecture: Architecture, mapping: Mapping, node: Any) -> Any:
    """Return ZigZag's temporal mapping: for each operand, the loops of each level that keeps it, innermost first.

    A level's tile spans the loops at it and inside it; loops at a level that passes an operand by belong to the next
    level outside that keeps it, as in ours.
    """
    loops: dict[LayerOperand, list[list[tuple[LayerDim, int | float]]]] = {}
    for tensor in TENSORS:
        kept: list[list[tuple[LayerDim, int | float]]] = []
        waiting: list[tuple[LayerDim, int | float]] = []
        for position in reversed(range(LEVELS)):
            place = TEMPORAL[position]
            factors = [(_DIMENSION[d], mapping.factor(place, d)) for d in mapping.order(place)]
            waiting += [(dimension, factor) for dimension, factor in factors if factor > 1]
            level = architecture.levels[position]
            if level is not None and tensor in level.keeps:
                kept.append(waiting)
                waiting = []
        loops[LAYER_OPERANDS[tensor]] = kept
    return TemporalMapping(loops, node, TemporalMappingType.UNEVEN)


def spatial_mapping(architecture: Architecture, mapping: Mapping, node: Any) -> Any:
    """Return ZigZag's spatial mapping: for each operand, the parallel loops between each pair of levels."""
    factors = {d: mapping.factor("columns", d) * mapping.factor("rows", d) for d in DIMENSIONS}
    parallel: list[tuple[LayerDim, int | float]] = [(_DIMENSION[d], f) for d, f in factors.items() if f > 1]
    loops: dict[LayerOperand, list[list[tuple[LayerDim, int | float]]]] = {}
    for tensor in TENSORS:
        keeping = [level is not None and tensor in level.keeps for level in architecture.levels]
        inside, outside = sum(keeping[GLB + 1 :]), sum(keeping[: GLB + 1])
        loops[LAYER_OPERANDS[tensor]] = [[] for _ in range(inside)] + [parallel] + [[] for _ in range(outside)]
    return SpatialMappingInternal(loops, node)


def levels_of(architecture: Architecture, tensor: str) -> list[int]:
    """Return the positions of the levels that keep a tensor, innermost first, as ZigZag lists its results."""
    levels = architecture.levels
    return [p for p in reversed(range(LEVELS)) if (level := levels[p]) is not None and tensor in level.keeps]
