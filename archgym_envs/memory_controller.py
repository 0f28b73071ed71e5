"""archgym/MemoryController-v0: design the controller in front of a DRAM.

The problem factory only; docs/environments.md has the tables of parameters, metrics and observation.

Version history
    v0: four memories; ``mode=default`` (the defects of the reference repaired) and ``mode=dramsys`` (cycle-level
        agreement with DRAMSys 4.0). Until release 0.1.0 the numbers behind a v0 may change.
"""

from __future__ import annotations

from simulators.memory import MemoryController, memory_space
from simulators.problem import Problem


def memory_controller(
    workload: str = "recorded/sqlite-query",
    space: str = "default",
    mode: str = "default",
    memory: str = "ddr3-1600",
    repairs: str | None = None,
) -> Problem:
    """Build the problem: up to twelve parameters of a DRAM controller, one memory, one trace of requests.

    =======================  ===========================================================  =======================
    parameter                values, the default in brackets                              meaning
    =======================  ===========================================================  =======================
    page_policy              [Open], OpenAdaptive, Closed, ClosedAdaptive                 when a row is closed
    scheduler                Fifo, [FrFcfs], FrFcfsGrp                                    who goes first in a bank
    scheduler_buffer         [Bankwise], ReadWrite, Shared                                how space is counted
    request_buffer_size      2..256 in powers of two, [8]                                 requests that fit
    response_queue           [Fifo], Reorder                                              order of answers
    refresh_policy           [AllBank], PerBank                                           on LPDDR4 and HBM2 only
    refresh_max_postponed    1, 2, 4, [8] refreshes                                       put off under load
    refresh_max_pulled_in    1, 2, 4, [8] refreshes                                       done early when idle
    arbiter                  [Simple], Fifo, Reorder                                      credits, order of answers
    max_active_transactions  1..128 in powers of two, [128]                               credits
    power_down_policy        [NoPowerDown], Staggered                                     of an idle rank
    address_mapping          [Specification], RowBankColumn, BankRowColumn, RowColumnBank, PermutedBank  address bits
    =======================  ===========================================================  =======================

    Names and values of the first ten are those of DRAMSys 4.0 (its configuration files' McConfig section), which
    ArchGym (ISCA 2023) searches. ``max_active_transactions`` is inactive with ``arbiter=Simple``.

    Args:
        workload: a name that ``archgym list workloads`` shows, or a trace file.
        space: ``default`` (the table), ``ga`` (28 311 552 designs of the first ten parameters: request_buffer_size and
            the refresh limits 1..8, max_active_transactions 1..128, refresh_policy NoRefresh or AllBank) or ``rl``
            (442 368: powers of two, request_buffer_size from 1 to 128).
        mode: ``default``, or ``dramsys`` with the defects of the reference, see ``simulators.memory.modes``.
        memory: ``ddr3-1600``, ``ddr4-2400``, ``lpddr4-3200``, ``hbm2`` (both without energy, so that makespan is the
            default objective), or a specification file.
        repairs: which defects mode ``default`` repairs, comma-separated; all if not given.

    Raises:
        UnknownNameError: an unknown workload, space, mode, memory or repair, with the nearest name.
        InvalidInputError: a trace or specification file that cannot be read, or a trace beyond the memory.
    """
    simulator = MemoryController(memory=memory, mode=mode, repairs=repairs)
    objective = {} if simulator.memory.has_energy else {"minimize": "makespan_ns"}
    return Problem(simulator, memory_space(space, simulator.memory), simulator.load_workload(workload), objective)
