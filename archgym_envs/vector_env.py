"""Many environments in step: a batch of designs per simulator call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from archgym_envs.design_env import ProposalCore, refuse_options, refuse_rendering
from archgym_envs.evaluators import BudgetExhausted, Evaluator
from archgym_envs.objectives import Objective
from simulators import DesignSpace, Evaluation, InvalidInputError, Problem

Batch = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]


class VectorDesignEnv(gymnasium.vector.VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """``num_envs`` copies of a :class:`~archgym_envs.design_env.DesignEnv`, evaluated together.

    Each step sends all ``k`` designs to the evaluator in one call. The copies share the evaluator
    and so the budget.

    *Autoreset* is same-step (``metadata["autoreset_mode"]``): the step that ends an episode returns
    the first observation of the next one; the episode's last observation is in ``infos["final_obs"]``
    (an object array of ``k``) and its info in ``infos["final_info"]``. With one-step episodes every
    step so evaluates ``k`` designs; next-step mode would spend every second step on resets.

    *Infos* follow Gymnasium's vector form: the keys of the single environment, each an array of ``k``
    beside a mask ``_key``; invalid designs have NaN for the score and all metrics.

    *The end of the budget*: when it ends within a batch, the designs it still covers are evaluated
    and counted, and ``step`` raises :class:`~archgym_envs.evaluators.BudgetExhausted`.

    Args:
        problem, objective, evaluator, episode_length: as of :class:`~archgym_envs.design_env.DesignEnv`.
        num_envs: how many copies, at least 1.
        render_mode: must be None.

    Raises:
        InvalidInputError: ``num_envs`` below 1, or as :class:`~archgym_envs.design_env.DesignEnv`.
    """

    def __init__(
        self,
        problem: Problem,
        objective: Mapping[str, Any] | Objective,
        num_envs: int = 1,
        *,
        evaluator: Evaluator | None = None,
        episode_length: int = 1,
        render_mode: str | None = None,
    ) -> None:
        super().__init__()
        if isinstance(num_envs, bool) or not isinstance(num_envs, int) or num_envs < 1:
            raise InvalidInputError(f"num_envs must be an integer of at least 1, got {num_envs!r}")
        refuse_rendering(render_mode)
        self.metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}
        self.render_mode = None
        self.core = ProposalCore(problem, objective, evaluator, episode_length)
        self.problem = problem
        self.objective = self.core.scorer.objective
        self.num_envs = num_envs
        self.episode_length = episode_length
        self.single_action_space = gymnasium.spaces.MultiDiscrete(problem.space.cardinalities)
        self.single_observation_space = self.core.encoder.box
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._steps = np.zeros(num_envs, dtype=np.int64)
        self._shown = self._reference_observations()

    @property
    def space(self) -> DesignSpace:
        """The design space that actions index."""
        return self.problem.space

    @property
    def budget(self) -> int | None:
        """Unique designs that may be evaluated, or None where nothing is counted."""
        return self.core.evaluator.budget

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin an episode in every copy, or in those of the boolean ``options["reset_mask"]``.

        Returns:
            Observations ``[k, d + m + 1]``, the reference design's in the copies that began, and infos.

        Raises:
            InvalidInputError: another option, or a mask that is not boolean ``[k]``.
        """
        seeds = seed if isinstance(seed, Sequence) else [seed] * self.num_envs
        if len(seeds) != self.num_envs:
            raise InvalidInputError(f"expected {self.num_envs} seeds, one per environment, got {len(seeds)}")
        super().reset(seed=seeds[0])
        rest = dict(options or {})
        mask = np.asarray(rest.pop("reset_mask", np.ones(self.num_envs, dtype=bool)))
        refuse_options(rest)
        if mask.dtype != np.bool_ or mask.shape != (self.num_envs,):
            raise InvalidInputError(f"options['reset_mask'] must be boolean [{self.num_envs}], got {mask!r}")
        self._steps[mask] = 0
        self._shown = np.where(mask[:, None], self._reference_observations(), self._shown)
        return self._shown.copy(), self._reference_infos(mask)

    def step(self, actions: np.ndarray) -> Batch:
        """Evaluate one design per copy, all in one call of the evaluator.

        Args:
            actions: integer indices ``[k, d]``.

        Returns:
            observations ``[k, d + m + 1]`` float32, rewards ``[k]`` float64, terminations and truncations ``[k]``
            (no episode is ever truncated), infos.

        Raises:
            InvalidInputError: actions of the wrong shape or type, or outside the space.
            BudgetExhausted: the search has ended, before or within this batch.
        """
        actions = np.asarray(actions)
        if actions.shape != (self.num_envs, self.space.dimensions):
            raise InvalidInputError(
                f"actions must be integers [{self.num_envs}, {self.space.dimensions}], one row per environment, "
                f"got shape {list(actions.shape)}"
            )
        designs, evaluation = self.core.evaluate(actions)
        if len(evaluation) < self.num_envs:
            raise BudgetExhausted(f"the budget ended after {len(evaluation)} of this batch of {self.num_envs} designs")
        scores = self.core.scorer.score(evaluation)
        observations = self.core.observe(designs, evaluation)
        infos = self._infos(designs, evaluation, scores, np.ones(self.num_envs, dtype=bool))
        self._steps += 1
        done = self._steps >= self.episode_length
        if done.any():
            observations, infos = self._autoreset(done, observations, infos)
        truncated = np.zeros(self.num_envs, dtype=bool)
        self._shown = observations.copy()
        return observations, self.core.scorer.reward(scores), done, truncated, infos

    def _autoreset(
        self, done: np.ndarray, observations: np.ndarray, infos: dict[str, Any]
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin the next episode of copies that are done; keep what they ended with."""
        self._steps[done] = 0
        final = np.full(self.num_envs, None, dtype=object)
        for row in np.flatnonzero(done):
            final[row] = observations[row]
        shown = np.where(done[:, None], self._reference_observations(), observations)
        begun = self._reference_infos(done)
        merged = begun if done.all() else _merge(infos, begun, done)
        kept = infos if done.all() else _restrict(infos, done)
        return shown, merged | {"final_obs": final, "_final_obs": done, "final_info": kept, "_final_info": done}

    def _diagnostics(self, evaluation: Evaluation) -> dict[str, np.ndarray]:
        """Return the diagnostics that the reference design has, as arrays ``[k]``; "" or NaN where a batch has none."""
        found: dict[str, np.ndarray] = {}
        for name, example in self.problem.reference.diagnostics.items():
            missing = "" if example.dtype.kind in "UTO" else np.nan
            given = evaluation.diagnostics.get(name)
            found[name] = np.full(len(evaluation), missing) if given is None else np.asarray(given)
        return found

    def _reference_observations(self) -> np.ndarray:
        return np.repeat(self.core.explain_reference()[0][None], self.num_envs, axis=0)

    def _reference_infos(self, mask: np.ndarray) -> dict[str, Any]:
        rows = np.zeros(self.num_envs, dtype=np.int64)
        reference = self.problem.reference
        scores = np.full(self.num_envs, self.core.scorer.reference_score)
        return self._infos(self.problem.reference_indices[rows], reference.take(rows), scores, mask)

    def _infos(
        self, designs: np.ndarray, evaluation: Evaluation, scores: np.ndarray, mask: np.ndarray
    ) -> dict[str, Any]:
        """Return one batch's infos in Gymnasium's vector form: arrays ``[k]`` with masks."""
        columns: dict[str, Any] = {
            "design": _with_masks(self.space.decode(designs), mask),
            "metrics": _with_masks(dict(zip(evaluation.names, evaluation.values.T.copy(), strict=True)), mask),
            "score": scores,
            "met": self.core.scorer.met_by(scores),
            "valid": evaluation.valid.copy(),
            "reason": np.array(evaluation.reason, dtype=object),
            "diagnostics": _with_masks(self._diagnostics(evaluation), mask),
        }
        counts = {name: np.full(self.num_envs, count) for name, count in self.core.counts().items()}
        return _with_masks(columns | counts, mask)


def _with_masks(columns: Mapping[str, Any], mask: np.ndarray) -> dict[str, Any]:
    result = dict(columns)
    result.update({f"_{name}": mask.copy() for name in columns})
    return result


def _merge(old: Mapping[str, Any], new: Mapping[str, Any], where: np.ndarray) -> dict[str, Any]:
    """Take ``new`` where the mask holds, entry by entry; both have the same keys."""
    return {
        key: _merge(value, new[key], where)
        if isinstance(value, dict)
        else (value | new[key] if key.startswith("_") else np.where(where, new[key], value))
        for key, value in old.items()
    }


def _restrict(infos: Mapping[str, Any], mask: np.ndarray) -> dict[str, Any]:
    """Clear the masks of entries that are not in ``mask``."""
    return {
        key: _restrict(value, mask) if isinstance(value, dict) else (value & mask if key.startswith("_") else value)
        for key, value in infos.items()
    }
