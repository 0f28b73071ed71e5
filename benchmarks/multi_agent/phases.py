"""The two phases: hyperparameters are tuned on problems apart, then everyone runs with its own best.

Every searcher has a result directory of its own for each phase and family, so that a study that was interrupted, or to
which a searcher was added, computes only what is missing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agents import agent_class, sweep_ranges
from benchmarks.multi_agent.samples import sample_of
from benchmarks.multi_agent.study import FAMILIES, Amounts, Contender, Stratum, check_strata, share_of, strata
from experiments import ExperimentConfig, Results, load_results, run_experiment
from experiments.directories import has_results
from simulators import ArchgymError, InvalidInputError


@dataclass(frozen=True)
class Choice:
    """The hyperparameters a contender has in the comparison of a family.

    Attributes:
        draw: its number; 0 is the defaults.
        hyperparameters: complete.
        scores: draw -> how it ranked while tuning: the mean over strata of the median over runs of
            :attr:`~benchmarks.multi_agent.samples.Sample.ranking`.
    """

    draw: int
    hyperparameters: Mapping[str, Any]
    scores: Mapping[int, float]


def run_study(contenders: Sequence[Contender], amounts: Amounts, directory: Path, workers: int | str) -> None:
    """Run both phases of all contenders, and the second implementation's check."""
    for family in FAMILIES:
        tuned = strata(family, amounts, directory, tuning=True)
        compared = strata(family, amounts, directory, tuning=False)
        for contender in (c for c in contenders if family in c.families and not c.check):
            own = share_of(contender, tuned, amounts, tuning=True)
            choice = tune(contender, own, amounts, tuning_directory(directory, family, contender), workers)
            parts = share_of(contender, compared, amounts, tuning=False)
            entry = entry_of(contender, choice.hyperparameters)
            run_part(entry, parts, amounts, comparison_directory(directory, family, contender), workers)
    for contender in (c for c in contenders if c.check):
        entry = entry_of(contender, contender.fixed)
        run_part(entry, check_strata(amounts), amounts, check_directory(directory, contender), workers)


def tuning_directory(directory: Path, family: str, contender: Contender) -> Path:
    """Return where a contender's tuning runs are."""
    return directory / "tuning" / family / contender.directory


def comparison_directory(directory: Path, family: str, contender: Contender) -> Path:
    """Return where a contender's runs of the comparison are."""
    return directory / "comparison" / family / contender.directory


def check_directory(directory: Path, contender: Contender) -> Path:
    """Return where the runs of a second implementation are."""
    return directory / "check" / contender.directory


def tune(
    contender: Contender, tuned: Sequence[Stratum], amounts: Amounts, directory: Path, workers: int | str
) -> Choice:
    """Run the contender's draws on the tuning problems and return the best; ``choice.json`` beside them keeps it."""
    choice = Choice(0, dict(contender.fixed), {})
    if any(name not in contender.fixed for name in sweep_ranges(agent_class(contender.agent))):
        entry = entry_of(contender, {**contender.fixed, "sweep": {"draws": amounts.draws, "seed": 0}})
        choice = best_draw(run_part(entry, tuned, amounts, directory, workers), tuned, amounts)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "choice.json").write_text(json.dumps(asdict(choice), indent=1) + "\n", encoding="utf-8")
    return choice


def stored_choice(directory: Path, family: str, contender: Contender) -> Choice:
    """Return what :func:`tune` chose."""
    text = (tuning_directory(directory, family, contender) / "choice.json").read_text(encoding="utf-8")
    return Choice(**json.loads(text))


def best_draw(results: Results, tuned: Sequence[Stratum], amounts: Amounts) -> Choice:
    """Return the draw that ranks best; of equal ones the first, the defaults before all others."""
    scores = {}
    for draw in sorted({run.draw for run in results.runs}):
        runs = [run for run in results.runs if run.draw == draw]
        scores[draw] = float(np.mean([np.median(sample_of(results, runs, s, amounts).ranking) for s in tuned]))
    best = max(scores, key=lambda draw: (round(scores[draw], 9), -draw))
    chosen = next(run.hyperparameters for run in results.runs if run.draw == best)
    return Choice(best, chosen, scores)


def entry_of(contender: Contender, hyperparameters: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the contender as an entry of an experiment's ``agents``."""
    return {contender.agent: {"label": contender.label, **hyperparameters}}


def run_part(
    entry: Mapping[str, Mapping[str, Any]],
    parts: Sequence[Stratum],
    amounts: Amounts,
    directory: Path,
    workers: int | str,
) -> Results:
    """Run one searcher on strata, or what is missing of it, and return the results.

    Raises:
        ArchgymError: a run failed, or the directory holds runs of another version of the searcher or of the study.
    """
    (seeds,) = {part.seeds for part in parts}
    problems = [{**problem, "label": label} for part in parts for label, problem in part.problems.items()]
    config = ExperimentConfig.model_validate(
        {
            "name": "multi-agent",
            "problems": problems,
            "agents": [entry],
            "budget": amounts.budget,
            "max_proposals": amounts.proposals,
            "seeds": list(seeds),
            "execution": {"workers": workers},
        }
    )
    print(directory, flush=True)
    try:
        summary = run_experiment(config, directory, resume=has_results(directory), progress=False)
    except InvalidInputError as error:
        raise ArchgymError(f"{error}\nTo run this searcher again, delete {directory}.") from error
    if summary.failed:
        raise ArchgymError(f"{directory}: {summary.failed} runs failed, such as {next(iter(summary.failures.items()))}")
    return load_results([directory])
