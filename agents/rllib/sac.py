"""Independent soft actor-critic by RLlib, an agent per parameter."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from agents.base import hyperparameter
from agents.rllib.settings import PARTITION_DOC, Kind, LearnerHyperparameters, RLlibAgent
from agents.sweeps import Choice, Integer, LogUniform, Uniform
from simulators import DesignSpace


class ISACHyperparameters(LearnerHyperparameters):
    """Hyperparameters of :class:`RLlibISAC`."""

    partition: Kind = hyperparameter(
        "parameter", PARTITION_DOC + " RLlib's soft actor-critic chooses one thing at a time: only parameter will do."
    )
    learning_rate: float = hyperparameter(
        5e-3,
        "Step of Adam, of actors, critics and temperatures. Trap: RLlib's 3e-4 hardly moves anything within a few "
        "thousand designs.",
        sweep=LogUniform(1e-3, 2e-2),
        gt=0.0,
        le=0.2,
    )
    train_batch: int = hyperparameter(8, "Designs between updates.", sweep=Integer(4, 32, log=True), ge=1, le=10000)
    epochs: int = hyperparameter(
        8,
        "Updates after so many designs. Trap: with many, critics learn the noise that the other agents make.",
        sweep=Integer(2, 16, log=True),
        ge=1,
        le=1000,
    )
    replay_batch: int = hyperparameter(
        64,
        "Remembered designs per update, of all since the policies began.",
        sweep=Choice(32, 64, 128),
        ge=1,
        le=10000,
    )
    entropy: float = hyperparameter(
        0.2,
        "Entropy that the temperature steers each policy to, as a share of the largest. Trap: the 0.98 of "
        "Christodoulou (arXiv 1910.07207) keeps policies uniform; a share left to each of many agents adds up over "
        "the design.",
        sweep=Uniform(0.05, 0.4),
        gt=0.0,
        lt=1.0,
    )
    tau: float = hyperparameter(
        0.05,
        "Share of the way that target networks go per update. Without effect where an episode is one design.",
        gt=0.0,
        le=1.0,
    )


class RLlibISAC(RLlibAgent[ISACHyperparameters]):
    """Independent soft actor-critic: an agent per parameter, each with an actor, twin critics and a temperature.

    Learns from all steps since the policies began, drawn at random; rewards are standardised by their median and
    quartiles. All agents get the design's reward, so that to each the others' choices are noise.
    """

    name = "rllib_isac"
    version = "1"
    citation = (
        "Haarnoja et al., Soft Actor-Critic, ICML 2018; Christodoulou, Soft Actor-Critic for Discrete Action Settings, "
        "arXiv 1910.07207 (2019)"
    )
    Hyperparameters = ISACHyperparameters

    @classmethod
    def refusal(cls, space: DesignSpace, hyperparameters: BaseModel) -> str:
        """Return why not, where an agent would have several parameters, else an empty text."""
        kind: str = hyperparameters.partition  # type: ignore[attr-defined]
        if kind == "parameter":
            return ""
        return (
            f"RLlib's soft actor-critic has one discrete choice per agent, and the partition {kind!r} may give one "
            "several parameters; use partition 'parameter', or rllib_ippo, which takes every partition"
        )

    def _train(self, environment: Any, rules: Any, budget: int, seed: int) -> None:
        from agents.rllib.soft_actor_critic import train_sac

        chosen = self.hyperparameters
        games = 1 if chosen.formulation == "edit" else chosen.train_batch  # a walk may go on after an update
        train_sac(environment, rules, games, chosen.train_batch, chosen, seed)
