"""Modes of the hierarchical model: Timeloop as it is, or with its defects repaired.

``mode="timeloop"`` reproduces Timeloop's counts, cycles and energies. ``mode="default"`` is the same model with every
repair of this table; ``repairs=`` chooses some of them:

============== =================================================== =====================================================
repair         the reference                                       repaired
============== =================================================== =====================================================
edge-tiles     tiles must divide the layer                         any tiles: the last of a dimension is smaller, steps
                                                                   and words are counted for what is there
true-reuse     walks the first two steps of each loop and takes    each tile is charged with what the tile before it
               the second for all others, so that loops over P     had not, at the loops' true return
               and R (or Q and S) outside a level are miscounted
stride-holes   inputs are a bounding box: rows and columns that a  only those the kernel touches are stored and moved
               stride skips are stored and moved
drain-reads    partial sums leave a level without being read       reading them costs a read
============== =================================================== =====================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from simulators._repairs import repairs_in_force
from simulators.accelerator.kernel_layout import DRAIN_READS, EDGE_TILES, STRIDE_HOLES, TRUE_REUSE

MODES: Final = ("default", "timeloop")
REPAIRS: Final = {
    "edge-tiles": EDGE_TILES,
    "true-reuse": TRUE_REUSE,
    "stride-holes": STRIDE_HOLES,
    "drain-reads": DRAIN_READS,
}


def chosen_repairs(mode: str, repairs: str | Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the repairs in force, in the order of the table.

    Args:
        mode: one of MODES.
        repairs: names, a comma-separated text of names, or the word ``all`` or ``none``; None for all in mode
            ``default`` and none in mode ``timeloop``.

    Raises:
        UnknownNameError: a mode or repair that does not exist.
        InvalidInputError: repairs in mode ``timeloop``, which has none.
    """
    return repairs_in_force("accelerator", "timeloop", REPAIRS, mode, repairs)


def repair_bits(repairs: Sequence[str]) -> int:
    """Return the kernel's bits of chosen repairs."""
    return sum(REPAIRS[name] for name in repairs)
