"""archgym/Accelerator-v0: size a spatial accelerator, its PEs, buffers and DRAM bandwidth for neural networks.

The problem factory only; ``simulators.accelerator.templates`` says what the parameters build.

Version history
    v0: ``mode=default`` and ``mode=timeloop`` (agreement with Timeloop's model of fixed mappings). Until release 0.1.0
        the numbers behind a v0 may change.
"""

from __future__ import annotations

from typing import Final

from simulators.accelerator.accelerator import Accelerator
from simulators.accelerator.spaces import ARCHGYM_TARGETS, accelerator_space, template_of_space
from simulators.problem import Problem

_WORKLOADS: Final = {"archgym": "alexnet-conv"}


def accelerator(
    workload: str | None = None,
    space: str = "default",
    mode: str = "default",
    repairs: str | None = None,
    map_for: str = "edp",
    effort: str = "normal",
    node_nm: int = 45,
    word_bits: int = 16,
    dram: str = "lpddr4",
    clock_mhz: float = 500.0,
    aggregate: str = "geomean",
) -> Problem:
    """Build the problem: eleven (or ArchGym's 26) hardware parameters of an accelerator, one network or a suite.

    =================  ======================================================  ================================
    parameter          values, the default in brackets                         meaning
    =================  ======================================================  ================================
    array_columns      4, 8, [14], 16, 24, 32, 64                              columns of PEs
    array_rows         4, 8, [12], 16, 24, 32, 64                              rows of PEs
    hierarchy          [split], unified, weight_stationary, output_stationary  what a PE stores
    pe_storage_class   regfile, [SRAM]                                         of weights spad or one storage
    pe_storage_words   16, 64, 128, [224], 512 words                           of weights spad or one storage
    ifmap_spad_words   4, 8, [12], 24 words                                    with hierarchy=split only
    psum_spad_words    8, 16, [24], 48 words                                   with hierarchy=split only
    glb_kib            16, 32, 64, [108], 256, 512 KiB                         global buffer
    glb_banks          2, 4, [8], 16                                           2 words a cycle each way, each
    glb_keeps_weights  [False], True                                           or weights pass it by
    dram_bandwidth     2, 4, [8], 16 words/cycle                               each way
    =================  ======================================================  ================================

    A deterministic mapper inside chooses tiles, loop orders and spatial unrolling of every layer. The default design
    has the array, scratchpads and buffer of Eyeriss (Chen et al., JSSC 2017).

    Args:
        workload: a network that ``archgym list workloads`` shows, a file, ``network:layer``, or several joined by
            ``+``; default: ``resnet18``, in the space ``archgym`` ``alexnet-conv``.
        space: ``default`` (the table, 6 021 120 designs), ``small`` (3 888 of them) or ``archgym``: the 26 parameters
            (2.2e18 designs) of ArchGym's Timeloop environment; see ``simulators.accelerator.spaces`` and
            ``simulators.accelerator.archgym_template``. ArchGym's targets are the objective of its own workload,
            ``alexnet-conv``; other workloads keep the environment's, the least energy-delay product.
        mode: ``default``, or ``timeloop`` with the defects of the reference, see ``simulators.accelerator.modes``.
        repairs: which defects mode ``default`` repairs, comma-separated; all if not given.
        map_for: what the mapper minimises for each layer: ``edp``, ``energy`` or ``latency``.
        effort: how hard the mapper searches: ``quick``, ``normal`` or ``thorough``.
        node_nm: technology, 45 or 22.
        word_bits: 16 or 8, of all tensors.
        dram: kind of DRAM, which decides its energy per bit: ``lpddr4``, ``ddr3``, ``hbm2`` ...
        clock_mhz: clock of the array and its buffers.
        aggregate: of a suite: ``geomean`` or ``worst``.

    Raises:
        UnknownNameError: an unknown network, space, mode, repair, ``map_for``, effort, node, word size, kind of DRAM
            or aggregate, with the nearest name.
        InvalidInputError: a network file that cannot be read, or a wrong clock.
    """
    simulator = Accelerator(
        template_of_space(space), mode, repairs, map_for, effort, node_nm, word_bits, dram, clock_mhz, aggregate
    )
    network = simulator.load_workload(_WORKLOADS.get(space, "resnet18") if workload is None else workload)
    has_targets = space == "archgym" and network.digest == simulator.load_workload(_WORKLOADS[space]).digest
    objective = {"meet": ARCHGYM_TARGETS} if has_targets else {}
    return Problem(simulator, accelerator_space(space), network, objective)
