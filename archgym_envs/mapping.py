"""archgym/Mapping-v0: map one layer of a neural network onto a given accelerator.

The problem factory only; ``simulators.accelerator.mapping_code`` says what the parameters mean.

Version history
    v0: ``mode=default`` and ``mode=timeloop`` (agreement with Timeloop's model of fixed mappings); peers as backends.
        Until release 0.1.0 the numbers behind a v0 may change.
"""

from __future__ import annotations

from collections.abc import Mapping

from simulators.accelerator.mapping_simulator import LayerMapping
from simulators.accelerator.peers import OWN, make_backend
from simulators.parameters import Value
from simulators.problem import Problem


def mapping(
    workload: str = "resnet18/layer2.0.conv2",
    space: str = "default",
    hardware: str | Mapping[str, Value] = "eyeriss",
    mode: str | None = None,
    repairs: str | None = None,
    fit: str | None = None,
    node_nm: int = 45,
    word_bits: int = 16,
    dram: str = "lpddr4",
    clock_mhz: float = 500.0,
    backend: str = OWN,
    executable: str | None = None,
    timeout_s: float | None = None,
    cache: str | None = None,
    operand_latch: bool | None = None,
) -> Problem:
    """Build the problem: how one layer's loops are tiled, ordered and spread over a fixed array of PEs.

    ====================  ===========================================  ================================================
    parameter             values (default space)                       meaning
    ====================  ===========================================  ================================================
    columns_first         none or a dimension: M, C, R, S, P, Q ...    goes over the array's columns, as far as it goes
    columns_first_most    1 to the number of columns                   most columns for it
    columns_second        none or a dimension                          takes the columns that are left
    rows_first ...        likewise                                     for the array's rows
    glb_M, glb_C ...      divisors of the bound, bound / 2^k           extent of the tile in the global buffer
    pe_M, pe_C ...        likewise, what fits the storage              extent of the tile in the PE's innermost storage
    dram_order            24 orders of M, C, PQN, RS                   loops over GLB tiles, innermost first
    glb_order             24 orders of M, C, PQN, RS                   loops over the PEs' tiles, innermost first
    ====================  ===========================================  ================================================

    There are parameters for the dimensions that the layer has (N only in batches, G only in grouped convolutions). A
    tile is at least what the levels inside it hold together. The default design is a known dataflow with tiles as large
    as fits, see ``simulators.accelerator.mapping_start``. ``archgym evaluate`` takes any mapping, also with several
    dimensions on an axis (``columns_M``, ``columns_C`` ...) and tiles at all levels of split scratchpads.

    Args:
        workload: ``network/layer`` that ``archgym list workloads`` shows, or a file with one layer (``file/layer`` with
            several).
        space: ``default`` (the table), ``spads`` (tiles at all levels of split scratchpads), ``full`` (all tiles and
            all orders) or ``gamma`` (what GAMMA searches); see ``simulators.accelerator.mapping_space``.
        hardware: ``eyeriss``, ``nvdla-like``, ``shidiannao-like``, ``edge``, ``cloud``, a YAML or JSON file of
            hardware parameters, or the parameters themselves (``{"array_columns": 16}``); see
            ``simulators.accelerator.fixed_hardware``.
        mode: ``default``, or ``timeloop`` with the defects of the reference, see ``simulators.accelerator.modes``.
            With a peer as backend ``timeloop``, in which tiles divide the layer, is the default and the only one.
        repairs: which defects mode ``default`` repairs, comma-separated; all if not given.
        fit: ``refuse``: a design whose tiles do not fit their storage is invalid; ``shrink``: they are cut until they
            do. Default: ``refuse`` in space ``default``, else ``shrink``, as hardly a random design fits there.
        node_nm: technology, 45 or 22.
        word_bits: 16 or 8, of all tensors.
        dram: kind of DRAM, which decides its energy per bit: ``lpddr4``, ``ddr3``, ``hbm2`` ...
        clock_mhz: clock of the array and its buffers.
        backend: ``archgym``, or a peer that evaluates the same mappings: ``zigzag`` (a package), ``timeloop-model`` or
            ``maestro`` (programs), see docs/peers.md.
        executable: where a peer's program is, if not on PATH.
        timeout_s: seconds that one run of a program may take, 60 if not given.
        cache: directory in which results of a program are kept.
        operand_latch: of ``zigzag``, True if not given: an operand that stays the same is read once; False: at every
            step, as ours and Timeloop's.

    Raises:
        UnknownNameError: an unknown layer, space, hardware, mode, repair, fit, node, word size, kind of DRAM or
            backend, with the nearest name, or an argument that the backend does not have.
        InvalidInputError: a file that cannot be read, a workload of several layers, a wrong clock, a peer in another
            mode, or a program that is not to be found.
        MissingExtraError: a peer's package is not installed.
    """
    fitting = fit if fit is not None else "refuse" if space == "default" else "shrink"
    chosen = mode if mode is not None else "default" if backend == OWN else "timeloop"
    model = LayerMapping(hardware, chosen, repairs, fitting, node_nm, word_bits, dram, clock_mhz)
    given = {"executable": executable, "timeout_s": timeout_s, "cache": cache, "operand_latch": operand_latch}
    simulator = make_backend(backend, model, **{name: value for name, value in given.items() if value is not None})
    layer = simulator.load_workload(workload)
    return Problem(simulator, simulator.space(layer, space), layer)
