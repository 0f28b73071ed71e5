"""Soft actor-critic with RLlib's parts, one learner per parameter. Imports Ray and torch."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from ray.rllib.algorithms.sac import SACConfig
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.policy.sample_batch import MultiAgentBatch, SampleBatch
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED_LIFETIME

from agents.rllib.game import NumberedGame, Rules, runner_of
from agents.rllib.modules import SACModule
from agents.rllib.training import begin_anew, configured, module_name, sampled, settled, spaces_of
from archgym_envs.design_env import DesignEnv

_LARGEST_REWARD = 3.0
"""Standardised rewards are cut here: one failed design must not bend the critics."""
_INITIAL_ALPHA = 0.3


class Replay:
    """All agents' steps since the policies began; one draw serves all agents, as they stepped together."""

    def __init__(self, agents: list[int], rng: np.random.Generator) -> None:
        self._agents, self._rng = agents, rng
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._parts: list[dict[int, dict[str, np.ndarray]]] = []
        self._whole: dict[int, dict[str, np.ndarray]] = {}
        self._rewards = np.empty(0, dtype=np.float32)

    def add(self, episodes: list[Any]) -> None:
        """Add the steps of RLlib's multi-agent episodes, or pieces of such."""
        self._parts += [{a: _steps(e.agent_episodes[a]) for a in self._agents} for e in episodes if len(e)]
        self._whole = {
            agent: {column: np.concatenate([p[agent][column] for p in self._parts]) for column in _COLUMNS}
            for agent in self._agents
        }
        self._parts = [self._whole]
        self._rewards = standardised(self._whole[0][Columns.REWARDS])  # of one agent: all get the same

    def draw(self, count: int) -> MultiAgentBatch:
        """Return ``count`` steps of every agent, rewards standardised over all steps."""
        rows = self._rng.integers(len(self._rewards), size=count)
        ones = np.ones(count, dtype=np.float32)
        batches = {}
        for agent in self._agents:
            columns = {column: self._whole[agent][column][rows] for column in _COLUMNS}
            columns |= {Columns.REWARDS: self._rewards[rows], "weights": ones, "n_step": ones}
            batches[module_name(agent)] = SampleBatch(columns)
        return MultiAgentBatch(batches, env_steps=count)


_COLUMNS = (Columns.OBS, Columns.NEXT_OBS, Columns.ACTIONS, Columns.REWARDS, Columns.TERMINATEDS)


def train_sac(environment: DesignEnv, rules: Rules, games: int, designs: int, chosen: Any, seed: int) -> None:
    """Sample and update until BudgetExhausted leaves; ``chosen`` are the hyperparameters."""
    game = NumberedGame(environment, rules)
    specs = _policies(game, chosen.width, seed)
    config = configured(_sac_config(chosen), specs, rules, games, seed)
    learner = config.build_learner(spaces=spaces_of(specs))
    for agent, sizes in enumerate(game.real_sizes()):  # set here: overrides of the configuration cost RLlib n^2 copies
        target = chosen.entropy * math.log(sizes[0])
        learner.target_entropy[module_name(agent)] = learner._get_tensor_variable(target)
    runner = runner_of(config, environment, rules)
    runner.module = learner.module
    replay = Replay(game.possible_agents, np.random.default_rng([seed, 1]))
    updates = 0
    while True:
        before = environment.evaluator.remaining
        episodes, _ = sampled(runner, designs)
        if settled(environment, before, chosen.restart * designs):
            begin_anew(learner)
            replay.clear()
            for alpha in learner.curr_log_alpha.values():
                alpha.data.fill_(math.log(_INITIAL_ALPHA))
            continue
        replay.add(episodes)
        for _ in range(chosen.epochs):
            updates += 1
            # what RLlib takes for environment steps decides when target networks move: here with every update
            learner.update(
                batch=replay.draw(chosen.replay_batch),
                timesteps={NUM_ENV_STEPS_SAMPLED_LIFETIME: updates},
            )


def _sac_config(chosen: Any) -> SACConfig:
    return SACConfig().training(
        actor_lr=chosen.learning_rate,
        critic_lr=chosen.learning_rate,
        alpha_lr=chosen.learning_rate,
        lr=None,
        gamma=chosen.gamma,
        tau=chosen.tau,
        initial_alpha=_INITIAL_ALPHA,
        target_network_update_freq=1,
        twin_q=True,
    )


def _policies(game: NumberedGame, width: int, seed: int) -> dict[str, RLModuleSpec]:
    seeds = np.random.SeedSequence(seed).generate_state(len(game.possible_agents)).tolist()
    network = dataclasses.asdict(DefaultModelConfig(fcnet_hiddens=[width, width], head_fcnet_hiddens=[]))
    return {
        module_name(agent): RLModuleSpec(
            module_class=SACModule,
            observation_space=game.observation_space(agent),
            action_space=game.action_space(agent),
            model_config={**network, "twin_q": True, "seed": seeds[agent]},
        )
        for agent in game.possible_agents
    }


def _steps(episode: Any) -> dict[str, np.ndarray]:
    """Return the steps of one agent's episode as columns."""
    seen = np.asarray(episode.get_observations(), dtype=np.float32)
    count = len(seen) - 1
    ends = np.zeros(count, dtype=bool)
    ends[-1] = episode.is_terminated
    return {
        Columns.OBS: seen[:-1],
        Columns.NEXT_OBS: seen[1:],
        Columns.ACTIONS: np.asarray(episode.get_actions(), dtype=np.int64),
        Columns.REWARDS: np.asarray(episode.get_rewards(), dtype=np.float64),
        Columns.TERMINATEDS: ends,
    }


def standardised(rewards: np.ndarray) -> np.ndarray:
    """Return rewards ``[n]`` less their median, in units of their spread, cut at :data:`_LARGEST_REWARD`, float32.

    The spread is the standard deviation that the quartiles of a normal distribution would show, so that failed designs
    do not count for more than their number. Where so many rewards are equal that both quartiles are one value, it is
    that with which nothing is cut.
    """
    centred = rewards - np.median(rewards)
    low, high = np.quantile(centred, [0.25, 0.75])
    spread = float(high - low) / 1.35 or float(np.abs(centred).max()) / _LARGEST_REWARD or 1.0
    cut: np.ndarray = (centred / spread).clip(-_LARGEST_REWARD, _LARGEST_REWARD).astype(np.float32)
    return cut
