"""A stand-in for loaded results: score curves given by hand, everything else filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from experiments.records import ProblemRecord, RunRecord

Curves = Mapping[str, Sequence[Sequence[float]]]
"""Agent label (``name`` or ``name#draw``) -> one sequence of scores per run; the seed is its position."""


def problem_record(label: str = "controller", **changes: Any) -> ProblemRecord:
    record = ProblemRecord(
        label=label,
        identity="0" * 16,
        environment="archgym/MemoryController-v0",
        arguments={"workload": "synthetic/streaming", "space": "default"},
        workload="synthetic/streaming",
        objective={"minimize": "energy_pj", "version": 1},
        objective_label="minimize energy_pj",
        direction="minimize",
        unit="pJ",
        metric_names=("energy_pj", "makespan_ns"),
        metric_units=("pJ", "ns"),
        metric_directions=("minimize", "minimize"),
        parameters=(
            {"name": "page_policy", "values": ["Open", "Closed"], "unit": None},
            {"name": "request_buffer_size", "values": [1, 2, 4, 8], "unit": None},
        ),
        space_name="default",
        space_size=8,
        reference_design={"page_policy": "Open", "request_buffer_size": 8},
        reference_metrics={"energy_pj": 100.0, "makespan_ns": 50.0},
        reference_score=100.0,
        targets={},
    )
    return replace(record, **changes)


def meet_record(label: str = "specification", **changes: Any) -> ProblemRecord:
    defaults: dict[str, Any] = {
        "objective": {"meet": {"makespan_ns": 40.0}, "version": 1},
        "objective_label": "meet makespan_ns 40",
        "unit": "1",
        "reference_score": 0.25,
        "targets": {"makespan_ns": 40.0},
    }
    return problem_record(label, **{**defaults, **changes})


@dataclass
class FakeResults:
    problems: dict[str, ProblemRecord]
    runs: tuple[RunRecord, ...]
    curves: dict[str, np.ndarray]
    config: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=lambda: {"archgym": "0.0.test", "python": "3.11", "host": "h1"})
    digest: str = "d1g35t"

    def scores(self, run_id: str) -> np.ndarray:
        return self.curves[run_id]

    def best_designs(self, problem: str, count: int) -> list[dict[str, Any]]:
        record = self.problems[problem]
        finals = [(run, self.curves[run.run_id]) for run in self.runs if run.problem == problem]
        finals = [(run, np.nanmin(curve)) for run, curve in finals if np.isfinite(curve).any()]
        found = sorted(finals, key=lambda pair: pair[1])[:count]
        return [
            {
                "problem": problem,
                "design": {**record.reference_design, "page_policy": "Closed"},
                "metrics": {"energy_pj": float(score), "makespan_ns": 45.0},
                "score": float(score),
                "agent": run.agent,
                "seed": run.seed,
                "run_id": run.run_id,
                "met": bool("meet" in record.objective and score <= 0),
            }
            for run, score in found
        ]


def fake_results(
    problems: Mapping[ProblemRecord | str, Curves] | Sequence[tuple[ProblemRecord, Curves]],
    budget: int | None = None,
    config: Mapping[str, Any] | None = None,
    **changes: Mapping[str, Any],
) -> FakeResults:
    """Build results; ``changes`` maps a run id such as ``"p0-genetic-3"`` (dashes as ``_``) to changed fields."""
    pairs = list(problems.items()) if isinstance(problems, Mapping) else list(problems)
    runs, curves = [], {}
    for number, (record, agents) in enumerate(pairs):
        for label, listed in agents.items():
            group, _, draw = label.partition("#")
            for seed, values in enumerate(listed):
                run_id = f"p{number}_{label}_{seed}"
                run = RunRecord(
                    run_id=run_id,
                    problem=record.label,
                    agent=label,
                    agent_group=group,
                    agent_name=group,
                    agent_version="1",
                    hyperparameters={"rate": int(draw or 0) / 10},
                    draw=int(draw or 0),
                    seed=seed,
                    budget=budget or len(values),
                    max_proposals=10 * (budget or len(values)),
                    state="done",
                    stop_reason="budget",
                    evaluations=len(values),
                    proposals=len(values) + 1,
                    simulator_seconds=1.0,
                    agent_seconds=0.5,
                    wall_seconds=1.6,
                    cpu_seconds=1.5,
                    host="h1",
                    started="2026-01-01T00:00:00",
                )
                runs.append(replace(run, **changes.get(run_id, {})))
                curves[run_id] = np.asarray(values, dtype=np.float64)
    return FakeResults({record.label: record for record, _ in pairs}, tuple(runs), curves, dict(config or {}))


def searches(rng: np.random.Generator, runs: int, length: int, low: float, spread: float = 1.0) -> list[list[float]]:
    """Return noisy score sequences whose best approaches ``low`` from above."""
    return [(low + spread * rng.exponential(size=length)).tolist() for _ in range(runs)]
