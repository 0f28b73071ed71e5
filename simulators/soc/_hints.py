"""The kernel's hints and statuses in words."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.soc.cacti import SIZE_STEP_BYTES, cacti_table
from simulators.soc.kernel_layout import (
    GPP,
    H_AREA_BLOCK,
    H_DRAM_BLOCK,
    H_POWER_BLOCK,
    H_POWER_TASK,
    H_TASKS,
    H_UNPRICED_BLOCK,
    H_UNPRICED_STEPS,
    IP,
    KINDS,
    NO_CACTI,
    NO_PATH,
    NO_PROGRESS,
    OK,
    TOO_DENSE,
)

Counts = NDArray[np.int64]
Texts = NDArray[np.str_]

REFUSALS: Final = {
    NO_PATH: "no path of buses leads from a processing element to a memory that its tasks use",
    NO_PROGRESS: "a task makes no progress: its processing element does no work",
    TOO_DENSE: "more routes than the model keeps: 512 directed links, 1024 pairs of them, 64 ports of one task",
}


def refusals(status: Counts, hints: Counts, kind: NDArray[np.int8], groups: Texts) -> NDArray[np.object_] | None:
    """Return why each of ``n`` designs is impossible, empty texts where it is not; None if all are possible."""
    if not status.any():
        return None
    why = np.full(len(status), "", dtype=object)
    for row in np.flatnonzero(status != OK).tolist():
        code = int(status[row])
        why[row] = _unpriced(hints[row], kind[row], _names(groups, row)) if code == NO_CACTI else REFUSALS[code]
    return why


def _unpriced(hints: Counts, kind: NDArray[np.int8], groups: Texts) -> str:
    block, size = int(hints[H_UNPRICED_BLOCK]), int(hints[H_UNPRICED_STEPS]) * SIZE_STEP_BYTES
    reason = cacti_table().refusal(KINDS[kind[block]], size) or f"{size:,} bytes are more than the model tabulates"
    return f"{groups[block]}: {reason}"


def hint_texts(
    hints: Counts, excess: NDArray[np.float64] | None, kind: NDArray[np.int8], groups: Texts, tasks: Texts
) -> dict[str, Texts]:
    """Return the diagnostics of valid designs, see :meth:`simulators.soc.model.SocModel.evaluate`.

    Args:
        hints: the kernel's, ``[n, HINTS + 2 W]``.
        excess: by which share budgets are exceeded, ``[n, W + 3]``: power, latencies, area without DRAM, DRAM.
        kind: ``[n, B]``.
        groups: names of blocks, ``[B]`` or ``[n, B]``.
        tasks: names of tasks, ``[T]``.
    """
    rows = np.arange(len(hints))
    workloads = (hints.shape[1] - H_TASKS) // 2
    worst = np.zeros(len(hints), np.int64) if excess is None else excess[:, 1 : 1 + workloads].argmax(axis=1)
    hottest, limit = hints[rows, H_TASKS + 2 * worst], hints[rows, H_TASKS + 1 + 2 * worst]
    of_dram = np.zeros(len(hints), bool) if excess is None else excess[:, -1] > excess[:, -2]
    largest = np.where(of_dram, hints[:, H_DRAM_BLOCK], hints[:, H_AREA_BLOCK])
    by_pe = _is_pe(kind, rows, limit)
    latency = np.where(by_pe, _named(tasks, rows, hottest), _named(groups, rows, limit))
    power_task, power_block = hints[:, H_POWER_TASK], hints[:, H_POWER_BLOCK]
    power = np.where(power_task >= 0, _named(tasks, rows, power_task), _named(groups, rows, power_block))
    area = _named(groups, rows, largest)
    found = {
        "hottest_task": _named(tasks, rows, hottest),
        "bottleneck_latency": latency,
        "bottleneck_power": power,
        "bottleneck_area": area,
    }
    found["bottleneck"] = latency if excess is None else _of_worst_budget(excess, power, latency, area)
    return found


def _of_worst_budget(excess: NDArray[np.float64], power: Texts, latency: Texts, area: Texts) -> Texts:
    worst = excess.argmax(axis=1)
    return np.where(worst == 0, power, np.where(worst < excess.shape[1] - 2, latency, area))


def _is_pe(kind: NDArray[np.int8], rows: Counts, block: Counts) -> NDArray[np.bool_]:
    kinds = kind[rows, block]
    return np.asarray((kinds == GPP) | (kinds == IP))


def _names(groups: Texts, row: int) -> Texts:
    return groups if groups.ndim == 1 else groups[row]


def _named(names: Texts, rows: Counts, positions: Counts) -> Texts:
    """Return the names at positions, ``[T]`` for all rows or ``[n, T]``; empty where a position is -1."""
    found = names[positions] if names.ndim == 1 else names[rows, positions]
    return found if (positions >= 0).all() else np.where(positions >= 0, found, "")
