"""Many runs in step: each gives exactly what it gives alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents import agent_class, agent_names, make_agent
from agents.base import Agent
from agents.batched import make_batched, run_streams
from agents.batched_study import BatchedEvaluator, run_batched_study
from agents.design_sets import DesignSets
from agents.memory import Memory
from agents.synthetic import SyntheticSimulator, conformance_problems
from archgym_envs import BudgetedEvaluator, Objective, Scorer
from simulators import Constraint, DesignSpace, InactiveRule, InvalidInputError, Parameter, Problem, SamplingError

OBJECTIVE = Objective.parse({"minimize": "cost"})
PROBLEMS = {problem.space.name: problem for problem in conformance_problems()}
BATCHED = [name for name in agent_names() if agent_class(name).batched]


def problem_of(*parameters, constraints=(), inactive=()):
    space = DesignSpace(parameters, constraints, inactive, name="here")
    simulator = SyntheticSimulator(space)
    return Problem(simulator, space, simulator.load_workload(""))


def alone(name, problem, seed, budget):
    """Search as ``run_search`` does; return all proposals, the scores of unique designs, and the evaluator."""
    agent, evaluator = make_agent(name, problem.space, seed), BudgetedEvaluator(problem, budget)
    scorer = Scorer(OBJECTIVE, problem)
    proposals, scores, seen = [], [], set()
    while not evaluator.stopped:
        designs = agent.ask(evaluator.remaining)
        evaluation = evaluator.evaluate(designs)
        found = scorer.score(evaluation)
        agent.tell(designs[: len(evaluation)], scorer.reward(found), evaluation)
        for design, score in zip(problem.space.canonical(designs[: len(evaluation)]), found, strict=True):
            if tuple(design) not in seen:
                seen.add(tuple(design))
                scores.append(score)
        proposals.append(designs)
    return np.concatenate(proposals), np.array(scores), evaluator


@pytest.mark.parametrize("name", BATCHED)
@pytest.mark.parametrize("space", PROBLEMS)
def test_every_run_of_a_study_equals_the_search_alone(name, space):
    problem, seeds = PROBLEMS[space], [5, 0, 11]
    study = run_batched_study(name, problem, OBJECTIVE, seeds, 50)
    for run, seed in enumerate(seeds):
        _, scores, evaluator = alone(name, problem, seed, 50)
        np.testing.assert_array_equal(study.scores[run, : len(scores)], scores)
        assert np.isnan(study.scores[run, len(scores) :]).all()
        assert (study.evaluations[run], study.proposals[run]) == (evaluator.evaluations, evaluator.proposals)
        assert study.stopped[run] == evaluator.stopped


@pytest.mark.parametrize("name", BATCHED)
def test_a_run_does_not_depend_on_its_company(name):
    problem = PROBLEMS["constrained with an inactive rule"]
    together = run_batched_study(name, problem, OBJECTIVE, range(20), 40)
    apart = run_batched_study(name, problem, OBJECTIVE, [17, 3, 17], 40)
    np.testing.assert_array_equal(together.scores[[17, 3, 17]], apart.scores)
    assert together.proposals[[17, 3, 17]].tolist() == apart.proposals.tolist()
    assert len({row.tobytes() for row in together.scores}) == 20


@pytest.mark.parametrize("name", BATCHED)
def test_proposals_are_feasible_and_no_more_than_asked(name):
    problem = PROBLEMS["tightly constrained"]
    agent = make_batched(name, problem.space, range(4))
    rng = np.random.default_rng(0)
    for _ in range(30):
        most = rng.integers(0, 5, size=4)
        designs, runs = agent.ask(most)
        asked = np.bincount(runs, minlength=4)
        assert ((asked >= np.minimum(most, 1)) & (asked <= most)).all()
        assert (np.diff(runs) >= 0).all()
        assert problem.space.feasible(designs).all()
        some = rng.random(len(runs)) < 0.7
        agent.tell(designs[some], runs[some], rng.normal(size=int(some.sum())))


@pytest.mark.parametrize("name", BATCHED)
def test_designs_that_differ_in_inactive_parameters_count_once(name):
    rule = InactiveRule("a", {"b": (0,)})
    problem = problem_of(Parameter("a", range(6)), Parameter("b", range(3)), inactive=[rule])
    study = run_batched_study(name, problem, OBJECTIVE, range(5), 100)
    assert study.evaluations.tolist() == [13] * 5  # 6 x 2, and one with b = 0
    assert study.stopped == ("exhausted",) * 5
    assert np.isfinite(study.scores[:, :13]).all() and np.isnan(study.scores[:, 13:]).all()
    assert (study.best[:, -1] == np.nanmin(study.scores, axis=1)).all()


@pytest.mark.parametrize("most", [None, 23])
def test_counting_equals_that_of_the_budgeted_evaluator_on_the_same_proposals(most):
    odd = Constraint("odd", lambda c: (c["a"] + c["b"]) % 2 == 1)
    rule = InactiveRule("a", {"b": (0, 2)})
    problem = problem_of(Parameter("a", range(4)), Parameter("b", range(6)), constraints=[odd], inactive=[rule])
    scorer = Scorer(OBJECTIVE, problem_of(Parameter("a", range(4)), Parameter("b", range(6))))
    rng = np.random.default_rng(1)
    batched = BatchedEvaluator(problem, scorer, 3, 11, most)
    single = [BudgetedEvaluator(problem, 11, most) for _ in range(3)]
    for _ in range(200):
        runs = np.sort(rng.integers(0, 3, size=7))
        designs = rng.integers(0, problem.space.cardinalities, size=(7, 2))
        taken, rewards = batched.evaluate(designs, runs)
        at = 0
        for run, evaluator in enumerate(single):
            own = designs[runs == run]
            evaluation = evaluator.evaluate(own) if len(own) and not evaluator.stopped else ()
            assert taken[runs == run].tolist() == [row < len(evaluation) for row in range(len(own))]
            if len(evaluation):
                told = scorer.reward(scorer.score(evaluation))
                assert rewards[at : at + len(told)].tolist() == told.tolist()
                at += len(told)
        result = batched.result()
        assert result.evaluations.tolist() == [evaluator.evaluations for evaluator in single]
        assert result.proposals.tolist() == [evaluator.proposals for evaluator in single]
        assert list(result.stopped) == [evaluator.stopped for evaluator in single]
        assert batched.remaining.tolist() == [evaluator.remaining for evaluator in single]
    assert not batched.remaining.any()


def test_sets_of_designs_agree_with_the_memory_of_one_run():
    rule = InactiveRule("depth", {"policy": ("a",)})
    constraint = Constraint("shallow", lambda c: (c["depth"] < 30) | (c["policy"] == "b"))
    space = DesignSpace([Parameter("depth", range(40)), Parameter("policy", tuple("abc"))], [constraint], [rule])
    rng, sets, memories = np.random.default_rng(2), DesignSets(space, 3), [Memory(space) for _ in range(3)]
    for _ in range(80):
        runs = np.sort(rng.integers(0, 3, size=8))
        designs = rng.integers(0, space.cardinalities, size=(8, 2))
        expected = np.concatenate([memory.stale(designs[runs == run]) for run, memory in enumerate(memories)])
        assert sets.stale(designs, runs).tolist() == expected.tolist()
        assert sets.add(designs, runs).tolist() == (~expected).tolist()
        for run, memory in enumerate(memories):
            memory.add(designs[runs == run])
        assert sets.sizes.tolist() == [len(memory) for memory in memories]
    assert sets.sizes.min() > 60


def test_streams_differ_by_seed_and_agent_and_draw_evenly():
    streams = np.concatenate([run_streams(name, range(50)) for name in ("genetic", "ant_colony")])
    assert len(np.unique(streams, axis=0)) == 100
    space = DesignSpace([Parameter("a", range(7)), Parameter("b", range(2))])
    agent = make_batched("genetic", space, range(2))
    drawn = agent.sample(np.repeat([0, 1], 35_000))
    np.testing.assert_allclose(np.bincount(drawn[:, 0]) / 70_000, 1 / 7, atol=0.006)
    joint = np.bincount(2 * drawn[:, 0] + drawn[:, 1])
    np.testing.assert_allclose(joint / 70_000, 1 / 14, atol=0.005)


def test_the_stream_is_xoshiro256plusplus():
    """The first outputs from the state 1, 2, 3, 4, worked out with Python integers from the published definition."""
    state, expected, mask = [1, 2, 3, 4], [], 2**64 - 1

    def rotated(x, k):
        return ((x << k) | (x >> (64 - k))) & mask

    for _ in range(6):
        expected.append((rotated((state[0] + state[3]) & mask, 23) + state[0]) & mask)
        shifted = (state[1] << 17) & mask
        state[2] ^= state[0]
        state[3] ^= state[1]
        state[1] ^= state[2]
        state[0] ^= state[3]
        state[2] ^= shifted
        state[3] = rotated(state[3], 45)
    from agents.kernels.kernel_random import draw_designs

    assert expected[0] == 41943041
    streams, drawn = np.array([[1, 2, 3, 4]], dtype=np.uint64), np.empty((6, 1), dtype=np.int64)
    draw_designs(streams, np.zeros(6, dtype=np.int64), np.array([2**31 - 1]), drawn)
    assert drawn[:, 0].tolist() == [((bits >> 32) * (2**31 - 1)) >> 32 for bits in expected]


def test_sampling_under_constraints_is_uniform_and_gives_up():
    few = Constraint("few", lambda c: c["a"] % 50 == 3)
    space = DesignSpace([Parameter("a", range(200))], [few])
    drawn = make_batched("genetic", space, [0]).sample(np.zeros(4000, dtype=np.int64))[:, 0]
    values, counts = np.unique(drawn, return_counts=True)
    assert values.tolist() == [3, 53, 103, 153]
    np.testing.assert_allclose(counts / 4000, 0.25, atol=0.03)
    none = DesignSpace([Parameter("a", range(200))], [Constraint("none", lambda c: c["a"] < 0)])
    with pytest.raises(SamplingError, match="satisfy its constraints"):
        make_batched("genetic", none, [0, 1]).sample(np.array([0, 1]))


def test_mutations_step_and_jump_as_declared():
    space = DesignSpace([Parameter("p", range(101), ordered=True)])
    settings = {"population": 2, "crossover": 0.0, "resample": 0.0, "reach": 0.1}
    agent = make_batched("genetic", space, [0], settings)
    runs = np.zeros(20_000, dtype=np.int64)
    agent.tell(np.array([[50], [50]]), runs[:2], np.zeros(2))
    steps = agent._breed(runs, np.ones(20_000, dtype=bool))[0][:, 0] - 50
    assert (steps != 0).all() and abs(np.mean(steps > 0) - 0.5) < 0.02
    assert np.abs(steps).mean() == pytest.approx(10.0, rel=0.03)  # 0.1 x 100; few are cut at 100
    assert np.mean(np.abs(steps) == 1) == pytest.approx(0.1, abs=0.01)


def test_wrong_input_is_refused_with_what_to_do():
    problem = PROBLEMS["mixed"]
    with pytest.raises(InvalidInputError, match="no batched form; those that have: genetic, ant_colony"):
        run_batched_study("random_walker", problem, OBJECTIVE, range(3), 10)
    with pytest.raises(InvalidInputError, match="seeds must be non-negative"):
        run_batched_study("genetic", problem, OBJECTIVE, [0, -1], 10)
    with pytest.raises(InvalidInputError, match="budget must be an integer of at least 1"):
        run_batched_study("genetic", problem, OBJECTIVE, [0], 0)
    with pytest.raises(InvalidInputError, match="Pareto"):
        run_batched_study("genetic", problem, {"pareto": ["cost", "time"]}, [0], 10)


def test_only_ask_tell_agents_name_a_batched_form():
    assert {"genetic", "ant_colony"} <= set(BATCHED)
    assert all(issubclass(agent_class(name), Agent) for name in BATCHED)


def test_the_page_shows_a_study_that_runs(capsys):
    page = (Path(__file__).parents[2] / "docs" / "agents.md").read_text()
    code = page.split("## Many runs at once")[1].split("```python\n")[1].split("```")[0]
    found: dict[str, Any] = {}
    exec(code.replace("range(256)", "range(16)"), found)
    assert found["curve"].shape == (200,)
    assert (np.diff(found["curve"]) <= 0).all()
    assert 0.0 <= found["test"].p_two_sided <= 1.0
    assert capsys.readouterr().out
