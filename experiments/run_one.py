"""Executing one run with its journal, in whatever process one happens to be.

In outline::

    with Journal(path, run_id) as journal:                 # locked; a torn last line is dropped
        agent, evaluator = ...                             # the evaluator answers from the journal first
        run_search(agent, evaluator, scorer)               # journals every fresh evaluation
        journal.finish(...)

An agent that does not follow its journal is begun again from the start, once, with everything the
journal holds at hand; the record then says ``replay: restarted``.
"""

from __future__ import annotations

import importlib
import json
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from agents import run_search
from archgym_envs.evaluators import BudgetedEvaluator, FreshEvaluation
from archgym_envs.objectives import Objective
from archgym_envs.scoring import Scorer
from experiments.identity import canonical_json, digest_of
from experiments.journal import Entry, Journal
from experiments.replay import Replay, ReplayDiverged, hints_of
from experiments.runs import RunSpec
from simulators import ArchgymError, InvalidInputError, Problem

Heartbeat = Callable[[str, int], None]
"""Called with the run's id and how many evaluations it has, as they happen."""


@dataclass(frozen=True)
class Outcome:
    """How the execution of a run ended: complete (in its journal), or with an error."""

    run_id: str
    error: str = ""


def execute(run: RunSpec, journals: Path, heartbeat: Heartbeat | None = None) -> Outcome:
    """Execute ``run`` to its end, or go on with it where its journal in ``journals`` stops.

    Whatever the agent or the simulator raises becomes the outcome's error: one bad run does not end
    an experiment. ``KeyboardInterrupt`` and the like pass through.
    """
    try:
        arguments, objective = canonical_json(run.arguments), canonical_json(run.objective)
        problem, scorer = _bound_problem(run.environment_entry, arguments, objective, run.problem_digest)
        _check_unchanged(run, problem)
        header = {"metrics": [metric.name for metric in problem.simulator.metrics], "run": run.to_dict()}
        with Journal(journal_path(journals, run.run_id), run.run_id, header) as journal:
            if journal.content.end is None:
                _Execution(run, problem, scorer, journal, heartbeat).go()
    except Exception as error:
        return Outcome(run.run_id, _message(error))
    return Outcome(run.run_id)


def journal_path(journals: Path, run_id: str) -> Path:
    """Return where the journal of a run is."""
    return journals / f"{run_id}.jsonl"


def import_entry(entry_point: str) -> Any:
    """Return what ``module:name`` leads to.

    Raises:
        InvalidInputError: there is no such module or name in this process.
    """
    module, _, name = entry_point.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise InvalidInputError(
            f"cannot import {entry_point!r} in a worker process: {error}. Define it in an importable module, "
            "or run in one process with execution.workers: 0"
        ) from error
    return found


@lru_cache(maxsize=64)
def _bound_problem(entry_point: str, arguments: str, objective: str, digest: str) -> tuple[Problem, Scorer]:
    """Return the problem and its scorer; each is built once per process and expected identity.

    A memo: what is built depends on the arguments and on files, and a changed file changes ``digest``.
    """
    problem = _problem(entry_point, arguments, digest)
    return problem, Scorer(Objective.parse(json.loads(objective)), problem)


@lru_cache(maxsize=64)
def _problem(entry_point: str, arguments: str, digest: str) -> Problem:
    return import_entry(entry_point)(**json.loads(arguments))


def _check_unchanged(run: RunSpec, problem: Problem) -> None:
    """Refuse a problem or an agent that is not the one the run was identified by.

    Raises:
        InvalidInputError: the workload's content, the simulator or the agent differs in this process.
    """
    advice = "restore it and use --resume, or run the config again in a new directory"
    if digest_of(problem.identity()) != run.problem_digest:
        raise InvalidInputError(
            f"problem {run.problem!r} has changed since the experiment began: its workload (a trace file, say), its "
            f"space or its simulator is another one now (workload {getattr(problem.workload, 'name', '')!r}, simulator "
            f"{problem.simulator.name!r} version {problem.simulator.version}); {advice}"
        )
    found = str(getattr(import_entry(run.agent_entry), "version", ""))
    if found != run.agent_version:
        raise InvalidInputError(
            f"agent {run.agent!r} has changed since the experiment began: expected version {run.agent_version} of "
            f"{run.agent_name!r}, this process has version {found}; {advice}"
        )


def _message(error: Exception) -> str:
    text = str(error).strip() or "no message"
    return text if isinstance(error, ArchgymError) else f"{type(error).__name__}: {text}"


class _Execution:
    """One execution of one run on an open journal."""

    def __init__(
        self, run: RunSpec, problem: Problem, scorer: Scorer, journal: Journal, heartbeat: Heartbeat | None
    ) -> None:
        self._run, self._problem, self._scorer, self._journal = run, problem, scorer, journal
        self._heartbeat = heartbeat or (lambda run_id, evaluations: None)
        self._metrics = problem.simulator.metrics
        self._journal_seconds = 0.0

    def go(self) -> None:
        """Search to the end, replaying first, and record it."""
        content = self._journal.content
        started = datetime.now(UTC).isoformat(timespec="seconds")
        attempt = self._journal.begin(platform.node(), started)
        wall, cpu = time.perf_counter(), time.process_time()
        replay = "restarted" if content.restarts else "exact" if content.entries else "none"
        try:
            evaluator, settings = self._search(content.entries, content.earlier)
        except ReplayDiverged as diverged:
            replay = "restarted"
            self._journal.restart(str(diverged))
            evaluator, settings = self._search([], [*content.earlier, *content.entries])
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        self._journal.finish(
            {
                "stop_reason": evaluator.stopped or "agent",
                "evaluations": evaluator.evaluations,
                "proposals": evaluator.proposals,
                "agent_seconds": max(0.0, wall - evaluator.simulator_seconds - self._journal_seconds),
                "wall_seconds": wall,
                "cpu_seconds": cpu,
                "replay": replay,
                "attempts": attempt,
                "host": platform.node(),
                "started": started,
                "settings": settings,
            }
        )

    def _search(self, entries: Sequence[Entry], earlier: Sequence[Entry]) -> tuple[BudgetedEvaluator, dict[str, Any]]:
        """Run the search from its first evaluation; the journalled ones are answered by the journal.

        Returns its evaluator and the settings that the agent had in force.
        """
        run = self._run
        agent = import_entry(run.agent_entry)(self._problem.space, run.seed, run.hyperparameters)
        replay = Replay(entries, earlier, self._metrics, lambda entry: self._recalled(entry, evaluator))
        evaluator = BudgetedEvaluator(self._problem, run.budget, run.max_proposals, replay, self._fresh)
        replay.evaluator = evaluator
        run_search(agent, evaluator, self._scorer)
        replay.check_complete()
        return evaluator, json.loads(canonical_json(agent.settings()))

    def _fresh(self, fresh: FreshEvaluation) -> None:
        row = fresh.evaluation
        valid = bool(row.valid[0])
        self._append(
            Entry(
                number=fresh.number,
                proposal=fresh.proposal,
                design=tuple(fresh.design.tolist()),
                valid=valid,
                reason=row.reason[0],
                values=tuple(row.values[0].tolist()) if valid else None,
                score=float(self._scorer.score(row)[0]),
                seconds=fresh.simulator_seconds,
                hints=hints_of(row),
            )
        )

    def _recalled(self, entry: Entry, evaluator: BudgetedEvaluator) -> None:
        self._append(replace(entry, number=evaluator.evaluations, proposal=evaluator.proposals))

    def _append(self, entry: Entry) -> None:
        start = time.perf_counter()
        self._journal.append(entry)
        self._heartbeat(self._run.run_id, entry.number)
        self._journal_seconds += time.perf_counter() - start
