"""Random tiny layers, mappings and hierarchies for the hierarchical kernel, and the kernel's answer to one."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

from simulators.accelerator.architecture import Architecture, StorageLevel
from simulators.accelerator.kernel import evaluate_points
from simulators.accelerator.kernel_layout import O_PES, OK, RESULTS, TENSORS
from simulators.accelerator.layers import DIMENSIONS, Layer
from simulators.accelerator.mapping import Mapping

ALL = TENSORS
DRAM = StorageLevel("DRAM", read_pj=100.0, write_pj=200.0, block_words=4)
GLB = StorageLevel("GLB", read_pj=10.0, write_pj=20.0, block_words=4)
RF = StorageLevel("RF", read_pj=1.0, write_pj=2.0)
MAC_PJ = 3.0
ALL_REPAIRS = 15
PLACES = ("dram", "glb", "columns", "rows", "pe_outer", "pe_middle", "pe")

HIERARCHIES = {
    "all kept": (ALL, (ALL,)),
    "weights in the PE": (ALL, (("Weights",),)),
    "outputs in the PE": (ALL, (("Outputs",),)),
    "inputs in the PE": (ALL, (("Inputs",),)),
    "weights pass the GLB": (("Inputs", "Outputs"), (ALL,)),
    "outputs pass the GLB": (("Weights", "Inputs"), (ALL,)),
    "split spads": (("Inputs", "Outputs"), (("Inputs",), ("Weights",), ("Outputs",))),
    "two levels in the PE": (ALL, (("Weights", "Outputs"), ("Outputs", "Inputs"))),
    "an empty GLB": ((), (("Weights", "Outputs"),)),
}
"""What the GLB and the levels inside a PE keep."""


def architecture_of(glb: tuple[str, ...], pe: tuple[tuple[str, ...], ...], columns: int = 64, rows: int = 64):
    spads = tuple(replace(RF, name=f"spad{i}", keeps=keeps) for i, keeps in enumerate(pe))
    return Architecture("test", columns, rows, DRAM, replace(GLB, keeps=glb), spads, MAC_PJ)


@dataclass(frozen=True, eq=False)
class Case:
    """A point for the kernel."""

    layer: Layer
    mapping: Mapping
    architecture: Architecture

    @property
    def keeps(self) -> tuple[tuple[bool, bool, bool], ...]:
        return tuple(
            tuple(level is not None and tensor in level.keeps for tensor in TENSORS)
            for level in self.architecture.levels
        )

    def __repr__(self) -> str:
        kept = [level.keeps for level in self.architecture.levels if level is not None]
        return f"{self.layer}\n{self.mapping.loop_nest()}\n{kept}"


@dataclass(frozen=True, eq=False)
class Answer:
    """What the kernel says of one point."""

    status: int
    counts: np.ndarray  # [level, tensor, (reads, fills, updates)], per instance
    result: np.ndarray

    @property
    def totals(self) -> np.ndarray:
        """Counts of all instances together."""
        return self.counts * np.array([1, 1, *[self.result[O_PES]] * 3])[:, None, None]


def ask(case: Case, repairs: int = ALL_REPAIRS) -> Answer:
    words = (case.layer.words, case.mapping.factors, case.mapping.orders, case.architecture.words)
    status, counts, results = evaluate_points(*(word[None] for word in words), repairs)
    assert results.shape == (1, RESULTS)
    return Answer(int(status[0]), counts[0], results[0])


def answer(case: Case, repairs: int = ALL_REPAIRS) -> Answer:
    found = ask(case, repairs)
    assert found.status == OK
    return found


# ---- strategies ----

ORDERS = st.lists(st.permutations(range(8)), min_size=5, max_size=5).map(lambda rows: np.array(rows, dtype=np.int8))
STEPS = st.sampled_from([1, 1, 2, 3])
ARCHITECTURES = st.sampled_from(sorted(HIERARCHIES)).map(lambda name: architecture_of(*HIERARCHIES[name]))


@st.composite
def factors(draw, most: int = 160, dimensions: str = DIMENSIONS, places: tuple[str, ...] = PLACES) -> np.ndarray:
    """Draw a few factors of 2 to 4 at random places, at most ``most`` operations and eight PEs."""
    array = np.ones((7, 8), dtype=np.int32)
    spot = st.tuples(st.sampled_from(places), st.sampled_from(dimensions), st.sampled_from([2, 2, 3, 4]))
    for place, dimension, factor in draw(st.lists(spot, min_size=2, max_size=8)):
        row, d = PLACES.index(place), DIMENSIONS.index(dimension)
        array[row, d] *= factor
        if math.prod(array.ravel().tolist()) > most or math.prod(array[2:4].ravel().tolist()) > 8:
            array[row, d] //= factor
    return array


@st.composite
def perfect_cases(draw, **options) -> Case:
    """Draw a case whose tiles divide the layer."""
    array = draw(factors(**options))
    layer = Layer("random", *array.prod(axis=0).tolist(), *(draw(STEPS) for _ in range(4)))
    return Case(layer, Mapping(array, draw(ORDERS)), draw(ARCHITECTURES))


@st.composite
def ragged_cases(draw, ragged: str = DIMENSIONS, only_at_the_ends: bool = False, **options) -> Case:
    """Draw a case whose tiles cover the layer: bounds are between half and all of what the factors multiply to.

    Args:
        ragged: dimensions whose bounds may be less.
        only_at_the_ends: have these only where the loops of the DRAM and the innermost level step over them.
    """
    array = draw(factors(**options))
    bounds = array.prod(axis=0).tolist()
    for d in map(DIMENSIONS.index, ragged):
        if only_at_the_ends:
            bounds[d] //= math.prod(array[1:6, d].tolist())
            array[1:6, d] = 1
        bounds[d] = draw(st.integers(bounds[d] // 2 + 1, bounds[d]))
    layer = Layer("random", *bounds, *(draw(STEPS) for _ in range(4)))
    return Case(layer, Mapping(array, draw(ORDERS)), draw(ARCHITECTURES))
