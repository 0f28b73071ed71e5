"""Running an experiment: runs out, journals in, one writer.

In outline::

    runs = expand(config)                         # everything wrong with the config is found here
    with Store(directory) as store:               # locked: one writer
        store.register(problems, runs)
        collect complete journals a crash left behind
        while runs are left:
            feed the backend; for each complete run: store.collect(run)
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from archgym_envs.scoring import Scorer
from experiments.backends import Backend, Beat, InProcessBackend, LocalBackend
from experiments.backends_ray import RayBackend
from experiments.config_errors import Complaint, ConfigError, dotted
from experiments.config_models import ExecutionConfig, ExperimentConfig
from experiments.directories import choose_directory, has_results
from experiments.prepare import PreparedAgent, PreparedProblem, prepare
from experiments.progress import ProgressView, SilentView, describe_run, make_view
from experiments.provenance import available_cores, describe_session
from experiments.run_one import Outcome
from experiments.runs import RunSpec, bind_scorers, describe_problem, expand_prepared
from experiments.store import Store

_POLL_SECONDS = 0.2
_LOG = logging.getLogger(__name__)
"""Notes to the user; on stderr unless the program that calls configures logging otherwise."""


@dataclass(frozen=True)
class RunSummary:
    """What an experiment came to.

    Attributes:
        name, output: the experiment and its directory.
        total, done, failed: runs; ``reused`` of those done were complete before this session.
        evaluations: of all runs that are done.
        seconds: wall time of this session.
        digest: of all trajectories; equal for equal results, times and hosts apart.
        failures: description -> error of each failed run.
    """

    name: str
    output: Path
    total: int
    done: int
    failed: int
    reused: int
    evaluations: int
    seconds: float
    digest: str
    failures: dict[str, str]

    @property
    def exit_status(self) -> int:
        """0 when every run is done, else 1."""
        return 0 if self.done == self.total else 1


def run_experiment(
    config: ExperimentConfig,
    output: Path | None = None,
    resume: bool = False,
    progress: bool | ProgressView = True,
) -> RunSummary:
    """Run every run of ``config`` that is not done yet, and store the results.

    Args:
        config: from :func:`experiments.config.load_config`.
        output: result directory; default ``config.output``, then ``results/<name>``, ``-2``, ``-3`` ...
        resume: go on with an experiment that was interrupted; failed runs are tried again.
        progress: show it (bars on a terminal, lines elsewhere), or a view of one's own.

    A run that fails does not end the others; the summary lists it.

    Raises:
        ConfigError: the config names things that do not exist; nothing was run.
        StoreError: the directory cannot be written, is in use, or holds results already.
        InvalidInputError: with ``resume``, nothing that exists holds these runs.
        MissingExtraError: the Ray backend without Ray.
        ExecutionError: worker processes cannot be started.
    """
    start = time.perf_counter()
    problems, agents = prepare(config)
    _check_importable(config.execution, problems, agents)
    runs = expand_prepared(config, problems, agents)
    directory = choose_directory(config, output, resume, runs)
    if resume and not has_results(directory):
        _LOG.warning("there is nothing to resume: beginning a new experiment in %s", directory)
    scorers = bind_scorers(problems)
    with Store(directory) as store:
        store.write_config(config.to_dict())
        store.add_provenance(describe_session())
        records = [describe_problem(problem, scorers[problem.label]) for problem in problems]
        store.register(records, (run.record() for run in runs))
        view = progress if not isinstance(progress, bool) else make_view() if progress else SilentView()
        with view:
            reused = _Session(store, scorers, view).run(runs, _backend(config.execution, directory))
        store.flush()
        return _summary(config.name, store, runs, reused, time.perf_counter() - start)


class _Session:
    """One pass over the runs that are not done."""

    def __init__(self, store: Store, scorers: dict[str, Scorer], view: ProgressView) -> None:
        self._store, self._scorers, self._view = store, scorers, view

    def run(self, runs: Sequence[RunSpec], backend: Backend) -> int:
        """Bring every run to an end; return how many were complete already."""
        done = [run for run in runs if self._is_done(run)]
        finished = {run.run_id for run in done}
        todo = deque(run for run in runs if run.run_id not in finished)
        self._view.start(runs, done)
        if todo:
            with backend:
                self._drive(todo, backend)
        return len(done)

    def _is_done(self, run: RunSpec) -> bool:
        """Return whether a run is stored, or complete in a journal (which is then stored)."""
        if self._store.runs[run.run_id].state == "done":
            return True
        return self._store.collect(run.run_id, self._scorers[run.problem])

    def _drive(self, todo: deque[RunSpec], backend: Backend) -> None:
        active: dict[str, RunSpec] = {}
        while todo or active:
            while todo and len(active) < backend.capacity:
                run = todo.popleft()
                active[run.run_id] = run
                backend.submit(run)
            for event in backend.poll(_POLL_SECONDS):
                if isinstance(event, Beat):
                    self._view.beat(event.run_id, event.evaluations)
                else:
                    self._finish(active.pop(event.run_id), event)

    def _finish(self, run: RunSpec, outcome: Outcome) -> None:
        error = outcome.error
        if not error and not self._store.collect(run.run_id, self._scorers[run.problem]):
            error = "the run ended, but its journal is not complete"
        if error:
            self._store.fail(run.run_id, error)
        self._view.finished(run, self._store.runs[run.run_id].evaluations, error)


def worker_count(execution: ExecutionConfig) -> int:
    """Return the number of workers; ``auto`` is one per core this process may use."""
    return available_cores() if execution.workers == "auto" else execution.workers


def _backend(execution: ExecutionConfig, directory: Path) -> Backend:
    journals, workers = directory / "journals", worker_count(execution)
    if execution.backend == "ray":
        return RayBackend(max(1, workers), journals)
    if workers == 0:
        return InProcessBackend(journals)
    return LocalBackend(workers, journals, directory / "workers.log")


def _check_importable(
    execution: ExecutionConfig, problems: Sequence[PreparedProblem], agents: Sequence[PreparedAgent]
) -> None:
    """Refuse, before anything runs, what worker processes could not import."""
    if execution.backend == "local" and execution.workers == 0:
        return
    things = [(("problems", index), problem.entry_point) for index, problem in enumerate(problems)]
    things += [(("agents", index), agent.entry_point) for index, agent in enumerate(agents)]
    complaints = [
        Complaint(
            dotted(path),
            f"{entry!r} is defined in the main script, which worker processes cannot import; move it to a module "
            "of its own, or set execution.workers=0 to run everything in this process",
        )
        for path, entry in things
        if entry.startswith("__main__:")
    ]
    if complaints:
        raise ConfigError(complaints)


def _summary(name: str, store: Store, runs: Sequence[RunSpec], reused: int, seconds: float) -> RunSummary:
    records = [store.runs[run.run_id] for run in runs]
    failures = {describe_run(run): store.runs[run.run_id].error for run in runs if store.runs[run.run_id].error}
    return RunSummary(
        name=name,
        output=store.directory,
        total=len(runs),
        done=sum(record.state == "done" for record in records),
        failed=sum(record.state == "failed" for record in records),
        reused=reused,
        evaluations=sum(record.evaluations for record in records if record.state == "done"),
        seconds=seconds,
        digest=store.digest(),
        failures=failures,
    )
