"""What a learner sees: one bounded vector per design, the same for every environment.

For a space of ``d`` parameters and a simulator of ``m`` metrics the observation has ``d + m + 1``
float32 entries:

===================  ==============  =============================================================
entries              range           meaning
===================  ==============  =============================================================
``0 .. d-1``         (0, 1)          the design: parameter j at value i of k is ``(i + 0.5) / k``
                                     (``DesignSpace.to_unit``), inactive parameters at their default
``d .. d+m-1``       [-5, 5]         metric j as ``log(x / r)``, x its value and r the reference
                                     design's, clipped; in the simulator's order of metrics
``d+m``              [0, 1]          share of the evaluation budget that is left; 1 without a budget
===================  ==============  =============================================================

Where the reference value r is zero or negative (a count of refreshes, say) the ratio is taken after
adding ``1 - r`` to both, which for r = 0 is ``log(1 + x)``. A metric that is NaN shows as +5, so an
invalid design shows +5 in every metric, whichever way the metric is better: a pattern of its own.
"""

from __future__ import annotations

import gymnasium
import numpy as np

from archgym_envs.scoring import zero_shift
from simulators import Evaluation, Problem

RATIO_LIMIT = 5.0
"""Log-ratios are clipped to ``[-RATIO_LIMIT, RATIO_LIMIT]``: e^5 is a factor of 148."""


class ObservationEncoder:
    """Turn designs and their evaluations into observations, a batch at a time.

    Args:
        problem: gives parameters, metrics and the reference design.

    Attributes:
        box: the observation space of one design, shape ``[d + m + 1]``.
        names: what each entry is: parameter names, ``log_ratio_<metric>``, ``budget_left``.
    """

    def __init__(self, problem: Problem) -> None:
        metrics = problem.simulator.metrics
        reference = problem.reference.values[0]
        d, m = problem.space.dimensions, len(metrics)
        shift = zero_shift(reference)
        self._metrics = slice(d, d + m)
        self._shift = np.concatenate([np.full(d, 0.5), shift, [0.0]])
        self._scale = np.concatenate([problem.space.cardinalities, reference + shift, [1.0]])
        self._least, self._most = np.exp([[-RATIO_LIMIT], [RATIO_LIMIT]] * np.ones(m))
        low = np.zeros(d + m + 1, dtype=np.float32)
        high = np.ones_like(low)
        low[self._metrics], high[self._metrics] = -RATIO_LIMIT, RATIO_LIMIT
        self.box = gymnasium.spaces.Box(low, high, dtype=np.float32)
        self.names = (*problem.space.names, *(f"log_ratio_{x.name}" for x in metrics), "budget_left")

    def encode(self, designs: np.ndarray, evaluation: Evaluation, budget_left: float) -> np.ndarray:
        """Return observations, float32 ``[n, d + m + 1]``.

        Args:
            designs: canonical indices ``[n, d]``.
            evaluation: their ``n`` rows.
            budget_left: share of the budget that is left, 0..1.
        """
        left = np.full((len(designs), 1), budget_left)
        return self._scaled(np.concatenate([designs, evaluation.values, left], axis=1))

    def encode_one(self, design: list[int], metrics: list[float], budget_left: float) -> np.ndarray:
        """Return the observation of one design, ``[d + m + 1]``: exactly what :meth:`encode` gives it."""
        return self._scaled(np.array([*design, *metrics, budget_left]))

    def _scaled(self, raw: np.ndarray) -> np.ndarray:
        """Turn ``[..., d + m + 1]`` indices, metrics and budget (float64, overwritten) into observations."""
        raw += self._shift
        raw /= self._scale
        ratios = raw[..., self._metrics]
        np.fmin(ratios, self._most, ratios)  # of NaN and a number, fmin takes the number
        np.fmax(ratios, self._least, ratios)
        np.log(ratios, ratios)
        return raw.astype(np.float32)
