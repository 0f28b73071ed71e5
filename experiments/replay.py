"""Answering a search from its journal, so that nothing journalled is simulated again.

The budgeted evaluator asks this mapping once for every design that is new to the search, in the
order of the search. That order is the proof: an agent that is deterministic given its seed and what
it was told asks for the journalled designs one after the other, and only then for a fresh one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from archgym_envs.evaluators import BudgetedEvaluator, design_key
from experiments.journal import Entry
from simulators import ArchgymError, Evaluation, Metric


class ReplayDiverged(ArchgymError):
    """The agent did not ask for what the journal says it asked for."""


def entry_key(entry: Entry) -> bytes:
    """Return the evaluator's key of a journalled design."""
    return design_key(np.asarray(entry.design, dtype=np.int64))


def evaluation_of(entry: Entry, metrics: tuple[Metric, ...]) -> Evaluation:
    """Return the journalled evaluation, one row, bit for bit."""
    hints = {name: np.array([text]) for name, text in entry.hints.items()}
    if entry.values is None:
        return replace(Evaluation.invalid(metrics, [entry.reason]), diagnostics=hints)
    return Evaluation.of_valid(metrics, np.array([entry.values], dtype=np.float64), hints)


def hints_of(evaluation: Evaluation) -> dict[str, str]:
    """Return the text diagnostics of an evaluation of one row: what an agent may be led by."""
    first = {name: np.asarray(array)[0] for name, array in evaluation.diagnostics.items()}
    return {name: str(text) for name, text in first.items() if isinstance(text, str)}


class Replay(Mapping[bytes, Evaluation]):
    """What a journal can answer.

    * ``entries``, the run so far: they must be asked for first, in their order and at the same
      proposals; asking advances.
    * ``earlier``, evaluations from before a restart: in any order, so that nothing is simulated
      twice; ``on_recall`` is told of each before anyone else, to journal it as part of the run.

    Whatever else is asked for is not found, so that the evaluator simulates it.

    Raises (from asking):
        ReplayDiverged: one of the first ``len(entries)`` questions is not the journalled one.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        earlier: Sequence[Entry],
        metrics: tuple[Metric, ...],
        on_recall: Callable[[Entry], None],
    ) -> None:
        self._entries, self._metrics, self._on_recall = entries, metrics, on_recall
        self._earlier = {entry_key(entry): entry for entry in earlier}
        self._position = 0
        self.evaluator: BudgetedEvaluator | None = None

    def __getitem__(self, key: bytes) -> Evaluation:
        """Return the journalled evaluation of ``key``; KeyError where there is none."""
        if self._position < len(self._entries):
            return evaluation_of(self._next(key), self._metrics)
        entry = self._earlier[key]
        self._on_recall(entry)
        return evaluation_of(entry, self._metrics)

    def _next(self, key: bytes) -> Entry:
        entry = self._entries[self._position]
        proposal = self.evaluator.proposals if self.evaluator is not None else entry.proposal
        if entry_key(entry) != key or entry.proposal != proposal:
            raise ReplayDiverged(f"evaluation {entry.number} of the replay is not the journalled one")
        self._position += 1
        return entry

    def check_complete(self) -> None:
        """Raise ReplayDiverged when the search ended before it had asked for every journalled design."""
        if self._position < len(self._entries):
            raise ReplayDiverged(
                f"the replay ended after {self._position} of {len(self._entries)} journalled evaluations"
            )

    def __iter__(self) -> Iterator[bytes]:
        """Iterate over the keys of the run so far, then over the earlier ones."""
        yield from map(entry_key, self._entries)
        yield from self._earlier

    def __len__(self) -> int:
        """Return the number of answers."""
        return len(self._entries) + len(self._earlier)
