"""The grammar of an experiment config, as typed models (structure only; names are checked in prepare)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from archgym_envs.evaluators import PROPOSALS_PER_EVALUATION
from experiments.config_errors import shown

MOST_EVALUATIONS = 1_000_000_000
"""Largest budget and proposal limit of a run."""
MOST_RUNS = 1_000_000
"""Most seeds, and most runs, of one experiment."""
MOST_DRAWS = 10_000
"""Most sets of hyperparameters of one sweep."""
LARGEST_SEED = 2**63 - 1
"""Seeds are stored as signed 64-bit integers."""
PositiveInt = Annotated[int, Field(strict=True, ge=1)]
Count = Annotated[int, Field(strict=True, ge=1, le=MOST_EVALUATIONS)]
AGENT_OPTIONS = ("label", "sweep")
"""Keys below an agent's name that are not hyperparameters."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=False)


class SweepConfig(_Model):
    """``sweep: {draws: 8}``: run the agent with several sets of hyperparameters.

    Attributes:
        draws: how many sets; the first one is the defaults, the others come from declared ranges.
        seed: decides the sets; more draws under the same seed keep the earlier ones.
    """

    draws: Annotated[int, Field(strict=True, ge=1, le=MOST_DRAWS)]
    seed: Annotated[int, Field(strict=True, ge=0, le=LARGEST_SEED)] = 0


class ProblemConfig(_Model):
    """One problem to search.

    Attributes:
        environment: a registered id such as ``archgym/MemoryController-v0``.
        arguments: the environment's arguments (workload, space, mode ...); its defaults otherwise.
        objective: ``{minimize: METRIC}``, ``{meet: {METRIC: LIMIT}}`` ...; None: the environment's own.
        label: what tables call the problem; default: made of environment, workload and objective.
    """

    environment: Annotated[str, Field(strict=True)]
    arguments: dict[str, Any] = {}
    objective: dict[str, Any] | None = None
    label: Annotated[str, Field(strict=True, min_length=1)] | None = None


class AgentConfig(_Model):
    """One agent: written ``genetic`` or ``{genetic: {population: 32, label: big, sweep: {draws: 8}}}``.

    Attributes:
        name: a registered agent.
        label: what tables call it; default its name.
        hyperparameters: those that differ from the agent's defaults.
        sweep: several sets of hyperparameters; those given above stay fixed in all of them.
    """

    name: Annotated[str, Field(strict=True)]
    label: Annotated[str, Field(strict=True, min_length=1)] | None = None
    hyperparameters: dict[str, Any] = {}
    sweep: SweepConfig | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_grammar(cls, data: Any) -> Any:
        if isinstance(data, str):
            return {"name": data}
        if not isinstance(data, Mapping) or len(data) != 1:
            raise ValueError(f"expected an agent's name or {{name: {{hyperparameters}}}}, got {shown(data)}")
        name, options = next(iter(data.items()))
        options = {} if options is None else options
        if not isinstance(options, Mapping):
            raise ValueError(f"expected {name}: {{hyperparameters}}, got {shown(options)}")
        rest = {str(key): value for key, value in options.items() if key not in AGENT_OPTIONS}
        chosen = {key: options[key] for key in AGENT_OPTIONS if key in options}
        return {"name": name, "hyperparameters": rest, **chosen}

    def to_grammar(self) -> str | dict[str, Any]:
        """Return the entry as it is written in YAML."""
        options: dict[str, Any] = dict(self.hyperparameters)
        if self.label is not None:
            options["label"] = self.label
        if self.sweep is not None:
            options["sweep"] = self.sweep.model_dump()
        return {self.name: options} if options else self.name


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, int) and not isinstance(value, bool) else value


def _check_seed_sizes(seeds: int | list[int]) -> None:
    """Raise ValueError where there are too many seeds or one is too large to be stored."""
    count = len(seeds) if isinstance(seeds, list) else seeds
    if count > MOST_RUNS:
        raise ValueError(f"expected at most {MOST_RUNS} seeds, got {count}")
    if isinstance(seeds, list) and max(seeds) > LARGEST_SEED:
        raise ValueError(f"expected seeds of at most {LARGEST_SEED} (2^63 - 1), got {max(seeds)}")


class CompareConfig(_Model):
    """How results are compared.

    Attributes:
        baseline: label of the agent that the others are tested against; default: the first agent.
        at: evaluations at which agents are compared; those beyond the budget are left out, and the
            budget itself always is one.
        confidence: of intervals, in (0, 1).
        resamples: of the bootstrap.
    """

    baseline: Annotated[str, Field(strict=True)] | None = None
    at: Annotated[list[PositiveInt], BeforeValidator(_one_or_many)] = []
    confidence: Annotated[float, Field(strict=True, gt=0, lt=1)] = 0.95
    resamples: PositiveInt = 2000


class ExecutionConfig(_Model):
    """Where runs are executed; it never changes their results.

    Attributes:
        backend: ``local`` processes or ``ray`` tasks.
        workers: how many at once; ``auto``: one per core; 0: in this very process (for debugging).
    """

    backend: Literal["local", "ray"] = "local"
    workers: int | Literal["auto"] = "auto"

    @field_validator("workers", mode="before")
    @classmethod
    def _check_workers(cls, value: Any) -> Any:
        if value == "auto" or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
            return value
        raise ValueError(f"expected 'auto' or an integer of at least 0, got {shown(value)}")


class ExperimentConfig(_Model):
    """An experiment: every agent on every problem for every seed, under one budget.

    Attributes:
        name: of the experiment and of its result directory: letters, digits, ``-``, ``_`` and ``.``.
        problems, agents: at least one each.
        budget: unique designs a run may evaluate.
        seeds: a count n (seeds 0..n-1) or a list of different seeds.
        max_proposals: designs a run may propose, repeats included, at least the budget; default 10 x budget.
        output: result directory; default ``results/<name>``.
    """

    name: Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    problems: Annotated[list[ProblemConfig], Field(min_length=1)]
    agents: Annotated[list[AgentConfig], Field(min_length=1)]
    budget: Count
    seeds: int | list[int] = 10
    max_proposals: Count | None = None
    compare: CompareConfig = CompareConfig()
    execution: ExecutionConfig = ExecutionConfig()
    output: Annotated[str, Field(strict=True, min_length=1)] | None = None

    @field_validator("seeds", mode="before")
    @classmethod
    def _check_seeds(cls, value: Any) -> Any:
        many = value if isinstance(value, list) else [value]
        whole = all(isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0 for seed in many)
        if whole and (len(set(many)) == len(many) > 0 if isinstance(value, list) else value >= 1):
            _check_seed_sizes(value)
            return value
        raise ValueError(
            "expected a count of at least 1 (seeds 0..count-1) or a list of different integers "
            f"of at least 0, got {shown(value)}"
        )

    @field_validator("max_proposals")
    @classmethod
    def _check_max_proposals(cls, value: int | None, info: ValidationInfo) -> int | None:
        budget = info.data.get("budget")
        if value is not None and budget is not None and value < budget:
            raise ValueError(
                f"expected at least the budget, {budget} (a design is proposed before it is evaluated), got {value}"
            )
        return value

    @model_validator(mode="after")
    def _check_run_count(self) -> ExperimentConfig:
        seeds = len(self.seeds) if isinstance(self.seeds, list) else self.seeds
        draws = sum(agent.sweep.draws if agent.sweep else 1 for agent in self.agents)
        total = len(self.problems) * draws * seeds
        if total > MOST_RUNS:
            raise ValueError(
                f"this would be {total} runs ({len(self.problems)} problems x {draws} agents or hyperparameter draws "
                f"x {seeds} seeds), but an experiment has at most {MOST_RUNS}; "
                "take fewer seeds or draws, or split it into several experiments"
            )
        return self

    @property
    def seed_list(self) -> tuple[int, ...]:
        """The seeds themselves."""
        return tuple(self.seeds) if isinstance(self.seeds, list) else tuple(range(self.seeds))

    @property
    def proposal_limit(self) -> int:
        """``max_proposals``, or its default of 10 x budget (never above what ``max_proposals`` allows)."""
        return self.max_proposals or min(PROPOSALS_PER_EVALUATION * self.budget, MOST_EVALUATIONS)

    @property
    def checkpoints(self) -> tuple[int, ...]:
        """The evaluations at which agents are compared, ascending; the last one is the budget."""
        return tuple(sorted({at for at in self.compare.at if at < self.budget} | {self.budget}))

    def to_dict(self) -> dict[str, Any]:
        """Return the config in the grammar of the YAML files, every default spelled out."""
        data = self.model_dump(mode="json", exclude={"agents"}, exclude_none=True)
        data["agents"] = [agent.to_grammar() for agent in self.agents]
        data["max_proposals"] = self.proposal_limit
        order = [name for name in type(self).model_fields if name in data]
        return {name: data[name] for name in order}
