"""The accelerator of ArchGym's Timeloop environment: an Eyeriss-like hierarchy with 26 parameters.

ArchGym (ISCA 2023) writes them into an architecture file of Timeloop; they mean here what Timeloop makes of them:

* ``pe_count`` PEs in ``mesh_x`` columns, hence ``pe_count / mesh_x`` rows: what does not divide is refused
  (``array-shape``). Every pair in ArchGym's space divides;
* each PE has an ifmap scratchpad, inside it one for weights, innermost one for partial sums; the shared global buffer
  (GLB) keeps inputs and outputs, weights pass it by;
* ``class``: of storage, see ``technology.STORAGE_KINDS``; ``depth``: rows; ``block``: words in a row, moved by one
  vector access, so that a storage holds depth x block words; ``read_bandwidth``, ``write_bandwidth``: words per cycle
  and instance; ``banks``: equal parts of the GLB;
* the dummy buffer stands between GLB and PEs, one for each column, and keeps no tensor: only its area counts;
* DRAM (LPDDR4 in ArchGym) moves 64 bits per access and has no limit of bandwidth.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.architecture import LARGEST_ARRAY
from simulators.accelerator.hardware import ALL_TENSORS, Builder, Hardware, Parts
from simulators.accelerator.kernel_layout import GLB, INNER, INPUTS, MIDDLE, OUTER, OUTPUTS, WEIGHTS
from simulators.accelerator.technology import STORAGE_KINDS
from simulators.simulator import Input
from simulators.spaces import Columns

_MOST_DEPTH: Final = 1 << 20
_MOST_BLOCK: Final = 64
_SPADS: Final = {"ifmap_spad": 16, "psum_spad": 16, "weights_spad": 256}
"""Scratchpads with their default depths: the nearest of ArchGym's to the 12, 16 and 192 of its file."""


def _storage_inputs(name: str, title: str, kind: str, depth: int, block: int) -> tuple[Input, ...]:
    return (
        Input(f"{name}_class", kind, STORAGE_KINDS, doc=f"class of storage of the {title}"),
        Input(f"{name}_depth", depth, minimum=1, maximum=_MOST_DEPTH, unit="rows", doc=f"rows of the {title}"),
        Input(
            f"{name}_block", block, minimum=1, maximum=_MOST_BLOCK, unit="words", doc=f"words of a row of the {title}"
        ),
    )


def _bandwidth_inputs(name: str, title: str, bandwidth: float) -> tuple[Input, ...]:
    return tuple(
        Input(
            f"{name}_{way}_bandwidth",
            bandwidth,
            minimum=1 / 64,
            maximum=65536,
            integer=False,
            unit="words/cycle",
            doc=f"words {way} per cycle, {title}",
        )
        for way in ("read", "write")
    )


def _inputs() -> tuple[Input, ...]:
    found = [
        Input("pe_count", 168, minimum=1, maximum=LARGEST_ARRAY, unit="PEs", doc="PEs of the array"),
        Input("mesh_x", 14, minimum=1, maximum=LARGEST_ARRAY, unit="PEs", doc="columns of the array"),
    ]
    for spad, depth in _SPADS.items():
        title = spad.replace("_spad", " scratchpad")
        found += _storage_inputs(spad, title, "smartbuffer_SRAM", depth, 1)
        found += _bandwidth_inputs(spad, title, 2.0)
    found += _storage_inputs("dummy_buffer", "dummy buffer", "SRAM", 16, 1)
    found += _storage_inputs("glb", "global buffer", "smartbuffer_SRAM", 16384, 4)
    found.append(Input("glb_banks", 32, minimum=1, maximum=4096, unit="banks", doc="banks of the global buffer"))
    found += _bandwidth_inputs("glb", "global buffer", 16.0)
    return tuple(found)


ARCHGYM_INPUTS: Final = _inputs()
"""Defaults: the design in ArchGym's own architecture file."""


def archgym_hardware(columns: Columns, parts: Parts) -> Hardware:
    """Return the accelerators of checked columns of this template, see the module."""
    mesh_x = columns["mesh_x"]
    builder = Builder(parts, mesh_x, columns["pe_count"] // mesh_x)
    builder.add_dram()
    everything = np.ones(len(mesh_x), dtype=bool)
    for name, level, keeps in (
        ("glb", GLB, ALL_TENSORS ^ (1 << WEIGHTS)),
        ("ifmap_spad", OUTER, 1 << INPUTS),
        ("weights_spad", MIDDLE, 1 << WEIGHTS),
        ("psum_spad", INNER, 1 << OUTPUTS),
    ):
        kinds, words, block = _storage(columns, name)
        banks = columns["glb_banks"] if name == "glb" else 1
        bandwidths = (columns[f"{name}_read_bandwidth"], columns[f"{name}_write_bandwidth"])
        builder.add_storage(level, everything, keeps, kinds, words, block, banks, bandwidths)
    kinds, words, block = _storage(columns, "dummy_buffer")
    builder.area_mm2 += mesh_x * parts.storage(kinds, words, block).area_mm2
    return builder.result(_refusals(columns))


def _storage(columns: Columns, name: str) -> tuple[NDArray[np.str_], NDArray[np.int64], NDArray[np.int64]]:
    """Return class, words and block of a storage."""
    block = columns[f"{name}_block"]
    return columns[f"{name}_class"], columns[f"{name}_depth"] * block, block


def _refusals(columns: Columns) -> tuple[str, ...]:
    pe_count, mesh_x = columns["pe_count"], columns["mesh_x"]
    depth, banks = columns["glb_depth"], columns["glb_banks"]
    reasons = [""] * len(mesh_x)
    for row in np.flatnonzero(depth < banks).tolist():
        reasons[row] = f"glb-banks: {depth[row]} rows of the global buffer cannot be divided among {banks[row]} banks"
    for row in np.flatnonzero(pe_count % mesh_x != 0).tolist():
        reasons[row] = f"array-shape: {pe_count[row]} PEs cannot stand in {mesh_x[row]} columns of equal length"
    return tuple(reasons)
