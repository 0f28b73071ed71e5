"""The third-party example, installed as a package of its own, found by id and searched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "cache_hierarchy"
ID = "example/CacheHierarchy-v0"
CONFIG = f"""
name: caches
problems:
  - environment: {ID}
    arguments: {{workload: arrays}}
agents: [random_search, genetic]
budget: 60
seeds: 3
execution: {{workers: 1}}
"""
Run = Callable[..., str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Install the example into a folder of its own; run Python there in a process that sees only that and archgym."""
    folder = tmp_path_factory.mktemp("example")
    source, target = folder / "source", folder / "site"
    shutil.copytree(EXAMPLE, source)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-build-isolation", "--no-deps"]
    subprocess.run([*pip, "--target", str(target), str(source)], check=True, timeout=120)
    (folder / "caches.yaml").write_text(CONFIG)
    environment = {**os.environ, "PYTHONPATH": f"{target}{os.pathsep}{ROOT}", "NUMBA_NUM_THREADS": "1"}

    def python(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return python


def test_it_is_under_a_hundred_lines():
    files = [path for path in EXAMPLE.iterdir() if path.is_file()]
    assert sorted(path.name for path in files) == ["cache_hierarchy.py", "pyproject.toml"]
    assert sum(len(path.read_text().splitlines()) for path in files) < 100


def test_its_id_is_known_before_it_is_imported(run):
    code = f"""
import sys, archgym_envs, gymnasium
assert {ID!r} in archgym_envs.registered() and {ID!r} in gymnasium.registry
assert "cache_hierarchy" not in sys.modules
env = gymnasium.make({ID!r}, workload="arrays")
assert "cache_hierarchy" in sys.modules
env.reset(seed=0)
print(env.unwrapped.problem.workload.name, env.action_space.nvec.tolist())
"""
    assert run("-c", code) == "arrays [6, 5, 8, 6, 4]\n"


def test_it_passes_the_conformance_suites(run):
    run(
        "-c",
        f"""
from archgym_envs.testing import check_env, check_simulator
from cache_hierarchy import CacheHierarchy
check_simulator(CacheHierarchy(), "pointers")
check_env({ID!r}, workload="arrays")
""",
    )


def test_the_command_line_searches_it_by_id(run):
    run("-m", "experiments.cli", "run", "caches.yaml")
    compared = json.loads(run("-m", "experiments.cli", "compare", "results/caches", "--json"))
    assert {"random_search", "genetic"} <= set(json.dumps(compared).replace('"', " ").split())


def test_a_search_comes_close_to_the_known_optimum(run):
    """All 5 040 feasible designs are enumerated; the best of 500 random ones is among the best 1 % of them."""
    code = f"""
import numpy as np
from archgym_envs import BudgetedEvaluator, Objective, Scorer, default_objective, make_problem
problem = make_problem({ID!r}, workload="arrays")
scorer = Scorer(Objective.parse(default_objective({ID!r})), problem)
every = np.concatenate([scorer.score(problem.evaluate(batch)) for batch in problem.space.batches()])
evaluator = BudgetedEvaluator(problem, budget=500)
best = np.inf
while not evaluator.stopped:
    designs = problem.space.sample(50, np.random.default_rng(evaluator.proposals))
    best = min(best, scorer.score(evaluator.evaluate(designs)).min())
print(len(every), evaluator.evaluations, best <= np.quantile(every, 0.01))
"""
    assert run("-c", code) == "5040 500 True\n"
