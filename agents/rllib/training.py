"""Proximal policy optimisation with RLlib's parts. Imports Ray and torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.connectors.connector_v2 import ConnectorV2
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.multi_rl_module import MultiRLModuleSpec
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.evaluation.postprocessing import Postprocessing
from ray.rllib.policy.policy import PolicySpec
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED_LIFETIME

from agents.rllib.game import NumberedGame, Rules, Runner, runner_of, sizes_of
from agents.rllib.modules import PolicyModule
from archgym_envs.design_env import DesignEnv

_NEVER = -1e9


@dataclass(frozen=True)
class Amounts:
    """How much is learned from.

    Attributes:
        games: played at once; each is one episode per update.
        designs: per update.
    """

    games: int
    designs: int


def train_ppo(environment: DesignEnv, rules: Rules, amounts: Amounts, chosen: Any, seed: int) -> None:
    """Sample and update until BudgetExhausted leaves; ``chosen`` are the hyperparameters."""
    game = NumberedGame(environment, rules)
    specs = _policies(game, rules, chosen.width, seed)
    config = configured(_ppo_config(chosen, amounts), specs, rules, amounts.games, seed)
    learner = config.build_learner(spaces=spaces_of(specs))
    learner._learner_connector.append(CountedAdvantages())
    runner = runner_of(config, environment, rules)
    runner.module = learner.module
    sharing = len(game.possible_agents) if rules.shared else 1
    rows = sharing * (amounts.designs + amounts.games)  # RLlib adds one to every episode
    while True:
        before = environment.evaluator.remaining
        episodes, steps = sampled(runner, amounts.designs)
        if settled(environment, before, chosen.restart * amounts.designs):
            begin_anew(learner)
            continue
        learner.update(
            episodes=episodes,
            timesteps={NUM_ENV_STEPS_SAMPLED_LIFETIME: steps},
            num_epochs=chosen.epochs,
            minibatch_size=-(-rows // chosen.minibatches),
            shuffle_batch_per_epoch=chosen.minibatches > 1,
        )


def _ppo_config(chosen: Any, amounts: Amounts) -> PPOConfig:
    return PPOConfig().training(
        lr=chosen.learning_rate,
        gamma=chosen.gamma,
        lambda_=1.0,
        entropy_coeff=chosen.entropy,
        clip_param=chosen.clip,
        use_kl_loss=False,
        vf_clip_param=1000.0,
        train_batch_size_per_learner=amounts.designs,
    )


def settled(environment: DesignEnv, before: int | None, least: float) -> bool:
    """Return whether fewer than ``least`` designs have been new since ``before`` evaluations remained."""
    return (before or 0) - (environment.evaluator.remaining or 0) < least


def begin_anew(learner: Any) -> None:
    """Draw all networks' weights again and forget what the optimisers have gathered."""
    for name in sorted(learner.module.keys()):
        learner.module[name].begin_anew()
    for optimiser in learner._named_optimizers.values():
        optimiser.state.clear()


def sampled(runner: Runner, designs: int) -> tuple[list[Any], int]:
    """Return the episodes of the next designs, and how many designs there have been."""
    episodes = runner.sample(num_timesteps=designs)
    runner.forget_episodes()
    return episodes, runner.num_env_steps_sampled_lifetime


class CountedAdvantages(ConnectorV2):
    """Standardise advantages over real steps only.

    RLlib adds a step to every episode to value its end, and counts it in: half of all where episodes have one step.
    """

    def __call__(self, *, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Return the batch with advantages of mean 0 and deviation 1, module by module."""
        for columns in batch.values():
            advantages = columns[Postprocessing.ADVANTAGES]
            counted = advantages[columns[Columns.LOSS_MASK]]
            spread = counted.std(correction=0).clamp(min=1e-4)
            columns[Postprocessing.ADVANTAGES] = (advantages - counted.mean()) / spread
        return batch


def configured(config: Any, specs: dict[str, RLModuleSpec], rules: Rules, games: int, seed: int) -> Any:
    """Return an algorithm's configuration with what is the same for all."""
    shared = rules.shared
    config = (
        config.framework("torch")
        .environment(disable_env_checking=True)
        .env_runners(num_env_runners=0, num_envs_per_env_runner=games)
        .learners(num_learners=0)
        .multi_agent(
            policies={m: PolicySpec(None, s.observation_space, s.action_space, {}) for m, s in specs.items()},
            policy_mapping_fn=lambda agent, *_, **__: module_name(0 if shared else agent),
        )
        .rl_module(rl_module_spec=MultiRLModuleSpec(rl_module_specs=specs))
        .debugging(seed=seed, log_level="ERROR")
    )
    return config


def module_name(agent: int) -> str:
    """Return the policy's name; in the order of the alphabet."""
    return f"policy_{agent:05d}"


def spaces_of(specs: dict[str, RLModuleSpec]) -> dict[str, Any]:
    """Return each policy's spaces of observations and actions."""
    return {name: (spec.observation_space, spec.action_space) for name, spec in specs.items()}


def _policies(game: NumberedGame, rules: Rules, width: int, seed: int) -> dict[str, RLModuleSpec]:
    """Return one policy per agent, or one for all; each with a seed of its own."""
    agents = [0] if rules.shared else game.possible_agents
    mask = _mask(game) if rules.shared else None
    seeds = np.random.SeedSequence(seed).generate_state(len(agents)).tolist()
    return {
        module_name(agent): RLModuleSpec(
            module_class=PolicyModule,
            observation_space=game.observation_space(agent),
            action_space=game.action_space(agent),
            model_config={"seed": seeds[agent], "width": width, "own": len(game.own[agent]), "mask": mask},
        )
        for agent in agents
    }


def _mask(game: NumberedGame) -> list[list[float]]:
    """Return what to add to a shared policy's logits so that no agent takes actions that padding added."""
    padded = sizes_of(game.action_space(0))
    rows = []
    for real in game.real_sizes():
        sizes = [*real, *[1] * (len(padded) - len(real))]
        rows.append([0.0 if k < n else _NEVER for n, most in zip(sizes, padded, strict=True) for k in range(most)])
    return rows
