"""Modes of the systolic array: the reference as it is, or with its defects repaired.

``mode="scalesim"`` counts what SCALE-Sim 3.0 prints in its CALC mode, its defects included. ``mode="default"`` is the
same array with every defect of this table repaired; ``repairs=`` chooses some of them:

================= ============================================== =====================================================
repair            the reference                                  repaired
================= ============================================== =====================================================
last-cycle        reports the index of the last cycle of a       reports how many cycles there are, one more
                  matrix product
output-rows       takes ceil((H - R + stride) / stride) output   takes the layer's own outputs (7 x 7)
                  rows: a 1x1 kernel with stride 2 on 14 x 14
                  gives 8 x 8
ofmap-writes      os: adds rows + columns of the array to the    counts each output once
                  writes of each fold
partial-sum-reads ws, is: counts that partial sums are written   counts the reading too, for all but the first of the
                  to the ofmap SRAM, not that they are read      folds that add to an output
                  back to be added to
stalls            DRAM feeds the array without ever making it    waits for DRAM by the double-buffering model, see
                  wait                                           ``simulators/accelerator/systolic/kernel.py``
================= ============================================== =====================================================

SCALE-Sim's DRAM counts come from a simulated cache of address sets and have no closed form; in both modes the DRAM
counts are those of our own model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from simulators._repairs import repairs_in_force

MODES: Final = ("default", "scalesim")
REPAIRS: Final = ("last-cycle", "output-rows", "ofmap-writes", "partial-sum-reads", "stalls")


def chosen_repairs(mode: str, repairs: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the repairs in force, in the order of the table.

    Args:
        mode: one of MODES.
        repairs: names, a comma-separated text of names, or the word ``all`` or ``none``; None for all in mode
            ``default`` and none in mode ``scalesim``.

    Raises:
        UnknownNameError: a mode or repair that does not exist.
        InvalidInputError: repairs in mode ``scalesim``, which has none.
    """
    return repairs_in_force("systolic array", "scalesim", REPAIRS, mode, repairs)
