"""Layers and networks: the loop bounds of convolutions and matrix products, and how often each occurs.

A layer is the eight-deep loop nest::

    O[n, g, m, p, q] += W[g, m, c, r, s] * I[n, g, c, p * stride_h + r * dilation_h, q * stride_w + s * dilation_w]

A matrix product (rows x inner) * (inner x columns) is the layer with ``p = rows, c = inner, m = columns`` and all other
bounds 1. ``c`` and ``m`` count channels of one group; a depthwise layer has ``g`` groups with ``c = m = 1``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.errors import InvalidInputError

DIMENSIONS: Final = ("N", "M", "C", "R", "S", "P", "Q", "G")
"""Loop dimensions in the order of all arrays: batch, output channels, input channels, kernel rows, kernel columns,
output rows, output columns, groups."""
BOUNDS: Final = ("n", "m", "c", "r", "s", "p", "q", "g")
GEOMETRY: Final = ("stride_h", "stride_w", "dilation_h", "dilation_w")
LARGEST_BOUND: Final = 1 << 24
"""Largest bound of a loop; with it all counts stay below 2^53 in sensible layers, see ``Layer``."""
MOST_MACS: Final = 1 << 50
"""Most multiply-accumulates of a layer: counts are computed in double precision and must be exact."""


@dataclass(frozen=True)
class Layer:
    """One convolution or matrix product.

    Attributes:
        name: for reports; not part of the shape.
        n, m, c, r, s, p, q, g: loop bounds, at least 1: batch, output channels and input channels of one group, kernel
            rows and columns, output rows and columns, groups.
        stride_h, stride_w: steps of the kernel over the input.
        dilation_h, dilation_w: steps between the kernel's own rows and columns.
        input_h, input_w: rows and columns of the input, padding included; 0: just what the outputs touch.

    Raises:
        InvalidInputError: a bound that is no integer from 1 up, an input that is too small, or more than 2^50
            multiply-accumulates.
    """

    name: str
    n: int = 1
    m: int = 1
    c: int = 1
    r: int = 1
    s: int = 1
    p: int = 1
    q: int = 1
    g: int = 1
    stride_h: int = 1
    stride_w: int = 1
    dilation_h: int = 1
    dilation_w: int = 1
    input_h: int = 0
    input_w: int = 0

    def __post_init__(self) -> None:
        for field in (*BOUNDS, *GEOMETRY):
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST_BOUND:
                raise InvalidInputError(
                    f"layer {self.name!r}: {field} cannot be {value!r}. Expected an integer from 1 to {LARGEST_BOUND}."
                )
        for field, touched in (("input_h", self._touched_h), ("input_w", self._touched_w)):
            given = getattr(self, field)
            if given == 0:
                object.__setattr__(self, field, touched)
            elif isinstance(given, bool) or not isinstance(given, int) or given < touched:
                raise InvalidInputError(
                    f"layer {self.name!r}: {field} cannot be {given!r}: its outputs touch {touched}. "
                    "Expected at least that, padding included, or 0."
                )
        if self.macs > MOST_MACS:
            raise InvalidInputError(f"layer {self.name!r} has {self.macs} multiply-accumulates, at most 2^50 can be")

    @classmethod
    def gemm(cls, name: str, rows: int, inner: int, columns: int, batch: int = 1) -> Layer:
        """Return ``batch`` independent products of a (rows x inner) with an (inner x columns) matrix."""
        return cls(name, p=rows, c=inner, m=columns, g=batch)

    @property
    def _touched_h(self) -> int:
        return (self.p - 1) * self.stride_h + (self.r - 1) * self.dilation_h + 1

    @property
    def _touched_w(self) -> int:
        return (self.q - 1) * self.stride_w + (self.s - 1) * self.dilation_w + 1

    @property
    def bounds(self) -> tuple[int, ...]:
        """Loop bounds in the order of :data:`DIMENSIONS`."""
        return tuple(getattr(self, field) for field in BOUNDS)

    @property
    def shape(self) -> tuple[int, ...]:
        """Everything that decides the numbers: bounds, strides, dilations, input rows and columns."""
        return (*self.bounds, *(getattr(self, field) for field in GEOMETRY), self.input_h, self.input_w)

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return int(np.prod(self.bounds, dtype=object))

    @property
    def weights(self) -> int:
        """Words of weights."""
        return self.g * self.m * self.c * self.r * self.s

    @property
    def outputs(self) -> int:
        """Words of outputs."""
        return self.n * self.g * self.m * self.p * self.q

    @property
    def inputs(self) -> int:
        """Words of inputs that some output touches: rows and columns between strided kernels are left out."""
        rows = distinct_positions(self.p, self.stride_h, self.r, self.dilation_h)
        columns = distinct_positions(self.q, self.stride_w, self.s, self.dilation_w)
        return self.n * self.g * self.c * rows * columns

    @property
    def words(self) -> NDArray[np.int64]:
        """The kernel's form, ``int64[12]``: bounds, then strides and dilations."""
        return np.array((*self.bounds, *(getattr(self, field) for field in GEOMETRY)), dtype=np.int64)


def distinct_positions(first: int, first_step: int, second: int, second_step: int) -> int:
    """Return how many different values ``i * first_step + j * second_step`` takes, i < first, j < second.

    With both steps divided by their greatest common divisor, to a and b, two pairs give one value exactly if they
    differ by a multiple of (b, -a): all pairs count but those with such a predecessor.
    """
    divisor = int(np.gcd(first_step, second_step))
    a, b = first_step // divisor, second_step // divisor
    return first * second - max(0, first - b) * max(0, second - a)


@dataclass(frozen=True)
class Network:
    """Layers in order of execution, each with the number of times it is executed.

    Attributes:
        name: what lists and results call it.
        layers: at least one.
        counts: executions of each layer, at least 1 each.
        source: where the shapes come from.

    Raises:
        InvalidInputError: no layers, or counts that do not fit them.
    """

    name: str
    layers: tuple[Layer, ...]
    counts: tuple[int, ...]
    source: str = ""

    def __post_init__(self) -> None:
        if not self.layers or len(self.layers) != len(self.counts) or min(self.counts) < 1:
            raise InvalidInputError(
                f"network {self.name!r} needs at least one layer and one count from 1 up for each, "
                f"got {len(self.layers)} layers and counts {self.counts}"
            )

    @classmethod
    def of(cls, name: str, layers: Iterable[Layer], source: str = "") -> Network:
        """Return the network of these layers, each executed once."""
        listed = tuple(layers)
        return cls(name, listed, (1,) * len(listed), source)

    @cached_property
    def distinct(self) -> tuple[tuple[Layer, int], ...]:
        """Distinct layer shapes with their numbers of executions, in order of first appearance."""
        found: dict[tuple[int, ...], tuple[Layer, int]] = {}
        for layer, count in zip(self.layers, self.counts, strict=True):
            first, before = found.get(layer.shape, (layer, 0))
            found[layer.shape] = (first, before + count)
        return tuple(found.values())

    @cached_property
    def words(self) -> NDArray[np.int64]:
        """The kernel's form of the distinct layers, ``int64[l, 12]``."""
        return np.stack([layer.words for layer, _ in self.distinct])

    @cached_property
    def times(self) -> NDArray[np.float64]:
        """How often each of the distinct layers is executed, ``[l]``."""
        return np.array([count for _, count in self.distinct], dtype=np.float64)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all executions."""
        return sum(layer.macs * count for layer, count in zip(self.layers, self.counts, strict=True))

    @property
    def digest(self) -> str:
        """A string that changes with whatever decides the numbers."""
        text = repr([(layer.shape, count) for layer, count in zip(self.layers, self.counts, strict=True)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]
