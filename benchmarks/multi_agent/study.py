"""What the study compares: problems, searchers, and how much of everything."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from experiments.tabulate import tabulate

Kind = Literal["baseline", "search", "single", "multi"]
"""``baseline``: random search; ``search``: evolution and models; ``single`` and ``multi``: learners."""
COUPLED, JOINT, MEMORY = "coupled", "joint", "memory"
FAMILIES = (COUPLED, JOINT, MEMORY)
"""Hyperparameters are tuned for each family: planted problems; such whose blocks are so small that one agent can choose
a block's parameters jointly from one table; the memory controller."""
JOINT_SIZE = {"parameters": 12, "levels": 4, "block": 3}
"""16 777 216 designs; 64 combinations in a block."""
MEMORY_OBJECTIVES = {
    "power": "average_power_mw",
    "latency": "average_latency_from_arrival_ns",
    "both": "average_power_mw * average_latency_from_arrival_ns",
}


@dataclass(frozen=True)
class Contender:
    """A searcher of the study.

    Attributes:
        label: what tables call it.
        agent: name in the registry.
        kind: what sort of searcher it is.
        fixed: hyperparameters that make the variant; the others are tuned.
        against: multi-agent variants: the single agent with the same learner.
        slow: its runs take many seconds: it has fewer instances and seeds, but as many draws as everyone.
        families: those it takes part in; slow libraries leave out ``joint``.
        check: a second implementation, run with its defaults on two couplings only.
        shown: has a line in the picture.
    """

    label: str
    agent: str
    kind: Kind
    fixed: Mapping[str, Any] = field(default_factory=dict)
    against: str | None = None
    slow: bool = False
    families: tuple[str, ...] = FAMILIES
    check: bool = False
    shown: bool = True

    @property
    def directory(self) -> str:
        """Name of the contender's directories."""
        return re.sub("[^a-z0-9]+", "-", self.label.lower()).strip("-")


_SLOW = (COUPLED, MEMORY)
"""Families of contenders whose runs take many seconds."""


def _several(label: str, partition: str, critic: str = "own", **options: Any) -> Contender:
    """Return a multi-agent variant of PPO on tables; ``joint`` is fixed, so that tuning cannot undo the division."""
    fixed = {"partition": partition, "critic": critic, "joint": options.pop("joint", 512)}
    return Contender(label, "multi_agent_ppo", "multi", fixed, against="PPO", **options)


CONTENDERS: tuple[Contender, ...] = (
    Contender("random search", "random_search", "baseline"),
    Contender("genetic", "genetic", "search"),
    Contender("annealing", "simulated_annealing", "search", shown=False),
    Contender("TPE", "tpe", "search", slow=True, families=_SLOW),
    Contender("REINFORCE", "reinforce", "single"),
    Contender("PPO", "native_ppo", "single"),
    _several("IPPO", "parameter"),
    _several("MAPPO", "parameter", "central"),
    _several("IPPO, groups", "group"),
    _several("MAPPO, groups", "group", "central", shown=False),
    _several("IPPO, learned groups", "interaction", shown=False),
    _several("IPPO, random groups", "random", shown=False),
    _several("IPPO, groups, no joint choices", "group", joint=1, shown=False, families=(JOINT,)),
    Contender("PPO (SB3)", "ppo", "single", slow=True, families=_SLOW, shown=False),
    Contender("SAC (SB3)", "sac", "single", slow=True, families=(MEMORY,), shown=False),
    Contender("PPO (RLlib)", "rllib_ppo", "single", check=True),
    Contender("IPPO (RLlib)", "rllib_ippo", "multi", against="PPO (RLlib)", check=True),
    Contender("MAPPO (RLlib)", "rllib_mappo", "multi", against="PPO (RLlib)", check=True),
)


@dataclass(frozen=True)
class Amounts:
    """How much of everything: the full study, or a quick one that only shows that it works.

    Attributes:
        budget: evaluations of a run; ``early``: another point at which tables show how far runs are.
        proposals: designs a run may propose, repeats included, before it ends.
        draws: sets of hyperparameters per searcher and family, its defaults among them.
        dials: couplings; ``tuning_dials`` those tuned on; ``check_dials`` those of the second implementation;
            ``joint_dials`` those of small blocks, tuned and compared.
        instances, tuning_instances: seeds of planted problems, never the same.
        seeds, tuning_seeds: of searches of the memory controller.
        slow, slow_tuning: instances and seeds of slow contenders.
        workload, tuning_workload: of the memory controller; None: the small table that ships.
        check_instances: planted problems of the second implementation.
    """

    budget: int = 1000
    early: int = 200
    draws: int = 8
    proposals: int = 5000
    dials: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)
    tuning_dials: tuple[float, ...] = (0.25, 0.75, 1.0)
    joint_dials: tuple[float, ...] = (0.5, 1.0)
    check_dials: tuple[float, ...] = (0.0, 0.9)
    instances: tuple[int, ...] = tuple(range(40))
    tuning_instances: tuple[int, ...] = (1000, 1001, 1002, 1003)
    seeds: tuple[int, ...] = tuple(range(40))
    tuning_seeds: tuple[int, ...] = (1000, 1001, 1002, 1003)
    slow: int = 10
    slow_tuning: int = 2
    workload: str | None = "recorded/record-sort"
    tuning_workload: str | None = "recorded/xz-compress"
    check_instances: tuple[int, ...] = tuple(range(5))


FULL = Amounts()
QUICK = Amounts(
    budget=200,
    early=50,
    proposals=400,
    draws=2,
    dials=(0.0, 0.5, 1.0),
    tuning_dials=(0.5,),
    joint_dials=(1.0,),
    check_dials=(0.5,),
    instances=tuple(range(4)),
    tuning_instances=(1000,),
    seeds=tuple(range(4)),
    tuning_seeds=(1000,),
    slow=2,
    slow_tuning=1,
    workload=None,
    tuning_workload=None,
    check_instances=(0,),
)


@dataclass(frozen=True)
class Stratum:
    """Runs that are compared with one another: one coupling, or one objective of the memory controller.

    Attributes:
        name: ``coupling 0.5``, ``memory: power``.
        problems: label -> entry of an experiment's ``problems``.
        seeds: of the searches of each problem.
    """

    name: str
    problems: Mapping[str, Mapping[str, Any]]
    seeds: tuple[int, ...]

    def first(self, searches: int) -> Stratum:
        """Return the part of the stratum that comes to at most so many searches of its first instances or seeds."""
        return Stratum(self.name, dict(list(self.problems.items())[:searches]), self.seeds[:searches])


def share_of(contender: Contender, parts: Sequence[Stratum], amounts: Amounts, tuning: bool) -> tuple[Stratum, ...]:
    """Return what a contender runs of these strata."""
    if not contender.slow:
        return tuple(parts)
    return tuple(part.first(amounts.slow_tuning if tuning else amounts.slow) for part in parts)


def strata(family: str, amounts: Amounts, directory: Path, tuning: bool) -> tuple[Stratum, ...]:
    """Return the strata of a family, for tuning or for the comparison; tables are made where there are none yet."""
    instances = amounts.tuning_instances if tuning else amounts.instances
    if family == COUPLED:
        return tuple(_coupled(dial, instances) for dial in (amounts.tuning_dials if tuning else amounts.dials))
    if family == JOINT:
        return tuple(_coupled(dial, instances, "small blocks, ", JOINT_SIZE) for dial in amounts.joint_dials)
    workload = amounts.tuning_workload if tuning else amounts.workload
    table = "memory-controller-small" if workload is None else str(memory_table(workload, directory))
    seeds = amounts.tuning_seeds if tuning else amounts.seeds
    return tuple(_memory(name, metric, table, seeds) for name, metric in MEMORY_OBJECTIVES.items())


def check_strata(amounts: Amounts) -> tuple[Stratum, ...]:
    """Return the strata that the second implementation runs, all of them strata of the comparison."""
    return tuple(_coupled(dial, amounts.check_instances) for dial in amounts.check_dials)


def memory_table(workload: str, directory: Path) -> Path:
    """Return the table of ArchGym's ten-parameter space on a workload: 166 464 designs, each evaluated once."""
    output = directory / "tables" / f"{workload.replace('/', '-')}.parquet"
    if not output.exists():
        print(f"tabulating the memory controller on {workload}", flush=True)
        output.parent.mkdir(parents=True, exist_ok=True)
        tabulate("archgym/MemoryController-v0", output, workload, {"space": "rl"}, resume=True)
    return output


def _coupled(
    dial: float, instances: tuple[int, ...], prefix: str = "", size: Mapping[str, int] | None = None
) -> Stratum:
    """Return one coupling: a search of each instance, whose seed need not differ as the instances do."""
    name = f"{prefix}coupling {dial:g}"
    problems = {
        f"{name}, instance {seed}": {
            "environment": "archgym/Coupled-v0",
            "arguments": {"coupling": dial, "seed": seed, **(size or {})},
        }
        for seed in instances
    }
    return Stratum(name, problems, (0,))


def _memory(name: str, metric: str, table: str, seeds: tuple[int, ...]) -> Stratum:
    label = f"memory: {name}"
    problem = {"environment": "archgym/Tabular-v0", "arguments": {"table": table}, "objective": {"minimize": metric}}
    return Stratum(label, {label: problem}, seeds)
