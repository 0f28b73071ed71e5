"""Words of the input that an ifmap operand needs from DRAM: real input words, not their im2col copies.

The operand is the M x K matrix of im2col: row = output position (image, row, column), column = channel, then kernel
row and kernel column. With kernel position (r, s) an output position touches the input word (row * stride +
r * dilation, column * stride + s * dilation); neighbouring outputs share words, which im2col copies.

How much is fetched depends on what half of the ifmap SRAM holds. There are three cases, each of which costs at least
as much as the one before:

==== =============================================== ========================================= =========================
case what half of the SRAM holds                     os, ws: words fetched in each pass        is: words fetched in all
==== =============================================== ========================================= =========================
1    os, ws: all input words; is: the lines that     all input words in the first pass,        all input words
     one fold's outputs touch, of all channels       nothing in later ones
2    the lines that one fold touches: os of all      os: all input words; ws: those of each    those of each fold's
     channels, ws and is of the fold's channels; ws  fold's channels                           channels and lines
     streams outputs, so it needs those of one row
3    less                                            every im2col word                         every im2col word
==== =============================================== ========================================= =========================

A *pass* goes once over the whole operand; os and ws make one for each column fold, is makes one in all. A line is a
row of the input, its columns that some output touches. In case 2 of ws and is, lines and channels that a fold shares
with its neighbour are fetched twice (the halo), though never more than case 3 fetches.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.systolic.kernel_codes import (
    IS,
    L_C,
    L_COLUMNS,
    L_N,
    L_P,
    L_Q,
    L_R,
    L_ROWS,
    L_S,
    L_STEP_P,
    L_STEP_Q,
    L_STEP_R,
    L_STEP_S,
    OS,
    compiled,
)

Words = NDArray[np.int64]


@compiled
def distinct(first: int, second: int, first_step: int, second_step: int) -> int:
    """Return how many values ``i * first_step + j * second_step`` takes; the steps have no common divisor.

    As ``simulators.accelerator.layers.distinct_positions``.
    """
    return first * second - max(0, first - second_step) * max(0, second - first_step)


@compiled
def lines(rows: int, layer: Words) -> int:
    """Return how many input rows ``rows`` consecutive output rows touch, image after image."""
    images, rest = rows // layer[L_ROWS], rows % layer[L_ROWS]
    step_p, step_r, kernel = layer[L_STEP_P], layer[L_STEP_R], layer[L_R]
    whole = distinct(layer[L_P], kernel, step_p, step_r)
    return images * whole + distinct(min(rest, layer[L_P]), kernel, step_p, step_r)


@compiled
def line_words(layer: Words) -> int:
    """Return the words of one channel's line."""
    return distinct(layer[L_Q], layer[L_S], layer[L_STEP_Q], layer[L_STEP_S])


@compiled
def input_words(layer: Words) -> int:
    """Return the input words that some output of one group touches."""
    return layer[L_C] * lines(layer[L_N] * layer[L_ROWS], layer) * line_words(layer)


@compiled
def common_divisor(a: int, b: int) -> int:
    """Return the greatest common divisor of two positive integers (Euclid)."""
    while b:
        a, b = b, a % b
    return a


@compiled
def most_spanned(length: int, period: int, total: int) -> int:
    """Return how many of ``total`` blocks of ``period`` places a tile of ``length`` places can lie in at most.

    Tiles start at multiples of ``length``, hence at multiples of its common divisor with ``period``.
    """
    return min(total, (length + period - common_divisor(length, period) - 1) // period + 1)


@compiled
def crossings(folds: int, length: int, period: int) -> int:
    """Return how many of the boundaries between ``folds`` tiles of ``length`` lie inside a block of ``period``."""
    return folds - 1 - (folds - 1) // (period // common_divisor(length, period))


@compiled
def channel_fetches(folds: int, length: int, layer: Words) -> int:
    """Return over all tiles of ``length`` columns of im2col the sum of the channels that each touches."""
    return layer[L_C] + crossings(folds, length, layer[L_R] * layer[L_S])


@compiled
def line_fetches(folds: int, length: int, layer: Words) -> int:
    """Return over all tiles of ``length`` output positions the sum of the lines that each touches.

    Of all tiles but the last, each spans ceil(length / columns) output rows or one more; how many span one more follows
    from the boundaries that lie inside a row.
    """
    columns, rows = layer[L_COLUMNS], layer[L_N] * layer[L_ROWS]
    last = rows - (folds - 1) * length // columns
    least = (length + columns - 1) // columns
    more = rows + crossings(folds, length, columns) - last - (folds - 1) * least
    return (folds - 1 - more) * lines(least, layer) + more * lines(least + 1, layer) + lines(last, layer)


@compiled
def ifmap_fetches(
    dataflow: int, rows: int, columns: int, row_folds: int, column_folds: int, layer: Words, half: float
) -> tuple[float, float]:
    """Return the words fetched in the first pass over one group's ifmap operand and in each later one.

    Args:
        dataflow: code of the dataflow.
        rows, columns: of the array.
        row_folds, column_folds: of the matrix product.
        layer: the layer's words.
        half: words in half of the ifmap SRAM.
    """
    every, line = float(input_words(layer)), line_words(layer)
    positions = layer[L_N] * layer[L_ROWS] * layer[L_COLUMNS]
    copies = float(positions) * float(layer[L_C] * layer[L_R] * layer[L_S])
    if every <= half:
        return every, 0.0
    output_rows = layer[L_N] * layer[L_ROWS]
    if dataflow == OS:
        window = lines(most_spanned(rows, layer[L_COLUMNS], output_rows), layer) * line * layer[L_C]
        words = every if window <= half else copies
        return words, words
    channels = most_spanned(rows, layer[L_R] * layer[L_S], layer[L_C])
    fetched = float(channel_fetches(row_folds, rows, layer))
    if dataflow == IS:
        window = lines(most_spanned(columns, layer[L_COLUMNS], output_rows), layer) * line
        if window * layer[L_C] <= half:
            return every, 0.0
        fetched *= float(line_fetches(column_folds, columns, layer)) * line
    else:
        window = lines(1, layer) * line
        fetched *= float(lines(output_rows, layer)) * line
    words = min(copies, max(every, fetched)) if window * channels <= half else copies
    return words, words
