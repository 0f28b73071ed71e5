from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archgym_envs import Objective
from simulators import InvalidInputError, UnknownNameError

NAMES = st.sampled_from(["energy_pj", "time_ns", "area_mm2"])
TARGETS = st.dictionaries(NAMES, st.floats(1e-6, 1e9), min_size=1)
PRODUCTS = st.lists(NAMES, min_size=1, max_size=4).map(" * ".join)
SPECS = st.one_of(
    st.builds(lambda p: {"minimize": p}, PRODUCTS),
    st.builds(lambda p: {"maximize": p}, PRODUCTS),
    st.builds(lambda t: {"meet": t}, TARGETS),
    st.builds(lambda t, p: {"meet": t, "tie_break": p}, TARGETS, PRODUCTS),
    st.builds(lambda t: {"paper": t}, TARGETS),
)


@given(SPECS)
def test_data_round_trip_through_json(spec):
    objective = Objective.parse(spec)
    data = json.loads(json.dumps(objective.to_dict()))
    assert Objective.parse(data) == objective
    assert data["version"] == objective.version == 1


def test_order_of_writing_does_not_matter():
    a = Objective.parse({"minimize": "time_ns * energy_pj"})
    assert a == Objective.parse({"minimize": "energy_pj*time_ns"})
    b = Objective.parse({"meet": {"time_ns": 10, "energy_pj": 20}})
    assert b == Objective.parse({"meet": {"energy_pj": 20.0, "time_ns": 10.0}})
    assert hash(a) != hash(b)


@pytest.mark.parametrize(
    ("spec", "label", "direction"),
    [
        ({"minimize": "energy_pj"}, "minimize energy_pj", "minimize"),
        ({"minimize": "b * a * a"}, "minimize a * a * b", "minimize"),
        ({"maximize": "bandwidth"}, "maximize bandwidth", "maximize"),
        ({"meet": {"b": 80000, "a": 1000}}, "meet a 1000, b 80000", "minimize"),
        ({"meet": {"a": 1}, "tie_break": "b"}, "meet a 1, then b", "minimize"),
        ({"paper": {"a": 0.5}}, "paper a 0.5", "maximize"),
        ({"pareto": ["b", "a"]}, "pareto a, b", "maximize"),
    ],
)
def test_label_and_direction(spec, label, direction):
    objective = Objective.parse(spec)
    assert (objective.label(), objective.direction) == (label, direction)


def test_parse_returns_an_objective_as_it_is():
    objective = Objective.parse({"minimize": "a"})
    assert Objective.parse(objective) is objective


def test_unknown_kind_names_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'minimize'"):
        Objective.parse({"minimise": "energy_pj"})


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({}, "an objective is a mapping"),
        ("minimize energy", "an objective is a mapping"),
        ({"tie_break": "a"}, "exactly one of"),
        ({"minimize": "a", "maximize": "b"}, "exactly one of"),
        ({"minimize": "a ** 2"}, r"objective\.minimize must be a metric or a product"),
        ({"minimize": ""}, r"objective\.minimize"),
        ({"minimize": 3}, r"objective\.minimize"),
        ({"minimize": "a", "tie_break": "b"}, "tie_break belongs to 'meet'"),
        ({"meet": {}}, r"objective\.meet must map"),
        ({"meet": ["a"]}, r"objective\.meet must map"),
        ({"meet": {"a": 0}}, r"objective\.meet\.a must be a positive number"),
        ({"meet": {"a": "1000"}}, r"objective\.meet\.a must be a positive number.*'1000'"),
        ({"meet": {"a": True}}, r"objective\.meet\.a"),
        ({"paper": {"a": float("nan")}}, r"objective\.paper\.a"),
        ({"pareto": ["a"]}, r"objective\.pareto must be a list of at least two"),
        ({"pareto": ["a", "a"]}, r"objective\.pareto must be a list of at least two"),
        ({"pareto": {"a": 1, "b": 2}}, r"objective\.pareto must be a list"),
        ({"pareto": ["a", 3]}, r"objective\.pareto must be a list"),
        ({"meet": {"a": 1}, "tie_break": 7}, r"objective\.tie_break"),
        ({"minimize": "a", "version": 2}, r"objective\.version is 2"),
    ],
)
def test_wrong_specifications_say_what_is_wrong(spec, complaint):
    with pytest.raises(InvalidInputError, match=complaint):
        Objective.parse(spec)
