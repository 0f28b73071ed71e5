"""What a simulated design costs: areas and energies by kind of block, and its peak power."""

from __future__ import annotations

from typing import Final

import numpy as np

from simulators.soc.kernel_bits import bit
from simulators.soc.kernel_layout import (
    BUS,
    GPP,
    IP,
    KINDS,
    NO_CACTI,
    O_AREA,
    O_BUS_ENERGY,
    O_LATENCY,
    O_LEAKAGE_ENERGY,
    O_MAKESPAN,
    O_PE_ENERGY,
    O_PEAK_POWER,
    O_PHASES,
    O_READ_ENERGY,
    O_WRITE_ENERGY,
    OK,
    READ,
    SINK,
    SOURCE,
    SRAM,
    TRUE_WINDOW,
    WORK,
    WRITE,
    compiled,
    inlined,
)
from simulators.soc.kernel_state import PHASES, Prices, State
from simulators.soc.kernel_traffic import MEMORIES, Bytes, Graph, Reals, Traffic

WINDOW_S: Final = 0.01
"""Least span over which FARSI averages power, s."""
GRANULE: Final = 256_000.0
"""Memories come in multiples of so many bytes."""
LEAST_BYTES: Final = 2048.0


@inlined
def granules(size: float) -> int:
    """Return how many granules a memory of so many bytes has."""
    return int(np.ceil(max(size, LEAST_BYTES) / GRANULE))


@compiled
def only_ends(pe: int, g: Graph, task_pe: Bytes) -> bool:
    """Return whether a PE hosts nothing but a source and a sink, which FARSI takes for no area."""
    count, sources, sinks = 0, 0, 0
    for k in range(len(g.work)):
        if task_pe[k] == pe:
            count += 1
            sources += g.role[k] == SOURCE
            sinks += g.role[k] == SINK
    return (count == 2 and sources > 0 and sinks > 0) or (count == 1 and sources + sinks > 0)


@inlined
def add_areas(
    g: Graph, kind: Bytes, area: Reals, task_pe: Bytes, prices: Prices, t: Traffic, s: State, out: Reals
) -> int:
    """Write the areas by kind of block; return OK or NO_CACTI."""
    hosts, busy = np.uint64(0), np.uint64(0)
    for k in range(len(g.work)):
        hosts |= bit(task_pe[k])
        if g.role[k] == WORK:
            busy |= bit(task_pe[k])
    for b in range(len(kind)):
        is_host = (kind[b] == GPP or kind[b] == IP) and hosts & bit(b) != 0
        if kind[b] == BUS or (is_host and (busy & bit(b) != 0 or not only_ends(b, g, task_pe))):
            out[O_AREA + kind[b] - GPP] += area[b]
    for m in range(t.used[MEMORIES]):
        b = t.memory[m]
        size = granules(s.peak[b])
        if size > prices.memory.shape[1] or np.isnan(prices.memory[kind[b] - SRAM, size - 1, 2]):
            return NO_CACTI
        out[O_AREA + kind[b] - GPP] += prices.memory[kind[b] - SRAM, size - 1, 2]
    return OK


@inlined
def add_energy(kind: Bytes, prices: Prices, leakage_w: float, t: Traffic, s: State, energy: Reals, out: Reals) -> None:
    """Write the energies, and each phase's energy into ``energy``, J."""
    for phase in range(s.words[PHASES]):
        energy[phase] = 0.0
    for m in range(t.used[MEMORIES]):
        b = t.memory[m]
        size = granules(s.peak[b]) - 1
        per_read, per_write = prices.memory[kind[b] - SRAM, size, 0], prices.memory[kind[b] - SRAM, size, 1]
        for phase in range(s.words[PHASES]):
            read, write = s.moved[phase, m, READ] * per_read, s.moved[phase, m, WRITE] * per_write
            out[O_READ_ENERGY] += read
            out[O_WRITE_ENERGY] += write
            energy[phase] += read + write
    for phase in range(s.words[PHASES]):
        bus, leakage = s.bus_bytes[phase] * prices.bus_j_per_byte, leakage_w * s.length[phase]
        energy[phase] += s.pe_energy[phase] + bus + leakage
        out[O_PE_ENERGY] += s.pe_energy[phase]
        out[O_BUS_ENERGY] += bus
        out[O_LEAKAGE_ENERGY] += leakage
        out[O_MAKESPAN] += s.length[phase]


@inlined
def average_power(first: int, last: int, energy: Reals, s: State) -> float:
    """Return the average power of the phases from ``first`` up to before ``last``, W."""
    joules, seconds = 0.0, 0.0
    for phase in range(max(first, 0), min(last, s.words[PHASES])):
        joules += energy[phase]
        seconds += s.length[phase]
    return joules / seconds if seconds > 0 else 0.0


@inlined
def windowed_power(energy: Reals, s: State) -> float:
    """Return FARSI's peak power: the largest average over spans of whole phases that last some 10 ms.

    A span ends with the phase that is longer than what is left of its 10 ms. FARSI counts an idle phase before the
    first, but passes over phases of no length, that one included, when it numbers them: so the spans lie before the
    phases that they were measured by.
    """
    first = position = last = 0
    left, peak, count = WINDOW_S, 0.0, s.words[PHASES] + 1
    for phase in range(s.words[PHASES]):
        if s.length[phase] == 0.0:
            continue
        if s.length[phase] > left:
            left = WINDOW_S
            last = position + 1
            peak = max(peak, average_power(first - 1, last - 1, energy, s))
            first = position + 1
        else:
            left -= s.length[phase]
        position += 1
    return max(peak, average_power(last - 1, count - 1, energy, s)) if last != count else peak


@inlined
def sliding_power(makespan: float, energy: Reals, s: State) -> float:
    """Return the largest average power of any 10 ms (or of the whole, where that is shorter), W.

    As a function of its start the energy of a window is linear between phase boundaries, so that the largest has a
    phase boundary at its start or its end. Both ends only move forward.
    """
    phases = s.words[PHASES]
    if makespan <= WINDOW_S:
        return average_power(0, phases, energy, s)
    first = last = 0
    head = tail = 0.0  # s into the phase in which the window begins, and ends
    joules, clock, peak = 0.0, 0.0, 0.0
    while last < phases and clock < WINDOW_S:
        step = min(s.length[last] - tail, WINDOW_S - clock)
        joules += part_of(last, step, energy, s)
        clock, tail = clock + step, tail + step
        if tail >= s.length[last]:
            last, tail = last + 1, 0.0
    peak = joules
    while last < phases:
        step = min(s.length[last] - tail, s.length[first] - head)
        joules += part_of(last, step, energy, s) - part_of(first, step, energy, s)
        head, tail = head + step, tail + step
        if tail >= s.length[last]:
            last, tail = last + 1, 0.0
        if head >= s.length[first]:
            first, head = first + 1, 0.0
        peak = max(peak, joules)
    return peak / WINDOW_S


@inlined
def part_of(phase: int, seconds: float, energy: Reals, s: State) -> float:
    """Return the energy of some seconds of a phase, in which power is constant."""
    return energy[phase] * (seconds / s.length[phase]) if s.length[phase] > 0.0 else 0.0


@inlined
def measure(
    g: Graph,
    kind: Bytes,
    area: Reals,
    task_pe: Bytes,
    prices: Prices,
    repairs: int,
    t: Traffic,
    s: State,
    energy: Reals,
    out: Reals,
) -> int:
    """Write the results of a design that was simulated; return OK or NO_CACTI."""
    for i in range(len(out)):
        out[i] = 0.0
    status = add_areas(g, kind, area, task_pe, prices, t, s, out)
    if status != OK:
        return status
    leakage_w = 0.0
    for i in range(len(KINDS) - 1):
        leakage_w += out[O_AREA + i] * prices.leakage_w_per_m2[i]
    add_energy(kind, prices, leakage_w, t, s, energy, out)
    out[O_PEAK_POWER] = (
        sliding_power(out[O_MAKESPAN], energy, s) if repairs & TRUE_WINDOW else windowed_power(energy, s)
    )
    for phase in range(s.words[PHASES]):
        out[O_PHASES] += s.length[phase] > 0.0
    for i in range(len(g.last)):
        out[O_LATENCY + i] = s.end[g.last[i]]
    return OK
