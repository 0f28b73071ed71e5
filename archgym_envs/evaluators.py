"""Evaluators: how a searcher's designs reach the simulator, and how its budget is counted.

The budget counts *unique canonical designs sent to the simulator*. A design seen before is answered
from memory for free, whichever agent, environment or wrapper asks. The budget ends the search here
and nowhere else, so no learner's own loop or batch size can overrun it::

    evaluator = BudgetedEvaluator(problem, budget=500)
    while not evaluator.stopped:
        designs = agent.ask(evaluator.remaining)
        evaluation = evaluator.evaluate(designs)          # may cover only the first of them
        agent.tell(designs[: len(evaluation)], scorer.reward(scorer.score(evaluation)), evaluation)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from simulators import ArchgymError, DesignSpace, Evaluation, InvalidInputError, Problem

StopReason = Literal["budget", "exhausted", "max_proposals"]
PROPOSALS_PER_EVALUATION = 10
"""Default ``max_proposals`` as a multiple of the budget: a searcher that repeats itself must end."""
_COUNTED_SIZE = 65536
"""Spaces up to this size are counted, so that a search can end when nothing is left to evaluate."""


class BudgetExhausted(ArchgymError):
    """Raised when a design is asked for after the budget has ended; not a user's mistake."""


class Evaluator(Protocol):
    """What an environment needs: a problem and a way to evaluate designs of its space."""

    problem: Problem

    @property
    def budget(self) -> int | None:
        """Unique designs that may be evaluated, or None where nothing is counted."""

    @property
    def remaining(self) -> int | None:
        """Unique designs that may still be evaluated."""

    def evaluate(self, indices: np.ndarray) -> Evaluation:
        """Evaluate designs ``[n, d]``; the result covers the first 1..n of them."""


@dataclass
class DirectEvaluator:
    """Evaluate everything that is asked, without a budget."""

    problem: Problem
    budget: None = None
    remaining: None = None

    def evaluate(self, indices: np.ndarray) -> Evaluation:
        """Evaluate designs ``[n, d]``; the result has n rows."""
        return self.problem.evaluate(indices)


@dataclass(frozen=True)
class FreshEvaluation:
    """One design that was sent to the simulator.

    Attributes:
        number: 1 for the first unique design of the search, and so on.
        proposal: how many designs had been proposed by then, this one included.
        design: canonical indices, shape ``[d]``.
        evaluation: its one row.
        simulator_seconds: wall time the simulator took.
    """

    number: int
    proposal: int
    design: np.ndarray
    evaluation: Evaluation
    simulator_seconds: float


class BudgetedEvaluator:
    """Count unique canonical designs against a budget and remember every answer.

    Args:
        problem: what is evaluated.
        budget: unique designs that may be simulated, at least 1.
        max_proposals: designs that may be proposed, repeats included; default 10 x budget.
        recorded: designs already evaluated (canonical index row as bytes -> one-row evaluation), as
            read back from a journal: they count against the budget when proposed, but are not
            simulated again. Looked up once per unique design, in the order of proposal.
        on_fresh: called with every newly simulated design *before* anyone is told its result. With it,
            designs are simulated one at a time, so that an interruption costs at most one; without it,
            the new designs of a batch are simulated in one call.

    Attributes:
        proposals, evaluations: counts so far.
        simulated: how many of the evaluations ran the simulator now (the others were recorded).
        stopped: why the search has ended, or None.
        simulator_seconds: wall time spent in the simulator.
    """

    def __init__(
        self,
        problem: Problem,
        budget: int,
        max_proposals: int | None = None,
        recorded: Mapping[bytes, Evaluation] | None = None,
        on_fresh: Callable[[FreshEvaluation], None] | None = None,
    ) -> None:
        if isinstance(budget, bool) or not isinstance(budget, int | np.integer) or budget < 1:
            raise InvalidInputError(f"the budget must be an integer of at least 1 evaluation, got {budget!r}")
        self.problem = problem
        self.budget = budget
        self.max_proposals = max_proposals or PROPOSALS_PER_EVALUATION * budget
        self.proposals = self.evaluations = self.simulated = 0
        self.stopped: StopReason | None = None
        self.simulator_seconds = 0.0
        self._recorded = recorded or {}
        self._on_fresh = on_fresh
        self._memory: dict[bytes, Evaluation] = {}
        self._ahead: dict[bytes, Evaluation] = {}
        self._available = countable(problem.space, budget)
        self._feasible_seen = 0

    @property
    def remaining(self) -> int:
        """Unique designs that may still be evaluated (0 once the search has stopped)."""
        return 0 if self.stopped else self.budget - self.evaluations

    def evaluate(self, indices: np.ndarray) -> Evaluation:
        """Evaluate designs ``[n, d]`` in order until the budget ends.

        Returns:
            The evaluation of the first k designs, 1 <= k <= n; ``stopped`` says why k < n.

        Raises:
            BudgetExhausted: the search had already ended before the first design.
            InvalidInputError: indices outside the space.
        """
        canonical = self.problem.space.canonical(indices)
        rows: list[Evaluation] = []
        if self._on_fresh is None and not self._recorded and len(canonical) > 1:
            self._simulate_ahead(canonical)
        for design in canonical:
            if self.stopped:
                break
            rows.append(self._evaluate_one(design))
        if not rows:
            raise BudgetExhausted(
                f"the search has ended ({self.stopped}): {self.evaluations} of {self.budget} evaluations used, "
                f"{self.proposals} of {self.max_proposals} proposals made"
            )
        return rows[0] if len(rows) == 1 else Evaluation.concatenate(rows)

    def _evaluate_one(self, design: np.ndarray) -> Evaluation:
        self.proposals += 1
        key = design_key(design)
        known = self._memory.get(key)
        if known is None:
            known = self._memory[key] = self._evaluate_new(key, design)
        if self.evaluations >= self.budget:
            self.stopped = "budget"
        elif self._available is not None and self._feasible_seen >= self._available:
            self.stopped = "exhausted"
        elif self.proposals >= self.max_proposals:
            self.stopped = "max_proposals"
        return known

    def _evaluate_new(self, key: bytes, design: np.ndarray) -> Evaluation:
        row = design[None, :]
        self.evaluations += 1
        if self._available is not None:
            self._feasible_seen += int(self.problem.space.feasible(row)[0])
        recorded = self._recorded.get(key)
        if recorded is not None:
            return recorded
        if key in self._ahead:
            self.simulated += 1
            return self._ahead.pop(key)
        start = time.perf_counter()
        evaluation = self.problem.evaluate(row)
        elapsed = time.perf_counter() - start
        self.simulated += 1
        self.simulator_seconds += elapsed
        if self._on_fresh is not None:
            self._on_fresh(FreshEvaluation(self.evaluations, self.proposals, design.copy(), evaluation, elapsed))
        return evaluation

    def _simulate_ahead(self, canonical: np.ndarray) -> None:
        """Simulate in one call the designs of this batch that the budget is going to reach."""
        reachable = canonical[: self.max_proposals - self.proposals]
        new = {design_key(design): design for design in reachable}
        keys = [key for key in new if key not in self._memory][: self.remaining]
        if keys:
            start = time.perf_counter()
            evaluation = self.problem.evaluate(np.stack([new[key] for key in keys]))
            self.simulator_seconds += time.perf_counter() - start
            self._ahead = {key: evaluation.take(np.array([row])) for row, key in enumerate(keys)}


def design_key(design: np.ndarray) -> bytes:
    """Return what identifies a canonical design, shape ``[d]``, in memories and journals."""
    return np.ascontiguousarray(design, dtype=np.int64).tobytes()


def countable(space: DesignSpace, budget: int) -> int | None:
    """Return how many distinct feasible designs there are where that may end the search, else None."""
    return space.count() if space.size <= max(_COUNTED_SIZE, min(16 * budget, 2**22)) else None
