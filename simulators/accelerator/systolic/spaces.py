"""Search spaces of the systolic array.

========= ========= ===================================================================================================
name      designs   what it is
========= ========= ===================================================================================================
default   871 563   array rows and columns 8..256, three dataflows, SRAMs of 16..1024 KiB, 1..64 words a cycle
small     3 888     four sizes of each side, three dataflows, SRAMs of 32, 128 and 512 KiB, 4, 16 and 64 words a cycle;
                    ``archgym tabulate`` evaluates it whole in a moment
========= ========= ===================================================================================================

The defaults are the reference design: 32 x 32 PEs, weight stationary, 256 (small: 128) KiB for each operand, 16 words a
cycle: with 16-bit words at 500 MHz 128 Gbit/s, two and a half LPDDR4-3200 channels of 16 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from simulators.accelerator.systolic.kernel_codes import DATAFLOWS
from simulators.errors import UnknownNameError
from simulators.parameters import Parameter
from simulators.spaces import DesignSpace

_SIDES: Final = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
_KIB: Final = (16, 32, 64, 128, 256, 512, 1024)
_BANDWIDTHS: Final = (1, 2, 4, 8, 16, 32, 64)


def systolic_space_names() -> tuple[str, ...]:
    """Return the names of the search spaces."""
    return ("default", "small")


def systolic_space(name: str = "default") -> DesignSpace:
    """Return the search space of that name; see the module's table.

    Raises:
        UnknownNameError: no such space.
    """
    if name == "default":
        return _space(name, _SIDES, _KIB, _BANDWIDTHS, 256)
    if name == "small":
        return _space(name, (16, 32, 64, 128), (32, 128, 512), (4, 16, 64), 128)
    raise UnknownNameError("search space of the systolic array", name, systolic_space_names())


def _space(
    name: str, sides: Sequence[int], kib: Sequence[int], bandwidths: Sequence[int], default_kib: int
) -> DesignSpace:
    srams = [
        Parameter(f"{operand}_sram_kib", kib, default_kib, unit="KiB", group="memory", doc=f"SRAM of the {what}")
        for operand, what in (("ifmap", "inputs"), ("filter", "weights"), ("ofmap", "outputs and partial sums"))
    ]
    parameters = (
        Parameter("array_rows", sides, 32, group="array", doc="rows of PEs"),
        Parameter("array_columns", sides, 32, group="array", doc="columns of PEs"),
        Parameter("dataflow", DATAFLOWS, "ws", group="array", doc="what stays in the PEs"),
        *srams,
        Parameter(
            "dram_bandwidth",
            bandwidths,
            16,
            unit="words/cycle",
            group="memory",
            doc="of reads and writes together (Accelerator: as many each way)",
        ),
    )
    return DesignSpace(parameters, name=name)
