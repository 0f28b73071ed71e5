"""What the agents themselves cost: ``python -m benchmarks.agents``.

Each agent searches a synthetic problem of ten mixed parameters (5 529 600 designs) whose simulator costs next to
nothing. Counted is the CPU time inside ``ask`` and ``tell``; for agents that own their loop, everything but the
simulator. Reported: proposals per CPU-second at each budget.

Then studies of 256 runs in step (``agents.batched_study``) on tables, of the agents that have a batched form. There
all CPU time is counted: agent, evaluation, scores and bookkeeping.
"""

from __future__ import annotations

import argparse
import time

from agents import Agent, LearningAgent, agent_class, agent_names, make_agent, run_search
from agents.batched_study import run_batched_study
from agents.synthetic import SyntheticSimulator
from archgym_envs import BudgetedEvaluator, Objective, Scorer, make_problem
from simulators import DesignSpace, Parameter, Problem
from simulators.tabular import Rows, TableHeader, TabularProblem, TabularSimulator
from simulators.tabular.table import blocks_of, collect

COUNTS = (8, 8, 6, 6, 5, 5, 4, 4, 3, 2)
TABLE_COUNTS = (6, 6, 5, 5, 4, 4, 3, 3, 2, 2)
SLOW_ABOVE = {"gp": 100, "tpe": 1000}
"""Evaluations above these are left out unless ``--all`` is given: they take minutes."""
LEARNERS_SLOW_ABOVE = 1000
"""The same of all agents that own their loop."""
RUNS = 256
WARM_UP = 200
"""Evaluations of a first search, which imports modules and loads compiled code; a tenth of it for slow agents."""


def problem(counts: tuple[int, ...] = COUNTS) -> Problem:
    parameters = [
        Parameter(f"p{j}", tuple(range(c)) if j % 2 == 0 else tuple(f"v{k}" for k in range(c)))
        for j, c in enumerate(counts)
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


def proposals_per_second(name: str, budget: int) -> float:
    """Return proposals per CPU-second of the agent's own."""
    target = problem()
    agent = make_agent(name, target.space, 0)
    evaluator = BudgetedEvaluator(target, budget)
    scorer = Scorer(Objective.parse({"minimize": "cost"}), target)
    if isinstance(agent, Agent):
        seconds = ask_tell_seconds(agent, evaluator, scorer)
    else:
        seconds = learning_seconds(agent, evaluator, scorer)
    return evaluator.proposals / seconds


def study_rate(name: str, target: Problem, objective: Objective, budget: int) -> float:
    """Return proposals per CPU-second of a whole study of 256 runs."""
    start = time.process_time()
    study = run_batched_study(name, target, objective, range(RUNS), budget)
    return int(study.proposals.sum()) / (time.process_time() - start)


def tables() -> dict[str, tuple[Problem, Objective]]:
    """Return the table that ships, and a larger one in memory, each with an objective."""
    shipped, large = make_problem("archgym/Tabular-v0"), problem(TABLE_COUNTS)
    flat = large.space.canonical_flat()
    found = large.evaluate(large.space.unflatten(flat))
    header = TableHeader.of(large, {"minimize": "cost"}, "", {})
    stored = collect(header, blocks_of(Rows(flat, found.values, found.valid, found.reason)), None, "in memory")
    in_memory = TabularProblem.of(TabularSimulator(stored))
    return {
        "5 184 designs": (shipped, Objective.parse(shipped.objective)),
        f"{len(stored):,} designs".replace(",", " "): (in_memory, Objective.parse(in_memory.objective)),
    }


def print_agents(names: list[str], budgets: list[int], everything: bool) -> None:
    print("Proposals per CPU-second of the agent's own, by evaluations")
    print(f"{'agent':<24}" + "".join(f"{grouped(budget):>12}" for budget in budgets))
    left_out = False
    for name in names:
        limit = slow_above(name)
        proposals_per_second(name, WARM_UP if limit is None else WARM_UP // 10)
        print(f"{name:<24}", end="", flush=True)
        for budget in budgets:
            slow = limit is not None and budget > limit and not everything
            left_out |= slow
            print(f"{'-' if slow else grouped(proposals_per_second(name, budget)):>12}", end="", flush=True)
        print()
    if left_out:
        print("-: takes minutes and was left out; --all includes it")


def slow_above(name: str) -> int | None:
    """Return above how many evaluations an agent takes minutes, or None."""
    learns = issubclass(agent_class(name), LearningAgent)
    return SLOW_ABOVE.get(name, LEARNERS_SLOW_ABOVE if learns else None)


def print_studies(names: list[str], budgets: list[int]) -> None:
    print(f"{RUNS} runs in step on a table: proposals per CPU-second of the whole study")
    print(f"{'agent':<16}{'table':<16}" + "".join(f"{grouped(budget):>12}" for budget in budgets))
    for label, (target, objective) in tables().items():
        for name in names:
            study_rate(name, target, objective, 50)
            print(f"{name:<16}{label:<16}", end="", flush=True)
            for budget in budgets:
                print(f"{grouped(study_rate(name, target, objective, budget)):>12}", end="", flush=True)
            print()


def grouped(number: float) -> str:
    """Return a number of three significant digits at most, its thousands apart."""
    digits = 10 ** max(0, len(str(int(number))) - 3)
    return f"{round(number / digits) * digits:,}".replace(",", " ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", nargs="+", default=list(agent_names()))
    parser.add_argument("--budgets", nargs="+", type=int, default=[100, 1000, 10_000])
    parser.add_argument("--all", action="store_true", help="also the combinations that take minutes")
    arguments = parser.parse_args()
    print_agents(arguments.agents, arguments.budgets, arguments.all)
    batched = [name for name in arguments.agents if agent_class(name).batched]
    if batched:
        print()
        print_studies(batched, [budget for budget in arguments.budgets if budget <= 1000 or arguments.all])


if __name__ == "__main__":
    main()
