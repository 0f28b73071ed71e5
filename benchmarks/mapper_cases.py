"""Layers and architectures on which ``benchmarks.mapper`` tries the mapper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from simulators.accelerator.architecture import Architecture, StorageLevel
from simulators.accelerator.kernel_layout import TENSORS
from simulators.accelerator.layers import Layer
from simulators.accelerator.technology import dram_pj_per_bit, technology
from simulators.accelerator.workloads import load_network

HIERARCHIES: Final = ("unified", "weight stationary", "output stationary", "weights pass GLB", "split spads")
_KEPT: Final = {
    "unified": (TENSORS, TENSORS),
    "weight stationary": (TENSORS, ("Weights",)),
    "output stationary": (TENSORS, ("Outputs",)),
    "weights pass GLB": (("Inputs", "Outputs"), TENSORS),
}
"""What the GLB and the one storage of a PE keep."""
SPLIT_KEPT: Final = (("Inputs",), ("Weights",), ("Outputs",))
BANDWIDTHS: Final = {"unlimited": np.inf, "medium": 16.0, "throttled": 2.0}
"""Words per cycle of the DRAM; the GLB has four times as many."""
WORD_BITS, BLOCK_WORDS, NODE_NM = 16, 4, 45


@dataclass(frozen=True)
class Size:
    """Columns and rows of an array, words of the GLB and of one PE's storage."""

    columns: int
    rows: int
    glb: int
    pe: int


SIZES: Final = (
    Size(8, 8, 16_384, 64),
    Size(14, 12, 55_296, 256),
    Size(16, 16, 131_072, 32),
    Size(32, 32, 262_144, 128),
)
SPLIT_SHARES: Final = (0.125, 0.75, 0.125)
"""Of a PE's storage for inputs, weights and outputs, where each has its own."""


def architecture(hierarchy: str, size: Size, bandwidth: float = np.inf) -> Architecture:
    """Return an accelerator with the energies of a 45 nm process."""
    node = technology(NODE_NM)
    dram_pj = dram_pj_per_bit("lpddr4") * WORD_BITS * BLOCK_WORDS
    dram = StorageLevel("DRAM", TENSORS, np.inf, dram_pj, dram_pj, BLOCK_WORDS, bandwidth, bandwidth)
    kept, inside = (("Inputs", "Outputs"), ()) if hierarchy == "split spads" else _KEPT[hierarchy]
    sram = node.storage("SRAM", max(size.glb, 2048), WORD_BITS, BLOCK_WORDS)
    energies = float(sram.read_pj), float(sram.write_pj)
    glb = StorageLevel("GLB", kept, size.glb, *energies, BLOCK_WORDS, 4 * bandwidth, 4 * bandwidth)
    if hierarchy == "split spads":
        words = [max(1, int(size.pe * share)) for share in SPLIT_SHARES]
        pe = tuple(_registers(keeps, count) for keeps, count in zip(SPLIT_KEPT, words, strict=True))
    else:
        pe = (_registers(inside, size.pe),)
    return Architecture(hierarchy, size.columns, size.rows, dram, glb, pe, float(node.mac().energy_pj))


def _registers(keeps: tuple[str, ...], words: int) -> StorageLevel:
    figures = technology(NODE_NM).register_file(words)
    return StorageLevel("RF", keeps, words, float(figures.read_pj), float(figures.write_pj))


def layers_of_networks() -> list[Layer]:
    """Return the layers for the comparison with random mappings."""
    chosen = {
        "resnet18": (0, 1, 2, 3, 4, 6, 8, 9, 11),
        "alexnet": (0, 1, 2, 5),
        "mobilenet-v2": (0, 1, 3, 4, 5, 13, 25),
        "bert-base": (0, 1, 3),
        "gpt2-decode": (0,),
    }
    found = []
    for name, positions in chosen.items():
        distinct = load_network(name).distinct
        found += [distinct[position][0] for position in positions]
    return found
