"""Our layer and mapping as a mapping file of MAESTRO: data-centric directives.

Facts from MAESTRO's source and examples (maestro-project/maestro: ``data/mapping``, ``option.hpp``) and from how GAMMA
writes such files (maestro-project/gamma): one list of directives for each level of clusters, outermost loop first;
``TemporalMap(size, offset) D`` and ``SpatialMap`` say which part of dimension D a cluster gets at a step, and
``Cluster(n, P)`` begins the next level inside. ``Y'`` and ``X'`` count output rows and columns. K and C are output and
input channels; in a depthwise layer C alone.

MAESTRO has one buffer inside PEs (L1), one that they share (L2), and one loop for each dimension and level. So of our
mapping the tile in a PE, the dimension over columns and that over rows become one or two levels of clusters; the steps
at GLB and DRAM become one loop for each dimension, at the place of its innermost one.
"""

from __future__ import annotations

from typing import Final

from simulators.accelerator.layers import DIMENSIONS, Layer
from simulators.accelerator.mapping import Mapping

FILE: Final = "mapping.m"
RESULT: Final = "mapping.csv"
_INSIDE_PE: Final = ("pe_outer", "pe_middle", "pe")
_AXES: Final = ("columns", "rows")
_CONVOLUTION: Final = {"M": "K", "C": "C", "R": "R", "S": "S", "P": "Y'", "Q": "X'"}
_DEPTHWISE: Final = {"G": "C", "R": "R", "S": "S", "P": "Y'", "Q": "X'"}


def inexpressible(layer: Layer, mapping: Mapping) -> str:
    """Return why MAESTRO cannot be asked about a layer under a mapping, or an empty text."""
    why = ""
    if layer.n > 1:
        why = "batches above 1"
    elif layer.g > 1 and not _is_depthwise(layer):
        why = "groups that are not depthwise"
    elif layer.dilation_h > 1 or layer.dilation_w > 1:
        why = "dilated kernels"
    else:
        several = [axis for axis in _AXES if len(_spread(mapping, axis)) > 1]
        why = f"two dimensions over the {several[0]} of PEs" if several else ""
    return f"not expressible: MAESTRO has no {why} (layer {layer.name})" if why else ""


def maestro_file(layer: Layer, mapping: Mapping) -> str:
    """Return the mapping file of one layer under one mapping that is not :func:`inexpressible`."""
    names = _names(layer)
    dimensions = {"K": layer.m, "C": layer.g if _is_depthwise(layer) else layer.c, "R": layer.r, "S": layer.s}
    dimensions |= {"Y": (layer.p - 1) * layer.stride_h + layer.r, "X": (layer.q - 1) * layer.stride_w + layer.s}
    sizes = ", ".join(f"{name}: {bound}" for name, bound in dimensions.items())
    directives = "\n".join(f"      {line}" for line in _directives(mapping, names))
    return (
        "Network network {\n  Layer layer {\n"
        f"    Type: {'DSCONV' if _is_depthwise(layer) else 'CONV'}\n"
        f"    Stride {{ X: {layer.stride_w}, Y: {layer.stride_h} }}\n"
        f"    Dimensions {{ {sizes} }}\n"
        f"    Dataflow {{\n{directives}\n    }}\n  }}\n}}\n"
    )


def pes_in_use(mapping: Mapping) -> int:
    """Return the PEs that a mapping uses."""
    used = 1
    for axis in _AXES:
        for d in _spread(mapping, axis):
            used *= mapping.factor(axis, d)
    return used


def _is_depthwise(layer: Layer) -> bool:
    return layer.g > 1 and layer.m == layer.c == 1


def _names(layer: Layer) -> dict[str, str]:
    return _DEPTHWISE if _is_depthwise(layer) else _CONVOLUTION


def _spread(mapping: Mapping, axis: str) -> list[str]:
    return [d for d in DIMENSIONS if mapping.factor(axis, d) > 1]


def _directives(mapping: Mapping, names: dict[str, str]) -> list[str]:
    """Return the directives of all levels of clusters, outermost first."""
    inner = dict.fromkeys(names, 1)
    for d in names:
        for place in _INSIDE_PE:
            inner[d] *= mapping.factor(place, d)
    across = [(axis, d) for axis in _AXES for d in _spread(mapping, axis)]
    order = _outer_order(mapping, names)
    if len(across) < 2:
        return _level(order, inner, across[0][1] if across else order[0], names)
    (_, first), (axis, second) = across
    cluster = mapping.factor(axis, second)
    outer = {**inner, second: inner[second] * cluster}
    inside = [d for d in mapping.order("pe")[::-1] if d in names]
    return [
        *_level(order, outer, first, names),
        f"Cluster({cluster}, P);",
        *_level(inside, inner, second, names),
    ]


def _outer_order(mapping: Mapping, names: dict[str, str]) -> list[str]:
    """Return dimensions by the place of their innermost loop outside the array, outermost first."""
    loops = [
        (place, d) for place in ("dram", "glb") for d in mapping.order(place)[::-1] if mapping.factor(place, d) > 1
    ]
    walked = [d for _, d in loops if d in names]
    looped = [d for position, d in enumerate(walked) if d not in walked[position + 1 :]]
    return [*looped, *(d for d in names if d not in looped)]


def _level(order: list[str], sizes: dict[str, int], spatial: str, names: dict[str, str]) -> list[str]:
    return [f"{'Spatial' if d == spatial else 'Temporal'}Map({sizes[d]},{sizes[d]}) {names[d]};" for d in order]
