"""What the runs come to: shares of the gap closed, and tests with effect sizes; plain data for docs/multi-agent.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.multi_agent.gaps import scale_of
from benchmarks.multi_agent.phases import Choice, check_directory, comparison_directory, stored_choice
from benchmarks.multi_agent.study import (
    FAMILIES,
    Amounts,
    Contender,
    Stratum,
    check_strata,
    strata,
)
from experiments import Results, load_results
from experiments.statistics import (
    effect_size_word,
    evaluations_to_target,
    holm,
    iqm,
    mann_whitney,
    stratified_bootstrap,
    superiority,
    superiority_interval,
    target_times,
)

LEVEL = 0.05
"""Corrected p-values below it are called better or worse."""
SOLVED = 0.99
"""Share of the gap from which a search has as good as found the optimum."""


@dataclass(frozen=True)
class Sample:
    """What one contender reached in one stratum, an array entry per run.

    Attributes:
        budget: evaluations of each run.
        closed: share of the gap closed at the budget; ``early``: at the early point.
        solved_at: evaluations after which :data:`SOLVED` of the gap was closed; ``inf`` where it never was.
        cpu_seconds: of the whole run.
    """

    budget: int
    closed: np.ndarray
    early: np.ndarray
    solved_at: np.ndarray
    cpu_seconds: np.ndarray

    @property
    def ranking(self) -> np.ndarray:
        """What runs are compared by, more is better: the share closed; from :data:`SOLVED` on, how soon.

        As experiments rank runs that meet a specification, see docs/statistics.md.
        """
        return np.where(np.isfinite(self.solved_at), 2.0 - self.solved_at / (self.budget + 1.0), self.closed)

    def to_dict(self) -> dict[str, Any]:
        """Return figures for tables."""
        low, high = stratified_bootstrap(self.closed)
        times = target_times(self.solved_at, self.budget)
        return {
            "runs": times.runs,
            "iqm": float(iqm(self.closed)),
            "interval": [low, high],
            "early_iqm": float(iqm(self.early)),
            "solved": times.reached,
            "evaluations": times.restricted_mean,
            "cpu_seconds": float(np.mean(self.cpu_seconds)),
        }


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
            samples[part.name] = {label: sample_of(results, part, amounts) for label, results in found.items()}
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


def sample_of(results: Results, part: Stratum, amounts: Amounts) -> Sample:
    """Return the runs of one contender in a stratum, in the order of instance and seed."""
    runs = sorted((run for run in results.runs if run.problem in part.problems), key=lambda r: (r.problem, r.seed))
    scales = {label: scale_of(problem) for label, problem in part.problems.items()}
    curves = [scales[run.problem].closed(results.scores(run.run_id)) for run in runs]
    return Sample(
        amounts.budget,
        np.array([curve[-1] for curve in curves]),
        np.array([curve[: amounts.early][-1] for curve in curves]),
        np.array([evaluations_to_target(curve, SOLVED, "maximize") for curve in curves]),
        np.array([run.cpu_seconds for run in runs]),
    )


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
        part.name: {label: sample_of(results, part, amounts) for label, results in found.items()}
        for part in (check_strata(amounts) if contenders else ())
    }


def _described(contender: Contender, choice: Choice) -> dict[str, Any]:
    changed = {name: value for name, value in choice.hyperparameters.items() if name not in contender.fixed}
    return {"draw": choice.draw, "hyperparameters": changed, "scores": {str(k): v for k, v in choice.scores.items()}}
