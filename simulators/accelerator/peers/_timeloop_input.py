"""Our architecture, layer and mapping as input files of ``timeloop-model``.

The form is the one the program itself reads: the tree of ``subtree`` and ``local``. (Version 0.4 files with ``nodes``
are turned into it by Timeloop's Python front end, and refused by the program.) Facts from Timeloop's source,
NVlabs/timeloop: ``src/model/buffer.cpp`` and ``topology.cpp``, ``src/mapping/parser.cpp``,
``src/applications/model/model.cpp``. Energies go in as an ERT (energy reference table), so that no energy estimator is
called; wires, routers and adders cost nothing.
"""

from __future__ import annotations

import math
from typing import Any, Final

import yaml

from simulators.accelerator.architecture import Architecture, StorageLevel
from simulators.accelerator.kernel_layout import DRAM, GLB, TENSORS
from simulators.accelerator.layers import DIMENSIONS, Layer
from simulators.accelerator.mapping import TEMPORAL, Mapping

FILES: Final = ("architecture.yaml", "energies.yaml", "problem.yaml", "mapping.yaml")
LEVEL_NAMES: Final = ("DRAM", "GLB", "PE_outer", "PE_middle", "PE_inner")
"""What our levels are called in the files, by position: what users call theirs need not be a word of Timeloop's."""
MAC: Final = "MAC"
_LARGEST_MEMORY: Final = (1 << 31) - 1
_FREE: Final = {"wire-energy": 0.0, "router-energy": 0.0, "adder-energy": 0.0, "addr-gen-energy": 0.0}


def timeloop_files(architecture: Architecture, layer: Layer, mapping: Mapping, word_bits: int = 16) -> dict[str, str]:
    """Return the input files, name -> YAML, in the order in which ``timeloop-model`` gets them."""
    columns, rows = array_of(architecture, mapping)
    contents = (
        {"architecture": _architecture(architecture, columns, rows, word_bits)},
        {"ERT": _energies(architecture)},
        {"problem": _problem(layer)},
        {"mapping": _mapping(architecture, mapping, one_axis=rows == 1)},
    )
    return {name: yaml.safe_dump(text, sort_keys=False) for name, text in zip(FILES, contents, strict=True)}


def array_of(architecture: Architecture, mapping: Mapping) -> tuple[int, int]:
    """Return columns and rows of the array in the files.

    Timeloop has one factor for each dimension of a spatial level. Where a mapping spreads one dimension over both axes
    the array becomes a row of as many PEs: without transfers between neighbours, where a PE is plays no part.
    """
    both = any(mapping.factor("columns", d) > 1 and mapping.factor("rows", d) > 1 for d in DIMENSIONS)
    return (architecture.columns * architecture.rows, 1) if both else (architecture.columns, architecture.rows)


def present(architecture: Architecture) -> list[tuple[int, StorageLevel]]:
    """Return the levels that exist, outermost first, with their positions."""
    return [(position, level) for position, level in enumerate(architecture.levels) if level is not None]


def _architecture(architecture: Architecture, columns: int, rows: int, word_bits: int) -> dict[str, Any]:
    mesh = {"meshX": columns, "meshY": rows}
    inside = [_storage(p, level, mesh, word_bits) for p, level in present(architecture) if p > GLB]
    mac = {"name": MAC, "class": "intmac", "attributes": {"word-bits": word_bits, "datawidth": word_bits, **mesh}}
    one = {"meshX": 1, "meshY": 1}
    element = {"name": f"PE[0..{columns * rows - 1}]", "local": [*inside, mac]}
    chip = {"name": "chip", "local": [_storage(GLB, architecture.glb, one, word_bits)], "subtree": [element]}
    system = {"name": "system", "local": [_storage(DRAM, architecture.dram, one, word_bits)], "subtree": [chip]}
    return {"version": 0.4, "subtree": [system]}


def _storage(position: int, level: StorageLevel, mesh: dict[str, int], word_bits: int) -> dict[str, Any]:
    attributes: dict[str, Any] = {"word-bits": word_bits, "datawidth": word_bits, "block-size": level.block_words}
    if position != DRAM:
        unlimited = math.isinf(level.capacity_words)
        attributes["entries"] = _LARGEST_MEMORY if unlimited else int(level.capacity_words)
    for name, bandwidth in (("read_bandwidth", level.read_bandwidth), ("write_bandwidth", level.write_bandwidth)):
        if not math.isinf(bandwidth):
            attributes[name] = float(bandwidth)
    kind = {DRAM: "DRAM", GLB: "SRAM"}.get(position, "regfile")
    return {"name": LEVEL_NAMES[position], "class": kind, "attributes": {**attributes, **mesh, **_FREE}}


def _energies(architecture: Architecture) -> dict[str, Any]:
    tables = [
        {
            "name": f"system.{LEVEL_NAMES[position]}",
            "actions": [
                _action("read", level.read_pj),
                _action("write", level.write_pj),
                _action("update", level.write_pj),
            ],
        }
        for position, level in present(architecture)
    ]
    mac = {"name": f"system.{MAC}", "actions": [_action("mac_random", architecture.mac_pj)]}
    return {"version": 0.4, "tables": [*tables, mac]}


def _action(name: str, energy_pj: float) -> dict[str, Any]:
    return {"name": name, "arguments": {}, "energy": float(energy_pj)}


def _problem(layer: Layer) -> dict[str, Any]:
    geometry = {name: getattr(layer, name) for name in ("stride_h", "stride_w", "dilation_h", "dilation_w")}
    inputs = [["P", "stride_h"], ["R", "dilation_h"]], [["Q", "stride_w"], ["S", "dilation_w"]]
    shape = {
        "name": "convolution",
        "dimensions": list(DIMENSIONS),
        "coefficients": [{"name": name, "default": 1} for name in geometry],
        "data_spaces": [
            {"name": "Weights", "projection": [[[d]] for d in "GMCRS"]},
            {"name": "Inputs", "projection": [[["N"]], [["G"]], [["C"]], *inputs]},
            {"name": "Outputs", "projection": [[[d]] for d in "NGMPQ"], "read_write": True},
        ],
    }
    return {"shape": shape, "instance": {**dict(zip(DIMENSIONS, layer.bounds, strict=True)), **geometry}}


def _mapping(architecture: Architecture, mapping: Mapping, one_axis: bool) -> list[dict[str, Any]]:
    directives: list[dict[str, Any]] = []
    for position, level in present(architecture):
        place = TEMPORAL[position]
        factors = {d: mapping.factor(place, d) for d in DIMENSIONS}
        directives.append(_loops(LEVEL_NAMES[position], "temporal", factors, mapping.order(place)))
        if position == GLB:
            directives.append(_spatial(mapping, one_axis))
        kept = [tensor for tensor in TENSORS if tensor in level.keeps]
        bypassed = [tensor for tensor in TENSORS if tensor not in level.keeps]
        directives.append({"target": LEVEL_NAMES[position], "type": "bypass", "keep": kept, "bypass": bypassed})
    return directives


def _spatial(mapping: Mapping, one_axis: bool) -> dict[str, Any]:
    """Return the parallel loops: the first ``split`` of the permutation go along the columns."""
    factors = {d: mapping.factor("columns", d) * mapping.factor("rows", d) for d in DIMENSIONS}
    along = [d for d in DIMENSIONS if one_axis or mapping.factor("columns", d) > 1]
    order = "".join([*along, *(d for d in DIMENSIONS if d not in along)])
    return {**_loops(LEVEL_NAMES[GLB], "spatial", factors, order), "split": len(along)}


def _loops(target: str, kind: str, factors: dict[str, int], order: str) -> dict[str, Any]:
    text = " ".join(f"{d}={factors[d]}" for d in DIMENSIONS)
    return {"target": target, "type": kind, "factors": text, "permutation": order}
