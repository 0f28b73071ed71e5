"""A design problem for several agents as RLlib sees it. Imports Ray."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from ray.rllib.env.multi_agent_env_runner import MultiAgentEnvRunner
from ray.rllib.env.vector.sync_vector_multi_agent_env import SyncVectorMultiAgentEnv
from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv

from archgym_envs.design_env import DesignEnv
from archgym_envs.parallel import ParallelDesignEnv
from archgym_envs.partitions import Partition


@dataclass(frozen=True)
class Rules:
    """How the agents play.

    Attributes:
        partition: who chooses what.
        formulation: one of :data:`archgym_envs.parallel.FORMULATIONS`.
        episode_length: designs per episode of edits; one-shot episodes are one design.
        shared: agents are padded to the same actions and see who they are, so that one policy serves all.
        central: what an agent sees is preceded by its own part of it: its parameters and the shares left.
    """

    partition: Partition
    formulation: str
    episode_length: int
    shared: bool = False
    central: bool = False


class NumberedGame:
    """A :class:`ParallelDesignEnv` whose agents are called 0, 1, ...; infos, which RLlib would store, are empty.

    RLlib keeps agents in sets. Sets of strings have another order in every process, those of small integers do not.
    """

    def __init__(self, environment: DesignEnv, rules: Rules) -> None:
        self.metadata: dict[str, Any] = {"render_modes": []}
        self.render_mode = None
        self._env = ParallelDesignEnv(
            environment,
            rules.partition,
            formulation=rules.formulation,
            identify=rules.shared,
            padded=rules.shared,
            episode_length=rules.episode_length if rules.formulation == "edit" else None,
        )
        self._names = self._env.possible_agents
        self.possible_agents = list(range(len(self._names)))
        self.agents: list[int] = []
        own = _own_entries(self._env) if rules.central else [np.empty(0, dtype=np.int64)] * len(self._names)
        self.own = own
        self._spaces = [_preceded(self._env.observation_space(a), o) for a, o in zip(self._names, own, strict=True)]

    def observation_space(self, agent: int) -> gymnasium.spaces.Box:
        """Return what an agent sees."""
        return self._spaces[agent]

    def action_space(self, agent: int) -> gymnasium.Space[Any]:
        """Return what an agent chooses from."""
        return self._env.action_space(self._names[agent])

    def real_sizes(self) -> list[list[int]]:
        """Return for each agent how many actions its parameters have, without padding."""
        alone = ParallelDesignEnv(self._env.design_env, self._env.partition, formulation=self._env.formulation)
        return [sizes_of(alone.action_space(name)) for name in self._names]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict[int, Any], Any]:
        """Begin an episode."""
        observations, _ = self._env.reset(seed=seed)
        self.agents = list(self.possible_agents)
        return self._seen(observations), {agent: {} for agent in self.agents}

    def step(self, actions: Mapping[int, Any]) -> tuple[Any, ...]:
        """Evaluate the design the agents make; raises BudgetExhausted after the end of the search."""
        named = {name: actions[agent] for agent, name in enumerate(self._names)}
        observations, rewards, *ends, _ = self._env.step(named)
        parts: list[dict[str, Any]] = [rewards, *ends]
        numbered = [dict(enumerate(part[name] for name in self._names)) for part in parts]
        self.agents = list(self.possible_agents) if self._env.agents else []
        return self._seen(observations), *numbered, {agent: {} for agent in self.possible_agents}

    def close(self) -> None:
        """Leave the design environment, which belongs to the caller, open."""

    def _seen(self, observations: Mapping[str, np.ndarray]) -> dict[int, np.ndarray]:
        return {
            agent: np.concatenate([observations[name][self.own[agent]], observations[name]])
            for agent, name in enumerate(self._names)
        }


class Runner(MultiAgentEnvRunner):
    """RLlib's sampler on several games around one design environment, all drawing on the same budget.

    What ``step`` raises leaves at once: RLlib would log it, wrap it, or begin the episode again.
    """

    games: Callable[[], NumberedGame]

    def make_env(self) -> None:
        """Set up as many games as the configuration says."""
        self.num_envs = self.config.num_envs_per_env_runner
        self.env = SyncVectorMultiAgentEnv([self._game] * self.num_envs)
        self._needs_initial_reset = True

    def _game(self) -> ParallelPettingZooEnv:
        game = ParallelPettingZooEnv(type(self).games())
        game.metadata = {"render_modes": []}
        return game

    def _try_env_step(self, actions: Any) -> Any:
        return self.env.step(actions)

    def forget_episodes(self) -> None:
        """Drop what is kept for metrics, which nobody asks for."""
        self._done_episodes_for_metrics.clear()
        self._ongoing_episodes_for_metrics.clear()


def runner_of(config: Any, environment: DesignEnv, rules: Rules) -> Runner:
    """Return a sampler on games around ``environment``, which share its evaluator but count their own episodes."""

    def game() -> NumberedGame:
        return NumberedGame(copy.copy(environment), rules)

    bound = type("BoundRunner", (Runner,), {"games": staticmethod(game)})
    return bound(config=config, worker_index=0)


def sizes_of(space: gymnasium.Space[Any]) -> list[int]:
    """Return the number of actions in each position of a ``Discrete`` or ``MultiDiscrete`` space."""
    if isinstance(space, gymnasium.spaces.MultiDiscrete):
        return [int(n) for n in space.nvec]
    assert isinstance(space, gymnasium.spaces.Discrete)
    return [int(space.n)]


def _own_entries(env: ParallelDesignEnv) -> list[np.ndarray]:
    """Return for each agent which entries of the state are its own: its parameters, and what is left."""
    dimensions = env.design_env.space.dimensions
    left = [i for i, name in enumerate(env.observation_names) if i >= dimensions and name.endswith("_left")]
    return [np.append(columns, left).astype(np.int64) for columns in env.partition.columns(env.design_env.space)]


def _preceded(box: gymnasium.spaces.Box, own: np.ndarray) -> gymnasium.spaces.Box:
    low, high = np.concatenate([box.low[own], box.low]), np.concatenate([box.high[own], box.high])
    return gymnasium.spaces.Box(low, high, dtype=np.float32)
