"""The mapping code: a mapping of one layer as a few independent choices, nearly all of which make a mapping.

=========================== =========================================================================================
input                       meaning
=========================== =========================================================================================
columns_first, _second      dimensions spread over the array's columns, or ``none``: the first goes as far as its bound
                            and the PEs reach, the second takes the PEs that are left, ``floor(columns / first)``
columns_first_most, ...     most PEs for it; the largest value stands for all
rows_first ...              the same for the array's rows
columns_M, rows_C, ...      PEs that a dimension is spread over before those, as given; 1: none (mapping problems only)
pe_M ... pe_G               a dimension's extent of the tile in a PE's (innermost) storage
pe_middle_M, pe_outer_M ... likewise at the levels of split scratchpads outside that, for weights and for inputs
glb_M ... glb_G             likewise in the global buffer (GLB), all PEs together
dram_order, glb_order,      loops at a level, innermost first, as a text of dimensions; those left out come outermost
pe_outer_order, _middle_
=========================== =========================================================================================

Decoding (see :mod:`simulators.accelerator.kernel_decode`): PEs first, then the tiles inside a PE from the
innermost level outwards, then the GLB's; DRAM takes the rest, rounded up. A tile is at least what the levels inside it
hold together, so that 1 stands for just that; it consists of whole inner tiles; it goes no further than the layer, a
PE's no further than an equal share of what slots spread. In mode ``timeloop``, where tiles must divide the layer, slots
take the largest divisor in reach.

``fit`` says what becomes of the rest: ``refuse`` leaves tiles that do not fit their storage (or do not divide) as they
are, and the design is invalid with the reason; ``shrink`` cuts them: at each level, innermost first, dimensions in the
order N, G, P, M, C, Q, S, R, each as little as makes the tiles fit, or else to 1 before the next; where that is not
enough, the tiles inside, and for the GLB at last the rows and columns in use, are cut likewise. In mode ``timeloop``
tiles become the largest up to them that divide. What is valid with ``refuse`` is the same mapping with ``shrink``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.architecture import LARGEST_ARRAY
from simulators.accelerator.kernel_decode import (
    AXIS_WORDS,
    CODE_WORDS,
    K_AXIS,
    K_ORDERS,
    K_SPREAD,
    K_TILES,
    REFUSE,
    SHRINK,
)
from simulators.accelerator.kernel_decode_batches import pack_orders
from simulators.accelerator.kernel_layout import DIMS, DRAM, GLB, INNER, LEVELS, MIDDLE, OUTER
from simulators.accelerator.layers import DIMENSIONS, LARGEST_BOUND
from simulators.accelerator.mapping import DEFAULT_ORDER, FACTOR_ROW_OF, Mapping, order_positions
from simulators.errors import InvalidInputError, UnknownNameError, nearest
from simulators.parameters import Value
from simulators.simulator import Input
from simulators.spaces import Columns

NONE: Final = "none"
"""A slot that spreads nothing."""
ALL_PES: Final = LARGEST_ARRAY
FITS: Final = {"refuse": REFUSE, "shrink": SHRINK}
TILED: Final = {"glb": GLB, "pe_outer": OUTER, "pe_middle": MIDDLE, "pe": INNER}
"""Places with tiles: name -> kernel level."""
ORDERED: Final = {"dram": DRAM, "glb": GLB, "pe_outer": OUTER, "pe_middle": MIDDLE}
"""Places whose order of loops matters: below the innermost level nothing is kept."""
ORDER_GROUPS: Final = ("M", "C", "QPN", "SR")
"""Dimensions that go together: those of one group move the same tensors (inputs' windows apart)."""

Kind = Literal["number", "dimension", "order"]


def group_orders(dimensions: str) -> tuple[str, ...]:
    """Return the up to 24 orders of ORDER_GROUPS over these dimensions, innermost first; groups (G) outermost."""
    groups = ["".join(d for d in group if d in dimensions) for group in ORDER_GROUPS]
    present = [group for group in groups if group]
    outermost = "G" if "G" in dimensions else ""
    return tuple("".join(order) + outermost for order in permutations(present))


def all_orders(dimensions: str) -> tuple[str, ...]:
    """Return all orders of these dimensions."""
    return tuple("".join(order) for order in permutations(dimensions))


@dataclass(frozen=True)
class OrderInput(Input):
    """An order of loops, innermost first: ``choices`` are the usual ones, any text of different dimensions will do."""

    def check(self, column: Sequence[object] | np.ndarray) -> np.ndarray:
        """Return ``column`` as upper-case text ``[n]``; raises InvalidInputError as :meth:`Input.check`."""
        array = np.asarray(column)
        if array.ndim != 1:
            raise InvalidInputError(f"column {self.name!r} must be one-dimensional, got shape {list(array.shape)}")
        texts = np.char.upper(np.char.strip(array.astype(str))) if len(array) else array.astype("U1")
        for text in np.unique(texts).tolist():
            if not text or set(text) - set(DIMENSIONS) or len(set(text)) != len(text):
                row = int(np.flatnonzero(texts == text)[0])
                close = nearest(text, self.choices or ())
                raise InvalidInputError(
                    f"row {row}: {self.name!r} cannot be {array.tolist()[row]!r}"
                    f"{f'; did you mean {close!r}?' if close else '.'} "
                    f"Expected different dimensions out of {''.join(DIMENSIONS)}, innermost loop first."
                )
        return texts


@dataclass(frozen=True)
class Word:
    """One input of a mapping code: its name without prefix, where it stands in the code, and what kind it is."""

    name: str
    at: int
    kind: Kind
    group: str
    doc: str


def code_words(dimensions: str, explicit: bool) -> tuple[Word, ...]:
    """Return the inputs that describe mappings over these dimensions; ``explicit``: with ``columns_M`` and the like."""
    found: list[Word] = []
    for axis, name in enumerate(("columns", "rows")):
        at = K_AXIS + axis * AXIS_WORDS
        for slot, nth in enumerate(("first", "second")):
            text = f"dimension that goes over the {name} of PEs{' left by the first' if slot else ''}"
            found.append(Word(f"{name}_{nth}", at + 2 * slot, "dimension", name, text))
            found.append(
                Word(f"{name}_{nth}_most", at + 2 * slot + 1, "number", name, f"most {name} for that dimension")
            )
        for d in dimensions if explicit else "":
            doc = f"{name} of PEs that {d} goes over, before {name}_first"
            found.append(Word(f"{name}_{d}", at + K_SPREAD + DIMENSIONS.index(d), "number", name, doc))
    for name, level in TILED.items():
        for d in dimensions:
            at, doc = K_TILES + (level - 1) * DIMS + DIMENSIONS.index(d), f"extent of {d} of the tile at level {name}"
            found.append(Word(f"{name}_{d}", at, "number", name, doc))
    for name, level in ORDERED.items():
        doc = f"loops at level {name}, innermost first"
        found.append(Word(f"{name}_order", K_ORDERS + level, "order", name, doc))
    return tuple(found)


def word_input(word: Word, prefix: str, dimensions: str) -> Input:
    """Return the declared input of a word; defaults: nothing spread, all steps at DRAM."""
    name = prefix + word.name
    if word.kind == "dimension":
        return Input(name, NONE, (NONE, *dimensions), doc=word.doc)
    if word.kind == "order":
        orders = group_orders(dimensions)
        return OrderInput(name, orders[0], orders, doc=word.doc)
    if word.name.endswith("_most"):
        return Input(name, ALL_PES, minimum=1, maximum=ALL_PES, doc=word.doc)
    return Input(name, 1, minimum=1, maximum=LARGEST_BOUND, doc=word.doc)


_LETTERS: Final = np.full(128, -1, dtype=np.int8)
for _position, _letter in enumerate(DIMENSIONS):
    _LETTERS[ord(_letter)] = _position
_REST: Final = order_positions(DEFAULT_ORDER)


def _constants() -> NDArray[np.int32]:
    """Return the code of a mapping that leaves everything to DRAM."""
    constants = np.ones(CODE_WORDS, dtype=np.int32)
    for axis in range(2):
        at = K_AXIS + axis * AXIS_WORDS
        constants[[at, at + 2]], constants[[at + 1, at + 3]] = -1, ALL_PES
    constants[K_ORDERS : K_ORDERS + LEVELS] = sum(int(d) << (3 * k) for k, d in enumerate(_REST))
    return constants


class CodeReader:
    """Reads the codes of ``l`` layers out of checked columns.

    Args:
        prefixes: of each layer's inputs.
        dimensions: letters of the dimensions that each layer has.
        explicit: whether each dimension's PEs can be given as well.

    Attributes:
        inputs: all layers' inputs, in the order of the rows of :meth:`read`.
        where, constants: as :func:`~simulators.accelerator.kernel_decode_batches.decode_codes` takes them.
    """

    def __init__(self, prefixes: Sequence[str], dimensions: Sequence[str], explicit: bool) -> None:
        inputs: list[Input] = []
        self.where = np.full((len(prefixes), CODE_WORDS), -1, dtype=np.int32)
        self.constants = _constants()
        self._kinds: list[tuple[str, Kind]] = []
        for layer, (prefix, letters) in enumerate(zip(prefixes, dimensions, strict=True)):
            for word in code_words(letters, explicit):
                self.where[layer, word.at] = len(self._kinds)
                self._kinds.append((prefix + word.name, word.kind))
                inputs.append(word_input(word, prefix, letters))
        self.inputs: tuple[Input, ...] = tuple(inputs)

    def read(self, columns: Columns) -> NDArray[np.int32]:
        """Return what the kernel's decoder reads, ``int32[rows, n]``."""
        count = len(columns[self._kinds[0][0]])
        values = np.empty((len(self._kinds), count), dtype=np.int32)
        for row, (name, kind) in zip(values, self._kinds, strict=True):
            column = columns[name]
            if kind == "number":
                row[:] = column
            elif kind == "order":
                pack_orders(_letters(column), _LETTERS, _REST, row)
            else:
                row[:] = _LETTERS[_letters(column)[:, 0]]
        return values


def _letters(column: NDArray[np.str_]) -> NDArray[np.uint32]:
    """Return texts as the numbers of their letters, ``[n, longest]``."""
    return np.ascontiguousarray(column).view(np.uint32).reshape(len(column), column.dtype.itemsize // 4)


def inputs_of(mapping: Mapping) -> dict[str, Value]:
    """Return the inputs of a mapping problem that stand for ``mapping``: all but those at their defaults."""
    found: dict[str, Value] = {}
    extents = np.ones(DIMS, dtype=np.int64)
    for place in ("pe", "pe_middle", "pe_outer", "columns", "rows", "glb"):
        factors = mapping.factors[FACTOR_ROW_OF[place]].astype(np.int64)
        extents = extents * factors
        chosen = factors if place in ("columns", "rows") else np.where(factors > 1, extents, 1)
        found |= {f"{place}_{d}": int(x) for d, x in zip(DIMENSIONS, chosen, strict=True) if x > 1}
    return found | {f"{place}_order": mapping.order(place) for place in ORDERED}


def fit_named(fit: str) -> int:
    """Return the kernel's word for ``refuse`` or ``shrink``; raises UnknownNameError."""
    if fit not in FITS:
        raise UnknownNameError("way to fit tiles", fit, FITS)
    return FITS[fit]
