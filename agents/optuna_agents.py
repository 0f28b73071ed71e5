"""Optuna's samplers as ask/tell agents: the tree-structured Parzen estimator and the Gaussian process.

The study lives in memory; results are stored by the experiment, not by Optuna.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel

from agents.base import Agent, H_co, Hyperparameters, hyperparameter
from agents.memory import Memory
from agents.operators import Mutation
from agents.optuna_codec import Codec, quiet
from agents.sweeps import Choice, Integer
from archgym_envs.evaluators import design_key
from simulators import DesignSpace, Evaluation

if TYPE_CHECKING:
    import optuna


class TPEHyperparameters(Hyperparameters):
    """Hyperparameters of :class:`TPE` (optuna.samplers.TPESampler)."""

    startup: int = hyperparameter(
        20,
        "Random designs before the model is used. Trap: they come out of the budget (n_startup_trials).",
        sweep=Integer(5, 60, log=True),
        ge=1,
    )
    candidates: int = hyperparameter(
        24,
        "Designs drawn from the good density, of which the best ratio is proposed (n_ei_candidates). Trap: more is "
        "greedier, not better (its effect: Watanabe, arXiv 2304.11127).",
        sweep=Integer(8, 128, log=True),
        ge=1,
    )
    multivariate: bool = hyperparameter(
        False,
        "Model parameters jointly (BOHB: Falkner, Klein and Hutter, ICML 2018) instead of one by one. Trap: its "
        "kernels stay wide along ordered parameters, so that a search of many parameters ends one step beside the "
        "optimum.",
        sweep=Choice(True, False),
    )


class GaussianProcessHyperparameters(Hyperparameters):
    """Hyperparameters of :class:`GaussianProcess` (optuna.samplers.GPSampler)."""

    startup: int = hyperparameter(
        20,
        "Random designs before the model is used. Trap: they come out of the budget (n_startup_trials).",
        sweep=Integer(5, 60, log=True),
        ge=1,
    )
    deterministic: bool = hyperparameter(
        True,
        "Fit without observation noise (deterministic_objective). Trap: off, rewards of a deterministic simulator are "
        "smoothed over and good designs lost.",
        sweep=Choice(True, False),
    )


class OptunaAgent(Agent[H_co]):
    """What agents on an Optuna sampler share: the translation between designs and trials.

    Asked designs are running trials until they are told; designs never asked become finished trials. A proposal that
    is infeasible or known is refused (its trial fails, which samplers ignore) and drawn again, ``_redraws`` times;
    then the last one is mutated until it is new, at last replaced by a random design.
    """

    _redraws = 4

    def __init__(
        self, space: DesignSpace, seed: int, hyperparameters: BaseModel | Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(space, seed, hyperparameters)
        import optuna

        self._memory = Memory(space)
        self._mutate = Mutation(space, reach=0.1, resample=0.2)
        self._codec = Codec(space)
        self._pending: dict[bytes, list[optuna.trial.Trial]] = {}
        with quiet():
            sampler = self._sampler(int(self.rng.integers(2**31)))
            self._study = optuna.create_study(direction="maximize", sampler=sampler)

    @abstractmethod
    def _sampler(self, seed: int) -> optuna.samplers.BaseSampler:
        """Build the sampler."""

    def settings(self) -> dict[str, Any]:
        """Return the hyperparameters, Optuna's version and the sampler's resolved settings."""
        import optuna

        public = {k.strip("_"): v for k, v in vars(self._study.sampler).items() if isinstance(v, bool | int | float)}
        return {**super().settings(), "optuna": optuna.__version__, "sampler": public}

    def ask(self, n: int) -> np.ndarray:
        """Propose one design."""
        with quiet():
            trial, design = self._propose()
            renewed = self._memory.renew(design, lambda rows: self._mutate(design[rows], 1.0, self.rng), self.rng)
            if (renewed != design).any():
                self._refuse(trial)
                self._study.enqueue_trial(self._codec.params(renewed[0]))
                trial, design = self._draw()
        self._pending.setdefault(design_key(design[0]), []).append(trial)
        return design

    def tell(self, designs: np.ndarray, rewards: np.ndarray, evaluation: Evaluation | None = None) -> None:
        """Finish the trials of these designs; unasked and unknown ones are added."""
        known = self._memory.known(designs)
        self._memory.add(designs)
        with quiet():
            for design, reward, seen in zip(designs, np.asarray(rewards).tolist(), known.tolist(), strict=True):
                self._tell_one(design, float(reward), seen)

    def _propose(self) -> tuple[optuna.trial.Trial, np.ndarray]:
        trial, design = self._draw()
        for _ in range(self._redraws):
            if not self._memory.stale(design)[0]:
                break
            self._refuse(trial)
            trial, design = self._draw()
        return trial, design

    def _draw(self) -> tuple[optuna.trial.Trial, np.ndarray]:
        trial = self._study.ask(self._codec.distributions)
        return trial, self._codec.design(trial.params)

    def _refuse(self, trial: optuna.trial.Trial) -> None:
        import optuna

        self._study.tell(trial, state=optuna.trial.TrialState.FAIL)

    def _tell_one(self, design: np.ndarray, reward: float, seen: bool) -> None:
        import optuna

        pending = self._pending.get(design_key(design))
        if pending:
            self._study.tell(pending.pop(0), reward)
        elif not seen:
            params = self._codec.params(design)
            trial = optuna.trial.create_trial(params=params, distributions=self._codec.distributions, value=reward)
            self._study.add_trial(trial)


class TPE(OptunaAgent[TPEHyperparameters]):
    """Tree-structured Parzen estimator: sample where good designs are dense and bad ones are not."""

    name = "tpe"
    version = "2"
    citation = "Bergstra, Bardenet, Bengio and Kegl, Algorithms for Hyper-Parameter Optimization, NeurIPS 2011"
    Hyperparameters = TPEHyperparameters
    _redraws = 0

    def _sampler(self, seed: int) -> optuna.samplers.BaseSampler:
        import optuna

        return optuna.samplers.TPESampler(
            seed=seed,
            n_startup_trials=self.hyperparameters.startup,
            n_ei_candidates=self.hyperparameters.candidates,
            multivariate=self.hyperparameters.multivariate,
            constant_liar=True,
        )


class GaussianProcess(OptunaAgent[GaussianProcessHyperparameters]):
    """Gaussian process with log expected improvement. Slow: a fit costs about n^3 for n designs told."""

    name = "gp"
    version = "1"
    citation = "Ament et al., Unexpected Improvements to Expected Improvement, NeurIPS 2023"
    Hyperparameters = GaussianProcessHyperparameters
    requires = ("torch", "scipy")
    _redraws = 0

    def _sampler(self, seed: int) -> optuna.samplers.BaseSampler:
        import optuna

        return optuna.samplers.GPSampler(
            seed=seed,
            n_startup_trials=self.hyperparameters.startup,
            deterministic_objective=self.hyperparameters.deterministic,
        )

    def ask(self, n: int) -> np.ndarray:
        """Propose one design, on one thread."""
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return super().ask(n)
        finally:
            torch.set_num_threads(threads)
