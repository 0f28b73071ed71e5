"""Which agents find systems-on-chip that meet FARSI's budgets, and how soon: ``python -m benchmarks.soc_search``.

Each agent searches ``archgym/SoC-v0`` for designs that meet the budgets of latency, peak power and area that FARSI and
ArchGym set for a workload (the default objective), and stops at the first that does. Reported for each workload and
agent: how many seeds met all budgets, after how many simulated designs (median, fewest and most of those seeds), and
the distance of the best design (sum of the relative excess over each budget; median and range over seeds). Runs are
deterministic: the same options give the same table.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np

from agents import Agent, make_agent
from archgym_envs import BudgetedEvaluator, Objective, Scorer, make_problem
from simulators import Problem

WORKLOADS = ("audio_decoder", "edge_detection", "hpvm_cava")
AGENTS = ("bottleneck_search", "simulated_annealing", "genetic", "ant_colony", "random_walker", "random_search")


@dataclass(frozen=True)
class Search:
    """One search: designs simulated until the budgets were met (None: they were not), and the best distance."""

    met_after: int | None
    distance: float


def search(agent: Agent, problem: Problem, scorer: Scorer, budget: int) -> Search:
    evaluator = BudgetedEvaluator(problem, budget)
    distance, simulated = np.inf, 0
    while not evaluator.stopped:
        designs = agent.ask(evaluator.remaining)
        evaluation = evaluator.evaluate(designs)
        scores = scorer.score(evaluation)
        met = np.flatnonzero(scorer.met_by(scores))
        if len(met):
            return Search(simulated + int(met[0]) + 1, 0.0)
        distance, simulated = min(distance, np.nanmin(scores, initial=np.inf)), evaluator.evaluations
        agent.tell(designs[: len(evaluation)], scorer.reward(scores), evaluation)
    return Search(None, float(distance))


def row(workload: str, name: str, searches: list[Search], seconds: float) -> str:
    met = [found.met_after for found in searches if found.met_after is not None]
    after = f"{np.median(met):.0f} ({min(met)}-{max(met)})" if met else "-"
    distances = [found.distance for found in searches]
    spread = f"{np.median(distances):.3g} ({min(distances):.3g}-{max(distances):.3g})"
    return f"| {workload} | {name} | {len(met)}/{len(searches)} | {after} | {spread} | {seconds:.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", nargs="+", default=list(WORKLOADS))
    parser.add_argument("--agents", nargs="+", default=list(AGENTS), help="ask/tell agents of the registry")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--budget", type=int, default=2000, help="designs simulated per search (default 2000)")
    parser.add_argument("--mode", default="farsi", help="farsi (default): FARSI's own semantics; or default")
    arguments = parser.parse_args()
    print("| workload | agent | seeds that met all budgets | after designs | best distance | CPU s |")
    print("|---|---|---|---|---|---|")
    for workload in arguments.workloads:
        problem = make_problem("archgym/SoC-v0", workload=workload, mode=arguments.mode)
        scorer = Scorer(Objective.parse(problem.objective), problem)
        if scorer.objective.kind != "meet":
            parser.error(f"workload {workload!r} has no budgets to meet")
        for name in arguments.agents:
            start = time.process_time()
            seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
            agents = [make_agent(name, problem.space, seed) for seed in seeds]
            if not all(isinstance(agent, Agent) for agent in agents):
                parser.error(f"agent {name!r} owns its loop; this benchmark takes ask/tell agents")
            searches = [search(agent, problem, scorer, arguments.budget) for agent in agents]
            print(row(workload, name, searches, time.process_time() - start), flush=True)


if __name__ == "__main__":
    main()
