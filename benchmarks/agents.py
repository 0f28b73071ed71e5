"""What the agents themselves cost: ``python -m benchmarks.agents``.

Each agent searches a synthetic problem of ten mixed parameters (5 529 600 designs) whose simulator costs next to
nothing. Counted is the CPU time inside ``ask`` and ``tell``; for agents that own their loop, everything but the
simulator. Reported: proposals per CPU-second at each budget.
"""

from __future__ import annotations

import argparse
import time

from agents import Agent, LearningAgent, agent_names, make_agent, run_search
from agents.synthetic import SyntheticSimulator
from archgym_envs import BudgetedEvaluator, Objective, Scorer
from simulators import DesignSpace, Parameter, Problem

COUNTS = (8, 8, 6, 6, 5, 5, 4, 4, 3, 2)
SLOW_ABOVE = {"gp": 300, "tpe": 1000, "ppo": 1000}
"""Budgets above these are left out unless ``--all`` is given: they take minutes."""


def problem() -> Problem:
    parameters = [
        Parameter(f"p{j}", tuple(range(c)) if j % 2 == 0 else tuple(f"v{k}" for k in range(c)))
        for j, c in enumerate(COUNTS)
    ]
    space = DesignSpace(parameters, name="benchmark")
    simulator = SyntheticSimulator(space)
    return Problem(simulator, space, simulator.load_workload(""))


def ask_tell_seconds(agent: Agent, evaluator: BudgetedEvaluator, scorer: Scorer) -> float:
    """Search, and return the CPU seconds spent inside ``ask`` and ``tell``."""
    seconds = 0.0
    while not evaluator.stopped:
        start = time.process_time()
        designs = agent.ask(evaluator.remaining)
        seconds += time.process_time() - start
        evaluation = evaluator.evaluate(designs)
        rewards = scorer.reward(scorer.score(evaluation))
        start = time.process_time()
        agent.tell(designs[: len(evaluation)], rewards, evaluation)
        seconds += time.process_time() - start
    return seconds


def learning_seconds(agent: LearningAgent, evaluator: BudgetedEvaluator, scorer: Scorer) -> float:
    """Search, and return the CPU seconds of everything but the simulator: learner and environment."""
    start = time.process_time()
    run_search(agent, evaluator, scorer)
    return time.process_time() - start - evaluator.simulator_seconds


def proposals_per_second(name: str, budget: int) -> tuple[float, int]:
    """Return proposals per CPU-second of the agent's own, and how many proposals were made."""
    target = problem()
    agent = make_agent(name, target.space, 0)
    evaluator = BudgetedEvaluator(target, budget)
    scorer = Scorer(Objective.parse({"minimize": "cost"}), target)
    if isinstance(agent, Agent):
        seconds = ask_tell_seconds(agent, evaluator, scorer)
    else:
        seconds = learning_seconds(agent, evaluator, scorer)
    return evaluator.proposals / seconds, evaluator.proposals


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", nargs="+", default=list(agent_names()))
    parser.add_argument("--budgets", nargs="+", type=int, default=[100, 300, 1000])
    parser.add_argument("--all", action="store_true", help="also the combinations that take minutes")
    arguments = parser.parse_args()
    print(f"{'agent':<20}{'budget':>8}{'proposals':>12}{'per CPU-second':>16}")
    for name in arguments.agents:
        proposals_per_second(name, 10)  # imports and caches
        for budget in arguments.budgets:
            if arguments.all or budget <= SLOW_ABOVE.get(name, budget):
                rate, proposals = proposals_per_second(name, budget)
                print(f"{name:<20}{budget:>8}{proposals:>12}{rate:>16.0f}", flush=True)


if __name__ == "__main__":
    main()
