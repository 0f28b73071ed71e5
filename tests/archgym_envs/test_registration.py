from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import archgym_envs
from archgym_envs import EnvironmentSpec, Objective, registration
from simulators import ArchgymError, InvalidInputError, UnknownNameError
from tests.archgym_envs.toys import SPEC, chip

ROOT = Path(__file__).parents[2]
EDP = {"minimize": "energy_pj * time_ns"}


@pytest.fixture(autouse=True)
def own_registry(monkeypatch):
    """What a test registers is forgotten after it."""
    known = set(gymnasium.registry)
    monkeypatch.setattr(registration, "_registered", dict(registration._registered))
    monkeypatch.setattr(registration, "_offered", dict(registration._offered))
    yield
    for id in set(gymnasium.registry) - known:
        del gymnasium.registry[id]


@settings(max_examples=25)
@given(
    st.from_regex(r"[a-z_-]{1,9}/[A-Z][A-Za-z0-9_]{0,9}-v[0-9]{1,3}", fullmatch=True),
    st.dictionaries(
        st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.integers() | st.text() | st.booleans() | st.none()
    ),
    st.text(),
)
def test_json_round_trip(id, arguments, doc):
    spec = EnvironmentSpec(id, "package.module:factory", EDP, arguments, doc)
    assert EnvironmentSpec.from_json(spec.to_json()) == spec
    assert json.loads(spec.to_json())["objective"]["minimize"] == "energy_pj * time_ns"


def test_a_spec_is_immutable_hashable_and_picklable():
    arguments = {"workload": "heavy"}
    spec = EnvironmentSpec("lab/Chip-v0", "a:b", EDP, arguments)
    arguments["workload"] = "light"
    assert spec.arguments["workload"] == "heavy"
    with pytest.raises(TypeError):
        spec.arguments["workload"] = "light"
    with pytest.raises(AttributeError):
        spec.id = "lab/Other-v0"
    assert pickle.loads(pickle.dumps(spec)) == copy.deepcopy(spec) == spec
    assert len({spec, copy.deepcopy(spec)}) == 1


@pytest.mark.parametrize(
    "id", ["Chip-v0", "lab/Chip", "lab/Chip-v", "lab/chip v0-v1", "/Chip-v0", "lab/Chip-v0.1", "", 3]
)
def test_ids_are_namespaced_and_versioned(id):
    with pytest.raises(InvalidInputError, match="namespace/Name-vN"):
        EnvironmentSpec(id, "a:b", EDP)


@pytest.mark.parametrize("problem", ["nothing", "a:", ":b", 3, "a b:c"])
def test_a_problem_is_a_callable_or_names_one(problem):
    with pytest.raises(InvalidInputError, match="module:callable"):
        EnvironmentSpec("lab/Chip-v0", problem, EDP)


def test_a_callable_has_no_json():
    with pytest.raises(InvalidInputError, match="callable"):
        EnvironmentSpec("lab/Chip-v0", chip, EDP).to_json()
    with pytest.raises(InvalidInputError, match="JSON-serialisable"):
        EnvironmentSpec("lab/Chip-v0", "a:b", EDP, {"x": object()}).to_json()


def test_one_call_registers_for_archgym_and_gymnasium():
    archgym_envs.register("lab/Chip-v0", chip, EDP, {"workload": "heavy"})
    assert "lab/Chip-v0" in archgym_envs.registered()
    env = gymnasium.make("lab/Chip-v0")
    env.reset(seed=0)
    assert env.unwrapped.problem.workload.name == "heavy"
    assert gymnasium.make("lab/Chip-v0", workload="light").unwrapped.problem.workload.name == "light"
    assert archgym_envs.default_objective("lab/Chip-v0") == Objective.parse(EDP).to_dict()
    other = gymnasium.make("lab/Chip-v0", objective={"maximize": "throughput_per_ns"}, episode_length=3)
    assert other.unwrapped.objective.label() == "maximize throughput_per_ns"
    assert other.unwrapped.episode_length == 3
    assert archgym_envs.make_problem("lab/Chip-v0").workload.name == "heavy"


def test_a_budget_can_be_asked_for():
    archgym_envs.register("lab/Chip-v0", chip, EDP)
    env = gymnasium.make("lab/Chip-v0", budget=1)
    env.reset(seed=0)
    env.step(np.array([0, 0, 0]))
    with pytest.raises(archgym_envs.BudgetExhausted):
        env.step(np.array([1, 0, 0]))
    with pytest.raises(InvalidInputError, match="at least 1"):
        gymnasium.make("lab/Chip-v0", budget=0)


def test_duplicates_are_refused_unless_identical():
    archgym_envs.register("lab/Chip-v0", chip, EDP)
    archgym_envs.register("lab/Chip-v0", chip, {"minimize": "time_ns * energy_pj"})
    with pytest.raises(InvalidInputError, match="registered already"):
        archgym_envs.register("lab/Chip-v0", chip, {"minimize": "energy_pj"})


def test_unknown_words_name_the_nearest():
    archgym_envs.register("lab/Chip-v0", chip, EDP)
    with pytest.raises(UnknownNameError, match="did you mean 'archgym/MemoryController-v0'"):
        archgym_envs.spec("archgym/MemoryControler-v0")
    with pytest.raises(
        UnknownNameError, match=r"argument of environment 'lab/Chip-v0' 'worload'; did you mean 'workload'"
    ):
        gymnasium.make("lab/Chip-v0", worload="light")
    with pytest.raises(UnknownNameError, match="did you mean 'workload'"):
        gymnasium.make_vec("lab/Chip-v0", num_envs=2, worload="light")
    with pytest.raises(UnknownNameError, match="did you mean 'time_ns'"):
        gymnasium.make("lab/Chip-v0", objective={"minimize": "time"})


def test_a_factory_that_cannot_be_had_is_named():
    for path in ("tests.archgym_envs.toys:nothing", "no_such_module:problem", "tests.archgym_envs.toys:__name__"):
        archgym_envs.register(f"lab/{path.partition(':')[2]}X-v0".replace("__", "N"), path, EDP)
    for id in [id for id in archgym_envs.registered() if id.startswith("lab/")]:
        with pytest.raises(InvalidInputError, match="problem factory"):
            archgym_envs.make_problem(id)


def test_reserved_parameters_are_refused():
    archgym_envs.register("lab/Greedy-v0", lambda objective: None, EDP)
    with pytest.raises(InvalidInputError, match="reserved"):
        archgym_envs.make_problem("lab/Greedy-v0")


def offer(monkeypatch, name: str, value: str, times: int = 1) -> None:
    points = [registration.EntryPoint(name, value, registration.ENTRY_POINT_GROUP)] * times
    monkeypatch.setattr(registration, "entry_points", lambda group: points)
    archgym_envs.scan_entry_points()


def test_entry_points_are_known_at_once_and_loaded_when_needed(monkeypatch):
    offer(monkeypatch, SPEC.id, "tests.archgym_envs.toys:SPEC")
    assert SPEC.id in archgym_envs.registered()
    assert SPEC.id not in registration._registered
    assert archgym_envs.spec(SPEC.id) == SPEC
    assert gymnasium.make(SPEC.id).unwrapped.problem.simulator.name == "chip"


@pytest.mark.parametrize(
    ("name", "value", "times", "complaint"),
    [
        ("toy/Other-v0", "tests.archgym_envs.toys:SPEC", 1, "must be an EnvironmentSpec with the id 'toy/Other-v0'"),
        ("toy/Chip-v0", "tests.archgym_envs.toys:chip", 1, "must be an EnvironmentSpec"),
        ("toy/Chip-v0", "tests.archgym_envs.toys:nothing", 1, "entry point 'toy/Chip-v0' = .* fails on import"),
        ("toy/Chip-v0", "tests.archgym_envs.toys:SPEC", 2, "several packages offer 'toy/Chip-v0'"),
    ],
)
def test_broken_entry_points_name_their_package(monkeypatch, name, value, times, complaint):
    offer(monkeypatch, name, value, times)
    with pytest.raises(ArchgymError, match=complaint):
        archgym_envs.spec(name)


def test_an_entry_point_that_is_no_id_is_ignored_with_a_warning(monkeypatch):
    with pytest.warns(UserWarning, match="is ignored: its name is no id"):
        offer(monkeypatch, "chip", "tests.archgym_envs.toys:SPEC")
    assert "chip" not in archgym_envs.registered()


def test_importing_loads_no_simulator_and_no_learner():
    code = (
        "import sys, archgym_envs; print([name for name in "
        "('numba', 'torch', 'stable_baselines3', 'simulators.memory', 'pydantic', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize(("given", "meant"), [("formulaton", "formulation"), ("budgt", "budget")])
def test_a_misspelt_keyword_is_recognised(given, meant):
    with pytest.raises(UnknownNameError, match=f"Or is '{meant}' meant, which gymnasium.make takes"):
        gymnasium.make("archgym/Coupled-v0", **{given: 1})
