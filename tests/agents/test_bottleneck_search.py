from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, mannwhitneyu

from agents import make_agent
from agents.bottleneck_search import BottleneckSearch
from agents.testing import check_agent, trajectory
from simulators import DesignSpace, Evaluation, InactiveRule, Metric, Parameter
from tests.agents.pipeline_toy import pipeline

METRICS = (Metric("cost", "1", "minimize", "cost"),)
MEMORIES = ("mem0", "mem1", "mem2", "mem3")
WIDTHS = (4, 8, 16, 32, 64)


def chip() -> DesignSpace:
    """Two tasks, each with a unit and a memory for its outputs; and a memory's own parameters."""
    found = [Parameter("word", range(10), group="word")]
    for task in ("fft", "fir"):
        found.append(Parameter(f"{task}_unroll", (1, 2, 4, 8, 16, 32, 64), group=task))
        found.append(Parameter(f"{task}_memory", MEMORIES, group=task))
    found.append(Parameter("mem1_width", WIDTHS, group="mem1"))
    return DesignSpace([*found, Parameter("mem1_kind", ("sram", "dram"), group="mem1")], name="chip")


START = {"word": 5, "fft_unroll": 8, "fft_memory": "mem1", "fir_unroll": 8, "fir_memory": "mem2", "mem1_width": 16}


def at(space: DesignSpace, hint: str | None, start=START, **hyperparameters) -> BottleneckSearch:
    """Return a walk that stands at ``start``, which the evaluation gave the hint ``hint``."""
    agent = BottleneckSearch(space, 7, {"warmup": 2, **hyperparameters})
    agent.ask(10_000)
    design = space.encode({name: [value] for name, value in (start | {"mem1_kind": "sram"}).items()})
    other = (design + 1) % space.cardinalities
    diagnostics = {} if hint is None else {"bottleneck": np.array([hint, "word"])}
    told = Evaluation.of_valid(METRICS, np.zeros((2, 1)), diagnostics)
    agent.tell(np.concatenate([design, other]), np.array([1.0, 0.0]), told)
    return agent


def moves(agent: BottleneckSearch, count: int = 600) -> list[dict[str, object]]:
    """Return what each of ``count`` proposals changes, as parameter -> new value."""
    space, here = agent.space, agent._current.design
    changes = []
    for _ in range(count):
        (design,) = agent.ask(10_000)
        now = space.describe(design)
        changes.append({name: now[name] for name, old in space.describe(here).items() if now[name] != old})
    return changes


ONE = {"moves": 0.05}
"""Moves of one parameter nearly always."""


@pytest.mark.parametrize("guided", [0.0, 0.5, 0.9, 1.0])
def test_the_stated_share_of_moves_is_made_at_the_bottleneck(guided):
    changes = [change for change in moves(at(chip(), "fir", guided=guided, **ONE), 1500) if len(change) == 1]
    assert len(changes) > 1400
    hit = sum(set(change) <= {"fir_unroll", "fir_memory"} for change in changes)
    share = guided + (1 - guided) / 4  # the unguided ones fall on any of the four groups
    if guided == 1.0:
        assert hit == len(changes)
    else:
        assert binomtest(hit, len(changes), share).pvalue > 0.001, hit / len(changes)


def test_swap_a_block_gets_faster_or_slower_by_a_step():
    agent = at(chip(), "fft", guided=1.0, siblings=0.0, reach=0.01, **ONE)
    unrolls = [change["fft_unroll"] for change in moves(agent) if set(change) == {"fft_unroll"}]
    near = sum(value in (4, 16) for value in unrolls)
    # A step of one, or one time in five any other of six values.
    assert binomtest(near, len(unrolls), 0.8 + 0.2 * 2 / 6).pvalue > 0.001
    assert {4, 16} <= set(unrolls)


def test_migrate_a_task_leaves_the_memory_that_limits_it():
    """The bottleneck is mem1: its own parameters change, or tasks whose memory it is go elsewhere; no other does."""
    changes = [change for change in moves(at(chip(), "mem1", guided=1.0, **ONE)) if len(change) == 1]
    assert {name for change in changes for name in change} == {"mem1_width", "mem1_kind", "fft_memory"}
    elsewhere = {change["fft_memory"] for change in changes if "fft_memory" in change}
    assert elsewhere == {"mem0", "mem2", "mem3"}
    both = at(chip(), "mem1", START | {"fir_memory": "mem1"}, guided=1.0, **ONE)
    assert {"fft_memory", "fir_memory"} <= {name for change in moves(both) for name in change}


def test_merge_a_task_goes_where_its_sibling_is():
    agent = at(chip(), "fft", guided=1.0, siblings=1.0, **ONE)
    changes = [change["fft_memory"] for change in moves(agent) if "fft_memory" in change]
    assert set(changes) == {"mem2"}, "where the outputs of fir are"


def test_split_a_task_leaves_its_sibling():
    agent = at(chip(), "fft", START | {"fir_memory": "mem1", "fir_unroll": 1}, guided=1.0, siblings=1.0, **ONE)
    changes = [change["fft_memory"] for change in moves(agent) if "fft_memory" in change]
    assert set(changes) == {"mem0", "mem2", "mem3"}
    unrolls = [change["fft_unroll"] for change in moves(agent) if "fft_unroll" in change]
    assert set(unrolls) == {1}, "an ordered parameter is merged as well"


def test_only_parameters_with_an_effect_are_changed():
    off = InactiveRule("fft_unroll", {"fft_memory": ("mem1",)})
    space = DesignSpace(chip().parameters, inactive=[off], name="chip")
    changes = moves(at(space, "fft", START, guided=1.0, **ONE), 300)
    assert all("fft_memory" in change for change in changes)


def test_a_parameter_that_gains_effect_does_not_wake_at_what_it_was_left_at():
    """fft_unroll, left at 64, sleeps while the outputs are in mem1; wherever they go, its default 1 is tried often."""
    off = InactiveRule("fft_unroll", {"fft_memory": ("mem1",)})
    space = DesignSpace(chip().parameters, inactive=[off], name="chip")
    agent = at(space, "fft", START | {"fft_unroll": 64}, guided=1.0, **ONE)
    woken = [agent.ask(10_000)[0][space.column("fft_unroll")] for _ in range(300)]
    share = sum(index == 0 for index in woken) / len(woken)
    assert 0.45 < share < 0.7  # one half and a seventh of the other
    assert len(set(woken)) == 7


@pytest.mark.parametrize("hint", [None, "", "a block that no parameter belongs to"])
def test_without_a_hint_of_use_all_groups_are_changed_alike(hint):
    changes = [change for change in moves(at(chip(), hint, guided=1.0, **ONE), 1200) if len(change) == 1]
    for group in ("word", "fft", "fir", "mem1"):
        hit = sum(next(iter(change)).startswith(group) for change in changes)
        assert binomtest(hit, len(changes), 1 / 4).pvalue > 0.001, group


def test_the_hint_is_that_of_where_the_walk_stands():
    agent = at(chip(), "fir", guided=1.0, hot=1e-9, cold=1e-9)
    here = agent._current.design
    worse = Evaluation.of_valid(METRICS, np.zeros((1, 1)), {"bottleneck": np.array(["mem1"])})
    agent.tell(here[None, :] * 0, np.array([0.5]), worse)
    assert agent._current.hint == "fir"
    agent.tell(here[None, :] * 0 + 1, np.array([1.5]), worse)
    assert agent._current.hint == "mem1"
    agent.tell(here[None, :] * 0, np.array([2.0]))
    assert agent._current.hint == "", "an evaluation that was not handed over says nothing"


def test_back_at_the_best_its_own_hint_leads():
    agent = at(chip(), "fir", hot=1e9, cold=1e9, patience=0.001)  # 10 designs
    away = Evaluation.of_valid(METRICS, np.zeros((1, 1)), {"bottleneck": np.array(["mem1"])})
    hints = []
    for _ in range(11):
        agent.tell(agent._current.design[None, :] * 0, np.array([0.5]), away)
        hints.append(agent._current.hint)
    assert hints == ["mem1"] * 9 + ["fir", "mem1"]


@pytest.mark.parametrize("hints", ["", "bottleneck", "of another world"])
def test_it_conforms_whatever_the_simulator_hints(hints):
    check_agent("bottleneck_search", problems=[pipeline(hints)])


def test_a_space_without_groups_or_choices_is_searched():
    check_agent("bottleneck_search", {"guided": 1.0, "siblings": 1.0}, learns=True)


def final_costs(name: str, budget: int = 100, **hyperparameters: float) -> np.ndarray:
    problem = pipeline()
    agents = [make_agent(name, problem.space, seed, hyperparameters) for seed in range(20)]
    return np.array([problem.evaluate(trajectory(agent, problem, budget)[0]).values.min() for agent in agents])


def test_hints_help():
    """One-sided, 20 seeds: guided is better than the same search unguided, and than random search."""
    guided = final_costs("bottleneck_search")
    for name, others in {
        "unguided": final_costs("bottleneck_search", guided=0.0),
        "random": final_costs("random_search"),
    }.items():
        assert mannwhitneyu(guided, others, alternative="less").pvalue < 0.005, (name, guided, others)
