"""The hierarchical model's traffic by walking through the loop nest step after step: an oracle for its kernel.

Nothing here is taken from the kernel but the meaning of its numbers. Every buffer of every PE holds a set of words, the
ones its tile of the loop nest touches. From step to step

* words of weights and inputs that the set gains are filled, and read from the next level outside that keeps the tensor;
  PEs that gain the same words at the same step share one read;
* words of outputs that leave the set are read and travel outwards as updates; PEs that send the same words at the same
  step are summed up on the way, as one update. A word that was in the set at an earlier time comes back with a fill. An
  update of a word that the receiver has had before needs a read;
* what goes to and from the multiply-accumulate units goes there at every operation, kept or not.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from simulators.accelerator.layers import Layer

DIMENSIONS = "NMCRSPQG"
DRAM, GLB, OUTER, MIDDLE, INNER, MAC = range(6)
WEIGHTS, INPUTS, OUTPUTS = range(3)
READS, FILLS, UPDATES = range(3)
TEMPORAL_ROW = (0, 1, 4, 5, 6)
COLUMNS_ROW, ROWS_ROW = 2, 3

Offsets = tuple[int, ...]
Words = frozenset[tuple[int, ...]]
NOTHING: Words = frozenset()


@dataclass(frozen=True)
class Walk:
    """A layer, a mapping (``factors[7, 8]``, ``orders[5, 8]``) and which tensors each level keeps."""

    layer: Layer
    factors: np.ndarray
    orders: np.ndarray
    keeps: tuple[tuple[bool, bool, bool], ...]

    # ---- the loop nest ----

    def extent(self, level: int) -> Offsets:
        """Return a level's tile: for each dimension, how far all loops at and inside it reach."""
        rows = [TEMPORAL_ROW[inner] for inner in range(level, MAC)]
        if level <= GLB:
            rows += [COLUMNS_ROW, ROWS_ROW]
        return tuple(math.prod(int(self.factors[row, d]) for row in rows) for d in range(8))

    @cached_property
    def pe_offsets(self) -> list[Offsets]:
        """Where each PE's tile begins within that of the whole array."""
        pe = self.extent(OUTER)
        counts = [int(self.factors[COLUMNS_ROW, d] * self.factors[ROWS_ROW, d]) for d in range(8)]
        return [
            tuple(i * size for i, size in zip(at, pe, strict=True)) for at in itertools.product(*map(range, counts))
        ]

    def steps(self, level: int) -> Iterator[Offsets]:
        """Yield where the array's tile begins, step by step of all temporal loops outside a level."""
        loops = []
        for outer in range(level):
            size = [math.prod(int(self.factors[TEMPORAL_ROW[i], d]) for i in range(outer + 1, MAC)) for d in range(8)]
            if outer < OUTER:
                size = [size[d] * int(self.factors[COLUMNS_ROW, d] * self.factors[ROWS_ROW, d]) for d in range(8)]
            for d in self.orders[outer][::-1].tolist():
                loops.append([(d, i * size[d]) for i in range(int(self.factors[TEMPORAL_ROW[outer], d]))])
        for indices in itertools.product(*loops):
            at = [0] * 8
            for d, offset in indices:
                at[d] += offset
            yield tuple(at)

    def instances(self, level: int) -> list[Offsets]:
        return [(0,) * 8] if level <= GLB else self.pe_offsets

    # ---- words ----

    def words(self, tensor: int, start: Offsets, extent: Offsets) -> Words:
        """Return the words of a tensor that a tile touches; the layer ends where it ends."""
        layer = self.layer
        n, m, c, r, s, p, q, g = (
            range(at, min(at + size, bound)) for at, size, bound in zip(start, extent, layer.bounds, strict=True)
        )
        if not all(map(len, (n, m, c, r, s, p, q, g))):
            return NOTHING
        if tensor == WEIGHTS:
            return frozenset(itertools.product(g, m, c, r, s))
        if tensor == OUTPUTS:
            return frozenset(itertools.product(n, g, m, p, q))
        rows = {i * layer.stride_h + j * layer.dilation_h for i in p for j in r}
        columns = {i * layer.stride_w + j * layer.dilation_w for i in q for j in s}
        return frozenset(itertools.product(n, g, c, rows, columns))

    def tiles(self, level: int, tensor: int) -> Iterator[list[Words]]:
        """Yield what each instance of a level holds, step by step."""
        extent = (1,) * 8 if level == MAC else self.extent(level)
        known: dict[Offsets, Words] = {}
        for at in self.steps(level):
            held = []
            for offset in self.instances(level):
                start = tuple(map(sum, zip(at, offset, strict=True)))
                if start not in known:
                    known[start] = self.words(tensor, start, extent)
                held.append(known[start])
            yield held

    # ---- what is counted ----

    def counts(self) -> np.ndarray:
        """Return ``[level, tensor, (reads, fills, updates)]``, summed over all instances of a level."""
        found = np.zeros((MAC, 3, 3))
        for tensor in range(3):
            kept = [level for level in range(MAC) if self.keeps[level][tensor]]
            for parent, child in zip(kept, [*kept[1:], MAC], strict=True):
                across = parent <= GLB and child >= OUTER
                if tensor == OUTPUTS:
                    self._count_outputs(found, parent, child, across)
                else:
                    self._count_operand(found, tensor, parent, child, across)
        return found

    def _count_operand(self, found: np.ndarray, tensor: int, parent: int, child: int, across: bool) -> None:
        before = [NOTHING] * len(self.instances(child))
        for held in self.tiles(child, tensor):
            # An idle PE keeps what it had.
            held = [now or had for now, had in zip(held, before, strict=True)] if child < MAC else held
            gained = [now - had if child < MAC else now for now, had in zip(held, before, strict=True)]
            if child < MAC:
                found[child, tensor, FILLS] += sum(map(len, gained))
            found[parent, tensor, READS] += sum(map(len, set(gained) if across else gained))
            before = held

    def _count_outputs(self, found: np.ndarray, parent: int, child: int, across: bool) -> None:
        many = len(self.instances(child))
        before, had = [NOTHING] * many, [set() for _ in range(many)]
        received = [set() for _ in self.instances(parent)]
        for held in itertools.chain(self.tiles(child, OUTPUTS), [None]):
            if held is None:
                lost, held = before, before
            elif child == MAC:
                lost = held
            else:
                held = [now or then for now, then in zip(held, before, strict=True)]
                lost = [then - now for now, then in zip(held, before, strict=True)]
                for i, now in enumerate(held):
                    found[child, OUTPUTS, FILLS] += len((now - before[i]) & had[i])
                    had[i] |= now
            if child == MAC and held is before:
                break
            if child < MAC:
                found[child, OUTPUTS, READS] += sum(map(len, lost))
            for i, words in enumerate(set(lost) if across else lost):
                receiver = received[i if len(received) > 1 else 0]
                found[parent, OUTPUTS, UPDATES] += len(words)
                found[parent, OUTPUTS, READS] += len(words & receiver)
                receiver |= words
            before = held

    def busiest(self) -> int:
        """Return how many operations the PE does that does most: the cycles without limits of bandwidth."""
        done = [0] * len(self.pe_offsets)
        for at in self.steps(MAC):
            for i, offset in enumerate(self.pe_offsets):
                start = map(sum, zip(at, offset, strict=True))
                done[i] += all(x < bound for x, bound in zip(start, self.layer.bounds, strict=True))
        return max(done)

    def energy(self, counts: np.ndarray, read_pj, write_pj, block, mac_pj: float) -> float:
        """Return pJ of accesses in blocks, and of the multiply-accumulates; perfect factors only."""
        total = self.layer.macs * mac_pj
        for level in range(MAC):
            instances = len(self.instances(level))
            for tensor in range(3):
                reads, fills, updates = (math.ceil(x / instances / block[level]) for x in counts[level, tensor])
                total += instances * (reads * read_pj[level] + (fills + updates) * write_pj[level])
        return total
