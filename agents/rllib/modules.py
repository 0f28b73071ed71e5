"""Policy and value networks for RLlib. Imports Ray and torch."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import torch
from ray.rllib.algorithms.sac.torch.default_sac_torch_rl_module import DefaultSACTorchRLModule
from ray.rllib.core.columns import Columns
from ray.rllib.core.distribution.torch.torch_distribution import TorchCategorical, TorchMultiCategorical
from ray.rllib.core.rl_module.apis.value_function_api import ValueFunctionAPI
from ray.rllib.core.rl_module.torch.torch_rl_module import TorchRLModule

from agents.rllib.game import sizes_of

_SMALL = 0.01
"""Weights of the last layer of a policy at the start: nearly uniform (Andrychowicz et al., ICLR 2021, sec. 3.2)."""


class PolicyModule(TorchRLModule, ValueFunctionAPI):
    """Actor and critic, two networks of two hidden layers each.

    ``model_config`` holds

    ==========  =====================================================================================================
    ``seed``    of the weights and of the draws: the module has a stream of its own, so that it matters neither in
                which order modules are built nor in which they act
    ``width``   units per hidden layer
    ``own``     with a central critic: the actor sees the first so many entries of an observation, the critic the
                others; 0: both see all
    ``mask``    for a shared policy: float ``[agents, actions]``, 0 for an agent's actions and a large negative number
                for those that padding adds; the last entries of an observation say which agent looks. None: no padding
    ==========  =====================================================================================================
    """

    def setup(self) -> None:
        """Build the networks."""
        config, space = self.model_config, self.action_space
        self._own: int = config["own"]
        seen = int(np.prod(self.observation_space.shape))
        self._sizes = sizes_of(space)
        self.actor = _network(self._own or seen, config["width"], sum(self._sizes))
        self.critic = _network(seen - self._own, config["width"], 1)
        self._stream = torch.Generator().manual_seed(config["seed"])
        self.begin_anew()
        mask = config["mask"]
        self._mask = None if mask is None else torch.as_tensor(mask, dtype=torch.float32)
        self._single = isinstance(space, gymnasium.spaces.Discrete)
        self.action_dist_cls = (
            TorchCategorical
            if self._single
            else TorchMultiCategorical.get_partial_dist_cls(space=space, input_lens=self._sizes)
        )

    def begin_anew(self) -> None:
        """Draw all weights again."""
        redrawn(self, self._stream)
        with torch.no_grad():
            self.actor[-1].weight.mul_(_SMALL)

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        return {Columns.ACTION_DIST_INPUTS: self._logits(batch[Columns.OBS])}

    def _forward_exploration(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        with torch.no_grad():
            logits = self._logits(batch[Columns.OBS])
            actions, logp = drawn(logits, self._sizes, self._stream)
        return {
            Columns.ACTION_DIST_INPUTS: logits,
            Columns.ACTIONS: actions[:, 0] if self._single else actions,
            Columns.ACTION_LOGP: logp,
        }

    def compute_values(self, batch: dict[str, Any], embeddings: Any = None) -> torch.Tensor:
        """Return the values ``[n]`` of observations ``[n, k]``."""
        return self.critic(batch[Columns.OBS][..., self._own :]).squeeze(-1)

    def _logits(self, observations: torch.Tensor) -> torch.Tensor:
        logits = self.actor(observations[..., : self._own] if self._own else observations)
        if self._mask is None:
            return logits
        return logits + observations[..., -len(self._mask) :] @ self._mask


class SACModule(DefaultSACTorchRLModule):
    """RLlib's networks of soft actor-critic, with a seed and a stream of their own as :class:`PolicyModule` has."""

    def setup(self) -> None:
        """Build the networks."""
        super().setup()
        self._stream = torch.Generator().manual_seed(self.model_config["seed"])
        self.begin_anew()

    def begin_anew(self) -> None:
        """Draw all weights again; target networks begin as copies."""
        redrawn(self, self._stream)
        if hasattr(self, "target_qf"):
            for network, target in self.get_target_network_pairs():
                target.load_state_dict(network.state_dict())

    def _forward_exploration(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        with torch.no_grad():
            logits = self._forward_inference(batch)[Columns.ACTION_DIST_INPUTS]
            actions, logp = drawn(logits, sizes_of(self.action_space), self._stream)
        return {Columns.ACTION_DIST_INPUTS: logits, Columns.ACTIONS: actions[:, 0], Columns.ACTION_LOGP: logp}


def drawn(logits: torch.Tensor, sizes: list[int], stream: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw one action per position, int64 ``[n, k]``, from logits ``[n, sum(sizes)]``, and its log-probability."""
    actions, logp = [], torch.zeros(len(logits))
    for part in logits.split(sizes, dim=-1):
        log_probabilities = part.log_softmax(dim=-1)
        chosen = torch.multinomial(log_probabilities.exp(), 1, generator=stream)
        logp = logp + log_probabilities.gather(-1, chosen)[:, 0]
        actions.append(chosen[:, 0])
    return torch.stack(actions, dim=-1), logp


def redrawn(module: torch.nn.Module, stream: torch.Generator) -> None:
    """Draw the weights of all linear layers uniformly within 1 / sqrt(inputs), torch's own way, from ``stream``."""
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, torch.nn.Linear):
                bound = layer.in_features**-0.5
                layer.weight.uniform_(-bound, bound, generator=stream)
                layer.bias.uniform_(-bound, bound, generator=stream)


def _network(inputs: int, width: int, outputs: int) -> torch.nn.Sequential:
    layers = [torch.nn.Linear(inputs, width), torch.nn.Tanh(), torch.nn.Linear(width, width), torch.nn.Tanh()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(width, outputs))
