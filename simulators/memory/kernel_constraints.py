"""A memory's timing rules as the arrays that the kernel reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from simulators.errors import InvalidInputError
from simulators.memory.constraints import Constraint, Scope, activate_window, command_lengths, constraints
from simulators.memory.kernel_codes import CLASSES, COMMANDS
from simulators.memory.kernel_state import (
    C_RANK,
    ID_BITS,
    MAX_BANKS,
    MAX_GROUPS,
    MAX_RANKS,
    RANK_SHIFT,
    T_ARRIVALS_FIRST,
    T_BANK_DELAY,
    T_BANK_REFRESH_INTERVAL,
    T_BANK_REFRESH_PRECHARGE,
    T_BANK_REFRESH_ROUND,
    T_BANKS,
    T_BANKS_PER_RANK,
    T_BUS_START,
    T_CHANNEL_DELAY,
    T_COMPLETION,
    T_DEVICE_STATE,
    T_FIRST_TRIGGER,
    T_FOUR_ACTIVATES,
    T_FOUR_ACTIVATES_ACT,
    T_FOUR_ACTIVATES_REFB,
    T_GROUP_DELAY,
    T_GROUP_OF_BANK,
    T_GROUPS,
    T_IS_GENERAL,
    T_IS_SPLIT,
    T_LENGTH,
    T_OWN_BANK,
    T_OWN_DIRECTION,
    T_RANK_DELAY,
    T_RANK_OF_BANK,
    T_RANK_OF_GROUP,
    T_RANKS,
    T_RDA_CLOSE,
    T_READ_DATA,
    T_REFRESH,
    T_REFRESH_ACTIVE,
    T_REFRESH_INTERVAL,
    T_ROW_ACTIVE,
    T_SHARED_DELAY,
    T_TICK,
    T_WHOLE_RUN,
    T_WINDOW,
    T_WRA_CLOSE,
    T_WRITE_DATA,
)
from simulators.memory.specification import MemorySpecification

Words = NDArray[np.int64]

SWITCHES = {
    "own-bank": T_OWN_BANK,
    "own-direction": T_OWN_DIRECTION,
    "arrivals-first": T_ARRIVALS_FIRST,
    "whole-run-energy": T_WHOLE_RUN,
    "device-power-state": T_DEVICE_STATE,
}
"""Repairs of reference defects (see ``simulators.memory.modes``) that change what the kernel does."""


def kernel_words(specification: MemorySpecification, repairs: Collection[str] = ()) -> Words:
    """Return a memory as the kernel reads it: int64[words], laid out as ``kernel_state`` says.

    Args:
        specification: the memory.
        repairs: defects of the reference that are repaired, names of SWITCHES; others are not the kernel's.

    Raises:
        InvalidInputError: an organisation that the kernel cannot simulate.
    """
    o = specification.organisation
    if o.ranks > MAX_RANKS or o.banks_per_rank > MAX_BANKS // 2 or o.banks > MAX_BANKS or o.bank_groups > MAX_GROUPS:
        raise InvalidInputError(
            f"memory {specification.name!r} has {o.ranks} ranks, {o.bank_groups} bank groups and {o.banks} banks; "
            f"expected at most {MAX_RANKS} ranks of {MAX_BANKS // 2} banks, {MAX_GROUPS} bank groups and "
            f"{MAX_BANKS} banks in all"
        )
    _check_refresh(specification)
    words = np.zeros(T_SHARED_DELAY + 4 * len(COMMANDS) * o.bank_groups**2, dtype=np.int64)
    _enter_organisation(specification, words)
    for rule in constraints(specification):
        _enter(rule, words)
    _enter_refresh(specification, words)
    _enter_window(specification, words)
    _enter_power_model(specification, words)
    words[T_READ_DATA], words[T_WRITE_DATA] = specification.data_cycles
    words[T_TICK] = 1
    if specification.standard == "HBM2" and "first-command" not in repairs:
        _start_between_edges(words)
    for repair, position in SWITCHES.items():
        words[position] = repair in repairs
    words.setflags(write=False)
    return words


def _check_refresh(specification: MemorySpecification) -> None:
    """Refuse refreshes that come faster than they can be done: nothing else would ever be served."""
    t = specification.power_timings
    found = [("REFI", t["REFI"], t["RFC"] + t["RC"] + t["RP"])]
    if specification.bank_refresh is not None:
        interval, cycles, precharge = dataclasses.astuple(specification.bank_refresh)
        found.append(("REFIPB" if specification.standard == "LPDDR4" else "REFISB", interval, cycles + precharge))
    for name, interval, busy in found:
        if interval <= busy:
            raise InvalidInputError(
                f"memory {specification.name!r}: timings_cycles.{name} is {interval}; expected more than {busy}, what "
                "a refresh takes with the precharge and row cycle around it"
            )


def _enter(rule: Constraint, words: Words) -> None:
    """Enter a rule where the kernel looks for it; of several rules for one pair of commands the longest counts."""
    before, after = COMMANDS.index(rule.before), COMMANDS.index(rule.after)
    if rule.scope == "bank":
        cells = [] if rule.before == "REFB" else [T_BANK_DELAY + 8 * after + before]
    elif after >= COMMANDS.index("REFB"):
        cells = _manager_cells(rule.scope, before, after, words)
    else:
        command_class = next(position for position, names in enumerate(CLASSES) if rule.after in names)
        cells = [first + command_class for first in _shared_cells(rule.scope, before, words)]
    for cell in cells:
        words[cell] = max(words[cell], rule.cycles << ID_BITS)


def _shared_cells(scope: Scope, before: int, words: Words) -> list[int]:
    """Return where the delays begin that command ``before`` puts on other groups within ``scope``."""
    groups = int(words[T_GROUPS])
    ranks = words[T_RANK_OF_GROUP : T_RANK_OF_GROUP + groups]
    cells = []
    for own in range(groups):
        near, same_rank = np.arange(groups) == own, ranks == ranks[own]
        within = {"bank_group": near, "rank": same_rank, "other_rank": ~same_rank}.get(scope, np.ones(groups, bool))
        cells += [T_SHARED_DELAY + 4 * (groups * (groups * before + own) + int(g)) for g in np.flatnonzero(within)]
    return cells


def _manager_cells(scope: Scope, before: int, after: int, words: Words) -> list[int]:
    """Return where the delay is that ``before`` puts on a manager's command; one rank is all of the channel."""
    if scope == "bank_group":
        return [T_GROUP_DELAY + before]
    is_wide = scope == "channel" and words[T_RANKS] > 1
    return [(T_CHANNEL_DELAY if is_wide else T_RANK_DELAY) + 16 * after + before]


def _enter_organisation(specification: MemorySpecification, words: Words) -> None:
    o = specification.organisation
    lengths = command_lengths(specification)
    words[T_BANKS], words[T_GROUPS], words[T_RANKS] = o.banks, o.bank_groups, o.ranks
    words[T_BANKS_PER_RANK] = o.banks_per_rank
    banks, groups = np.arange(o.banks), np.arange(o.bank_groups)
    words[T_GROUP_OF_BANK + banks] = banks // (o.banks // o.bank_groups)
    words[T_RANK_OF_BANK + banks] = C_RANK + (banks // o.banks_per_rank << RANK_SHIFT)
    words[T_RANK_OF_GROUP + groups] = C_RANK + (groups // o.bank_groups_per_rank << RANK_SHIFT)
    for position, name in enumerate(COMMANDS):
        words[T_LENGTH + position] = (lengths[name] - min(lengths.values())) << ID_BITS
    words[T_IS_SPLIT] = specification.standard == "HBM2"
    words[T_IS_GENERAL] = words[T_IS_SPLIT] or o.ranks > 1 or len(set(lengths.values())) > 1


def _enter_refresh(specification: MemorySpecification, words: Words) -> None:
    """Enter intervals and first triggers: ranks take turns, in bit-reversed order (RefreshManagerIF.h)."""
    words[T_REFRESH_INTERVAL] = specification.timings["REFI"]
    intervals = [specification.timings["REFI"]]
    bank_refresh = specification.bank_refresh
    if bank_refresh is not None:
        words[T_BANK_REFRESH_INTERVAL] = bank_refresh.interval
        words[T_BANK_REFRESH_PRECHARGE] = (bank_refresh.cycles - bank_refresh.precharge) << ID_BITS
        words[T_BANK_REFRESH_ROUND] = bank_refresh.cycles << ID_BITS
        intervals.append(bank_refresh.interval)
    ranks = specification.organisation.ranks
    bits = ranks.bit_length() - 1
    for rank in range(ranks):
        reversed_rank = int(f"{rank:0{bits}b}"[::-1], 2) if bits else 0
        for policy, interval in enumerate(intervals):
            first = interval - reversed_rank * interval / ranks
            words[T_FIRST_TRIGGER + MAX_RANKS * policy + rank] = int(np.ceil(first))


def _enter_window(specification: MemorySpecification, words: Words) -> None:
    window = activate_window(specification)
    words[T_FOUR_ACTIVATES] = window.cycles
    words[T_FOUR_ACTIVATES_ACT], words[T_FOUR_ACTIVATES_REFB] = window.early["ACT"], window.early.get("REFB", 0)
    for position, name in enumerate(COMMANDS):
        words[T_WINDOW + position] = window.counted.get(name, -1)


def _enter_power_model(specification: MemorySpecification, words: Words) -> None:
    """Enter the times DRAMPower 4 uses (CmdHandlers.cc, CommandAnalysis.cc)."""
    t, burst = specification.power_timings, specification.burst_cycles
    read, write = t["RL"] + t["DQSCK"] + 1 + burst, t["WL"] + burst + t["WR"]
    words[T_REFRESH], words[T_REFRESH_ACTIVE] = t["RFC"], t["RFC"] - t["RP"]
    words[T_ROW_ACTIVE] = t["RAS"]
    words[T_RDA_CLOSE] = t["AL"] + max(t["RTP"], burst)
    words[T_WRA_CLOSE] = write
    completion = {"ACT": t["RCD"], "PRE": t["RP"], "PREA": t["RP"], "RD": read, "RDA": read, "WR": write, "WRA": write}
    for command, cycles in completion.items():
        words[T_COMPLETION + COMMANDS.index(command)] = cycles


def _start_between_edges(words: Words) -> None:
    """Let the first command start 1 ps before the first clock edge after 0, and count all times in ps of 1 ns cycles.

    DRAMSys 4.0's CheckerHBM2.cpp adds a cycle to the largest representable time where no command was issued yet,
    which overflows to one cycle less 1 ps; later commands keep that distance from the first.
    """
    times = [
        *(T_READ_DATA, T_WRITE_DATA, T_FOUR_ACTIVATES, T_FOUR_ACTIVATES_ACT, T_FOUR_ACTIVATES_REFB),
        *(T_REFRESH_INTERVAL, T_BANK_REFRESH_INTERVAL, T_BANK_REFRESH_PRECHARGE, T_BANK_REFRESH_ROUND),
        *(T_REFRESH, T_REFRESH_ACTIVE, T_ROW_ACTIVE, T_RDA_CLOSE, T_WRA_CLOSE, T_TICK),
    ]
    words[times] *= _PS
    words[T_COMPLETION:T_WINDOW] *= _PS
    words[T_BANK_DELAY:T_GROUP_OF_BANK] *= _PS
    words[T_SHARED_DELAY:] *= _PS
    words[T_FIRST_TRIGGER : T_FIRST_TRIGGER + 2 * MAX_RANKS] *= _PS
    counted = words[T_WINDOW : T_WINDOW + len(COMMANDS)]
    counted[counted > 0] *= _PS
    words[T_BUS_START] = (_PS - 1) << ID_BITS


_PS = 1000
