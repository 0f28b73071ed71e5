"""Runs as Ray tasks: the same journals and results as local processes, on one machine or a cluster.

Whole runs are distributed, never single designs: a task costs about 2 ms. On a cluster the result
directory must be on a file system that all nodes share, since runs write their journals there.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from experiments.backends import MAX_CRASHES, SINGLE_THREADED, Event
from experiments.run_one import Outcome, execute
from experiments.runs import RunSpec
from simulators import MissingExtraError


class RayBackend:
    """Executes runs as Ray tasks of one CPU each.

    Args:
        workers: CPUs of the Ray instance that is started; ignored where a cluster exists already
            (``RAY_ADDRESS``, or Ray initialised by the caller), whose CPUs count.
        journals: directory of the journals.

    Raises:
        MissingExtraError: Ray is not installed.
    """

    def __init__(self, workers: int, journals: Path) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError:
            raise MissingExtraError("the ray backend", "marl", "ray") from None
        self._ray = ray
        self._workers, self._journals = workers, str(journals.absolute())
        self._tasks: dict[Any, str] = {}
        self._ours = False
        self.capacity = workers

    def __enter__(self) -> RayBackend:
        """Connect to Ray, starting it where it does not run."""
        ray = self._ray
        if not ray.is_initialized():
            cpus = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": self._workers, "include_dashboard": False}
            ray.init(log_to_driver=False, configure_logging=False, **cpus)
            self._ours = True
        environment = {**SINGLE_THREADED, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
        self._remote = ray.remote(num_cpus=1, max_retries=MAX_CRASHES - 1, runtime_env={"env_vars": environment})(
            _execute_task
        )
        self.capacity = 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel what is outstanding, and stop Ray where this backend started it."""
        for task in self._tasks:
            self._ray.cancel(task, force=True)
        if self._ours:
            self._ray.shutdown()

    def submit(self, run: RunSpec) -> None:
        """Queue ``run`` as a task; Ray retries it when its process dies, and it goes on from its journal."""
        self._tasks[self._remote.remote(run.to_dict(), self._journals)] = run.run_id

    def poll(self, timeout: float) -> list[Event]:
        """Return the outcomes of tasks that ended."""
        if not self._tasks:
            return []
        ready, _ = self._ray.wait(list(self._tasks), num_returns=1, timeout=timeout)
        return [self._outcome(task) for task in ready]

    def _outcome(self, task: Any) -> Outcome:
        run_id = self._tasks.pop(task)
        try:
            return Outcome(run_id, self._ray.get(task))
        except self._ray.exceptions.RayError as error:
            return Outcome(run_id, f"its Ray task died: {str(error).splitlines()[0]}")


def _execute_task(run: dict[str, Any], journals: str) -> str:
    """Execute one run in a Ray worker; return its error ("" when complete)."""
    return execute(RunSpec(**run), Path(journals)).error
