"""Search spaces of mappings: the parameters that stand for one layer's mapping, and their values.

========= =============================================================================================================
name      what it is
========= =============================================================================================================
default   per array axis a first dimension, the most PEs for it, and a second; tiles in the GLB and in the PE's
          innermost storage out of a ladder (divisors of the bound, and the bound over powers of two, rounded up); the
          24 orders of the groups M, C, PQN, RS of DRAM's and the GLB's loops
spads     the same with tiles and orders of the other levels of split scratchpads
full      also the most PEs of the second dimension; tiles of all sizes up to 64 and of all that make different numbers
          of steps; all orders
gamma     what GAMMA searches (Kao and Krishna, ICCAD 2020), as far as this model has it: one dimension out of M, C, P,
          Q (its K, C, Y, X, outputs in place of inputs) over columns and one over rows, how many PEs of each, tiles of
          S, R, M, C, P, Q at two levels of any size up to the bound, and all orders of the two levels' loops. GAMMA's
          PEs form clusters of any size; here they are a fixed array's columns and rows
========= =============================================================================================================

Values that can fit no buffer, whatever the others are, are left out where the hardware is known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.kernel_layout import A_COLUMNS, A_KEEPS, A_ROWS, EDGE_TILES, MIDDLE, OUTER
from simulators.accelerator.layers import DIMENSIONS, Layer
from simulators.accelerator.mapping_code import (
    ALL_PES,
    NONE,
    ORDERED,
    TILED,
    Word,
    all_orders,
    code_words,
    group_orders,
)
from simulators.accelerator.mapping_start import Starter
from simulators.errors import UnknownNameError
from simulators.parameters import Parameter, Value

MAPPING_SPACES: Final = ("default", "spads", "full", "gamma")
_GAMMA_PARALLEL: Final = "MCPQ"
_ALL_INTEGERS: Final = 64
_AXES: Final = {"columns": A_COLUMNS, "rows": A_ROWS}
Reals = NDArray[np.float64]


def active_dimensions(layer: Layer) -> str:
    """Return the letters of the dimensions with more than one step; P if there is none."""
    return "".join(d for d, bound in zip(DIMENSIONS, layer.bounds, strict=True) if bound > 1) or "P"


def divisors(number: int) -> list[int]:
    """Return all divisors in ascending order."""
    small = [d for d in range(1, math.isqrt(number) + 1) if number % d == 0]
    return sorted({*small, *(number // d for d in small)})


def ladder(bound: int, divide: bool) -> list[int]:
    """Return the usual extents of tiles: divisors and, unless tiles must divide, the bound over powers of two."""
    halves = [] if divide else [-(-bound // (1 << k)) for k in range(bound.bit_length())]
    return sorted({*divisors(bound), *halves})


def all_extents(bound: int, divide: bool) -> list[int]:
    """Return the extents that make different numbers of steps, and every integer up to 64."""
    if divide:
        return divisors(bound)
    return sorted({*range(1, min(bound, _ALL_INTEGERS) + 1), *(-(-bound // steps) for steps in range(1, bound + 1))})


class LayerSpace:
    """Parameters of one layer's mapping.

    Args:
        layer: to be mapped.
        arch: the hardware, or the reference hardware where it is searched too; ``float64[ARCHITECTURE_WORDS]``.
        repairs: the kernel's bits; without EDGE_TILES factors divide.
        space: one of MAPPING_SPACES.
        prefix: of all names.
        group: of all parameters; None: the level's.
        most_lanes: columns and rows up to which a dimension can be limited, where the hardware is searched too: then
            no tile is left out, and every level is there. None: the hardware is ``arch``.

    Raises:
        UnknownNameError: no such space.
    """

    def __init__(
        self,
        layer: Layer,
        arch: Reals,
        repairs: int,
        space: str = "default",
        prefix: str = "",
        group: str | None = None,
        most_lanes: Mapping[str, int] | None = None,
    ) -> None:
        if space not in MAPPING_SPACES:
            raise UnknownNameError("space of mappings", space, MAPPING_SPACES)
        self.layer, self.arch, self.repairs, self.space = layer, arch, repairs, space
        self.prefix, self.group, self.fixed_hardware = prefix, group, most_lanes is None
        self.divide = repairs & EDGE_TILES == 0
        self.dimensions = active_dimensions(layer)
        self.lanes = dict(most_lanes or {name: int(arch[at]) for name, at in _AXES.items()})
        self.starter = Starter(layer, self.dimensions, arch, repairs)

    def parameters(self) -> list[Parameter]:
        """Return the parameters; their defaults are a mapping of :mod:`simulators.accelerator.mapping_start`."""
        words = [word for word in code_words(self.dimensions, explicit=False) if self._is_open(word)]
        values = {word.name: self._values(word) for word in words}
        start = self.starter.start(values)
        return [
            Parameter(
                self.prefix + word.name,
                values[word.name],
                start[word.name],
                ordered=word.kind == "number",
                group=self.group or word.group,
                doc=word.doc,
            )
            for word in words
        ]

    def _is_open(self, word: Word) -> bool:
        """Return whether the space leaves a word open."""
        level = TILED.get(word.group, ORDERED.get(word.group, 0))
        if level in (OUTER, MIDDLE):
            exists = not self.fixed_hardware or self.arch[A_KEEPS + level] != 0
            return bool(exists and self.space in ("spads", "full"))
        if self.space == "gamma":
            return "second" not in word.name and word.name[-1] not in "NG"
        return self.space == "full" or not word.name.endswith("second_most")

    def _values(self, word: Word) -> list[Value]:
        gamma, full = self.space == "gamma", self.space == "full"
        if word.kind == "dimension":
            return [d for d in _GAMMA_PARALLEL if d in self.dimensions] or [NONE] if gamma else [NONE, *self.dimensions]
        if word.kind == "order":
            return [
                *(group_orders(self.dimensions) if self.space in ("default", "spads") else all_orders(self.dimensions))
            ]
        if word.name.endswith("_most"):
            return [*self._lane_values(self.lanes[word.group])]
        bound = self.layer.bounds[DIMENSIONS.index(word.name[-1])]
        divide = self.divide
        options = [*range(1, bound + 1)] if gamma else all_extents(bound, divide) if full else ladder(bound, divide)
        if not self.fixed_hardware:
            return [*options]
        return [v for v, good in zip(options, self.starter.valid({}, word.name, options), strict=True) if good]

    def _lane_values(self, lanes: int) -> list[int]:
        some = [*range(1, lanes + 1)] if self.space in ("full", "gamma") else ladder(lanes, divide=False)
        return some if self.fixed_hardware else [*some, ALL_PES]
