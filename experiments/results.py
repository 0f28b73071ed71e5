"""Reading results: the runs of one or several result directories and their evaluations.

::

    results = load_results([Path("results/quickstart")])
    for run in results.runs:
        if run.state == "done":
            best = np.nanmin(results.scores(run.run_id))
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from experiments.journal import JournalContent, read_journal
from experiments.ledger import Ledger, Place
from experiments.records import ProblemRecord, Replay, RunRecord, State
from experiments.store import read_config, read_provenance
from experiments.trajectories import SCHEMA, experiment_digest, flat_indices, join_tables, trajectory_table
from simulators import InvalidInputError, UnknownNameError

__all__ = ["ProblemRecord", "Replay", "Results", "RunRecord", "State", "load_results"]

_PARTS_IN_MEMORY = 4


@dataclass(frozen=True)
class _Source:
    """Where the trajectory of a run is: a part of a directory, or its journal."""

    directory: Path
    place: Place | None

    def journal(self, run_id: str) -> JournalContent:
        return read_journal(self.directory / "journals" / f"{run_id}.jsonl")


@dataclass
class Results:
    """The results of one or several result directories.

    Attributes:
        runs: every run, those of the first directory first.
        problems: label -> problem.
        directories: where the results came from.
        configs, provenances: of the directories, in their order.
    """

    runs: tuple[RunRecord, ...]
    problems: dict[str, ProblemRecord]
    directories: tuple[Path, ...]
    configs: tuple[dict[str, Any], ...]
    provenances: tuple[dict[str, Any], ...]
    _sources: dict[str, _Source] = field(repr=False)
    _cache: OrderedDict[tuple[Path, str, str], pa.Table] = field(default_factory=OrderedDict, repr=False)
    _scores: dict[tuple[Path, str], np.ndarray] = field(default_factory=dict, repr=False)

    @cached_property
    def _by_id(self) -> dict[str, RunRecord]:
        return {run.run_id: run for run in self.runs}

    @property
    def config(self) -> dict[str, Any]:
        """The resolved config of the first directory."""
        return self.configs[0]

    @property
    def provenance(self) -> dict[str, Any]:
        """The provenance of the first directory: ``{"sessions": [...]}``."""
        return self.provenances[0]

    @property
    def digest(self) -> str:
        """One hash of all trajectories: equal for equal results, times and hosts apart."""
        return experiment_digest((run.run_id, run.state, run.digest) for run in self.runs)

    def run(self, run_id: str) -> RunRecord:
        """Return one run; raises UnknownNameError."""
        if run_id not in self._by_id:
            raise UnknownNameError("run", run_id, self._by_id)
        return self._by_id[run_id]

    def scores(self, run_id: str) -> np.ndarray:
        """Return a run's scores, float64 ``[k]``, in evaluation order; NaN where invalid.

        Of runs that are not done: the evaluations their journals hold, maybe none.
        """
        source = self._source(run_id)
        if source.place is None:
            return np.array([entry.score for entry in source.journal(run_id).entries], dtype=np.float64)
        place = source.place
        key = (source.directory, place.part)
        if key not in self._scores:
            table = _read_part(source.directory, place.part, pa.schema([SCHEMA.field("score")]))
            self._scores[key] = table.column("score").to_numpy()
        return self._scores[key][place.first : place.first + place.count].copy()

    def evaluations(self, run_id: str) -> pa.Table:
        """Return a run's evaluations as the table described in :mod:`experiments.trajectories`.

        Of runs that are not done: what their journals hold; ``reward`` is null there.
        """
        source = self._source(run_id)
        if source.place is not None:
            place = source.place
            return self._part_table(source.directory, place.part).slice(place.first, place.count)
        entries = source.journal(run_id).entries
        problem = self.problems[self.run(run_id).problem]
        scores = np.array([entry.score for entry in entries])
        met = scores <= 0.0 if "meet" in problem.objective else np.zeros(len(entries), dtype=bool)
        flat = flat_indices(entries, [len(parameter["values"]) for parameter in problem.parameters])
        return trajectory_table(run_id, entries, flat, [None] * len(entries), met)

    def best_designs(self, problem: str, count: int) -> list[dict[str, Any]]:
        """Return the best different designs that any run found on a problem, best first.

        Each is a mapping with ``design`` (parameter -> value), ``metrics`` (name -> number), ``score``,
        ``met``, ``flat_index`` (int), ``agent``, ``seed``, ``run_id`` and ``evaluation`` of who found
        it first (fewest evaluations).

        Raises:
            UnknownNameError: no problem of that label.
        """
        if problem not in self.problems:
            raise UnknownNameError("problem", problem, self.problems)
        record = self.problems[problem]
        candidates = join_tables([_best_rows(table, count, record) for table in self._tables_of(problem)])
        return [
            _describe(row, self.run(row["run_id"]), record) for row in _best_rows(candidates, count, record).to_pylist()
        ]

    def _tables_of(self, problem: str) -> Iterator[pa.Table]:
        """Yield the rows of all runs on a problem, part by part."""
        parts: dict[tuple[Path, str], list[Place]] = {}
        for run in self.runs:
            if run.problem != problem:
                continue
            source = self._source(run.run_id)
            if source.place is None:
                yield self.evaluations(run.run_id)
            else:
                parts.setdefault((source.directory, source.place.part), []).append(source.place)
        for (directory, part), places in sorted(parts.items()):
            rows = np.concatenate([np.arange(place.first, place.first + place.count) for place in places])
            yield self._part_table(directory, part).take(pa.array(rows))

    def _source(self, run_id: str) -> _Source:
        if run_id not in self._sources:
            self.run(run_id)
        source = self._sources[run_id]
        if source.place is None and self._by_id[run_id].evaluations and source.journal(run_id).header is None:
            # It had a journal and has none any more: the run was stored since, and the ledger knew before.
            with closing(Ledger(source.directory)) as ledger:
                source = self._sources[run_id] = _Source(source.directory, ledger.places().get(run_id))
        return source

    def _part_table(self, directory: Path, part: str) -> pa.Table:
        key = (directory, part, "all")
        if key not in self._cache:
            self._cache[key] = _read_part(directory, part, SCHEMA)
            while len(self._cache) > _PARTS_IN_MEMORY:
                self._cache.popitem(last=False)
        self._cache.move_to_end(key)
        return self._cache[key]


def load_results(paths: Sequence[Path | str], unfinished: bool = True) -> Results:
    """Read result directories; several are read as one set of results.

    Problems that are the same (equal identity) are joined under the first label; different problems
    of one label, and different runs of one (problem, agent, seed), get the directory's name added.
    A run that several directories hold is taken once, finished before unfinished.

    Args:
        paths: directories that ``archgym run`` wrote; they may be in use.
        unfinished: include runs that are not done.

    Raises:
        InvalidInputError: no directory given, or one that holds no results.
    """
    if not paths:
        raise InvalidInputError("give at least one result directory, such as results/quickstart")
    merger = _Merger()
    for path in map(Path, paths):
        merger.add(path, unfinished)
    return merger.results()


class _Merger:
    """Joins the contents of result directories."""

    def __init__(self) -> None:
        self._runs: dict[str, RunRecord] = {}
        self._sources: dict[str, _Source] = {}
        self._problems: dict[str, ProblemRecord] = {}
        self._directories: list[Path] = []
        self._taken: dict[tuple[str, str, int], str] = {}

    def add(self, directory: Path, unfinished: bool) -> None:
        with closing(Ledger(directory)) as ledger:
            places, runs, problems = ledger.places(), ledger.runs(), ledger.problems()
            journals = {
                run.run_id: _Source(directory, None).journal(run.run_id) for run in runs if run.run_id not in places
            }
            if any(content.header is None for content in journals.values()):
                # A run may have been stored since the ledger was read. The ledger says so before the journal goes,
                # so that whatever had lost its journal by now is found there.
                places, runs, problems = ledger.places(), ledger.runs(), ledger.problems()
        labels = {problem.label: self._label(problem, directory) for problem in problems}
        kept = [run for run in runs if unfinished or run.state == "done"]
        renamed = self._renamed_agents(kept, labels, directory)
        for run in kept:
            known = self._runs.get(run.run_id)
            if known is not None and (known.state == "done" or run.state != "done"):
                continue
            agent, group = renamed.get(run.agent, run.agent), renamed.get(run.agent_group, run.agent_group)
            place = places.get(run.run_id)
            self._sources[run.run_id] = _Source(directory, place)
            current = run if place is not None else _with_progress(run, journals[run.run_id])
            self._runs[run.run_id] = replace(current, problem=labels[run.problem], agent=agent, agent_group=group)
            self._taken[labels[run.problem], agent, run.seed] = run.run_id
        self._directories.append(directory)

    def results(self) -> Results:
        return Results(
            runs=tuple(self._runs.values()),
            problems=self._problems,
            directories=tuple(self._directories),
            configs=tuple(map(read_config, self._directories)),
            provenances=tuple(map(read_provenance, self._directories)),
            _sources=self._sources,
        )

    def _label(self, problem: ProblemRecord, directory: Path) -> str:
        for label, known in self._problems.items():
            if known.identity == problem.identity:
                return label
        label = problem.label if problem.label not in self._problems else f"{problem.label} [{directory.name}]"
        self._problems[label] = replace(problem, label=label)
        return label

    def _renamed_agents(self, runs: list[RunRecord], labels: dict[str, str], directory: Path) -> dict[str, str]:
        """Return old -> new labels of agents that would clash with other runs of the same label."""
        clashing = {
            run.agent_group
            for run in runs
            if self._taken.get((labels[run.problem], run.agent, run.seed), run.run_id) != run.run_id
        }
        renamed = {}
        for run in runs:
            if run.agent_group in clashing:
                group = f"{run.agent_group} [{directory.name}]"
                renamed[run.agent_group] = group
                renamed[run.agent] = group + run.agent.removeprefix(run.agent_group)
        return renamed


def _with_progress(run: RunRecord, journal: JournalContent) -> RunRecord:
    """Return an unfinished run with the counts of its journal."""
    entries = journal.entries
    if not entries:
        return run
    return replace(run, evaluations=len(entries), proposals=entries[-1].proposal)


def _describe(row: dict[str, Any], run: RunRecord, problem: ProblemRecord) -> dict[str, Any]:
    return {
        "design": problem.decode(row["indices"]),
        "metrics": dict(zip(problem.metric_names, row["metrics"], strict=True)),
        "score": row["score"],
        "met": row["met"],
        "flat_index": int(row["design"]),
        "agent": run.agent,
        "seed": run.seed,
        "run_id": run.run_id,
        "evaluation": row["evaluation"],
    }


def _best_rows(table: pa.Table, count: int, problem: ProblemRecord) -> pa.Table:
    """Return the rows of the best ``count`` different designs, best first; of each, the one found soonest."""
    sign = 1.0 if problem.direction == "minimize" else -1.0
    scores = sign * table.column("score").to_numpy()
    ranks = np.lexsort(
        [table.column("run_id").cast(pa.string()).to_numpy(), table.column("evaluation").to_numpy(), scores]
    )
    ranks = ranks[~np.isnan(scores[ranks])]
    chosen: dict[str, int] = {}
    for start in range(0, len(ranks), 1024):
        rows = ranks[start : start + 1024]
        for row, design in zip(rows.tolist(), table.column("design").take(pa.array(rows)).to_pylist(), strict=True):
            chosen.setdefault(design, row)
        if len(chosen) >= count:
            break
    return table.take(pa.array(list(chosen.values())[:count], pa.int64()))


def _read_part(directory: Path, name: str, schema: pa.Schema) -> pa.Table:
    """Return the columns of ``schema`` of a part.

    Raises:
        InvalidInputError: the file is missing or damaged.
    """
    path = directory / "parts" / name
    todo = "restore the file from a copy, or run the experiment again in a new directory"
    if not path.is_file():
        raise InvalidInputError(f"{path} is missing, but the ledger says that it holds finished runs; {todo}")
    try:
        return pq.read_table(path, columns=schema.names, schema=schema)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise InvalidInputError(f"{path} is damaged: {reason}; {todo}") from error
