"""The search loop: one function that drives either kind of agent against a budget.

In outline, for ask/tell agents::

    while not evaluator.stopped:
        designs = agent.ask(evaluator.remaining)
        evaluation = evaluator.evaluate(designs)          # may cover only the first of them
        agent.tell(designs[: len(evaluation)], scorer.reward(scorer.score(evaluation)), evaluation)

Agents that own their loop get a ``DesignEnv`` around the same evaluator, which raises
``BudgetExhausted`` out of ``step`` when the budget ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agents.base import Agent, LearningAgent
from archgym_envs.evaluators import BudgetedEvaluator, BudgetExhausted
from simulators import ArchgymError

if TYPE_CHECKING:
    from archgym_envs.scoring import Scorer


def run_search(agent: Agent[Any] | LearningAgent[Any], evaluator: BudgetedEvaluator, scorer: Scorer) -> None:
    """Search until the evaluator stops (``evaluator.stopped`` says why) or a learner says it is done.

    Args:
        agent: built on ``evaluator.problem.space``.
        evaluator: counts the budget; its ``on_fresh`` sees every evaluation before the agent does.
        scorer: the objective bound to the same problem.

    Raises:
        ArchgymError: an agent that proposes nothing, or more than it was asked for.
    """
    if isinstance(agent, LearningAgent):
        _learn(agent, evaluator, scorer)
    else:
        while not evaluator.stopped:
            _advance(agent, evaluator, scorer)


def _advance(agent: Agent[Any], evaluator: BudgetedEvaluator, scorer: Scorer) -> None:
    """One round of ask, evaluate and tell."""
    wanted = evaluator.remaining
    designs = agent.ask(wanted)
    if not 1 <= len(designs) <= wanted:
        raise ArchgymError(f"agent {agent.name!r} proposed {len(designs)} designs when asked for 1..{wanted}")
    evaluation = evaluator.evaluate(designs)
    agent.tell(designs[: len(evaluation)], scorer.reward(scorer.score(evaluation)), evaluation)


def _learn(agent: LearningAgent[Any], evaluator: BudgetedEvaluator, scorer: Scorer) -> None:
    from archgym_envs.design_env import DesignEnv

    environment = DesignEnv(evaluator.problem, scorer.objective, evaluator=evaluator)
    try:
        agent.learn(environment)
    except BudgetExhausted:
        pass
    finally:
        environment.close()
