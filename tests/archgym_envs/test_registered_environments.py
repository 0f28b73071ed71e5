"""Contract tests over every registered environment: registering one is having it tested."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

import archgym_envs
from archgym_envs.testing import check_env, check_simulator

IDS = [id for id in archgym_envs.registered() if id.startswith("archgym/")]
SMALL = {
    "archgym/Accelerator-v0": {"workload": "keyword-spotting", "effort": "quick"},
    "archgym/MemoryController-v0": {"workload": "synthetic/cloud-mixture?requests=400"},
    "archgym/Mapping-v0": {"workload": "resnet18/layer3.0.downsample.0"},
    "archgym/CoDesign-v0": {"workload": "resnet18:fc", "space": "small"},
    "archgym/SoC-v0": {"workload": "random?tasks=3&seed=1", "gpps": 2, "memories": 2, "buses": 2},
}
"""Arguments that make an environment quick to check; its defaults are tried once."""


@pytest.mark.parametrize("id", IDS)
def test_environments_conform(id):
    check_env(id, **SMALL.get(id, {}))


@pytest.mark.parametrize("id", IDS)
def test_their_simulators_conform(id):
    problem = archgym_envs.make_problem(id, **SMALL.get(id, {}))
    check_simulator(problem.simulator, problem.workload, count=8)


@pytest.mark.parametrize("id", IDS)
def test_they_run_with_their_defaults_and_are_documented(id):
    env = gymnasium.make(id)
    env.reset(seed=0)
    assert np.isfinite(env.step(env.action_space.sample())[1])
    spec = archgym_envs.spec(id)
    assert spec.doc
    assert spec.from_json(spec.to_json()) == spec
    for parameter in env.unwrapped.space.parameters:
        assert parameter.doc, parameter.name
    for metric in env.unwrapped.problem.simulator.metrics:
        assert metric.doc, metric.name
        assert metric.name.endswith(("_pj", "_ns", "_mw", "_gbit_per_s", "_mm2")) == (metric.unit != "1"), metric
