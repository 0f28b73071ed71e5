"""The cycle-level memory-controller kernel: a batch of designs against one decoded trace.

Semantics: DRAMSys 4.0 (library/src/controller/Controller.cpp and the classes it drives). The controller runs
when something can happen; the kernel jumps from one such instant to the next. Within one cycle the order is:

1. a request that an arbiter's queue offers is admitted;
2. the refresh manager is evaluated;
3. of all commands legal now the refresh command, else the one of the oldest request, is issued;
4. a request that the player sends is admitted, and a command it makes legal is issued if none was.

For a request of the player the order of 3 and 4 is not fixed: both are events of one simulated instant, and
SystemC runs them in the order of its event heap. See :func:`_arrives_first`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from simulators.memory.kernel_account import (
    account_activate,
    account_auto_precharge,
    account_close,
    finish_accounting,
)
from simulators.memory.kernel_bank import (
    bank_key,
    earliest,
    forbid,
    forbid_activates,
    leave_queue,
    needs_plan,
    open_row,
    plan_bank,
)
from simulators.memory.kernel_codes import (
    ACT,
    ARBITER_REORDER,
    D_ARBITER,
    D_CMD_MUX,
    D_MAX_ACTIVE,
    D_REFRESH,
    D_RESPONSE_QUEUE,
    D_SCHEDULER,
    DEADLOCK,
    FR_FCFS_GRP,
    LANES,
    NO_REFRESH,
    O_ACT,
    O_LATENCY,
    O_LATENCY_ACCEPT,
    O_LATENCY_ARRIVAL,
    O_MAKESPAN,
    O_MAX,
    O_MEDIAN,
    O_P95,
    O_STATUS,
    OK,
    OUTPUT_COLUMNS,
    PRE,
    REFA,
    REORDER,
    SIMPLE,
    STRICT,
    T_READ_DATA,
    T_WRITE_DATA,
)
from simulators.memory.kernel_constraints import KernelTables
from simulators.memory.kernel_front import deliver_next, has_space, last_answer_before
from simulators.memory.kernel_latency import BINS, order_statistics
from simulators.memory.kernel_refresh import evaluate_refresh, issue_refresh, withdraw_blocked
from simulators.memory.kernel_state import (
    ACCOUNT_WORDS,
    ACTIVATED_AT,
    BLOCKING,
    ID_BITS,
    ID_MASK,
    IS_FRESH,
    IS_OPEN,
    LANE_SHIFT,
    MISSES,
    NEVER,
    NEVER_CYCLE,
    NO_COMMAND,
    PENDING,
    PENDING_AT,
    QUEUED,
    REFRESH_WORDS,
    TRIGGER,
    Controller,
    Memory,
    Requests,
    reset,
    u64,
)
from simulators.memory.kernel_trace import DecodedTrace


@njit(nogil=True, _nrt=False, error_model="numpy")
def simulate(design, requests, memory, state, out, commands, times):  # type: ignore[no-untyped-def]
    """Run one design to its last answer; fill ``out``; return how many commands were issued.

    ``commands`` (int64[m, 4]) and ``times`` (int64[n, 3]) receive the recording, or are None.
    """
    n = len(requests.cycle)
    arbiter, scheduler, max_active = design[D_ARBITER], design[D_SCHEDULER], design[D_MAX_ACTIVE]
    reorder = design[D_RESPONSE_QUEUE] == REORDER or arbiter == ARBITER_REORDER
    strict = design[D_CMD_MUX] == STRICT
    reset(state, requests, memory, design[D_REFRESH] != NO_REFRESH)
    due = state.refresh[TRIGGER]  # the refresh manager must be looked at from this cycle on

    admitted, served, writes_queued = np.int64(0), np.int64(0), np.int64(0)
    last_bank, last_write = u64(0), np.int64(0)
    # The next request: when the player sends it, when it is accepted there (if a credit is known to be there),
    # when it reaches the controller and finds space, and whether commands of that cycle go first.
    sent = accepted = arrive = requests.cycle[0]
    after_command, has_credit, by_player = np.int64(1), True, True
    entered = accepted_before = np.int64(-1)
    answered, last_delivery = np.int64(0), np.int64(-1)
    sum_delivered, sum_sent, sum_accepted = np.int64(0), np.int64(0), np.int64(0)
    last_command, last_cycle, recorded = np.int64(-1), np.int64(0), np.int64(0)
    wake, wake_set = np.int64(-1), np.int64(-1)
    best = np.int64(NEVER)
    status = np.int64(OK)
    while True:
        t = best >> ID_BITS
        admits = arrive + after_command <= t
        if arrive == t and after_command == 1 and by_player and arrive == sent and t < NEVER_CYCLE:
            admits = _arrives_first(t, accepted_before, answered, wake, wake_set, state)
        now = arrive if admits else t
        refreshing = now >= due
        if refreshing:
            # The controller also runs when a refresh is due or pending.
            now = min(now, state.refresh[PENDING_AT] if state.refresh[PENDING] != NO_COMMAND else due)
            if served == n and now > last_delivery:
                break
            if now >= NEVER_CYCLE:
                status = np.int64(DEADLOCK)
                break
            if not (arrive == now and (after_command == 0 or (admits and t == now))):
                evaluate_refresh(now, admitted == served, design, memory, state)
                due = state.refresh[TRIGGER]
                if state.refresh[PENDING] != NO_COMMAND and state.refresh[PENDING_AT] == now:
                    command = issue_refresh(now, design, memory, state)
                    state.issued[command] += 1
                    last_command, last_cycle = command, now
                    if commands is not None:
                        _note(commands, recorded, now, command, 0, -1)
                        recorded += 1
                    if command == REFA:
                        for b in range(len(memory.bank_group)):
                            plan_bank(u64(b), now << ID_BITS, admitted, last_write, served, design, requests, state)
                    evaluate_refresh(now, admitted == served, design, memory, state)
                    due = state.refresh[TRIGGER]
                    withdraw_blocked(state)
                    best = earliest(state)
                    wake, wake_set = best >> ID_BITS, now
                    continue
                if t != now:
                    # A command due in this very cycle is still issued; all others are withdrawn.
                    withdraw_blocked(state)
                    best = earliest(state)
                    if arrive != now:
                        continue
                admits = t != now
        if admits:
            i = u64(admitted)
            b = u64(requests.bank[i])
            admitted += 1
            state.latency[i] = sent
            sum_sent += sent
            writes_queued += np.int64(requests.is_write[i])
            state.bank[(b << u64(LANE_SHIFT)) + u64(QUEUED)] += 1
            last_bank = b
            if arbiter == SIMPLE:
                accepted = now
            sum_accepted += accepted
            if times is not None:
                times[i, 0], times[i, 1] = sent, accepted
            entered = now
            if not state.refresh[BLOCKING] and needs_plan(b, np.int64(i), design, state):
                held_best = best < NEVER and u64(requests.bank[u64(best & ID_MASK)]) == b
                plan_bank(b, now << ID_BITS, admitted, last_write, served, design, requests, state)
                best = earliest(state) if held_best else min(best, bank_key(b, state))
                if wake < now and wake < t:
                    wake, wake_set = t, wake
                if best >> ID_BITS < wake:
                    wake, wake_set = best >> ID_BITS, now
            accepted_before = accepted
            if admitted < n:
                sent = max(requests.cycle[u64(admitted)], accepted + 1)
                has_credit = by_player = arbiter == SIMPLE or admitted < max_active
                if has_credit:
                    accepted = sent
        else:
            request = u64(best & ID_MASK)
            b = u64(requests.bank[request])
            base = b << u64(LANE_SHIFT)
            command = np.int64(state.lane[b] & u64(LANES - 1))
            at = now << ID_BITS
            forbid(command, b, at, memory, state)
            state.issued[command] += 1
            last_command, last_cycle = command, now
            if commands is not None:
                _note(commands, recorded, now, command, b, request)
                recorded += 1
            if command == ACT:
                state.bank[base + u64(IS_OPEN)] = 1
                state.bank[base + u64(IS_FRESH)] = 1
                state.bank[base + u64(ACTIVATED_AT)] = now
                forbid_activates(now, memory, state)
                open_row(base, request, admitted, design, requests, state)
                account_activate(now, state.account)
            elif command == PRE:
                state.bank[base + u64(IS_OPEN)] = 0
                account_close(now, state.account)
            else:
                is_write = np.int64(requests.is_write[request])
                state.served[request] = 1
                served += 1
                writes_queued -= is_write
                state.account[MISSES] += state.bank[base + u64(IS_FRESH)]
                state.bank[base + u64(IS_FRESH)] = 0
                if command & 1:
                    state.bank[base + u64(IS_OPEN)] = 0
                    account_auto_precharge(now, is_write, base, memory, state)
                leave_queue(base, request, admitted, design, requests, state)
                done = now + (memory.timing[T_WRITE_DATA] if is_write else memory.timing[T_READ_DATA])
                if not reorder:
                    last_delivery = deliver_next(request, done, last_delivery, answered, state, times)
                    sum_delivered += last_delivery
                    answered += 1
                else:
                    state.finish[request] = done
                    while answered < admitted and state.served[u64(answered)]:
                        k = u64(answered)
                        last_delivery = deliver_next(k, state.finish[k], last_delivery, answered, state, times)
                        sum_delivered += last_delivery
                        answered += 1
                if scheduler == FR_FCFS_GRP and is_write != last_write:
                    for other in range(len(memory.bank_group)):
                        if state.bank[other * LANES + IS_OPEN]:
                            plan_bank(u64(other), at, admitted, is_write, served, design, requests, state)
                last_write = is_write
                if strict and served < admitted:
                    following = u64(requests.bank[u64(served)])
                    plan_bank(following, at, admitted, last_write, served, design, requests, state)
            plan_bank(b, at, admitted, last_write, served, design, requests, state)
            if refreshing:
                withdraw_blocked(state)
            best = earliest(state)
            wake, wake_set = best >> ID_BITS, now
        if refreshing:
            evaluate_refresh(now, admitted == served, design, memory, state)
            due = state.refresh[TRIGGER]
            if best >> ID_BITS > now:
                withdraw_blocked(state)
                best = earliest(state)
        # When does the next request reach the controller and find space?
        if admits or arrive == NEVER_CYCLE:
            arrive = np.int64(NEVER_CYCLE)
            if admitted < n:
                if not has_credit and answered > admitted - max_active:
                    has_credit = True
                    credit = state.delivered[u64(admitted - max_active)]
                    by_player = credit < sent
                    accepted = max(sent, credit)
                if has_credit and has_space(last_bank, admitted - served, writes_queued, design, state):
                    if arbiter == SIMPLE:
                        arrive = max(sent, now)
                    else:
                        arrive = max(max(accepted, entered + 1), now)
                        after_command = np.int64(accepted > entered)
    out[O_STATUS] = status
    out[O_MAKESPAN] = last_delivery
    out[O_LATENCY] = sum_delivered - sum_sent
    out[O_LATENCY_ACCEPT] = sum_delivered - sum_accepted
    out[O_LATENCY_ARRIVAL] = sum_delivered - requests.cycle.sum()
    for c in range(LANES):
        out[O_ACT + c] = state.issued[c]
    finish_accounting(last_command, last_cycle, memory.timing, state.account, out)
    out[O_MEDIAN], out[O_P95], out[O_MAX] = order_statistics(state.latency, state.counts)
    return recorded


@njit(nogil=True, _nrt=False)
def _arrives_first(cycle, accepted_before, answered, wake, wake_set, state):  # type: ignore[no-untyped-def]
    """Return whether the player's request of ``cycle`` is seen before a command due in the same cycle is chosen.

    Both are timed events; SystemC runs events of one instant roughly in the order in which they were notified.
    The controller's was notified when it last ran with this command as its earliest; the arbiter's when the
    previous request was accepted, and again whenever an answer passed through it.
    """
    chosen = wake_set if wake == cycle else wake
    return accepted_before < chosen and last_answer_before(cycle, answered, state) <= chosen


@njit(forceinline=True, nogil=True, _nrt=False)
def _note(commands, position, cycle, command, bank, request):  # type: ignore[no-untyped-def]
    """Write one line of the command trace, if there is room."""
    if position < len(commands):
        commands[position, 0], commands[position, 1] = cycle, command
        commands[position, 2], commands[position, 3] = bank, request


@dataclass(frozen=True)
class Recording:
    """Everything one design did.

    Attributes:
        outputs: int64[len(OUTPUT_COLUMNS)].
        commands: int64[m, 4], in order of issue: cycle, command (position in COMMANDS), bank (0 for commands to
            all banks), request (-1 for refresh commands).
        requests: int64[n, 3]: cycle at which each was sent by the player, accepted, answered.
    """

    outputs: NDArray[np.int64]
    commands: NDArray[np.int64]
    requests: NDArray[np.int64]


def simulate_designs(
    designs: NDArray[np.int64], trace: DecodedTrace, tables: KernelTables, threads: int = 1
) -> NDArray[np.int64]:
    """Simulate designs ``[n, len(DESIGN_COLUMNS)]``; return ``[n, len(OUTPUT_COLUMNS)]``.

    Rows do not influence one another, so the number of threads does not change a digit.
    """
    outputs = np.zeros((len(designs), len(OUTPUT_COLUMNS)), dtype=np.int64)
    arguments = _arguments(trace, tables)
    if threads <= 1 or len(designs) < 2:
        _run(designs, outputs, *arguments)
        return outputs
    size = max(1, len(designs) // (8 * threads))
    parts = [slice(first, first + size) for first in range(0, len(designs), size)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda part: _run(designs[part], outputs[part], *arguments), parts))
    return outputs


def record_design(design: NDArray[np.int64], trace: DecodedTrace, tables: KernelTables) -> Recording:
    """Simulate one design and keep its command trace and the times of every request."""
    outputs = np.zeros(len(OUTPUT_COLUMNS), dtype=np.int64)
    requests = np.zeros((len(trace), 3), dtype=np.int64)
    room = 8 * len(trace) + 4096
    while True:
        commands = np.zeros((room, 4), dtype=np.int64)
        used = _record(design, outputs, commands, requests, *_arguments(trace, tables))
        if used <= room:
            return Recording(outputs, commands[:used], requests)
        room = used


def _arguments(trace: DecodedTrace, tables: KernelTables) -> tuple[Any, ...]:
    return (
        trace.cycle,
        trace.bank,
        trace.is_write,
        trace.next_in_bank,
        trace.next_in_row,
        trace.next_same,
        trace.next_other,
        trace.previous_address,
        trace.first_in_bank,
        tables.bank_group,
        tables.timing,
        tables.bank_delay,
        tables.near_delay,
        tables.far_delay,
    )


def _source_digest() -> int:
    """Return a number that changes with any line of the kernel.

    Numba's disk cache looks at the file of the cached function only. The entry points below carry this number
    as a constant, so that an edit of a helper's file recompiles them instead of reviving old machine code.
    """
    folder = Path(__file__).parent
    text = b"".join((folder / f"kernel{part}.py").read_bytes() for part in ("", "_account", "_bank", "_codes", "_front", "_latency", "_refresh", "_state"))
    return int.from_bytes(hashlib.sha256(text).digest()[:7], "big")


@njit(nogil=True)
def _controller(n, memory):  # type: ignore[no-untyped-def]
    """Allocate the state of a controller for a trace of ``n`` requests; bank arrays are padded to eights."""
    banks = (len(memory.bank_group) + 7) // 8 * 8
    return Controller(
        bank=np.zeros(banks * LANES, np.int64),
        ready=np.zeros(banks * LANES, np.int64),
        candidate=np.full(banks, NEVER, np.int64),
        lane=np.zeros(banks, np.uint64),
        group_lane=np.zeros(banks, np.uint64),
        shared=np.zeros((np.max(memory.bank_group) + 1) * LANES, np.int64),
        activates=np.zeros(4, np.int64),
        issued=np.zeros(LANES, np.int64),
        account=np.zeros(ACCOUNT_WORDS, np.int64),
        refresh=np.zeros(REFRESH_WORDS, np.int64),
        latency=np.empty(n, np.int64),
        served=np.empty(n, np.uint8),
        finish=np.empty(n, np.int64),
        delivered=np.empty(n, np.int64),
        counts=np.empty(BINS, np.int64),
    )


def _entry_points(source: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    @njit(nogil=True, cache=True)
    def run(  # type: ignore[no-untyped-def]
        designs, outputs,
        cycle, bank, is_write, next_in_bank, next_in_row, next_same, next_other, previous_address, first_in_bank,
        bank_group, timing, bank_delay, near_delay, far_delay,
    ):  # fmt: skip
        requests = Requests(
            cycle, bank, is_write, next_in_bank, next_in_row, next_same, next_other, previous_address, first_in_bank
        )
        memory = Memory(bank_group, timing, bank_delay, near_delay, far_delay)
        state = _controller(len(cycle), memory)
        for i in range(len(designs)):
            simulate(designs[i], requests, memory, state, outputs[i], None, None)
        return source

    @njit(nogil=True, cache=True)
    def record(  # type: ignore[no-untyped-def]
        design, output, commands, times,
        cycle, bank, is_write, next_in_bank, next_in_row, next_same, next_other, previous_address, first_in_bank,
        bank_group, timing, bank_delay, near_delay, far_delay,
    ):  # fmt: skip
        requests = Requests(
            cycle, bank, is_write, next_in_bank, next_in_row, next_same, next_other, previous_address, first_in_bank
        )
        memory = Memory(bank_group, timing, bank_delay, near_delay, far_delay)
        state = _controller(len(cycle), memory)
        return simulate(design, requests, memory, state, output, commands, times) + 0 * source

    return run, record


_run, _record = _entry_points(_source_digest())
