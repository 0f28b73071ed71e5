"""What a comparison consists of: plain records, numbers in the objective's own units."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from rich.console import RenderableType

Conclusion = Literal["better", "worse", "not distinguishable"]


@dataclass(frozen=True)
class TargetSummary:
    """How often and how soon an agent met the specification.

    Attributes:
        reached: runs that met it.
        success_rate: their share; ``low`` and ``high`` its Wilson interval.
        median: evaluations of the median run, ``inf`` when half of the runs or more did not get there.
        restricted_mean: mean of min(evaluations, budget).
        expected: evaluations spent per success, ``inf`` without success.
    """

    reached: int
    success_rate: float
    low: float
    high: float
    median: float
    restricted_mean: float
    expected: float


@dataclass(frozen=True)
class AgentSummary:
    """One agent on one problem after ``at`` evaluations, over its counted runs; scores in the objective's units.

    Attributes:
        agent: its label.
        at: evaluations.
        runs: runs that count; ``left_out`` failed or did not get that far.
        median, lower_quartile, upper_quartile, best, worst: of the runs' best scores.
        iqm, iqm_low, iqm_high: interquartile mean with its stratified bootstrap interval.
        beats_reference: runs whose best design is strictly better than the reference design.
        target: for ``meet`` objectives.
        regret: median simple regret where the optimum is known; ``found_optimum`` the runs whose best score it is.
    """

    agent: str
    at: int
    runs: int
    left_out: int
    median: float
    lower_quartile: float
    upper_quartile: float
    iqm: float
    iqm_low: float
    iqm_high: float
    best: float
    worst: float
    beats_reference: int
    target: TargetSummary | None
    regret: float | None = None
    found_optimum: int | None = None


@dataclass(frozen=True)
class AgentCost:
    """What an agent's runs cost on average, over runs that ended by themselves.

    ``simulator_seconds`` and ``agent_seconds`` are wall time in the simulator and in the agent; ``proposals`` counts
    repeats, ``evaluations`` unique designs. NaN without such runs.
    """

    agent: str
    runs: int
    failed: int
    unfinished: int
    simulator_seconds: float
    agent_seconds: float
    wall_seconds: float
    evaluations: float
    proposals: float


@dataclass(frozen=True)
class BaselineTest:
    """One agent against the baseline at the final budget; p-values are one-sided, adjusted ones by Holm.

    ``superiority`` is A12 and ``effect`` its word, "" where so few runs could not have given a significant p.
    """

    agent: str
    baseline: str
    superiority: float
    effect: str
    p_better: float
    p_worse: float
    adjusted_better: float
    adjusted_worse: float
    conclusion: Conclusion


@dataclass(frozen=True)
class PairTest:
    """Two agents at the final budget; ``p`` is two-sided and ``conclusion`` says what ``first`` is to ``second``.

    ``effect`` is as of :class:`BaselineTest`.
    """

    first: str
    second: str
    superiority: float
    effect: str
    p: float
    adjusted: float
    conclusion: Conclusion


@dataclass(frozen=True)
class DrawSummary:
    """One hyperparameter draw of an agent: its settings and the quartiles of its seeds' final scores."""

    draw: int
    hyperparameters: dict[str, Any]
    runs: int
    median: float
    lower_quartile: float
    upper_quartile: float


@dataclass(frozen=True)
class DrawSpread:
    """Hyperparameter spread apart from seed spread.

    Attributes:
        agent: its label.
        over_draws: interquartile range of the draws' medians: what the choice of hyperparameters changes.
        over_seeds: median over draws of the seeds' interquartile range: what luck changes.
        draws: every draw, best median first.
    """

    agent: str
    over_draws: float
    over_seeds: float
    draws: tuple[DrawSummary, ...]


@dataclass(frozen=True)
class ProblemComparison:
    """Everything about one problem.

    Attributes:
        problem: its label; environment, workload and objective say what it is.
        direction, unit, targets: of the objective's score.
        optimum: the proven best score of any design, or None.
        reference: the reference design's score; ``reference_met`` whether it meets the specification (None: no such).
        budget: evaluations that every run was given.
        summaries: per checkpoint, the agents with the best median first.
        verdict: sentences, the most important one first.
    """

    problem: str
    environment: str
    workload: str
    objective: str
    direction: str
    unit: str
    targets: dict[str, float]
    reference: float
    reference_met: bool | None
    budget: int
    summaries: dict[int, tuple[AgentSummary, ...]]
    costs: tuple[AgentCost, ...]
    baseline_tests: tuple[BaselineTest, ...]
    pair_tests: tuple[PairTest, ...]
    winner: str | None
    draws: tuple[DrawSpread, ...]
    verdict: tuple[str, ...]
    notes: tuple[str, ...]
    optimum: float | None = None

    @property
    def title(self) -> str:
        """The label and, unless that says it already, the objective."""
        return self.problem if self.objective in self.problem else f"{self.problem}: {self.objective}"

    @property
    def measure(self) -> str:
        """What runs are compared by."""
        return "Hypervolume" if self.objective.startswith("pareto ") else "Best score"

    @property
    def final(self) -> tuple[AgentSummary, ...]:
        """The agents at the final budget, best median first."""
        return self.summaries[self.budget]


@dataclass(frozen=True)
class OverallSummary:
    """One agent over all problems: interquartile mean of the gap closed between reference and best known design."""

    agent: str
    runs: int
    iqm: float
    iqm_low: float
    iqm_high: float


@dataclass(frozen=True)
class Comparison:
    """The result of :func:`compare`; ``to_dict`` gives JSON data, ``render`` tables for a terminal.

    ``notes`` are those about the whole comparison first, then every problem's own.
    """

    baseline: str | None
    confidence: float
    resamples: int
    families: tuple[str, ...]
    problems: tuple[ProblemComparison, ...]
    overall: tuple[OverallSummary, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-serialisable data; ``null`` stands for an infinite or undefined number."""
        data: dict[str, Any] = plain_json(asdict(self))
        return data

    def render(self) -> RenderableType:
        """Return rich tables that fit 80 columns."""
        from experiments.comparison_view import render

        return render(self)


def plain_json(value: Any) -> Any:
    """Return ``value`` as strict JSON data: plain keys and numbers, ``None`` for what JSON cannot write."""
    if isinstance(value, dict):
        return {str(key): plain_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(item) for item in value]
    if isinstance(value, np.generic):
        return plain_json(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
