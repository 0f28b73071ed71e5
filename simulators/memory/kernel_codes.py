"""Integer codes shared by the compiled kernel and the Python code around it.

Values are spelled as DRAMSys 4.0 spells them; a code is the position in the tuple. The kernel sees a
design as one row of ``int64[len(DESIGN_COLUMNS)]`` and answers with one row of ``int64[len(OUTPUT_COLUMNS)]``.
"""

from __future__ import annotations

from typing import Final

PAGE_POLICIES: Final = ("Open", "OpenAdaptive", "Closed", "ClosedAdaptive")
SCHEDULERS: Final = ("Fifo", "FrFcfs", "FrFcfsGrp")
SCHEDULER_BUFFERS: Final = ("Bankwise", "ReadWrite", "Shared")
RESPONSE_QUEUES: Final = ("Fifo", "Reorder")
REFRESH_POLICIES: Final = ("NoRefresh", "AllBank", "PerBank")
POWER_DOWN_POLICIES: Final = ("NoPowerDown", "Staggered")
ARBITERS: Final = ("Simple", "Fifo", "Reorder")
COMMAND_MULTIPLEXERS: Final = ("Oldest", "Strict")

OPEN, OPEN_ADAPTIVE, CLOSED, CLOSED_ADAPTIVE = range(4)
FIFO, FR_FCFS, FR_FCFS_GRP = range(3)
BANKWISE, READ_WRITE, SHARED = range(3)
IN_ORDER_OF_ISSUE, REORDER = range(2)
NO_REFRESH, ALL_BANK, PER_BANK = range(3)
NO_POWER_DOWN, STAGGERED = range(2)
SIMPLE, ARBITER_FIFO, ARBITER_REORDER = range(3)
OLDEST, STRICT = range(2)

DESIGN_COLUMNS: Final = (
    "page_policy",
    "scheduler",
    "scheduler_buffer",
    "request_buffer_size",
    "response_queue",
    "refresh_policy",
    "refresh_max_postponed",
    "refresh_max_pulled_in",
    "arbiter",
    "max_active_transactions",
    "cmd_mux",
    "power_down_policy",
)
(
    D_PAGE_POLICY,
    D_SCHEDULER,
    D_BUFFER,
    D_BUFFER_SIZE,
    D_RESPONSE_QUEUE,
    D_REFRESH,
    D_POSTPONED,
    D_PULLED_IN,
    D_ARBITER,
    D_MAX_ACTIVE,
    D_CMD_MUX,
    D_POWER_DOWN,
) = range(12)

# The first six commands are the ones a bank asks for; an odd CAS code means auto-precharge. The refresh managers ask
# for REFB (refresh of one bank), PREA, REFA and sometimes PRE, the power-down managers for the others: power-down
# entry and exit with a bank open (PDEA, PDXA) or all precharged (PDEP, PDXP), self-refresh entry and exit.
ACT, PRE, RD, RDA, WR, WRA, REFB, PREA, REFA, PDEA, PDXA, PDEP, PDXP, SREN, SREX = range(15)
COMMANDS: Final = (
    *("ACT", "PRE", "RD", "RDA", "WR", "WRA", "REFB", "PREA", "REFA"),
    *("PDEA", "PDXA", "PDEP", "PDXP", "SREN", "SREX"),
)

# Commands that a bank group, rank or command bus delays alike: the code shifted right by one, PRE apart.
CLASS_ACT, CLASS_READ, CLASS_WRITE, CLASS_PRE = range(4)
CLASSES: Final = (("ACT",), ("RD", "RDA"), ("WR", "WRA"), ("PRE",))

# Outcome of a simulation.
OK, DEADLOCK = range(2)

OUTPUT_COLUMNS: Final = (
    "status",
    "makespan_cycles",
    "sum_latency_cycles",
    "sum_latency_from_accept_cycles",
    "sum_latency_from_arrival_cycles",
    "median_latency_cycles",
    "p95_latency_cycles",
    "max_latency_cycles",
    "activate_commands",
    "precharge_commands",
    "read_commands",
    "read_auto_precharge_commands",
    "write_commands",
    "write_auto_precharge_commands",
    "bank_refresh_commands",
    "precharge_all_commands",
    "refresh_commands",
    "active_power_down_entries",
    "active_power_down_exits",
    "precharged_power_down_entries",
    "precharged_power_down_exits",
    "self_refresh_entries",
    "self_refresh_exits",
    "banks_closed_by_precharge_all",
    "row_conflicts",
    "row_misses",
    "owed_refreshes",
    "charged_activates",
    "charged_precharges",
    "active_cycles",
    "precharged_cycles",
    "active_power_down_cycles",
    "precharged_power_down_cycles",
    "self_refresh_cycles",
    "self_refresh_active_cycles",
    "self_refresh_precharged_cycles",
    "waking_active_cycles",
    "waking_precharged_cycles",
)
(
    O_STATUS,
    O_MAKESPAN,
    O_LATENCY,
    O_LATENCY_ACCEPT,
    O_LATENCY_ARRIVAL,
    O_MEDIAN,
    O_P95,
    O_MAX,
    O_ACT,
    O_PRE,
    O_RD,
    O_RDA,
    O_WR,
    O_WRA,
    O_REFB,
    O_PREA,
    O_REFA,
    O_PDEA,
    O_PDXA,
    O_PDEP,
    O_PDXP,
    O_SREN,
    O_SREX,
    O_CLOSED_BY_PREA,
    O_ROW_CONFLICTS,
    O_ROW_MISSES,
    O_OWED,
    O_CHARGED_ACT,
    O_CHARGED_PRE,
    O_ACTIVE_CYCLES,
    O_PRECHARGED_CYCLES,
    O_ACTIVE_DOWN_CYCLES,
    O_PRECHARGED_DOWN_CYCLES,
    O_SELF_REFRESH_CYCLES,
    O_SELF_REFRESH_ACTIVE_CYCLES,
    O_SELF_REFRESH_PRECHARGED_CYCLES,
    O_WAKING_ACTIVE_CYCLES,
    O_WAKING_PRECHARGED_CYCLES,
) = range(38)
