"""Slow, obvious models to hold the systolic array's closed forms against: registers that move, and sets of words."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from simulators.accelerator import Layer


@dataclass
class Counted:
    """What a stepped array counted, over all folds."""

    cycles: int = 0
    ifmap_reads: int = 0
    filter_reads: int = 0
    ofmap_writes: int = 0
    ofmap_reads: int = 0

    def add(self, cycles: int, ifmap_reads: int, filter_reads: int, ofmap_writes: int, ofmap_reads: int) -> None:
        """Add one fold."""
        self.cycles += cycles
        self.ifmap_reads += ifmap_reads
        self.filter_reads += filter_reads
        self.ofmap_writes += ofmap_writes
        self.ofmap_reads += ofmap_reads


def im2col(layer: Layer, inputs: np.ndarray) -> np.ndarray:
    """Return the M x K operand of one group; inputs [n, c, h, w]."""
    rows = []
    for n in range(layer.n):
        for p in range(layer.p):
            for q in range(layer.q):
                rows.append(
                    [
                        inputs[
                            n, c, p * layer.stride_h + r * layer.dilation_h, q * layer.stride_w + s * layer.dilation_w
                        ]
                        for c in range(layer.c)
                        for r in range(layer.r)
                        for s in range(layer.s)
                    ]
                )
    return np.array(rows)


@dataclass
class Stream:
    """Words that enter the array's edge, lane l one cycle after lane l - 1; lanes beyond the matrix carry zeros."""

    matrix: np.ndarray
    first: int
    lanes: int
    reads: int = field(default=0, init=False)

    def at(self, step: int) -> np.ndarray:
        """Return what enters in a cycle, NaN before and after the stream; words of the matrix count as reads."""
        words, length = np.full(self.lanes, np.nan), self.matrix.shape[1]
        for lane in range(self.lanes):
            position, row = step - lane, self.first + lane
            if 0 <= position < length:
                words[lane] = self.matrix[row, position] if row < len(self.matrix) else 0.0
                self.reads += row < len(self.matrix)
        return words


def output_stationary(ifmap: np.ndarray, filter: np.ndarray, rows: int, columns: int) -> tuple[np.ndarray, Counted]:
    """Multiply on an array whose PEs keep outputs: ifmap moves right, filter moves down, one register a cycle."""
    (m, k), n = ifmap.shape, filter.shape[1]
    product, counted = np.zeros((m, n)), Counted()
    for j in range(0, n, columns):
        for i in range(0, m, rows):
            left, top = Stream(ifmap, i, rows), Stream(filter.T, j, columns)
            right, down = np.full((rows, columns), np.nan), np.full((rows, columns), np.nan)
            sums, done = np.zeros((rows, columns)), np.zeros((rows, columns), dtype=int)
            step = 0
            while done[-1, -1] < k:
                right[:, 1:], down[1:] = right[:, :-1].copy(), down[:-1].copy()
                right[:, 0], down[0] = left.at(step), top.at(step)
                meet = ~np.isnan(right) & ~np.isnan(down)
                sums[meet] += right[meet] * down[meet]
                done += meet
                step += 1
            tile = product[i : i + rows, j : j + columns]
            tile[:] = sums[: tile.shape[0], : tile.shape[1]]
            counted.add(step, left.reads, top.reads, tile.size, 0)
    return product, counted


def operand_stationary(moving: np.ndarray, held: np.ndarray, rows: int, columns: int) -> tuple[np.ndarray, Counted]:
    """Multiply moving (t x k) with held (k x n): held is shifted in, moving goes right, partial sums go down.

    Reads of the moving operand count as ``ifmap_reads``, those of the held one as ``filter_reads``.
    """
    (t, k), n = moving.shape, held.shape[1]
    product, written, counted = np.zeros((t, n)), np.zeros((t, n), dtype=bool), Counted()
    for j in range(0, n, columns):
        for i in range(0, k, rows):
            tile, weights, step = held[i : i + rows, j : j + columns], np.zeros((rows, columns)), 0
            padded = np.pad(tile, ((0, rows - tile.shape[0]), (0, columns - tile.shape[1])))
            for x in reversed(range(rows)):  # the bottom row's words go in first
                weights[1:], weights[0] = weights[:-1].copy(), padded[x]
                step += 1
            left, begin, outputs, rereads, gone = Stream(moving.T, i, rows), step, 0, 0, 0
            right, sums = np.full((rows, columns), np.nan), np.full((rows, columns), np.nan)
            while gone < t:
                above = np.vstack([np.zeros(columns), sums[:-1]])
                right[:, 1:] = right[:, :-1].copy()
                right[:, 0] = left.at(step - begin)
                sums = above + weights * right
                for y in np.flatnonzero(~np.isnan(sums[-1, : tile.shape[1]])).tolist():
                    place = (step - begin - (rows - 1) - y, j + y)
                    rereads, outputs = rereads + int(written[place]), outputs + 1
                    product[place] += sums[-1, y]
                    written[place] = True
                gone += not np.isnan(sums[-1, -1])
                step += 1
            counted.add(step, left.reads, tile.size, outputs, rereads)
    return product, counted


def touched_words(layer: Layer, positions: range, columns: range) -> set[tuple[int, int, int, int]]:
    """Return the input words (image, channel, row, column) of a part of one group's im2col operand."""
    words = set()
    for position in positions:
        image, place = divmod(position, layer.p * layer.q)
        p, q = divmod(place, layer.q)
        for column in columns:
            channel, kernel = divmod(column, layer.r * layer.s)
            r, s = divmod(kernel, layer.s)
            words.add(
                (image, channel, p * layer.stride_h + r * layer.dilation_h, q * layer.stride_w + s * layer.dilation_w)
            )
    return words


@dataclass
class Moved:
    """Words over DRAM and cycles waited for it, over all groups."""

    ifmap: int = 0
    filter: int = 0
    outputs: int = 0
    reread: int = 0
    stall: int = 0
    fill_drain: int = 0


@dataclass(frozen=True)
class Halves:
    """Words in half of each SRAM."""

    ifmap: int
    filter: int
    ofmap: int


def dram_traffic(layer: Layer, dataflow: str, rows: int, columns: int, halves: Halves, bandwidth: float) -> Moved:
    """Walk over every fold of every group of a layer of one image and move its words."""
    m, k, n = layer.p * layer.q, layer.c * layer.r * layer.s, layer.m
    down, across, stream = {"os": (m, n, k), "ws": (k, n, m), "is": (k, m, n)}[dataflow]
    tiles_down, tiles_across = _tiles(down, rows), _tiles(across, columns)
    first, later = _ifmap_passes(layer, dataflow, tiles_down, tiles_across, (rows, columns), halves.ifmap)
    moved, loads, stores, rereads = Moved(), [], [], []
    for _ in range(layer.g):
        for j, tile_j in enumerate(tiles_across):
            for i, tile_i in enumerate(tiles_down):
                height, width = len(tile_i), len(tile_j)
                if dataflow == "os":
                    ifmap = Fraction((later if j else first) * height, down)
                    filter = stream * width if i == 0 or stream * width > halves.filter else 0
                    store, reread = height * width, 0
                else:
                    spills = stream * width > halves.ofmap
                    store = stream * width if spills or i == len(tiles_down) - 1 else 0
                    reread = stream * width if spills and i > 0 else 0
                if dataflow == "ws":
                    ifmap, filter = Fraction((later if j else first) * height, down), height * width
                if dataflow == "is":
                    ifmap = Fraction(first * height * width, down * across)
                    filter = height * stream if j == 0 or down * stream > halves.filter else 0
                moved.filter, moved.outputs, moved.reread = (
                    moved.filter + filter,
                    moved.outputs + store,
                    moved.reread + reread,
                )
                loads.append(ifmap + filter)
                stores.append(store)
                rereads.append(reread)
        moved.ifmap += first + (0 if dataflow == "is" else later * (len(tiles_across) - 1))
    cycles = stream + columns - 2 + (rows if dataflow == "os" else 2 * rows)
    for own, following, before in zip(rereads, [*loads[1:], 0], [0, *stores[:-1]], strict=True):
        moved.stall += max(0, math.ceil((own + following + before) / Fraction(bandwidth)) - cycles)
    moved.fill_drain = math.ceil(loads[0] / Fraction(bandwidth)) + math.ceil(stores[-1] / Fraction(bandwidth))
    return moved


def _tiles(extent: int, size: int) -> list[range]:
    return [range(start, min(start + size, extent)) for start in range(0, extent, size)]


def _ifmap_passes(
    layer: Layer, dataflow: str, down: list[range], across: list[range], array: tuple[int, int], half: int
) -> tuple[int, int]:
    """Return the words of the first and of later passes, by the sets of words that positions and columns touch."""
    positions, inner = range(layer.p * layer.q), range(layer.c * layer.r * layer.s)
    every, copies = len(touched_words(layer, positions, inner)), len(positions) * len(inner)
    if every <= half:
        return every, 0
    line = len({column for _, _, _, column in touched_words(layer, positions, inner)})

    def lines(output_rows: set[int]) -> int:
        return len({p * layer.stride_h + r * layer.dilation_h for p in output_rows for r in range(layer.r)})

    def most(length: int, period: int, total: int) -> int:
        starts = range(0, total * period, math.gcd(length, period))
        spans = (range(start, min(start + length, total * period)) for start in starts)
        return max(len({place // period for place in span}) for span in spans)

    channels = most(array[0], layer.r * layer.s, layer.c)
    if dataflow == "os":
        window = lines(set(range(most(array[0], layer.q, layer.p)))) * line * layer.c
        return (every, every) if window <= half else (copies, copies)
    fetched = sum(len({column // (layer.r * layer.s) for column in tile}) for tile in down)
    if dataflow == "ws":
        fetched *= lines(set(range(layer.p))) * line
        words = min(copies, fetched) if lines({0}) * line * channels <= half else copies
        return words, words
    window = lines(set(range(most(array[1], layer.q, layer.p)))) * line
    if window * layer.c <= half:
        return every, 0
    fetched *= sum(lines({position // layer.q for position in tile}) for tile in across) * line
    words = min(copies, fetched) if window * channels <= half else copies
    return words, words
