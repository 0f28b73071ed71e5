"""The examples of docs/accelerator.md: a layer worked out by hand, what each repair changes, networks as mapped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from docs.tables.memory_controller import Cell, table
from simulators.accelerator import Accelerator, Architecture, Layer, Mapping, StorageLevel, load_network, map_layer
from simulators.accelerator.kernel import evaluate_points
from simulators.accelerator.kernel_layout import (
    GLB,
    INPUTS,
    O_CYCLES,
    O_DRAM_WORDS,
    O_ENERGY,
    OK,
    OUTPUTS,
    READS,
)
from simulators.accelerator.mapper import Mapper
from simulators.accelerator.mapping_simulator import LayerMapping
from simulators.accelerator.modes import REPAIRS

HAND_LAYER: Final = Layer("rows", m=2, c=4, r=2, p=3)
HAND_MAPPING: Final = Mapping.of(
    {"dram": {"C": 2}, "glb": {"P": 3}, "columns": {"M": 2}, "rows": {"C": 2}, "pe": {"R": 2}}
)
HAND_ARCHITECTURE: Final = Architecture(
    "two by two",
    columns=2,
    rows=2,
    dram=StorageLevel("DRAM", read_pj=100, write_pj=100, block_words=4, read_bandwidth=2, write_bandwidth=2),
    glb=StorageLevel("GLB", capacity_words=22, read_pj=10, write_pj=8, block_words=4),
    pe_levels=(StorageLevel("RF", capacity_words=5, read_pj=1, write_pj=1),),
    mac_pj=3,
)
"""The example that the page works out by hand."""

NETWORKS: Final = ("alexnet-conv", "resnet18", "mobilenet-v2", "keyword-spotting", "bert-base")


@dataclass(frozen=True)
class Example:
    """A mapped layer with and without a repair.

    Attributes:
        where: the layer and its mapping, in words.
        layer, hardware: names.
        mapping: given, or None for the mapper's in mode ``timeloop``.
        mapped_anew: whether the mapper searches again with the repair.
    """

    where: str
    layer: tuple[str, str]
    hardware: str
    mapping: Mapping | None = None
    mapped_anew: bool = False


_DOWNSAMPLE: Final = ("resnet18", "layer3.0.downsample.0")
_SLIDING: Final = Mapping.of(
    {
        "dram": {"M": 16, "C": 16},
        "glb": {"P": 7, "Q": 28, "S": 3},
        "columns": {"M": 8},
        "rows": {"C": 8},
        "pe": {"R": 3, "P": 4},
    },
    {"dram": "CM", "glb": "SQP"},
)
EXAMPLES: Final = {
    "edge-tiles": Example("256 x 14 x 14 outputs on 14 x 12 PEs, mapped anew", _DOWNSAMPLE, "eyeriss", None, True),
    "true-reuse": Example(
        "`layer2.0.conv2` on `edge`, loops of the GLB: P, Q, S", ("resnet18", "layer2.0.conv2"), "edge", _SLIDING
    ),
    "stride-holes": Example("a 1 x 1 kernel with stride 2", _DOWNSAMPLE, "eyeriss"),
    "drain-reads": Example("`conv1` on `eyeriss`", ("resnet18", "conv1"), "eyeriss"),
}

Figures = tuple[float, float, float, float, float]


def repairs() -> str:
    """Return what each repair changes in its example."""
    rows: list[list[Cell]] = []
    for name, example in EXAMPLES.items():
        pairs = [_pair(*values) for values in zip(*_before_and_after(name, example), strict=True)]
        rows.append([f"`{name}`", example.where, *pairs])
    header = ("cycles", "energy, µJ", "DRAM words", "GLB reads of inputs", "GLB reads of outputs")
    return table(("repair", "example", *header), rows)


def _pair(before: float, after: float) -> str:
    texts = [f"{value:.4g}" if value < 1e4 else f"{value:,.0f}".replace(",", " ") for value in (before, after)]
    return texts[0] if texts[0] == texts[1] else " -> ".join(texts)


def _before_and_after(repair: str, example: Example) -> tuple[Figures, Figures]:
    layer = layer_named(*example.layer)
    built = LayerMapping(example.hardware).architecture
    mapping = example.mapping or map_layer(layer, built, mode="timeloop").mapping
    before = _figures(layer, built, mapping, 0)
    if example.mapped_anew:
        found = Mapper(repairs=REPAIRS[repair]).map(layer.words[None], built.words[None])
        mapping = Mapping(found.factors[0, 0], found.orders[0, 0])
    return before, _figures(layer, built, mapping, REPAIRS[repair])


def layer_named(network: str, name: str) -> Layer:
    """Return a layer of a network that ships."""
    return next(layer for layer in load_network(network).layers if layer.name == name)


def evaluated(
    layer: Layer, built: Architecture, mapping: Mapping, repairs: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the kernel's counts ``[level, tensor, 3]`` and results of one mapping that fits."""
    words = (layer.words[None], mapping.factors[None], mapping.orders[None], built.words[None])
    status, counts, results = evaluate_points(*words, repairs)
    if status[0] != OK:
        raise ValueError(f"the example {layer.name} does not fit: status {status[0]}")
    return counts[0], results[0]


def _figures(layer: Layer, built: Architecture, mapping: Mapping, repairs: int) -> Figures:
    counts, result = evaluated(layer, built, mapping, repairs)
    moved = (float(counts[GLB, tensor, READS]) for tensor in (INPUTS, OUTPUTS))
    return float(result[O_CYCLES]), float(result[O_ENERGY]) / 1e6, float(result[O_DRAM_WORDS]), *moved


def networks() -> str:
    """Return what networks take on the reference design."""
    simulator = Accelerator()
    shown: dict[str, Callable[[dict[str, float]], str]] = {
        "cycles": lambda m: f"{m['cycles']:,.0f}".replace(",", " "),
        "ms": lambda m: f"{m['latency_ns'] / 1e6:.3g}",
        "utilisation": lambda m: f"{m['utilisation']:.1%}",
        "stalls": lambda m: f"{m['stall_cycles'] / m['cycles']:.1%}",
        "energy, µJ": lambda m: f"{m['energy_pj'] / 1e6:,.0f}".replace(",", " "),
        "of it MACs": lambda m: f"{m['mac_energy_pj'] / m['energy_pj']:.0%}",
        "PE storage": lambda m: f"{m['pe_storage_energy_pj'] / m['energy_pj']:.0%}",
        "GLB": lambda m: f"{m['glb_energy_pj'] / m['energy_pj']:.0%}",
        "DRAM": lambda m: f"{m['dram_energy_pj'] / m['energy_pj']:.0%}",
        "DRAM words of the least": lambda m: f"{m['dram_words'] / m['compulsory_dram_words']:.2f}",
    }
    rows: list[list[Cell]] = []
    for name in NETWORKS:
        found = _simulated(simulator, name)
        rows.append([f"`{name}`", *(show(found) for show in shown.values())])
    return table(("network", *shown), rows)


def _simulated(simulator: Accelerator, network: str) -> dict[str, float]:
    first = simulator.inputs[0]
    evaluation = simulator.simulate({first.name: [first.default]}, simulator.load_workload(network))
    names = (metric.name for metric in simulator.metrics)
    return dict(zip(names, evaluation.values[0].tolist(), strict=True))
