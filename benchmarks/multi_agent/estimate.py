"""How long a study is going to take, from one run of each searcher on each family of problems."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agents import agent_class, make_agent, run_search, sweep_ranges
from archgym_envs import BudgetedEvaluator, Objective, Scorer, make_problem, spec
from benchmarks.multi_agent.study import FAMILIES, Amounts, Contender, Stratum, check_strata, share_of, strata


def estimate(contenders: Sequence[Contender], amounts: Amounts, directory: Path) -> float:
    """Print runs and CPU seconds of every contender, and return the CPU seconds of the whole study."""
    total = 0.0
    for family in FAMILIES:
        tuned = strata(family, amounts, directory, tuning=True)
        compared = strata(family, amounts, directory, tuning=False)
        for contender in (c for c in contenders if family in c.families and not c.check):
            runs = _runs(share_of(contender, compared, amounts, tuning=False))
            runs += _draws(contender, amounts) * _runs(share_of(contender, tuned, amounts, tuning=True))
            total += _report(contender, family, runs, _mean_seconds(contender, tuned, amounts))
    for contender in (c for c in contenders if c.check):
        parts = check_strata(amounts)
        total += _report(contender, "check", _runs(parts), _mean_seconds(contender, parts, amounts))
    return total


def _draws(contender: Contender, amounts: Amounts) -> int:
    free = [name for name in sweep_ranges(agent_class(contender.agent)) if name not in contender.fixed]
    return amounts.draws if free else 0


def _runs(parts: Sequence[Stratum]) -> int:
    return sum(len(part.problems) * len(part.seeds) for part in parts)


def _mean_seconds(contender: Contender, parts: Sequence[Stratum], amounts: Amounts) -> float:
    """Return the mean CPU seconds of a run in the first and in the last stratum."""
    problems = [next(iter(part.problems.values())) for part in (parts[0], parts[-1])]
    return sum(_seconds(contender, problem, amounts) for problem in problems) / len(problems)


def _seconds(contender: Contender, entry: Mapping[str, Any], amounts: Amounts) -> float:
    problem = make_problem(entry["environment"], **entry["arguments"])
    given = entry.get("objective")
    objective = Objective.parse(given) if given else spec(entry["environment"]).objective_of(problem)
    agent = make_agent(contender.agent, problem.space, 0, contender.fixed)
    evaluator = BudgetedEvaluator(problem, amounts.budget, amounts.proposals, on_fresh=lambda fresh: None)
    start = time.process_time()
    run_search(agent, evaluator, Scorer(objective, problem))
    return time.process_time() - start


def _report(contender: Contender, where: str, runs: int, seconds: float) -> float:
    print(f"{contender.label:<32}{where:<10}{runs:>6} runs of {seconds:>7.2f} s{runs * seconds:>9.0f} s", flush=True)
    return runs * seconds
