"""What the runs come to: shares of the gap closed, and tests with effect sizes; plain data for docs/multi-agent.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.multi_agent.phases import Choice, check_directory, comparison_directory, stored_choice
from benchmarks.multi_agent.samples import Sample, sample_of
from benchmarks.multi_agent.study import FAMILIES, Amounts, Contender, check_strata, strata
from experiments import load_results
from experiments.statistics import (
    effect_size_word,
    holm,
    iqm,
    mann_whitney,
    superiority,
    superiority_interval,
)

LEVEL = 0.05
"""Corrected p-values below it are called better or worse."""
Samples = Mapping[str, Mapping[str, Sample]]
"""Stratum -> contender -> sample."""


def summarise(contenders: Sequence[Contender], amounts: Amounts, directory: Path) -> dict[str, Any]:
    """Return the summary of a study that has been run, as JSON data."""
    compared = [c for c in contenders if not c.check]
    samples, choices = dict[str, dict[str, Sample]](), dict[str, dict[str, Any]]()
    for family in FAMILIES:
        parts = strata(family, amounts, directory, tuning=False)
        here = [c for c in compared if family in c.families]
        found = {c.label: load_results([comparison_directory(directory, family, c)]) for c in here}
        for part in parts:
            samples[part.name] = {
                label: sample_of(results, results.runs, part, amounts) for label, results in found.items()
            }
        choices[family] = {c.label: _described(c, stored_choice(directory, family, c)) for c in here}
    checked = _checked([c for c in contenders if c.check], amounts, directory)
    return {
        "amounts": asdict(amounts),
        "contenders": [asdict(contender) for contender in contenders],
        "choices": choices,
        "strata": {name: {label: s.to_dict() for label, s in found.items()} for name, found in samples.items()},
        "multi_against_single": multi_against_single(compared, samples),
        "search_against_learners": search_against_learners(compared, samples),
        "check": {name: {label: s.to_dict() for label, s in found.items()} for name, found in checked.items()},
        "check_against_single": multi_against_single([c for c in contenders if c.check], checked),
    }


def multi_against_single(contenders: Sequence[Contender], samples: Samples) -> list[dict[str, Any]]:
    """Test every multi-agent variant against its single agent, in every stratum; Holm over all of these tests."""
    pairs = [(c.label, c.against) for c in contenders if c.against is not None]
    made = [(name, a, str(b)) for name, found in samples.items() for a, b in pairs if a in found and b in found]
    return _tested(made, samples)


def search_against_learners(contenders: Sequence[Contender], samples: Samples) -> list[dict[str, Any]]:
    """Test evolution and models against the learner that did best in each stratum; Holm over all of these tests.

    The learner is chosen by the very runs it is tested on, which favours it.
    """
    learners = [c.label for c in contenders if c.kind in ("single", "multi")]
    if not learners:
        return []
    made = []
    for name, found in samples.items():
        here = [label for label in learners if label in found]
        best = max(here, key=lambda label: float(np.median(found[label].ranking)))
        made += [(name, c.label, best) for c in contenders if c.kind == "search" and c.label in found]
    return _tested(made, samples)


def _tested(made: Iterable[tuple[str, str, str]], samples: Samples) -> list[dict[str, Any]]:
    rows = list[dict[str, Any]]()
    for name, first, second in made:
        x, y = samples[name][first], samples[name][second]
        a12 = superiority(x.ranking, y.ranking, "maximize")
        rows.append(
            {
                "stratum": name,
                "first": first,
                "second": second,
                "a12": a12,
                "interval": list(superiority_interval(x.ranking, y.ranking, "maximize")),
                "effect": effect_size_word(a12),
                "gain": float(iqm(x.closed) - iqm(y.closed)),
                "p": mann_whitney(x.ranking, y.ranking).p_two_sided,
            }
        )
    corrected = holm([row["p"] for row in rows]) if rows else []
    for row, adjusted in zip(rows, corrected, strict=True):
        row |= {"adjusted": adjusted, "conclusion": _conclusion(row["a12"], adjusted)}
    return rows


def _conclusion(a12: float, adjusted: float) -> str:
    if adjusted >= LEVEL:
        return "not distinguishable"
    return "better" if a12 > 0.5 else "worse"


def _checked(contenders: Sequence[Contender], amounts: Amounts, directory: Path) -> dict[str, dict[str, Sample]]:
    found = {c.label: load_results([check_directory(directory, c)]) for c in contenders}
    return {
        part.name: {label: sample_of(results, results.runs, part, amounts) for label, results in found.items()}
        for part in (check_strata(amounts) if contenders else ())
    }


def _described(contender: Contender, choice: Choice) -> dict[str, Any]:
    changed = {name: value for name, value in choice.hyperparameters.items() if name not in contender.fixed}
    return {"draw": choice.draw, "hyperparameters": changed, "scores": {str(k): v for k, v in choice.scores.items()}}
