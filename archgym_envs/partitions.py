"""Partitions: who chooses what, where several agents make one design.

Krishnan et al. (Multi-Agent Reinforcement Learning for Microprocessor Design Space Exploration, arXiv 2211.16385) give
every parameter an agent of its own; the published follow-up (arXiv 2507.16249) makes clusters of correlated parameters
the agents. Whether a partition is worth anything is told by its controls: one agent for all, and random groups.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from archgym_envs.interactions import interaction_clusters
from simulators import DesignSpace, InvalidInputError, UnknownNameError

PARTITIONS = ("parameter", "group", "interaction", "random", "single")
"""The kinds that :func:`make_partition` knows."""


@dataclass(frozen=True)
class Partition:
    """A division of a space's parameters among agents.

    Attributes:
        names: the agents, unique.
        members: for each agent the names of its parameters, at least one; no parameter twice.

    Raises:
        InvalidInputError: no agent, repeated names, an agent without parameters, a parameter with two agents.
    """

    names: tuple[str, ...]
    members: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        if not self.names or len(self.names) != len(self.members):
            raise InvalidInputError(
                f"a partition needs one list of parameters per agent and at least one agent, got {len(self.names)} "
                f"agents and {len(self.members)} lists"
            )
        if twice := _repeated(self.names):
            raise InvalidInputError(f"agents need unique names; repeated: {', '.join(twice)}")
        if idle := [name for name, own in zip(self.names, self.members, strict=True) if not own]:
            raise InvalidInputError(f"every agent needs a parameter; without one: {', '.join(idle)}")
        if twice := _repeated(name for own in self.members for name in own):
            raise InvalidInputError(f"every parameter belongs to one agent; in several: {', '.join(twice)}")

    def __len__(self) -> int:
        """Return the number of agents."""
        return len(self.names)

    def columns(self, space: DesignSpace) -> tuple[np.ndarray, ...]:
        """Return for each agent the positions of its parameters among the columns of a space, int64 ``[k]``.

        Raises:
            UnknownNameError: a parameter that the space does not have.
            InvalidInputError: a parameter of the space that no agent has.
        """
        found = tuple(np.array([space.column(name) for name in own], dtype=np.int64) for own in self.members)
        covered = {int(column) for own in found for column in own}
        missing = [name for column, name in enumerate(space.names) if column not in covered]
        if missing:
            raise InvalidInputError(f"every parameter needs an agent; without one: {', '.join(missing)}")
        return found


def by_parameter(space: DesignSpace) -> Partition:
    """Give each parameter an agent of its own, called like it."""
    return Partition(space.names, tuple((name,) for name in space.names))


def by_group(space: DesignSpace) -> Partition:
    """Give each subsystem an agent: the parameters of one ``group``, in the order of the space.

    A parameter without a group has an agent of its own, called like the parameter (``parameter_<name>`` where a group
    has that name).
    """
    groups = {parameter.group for parameter in space.parameters if parameter.group}
    found: dict[str, list[str]] = {}
    for parameter in space.parameters:
        alone = f"parameter_{parameter.name}" if parameter.name in groups else parameter.name
        found.setdefault(parameter.group or alone, []).append(parameter.name)
    return _partition(found)


def single(space: DesignSpace) -> Partition:
    """Give all parameters to one agent, called ``all``: the control that no division is needed."""
    return Partition(("all",), (space.names,))


def at_random(space: DesignSpace, count: int, seed: int) -> Partition:
    """Deal the parameters out to ``count`` agents at random: the control of every other partition.

    Agents ``random_0`` ... get equally many parameters, give or take one; each keeps the order of the space.

    Raises:
        InvalidInputError: ``count`` is below 1 or above the number of parameters.
    """
    _check_count(space, count)
    dealt = np.random.default_rng(seed).permutation(space.dimensions)
    hands = [np.sort(dealt[start::count]) for start in range(count)]
    return _partition({f"random_{i}": [space.names[j] for j in hand] for i, hand in enumerate(hands)})


def by_interaction(space: DesignSpace, designs: np.ndarray, scores: np.ndarray, count: int | None = None) -> Partition:
    """Give each cluster of interacting parameters an agent, by evaluated designs.

    Two parameters interact where their joint effect on the score is not the sum of their single effects;
    :mod:`archgym_envs.interactions` says how that is measured and clustered. Deterministic. Scores should be on a scale
    on which independent subsystems add up: for a product, such as energy x delay, its logarithm (which the rewards of
    such objectives are). The agents are called ``cluster_0`` ..., in the order of their first parameters.

    Args:
        space: the designs' space.
        designs: indices ``[n, d]``, repeats allowed; spread out, as random search leaves them, they tell most.
        scores: ``[n]``; NaN (invalid designs) are left out.
        count: number of agents; None: as many as there are interactions beyond chance.

    Raises:
        InvalidInputError: arrays that do not fit, too few designs, constant or infinite scores, an impossible count.
    """
    if count is not None:
        _check_count(space, count)
    labels = interaction_clusters(space, designs, scores, count)
    found: dict[int, list[str]] = {}
    for name, label in zip(space.names, labels.tolist(), strict=True):
        found.setdefault(label, []).append(name)
    return _partition({f"cluster_{i}": names for i, names in enumerate(found.values())})


def count_refusal(space: DesignSpace, kind: str, count: int) -> str:
    """Return why ``count`` agents cannot share a space in a partition of this kind; empty where they can.

    0 stands for as many as the partition has, and is never refused.
    """
    if count and kind not in ("random", "interaction"):
        return f"partition {kind!r} says how many agents there are; leave agents out, or use partition 'random'"
    if count > space.dimensions:
        return f"{count} agents cannot share {space.dimensions} parameters; set agents to at most that, or to 0"
    return ""


def make_partition(
    space: DesignSpace,
    kind: str,
    *,
    count: int | None = None,
    seed: int = 0,
    designs: np.ndarray | None = None,
    scores: np.ndarray | None = None,
) -> Partition:
    """Return a partition by the name of its kind.

    Args:
        space: whose parameters are divided.
        kind: one of :data:`PARTITIONS`.
        count: number of agents, of ``random`` (default: as many as ``group`` has) and of ``interaction``.
        seed: of ``random``.
        designs, scores: what ``interaction`` learns from, see :func:`by_interaction`.

    Raises:
        UnknownNameError: another kind.
        InvalidInputError: ``interaction`` without data, and whatever the kind finds wrong.
    """
    if kind not in PARTITIONS:
        raise UnknownNameError("partition", kind, PARTITIONS)
    if kind == "interaction":
        if designs is None or scores is None:
            raise InvalidInputError("the partition 'interaction' learns from evaluations: give designs and scores")
        return by_interaction(space, designs, scores, count)
    if kind == "random":
        return at_random(space, len(by_group(space)) if count is None else count, seed)
    return {"parameter": by_parameter, "group": by_group, "single": single}[kind](space)


def _partition(found: Mapping[str, Sequence[str]]) -> Partition:
    return Partition(tuple(found), tuple(tuple(names) for names in found.values()))


def _check_count(space: DesignSpace, count: int) -> None:
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or not 1 <= count <= space.dimensions:
        raise InvalidInputError(
            f"the number of agents must be an integer from 1 to {space.dimensions}, the number of parameters of space "
            f"{space.name!r}; got {count!r}"
        )


def _repeated(names: Iterable[str]) -> list[str]:
    known: set[str] = set()
    return [name for name in names if name in known or known.add(name)]  # type: ignore[func-returns-value]
