"""What the native policy-gradient searchers share: asking, telling, and learning on-policy from a memory."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
from pydantic import BaseModel

from agents.base import Agent, Hyperparameters, hyperparameter
from agents.memory import Memory
from agents.policies import Factors, TablePolicy, normalised
from agents.sweeps import Choice, Integer, LogUniform
from simulators import DesignSpace, Evaluation

_TEMPERATURES = 1.25 ** np.arange(1, 17)
"""Of the draws that look for a new design where the policy finds nothing new: up to 36."""
_PENDING = 64
"""Draws that wait for their rewards, in batches; older ones are forgotten."""


class PolicySearchHyperparameters(Hyperparameters):
    """Hyperparameters that all native policy-gradient searchers have."""

    batch: int = hyperparameter(
        8,
        "Designs proposed per ask, and draws per policy update at least. Trap: budget / batch is about the number of "
        "updates; keep it above 30.",
        sweep=Integer(4, 32, log=True),
        ge=1,
    )
    learning_rate: float = hyperparameter(
        3.0,
        "Step of plain gradient ascent on the logits (Adam, whose steps are of one size for all logits, found less). "
        "Trap: it is no network's: 3e-4 does not move a table within a few hundred designs; above 10 the first good "
        "design is the last.",
        sweep=LogUniform(1.0, 10.0),
        gt=0.0,
    )
    entropy: float = hyperparameter(
        0.2,
        "Weight of the policy's entropy, relative to advantages of unit spread (Williams and Peng, Connection "
        "Science 3, 1991). Trap: at 0 the policy collapses onto one design, from 0.4 on it stays random.",
        sweep=LogUniform(0.05, 0.35),
        ge=0.0,
    )
    normalisation: Literal["ranks", "moments"] = hyperparameter(
        "ranks",
        "How rewards become advantages: ranks among the last draws, or their distance from the running mean in "
        "standard deviations. Trap: with moments one failed design (-10) makes all others look alike.",
        sweep=Choice("ranks", "moments"),
    )
    window: int = hyperparameter(
        64,
        "Draws that the running baseline looks back on. Trap: a long one judges today's draws by a policy of long ago: "
        "all look good.",
        sweep=Integer(16, 256, log=True),
        ge=2,
    )
    recall: int = hyperparameter(
        4,
        "Draws per ask at most, as a multiple of the batch: a draw that is known is not proposed again, its remembered "
        "reward is learned from. Trap: many cost time and find little.",
        sweep=Integer(1, 16, log=True),
        ge=1,
    )


P_co = TypeVar("P_co", bound=PolicySearchHyperparameters, covariant=True)


@dataclass(frozen=True)
class Batch:
    """Draws that a policy learns from.

    Attributes:
        choices: of each factor, int64 ``[n, f]``.
        log_probabilities: of these when they were drawn, ``[n, f]``.
        active: 1 where the factor had an effect on the design, else 0, ``[n, f]``.
        rewards: ``[n]``.
    """

    choices: np.ndarray
    log_probabilities: np.ndarray
    active: np.ndarray
    rewards: np.ndarray


class PolicySearch(Agent[P_co]):
    """Ask draws from the policy, tell completes batches of draws, a subclass learns from them.

    A draw that was told before is not proposed again: a simulator is deterministic, so its remembered reward stands
    for another evaluation, and the batch stays on-policy although the budget pays for new designs only. Infeasible
    draws are discarded. Where ``recall`` x batch draws hold nothing new, one design is drawn from the policy at rising
    temperature (then at random); like told designs that were never asked it is remembered but not a draw of the policy,
    and nothing is learned from it until the policy draws it.
    """

    def __init__(
        self, space: DesignSpace, seed: int, hyperparameters: BaseModel | Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(space, seed, hyperparameters)
        self._memory = Memory(space)
        self._rewards: dict[bytes, float] = {}
        self._keys: list[bytes] = []
        self._window = np.empty(0)
        self._begin()

    def ask(self, n: int) -> np.ndarray:
        """Propose up to ``min(n, batch)`` designs that are new."""
        wanted, batch = min(n, self.hyperparameters.batch), self.hyperparameters.batch
        new: dict[bytes, np.ndarray] = {}
        self._draw(batch, wanted, new)
        if len(new) < wanted and self.hyperparameters.recall > 1:
            self._draw((self.hyperparameters.recall - 1) * batch, wanted, new)
        return np.stack(list(new.values())) if new else self._explore(max(1, wanted // 4))

    def tell(self, designs: np.ndarray, rewards: np.ndarray, evaluation: Evaluation | None = None) -> None:
        """Remember the rewards; learn as soon as those of a batch of draws are known."""
        self._memory.add(designs)
        self._rewards.update(zip(self._keys_of(designs), np.asarray(rewards, dtype=np.float64).tolist(), strict=True))
        known = np.array([key in self._rewards for key in self._keys], dtype=bool)
        if known.sum() >= self.hyperparameters.batch:
            self._learn(self._take(known))

    @abstractmethod
    def _learn(self, batch: Batch) -> None:
        """Improve the policy."""

    def _begin(self, columns: Sequence[Sequence[int]] | None = None) -> None:
        """Start with a uniform policy whose factors choose these columns, and no draws."""
        self._factors = Factors(self.space, columns)
        self._policy = TablePolicy(self._factors.counts)
        self._choices = np.empty((0, len(self._factors.counts)), dtype=np.int64)
        self._log_probabilities = np.empty((0, len(self._factors.counts)))
        self._keys = []

    def _draw(self, count: int, wanted: int, new: dict[bytes, np.ndarray]) -> None:
        """Draw ``count`` designs, or up to the one that makes ``wanted`` new ones; they wait for their rewards."""
        choices = self._policy.sample(count, self.rng)
        designs = self._factors.decode(choices)
        kept: list[int] = []
        keys = self._keys_of(designs)
        for row in np.flatnonzero(self.space.feasible(designs)).tolist():
            kept.append(row)
            if keys[row] not in self._rewards and keys[row] not in new:
                new[keys[row]] = designs[row]
                if len(new) == wanted:
                    break
        self._wait([keys[row] for row in kept], choices[kept])

    def _wait(self, keys: list[bytes], choices: np.ndarray) -> None:
        limit = _PENDING * self.hyperparameters.batch
        self._keys = (self._keys + keys)[-limit:]
        self._choices = np.concatenate([self._choices, choices])[-limit:]
        logs = self._policy.log_probabilities(choices)
        self._log_probabilities = np.concatenate([self._log_probabilities, logs])[-limit:]

    def _take(self, known: np.ndarray) -> Batch:
        """Return the draws whose rewards are known and forget that they were pending."""
        choices = self._choices[known]
        rewards = np.array([self._rewards[key] for key, is_known in zip(self._keys, known, strict=True) if is_known])
        active = self._factors.active(self._factors.decode(choices))
        batch = Batch(choices, self._log_probabilities[known], active, rewards)
        self._keys = [key for key, is_known in zip(self._keys, known, strict=True) if not is_known]
        self._choices, self._log_probabilities = self._choices[~known], self._log_probabilities[~known]
        return batch

    def _advantages(self, rewards: np.ndarray) -> np.ndarray:
        """Return how much better ``[n]`` rewards are than the running baseline, in units of the recent spread."""
        self._window = np.concatenate([self._window, rewards])[-max(self.hyperparameters.window, len(rewards)) :]
        return normalised(rewards, self._window, self.hyperparameters.normalisation)

    def _ascend(self, gradient: np.ndarray) -> None:
        """One step up the gradient ``[f, kmax]`` and the entropy's."""
        gradient = gradient + self.hyperparameters.entropy * self._policy.entropy_gradient()
        self._policy.logits = self._policy.logits + self.hyperparameters.learning_rate * self._factors.ascent(gradient)

    def _explore(self, count: int) -> np.ndarray:
        """Return 1 to ``count`` designs: of draws at rising temperatures the first that are new, else a random one."""
        designs = self._factors.decode(self._policy.sample(len(_TEMPERATURES), self.rng, _TEMPERATURES))
        fresh = np.flatnonzero(~self._memory.stale(designs))
        return designs[fresh[:count]] if len(fresh) else self._memory.sample_new(1, self.rng)

    def _keys_of(self, designs: np.ndarray) -> list[bytes]:
        """Return what identifies designs ``[n, d]``: equal for those that differ in inactive parameters only."""
        width = 8 * self.space.dimensions
        data = np.ascontiguousarray(self.space.canonical(designs), dtype=np.int64).tobytes()
        return [data[start : start + width] for start in range(0, len(data), width)]
