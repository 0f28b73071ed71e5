"""Tests between agents: everyone against the baseline, and all pairs; Mann-Whitney U with Holm's correction."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from experiments import statistics
from experiments.comparison_records import AgentSummary, BaselineTest, Conclusion, PairTest
from experiments.run_groups import ProblemRuns


def against_baseline(
    groups: Mapping[str, ProblemRuns], baseline: str | None, alpha: float
) -> dict[str, tuple[BaselineTest, ...]]:
    """Test every agent on every problem against the baseline; two families, one per side."""
    made, least = [], []
    for label, runs in groups.items():
        if baseline is None or baseline not in runs.agents:
            continue
        reference = runs.ranking_values(baseline, runs.budget)
        for agent in runs.agents:
            values = runs.ranking_values(agent, runs.budget)
            if agent != baseline and values.size and reference.size:
                made.append((label, agent, *_one_sided(values, reference, runs.direction)))
                least.append(_least_p(values, reference))
    better, worse = statistics.holm([row[3] for row in made]), statistics.holm([row[4] for row in made])
    tests: dict[str, list[BaselineTest]] = {label: [] for label in groups}
    decidable = _decidable(least, alpha)
    for (label, agent, a12, p_better, p_worse), up, down, can in zip(made, better, worse, decidable, strict=True):
        conclusion = _conclude(up, down, alpha)
        effect = statistics.effect_size_word(a12) if can else ""
        tests[label].append(BaselineTest(agent, str(baseline), a12, effect, p_better, p_worse, up, down, conclusion))
    return {label: tuple(found) for label, found in tests.items()}


def _one_sided(x: np.ndarray, y: np.ndarray, direction: statistics.ScoreDirection) -> tuple[float, float, float]:
    """Return A12 of x over y and the one-sided p-values of x being better and being worse."""
    test = statistics.mann_whitney(x, y)
    sides = (test.p_less, test.p_greater) if direction == "minimize" else (test.p_greater, test.p_less)
    return statistics.superiority(x, y, direction), *sides


def _least_p(x: np.ndarray, y: np.ndarray) -> float:
    """Return the smallest one-sided p that samples of these sizes can give: one order of ``C(n + m, n)``."""
    return 1 / math.comb(x.size + y.size, x.size)


def _decidable(least: Sequence[float], alpha: float) -> list[bool]:
    """Return which tests of a family could come out significant; the words for effects are kept from the others.

    Holm multiplies the smallest p of the family by its size and no p by less than 1.
    """
    any_can = bool(least) and min(least) * len(least) < alpha
    return [any_can and p < alpha for p in least]


def _conclude(p_better: float, p_worse: float, alpha: float) -> Conclusion:
    if p_better < alpha:
        return "better"
    return "worse" if p_worse < alpha else "not distinguishable"


def all_pairs(runs: ProblemRuns, ranked: Sequence[AgentSummary], alpha: float) -> tuple[PairTest, ...]:
    """Test all pairs, the better-ranked agent first; two-sided, Holm over the problem's pairs."""
    made, least = [], []
    for first, second in combinations([summary.agent for summary in ranked if summary.runs], 2):
        values = runs.ranking_values(first, runs.budget), runs.ranking_values(second, runs.budget)
        a12, p_better, p_worse = _one_sided(*values, runs.direction)
        made.append((first, second, a12, p_better, p_worse))
        least.append(2 * _least_p(*values))
    two_sided = [min(1.0, 2 * min(row[3], row[4])) for row in made]
    tests = []
    corrected, decidable = statistics.holm(two_sided), _decidable(least, alpha)
    for (first, second, a12, p_better, p_worse), p, adjusted, can in zip(
        made, two_sided, corrected, decidable, strict=True
    ):
        side: Conclusion = "better" if p_better < p_worse else "worse"
        conclusion = side if adjusted < alpha else "not distinguishable"
        effect = statistics.effect_size_word(a12) if can else ""
        tests.append(PairTest(first, second, a12, effect, p, adjusted, conclusion))
    return tuple(tests)


def families(
    against: Mapping[str, Sequence[BaselineTest]], pairs: Sequence[Sequence[PairTest]], baseline: str | None
) -> tuple[str, ...]:
    """Return sentences that say which tests were made and over how many each correction goes."""
    sentences = []
    count = sum(len(tests) for tests in against.values())
    if count:
        problems = sum(bool(tests) for tests in against.values())
        per_problem = f"{_counted(count // problems, 'agent')} x " if count % problems == 0 else ""
        sentences.append(
            f"Against {baseline}: one-sided Mann-Whitney U tests over runs at the final budget, Holm-corrected over "
            f"the family of {_counted(count, 'test')} ({per_problem}{_counted(problems, 'problem')}) for 'better', "
            "and over another of the same size for 'worse'."
        )
    if any(pairs):
        largest = max(len(tests) for tests in pairs)
        sentences.append(
            "Winner: two-sided Mann-Whitney U tests of all pairs of agents at the final budget, Holm-corrected over "
            f"the {_counted(largest, 'pair')} of a problem."
        )
    return tuple(sentences)


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
