"""The mapper: finds, for a layer and an architecture, a mapping that is good for an objective.

A pure function of layer, architecture, objective, mode, effort and seed: the search is random only by its seed. Small
mapping spaces are searched whole, and the result then carries a certificate; otherwise random mappings are improved
step by step, annealed and improved again. Results are remembered per (layer shape, architecture).
"""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.accelerator.architecture import Architecture
from simulators.accelerator.kernel_layout import DIMS, FACTOR_ROWS, LEVELS, OK, RESULTS
from simulators.accelerator.kernel_mapper import map_all
from simulators.accelerator.kernel_mapper_moves import EDP, ENERGY, LATENCY
from simulators.accelerator.layers import Layer
from simulators.accelerator.mapping import Mapping
from simulators.accelerator.modes import chosen_repairs, repair_bits
from simulators.errors import InvalidInputError, UnknownNameError

OBJECTIVES: Final = {"edp": EDP, "energy": ENERGY, "latency": LATENCY}
"""What a mapping is chosen for: energy x cycles, energy (fewer cycles among equals), cycles (less energy among
equals)."""


@dataclass(frozen=True)
class Effort:
    """How hard to search.

    Attributes:
        draws: random mappings, of which the best for each use of the array are started from.
        walks: of annealing, each from one of these.
        polished: the best of what they find, that are improved step by step, by exchanges of factors, too.
        steps: of each walk.
        certify_splits, certify_mappings: sizes up to which every mapping is tried, and the result certified.
        list_splits, list_mappings: sizes up to which every split is tried, in the usual orders of loops.
        agreed: walks that must find the same best before the others are left out.
        small_macs: multiply-accumulates up to which a layer is small; so is one that few mappings divide. There are few
            ways from one of its mappings to another, so that it takes ``small_walks`` of ``small_steps``.
    """

    draws: int = 300
    walks: int = 12
    polished: int = 12
    steps: int = 1800
    certify_splits: int = 100_000
    certify_mappings: int = 20_000
    list_splits: int = 500_000
    list_mappings: int = 300_000
    agreed: int = 24
    small_macs: int = 200_000
    small_walks: int = 96
    small_steps: int = 1500

    @property
    def words(self) -> NDArray[np.int64]:
        """What the compiled search needs of it."""
        walks = (self.walks, self.steps, self.agreed)
        return np.array((self.draws, self.polished, *walks, self.small_macs, self.small_walks, self.small_steps))


EFFORTS: Final = {
    "quick": Effort(
        draws=200,
        walks=4,
        polished=4,
        steps=1000,
        certify_splits=20_000,
        certify_mappings=4_000,
        list_splits=20_000,
        list_mappings=20_000,
        agreed=4,
        small_walks=12,
    ),
    "normal": Effort(),
    "thorough": Effort(
        draws=1000,
        walks=48,
        polished=48,
        steps=10_000,
        certify_splits=10_000_000,
        certify_mappings=1_000_000,
        list_splits=10_000_000,
        list_mappings=3_000_000,
        agreed=48,
        small_walks=200,
        small_steps=5000,
    ),
}


@dataclass(frozen=True, eq=False)
class MappedLayers:
    """Mappings of ``l`` layers on ``n`` architectures.

    Attributes:
        status: ``int64[n, l]``: OK, or -1 where no mapping fits (not even one word of each tensor).
        factors, orders: ``int32[n, l, 7, 8]``, ``int8[n, l, 5, 8]``: see
            :class:`~simulators.accelerator.mapping.Mapping`.
        results: ``float64[n, l, RESULTS]``: the kernel's results; 0 where there is no mapping.
        certified: ``bool[n, l]``: True where every mapping was tried.
    """

    status: NDArray[np.int64]
    factors: NDArray[np.int32]
    orders: NDArray[np.int8]
    results: NDArray[np.float64]
    certified: NDArray[np.bool_]

    @classmethod
    def empty(cls, count: int, layers: int) -> MappedLayers:
        """Return room for mappings of so many architectures and layers."""
        return cls(
            np.zeros((count, layers), np.int64),
            np.ones((count, layers, FACTOR_ROWS, DIMS), np.int32),
            np.zeros((count, layers, LEVELS, DIMS), np.int8),
            np.zeros((count, layers, RESULTS)),
            np.zeros((count, layers), np.bool_),
        )


_Found = tuple[int, NDArray[np.int32], NDArray[np.int8], NDArray[np.float64], bool]


class Mapper:
    """A mapper with a memory; safe to use from several threads.

    Args:
        objective: what mappings are chosen for, a name of OBJECTIVES.
        repairs: the kernel's bits of repairs, see :mod:`simulators.accelerator.modes`.
        effort: a name of EFFORTS, or an effort.
        seed: of the random search.
        remembered: most (layer, architecture) pairs that are remembered.

    Raises:
        UnknownNameError: an unknown objective or effort.
        InvalidInputError: a seed that is no integer from 0 below 2^63.
    """

    def __init__(
        self,
        objective: str = "edp",
        repairs: int = 15,
        effort: str | Effort = "normal",
        seed: int = 0,
        remembered: int = 50_000,
    ) -> None:
        self.objective = checked_objective(objective, "objective of the mapper")
        self.effort, self.seed = _checked_effort(effort), _checked_seed(seed)
        self.repairs, self.remembered = repairs, remembered
        self._known: OrderedDict[tuple[bytes, bytes], _Found] = OrderedDict()
        self._lock = Lock()

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_known", "_lock")}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._known, self._lock = OrderedDict(), Lock()

    def map(self, layers: NDArray[np.int64], architectures: NDArray[np.float64], threads: int = 1) -> MappedLayers:
        """Map every layer on every architecture.

        Args:
            layers: ``int64[l, LAYER_WORDS]``; architectures: ``float64[n, ARCHITECTURE_WORDS]``, no NaN.
            threads: threads to spread the work over; does not change results.
        """
        found = MappedLayers.empty(len(architectures), len(layers))
        layer_keys = [layer.tobytes() for layer in layers]
        architecture_keys = [architecture.tobytes() for architecture in architectures]
        missing: dict[tuple[bytes, bytes], list[tuple[int, int]]] = {}
        for i, architecture_key in enumerate(architecture_keys):
            for j, layer_key in enumerate(layer_keys):
                known = self._recall((layer_key, architecture_key))
                if known is None:
                    missing.setdefault((layer_key, architecture_key), []).append((i, j))
                else:
                    _put(found, i, j, known)
        if missing:
            self._search(layers, architectures, missing, found, threads)
        return found

    def _recall(self, key: tuple[bytes, bytes]) -> _Found | None:
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
            return known

    def _search(
        self,
        layers: NDArray[np.int64],
        architectures: NDArray[np.float64],
        missing: dict[tuple[bytes, bytes], list[tuple[int, int]]],
        found: MappedLayers,
        threads: int,
    ) -> None:
        firsts = np.array([places[0] for places in missing.values()])
        some_layers, some_architectures = layers[firsts[:, 1]], architectures[firsts[:, 0]]
        results = MappedLayers.empty(len(firsts), 1)
        size = len(firsts) if threads <= 1 else max(1, len(firsts) // (4 * threads))
        parts = [slice(first, first + size) for first in range(0, len(firsts), size)]
        if threads <= 1:
            self._run(some_layers, some_architectures, results, parts[0])
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(lambda part: self._run(some_layers, some_architectures, results, part), parts))
        for position, (key, places) in enumerate(missing.items()):
            one = _take(results, position)
            self._remember(key, one)
            for i, j in places:
                _put(found, i, j, one)

    def _remember(self, key: tuple[bytes, bytes], found: _Found) -> None:
        with self._lock:
            self._known[key] = found
            while len(self._known) > self.remembered:
                self._known.popitem(last=False)

    def _run(
        self, layers: NDArray[np.int64], architectures: NDArray[np.float64], results: MappedLayers, part: slice
    ) -> None:
        e = self.effort
        map_all(
            layers[part],
            architectures[part],
            OBJECTIVES[self.objective],
            self.repairs,
            e.words,
            np.array(((e.certify_splits, e.certify_mappings, 1), (e.list_splits, e.list_mappings, 0))),
            self.seed,
            results.factors[part, 0],
            results.orders[part, 0],
            results.results[part, 0],
            results.status[part, 0],
            results.certified[part, 0],
        )


def checked_objective(name: object, what: str) -> str:
    """Return a name of OBJECTIVES; raises UnknownNameError, in which ``what`` says what is unknown."""
    if not isinstance(name, str) or name not in OBJECTIVES:
        raise UnknownNameError(what, name, OBJECTIVES)
    return name


def _checked_effort(effort: object) -> Effort:
    if isinstance(effort, Effort):
        return effort
    if not isinstance(effort, str) or effort not in EFFORTS:
        raise UnknownNameError("effort of the mapper", effort, EFFORTS)
    return EFFORTS[effort]


def _checked_seed(seed: object) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 1 << 63:
        raise InvalidInputError(f"the mapper's seed must be an integer from 0 below 2^63, got {seed!r}")
    return int(seed)


def _take(results: MappedLayers, position: int) -> _Found:
    """Return copies of one of several results of one layer each."""
    return (
        int(results.status[position, 0]),
        results.factors[position, 0].copy(),
        results.orders[position, 0].copy(),
        results.results[position, 0].copy(),
        bool(results.certified[position, 0]),
    )


def _put(results: MappedLayers, i: int, j: int, found: _Found) -> None:
    status, factors, orders, result, certified = found
    results.status[i, j], results.certified[i, j] = status, certified
    results.factors[i, j], results.orders[i, j], results.results[i, j] = factors, orders, result


@dataclass(frozen=True, eq=False)
class MappedLayer:
    """A mapping the mapper found.

    Attributes:
        mapping: the mapping.
        results: the kernel's results, ``float64[RESULTS]``.
        certified: whether every mapping was tried, so that none is better.
    """

    mapping: Mapping
    results: NDArray[np.float64]
    certified: bool


def map_layer(
    layer: Layer,
    architecture: Architecture,
    objective: str = "edp",
    mode: str = "default",
    effort: str | Effort = "normal",
    seed: int = 0,
) -> MappedLayer:
    """Return a good mapping of one layer.

    Raises:
        UnknownNameError: an unknown objective, mode or effort.
        InvalidInputError: no layer, no architecture or a wrong seed; or no mapping fits the architecture.
    """
    if not isinstance(layer, Layer):
        raise InvalidInputError(
            f"expected a Layer, got {type(layer).__name__} {layer!r:.60}: take one of load_network('resnet18').layers, "
            "or make one such as Layer('conv', m=64, c=3, r=3, s=3, p=32, q=32)"
        )
    if not isinstance(architecture, Architecture):
        raise InvalidInputError(
            f"expected an Architecture, got {type(architecture).__name__} {architecture!r:.60}: make one of hardware "
            "parameters with architecture_of({'array_columns': 16}), or take LayerMapping('eyeriss').architecture"
        )
    mapper = Mapper(objective, repair_bits(chosen_repairs(mode)), effort, seed)
    found = mapper.map(layer.words[None, :], architecture.words[None, :])
    if found.status[0, 0] != OK:
        raise InvalidInputError(
            f"layer {layer.name!r} has no mapping on architecture {architecture.name!r}: its buffers do not hold even "
            "one word of each tensor they keep; enlarge the smallest, or let tensors pass it by"
        )
    mapping = Mapping(found.factors[0, 0], found.orders[0, 0])
    return MappedLayer(mapping, found.results[0, 0], bool(found.certified[0, 0]))
