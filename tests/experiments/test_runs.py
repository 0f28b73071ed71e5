from __future__ import annotations

import json
from dataclasses import replace

import pytest
from archgym_toys import BowlSimulator, Hopper

from experiments.config import parse_config
from experiments.run_one import execute
from experiments.runs import RunSpec, expand


def ids(data) -> dict[tuple[str, str, int], str]:
    return {(run.problem, run.agent, run.seed): run.run_id for run in expand(parse_config(data))}


def test_runs_are_the_product_seed_by_seed(toy_data):
    problems = [{"environment": "toys/Bowl-v0", "arguments": {"workload": name}} for name in ("gentle", "steep")]
    runs = expand(parse_config(toy_data(problems=problems, seeds=[4, 9])))
    assert [(run.seed, run.problem.split()[1], run.agent) for run in runs] == [
        (seed, workload, agent)
        for seed in (4, 9)
        for workload in ("gentle", "steep")
        for agent in ("random_search", "hopper")
    ]
    assert len({run.run_id for run in runs}) == len(runs)


def test_a_run_survives_json(toy_data):
    for run in expand(parse_config(toy_data())):
        assert RunSpec(**json.loads(json.dumps(run.to_dict()))) == run


def test_sweeps_have_numbered_draws_and_the_first_is_the_default(toy_data):
    runs = expand(parse_config(toy_data(agents=[{"hopper": {"sweep": {"draws": 3}}}], seeds=1)))
    assert [run.agent for run in runs] == ["hopper#0", "hopper#1", "hopper#2"]
    assert [run.draw for run in runs] == [0, 1, 2]
    assert {run.agent_group for run in runs} == {"hopper"}
    assert runs[0].hyperparameters == {"batch": 4}
    more = expand(parse_config(toy_data(agents=[{"hopper": {"sweep": {"draws": 5}}}], seeds=1)))
    assert [run.run_id for run in more[:3]] == [run.run_id for run in runs]


def test_identity_ignores_what_does_not_decide_results(toy_data):
    plain = toy_data()
    named = toy_data(
        name="other",
        execution={"backend": "ray", "workers": 7},
        compare={"at": [3]},
        agents=[{"hopper": {"label": "h", "batch": 4}}, {"random_search": {"label": "r"}}],
        output="elsewhere",
        max_proposals=300,
    )
    named["problems"][0]["label"] = "p"
    assert set(ids(plain).values()) == set(ids(named).values())


@pytest.mark.parametrize(
    "override",
    [
        "budget=31",
        "max_proposals=299",
        "problems.0.objective.minimize=energy_pj",
        "problems.0.arguments.workload=steep",
        "problems.0.arguments.levels=15",
        "agents.1.hopper.batch=5",
    ],
)
def test_identity_changes_with_what_decides_results(toy_data, override):
    before, after = expand(parse_config(toy_data())), expand(parse_config(toy_data(), overrides=[override]))
    assert before[1].agent == after[1].agent == "hopper"
    assert before[1].run_id != after[1].run_id


@pytest.mark.parametrize("thing", [BowlSimulator, Hopper])
def test_identity_changes_with_versions(toy_data, monkeypatch, thing):
    before = expand(parse_config(toy_data(agents=["hopper"])))
    monkeypatch.setattr(thing, "version", "2")
    after = expand(parse_config(toy_data(agents=["hopper"])))
    assert not {run.run_id for run in before} & {run.run_id for run in after}


def test_a_problem_or_agent_that_changed_meanwhile_fails_its_run(toy_data, tmp_path, monkeypatch):
    (run,) = expand(parse_config(toy_data(agents=["hopper"], seeds=1)))
    assert execute(replace(run, run_id="same"), tmp_path).error == ""
    error = execute(replace(run, run_id="problem", problem_digest="0" * 64), tmp_path).error
    assert "has changed since the experiment began" in error and "'gentle'" in error and "--resume" in error
    monkeypatch.setattr(Hopper, "version", "2")
    error = execute(run, tmp_path).error
    assert "expected version 1 of 'hopper', this process has version 2" in error
    assert [path.stem for path in tmp_path.iterdir()] == ["same"], "nothing is journalled"
