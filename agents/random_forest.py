"""Model-based search with a random forest: predict rewards, propose where improvement is expected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel

from agents.base import Agent, Hyperparameters, hyperparameter
from agents.memory import Memory
from agents.operators import Mutation
from agents.sweeps import Choice, Integer, LogUniform
from archgym_envs.scoring import INVALID_REWARD
from simulators import DesignSpace, Evaluation

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestRegressor

_LEADERS = 10
"""Best designs that candidates are mutants of."""
_SHRINKAGE = 1.0
"""Designs at the mean reward that are added to those with a value when its mean is taken."""
_PATIENT = 0.1
"""The forest is grown anew when so many more designs, as a share, have been told."""


class RandomForestHyperparameters(Hyperparameters):
    """Hyperparameters of :class:`RandomForest`."""

    startup: int = hyperparameter(
        20,
        "Random designs before the model is used. Trap: they come out of the budget.",
        sweep=Integer(5, 60, log=True),
        ge=2,
    )
    trees: int = hyperparameter(
        30,
        "Trees of the forest; the spread of their predictions is the uncertainty. Trap: below 10 that spread is noise "
        "(SMAC has 10: Hutter et al., 2011).",
        sweep=Integer(10, 100, log=True),
        ge=2,
    )
    features: float = hyperparameter(
        0.8,
        "Share of the parameters looked at per split. Trap: at 1 the trees are alike and too sure (5/6 in SMAC).",
        sweep=Choice(0.33, 0.5, 0.8),
        gt=0.0,
        le=1.0,
    )
    candidates: int = hyperparameter(
        400,
        "Designs whose expected improvement is computed per ask: half mutants of the best, half random. Trap: random "
        "ones alone miss the small steps that finish a search.",
        sweep=Integer(100, 2000, log=True),
        ge=2,
    )
    batch: int = hyperparameter(
        8,
        "Candidates proposed per ask, those of the largest expected improvement. Trap: they are alike; with many, a "
        "wrong model is believed for long.",
        sweep=Integer(1, 32, log=True),
        ge=1,
    )
    mutation: float = hyperparameter(
        1.0,
        "Expected number of parameters in which a mutant differs from one of the best; one is forced.",
        sweep=LogUniform(0.5, 4.0),
        gt=0.0,
    )


class RandomForest(Agent[RandomForestHyperparameters]):
    """Sequential model-based optimisation in the manner of SMAC, for discrete spaces.

    A forest of regression trees predicts rewards; mean and standard deviation of its trees' predictions give the
    expected improvement over the best reward of every candidate, and the top distinct ones are proposed together. The
    forest is grown anew whenever a tenth more designs (at least a batch) have been told, so its cost per design is
    bounded. Failed designs count as the worst that did not fail: that they are bad is learnt without their -10
    drowning all other differences.

    Trees see ordered parameters as positions. An unordered value stands as the mean reward of the designs that have it,
    shrunk towards the mean of all, not as its position: for squared error the best split of categories is among those
    in the order of their means (Fisher, JASA 53, 1958; Breiman et al., Classification and Regression Trees, 1984), and
    one column per parameter keeps parameters of a thousand values affordable, which one-hot columns would not.
    """

    name = "random_forest"
    version = "1"
    citation = "Hutter, Hoos and Leyton-Brown, Sequential Model-Based Optimization (SMAC), LION 5 (2011)"
    Hyperparameters = RandomForestHyperparameters
    requires = ("sklearn",)

    def __init__(
        self, space: DesignSpace, seed: int, hyperparameters: BaseModel | Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(space, seed, hyperparameters)
        self._memory = Memory(space)
        self._mutate = Mutation(space, reach=0.1, resample=0.2)
        self._unordered = np.flatnonzero([not p.ordered for p in space.parameters])
        self._designs = np.empty((0, space.dimensions), dtype=np.int64)
        self._rewards = np.empty(0)
        self._forest: RandomForestRegressor | None = None
        self._grown_on = 0
        self._codes: list[np.ndarray] = []

    def ask(self, n: int) -> np.ndarray:
        """Propose random designs at the start, then up to ``batch`` candidates of the largest expected improvement."""
        missing = self.hyperparameters.startup - len(self._rewards)
        if missing > 0:
            return self._memory.sample_new(min(n, missing), self.rng)
        self._grow()
        candidates = self._candidates()
        fresh = candidates[~self._memory.stale(candidates)]
        if not len(fresh):
            return self._memory.sample_new(1, self.rng)
        gain = self._expected_improvement(fresh)
        return fresh[np.argsort(-gain, kind="stable")[: min(n, self.hyperparameters.batch)]]

    def tell(self, designs: np.ndarray, rewards: np.ndarray, evaluation: Evaluation | None = None) -> None:
        """Add new designs to the data."""
        new = ~self._memory.stale(designs)
        self._memory.add(designs)
        self._designs = np.concatenate([self._designs, self.space.canonical(designs)[new]])
        self._rewards = np.append(self._rewards, np.asarray(rewards, dtype=np.float64)[new])

    def _candidates(self) -> np.ndarray:
        """Return mutants of the best designs and random designs ``[k, d]``."""
        leaders = np.argsort(-self._rewards, kind="stable")[:_LEADERS]
        half = self.hyperparameters.candidates // 2
        parents = self._designs[self.rng.choice(leaders, size=half)]
        mutants = self._mutate(parents, self.hyperparameters.mutation, self.rng)
        return self.space.canonical(np.concatenate([mutants, self.space.sample(half, self.rng)]))

    def _grow(self) -> None:
        """Grow the forest if enough has been told since."""
        news = len(self._rewards) - self._grown_on
        if self._forest is not None and news < max(self.hyperparameters.batch, _PATIENT * self._grown_on):
            return
        from sklearn.ensemble import RandomForestRegressor

        targets = self._targets()
        self._codes = [self._code(column, targets) for column in self._unordered.tolist()]
        self._forest = RandomForestRegressor(
            n_estimators=self.hyperparameters.trees,
            max_features=self.hyperparameters.features,
            min_samples_leaf=1,
            n_jobs=1,
            random_state=int(self.rng.integers(2**31)),
        )
        self._forest.fit(self._encode(self._designs), targets)
        self._grown_on = len(self._rewards)

    def _targets(self) -> np.ndarray:
        """Return the rewards ``[n]``, failures raised to the worst that did not fail."""
        sound = self._rewards[self._rewards > INVALID_REWARD]
        return np.maximum(self._rewards, sound.min()) if len(sound) else self._rewards

    def _code(self, column: int, targets: np.ndarray) -> np.ndarray:
        """Return what stands for each value of an unordered parameter: its shrunken mean target."""
        count = int(self.space.cardinalities[column])
        values = self._designs[:, column]
        totals = np.bincount(values, targets, count) + _SHRINKAGE * targets.mean()
        return totals / (np.bincount(values, minlength=count) + _SHRINKAGE)

    def _encode(self, designs: np.ndarray) -> np.ndarray:
        """Return what the trees see of designs ``[n, d]``, float32 ``[n, d]``."""
        encoded = designs.astype(np.float32)
        for column, code in zip(self._unordered, self._codes, strict=True):
            encoded[:, column] = code[designs[:, column]]
        return encoded

    def _expected_improvement(self, designs: np.ndarray) -> np.ndarray:
        """Return the expected improvement ``[n]`` of a normal prediction over the best reward (Jones et al., 1998)."""
        from scipy.special import ndtr

        assert self._forest is not None
        encoded = self._encode(designs)
        votes = np.stack([tree.tree_.predict(encoded).ravel() for tree in self._forest.estimators_])
        spread = votes.std(axis=0) + 1e-9
        lead = votes.mean(axis=0) - self._targets().max()
        z = lead / spread
        return lead * ndtr(z) + spread * np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)
