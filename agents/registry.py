"""The agents by name: data with lazy entry points, so that listing them imports no learning library.

A package adds its own agents with one call of :func:`register_agent`, or through the entry-point
group ``archgym.agents`` (entry-point name = agent name, value = ``module:Class``).
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Any

from agents.base import Agent, LearningAgent, Searcher
from simulators import DesignSpace, InvalidInputError, MissingExtraError, UnknownNameError

ENTRY_POINT_GROUP = "archgym.agents"


@dataclass(frozen=True)
class AgentSpec:
    """Where an agent's class is.

    Attributes:
        name: what configs call it.
        entry_point: ``"module:Class"``, imported on first use.
        extra: the optional dependency set of archgym it needs, or None.
        doc: one line for listings.
    """

    name: str
    entry_point: str
    extra: str | None = None
    doc: str = ""


_registry: dict[str, AgentSpec] = {
    spec.name: spec
    for spec in (
        AgentSpec("random_search", "agents.random_search:RandomSearch", doc="uniform random designs"),
        AgentSpec("random_walker", "agents.random_walker:RandomWalker", doc="local random walk with restarts"),
        AgentSpec("quasi_random", "agents.quasi_random:QuasiRandom", doc="scrambled Sobol' points"),
        AgentSpec("grid", "agents.grid:Grid", doc="factorial grid as fine as the budget allows"),
        AgentSpec("hill_climbing", "agents.hill_climbing:HillClimbing", doc="local search with random restarts"),
        AgentSpec("genetic", "agents.genetic:Genetic", doc="mixed-discrete genetic algorithm"),
        AgentSpec("ant_colony", "agents.ant_colony:AntColony", doc="max-min ant system over design choices"),
        AgentSpec(
            "differential_evolution",
            "agents.differential_evolution:DifferentialEvolution",
            doc="differences of designs, ordered and unordered",
        ),
        AgentSpec("cma_es", "agents.cma_es:CMAES", doc="covariance matrix adaptation with margin (cmaes)"),
        AgentSpec("nsga2", "agents.nsga2:NSGA2", doc="genetic search for a Pareto front"),
        AgentSpec("reinforce", "agents.reinforce:Reinforce", doc="policy gradient on one softmax per parameter"),
        AgentSpec(
            "native_ppo", "agents.native_ppo:NativePPO", doc="PPO on one softmax per parameter, without a network"
        ),
        AgentSpec(
            "multi_agent_ppo",
            "agents.multi_agent_ppo:MultiAgentPPO",
            doc="PPO by several agents, each choosing a part of the design (IPPO, MAPPO)",
        ),
        AgentSpec("simulated_annealing", "agents.annealing:SimulatedAnnealing", doc="simulated annealing"),
        AgentSpec(
            "bottleneck_search",
            "agents.bottleneck_search:BottleneckSearch",
            doc="annealing whose moves start at what limits the design",
        ),
        AgentSpec("tpe", "agents.optuna_agents:TPE", doc="tree-structured Parzen estimator (optuna)"),
        AgentSpec(
            "random_forest",
            "agents.random_forest:RandomForest",
            extra="forest",
            doc="random-forest model and expected improvement (scikit-learn)",
        ),
        AgentSpec("gp", "agents.optuna_agents:GaussianProcess", extra="gp", doc="Gaussian process (optuna)"),
        AgentSpec("ppo", "agents.sb3.ppo:PPO", extra="rl", doc="proximal policy optimisation (stable-baselines3)"),
        AgentSpec("maskable_ppo", "agents.sb3.ppo:MaskablePPO", extra="rl", doc="PPO with action masks (sb3-contrib)"),
        AgentSpec("a2c", "agents.sb3.a2c:A2C", extra="rl", doc="advantage actor-critic (stable-baselines3)"),
        AgentSpec("dqn", "agents.sb3.dqn:DQN", extra="rl", doc="deep Q-learning, a value per step (stable-baselines3)"),
        AgentSpec(
            "sac", "agents.sb3.sac:SAC", extra="rl", doc="soft actor-critic in the relaxed box (stable-baselines3)"
        ),
        AgentSpec("rllib_ppo", "agents.rllib.ppo:RLlibPPO", extra="marl", doc="PPO, one agent for the design (RLlib)"),
        AgentSpec("rllib_ippo", "agents.rllib.ppo:RLlibIPPO", extra="marl", doc="independent PPO agents (RLlib)"),
        AgentSpec(
            "rllib_shared_ppo",
            "agents.rllib.ppo:RLlibSharedPPO",
            extra="marl",
            doc="PPO, several agents with one policy (RLlib)",
        ),
        AgentSpec(
            "rllib_mappo", "agents.rllib.ppo:RLlibMAPPO", extra="marl", doc="PPO agents with central critics (RLlib)"
        ),
        AgentSpec(
            "rllib_isac",
            "agents.rllib.sac:RLlibISAC",
            extra="marl",
            doc="independent soft actor-critic, an agent per parameter (RLlib)",
        ),
    )
}


def register_agent(name: str, entry_point: str, extra: str | None = None, doc: str = "") -> AgentSpec:
    """Add an agent to the registry of this process.

    Args:
        name: Python identifier, not taken yet (registering the same entry point again is fine).
        entry_point: ``"module:Class"`` of an :class:`Agent` or :class:`LearningAgent`.
        extra: the optional dependency set of archgym it needs.
        doc: one line for listings.

    Raises:
        InvalidInputError: a name that is taken or not an identifier, or a malformed entry point.
    """
    module, _, attribute = entry_point.partition(":")
    if not name.isidentifier() or not module or not attribute:
        raise InvalidInputError(f"an agent needs an identifier and 'module:Class', got {name!r} and {entry_point!r}")
    spec = AgentSpec(name, entry_point, extra, doc)
    if name in _registry and _registry[name].entry_point != entry_point:
        raise InvalidInputError(f"agent {name!r} is already registered as {_registry[name].entry_point!r}")
    _registry[name] = spec
    return spec


def agent_names() -> tuple[str, ...]:
    """Return the names of all agents, those of installed packages included."""
    return tuple(_all_specs())


def agent_spec(name: str) -> AgentSpec:
    """Return the registry's entry; raises UnknownNameError with the nearest name."""
    specs = _all_specs()
    if name not in specs:
        raise UnknownNameError("agent", name, specs, "List them with: archgym list agents")
    return specs[name]


def agents_for(formulation: str) -> tuple[str, ...]:
    """Return the names of the agents, of those that can be imported here, that search a formulation; learners first."""
    found: list[tuple[bool, str]] = []
    for name in agent_names():
        try:
            searcher = agent_class(name)
        except (MissingExtraError, InvalidInputError):
            continue
        if formulation in searcher.formulations:
            found.append((not issubclass(searcher, LearningAgent), name))
    return tuple(name for _, name in sorted(found, key=lambda pair: pair[0]))


def agent_class(name: str) -> type[Searcher[Any]]:
    """Import and return an agent's class.

    Raises:
        UnknownNameError: no agent of that name (with the nearest).
        MissingExtraError: an optional dependency is absent; the message has the pip command.
        InvalidInputError: the entry point does not lead to an agent.
    """
    spec = agent_spec(name)
    module, _, attribute = spec.entry_point.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ModuleNotFoundError, AttributeError) as error:
        raise InvalidInputError(f"agent {name!r}: cannot import {spec.entry_point!r}: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Agent | LearningAgent)):
        raise InvalidInputError(f"agent {name!r}: {spec.entry_point!r} is not an Agent or LearningAgent class")
    _require(spec, found)
    return found


def make_agent(
    name: str, space: DesignSpace, seed: int, hyperparameters: Mapping[str, Any] | None = None
) -> Agent[Any] | LearningAgent[Any]:
    """Build the agent called ``name``; raises what :func:`agent_class` and its constructor raise."""
    return agent_class(name)(space, seed, hyperparameters)  # type: ignore[return-value]


def _require(spec: AgentSpec, found: type[Searcher[Any]]) -> None:
    """Check the modules an agent class says it needs (``requires``) without importing them."""
    for module in found.requires:
        # the package only: to find a module inside it would import it
        if importlib.util.find_spec(module.partition(".")[0]) is None:
            raise MissingExtraError(f"agent {spec.name!r}", spec.extra or "all", module)


def _all_specs() -> dict[str, AgentSpec]:
    return {**_installed_specs(), **_registry}


@cache
def _installed_specs() -> dict[str, AgentSpec]:
    """Return the agents that installed packages declare (read once per process, nothing imported)."""
    found = metadata.entry_points(group=ENTRY_POINT_GROUP)
    return {point.name: AgentSpec(point.name, point.value) for point in found}
