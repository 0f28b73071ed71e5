"""Construction of designs and pheromone updates of ant colonies, for many runs at once.

The values of all parameters stand side by side: those of parameter j at ``starts[j]`` up to ``starts[j + 1]``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.kernels.kernel_options import SOURCE, compiled, entry_point
from agents.kernels.kernel_random import uniform

_SHORT = 16
"""Up to so many values a walk is quicker than a binary search."""


class Choices(NamedTuple):
    """What there is to choose from."""

    starts: np.ndarray
    """int64 ``[d + 1]``."""
    ordered: np.ndarray
    """bool ``[d]``."""
    floors: np.ndarray
    """float64 ``[d]``: lower bounds of the trails."""


class Colonies(NamedTuple):
    """The state of every run; ``v`` values in all."""

    trails: np.ndarray
    """float64 ``[runs, v]``."""
    sums: np.ndarray
    """float64 ``[runs, v]``: sums of trail^alpha over a parameter's values up to each."""
    elites: np.ndarray
    """int64 ``[runs, elites, d]``, best first."""
    active: np.ndarray
    """bool ``[runs, elites, d]``: parameters that have an effect in an elite."""
    rewards: np.ndarray
    """float64 ``[runs, elites]``."""
    filled: np.ndarray
    """int64 ``[runs]``: how many elites there are."""
    told: np.ndarray
    """int64 ``[runs]``: new designs told."""


class Law(NamedTuple):
    """How pheromone is laid and followed."""

    ants: int
    evaporation: float
    spread: float
    alpha: float


@compiled
def roulette(sums: np.ndarray, first: int, last: int, drawn: float) -> int:
    """Return which of the values ``first`` to ``last`` the share ``drawn`` in [0, 1) of their weights falls on."""
    target = drawn * sums[last]
    low, high = first, last
    while high - low > _SHORT:
        middle = (low + high) // 2
        if sums[middle] > target:
            high = middle
        else:
            low = middle + 1
    while low < high and sums[low] <= target:
        low += 1
    return low - first


@compiled
def add_up(colonies: Colonies, choices: Choices, alpha: float, run: int) -> None:
    """Bring the sums of a run up to date with its trails."""
    for j in range(len(choices.ordered)):
        total = 0.0
        for v in range(choices.starts[j], choices.starts[j + 1]):
            trail = colonies.trails[run, v]
            total += trail if alpha == 1.0 else trail**alpha
            colonies.sums[run, v] = total


@compiled
def rank(colonies: Colonies, design: np.ndarray, active: np.ndarray, reward: float, run: int) -> None:
    """Let a design take its place among the elites, before those that are as good; the last one leaves."""
    rewards, most, filled = colonies.rewards[run], colonies.rewards.shape[1], colonies.filled[run]
    if filled == most and reward < rewards[most - 1]:
        return
    at = min(filled, most - 1)
    while at > 0 and rewards[at - 1] <= reward:
        rewards[at] = rewards[at - 1]
        colonies.elites[run, at] = colonies.elites[run, at - 1]
        colonies.active[run, at] = colonies.active[run, at - 1]
        at -= 1
    rewards[at] = reward
    colonies.elites[run, at] = design
    colonies.active[run, at] = active
    colonies.filled[run] = min(filled + 1, most)


@compiled
def update(colonies: Colonies, choices: Choices, law: Law, run: int) -> None:
    """Evaporate, let the elites deposit, and keep the trails within their bounds."""
    count, trails = colonies.filled[run], colonies.trails[run]
    for j in range(len(choices.ordered)):
        first, last = choices.starts[j], choices.starts[j + 1] - 1
        for v in range(first, last + 1):
            trails[v] *= 1.0 - law.evaporation
        spread = law.spread if choices.ordered[j] else 0.0
        for k in range(count):
            if colonies.active[run, k, j]:
                laid = law.evaporation * (count - k) / (count * (count + 1) / 2)
                v = first + colonies.elites[run, k, j]
                trails[v] += (1.0 - spread) * laid
                trails[max(v - 1, first)] += 0.5 * spread * laid
                trails[min(v + 1, last)] += 0.5 * spread * laid
        for v in range(first, last + 1):
            trails[v] = min(max(trails[v], choices.floors[j]), 1.0)
    add_up(colonies, choices, law.alpha, run)


def _entry_points(source: int):  # type: ignore[no-untyped-def]  # noqa: ANN202
    @entry_point
    def begin(colonies: Colonies, choices: Choices, law: Law) -> int:
        """Sum up the trails of all runs."""
        for run in range(len(colonies.told)):
            add_up(colonies, choices, law.alpha, run)
        return 0 * source

    @entry_point
    def build(colonies: Colonies, choices: Choices, streams: np.ndarray, runs: np.ndarray, designs: np.ndarray) -> int:
        """Write one ant's design per row."""
        for i in range(len(runs)):
            for j in range(len(choices.ordered)):
                first, last = choices.starts[j], choices.starts[j + 1] - 1
                designs[i, j] = roulette(colonies.sums[runs[i]], first, last, uniform(streams, runs[i]))
        return 0 * source

    @entry_point
    def learn(
        colonies: Colonies,
        choices: Choices,
        law: Law,
        designs: np.ndarray,
        active: np.ndarray,
        runs: np.ndarray,
        rewards: np.ndarray,
        new: np.ndarray,
    ) -> int:
        """Rank the ``new`` rows one by one; update a run's trails after every ``ants`` of them."""
        for i in range(len(runs)):
            if new[i]:
                run = runs[i]
                rank(colonies, designs[i], active[i], rewards[i], run)
                colonies.told[run] += 1
                if colonies.told[run] % law.ants == 0:
                    update(colonies, choices, law, run)
        return 0 * source

    return begin, build, learn


begin, build, learn = _entry_points(SOURCE)
