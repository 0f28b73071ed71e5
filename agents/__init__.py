"""Searchers: ask/tell agents and learning agents over one design space. They never see a simulator."""

from agents.base import Agent, Hyperparameters, LearningAgent, Searcher, hyperparameter, validated
from agents.registry import AgentSpec, agent_class, agent_names, agent_spec, make_agent, register_agent
from agents.search import run_search
from agents.sweeps import Choice, Integer, LogUniform, Sweep, Uniform, draw_hyperparameters, sweep_ranges

__all__ = [
    "Agent",
    "AgentSpec",
    "Choice",
    "Hyperparameters",
    "Integer",
    "LearningAgent",
    "LogUniform",
    "Searcher",
    "Sweep",
    "Uniform",
    "agent_class",
    "agent_names",
    "agent_spec",
    "draw_hyperparameters",
    "hyperparameter",
    "make_agent",
    "register_agent",
    "run_search",
    "sweep_ranges",
    "validated",
]
