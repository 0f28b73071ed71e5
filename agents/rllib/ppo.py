"""Proximal policy optimisation by RLlib: one agent, several independent ones, one policy for all, a central critic."""

from __future__ import annotations

from agents.rllib.settings import PPOHyperparameters, RLlibPPOAgent, SharingHyperparameters


class IndependentPPOHyperparameters(PPOHyperparameters, SharingHyperparameters):
    """Hyperparameters of the learners by PPO that share a design."""


class RLlibPPO(RLlibPPOAgent[PPOHyperparameters]):
    """PPO with one factorised policy for the whole design (``MultiDiscrete``): what several agents are compared with.

    The same networks, learner and sampler as of :class:`RLlibIPPO` with ``{partition: single}``.
    """

    name = "rllib_ppo"
    version = "1"
    citation = "Schulman et al., Proximal Policy Optimization Algorithms, arXiv 1707.06347 (2017)"
    Hyperparameters = PPOHyperparameters


class RLlibIPPO(RLlibPPOAgent[IndependentPPOHyperparameters]):
    """Independent PPO: an agent per part of the design, each with its own policy, critic, ratio and clip.

    All agents get the design's reward.
    """

    name = "rllib_ippo"
    version = "1"
    citation = (
        "de Witt et al., Is Independent Learning All You Need in the StarCraft Multi-Agent Challenge?, arXiv "
        "2011.09533 (2020)"
    )
    Hyperparameters = IndependentPPOHyperparameters


class RLlibSharedPPO(RLlibPPOAgent[IndependentPPOHyperparameters]):
    """PPO with one policy and one critic for all agents, who see which of them they are.

    All have the actions of the largest agent; those an agent does not have are masked.
    """

    name = "rllib_shared_ppo"
    version = "1"
    citation = (
        "Gupta, Egorov and Kochenderfer, Cooperative Multi-agent Control Using Deep Reinforcement Learning, AAMAS "
        "Workshops 2017"
    )
    Hyperparameters = IndependentPPOHyperparameters
    shared = True


class RLlibMAPPO(RLlibPPOAgent[IndependentPPOHyperparameters]):
    """Multi-agent PPO: an agent's policy sees its own part of the design, its critic the whole state.

    Where an episode is one design the state at its begin is always the reference design, so that a critic that values
    states has nothing to tell apart: there this is independent PPO with less to look at. With edits it is not.
    """

    name = "rllib_mappo"
    version = "1"
    citation = "Yu et al., The Surprising Effectiveness of PPO in Cooperative Multi-Agent Games, NeurIPS 2022"
    Hyperparameters = IndependentPPOHyperparameters
    central = True
