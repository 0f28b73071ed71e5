"""Scores of different problems on one scale: the share of the gap from a random design to the optimum."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from archgym_envs import Objective, Scorer, make_problem, spec
from experiments.identity import canonical_json
from experiments.statistics import best_so_far

_SAMPLE = 10_000
"""Random designs whose median score is the beginning of the gap."""


@dataclass(frozen=True)
class Scale:
    """The gap of a problem with a minimised, positive score.

    Attributes:
        random: median score of random designs.
        optimum: the proven best score.
    """

    random: float
    optimum: float

    def closed(self, scores: np.ndarray) -> np.ndarray:
        """Return the share of the gap that each evaluation's best so far closes, on a log scale, ``[k]`` to ``[k]``.

        0: a random design (median); 1: the optimum. The scores of a run in order, NaN where invalid.
        """
        best = best_so_far(scores, "minimize")
        return (np.log(self.random) - np.log(best)) / np.log(self.random / self.optimum)


def scale_of(problem: Mapping[str, Any]) -> Scale:
    """Return the scale of an entry of an experiment's ``problems``."""
    return _scale(canonical_json(dict(problem)))


@cache
def _scale(text: str) -> Scale:
    entry = json.loads(text)
    problem = make_problem(entry["environment"], **entry.get("arguments", {}))
    given = entry.get("objective")
    objective = Objective.parse(given) if given else spec(entry["environment"]).objective_of(problem)
    scorer = Scorer(objective, problem)
    designs = problem.space.sample(_SAMPLE, np.random.default_rng(0))
    optimum = scorer.optimum(problem)
    if optimum is None:
        raise ValueError(f"the optimum of {entry['environment']} is not known")
    return Scale(float(np.nanmedian(scorer.score(problem.evaluate(designs)))), optimum)
