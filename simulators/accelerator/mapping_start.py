"""The mapping that a designer would start from: a known dataflow, PEs filled, tiles as large as fits.

The dataflows are those of published accelerators: channels over the array (NVDLA), output rows and kernel rows (row
stationary, Eyeriss), output columns and rows (ShiDianNao). Of each, tiles are made as large as fits, from the innermost
level outwards, dimension by dimension, then the loops of DRAM and GLB get the order with the least energy-delay
product (EDP). The dataflow with the least EDP is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.kernel_decode import REFUSE
from simulators.accelerator.kernel_decode_batches import evaluate_codes
from simulators.accelerator.kernel_layout import O_CYCLES, O_ENERGY, OK
from simulators.accelerator.layers import Layer
from simulators.accelerator.mapping_code import NONE, CodeReader
from simulators.parameters import Value

Choices = Mapping[str, Sequence[Value]]
Reals = NDArray[np.float64]

DATAFLOWS: Final = (("MGQPNCSR", "CPRQNSMG"), ("PMGQCNSR", "RCPMQNSG"), ("QMGCNPRS", "PCMGNRSQ"))
"""Dimensions over columns and over rows of the array, the likeliest first."""
_GROW: Final = {"pe": "SRCMQPNG", "pe_middle": "SRCMQPNG", "pe_outer": "SRCMQPNG", "glb": "SRCQPMNG"}
"""In which order tiles are made as large as fits."""
_SLOTS: Final = (("columns", "first"), ("rows", "first"), ("columns", "second"), ("rows", "second"))


class Starter:
    """Chooses among the values of one layer's inputs.

    Args:
        layer: to be mapped.
        dimensions: letters of its dimensions.
        arch: ``float64[ARCHITECTURE_WORDS]``.
        repairs: the kernel's bits.
    """

    def __init__(self, layer: Layer, dimensions: str, arch: Reals, repairs: int) -> None:
        self._words, self._dimensions, self._arch, self._repairs = layer.words[None], dimensions, arch[None], repairs
        self._reader = CodeReader([""], [dimensions], explicit=False)

    def valid(self, chosen: Mapping[str, Value], name: str, options: Sequence[Value]) -> NDArray[np.bool_]:
        """Return which options of one input make a valid mapping with the other choices (else the defaults)."""
        return np.isfinite(self.edp(chosen, {name: options}))

    def edp(self, chosen: Mapping[str, Value], varied: Choices) -> Reals:
        """Return the EDP, pJ x cycles, of choices with some varied, all equally often; infinite where invalid."""
        count = len(next(iter(varied.values())))
        columns = {i.name: np.full(count, chosen.get(i.name, i.default)) for i in self._reader.inputs}
        columns |= {name: np.asarray(options) for name, options in varied.items()}
        values, reader = self._reader.read(columns), self._reader
        status, results = evaluate_codes(
            self._words, values, reader.where, reader.constants, self._arch, self._repairs, REFUSE
        )
        return np.where(status == OK, results[:, 0, O_CYCLES] * results[:, 0, O_ENERGY], np.inf)

    def start(self, values: Choices) -> dict[str, Value]:
        """Return a valid choice of ``values`` (input name -> options); the first of each, where there is none."""
        found = [self._with_dataflow(values, *spread) for spread in DATAFLOWS]
        some = next(iter(values))
        costs = [self.edp(chosen, {some: [chosen[some]]})[0] for chosen in found]
        return found[int(np.argmin(costs))]

    def _with_dataflow(self, values: Choices, columns: str, rows: str) -> dict[str, Value]:
        chosen = {name: options[-1] if name.endswith("_most") else options[0] for name, options in values.items()}
        self._spread(chosen, values, {"columns": columns, "rows": rows})
        self._grow(chosen, values)
        self._reorder(chosen, values)
        return chosen

    def _spread(self, chosen: dict[str, Value], values: Choices, likely: Mapping[str, str]) -> None:
        """Give each slot its likeliest dimension that no other has, as long as single words fit the buffers."""
        taken: set[Value] = set()
        for axis, nth in _SLOTS:
            name = f"{axis}_{nth}"
            options = values.get(name, ())
            free = [d for d in likely[axis] if d in options and d not in taken]
            if free and self.valid(chosen, name, free[:1])[0]:
                chosen[name] = free[0]
            taken.add(chosen.get(name, NONE))

    def _grow(self, chosen: dict[str, Value], values: Choices) -> None:
        for level, order in _GROW.items():
            for d in order:
                name = f"{level}_{d}"
                if name in values:
                    fitting = np.flatnonzero(self.valid(chosen, name, values[name]))
                    chosen[name] = values[name][int(fitting[-1])] if len(fitting) else values[name][0]

    def _reorder(self, chosen: dict[str, Value], values: Choices) -> None:
        """Take the best of up to 24 x 24 pairs of orders of DRAM and GLB."""
        dram, glb = values["dram_order"][:24], values["glb_order"][:24]
        pairs = {"dram_order": [a for a in dram for _ in glb], "glb_order": [b for _ in dram for b in glb]}
        best = int(np.argmin(self.edp(chosen, pairs)))
        chosen.update({name: options[best] for name, options in pairs.items()})
