"""Suites: several networks as one workload, ``resnet18+bert-base``, and how their metrics become one number each.

Each network is simulated on its own, with the simulator's audits, and each metric is then aggregated over the networks.

``geomean``, the geometric mean, but for what a simulator's :class:`Composition` names: the parts of a total (energy
by place, stalls among cycles) are the total's mean, divided as the totals of all networks together divide, so that
parts add up; counts that may be zero, which would make a geometric mean zero, have the arithmetic mean.

``worst``, the largest value of each metric (the smallest where more is better); parts need not add up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from simulators.accelerator.layers import Layer, Network
from simulators.accelerator.workloads import network_names
from simulators.errors import InvalidInputError, UnknownNameError, nearest
from simulators.evaluation import Evaluation

AGGREGATES: Final = ("geomean", "worst")
SEPARATOR: Final = "+"


@dataclass(frozen=True)
class Suite:
    """At least one network, all of equal weight.

    Raises:
        InvalidInputError: no networks.
    """

    networks: tuple[Network, ...]

    def __post_init__(self) -> None:
        if not self.networks:
            raise InvalidInputError("a suite needs at least one network")

    @classmethod
    def of(cls, workload: Suite | Network | Layer) -> Suite:
        """Return a suite, a network or a layer as a suite.

        Raises:
            InvalidInputError: anything else.
        """
        if isinstance(workload, Layer):
            return cls((Network.of(workload.name, (workload,)),))
        if isinstance(workload, Network):
            return cls((workload,))
        if not isinstance(workload, Suite):
            raise InvalidInputError(
                f"a workload is a Suite, a Network or a Layer, got {type(workload).__name__}: use load_workload()"
            )
        return workload

    @property
    def name(self) -> str:
        """The networks' names, joined by ``+``."""
        return SEPARATOR.join(network.name for network in self.networks)

    @property
    def digest(self) -> str:
        """A string that changes with whatever decides the numbers; that of the network if there is one only."""
        if len(self.networks) == 1:
            return self.networks[0].digest
        return hashlib.sha256(SEPARATOR.join(n.digest for n in self.networks).encode()).hexdigest()[:16]


def load_suite(text: str, load: Callable[[str], Network]) -> Suite:
    """Return the suite that ``text`` names: networks joined by ``+``, each a name, a file, or a layer of one of them.

    Args:
        text: such as ``resnet18``, ``resnet18+bert-base``, ``resnet18:conv1`` or ``resnet18/conv1``, ``net.csv:conv``.
        load: returns the network of a name or a file.

    Raises:
        UnknownNameError: a network or layer that does not exist, with the nearest name.
        InvalidInputError: an empty name, or a file that cannot be read.
    """
    whole = str(text).strip()
    if Path(whole).is_file():
        return Suite((load(whole),))
    for name, wanted in _splits(whole):  # first as a whole: files and layers may have a plus sign in their names
        layer = _layer(load(name), wanted) if _is_network(name) else None
        if layer is not None:
            return Suite((layer,))
    parts = [part.strip() for part in whole.split(SEPARATOR)]
    if not all(parts):
        raise InvalidInputError(f"workload {text!r} has an empty name: write networks joined by '+', such as 'a+b'")
    return Suite(tuple(_load_part(part, load) for part in parts))


def _load_part(text: str, load: Callable[[str], Network]) -> Network:
    """Return a network, or of ``network:layer`` or ``network/layer`` the network of that one layer, executed once."""
    splits = [] if Path(text).is_file() else _splits(text)
    for name, wanted in splits:
        layer = _layer(load(name), wanted)
        if layer is not None:
            return layer
    if not splits:
        return load(text)
    name, wanted = splits[0]
    names = [layer.name for layer in load(name).layers]
    close = nearest(wanted, names) or names[0]
    raise UnknownNameError(f"layer of network {name!r}:", wanted, names, f"Write it as in {f'{name}:{close}'!r}.")


def _splits(text: str) -> list[tuple[str, str]]:
    """Return the ways to read ``text`` as a network and a layer; with no network that is known, ``a:b`` is one."""
    cuts = [at for at, sign in enumerate(text) if sign in ":/" and at]
    files = [at for at in cuts if _is_file(text[:at])]
    named = next((at for at in cuts if _is_network(text[:at]) and at not in files), None)
    chosen = [*files, *([] if named is None else [named])]
    if not chosen and ":" in text[1:]:
        chosen = [text.rindex(":")]
    return [(text[:at], text[at + 1 :]) for at in chosen]


def _is_network(text: str) -> bool:
    name, _, options = text.partition("?")
    return (name in network_names() and SEPARATOR not in options) or _is_file(text)


def _is_file(text: str) -> bool:
    return not text.endswith("/") and Path(text).is_file()


def _layer(network: Network, wanted: str) -> Network | None:
    """Return the network of one layer, executed once; a slash that its name begins with may be left out."""
    for name in (wanted, f"/{wanted}"):
        for layer in network.layers:
            if layer.name == name:
                return Network.of(f"{network.name}:{name}", (layer,), network.source)
    return None


def check_aggregate(aggregate: str) -> str:
    """Return ``aggregate``; raises UnknownNameError if it is none of AGGREGATES."""
    if aggregate not in AGGREGATES:
        raise UnknownNameError("aggregate over a suite", aggregate, AGGREGATES)
    return aggregate


@dataclass(frozen=True)
class Composition:
    """How metrics hang together.

    Attributes:
        sums: name of a total -> names of the parts that add up to it.
        may_be_zero: names of metrics, no parts, that can be 0 on one network and not on another.
    """

    sums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    may_be_zero: tuple[str, ...] = ()


_NO_COMPOSITION: Final = Composition()


def aggregate_evaluations(
    parts: Sequence[Evaluation], aggregate: str = "geomean", composition: Composition = _NO_COMPOSITION
) -> Evaluation:
    """Aggregate evaluations of the same ``n`` designs on the networks of a suite.

    A design is valid if it is valid on every network; its reason is that of the first on which it is not. Diagnostics
    are kept for a single network only.

    Args:
        parts: one evaluation for each network.
        aggregate: one of AGGREGATES.
        composition: which metrics of ``geomean`` are no geometric means; see the module.

    Raises:
        UnknownNameError: an aggregate that does not exist.
        InvalidInputError: no evaluations.
    """
    check_aggregate(aggregate)
    if not parts:
        raise InvalidInputError("there is nothing to aggregate: give at least one evaluation")
    if len(parts) == 1:
        return parts[0]
    metrics, stacked = parts[0].metrics, np.stack([part.values for part in parts])
    valid = np.logical_and.reduce([part.valid for part in parts])
    values = _means(stacked, parts[0].names, composition) if aggregate == "geomean" else _worst(stacked, parts[0])
    values[~valid] = np.nan
    reasons = tuple(
        next((reason for reason in row if reason), "") for row in zip(*(p.reason for p in parts), strict=True)
    )
    return Evaluation(metrics, values, valid, reasons)


def _geometric_means(stacked: np.ndarray) -> np.ndarray:
    """Return ``[n, m]`` of ``[k, n, m]``; values that are all equal stay as they are, to the last digit."""
    with np.errstate(divide="ignore"):
        means = np.exp(np.mean(np.log(stacked), axis=0))
    return np.where((stacked == stacked[0]).all(axis=0), stacked[0], means)


def _means(stacked: np.ndarray, names: Sequence[str], composition: Composition) -> np.ndarray:
    """Return ``[n, m]`` of ``[k, n, m]``: geometric means, arithmetic ones, and totals divided among their parts."""
    means = _geometric_means(stacked)
    for name in composition.may_be_zero:
        means[:, names.index(name)] = stacked[:, :, names.index(name)].mean(axis=0)
    for total, parts in composition.sums.items():
        at, positions = names.index(total), [names.index(part) for part in parts]
        whole = stacked[:, :, at].sum(axis=0)[:, None]
        shares = stacked[:, :, positions].sum(axis=0) / np.where(whole == 0, 1.0, whole)
        same = (stacked[:, :, [at, *positions]] == stacked[:1, :, [at, *positions]]).all(axis=(0, 2))
        means[:, positions] = np.where(same[:, None], stacked[0][:, positions], means[:, at, None] * shares)
    return means


def _worst(stacked: np.ndarray, like: Evaluation) -> np.ndarray:
    more_is_better = np.array([metric.direction == "maximize" for metric in like.metrics])
    return np.where(more_is_better, stacked.min(axis=0), stacked.max(axis=0))
