"""archgym/CoDesign-v0: size an accelerator and map every layer of a network onto it, all in one design.

The problem factory only; ``simulators.accelerator.templates`` says what the hardware parameters build and
``simulators.accelerator.mapping_code`` what the mappings' mean.

Version history
    v0: ``mode=default`` and ``mode=timeloop`` (agreement with Timeloop's model of fixed mappings). Until release 0.1.0
        the numbers behind a v0 may change.
"""

from __future__ import annotations

from simulators.accelerator.codesign import CoDesign
from simulators.accelerator.spaces import template_of_space
from simulators.problem import Problem


def codesign(
    workload: str = "resnet18",
    space: str = "default",
    mappings: str = "default",
    mode: str = "default",
    repairs: str | None = None,
    fit: str = "shrink",
    node_nm: int = 45,
    word_bits: int = 16,
    dram: str = "lpddr4",
    clock_mhz: float = 500.0,
) -> Problem:
    """Build the problem: hardware parameters and the mapping of each distinct layer of a network, no mapper inside.

    =====================  ===========================================  ===============================================
    parameter              values (default spaces)                      meaning
    =====================  ===========================================  ===============================================
    array_columns ...      those of archgym/Accelerator-v0              the hardware
    <layer>_columns_first  none or a dimension: M, C, R, S, P, Q ...    goes over columns of PEs, as far as it goes
    <layer>_..._most       1, 2, 4, ..., 64, 16384 (all)                most columns for it
    <layer>_columns_second none or a dimension                          takes the columns that are left
    <layer>_rows_first ... likewise                                     for the array's rows
    <layer>_glb_M ...      divisors of the bound, bound / 2^k           extent of the tile in the global buffer
    <layer>_pe_M ...       likewise                                     extent of the tile in the PE's innermost storage
    <layer>_dram_order     24 orders of M, C, PQN, RS                   loops over GLB tiles, innermost first
    <layer>_glb_order      24 orders of M, C, PQN, RS                   loops over the PEs' tiles, innermost first
    =====================  ===========================================  ===============================================

    ``<layer>`` is the layer's name with other characters than letters and digits as ``_``. ResNet-18 has 12 distinct
    layers, 231 parameters and 5e185 designs. The default design is the reference hardware with a known dataflow for
    each layer, see ``simulators.accelerator.mapping_start``. With ``fit=shrink`` tiles that do not fit their storage
    are cut in a declared order, so that every design is valid whose hardware can be built.

    Args:
        workload: a network that ``archgym list workloads`` shows, a file, or ``network:layer``.
        space: of the hardware: ``default``, ``small`` or ``archgym``, see ``simulators.accelerator.spaces``.
        mappings: space of each layer's mapping: ``default`` (the table), ``spads``, ``full`` or ``gamma``; see
            ``simulators.accelerator.mapping_space``.
        mode: ``default``, or ``timeloop`` with the defects of the reference, see ``simulators.accelerator.modes``.
        repairs: which defects mode ``default`` repairs, comma-separated; all if not given.
        fit: ``shrink`` or ``refuse``, see ``simulators.accelerator.mapping_code``.
        node_nm: technology, 45 or 22.
        word_bits: 16 or 8, of all tensors.
        dram: kind of DRAM, which decides its energy per bit: ``lpddr4``, ``ddr3``, ``hbm2`` ...
        clock_mhz: clock of the array and its buffers.

    Raises:
        UnknownNameError: an unknown network, space, mode, repair, fit, node, word size or kind of DRAM, with the
            nearest name.
        InvalidInputError: a network file that cannot be read, several networks, or a wrong clock.
    """
    simulator = CoDesign(workload, template_of_space(space), mode, repairs, fit, node_nm, word_bits, dram, clock_mhz)
    return Problem(simulator, simulator.space(space, mappings), simulator.load_workload(workload))
