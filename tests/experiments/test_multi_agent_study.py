"""The study of several agents: its scale, its ranking, its choice of hyperparameters, and that no run is used twice."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from agents import agent_names
from benchmarks.multi_agent import phases, samples, study, summary
from benchmarks.multi_agent.gaps import Scale, scale_of
from benchmarks.multi_agent.study import COUPLED, FULL, JOINT, MEMORY, QUICK, Contender
from docs.tables import multi_agent as page
from docs.tables.memory_controller import with_tables
from simulators import ArchgymError

TINY = study.Amounts(
    budget=30,
    early=10,
    proposals=60,
    draws=3,
    dials=(0.0, 1.0),
    tuning_dials=(0.5,),
    joint_dials=(1.0,),
    instances=(0, 1, 2),
    tuning_instances=(1000,),
    seeds=(0, 1),
    tuning_seeds=(1000,),
    slow=1,
    slow_tuning=1,
    workload=None,
    tuning_workload=None,
)
CONTENDERS = (
    Contender("random search", "random_search", "baseline"),
    Contender("annealing", "simulated_annealing", "search", families=(COUPLED,)),
    Contender("all at once", "genetic", "single", fixed={"population": 8, "offspring": 4}),
    Contender("half", "genetic", "multi", fixed={"population": 4}, against="all at once", slow=True),
)


def test_the_gap_is_measured_on_a_log_scale():
    scale = Scale(random=100.0, optimum=1.0)
    scores = np.array([np.nan, 1000.0, 10.0, 50.0, 1.0])
    assert scale.closed(scores).tolist() == pytest.approx([-np.inf, -0.5, 0.5, 0.5, 1.0])


def test_planted_problems_have_the_gap_of_their_exponents():
    scale = scale_of({"environment": "archgym/Coupled-v0", "arguments": {"coupling": 0.5, "seed": 3}})
    assert scale.optimum == 1.0
    assert np.log(scale.random) / np.log(100.0) == pytest.approx(np.sqrt(0.5), rel=0.03)


def test_runs_that_solve_a_problem_are_ranked_by_how_soon_and_before_all_others():
    closed = np.array([0.985, 1.0, 0.99, 0.3])
    solved_at = np.array([np.inf, 40.0, 9.0, np.inf])
    sample = samples.Sample(50, closed, closed, solved_at, np.ones(4))
    assert np.argsort(-sample.ranking).tolist() == [2, 1, 0, 3]
    assert sample.ranking[1] > 1.0
    assert sample.to_dict()["evaluations"] == (50 + 40 + 9 + 50) / 4
    assert sample.to_dict()["solved"] == 2


@pytest.mark.parametrize("amounts", [FULL, QUICK])
def test_nobody_is_tuned_on_what_it_is_compared_on(amounts):
    assert not set(amounts.instances) & set(amounts.tuning_instances)
    assert not set(amounts.seeds) & set(amounts.tuning_seeds)
    assert amounts.workload is None or amounts.workload != amounts.tuning_workload
    assert set(amounts.check_dials) <= set(amounts.dials)
    assert set(amounts.check_instances) <= set(amounts.instances)


def test_contenders_have_names_of_their_own_and_opponents_that_take_part():
    by_label = {contender.label: contender for contender in study.CONTENDERS}
    assert len(by_label) == len({contender.directory for contender in study.CONTENDERS}) == len(study.CONTENDERS)
    for contender in study.CONTENDERS:
        assert contender.agent in agent_names() or contender.check or contender.slow, contender.label
        assert (contender.kind == "multi") == (contender.against is not None), contender.label
        if contender.against is not None:
            single = by_label[contender.against]
            assert single.kind == "single" and single.check == contender.check
            assert set(contender.families) <= set(single.families)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("study")
    phases.run_study(CONTENDERS, TINY, directory, 0)
    return directory


def test_a_study_sums_up_what_was_run_and_resumes_without_running_anything(directory, monkeypatch):
    found = summary.summarise(CONTENDERS, TINY, directory)
    assert json.loads(json.dumps(found))["amounts"]["budget"] == 30
    assert set(found["strata"]["coupling 0"]) == {c.label for c in CONTENDERS}
    assert "annealing" not in found["strata"]["small blocks, coupling 1"]
    runs = {name: {label: s["runs"] for label, s in part.items()} for name, part in found["strata"].items()}
    assert runs["coupling 1"] == {"random search": 3, "annealing": 3, "all at once": 3, "half": 1}
    assert runs["memory: both"] == {"random search": 2, "all at once": 2, "half": 1}
    tests = found["multi_against_single"]
    assert [(row["first"], row["second"]) for row in tests] == [("half", "all at once")] * 6
    assert {row["second"] for row in found["search_against_learners"]} <= {"all at once", "half"}
    ran = []
    monkeypatch.setattr("experiments.backends.execute", lambda *_: ran.append(1))
    phases.run_study(CONTENDERS, TINY, directory, 0)
    assert not ran


def test_the_draw_that_closes_most_of_the_gap_is_chosen_and_what_is_fixed_stays(directory):
    choice = phases.stored_choice(directory, COUPLED, CONTENDERS[2])
    assert choice.hyperparameters["population"] == 8
    assert choice.scores[str(choice.draw)] == max(choice.scores.values())
    assert len(choice.scores) == TINY.draws
    assert phases.stored_choice(directory, COUPLED, CONTENDERS[0]).scores == {}


def test_every_family_has_its_strata(tmp_path):
    names = {family: [s.name for s in study.strata(family, TINY, tmp_path, tuning=False)] for family in study.FAMILIES}
    assert names[COUPLED] == ["coupling 0", "coupling 1"]
    assert names[JOINT] == ["small blocks, coupling 1"]
    assert names[MEMORY] == ["memory: power", "memory: latency", "memory: both"]


@pytest.mark.skipif(not page.SUMMARY.exists(), reason="no full run is recorded yet")
def test_the_page_shows_the_figures_that_were_measured():
    text = page.PAGE.read_text(encoding="utf-8")
    assert with_tables(text, page.tables_of(page.read_summary())) == text, "python -m docs.tables.multi_agent"


def test_the_page_has_the_amounts_of_the_full_study():
    text = page.PAGE.read_text(encoding="utf-8")
    for number in (FULL.budget, FULL.proposals, len(FULL.instances), len(FULL.seeds), FULL.slow):
        assert str(number) in text
    assert FULL.workload in text and FULL.tuning_workload in text


def test_tables_and_picture_of_a_study(directory, tmp_path):
    found = json.loads(json.dumps(summary.summarise(CONTENDERS, TINY, directory)))
    tables = page.tables_of(found)
    assert tables["closed on the dial"]().splitlines()[0] == "| | coupling 0 | coupling 1 |"
    assert tables["effects on the dial"]().splitlines()[2].startswith("| half | all at once | ")
    assert "| annealing |" not in tables["closed in small blocks"]()
    for name, table in tables.items():
        assert len({line.count("|") for line in table().splitlines()}) == 1, name
    page.picture(found, tmp_path / "dial.png")
    assert (tmp_path / "dial.png").stat().st_size > 10_000


def test_results_of_another_study_are_not_mixed_in(directory):
    other = dataclasses.replace(TINY, budget=31)
    with pytest.raises(ArchgymError, match=r"budget: 30 there, 31 in this config(.|\n)*delete .*tuning/coupled"):
        phases.run_study(CONTENDERS[1:], other, directory, 0)
