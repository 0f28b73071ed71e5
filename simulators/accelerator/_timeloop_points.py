"""Points of ``timeloop-model``: one layer, architecture and mapping each, with what the tool measured.

A point is an object with ``dims`` (loop bounds, ``stride``), ``arch`` (``npe_x``, ``npe_y``, ``<level>_words``,
``<level>_bw``), ``bypass`` (level -> tensors), ``mapping`` or ``factors`` and ``perm_inner_to_outer`` (per level),
``energy_pJ_per_vector_action`` (level -> read, write; ``MAC``) and ``result``. What a point leaves out is 1, unlimited
or nothing. ``hstride`` and ``wstride`` are Timeloop's own: its W axis is that of P and R.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from simulators._agreement import Number, UnreadableRowError
from simulators.accelerator.architecture import Architecture, StorageLevel
from simulators.accelerator.kernel_layout import (
    FILLS,
    GLB,
    INNER,
    LEVELS,
    O_COMPUTE_CYCLES,
    O_CYCLES,
    O_ENERGY,
    O_MAC_ENERGY,
    O_PES,
    OUTER,
    READS,
    TENSORS,
    UPDATES,
)
from simulators.accelerator.kernel_traffic import FACTOR_ROW
from simulators.accelerator.layers import DIMENSIONS, Layer
from simulators.accelerator.mapping import TEMPORAL
from simulators.accelerator.mapping import Mapping as LoopMapping
from simulators.errors import InvalidInputError

Point = Mapping[str, Any]

_KNOWN_LEVELS: Final = ("DRAM", "GLB", "ifmap_spad", "weights_spad", "psum_spad", "RF")
"""Levels of the reference's hierarchies, outermost first, for points that do not list their mapping."""
_SHORT: Final = {"ifmap_spad": "if", "weights_spad": "w", "psum_spad": "p"}
_SPATIAL: Final = {"SPX": "columns", "SPY": "rows"}
_WIDE_BLOCK: Final = 4
"""Words per vector access of DRAM and GLB in the reference's architectures: 64 bits of 16-bit words."""
_GEOMETRY: Final = {
    "stride_h": ("stride_h", "wstride", "stride"),
    "stride_w": ("stride_w", "hstride", "stride"),
    "dilation_h": ("dilation_h", "wdilation", "dilation"),
    "dilation_w": ("dilation_w", "hdilation", "dilation"),
}
"""Our names, and the names that points may use; the first that is there counts."""


@dataclass(frozen=True)
class TimeloopPoint:
    """A point in the model's own terms; ``levels`` are its level names, outermost first."""

    layer: Layer
    architecture: Architecture
    mapping: LoopMapping
    levels: tuple[str, ...]

    @property
    def positions(self) -> dict[str, int]:
        """Level name -> position among the kernel's levels."""
        return dict(zip(self.levels, kernel_levels(len(self.levels)), strict=True))


def kernel_levels(count: int) -> tuple[int, ...]:
    """Return which of the kernel's levels ``count`` levels are, outermost first."""
    return (*range(GLB + 1), *range(LEVELS - (count - 2), LEVELS))


def read_point(point: Point) -> TimeloopPoint:
    """Read one point.

    Raises:
        UnreadableRowError: a point that is damaged or lacks something; says what.
        InvalidInputError: a point that the model cannot express.
    """
    try:
        levels = _level_names(point)
        layer = _layer(point["dims"], str(point.get("layer", "layer")))
        architecture = _architecture(point, levels)
        return TimeloopPoint(layer, architecture, _mapping(point, levels), levels)
    except InvalidInputError:
        raise
    except KeyError as error:
        raise UnreadableRowError(f"the point has no {error.args[0]!r}") from error
    except (TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        raise UnreadableRowError(str(error)) from error


def _level_names(point: Point) -> tuple[str, ...]:
    """Return the storage levels, outermost first, as the mapping lists them."""
    directives = [(entry.get("type"), entry["target"]) for entry in point.get("mapping") or ()]
    names = tuple(target for kind, target in directives if kind == "temporal")
    if not names:
        names = tuple(name for name in _KNOWN_LEVELS if name in point["factors"])
    places = {target for kind, target in directives if kind == "spatial"}
    if not 3 <= len(names) <= 2 + INNER - GLB:
        raise InvalidInputError(f"{len(names)} storage levels, of which 3 to {2 + INNER - GLB} are supported")
    if names[0] != "DRAM" or len(set(names)) != len(names):
        raise InvalidInputError("the levels are not DRAM and others, each once")
    if places - {names[1]}:
        raise InvalidInputError("the array of PEs does not lie below the second level")
    unknown = set(point["factors"]) - {*names, *_SPATIAL}
    if unknown:
        raise InvalidInputError(f"factors at unknown places: {', '.join(sorted(unknown))}")
    return names


def _layer(dims: Mapping[str, Any], name: str) -> Layer:
    lower = {key.lower(): int(value) for key, value in dims.items() if value is not None}
    bounds = {dimension.lower(): lower.pop(dimension.lower(), 1) for dimension in DIMENSIONS}
    geometry = {ours: next((lower[key] for key in theirs if key in lower), 1) for ours, theirs in _GEOMETRY.items()}
    unknown = set(lower) - {key for theirs in _GEOMETRY.values() for key in theirs}
    if any(lower[key] != 1 for key in unknown):
        raise InvalidInputError(f"unknown dimensions: {', '.join(sorted(unknown))}")
    return Layer(name, **bounds, **geometry)


def _architecture(point: Point, levels: tuple[str, ...]) -> Architecture:
    arch, energies, bypass = point["arch"], point["energy_pJ_per_vector_action"], point.get("bypass") or {}
    storage = [_storage(name, arch, energies[name], tuple(bypass.get(name, ()))) for name in levels]
    kind = str(point.get("arch_kind", arch.get("kind", "architecture")))
    dram, glb, *inside = storage
    return Architecture(kind, arch["npe_x"], arch["npe_y"], dram, glb, tuple(inside), _pair(energies["MAC"])[0])


def _storage(name: str, arch: Mapping[str, Any], energy: Any, passing: tuple[str, ...]) -> StorageLevel:
    read, write = _pair(energy)
    both = _of_level(arch, name, "bw")
    return StorageLevel(
        name,
        keeps=tuple(tensor for tensor in TENSORS if tensor not in passing),
        capacity_words=_of_level(arch, name, "words") or math.inf,
        read_pj=read,
        write_pj=write,
        block_words=_WIDE_BLOCK if name in ("DRAM", "GLB") else 1,
        read_bandwidth=_of_level(arch, name, "read_bw") or both or math.inf,
        write_bandwidth=_of_level(arch, name, "write_bw") or both or math.inf,
    )


def _of_level(arch: Mapping[str, Any], name: str, what: str) -> float | None:
    """Return ``<level>_<what>`` of the architecture, or None where it is missing or null."""
    for prefix in (name, name.lower(), name.lower().removesuffix("_spad"), _SHORT.get(name, name)):
        value = arch.get(f"{prefix}_{what}")
        if value is not None:
            return float(value)
    return None


def _pair(energy: Any) -> tuple[float, float]:
    return (float(energy[0]), float(energy[1])) if isinstance(energy, list) else (float(energy), float(energy))


def _mapping(point: Point, levels: tuple[str, ...]) -> LoopMapping:
    places = {name: TEMPORAL[position] for name, position in zip(levels, kernel_levels(len(levels)), strict=True)}
    factors = {(places | _SPATIAL)[name]: dict(of_level) for name, of_level in point["factors"].items()}
    orders = {places[name]: str(o) for name, o in (point.get("perm_inner_to_outer") or {}).items() if name in places}
    return LoopMapping.of(factors, orders)


# ---- results under the reference's names ------------------------------------------------------------------------


def point_metrics(point: TimeloopPoint, counts: NDArray[np.float64], result: NDArray[np.float64]) -> dict[str, Number]:
    """Return our results under the paths that they have inside a point's ``result``.

    Args:
        point: the point.
        counts: the kernel's, ``[level, tensor, (reads, fills, updates)]``.
        result: the kernel's, ``[RESULTS]``.
    """
    found: dict[str, Number] = {}
    cycles, pes = result[O_CYCLES], result[O_PES]
    for name, level in point.positions.items():
        found |= _level_metrics(point, name, level, counts[level], result)
    array = point.architecture.columns * point.architecture.rows
    return found | {
        "computes": point.layer.macs,
        "mac_energy_pJ": float(result[O_MAC_ENERGY]),
        "mac_cycles": int(result[O_COMPUTE_CYCLES]),
        "utilized_macs": int(pes),
        "cycles": int(cycles),
        "utilization": float(100.0 * point.layer.macs / (cycles * array)),
        "energy_uJ": float(result[O_ENERGY]) * 1e-6,
    }


def _level_metrics(
    point: TimeloopPoint, name: str, level: int, counts: NDArray[np.float64], result: NDArray[np.float64]
) -> Iterator[tuple[str, Number]]:
    storage = point.architecture.levels[level]
    instances = int(result[O_PES]) if level >= OUTER else 1
    if storage is None:
        return
    slowdown = _slowdown(storage, counts, result[O_COMPUTE_CYCLES])
    yield f"levels.{name}.cycles", math.ceil(result[O_COMPUTE_CYCLES] / slowdown)
    yield f"levels.{name}.throttle", float(slowdown)
    tiles = _tiles(point, level)
    for position, tensor in enumerate(TENSORS):
        path, (reads, fills, updates) = f"levels.{name}.{tensor}", counts[position].tolist()
        block = storage.block_words
        reading = math.ceil(reads / block) * storage.read_pj
        writing = (math.ceil(fills / block) + math.ceil(updates / block)) * storage.write_pj
        yield f"{path}.util_capacity", tiles[tensor]
        yield f"{path}.instances", instances
        yield f"{path}.reads", int(reads)
        yield f"{path}.fills", int(fills)
        yield f"{path}.updates", int(updates)
        yield f"{path}.energy_total_pJ", instances * (reading + writing)


def _slowdown(storage: StorageLevel, counts: NDArray[np.float64], steps: float) -> float:
    """Return by how much a level's bandwidth slows the array down, at most 1."""
    reads = sum(counts[:, READS] / steps)
    writes = sum((counts[:, FILLS] + counts[:, UPDATES]) / steps)
    return min(
        1.0,
        storage.read_bandwidth / reads if reads else 1.0,
        storage.write_bandwidth / writes if writes else 1.0,
    )


def _tiles(point: TimeloopPoint, level: int) -> dict[str, int]:
    """Return the words of each tensor's tile at a level, inputs as a bounding box."""
    factors = point.mapping.factors.astype(object)
    inside = [FACTOR_ROW[inner] for inner in range(level, LEVELS)]
    rows = [*inside, *(row for row in range(len(factors)) if row not in FACTOR_ROW and level < OUTER)]
    tile = dict(zip(DIMENSIONS, (math.prod(factors[rows, d]) for d in range(len(DIMENSIONS))), strict=True))
    layer = point.layer
    height = layer.stride_h * (tile["P"] - 1) + layer.dilation_h * (tile["R"] - 1) + 1
    width = layer.stride_w * (tile["Q"] - 1) + layer.dilation_w * (tile["S"] - 1) + 1
    return {
        "Weights": math.prod(tile[d] for d in "MCRSG"),
        "Inputs": tile["N"] * tile["C"] * tile["G"] * height * width,
        "Outputs": math.prod(tile[d] for d in "NMPQG"),
    }
