from __future__ import annotations

import dataclasses

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from agents import registry
from experiments.config import (
    Complaint,
    ConfigError,
    ExperimentConfig,
    find_config,
    load_config,
    parse_config,
    shipped_configs,
)
from experiments.documents import expand_variables, parse_yaml
from experiments.overrides import apply_overrides
from experiments.prepare import prepare
from simulators import InvalidInputError


def complaints_of(data, *overrides) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        parse_config(data, "test.yaml", overrides)
    assert str(caught.value).startswith("test.yaml")
    return {complaint.path: complaint.message for complaint in caught.value.complaints}


def test_a_config_is_read_with_its_defaults(toy_data, tmp_path):
    path = tmp_path / "toy.yaml"
    path.write_text(yaml.safe_dump(toy_data(compare={"at": [10, 20, 999]})))
    config = load_config(path)
    assert config.seed_list == (0, 1, 2)
    assert config.proposal_limit == 300
    assert config.checkpoints == (10, 20, 30)
    assert [agent.name for agent in config.agents] == ["random_search", "hopper"]
    assert config.problems[0].objective == {"minimize": "energy_pj * latency_ns"}


def test_agents_take_hyperparameters_label_and_sweep(toy_data):
    entry = {"hopper": {"batch": 7, "label": "fast"}}
    swept = {"hopper": {"sweep": {"draws": 4}}}
    config = parse_config(toy_data(agents=["stuck", {"random_search": None}, entry, swept]))
    assert config.agents[2].hyperparameters == {"batch": 7} and config.agents[2].label == "fast"
    assert config.agents[3].sweep.draws == 4 and config.agents[3].sweep.seed == 0
    assert [agent.to_grammar() for agent in config.agents] == [
        "stuck",
        "random_search",
        {"hopper": {"batch": 7, "label": "fast"}},
        {"hopper": {"sweep": {"draws": 4, "seed": 0}}},
    ]


def test_a_resolved_config_means_the_same_config(toy_data):
    data = toy_data(agents=["random_search", {"hopper": {"sweep": {"draws": 3}, "label": "x"}}], seeds=[5, 2])
    resolved = parse_config(data).to_dict()
    again = parse_config(yaml.safe_load(yaml.safe_dump(resolved)))
    assert again.to_dict() == resolved
    assert again.seed_list == (5, 2)


@pytest.mark.parametrize(
    ("override", "path", "expected"),
    [
        ("budget=0", "budget", "at least 1, got 0"),
        ("budget=many", "budget", "expected an integer, got 'many' (text)"),
        ("budget=true", "budget", "expected an integer, got True (true/false)"),
        ("budget=1.5", "budget", "expected an integer, got 1.5 (a number)"),
        ("agents=[]", "agents", "at least 1 entry, got an empty list"),
        ("problems=[]", "problems", "at least 1 entry"),
        ("seeds=0", "seeds", "count of at least 1"),
        ("seeds=[1, 1]", "seeds", "different integers"),
        ("seeds=[]", "seeds", "list of different integers"),
        ("seeds=[-1]", "seeds", "at least 0"),
        ("seeds=[9223372036854775808]", "seeds", "at most 9223372036854775807"),
        ("seeds=1000001", "seeds", "at most 1000000 seeds, got 1000001"),
        ("budget=9223372036854775808", "budget", "at most 1000000000"),
        ("max_proposals=1000000001", "max_proposals", "at most 1000000000"),
        ("max_proposals=29", "max_proposals", "at least the budget, 30"),
        ("agents.1.hopper.sweep={draws: 10001}", "agents.1.hopper.sweep.draws", "at most 10000"),
        ("agents.1.hopper.sweep={draws: 2, seed: 9223372036854775808}", "agents.1.hopper.sweep.seed", "at most"),
        ("seeds=500001", "", "this would be 1000002 runs (1 problems x 2 agents"),
        ("problems.0.objective={}", "problems.0.objective", "an objective is a mapping such as"),
        ("agents.1=hoper", "agents.1", "entry point of the group 'archgym.agents'"),
        ("problems.0.environment=toys/X-v0", "problems.0.environment", "group 'archgym.environments'"),
        ("max_proposals=-1", "max_proposals", "at least 1"),
        ("name=a b", "name", "pattern"),
        ("budgett=5", "budgett", "did you mean 'budget'?"),
        ("execution.worker=2", "execution.worker", "did you mean 'workers'?"),
        ("execution.workers=-1", "execution.workers", "'auto' or an integer of at least 0, got -1"),
        ("execution.workers=all", "execution.workers", "'auto' or an integer"),
        ("execution.backend=rey", "execution.backend", "did you mean 'ray'?"),
        ("compare.baseline=hoper", "compare.baseline", "did you mean 'hopper'?"),
        ("compare.confidence=95", "compare.confidence", "less than 1"),
        ("compare.at=[0]", "compare.at.0", "at least 1"),
        ("problems.0.environment=toys/Bow-v0", "problems.0.environment", "did you mean 'toys/Bowl-v0'?"),
        ("problems.0.argument={}", "problems.0.argument", "did you mean 'arguments'?"),
        ("problems.0.arguments=3", "problems.0.arguments", "expected a mapping"),
        ("problems.0.arguments.worklod=steep", "problems.0.arguments.worklod", "did you mean 'workload'?"),
        ("problems.0.arguments.workload=stepe", "problems.0.arguments.workload", "did you mean 'steep'?"),
        ("problems.0.arguments.levels=99", "problems.0.arguments.levels", "from 1 to 16, got 99"),
        ("problems.0.objective.minimize=energy", "problems.0.objective.minimize", "did you mean 'energy_pj'?"),
        ("problems.0.objective={minimise: x}", "problems.0.objective", "did you mean 'minimize'?"),
        ("problems.0.objective={meet: {energy_pk: 3}}", "problems.0.objective.meet.energy_pk", "'energy_pj'?"),
        ("problems.0.objective={meet: {energy_pj: -3}}", "problems.0.objective.meet", "positive number"),
        ("agents.1=hoper", "agents.1", "did you mean 'hopper'?"),
        ("agents.1=7", "agents.1", "expected an agent's name"),
        ("agents.1={hopper: 3}", "agents.1", "expected hopper: {hyperparameters}, got 3"),
        ("agents.1.hopper.bach=3", "agents.1.hopper.bach", "did you mean 'batch'?"),
        ("agents.1.hopper.batch=x", "agents.1.hopper.batch", "expected an integer, got 'x' (text)"),
        ("agents.1.hopper.batch=0", "agents.1.hopper.batch", "at least 1"),
        ("agents.1.hopper.sweep={drews: 3}", "agents.1.hopper.sweep.drews", "did you mean 'draws'?"),
        ("agents.1.hopper.sweep={draws: 0}", "agents.1.hopper.sweep.draws", "at least 1"),
        ("agents.1.hopper.label=random_search", "agents.1", "several agents are called 'random_search'"),
    ],
)
def test_every_mistake_is_reported_with_path_expectation_and_nearest_word(toy_data, override, path, expected):
    found = complaints_of(toy_data(), override)
    assert path in found
    assert expected in found[path]


def test_an_agent_that_cannot_search_a_problem_is_refused_before_anything_runs(toy_data):
    small, large = ({"environment": "toys/Bowl-v0", "arguments": {"levels": levels}} for levels in (8, 16))
    refused = {"agents.1.picky": "cannot search problem 'large': it has 4096 designs; set batch, or take hopper"}
    problems = [{**small, "label": "small"}, {**large, "label": "large"}]
    assert complaints_of(toy_data(agents=["hopper", {"picky": {"batch": 1}}], problems=problems)) == refused
    swept = {"picky": {"sweep": {"draws": 64}}}
    assert complaints_of(toy_data(agents=["hopper", swept], problems=problems, seeds=1)) == refused
    parse_config(toy_data(agents=[{"picky": {"batch": 1}}], problems=problems[:1]))
    parse_config(toy_data(agents=[{"picky": {"batch": 2}}], problems=problems))


WORDS = st.sampled_from(
    [
        "x",
        "hopper",
        "random_search",
        "batch",
        "label",
        "sweep",
        "draws",
        "environment",
        "arguments",
        "workload",
        "objective",
        "minimize",
        "energy_pj",
        "meet",
        "toys/Bowl-v0",
        "levels",
        "baseline",
        "at",
        "workers",
        "auto",
    ]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
FIELDS = ["name", "problems", "agents", "budget", "seeds", "max_proposals", "compare", "execution", "output", "else"]


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), ANYTHING | st.lists(ANYTHING, max_size=2), max_size=3))
def test_whatever_is_written_is_a_config_or_a_config_error(changes):
    import archgym_toys

    try:
        config = parse_config(archgym_toys.toy_config(**changes))
    except ConfigError as error:
        assert error.complaints
    else:
        assert parse_config(config.to_dict()).to_dict() == config.to_dict()


def test_all_mistakes_are_reported_at_once(toy_data):
    data = toy_data(budget=0, agents=["hoper", {"hopper": {"bach": 1}}], nmae="x")
    data["problems"].append({"environment": "toys/Bowl-v0", "arguments": {"workload": "stepe"}})
    data["problems"].append({"environment": 5})
    assert set(complaints_of(data)) == {
        "budget",
        "nmae",
        "agents.0",
        "agents.1.hopper.bach",
        "problems.1.arguments.workload",
        "problems.2.environment",
    }


def test_duplicates_are_refused(toy_data):
    problem = toy_data()["problems"][0]
    labelled = [{**problem, "label": "p"}, {"environment": "toys/Bowl-v0", "label": "p"}]
    assert "several problems are called 'p'" in complaints_of(toy_data(problems=labelled))["problems.0.label"]
    twice = complaints_of(toy_data(problems=[problem, {**problem, "label": "q"}]))
    assert "same problem as problems.0" in twice["problems.1"]
    assert "several agents are called 'hopper'" in complaints_of(toy_data(agents=["hopper", "hopper"]))["agents.1"]
    same = complaints_of(toy_data(agents=["hopper", {"hopper": {"label": "again", "batch": 4}}]))
    assert "same agent and hyperparameters as agents.0" in same["agents.1"]
    fixed = complaints_of(toy_data(agents=[{"hopper": {"batch": 4, "sweep": {"draws": 2}}}]))
    assert "nothing to sweep: no hyperparameter is left free" in fixed["agents.0.hopper.sweep"]


def test_problem_labels_say_what_distinguishes_them(toy_data):
    from experiments.runs import expand

    bowl = {"environment": "toys/Bowl-v0"}
    problems = [bowl, {**bowl, "objective": {"maximize": "speed_mhz"}}, {**bowl, "arguments": {"workload": "steep"}}]
    labels = {run.problem for run in expand(parse_config(toy_data(problems=problems)))}
    assert labels == {"Bowl gentle: minimize energy_pj", "Bowl gentle: maximize speed_mhz", "Bowl steep"}


def test_an_agent_whose_extra_is_missing_is_reported_with_the_command(toy_data, monkeypatch):
    spec = dataclasses.replace(registry.agent_spec("hopper"), extra="rl")
    monkeypatch.setitem(registry._registry, "hopper", spec)
    import archgym_toys

    monkeypatch.setattr(archgym_toys.Hopper, "requires", ("no_such_library",))
    message = complaints_of(toy_data())["agents.1"]
    assert "no_such_library" in message and "pip install 'archgym[rl]'" in message


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        load_config(tmp_path / "absent.yaml")
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_config(binary)
    empty = tmp_path / "empty.yaml"
    empty.write_text("")
    with pytest.raises(ConfigError, match="expected a mapping"):
        load_config(empty)


def test_yaml_errors_have_line_and_column(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("name: x\nproblems: [\nbudget: 3\n  oops\n")
    with pytest.raises(ConfigError, match=r"broken\.yaml: not valid YAML: line \d+, column \d+"):
        load_config(path)
    path.write_text("name: x\nbudget: 1\nbudget: 2\n")
    with pytest.raises(ConfigError, match="line 3, column 1: the key 'budget' is given twice"):
        load_config(path)


def test_yaml_is_safe_and_reads_exponents_and_anchors():
    data = parse_yaml("a: 3e-4\nb: &x {c: 1, d: 2}\ne: {<<: *x, d: 5}\nf: 1e6\ng: e3\n", "t")
    assert data == {"a": 3e-4, "b": {"c": 1, "d": 2}, "e": {"c": 1, "d": 5}, "f": 1e6, "g": "e3"}
    with pytest.raises(ConfigError, match="not valid YAML"):
        parse_yaml("!!python/object/apply:os.getcwd []", "t")


def test_environment_variables_are_expanded(toy_data, monkeypatch):
    assert expand_variables({"a": ["${X}/b", "${Y:-z}", 3]}, {"X": "1"}) == ({"a": ["1/b", "z", 3]}, [])
    _, complaints = expand_variables({"a": {"b": "${NOPE}"}}, {})
    reason = "the environment variable 'NOPE' is not set; set it, or write ${NOPE:-default}"
    assert complaints == [Complaint("a.b", reason)]
    monkeypatch.setenv("TOY_WORKLOAD", "steep")
    config = parse_config(toy_data(), overrides=["problems.0.arguments.workload=${TOY_WORKLOAD}"])
    assert config.problems[0].arguments["workload"] == "steep"


def test_overrides_reach_everything():
    objective = {"meet": {"m": 1}, "tie_break": "k"}
    data = {"agents": ["a", {"b": {"x": 1}}], "problems": [{"objective": objective}], "n": None}
    result = apply_overrides(
        data,
        [
            "agents.0.a.size=3",
            "agents.1.b.x=[1, 2]",
            "problems.0.objective.minimize=e * t",
            "execution.workers=2",
            "n.deep.er=yes sir",
            "budget= 7 ",
        ],
    )
    assert result == {
        "agents": [{"a": {"size": 3}}, {"b": {"x": [1, 2]}}],
        "problems": [{"objective": {"minimize": "e * t"}}],
        "n": {"deep": {"er": "yes sir"}},
        "execution": {"workers": 2},
        "budget": 7,
    }
    assert data["agents"] == ["a", {"b": {"x": 1}}], "the data given is left alone"


def test_an_override_of_a_target_keeps_the_other_targets():
    data = {"problems": [{"objective": {"meet": {"m": 1, "k": 2}, "tie_break": "k"}}]}
    result = apply_overrides(data, ["problems.0.objective.meet.m=5"])
    assert result == {"problems": [{"objective": {"meet": {"m": 5, "k": 2}, "tie_break": "k"}}]}


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("budget", "expected path=value"),
        ("=3", "expected path=value"),
        ("a..b=3", "expected path=value"),
        ("agents.9=x", "a position from 0 to 0"),
        ("agents.first=x", "a position from 0 to 0"),
        ("name.x=3", "nothing called 'x'"),
        ("budget=[1", "not valid YAML"),
    ],
)
def test_overrides_that_make_no_sense(override, expected):
    with pytest.raises(ConfigError) as caught:
        apply_overrides({"agents": ["a"], "name": "n"}, [override])
    assert f"--set {override}" in str(caught.value) and expected in str(caught.value)


def test_config_errors_are_invalid_input():
    assert issubclass(ConfigError, InvalidInputError)


def test_shipped_configs_are_found_by_name():
    assert {"quickstart", "minimal", "sweep", "compare-agents-cloud-1"} <= set(shipped_configs())
    assert find_config("quickstart") == shipped_configs()["quickstart"]
    with pytest.raises(ConfigError, match="did you mean 'quickstart'"):
        find_config("quickstrat")


@pytest.mark.parametrize("name", sorted(shipped_configs()))
def test_shipped_configs_have_the_right_structure(name):
    text = shipped_configs()[name].read_text()
    data, _ = expand_variables(parse_yaml(text, name))
    assert ExperimentConfig.model_validate(data).name == name


def test_the_largest_numbers_allowed_are_stored_and_read(toy_data):
    config = parse_config(toy_data(budget=10**9, seeds=[2**63 - 1]))
    assert config.proposal_limit == 10**9
    assert parse_config(config.to_dict()).to_dict() == config.to_dict()
    assert parse_config(toy_data(max_proposals=30)).proposal_limit == 30


def test_an_agent_class_without_hyperparameters_is_one_complaint(toy_data, monkeypatch):
    import archgym_toys

    from agents import Agent

    class Bare(Agent):
        name, version = "bare", "1"

    monkeypatch.setattr(archgym_toys, "Bare", Bare, raising=False)
    monkeypatch.setitem(registry._registry, "bare", registry.AgentSpec("bare", "archgym_toys:Bare"))
    message = complaints_of(toy_data(agents=["bare"]))["agents.0"]
    assert "class Bare has no 'Hyperparameters'; declare" in message and "\n" not in message


def test_a_formulation_among_the_arguments_of_a_problem_is_told_where_it_belongs(toy_data):
    data = toy_data()
    data["problems"] = [{"environment": "archgym/Coupled-v0", "arguments": {"formulation": "edit"}}]
    with pytest.raises(ConfigError, match=r"hyperparameters of learners, as in ppo: \{formulation: edit\}"):
        prepare(parse_config(data))
