"""Runs: what an experiment consists of, each identified by a hash of all that decides its result.

A run = (problem, objective, agent, hyperparameters, seed, budget). Labels, workers, hosts, package
versions and the order of the config take no part in its identity; the versions that simulators,
objectives and agents declare do.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from archgym_envs.scoring import Scorer
from experiments.config_errors import Complaint, ConfigError, dotted
from experiments.config_models import ExperimentConfig
from experiments.identity import canonical_json, digest_of
from experiments.prepare import PreparedAgent, PreparedProblem, prepare, problem_identity
from experiments.records import ProblemRecord, RunRecord
from simulators import ArchgymError

RUN_ID_LENGTH = 24
"""Hexadecimal digits of a run's id: 96 bits, no collision to be feared among 10^9 runs."""


@dataclass(frozen=True)
class RunSpec:
    """One run, as plain data that any process can execute.

    Attributes:
        run_id: hash of its identity.
        problem: label of the problem in this experiment.
        environment, environment_entry, arguments: the id, and what builds the problem.
        problem_digest: hash of the problem's identity, which what was built must have.
        objective: canonical data.
        agent, agent_group: label with and without the number of the hyperparameter draw.
        agent_name, agent_entry, agent_version: the class.
        hyperparameters: the complete set; ``draw`` is its position in the sweep.
        seed, budget, max_proposals: as declared.
    """

    run_id: str
    problem: str
    environment: str
    environment_entry: str
    arguments: dict[str, Any]
    problem_digest: str
    objective: dict[str, Any]
    agent: str
    agent_group: str
    agent_name: str
    agent_entry: str
    agent_version: str
    hyperparameters: dict[str, Any]
    draw: int
    seed: int
    budget: int
    max_proposals: int

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-serialisable data; ``RunSpec(**data)`` reads it back."""
        return asdict(self)

    def record(self) -> RunRecord:
        """Return the record of this run before it has begun."""
        shared = {name: getattr(self, name) for name in RunRecord.__dataclass_fields__ if hasattr(self, name)}
        return RunRecord(**shared)


def expand(config: ExperimentConfig) -> list[RunSpec]:
    """Return the runs of ``config``, seed by seed, so that an unfinished experiment is balanced.

    Raises:
        ConfigError: the config names things that do not exist, or the same thing twice.
    """
    return expand_prepared(config, *prepare(config))


def expand_prepared(
    config: ExperimentConfig, problems: list[PreparedProblem], agents: list[PreparedAgent]
) -> list[RunSpec]:
    """Return the runs of problems x agents x hyperparameter draws x seeds; see :func:`expand`."""
    identities = {problem.label: problem_identity(problem) for problem in problems}
    return [
        _run(config, problem, identities[problem.label], agent, draw, seed)
        for seed in config.seed_list
        for problem in problems
        for agent in agents
        for draw in agent.draws
    ]


def describe_problem(problem: PreparedProblem, scorer: Scorer) -> ProblemRecord:
    """Return the record that lets results be read without building the problem again."""
    built, objective = problem.problem, problem.objective
    metrics = built.simulator.metrics
    return ProblemRecord(
        label=problem.label,
        identity=problem_identity(problem),
        environment=problem.environment,
        arguments=json.loads(canonical_json(problem.arguments)),
        workload=str(getattr(built.workload, "name", "")),
        objective=objective.to_dict(),
        objective_label=objective.label(),
        direction=objective.direction,
        unit=scorer.unit,
        metric_names=tuple(metric.name for metric in metrics),
        metric_units=tuple(metric.unit for metric in metrics),
        metric_directions=tuple(metric.direction for metric in metrics),
        parameters=tuple({"name": p.name, "values": list(p.values), "unit": p.unit} for p in built.space.parameters),
        space_name=built.space.name,
        space_size=built.space.size,
        reference_design=built.space.describe(built.reference_indices[0]),
        reference_metrics=built.reference.row(),
        reference_score=float(scorer.reference_score),
        targets=dict(zip(objective.metrics, objective.targets, strict=True)) if objective.targets else {},
        optimum=scorer.optimum(built),
    )


def bind_scorers(problems: list[PreparedProblem]) -> dict[str, Scorer]:
    """Return label -> objective bound to its problem; simulates each reference design.

    Raises:
        ConfigError: an objective that cannot be bound, or a reference design that cannot be simulated.
    """
    scorers, complaints = {}, []
    for index, problem in enumerate(problems):
        try:
            scorers[problem.label] = Scorer(problem.objective, problem.problem)
        except ArchgymError as error:
            complaints.append(Complaint(dotted(("problems", index)), str(error)))
    if complaints:
        raise ConfigError(complaints)
    return scorers


def _run(
    config: ExperimentConfig, problem: PreparedProblem, identity: str, agent: PreparedAgent, draw: int, seed: int
) -> RunSpec:
    decisive = {
        "problem": identity,
        "agent": [agent.name, agent.version],
        "hyperparameters": agent.draws[draw],
        "seed": seed,
        "budget": config.budget,
        "max_proposals": config.proposal_limit,
    }
    return RunSpec(
        run_id=digest_of(decisive)[:RUN_ID_LENGTH],
        problem=problem.label,
        environment=problem.environment,
        environment_entry=problem.entry_point,
        arguments=problem.arguments,
        problem_digest=digest_of(problem.problem.identity()),
        objective=problem.objective.to_dict(),
        agent=f"{agent.label}#{draw}" if len(agent.draws) > 1 else agent.label,
        agent_group=agent.label,
        agent_name=agent.name,
        agent_entry=agent.entry_point,
        agent_version=agent.version,
        hyperparameters=agent.draws[draw],
        draw=draw,
        seed=seed,
        budget=config.budget,
        max_proposals=config.proposal_limit,
    )
