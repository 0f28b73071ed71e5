"""The cycle-level memory-controller kernel: a batch of designs against one decoded trace.

Semantics: DRAMSys 4.0 (library/src/controller/Controller.cpp and the classes it drives). The controller runs
when something can happen; the kernel jumps from one such instant to the next. Within one cycle the order is:

1. a request that an arbiter's queue offers is admitted;
2. the refresh and power-down managers of all ranks are evaluated (``kernel_managers``);
3. of all commands legal now one is issued: a manager's, else the one of the oldest request; commands of different
   length and separate command buses make the choice less simple (``kernel_choice``);
4. a request that the player sends is admitted, and a command it makes legal is issued if none was.

For a request of the player the order of 3 and 4 is not fixed in the reference: both are events of one simulated
instant, and SystemC runs them in the order of its event heap. See ``arrives_first`` in ``kernel_front``; the repair
"arrivals-first" always puts 4 before 2.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from simulators._kernel_source import source_digest
from simulators.memory.kernel_account import accounting_end, finish_rank, write_account
from simulators.memory.kernel_bank import View, needs_plan, plan_after_turn, plan_bank, plan_expected
from simulators.memory.kernel_choice import choose, choose_after_arrival
from simulators.memory.kernel_codes import (
    COMMANDS,
    D_CMD_MUX,
    D_POWER_DOWN,
    D_SCHEDULER,
    DEADLOCK,
    FR_FCFS_GRP,
    O_ACT,
    O_CHARGED_ACT,
    O_CHARGED_PRE,
    O_CLOSED_BY_PREA,
    O_LATENCY,
    O_LATENCY_ACCEPT,
    O_LATENCY_ARRIVAL,
    O_MAKESPAN,
    O_MAX,
    O_MEDIAN,
    O_OWED,
    O_P95,
    O_PRE,
    O_RDA,
    O_ROW_CONFLICTS,
    O_ROW_MISSES,
    O_STATUS,
    O_WRA,
    OK,
    OUTPUT_COLUMNS,
    RD,
    STAGGERED,
    STRICT,
    WR,
)
from simulators.memory.kernel_front import admit_request, arrives_first, schedule_arrival
from simulators.memory.kernel_issue import issue_for_bank, note_command
from simulators.memory.kernel_latency import BINS, order_statistics
from simulators.memory.kernel_ledger import enter_command, finish_ledger, keeps_ledger
from simulators.memory.kernel_managers import evaluate_managers, issue_managed, withdraw_held
from simulators.memory.kernel_power_down import trigger_entry, trigger_exit
from simulators.memory.kernel_refresh import is_rank_idle
from simulators.memory.kernel_registers import (
    R_ADMITTED,
    R_AFTER_COMMAND,
    R_ARRIVE,
    R_LAST_ANSWER,
    R_LAST_COMMAND,
    R_LAST_CYCLE,
    R_LAST_WRITE,
    R_RECORDED,
    R_SERVED,
    R_SUM_ACCEPTED,
    R_SUM_ANSWERED,
    R_SUM_SENT,
    R_WAKE,
    R_WAKE_SET,
    REGISTERS,
    reset_registers,
    stack_words,
)
from simulators.memory.kernel_state import (
    B_QUEUED,
    BANK,
    BANK_SHIFT,
    C_ATTEND,
    C_CLOSED_BY_PREA,
    C_COMMAND,
    C_CONFLICTS,
    C_HELD,
    C_ISSUED,
    C_MANAGER_AT,
    C_MISSES,
    C_PENDING,
    C_PENDING_AT,
    C_PENDING_BANK,
    C_RANK,
    C_STALE_AT,
    CONTROLLER_WORDS,
    ID_BITS,
    ID_MASK,
    K_ACTIVATES,
    K_FLEXIBILITY,
    K_LEDGER,
    K_PRECHARGES,
    LINK_SHIFT,
    NEVER,
    NEVER_CYCLE,
    NO_COMMAND,
    RANK_SHIFT,
    T_IS_GENERAL,
    T_RANK_OF_BANK,
    T_RANKS,
    T_TICK,
    Controller,
    Index,
    Int,
    Requests,
    compiled,
    inlined,
    reset,
    u64,
)
from simulators.memory.kernel_trace import DecodedTrace

Words = NDArray[np.int64]


@compiled
def simulate(
    design: Words,
    requests: Requests,
    memory: Words,
    state: Controller,
    out: Words,
    commands: Words | None,
    times: Words | None,
) -> Int:
    """Run one design to its last answer; fill ``out``; return how many commands were issued.

    ``commands`` (int64[m, 4]) and ``times`` (int64[n, 3]) receive the recording, or are None.
    """
    reset(state, requests, memory, design)
    w, r = state.words, stack_words(REGISTERS)
    reset_registers(r, requests, memory)
    best: Int = np.int64(NEVER)  # packed key of the banks' earliest command
    status: Int = np.int64(OK)
    while True:
        due, arrive = best >> ID_BITS, r[R_ARRIVE]
        admits = arrive + r[R_AFTER_COMMAND] <= due
        if arrive == due and due < NEVER_CYCLE and not admits:
            admits = arrives_first(due, r, state.delivered)
        now = arrive if admits else due
        managing = now >= w[C_ATTEND]
        if managing:
            now = min(now, w[C_MANAGER_AT])
            if now >= NEVER_CYCLE or (r[R_SERVED] == len(requests.cycle) and now > r[R_LAST_ANSWER]):
                status = np.int64(OK if r[R_SERVED] == len(requests.cycle) else DEADLOCK)
                break
            if not (admits and arrive == now and (r[R_AFTER_COMMAND] == 0 or due == now)):
                if now >= w[C_STALE_AT]:
                    evaluate_managers(now, r[R_ADMITTED] - r[R_SERVED], design, w, memory)
                    if memory[T_IS_GENERAL]:
                        best = choose(now, requests, w, memory)
                        due = best >> ID_BITS
                if w[C_PENDING] != NO_COMMAND and w[C_PENDING_AT] == now and not (memory[T_IS_GENERAL] and due == now):
                    bank = w[C_PENDING_BANK]
                    command = issue_managed(_view(now, r), design, requests, memory, state)
                    note_command(command, bank, -1, now, r, w, commands)
                    best = _wake_at_earliest(now, r, requests, w, memory)
                    continue
                if due != now:
                    # A command due in this very cycle is still issued; all others of held banks are withdrawn.
                    if w[C_HELD]:
                        withdraw_held(w)
                        best = choose(now, requests, w, memory)
                    if arrive != now:
                        w[C_MANAGER_AT] = max(w[C_MANAGER_AT], now + 1)  # a shorter command of another rank goes first
                        continue
                admits = due != now
        if admits:
            b = admit_request(now, r, design, requests, memory, state, times)
            if design[D_POWER_DOWN] == STAGGERED and w[(b << u64(BANK_SHIFT)) + u64(B_QUEUED)] == 1:
                _note_arrival(b, r[R_ADMITTED] - r[R_SERVED], w, memory)
            if not w[C_HELD] >> np.int64(b) & 1 and needs_plan(b, r[R_ADMITTED] - 1, design, w):
                best = _replan(b, best, now, r, design, requests, memory, state)
        else:
            request = u64(best & ID_MASK)
            b = _bank_of(request, requests)
            command = w[u64(C_COMMAND) + b]
            note_command(command, np.int64(b), np.int64(request), now, r, w, commands)
            turned = issue_for_bank(command, b, request, now, r, design, requests, memory, state, times)
            view = _view(now, r)
            if turned and design[D_SCHEDULER] == FR_FCFS_GRP:
                plan_after_turn(view, design, requests, memory, state)
            if design[D_CMD_MUX] == STRICT:
                plan_expected(view, design, requests, memory, state)
            plan_bank(b, view, design, requests, memory, state)
            if design[D_POWER_DOWN] == STAGGERED:
                if keeps_ledger(design, memory) and command not in (RD, WR):
                    enter_command(command, np.int64(b), now, memory[u64(T_RANK_OF_BANK) + b] + K_LEDGER, w, memory)
                if w[(b << u64(BANK_SHIFT)) + u64(B_QUEUED)] == 0:
                    _note_departure(b, r[R_ADMITTED] - r[R_SERVED], w, memory)
            if w[C_HELD]:
                withdraw_held(w)
            best = _wake_at_earliest(now, r, requests, w, memory)
        if now >= w[C_ATTEND]:
            evaluate_managers(now, r[R_ADMITTED] - r[R_SERVED], design, w, memory)
            if memory[T_IS_GENERAL] or (w[C_HELD] and best >> ID_BITS > now):
                withdraw_held(w)
                best = choose(now, requests, w, memory)
        schedule_arrival(now, r, design, requests, memory, state)
    out[:] = 0
    out[O_STATUS] = status
    if status == OK:
        _write_results(r, design, requests, memory, state, out)
    return r[R_RECORDED]


@compiled
def _note_arrival(b: Index, waiting: Int, w: Words, memory: Words) -> None:
    """Tell the power-down manager that a request came to the empty bank ``b``, if it is its rank's only one."""
    queued, k = (b << u64(BANK_SHIFT)) + u64(B_QUEUED), memory[u64(T_RANK_OF_BANK) + b]
    w[queued] = 0
    if is_rank_idle(k, waiting - 1, w, memory):
        trigger_exit(k, w)
    w[queued] = 1


@compiled
def _note_departure(b: Index, waiting: Int, w: Words, memory: Words) -> None:
    """Tell the power-down manager if no request is left for the rank of bank ``b``."""
    k = memory[u64(T_RANK_OF_BANK) + b]
    if is_rank_idle(k, waiting, w, memory):
        trigger_entry(k, w)


@inlined
def _bank_of(request: Index, requests: Requests) -> Index:
    return u64(requests.link[(request << u64(LINK_SHIFT)) + u64(BANK)])


@inlined
def _view(now: Int, r: Words) -> View:
    return View(now << ID_BITS, r[R_ADMITTED], r[R_SERVED], r[R_LAST_WRITE])


@inlined
def _wake_at_earliest(now: Int, r: Words, requests: Requests, w: Words, memory: Words) -> Int:
    """Return the banks' earliest command, for which the controller sets its wake-up at ``now``."""
    best = choose(now, requests, w, memory)
    r[R_WAKE], r[R_WAKE_SET] = best >> ID_BITS, now
    return best


@inlined
def _replan(
    b: Index, best: Int, now: Int, r: Words, design: Words, requests: Requests, memory: Words, state: Controller
) -> Int:
    """Plan bank ``b``, which got a request at ``now``; return the banks' earliest command, so far ``best``.

    A wake-up already set stays unless an earlier one is needed: it may run the controller for nothing, and only
    then is it set again.
    """
    w, due = state.words, best >> ID_BITS
    held_best = best < NEVER and _bank_of(u64(best & ID_MASK), requests) == b
    plan_bank(b, _view(now, r), design, requests, memory, state)
    best = choose_after_arrival(b, held_best, best, now, requests, w, memory)
    if r[R_WAKE] < now and r[R_WAKE] < due:
        r[R_WAKE], r[R_WAKE_SET] = due, r[R_WAKE]
    if best >> ID_BITS < r[R_WAKE]:
        r[R_WAKE], r[R_WAKE_SET] = best >> ID_BITS, now
    return best


@inlined
def _write_results(r: Words, design: Words, requests: Requests, memory: Words, state: Controller, out: Words) -> None:
    """Write what a simulation that came to its end found."""
    w = state.words
    for rank in range(memory[T_RANKS]):
        out[O_OWED] += max(0, w[C_RANK + (rank << RANK_SHIFT) + K_FLEXIBILITY])
    out[O_CLOSED_BY_PREA], out[O_ROW_CONFLICTS] = w[C_CLOSED_BY_PREA], w[C_CONFLICTS]
    out[O_ROW_MISSES] = w[C_MISSES]
    out[O_MAKESPAN] = r[R_LAST_ANSWER]
    out[O_LATENCY] = r[R_SUM_ANSWERED] - r[R_SUM_SENT]
    out[O_LATENCY_ACCEPT] = r[R_SUM_ANSWERED] - r[R_SUM_ACCEPTED]
    out[O_LATENCY_ARRIVAL] = r[R_SUM_ANSWERED] - requests.cycle.sum()
    for command in range(len(COMMANDS)):
        out[O_ACT + command] = w[C_ISSUED + command]
    out[O_CHARGED_ACT] = out[O_ACT]
    out[O_CHARGED_PRE] = out[O_PRE] + out[O_CLOSED_BY_PREA] + out[O_RDA] + out[O_WRA]
    end = accounting_end(r[R_LAST_COMMAND], r[R_LAST_CYCLE], r[R_LAST_ANSWER], w, memory)
    _finish(end, keeps_ledger(design, memory), w, memory, out)
    out[O_MEDIAN], out[O_P95], out[O_MAX] = order_statistics(state.latency, state.counts)


@compiled
def _finish(end: Int, has_ledger: bool, w: Words, memory: Words, out: Words) -> None:
    """Close the accounts of all ranks at cycle ``end`` and write their sums."""
    if has_ledger:
        out[O_CHARGED_ACT] = out[O_CHARGED_PRE] = 0
    for rank in range(memory[T_RANKS]):
        k = C_RANK + (rank << RANK_SHIFT)
        if has_ledger:
            k += K_LEDGER
            finish_ledger(end, k, w, memory)
            out[O_CHARGED_ACT] += w[k + K_ACTIVATES]
            out[O_CHARGED_PRE] += w[k + K_PRECHARGES]
        else:
            finish_rank(end, k, w, memory)
        write_account(k, w, out)


@dataclass(frozen=True)
class Recording:
    """Everything one design did.

    Attributes:
        outputs: int64[len(OUTPUT_COLUMNS)].
        commands: int64[m, 4], in order of issue: cycle, command (position in COMMANDS), bank (the first of the
            rank for commands to all banks), request (-1 for refresh commands).
        requests: int64[n, 3]: cycle at which each was sent by the player, accepted, answered.
    """

    outputs: NDArray[np.int64]
    commands: NDArray[np.int64]
    requests: NDArray[np.int64]


def simulate_designs(
    designs: NDArray[np.int64], trace: DecodedTrace, memory: Words, threads: int = 1
) -> NDArray[np.int64]:
    """Simulate designs ``[n, len(DESIGN_COLUMNS)]``; return ``[n, len(OUTPUT_COLUMNS)]``.

    Rows do not influence one another, so the number of threads does not change a digit.
    """
    outputs = np.zeros((len(designs), len(OUTPUT_COLUMNS)), dtype=np.int64)
    arguments = _arguments(trace, memory)
    if threads <= 1 or len(designs) < 2:
        _run(designs, outputs, *arguments)
        return outputs
    size = max(1, len(designs) // (8 * threads))
    parts = [slice(first, first + size) for first in range(0, len(designs), size)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda part: _run(designs[part], outputs[part], *arguments), parts))
    return outputs


def record_design(design: NDArray[np.int64], trace: DecodedTrace, memory: Words) -> Recording:
    """Simulate one design and keep its command trace and the times of every request."""
    outputs = np.zeros(len(OUTPUT_COLUMNS), dtype=np.int64)
    requests = np.zeros((len(trace), 3), dtype=np.int64)
    room = 8 * len(trace) + 4096
    while True:
        commands = np.zeros((room, 4), dtype=np.int64)
        used = _record(design, outputs, commands, requests, *_arguments(trace, memory))
        if used <= room:
            return Recording(outputs, commands[:used], requests)
        room = used


def _arguments(trace: DecodedTrace, memory: Words) -> tuple[NDArray[Any], ...]:
    """Return the read-only inputs, marked so: to Numba a writable array (out of a pickle, say) is another type."""
    tick = int(memory[T_TICK])
    cycle = trace.cycle.view() if tick == 1 else trace.cycle * tick
    inputs = (cycle, trace.link.view(), trace.first_in_bank.view(), memory.view())
    for array in inputs:
        array.flags.writeable = False
    return inputs


@njit(nogil=True)
def _controller(n: Int) -> Controller:
    """Allocate the state of a controller for a trace of ``n`` requests."""
    return Controller(
        words=np.empty(CONTROLLER_WORDS, np.int64),
        latency=np.empty(n, np.int64),
        served=np.empty(n, np.uint8),
        finish=np.empty(n, np.int64),
        delivered=np.empty(n, np.int64),
        counts=np.empty(BINS, np.int64),
    )


def _entry_points(source: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    @njit(nogil=True, cache=True)
    def run(
        designs: Words, outputs: Words, cycle: Words, link: NDArray[np.uint32], first_in_bank: Words, memory: Words
    ) -> Int:
        requests, state = Requests(cycle, link, first_in_bank), _controller(len(cycle))
        for i in range(len(designs)):
            simulate(designs[i], requests, memory, state, outputs[i], None, None)
        return source

    @njit(nogil=True, cache=True)
    def record(
        design: Words,
        output: Words,
        commands: Words,
        times: Words,
        cycle: Words,
        link: NDArray[np.uint32],
        first_in_bank: Words,
        memory: Words,
    ) -> Int:
        requests, state = Requests(cycle, link, first_in_bank), _controller(len(cycle))
        return simulate(design, requests, memory, state, output, commands, times) + 0 * source

    return run, record


_run, _record = _entry_points(source_digest(Path(__file__).parent))
