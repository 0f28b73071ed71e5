"""Environments, objectives, registration and conformance checks.

Importing this package makes every registered environment known to Gymnasium and loads no simulator.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from archgym_envs.design_env import DesignEnv
from archgym_envs.edit import EditDesign
from archgym_envs.evaluators import BudgetedEvaluator, BudgetExhausted, DirectEvaluator, Evaluator, FreshEvaluation
from archgym_envs.formulations import FORMULATIONS, formulate
from archgym_envs.objectives import Objective
from archgym_envs.partitions import PARTITIONS, Partition, make_partition
from archgym_envs.registration import (
    EnvironmentSpec,
    default_objective,
    make_env,
    make_problem,
    make_vector_env,
    register,
    registered,
    scan_entry_points,
    spec,
)
from archgym_envs.relaxed import RelaxedBoxAction, RelaxedDesign
from archgym_envs.scoring import INVALID_REWARD, Scorer
from archgym_envs.sequential import SequentialDesign
from archgym_envs.vector_env import VectorDesignEnv

if TYPE_CHECKING:
    from archgym_envs.parallel import ParallelDesignEnv as ParallelDesignEnv
    from archgym_envs.parallel import parallel_env as parallel_env

__all__ = [
    "FORMULATIONS",
    "INVALID_REWARD",
    "PARTITIONS",
    "BudgetExhausted",
    "BudgetedEvaluator",
    "DesignEnv",
    "DirectEvaluator",
    "EditDesign",
    "EnvironmentSpec",
    "Evaluator",
    "FreshEvaluation",
    "Objective",
    "Partition",
    "RelaxedBoxAction",
    "RelaxedDesign",
    "Scorer",
    "SequentialDesign",
    "VectorDesignEnv",
    "default_objective",
    "formulate",
    "make_env",
    "make_partition",
    "make_problem",
    "make_vector_env",
    "register",
    "registered",
    "scan_entry_points",
    "spec",
]

_NEED_PETTINGZOO = ("ParallelDesignEnv", "parallel_env")
"""Names of :mod:`archgym_envs.parallel`, loaded when asked for: the base installation has no PettingZoo."""


def __getattr__(name: str) -> Any:
    if name in _NEED_PETTINGZOO:
        return getattr(importlib.import_module("archgym_envs.parallel"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


register(
    "archgym/Accelerator-v0",
    problem="archgym_envs.accelerator:accelerator",
    objective={"minimize": "energy_pj * latency_ns"},
    doc="A spatial DNN accelerator's PE array, PE storage, global buffer and DRAM bandwidth on neural networks.",
)
register(
    "archgym/MemoryController-v0",
    problem="archgym_envs.memory_controller:memory_controller",
    objective={"minimize": "energy_pj * makespan_ns"},
    doc="A DRAM memory controller's scheduling, buffering, paging and refresh policies on a memory trace.",
)
register(
    "archgym/Tabular-v0",
    problem="archgym_envs.tabular:tabular",
    objective={"minimize": "energy_pj * makespan_ns"},
    doc="A design space evaluated once and stored: any simulator's numbers by look-up, with a known optimum.",
)
register(
    "archgym/SystolicArray-v0",
    problem="archgym_envs.systolic_array:systolic_array",
    objective={"minimize": "energy_pj * latency_ns"},
    doc="A systolic array's size, dataflow, SRAMs and DRAM bandwidth for DNNs, by the closed forms of SCALE-Sim.",
)
register(
    "archgym/Mapping-v0",
    problem="archgym_envs.mapping:mapping",
    objective={"minimize": "energy_pj * latency_ns"},
    doc="One DNN layer on a fixed accelerator: tiles, loop orders and what goes over the array's columns and rows.",
)
register(
    "archgym/CoDesign-v0",
    problem="archgym_envs.codesign:codesign",
    objective={"minimize": "energy_pj * latency_ns"},
    doc="A spatial accelerator's hardware and the mapping of every layer of a network, all in one design.",
)
register(
    "archgym/SoC-v0",
    problem="archgym_envs.soc:soc",
    objective={
        "meet": {
            "latency_ns": 34e6,
            "peak_power_mw": 8.737,
            "non_dram_area_mm2": 17.475,
            "dram_area_mm2": 17.475,
        }
    },
    doc="A system-on-chip of processors, accelerators, memories and buses, and the mapping of task graphs onto it.",
)
register(
    "archgym/Coupled-v0",
    problem="archgym_envs.coupled:coupled",
    objective={"minimize": "cost"},
    doc="A planted problem with a dial for how strongly its parameters interact, and a known best design.",
)
scan_entry_points()
