"""Mapping codes of whole batches, compiled: ``n`` designs of ``l`` layers decoded, or decoded and evaluated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.kernel import evaluate_point, source_digest
from simulators.accelerator.kernel_decode import CODE_WORDS, Scratch, decode, scratch
from simulators.accelerator.kernel_layout import COUNTS, DIMS, FACTOR_ROWS, LEVELS, OK, RESULTS, entry_point, inlined
from simulators.accelerator.kernel_traffic import work

Reals = NDArray[np.float64]
Layers = NDArray[np.int64]
Integers = NDArray[np.int32]
Orders = NDArray[np.int8]


@inlined
def gather(values: Integers, i: int, where: Integers, constants: Integers, s: Scratch) -> None:
    """Collect design ``i``'s code: rows of ``values``, and constants where there is no row (-1)."""
    for k in range(CODE_WORDS):
        s.code[k] = values[where[k], i] if where[k] >= 0 else constants[k]


def _entry_points(source: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    @entry_point
    def decoded(
        layers: Layers,
        values: Integers,
        where: Integers,
        constants: Integers,
        archs: Reals,
        repairs: int,
        fit: int,
        factors: Integers,
        orders: Orders,
    ) -> int:
        s = scratch()
        for i in range(len(factors)):
            for j in range(len(layers)):
                gather(values, i, where[j], constants, s)
                decode(layers[j], archs[i % len(archs)], repairs, fit, s)
                factors[i, j], orders[i, j] = s.factors, s.orders
        return source

    @entry_point
    def evaluated(
        layers: Layers,
        values: Integers,
        where: Integers,
        constants: Integers,
        archs: Reals,
        repairs: int,
        fit: int,
        results: Reals,
        status: NDArray[np.int64],
    ) -> int:
        s, w, counts = scratch(), work(), np.zeros(COUNTS)
        for i in range(len(results)):
            arch = archs[i % len(archs)]
            status[i] = OK
            for j in range(len(layers)):
                gather(values, i, where[j], constants, s)
                decode(layers[j], arch, repairs, fit, s)
                found = evaluate_point(layers[j], s.factors, s.orders, arch, repairs, w, counts, results[i, j])
                if found != OK:
                    status[i] = found + 100 * j
                    break
        return source

    return decoded, evaluated


def _packing(source: int) -> Callable[..., Any]:
    @entry_point
    def packed(letters: NDArray[np.uint32], dimension_of: Orders, rest: Orders, orders: Integers) -> int:
        for i in range(len(letters)):
            seen, position, code = 0, 0, 0
            for k in range(letters.shape[1]):
                if letters[i, k] != 0:
                    d = int(dimension_of[letters[i, k]])
                    code |= d << (3 * position)
                    seen |= 1 << d
                    position += 1
            for d in rest:
                if (seen >> d) & 1 == 0:
                    code |= d << (3 * position)
                    position += 1
            orders[i] = code
        return source

    return packed


_decoded, _evaluated = _entry_points(source_digest())
_packed = _packing(source_digest())


def pack_orders(letters: NDArray[np.uint32], dimension_of: Orders, rest: Orders, orders: Integers) -> None:
    """Write orders as words of a code, three bits for each position, innermost lowest, into ``orders[n]``.

    Args:
        letters: ``[n, w]``: distinct letters of dimensions, innermost first, then zeros.
        dimension_of: ``int8``: the dimension of each letter's number.
        rest: ``int8[8]``: the order in which dimensions left out come behind.
        orders: ``int32[n]``.
    """
    _packed(letters, dimension_of, rest, orders)


def decode_codes(
    layers: Layers, values: Integers, where: Integers, constants: Integers, archs: Reals, repairs: int, fit: int
) -> tuple[Integers, Orders]:
    """Decode ``n`` designs of ``l`` layers.

    Args:
        layers: ``int64[l, LAYER_WORDS]``.
        values: ``int32[rows, n]``: what designs choose.
        where: ``int32[l, CODE_WORDS]``: the row of ``values`` that gives each word of a layer's code; -1 for none.
        constants: ``int32[CODE_WORDS]``: words that no row gives.
        archs: ``float64[n or 1, ARCHITECTURE_WORDS]``.
        repairs: the kernel's bits; without EDGE_TILES slots take divisors.
        fit: REFUSE or SHRINK.

    Returns:
        Factors ``int32[n, l, FACTOR_ROWS, 8]`` and orders ``int8[n, l, LEVELS, 8]``.
    """
    count = values.shape[1]
    factors = np.empty((count, len(layers), FACTOR_ROWS, DIMS), np.int32)
    orders = np.empty((count, len(layers), LEVELS, DIMS), np.int8)
    _decoded(layers, values, where, constants, archs, repairs, fit, factors, orders)
    return factors, orders


def evaluate_codes(
    layers: Layers, values: Integers, where: Integers, constants: Integers, archs: Reals, repairs: int, fit: int
) -> tuple[NDArray[np.int64], Reals]:
    """Decode and evaluate ``n`` designs of ``l`` layers; arguments as of :func:`decode_codes`.

    Returns:
        Statuses ``int64[n]``, that of the first layer that is impossible + 100 x its position, and results
        ``float64[n, l, RESULTS]``, meaningless where the status is not OK.
    """
    count = values.shape[1]
    status, results = np.empty(count, np.int64), np.zeros((count, len(layers), RESULTS))
    _evaluated(layers, values, where, constants, archs, repairs, fit, results, status)
    return status, results
