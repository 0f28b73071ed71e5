"""archgym/SystolicArray-v0: size a systolic array, its SRAMs and its DRAM bandwidth for neural networks.

The problem factory only; docs/systolic-array.md has the model and the table of metrics.

Version history
    v0: ``mode=default`` and ``mode=scalesim`` (agreement with SCALE-Sim 3.0). Until release 0.1.0 the numbers behind a
        v0 may change.
"""

from __future__ import annotations

from simulators.accelerator.systolic import SystolicArray, systolic_space
from simulators.problem import Problem


def systolic_array(
    workload: str = "resnet18",
    space: str = "default",
    mode: str = "default",
    repairs: str | None = None,
    node_nm: int = 45,
    dram: str = "lpddr4",
    clock_mhz: float = 500.0,
    aggregate: str = "geomean",
) -> Problem:
    """Build the problem: seven parameters of a systolic array, one network or a suite of them.

    ===============  ==================================================  ==========================================
    parameter        values, the default in brackets                     meaning
    ===============  ==================================================  ==========================================
    array_rows       8, 12, 16, 24, [32], 48, 64, 96, 128, 192, 256      rows of PEs
    array_columns    8, 12, 16, 24, [32], 48, 64, 96, 128, 192, 256      columns of PEs
    dataflow         os, [ws], is                                        output, weight or input stationary
    ifmap_sram_kib   16, 32, 64, 128, [256], 512, 1024 KiB               SRAM of the inputs, double buffered
    filter_sram_kib  16, 32, 64, 128, [256], 512, 1024 KiB               SRAM of the weights, double buffered
    ofmap_sram_kib   16, 32, 64, 128, [256], 512, 1024 KiB               SRAM of outputs and partial sums
    dram_bandwidth   1, 2, 4, 8, [16], 32, 64 words/cycle                reads and writes together
    ===============  ==================================================  ==========================================

    Words have 16 bits; the simulator's input ``word_bits`` takes 8 too, but what fewer bits do to a network's accuracy
    is not in the model, so it is no parameter to search. The parameters are those of SCALE-Sim's configuration files.

    Args:
        workload: a network that ``archgym list workloads`` shows, a file, ``network:layer``, or several joined by
            ``+``.
        space: ``default`` (the table, 871 563 designs) or ``small`` (3 888 of them).
        mode: ``default``, or ``scalesim`` with the defects of the reference, see
            ``simulators.accelerator.systolic.modes``.
        repairs: which defects mode ``default`` repairs, comma-separated; all if not given.
        node_nm: technology, 45 or 22.
        dram: kind of DRAM, which decides its energy per bit: ``lpddr4``, ``ddr3``, ``hbm2`` ...
        clock_mhz: clock of the array.
        aggregate: of a suite: ``geomean`` or ``worst``.

    Raises:
        UnknownNameError: an unknown network, space, mode, repair, node, kind of DRAM or aggregate, with the nearest
            name.
        InvalidInputError: a network file that cannot be read, or a wrong clock.
    """
    simulator = SystolicArray(mode, repairs, node_nm, dram, clock_mhz, aggregate)
    return Problem(simulator, systolic_space(space), simulator.load_workload(workload))
