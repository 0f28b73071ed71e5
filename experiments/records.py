"""What is known about a run and about a problem once they are stored (times in seconds)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["done", "failed", "unfinished"]
Replay = Literal["none", "exact", "restarted"]


@dataclass(frozen=True)
class RunRecord:
    """One run and how it went.

    Attributes:
        run_id: hash of everything that decides the run's result.
        problem: label, key of ``Results.problems``.
        agent: label of the agent; with ``#draw`` where its hyperparameters were swept.
        agent_group: label of the agent without the draw.
        agent_name, agent_version: of the class.
        hyperparameters: the complete set in force.
        draw: position of the set in its sweep; 0 is the defaults.
        seed, budget, max_proposals: as declared.
        state: ``done``, ``failed`` (``error`` says why) or ``unfinished``.
        stop_reason: ``budget``, ``exhausted``, ``max_proposals``, or ``agent`` where a learner ended
            by itself; "" while the run is not done.
        evaluations: unique designs evaluated.
        proposals: designs proposed, repeats included.
        simulator_seconds: wall time in the simulator, every evaluation counted once.
        agent_seconds: wall time of everything else of the search but the journal, last attempt.
        wall_seconds, cpu_seconds: of the last attempt, its replay included.
        replay: whether the last attempt began from a journal, and whether it followed it exactly.
        attempts: how often the run was begun.
        host: where it finished.
        started: ISO time at which the last attempt began.
        digest: hash of the trajectory: equal for equal results, times and hosts apart.
        error: message of a failed run.
        settings: what the agent had in force, resolved settings included ({} while the run is not done);
            information only, no part of the run's identity or digest.
    """

    run_id: str
    problem: str
    agent: str
    agent_group: str
    agent_name: str
    agent_version: str
    hyperparameters: dict[str, Any]
    draw: int
    seed: int
    budget: int
    max_proposals: int
    state: State = "unfinished"
    stop_reason: str = ""
    evaluations: int = 0
    proposals: int = 0
    simulator_seconds: float = 0.0
    agent_seconds: float = 0.0
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    replay: Replay = "none"
    attempts: int = 0
    host: str = ""
    started: str = ""
    digest: str = ""
    error: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ProblemRecord:
    """One problem with its objective, complete enough to read results without building it again.

    Attributes:
        label: unique in the results.
        identity: hash of the problem's and objective's identity; equal means the same problem.
        environment, arguments: what built it.
        workload: its name.
        objective, objective_label: canonical data and short text.
        direction: which way the score is better.
        unit: of the score.
        metric_names, metric_units, metric_directions: of the simulator's metrics, in column order.
        parameters: name, values, unit of each parameter, in the order of the index columns.
        space_name, space_size: the space and its number of points (repeats and infeasible included).
        reference_design, reference_metrics, reference_score: the problem's reference design.
        targets: metric -> limit of a ``meet`` (or ``paper``) objective; empty otherwise.
        optimum: the best score of any design, where that is proven (the problem of a table), else None.
    """

    label: str
    identity: str
    environment: str
    arguments: dict[str, Any]
    workload: str
    objective: dict[str, Any]
    objective_label: str
    direction: Literal["minimize", "maximize"]
    unit: str
    metric_names: tuple[str, ...]
    metric_units: tuple[str, ...]
    metric_directions: tuple[str, ...]
    parameters: tuple[dict[str, Any], ...]
    space_name: str
    space_size: int
    reference_design: dict[str, Any]
    reference_metrics: dict[str, float]
    reference_score: float
    targets: dict[str, float] = field(default_factory=dict)
    optimum: float | None = None

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the parameters, in the order of the index columns."""
        return tuple(parameter["name"] for parameter in self.parameters)

    def decode(self, indices: list[int]) -> dict[str, Any]:
        """Return parameter -> value of one design given by its indices, length ``d``."""
        return {p["name"]: p["values"][i] for p, i in zip(self.parameters, indices, strict=True)}
