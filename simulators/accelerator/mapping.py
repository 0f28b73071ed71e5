"""Mappings: how a layer's loops are split over the levels of an architecture, and in which order they run."""

from __future__ import annotations

from collections.abc import Mapping as Dictionary
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.kernel_layout import (
    CAPACITY,
    COLUMNS_EXCEEDED,
    F_COLUMNS,
    F_DRAM,
    F_GLB,
    F_INNER,
    F_MIDDLE,
    F_OUTER,
    F_ROWS,
    FACTOR_ROWS,
    LEVELS,
    NOT_COVERING,
    NOT_DIVIDING,
    OK,
    ROWS_EXCEEDED,
)
from simulators.accelerator.layers import DIMENSIONS, Layer
from simulators.errors import InvalidInputError, UnknownNameError

PLACES: Final = ("dram", "glb", "columns", "rows", "pe_outer", "pe_middle", "pe")
"""Where a factor can be, in the order of the kernel's rows: temporal at DRAM and GLB, over the array's columns and
rows, temporal at the levels inside a PE."""
TEMPORAL: Final = ("dram", "glb", "pe_outer", "pe_middle", "pe")
"""Places that have an order of loops, in the order of the kernel's levels."""
FACTOR_ROW_OF: Final = dict(zip(PLACES, (F_DRAM, F_GLB, F_COLUMNS, F_ROWS, F_OUTER, F_MIDDLE, F_INNER), strict=True))
DEFAULT_ORDER: Final = "NMCRSPQG"[::-1]
"""Innermost first."""


@dataclass(frozen=True, eq=False)
class Mapping:
    """One mapping of one layer.

    Attributes:
        factors: ``int32[7, 8]``: how many steps (or PEs) each place has of each dimension; rows as PLACES, columns as
            DIMENSIONS. The product over places must be the layer's bound, or cover it where edge tiles are allowed.
        orders: ``int8[5, 8]``: each temporal place's dimensions as positions in DIMENSIONS, innermost loop first.
    """

    factors: NDArray[np.int32]
    orders: NDArray[np.int8]

    @classmethod
    def of(cls, factors: Dictionary[str, Dictionary[str, int]], orders: Dictionary[str, str] | None = None) -> Mapping:
        """Build a mapping from words.

        Args:
            factors: place -> dimension -> factor; what is left out is 1.
            orders: temporal place -> dimensions, innermost first; dimensions left out come outermost.

        Raises:
            UnknownNameError: a place or dimension that does not exist.
            InvalidInputError: a factor below 1, or a dimension twice in an order.
        """
        array = np.ones((FACTOR_ROWS, len(DIMENSIONS)), dtype=np.int32)
        for place, of_place in factors.items():
            if place not in PLACES:
                raise UnknownNameError("place of a mapping", place, PLACES)
            for dimension, factor in of_place.items():
                if dimension not in DIMENSIONS:
                    raise UnknownNameError("dimension of a layer", dimension, DIMENSIONS)
                if int(factor) != factor or factor < 1:
                    raise InvalidInputError(f"the factor of {dimension} at {place} must be 1 or more, got {factor!r}")
                array[FACTOR_ROW_OF[place], DIMENSIONS.index(dimension)] = int(factor)
        order_array = np.tile(order_positions(DEFAULT_ORDER), (LEVELS, 1))
        for place, order in (orders or {}).items():
            if place not in TEMPORAL:
                raise UnknownNameError("temporal place of a mapping", place, TEMPORAL)
            order_array[TEMPORAL.index(place)] = order_positions(order)
        return cls(array, order_array)

    def factor(self, place: str, dimension: str) -> int:
        """Return the factor of a dimension at a place."""
        return int(self.factors[FACTOR_ROW_OF[place], DIMENSIONS.index(dimension)])

    def order(self, place: str) -> str:
        """Return the dimensions of a temporal place, innermost first."""
        return "".join(DIMENSIONS[d] for d in self.orders[TEMPORAL.index(place)].tolist())

    def loop_nest(self, names: Dictionary[str, str] | None = None) -> str:
        """Return the mapping as an indented loop nest, outermost loop first; loops of one step are left out.

        Args:
            names: place -> what to call it (``{"pe": "RF"}``).
        """
        lines: list[str] = []
        for place in PLACES:
            spatial = place in ("columns", "rows")
            order = DIMENSIONS if spatial else self.order(place)[::-1]
            for dimension in order:
                factor = self.factor(place, dimension)
                if factor > 1:
                    word = "parallel_for" if spatial else "for"
                    label = (names or {}).get(place, place)
                    indent = "  " * len(lines)
                    lines.append(f"{indent}{word} {dimension.lower()} in 0..{factor - 1}  [{label}]")
        return "\n".join([*lines, f"{'  ' * len(lines)}multiply-accumulate"])


def order_positions(order: str) -> NDArray[np.int8]:
    """Return an order as positions in DIMENSIONS, ``int8[8]``; dimensions left out come last (outermost).

    Raises:
        UnknownNameError: a letter that is no dimension.
        InvalidInputError: a dimension twice.
    """
    for letter in order:
        if letter not in DIMENSIONS:
            raise UnknownNameError("dimension of a layer", letter, DIMENSIONS)
    if len(set(order)) != len(order):
        raise InvalidInputError(f"the order {order!r} names a dimension twice")
    complete = order + "".join(d for d in DEFAULT_ORDER if d not in order)
    return np.array([DIMENSIONS.index(letter) for letter in complete], dtype=np.int8)


def refusal(status: int, layer: Layer | None = None, level_names: tuple[str, ...] | None = None) -> str:
    """Return why a mapping with this status of the kernel is impossible; empty for OK."""
    where = f" (layer {layer.name})" if layer is not None else ""
    if status == OK:
        return ""
    if CAPACITY <= status < CAPACITY + LEVELS:
        level = status - CAPACITY
        name = level_names[level] if level_names else TEMPORAL[level]
        return f"capacity: the tiles kept in {name} do not fit{where}"
    return _REFUSALS[status] + where


_REFUSALS: Final = {
    COLUMNS_EXCEEDED: "array-columns: more columns of PEs are used than there are",
    ROWS_EXCEEDED: "array-rows: more rows of PEs are used than there are",
    NOT_DIVIDING: "not-dividing: factors do not multiply to the layer's bounds, which mode timeloop needs",
    NOT_COVERING: "not-covering: factors multiply to less than the layer's bounds",
}
