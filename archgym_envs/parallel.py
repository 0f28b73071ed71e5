"""Several agents, one design: a design environment behind PettingZoo's parallel interface.

Each agent chooses the parameters that a :class:`~archgym_envs.partitions.Partition` gives it, all at once, and all get
the reward of the design they make together (Krishnan et al., arXiv 2211.16385)::

    env = archgym_envs.parallel_env("archgym/MemoryController-v0", partition="group")
    observations, infos = env.reset(seed=0)
    actions = {agent: env.action_space(agent).sample() for agent in env.agents}
    observations, rewards, terminations, truncations, infos = env.step(actions)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np

from archgym_envs._choices import Choices, EditChoices, OneShotChoices, flat_mask, sizes_of_agents
from archgym_envs.design_env import DesignEnv, Info
from archgym_envs.objectives import Objective
from archgym_envs.partitions import Partition, make_partition
from archgym_envs.registration import make_env
from simulators import InvalidInputError, MissingExtraError, UnknownNameError

try:
    from pettingzoo import ParallelEnv
except ModuleNotFoundError as error:
    raise MissingExtraError("archgym_envs.parallel", "marl", error.name or "pettingzoo") from None

FORMULATIONS = ("one-shot", "edit")
"""How agents make designs: all values at once, or by changes to the design before."""
EDITS = 16
"""Steps of an episode of edits unless another number is asked for."""

Step = tuple[dict[str, np.ndarray], dict[str, float], dict[str, bool], dict[str, bool], dict[str, Info]]


class ParallelDesignEnv(ParallelEnv[str, np.ndarray, Any]):
    """A design problem as a cooperative game; one step is one design.

    *Agents*: those of the partition. All act in every step, and their episode ends together; then ``agents`` is
    empty until ``reset``, as PettingZoo wants it. RLlib takes the environment in its ``ParallelPettingZooEnv``.

    *Actions*: ``Discrete(k)`` for an agent of one parameter, ``MultiDiscrete`` for more, in the order of its members.

    ============  =====================================================================================================
    ``one-shot``  k = number of values: the action is the position of the chosen value
    ``edit``      of an ordered parameter k = 3: keep, one value down, one up; of any other k = 1 + number of values:
                  keep, or set the value of position ``action - 1``. An episode begins at the reference design
    ============  =====================================================================================================

    With ``padded`` all agents have the same action space, so that they can share one policy: as many positions as the
    largest agent's, each with as many actions as any agent has there. Actions past an agent's last are taken
    modulo their number, positions past its last parameter have no effect.

    *Action masks*: ``infos[agent]["action_mask"]``, int8, is 1 for the actions worth taking, position after position
    (for ``Discrete`` as ``sample`` takes it; of ``MultiDiscrete`` cut it at ``cumsum(nvec)[:-1]`` to get one mask per
    position). What padding adds is 0 (in positions without a parameter all but the first), as are edits that change
    nothing.

    *Observations*: what :class:`DesignEnv` shows of the design, the same for all agents; in episodes of edits also the
    share of steps left; with ``identify`` also one entry per agent, 1 for the one who looks: needed by agents who share
    a policy. ``state()`` is the observation without the latter, for central critics. With ``edit`` the design that is
    shown, where inactive parameters are at their default, is the one the next edits start from.

    *Rewards*: every agent gets the design's; with ``edit`` the change against the design before, so that an episode's
    rewards add up to the gain over the reference design. PettingZoo and RLlib count returns per agent: RLlib's
    ``episode_return_mean`` is their sum, the number of agents times the design's.

    *Infos*: for each agent what :class:`DesignEnv` says of the design, and ``action_mask``.

    Args:
        env: a :class:`DesignEnv`, wrapped or not, whose actions are still designs. It counts episodes of ``one-shot``.
        partition: of the environment's space.
        formulation: one of :data:`FORMULATIONS`.
        identify: show agents who they are.
        padded: give all agents the same action space.
        episode_length: steps of an episode of edits; default: the environment's if above 1, else 16.

    Raises:
        UnknownNameError: an unknown formulation, or a parameter of the partition that the space does not have.
        InvalidInputError: another kind of environment, a partition that leaves out parameters, an impossible length.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        partition: Partition,
        *,
        formulation: str = "one-shot",
        identify: bool = False,
        padded: bool = False,
        episode_length: int | None = None,
    ) -> None:
        base = _design_env(env)
        if formulation not in FORMULATIONS:
            raise UnknownNameError("formulation of several agents", formulation, FORMULATIONS)
        self.metadata = {"name": env.spec.id if env.spec else type(self).__name__, "render_modes": []}
        self.render_mode = None
        self.design_env: DesignEnv = base
        self.partition = partition
        self.formulation = formulation
        self.possible_agents = list(partition.names)
        self.agents: list[str] = []
        self._env, self._space, self._edits = env, base.space, formulation == "edit"
        self._columns = partition.columns(base.space)
        self._choices: Choices = EditChoices(base.space) if self._edits else OneShotChoices(base.space)
        self._sizes = sizes_of_agents([self._choices.sizes[columns] for columns in self._columns], padded)
        self._length = _length(episode_length, base.episode_length, self._edits)
        self._action_spaces = {a: _space_of(n) for a, n in zip(self.possible_agents, self._sizes, strict=True)}
        self.state_space = _with_shares(base.core.encoder.box, int(self._edits))
        seen = _with_shares(self.state_space, len(self.possible_agents)) if identify else self.state_space
        self._observation_spaces = dict.fromkeys(self.possible_agents, seen)
        self._marks = np.eye(len(self.possible_agents), dtype=np.float32) if identify else None
        self._masks: list[np.ndarray] = []
        self._reward = 0.0
        self._begin(base.core.explain_reference()[0])

    @property
    def observation_names(self) -> tuple[str, ...]:
        """What each entry of an observation is."""
        own = () if self._marks is None else tuple(f"agent_is_{agent}" for agent in self.possible_agents)
        return (*self.design_env.observation_names, *(("episode_left",) if self._edits else ()), *own)

    @property
    def episode_length(self) -> int:
        """Designs per episode."""
        return self._length

    def observation_space(self, agent: str) -> gymnasium.spaces.Box:
        """Return the space of an agent's observations: the same for all."""
        return self._observation_spaces[agent]

    def action_space(self, agent: str) -> gymnasium.spaces.Discrete | gymnasium.spaces.MultiDiscrete:
        """Return the space of an agent's actions."""
        return self._action_spaces[agent]

    def state(self) -> np.ndarray:
        """Return the latest design's global view, float32, within ``state_space``."""
        return self._state.copy()

    def design_of(self, actions: Mapping[str, Any]) -> np.ndarray:
        """Return the design, int64 ``[d]``, that all agents' actions would make now.

        Raises:
            InvalidInputError: an agent without an action, an action outside its space, a stranger's action.
        """
        if actions.keys() != self._action_spaces.keys():
            raise InvalidInputError(_who_is_wrong(actions, self.possible_agents))
        chosen = np.empty(self._space.dimensions, dtype=np.int64)
        for (agent, space), columns in zip(self._action_spaces.items(), self._columns, strict=True):
            if not space.contains(actions[agent]):
                raise InvalidInputError(f"the action of agent {agent!r} must be in {space}, got {actions[agent]!r}")
            chosen[columns] = np.atleast_1d(actions[agent])[: len(columns)]
        return self._choices.apply(self._design, chosen % self._choices.sizes)

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Info]]:
        """Begin an episode; return every agent's observation and info of the reference design.

        Options have no meaning and are ignored: PettingZoo's own check gives some.
        """
        observation, info = self._env.reset(seed=seed)
        self.agents = list(self.possible_agents)
        self._begin(observation)
        return self._observations(), self._infos(info)

    def step(self, actions: Mapping[str, Any]) -> Step:
        """Evaluate the design that the agents make together.

        Args:
            actions: agent -> its action.

        Returns:
            observations, rewards, terminations, truncations, infos: each a dict of all agents.

        Raises:
            InvalidInputError: no episode has begun, and as of :meth:`design_of`.
            BudgetExhausted: the search has ended.
        """
        if not self.agents:
            raise InvalidInputError("no episode is going on: call reset before step")
        design = self.design_of(actions)
        observation, reward, terminated, truncated, info = self._env.step(design)
        self._steps += 1
        given = float(reward)
        if self._edits:
            given, self._reward = given - self._reward, given
            terminated, truncated = self._go_on(terminated or truncated), False
        self._see(observation, design)
        if terminated or truncated:
            self.agents = []
        every = self.possible_agents
        ends = dict.fromkeys(every, bool(terminated)), dict.fromkeys(every, bool(truncated))
        return self._observations(), dict.fromkeys(every, given), *ends, self._infos(info)

    def close(self) -> None:
        """Close the design environment."""
        self._env.close()

    def _go_on(self, ended: bool) -> bool:
        """Return whether the episode of edits is over; the design environment's own episodes do not count."""
        over = self._steps >= self._length
        if ended and not over:
            self._env.reset()
        return over

    def _begin(self, observation: np.ndarray) -> None:
        self._steps = 0
        scorer = self.design_env.scorer
        self._reward = scorer.reward_of(scorer.reference_score)
        self._see(observation, self._space.default_indices[0])

    def _see(self, observation: np.ndarray, design: np.ndarray) -> None:
        left = [1.0 - self._steps / self._length] if self._edits else []
        self._state = np.append(observation, np.array(left, dtype=np.float32))
        if self._edits or not self._masks:
            self._design = self._space.canonical(design[None])[0]
            self._masks = self._masks_now()

    def _observations(self) -> dict[str, np.ndarray]:
        if self._marks is None:
            return {agent: self._state.copy() for agent in self.possible_agents}
        return {a: np.append(self._state, mark) for a, mark in zip(self.possible_agents, self._marks, strict=True)}

    def _infos(self, info: Info) -> dict[str, Info]:
        return {
            agent: {**info, "action_mask": mask.copy()}
            for agent, mask in zip(self.possible_agents, self._masks, strict=True)
        }

    def _masks_now(self) -> list[np.ndarray]:
        masks = self._choices.masks(self._design)
        return [
            flat_mask([masks[column] for column in columns], sizes)
            for columns, sizes in zip(self._columns, self._sizes, strict=True)
        ]


def parallel_env(
    environment_id: str,
    *,
    partition: str | Partition = "parameter",
    agent_count: int | None = None,
    partition_seed: int = 0,
    formulation: str = "one-shot",
    identify: bool = False,
    padded: bool = False,
    objective: Mapping[str, Any] | Objective | None = None,
    budget: int | None = None,
    episode_length: int | None = None,
    **arguments: Any,
) -> ParallelDesignEnv:
    """Build a registered environment for several agents.

    Args:
        environment_id: a registered id.
        partition: one of :data:`~archgym_envs.partitions.PARTITIONS` that need no data, or a partition.
        agent_count, partition_seed: ``count`` and ``seed`` of :func:`~archgym_envs.partitions.make_partition`.
        formulation, identify, padded: as of :class:`ParallelDesignEnv`.
        objective, budget: as of :func:`archgym_envs.make_env`.
        episode_length: designs per episode; default 1, with ``edit`` 16.
        **arguments: the environment's own, checked by name.

    Raises:
        UnknownNameError: an unknown id, partition, formulation, argument, metric or value, with the nearest valid word.
        InvalidInputError: a value that cannot be used.
        MissingExtraError: PettingZoo is not installed.
    """
    length = 1 if episode_length is None else episode_length
    env = make_env(environment_id, objective=objective, budget=budget, episode_length=length, **arguments)
    if isinstance(partition, str):
        partition = make_partition(env.space, partition, count=agent_count, seed=partition_seed)
    parallel = ParallelDesignEnv(
        env,
        partition,
        formulation=formulation,
        identify=identify,
        padded=padded,
        episode_length=episode_length if formulation == "edit" else None,
    )
    parallel.metadata["name"] = environment_id
    return parallel


def _design_env(env: gymnasium.Env[Any, Any]) -> DesignEnv:
    base = env.unwrapped
    if not isinstance(base, DesignEnv) or not isinstance(env.action_space, gymnasium.spaces.MultiDiscrete):
        raise InvalidInputError(
            f"ParallelDesignEnv needs a DesignEnv whose actions are designs, got {type(base).__name__} "
            f"with actions {env.action_space}"
        )
    return base


def _length(asked: int | None, of_env: int, edits: bool) -> int:
    if asked is None:
        return EDITS if edits and of_env == 1 else of_env
    if not edits:
        raise InvalidInputError(
            "episode_length is for edits; one-shot episodes are as long as the design environment's"
        )
    if isinstance(asked, bool) or not isinstance(asked, int) or asked < 1:
        raise InvalidInputError(f"episode_length must be an integer of at least 1, got {asked!r}")
    return asked


def _space_of(sizes: np.ndarray) -> gymnasium.spaces.Discrete | gymnasium.spaces.MultiDiscrete:
    return gymnasium.spaces.Discrete(int(sizes[0])) if len(sizes) == 1 else gymnasium.spaces.MultiDiscrete(sizes)


def _with_shares(box: gymnasium.spaces.Box, count: int) -> gymnasium.spaces.Box:
    """Return a box with ``count`` more entries between 0 and 1."""
    low, high = np.append(box.low, np.zeros(count)), np.append(box.high, np.ones(count))
    return gymnasium.spaces.Box(low.astype(np.float32), high.astype(np.float32), dtype=np.float32)


def _who_is_wrong(actions: Mapping[str, Any], agents: list[str]) -> str:
    missing, strange = [a for a in agents if a not in actions], [a for a in actions if a not in agents]
    found = [f"missing: {', '.join(missing)}"] if missing else []
    found += [f"unknown: {', '.join(map(str, strange))}; the agents are {', '.join(agents)}"] if strange else []
    return f"every agent must act; {'; '.join(found)}"
